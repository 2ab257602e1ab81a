/* One head of softmax attention: see head.h. */
#include "attn/head.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "la/blas.h"
#include "softmax/softmax.h"

double thm_head_tau(int d)
{
    return sqrt((double)d);
}

/* 3 n^2 + 7 n d doubles in bytes. */
static thm_status block_count(int n, int d, size_t *count)
{
    size_t nn, nd, bytes;
    thm_status status = thm_size_mul((size_t)n, (size_t)n, &nn);
    if (status == THM_OK) {
        status = thm_size_mul(nn, 3, &nn);
    }
    if (status == THM_OK) {
        status = thm_size_mul((size_t)n, (size_t)d, &nd);
    }
    if (status == THM_OK) {
        status = thm_size_mul(nd, 7, &nd);
    }
    if (status == THM_OK) {
        status = thm_size_add(nn, nd, count);
    }
    if (status == THM_OK) {
        status = thm_size_mul(*count, sizeof(double), &bytes);
    }
    return status;
}

thm_status thm_head_state_alloc(int n, int D, int d, thm_head_state *state)
{
    *state = (thm_head_state){0};
    if (n < 1 || D < 1 || d < 1) {
        return THM_EDIM;
    }
    size_t count;
    const thm_status status = block_count(n, d, &count);
    if (status != THM_OK) {
        return status;
    }
    double *block = calloc(count, sizeof *block);
    if (!block) {
        return THM_ENOMEM;
    }
    const size_t nn = (size_t)n * (size_t)n, nd = (size_t)n * (size_t)d;
    double *const square = block, *const tall = block + 3 * nn;
    *state = (thm_head_state){.n = n,
                              .D = D,
                              .d = d,
                              .S = square,
                              .A = square + nn,
                              .dS = square + 2 * nn,
                              .Q = tall,
                              .K = tall + nd,
                              .V = tall + 2 * nd,
                              .Z = tall + 3 * nd,
                              .dQ = tall + 4 * nd,
                              .dK = tall + 5 * nd,
                              .dV = tall + 6 * nd};
    return THM_OK;
}

void thm_head_state_free(thm_head_state *state)
{
    if (state) {
        free(state->S);
        *state = (thm_head_state){0};
    }
}

static thm_status check_sizes(const thm_head *h, const thm_head_state *s)
{
    const bool good = h->n >= 1 && h->D >= 1 && h->d >= 1 && h->n == s->n &&
                      h->D == s->D && h->d == s->d;
    return good ? THM_OK : THM_EDIM;
}

static thm_status check_forward(const thm_head *h, const thm_head_state *s)
{
    if (!(h->tau > 0.0) || !isfinite(h->tau)) {
        return THM_EDOMAIN;
    }
    return check_sizes(h, s);
}

/* A <- softmax(S / tau) by rows; -inf, which softmax would take for a masked
 * token, is an overflow here. */
static thm_status attend(const thm_head *h, thm_head_state *s)
{
    const size_t n = (size_t)h->n;
    for (size_t k = 0; k < n * n; k++) {
        if (!isfinite(s->S[k])) {
            return THM_EDOMAIN;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const thm_status status =
            thm_softmax(h->n, s->S + i * n, h->tau, s->A + i * n);
        if (status != THM_OK) {
            return status;
        }
    }
    return THM_OK;
}

/* C (m x n) <- op(A) op(B) + beta C, packed; the sizes were checked. */
static void product(bool transpose_a, bool transpose_b, int m, int n, int k,
                    const double *A, const double *B, double beta, double *C)
{
    thm_gemm(transpose_a, transpose_b, m, n, k, 1.0, A, transpose_a ? m : k, B,
             transpose_b ? k : n, beta, C, n);
}

thm_status thm_head_forward(const thm_head *h, thm_head_state *s)
{
    thm_status status = check_forward(h, s);
    if (status != THM_OK) {
        return status;
    }
    const int n = h->n, D = h->D, d = h->d;
    product(false, false, n, d, D, h->X, h->Wq, 0.0, s->Q);
    product(false, false, n, d, D, h->X, h->Wk, 0.0, s->K);
    product(false, false, n, d, D, h->X, h->Wv, 0.0, s->V);
    product(false, true, n, n, d, s->Q, s->K, 0.0, s->S);
    status = attend(h, s);
    if (status == THM_OK) {
        product(false, false, n, d, n, s->A, s->V, 0.0, s->Z);
    }
    return status;
}

/* dS <- (1/tau) A o (dS - r 1'), dS holding G V'. */
static void scores_gradient(const thm_head *h, thm_head_state *s)
{
    const size_t n = (size_t)h->n;
    for (size_t i = 0; i < n; i++) {
        const double *a = s->A + i * n;
        double *row = s->dS + i * n;
        double r = 0.0;
        for (size_t j = 0; j < n; j++) {
            r += a[j] * row[j];
        }
        for (size_t j = 0; j < n; j++) {
            row[j] = a[j] * (row[j] - r) / h->tau;
        }
    }
}

thm_status thm_head_backward(const thm_head *h, thm_head_state *s,
                             const double *G, double *dWq, double *dWk,
                             double *dWv, double *dX)
{
    const thm_status status = check_sizes(h, s);
    if (status != THM_OK) {
        return status;
    }
    const int n = h->n, D = h->D, d = h->d;
    product(false, true, n, n, d, G, s->V, 0.0, s->dS);
    scores_gradient(h, s);
    product(false, false, n, d, n, s->dS, s->K, 0.0, s->dQ);
    product(true, false, n, d, n, s->dS, s->Q, 0.0, s->dK);
    product(true, false, n, d, n, s->A, G, 0.0, s->dV);
    if (dWq) {
        product(true, false, D, d, n, h->X, s->dQ, 0.0, dWq);
    }
    if (dWk) {
        product(true, false, D, d, n, h->X, s->dK, 0.0, dWk);
    }
    if (dWv) {
        product(true, false, D, d, n, h->X, s->dV, 0.0, dWv);
    }
    if (dX) {
        product(false, true, n, D, d, s->dQ, h->Wq, 0.0, dX);
        product(false, true, n, D, d, s->dK, h->Wk, 1.0, dX);
        product(false, true, n, D, d, s->dV, h->Wv, 1.0, dX);
    }
    return THM_OK;
}

/* ---- the plain twins ----------------------------------------------------- */

/* sum_l A[l stride_a] B[l stride_b], l < k */
static double dot(int k, const double *A, int stride_a, const double *B,
                  int stride_b)
{
    double sum = 0.0;
    for (int l = 0; l < k; l++) {
        sum +=
            A[(size_t)l * (size_t)stride_a] * B[(size_t)l * (size_t)stride_b];
    }
    return sum;
}

thm_status thm_head_forward_ref(const thm_head *h, thm_head_state *s)
{
    thm_status status = check_forward(h, s);
    if (status != THM_OK) {
        return status;
    }
    const int n = h->n, D = h->D, d = h->d;
    for (int i = 0; i < n; i++) {
        const double *x = h->X + (size_t)i * (size_t)D;
        for (int b = 0; b < d; b++) {
            const size_t ib = (size_t)i * (size_t)d + (size_t)b;
            s->Q[ib] = dot(D, x, 1, h->Wq + b, d);
            s->K[ib] = dot(D, x, 1, h->Wk + b, d);
            s->V[ib] = dot(D, x, 1, h->Wv + b, d);
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            s->S[(size_t)i * (size_t)n + (size_t)j] =
                dot(d, s->Q + (size_t)i * (size_t)d, 1,
                    s->K + (size_t)j * (size_t)d, 1);
        }
    }
    status = attend(h, s);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        for (int b = 0; b < d; b++) {
            s->Z[(size_t)i * (size_t)d + (size_t)b] =
                dot(n, s->A + (size_t)i * (size_t)n, 1, s->V + b, d);
        }
    }
    return THM_OK;
}

/* dW (D x d) <- X' dY, dY (n x d); nothing for NULL. */
static void weight_gradient_ref(const thm_head *h, const double *dY, double *dW)
{
    for (int a = 0; dW && a < h->D; a++) {
        for (int b = 0; b < h->d; b++) {
            dW[(size_t)a * (size_t)h->d + (size_t)b] =
                dot(h->n, h->X + a, h->D, dY + b, h->d);
        }
    }
}

thm_status thm_head_backward_ref(const thm_head *h, thm_head_state *s,
                                 const double *G, double *dWq, double *dWk,
                                 double *dWv, double *dX)
{
    const thm_status status = check_sizes(h, s);
    if (status != THM_OK) {
        return status;
    }
    const int n = h->n, D = h->D, d = h->d;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            s->dS[(size_t)i * (size_t)n + (size_t)j] =
                dot(d, G + (size_t)i * (size_t)d, 1,
                    s->V + (size_t)j * (size_t)d, 1);
        }
    }
    scores_gradient(h, s);
    for (int i = 0; i < n; i++) {
        for (int b = 0; b < d; b++) {
            const size_t ib = (size_t)i * (size_t)d + (size_t)b;
            s->dQ[ib] = dot(n, s->dS + (size_t)i * (size_t)n, 1, s->K + b, d);
            s->dK[ib] = dot(n, s->dS + i, n, s->Q + b, d);
            s->dV[ib] = dot(n, s->A + i, n, G + b, d);
        }
    }
    weight_gradient_ref(h, s->dQ, dWq);
    weight_gradient_ref(h, s->dK, dWk);
    weight_gradient_ref(h, s->dV, dWv);
    for (int i = 0; dX && i < n; i++) {
        const size_t row = (size_t)i * (size_t)d;
        for (int a = 0; a < D; a++) {
            const size_t col = (size_t)a * (size_t)d;
            dX[(size_t)i * (size_t)D + (size_t)a] =
                dot(d, s->dQ + row, 1, h->Wq + col, 1) +
                dot(d, s->dK + row, 1, h->Wk + col, 1) +
                dot(d, s->dV + row, 1, h->Wv + col, 1);
        }
    }
    return THM_OK;
}
