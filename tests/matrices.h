/* Matrices that the suites of src/la share. */
#ifndef TESTS_MATRICES_H
#define TESTS_MATRICES_H

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"

static const double u = DBL_EPSILON / 2;
static const int sizes[] = {1, 2, 3, 7, 8, 9, 63, 65};
enum { N_SIZES = sizeof sizes / sizeof *sizes, MOST = 65 };

static inline double *room(int m, int n)
{
    double *x = malloc((size_t)m * (size_t)n * sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* standard normals times 1.127 */
static inline double *drawn(uint64_t stream, int m, int n)
{
    double *x = room(m, n);
    thm_rng rng = thm_rng_make(2385, stream);
    thm_rng_fill_normal(&rng, (int64_t)m * n, 1.127, x);
    return x;
}

/* of LAPACK's own tests: a backward error above 30 n eps |A| is a failure */
enum { THRESHOLD = 30 };

/* A[i][j] = f(i, j) over the whole matrix */
static inline double *built(int m, int n, double (*f)(int, int))
{
    double *A = room(m, n);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            A[i * n + j] = f(i, j);
        }
    }
    return A;
}

static inline double smaller_index(int i, int j)
{
    return (i < j ? i : j) + 1;
}

static inline double lower_ones(int i, int j)
{
    return j <= i ? 1 : 0;
}

/* |A - B C|_F in extended precision, op as for thm_gemm */
static inline double distance(int m, int n, int k, const double *A,
                              const double *B, bool transpose_c,
                              const double *C)
{
    long double sum = 0;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            long double x = A == NULL ? (i == j) : A[i * n + j];
            for (int l = 0; l < k; l++) {
                x -= (long double)B[i * k + l] *
                     C[transpose_c ? j * k + l : l * n + j];
            }
            sum += x * x;
        }
    }
    return (double)sqrtl(sum);
}

static inline double norm(int m, int n, const double *A)
{
    long double sum = 0;
    for (int i = 0; i < m * n; i++) {
        sum += (long double)A[i] * A[i];
    }
    return (double)sqrtl(sum);
}

/* a claimed |A - B C|_F against the one in extended precision: the rounding of
 * a residual evaluated in doubles is at most that of its products */
static inline void expect_residual(double claimed, double exact,
                                   double products, int terms)
{
    double rounding = (terms + 4) * u * products;
    ck_assert_double_le(fabs(claimed - exact), rounding);
}

#endif
