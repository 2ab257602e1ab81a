/* How much smaller the gradient of W_Q is than that of W_V when training
 * begins, against the number of tokens n: mean |dL/dW_Q| / mean |dL/dW_V| of
 * one head (D = 256, d = 64, weights of standard deviation 0.02) with X, G of
 * independent standard normals, for softmax at tau = sqrt(d), for NormSoftmax
 * by standard deviation and by variance, and for softmax at tau = 1/3, where
 * Heat Treatment starts (Hoffmann et al. 2024, sections 3.1 and 4.3).
 *
 * Only W_V escapes the Jacobian of softmax.  Every kind of row sees the same
 * draws. */
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "experiments/experiment.h"
#include "la/blas.h"
#include "programs/start.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"

enum { N_MAX = 197, D = 256, HEAD = 64, KINDS = 4 };

static const double weight_sd = 0.02, tau = 8, hot_tau = 1.0 / 3;

static const thm_tsv_column columns[1 + 3 * KINDS] = {
    {"n", "1"},     {"softmax10", "1"}, {"softmax50", "1"}, {"softmax90", "1"},
    {"std10", "1"}, {"std50", "1"},     {"std90", "1"},     {"var10", "1"},
    {"var50", "1"}, {"var90", "1"},     {"heat10", "1"},    {"heat50", "1"},
    {"heat90", "1"}};

typedef struct {
    double X[N_MAX * D], W[3][D * HEAD], G[N_MAX * HEAD];
    double QKV[3][N_MAX * HEAD]; /* X W                     */
    double S[N_MAX * N_MAX];     /* Q K', not scaled        */
    double dA[N_MAX * N_MAX];    /* dL/dA = G V'            */
    double A[N_MAX * N_MAX], dS[N_MAX * N_MAX];
    double dQ[N_MAX * HEAD], dV[N_MAX * HEAD], dW[D * HEAD];
} head;

static thm_status draw_head(int n, thm_rng rng, head *h)
{
    thm_status status = THM_OK;
    thm_rng_fill_normal(&rng, (int64_t)n * D, 1, h->X);
    thm_rng_fill_normal(&rng, (int64_t)n * HEAD, 1, h->G);
    for (int w = 0; w < 3 && status == THM_OK; w++) {
        thm_rng_fill_normal(&rng, D * HEAD, weight_sd, h->W[w]);
        status = thm_gemm(false, false, n, HEAD, D, 1, h->X, D, h->W[w], HEAD,
                          0, h->QKV[w], HEAD);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, true, n, n, HEAD, 1, h->QKV[0], HEAD,
                          h->QKV[1], HEAD, 0, h->S, n);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, true, n, n, HEAD, 1, h->G, HEAD, h->QKV[2],
                          HEAD, 0, h->dA, n);
    }
    return status;
}

/* One row of A and of dL/dS = J' (dL/dA); s, dA, A, dS: (n). */
static thm_status attend(int kind, int n, const double *s, const double *dA,
                         double *A, double *dS)
{
    const double t = kind == 3 ? hot_tau : tau;
    const thm_norm norm = kind == 1 ? THM_NORM_STD : THM_NORM_VAR;
    const bool normed = kind == 1 || kind == 2;
    thm_status status = normed ? thm_normsoftmax(n, s, tau, norm, A, NULL)
                               : thm_softmax(n, s, t, A);
    if (status == THM_OK) {
        status = normed ? thm_normsoftmax_vjp(n, s, tau, norm, A, dA, dS)
                        : thm_softmax_jvp(n, A, t, dA, dS);
    }
    return status;
}

static double mean_abs(int count, const double *x)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += fabs(x[i]);
    }
    return sum / count;
}

/* mean |X' from|, the size of one weight's gradient. */
static thm_status gradient_size(int n, head *h, const double *from,
                                double *size)
{
    thm_status status = thm_gemm(true, false, D, HEAD, n, 1, h->X, D, from,
                                 HEAD, 0, h->dW, HEAD);
    *size = mean_abs(D * HEAD, h->dW);
    return status;
}

static thm_status measure(int kind, int n, head *h, double *ratio)
{
    double of_q = 0, of_v = 0;
    thm_status status = THM_OK;
    for (int i = 0; i < n && status == THM_OK; i++) {
        status = attend(kind, n, h->S + i * n, h->dA + i * n, h->A + i * n,
                        h->dS + i * n);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, false, n, HEAD, n, 1, h->dS, n, h->QKV[1],
                          HEAD, 0, h->dQ, HEAD);
    }
    if (status == THM_OK) {
        status = thm_gemm(true, false, n, HEAD, n, 1, h->A, n, h->G, HEAD, 0,
                          h->dV, HEAD);
    }
    if (status == THM_OK) {
        status = gradient_size(n, h, h->dQ, &of_q);
    }
    if (status == THM_OK) {
        status = gradient_size(n, h, h->dV, &of_v);
    }
    *ratio = of_q / of_v;
    return status;
}

static thm_status write_gradients(uint64_t seed, int draws, thm_tsv *tsv,
                                  thm_message *msg)
{
    static const int tokens[] = {5, 9, 17, 33, 65, 129, N_MAX};
    head *h = malloc(sizeof *h);
    double *ratio = malloc((size_t)draws * KINDS * sizeof *ratio);
    thm_status status = THM_OK;
    if (!h || !ratio) {
        status = thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    for (size_t k = 0; k < sizeof tokens / sizeof *tokens; k++) {
        const int n = tokens[k];
        double row[1 + 3 * KINDS] = {n};
        for (int d = 0; d < draws && status == THM_OK; d++) {
            const uint64_t stream = (uint64_t)n << 32 | (uint64_t)d;
            status = start_interrupted()
                         ? THM_EINTERRUPTED
                         : draw_head(n, thm_rng_make(seed, stream), h);
            for (int kind = 0; kind < KINDS && status == THM_OK; kind++) {
                status = measure(kind, n, h, &ratio[kind * draws + d]);
            }
        }
        for (int kind = 0; kind < KINDS && status == THM_OK; kind++) {
            experiment_quantiles(draws, ratio + kind * draws,
                                 row + 1 + 3 * kind);
        }
        if (status == THM_OK) {
            thm_tsv_row(tsv, row);
        }
    }
    free(ratio);
    free(h);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment gradients = {
        .name = "head-gradients",
        .purpose = "Measures the ratio of the gradients of W_Q and W_V in one "
                   "attention head against the number of tokens.",
        .draws = 16,
        .min_draws = 8,
        .n_columns = sizeof columns / sizeof *columns,
        .columns = columns,
        .write = write_gradients};
    return experiment_main(argc, argv, &gradients);
}
