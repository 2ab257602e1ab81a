/* Oracles: closed forms - exp, and the flow of one token under the square loss,
 * z - b = (z_0 - b) e^-t - against which both the numbers and the estimates of
 * their errors are held; and the statuses that the headers promise. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"

/* ---- numbers with an error ------------------------------------------------
 */

typedef struct {
    double rate, error_scale; /* the run errs by error_scale rtol */
    int runs;
    thm_status fail;
} fake;

static thm_status run_fake(const thm_ode_options *options, double *q,
                           long *steps, void *ctx)
{
    fake *f = ctx;
    f->runs++;
    q[0] = exp(f->rate) + f->error_scale * options->rtol;
    q[1] = -2.385;
    *steps = 50;
    return f->fail;
}

START_TEST(the_error_is_that_of_the_coarse_run_and_of_the_steps)
{
    fake f = {.rate = 1.127, .error_scale = 30.0};
    double q[2], err[2];
    ck_assert_int_eq(thm_integrated(2, run_fake, &f, q, err), THM_OK);
    ck_assert_int_eq(f.runs, 2);
    ck_assert_double_le(fabs(q[0] - exp(1.127)), 31e-12);
    ck_assert_double_ge(err[0], 30.0 * 99e-12);
    ck_assert_double_le(err[0], 30.0 * 100e-12 + 60e-12 * q[0]);
    ck_assert_double_ge(err[1], 50e-12 * 2.385); /* no difference at all */
    ck_assert_double_le(err[1], 51e-12 * 2.385);
}
END_TEST

START_TEST(what_the_run_answers_is_passed_on)
{
    fake f = {.fail = THM_ECONVERGE};
    double q[2], err[2];
    ck_assert_int_eq(thm_integrated(0, run_fake, &f, q, err), THM_EDIM);
    ck_assert_int_eq(f.runs, 0);
    ck_assert_int_eq(thm_integrated(2, run_fake, &f, q, err), THM_ECONVERGE);
    ck_assert_int_eq(f.runs, 1);
}
END_TEST

/* ---- flows ----------------------------------------------------------------
 */

enum { D = 2, TIMES = 5 };
static const double target[D] = {1.127, -0.385}, start[D + 1] = {-0.5, 2, 7};

typedef struct {
    int seen;
    double at[TIMES], z[TIMES];
} record;

static thm_status look(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    record *r = ctx;
    double z[D];
    thm_value_state state;
    ck_assert_int_eq(k, r->seen);
    r->seen++;
    r->at[k] = t;
    const thm_status status = thm_value_flow_look(flow, x, &state, NULL, z);
    r->z[k] = z[0];
    return status;
}

static thm_status look_and_fail(thm_value_flow *flow, int k, double t,
                                const double *x, void *ctx)
{
    (void)flow, (void)k, (void)t, (void)x, (void)ctx;
    return THM_EINTERRUPTED;
}

static double first_is_zero(double t, const double *x, void *ctx)
{
    (void)t, (void)ctx;
    return x[0];
}

static thm_status stop_there(double t, const double *x, int direction,
                             bool *stop, void *ctx)
{
    (void)t, (void)x, (void)direction, (void)ctx;
    *stop = true;
    return THM_OK;
}

static const thm_loss square = {.kind = THM_LOSS_SQUARE, .d = D, .b = target};

static thm_flow_path one_token(void)
{
    return (thm_flow_path){.d = D,
                           .n = 1,
                           .loss = &square,
                           .start = start,
                           .stepper = THM_STEPPER_DOP853,
                           .end = 3.0};
}

static double exact(int i, double t)
{
    return target[i] + (start[i] - target[i]) * exp(-t);
}

START_TEST(a_flow_is_looked_at_where_it_was_asked_for)
{
    double times[TIMES], x[D + 1];
    record r = {0};
    long steps = 0, rhs = 0;
    thm_flow_path path = one_token();
    thm_flow_times(TIMES, 0.1, 2.5, times);
    path.n_times = TIMES;
    path.times = times;
    path.look = look;
    path.ctx = &r;
    const thm_ode_options options = thm_ode_defaults();
    ck_assert_int_eq(thm_flow_follow(&path, &options, x, &steps, &rhs), THM_OK);
    ck_assert_int_eq(r.seen, TIMES);
    for (int k = 0; k < TIMES; k++) {
        ck_assert_double_eq(r.at[k], times[k]);
        ck_assert_double_eq_tol(r.z[k], exact(0, times[k]), 1e-8);
    }
    ck_assert_double_eq_tol(x[1], exact(1, 3.0), 1e-8);
    ck_assert_double_eq(x[D], start[D]); /* one token: attention is 1 */
    ck_assert(steps > 0 && rhs > steps);
}
END_TEST

START_TEST(an_event_ends_a_flow)
{
    double x[D + 1];
    const thm_ode_event event = {first_is_zero, stop_there, NULL};
    thm_flow_path path = one_token();
    path.event = &event;
    const thm_ode_options options = thm_ode_defaults();
    ck_assert_int_eq(thm_flow_follow(&path, &options, x, NULL, NULL), THM_OK);
    const double t = log((target[0] - start[0]) / target[0]);
    ck_assert_double_eq_tol(x[0], 0.0, 1e-8);
    ck_assert_double_eq_tol(x[1], exact(1, t), 1e-8);
}
END_TEST

START_TEST(a_flow_that_cannot_be_followed_says_so)
{
    double x[D + 1], time = 1.0;
    const thm_ode_options options = thm_ode_defaults();
    thm_flow_path path = one_token();
    path.d = 3; /* the loss has another */
    ck_assert_int_eq(thm_flow_follow(&path, &options, x, NULL, NULL), THM_EDIM);
    path = one_token();
    path.end = 0.0;
    ck_assert_int_eq(thm_flow_follow(&path, &options, x, NULL, NULL),
                     THM_EDOMAIN);
    path = one_token();
    path.look = look_and_fail;
    path.n_times = 1;
    path.times = &time;
    ck_assert_int_eq(thm_flow_follow(&path, &options, x, NULL, NULL),
                     THM_EINTERRUPTED);
}
END_TEST

START_TEST(times_are_in_equal_ratios_and_end_exactly)
{
    double t[4], one[1];
    thm_flow_times(4, 0.385, 1e8 / 3.0, t);
    ck_assert_double_eq(t[0], 0.385);
    ck_assert_double_eq(t[3], 1e8 / 3.0);
    ck_assert_double_eq_tol(t[1] / t[0], t[2] / t[1], 1e-9);
    ck_assert_double_eq_tol(t[2] / t[1], t[3] / t[2], 1e-9);
    thm_flow_times(1, 0.385, 2.0, one);
    ck_assert_double_eq(one[0], 2.0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("integrated");
    TCase *t = tcase_create("integrated");
    tcase_add_test(t, the_error_is_that_of_the_coarse_run_and_of_the_steps);
    tcase_add_test(t, what_the_run_answers_is_passed_on);
    suite_add_tcase(suite, t);
    t = tcase_create("flow path");
    tcase_add_test(t, a_flow_is_looked_at_where_it_was_asked_for);
    tcase_add_test(t, an_event_ends_a_flow);
    tcase_add_test(t, a_flow_that_cannot_be_followed_says_so);
    tcase_add_test(t, times_are_in_equal_ratios_and_end_exactly);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
