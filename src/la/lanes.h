/* Eight doubles at once, the same operations in the same order on every
 * instruction set: for *_isa.c files. */
#ifndef THM_LANES_H
#define THM_LANES_H

#include <string.h>

typedef double thm_v8 __attribute__((vector_size(64)));
typedef long long thm_m8 __attribute__((vector_size(64))); /* 0 or -1 */

enum { THM_LANES = 8 };

static inline thm_v8 thm_v8_all(double x)
{
    return x - (thm_v8){0};
}

/* yes where the mask is set, else no. */
static inline thm_v8 thm_v8_pick(thm_m8 mask, thm_v8 yes, thm_v8 no)
{
    return (thm_v8)(((thm_m8)yes & mask) | ((thm_m8)no & ~mask));
}

static inline thm_v8 thm_v8_max(thm_v8 a, thm_v8 b)
{
    return thm_v8_pick(a > b, a, b);
}

static inline thm_v8 thm_v8_abs(thm_v8 a)
{
    return (thm_v8)((thm_m8)a & 0x7fffffffffffffffLL);
}

static inline int thm_m8_any(thm_m8 m)
{
    return ((m[0] | m[1]) | (m[2] | m[3]) | (m[4] | m[5]) | (m[6] | m[7])) != 0;
}

/* exp(x), relative error below 3 u, for |x| <= 700; beyond, exp(-700) and
 * exp(700).  NaN stays NaN.
 *
 * x = k log 2 + r, |r| <= 0.35: the Taylor polynomial of degree 13 is off by
 * r^14 / 14! < 5e-18, and k enters the exponent's bits through the low bits of
 * k + 3/2 2^52. */
static inline thm_v8 thm_v8_exp(thm_v8 x)
{
    static const double inverse[] = {1.0,
                                     1.0,
                                     1.0 / 2,
                                     1.0 / 6,
                                     1.0 / 24,
                                     1.0 / 120,
                                     1.0 / 720,
                                     1.0 / 5040,
                                     1.0 / 40320,
                                     1.0 / 362880,
                                     1.0 / 3628800,
                                     1.0 / 39916800,
                                     1.0 / 479001600,
                                     1.0 / 6227020800};
    const double log2_high = 0x1.62e42fee00000p-1;
    const double log2_low = 0x1.a39ef35793c76p-33, magic = 0x1.8p52;
    x = thm_v8_pick(x > 700.0, thm_v8_all(700.0), x);
    x = thm_v8_pick(x < -700.0, thm_v8_all(-700.0), x);
    const thm_v8 shifted = x * 0x1.71547652b82fep0 + magic;
    const thm_v8 k = shifted - magic;
    const thm_v8 r = (x - k * log2_high) - k * log2_low;
    thm_v8 sum = thm_v8_all(inverse[13]);
    for (int i = 12; i >= 0; i--) {
        sum = sum * r + inverse[i];
    }
    return (thm_v8)((thm_m8)sum + ((thm_m8)shifted << 52));
}

/* log(x) of normal x > 0, absolute error below 4 u (1 + |log x|).
 *
 * x = 2^k m, m in [sqrt(1/2), sqrt(2)): log m = 2 atanh((m - 1) / (m + 1)),
 * whose series ends at s^21, |s| <= 0.172. */
static inline thm_v8 thm_v8_log(thm_v8 x)
{
    const thm_m8 offset = (thm_m8)x - 0x3fe6a09e667f3bcdLL;
    const thm_m8 k = offset >> 52;
    const thm_v8 m = (thm_v8)((thm_m8)x - (k << 52));
    const thm_v8 s = (m - 1.0) / (m + 1.0), s2 = s * s;
    thm_v8 sum = thm_v8_all(1.0 / 21);
    for (int i = 19; i >= 1; i -= 2) {
        sum = sum * s2 + 1.0 / i;
    }
    return __builtin_convertvector(k, thm_v8) * 0x1.62e42fefa39efp-1 +
           2.0 * s * sum;
}

#endif
