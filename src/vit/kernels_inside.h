/* What the files of kernels share: names by instruction set, exp and the normal
 * distribution in forms that vectorise. */
#ifndef THM_VIT_KERNELS_INSIDE_H
#define THM_VIT_KERNELS_INSIDE_H

#include <stdint.h>
#include <string.h>
#include <tgmath.h>
#include "vit/kernels.h"

#define JOIN(a, b, c) a##_##b##c
#define JOINED(a, b, c) JOIN(a, b, c)
#define NAMED_ISA(stem) JOINED(stem, THM_ISA_NAME, THM_REAL)
#if THM_REAL == 32
#define KERNELS JOINED(thm_vit32_kernels, THM_ISA_NAME, )
#else
#define KERNELS thm_vit64_kernels_baseline
#endif

void NAMED_ISA(attend)(const vit_head *head, const real *S, real *A);
real NAMED_ISA(attend_back)(const vit_head *head, const real *S, const real *A,
                            real *G, real *u, real *w);

#if THM_REAL == 32

/* exp(x) = 2^k exp(r), k = round(x / ln 2), |r| <= 0.3466, Taylor's series to
 * r^7, which leaves out r^8 / 8! < 6e-9.  Relative error 2 eps (measured over
 * all floats: tests).  0 below the normal range; NaN stays NaN. */
static inline float exponential(float x)
{
    const float shift = 0x1.8p23f;
    const float at = x > -87.3f ? x : x <= -87.3f ? -87.3f : x;
    const float shifted = at * 0x1.715476p0f + shift;
    const float k = shifted - shift;
    /* ln 2 in two parts, the first of 9 bits: k ln2_hi is exact */
    const float r = (at - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    float power;
    memcpy(&power, &bits, sizeof power);
    const float y = p * power;
    return x < -87.3f ? 0.0f : x > 88.0f ? HUGE_VALF : y;
}

/* Phi(x), *density <- phi(x).  With a = |x| / sqrt(2), t = 1 / (1 + 0.4 a),
 * exp(a^2) erfc(a) = t P(t), P interpolated at the Chebyshev points of 0 <= a
 * <= 9.5: relative error 1.3e-8 before rounding. */
static inline float normal(float x, float *density)
{
    const float e = exponential(-0.5f * x * x);
    const float t = 1.0f / (1.0f + 0.28284271f * fabsf(x));
    float p = -3.341445335e-02f;
    p = p * t + 2.185017674e-01f;
    p = p * t - 5.463357216e-01f;
    p = p * t + 6.098764358e-01f;
    p = p * t - 3.354688246e-01f;
    p = p * t + 2.990251149e-01f;
    p = p * t + 1.205297988e-01f;
    p = p * t + 2.168424617e-01f;
    p = p * t + 2.247250661e-01f;
    p = p * t + 2.257183567e-01f;
    const float tail = 0.5f * e * t * p;
    *density = 0.39894228f * e;
    return x >= 0 ? 1.0f - tail : tail;
}

#else

static inline double exponential(double x)
{
    return exp(x);
}

static inline double normal(double x, double *density)
{
    *density = 0.39894228040143267794 * exp(-0.5 * x * x);
    return 0.5 * erfc(-0.70710678118654752440 * x);
}

#endif

#endif
