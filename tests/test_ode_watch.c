/* Suite of what surrounds the integrators: requested times, events, ends,
 * errors.  Each test's first line names its oracle. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/problems.h"
#include "tests/scratch.h"

enum { N_STEPPERS = THM_STEPPER_RK4 + 1, MOST_SEEN = 64 };

/* Everything that a run reports, in its order. */
typedef struct {
    int count;
    double t[MOST_SEEN], x[MOST_SEEN];
    int direction[MOST_SEEN]; /* 0: an observation */
    int stop_after;           /* reports; 0: never */
} seen;

static void keep(seen *s, double t, double x, int direction, bool *stop)
{
    ck_assert_int_lt(s->count, MOST_SEEN);
    s->t[s->count] = t;
    s->x[s->count] = x;
    s->direction[s->count++] = direction;
    *stop = s->count == s->stop_after;
}

static thm_status observe(double t, const double *x, bool *stop, void *ctx)
{
    keep(ctx, t, x[0], 0, stop);
    return THM_OK;
}

static thm_status found(double t, const double *x, int direction, bool *stop,
                        void *ctx)
{
    keep(ctx, t, x[0], direction, stop);
    return THM_OK;
}

static double first_entry(double t, const double *x, void *ctx)
{
    (void)t;
    (void)ctx;
    return x[0];
}

static thm_ode_options options_of(int stepper)
{
    thm_ode_options options = thm_ode_defaults();
    options.stepper = (thm_stepper)stepper;
    options.first_step = stepper == THM_STEPPER_RK4 ? 1e-3 : 0.0;
    return options;
}

/* What a stepper may be off on the turn up to t = 10, in units of rtol: the
 * multistep ones miss their tolerance by two digits. */
static double allowed(int stepper)
{
    bool multistep =
        stepper == THM_STEPPER_MSADAMS || stepper == THM_STEPPER_MSBDF;
    return (multistep ? 1000 : 20) * 1e-9;
}

START_TEST(times_and_events_come_in_order)
{
    /* certificate: (sin t, cos t), whose first entry vanishes at k pi */
    static const double times[] = {0.001, 0.0011, 1.385, 3.1, 9.127, 10};
    const double pi = 3.14159265358979323846;
    seen s = {0};
    thm_ode ode = turn_problem();
    thm_ode_options options = options_of(_i);
    thm_ode_event event = {.value = first_entry, .found = found, .ctx = &s};
    thm_ode_watch watch = {.n_times = 6,
                           .times = times,
                           .observe = observe,
                           .observe_ctx = &s,
                           .n_events = 1,
                           .events = &event};
    thm_ode_stats stats;
    double x[2] = {0, 1};
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 10, x, &options, &watch, &stats), THM_OK);
    ck_assert_int_eq(s.count, 9); /* the start's zero is no crossing */
    int time = 0, crossing = 0;
    for (int i = 0; i < s.count; i++) {
        ck_assert(i == 0 || s.t[i] >= s.t[i - 1]);
        if (s.direction[i] == 0) {
            ck_assert_double_eq(s.t[i], times[time++]);
            ck_assert_double_le(fabs(s.x[i] - sin(s.t[i])), allowed(_i));
        } else {
            double where = ++crossing * pi;
            ck_assert_int_eq(s.direction[i], crossing % 2 ? -1 : 1);
            ck_assert_double_le(fabs(s.t[i] - where), allowed(_i));
            /* to rounding: the slope is 1, and t is known to 2 eps t */
            ck_assert_double_le(fabs(s.x[i]), 8 * DBL_EPSILON * s.t[i] + 1e-15);
        }
    }
    ck_assert_int_eq(time, 6);
    ck_assert(!stats.stopped);
    ck_assert_double_eq(x[0], s.x[8]);
}
END_TEST

START_TEST(a_report_can_end_the_run)
{
    /* certificate: the state is the reported one, and nothing follows it but
     * the observation of the end */
    static const double times[] = {1.0, 4.0};
    for (int after = 1; after <= 2; after++) {
        seen s = {.stop_after = after};
        thm_ode ode = turn_problem();
        thm_ode_options options = options_of(_i);
        thm_ode_event event = {.value = first_entry, .found = found, .ctx = &s};
        thm_ode_watch watch = {.n_times = 2,
                               .times = times,
                               .observe = observe,
                               .observe_ctx = &s,
                               .n_events = 1,
                               .events = &event};
        thm_ode_stats stats;
        double x[2] = {0, 1};
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, 10, x, &options, &watch, &stats),
            THM_OK);
        ck_assert(stats.stopped);
        ck_assert_double_eq(stats.t, s.t[after - 1]);
        ck_assert_double_eq(x[0], s.x[after - 1]);
        ck_assert_int_eq(s.count, after == 1 ? 1 : 3);
        ck_assert_double_eq(s.t[s.count - 1], stats.t);
        ck_assert_double_le(fabs(x[1] - cos(stats.t)), allowed(_i));
    }
}
END_TEST

/* ---- ends ---------------------------------------------------------------- */

static thm_status decay_rhs(double t, const double *x, double *dx, void *ctx)
{
    (void)t;
    (void)ctx;
    dx[0] = -x[0];
    return THM_OK;
}

static thm_status decay_jacobian(double t, const double *x, double *J,
                                 double *dfdt, void *ctx)
{
    (void)t;
    (void)x;
    (void)ctx;
    J[0] = -1.0;
    dfdt[0] = 0.0;
    return THM_OK;
}

START_TEST(a_small_slope_stops_the_run)
{
    /* certificate: exp(-t) at the time reached, first below the bound */
    thm_ode ode = {.n = 1, .rhs = decay_rhs, .jacobian = decay_jacobian};
    thm_ode_options options = options_of(_i);
    thm_ode_stats stats;
    double x = 1.0;
    options.stop_rhs = 1e-3;
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 1e3, &x, &options, NULL, &stats), THM_OK);
    ck_assert(stats.stopped && stats.t >= log(1e3) - 1e-4 && stats.t < 30);
    ck_assert(x < 1e-3 && fabs(x - exp(-stats.t)) < allowed(_i));
    x = 1e-4; /* below from the start */
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 1e3, &x, &options, NULL, &stats), THM_OK);
    ck_assert(stats.stopped && stats.t == 0 && x == 1e-4);
}
END_TEST

START_TEST(max_rhs_leaves_the_last_good_state)
{
    /* certificate: (sin t, cos t) at the time reached */
    thm_ode ode = turn_problem();
    for (long most = 1; most < 400; most += 57) {
        thm_ode_options options = options_of(_i);
        thm_ode_stats stats;
        double x[2] = {0, 1};
        options.max_rhs = most;
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, 1e6, x, &options, NULL, &stats),
            THM_ECONVERGE);
        ck_assert_int_le(stats.rhs, most);
        ck_assert(stats.t >= 0 && !stats.stopped);
        ck_assert(most < 200 || stats.t > 0);
        ck_assert_double_le(fabs(x[0] - sin(stats.t)), 10 * allowed(_i));
    }
}
END_TEST

static bool fifth_time(void *ctx)
{
    return ++*(int *)ctx == 5;
}

START_TEST(an_interrupt_leaves_the_last_good_state)
{
    /* certificate: asked once a step, and (sin t, cos t) */
    thm_ode ode = turn_problem();
    thm_ode_options options = options_of(_i);
    thm_ode_stats stats;
    int asked = 0;
    thm_ode_watch watch = {.interrupted = fifth_time,
                           .interrupted_ctx = &asked};
    double x[2] = {0, 1};
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 1e6, x, &options, &watch, &stats),
        THM_EINTERRUPTED);
    ck_assert_int_eq(stats.steps, 4);
    ck_assert_double_le(fabs(x[1] - cos(stats.t)), allowed(_i));
}
END_TEST

START_TEST(a_blow_up_ends_cleanly)
{
    /* certificate: 1 / (1 - t) has its pole at 1 */
    thm_ode ode = burst_problem();
    thm_ode_options options = options_of(_i);
    thm_ode_stats stats;
    double x = 1.0;
    ck_assert_int_eq(thm_ode_integrate(&ode, 0, 5, &x, &options, NULL, &stats),
                     THM_ECONVERGE);
    ck_assert(isfinite(x) && x > 1.0);
    /* the fixed step of rk4 knows no better than to step over it */
    double off = _i == THM_STEPPER_RK4 ? 0.01 : 1e-5;
    ck_assert_double_le(fabs(stats.t - 1.0), off);
}
END_TEST

typedef struct {
    thm_status answer; /* beyond x = 1 */
    double value;
} wall;

static thm_status wall_rhs(double t, const double *x, double *dx, void *ctx)
{
    const wall *w = ctx;
    bool beyond = x[0] > 1.0;
    (void)t;
    dx[0] = beyond ? w->value : 1.0;
    return beyond ? w->answer : THM_OK;
}

static thm_status wall_jacobian(double t, const double *x, double *J,
                                double *dfdt, void *ctx)
{
    (void)t;
    (void)x;
    (void)ctx;
    J[0] = dfdt[0] = 0.0;
    return THM_OK;
}

START_TEST(no_value_is_never_accepted)
{
    /* certificate: x' = 1 ends at the wall x = 1 behind which there is none */
    wall walls[] = {{THM_OK, NAN},
                    {THM_OK, HUGE_VAL},
                    {THM_EDOMAIN, 1.0},
                    {THM_ESINGULAR, 1.0}};
    for (int k = 0; k < 4; k++) {
        thm_ode ode = {.n = 1,
                       .rhs = wall_rhs,
                       .jacobian = wall_jacobian,
                       .ctx = &walls[k]};
        thm_ode_options options = options_of(_i);
        thm_ode_stats stats;
        double x = 0.0;
        options.max_rhs = 100000; /* bsimp creeps towards the wall */
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, 5, &x, &options, NULL, &stats),
            THM_ECONVERGE);
        ck_assert(x <= 1.0 && fabs(x - stats.t) <= allowed(_i));
        ck_assert_double_ge(x, _i == THM_STEPPER_RK4 ? 0.99 : 1 - 1e-6);
    }
    wall broken = {THM_ENOMEM, 1.0};
    thm_ode ode = {
        .n = 1, .rhs = wall_rhs, .jacobian = wall_jacobian, .ctx = &broken};
    thm_ode_options options = options_of(_i);
    thm_ode_stats stats;
    double x = 0.0;
    ck_assert_int_eq(thm_ode_integrate(&ode, 0, 5, &x, &options, NULL, &stats),
                     THM_ENOMEM);
    ck_assert(x <= 1.0);
}
END_TEST

static thm_status no_more(double t, const double *x, bool *stop, void *ctx)
{
    (void)t;
    (void)x;
    (void)stop;
    (void)ctx;
    return THM_EIO;
}

START_TEST(an_observer_error_ends_the_run)
{
    /* identity: its status is the run's */
    double time = 0.5, x[2] = {0, 1};
    thm_ode ode = turn_problem();
    thm_ode_options options = options_of(_i);
    thm_ode_stats stats;
    thm_ode_watch watch = {.n_times = 1, .times = &time, .observe = no_more};
    ck_assert_int_eq(thm_ode_integrate(&ode, 0, 1, x, &options, &watch, &stats),
                     THM_EIO);
}
END_TEST

/* ---- bad arguments ------------------------------------------------------- */

static void expect_refusal(const thm_ode *ode, double t1, double start,
                           const thm_ode_options *options,
                           const thm_ode_watch *watch, thm_status status)
{
    double x[2] = {start, 1.0};
    thm_ode_stats stats;
    ck_assert_int_eq(thm_ode_integrate(ode, 0, t1, x, options, watch, &stats),
                     status);
    ck_assert(memcmp(&x[0], &start, sizeof start) == 0 && x[1] == 1.0);
}

START_TEST(bad_arguments_are_refused)
{
    /* identity: ode.h's list, x untouched */
    static const double back[] = {1, 1}, outside[] = {1, 11}, zero[] = {0};
    thm_ode ode = turn_problem(), plain = turn_problem(), empty = ode;
    thm_ode_options good = thm_ode_defaults(), bad;
    plain.jacobian = NULL;
    empty.n = 0;
    expect_refusal(&empty, 1, 0, &good, NULL, THM_EDIM);
    expect_refusal(&ode, 0, 0, &good, NULL, THM_EDOMAIN);
    expect_refusal(&ode, NAN, 0, &good, NULL, THM_EDOMAIN);
    expect_refusal(&ode, HUGE_VAL, 0, &good, NULL, THM_EDOMAIN);
    expect_refusal(&ode, 1, NAN, &good, NULL, THM_EDOMAIN);
    expect_refusal(&ode, 1, HUGE_VAL, &good, NULL, THM_EDOMAIN);
    static const double tolerances[][2] = {
        {0.99e-14, 0}, {0, 1},  {-1, 0},  {NAN, 0},
        {HUGE_VAL, 0}, {1, -1}, {1, NAN}, {1, HUGE_VAL}};
    for (size_t i = 0; i < sizeof tolerances / sizeof *tolerances; i++) {
        bad = good;
        bad.rtol = tolerances[i][0];
        bad.atol = tolerances[i][1];
        expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    }
    bad = good;
    bad.first_step = -1;
    expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    bad = good;
    bad.stop_rhs = NAN;
    expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    bad = good;
    bad.max_rhs = -1;
    expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    bad = good;
    bad.stepper = (thm_stepper)N_STEPPERS;
    expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    bad.stepper = THM_STEPPER_RK4; /* a fixed step must be given */
    expect_refusal(&ode, 1, 0, &bad, NULL, THM_EDOMAIN);
    static const thm_stepper implicit[] = {THM_STEPPER_ROSENBROCK,
                                           THM_STEPPER_MSBDF, THM_STEPPER_BSIMP,
                                           THM_STEPPER_RK4IMP};
    for (int i = 0; i < 4; i++) {
        bad.stepper = implicit[i];
        expect_refusal(&plain, 1, 0, &bad, NULL, THM_EDOMAIN);
    }
    thm_ode_watch watch = {.n_times = 2, .times = back};
    expect_refusal(&ode, 10, 0, &good, &watch, THM_EDOMAIN);
    watch.times = outside;
    expect_refusal(&ode, 10, 0, &good, &watch, THM_EDOMAIN);
    watch = (thm_ode_watch){.n_times = 1, .times = zero};
    expect_refusal(&ode, 10, 0, &good, &watch, THM_EDOMAIN);
    watch.n_times = -1;
    expect_refusal(&ode, 10, 0, &good, &watch, THM_EDIM);
    /* no slope at the start */
    wall w = {THM_OK, NAN};
    thm_ode behind = {.n = 1, .rhs = wall_rhs, .ctx = &w};
    expect_refusal(&behind, 10, 2, &good, NULL, THM_EDOMAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ode-watch");
    TCase *c = tcase_create("ode-watch");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, times_and_events_come_in_order, 0, N_STEPPERS);
    tcase_add_loop_test(c, a_report_can_end_the_run, 0, N_STEPPERS);
    tcase_add_loop_test(c, a_small_slope_stops_the_run, 0, N_STEPPERS);
    tcase_add_loop_test(c, max_rhs_leaves_the_last_good_state, 0, N_STEPPERS);
    tcase_add_loop_test(c, an_interrupt_leaves_the_last_good_state, 0,
                        N_STEPPERS);
    tcase_add_loop_test(c, a_blow_up_ends_cleanly, 0, N_STEPPERS);
    tcase_add_loop_test(c, no_value_is_never_accepted, 0, N_STEPPERS);
    tcase_add_loop_test(c, an_observer_error_ends_the_run, 0, N_STEPPERS);
    tcase_add_test(c, bad_arguments_are_refused);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
