/* Suite of the integrators' accuracy: coefficients, orders, known solutions.
 * Each test's first line names its oracle; errors and events are in
 * test_ode_watch.c. */
#include <check.h>
#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow/combine.h"
#include "flow/dop853.h"
#include "flow/rosenbrock.h"
#include "tests/problems.h"
#include "tests/scratch.h"

/* ---- coefficients -------------------------------------------------------- */

/* sum_j w_j c_j^(q-1) over the stages that the end is made of. */
static long double moment(const double *weight, int q)
{
    const thm_dop853_stage *end = &thm_dop853_stages[THM_DOP853_END];
    long double sum = 0;
    for (int j = 0; j < end->terms; j++) {
        long double c = thm_dop853_stages[end->from[j]].c;
        sum += weight[j] * powl(c, q - 1);
    }
    return sum;
}

START_TEST(dop853_meets_its_order_conditions)
{
    /* identity: row sums, and the quadrature conditions of each formula */
    for (int i = 1; i < THM_DOP853_STAGES; i++) {
        const thm_dop853_stage *s = &thm_dop853_stages[i];
        long double sum = 0, size = 0;
        for (int j = 0; j < s->terms; j++) {
            ck_assert_int_lt(s->from[j], i);
            sum += s->a[j];
            size += fabsl(s->a[j]);
        }
        ck_assert(fabsl(sum - s->c) <= DBL_EPSILON * (size + 1));
    }
    const double *b = thm_dop853_stages[THM_DOP853_END].a;
    for (int q = 1; q <= 8; q++) {
        ck_assert(fabsl(moment(b, q) - 1.0L / q) <= 16 * DBL_EPSILON);
    }
    ck_assert(fabsl(moment(b, 9) - 1.0L / 9) > 1e-6);
    for (int q = 1; q <= 6; q++) {
        ck_assert(fabsl(moment(thm_dop853_error, q)) <= 64 * DBL_EPSILON);
    }
    /* a divided difference of x^6 is 1 */
    ck_assert(fabsl(moment(thm_dop853_error, 7) / THM_DOP853_BOUND - 1) <=
              1e6 * DBL_EPSILON);
}
END_TEST

/* What one step of h = 1 makes of x' = z x from 1: the new x and the estimate.
 */
static double complex linear_step(double complex z, double complex *estimate)
{
    const thm_dop853_stage *end = &thm_dop853_stages[THM_DOP853_END];
    double complex k[THM_DOP853_STAGES] = {0}, x = 1;
    for (int i = 0; i <= THM_DOP853_END; i++) {
        const thm_dop853_stage *s = &thm_dop853_stages[i];
        x = 1;
        for (int j = 0; j < s->terms; j++) {
            x += s->a[j] * k[s->from[j]];
        }
        k[i] = z * x;
    }
    *estimate = 0;
    for (int j = 0; j < end->terms; j++) {
        *estimate += thm_dop853_error[j] * k[end->from[j]];
    }
    return x;
}

START_TEST(the_estimate_bounds_the_error_up_to_the_edge)
{
    /* identity: exp(z), for every mode that a stable step can have; beside z =
     * -2.6, where the error has a zero, the estimate is not idle either */
    double complex estimate;
    double edge = 0;
    for (int i = 1; i <= 700; i++) {
        double z = -0.01 * i, x = creal(linear_step(z, &estimate));
        if (fabs(x) > 1) {
            break;
        }
        double off = fabs(x - exp(z)), size = cabs(estimate);
        edge = z;
        /* below 0.5 the error is lost in the rounding of the stages */
        ck_assert(i < 50 || thm_dop853_share(-z) * size >= off);
        ck_assert(i < 50 || (z < -2.2 && z > -3) || size <= 20 * off);
    }
    ck_assert_double_eq_tol(edge, -6.39, 1e-9);
}
END_TEST

START_TEST(half_the_share_bounds_the_error_of_slow_modes)
{
    /* identity: exp(z), in every direction */
    double before = 0;
    for (int i = 50; i <= 166; i++) {
        double radius = 0.01 * i, share = thm_dop853_share(radius);
        ck_assert(share >= before && share <= 1);
        before = share;
        for (int j = 0; j < 64; j++) {
            double turn = 2 * acos(-1) * j / 64;
            double complex estimate,
                z = radius * (cos(turn) + csqrt(-1) * sin(turn));
            double off = cabs(linear_step(z, &estimate) - cexp(z));
            ck_assert(0.5 * share * cabs(estimate) >= off);
        }
    }
    ck_assert(thm_dop853_share(0) == 1 && thm_dop853_share((double)NAN) == 1);
    ck_assert(thm_dop853_share(7) == 1 && thm_dop853_share(1e-9) == 0.25);
}
END_TEST

START_TEST(rodas_meets_its_order_conditions)
{
    /* identity: x' = t^(q-1) is a quadrature, exact for q up to the order 5;
     * with u_i of such a problem solved by hand (J = 0) */
    for (int q = 1; q <= 5; q++) {
        double u[THM_RODAS_STAGES], sum = 0.0, size = 0.0;
        for (int i = 0; i < THM_RODAS_STAGES; i++) {
            /* from t = 0 with h = 1; df/dt is 1 for q = 2 only */
            double f = q == 1 ? 1.0 : pow(thm_rodas_c[i], q - 1);
            u[i] = f + (q == 2 ? thm_rodas_d[i] : 0.0);
            for (int j = 0; j < i; j++) {
                u[i] += thm_rodas_C[i][j] * u[j];
            }
            u[i] *= thm_rodas_gamma;
            size += fabs(u[i]);
        }
        int last = THM_RODAS_STAGES - 1;
        for (int j = 0; j < last; j++) {
            sum += thm_rodas_a[last][j] * u[j];
            size += fabs(thm_rodas_a[last][j] * u[j]);
        }
        ck_assert_double_le(fabs(sum + u[last] - 1.0 / q),
                            64 * DBL_EPSILON * size);
    }
}
END_TEST

/* ---- orders -------------------------------------------------------------- */

enum { N_STEPPERS = THM_STEPPER_RK4 + 1 };
static const double START = 0.3; /* where the pair is nothing special */

static thm_status stop_there(double t, const double *x, bool *stop, void *ctx)
{
    (void)t;
    (void)x;
    (void)ctx;
    *stop = true;
    return THM_OK;
}

typedef struct {
    double inside, end; /* errors of one step */
} errors;

static double pair_error(double t, const double *x)
{
    double exact[2];
    pair_exact(t, exact);
    return hypot(x[0] - exact[0], x[1] - exact[1]);
}

/* One step of length h, whatever its error estimate says. */
static errors one_step(const thm_ode *ode, thm_stepper stepper, double h)
{
    thm_ode_options options = {
        .stepper = stepper, .rtol = 1e9, .first_step = h};
    double x[2], y[2], t = START + 0.37 * h;
    thm_ode_stats stats;
    thm_ode_watch watch = {.n_times = 1, .times = &t, .observe = stop_there};
    pair_exact(START, x);
    pair_exact(START, y);
    ck_assert_int_eq(
        thm_ode_integrate(ode, START, START + h, x, &options, NULL, &stats),
        THM_OK);
    ck_assert_int_eq(stats.steps, 1);
    ck_assert_int_eq(
        thm_ode_integrate(ode, START, START + h, y, &options, &watch, &stats),
        THM_OK);
    ck_assert(stats.stopped && stats.t == t);
    return (errors){.inside = pair_error(t, y),
                    .end = pair_error(START + h, x)};
}

/* The order that two halvings of the step show, to within a third. */
static void expect_orders(const thm_ode *ode, thm_stepper stepper, double h,
                          double end, double inside)
{
    errors coarse = one_step(ode, stepper, h);
    errors fine = one_step(ode, stepper, h / 4);
    double order = log2(coarse.end / fine.end) / 2;
    double within = log2(coarse.inside / fine.inside) / 2;
    ck_assert_msg(fabs(order - end) < 1.0 / 3, "order %g", order);
    ck_assert_msg(fabs(within - inside) < 1.0 / 3, "within %g", within);
}

START_TEST(a_step_has_the_order_of_its_method)
{
    /* identity: a step's error is of one order more than its method */
    thm_ode ode = pair_problem(), solved = pair_problem();
    solved.solve = pair_solve;
    expect_orders(&ode, THM_STEPPER_DOP853, 0.8, 9, 8);
    expect_orders(&ode, THM_STEPPER_ROSENBROCK, 0.05, 6, 5);
    expect_orders(&solved, THM_STEPPER_ROSENBROCK, 0.05, 6, 5);
}
END_TEST

START_TEST(the_error_follows_the_tolerance)
{
    /* certificate: exact solution; error per unit of tolerance bounded over
     * ten decades, and never free */
    thm_ode ode = pair_problem();
    static const thm_stepper own[] = {THM_STEPPER_DOP853,
                                      THM_STEPPER_ROSENBROCK, THM_STEPPER_AUTO};
    thm_stepper stepper = own[_i];
    long before = 0;
    for (double tol = 1e-3; tol > 0.9e-12; tol *= 0.1) {
        thm_ode_options options = {
            .stepper = stepper, .rtol = tol, .atol = tol};
        double x[2];
        thm_ode_stats stats;
        pair_exact(0, x);
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, 10, x, &options, NULL, &stats), THM_OK);
        ck_assert_double_eq(stats.t, 10.0);
        /* exp(sin t) amplifies by at most e^2, over up to `steps` errors */
        ck_assert_double_le(pair_error(10, x),
                            exp(2.0) * tol * (double)stats.steps);
        ck_assert_int_gt(stats.rhs, before);
        before = stats.rhs;
    }
}
END_TEST

/* ---- known solutions ----------------------------------------------------- */

START_TEST(closed_orbits_close)
{
    /* identity: the state after a period is the state before it */
    thm_ode kepler = {.n = 4, .rhs = kepler_rhs};
    thm_ode moon = {.n = 4, .rhs = arenstorf_rhs};
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    double e = 0.6, pi = 3.14159265358979323846;
    double start[4] = {1 - e, 0, 0, sqrt((1 + e) / (1 - e))};
    double x[4];
    options.stepper = THM_STEPPER_DOP853;
    options.rtol = options.atol = 1e-13;
    memcpy(x, start, sizeof x);
    ck_assert_int_eq(
        thm_ode_integrate(&kepler, 0, 2 * pi, x, &options, NULL, &stats),
        THM_OK);
    /* an error in the energy grows to 3 pi / a times itself along the orbit,
     * at a speed of 2 here */
    double allowed = 6 * pi * 1e-13 * (double)stats.steps;
    for (int i = 0; i < 4; i++) {
        ck_assert_double_le(fabs(x[i] - start[i]), 6 * allowed);
    }
    memcpy(x, arenstorf_start, sizeof x);
    ck_assert_int_eq(thm_ode_integrate(&moon, 0, arenstorf_period, x, &options,
                                       NULL, &stats),
                     THM_OK);
    /* the published start is known to 1e-16 and the encounters magnify it, and
     * the tolerance, by some 1e6 in the velocities */
    for (int i = 0; i < 4; i++) {
        ck_assert_double_le(fabs(x[i] - arenstorf_start[i]), 1e-6);
    }
}
END_TEST

START_TEST(all_steppers_agree)
{
    /* certificate: exact solution, for each stepper at its own tolerance; the
     * multistep ones are known to miss theirs by two digits */
    thm_stepper stepper = (thm_stepper)_i;
    thm_ode ode = pair_problem();
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    double x[2],
        loose = stepper == THM_STEPPER_MSADAMS || stepper == THM_STEPPER_MSBDF
                    ? 100
                    : 1;
    options.stepper = stepper;
    options.first_step = stepper == THM_STEPPER_RK4 ? 1e-3 : 0;
    pair_exact(0, x);
    ck_assert_int_eq(thm_ode_integrate(&ode, 0, 7, x, &options, NULL, &stats),
                     THM_OK);
    ck_assert_double_eq(stats.t, 7.0);
    ck_assert_double_le(pair_error(7, x),
                        loose * exp(2.0) * options.rtol * (double)stats.steps);
    ck_assert_int_ge(stats.rhs, stats.steps);
    thm_stepper ended =
        stepper == THM_STEPPER_AUTO ? THM_STEPPER_DOP853 : stepper;
    ck_assert_int_eq(stats.stepper, ended);
    ck_assert(isnan(stats.switched));
    thm_stepper parsed;
    ck_assert(thm_stepper_parse(thm_stepper_text(stepper), &parsed));
    ck_assert_int_eq(parsed, stepper);
    ck_assert(!thm_stepper_parse("euler", &parsed));
}
END_TEST

/* ---- the choice of auto -------------------------------------------------- */

static thm_ode_stats chase(thm_stepper stepper, double *k)
{
    thm_ode ode = chase_problem(k);
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    double x = 0.0;
    options.stepper = stepper;
    options.rtol = options.atol = 1e-7;
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 100, &x, &options, NULL, &stats), THM_OK);
    ck_assert_double_le(fabs(x - sin(100)), 1e-7 * (double)stats.steps);
    return stats;
}

START_TEST(auto_follows_the_stiffness)
{
    /* second route: the explicit stepper's own count of right-hand sides */
    double calm[2] = {1, 1}, stiff[2] = {1e4, 1e4}, relaxed[2] = {1e4, 1};
    double late[2] = {1, 1e4};
    thm_ode_stats s = chase(THM_STEPPER_AUTO, calm);
    ck_assert_int_eq(s.stepper, THM_STEPPER_DOP853);
    ck_assert(isnan(s.switched));
    ck_assert_int_eq(s.rhs, chase(THM_STEPPER_DOP853, calm).rhs);
    s = chase(THM_STEPPER_AUTO, stiff);
    ck_assert_int_eq(s.stepper, THM_STEPPER_ROSENBROCK);
    ck_assert(s.switched >= 0 && s.switched < 1);
    ck_assert_int_lt(50 * s.rhs, chase(THM_STEPPER_DOP853, stiff).rhs);
    s = chase(THM_STEPPER_AUTO, late);
    ck_assert_int_eq(s.stepper, THM_STEPPER_ROSENBROCK);
    ck_assert(s.switched > 50 && s.switched < 51);
    s = chase(THM_STEPPER_AUTO, relaxed);
    ck_assert_int_eq(s.stepper, THM_STEPPER_DOP853);
    ck_assert(s.switched < 1);
}
END_TEST

/* ---- kernels ------------------------------------------------------------- */

START_TEST(kernels_equal_their_twins)
{
    /* second route: an entry at a time, to the bit; and flags that see a NaN
     * wherever it is */
    enum { MOST = 80, TERMS = 12 };
    static double room[(TERMS + 3) * MOST];
    double c[TERMS], e[TERMS];
    const double *k[TERMS], *x = room;
    double *want = room + (TERMS + 1) * MOST, *got = want + MOST;
    for (int i = 0; i < (TERMS + 1) * MOST; i++) {
        room[i] = sin(2.385 * i) * exp(cos(1.127 * i));
    }
    for (int j = 0; j < TERMS; j++) {
        k[j] = room + (j + 1) * MOST;
        c[j] = cos(0.731 * j + 0.2);
        e[j] = cos(2.17 * j);
    }
    const thm_combine *ref = &thm_combine_ref;
    for (thm_isa isa = THM_ISA_BASELINE; isa <= thm_isa_detect(); isa++) {
        const thm_combine *kernel = thm_combine_kernels(isa);
        for (int n = 16; n <= MOST; n += 16) {
            size_t bytes = (size_t)n * sizeof *got;
            for (int m = 1; m <= TERMS; m++) {
                ck_assert_double_eq(ref->stage(n, x, m, k, c, want), 0);
                ck_assert_double_eq(kernel->stage(n, x, m, k, c, got), 0);
                ck_assert_mem_eq(want, got, bytes);
                thm_combine_error w =
                    ref->finish(n, x, m, k, c, e, 1e-3, 0.1, want);
                thm_combine_error g =
                    kernel->finish(n, x, m, k, c, e, 1e-3, 0.1, got);
                ck_assert_mem_eq(want, got, bytes);
                ck_assert_double_eq(w.largest, g.largest);
                ck_assert(w.flag == 0 && g.flag == 0 && g.largest > 0);
            }
            ck_assert_double_eq_tol(
                kernel->distance(n, k[0], k[1]), ref->distance(n, k[0], k[1]),
                n * DBL_EPSILON * ref->distance(n, k[0], k[1]));
            double *spoilt = room + 12 * MOST + n - 3, kept = *spoilt;
            *spoilt = n % 32 == 0 ? (double)NAN : HUGE_VAL;
            ck_assert(isnan(kernel->stage(n, x, 12, k, c, got)));
            ck_assert(isnan(kernel->finish(n, x, 12, k, c, e, 1, 1, got).flag));
            *spoilt = kept;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ode");
    TCase *c = tcase_create("ode");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, dop853_meets_its_order_conditions);
    tcase_add_test(c, the_estimate_bounds_the_error_up_to_the_edge);
    tcase_add_test(c, half_the_share_bounds_the_error_of_slow_modes);
    tcase_add_test(c, rodas_meets_its_order_conditions);
    tcase_add_test(c, a_step_has_the_order_of_its_method);
    tcase_add_loop_test(c, the_error_follows_the_tolerance, 0, 3);
    tcase_add_test(c, closed_orbits_close);
    tcase_add_loop_test(c, all_steppers_agree, 0, N_STEPPERS);
    tcase_add_test(c, auto_follows_the_stiffness);
    tcase_add_test(c, kernels_equal_their_twins);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
