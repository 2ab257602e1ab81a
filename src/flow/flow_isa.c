/* The kernels of the value-softmax flow; see flow_kernel.h and the note, "The
 * right-hand side in floating point".  Compiled once per instruction set.  Rows
 * go in blocks of eight lanes, a block in PARTS registers; every sum has eight
 * partial sums, folded the same way at any width. */
#include "flow/flow_lanes.h"

/* A row's blocks start at 0, 8, ... and the last, if n is no multiple of 8, at
 * n - 8.  The lanes of part j of that one which no block before it holds: */
static inline vec_mask fresh(int j, int n)
{
    return vec_load(lane + WIDTH * j) >= vec_all(LANES - n % LANES);
}

/* exp for any n: whole registers, the rest through a padded one. */
static void kernel_exp(int n, const double *x, double *y)
{
    int whole = n / WIDTH * WIDTH;
    for (int i = 0; i < whole; i += WIDTH) {
        vec_store(vec_exp(vec_load(x + i)), y + i);
    }
    if (whole < n) {
        double rest[WIDTH] = {0.0};
        memcpy(rest, x + whole, (size_t)(n - whole) * sizeof *x);
        vec_store(vec_exp(vec_load(rest)), rest);
        memcpy(y + whole, rest, (size_t)(n - whole) * sizeof *x);
    }
}

static double find_largest(int n, const double *a)
{
    vec best[PARTS];
    for (int j = 0; j < PARTS; j++) {
        best[j] = vec_load(a + WIDTH * j);
        for (int i = LANES; i < n; i += LANES) {
            int start = i + LANES <= n ? i : n - LANES;
            best[j] = vec_at_least(best[j], vec_load(a + start + WIDTH * j));
        }
    }
    return largest_lane(best);
}

/* e <- exp(a - max); returns 1 / sum e. */
__attribute__((always_inline)) static inline double
fill_weights(int n, const double *a, double max, double *e)
{
    vec top = vec_all(max), sum[PARTS] = {{0}};
    for (int i = 0; i + LANES <= n; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            vec v = weight(vec_load(a + at), top);
            sum[j] += v;
            vec_store(v, e + at);
        }
    }
    for (int j = 0; n % LANES > 0 && j < PARTS; j++) {
        int at = n - LANES + WIDTH * j;
        vec v = weight(vec_load(a + at), top);
        sum[j] += keep(fresh(j, n), v);
        vec_store(v, e + at);
    }
    return 1.0 / fold(sum);
}

static inline double dot(int n, const double *V, const double *p)
{
    vec sum[PARTS] = {{0}};
    for (int i = 0; i + LANES <= n; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            sum[j] = vec_fma(vec_load(V + at), vec_load(p + at), sum[j]);
        }
    }
    for (int j = 0; n % LANES > 0 && j < PARTS; j++) {
        int at = n - LANES + WIDTH * j;
        sum[j] += keep(fresh(j, n), vec_load(V + at) * vec_load(p + at));
    }
    return fold(sum);
}

static int kernel_output(int d, int n, const double *x, double *p, double *z)
{
    const double *a = x + (size_t)d * (size_t)n;
    double max = find_largest(n, a);
    double scale = fill_weights(n, a, max, p);
    for (int i = 0; i < n; i++) {
        p[i] *= scale;
    }
    for (int k = 0; k < d; k++) {
        z[k] = dot(n, x + (size_t)k * (size_t)n, p);
    }
    return find_first(n, a, max);
}

/* Eight columns of V' and of w. */
static inline void slopes_block(int d, int n, int i, const double *V,
                                const double *p, const double *g, double *dV,
                                double *w)
{
    vec sum[PARTS] = {{0}}, share[PARTS];
    for (int j = 0; j < PARTS; j++) {
        share[j] = -vec_load(p + i + WIDTH * j);
    }
    for (int k = 0; k < d; k++) {
        for (int j = 0; j < PARTS; j++) {
            size_t at = (size_t)k * (size_t)n + (size_t)(i + WIDTH * j);
            sum[j] -= vec_load(V + at) * g[k];
            vec_store(share[j] * g[k], dV + at);
        }
    }
    for (int j = 0; j < PARTS; j++) {
        vec_store(sum[j], w + i + WIDTH * j);
    }
}

/* w <- p_i (w_i - <p, w>); returns <p, w> - w_leader. */
static inline double centre_slopes(int n, const double *p, int leader,
                                   double *w)
{
    double origin = w[leader];
    for (int i = 0; i < n; i++) {
        w[i] -= origin;
    }
    double mean = dot(n, w, p);
    for (int i = 0; i < n; i++) {
        w[i] = p[i] * (w[i] - mean);
    }
    return mean;
}

static double kernel_slopes(int d, int n, const double *x, const double *p,
                            int leader, const double *g, double *dx)
{
    double *w = dx + (size_t)d * (size_t)n;
    for (int i = 0; i + LANES <= n; i += LANES) {
        slopes_block(d, n, i, x, p, g, dx, w);
    }
    if (n % LANES > 0) {
        slopes_block(d, n, n - LANES, x, p, g, dx, w);
    }
    return centre_slopes(n, p, leader, w);
}

/* Which of the lanes from `at` are below n? */
static inline vec_mask within(int at, int n)
{
    return vec_load(lane) < vec_all(n - at);
}

/* a: (ld) <- the logits of the state; best: their largest, lane by lane. */
__attribute__((always_inline)) static inline void
form_blocks(int blocks, int n, const thm_ode_outer_state *x, int i, double *a,
            vec best[PARTS])
{
    vec sum[BLOCKS][PARTS] = {{{0}}};
    for (int k = 0; k < x->m; k++) {
        add_row(blocks, x->c[k], x->da[k] + i, sum);
    }
    for (int b = 0; b < blocks; b++) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + LANES * b + WIDTH * j;
            vec v = sum[b][j] + vec_load(x->a + at);
            vec_store(v, a + at);
            if (at + WIDTH > n) {
                v = vec_select(within(at, n), v, best[j]);
            }
            best[j] = vec_at_least(best[j], v);
        }
    }
}

/* p: a -> exp(a - max), 0 beyond n; returns the sum. */
static inline double weigh(int n, int ld, double max, double *p)
{
    vec top = vec_all(max), sum[PARTS] = {{0}};
    for (int i = 0; i < ld; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            vec v = weight(vec_load(p + at), top);
            if (at + WIDTH > n) {
                v = keep(within(at, n), v);
            }
            sum[j] += v;
            vec_store(v, p + at);
        }
    }
    return fold(sum);
}

static int kernel_output_outer(int d, int n, const thm_ode_outer_state *x,
                               double *p, double *z)
{
    vec best[PARTS];
    for (int j = 0; j < PARTS; j++) {
        best[j] = vec_all(-__builtin_inf());
    }
#define FORM(blocks, i) form_blocks(blocks, n, x, i, p, best)
    THM_FLOW_BLOCKWISE(x->ld, FORM);
    double max = largest_lane(best);
    int leader = find_first(n, p, max);
    double scale = 1.0 / weigh(n, x->ld, max, p);
    multiply(d, x->m, x->ld, x->V, x->v, p, z);
    /* the sum of the weights comes in late, so that nothing waits for it */
    for (int k = 0; k < d; k += WIDTH) {
        vec sum = vec_load(z + k);
        for (int j = 0; j < x->m; j++) {
            sum += (x->c[j] * z[d + j]) * vec_load(x->u[j] + k);
        }
        vec_store(sum * scale, z + k);
    }
    for (int i = 0; i < x->ld; i += WIDTH) {
        vec_store(vec_load(p + i) * scale, p + i);
    }
    return leader;
}

/* w <- V'g + sum_j along[j] c[j] v[j], from column i. */
__attribute__((always_inline)) static inline void
slopes_columns(int blocks, int d, const thm_ode_outer_state *x, const double *g,
               const double *along, int i, double *w)
{
    vec sum[BLOCKS][PARTS] = {{{0}}};
    const double *row = x->V + i;
    for (int k = 0; k < d; k++, row += x->ld) {
        add_row(blocks, g[k], row, sum);
    }
    for (int k = 0; k < x->m; k++) {
        add_row(blocks, along[k] * x->c[k], x->v[k] + i, sum);
    }
    memcpy(w + i, sum, (size_t)blocks * sizeof *sum);
}

static double kernel_slopes_outer(int d, const thm_ode_outer_state *x,
                                  const double *p, int leader, const double *g,
                                  double *da)
{
    int ld = x->ld;
    double along[THM_ODE_OUTER_MOST];
    vec sum[PARTS] = {{0}};
    multiply(0, x->m, (d + LANES - 1) / LANES * LANES, x->V, x->u, g, along);
#define SLOPES(blocks, i) slopes_columns(blocks, d, x, g, along, i, da)
    THM_FLOW_BLOCKWISE(ld, SLOPES);
    vec origin = vec_all(da[leader]);
    for (int i = 0; i < ld; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            vec w = origin - vec_load(da + at);
            sum[j] += w * vec_load(p + at);
            vec_store(w, da + at);
        }
    }
    double mean = fold(sum);
    for (int i = 0; i < ld; i += WIDTH) {
        vec_store(vec_load(p + i) * (vec_load(da + i) - vec_all(mean)), da + i);
    }
    return mean;
}

/* s <- <r_i, z> for `blocks` blocks of samples from i. */
__attribute__((always_inline)) static inline void
margins(int blocks, int d, int padded, const double *R, const double *z, int i,
        double *s)
{
    vec sum[BLOCKS][PARTS] = {{{0}}};
    for (int k = 0; k < d; k++) {
        add_row(blocks, z[k], R + (size_t)k * (size_t)padded + i, sum);
    }
    memcpy(s + i, sum, (size_t)blocks * sizeof *sum);
}

static void kernel_samples(int d, int m, int padded, const double *R,
                           const double *z, double *s, double *g)
{
#define MARGINS(blocks, i) margins(blocks, d, padded, R, z, i, s)
    THM_FLOW_BLOCKWISE(padded, MARGINS);
    for (int i = 0; i < padded; i += WIDTH) {
        vec t = vec_load(s + i), one = vec_all(1.0);
        vec E = vec_exp_below(-vec_abs(t));
        vec_store(vec_select(t >= vec_all(0.0), E, one) / (one + E), s + i);
    }
    multiply(d, 0, padded, R, &R, s, g);
    const quad count = -m - (quad){0};
    for (int k = 0; k < d; k += 4) {
        quad sum;
        memcpy(&sum, g + k, sizeof sum);
        sum /= count;
        memcpy(g + k, &sum, sizeof sum);
    }
}

const thm_flow_kernel THM_FLOW_NAMED(thm_flow_kernel_, THM_ISA_NAME) = {
    .exp = kernel_exp,
    .output = kernel_output,
    .slopes = kernel_slopes,
    .output_outer = kernel_output_outer,
    .slopes_outer = kernel_slopes_outer,
    .samples = kernel_samples};
