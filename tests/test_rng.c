/* Oracles: Random123's published known answers for Philox; GSL's distribution
 * functions with the bound of Dvoretzky, Kiefer, Wolfowitz and Massart,
 *     P(sup |F_n - F| > t) <= 2 exp(-2 n t^2),
 * at a level of 1e-9; and a biased twin that the same bound must reject. */
#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "tests/scratch.h"

enum { DRAWS = 1000000 };

/* stored: the vectors of Random123's kat_vectors for philox 4x32, 10 rounds,
 * the first two of four words */
START_TEST(known_answers)
{
    static const struct {
        uint64_t seed, stream, index, bits;
    } rows[] = {
        {0, 0, 0, 0xe169c58d6627e8d5},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0x41c83b0e408f276d},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88,
         0x94fdccebd16cfe09},
    };
    thm_rng rng = thm_rng_make(rows[_i].seed, rows[_i].stream);
    ck_assert_uint_eq(rng.index, 0);
    rng.index = rows[_i].index;
    ck_assert_uint_eq(thm_rng_bits(&rng), rows[_i].bits);
    ck_assert_uint_eq(rng.index, rows[_i].index + 1);
}
END_TEST

/* identity: a draw is a function of (seed, stream, index) alone */
START_TEST(draws_replay_alone)
{
    thm_rng rng = thm_rng_make(2385, 1127);
    double first = thm_rng_normal(&rng);
    double second = thm_rng_uniform(&rng);
    double third = thm_rng_normal(&rng);
    ck_assert_uint_eq(rng.index, 3);
    thm_rng jumped = thm_rng_make(2385, 1127);
    jumped.index = 2;
    ck_assert(thm_rng_normal(&jumped) == third);
    jumped.index = 1;
    ck_assert(thm_rng_uniform(&jumped) == second);
    double filled[1];
    jumped.index = 0;
    thm_rng_fill_normal(&jumped, 1, 0.5, filled);
    ck_assert(filled[0] == 0.5 * first);

    thm_rng other_stream = thm_rng_make(2385, 1128);
    thm_rng other_seed = thm_rng_make(2386, 1127);
    ck_assert(thm_rng_normal(&other_stream) != first);
    ck_assert(thm_rng_normal(&other_seed) != first);
}
END_TEST

/* identity: a uniform is an odd multiple of 2^-53 inside (0, 1) */
START_TEST(uniforms_are_odd_multiples)
{
    thm_rng rng = thm_rng_make(7, 11);
    for (int i = 0; i < 10000; i++) {
        double x = thm_rng_uniform(&rng);
        ck_assert(x > 0 && x < 1);
        ck_assert_double_eq(fmod(x * 0x1p53, 2), 1);
    }
}
END_TEST

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sup |F_n - F|, x sorted in place */
static double kolmogorov(int n, double *x, double (*cdf)(double))
{
    double d = 0;
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int i = 0; i < n; i++) {
        double f = cdf(x[i]);
        d = fmax(d, fmax((i + 1.0) / n - f, f - (double)i / n));
    }
    return d;
}

static double threshold(int n, double level)
{
    return sqrt(log(2 / level) / (2.0 * n));
}

static double cdf_uniform(double x)
{
    return gsl_cdf_flat_P(x, 0, 1);
}

/* second route: GSL's distribution functions */
START_TEST(draws_have_their_distribution)
{
    double *x = malloc(DRAWS * sizeof *x), *y = malloc(DRAWS * sizeof *y);
    ck_assert(x != NULL && y != NULL);
    thm_rng rng = thm_rng_make((uint64_t)_i, 3);
    for (int i = 0; i < DRAWS; i++) {
        x[i] = thm_rng_uniform(&rng);
    }
    ck_assert_double_le(kolmogorov(DRAWS, x, cdf_uniform),
                        threshold(DRAWS, 1e-9));
    thm_rng_fill_normal(&rng, DRAWS, 1, x);
    for (int i = 0; i < DRAWS; i++) {
        y[i] = 1.02 * x[i];
    }
    ck_assert_double_le(kolmogorov(DRAWS, x, gsl_cdf_ugaussian_P),
                        threshold(DRAWS, 1e-9));
    /* the control: two per cent too wide must show */
    ck_assert_double_gt(kolmogorov(DRAWS, y, gsl_cdf_ugaussian_P),
                        threshold(DRAWS, 1e-9));
    free(x);
    free(y);
}
END_TEST

/* second route: neighbours as a pair; Hoeffding's bound for the mean of
 * products of signs, P(|mean| > t) <= 2 exp(-n t^2 / 2) */
START_TEST(neighbours_are_unrelated)
{
    thm_rng a = thm_rng_make(5, 0), b = thm_rng_make(5, 1);
    int along = 0, across = 0;
    double previous = thm_rng_normal(&a);
    thm_rng_normal(&b);
    for (int i = 0; i < DRAWS; i++) {
        double x = thm_rng_normal(&a), y = thm_rng_normal(&b);
        along += (x > 0) == (previous > 0) ? 1 : -1;
        across += (x > 0) == (y > 0) ? 1 : -1;
        previous = x;
    }
    double t = sqrt(2 * log(2 / 1e-9) / DRAWS);
    ck_assert_double_le(fabs((double)along / DRAWS), t);
    ck_assert_double_le(fabs((double)across / DRAWS), t);
}
END_TEST

/* second route: below 3 * 2^62 a remainder without rejection would give the
 * lowest third half of the draws; Hoeffding at 1e-9 */
START_TEST(below_is_unbiased)
{
    thm_rng rng = thm_rng_make(13, 17);
    int low = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = thm_rng_below(&rng, 3ull << 62);
        ck_assert(x < 3ull << 62);
        low += x < 1ull << 62;
    }
    double t = sqrt(log(2 / 1e-9) / (2.0 * DRAWS));
    ck_assert_double_le(fabs((double)low / DRAWS - 1.0 / 3), t);
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(thm_rng_below(&rng, 1), 0);
        ck_assert_uint_lt(thm_rng_below(&rng, 3), 3);
    }
    ck_assert_uint_eq(thm_rng_below(&rng, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rng");
    TCase *c = tcase_create("rng");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, known_answers, 0, 3);
    tcase_add_test(c, draws_replay_alone);
    tcase_add_test(c, uniforms_are_odd_multiples);
    suite_add_tcase(suite, c);
    TCase *slow = tcase_create("statistics");
    tcase_set_timeout(slow, 120);
    tcase_set_tags(slow, "long");
    tcase_add_loop_test(slow, draws_have_their_distribution, 1, 4);
    tcase_add_test(slow, neighbours_are_unrelated);
    tcase_add_test(slow, below_is_unbiased);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
