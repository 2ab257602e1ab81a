/* Rows of attention and their adjoints: see kernels.h for the variants. */
#include "vit/kernels_inside.h"

/* min(s, tau) of NormSoftmax: 1 / over; inside: s < tau, so that gradients flow
 * through s. */
typedef struct {
    real mean, over;
    bool inside;
} spread;

static spread spread_of(const vit_head *h, int n, const real *s)
{
    real sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < n; j++) {
        sum += s[j];
    }
    const real mean = sum / (real)n;
#pragma omp simd reduction(+ : square)
    for (int j = 0; j < n; j++) {
        square += (s[j] - mean) * (s[j] - mean);
    }
    const real m = h->kind == THM_VIT_NORMSOFTMAX_STD
                       ? sqrt(square / (real)(n > 1 ? n - 1 : 1))
                       : square / (real)n;
    const bool inside = m < 1 / h->scale;
    return (spread){mean, inside ? 1 / m : h->scale, inside};
}

static real largest(int n, const real *x)
{
    real top = x[0];
#pragma omp simd reduction(max : top)
    for (int j = 1; j < n; j++) {
        top = x[j] > top ? x[j] : top;
    }
    return top;
}

/* a <- c (s - max s): not c s, whose rounding would grow with |c s| */
static void scaled(int n, real c, const real *s, real *a)
{
    const real top = largest(n, s);
#pragma omp simd
    for (int j = 0; j < n; j++) {
        a[j] = c * (s[j] - top);
    }
}

static void distances(const vit_head *h, int i, int n, const real *s, real *a)
{
    const real q2 = h->q2[i];
#pragma omp simd
    for (int j = 0; j < n; j++) {
        a[j] = -h->scale * (q2 + h->k2[j] - 2 * s[j]);
    }
}

static void cosines(const vit_head *h, int i, int n, const real *s, real *a)
{
    const real c = h->gain / sqrt(h->q2[i]);
#pragma omp simd
    for (int j = 0; j < n; j++) {
        a[j] = c * s[j] / sqrt(h->k2[j]);
    }
}

static void exponentials(int n, real *a)
{
#pragma omp simd
    for (int j = 0; j < n; j++) {
        a[j] = exponential(a[j]);
    }
}

/* Logits to a row of softmax; shift-free, so the largest may be anything. */
static void normalise(int n, real *a)
{
    const real top = largest(n, a);
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < n; j++) {
        a[j] = exponential(a[j] - top);
        sum += a[j];
    }
    const real over = 1 / sum;
#pragma omp simd
    for (int j = 0; j < n; j++) {
        a[j] *= over;
    }
}

static void sigmoids(int n, real c, const real *s, real *a)
{
#pragma omp simd
    for (int j = 0; j < n; j++) {
        const real x = c * s[j], e = exponential(-fabs(x)), p = 1 / (1 + e);
        a[j] = x >= 0 ? p : e * p;
    }
}

static void attend_row(const vit_head *h, int i, int n, const real *s, real *a)
{
    switch (h->kind) {
    case THM_VIT_SOFTMAX:
        scaled(n, h->scale, s, a);
        normalise(n, a);
        break;
    case THM_VIT_NORMSOFTMAX_STD:
    case THM_VIT_NORMSOFTMAX_VAR: {
        const spread by = spread_of(h, n, s);
        /* no spread: 1 / T */
        scaled(n, by.over < (real)HUGE_VAL ? by.over : 0, s, a);
        normalise(n, a);
        break;
    }
    case THM_VIT_GAUSSIAN:
        distances(h, i, n, s, a);
        exponentials(n, a);
        break;
    case THM_VIT_GAUSSIAN_NORMALISED:
        distances(h, i, n, s, a);
        normalise(n, a);
        break;
    case THM_VIT_SIGMOID:
        sigmoids(n, h->scale, s, a);
        break;
    case THM_VIT_LINEAR:
        for (int j = 0; j < n; j++) {
            a[j] = h->scale * s[j] / (real)n;
        }
        break;
    case THM_VIT_UNIFORM:
        for (int j = 0; j < n; j++) {
            a[j] = 1 / (real)n;
        }
        break;
    case THM_VIT_QK_NORM:
        cosines(h, i, n, s, a);
        normalise(n, a);
        break;
    }
}

void NAMED_ISA(attend)(const vit_head *h, const real *S, real *A)
{
    for (int i = 0; i < h->T; i++, S += h->T, A += h->T) {
        const int n = h->causal ? i + 1 : h->T;
        attend_row(h, i, n, S, A);
        for (int j = n; j < h->T; j++) {
            A[j] = 0;
        }
    }
}

/* g <- c a (g - sum a g), the adjoint of a row of softmax */
static void normalise_back(int n, real c, const real *a, real *g)
{
    real mean = 0;
#pragma omp simd reduction(+ : mean)
    for (int j = 0; j < n; j++) {
        mean += a[j] * g[j];
    }
#pragma omp simd
    for (int j = 0; j < n; j++) {
        g[j] = c * (a[j] * (g[j] - mean));
    }
}

/* With e = dL/d(s / m), c = s - mean and r = sum e c,
 *     dL/ds = e / m - r / m^2 dm/ds,
 * dm/ds = c / ((n - 1) m) of the deviation, 2 c / n of the variance, 0 where
 * m = tau. */
static void norm_softmax_back(const vit_head *h, int n, const real *s,
                              const real *a, real *g)
{
    const spread by = spread_of(h, n, s);
    if (n == 1) {
        g[0] = 0;
        return;
    }
    normalise_back(n, by.over, a, g);
    if (by.inside) {
        real along = 0;
#pragma omp simd reduction(+ : along)
        for (int j = 0; j < n; j++) {
            along += g[j] * (s[j] - by.mean);
        }
        along *= h->kind == THM_VIT_NORMSOFTMAX_STD
                     ? by.over * by.over / (real)(n - 1)
                     : 2 * by.over / (real)n;
#pragma omp simd
        for (int j = 0; j < n; j++) {
            g[j] -= along * (s[j] - by.mean);
        }
    }
}

static real sum_of(int n, const real *x)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int j = 0; j < n; j++) {
        sum += x[j];
    }
    return sum;
}

/* g <- 2 scale g a, or its normalised form; what falls to q and k themselves */
static void distances_back(const vit_head *h, int i, int n, const real *a,
                           real *g, real *u, real *w)
{
    if (h->kind == THM_VIT_GAUSSIAN) {
#pragma omp simd
        for (int j = 0; j < n; j++) {
            g[j] *= 2 * h->scale * a[j];
        }
    } else {
        normalise_back(n, 2 * h->scale, a, g);
    }
    u[i] = sum_of(n, g);
#pragma omp simd
    for (int j = 0; j < n; j++) {
        w[j] += g[j];
    }
}

/* With e = dL/dlogit and cos = s / (|q| |k|): dgain = sum e cos, dL/ds = gain e
 * / (|q| |k|), and q itself loses sum_j (dL/ds s)_j / |q|^2. */
static real cosines_back(const vit_head *h, int i, int n, const real *s,
                         const real *a, real *g, real *u, real *w)
{
    const real q2 = h->q2[i], over = 1 / sqrt(q2);
    real d_gain = 0, along = 0;
    normalise_back(n, 1, a, g);
#pragma omp simd reduction(+ : d_gain, along)
    for (int j = 0; j < n; j++) {
        const real e = g[j] * over / sqrt(h->k2[j]);
        d_gain += e * s[j];
        g[j] = h->gain * e;
        along += g[j] * s[j];
        w[j] += g[j] * s[j] / h->k2[j];
    }
    u[i] = along / q2;
    return d_gain;
}

/* a (1 - a) = e / (1 + e)^2: 1 - a of an open gate would have no digits left */
static void sigmoids_back(int n, real c, const real *s, real *g)
{
#pragma omp simd
    for (int j = 0; j < n; j++) {
        const real e = exponential(-fabs(c * s[j])), p = 1 / (1 + e);
        g[j] *= c * (e * p * p);
    }
}

static real row_back(const vit_head *h, int i, int n, const real *s,
                     const real *a, real *g, real *u, real *w)
{
    switch (h->kind) {
    case THM_VIT_SOFTMAX:
        normalise_back(n, h->scale, a, g);
        break;
    case THM_VIT_NORMSOFTMAX_STD:
    case THM_VIT_NORMSOFTMAX_VAR:
        norm_softmax_back(h, n, s, a, g);
        break;
    case THM_VIT_GAUSSIAN:
    case THM_VIT_GAUSSIAN_NORMALISED:
        distances_back(h, i, n, a, g, u, w);
        break;
    case THM_VIT_SIGMOID:
        sigmoids_back(n, h->scale, s, g);
        break;
    case THM_VIT_LINEAR:
        for (int j = 0; j < n; j++) {
            g[j] *= h->scale / (real)n;
        }
        break;
    case THM_VIT_UNIFORM:
        memset(g, 0, (size_t)n * sizeof *g);
        break;
    case THM_VIT_QK_NORM:
        return cosines_back(h, i, n, s, a, g, u, w);
    }
    return 0;
}

real NAMED_ISA(attend_back)(const vit_head *h, const real *S, const real *A,
                            real *G, real *u, real *w)
{
    const int T = h->T;
    real d_gain = 0;
    memset(w, 0, (size_t)T * sizeof *w);
    for (int i = 0; i < T; i++, S += T, A += T, G += T) {
        const int n = h->causal ? i + 1 : T;
        d_gain += row_back(h, i, n, S, A, G, u, w);
        memset(G + n, 0, (size_t)(T - n) * sizeof *G);
    }
    return d_gain;
}
