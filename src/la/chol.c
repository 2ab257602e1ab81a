/* Cholesky through LAPACKE; see chol.h. */
#include "la/chol.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/blas.h"

/* Residual |A - L L'|; S, T: (n x n), scratch.  Cholesky itself needs no
 * scaling (each entry of L is at most the root of a diagonal entry), and a
 * graded matrix would lose by it; its residual does. */
static thm_status judge(int n, const double *A, const double *L, double *S,
                        double *T, thm_la_report *report)
{
    double u = DBL_EPSILON / 2;
    int e = thm_dense_scale(n, n, A, S);
    int half = e / 2;
    size_t size = (size_t)n * (size_t)n;
    for (size_t i = 0; i < size; i++) {
        S[i] = ldexp(A[i], -2 * half);
        T[i] = ldexp(L[i], -half);
    }
    double norm = thm_dense_norm(n, n, S), norm_l = thm_dense_norm(n, n, T);
    thm_status status = thm_gemm(false, true, n, n, n, -1, T, n, T, n, 1, S, n);
    double r = thm_dense_norm(n, n, S);
    report->residual = norm == 0 ? 0 : r / norm;
    report->orthogonality = 0;
    r += (n + 4) * u * (norm + norm_l * norm_l);
    report->err = ldexp(r * (1 + (2.0 * n * n + 16) * u), 2 * half) +
                  (double)n * n * DBL_TRUE_MIN;
    return status;
}

thm_status thm_chol(int n, const double *A, double *L, thm_la_report *report)
{
    thm_status status = thm_dense_check_symmetric(n, A);
    if (status != THM_OK) {
        return status;
    }
    thm_la_report judged;
    double *factor = NULL;
    status = thm_dense_alloc(n, n, 3, &factor);
    if (status != THM_OK) {
        return status;
    }
    size_t size = (size_t)n * (size_t)n;
    memcpy(factor, A, size * sizeof *factor);
    /* the upper factor of column-major A is the lower one of row-major A */
    int info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', n, factor, n);
    status = info > 0 ? THM_ESINGULAR : thm_dense_info(info);
    for (int i = 0; i < n; i++) {
        for (int j = i + 1; j < n; j++) {
            factor[(size_t)i * (size_t)n + (size_t)j] = 0;
        }
    }
    if (status == THM_OK) {
        status = judge(n, A, factor, factor + size, factor + 2 * size, &judged);
    }
    if (status == THM_OK) {
        memcpy(L, factor, size * sizeof *L);
        if (report != NULL) {
            *report = judged;
        }
    }
    free(factor);
    return status;
}
