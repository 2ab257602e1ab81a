/* Singular values through LAPACKE; see svd.h. */
#include "la/svd.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/blas.h"

/* The bound of svd.h for scaled A: (m x n), k = min(m, n); E: (m x n), US:
 * (m x k), gram: (k x k), scratch. */
static thm_status judge_vectors(int m, int n, const double *A, const double *s,
                                const double *U, const double *Vt, double *E,
                                double *US, double *gram, thm_la_report *report)
{
    int k = m < n ? m : n;
    double u = DBL_EPSILON / 2, rounding_u, rounding_v;
    double norm_a = thm_dense_norm(m, n, A);
    double Du = thm_dense_defect(1, k, m, U, gram, &rounding_u);
    double Dv = thm_dense_defect(0, k, n, Vt, gram, &rounding_v);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < k; j++) {
            size_t at = (size_t)i * (size_t)k + (size_t)j;
            US[at] = U[at] * s[j];
        }
    }
    memcpy(E, A, (size_t)m * (size_t)n * sizeof *E);
    thm_status status =
        thm_gemm(false, false, m, n, k, -1, US, k, Vt, n, 1, E, n);
    if (status != THM_OK) {
        return status;
    }
    double r = thm_dense_norm(m, n, E);
    report->residual = norm_a == 0 ? 0 : r / norm_a;
    report->orthogonality = fmax(Du, Dv);
    double norm_us = thm_dense_norm(m, k, US),
           norm_v = thm_dense_norm(k, n, Vt);
    /* each entry of E: k products of a rounded factor, one subtraction */
    r += (k + 4) * u * (norm_a + norm_us * norm_v);
    double D = fmax(Du + rounding_u, Dv + rounding_v);
    report->err = (r + D * s[0]) * (1 + (2.0 * m * n + 16) * u);
    return THM_OK;
}

static thm_status compute(int m, int n, const double *A, double *s, double *U,
                          double *Vt, thm_la_report *report)
{
    thm_status status = thm_dense_check(m, n, A);
    if (status != THM_OK) {
        return status;
    }
    int k = m < n ? m : n;
    size_t size = (size_t)m * (size_t)n;
    size_t size_u = (size_t)m * (size_t)k, size_v = (size_t)k * (size_t)n;
    thm_la_report judged;
    double *scaled = NULL, *values = NULL, *factors = NULL, *gram = NULL;
    bool vectors = U != NULL;
    status = thm_dense_alloc(m, n, 2, &scaled);
    if (status == THM_OK) {
        status = thm_dense_alloc(1, k, 1, &values);
    }
    if (status == THM_OK && vectors) {
        status = thm_dense_alloc(m > n ? m : n, k, 3, &factors);
    }
    if (status == THM_OK && vectors) {
        status = thm_dense_alloc(k, k, 1, &gram);
    }
    if (status != THM_OK) {
        goto done;
    }
    double *work = scaled + size, *u = factors;
    double *v = vectors ? u + size_u : NULL, *us = vectors ? v + size_v : NULL;
    int e = thm_dense_scale(m, n, A, scaled);
    memcpy(work, scaled, size * sizeof *work);
    /* row-major A is A' to LAPACK, whose left vectors are our right ones */
    status =
        thm_dense_info(LAPACKE_dgesdd(LAPACK_COL_MAJOR, vectors ? 'S' : 'N', n,
                                      m, work, n, values, v, n, u, k));
    if (status == THM_OK && vectors) {
        status =
            judge_vectors(m, n, scaled, values, u, v, work, us, gram, &judged);
    } else {
        double norm = thm_dense_norm(m, n, scaled);
        double missed = fabs(thm_dense_norm(1, k, values) - norm);
        judged =
            (thm_la_report){.residual = norm == 0 ? 0 : missed / norm,
                            .err = (m > n ? m : n) * DBL_EPSILON * values[0]};
    }
    if (status == THM_OK) {
        status = thm_dense_unscale(k, e, values);
    }
    if (status != THM_OK) {
        goto done;
    }
    memcpy(s, values, (size_t)k * sizeof *s);
    if (vectors) {
        memcpy(U, u, size_u * sizeof *U);
        memcpy(Vt, v, size_v * sizeof *Vt);
    }
    if (report != NULL) {
        *report = judged;
        /* unscaling rounds values in the denormal range */
        report->err = ldexp(judged.err, e) + DBL_TRUE_MIN;
    }
done:
    free(scaled);
    free(values);
    free(factors);
    free(gram);
    return status;
}

thm_status thm_svd_values(int m, int n, const double *A, double *s,
                          thm_la_report *report)
{
    return compute(m, n, A, s, NULL, NULL, report);
}

thm_status thm_svd(int m, int n, const double *A, double *s, double *U,
                   double *Vt, thm_la_report *report)
{
    return compute(m, n, A, s, U, Vt, report);
}

thm_status thm_sigma_min(int m, int n, const double *A, double *sigma,
                         double *err)
{
    thm_status status = thm_dense_check(m, n, A);
    if (status != THM_OK) {
        return status;
    }
    int k = m < n ? m : n;
    thm_la_report report;
    double *s = NULL, *factors = NULL;
    status = thm_dense_alloc(1, k, 1, &s);
    if (status == THM_OK) {
        status = thm_dense_alloc(m > n ? m : n, k, 2, &factors);
    }
    if (status == THM_OK) {
        status = thm_svd(m, n, A, s, factors, factors + (size_t)m * (size_t)k,
                         &report);
    }
    if (status == THM_OK) {
        *sigma = s[k - 1];
        *err = report.err;
    }
    free(s);
    free(factors);
    return status;
}
