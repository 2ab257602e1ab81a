/* The kernels of the value-softmax flow; see flow_kernel.h and the note, "The
 * right-hand side in floating point".  Compiled once per instruction set.  Rows
 * go in blocks of eight lanes, a block in PARTS registers; every sum has eight
 * partial sums, folded the same way at any width. */
#include "flow/flow_kernel.h"

#include <stddef.h>
#include "softmax/vector_exp.h"

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

enum { LANES = THM_FLOW_LANES, PARTS = LANES / WIDTH };

static const double lane[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

/* A row's blocks start at 0, 8, ... and the last, if n is no multiple of 8, at
 * n - 8.  The lanes of part j of that one which no block before it holds: */
static inline vec_mask fresh(int j, int n)
{
    return vec_load(lane + WIDTH * j) >= vec_all(LANES - n % LANES);
}

static inline vec keep(vec_mask where, vec v)
{
    return (vec)(where & (vec_mask)v);
}

/* Eight lanes to one: ((0+4)+(2+6)) + ((1+5)+(3+7)); of two vectors at once. */
typedef double pair __attribute__((vector_size(16)));

static inline pair halve(const vec s[PARTS])
{
    pair q[LANES / 2];
    memcpy(q, s, sizeof q);
    return (q[0] + q[2]) + (q[1] + q[3]);
}

static inline pair fold_pair(const vec s[PARTS], const vec t[PARTS])
{
    pair a = halve(s), b = halve(t);
    return (pair){a[0], b[0]} + (pair){a[1], b[1]};
}

static inline double fold(const vec s[PARTS])
{
    pair a = halve(s);
    return a[0] + a[1];
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
    double t[LANES];
    for (int j = 0; j < PARTS; j++) {
        vec best = vec_load(a + WIDTH * j);
        for (int i = LANES; i < n; i += LANES) {
            int start = i + LANES <= n ? i : n - LANES;
            best = vec_at_least(best, vec_load(a + start + WIDTH * j));
        }
        vec_store(best, t + WIDTH * j);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            t[l] = t[l] > t[l + half] ? t[l] : t[l + half];
        }
    }
    return t[0];
}

/* The first i with a_i = max; some i if there is none. */
static int find_leader(int n, const double *a, double max)
{
    double t[LANES], first = n - 1;
    vec top = vec_all(max);
    for (int j = 0; j < PARTS; j++) {
        vec index = vec_all(n - 1), at = vec_load(lane + WIDTH * j);
        for (int i = (n - 1) / LANES * LANES; i >= 0; i -= LANES) {
            int start = i + LANES <= n ? i : n - LANES;
            vec_mask here = vec_load(a + start + WIDTH * j) == top;
            index = vec_select(here, at + start, index);
        }
        vec_store(index, t + WIDTH * j);
    }
    for (int l = 0; l < LANES; l++) {
        first = t[l] < first ? t[l] : first;
    }
    return (int)first;
}

/* exp(a - top).  a - top = hi + lo (TwoSum): the rounding of hi alone would be
 * an error of u |hi| in the exponential. */
static inline vec weight(vec a, vec top)
{
    vec hi = a - top, back = hi - a;
    return vec_exp_sum(hi, (a - (hi - back)) - (top + back));
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
            sum[j] += vec_load(V + at) * vec_load(p + at);
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
    return find_leader(n, a, max);
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

/* z[r] <- <row[r], x>, r < 4, over ld entries. */
static inline void dots(const double *const row[4], int ld, const double *x,
                        double z[4])
{
    vec sum[4][PARTS] = {{{0}}};
    for (int i = 0; i < ld; i += LANES) {
        for (int r = 0; r < 4; r++) {
            for (int j = 0; j < PARTS; j++) {
                int at = i + WIDTH * j;
                sum[r][j] += vec_load(row[r] + at) * vec_load(x + at);
            }
        }
    }
    pair low = fold_pair(sum[0], sum[1]), high = fold_pair(sum[2], sum[3]);
    memcpy(z, &low, sizeof low);
    memcpy(z + 2, &high, sizeof high);
}

/* z[r] <- <x, row r>, z with room for a multiple of 4; the rows are those of A:
 * (rows x ld), then `more` others. */
static inline void multiply(int rows, int more, int ld, const double *A,
                            const double *const *other, const double *x,
                            double *z)
{
    int all = rows + more;
    for (int r = 0; r < all; r += 4) {
        const double *row[4];
        for (int k = 0; k < 4; k++) {
            int at = r + k < all ? r + k : all - 1;
            row[k] = at < rows ? A + (size_t)at * (size_t)ld : other[at - rows];
        }
        dots(row, ld, x, z + r);
    }
}

static int kernel_output_outer(int d, int n, const thm_ode_outer_state *x,
                               double *p, double *z)
{
    double along[THM_ODE_OUTER_MOST];
    double max = find_largest(n, x->a);
    double scale = fill_weights(n, x->a, max, p);
    multiply(d, x->m, x->ld, x->V, x->v, p, z);
    for (int j = 0; j < x->m; j++) {
        along[j] = x->c[j] * z[d + j];
    }
    /* the sum of the weights comes in late, so that nothing waits for it */
    for (int k = 0; k < d; k += WIDTH) {
        vec sum = vec_load(z + k);
        for (int j = 0; j < x->m; j++) {
            sum += along[j] * vec_load(x->u[j] + k);
        }
        vec_store(sum * scale, z + k);
    }
    for (int i = 0; i < x->ld; i += WIDTH) {
        vec_store(vec_load(p + i) * scale, p + i);
    }
    return find_leader(n, x->a, max);
}

/* w <- -(V'g + sum_j along[j] v[j]) in `blocks` blocks of columns from i. */
__attribute__((always_inline)) static inline void
slopes_columns(int blocks, int d, const thm_ode_outer_state *x, const double *g,
               const double *along, int i, double *w)
{
    vec sum[4][PARTS] = {{{0}}};
    const double *row = x->V + i;
    for (int k = 0; k < d; k++, row += x->ld) {
        vec factor = vec_all(g[k]);
        for (int b = 0; b < blocks; b++) {
            for (int j = 0; j < PARTS; j++) {
                sum[b][j] -= factor * vec_load(row + LANES * b + WIDTH * j);
            }
        }
    }
    for (int k = 0; k < x->m; k++) {
        row = x->v[k] + i;
        vec factor = vec_all(along[k]);
        for (int b = 0; b < blocks; b++) {
            for (int j = 0; j < PARTS; j++) {
                sum[b][j] -= factor * vec_load(row + LANES * b + WIDTH * j);
            }
        }
    }
    for (int b = 0; b < blocks; b++) {
        for (int j = 0; j < PARTS; j++) {
            vec_store(sum[b][j], w + i + LANES * b + WIDTH * j);
        }
    }
}

static double kernel_slopes_outer(int d, const thm_ode_outer_state *x,
                                  const double *p, int leader, const double *g,
                                  double *da)
{
    int ld = x->ld;
    double along[THM_ODE_OUTER_MOST];
    vec sum[PARTS] = {{0}};
    multiply(0, x->m, (d + LANES - 1) / LANES * LANES, x->V, x->u, g, along);
    for (int j = 0; j < x->m; j++) {
        along[j] *= x->c[j];
    }
    int i = 0;
    for (; i + 4 * LANES <= ld; i += 4 * LANES) {
        slopes_columns(4, d, x, g, along, i, da);
    }
    switch ((ld - i) / LANES) {
    case 3:
        slopes_columns(3, d, x, g, along, i, da);
        break;
    case 2:
        slopes_columns(2, d, x, g, along, i, da);
        break;
    case 1:
        slopes_columns(1, d, x, g, along, i, da);
        break;
    }
    vec origin = vec_all(da[leader]);
    for (i = 0; i < ld; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            vec w = vec_load(da + at) - origin;
            sum[j] += w * vec_load(p + at);
            vec_store(w, da + at);
        }
    }
    double mean = fold(sum);
    for (i = 0; i < ld; i += WIDTH) {
        vec_store(vec_load(p + i) * (vec_load(da + i) - vec_all(mean)), da + i);
    }
    return mean;
}

/* s <- <r_i, z> for `blocks` blocks of samples from i. */
__attribute__((always_inline)) static inline void
margins(int blocks, int d, int padded, const double *R, const double *z, int i,
        double *s)
{
    vec sum[4][PARTS] = {{{0}}};
    for (int k = 0; k < d; k++) {
        const double *row = R + (size_t)k * (size_t)padded + i;
        vec factor = vec_all(z[k]);
        for (int b = 0; b < blocks; b++) {
            for (int j = 0; j < PARTS; j++) {
                sum[b][j] += vec_load(row + LANES * b + WIDTH * j) * factor;
            }
        }
    }
    for (int b = 0; b < blocks; b++) {
        for (int j = 0; j < PARTS; j++) {
            vec_store(sum[b][j], s + i + LANES * b + WIDTH * j);
        }
    }
}

static void kernel_samples(int d, int m, int padded, const double *R,
                           const double *z, double *s, double *g)
{
    const vec_mask magnitude = 0x7fffffffffffffff - (vec_mask){0};
    int start = 0;
    for (; start + 4 * LANES <= padded; start += 4 * LANES) {
        margins(4, d, padded, R, z, start, s);
    }
    for (; start < padded; start += LANES) {
        margins(1, d, padded, R, z, start, s);
    }
    for (int i = 0; i < padded; i += WIDTH) {
        vec t = vec_load(s + i), one = vec_all(1.0);
        vec E = vec_exp_below(-keep(magnitude, t));
        vec_store(vec_select(t >= vec_all(0.0), E, one) / (one + E), s + i);
    }
    multiply(d, 0, padded, R, &R, s, g);
    pair count = {-m, -m};
    for (int k = 0; k < d; k += 2) {
        pair sum;
        memcpy(&sum, g + k, sizeof sum);
        sum /= count;
        memcpy(g + k, &sum, sizeof sum);
    }
}

const thm_flow_kernel NAMED(thm_flow_kernel_, THM_ISA_NAME) = {
    .exp = kernel_exp,
    .output = kernel_output,
    .slopes = kernel_slopes,
    .output_outer = kernel_output_outer,
    .slopes_outer = kernel_slopes_outer,
    .samples = kernel_samples};
