/* Oracles: balls against rational values worked by hand, against the library's
 * doubles and their error bound, and against bisection at 300 bits (second
 * route); findings against the sign of the difference that went in; the peak
 * against the best of a fine grid. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/ball.h"
#include "claims/peak.h"
#include "softmax/softmax.h"
#include "softmax/spectrum.h"
#include "tests/scratch.h"

static const double U = 0x1p-53;

static thm_row row_of(int n, double tau, bool probs, double *value)
{
    return (thm_row){.n = n,
                     .tau = tau,
                     .probs = probs,
                     .value = value,
                     .rng = thm_rng_make(7, (uint64_t)n)};
}

static double middle(const arb_t x)
{
    return arf_get_d(arb_midref(x), ARF_RND_NEAR);
}

/* Whether x encloses numerator / denominator and little else. */
static bool is_ratio(const arb_t x, slong numerator, slong denominator)
{
    fmpq_t q;
    fmpq_init(q);
    fmpq_set_si(q, numerator, (ulong)denominator);
    const bool yes = arb_contains_fmpq(x, q) && arb_rel_accuracy_bits(x) > 100;
    fmpq_clear(q);
    return yes;
}

/* ---- rows ------------------------------------------------------------------
 */

/* p = (1/2, 0, 1/4, 1/4) from weights of sum 8: rest, variance of x =
 * (0, ., -2, -4): mean -3/2, second moment 5, hence 11/4; q2 = 3/8, q3 = 5/32,
 * q2 - 2 q3 + q2^2 = 13/64. */
START_TEST(rational_rows_are_enclosed)
{
    double value[] = {4.0, 0.0, 2.0, 2.0};
    const thm_row row = row_of(4, 3.0, true, value);
    thm_ball_row *b = NULL;
    arb_t x;
    arb_init(x);
    ck_assert_int_eq(thm_ball_row_alloc(4, &b), THM_OK);
    ck_assert_int_eq(thm_ball_row_load(b, &row), THM_OK);
    ck_assert_int_eq(b->support, 3);
    ck_assert_int_eq(b->top, 0);
    ck_assert(!b->uniform);
    ck_assert(is_ratio(b->p + 0, 1, 2) && is_ratio(b->rest + 0, 1, 2));
    ck_assert(arb_is_zero(b->p + 1) && is_ratio(b->rest + 1, 1, 1));
    ck_assert(is_ratio(b->p + 2, 1, 4) && is_ratio(b->rest + 2, 3, 4));
    arb_ptr v = _arb_vec_init(4);
    arb_neg_inf(v + 1);
    arb_set_si(v + 2, -2);
    arb_set_si(v + 3, -4);
    thm_ball_variance(4, b->p, v, THM_BALL_BITS, x);
    ck_assert(is_ratio(x, 11, 4));
    thm_ball_frobenius(4, b->p, b->rest, b->top, THM_BALL_BITS, x);
    arb_sqr(x, x, THM_BALL_BITS);
    ck_assert(is_ratio(x, 13, 64));
    /* tau J has trace 5/8, eigenvalue 1/4 (a tie), hence 3/8 and two zeros */
    ck_assert_int_eq(thm_ball_row_spectrum(b, &row), THM_OK);
    ck_assert(arb_is_zero(b->eigen) && arb_is_zero(b->eigen + 1));
    ck_assert(fabs(middle(b->eigen + 2) - 0.25) <= 4.0 * U);
    ck_assert(fabs(middle(b->eigen + 3) - 0.375) <= 40.0 * U);
    _arb_vec_clear(v, 4);
    arb_clear(x);
    thm_ball_row_free(b);
}
END_TEST

START_TEST(balls_enclose_what_the_library_computes)
{
    thm_rng rng = thm_rng_make(11, 3);
    static const double sds[] = {0.1, 3.0, 80.0};
    double z[65], p[65], lambda[65];
    thm_ball_row *b = NULL;
    ck_assert_int_eq(thm_ball_row_alloc(65, &b), THM_OK);
    for (int k = 0; k < 3; k++) {
        const int n = 63 + k;
        const thm_row row = row_of(n, 0.37, false, z);
        thm_rng_fill_normal(&rng, n, sds[k], z);
        ck_assert_int_eq(thm_softmax(n, z, 0.37, p), THM_OK);
        ck_assert_int_eq(thm_spectrum_ref(n, z, 0.37, 300, lambda), THM_OK);
        ck_assert_int_eq(thm_ball_row_spectrum(b, &row), THM_OK);
        arb_t sum;
        arb_init(sum);
        for (int i = 0; i < n; i++) {
            const double exact = middle(b->p + i);
            ck_assert(fabs(p[i] - exact) <= 8.0 * U * exact + 0x1p-1074);
            arb_add(sum, sum, b->p + i, THM_BALL_BITS);
            const double l = middle(b->eigen + i) / 0.37;
            ck_assert(fabs(l - lambda[i]) <= 4e-15 * l + 0x1p-1022);
            ck_assert(i == 0 || arb_rel_accuracy_bits(b->eigen + i) >= 44);
        }
        ck_assert(is_ratio(sum, 1, 1));
        arb_clear(sum);
    }
    thm_ball_row_free(b);
}
END_TEST

/* One token holds all but e^-2000: rest is of that size, not zero or 2^-128. */
START_TEST(the_rest_of_a_leader_keeps_its_digits)
{
    double z[] = {1000.0, -1000.0, -1000.0};
    const thm_row row = row_of(3, 1.0, false, z);
    thm_ball_row *b = NULL;
    arb_t x, t;
    arb_init(x);
    arb_init(t);
    ck_assert_int_eq(thm_ball_row_alloc(3, &b), THM_OK);
    ck_assert_int_eq(thm_ball_row_load(b, &row), THM_OK);
    arb_set_si(x, 2000);
    arb_exp(x, x, 256);
    arb_mul_2exp_si(t, b->rest, -1); /* each other: 1 / (e^2000 + 2) */
    arb_add_si(x, x, 2, 256);
    arb_mul(t, t, x, 256);
    ck_assert(is_ratio(t, 1, 1));
    arb_clear(x);
    arb_clear(t);
    thm_ball_row_free(b);
}
END_TEST

START_TEST(a_row_loaded_before_is_not_mistaken_for_the_next)
{
    double first[] = {0.5, 0.5}, second[] = {0.25, 0.75};
    thm_row row = row_of(2, 1.0, true, first);
    thm_ball_row *b = NULL;
    ck_assert_int_eq(thm_ball_row_alloc(2, &b), THM_OK);
    ck_assert_int_eq(thm_ball_row_spectrum(b, &row), THM_OK);
    ck_assert(b->uniform);
    row.value = second;
    row.rng.stream++;
    ck_assert_int_eq(thm_ball_row_spectrum(b, &row), THM_OK);
    ck_assert(!b->uniform);
    ck_assert(fabs(middle(b->eigen + 1) - 0.375) <= 8.0 * U);
    thm_ball_row_free(b);
}
END_TEST

START_TEST(rows_out_of_the_domain_are_refused)
{
    double value[] = {0.0, 0.0, 0.0};
    thm_row row = row_of(3, 1.0, true, value);
    thm_ball_row *b = NULL;
    ck_assert_int_eq(thm_ball_row_alloc(0, &b), THM_EDIM);
    ck_assert_int_eq(thm_ball_row_alloc(2, &b), THM_OK);
    ck_assert_int_eq(thm_ball_row_load(b, &row), THM_EDIM);
    row.n = 2;
    ck_assert_int_eq(thm_ball_row_load(b, &row), THM_EDOMAIN);
    row.probs = false;
    value[0] = value[1] = -HUGE_VAL;
    ck_assert_int_eq(thm_ball_row_load(b, &row), THM_EDOMAIN);
    value[1] = HUGE_VAL;
    ck_assert_int_eq(thm_ball_row_spectrum(b, &row), THM_EDOMAIN);
    thm_ball_row_free(b);
}
END_TEST

/* ---- findings --------------------------------------------------------------
 */

/* The verdict on m 2^e - r 2^e <= x <= m 2^e + r 2^e being at most `allowed`.
 */
static thm_verdict judge(double m, double r, slong e, double allowed,
                         bool attainable, thm_finding *f)
{
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    arb_set_d(x, m);
    mag_set_d(arb_radref(x), r);
    arb_mul_2exp_si(x, x, e);
    arb_set_d(y, allowed);
    *f = (thm_finding){0};
    thm_finding_ball(f, x, y, attainable);
    arb_clear(x);
    arb_clear(y);
    return thm_verdict_of(thm_finding_margin(f), f->err);
}

START_TEST(balls_apart_decide)
{
    thm_finding f;
    ck_assert_int_eq(judge(1.5, 0.25, 0, 2.0, true, &f), THM_HOLDS);
    ck_assert_int_eq(f.evidence, THM_ENCLOSURE);
    ck_assert(!f.resolution && f.observed == 1.5 && f.allowed == 2.0);
    ck_assert(f.err >= 0.25 && f.err < 0.2501);
    ck_assert_int_eq(judge(2.5, 0.25, 0, 2.0, true, &f), THM_REFUTED);
    ck_assert_int_eq(f.evidence, THM_ENCLOSURE);
}
END_TEST

START_TEST(a_ball_across_the_bound_decides_only_what_can_be_equal)
{
    thm_finding f;
    ck_assert_int_eq(judge(2.1, 0.25, 0, 2.0, true, &f), THM_HOLDS);
    ck_assert_int_eq(f.evidence, THM_BOUNDED);
    ck_assert(f.resolution);
    ck_assert_int_eq(judge(2.1, 0.25, 0, 2.0, false, &f), THM_UNDECIDED);
    ck_assert_int_eq(judge(1.9, 0.25, 0, 2.0, false, &f), THM_UNDECIDED);
}
END_TEST

/* 1 - 2^-80 <= 1 is certain, though no double says so; nor does one hold
 * 2^-1100 or 2^2000. */
START_TEST(differences_beyond_doubles_keep_their_sign)
{
    thm_finding f;
    arb_t x, one;
    arb_init(x);
    arb_init(one);
    arb_one(one);
    for (int sign = -1; sign < 2; sign += 2) {
        const thm_verdict v = sign < 0 ? THM_HOLDS : THM_REFUTED;
        arb_set_si(x, sign);
        arb_mul_2exp_si(x, x, -80);
        arb_add(x, x, one, 256);
        f = (thm_finding){0};
        thm_finding_ball(&f, x, one, false);
        ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err), v);
        ck_assert(f.allowed == 0.0 && f.observed == sign * 0x1p-80);
        ck_assert_int_eq(judge(sign, 0.25, -1100, 0.0, false, &f), v);
        ck_assert_int_eq(judge(sign, 0.25, 2000, 1.0, false, &f), v);
        ck_assert(isfinite(thm_finding_margin(&f)));
    }
    arb_clear(x);
    arb_clear(one);
}
END_TEST

START_TEST(what_is_no_number_decides_nothing)
{
    thm_finding f;
    ck_assert_int_eq(judge((double)NAN, 0.0, 0, 1.0, true, &f), THM_UNDECIDED);
    ck_assert_int_eq(judge(0.5, HUGE_VAL, 0, 1.0, true, &f), THM_UNDECIDED);
}
END_TEST

START_TEST(an_identity_holds_at_zero_and_not_beside_it)
{
    thm_finding f;
    arb_t x;
    arb_init(x);
    arb_zero(x);
    thm_finding_zero(&f, x);
    ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err), THM_HOLDS);
    arb_set_d(x, -1e-9);
    thm_finding_zero(&f, x);
    ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err),
                     THM_REFUTED);
    arb_clear(x);
}
END_TEST

/* ---- the peak --------------------------------------------------------------
 */

START_TEST(the_peak_is_the_best_of_a_fine_grid)
{
    const double z[] = {2.385, -1.127, 0.31, -2.2, 1.7, 0.05, -0.4};
    double x[7], p[7], best = 0.0, at = 0.0;
    thm_peak line;
    ck_assert_int_eq(thm_peak_line(7, z, x, &line), THM_OK);
    ck_assert_int_eq(line.leaders, 1);
    ck_assert(fabs(line.range - 4.585) < 1e-14);
    ck_assert(fabs(line.gap - (2.385 - 1.7) / 4.585) < 1e-14);
    ck_assert_int_eq(thm_peak_search(7, x, p, &line), THM_OK);
    for (int k = 1; k < 20000; k++) {
        double h;
        ck_assert_int_eq(thm_softmax(7, x, 1e3 / k, p), THM_OK);
        ck_assert_int_eq(thm_softmax_jacobian_fro(7, p, 1.0, &h), THM_OK);
        if (h > best) {
            best = h;
            at = k / 1e3;
        }
    }
    ck_assert(at > 0.1 && at < 19.9);
    ck_assert(fabs(line.peak - at) < 2e-3);
}
END_TEST

START_TEST(lines_out_of_the_domain_are_refused)
{
    double z[] = {3.0, 3.0}, x[2];
    thm_peak line;
    ck_assert_int_eq(thm_peak_line(0, z, x, &line), THM_EDIM);
    ck_assert_int_eq(thm_peak_line(2, z, x, &line), THM_OK);
    ck_assert(line.range == 0.0 && line.leaders == 2 && line.sd == 0.0);
    z[1] = (double)NAN;
    ck_assert_int_eq(thm_peak_line(2, z, x, &line), THM_EDOMAIN);
    z[0] = -1e308;
    z[1] = 1e308;
    ck_assert_int_eq(thm_peak_line(2, z, x, &line), THM_EDOMAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ball");
    TCase *t = tcase_create("ball");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, rational_rows_are_enclosed);
    tcase_add_test(t, the_rest_of_a_leader_keeps_its_digits);
    tcase_add_test(t, a_row_loaded_before_is_not_mistaken_for_the_next);
    tcase_add_test(t, rows_out_of_the_domain_are_refused);
    tcase_add_test(t, balls_apart_decide);
    tcase_add_test(t, a_ball_across_the_bound_decides_only_what_can_be_equal);
    tcase_add_test(t, differences_beyond_doubles_keep_their_sign);
    tcase_add_test(t, what_is_no_number_decides_nothing);
    tcase_add_test(t, an_identity_holds_at_zero_and_not_beside_it);
    tcase_add_test(t, the_peak_is_the_best_of_a_fine_grid);
    tcase_add_test(t, lines_out_of_the_domain_are_refused);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("many");
    tcase_set_timeout(slow, 240);
    tcase_set_tags(slow, "long");
    tcase_add_test(slow, balls_enclose_what_the_library_computes);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
