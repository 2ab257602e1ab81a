/* The single-layer model in complex long doubles, written from the formulas of
 * its paper and nothing of src/attn but the names: derivatives by the complex
 * step, f'(x) = Im f(x + i h) / h + O(h^2), h = 10^-30, which cancels nothing.
 * And drawn instances. */
#ifndef TESTS_COMPLEX_LAYER_H
#define TESTS_COMPLEX_LAYER_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "attn/layer.h"
#include "core/cmplx.h"
#include "core/rng.h"

typedef long double complex cld;

#define STEP 1e-30L

static const double U = 0x1p-53;

/* A layer with weights, all drawn. */
typedef struct {
    thm_layer layer;
    thm_weights w;
    double *block, *X, *Y, *Wo, *W; /* W: Wq, Wk, Wv in a row */
    int part;                       /* H D d                  */
    int outputs;                    /* N n m                  */
} instance;

static inline void draw_instance(uint64_t stream, int N, int n, int D, int d,
                                 int H, int m, thm_kernel kernel, double scale,
                                 instance *s)
{
    const int x = N * n * D, o = H * d * m, part = H * D * d, y = N * n * m;
    s->part = part;
    s->outputs = y;
    s->block = malloc((size_t)(x + o + 3 * part + y) * sizeof(double));
    ck_assert_ptr_nonnull(s->block);
    s->X = s->block;
    s->Wo = s->X + x;
    s->W = s->Wo + o;
    s->Y = s->W + 3 * part;
    thm_rng rng = thm_rng_make(2385, stream);
    thm_rng_fill_normal(&rng, x, 1.127, s->X);
    thm_rng_fill_normal(&rng, o, 0.731, s->Wo);
    thm_rng_fill_normal(&rng, 3 * part, scale, s->W);
    thm_rng_fill_normal(&rng, y, 1.385, s->Y);
    s->layer = (thm_layer){.N = N,
                           .n = n,
                           .D = D,
                           .d = d,
                           .H = H,
                           .m = m,
                           .kernel = kernel,
                           .c = thm_kernel_scale(d),
                           .X = s->X,
                           .Y = s->Y,
                           .Wo = s->Wo};
    s->w = (thm_weights){.Wq = s->W, .Wk = s->W + part, .Wv = s->W + 2 * part};
}

enum { ODD = 8, KERNELS = 3, ODD_CASES = ODD * 5 * KERNELS };

/* Two samples, two heads; of n, D, d, m one is an odd size and the others are
 * small, or (every fifth) all are half of it, across the threshold of the
 * products. */
static inline void draw_odd(int k, instance *s)
{
    static const int sizes[ODD] = {1, 2, 3, 7, 8, 9, 63, 65};
    const int odd = sizes[k / (5 * KERNELS)], which = k / KERNELS % 5;
    int shape[] = {3, 2, 2, 2};
    for (int j = 0; j < 4; j++) {
        shape[j] = which == j ? odd : which == 4 ? 2 + odd / 2 : shape[j];
    }
    draw_instance((uint64_t)k, 2, shape[0], shape[1], shape[2], 2, shape[3],
                  (thm_kernel)(k % KERNELS), 0.627 / sqrt((double)shape[1]), s);
}

static inline void free_instance(instance *s)
{
    free(s->block);
}

static inline cld *room_c(int count)
{
    cld *x = calloc((size_t)count, sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* W (3 parts) + i h V; V NULL for real weights. */
static inline cld *lift(const instance *s, const double *V)
{
    cld *W = room_c(3 * s->part);
    for (int k = 0; k < 3 * s->part; k++) {
        W[k] = CMPLXL(s->W[k], V == NULL ? 0 : V[k] * STEP);
    }
    return W;
}

/* row (n) of scores of token k of sample i in head h */
static inline void scores_c(const thm_layer *l, const cld *W, int i, int h,
                            int k, cld *s)
{
    const int part = l->H * l->D * l->d;
    for (int j = 0; j < l->n; j++) {
        cld dot = 0, square = 0;
        for (int b = 0; b < l->d; b++) {
            cld q = 0, key = 0;
            for (int a = 0; a < l->D; a++) {
                const cld *at = W + (h * l->D + a) * l->d + b;
                q += l->X[(i * l->n + k) * l->D + a] * at[0];
                key += l->X[(i * l->n + j) * l->D + a] * at[part];
            }
            dot += q * key;
            square += (q - key) * (q - key);
        }
        s[j] = l->kernel == THM_KERNEL_SOFTMAX ? l->c * dot : -l->c * square;
    }
}

/* the row of S in place of its scores */
static inline void attend_c(const thm_layer *l, cld *s)
{
    cld sum = 0;
    long double top = creall(s[0]);
    for (int j = 1; j < l->n; j++) {
        top = fmaxl(top, creall(s[j]));
    }
    for (int j = 0; j < l->n; j++) {
        s[j] = cexpl(l->kernel == THM_KERNEL_GAUSSIAN ? s[j] : s[j] - top);
        sum += s[j];
    }
    for (int j = 0; l->kernel != THM_KERNEL_GAUSSIAN && j < l->n; j++) {
        s[j] /= sum;
    }
}

/* (x_ij Wv_h Wo_h)_o */
static inline cld value_c(const thm_layer *l, const cld *W, int i, int h, int j,
                          int o)
{
    const cld *Wv = W + 2 * l->H * l->D * l->d;
    cld sum = 0;
    for (int b = 0; b < l->d; b++) {
        cld v = 0;
        for (int a = 0; a < l->D; a++) {
            v +=
                l->X[(i * l->n + j) * l->D + a] * Wv[(h * l->D + a) * l->d + b];
        }
        sum += v * l->Wo[(h * l->d + b) * l->m + o];
    }
    return sum;
}

/* F: (N n m) */
static inline void forward_c(const thm_layer *l, const cld *W, cld *F)
{
    cld *s = room_c(l->n), *u = room_c(l->n * l->m);
    for (int k = 0; k < l->N * l->n * l->m; k++) {
        F[k] = 0;
    }
    for (int ih = 0; ih < l->N * l->H; ih++) {
        const int i = ih / l->H, h = ih % l->H;
        for (int j = 0; j < l->n * l->m; j++) {
            u[j] = value_c(l, W, i, h, j / l->m, j % l->m);
        }
        for (int k = 0; k < l->n; k++) {
            scores_c(l, W, i, h, k, s);
            attend_c(l, s);
            for (int j = 0; j < l->n; j++) {
                for (int o = 0; o < l->m; o++) {
                    F[(i * l->n + k) * l->m + o] += s[j] * u[j * l->m + o];
                }
            }
        }
    }
    free(s);
    free(u);
}

static inline cld loss_c(const thm_layer *l, const cld *W)
{
    cld *F = room_c(l->N * l->n * l->m), sum = 0;
    forward_c(l, W, F);
    for (int k = 0; k < l->N * l->n * l->m; k++) {
        sum += (F[k] - l->Y[k]) * (F[k] - l->Y[k]) / 2;
    }
    free(F);
    return sum;
}

/* jv: (N n m) <- the derivative of F along V (3 parts) */
static inline void tangent_c(const instance *s, const double *V, double *jv)
{
    cld *W = lift(s, V), *F = room_c(s->outputs);
    forward_c(&s->layer, W, F);
    for (int k = 0; k < s->outputs; k++) {
        jv[k] = (double)(cimagl(F[k]) / STEP);
    }
    free(W);
    free(F);
}

/* g: (3 parts) <- grad f at W + e V (NULL: W), entry by entry */
static inline void gradient_c(const instance *s, const double *V, long double e,
                              long double *g)
{
    cld *W = lift(s, NULL);
    for (int k = 0; V != NULL && k < 3 * s->part; k++) {
        W[k] += e * V[k];
    }
    for (int k = 0; k < 3 * s->part; k++) {
        const cld w = W[k];
        W[k] = CMPLXL(creall(w), STEP);
        g[k] = cimagl(loss_c(&s->layer, W)) / STEP;
        W[k] = w;
    }
    free(W);
}

/* hv: (3 parts) <- Hessian V: four of the above, at +-e and +-2e, leave an
 * error of e^4 times the fifth derivative of g and of 2^-64 / e in the
 * rounding. */
static inline void hessian_c(const instance *s, const double *V, double *hv)
{
    static const int step[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
    const long double e = 1e-4L;
    const int count = 3 * s->part;
    long double *g = malloc((size_t)count * sizeof *g);
    long double *sum = calloc((size_t)count, sizeof *sum);
    ck_assert(g != NULL && sum != NULL);
    for (int j = 0; j < 4; j++) {
        gradient_c(s, V, step[j] * e, g);
        for (int k = 0; k < count; k++) {
            sum[k] += weight[j] * g[k] / (12 * e);
        }
    }
    for (int k = 0; k < count; k++) {
        hv[k] = (double)sum[k];
    }
    free(g);
    free(sum);
}

static inline double *room(int count)
{
    double *x = malloc((size_t)count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* standard normals */
static inline double *drawn(uint64_t stream, int count)
{
    double *x = room(count);
    thm_rng rng = thm_rng_make(1127, stream);
    thm_rng_fill_normal(&rng, count, 1.0, x);
    return x;
}

/* What a computed derivative may lose against an exact one, beside its largest
 * entry: (terms of the longest sums) u for each of a dozen chained products,
 * and u max |s| in the exponentials, max |s| below 100 here. */
static inline double allowed(const thm_layer *l)
{
    return 12.0 * (l->N * l->n + l->n + l->D + l->d + l->m + 100) * U;
}

static inline double largest_of(int n, const double *x)
{
    double most = 0.0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i]));
    }
    return most;
}

static inline double distance_of(int n, const double *x, const double *y)
{
    double most = 0.0;
    for (int i = 0; i < n; i++) {
        double gap = fabs(x[i] - y[i]);
        most = gap <= most ? most : gap; /* keeps a NaN */
    }
    return most;
}

#endif
