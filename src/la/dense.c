/* Checked copies, scaling, norms; see dense.h. */
#include "la/dense.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "la/blas.h"

thm_status thm_dense_check(int m, int n, const double *A)
{
    if (m < 1 || n < 1) {
        return THM_EDIM;
    }
    size_t count = (size_t)m * (size_t)n;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(A[i])) {
            return THM_EDOMAIN;
        }
    }
    return THM_OK;
}

thm_status thm_dense_check_symmetric(int n, const double *A)
{
    thm_status status = thm_dense_check(n, n, A);
    for (int i = 0; status == THM_OK && i < n; i++) {
        for (int j = 0; j < i; j++) {
            if (A[(size_t)i * (size_t)n + (size_t)j] !=
                A[(size_t)j * (size_t)n + (size_t)i]) {
                return THM_EDOMAIN;
            }
        }
    }
    return status;
}

thm_status thm_dense_alloc(int m, int n, int copies, double **out)
{
    size_t bytes = sizeof **out;
    thm_status status = thm_size_mul(bytes, (size_t)m, &bytes);
    if (status == THM_OK) {
        status = thm_size_mul(bytes, (size_t)n, &bytes);
    }
    if (status == THM_OK) {
        status = thm_size_mul(bytes, (size_t)copies, &bytes);
    }
    if (status != THM_OK) {
        return status;
    }
    double *x = malloc(bytes);
    if (x == NULL) {
        return THM_ENOMEM;
    }
    *out = x;
    return THM_OK;
}

int thm_dense_scale(int m, int n, const double *A, double *out)
{
    size_t count = (size_t)m * (size_t)n;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fabs(A[i]));
    }
    int e = 0;
    frexp(most, &e);
    for (size_t i = 0; i < count; i++) {
        out[i] = ldexp(A[i], -e);
    }
    return e;
}

double thm_dense_norm(int m, int n, const double *A)
{
    size_t count = (size_t)m * (size_t)n;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += A[i] * A[i];
    }
    return sqrt(sum);
}

double thm_dense_defect(int columns, int k, int n, const double *Q,
                        double *gram, double *rounding)
{
    double u = DBL_EPSILON / 2;
    double norm = thm_dense_norm(k, n, Q);
    int ld = columns ? k : n;
    if (thm_gemm(columns, !columns, k, k, n, 1, Q, ld, Q, ld, 0, gram, k) !=
        THM_OK) {
        return HUGE_VAL;
    }
    for (int i = 0; i < k; i++) {
        gram[(size_t)i * (size_t)k + (size_t)i] -= 1;
    }
    *rounding = (n + 4) * u * norm * norm;
    return thm_dense_norm(k, k, gram);
}

thm_status thm_dense_info(int info)
{
    if (info > 0) {
        return THM_ECONVERGE;
    }
    if (info == LAPACK_WORK_MEMORY_ERROR ||
        info == LAPACK_TRANSPOSE_MEMORY_ERROR) {
        return THM_ENOMEM;
    }
    return info == 0 ? THM_OK : THM_EINTERNAL;
}

thm_status thm_dense_unscale(int count, int e, double *x)
{
    for (int i = 0; i < count; i++) {
        x[i] = ldexp(x[i], e);
        if (!isfinite(x[i])) {
            return THM_EOVERFLOW;
        }
    }
    return THM_OK;
}
