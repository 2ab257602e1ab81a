/* Linear combinations of stages, compiled once per instruction set
 * (THM_ISA_NAME); see combine.h.  The number of terms is a constant of each
 * inner loop, so that the sum stays in registers. */
#include "flow/combine.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

typedef double v8 __attribute__((vector_size(64)));
typedef long long mask8 __attribute__((vector_size(64)));

static inline v8 load(const double *x)
{
    v8 v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void store(double *x, v8 v)
{
    memcpy(x, &v, sizeof v);
}

static inline v8 all(double s)
{
    return s - (v8){0};
}

static inline v8 larger(v8 a, v8 b)
{
    mask8 m = a > b;
    return (v8)(((mask8)a & m) | ((mask8)b & ~m));
}

static inline v8 size(v8 a)
{
    return (v8)((mask8)a & (0x7fffffffffffffffLL - (mask8){0}));
}

static inline double fold(v8 t)
{
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

static inline double largest(v8 t)
{
    double m = t[0];
    for (int i = 1; i < 8; i++) {
        m = t[i] > m ? t[i] : m;
    }
    return m;
}

__attribute__((always_inline)) static inline double
stage(int n, const double *x, int m, const double *const *k, const double *c,
      double *out)
{
    v8 flag = {0};
    v8 w[12];
    const double *row[12];
    for (int j = 0; j < m; j++) {
        w[j] = all(c[j]);
        row[j] = k[j];
    }
    for (int i = 0; i < n; i += 8) {
        v8 newest = load(row[m - 1] + i), sum = w[0] * load(row[0] + i);
        for (int j = 1; j < m; j++) {
            sum += w[j] * load(row[j] + i);
        }
        sum += load(x + i);
        flag += all(0.0) * (newest + sum);
        store(out + i, sum);
    }
    return fold(flag);
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
       const double *e3, const double *e5, double atol, double rtol,
       double *out)
{
    v8 flag = {0}, third = {0}, fifth = {0};
    for (int i = 0; i < n; i += 8) {
        v8 step = {0}, low = {0}, high = {0};
        for (int j = 0; j < m; j++) {
            v8 kj = load(k[j] + i);
            step += b[j] * kj;
            low += e3[j] * kj;
            high += e5[j] * kj;
        }
        v8 from = load(x + i), to = from + step;
        v8 allowed = atol + rtol * larger(size(from), size(to));
        store(out + i, to);
        flag += all(0.0) * ((to + low) + high);
        third = larger(size(low) / allowed, third);
        fifth = larger(size(high) / allowed, fifth);
    }
    return (thm_combine_error){largest(third), largest(fifth), fold(flag)};
}

static thm_combine_error finish_any(int n, const double *x, int m,
                                    const double *const *k, const double *b,
                                    const double *e3, const double *e5,
                                    double atol, double rtol, double *out)
{
    return m == 8 ? finish(n, x, 8, k, b, e3, e5, atol, rtol, out)
                  : finish(n, x, m, k, b, e3, e5, atol, rtol, out);
}

static double distance(int n, const double *a, const double *b)
{
    v8 sum = {0};
    for (int i = 0; i < n; i += 8) {
        v8 d = load(a + i) - load(b + i);
        sum += d * d;
    }
    return fold(sum);
}

const thm_combine NAMED(thm_combine_, THM_ISA_NAME) = {
    .stage = stage_any, .finish = finish_any, .distance = distance};
