/* Symmetric eigenvalues through LAPACKE; see eig.h. */
#include "la/eig.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/blas.h"

/* residual and customary error of the values w of A, both scaled */
static void judge_values(int n, const double *A, const double *w,
                         thm_la_report *report)
{
    double norm = thm_dense_norm(n, n, A), trace = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        trace += A[(size_t)i * (size_t)n + (size_t)i];
        sum += w[i];
    }
    double by_trace = fabs(sum - trace) / sqrt(n);
    double by_norm = fabs(thm_dense_norm(1, n, w) - norm);
    report->residual = norm == 0 ? 0 : fmax(by_trace, by_norm) / norm;
    report->orthogonality = 0;
    report->err = n * DBL_EPSILON * norm;
}

/* The bound of eig.h for scaled A with vectors in the rows of V; R, gram:
 * (n x n), scratch. */
static thm_status judge_vectors(int n, const double *A, const double *w,
                                const double *V, double *R, double *gram,
                                thm_la_report *report)
{
    double u = DBL_EPSILON / 2, defect_rounding;
    double norm_a = thm_dense_norm(n, n, A);
    double norm_v = thm_dense_norm(n, n, V);
    double norm_w = fmax(fabs(w[0]), fabs(w[n - 1]));
    double D = thm_dense_defect(0, n, n, V, gram, &defect_rounding);
    /* row k of R is w[k] v_k - A v_k */
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
            size_t at = (size_t)k * (size_t)n + (size_t)j;
            R[at] = w[k] * V[at];
        }
    }
    thm_status status =
        thm_gemm(false, false, n, n, n, -1, V, n, A, n, 1, R, n);
    if (status != THM_OK) {
        return status;
    }
    double r = thm_dense_norm(n, n, R);
    report->residual = norm_a == 0 ? 0 : r / norm_a;
    report->orthogonality = D;
    /* each entry of R: n products, one subtraction, one scaling */
    r += (n + 4) * u * norm_v * (norm_a + norm_w);
    D += defect_rounding;
    report->err =
        (r * (1 + D) + D * (norm_a + norm_w)) * (1 + (2.0 * n * n + 16) * u);
    return THM_OK;
}

static thm_status compute(int n, const double *A, double *w, double *V,
                          thm_la_report *report)
{
    thm_status status = thm_dense_check_symmetric(n, A);
    if (status != THM_OK) {
        return status;
    }
    thm_la_report judged;
    double *scaled = NULL, *values = NULL;
    status = thm_dense_alloc(n, n, 4, &scaled);
    if (status == THM_OK) {
        status = thm_dense_alloc(1, n, 1, &values);
    }
    if (status != THM_OK) {
        goto done;
    }
    size_t size = (size_t)n * (size_t)n;
    double *vectors = scaled + size, *R = vectors + size, *gram = R + size;
    int e = thm_dense_scale(n, n, A, scaled);
    memcpy(vectors, scaled, size * sizeof *vectors);
    /* a symmetric matrix is its own transpose: column-major costs no copy and
     * leaves the vectors in rows */
    status = thm_dense_info(LAPACKE_dsyevd(
        LAPACK_COL_MAJOR, V == NULL ? 'N' : 'V', 'L', n, vectors, n, values));
    if (status == THM_OK) {
        if (V == NULL) {
            judge_values(n, scaled, values, &judged);
        } else {
            status =
                judge_vectors(n, scaled, values, vectors, R, gram, &judged);
        }
    }
    if (status == THM_OK) {
        status = thm_dense_unscale(n, e, values);
    }
    if (status != THM_OK) {
        goto done;
    }
    memcpy(w, values, (size_t)n * sizeof *w);
    if (V != NULL) {
        memcpy(V, vectors, size * sizeof *V);
    }
    if (report != NULL) {
        *report = judged;
        /* unscaling rounds values in the denormal range */
        report->err = ldexp(judged.err, e) + DBL_TRUE_MIN;
    }
done:
    free(scaled);
    free(values);
    return status;
}

thm_status thm_eig_values(int n, const double *A, double *w,
                          thm_la_report *report)
{
    return compute(n, A, w, NULL, report);
}

thm_status thm_eig(int n, const double *A, double *w, double *V,
                   thm_la_report *report)
{
    return compute(n, A, w, V, report);
}
