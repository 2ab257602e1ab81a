/* The kernels of the value-softmax flow; see flow_kernel.h and the note, "The
 * right-hand side in floating point".  Compiled once per
 * instruction set (THM_ISA_NAME).
 *
 * Rows go in blocks of eight lanes, a block in PARTS registers; every sum has
 * eight partial sums, folded the same way at any width. */
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

/* Eight lanes to one: ((0+4)+(2+6)) + ((1+5)+(3+7)). */
static inline double fold(const vec s[PARTS])
{
    double t[LANES];
    memcpy(t, s, sizeof t);
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
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

/* A largest a, *where its index. */
static double find_largest(int n, const double *a, int *where)
{
    double top[LANES], at[LANES];
    for (int j = 0; j < PARTS; j++) {
        vec best = vec_load(a + WIDTH * j), first = vec_load(lane + WIDTH * j);
        vec index = first;
        for (int i = LANES; i < n; i += LANES) {
            int start = i + LANES <= n ? i : n - LANES;
            vec v = vec_load(a + start + WIDTH * j);
            vec_mask more = v > best;
            best = vec_select(more, v, best);
            index = vec_select(more, first + start, index);
        }
        vec_store(best, top + WIDTH * j);
        vec_store(index, at + WIDTH * j);
    }
    int best = 0;
    for (int l = 1; l < LANES; l++) {
        best = top[l] > top[best] ? l : best;
    }
    *where = (int)at[best];
    return top[best];
}

/* exp(a - top).  a - top = hi + lo (TwoSum): the rounding of hi alone would be
 * an error of u |hi| in the exponential. */
static inline vec weight(vec a, vec top)
{
    vec hi = a - top, back = hi - a;
    return vec_exp_sum(hi, (a - (hi - back)) - (top + back));
}

/* p <- softmax(a). */
static void fill_weights(int n, const double *a, double max, double *p)
{
    vec top = vec_all(max), sum[PARTS] = {{0}};
    for (int i = 0; i + LANES <= n; i += LANES) {
        for (int j = 0; j < PARTS; j++) {
            int at = i + WIDTH * j;
            vec e = weight(vec_load(a + at), top);
            sum[j] += e;
            vec_store(e, p + at);
        }
    }
    for (int j = 0; n % LANES > 0 && j < PARTS; j++) {
        int at = n - LANES + WIDTH * j;
        vec e = weight(vec_load(a + at), top);
        sum[j] += keep(fresh(j, n), e);
        vec_store(e, p + at);
    }
    double scale = 1.0 / fold(sum);
    for (int i = 0; i < n; i++) {
        p[i] *= scale;
    }
}

/* <V, p>. */
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
    int leader;
    double max = find_largest(n, a, &leader);
    fill_weights(n, a, max, p);
    for (int k = 0; k < d; k++) {
        z[k] = dot(n, x + (size_t)k * (size_t)n, p);
    }
    return leader;
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

static void kernel_samples(int d, int m, int padded, const double *R,
                           const double *z, double *s, double *g)
{
    const vec_mask magnitude = 0x7fffffffffffffff - (vec_mask){0};
    for (int i = 0; i < padded; i += WIDTH) {
        vec t = {0}, one = vec_all(1.0);
        for (int k = 0; k < d; k++) {
            t += vec_load(R + (size_t)k * (size_t)padded + i) * z[k];
        }
        vec E = vec_exp(-keep(magnitude, t));
        vec_store(vec_select(t >= vec_all(0.0), E, one) / (one + E), s + i);
    }
    for (int k = 0; k < d; k++) {
        const double *row = R + (size_t)k * (size_t)padded;
        vec sum[PARTS] = {{0}};
        for (int i = 0; i < padded; i += LANES) {
            for (int j = 0; j < PARTS; j++) {
                sum[j] +=
                    vec_load(row + i + WIDTH * j) * vec_load(s + i + WIDTH * j);
            }
        }
        g[k] = -fold(sum) / m;
    }
}

const thm_flow_kernel NAMED(thm_flow_kernel_, THM_ISA_NAME) = {
    kernel_exp, kernel_output, kernel_slopes, kernel_samples};
