/* Suite of the smallest singular value through factors in single precision, and
 * of those factors.  Each test's first line names its oracle. */
#include <string.h>

#include "la/blas.h"
#include "la/lanczos.h"
#include "la/rough.h"
#include "la/sigma.h"
#include "la/sigma_single.h"
#include "la/svd.h"
#include "tests/generic.h"

static const thm_sigma_route single[] = {THM_SIGMA_SINGLE_GRAM,
                                         THM_SIGMA_SINGLE_QR};
enum { M = 120, N = 131 };

/* Both routes on A: (m x n) with k values, the last the smallest: right within
 * |E| <= sqrt(k) u s_1 of the construction and the error they state, or no
 * answer.  Returns how many answers there were. */
static int expect(int m, int n, const double *A, const double *s)
{
    int k = m < n ? m : n, answers = 0;
    for (int r = 0; r < 2; r++) {
        thm_sigma found;
        thm_status status = thm_sigma_est(m, n, A, single[r], &found);
        ck_assert(status == THM_OK || status == THM_ECONVERGE);
        if (status != THM_OK) {
            continue;
        }
        ck_assert_double_le(fabs(found.min - s[k - 1]),
                            1.01 * sqrt(k) * u * s[0] +
                                found.error * found.max);
        ck_assert_double_le(found.max, s[0] * (1 + 4 * sqrt(k) * u));
        ck_assert_double_le(found.error, found.residual);
        ck_assert_int_eq(found.route, single[r]);
        answers++;
    }
    return answers;
}

static void logarithmic(int k, double condition, double *s)
{
    for (int i = 0; i < k; i++) {
        s[i] = 2.385 * pow(condition, k == 1 ? 0 : -i / (k - 1.0));
    }
}

START_TEST(generic_matrices)
{
    /* identity: constructed values; answers wherever single precision knows
     * the smallest from noise */
    static const int shapes[][2] = {{1, 1},   {1, 7},   {2, 2},   {7, 3},
                                    {31, 33}, {40, 32}, {65, 63}, {N, M}};
    static const double conditions[] = {18, 1e4, 1e5, 1e7, 1e12};
    int m = shapes[_i][0], n = shapes[_i][1], k = m < n ? m : n;
    double s[M];
    for (int c = 0; c < 5; c++) {
        logarithmic(k, conditions[c], s);
        double *A = generic(200 + (uint64_t)_i, m, n, s);
        int answers = expect(m, n, A, s);
        ck_assert(c > 0 || answers == 2);
        ck_assert(c > 1 || answers > 0);
        free(A);
    }
}
END_TEST

START_TEST(clusters)
{
    /* identity: constructed values; `size` of them within 1e-4 to 1e-12 of the
     * smallest, or equal, in generic directions and on a permuted diagonal,
     * where the error of the factor cannot mix but only reorder them */
    static const double conditions[] = {10, 1e4, 1e5};
    static const double apart[] = {0, 1e-4, 1e-6, 1e-9, 1e-12};
    static const int cluster[] = {2, 5, 12, 40};
    int size = cluster[_i], answers = 0;
    double s[M];
    for (int c = 0; c < 3; c++) {
        for (int d = 0; d < 5; d++) {
            logarithmic(M, conditions[c], s);
            for (int i = 1; i < size; i++) {
                s[M - 1 - i] = s[M - 1] * (1 + apart[d] * i);
            }
            double *A = generic(220 + (uint64_t)c, M, N, s);
            answers += expect(M, N, A, s);
            memset(A, 0, (size_t)M * N * sizeof *A);
            for (int i = 0; i < M; i++) {
                A[i * 37 % M * N + i] = s[i];
            }
            answers += expect(M, N, A, s);
            free(A);
        }
    }
    /* of 60; the others are left to double precision */
    ck_assert_int_ge(answers, size < 12 ? 30 : 1);
}
END_TEST

START_TEST(reordered_blocks)
{
    /* identity: constructed values; twelve decoupled blocks whose smallest
     * values differ by less than the error of the factor, which reorders them
     * and mixes nothing */
    enum { BLOCKS = 12, SIZE = M / BLOCKS };
    static const double apart[] = {1e-2, 1e-3, 1e-4, 1e-6, 1e-9};
    static const double conditions[] = {200, 1e3, 1e4, 1e5};
    int answers = 0;
    double s[M] = {0}, *A = room(M, N);
    for (int c = 0; c < 4; c++) {
        memset(A, 0, (size_t)M * N * sizeof *A);
        s[0] = 2.385;
        s[M - 1] = HUGE_VAL;
        for (int b = 0; b < BLOCKS; b++) {
            double values[SIZE];
            logarithmic(SIZE, conditions[c], values);
            values[SIZE - 1] *= 1 + apart[_i] * (b * 5 % BLOCKS);
            s[M - 1] = fmin(s[M - 1], values[SIZE - 1]);
            double *B = generic(240 + (uint64_t)b, SIZE, SIZE, values);
            for (int i = 0; i < SIZE; i++) {
                memcpy(A + (b * SIZE + i) * N + b * SIZE, B + i * SIZE,
                       SIZE * sizeof *B);
            }
            free(B);
        }
        answers += expect(M, N, A, s);
    }
    ck_assert_int_ge(answers, 1);
    free(A);
}
END_TEST

START_TEST(within_noise)
{
    /* identity: constructed values; one tiny value under values of 1, or a
     * graded spectrum, further and further below single precision, where a
     * factor must not answer with the second smallest */
    static const double tiny[] = {1e-3, 1e-6, 1e-9, 1e-14};
    double s[M];
    for (int graded = 0; graded < 2; graded++) {
        for (int i = 0; i < M; i++) {
            s[i] = graded ? pow(tiny[_i], i / (M - 1.0)) : 1 - 0.5 * i / M;
        }
        s[M - 1] = tiny[_i];
        double *A = generic(260, M, N, s);
        (void)expect(M, N, A, s);
        free(A);
    }
}
END_TEST

START_TEST(auto_falls_back)
{
    /* second route: thm_sigma_min; the diagonal.  Single precision answers
     * where one value is tiny, though leading rows promise none, and does not
     * where forty are equal */
    int m = 260, n = 270;
    double *A = drawn(270, m, n), sigma, err;
    thm_sigma found;
    for (int c = 0; c < 3; c++) {
        for (int j = 0; j < n && c > 0; j++) {
            A[(m - 1) * n + j] = A[j] + (c == 1 ? 1e-3 : 1e-9) * A[n + j];
        }
        ck_assert_int_eq(thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &found),
                         THM_OK);
        ck_assert(c > 0 || found.route == THM_SIGMA_SINGLE_GRAM);
        ck_assert_int_eq(thm_sigma_min(m, n, A, &sigma, &err), THM_OK);
        ck_assert_double_le(fabs(found.min - sigma), err);
    }
    memset(A, 0, (size_t)m * (size_t)n * sizeof *A);
    for (int i = 0; i < m; i++) {
        A[i * n + i] = i < 40 ? 0.3 : 1 + 0.01 * i;
    }
    ck_assert_int_eq(thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &found), THM_OK);
    ck_assert_int_eq(found.route, THM_SIGMA_QR);
    ck_assert_double_eq_tol(found.min, 0.3, 16 * u);
    free(A);
}
END_TEST

START_TEST(no_worse_than_dgesdd)
{
    /* identity: constructed values; the root mean square of the errors is at
     * most that of dgesdd, which has the same rounding of the construction
     * under it */
    static const double conditions[] = {10, 1e3, 1e4};
    enum { CASES = 6 };
    double s[M], values[M], own = 0, peer = 0;
    logarithmic(M, conditions[_i], s);
    for (int c = 0; c < CASES; c++) {
        double *A = generic(280 + (uint64_t)c, M, N, s);
        thm_sigma found;
        ck_assert_int_eq(thm_sigma_est(M, N, A, THM_SIGMA_SINGLE_QR, &found),
                         THM_OK);
        ck_assert_int_eq(thm_svd_values(M, N, A, values, NULL), THM_OK);
        own += pow(found.min - s[M - 1], 2);
        peer += pow(values[M - 1] - s[M - 1], 2);
        free(A);
    }
    ck_assert_double_le(own, peer);
    ck_assert_double_gt(own, 0);
}
END_TEST

START_TEST(scaled)
{
    /* identity: a power of two changes nothing but the scale, out to where
     * squares and single precision overflow; LAPACK's solver of the small
     * problems measures by absolute numbers, so that the last bits may move:
     * both estimates keep to their errors and the rounding of N products */
    static const int shifts[] = {-900, -130, -40, 40, 130, 900};
    double s[M];
    logarithmic(M, 1e3, s);
    double *A = generic(290, M, N, s);
    for (int r = 0; r < 2; r++) {
        thm_sigma found, moved;
        double *B = room(M, N);
        for (int i = 0; i < M * N; i++) {
            B[i] = ldexp(A[i], shifts[_i]);
        }
        thm_status status = thm_sigma_est(M, N, A, single[r], &found);
        ck_assert(r == 0 || status == THM_OK);
        ck_assert_int_eq(thm_sigma_est(M, N, B, single[r], &moved), status);
        if (status == THM_OK) {
            double min = ldexp(moved.min, -shifts[_i]);
            double max = ldexp(moved.max, -shifts[_i]);
            ck_assert_double_le(fabs(min - found.min),
                                (moved.error + found.error + N * DBL_EPSILON) *
                                    found.max);
            ck_assert_double_le(
                fabs(max - found.max),
                (moved.max_error + found.max_error + N * DBL_EPSILON) *
                    found.max);
        }
        free(B);
    }
    free(A);
}
END_TEST

START_TEST(rough_operators)
{
    /* second route: W W' x by plain loops, and W W' (W W')^-1 x = x; blocks
     * and vectors, columns of very different size */
    enum { K = 40, P = 47, COUNT = 3 };
    double s[K], X[COUNT * K], Y[COUNT * K], half[K];
    logarithmic(K, 20, s);
    double *A = generic(300, K, P, s);
    thm_rng rng = thm_rng_make(2385, 301);
    thm_rng_fill_normal(&rng, COUNT * K, 1, X);
    for (int i = 0; i < K; i++) {
        X[i] *= 0x1p-300;
        X[K + i] *= 0x1p300;
    }
    for (int way = 0; way < 4; way++) {
        thm_wide w;
        thm_rough rough = {0};
        ck_assert_int_eq(thm_wide_make(K, P, A, &w), THM_OK);
        ck_assert_int_eq(thm_rough_make(&w, &rough), THM_OK);
        ck_assert_int_eq(
            way < 2 ? thm_rough_chol(&rough) : thm_rough_qr(&rough), THM_OK);
        int count = way % 2 == 0 ? COUNT : 1;
        ck_assert_int_eq(thm_rough_forward(K, count, X, Y, &rough), THM_OK);
        for (int c = 0; c < count; c++) {
            double y[P] = {0}, *x = X + c * K, off = 0, size = 0;
            for (int i = 0; i < K; i++) {
                for (int j = 0; j < P; j++) {
                    y[j] += A[i * P + j] * x[i];
                }
            }
            double scale = norm(1, K, x);
            for (int i = 0; i < K; i++) {
                double z = -Y[c * K + i];
                for (int j = 0; j < P; j++) {
                    z += A[i * P + j] * y[j];
                }
                off += z / scale * (z / scale);
                size += Y[c * K + i] / scale * (Y[c * K + i] / scale);
            }
            /* K P roundings of 2^-24, in the scale of |W|_F^2 */
            ck_assert_double_le(sqrt(off), 0x1p-24 * sqrt(K * P) * w.square);
            ck_assert_double_gt(size, 0);
        }
        ck_assert_int_eq(thm_rough_inverse(K, count, Y, Y, &rough), THM_OK);
        for (int c = 0; c < count; c++) {
            double scale = norm(1, K, X + c * K);
            for (int i = 0; i < K; i++) {
                ck_assert_double_le(fabs(Y[c * K + i] - X[c * K + i]) / scale,
                                    0x1p-24 * 400 * sqrt(K));
            }
        }
        /* |R'^-1 x|^2 = x' (R'R)^-1 x */
        double *x = X + (COUNT - 1) * K, dot = 0, square = 0;
        ck_assert_int_eq(thm_rough_half(K, x, half, &rough), THM_OK);
        ck_assert_int_eq(thm_rough_inverse(K, 1, x, Y, &rough), THM_OK);
        for (int i = 0; i < K; i++) {
            dot += Y[i] * x[i];
            square += half[i] * half[i];
        }
        ck_assert_double_eq_tol(square / dot, 1, 0x1p-24 * 400 * K);
        thm_rough_free(&rough);
        thm_wide_free(&w);
    }
    free(A);
}
END_TEST

START_TEST(rough_refusals)
{
    /* identity: a matrix of ones has no factor, and falls to nothing; a bound
     * without a gap is no less than `near` */
    double A[3 * 4] = {1, 2, 3, 4, 5, -7, 2, 1, 4, 4, 0, 1}, fall = 7;
    double ones[3 * 4] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    thm_wide w;
    thm_rough rough = {0};
    ck_assert_int_eq(thm_wide_make(3, 4, A, &w), THM_OK);
    ck_assert_int_eq(thm_rough_make(&w, &rough), THM_OK);
    ck_assert_int_eq(thm_rough_fall(&rough, 2, &fall), THM_OK);
    ck_assert_double_gt(fall, 0.1);
    ck_assert_double_le(fall, 1);
    thm_rough_free(&rough);
    thm_wide_free(&w);
    ck_assert_int_eq(thm_wide_make(3, 4, ones, &w), THM_OK);
    ck_assert_int_eq(thm_rough_make(&w, &rough), THM_OK);
    ck_assert_int_eq(thm_rough_fall(&rough, 3, &fall), THM_OK);
    ck_assert_double_eq(fall, 0);
    ck_assert_int_eq(thm_rough_chol(&rough), THM_ESINGULAR);
    ck_assert_int_eq(thm_rough_qr(&rough), THM_ESINGULAR);
    thm_rough_free(&rough);
    thm_rough_free(NULL);
    thm_wide_free(&w);
    thm_sigma found = {.min = 7};
    ck_assert_int_eq(thm_sigma_est(3, 4, ones, THM_SIGMA_SINGLE_GRAM, &found),
                     THM_ECONVERGE);
    ck_assert_int_eq(thm_sigma_est(3, 4, ones, THM_SIGMA_SINGLE_QR, &found),
                     THM_ECONVERGE);
    ck_assert_double_eq(found.min, 7);
    ck_assert_double_eq_tol(thm_sigma_left(3, 5, 0.25, 1e-9), 0.25 / 0.64,
                            1e-15);
    ck_assert_double_eq_tol(thm_sigma_left(3, HUGE_VAL, 0.25, 1e-9), 0.25,
                            1e-15);
    ck_assert_double_eq_tol(thm_sigma_left(3, 3, 0, 1e-9), 1e-9, 1e-24);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("sigma_single");
    TCase *c = tcase_create("sigma_single");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(suite, slow);
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, generic_matrices, 0, 8);
    tcase_add_loop_test(slow, clusters, 0, 4);
    tcase_add_loop_test(slow, reordered_blocks, 0, 5);
    tcase_add_loop_test(slow, within_noise, 0, 4);
    tcase_add_test(slow, auto_falls_back);
    tcase_add_loop_test(slow, no_worse_than_dgesdd, 0, 3);
    tcase_add_loop_test(c, scaled, 0, 6);
    tcase_add_test(c, rough_operators);
    tcase_add_test(c, rough_refusals);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
