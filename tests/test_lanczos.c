/* Suite of the Lanczos process and of compensated products.  Each test's first
 * line names its oracle. */
#include "la/blas.h"
#include "la/dot2.h"
#include "la/lanczos.h"
#include "tests/matrices.h"

/* ---- compensated products ---------------------------------------------- */

__extension__ typedef __float128 quad;

START_TEST(dot2_keeps_its_bound)
{
    /* certificate: products in 113 bits, of terms that cancel to 1e-12 of
     * themselves; every instruction set computes the plain twin's bits */
    int k = sizes[_i];
    for (int b = 0; b < N_SIZES; b++) {
        int p = sizes[b], q = k < 9 ? k : 9;
        double *X = drawn(80, q, k), *W = drawn(81, k, p);
        double *Y = room(q, p), *twin = room(q, p);
        for (int i = 0; i < q && k > 1; i++) {
            for (int l = 0; l < k / 2; l++) {
                X[i * k + k - 1 - l] = X[i * k + l];
            }
        }
        for (int l = 0; l < k / 2; l++) {
            for (int j = 0; j < p; j++) {
                W[(k - 1 - l) * p + j] = -W[l * p + j] * (1 + 1e-12 * j);
            }
        }
        for (int lower = 0; lower < 2; lower++) {
            ck_assert_int_eq(thm_dot2_ref(q, k, p, X, lower, W, twin), THM_OK);
            for (int isa = 0; isa <= (int)thm_isa_detect(); isa++) {
                ck_assert_int_eq(
                    thm_dot2(q, k, p, X, lower, W, (thm_isa)isa, Y), THM_OK);
                for (int i = 0; i < q * p; i++) {
                    ck_assert_double_eq(Y[i], twin[i]);
                }
            }
            double gamma = k * u / (1 - k * u);
            for (int i = 0; i < q; i++) {
                for (int j = 0; j < p; j++) {
                    quad exact = 0, size = 0;
                    for (int l = 0; l < (lower ? i + 1 : k); l++) {
                        quad term = (quad)X[i * k + l] * (quad)W[l * p + j];
                        exact += term;
                        size += term < 0 ? -term : term;
                    }
                    double error = (double)(exact - (quad)Y[i * p + j]);
                    double bound =
                        u * fabs((double)exact) + gamma * gamma * (double)size;
                    ck_assert_double_le(fabs(error), bound * (1 + 4 * u));
                }
            }
        }
        free(X);
        free(W);
        free(Y);
        free(twin);
    }
}
END_TEST

START_TEST(dot2_refuses)
{
    /* identity: THM_EDIM for a size below 1 or more rows than a triangle has */
    double x[4] = {0}, y[4] = {7, 7, 7, 7};
    thm_isa isa = thm_isa_detect();
    ck_assert_int_eq(thm_dot2(0, 1, 1, x, false, x, isa, y), THM_EDIM);
    ck_assert_int_eq(thm_dot2(1, 0, 1, x, false, x, isa, y), THM_EDIM);
    ck_assert_int_eq(thm_dot2(1, 1, 0, x, false, x, isa, y), THM_EDIM);
    ck_assert_int_eq(thm_dot2(2, 1, 1, x, true, x, isa, y), THM_EDIM);
    ck_assert_int_eq(thm_dot2_ref(2, 1, 1, x, true, x, y), THM_EDIM);
    ck_assert_double_eq(y[0], 7);
}
END_TEST

/* ---- Lanczos ----------------------------------------------------------- */

static thm_status diagonal(int n, const double *x, double *out, void *ctx)
{
    for (int i = 0; i < n; i++) {
        out[i] = ((const double *)ctx)[i] * x[i];
    }
    return THM_OK;
}

START_TEST(lanczos_of_diagonals)
{
    /* identity: the values stand on the diagonal; equal ones exhaust the space,
     * clustered ones (1 - i^2 / n^2, where power iteration stalls) do not stop
     * it early */
    int n = sizes[_i];
    double *d = room(1, n), *x = room(1, n);
    thm_lanczos found;
    for (int i = 0; i < n; i++) {
        d[i] = 2.385 * (1 - i * i / (n * (double)n));
    }
    ck_assert_int_eq(
        thm_lanczos_max(n, diagonal, d, DBL_EPSILON, 300, x, &found), THM_OK);
    ck_assert_double_eq_tol(found.value, d[0], 16 * u * d[0]);
    ck_assert_double_eq_tol(fabs(x[0]), 1, 1e-9);
    ck_assert_double_eq_tol(norm(1, n, x), 1, 4 * n * u);
    ck_assert_double_le(found.change, DBL_EPSILON * found.value);
    ck_assert_int_le(found.steps, n);
    if (n > 1) {
        ck_assert_double_eq_tol(found.next, d[1], 1e-3);
    } else {
        ck_assert_double_eq(found.next, 0);
    }
    /* stopped by hand: the truth is within what it says */
    ck_assert_int_eq(
        thm_lanczos_max(n, diagonal, d, 0, n < 5 ? n : 5, x, &found), THM_OK);
    ck_assert_double_le(found.value, d[0] * (1 + 16 * u));
    ck_assert_int_le(found.steps, 5);
    for (int i = 0; i < n; i++) {
        d[i] = 3;
    }
    ck_assert_int_eq(thm_lanczos_max(n, diagonal, d, 0, 300, x, &found),
                     THM_OK);
    ck_assert_int_eq(found.steps, 1);
    ck_assert_double_eq_tol(found.value, 3, 16 * u);
    ck_assert_double_eq(found.residual, 0);
    free(d);
    free(x);
}
END_TEST

static thm_status refuse(int n, const double *x, double *out, void *ctx)
{
    (void)n;
    (void)x;
    (void)out;
    (void)ctx;
    return THM_EINTERRUPTED;
}

START_TEST(lanczos_refuses)
{
    /* identity: each documented error, the vector untouched */
    double d[3] = {1, NAN, 2}, x[3] = {7, 7, 7};
    thm_lanczos found = {.steps = 7};
    ck_assert_int_eq(thm_lanczos_max(0, diagonal, d, 0, 3, x, &found),
                     THM_EDIM);
    ck_assert_int_eq(thm_lanczos_max(3, diagonal, d, 0, 0, x, &found),
                     THM_EDIM);
    ck_assert_int_eq(thm_lanczos_max(3, diagonal, d, NAN, 3, x, &found),
                     THM_EDIM);
    ck_assert_int_eq(thm_lanczos_max(3, diagonal, d, 0, 3, x, &found),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_lanczos_max(3, refuse, d, 0, 3, x, &found),
                     THM_EINTERRUPTED);
    ck_assert_int_eq(found.steps, 7);
    ck_assert_double_eq(x[0] + x[1] + x[2], 21);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("lanczos");
    TCase *c = tcase_create("lanczos");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, dot2_keeps_its_bound, 0, N_SIZES);
    tcase_add_test(c, dot2_refuses);
    tcase_add_loop_test(c, lanczos_of_diagonals, 0, N_SIZES);
    tcase_add_test(c, lanczos_refuses);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
