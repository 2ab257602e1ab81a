/* B with a proved bound of its error: see rank.h.  The derivation is
 * paper-notes/song2024.md, "Rounding of B"; numbers in parentheses are those of
 * its inequalities. */
#include "attn/rank.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "attn/gap.h"
#include "attn/layer_work.h"
#include "la/dot2.h"

static const double U = 0x1p-53;
/* Four times the error of an operation whose result is below 2^-1022. */
static const double TINY = 0x1p-1072;

/* k u / (1 - 2 k u) >= gamma_k / (1 - gamma_k): of a sum of k products, in
 * terms of the computed sum of their absolute values.  (1) */
static double gamma_of(double k)
{
    return k * U / (1.0 - 2.0 * k * U);
}

/* Scratch: absolute values and error bounds, all entries >= 0. */
typedef struct {
    double *X;       /* (T x D), |X|                      */
    double *W;       /* (D x d), |Wq_h| or |Wk_h|         */
    double *dQ, *dK; /* (T x d), errors of Q and K        */
    double *Q, *K;   /* (n x d), scratch of one sample    */
    double *e;       /* (n x n), errors of the scores     */
    double *dB;      /* (n x D)                           */
    double *block;
} bounds;

static thm_status bounds_alloc(const thm_layer *l, bounds *b)
{
    const size_t T = (size_t)l->N * (size_t)l->n, n = (size_t)l->n,
                 D = (size_t)l->D, d = (size_t)l->d;
    /* each product is below 2^31 (thm_layer_check) */
    b->block = malloc((T * D + D * d + 2 * T * d + 2 * n * d + n * n + n * D) *
                      sizeof *b->block);
    if (!b->block) {
        return THM_ENOMEM;
    }
    b->X = b->block;
    b->W = b->X + T * D;
    b->dQ = b->W + D * d;
    b->dK = b->dQ + T * d;
    b->Q = b->dK + T * d;
    b->K = b->Q + n * d;
    b->e = b->K + n * d;
    b->dB = b->e + n * n;
    return THM_OK;
}

static void absolute(size_t count, const double *x, double *out)
{
    for (size_t k = 0; k < count; k++) {
        out[k] = fabs(x[k]);
    }
}

/* P: (T x d) <- X W_h, in twice the working precision if asked for. */
static thm_status project(const thm_layer *l, const double *W, bool twice,
                          const thm_layer_work *work, double *P)
{
    const int T = l->N * l->n;
    if (twice) {
        return thm_dot2(T, l->D, l->d, l->X, false, W, thm_isa_detect(), P);
    }
    thm_layer_product(work, false, false, T, l->d, l->D, 1.0, l->X, W, 0.0, P,
                      l->d);
    return THM_OK;
}

/* dP: (T x d) <- bound of the error of P = X W_h.  (2) */
static void project_error(const thm_layer *l, const double *W, const double *P,
                          bool twice, const thm_layer_work *work, bounds *b,
                          double *dP)
{
    const int T = l->N * l->n;
    const size_t count = (size_t)T * (size_t)l->d;
    const double gamma = gamma_of(l->D);
    absolute((size_t)l->D * (size_t)l->d, W, b->W);
    thm_layer_product(work, false, false, T, l->d, l->D, 1.0, b->X, b->W, 0.0,
                      dP, l->d);
    for (size_t k = 0; k < count; k++) {
        dP[k] = twice ? U * (1.0 + 4.0 * U) * fabs(P[k]) +
                            2.0 * gamma * gamma * dP[k] + 2.0 * l->D * TINY
                      : gamma * dP[k] + l->D * TINY;
    }
}

/* b->e <- bounds of the errors of the scores c q.k of one sample and head.  (3)
 */
static void product_error(const thm_layer *l, const thm_layer_work *work,
                          const double *Q, const double *K, const double *dQ,
                          const double *dK, bounds *b)
{
    const int n = l->n, d = l->d;
    const size_t nd = (size_t)n * (size_t)d;
    const double gamma = gamma_of(d + 1);
    for (size_t k = 0; k < nd; k++) {
        b->Q[k] = fabs(Q[k]);
        b->K[k] = gamma * fabs(K[k]) + dK[k];
    }
    thm_layer_product(work, false, true, n, n, d, l->c, b->Q, b->K, 0.0, b->e,
                      n);
    for (size_t k = 0; k < nd; k++) {
        b->K[k] = fabs(K[k]) + dK[k];
    }
    thm_layer_product(work, false, true, n, n, d, l->c, dQ, b->K, 1.0, b->e, n);
    for (size_t k = 0; k < (size_t)n * (size_t)n; k++) {
        b->e[k] += d * l->c * TINY + TINY;
    }
}

/* The same for the scores -c |q - k|^2.  (4) */
static void distance_error(const thm_layer *l, const double *Q, const double *K,
                           const double *dQ, const double *dK, bounds *b)
{
    const int n = l->n, d = l->d;
    const double gamma = gamma_of(d + 2);
    for (int k = 0; k < n; k++) {
        const double *q = Q + (size_t)k * (size_t)d,
                     *dq = dQ + (size_t)k * (size_t)d;
        for (int j = 0; j < n; j++) {
            const double *key = K + (size_t)j * (size_t)d,
                         *dkey = dK + (size_t)j * (size_t)d;
            double sum = 0.0;
            for (int i = 0; i < d; i++) {
                const double gap = fabs(q[i] - key[i]);
                const double dgap = dq[i] + dkey[i] + U * gap;
                sum += dgap * (2.0 * gap + dgap) + gamma * gap * gap;
            }
            b->e[(size_t)k * (size_t)n + (size_t)j] =
                l->c * sum + d * l->c * TINY + TINY;
        }
    }
}

/* e: (n) errors of the scores of a row <- errors of its entries of S, plus
 * gamma_n S for the product with X.  (5), (6) */
static void entry_error(const thm_layer *l, const double *S,
                        const double *log_S, double *e)
{
    const int n = l->n;
    const bool normalised = l->kernel != THM_KERNEL_GAUSSIAN;
    /* what the sums of nonnegative numbers in e may have lost */
    const double grow = 1.0 + gamma_of(2.0 * l->D + 4.0 * l->d + 20.0);
    const double theta = gamma_of(normalised ? n + 8.0 : 4.0);
    double mean = 0.0;
    for (int j = 0; j < n; j++) {
        e[j] = e[j] * grow + (normalised ? 2.0 * U * fabs(log_S[j]) : 0.0);
        mean += (S[j] + TINY) * expm1(e[j]);
    }
    const double w =
        normalised ? log1p(mean * (1.0 + gamma_of(3.0 * n + 16.0))) : 0.0;
    for (int j = 0; j < n; j++) {
        const double relative = expm1((e[j] + w) * (1.0 + 8.0 * U));
        const double error = (S[j] + TINY) * (relative + theta) / (1.0 - theta);
        /* both S are in [0, 1 + theta]: fmin also drops a NaN */
        e[j] = fmin(error + TINY, 1.0 + theta) + gamma_of(n) * S[j];
    }
}

/* |error of the block S X of one sample and head|_F, but for the rounding of
 * this bound.  (7) */
static double block_error(const thm_layer *l, int sample, int head,
                          const thm_layer_work *work, bounds *b)
{
    const int n = l->n, D = l->D;
    const size_t nn = (size_t)n * (size_t)n, nd = (size_t)n * (size_t)l->d,
                 nD = (size_t)n * (size_t)D;
    const size_t at = (size_t)head * (size_t)l->N + (size_t)sample;
    const size_t of = (size_t)sample * (size_t)l->H + (size_t)head;
    const double *Q = work->Q + at * nd, *K = work->K + at * nd;
    const double *dQ = b->dQ + (size_t)sample * nd,
                 *dK = b->dK + (size_t)sample * nd;
    if (l->kernel == THM_KERNEL_SOFTMAX) {
        product_error(l, work, Q, K, dQ, dK, b);
    } else {
        distance_error(l, Q, K, dQ, dK, b);
    }
    for (int k = 0; k < n; k++) {
        const size_t row = (size_t)k * (size_t)n;
        entry_error(l, work->S + of * nn + row, work->S_dot + of * nn + row,
                    b->e + row);
    }
    thm_layer_product(work, false, false, n, D, n, 1.0, b->e,
                      b->X + (size_t)sample * nD, 0.0, b->dB, D);
    for (size_t k = 0; k < nD; k++) {
        b->dB[k] += n * TINY;
    }
    const thm_size_of size = thm_size_measure(nD, b->dB);
    return isfinite(size.mean_abs) ? size.frobenius : HUGE_VAL;
}

/* The bound, once Q, K, S and log S (in S_dot) are in work. */
static thm_status measure_error(const thm_layer *l, const double *Wq,
                                const double *Wk, bool twice,
                                const thm_layer_work *work, double *delta)
{
    const size_t weights = (size_t)l->D * (size_t)l->d,
                 rows = (size_t)l->N * (size_t)l->n * (size_t)l->d;
    bounds b = {0};
    thm_status status = bounds_alloc(l, &b);
    if (status != THM_OK) {
        return status;
    }
    absolute((size_t)l->N * (size_t)l->n * (size_t)l->D, l->X, b.X);
    double total = 0.0;
    for (int h = 0; h < l->H; h++) {
        const size_t at = (size_t)h;
        project_error(l, Wq + at * weights, work->Q + at * rows, twice, work,
                      &b, b.dQ);
        project_error(l, Wk + at * weights, work->K + at * rows, twice, work,
                      &b, b.dK);
        for (int i = 0; i < l->N; i++) {
            total = hypot(total, block_error(l, i, h, work, &b));
        }
    }
    free(b.block);
    /* (8): what this sum of nonnegative numbers may have lost */
    const double lost = 4.0 * ((double)l->N * l->H + (double)l->n * l->D + 32);
    *delta = total * (1.0 + gamma_of(lost));
    return THM_OK;
}

/* What thm_dot2 asks of its factors. */
static bool moderate(size_t count, const double *x)
{
    for (size_t k = 0; k < count; k++) {
        if (!(fabs(x[k]) <= 0x1p500)) {
            return false;
        }
    }
    return true;
}

thm_status thm_layer_b_bnd(const thm_layer *l, const double *Wq,
                           const double *Wk, bool twice, thm_layer_work *work,
                           double *B, double *delta, int64_t *underflowed)
{
    const size_t T = (size_t)l->N * (size_t)l->n, H = (size_t)l->H,
                 weights = (size_t)l->D * (size_t)l->d;
    thm_status status = thm_layer_check_work(l, work);
    twice = twice && moderate(T * (size_t)l->D, l->X) &&
            moderate(H * weights, Wq) && moderate(H * weights, Wk);
    for (size_t h = 0; status == THM_OK && h < H; h++) {
        const size_t at = h * T * (size_t)l->d;
        status = project(l, Wq + h * weights, twice, work, work->Q + at);
        if (status == THM_OK) {
            status = project(l, Wk + h * weights, twice, work, work->K + at);
        }
    }
    if (status == THM_OK) {
        status = thm_layer_scores(l, work, work->S, work->S_dot);
    }
    if (status == THM_OK) {
        status = measure_error(l, Wq, Wk, twice, work, delta);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_layer_blocks(l, work, B);
    *underflowed = 0;
    for (size_t k = 0; k < H * T * (size_t)l->n; k++) {
        *underflowed += work->S[k] < DBL_MIN;
    }
    return THM_OK;
}
