/* Oracle: certificate (the residual in extended precision) and identity
 * (matrices whose inverse or singularity is known) for LU factorisation. */
#include <check.h>
#include <stdbool.h>
#include "la/lu.h"
#include "tests/matrices.h"
#include "tests/scratch.h"

/* |b - A x| <= c n eps (|A||x| + |b|) in the infinity norm, c = 30 as LAPACK's
 * own tests. */
static void expect_solution(int n, const double *A, const double *b,
                            const double *x)
{
    long double worst = 0, size = 0;
    for (int i = 0; i < n; i++) {
        long double r = b[i], s = fabs(b[i]);
        for (int j = 0; j < n; j++) {
            r -= (long double)A[i * n + j] * x[j];
            s += fabsl((long double)A[i * n + j] * x[j]);
        }
        worst = fabsl(r) > worst ? fabsl(r) : worst;
        size = s > size ? s : size;
    }
    ck_assert(worst <= THRESHOLD * n * DBL_EPSILON * size);
}

START_TEST(solutions_have_small_residuals)
{
    for (int c = 0; c < N_SIZES; c++) {
        int n = sizes[c];
        double *A = drawn((uint64_t)c, n, n), *b = drawn(100, n, 1);
        double *x = room(n, 1), rcond = 0;
        thm_lu *lu = NULL;
        ck_assert_int_eq(thm_lu_alloc(n, &lu), THM_OK);
        ck_assert_int_eq(thm_lu_factor(lu, A, &rcond), THM_OK);
        ck_assert(rcond > 0 && rcond <= 1 + n * DBL_EPSILON);
        ck_assert_int_eq(thm_lu_solve(lu, b, x), THM_OK);
        expect_solution(n, A, b, x);
        /* in place, the same bits */
        ck_assert_int_eq(thm_lu_solve(lu, b, b), THM_OK);
        ck_assert_mem_eq(b, x, (size_t)n * sizeof *x);
        thm_lu_free(lu);
        free(A);
        free(b);
        free(x);
    }
}
END_TEST

/* Scaling is by powers of two: rows multiplied by some change no bit. */
START_TEST(rows_may_have_any_scale)
{
    enum { N = 9 };
    double *A = drawn(7, N, N), *b = drawn(8, N, 1), B[N * N], x[N], y[N];
    double rcond, scaled;
    thm_lu *lu = NULL;
    ck_assert_int_eq(thm_lu_alloc(N, &lu), THM_OK);
    ck_assert_int_eq(thm_lu_factor(lu, A, &rcond), THM_OK);
    ck_assert_int_eq(thm_lu_solve(lu, b, x), THM_OK);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            B[i * N + j] = ldexp(A[i * N + j], 50 * (i - 4));
        }
        b[i] = ldexp(b[i], 50 * (i - 4));
    }
    ck_assert_int_eq(thm_lu_factor(lu, B, &scaled), THM_OK);
    ck_assert_double_eq(scaled, rcond);
    ck_assert_int_eq(thm_lu_solve(lu, b, y), THM_OK);
    ck_assert_mem_eq(x, y, sizeof x);
    thm_lu_free(lu);
    free(A);
    free(b);
}
END_TEST

START_TEST(singular_matrices_are_told)
{
    double rcond = 7, x[3] = {1, 2, 3};
    const double zero_row[] = {1.5, 2.5, -1, 0, 0, 0, 1, 1, 2};
    const double zero_column[] = {1.5, 0, -1, 2, 0, 0, 1, 0, 2};
    const double equal[] = {1.5, 2.5, -1, 1.5, 2.5, -1, 1, 1, 2};
    /* rank two up to rounding: no pivot vanishes */
    const double rank2[] = {0.1,
                            0.7,
                            0.31,
                            0.2,
                            0.53,
                            0.9,
                            0.1 / 3 + 0.2 * 0.7,
                            0.7 / 3 + 0.53 * 0.7,
                            0.31 / 3 + 0.9 * 0.7};
    const double nan[] = {1, 0, 0, 0, (double)NAN, 0, 0, 0, 1};
    const double *singular[] = {zero_row, zero_column, equal, rank2};
    thm_lu *lu = NULL;
    ck_assert_int_eq(thm_lu_alloc(0, &lu), THM_EDIM);
    ck_assert_ptr_null(lu);
    thm_lu_free(NULL);
    ck_assert_int_eq(thm_lu_alloc(3, &lu), THM_OK);
    ck_assert_int_eq(thm_lu_solve(lu, x, x), THM_EDOMAIN);
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(thm_lu_factor(lu, singular[k], &rcond), THM_ESINGULAR);
        ck_assert(rcond >= 0 && rcond <= 3 * DBL_EPSILON);
        ck_assert((rcond > 0) == (singular[k] == rank2));
        ck_assert_int_eq(thm_lu_solve(lu, x, x), THM_EDOMAIN);
    }
    ck_assert_int_eq(thm_lu_factor(lu, nan, NULL), THM_EDOMAIN);
    const double tiny[] = {0x1p-1000, 0, 0, 0, 1, 0, 0, 0, 1};
    double far[] = {1e300, 1, 1};
    ck_assert_int_eq(thm_lu_factor(lu, tiny, NULL), THM_OK);
    ck_assert_int_eq(thm_lu_solve(lu, far, far), THM_ESINGULAR);
    ck_assert(far[0] == 1e300 && x[0] == 1 && x[1] == 2 && x[2] == 3);
    thm_lu_free(lu);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lu");
    TCase *t = tcase_create("lu");
    tcase_add_test(t, solutions_have_small_residuals);
    tcase_add_test(t, rows_may_have_any_scale);
    tcase_add_test(t, singular_matrices_are_told);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
