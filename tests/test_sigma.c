/* Suite of the smallest singular value of large matrices, and of the products
 * and the Lanczos process under it.  Each test's first line names its oracle.
 */
#include "la/blas.h"
#include "la/sigma.h"
#include "la/svd.h"
#include "tests/generic.h"

static const thm_sigma_route asked[] = {THM_SIGMA_AUTO, THM_SIGMA_GRAM,
                                        THM_SIGMA_QR};

START_TEST(generic_matrices)
{
    /* identity: constructed values; min errs by the rounding of A, |E|_2, and
     * by what the result itself says */
    static const int shapes[][2] = {{1, 1},   {2, 2},   {3, 7},   {7, 3},
                                    {16, 16}, {63, 65}, {65, 63}, {90, 80}};
    static const double conditions[] = {1, 18, 1e3, 1e5, 1e8, 1e12};
    int m = shapes[_i][0], n = shapes[_i][1], k = m < n ? m : n;
    double *s = room(1, k);
    for (size_t c = 0; c < sizeof conditions / sizeof *conditions; c++) {
        for (int i = 0; i < k; i++) {
            s[i] = 2.385 * pow(conditions[c], k == 1 ? 0 : -i / (k - 1.0));
        }
        double *A = generic(20 + (uint64_t)_i, m, n, s);
        for (int r = 0; r < 3; r++) {
            thm_sigma found;
            thm_status status = thm_sigma_est(m, n, A, asked[r], &found);
            if (asked[r] == THM_SIGMA_GRAM && conditions[c] > 1e4) {
                ck_assert(status == THM_OK || status == THM_ECONVERGE);
            } else {
                ck_assert_int_eq(status, THM_OK);
            }
            if (status != THM_OK) {
                continue;
            }
            /* |E|_2 <= |E|_F <= sqrt(k) u s_1 */
            double rounding = 1.01 * sqrt(k) * u * s[0];
            ck_assert_double_le(fabs(found.min - s[k - 1]),
                                rounding + found.error * found.max);
            ck_assert_double_le(fabs(found.max - s[0]),
                                rounding + 4 * (found.max_error + u) * s[0]);
            ck_assert_double_le(found.error, found.residual);
            ck_assert_double_eq(found.threshold,
                                (m > n ? m : n) * DBL_EPSILON * found.max);
            ck_assert(found.route ==
                      (asked[r] == THM_SIGMA_AUTO ? found.route : asked[r]));
            if (conditions[c] <= 1e3) {
                ck_assert(asked[r] != THM_SIGMA_AUTO ||
                          found.route == THM_SIGMA_GRAM);
            }
        }
        free(A);
    }
    free(s);
}
END_TEST

START_TEST(guess_does_not_decide)
{
    /* second route: thm_sigma_min.  Large enough for the first guess of the
     * route; leading rows that promise well and end badly, and the reverse */
    int m = 260, n = 270;
    double *A = drawn(60, m, n), sigma, err;
    for (int c = 0; c < 4; c++) {
        for (int j = 0; j < n; j++) {
            /* the last row next to the first; early rows small; both */
            A[(m - 1) * n + j] = A[j] + (c % 2 == 0 ? 1e-9 : 1) * A[n + j];
            for (int i = 2; i < 40 && c == 2; i++) {
                A[i * n + j] *= 0.9;
            }
        }
        thm_sigma auto_route, qr, gram;
        ck_assert_int_eq(thm_sigma_min(m, n, A, &sigma, &err), THM_OK);
        ck_assert_int_eq(thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &auto_route),
                         THM_OK);
        ck_assert_int_eq(thm_sigma_est(m, n, A, THM_SIGMA_QR, &qr), THM_OK);
        ck_assert_double_le(fabs(auto_route.min - sigma), err);
        ck_assert_double_le(fabs(qr.min - sigma), err);
        ck_assert_double_le(fabs(auto_route.min - qr.min),
                            2 * (m + n) * u * qr.max);
        thm_status status = thm_sigma_est(m, n, A, THM_SIGMA_GRAM, &gram);
        ck_assert(status == THM_OK || status == THM_ECONVERGE);
        if (status == THM_OK) {
            ck_assert_double_le(fabs(gram.min - sigma), err);
        }
    }
    free(A);
}
END_TEST

START_TEST(no_worse_than_dgesdd)
{
    /* identity: constructed values, |error| of 30 matrices a condition; the
     * root mean square is at most that of dgesdd, which has the same rounding
     * of the construction under it */
    enum { K = 24, CASES = 30 };
    static const double conditions[] = {10, 1e3, 1e5, 1e7, 1e9, 1e12};
    double s[K], values[K], own = 0, peer = 0;
    double condition = conditions[_i];
    for (int i = 0; i < K; i++) {
        s[i] = pow(condition, -i / (K - 1.0));
    }
    for (int c = 0; c < CASES; c++) {
        double *A = generic(100 + (uint64_t)c, K, K + 3, s);
        thm_sigma found;
        ck_assert_int_eq(thm_sigma_est(K, K + 3, A, THM_SIGMA_AUTO, &found),
                         THM_OK);
        ck_assert_int_eq(thm_svd_values(K, K + 3, A, values, NULL), THM_OK);
        own += pow(found.min - s[K - 1], 2);
        peer += pow(values[K - 1] - s[K - 1], 2);
        free(A);
    }
    ck_assert_double_le(own, peer);
    ck_assert_double_gt(own, 0);
}
END_TEST

START_TEST(structured)
{
    /* identity: diagonal, equal and zero matrices; scaling by powers of two
     * changes nothing else */
    double D[4 * 6] = {0}, I[9] = {3, 0, 0, 0, 3, 0, 0, 0, 3}, Z[6] = {0};
    static const double d[] = {2.385, 0x1p-30, -7, 0x1p-45};
    static const int shifts[] = {-900, -500, -65, 64, 500, 1000};
    int shift = shifts[_i];
    thm_sigma found, scaled;
    for (int i = 0; i < 4; i++) {
        D[i * 6 + i] = d[i];
    }
    ck_assert_int_eq(thm_sigma_est(4, 6, D, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_eq_tol(found.min, 0x1p-45, 4 * u * 0x1p-45);
    ck_assert_double_eq_tol(found.max, 7, 8 * u * 7);
    ck_assert_double_eq_tol(found.gap, 1 - 0x1p-15, 0x1p-30);
    for (int i = 0; i < 4; i++) {
        D[i * 6 + i] = ldexp(d[i], shift);
    }
    ck_assert_int_eq(thm_sigma_est(4, 6, D, THM_SIGMA_AUTO, &scaled), THM_OK);
    ck_assert_double_eq(scaled.min, ldexp(found.min, shift));
    ck_assert_double_eq(scaled.max, ldexp(found.max, shift));
    ck_assert_double_eq(scaled.threshold, 6 * DBL_EPSILON * scaled.max);
    ck_assert_int_eq(thm_sigma_est(3, 3, I, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_eq_tol(found.min, 3, 8 * u);
    ck_assert_double_eq_tol(found.max, 3, 8 * u);
    ck_assert_double_le(found.gap, 8 * u);
    ck_assert_int_eq(thm_sigma_est(2, 3, Z, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_eq(found.min + found.max + found.residual + found.error,
                        0);
    ck_assert_int_eq(thm_sigma_est(1, 6, D, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_eq(found.gap, 1);
}
END_TEST

START_TEST(singular)
{
    /* identity: a repeated row, also where QR leaves an exact zero, or a rank
     * of one: sigma_k = 0, found below the threshold */
    double A[5 * 4], R[4] = {1, 1, 1, 1};
    thm_sigma found;
    thm_rng rng = thm_rng_make(2385, 70);
    thm_rng_fill_normal(&rng, 20, 1, A);
    for (int i = 0; i < 5; i++) {
        A[i * 4 + 2] = A[i * 4];
    }
    ck_assert_int_eq(thm_sigma_est(5, 4, A, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_le(found.min, found.threshold);
    ck_assert_int_eq(found.route, THM_SIGMA_QR);
    ck_assert_int_eq(thm_sigma_est(2, 2, R, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_double_le(found.min, found.threshold);
    ck_assert_double_eq_tol(found.max, 2, 8 * u);
    ck_assert_int_eq(thm_sigma_est(2, 2, R, THM_SIGMA_GRAM, &found),
                     THM_ECONVERGE);
}
END_TEST

START_TEST(inverse_out_of_range)
{
    /* identity: the bidiagonal matrix of ones and twos has sigma_n < 2^(1-n);
     * lower, it is its own R'; at n = 1200 the inverse overflows and all values
     * of R are taken */
    int n = 1200;
    double *A = calloc((size_t)n * (size_t)n, sizeof *A);
    ck_assert_ptr_nonnull(A);
    for (int i = 0; i < n; i++) {
        A[i * n + i] = 1;
        if (i > 0) {
            A[i * n + i - 1] = 2;
        }
    }
    thm_sigma found;
    ck_assert_int_eq(thm_sigma_est(n, n, A, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_int_eq(found.route, THM_SIGMA_SVD);
    ck_assert_double_le(found.min, found.threshold);
    ck_assert_double_le(fabs(found.max - 3), 1e-4);
    ck_assert_int_eq(thm_sigma_est(n, n, A, THM_SIGMA_GRAM, &found),
                     THM_ECONVERGE);
    free(A);
}
END_TEST

START_TEST(refusals)
{
    /* identity: each documented error, the result untouched */
    double A[6] = {1, 2, 3, 4, 5, 7}, most[6];
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    thm_sigma found = {.min = 7, .max = 7};
    ck_assert_int_eq(thm_sigma_est(0, 3, A, THM_SIGMA_AUTO, &found), THM_EDIM);
    ck_assert_int_eq(thm_sigma_est(3, -1, A, THM_SIGMA_QR, &found), THM_EDIM);
    ck_assert_int_eq(thm_sigma_est(2, 3, A, THM_SIGMA_SVD, &found),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_sigma_est(2, 3, A, (thm_sigma_route)17, &found),
                     THM_EDOMAIN);
    for (int i = 0; i < 3; i++) {
        double kept = A[i + 2];
        A[i + 2] = bad[i];
        ck_assert_int_eq(thm_sigma_est(2, 3, A, THM_SIGMA_AUTO, &found),
                         THM_EDOMAIN);
        A[i + 2] = kept;
    }
    for (int i = 0; i < 6; i++) {
        most[i] = DBL_MAX;
    }
    ck_assert_int_eq(thm_sigma_est(2, 3, most, THM_SIGMA_AUTO, &found),
                     THM_EOVERFLOW);
    ck_assert_double_eq(found.min + found.max, 14);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("sigma");
    TCase *c = tcase_create("sigma");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(suite, slow);
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, generic_matrices, 0, 8);
    tcase_add_test(c, guess_does_not_decide);
    tcase_add_loop_test(c, no_worse_than_dgesdd, 0, 6);
    tcase_add_loop_test(c, structured, 0, 6);
    tcase_add_test(c, singular);
    tcase_add_test(slow, inverse_out_of_range);
    tcase_add_test(c, refusals);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
