/* Suite of the certified bounds of sigma_k.  Each test's first line names its
 * oracle. */
#include <limits.h>

#include "la/blas.h"
#include "la/certify.h"
#include "la/svd.h"
#include "tests/generic.h"
#include "tests/pivots.h"

/* Whether b holds for B, as matrices within its delta. */
static void expect_true(int m, int n, const double *B, const thm_sigma_bound *b)
{
    ck_assert_double_ge(b->lower, 0);
    ck_assert_double_gt(b->upper, 0);
    ck_assert_double_le(b->lower, b->upper);
    ck_assert_double_ge(b->max_upper, b->lower);
    if (b->lower > 0) {
        ck_assert_int_eq(exact_sign(m, n, B, b->lower), 1);
    }
    ck_assert_int_eq(exact_sign(m, n, B, b->upper), -1);
    /* sigma_1 >= every entry and every row */
    for (int i = 0; i < m * n; i++) {
        ck_assert_double_ge(b->max_upper, fabs(B[i]));
    }
    for (int i = 0; i < m; i++) {
        ck_assert_double_ge(b->max_upper * (1 + 4 * DBL_EPSILON),
                            norm(1, n, B + i * n));
    }
}

/* ---- cases ------------------------------------------------------------- */

static double corner(thm_rng *rng)
{
    static const double values[] = {0,
                                    0,
                                    1,
                                    -1,
                                    1 + DBL_EPSILON,
                                    0.5,
                                    3,
                                    -1 + DBL_EPSILON / 2,
                                    1e-8,
                                    -1e8,
                                    0x1p-52,
                                    0x1p-300};
    return values[thm_rng_below(rng, sizeof values / sizeof *values)];
}

enum {
    NORMAL,
    GRADED_ROWS,
    GRADED_COLUMNS,
    GRADED_BOTH,
    NEAR_SINGULAR,
    SINGULAR,
    ONE_ULP,
    CORNERS,
    INTEGERS,
    HUGE_ENTRIES,
    TINY_ENTRIES,
    N_KINDS
};

static void draw(int kind, thm_rng *rng, int m, int n, double *B)
{
    for (int i = 0; i < m * n; i++) {
        B[i] = thm_rng_normal(rng);
        B[i] = kind == CORNERS    ? corner(rng)
               : kind == INTEGERS ? (double)thm_rng_below(rng, 5) - 2
                                  : B[i];
    }
    int from = (int)thm_rng_below(rng, (uint64_t)m);
    int to = (from + 1) % m;
    double mix = thm_rng_normal(rng);
    double noise = pow(10, -16 * thm_rng_uniform(rng));
    double pace = pow(10, -3 * thm_rng_uniform(rng));
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double *b = &B[i * n + j];
            *b *= kind == GRADED_ROWS || kind == GRADED_BOTH ? pow(pace, i) : 1;
            *b *= kind == GRADED_COLUMNS || kind == GRADED_BOTH ? pow(pace, j)
                                                                : 1;
            *b *= kind == HUGE_ENTRIES   ? 0x1p500
                  : kind == TINY_ENTRIES ? 0x1p-500
                                         : 1;
        }
    }
    for (int j = 0; j < n && m > 1; j++) {
        double other = B[from * n + j];
        if (kind == NEAR_SINGULAR) {
            B[to * n + j] = mix * other + noise * B[to * n + j];
        } else if (kind == SINGULAR) {
            B[to * n + j] = other;
        } else if (kind == ONE_ULP) {
            B[to * n + j] = j == n - 1 ? nextafter(other, 9) : other;
        }
    }
}

/* A guide that lies: by a factor, or altogether. */
static thm_sigma lie(thm_rng *rng, const thm_sigma *truth)
{
    static const double wrong[] = {0, INFINITY, -1, NAN, 1e300, 1e-300};
    thm_sigma g = *truth;
    double factor = pow(10, 4 * thm_rng_uniform(rng) - 2);
    g.min *= factor;
    g.max *= thm_rng_uniform(rng) < 0.5 ? factor : 1 / factor;
    if (thm_rng_uniform(rng) < 0.3) {
        g.min = wrong[thm_rng_below(rng, 6)];
        g.max = wrong[thm_rng_below(rng, 6)];
        g.max_error = wrong[thm_rng_below(rng, 6)];
    }
    return g;
}

START_TEST(bounds_are_true)
{
    /* certificate: exact pivots */
    enum { CASES = 400 };
    int positive = 0;
    for (int c = 0; c < CASES; c++) {
        thm_rng rng = thm_rng_make(2385, (uint64_t)(_i * CASES + c));
        int m = 1 + (int)thm_rng_below(&rng, BIG);
        int n = 1 + (int)thm_rng_below(&rng, BIG);
        double B[BIG * BIG] = {0};
        thm_sigma guide;
        thm_sigma_bound b;
        draw(_i, &rng, m, n, B);
        ck_assert_int_eq(thm_sigma_bnd(m, n, B, 0, NULL, &b), THM_OK);
        ck_assert(!b.limited_by_delta);
        ck_assert((b.lower > 0) == (b.route != THM_CERTIFIED_NOT));
        bool zero = norm(m, n, B) == 0;
        if (!zero) {
            expect_true(m, n, B, &b);
        }
        positive += b.lower > 0;
        ck_assert_int_eq(thm_sigma_est(m, n, B, THM_SIGMA_AUTO, &guide),
                         THM_OK);
        guide = lie(&rng, &guide);
        ck_assert_int_eq(thm_sigma_bnd(m, n, B, 0, &guide, &b), THM_OK);
        if (!zero) {
            expect_true(m, n, B, &b);
        }
    }
    /* a test that decided nothing fails */
    ck_assert_int_ge(positive, _i == SINGULAR ? CASES / 20 : CASES / 4);
}
END_TEST

START_TEST(bounds_hold_nearby)
{
    /* certificate: exact pivots of matrices within delta, the worst ones among
     * them: delta against the smallest singular pair */
    enum { CASES = 500 };
    int limited = 0, positive = 0;
    for (int c = 0; c < CASES; c++) {
        thm_rng rng = thm_rng_make(1127, (uint64_t)c);
        int m = 2 + (int)thm_rng_below(&rng, BIG - 1);
        int n = 2 + (int)thm_rng_below(&rng, BIG - 1), k = m < n ? m : n;
        double A[BIG * BIG] = {0}, B[BIG * BIG] = {0}, s[BIG], U[BIG * BIG],
                       Vt[BIG * BIG];
        thm_sigma_bound b, alone;
        draw(c % N_KINDS, &rng, m, n, A);
        ck_assert_int_eq(thm_svd(m, n, A, s, U, Vt, NULL), THM_OK);
        /* from far below sigma_k to above it */
        double size = s[k - 1] * pow(10, 3 * thm_rng_uniform(&rng) - 2.5);
        double sign = thm_rng_uniform(&rng) < 0.7 ? -1 : 1;
        long double delta = 0;
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < n; j++) {
                int at = i * n + j;
                double change = U[i * k + k - 1] * size * Vt[(k - 1) * n + j];
                B[at] = A[at] + sign * change;
                long double d = (long double)B[at] - A[at];
                delta += d * d;
            }
        }
        double most = nextafter((double)sqrtl(delta), INFINITY);
        if (!(most < HUGE_VAL) || norm(m, n, B) == 0) {
            continue;
        }
        ck_assert_int_eq(thm_sigma_bnd(m, n, A, most, NULL, &b), THM_OK);
        ck_assert_int_eq(thm_sigma_bnd(m, n, A, 0, NULL, &alone), THM_OK);
        expect_true(m, n, B, &b);
        expect_true(m, n, A, &b);
        ck_assert(b.limited_by_delta == (alone.lower > 0 && b.lower == 0));
        ck_assert_double_le(b.lower, fmax(0, alone.lower - most) +
                                         2 * DBL_EPSILON * alone.lower);
        ck_assert_double_ge(b.upper, alone.upper);
        limited += b.limited_by_delta;
        positive += b.lower > 0;
    }
    ck_assert_int_ge(limited, CASES / 20);
    ck_assert_int_ge(positive, CASES / 5);
}
END_TEST

START_TEST(bounds_are_tight)
{
    /* identity: P diag(s) Q by reflections, from condition 1 to 1e13; both ends
     * against the constructed value and the rounding of the construction */
    static const int shapes[][2] = {{1, 1}, {2, 3},   {8, 8},
                                    {9, 7}, {63, 65}, {130, 90}};
    int m = shapes[_i][0], n = shapes[_i][1], k = m < n ? m : n;
    int p = m < n ? n : m;
    double *s = room(1, k);
    for (int c = 0; c <= 13; c++) {
        for (int i = 0; i < k; i++) {
            s[i] = 1.127 * pow(10, k == 1 ? 0 : -c * i / (k - 1.0));
        }
        double *A = generic(40 + (uint64_t)_i, m, n, s), a = norm(m, n, A);
        double rounding = 1.01 * u * a;
        thm_sigma_bound b;
        ck_assert_int_eq(thm_sigma_bnd(m, n, A, 0, NULL, &b), THM_OK);
        ck_assert_double_le(b.lower, s[k - 1] + rounding);
        ck_assert_double_ge(b.upper, s[k - 1] - rounding);
        ck_assert_double_ge(b.max_upper, s[0] - rounding);
        ck_assert_double_le(b.max_upper, s[0] * (1 + 0x1p-20));
        /* Cholesky gives up 9/8 of (p + 2 k) u |A|_F^2 twice and some; below
         * that a QR factorisation's p k u |A|_F of R, hence of X */
        double loss = 4 * (p + k + 8) * u * a * a / (s[k - 1] * s[k - 1]);
        bool cholesky = b.route == THM_CERTIFIED_CHOLESKY;
        ck_assert(cholesky || loss > 0.25);
        loss = cholesky ? loss : 8 * p * k * u * a / s[k - 1] + 0x1p-20;
        ck_assert_double_ge(b.lower, (s[k - 1] - rounding) * (1 - loss));
        ck_assert_double_le(b.upper,
                            (s[k - 1] + rounding) *
                                (1 + (8 * p + 32) * DBL_EPSILON + loss * loss));
        if (k * p <= 64 || c <= 12) {
            ck_assert_double_gt(b.lower, 0);
        }
        free(A);
    }
    free(s);
}
END_TEST

START_TEST(agrees_with_all_values)
{
    /* second route: the proved enclosure of thm_sigma_min, through vectors */
    static const int shapes[][2] = {{1, 65}, {65, 1},  {63, 65},
                                    {65, 7}, {65, 65}, {200, 140}};
    int m = shapes[_i][0], n = shapes[_i][1];
    double *A = drawn(50 + (uint64_t)_i, m, n), sigma, err;
    thm_sigma_bound b;
    ck_assert_int_eq(thm_sigma_min(m, n, A, &sigma, &err), THM_OK);
    ck_assert_int_eq(thm_sigma_bnd(m, n, A, 0, NULL, &b), THM_OK);
    ck_assert_double_le(b.lower, sigma + err);
    ck_assert_double_ge(b.upper, sigma - err);
    ck_assert_int_eq(b.route, THM_CERTIFIED_CHOLESKY);
    ck_assert_double_ge(b.lower, 0.999 * sigma);
    free(A);
}
END_TEST

START_TEST(deficiency_undecides)
{
    /* identity: a matrix of rank k - 1 has no positive lower bound, and an
     * upper one near its rounding; that delta undecides is said */
    double A[12] = {2.385, -1.127, 0.5, 3,  2.385, -1.127,
                    0.5,   3,      1,   -1, 7.25,  0.125};
    thm_sigma_bound b;
    ck_assert_int_eq(thm_sigma_bnd(3, 4, A, 0, NULL, &b), THM_OK);
    ck_assert_double_eq(b.lower, 0);
    ck_assert_int_eq(b.route, THM_CERTIFIED_NOT);
    ck_assert(!b.limited_by_delta);
    ck_assert_double_le(b.upper, 8 * DBL_EPSILON * b.max_upper);
    /* the bound of a matrix that is not there: zero itself */
    double zero[6] = {0};
    ck_assert_int_eq(thm_sigma_bnd(2, 3, zero, 0.25, NULL, &b), THM_OK);
    ck_assert_double_eq(b.lower, 0);
    ck_assert_double_ge(b.upper, 0.25);
    ck_assert_double_le(b.upper, 0.25 * (1 + 4 * DBL_EPSILON));
    ck_assert_double_ge(b.max_upper, 0.25);
    ck_assert(!b.limited_by_delta);
    double one[4] = {1, 0, 0, 1};
    ck_assert_int_eq(thm_sigma_bnd(2, 2, one, 1.5, NULL, &b), THM_OK);
    ck_assert_double_eq(b.lower, 0);
    ck_assert(b.limited_by_delta);
    ck_assert_int_eq(b.route, THM_CERTIFIED_CHOLESKY);
    ck_assert_double_ge(b.upper, 2.5);
    ck_assert_double_ge(b.max_upper, 2.5);
    ck_assert_int_eq(thm_sigma_bnd(2, 2, one, 0.5, NULL, &b), THM_OK);
    ck_assert(!b.limited_by_delta);
    ck_assert_double_le(b.lower, 0.5);
    ck_assert_double_ge(b.lower, 0.5 - 64 * DBL_EPSILON);
}
END_TEST

START_TEST(inverse_out_of_range)
{
    /* identity: the bidiagonal matrix of ones and twos has sigma_n < 2^(1-n)
     * (its inverse has the entry 2^(n-1)); lower, it is its own R', and at n =
     * 1200 the inverse overflows */
    int n = 1200;
    double *A = calloc((size_t)n * (size_t)n, sizeof *A);
    ck_assert_ptr_nonnull(A);
    for (int i = 0; i < n; i++) {
        A[i * n + i] = 1;
        if (i > 0) {
            A[i * n + i - 1] = 2;
        }
    }
    thm_sigma_bound b;
    thm_sigma guide = {.min = 1e-16, .max = 3};
    ck_assert_int_eq(thm_sigma_bnd(n, n, A, 0, &guide, &b), THM_OK);
    ck_assert_double_eq(b.lower, 0);
    ck_assert_double_gt(b.upper, 0);
    ck_assert_double_le(b.max_upper, 3.01);
    ck_assert_double_ge(b.max_upper, 2.999);
    free(A);
}
END_TEST

START_TEST(refusals)
{
    /* identity: each documented error, the result untouched */
    double A[6] = {1, 2.385, -1.127, 0.5, 3, 7}, bad[6] = {1, 2, 3, 4, NAN, 6};
    thm_sigma_bound b = {.lower = 7, .upper = 7, .max_upper = 7};
    ck_assert_int_eq(thm_sigma_bnd(0, 3, A, 0, NULL, &b), THM_EDIM);
    ck_assert_int_eq(thm_sigma_bnd(2, -3, A, 0, NULL, &b), THM_EDIM);
    ck_assert_int_eq(thm_sigma_bnd(2, 3, A, -1, NULL, &b), THM_EDOMAIN);
    ck_assert_int_eq(thm_sigma_bnd(2, 3, A, NAN, NULL, &b), THM_EDOMAIN);
    ck_assert_int_eq(thm_sigma_bnd(2, 3, A, INFINITY, NULL, &b), THM_EDOMAIN);
    ck_assert_int_eq(thm_sigma_bnd(2, 3, bad, 0, NULL, &b), THM_EDOMAIN);
    bad[4] = -INFINITY;
    ck_assert_int_eq(thm_sigma_bnd(3, 2, bad, 0, NULL, &b), THM_EDOMAIN);
    for (int i = 0; i < 6; i++) {
        bad[i] = DBL_MAX;
    }
    ck_assert_int_eq(thm_sigma_bnd(3, 2, bad, 0, NULL, &b), THM_EOVERFLOW);
    thm_sigma guide = {.min = 0, .max = 1};
    ck_assert_int_eq(thm_sigma_bnd(3, 2, bad, 0, &guide, &b), THM_EOVERFLOW);
    ck_assert_int_eq(thm_sigma_bnd(INT_MAX, INT_MAX, NULL, -1, NULL, &b),
                     THM_EDOMAIN);
    ck_assert_double_eq(b.lower + b.upper + b.max_upper, 21);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("certify");
    TCase *c = tcase_create("certify");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(suite, slow);
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(slow, bounds_are_true, 0, N_KINDS);
    tcase_add_test(c, bounds_hold_nearby);
    tcase_add_loop_test(c, bounds_are_tight, 0, 6);
    tcase_add_loop_test(c, agrees_with_all_values, 0, 6);
    tcase_add_test(c, deficiency_undecides);
    tcase_add_test(c, inverse_out_of_range);
    tcase_add_test(c, refusals);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
