/* Suite of the Lanczos process and of compensated products.  Each test's first
 * line names its oracle. */
#include <string.h>

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

static thm_status diagonal(int n, int count, const double *X, double *out,
                           void *ctx)
{
    for (int i = 0; i < n * count; i++) {
        out[i] = ((const double *)ctx)[i % n] * X[i];
    }
    return THM_OK;
}

static const int widths[] = {1, 3, THM_LANCZOS_WIDTH};

START_TEST(lanczos_of_diagonals)
{
    /* identity: the values stand on the diagonal; equal ones exhaust the space,
     * clustered ones (1 - i^2 / n^2, where power iteration stalls) do not stop
     * it early */
    int n = sizes[_i];
    double *d = room(1, n), *x = room(1, n);
    for (int w = 0; w < 3; w++) {
        int width = widths[w];
        thm_lanczos found;
        for (int i = 0; i < n; i++) {
            d[i] = 2.385 * (1 - i * i / (n * (double)n));
        }
        ck_assert_int_eq(thm_lanczos_max(n, width, diagonal, d, DBL_EPSILON,
                                         300, 1, x, NULL, &found),
                         THM_OK);
        ck_assert_double_eq_tol(found.value, d[0], 16 * u * d[0]);
        ck_assert_double_eq_tol(fabs(x[0]), 1, 1e-9);
        ck_assert_double_eq_tol(norm(1, n, x), 1, 4 * n * u);
        ck_assert_double_le(found.change, DBL_EPSILON * found.value);
        ck_assert_int_le(found.steps, (n + width - 1) / width);
        if (n > 1) {
            ck_assert_double_eq_tol(found.next, d[1], 1e-3);
        } else {
            ck_assert_double_eq(found.next, 0);
        }
        /* stopped by hand: the truth is within what it says */
        ck_assert_int_eq(
            thm_lanczos_max(n, width, diagonal, d, 0, 5, 1, x, NULL, &found),
            THM_OK);
        ck_assert_double_le(found.value, d[0] * (1 + 16 * u));
        ck_assert_int_le(found.steps, 5);
        for (int i = 0; i < n; i++) {
            d[i] = 3;
        }
        ck_assert_int_eq(
            thm_lanczos_max(n, width, diagonal, d, 0, 300, 1, x, NULL, &found),
            THM_OK);
        /* one more where the last block is not a whole one */
        ck_assert_int_le(found.steps, 2);
        ck_assert_double_eq_tol(found.value, 3, 64 * u);
        ck_assert_double_eq(found.residual, 0);
    }
    free(d);
    free(x);
}
END_TEST

START_TEST(lanczos_sees_multiplicity)
{
    /* identity: the values stand on the diagonal, the largest eight times; all
     * of those asked for come, largest first, with orthonormal vectors */
    enum { N = 200, WANTED = 12 };
    double d[N], *X = room(WANTED, N), values[WANTED];
    thm_lanczos found;
    for (int i = 0; i < N; i++) {
        d[i] = i % 25 == 0 ? 2.385 : 2 - i * 0.009;
    }
    ck_assert_int_eq(thm_lanczos_max(N, THM_LANCZOS_WIDTH, diagonal, d,
                                     DBL_EPSILON, 25, WANTED, X, values,
                                     &found),
                     THM_OK);
    ck_assert_int_eq(found.found, WANTED);
    for (int i = 0; i < WANTED; i++) {
        /* below the multiple one 2 - 0.009, - 0.018, ... to what the process
         * was stopped at */
        ck_assert_double_eq_tol(values[i], i < 8 ? 2.385 : 2 - 0.009 * (i - 7),
                                i < 8 ? 1e-14 : 1e-2);
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int l = 0; l < N; l++) {
                dot += X[i * N + l] * X[j * N + l];
            }
            ck_assert_double_eq_tol(dot, i == j, 1e-13);
        }
    }
    free(X);
}
END_TEST

START_TEST(basis_extends)
{
    /* identity: Q stays orthonormal, and Q2 S with what lies in Q gives the
     * columns back; dependent, zero and contained columns are replaced */
    enum { N = 21, BEFORE = 5, COUNT = 6 };
    double *Q = drawn(90, BEFORE + COUNT, N), S[64], kept[COUNT * N];
    double *work = malloc(thm_basis_room(BEFORE) * sizeof *work);
    ck_assert_ptr_nonnull(work);
    ck_assert_int_eq(thm_basis_extend(N, 0, BEFORE, Q, S, work), THM_OK);
    double *X = Q + BEFORE * N;
    for (int i = 0; i < N; i++) {
        X[N + i] = -2.385 * X[i];
        X[2 * N + i] = 0;
        X[3 * N + i] = Q[N + i];
    }
    memcpy(kept, X, sizeof kept);
    ck_assert_int_eq(thm_basis_extend(N, BEFORE, COUNT, Q, S, work), THM_OK);
    for (int i = 0; i < BEFORE + COUNT; i++) {
        for (int j = 0; j <= i; j++) {
            double dot = 0;
            for (int l = 0; l < N; l++) {
                dot += Q[i * N + l] * Q[j * N + l];
            }
            ck_assert_double_eq_tol(dot, i == j, 1e-14);
        }
    }
    for (int j = 0; j < COUNT; j++) {
        for (int l = 0; l < N; l++) {
            double rest = kept[j * N + l];
            for (int i = 0; i < BEFORE; i++) {
                double dot = 0;
                for (int h = 0; h < N; h++) {
                    dot += Q[i * N + h] * kept[j * N + h];
                }
                rest -= dot * Q[i * N + l];
            }
            for (int i = 0; i < COUNT; i++) {
                rest -= X[i * N + l] * S[j * THM_LANCZOS_WIDTH + i];
            }
            ck_assert_double_le(fabs(rest), 1e-13);
        }
    }
    free(Q);
    free(work);
}
END_TEST

static thm_status refuse(int n, int count, const double *X, double *out,
                         void *ctx)
{
    (void)n;
    (void)count;
    (void)X;
    (void)out;
    (void)ctx;
    return THM_EINTERRUPTED;
}

START_TEST(lanczos_refuses)
{
    /* identity: each documented error, the vector untouched */
    double d[3] = {1, NAN, 2}, x[3] = {7, 7, 7};
    static const struct {
        int n, width, steps, wanted;
        double tolerance;
    } bad[] = {{0, 1, 3, 1, 0},  {3, 0, 3, 1, 0}, {3, 9, 3, 1, 0},
               {3, 1, 0, 1, 0},  {3, 1, 3, 0, 0}, {3, 1, 3, 4, 0},
               {3, 1, 3, 1, NAN}};
    thm_lanczos found = {.steps = 7};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(thm_lanczos_max(bad[i].n, bad[i].width, diagonal, d,
                                         bad[i].tolerance, bad[i].steps,
                                         bad[i].wanted, x, NULL, &found),
                         THM_EDIM);
    }
    ck_assert_int_eq(
        thm_lanczos_max(3, 2, diagonal, d, 0, 3, 1, x, NULL, &found),
        THM_EDOMAIN);
    ck_assert_int_eq(thm_lanczos_max(3, 1, refuse, d, 0, 3, 1, x, NULL, &found),
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
    tcase_add_test(c, lanczos_sees_multiplicity);
    tcase_add_test(c, basis_extends);
    tcase_add_test(c, lanczos_refuses);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
