/* Sizes of a head's gradients and the predicted gap: see gap.h. */
#include "attn/gap.h"

#include <math.h>
#include <stdlib.h>
#include "la/blas.h"
#include "softmax/softmax.h"

thm_size_of thm_size_measure(size_t count, const double *x)
{
    double sum = 0.0, largest = 0.0, square = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += fabs(x[k]);
        largest = fmax(largest, fabs(x[k]));
    }
    for (size_t k = 0; k < count && largest > 0.0; k++) {
        square += (x[k] / largest) * (x[k] / largest);
    }
    return (thm_size_of){.mean_abs = sum / (double)count,
                         .frobenius = largest * sqrt(square)};
}

/* s0 and the mean relative entropy over the rows of S. */
static thm_status measure_rows(const thm_head *h, const thm_head_state *s,
                               thm_gap *g)
{
    double variance = 0.0, entropy = 0.0;
    for (int i = 0; i < h->n; i++) {
        const double *row = s->S + (size_t)i * (size_t)h->n;
        double mean = 0.0, square = 0.0, nats, relative;
        for (int j = 0; j < h->n; j++) {
            mean += row[j] / h->n;
        }
        for (int j = 0; j < h->n; j++) {
            const double l = (row[j] - mean) / h->tau;
            square += l * l;
        }
        const thm_status status =
            thm_softmax_entropy(h->n, row, h->tau, &nats, &relative);
        if (status != THM_OK) {
            return status;
        }
        variance += square / h->n;
        entropy += relative;
    }
    g->logit_std = sqrt(variance / h->n);
    g->entropy = entropy / h->n;
    return THM_OK;
}

/* The prediction; M: (n x n) scratch for the tokens' Gram matrix. */
static void predict(const thm_head *h, thm_gap *g, double *M)
{
    const int n = h->n;
    double mean = 0.0, trace = 0.0, square = 0.0;
    g->gap_predicted = g->tokens_per_dimension = 0.0;
    thm_gemm(false, true, n, n, h->D, 1.0, h->X, h->D, h->X, h->D, 0.0, M, n);
    /* Centred by rows, then by columns: M is the Gram matrix of X - mean. */
    for (int i = 0; i < n; i++) {
        double *row = M + (size_t)i * (size_t)n, row_mean = 0.0;
        for (int j = 0; j < n; j++) {
            row_mean += row[j] / n;
        }
        mean += row_mean / n; /* |mean token|^2 in the end */
        for (int j = 0; j < n; j++) {
            row[j] -= row_mean;
        }
    }
    for (int j = 0; j < n; j++) {
        double column_mean = 0.0;
        for (int i = 0; i < n; i++) {
            column_mean += M[(size_t)i * (size_t)n + (size_t)j] / n;
        }
        for (int i = 0; i < n; i++) {
            double *m = &M[(size_t)i * (size_t)n + (size_t)j];
            *m -= column_mean;
            square += *m * *m;
            trace += i == j ? *m : 0.0;
        }
    }
    if (n == 1 || !(trace > 0.0)) {
        return; /* equal tokens: dS = 0 */
    }
    /* tr C = trace / n, tr C^2 = square / n^2 */
    g->tokens_per_dimension = n * square / (trace * trace);
    const double kappa = g->logit_std * g->logit_std * g->tokens_per_dimension;
    const double v = (double)n * n * mean / trace;
    g->gap_predicted = sqrt(M_PI_2 * kappa * (1.0 + v / n) / (v + kappa));
}

thm_status thm_gap_measure(const thm_head *h, const thm_head_state *s,
                           const double *dWq, const double *dWk,
                           const double *dWv, thm_gap *out)
{
    if (h->n < 1 || h->n != s->n || h->D != s->D || h->d != s->d) {
        return THM_EDIM;
    }
    const size_t nn = (size_t)h->n * (size_t)h->n,
                 weights = (size_t)h->D * (size_t)h->d;
    double *M = malloc(nn * sizeof *M);
    if (!M) {
        return THM_ENOMEM;
    }
    thm_gap g = {.dS = thm_size_measure(nn, s->dS),
                 .dWq = thm_size_measure(weights, dWq),
                 .dWk = thm_size_measure(weights, dWk),
                 .dWv = thm_size_measure(weights, dWv)};
    g.gap_q = g.dWq.mean_abs / g.dWv.mean_abs;
    g.gap_k = g.dWk.mean_abs / g.dWv.mean_abs;
    const thm_status status = measure_rows(h, s, &g);
    if (status == THM_OK) {
        predict(h, &g, M);
        *out = g;
    }
    free(M);
    return status;
}
