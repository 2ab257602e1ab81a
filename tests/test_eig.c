/* Suite of eigenvalues and singular values.  Each test's first line names
 * its oracle. */
#include "la/blas.h"
#include "la/chol.h"
#include "la/eig.h"
#include "la/qr.h"
#include "la/svd.h"
#include "tests/matrices.h"

static const double pi = 3.14159265358979323846;
static double second_difference(int i, int j)
{
    return i == j ? 2 : abs(i - j) == 1 ? -1 : 0;
}

/* ---- eigenvalues ------------------------------------------------------- */

/* Values w of A against the truth, with and without vectors; V against its
 * defining equations in extended precision. */
static void expect_eig(int n, const double *A, const double *truth, double size)
{
    double *w = room(1, n), *V = room(n, n), *AV = room(n, n);
    double *WV = room(n, n);
    thm_la_report r;
    double truth_error = 4 * u * size, a = norm(n, n, A);
    ck_assert_int_eq(thm_eig_values(n, A, w, &r), THM_OK);
    for (int k = 0; k < n; k++) {
        ck_assert_double_le(fabs(w[k] - truth[k]), r.err + truth_error);
    }
    ck_assert_double_le(r.residual, n * DBL_EPSILON);
    ck_assert_double_eq_tol(r.err, n * DBL_EPSILON * a, n * u * a * 1e-3);
    ck_assert_double_eq(r.orthogonality, 0);

    ck_assert_int_eq(thm_eig(n, A, w, V, &r), THM_OK);
    for (int k = 0; k < n; k++) {
        ck_assert_double_le(fabs(w[k] - truth[k]), r.err + truth_error);
        ck_assert(k == 0 || w[k - 1] <= w[k]);
    }
    /* the proved bound is not vacuous: its largest term is 2 n (n + 4) u |A| */
    ck_assert_double_le(r.err, 8.0 * n * (n + 4) * u * a + DBL_TRUE_MIN);
    ck_assert_double_ge(r.err, n * sqrt(n) * u * a);
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < n; i++) {
            WV[k * n + i] = w[k] * V[k * n + i];
        }
    }
    double exact = distance(n, n, n, WV, V, false, A);
    expect_residual(r.residual * a, exact, 2 * a * sqrt(n), n);
    ck_assert_double_le(exact, THRESHOLD * n * DBL_EPSILON * a);
    double defect = distance(n, n, n, NULL, V, true, V);
    expect_residual(r.orthogonality, defect, n, n);
    ck_assert_double_le(defect, THRESHOLD * n * DBL_EPSILON);
    free(w);
    free(V);
    free(AV);
    free(WV);
}

START_TEST(eig_of_second_differences)
{
    /* identity: 2 - 2 cos(k pi / (n + 1)), k = 1..n */
    int n = sizes[_i];
    double *A = built(n, n, second_difference), *truth = room(1, n);
    for (int k = 0; k < n; k++) {
        double s = sin((k + 1) * pi / (2 * (n + 1)));
        truth[k] = 4 * s * s;
    }
    expect_eig(n, A, truth, 4);
    free(A);
    free(truth);
}
END_TEST

START_TEST(eig_of_smaller_index)
{
    /* identity: A[i][j] = min(i, j) has 1 / (4 sin^2((2k - 1) pi / (4n + 2)))
     */
    int n = sizes[_i];
    double *A = built(n, n, smaller_index), *truth = room(1, n);
    for (int k = 0; k < n; k++) {
        double s = sin((2 * (n - k) - 1) * pi / (4 * n + 2));
        truth[k] = 1 / (4 * s * s);
    }
    expect_eig(n, A, truth, truth[n - 1]);
    free(A);
    free(truth);
}
END_TEST

START_TEST(eig_of_any_matrix)
{
    /* certificate: defining equations of drawn matrices; trace as the truth of
     * the sum */
    int n = sizes[_i];
    double *G = drawn(6, n, n), *A = room(n, n), *w = room(1, n);
    double trace = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            A[i * n + j] = G[i * n + j] + G[j * n + i];
        }
        trace += A[i * n + i];
    }
    ck_assert_int_eq(thm_eig_values(n, A, w, NULL), THM_OK);
    for (int i = 0; i < n; i++) {
        sum += w[i];
    }
    double a = norm(n, n, A);
    ck_assert_double_le(fabs(sum - trace), n * n * DBL_EPSILON * a);
    expect_eig(n, A, w, n * a);
    free(G);
    free(A);
    free(w);
}
END_TEST

/* The Hilbert matrix of order 10 times lcm(1..19), whose entries are integers;
 * its eigenvalues by mpmath at 60 digits. */
static double scaled_hilbert(int i, int j)
{
    return 232792560.0 / (i + j + 1);
}
static const double hilbert_values[] = {
    0.00002544780760871700051032838, 0.005276817782834057061171926,
    0.4999077797343903323110481,     28.60945460612972428154488,
    1101.036478564509222764083,      29971.95230641036793401441,
    589172.5411190659747741133,      8320428.908924553119412093,
    79831447.49112020027694358,      407833864.955386554297156};

START_TEST(hilbert)
{
    /* stored: mpmath, 25 digits; condition number 1.6e13 */
    double *A = built(10, 10, scaled_hilbert), s[10], err;
    expect_eig(10, A, hilbert_values, hilbert_values[9]);
    thm_la_report r;
    ck_assert_int_eq(thm_svd_values(10, 10, A, s, &r), THM_OK);
    for (int k = 0; k < 10; k++) {
        ck_assert_double_le(fabs(s[k] - hilbert_values[9 - k]), r.err);
    }
    ck_assert_int_eq(thm_sigma_min(10, 10, A, s, &err), THM_OK);
    ck_assert_double_le(fabs(s[0] - hilbert_values[0]), err);
    ck_assert_double_le(err, 3000 * u * hilbert_values[9]);
    free(A);
}
END_TEST

START_TEST(values_of_any_scale)
{
    /* identity: a power of two scales every value exactly */
    static const double scales[] = {0x1p-1022, 0x1p-600, 0x1p600, 0x1p1015};
    enum { n = 7 };
    double *A = built(n, n, smaller_index), w[n], s[n], R[n * n], S[n * n];
    double V[n * n], Q[n * n], L[n * n], K[n * n], err, err2;
    thm_la_report r, q;
    ck_assert_int_eq(thm_eig(n, A, w, V, &r), THM_OK);
    ck_assert_int_eq(thm_sigma_min(n, n, A, s, &err), THM_OK);
    ck_assert_int_eq(thm_qr(n, n, A, Q, R, NULL), THM_OK);
    ck_assert_int_eq(thm_chol(n, A, L, NULL), THM_OK);
    double w2[n], s2[n];
    double *B = room(n, n);
    double c = scales[_i];
    for (int i = 0; i < n * n; i++) {
        B[i] = c * A[i];
    }
    ck_assert_int_eq(thm_eig(n, B, w2, V, &q), THM_OK);
    for (int k = 0; k < n; k++) {
        ck_assert_double_le(fabs(w2[k] - c * w[k]), DBL_TRUE_MIN);
    }
    ck_assert_double_eq(q.residual, r.residual);
    ck_assert_double_le(fabs(q.err - c * r.err), 4 * DBL_TRUE_MIN + u * q.err);
    ck_assert_int_eq(thm_sigma_min(n, n, B, s2, &err2), THM_OK);
    ck_assert_double_le(fabs(s2[0] - c * s[0]), DBL_TRUE_MIN);
    ck_assert_int_eq(thm_qr(n, n, B, Q, S, &q), THM_OK);
    for (int i = 0; i < n * n; i++) {
        ck_assert_double_le(fabs(S[i] - c * R[i]), DBL_TRUE_MIN);
    }
    ck_assert_int_eq(thm_qr_r(n, n, B, S, &q), THM_OK);
    ck_assert_double_le(q.residual, n * DBL_EPSILON);
    ck_assert_int_eq(thm_chol(n, B, K, &q), THM_OK);
    ck_assert_double_le(q.residual, n * DBL_EPSILON);
    double root = sqrt(c);
    for (int i = 0; i < n * n; i++) {
        ck_assert_double_le(fabs(K[i] - root * L[i]), n * DBL_EPSILON * root);
    }
    free(A);
    free(B);
}
END_TEST

/* ---- singular values --------------------------------------------------- */

static void expect_svd(int m, int n, const double *A, const double *truth)
{
    int k = m < n ? m : n;
    double *s = room(1, k), *U = room(m, k), *Vt = room(k, n), *US = room(m, k);
    thm_la_report r;
    double a = norm(m, n, A), least, err;
    int most = m > n ? m : n;
    ck_assert_int_eq(thm_svd(m, n, A, s, U, Vt, &r), THM_OK);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < k; j++) {
            US[i * k + j] = U[i * k + j] * s[j];
        }
    }
    double exact = distance(m, n, k, A, US, false, Vt);
    expect_residual(r.residual * a, exact, a * (1 + sqrt(k)), k);
    ck_assert_double_le(exact, THRESHOLD * most * DBL_EPSILON * a);
    double du, dv = distance(k, k, n, NULL, Vt, true, Vt);
    double *Ut = room(k, m);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < k; j++) {
            Ut[j * m + i] = U[i * k + j];
        }
    }
    du = distance(k, k, m, NULL, Ut, true, Ut);
    expect_residual(r.orthogonality, fmax(du, dv), k, most);
    ck_assert_double_le(fmax(du, dv), THRESHOLD * most * DBL_EPSILON);
    ck_assert_double_le(r.err, 4.0 * most * (most + 4) * u * a);
    ck_assert_double_ge(r.err, exact + k * u * a);
    for (int i = 0; i < k; i++) {
        ck_assert_double_ge(s[i], i + 1 < k ? s[i + 1] : 0);
        if (truth != NULL) {
            ck_assert_double_le(fabs(s[i] - truth[i]),
                                r.err + 4 * u * truth[0]);
        }
    }
    ck_assert_int_eq(thm_sigma_min(m, n, A, &least, &err), THM_OK);
    ck_assert_double_eq(least, s[k - 1]);
    ck_assert_double_eq(err, r.err);
    double err_vectors = r.err;
    ck_assert_int_eq(thm_svd_values(m, n, A, US, &r), THM_OK);
    for (int i = 0; i < k; i++) {
        ck_assert_double_le(fabs(US[i] - s[i]), err_vectors + r.err);
    }
    ck_assert_double_le(r.residual, most * DBL_EPSILON);
    ck_assert_double_eq(r.orthogonality, 0);
    free(s);
    free(U);
    free(Ut);
    free(Vt);
    free(US);
}

START_TEST(svd_of_lower_ones)
{
    /* identity: 1 / (2 sin((2k - 1) pi / (4n + 2))), k = 1..n */
    int n = sizes[_i];
    double *A = built(n, n, lower_ones), *truth = room(1, n);
    for (int k = 0; k < n; k++) {
        truth[k] = 1 / (2 * sin((2 * k + 1) * pi / (4 * n + 2)));
    }
    expect_svd(n, n, A, truth);
    free(A);
    free(truth);
}
END_TEST

START_TEST(svd_of_any_shape)
{
    /* certificate: A = U S Vt and orthonormality in extended precision */
    for (int b = 0; b < N_SIZES; b++) {
        double *A = drawn(7, sizes[_i], sizes[b]);
        expect_svd(sizes[_i], sizes[b], A, NULL);
        free(A);
    }
}
END_TEST

START_TEST(zero_matrices)
{
    /* identity: all values are zero, residuals are zero, Q stays orthonormal */
    double A[6] = {0}, s[2] = {1, 1}, U[6], Vt[6], Q[6], R[6], w[2], V[4], err;
    thm_la_report r;
    ck_assert_int_eq(thm_svd(3, 2, A, s, U, Vt, &r), THM_OK);
    ck_assert_double_eq(s[0] + s[1] + r.residual, 0);
    ck_assert_int_eq(thm_svd_values(2, 3, A, s, &r), THM_OK);
    ck_assert_double_eq(s[0] + s[1] + r.residual, 0);
    ck_assert_int_eq(thm_sigma_min(3, 2, A, s, &err), THM_OK);
    ck_assert_double_le(err, DBL_TRUE_MIN);
    ck_assert_int_eq(thm_eig(2, A, w, V, &r), THM_OK);
    ck_assert_double_eq(fabs(w[0]) + fabs(w[1]) + r.residual, 0);
    ck_assert_double_eq(fabs(V[0]) + fabs(V[1]), 1);
    ck_assert_int_eq(thm_eig_values(2, A, w, &r), THM_OK);
    ck_assert_double_eq(r.residual, 0);
    ck_assert_int_eq(thm_qr(3, 2, A, Q, R, &r), THM_OK);
    ck_assert_double_eq(r.residual + r.orthogonality, 0);
    ck_assert_int_eq(thm_qr_r(3, 2, A, R, &r), THM_OK);
    ck_assert_double_eq(r.residual + norm(2, 2, R), 0);
    ck_assert_int_eq(thm_chol(2, A, V, &r), THM_ESINGULAR);
}
END_TEST

START_TEST(residuals_are_measured)
{
    /* certificate: no rounded factorisation of drawn matrices is exact, so a
     * residual that stays zero over all of them was not computed */
    double of_values = 0, of_vectors = 0;
    for (int c = 0; c < N_SIZES; c++) {
        int n = sizes[c];
        double *B = drawn((uint64_t)(900 + c), n, n), *A = room(n, n);
        double *w = room(1, n), *V = room(n, n);
        thm_la_report r;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                A[i * n + j] = B[i * n + j] + B[j * n + i];
            }
        }
        ck_assert_int_eq(thm_eig_values(n, A, w, &r), THM_OK);
        of_values += r.residual;
        ck_assert_int_eq(thm_eig(n, A, w, V, &r), THM_OK);
        of_vectors += r.residual;
        free(A);
        free(B);
        free(w);
        free(V);
    }
    ck_assert_double_gt(of_values, 0);
    ck_assert_double_gt(of_vectors, 0);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("eig");
    TCase *c = tcase_create("eig");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, eig_of_second_differences, 0, N_SIZES);
    tcase_add_loop_test(c, eig_of_smaller_index, 0, N_SIZES);
    tcase_add_loop_test(c, eig_of_any_matrix, 0, N_SIZES);
    tcase_add_test(c, hilbert);
    tcase_add_loop_test(c, values_of_any_scale, 0, 4);
    tcase_add_loop_test(c, svd_of_lower_ones, 0, N_SIZES);
    tcase_add_loop_test(c, svd_of_any_shape, 0, N_SIZES);
    tcase_add_test(c, zero_matrices);
    tcase_add_test(c, residuals_are_measured);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
