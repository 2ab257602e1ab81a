/* Oracles: the tails of the binomial distribution, summed (identity: they are
 * what defines the ends), and intervals of R's binom.test (stored). */
#include <check.h>
#include <math.h>
#include "core/binomial.h"
#include "tests/scratch.h"

/* P(X >= k), X binomial of n and p. */
static long double upper_tail(int k, int n, long double p)
{
    long double sum = 0;
    for (int j = k; j <= n; j++) {
        sum += expl(lgammal(n + 1.0L) - lgammal(j + 1.0L) -
                    lgammal(n - j + 1.0L) + j * logl(p) + (n - j) * log1pl(-p));
    }
    return sum;
}

START_TEST(the_tails_define_the_ends)
{
    static const double levels[] = {0.5, 0.95, 0.999, 1 - 0x1p-30};
    int ends = 0;
    for (int n = 1; n <= 260; n = n < 24 ? n + 1 : n + 47) {
        for (int k = 0; k <= n; k++) {
            for (int i = 0; i < 4; i++) {
                const double a = (1 - levels[i]) / 2;
                double low, high;
                ck_assert_int_eq(
                    thm_binomial_interval(k, n, levels[i], &low, &high),
                    THM_OK);
                ck_assert(low <= (double)k / n && (double)k / n <= high);
                ck_assert(k > 0 || low == 0);
                ck_assert(k < n || high == 1);
                /* the slope of a tail is below n, so an end that is right to
                 * 1e-13 has its tail to n 1e-13; lgamma costs n eps more */
                if (k > 0) {
                    ck_assert(fabsl(upper_tail(k, n, low) - a) <= n * 2e-13);
                    ends++;
                }
                if (k < n) {
                    ck_assert(fabsl(1 - upper_tail(k + 1, n, high) - a) <=
                              n * 2e-13);
                    ends++;
                }
            }
        }
    }
    ck_assert_int_gt(ends, 5000);
}
END_TEST

START_TEST(known_intervals)
{
    static const struct {
        int k, n;
        double low, high;
    } known[] = {{3, 10, 0.06673951, 0.65245285},
                 {0, 10, 0, 0.3084971},
                 {10, 10, 0.6915029, 1},
                 {682, 925, 0.7076683, 0.7654066}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double low, high;
        ck_assert_int_eq(
            thm_binomial_interval(known[i].k, known[i].n, 0.95, &low, &high),
            THM_OK);
        ck_assert(fabs(low - known[i].low) <= 5.1e-8);
        ck_assert(fabs(high - known[i].high) <= 5.1e-8);
    }
}
END_TEST

START_TEST(errors)
{
    double low = 7, high = 8;
    ck_assert_int_eq(thm_binomial_interval(0, 0, 0.9, &low, &high), THM_EDIM);
    ck_assert_int_eq(thm_binomial_interval(-1, 3, 0.9, &low, &high), THM_EDIM);
    ck_assert_int_eq(thm_binomial_interval(4, 3, 0.9, &low, &high), THM_EDIM);
    static const double levels[] = {0, 1, -0.5, 1.5, NAN};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(thm_binomial_interval(1, 3, levels[i], &low, &high),
                         THM_EDOMAIN);
    }
    ck_assert(low == 7 && high == 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("binomial");
    TCase *t = tcase_create("intervals");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_tails_define_the_ends);
    tcase_add_test(t, known_intervals);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
