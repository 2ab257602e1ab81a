/* Oracles: the rules of the verdict as the design states them, case by case;
 * and for the checker the sum of its cases done by hand. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "core/verdict.h"

static const double nan_ = (double)NAN, inf = (double)INFINITY;

/* ---- one case -------------------------------------------------------------
 */

START_TEST(a_margin_decides_only_beyond_its_error)
{
    static const struct {
        double margin, err;
        thm_verdict verdict;
    } rows[] = {
        {2.385, 1.127, THM_HOLDS},
        {1.127, 1.127, THM_HOLDS}, /* margin >= err */
        {1.1269, 1.127, THM_UNDECIDED},
        {0.0, 1.127, THM_UNDECIDED},
        {-1.127, 1.127, THM_UNDECIDED}, /* REFUTED needs margin < -err */
        {-1.1271, 1.127, THM_REFUTED},
        {0.0, 0.0, THM_HOLDS}, /* exact arithmetic, equality */
        {DBL_TRUE_MIN, 0.0, THM_HOLDS},
        {-DBL_TRUE_MIN, 0.0, THM_REFUTED},
        {-0.0, 0.0, THM_HOLDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(thm_verdict_of(rows[i].margin, rows[i].err),
                         rows[i].verdict);
    }
}
END_TEST

START_TEST(what_is_not_finite_decides_nothing)
{
    const double bad[] = {nan_, inf, -inf};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(thm_verdict_of(bad[i], 0.5), THM_UNDECIDED);
        ck_assert_int_eq(thm_verdict_of(2.385, bad[i]), THM_UNDECIDED);
        ck_assert_int_eq(thm_verdict_of(-2.385, bad[i]), THM_UNDECIDED);
        for (int j = 0; j < 3; j++) {
            ck_assert_int_eq(thm_verdict_of(bad[i], bad[j]), THM_UNDECIDED);
        }
    }
}
END_TEST

START_TEST(a_maximum_keeps_what_is_not_a_number)
{
    ck_assert_double_eq(thm_worse(1.127, 2.385), 2.385);
    ck_assert_double_eq(thm_worse(2.385, 1.127), 2.385);
    ck_assert_double_eq(thm_worse(-inf, 1.127), 1.127);
    ck_assert(isnan(thm_worse(nan_, inf)) && isnan(thm_worse(inf, nan_)));
}
END_TEST

START_TEST(a_negative_error_decides_nothing)
{
    ck_assert_int_eq(thm_verdict_of(2.385, -1e-300), THM_UNDECIDED);
    ck_assert_int_eq(thm_verdict_of(-2.385, -1.0), THM_UNDECIDED);
}
END_TEST

/* With resolution: whatever the rounding within err, a true statement HOLDS,
 * and one that is violated by more than 4 err is REFUTED. */
START_TEST(resolution_never_doubts_an_identity_and_sees_a_violation)
{
    thm_rng rng = thm_rng_make(5, 0);
    for (int i = 0; i < 2000; i++) {
        /* powers of two, so that the sums below are exact */
        const double err = ldexp(1.0, -20 - (int)thm_rng_below(&rng, 10));
        const double rounding =
            err * ldexp(round(ldexp(2 * thm_rng_uniform(&rng) - 1, 8)), -8);
        thm_finding f = {1.0 + rounding, 1.0, err, true, THM_BOUNDED};
        ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err),
                         THM_HOLDS);
        f.observed = 1.0 + rounding + err * (4.0 + ldexp(1.0, -8));
        ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err),
                         THM_REFUTED);
    }
}
END_TEST

START_TEST(without_resolution_an_identity_stays_undecided)
{
    thm_finding f = {1.0, 1.0, 1e-16, false, THM_BOUNDED};
    ck_assert_double_eq(thm_finding_margin(&f), 0.0);
    ck_assert_int_eq(thm_verdict_of(thm_finding_margin(&f), f.err),
                     THM_UNDECIDED);
}
END_TEST

/* ---- many cases -----------------------------------------------------------
 */

static void add(thm_result *r, double margin, double err, const char *name)
{
    const thm_finding f = {1.0 - margin, 1.0, err, false, THM_BOUNDED};
    thm_result_add(r, &f, name, 7);
}

START_TEST(the_worst_verdict_of_the_cases_is_the_claims)
{
    thm_result r;
    thm_result_init(&r);
    ck_assert_int_eq(r.verdict, THM_VACUOUS);
    thm_result_skip(&r);
    ck_assert_int_eq(r.verdict, THM_VACUOUS);
    add(&r, 0.5, 0.125, "easy");
    ck_assert_int_eq(r.verdict, THM_HOLDS);
    add(&r, 0.25, 0.125, "near");
    ck_assert_str_eq(r.worst_case, "near");
    add(&r, 0.25, 0.125, "draw");
    ck_assert_str_eq(r.worst_case, "near"); /* the first of equals */
    add(&r, nan_, 0.125, "broken");
    ck_assert_int_eq(r.verdict, THM_UNDECIDED);
    ck_assert_str_eq(r.worst_case, "broken");
    add(&r, -0.25, 0.125, "wrong");
    ck_assert_int_eq(r.verdict, THM_REFUTED);
    ck_assert_str_eq(r.worst_case, "wrong");
    ck_assert_double_eq(r.margin, -0.25);
    ck_assert_double_eq(r.err, 0.125);
    ck_assert_uint_eq(r.worst_seed, 7);
    add(&r, -inf, inf, "infinite"); /* undecided: no rival of a refutation */
    add(&r, -0.5, 0.125, "worse");
    add(&r, 0.5, 0.125, "good again");
    ck_assert_int_eq(r.verdict, THM_REFUTED);
    ck_assert_str_eq(r.worst_case, "worse");
    ck_assert_int_eq(r.cases, 8);
    ck_assert_int_eq(r.skipped, 1);
}
END_TEST

START_TEST(a_claim_has_the_evidence_of_its_weakest_case)
{
    thm_result r;
    thm_result_init(&r);
    ck_assert_int_eq(r.evidence, THM_ENCLOSURE);
    thm_finding f = {0.25, 0.5, 0.0, false, THM_BOUNDED};
    thm_result_add(&r, &f, "bounded", 0);
    f.evidence = THM_SAMPLED;
    thm_result_add(&r, &f, "sampled", 0);
    f.evidence = THM_ENCLOSURE;
    thm_result_add(&r, &f, "enclosure", 0);
    ck_assert_int_eq(r.evidence, THM_SAMPLED);
}
END_TEST

START_TEST(tight_is_the_largest_share_of_the_allowance)
{
    thm_result r;
    thm_result_init(&r);
    thm_finding f = {0.25, 0.5, 0.0, false, THM_BOUNDED};
    thm_result_add(&r, &f, "half", 0);
    f = (thm_finding){0.75, 1.0, 0.0, false, THM_BOUNDED};
    thm_result_add(&r, &f, "three quarters", 0);
    f = (thm_finding){nan_, 1.0, 0.0, false, THM_BOUNDED};
    thm_result_add(&r, &f, "nan", 0);
    f = (thm_finding){1.0, 0.0, 0.0, false, THM_BOUNDED};
    thm_result_add(&r, &f, "nothing allowed", 0);
    ck_assert_double_eq(r.tight, 0.75);
}
END_TEST

/* ---- the checker ----------------------------------------------------------
 */

/* Cases are one normal draw x each; the claim is x <= 1, the twin x <= 0.
 * ctx counts what was measured; fields provoke what may go wrong. */
typedef struct {
    int64_t measured;
    double fail_above;     /* a measure above it fails ...     */
    thm_status fail_with;  /* ... with this status, if not OK  */
    int64_t make_fails_at; /* index, or -1                     */
} bench;

typedef struct {
    double x;
} draw;

static thm_status make_draw(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    const bench *b = ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    ((draw *)the_case)->x = thm_rng_normal(&rng);
    snprintf(name, THM_CASE_NAME, "draw-%lld", (long long)index);
    return index == b->make_fails_at ? THM_EDOMAIN : THM_OK;
}

static thm_status below(const void *the_case, bench *b, double bound,
                        thm_finding *f, bool *applies)
{
    const draw *d = the_case;
    b->measured++;
    *applies = d->x > -1.0;
    f->observed = d->x;
    f->allowed = bound;
    f->err = DBL_EPSILON * fabs(d->x);
    f->evidence = THM_BOUNDED;
    return d->x > b->fail_above ? b->fail_with : THM_OK;
}

static thm_status below_one(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    return below(the_case, ctx, 1.0, f, applies);
}

static thm_status below_zero(const void *the_case, void *ctx, thm_finding *f,
                             bool *applies)
{
    return below(the_case, ctx, 0.0, f, applies);
}

static thm_status says_nothing(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)the_case;
    (void)ctx;
    (void)f;
    (void)applies;
    return THM_OK;
}

static const thm_claim pair[] = {{"T1", below_one, false},
                                 {"XT1", below_zero, false}};

static bench calm(void)
{
    return (bench){0, inf, THM_OK, -1};
}

static thm_status run(int n, const thm_claim *claims, int64_t count,
                      const char *only, bench *b, thm_tick tick, void *tick_ctx,
                      thm_result *results, thm_message *msg)
{
    draw storage;
    const thm_case_source source = {count, make_draw, &storage, b, NULL};
    double seconds[2];
    const thm_status status = thm_claims_run(
        n, claims, &source, 11, only, b, tick, tick_ctx, results, seconds, msg);
    if (status == THM_OK) {
        for (int i = 0; i < n; i++) {
            ck_assert(seconds[i] >= 0.0 && seconds[i] < 60.0);
        }
    }
    return status;
}

START_TEST(the_checker_adds_up_all_cases)
{
    enum { COUNT = 100 };
    thm_result got[2];
    bench b = calm();
    ck_assert_int_eq(run(2, pair, COUNT, NULL, &b, NULL, NULL, got, NULL),
                     THM_OK);
    ck_assert_int_eq(b.measured, 2 * COUNT);
    int64_t skipped = 0;
    double largest = -inf;
    for (int i = 0; i < COUNT; i++) {
        thm_rng rng = thm_rng_make(11, (uint64_t)i);
        const double x = thm_rng_normal(&rng);
        skipped += !(x > -1.0);
        largest = x > largest ? x : largest;
    }
    ck_assert_double_gt(largest, 1.0); /* else the seed decides nothing */
    ck_assert_int_gt(skipped, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(got[i].verdict, THM_REFUTED);
        ck_assert_int_eq(got[i].skipped, skipped);
        ck_assert_int_eq(got[i].cases, COUNT - skipped);
        ck_assert_uint_eq(got[i].worst_seed, 11);
    }
    ck_assert_double_eq(got[0].margin, 1.0 - largest);
    ck_assert_double_eq(got[1].margin, -largest);
}
END_TEST

START_TEST(a_case_replays_alone_to_the_bit)
{
    for (int i = 0; i < 50; i++) {
        char name[THM_CASE_NAME];
        thm_result alone[2], before[2];
        bench b = calm();
        snprintf(name, sizeof name, "draw-%d", i);
        ck_assert_int_eq(run(2, pair, 50, name, &b, NULL, NULL, alone, NULL),
                         THM_OK);
        ck_assert_int_eq(b.measured, 2);
        ck_assert_int_eq(alone[0].cases + alone[0].skipped, 1);
        ck_assert_int_eq(run(2, pair, 50, NULL, &b, NULL, NULL, before, NULL),
                         THM_OK);
        if (strcmp(before[0].worst_case, name) == 0) {
            ck_assert_int_eq(alone[0].verdict, before[0].verdict);
            ck_assert_mem_eq(&alone[0].margin, &before[0].margin,
                             sizeof(double));
            ck_assert_mem_eq(&alone[0].err, &before[0].err, sizeof(double));
            return;
        }
    }
    ck_abort_msg("the worst case was none of the cases");
}
END_TEST

START_TEST(an_unknown_case_is_said_to_be_one)
{
    thm_result got[2];
    thm_message msg;
    bench b = calm();
    ck_assert_int_eq(run(2, pair, 9, "draw-9", &b, NULL, NULL, got, &msg),
                     THM_EDOMAIN);
    ck_assert_ptr_nonnull(strstr(msg.text, "draw-9"));
    ck_assert_int_eq(b.measured, 0);
    ck_assert_int_eq(got[0].verdict, THM_VACUOUS);
}
END_TEST

START_TEST(no_cases_no_verdict)
{
    thm_result got[2];
    bench b = calm();
    ck_assert_int_eq(run(2, pair, 0, NULL, &b, NULL, NULL, got, NULL), THM_OK);
    ck_assert_int_eq(got[0].verdict, THM_VACUOUS);
    ck_assert_int_eq(got[1].verdict, THM_VACUOUS);
    ck_assert_int_eq(run(0, pair, 3, NULL, &b, NULL, NULL, got, NULL),
                     THM_EDIM);
    ck_assert_int_eq(run(2, pair, -1, NULL, &b, NULL, NULL, got, NULL),
                     THM_EDIM);
}
END_TEST

START_TEST(a_measure_that_says_nothing_is_undecided)
{
    const thm_claim silent = {"T2", says_nothing, true};
    thm_result got;
    bench b = calm();
    ck_assert_int_eq(run(1, &silent, 3, NULL, &b, NULL, NULL, &got, NULL),
                     THM_OK);
    ck_assert_int_eq(got.verdict, THM_UNDECIDED);
    ck_assert_int_eq(got.cases, 3);
    ck_assert(got.all_inputs);
}
END_TEST

START_TEST(a_measure_that_breaks_ends_the_run)
{
    static const struct {
        thm_status with, answer;
    } rows[] = {{THM_ECONVERGE, THM_EINTERNAL},
                {THM_EDOMAIN, THM_EINTERNAL}, /* not: an unknown case */
                {THM_ENOMEM, THM_ENOMEM},
                {THM_EINTERRUPTED, THM_EINTERRUPTED}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thm_result got[2];
        thm_message msg;
        bench b = {0, 1.0, rows[i].with, -1};
        ck_assert_int_eq(run(2, pair, 100, NULL, &b, NULL, NULL, got, &msg),
                         rows[i].answer);
        ck_assert_ptr_nonnull(strstr(msg.text, "claim T1, case draw-"));
        ck_assert_ptr_nonnull(strstr(msg.text, thm_status_text(rows[i].with)));
    }
    thm_result got[2];
    thm_message msg;
    bench b = {0, inf, THM_OK, 4};
    ck_assert_int_eq(run(2, pair, 9, NULL, &b, NULL, NULL, got, &msg),
                     THM_EINTERNAL);
    ck_assert_ptr_nonnull(strstr(msg.text, "case 4"));
    ck_assert_int_eq(b.measured, 8);
}
END_TEST

static bool stop_at(void *ctx, int64_t done, int64_t total)
{
    ck_assert_int_eq(total, 100);
    return done == *(const int64_t *)ctx;
}

START_TEST(an_interrupt_keeps_the_cases_done)
{
    thm_result got[2];
    bench b = calm();
    int64_t at = 37;
    ck_assert_int_eq(run(2, pair, 100, NULL, &b, stop_at, &at, got, NULL),
                     THM_EINTERRUPTED);
    ck_assert_int_eq(got[0].cases + got[0].skipped, 37);
    at = 0;
    ck_assert_int_eq(run(2, pair, 100, NULL, &b, stop_at, &at, got, NULL),
                     THM_EINTERRUPTED);
    ck_assert_int_eq(got[0].verdict, THM_VACUOUS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("claims");
    TCase *t = tcase_create("claims");
    tcase_add_test(t, a_margin_decides_only_beyond_its_error);
    tcase_add_test(t, what_is_not_finite_decides_nothing);
    tcase_add_test(t, a_maximum_keeps_what_is_not_a_number);
    tcase_add_test(t, a_negative_error_decides_nothing);
    tcase_add_test(t, resolution_never_doubts_an_identity_and_sees_a_violation);
    tcase_add_test(t, without_resolution_an_identity_stays_undecided);
    tcase_add_test(t, the_worst_verdict_of_the_cases_is_the_claims);
    tcase_add_test(t, a_claim_has_the_evidence_of_its_weakest_case);
    tcase_add_test(t, tight_is_the_largest_share_of_the_allowance);
    tcase_add_test(t, the_checker_adds_up_all_cases);
    tcase_add_test(t, a_case_replays_alone_to_the_bit);
    tcase_add_test(t, an_unknown_case_is_said_to_be_one);
    tcase_add_test(t, no_cases_no_verdict);
    tcase_add_test(t, a_measure_that_says_nothing_is_undecided);
    tcase_add_test(t, a_measure_that_breaks_ends_the_run);
    tcase_add_test(t, an_interrupt_keeps_the_cases_done);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
