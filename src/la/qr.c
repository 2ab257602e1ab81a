/* QR through LAPACKE; see qr.h.  Row-major A is A' to LAPACK, and A' = L Q
 * gives A = Q' L', without a transposition. */
#include "la/qr.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/blas.h"

/* Residual |A - Q R| of scaled A; E: (m x n) and gram: (k x k), scratch. */
static thm_status judge(int m, int n, const double *A, const double *Q,
                        const double *R, double *E, double *gram,
                        thm_la_report *report)
{
    int k = m < n ? m : n;
    double u = DBL_EPSILON / 2, rounding;
    double norm = thm_dense_norm(m, n, A);
    report->orthogonality = thm_dense_defect(1, k, m, Q, gram, &rounding);
    memcpy(E, A, (size_t)m * (size_t)n * sizeof *E);
    thm_status status =
        thm_gemm(false, false, m, n, k, -1, Q, k, R, n, 1, E, n);
    double r = thm_dense_norm(m, n, E);
    report->residual = norm == 0 ? 0 : r / norm;
    double factors = thm_dense_norm(m, k, Q) * thm_dense_norm(k, n, R);
    report->err =
        (r + (k + 4) * u * (norm + factors)) * (1 + (2.0 * m * n + 16) * u);
    return status;
}

/* Residual |A'A - R'R| of scaled A; gram: (n x n), scratch. */
static thm_status judge_gram(int m, int n, const double *A, const double *R,
                             double *gram, thm_la_report *report)
{
    int k = m < n ? m : n;
    double u = DBL_EPSILON / 2;
    double norm = thm_dense_norm(m, n, A), norm_r = thm_dense_norm(k, n, R);
    thm_status status =
        thm_gemm(true, false, n, n, m, 1, A, n, A, n, 0, gram, n);
    if (status == THM_OK) {
        status = thm_gemm(true, false, n, n, k, -1, R, n, R, n, 1, gram, n);
    }
    double r = thm_dense_norm(n, n, gram);
    report->orthogonality = 0;
    report->residual = norm == 0 ? 0 : r / norm / norm;
    r += (m + k + 4) * u * (norm * norm + norm_r * norm_r);
    report->err =
        norm == 0 ? 0 : r / norm * (1 + (2.0 * m * n + 2.0 * n * n + 16) * u);
    return status;
}

static thm_status compute(int m, int n, const double *A, double *Q, double *R,
                          thm_la_report *report)
{
    thm_status status = thm_dense_check(m, n, A);
    if (status != THM_OK) {
        return status;
    }
    int k = m < n ? m : n;
    size_t size_q = (size_t)m * (size_t)k, size_r = (size_t)k * (size_t)n;
    thm_la_report judged;
    double *scaled = NULL, *factors = NULL, *gram = NULL;
    int gram_size = Q != NULL ? k : n;
    status = thm_dense_alloc(m, n, 2, &scaled);
    if (status == THM_OK) {
        status = thm_dense_alloc(m > n ? m : n, k, 3, &factors);
    }
    if (status == THM_OK) {
        status = thm_dense_alloc(gram_size, gram_size, 1, &gram);
    }
    if (status != THM_OK) {
        goto done;
    }
    double *work = scaled + (size_t)m * (size_t)n;
    double *q = factors, *r = q + size_q, *tau = r + size_r;
    int e = thm_dense_scale(m, n, A, scaled);
    memcpy(work, scaled, (size_t)m * (size_t)n * sizeof *work);
    status =
        thm_dense_info(LAPACKE_dgelqf(LAPACK_COL_MAJOR, n, m, work, n, tau));
    if (status != THM_OK) {
        goto done;
    }
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < n; j++) {
            size_t at = (size_t)i * (size_t)n + (size_t)j;
            r[at] = j < i ? 0 : work[at];
        }
    }
    if (Q != NULL) {
        status = thm_dense_info(
            LAPACKE_dorglq(LAPACK_COL_MAJOR, k, m, k, work, n, tau));
        for (int i = 0; i < m; i++) {
            memcpy(&q[(size_t)i * (size_t)k], &work[(size_t)i * (size_t)n],
                   (size_t)k * sizeof *q);
        }
    }
    /* the signs are Householder's; make them unique */
    for (int i = 0; i < k; i++) {
        if (signbit(r[(size_t)i * (size_t)n + (size_t)i])) {
            for (int j = i; j < n; j++) {
                r[(size_t)i * (size_t)n + (size_t)j] *= -1;
            }
            for (int j = 0; Q != NULL && j < m; j++) {
                q[(size_t)j * (size_t)k + (size_t)i] *= -1;
            }
        }
    }
    if (status == THM_OK) {
        status = Q != NULL ? judge(m, n, scaled, q, r, work, gram, &judged)
                           : judge_gram(m, n, scaled, r, gram, &judged);
    }
    for (int i = 0; status == THM_OK && i < k; i++) {
        status = thm_dense_unscale(n, e, &r[(size_t)i * (size_t)n]);
    }
    if (status != THM_OK) {
        goto done;
    }
    memcpy(R, r, size_r * sizeof *R);
    if (Q != NULL) {
        memcpy(Q, q, size_q * sizeof *Q);
    }
    if (report != NULL) {
        *report = judged;
        report->err = ldexp(judged.err, e) + (double)m * n * DBL_TRUE_MIN;
    }
done:
    free(scaled);
    free(factors);
    free(gram);
    return status;
}

thm_status thm_qr(int m, int n, const double *A, double *Q, double *R,
                  thm_la_report *report)
{
    return compute(m, n, A, Q, R, report);
}

thm_status thm_qr_r(int m, int n, const double *A, double *R,
                    thm_la_report *report)
{
    return compute(m, n, A, NULL, R, report);
}
