/* Suite of QR and Cholesky factorisations, and of what every factorisation
 * refuses.  Each test's first line names its oracle. */
#include <limits.h>
#include <string.h>

#include "la/blas.h"
#include "la/chol.h"
#include "la/eig.h"
#include "la/qr.h"
#include "la/svd.h"
#include "tests/matrices.h"

/* ---- QR and Cholesky --------------------------------------------------- */

START_TEST(qr_of_any_shape)
{
    /* certificate: A = Q R, Q'Q = I, R triangular with diag R >= 0 (which makes
     * it unique: R without Q is the same) */
    for (int b = 0; b < N_SIZES; b++) {
        int m = sizes[_i], n = sizes[b], k = m < n ? m : n;
        int most = m > n ? m : n;
        double *A = drawn(8, m, n), *Q = room(m, k), *R = room(k, n);
        double *Qt = room(k, m), *S = room(k, n), a = norm(m, n, A);
        thm_la_report r;
        ck_assert_int_eq(thm_qr(m, n, A, Q, R, &r), THM_OK);
        double exact = distance(m, n, k, A, Q, false, R);
        expect_residual(r.residual * a, exact, a * (1 + sqrt(k)), k);
        ck_assert_double_le(exact, THRESHOLD * most * DBL_EPSILON * a);
        ck_assert_double_ge(r.err, exact);
        ck_assert_double_le(r.err, 4.0 * most * (most + 4) * u * a);
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < k; j++) {
                Qt[j * m + i] = Q[i * k + j];
            }
        }
        double defect = distance(k, k, m, NULL, Qt, true, Qt);
        expect_residual(r.orthogonality, defect, k, m);
        ck_assert_double_le(defect, THRESHOLD * most * DBL_EPSILON);
        for (int i = 0; i < k; i++) {
            ck_assert_double_gt(R[i * n + i], 0);
            for (int j = 0; j < i; j++) {
                ck_assert_double_eq(R[i * n + j], 0);
            }
        }
        ck_assert_int_eq(thm_qr_r(m, n, A, S, &r), THM_OK);
        for (int i = 0; i < k * n; i++) {
            ck_assert_double_eq(S[i], R[i]);
        }
        ck_assert_double_le(r.residual, 4 * most * DBL_EPSILON);
        ck_assert_double_gt(r.err, 0);
        ck_assert_double_le(r.err, 4.0 * (m + k + 4) * u * a);
        ck_assert_double_eq(r.orthogonality, 0);
        free(A);
        free(Q);
        free(Qt);
        free(R);
        free(S);
    }
}
END_TEST

START_TEST(qr_of_smaller_index)
{
    /* identity: |R e_1| = |A e_1| = sqrt(n), |det R| = det A = 1 */
    int n = sizes[_i];
    double *A = built(n, n, smaller_index), *R = room(n, n), log_det = 0;
    ck_assert_int_eq(thm_qr_r(n, n, A, R, NULL), THM_OK);
    for (int i = 0; i < n; i++) {
        log_det += log(R[i * n + i]);
    }
    ck_assert_double_le(fabs(R[0] - sqrt(n)), n * DBL_EPSILON * R[0]);
    /* |A^-1|_F < 4 sqrt(n) < n + 4 carries the backward error to the log */
    double a = norm(n, n, A);
    ck_assert_double_le(fabs(log_det), n * DBL_EPSILON * a * (n + 4));
    free(A);
    free(R);
}
END_TEST

START_TEST(chol_of_smaller_index)
{
    /* identity: min(i, j) = L L' with L the lower triangle of ones; every step
     * is exact */
    int n = sizes[_i];
    double *A = built(n, n, smaller_index), *L = room(n, n);
    double *ones = built(n, n, lower_ones);
    thm_la_report r;
    ck_assert_int_eq(thm_chol(n, A, L, &r), THM_OK);
    for (int i = 0; i < n * n; i++) {
        ck_assert_double_eq(L[i], ones[i]);
    }
    ck_assert_double_eq(r.residual, 0);
    ck_assert_double_eq(r.orthogonality, 0);
    double a = norm(n, n, A), l = norm(n, n, L);
    ck_assert_double_ge(r.err, n * u * a);
    ck_assert_double_le(r.err, 2 * (n + 4) * u * (a + l * l));
    free(A);
    free(L);
    free(ones);
}
END_TEST

START_TEST(chol_of_any_matrix)
{
    /* certificate: A = L L' in extended precision */
    int n = sizes[_i];
    double *G = drawn(9, n, n + 3), *A = room(n, n), *L = room(n, n);
    thm_gemm_ref(false, true, n, n, n + 3, 1, G, n + 3, G, n + 3, 0, A, n);
    thm_la_report r;
    ck_assert_int_eq(thm_chol(n, A, L, &r), THM_OK);
    double exact = distance(n, n, n, A, L, true, L), a = norm(n, n, A);
    expect_residual(r.residual * a, exact, a * (1 + sqrt(n)), n);
    ck_assert_double_le(exact, r.err);
    ck_assert_double_le(exact, THRESHOLD * n * DBL_EPSILON * a);
    free(G);
    free(A);
    free(L);
}
END_TEST

START_TEST(chol_of_graded)
{
    /* identity: diag(1e300, 4, 1e-300); no scaling may lose the small pivot */
    double A[9] = {0x1p1000, 0, 0, 0, 4, 0, 0, 0, 0x1p-1000}, L[9];
    ck_assert_int_eq(thm_chol(3, A, L, NULL), THM_OK);
    ck_assert_double_eq(L[0], 0x1p500);
    ck_assert_double_eq(L[4], 2);
    ck_assert_double_eq(L[8], 0x1p-500);
}
END_TEST

START_TEST(chol_refuses_indefinite)
{
    /* identity: pivots by hand: negative, zero, negative at the second step */
    double L[4] = {7, 7, 7, 7};
    static const double bad[][4] = {
        {-1, 0, 0, 1}, {1, 0, 0, 0}, {1, 2, 2, 1}, {1, 1, 1, 1}};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(thm_chol(2, bad[i], L, NULL), THM_ESINGULAR);
    }
    ck_assert_double_eq(L[0] + L[1] + L[2] + L[3], 28);
}
END_TEST

/* ---- refusals ---------------------------------------------------------- */

/* Every entry point with the same A; all must answer `status` and leave every
 * output as it was. */
static void expect_refused(int m, int n, const double *A, thm_status status,
                           bool square)
{
    double out[6][9], err = 7;
    thm_la_report r = {7, 7, 7};
    for (int i = 0; i < 6 * 9; i++) {
        out[i / 9][i % 9] = 7;
    }
    ck_assert_int_eq(thm_svd_values(m, n, A, out[0], &r), status);
    ck_assert_int_eq(thm_svd(m, n, A, out[0], out[1], out[2], &r), status);
    ck_assert_int_eq(thm_sigma_min(m, n, A, out[0], &err), status);
    ck_assert_int_eq(thm_qr(m, n, A, out[3], out[4], &r), status);
    ck_assert_int_eq(thm_qr_r(m, n, A, out[4], &r), status);
    if (square) {
        ck_assert_int_eq(thm_eig_values(n, A, out[0], &r), status);
        ck_assert_int_eq(thm_eig(n, A, out[0], out[1], &r), status);
        ck_assert_int_eq(thm_chol(n, A, out[5], &r), status);
    }
    for (int i = 0; i < 6 * 9; i++) {
        ck_assert_double_eq(out[i / 9][i % 9], 7);
    }
    ck_assert_double_eq(r.residual + r.orthogonality + r.err + err, 28);
}

START_TEST(refuses_what_is_not_finite)
{
    /* identity: THM_EDOMAIN wherever the NaN or the infinity stands */
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    double A[9];
    for (int i = 0; i < 9; i++) {
        for (int j = 0; j < 9; j++) {
            A[j] = j % 4 == 0 ? 5 : 1;
        }
        A[i] = bad[_i];
        A[i % 3 * 3 + i / 3] = bad[_i];
        expect_refused(3, 3, A, THM_EDOMAIN, true);
        expect_refused(1, 9, A, THM_EDOMAIN, false);
        expect_refused(9, 1, A, THM_EDOMAIN, false);
    }
}
END_TEST

START_TEST(refuses_empty)
{
    /* identity: THM_EDIM for a size below 1 */
    double A[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    expect_refused(0, 0, A, THM_EDIM, true);
    expect_refused(-1, -1, A, THM_EDIM, true);
    expect_refused(3, 0, A, THM_EDIM, false);
    expect_refused(0, 3, A, THM_EDIM, false);
}
END_TEST

START_TEST(refuses_asymmetry)
{
    /* identity: one unit in the last place is asymmetric */
    double A[4] = {2, 1, 1 + DBL_EPSILON, 3}, out[4] = {7, 7, 7, 7}, w[2];
    ck_assert_int_eq(thm_eig_values(2, A, w, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_eig(2, A, w, out, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_chol(2, A, out, NULL), THM_EDOMAIN);
    ck_assert_double_eq(out[0], 7);
}
END_TEST

START_TEST(refuses_results_out_of_range)
{
    /* identity: the largest value of c ones(3, 3) is 3 c > DBL_MAX */
    double A[9], out[3] = {7, 7, 7}, V[9], R[9];
    for (int i = 0; i < 9; i++) {
        A[i] = 0.9 * DBL_MAX;
    }
    ck_assert_int_eq(thm_eig_values(3, A, out, NULL), THM_EOVERFLOW);
    ck_assert_int_eq(thm_eig(3, A, out, V, NULL), THM_EOVERFLOW);
    ck_assert_int_eq(thm_svd_values(3, 3, A, out, NULL), THM_EOVERFLOW);
    ck_assert_int_eq(thm_svd(3, 3, A, out, V, R, NULL), THM_EOVERFLOW);
    ck_assert_int_eq(thm_qr(3, 3, A, V, R, NULL), THM_EOVERFLOW);
    ck_assert_double_eq(out[0] + out[1] + out[2], 21);
}
END_TEST

START_TEST(answers_of_lapack)
{
    /* stored: LAPACK's convention for info, LAPACKE's codes for memory */
    ck_assert_int_eq(thm_dense_info(0), THM_OK);
    ck_assert_int_eq(thm_dense_info(3), THM_ECONVERGE);
    ck_assert_int_eq(thm_dense_info(-4), THM_EINTERNAL);
    ck_assert_int_eq(thm_dense_info(-1010), THM_ENOMEM);
    ck_assert_int_eq(thm_dense_info(-1011), THM_ENOMEM);
    double *x = NULL;
    ck_assert_int_eq(thm_dense_alloc(INT_MAX, INT_MAX, 4, &x), THM_EOVERFLOW);
    ck_assert_int_eq(thm_dense_alloc(INT_MAX, 1 << 20, 4, &x), THM_ENOMEM);
    ck_assert_ptr_null(x);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("qr");
    TCase *c = tcase_create("qr");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, qr_of_any_shape, 0, N_SIZES);
    tcase_add_loop_test(c, qr_of_smaller_index, 0, N_SIZES);
    tcase_add_loop_test(c, chol_of_smaller_index, 0, N_SIZES);
    tcase_add_loop_test(c, chol_of_any_matrix, 0, N_SIZES);
    tcase_add_test(c, chol_of_graded);
    tcase_add_test(c, chol_refuses_indefinite);
    tcase_add_loop_test(c, refuses_what_is_not_finite, 0, 3);
    tcase_add_test(c, refuses_empty);
    tcase_add_test(c, refuses_asymmetry);
    tcase_add_test(c, refuses_results_out_of_range);
    tcase_add_test(c, answers_of_lapack);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
