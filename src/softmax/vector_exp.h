/* Vectors as wide as the instruction set that a kernel is compiled for, and exp
 * of one: the same operations in the same order in each.  Products are fused
 * with the sum that they join only where THM_FUSED is defined before: then the
 * sets that fuse agree to the bit, and the others differ by roundings that are
 * within every bound here.
 *
 * exp(x) = 2^k exp(r), k = round(x / ln 2), |r| <= 0.3466.  With u = 2^-53,
 * errors are, absolutely and beside exp(r) in [0.707, 1.415]:
 *   - k ln2_hi is exact (32 + 11 bits) and x - k ln2_hi too (Sterbenz): r errs
 *     by the rounding of one subtraction, u / 4;
 *   - Taylor's series to r^13 leaves out less than r^14 / 14! < u / 20;
 *   - r^2 q(r) <= 0.07 errs by 5 roundings at most, 0.35 u, r + r^2 q by u / 4;
 *   - the last addition by half an ulp: u / 2 below 1, u above;
 * in all 1.4 u below 1 and 1.9 u above: at most 1.4 ulp and 2 u relative.  The
 * scaling is exact, or rounds once more below 2^-1022.
 * exp(0) = 1, exp(-inf) = 0, exp(inf) = inf; NaN stays NaN. */
#ifndef THM_VECTOR_EXP_H
#define THM_VECTOR_EXP_H

#include <stdbool.h>
#include <string.h>
#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

/* WIDTH doubles in a register.  The types are native ones: gcc takes a wider
 * vector apart lane by lane where it compares or shuffles. */
#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
typedef double vec __attribute__((vector_size(8 * WIDTH)));
typedef long long vec_mask __attribute__((vector_size(8 * WIDTH)));
typedef unsigned long long vec_bits __attribute__((vector_size(8 * WIDTH)));

static inline vec vec_load(const double *x)
{
    vec v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void vec_store(vec v, double *x)
{
    memcpy(x, &v, sizeof v);
}

static inline vec vec_all(double x)
{
    return x - (vec){0};
}

/* a b + c, rounded once if fused. */
static inline vec vec_fma(vec a, vec b, vec c)
{
#if defined(THM_FUSED) && defined(__AVX512F__)
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(THM_FUSED) && defined(__FMA__)
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

static inline vec vec_select(vec_mask where, vec yes, vec no)
{
    return (vec)((where & (vec_mask)yes) | (~where & (vec_mask)no));
}

static inline vec vec_abs(vec a)
{
    return (vec)((vec_bits)a & ~(vec_bits)vec_all(-0.0));
}

static inline bool vec_any(vec_mask where)
{
#if defined(__AVX512DQ__)
    return _mm512_movepi64_mask((__m512i)where) != 0;
#else
    long long bits = 0;
    for (int l = 0; l < WIDTH; l++) {
        bits |= where[l];
    }
    return bits != 0;
#endif
}

/* 2^k for the integers k, |k| <= 1022, that `shifted` = 1.5 2^52 + k holds in
 * its last bits. */
static inline vec vec_power(vec shifted)
{
    return (vec)(((vec_bits)shifted << 52) + (vec_bits)vec_all(1.0));
}

/* x, but `least` where x is below; NaN stays NaN. */
static inline vec vec_at_least(vec least, vec x)
{
#if defined(__AVX512F__)
    return (vec)_mm512_max_pd((__m512d)least, (__m512d)x);
#else
    return vec_select(x < least, least, x);
#endif
}

/* e 2^k, k an integer, |k| <= 1100, rounded once. */
static inline vec vec_scale(vec e, vec k)
{
#if defined(__AVX512F__)
    return (vec)_mm512_scalef_pd((__m512d)e, (__m512d)k);
#else
    /* in two factors: 2^k may lie outside the normal range */
    const double shift = 0x1.8p52;
    vec half = k * 0.5 + shift;
    vec rest = (k - (half - shift)) + shift;
    return (e * vec_power(half)) * vec_power(rest);
#endif
}

/* a + slope x. */
static inline vec vec_line(vec x, double slope, double a)
{
    return vec_fma(x, vec_all(slope), vec_all(a));
}

/* exp(hi + lo), hi <= 710, |lo| <= 2^-40. */
static inline vec vec_exp_sum(vec hi, vec lo)
{
    const double shift = 0x1.8p52;
    const double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
    /* below this the result is 0 anyway, by the scaling */
    vec x = vec_at_least(vec_all(-746.0), hi);
    vec k = vec_line(x, 0x1.71547652b82fep0, shift) - shift;
    vec r = vec_fma(k, vec_all(-ln2_hi), x) - vec_fma(k, vec_all(ln2_lo), -lo);
    vec r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    vec c2 = vec_line(r, 1.0 / 6, 1.0 / 2);
    vec c4 = vec_line(r, 1.0 / 120, 1.0 / 24);
    vec c6 = vec_line(r, 1.0 / 5040, 1.0 / 720);
    vec c8 = vec_line(r, 1.0 / 362880, 1.0 / 40320);
    vec c10 = vec_line(r, 1.0 / 39916800, 1.0 / 3628800);
    vec c12 = vec_line(r, 1.0 / 6227020800, 1.0 / 479001600);
    vec low = vec_fma(r4, vec_fma(r2, c8, c6), vec_fma(r2, c4, c2));
    vec q = vec_fma(r8, vec_fma(r2, c12, c10), low);
    return vec_scale(1.0 + vec_fma(r2, q, r), k);
}

/* exp(x), x <= 710. */
static inline vec vec_exp_below(vec x)
{
    return vec_exp_sum(x, vec_all(0.0));
}

static inline vec vec_exp(vec x)
{
    /* beyond 710 the result is infinite anyway */
    return vec_exp_below(vec_select(x > vec_all(710.0), vec_all(710.0), x));
}

#endif
