/* Oracles: a batch of two-token starts against the closed form, other batches
 * against the single integrator, start by start (second route); one thread and
 * the plainest instructions against all others, to the bit. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_errno.h>
#include "core/rng.h"
#include "flow/batch.h"
#include "flow/orbit.h"
#include "flow/two_token.h"
#include "tests/scratch.h"

static void check_near(double got, double expected, double tol)
{
    ck_assert_msg(fabs(got - expected) <= tol, "%.17g is not %.17g to %g", got,
                  expected, tol);
}

enum { MOST = 1000 };

/* Drawn starts in u, a: (n x count), all ending at `end`. */
static double u[8 * MOST], a[8 * MOST], ends[MOST];
static thm_batch_end got[MOST], again[MOST];

static thm_batch drawn(int n, int count, double scale, double end)
{
    thm_batch batch = thm_batch_defaults();
    thm_rng rng = thm_rng_make(17, (uint64_t)n);
    thm_rng_fill_normal(&rng, n * count, scale, u);
    thm_rng_fill_normal(&rng, n * count, scale, a);
    for (int k = 0; k < count; k++) {
        ends[k] = end;
    }
    batch.n = n;
    batch.count = count;
    batch.u = u;
    batch.a = a;
    batch.end = ends;
    batch.loss = THM_LOSS_LOGISTIC;
    return batch;
}

static void run_batch(const thm_batch *batch, thm_batch_end *out)
{
    ck_assert_int_eq(
        thm_batch_run(batch, thm_isa_detect(), 2, out, NULL, NULL, NULL, NULL),
        THM_OK);
}

START_TEST(two_tokens_are_the_closed_form)
{
    for (int c = 0; c < 2; c++) {
        thm_batch batch = drawn(2, 150, 2.0, 1e6);
        batch.loss = c ? THM_LOSS_EXPONENTIAL : THM_LOSS_LOGISTIC;
        run_batch(&batch, got);
        for (int k = 0; k < 150; k++) {
            const double D0 = u[k] - u[150 + k], delta0 = a[k] - a[150 + k];
            const double S0 = u[k] + u[150 + k];
            thm_two_token start;
            thm_two_token_point at, half;
            ck_assert_int_eq(thm_two_token_init(D0, delta0, S0, &start),
                             THM_OK);
            ck_assert_int_eq(
                thm_two_token_at_time(&start, batch.loss, log(1e6), &at),
                THM_OK);
            const thm_two_token_fate fate = thm_two_token_foresee(&start);
            ck_assert_int_eq(got[k].status, THM_OK);
            check_near(got[k].log_t, log(1e6), 1e-12);
            check_near(got[k].tau, at.tau, 1e-8 * (1 + at.tau));
            check_near(got[k].y, at.y, 1e-8 * (1 + fabs(at.y)));
            check_near(got[k].entropy, at.entropy, 1e-8);
            check_near(got[k].others, at.others, 1e-8);
            ck_assert(got[k].decided);
            ck_assert_int_eq(got[k].winner, fate.winner - 1);
            /* steps are at most 0.3 in tau there: cubics of that length */
            check_near(got[k].rise, fate.rise, 2e-6);
            if (!isnan(got[k].half_tau)) {
                ck_assert_int_eq(
                    thm_two_token_at_tau(&start, got[k].half_tau, &half),
                    THM_OK);
                check_near(half.entropy, 0.5 * log(2.0), 1e-4);
                double log_t;
                ck_assert_int_eq(thm_two_token_log_time(&start, batch.loss,
                                                        half.theta, &log_t),
                                 THM_OK);
                check_near(got[k].half_log_t, log_t, 1e-3);
            }
        }
    }
}
END_TEST

START_TEST(more_tokens_are_the_single_orbit)
{
    static const int sizes[] = {1, 3, 8};
    thm_ode_options options = thm_ode_defaults();
    options.rtol = 1e-11;
    for (int c = 0; c < 3; c++) {
        const int n = sizes[c], count = 21;
        const thm_batch batch = drawn(n, count, 1.0, 1e4);
        double u1[8 * 21], a1[8 * 21];
        thm_orbit *o;
        ck_assert_int_eq(thm_orbit_alloc(n, THM_LOSS_LOGISTIC, 1,
                                         THM_ORBIT_CLOCKED, false, &o),
                         THM_OK);
        ck_assert_int_eq(
            thm_batch_run(&batch, thm_isa_detect(), 1, got, u1, a1, NULL, NULL),
            THM_OK);
        for (int k = 0; k < count; k++) {
            double x[17];
            thm_orbit_state before, after;
            for (int i = 0; i < n; i++) {
                x[i] = u[i * count + k];
                x[n + i] = a[i * count + k];
            }
            x[2 * n] = 0.0;
            ck_assert_int_eq(thm_orbit_look(o, x, &before, NULL), THM_OK);
            ck_assert_int_eq(thm_orbit_to_time(o, 1e4, x, &options, NULL),
                             THM_OK);
            ck_assert_int_eq(thm_orbit_look(o, x, &after, NULL), THM_OK);
            for (int i = 0; i < n; i++) {
                check_near(u1[i * count + k], x[i], 1e-7);
                check_near(a1[i * count + k], x[n + i], 1e-7);
            }
            check_near(got[k].entropy0, before.entropy, 1e-14);
            check_near(got[k].entropy, after.entropy, 1e-8);
            check_near(got[k].y, after.y, 1e-8);
            ck_assert_int_eq(got[k].winner, after.winner);
        }
        thm_orbit_free(o);
    }
}
END_TEST

START_TEST(the_square_loss_ends_at_its_projection)
{
    enum { COUNT = 40 };
    thm_batch batch = drawn(3, COUNT, 1.0, 1.127);
    int backwards = 0;
    thm_ode_options options = thm_ode_defaults();
    options.rtol = 1e-11;
    batch.loss = THM_LOSS_SQUARE;
    run_batch(&batch, got);
    for (int k = 0; k < COUNT; k++) {
        double x[6];
        thm_orbit *o;
        thm_orbit_state state;
        thm_ode_stats stats;
        const bool back = got[k].tau < 0.0;
        backwards += back;
        for (int i = 0; i < 3; i++) {
            x[i] = u[i * COUNT + k];
            x[3 + i] = a[i * COUNT + k];
        }
        ck_assert_int_eq(thm_orbit_alloc(3, THM_LOSS_SQUARE, 1.127,
                                         THM_ORBIT_FREE, back, &o),
                         THM_OK);
        ck_assert_int_eq(thm_orbit_to_projection(o, 1.127, x, &options, &stats),
                         THM_OK);
        ck_assert_int_eq(thm_orbit_look(o, x, &state, NULL), THM_OK);
        ck_assert_int_eq(got[k].status, THM_OK);
        check_near(got[k].y, 1.127, 1e-14);
        check_near(fabs(got[k].tau), stats.t, 1e-8);
        check_near(got[k].entropy, state.entropy, 1e-8);
        ck_assert(isinf(got[k].log_t) && isnan(got[k].half_log_t));
        thm_orbit_free(o);
    }
    ck_assert(backwards > 0 && backwards < COUNT);
}
END_TEST

START_TEST(threads_instructions_and_neighbours_change_no_bit)
{
    static const int counts[] = {1, 2, 3, 7, 8, 9, 63, 65, 1000};
    for (int c = 0; c < 9; c++) {
        const thm_batch batch = drawn(3, counts[c], 1.5, 1e3);
        const size_t size = (size_t)counts[c] * sizeof *got;
        memset(got, 0, sizeof got);
        memset(again, 0, sizeof again);
        ck_assert_int_eq(thm_batch_run(&batch, THM_ISA_BASELINE, 1, got, NULL,
                                       NULL, NULL, NULL),
                         THM_OK);
        for (int isa = 0; isa <= (int)thm_isa_detect(); isa++) {
            for (int threads = 1; threads <= 5; threads += 2) {
                ck_assert_int_eq(thm_batch_run(&batch, (thm_isa)isa, threads,
                                               again, NULL, NULL, NULL, NULL),
                                 THM_OK);
                ck_assert(memcmp(got, again, size) == 0);
            }
        }
    }
    /* the last start alone */
    thm_batch one = drawn(2, 9, 1.5, 1e3);
    double u1[2] = {u[8], u[17]}, a1[2] = {a[8], a[17]};
    run_batch(&one, got);
    one.count = 1;
    one.u = u1;
    one.a = a1;
    run_batch(&one, again);
    ck_assert(memcmp(&got[8], again, sizeof *again) == 0);
}
END_TEST

START_TEST(extreme_starts)
{
    thm_batch batch = drawn(3, 5, 0.0, 1e250);
    thm_batch_two_token(5, 0, 0, 0, 0, u, a);
    u[1] = 300;  /* learnt already: only the clock moves */
    a[2] = -690; /* as good as two tokens                 */
    u[3] = -300; /* a plateau of e^0, the others win      */
    u[4] = 1e-9;
    run_batch(&batch, got);
    for (int k = 0; k < 5; k++) {
        ck_assert_int_eq(got[k].status, THM_OK);
        check_near(got[k].log_t, log(1e250), 1e-10);
        ck_assert(got[k].rise < 1e-12 || k == 3);
    }
    check_near(got[0].entropy, log(3.0), 1e-14); /* symmetric for ever */
    check_near(got[2].entropy, log(2.0), 1e-14);
    ck_assert(got[1].winner == 0 && got[4].winner == 0);
    ck_assert(got[4].decided && !got[0].decided);
}
END_TEST

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

START_TEST(errors)
{
    const thm_batch good = drawn(2, 4, 1.0, 10);
    thm_batch bad = good;
    const thm_isa isa = thm_isa_detect();
#define REFUSED(status)                                                        \
    ck_assert_int_eq(thm_batch_run(&bad, isa, 1, got, NULL, NULL, NULL, NULL), \
                     status);                                                  \
    bad = good
    memset(got, 0x5a, sizeof got);
    memcpy(again, got, sizeof got);
    bad.n = 0;
    REFUSED(THM_EDIM);
    bad.n = THM_BATCH_TOKENS + 1;
    REFUSED(THM_EDIM);
    bad.count = -1;
    REFUSED(THM_EDIM);
    bad.loss = THM_LOSS_QUADRATIC;
    REFUSED(THM_EDOMAIN);
    bad.rtol = NAN;
    REFUSED(THM_EDOMAIN);
    bad.atol = 0;
    REFUSED(THM_EDOMAIN);
    bad.max_steps = 0;
    REFUSED(THM_EDOMAIN);
    ends[2] = 0;
    REFUSED(THM_EDOMAIN);
    ends[2] = NAN;
    REFUSED(THM_EDOMAIN);
    bad.loss = THM_LOSS_SQUARE;
    REFUSED(THM_EDOMAIN);
    ends[2] = 10;
    a[5] = HUGE_VAL;
    REFUSED(THM_EDOMAIN);
    a[5] = 0;
    ck_assert(memcmp(got, again, sizeof got) == 0);
    ck_assert_int_eq(
        thm_batch_run(&good, isa, 2, got, NULL, NULL, at_once, NULL),
        THM_EINTERRUPTED);
    bad.max_steps = 3;
    REFUSED(THM_OK);
    ck_assert_int_eq(got[0].status, THM_ECONVERGE);
    ck_assert_int_eq(got[0].steps, 3);
    bad.count = 0;
    REFUSED(THM_OK);
}
END_TEST

int main(void)
{
    gsl_set_error_handler_off();
    Suite *suite = suite_create("batch");
    TCase *t = tcase_create("batch");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_tokens_are_the_closed_form);
    tcase_add_test(t, more_tokens_are_the_single_orbit);
    tcase_add_test(t, the_square_loss_ends_at_its_projection);
    tcase_add_test(t, threads_instructions_and_neighbours_change_no_bit);
    tcase_add_test(t, extreme_starts);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
