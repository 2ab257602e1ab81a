/* LU factorisation through LAPACKE; see lu.h.  Row-major S is column-major S':
 * LAPACK factors S', and the systems are solved with its transpose. */
#include "la/lu.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "la/dense.h"

struct thm_lu {
    int n;
    bool factored;
    double *S; /* (n x n): factors of the scaled matrix              */
    double *rows, *columns; /* (n): powers of two, S = diag(rows) A diag(c) */
    double *work;           /* (4 n)                                        */
    lapack_int *pivot, *iwork;
};

thm_status thm_lu_alloc(int n, thm_lu **lu)
{
    double *numbers = NULL;
    if (n < 1 || n > (1 << 29)) {
        return n < 1 ? THM_EDIM : THM_EOVERFLOW;
    }
    thm_status status = thm_dense_alloc(n, n + 6, 1, &numbers);
    thm_lu *made = calloc(1, sizeof *made);
    lapack_int *indices = calloc(2 * (size_t)n, sizeof *indices);
    if (status != THM_OK || made == NULL || indices == NULL) {
        free(numbers);
        free(made);
        free(indices);
        return status == THM_OK ? THM_ENOMEM : status;
    }
    made->n = n;
    made->S = numbers;
    made->rows = numbers + (size_t)n * (size_t)n;
    made->columns = made->rows + n;
    made->work = made->columns + n;
    made->pivot = indices;
    made->iwork = indices + n;
    *lu = made;
    return THM_OK;
}

void thm_lu_free(thm_lu *lu)
{
    if (lu != NULL) {
        free(lu->S);
        free(lu->pivot);
        free(lu);
    }
}

/* The power of two that brings x > 0 into [1/2, 1); 0 has none. */
static double scale_of(double x)
{
    int e;
    frexp(x, &e);
    return x > 0.0 ? ldexp(1.0, e < -1021 ? 1021 : -e) : 0.0;
}

/* S <- scaled A; false if a row or a column is zero.  n^2 maxima in all. */
static bool scale(thm_lu *lu, const double *A)
{
    size_t n = (size_t)lu->n;
    double *S = lu->S, *columns = lu->columns;
    double least = 1.0;
    memset(columns, 0, n * sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        double most = 0.0;
        for (size_t j = 0; j < n; j++) {
            double x = fabs(A[i * n + j]);
            most = x > most ? x : most;
        }
        lu->rows[i] = scale_of(most);
        least = lu->rows[i] < least ? lu->rows[i] : least;
        for (size_t j = 0; j < n; j++) {
            S[i * n + j] = A[i * n + j] * lu->rows[i];
            double x = fabs(S[i * n + j]);
            columns[j] = x > columns[j] ? x : columns[j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        columns[j] = scale_of(columns[j]);
        least = columns[j] < least ? columns[j] : least;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            S[i * n + j] *= columns[j];
        }
    }
    return least > 0.0;
}

static double norm1(size_t n, const double *S, double *sums)
{
    double most = 0.0;
    memset(sums, 0, n * sizeof *sums);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            sums[j] += fabs(S[i * n + j]);
            most = sums[j] > most ? sums[j] : most;
        }
    }
    return most;
}

thm_status thm_lu_factor(thm_lu *lu, const double *A, double *rcond)
{
    int n = lu->n, info = 0;
    double estimate = 0.0;
    thm_status status = thm_dense_check(n, n, A);
    lu->factored = false;
    if (status != THM_OK) {
        return status;
    }
    if (scale(lu, A)) {
        double norm = norm1((size_t)n, lu->S, lu->work);
        info = LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, lu->S, n, lu->pivot);
        if (info == 0) {
            /* the 1-norm of S is the infinity norm of what LAPACK sees */
            info = LAPACKE_dgecon_work(LAPACK_COL_MAJOR, 'I', n, lu->S, n, norm,
                                       &estimate, lu->work, lu->iwork);
        }
        status = info > 0 ? THM_OK : thm_dense_info(info);
    }
    if (status != THM_OK) {
        return status;
    }
    if (rcond != NULL) {
        *rcond = estimate;
    }
    lu->factored = estimate > n * DBL_EPSILON;
    return lu->factored ? THM_OK : THM_ESINGULAR;
}

thm_status thm_lu_solve(thm_lu *lu, const double *b, double *x)
{
    int n = lu->n;
    if (!lu->factored) {
        return THM_EDOMAIN;
    }
    for (int i = 0; i < n; i++) {
        lu->work[i] = b[i] * lu->rows[i];
    }
    int info = LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', n, 1, lu->S, n,
                                   lu->pivot, lu->work, n);
    thm_status status = thm_dense_info(info);
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        lu->work[i] *= lu->columns[i];
        sum += lu->work[i] - lu->work[i];
    }
    if (status == THM_OK && sum != 0.0) {
        status = THM_ESINGULAR;
    }
    if (status == THM_OK) {
        memcpy(x, lu->work, (size_t)n * sizeof *x);
    }
    return status;
}
