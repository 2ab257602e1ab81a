/* Oracles: a second route (binomial tails summed in integers), stored ranks of
 * published tables, and coverage counted over draws whose median is known. */
#include <check.h>
#include <math.h>
#include "claims/median.h"
#include "core/rng.h"
#include "tests/scratch.h"

/* 2 P(B <= k - 1), B binomial (n, 1/2), n <= 62: exact integers over 2^n. */
static double plain_miss(int n, int k)
{
    uint64_t term = 1, sum = 0; /* C(n, i) */
    for (int i = 0; i < k; i++) {
        sum += term;
        term = term * (uint64_t)(n - i) / (uint64_t)(i + 1);
    }
    return ldexp((double)sum, 1 - n);
}

START_TEST(rank_is_the_largest_that_keeps_the_level)
{
    static const double levels[] = {0.05, 0.01, 0.0005};
    for (int n = 12; n <= 30; n++) {
        for (int l = 0; l < 3; l++) {
            double x[30];
            for (int i = 0; i < n; i++) {
                x[i] = (i * 7) % n == 0 ? -0.5 * i : i * 1.127;
            }
            thm_median m;
            ck_assert_int_eq(thm_median_interval(n, x, levels[l], &m), THM_OK);
            ck_assert(plain_miss(n, m.rank) <= levels[l]);
            ck_assert(2 * (m.rank + 1) > n ||
                      plain_miss(n, m.rank + 1) > levels[l]);
            ck_assert(fabs(m.level - plain_miss(n, m.rank)) <= 1e-12);
            ck_assert(m.low == x[m.rank - 1] && m.high == x[n - m.rank]);
            for (int i = 1; i < n; i++) {
                ck_assert(x[i - 1] <= x[i]);
            }
        }
    }
}
END_TEST

/* Stored: the 95 % intervals of the tables of nonparametric textbooks are
 * [x_(2), x_(9)] for n = 10, [x_(6), x_(15)] for n = 20. */
START_TEST(ranks_of_published_tables)
{
    double x[20] = {3, 1, 2};
    thm_median m;
    ck_assert_int_eq(thm_median_interval(10, x, 0.05, &m), THM_OK);
    ck_assert_int_eq(m.rank, 2);
    ck_assert_int_eq(thm_median_interval(20, x, 0.05, &m), THM_OK);
    ck_assert_int_eq(m.rank, 6);
}
END_TEST

START_TEST(median_and_half_width)
{
    double odd[7] = {5, -1, 2.385, 0, 9, 1, 7};
    thm_median m;
    ck_assert_int_eq(thm_median_interval(7, odd, 0.1, &m), THM_OK);
    ck_assert(m.median == 2.385 && m.rank == 1);
    ck_assert(m.low == -1 && m.high == 9);
    ck_assert(m.half_width == 9 - 2.385);
    double even[6] = {1, 2, 3, 5, 8, 13};
    ck_assert_int_eq(thm_median_interval(6, even, 0.1, &m), THM_OK);
    ck_assert(m.median == 4.0);
    double huge[6] = {-1e308, -1, 1.7e308, 1.7e308, 1.7e308, 1.7e308};
    ck_assert_int_eq(thm_median_interval(6, huge, 0.1, &m), THM_OK);
    ck_assert(m.median == 1.7e308);
}
END_TEST

/* 2000 samples of 21 exponentials: the count of misses is binomial with at most
 * m.level each; six of its standard deviations are allowed. */
START_TEST(the_interval_misses_as_rarely_as_it_says)
{
    enum { TRIALS = 2000, N = 21 };
    thm_rng rng = thm_rng_make(5, 0);
    const double truth = log(2.0);
    double expected = 0;
    int misses = 0;
    for (int t = 0; t < TRIALS; t++) {
        double x[N];
        thm_median m;
        for (int i = 0; i < N; i++) {
            x[i] = -log(thm_rng_uniform(&rng));
        }
        ck_assert_int_eq(thm_median_interval(N, x, 0.1, &m), THM_OK);
        misses += !(m.low <= truth && truth <= m.high);
        expected += m.level;
    }
    ck_assert(fabs(misses - expected) <= 6 * sqrt(expected));
    ck_assert_int_gt(misses, 0);
}
END_TEST

START_TEST(errors)
{
    double x[10] = {1, 2, NAN}, y[10] = {1, 2, 3};
    thm_median m = {.median = 7};
    ck_assert_int_eq(thm_median_interval(0, y, 0.05, &m), THM_EDIM);
    ck_assert_int_eq(thm_median_interval(10, x, 0.05, &m), THM_EDOMAIN);
    static const double bad[] = {0.0, 1.0, -0.5, NAN, 0.001};
    for (int k = 0; k < 5; k++) { /* the last: 2^-9 > 0.001 */
        ck_assert_int_eq(thm_median_interval(10, y, bad[k], &m), THM_EDOMAIN);
    }
    ck_assert(m.median == 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("median");
    TCase *t = tcase_create("interval");
    tcase_add_test(t, rank_is_the_largest_that_keeps_the_level);
    tcase_add_test(t, ranks_of_published_tables);
    tcase_add_test(t, median_and_half_width);
    tcase_add_test(t, the_interval_misses_as_rarely_as_it_says);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
