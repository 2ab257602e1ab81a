/* Linear combinations of stages, compiled once per instruction set
 * (THM_ISA_NAME); see combine.h.  The number of terms is a constant of each
 * inner loop, so that the sum stays in registers. */
#include "flow/combine.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

/* A register of this set.  What is done entry by entry, and the largest of
 * entries, do not depend on its width; sums go to eight lanes in every set. */
#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
enum { LANES = 8 };
typedef double vec __attribute__((vector_size(8 * WIDTH)));
typedef long long mask __attribute__((vector_size(8 * WIDTH)));

static inline vec load(const double *x)
{
    vec v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void store(double *x, vec v)
{
    memcpy(x, &v, sizeof v);
}

static inline vec all(double s)
{
    return s - (vec){0};
}

static inline vec larger(vec a, vec b)
{
    mask m = a > b;
    return (vec)(((mask)a & m) | ((mask)b & ~m));
}

static inline vec size(vec a)
{
    return (vec)((mask)a & (0x7fffffffffffffffLL - (mask){0}));
}

static inline double largest(vec t)
{
    double m = t[0];
    for (int i = 1; i < WIDTH; i++) {
        m = t[i] > m ? t[i] : m;
    }
    return m;
}

/* 0 if every entry is, else NaN. */
static inline double fold(vec flag)
{
    double sum = 0.0;
    for (int i = 0; i < WIDTH; i++) {
        sum += flag[i];
    }
    return sum;
}

/* Two registers at a time: their flags are two chains. */
__attribute__((always_inline)) static inline double
stage(int n, const double *x, int m, const double *const *k, const double *c,
      double *out)
{
    vec flag[2] = {{0}}, w[12];
    const double *row[12];
    for (int j = 0; j < m; j++) {
        w[j] = all(c[j]);
        row[j] = k[j];
    }
    for (int i = 0; i < n; i += 2 * WIDTH) {
        /* every other stage runs backwards: where the stages do not fit into
         * the first cache, its end finds what the stage before used last */
        int from = m % 2 == 0 ? i : n - 2 * WIDTH - i;
        for (int h = 0; h < 2; h++) {
            int at = from + h * WIDTH;
            vec sum = w[0] * load(row[0] + at);
            for (int j = 1; j < m; j++) {
                sum += w[j] * load(row[j] + at);
            }
            sum += load(x + at);
            flag[h] += all(0.0) * (load(row[m - 1] + at) + sum);
            store(out + at, sum);
        }
    }
    return fold(flag[0] + flag[1]);
}

static double stage_any(int n, const double *x, int m, const double *const *k,
                        const double *c, double *out)
{
    switch (m) {
#define CASE(terms)                                                            \
    case terms:                                                                \
        return stage(n, x, terms, k, c, out);
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
#undef CASE
    default:
        return stage(n, x, 12, k, c, out);
    }
}

__attribute__((always_inline)) static inline thm_combine_error
finish(int n, const double *x, int m, const double *const *k, const double *b,
       const double *e, double atol, double rtol, double *out)
{
    vec flag = {0}, most = {0};
    for (int i = 0; i < n; i += WIDTH) {
        vec step = {0}, off = {0};
        for (int j = 0; j < m; j++) {
            vec kj = load(k[j] + i);
            step += b[j] * kj;
            off += e[j] * kj;
        }
        vec from = load(x + i), to = from + step;
        vec scale = 1.0 / (atol + rtol * larger(size(from), size(to)));
        store(out + i, to);
        flag += all(0.0) * (to + off);
        most = larger(size(off) * scale, most);
    }
    return (thm_combine_error){largest(most), fold(flag)};
}

static thm_combine_error finish_any(int n, const double *x, int m,
                                    const double *const *k, const double *b,
                                    const double *e, double atol, double rtol,
                                    double *out)
{
    return m == 8 ? finish(n, x, 8, k, b, e, atol, rtol, out)
                  : finish(n, x, m, k, b, e, atol, rtol, out);
}

static double distance(int n, const double *a, const double *b)
{
    enum { PARTS = LANES / WIDTH };
    vec sum[PARTS];
    double t[LANES];
    for (int p = 0; p < PARTS; p++) {
        sum[p] = all(0.0);
    }
    for (int i = 0; i < n; i += LANES) {
        for (int p = 0; p < PARTS; p++) {
            vec d = load(a + i + p * WIDTH) - load(b + i + p * WIDTH);
            sum[p] += d * d;
        }
    }
    for (int p = 0; p < PARTS; p++) {
        store(t + p * WIDTH, sum[p]);
    }
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

const thm_combine NAMED(thm_combine_, THM_ISA_NAME) = {
    .stage = stage_any, .finish = finish_any, .distance = distance};
