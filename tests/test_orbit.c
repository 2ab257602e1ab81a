/* Oracles: the two-token closed form against the integrated orbit, and its
 * elliptic integral against quadrature (second route); the orbit lifted to
 * (V, a) against the value-softmax flow; derivatives against differences;
 * asymptotic rates of the note; recorded entropies of setting A. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include "flow/orbit.h"
#include "flow/settings.h"
#include "flow/two_token.h"
#include "flow/value_flow.h"
#include "tests/scratch.h"

static void check_near(double got, double expected, double tol)
{
    ck_assert_msg(fabs(got - expected) <= tol, "%.17g is not %.17g to %g", got,
                  expected, tol);
}

static thm_orbit *new_orbit(int n, thm_loss_kind loss, double norm,
                            thm_orbit_form form, bool backward)
{
    thm_orbit *orbit = NULL;
    ck_assert_int_eq(thm_orbit_alloc(n, loss, norm, form, backward, &orbit),
                     THM_OK);
    return orbit;
}

static thm_ode_options tight(void)
{
    thm_ode_options options = thm_ode_defaults();
    options.stepper = THM_STEPPER_DOP853;
    options.rtol = 1e-12;
    options.atol = 1e-14;
    return options;
}

/* (D0, delta0, S0): D larger, smaller and as large as W, either sign. */
static const double starts[][3] = {
    {1.127, 0.5, 0.3},  {0.5, 1.385, -0.2},  {1.127, -0.5, 0.1},
    {-0.5, 1.2, 0.1},   {3.385, 0, 0},       {0, 2.127, -1.5},
    {5.127, 0.1, -2.3}, {1e-3, 0, 0},        {0, 0, 0.7},
    {7.3, -5.1, 1.0},   {-2.385, -0.4, 0.6}, {0.3, -7.9, 3.0}};
enum { STARTS = sizeof starts / sizeof *starts };

static thm_two_token start_of(int k)
{
    thm_two_token start;
    ck_assert_int_eq(
        thm_two_token_init(starts[k][0], starts[k][1], starts[k][2], &start),
        THM_OK);
    return start;
}

static double arc_density(double theta, void *ctx)
{
    const thm_two_token *s = ctx;
    return hypot(2.0, s->W0 * cosh(theta) + s->D0 * sinh(theta));
}

static void check_arc(const thm_two_token *start, double theta)
{
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(200);
    thm_two_token s = *start;
    gsl_function f = {arc_density, &s};
    thm_two_token_point point;
    double tau, err;
    ck_assert_int_eq(thm_two_token_at(start, theta, &point), THM_OK);
    gsl_integration_qag(&f, 0.0, theta, 0.0, 1e-13, 200, GSL_INTEG_GAUSS31,
                        work, &tau, &err);
    gsl_integration_workspace_free(work);
    check_near(point.tau, tau, 1e-12 * (1.0 + fabs(tau)));
}

START_TEST(the_elliptic_integral_is_the_arc)
{
    for (int k = 0; k < STARTS; k++) {
        const thm_two_token s = start_of(k);
        check_arc(&s, 2.5);
        check_arc(&s, 1e-3);
        check_arc(&s, -3.7);
    }
    /* on the light cone and beside it */
    for (int k = -2; k <= 2; k++) {
        thm_two_token s;
        const double W = 2.0 * sinh(0.45);
        ck_assert_int_eq(
            thm_two_token_init(-W * (1.0 + k * 1e-9), 0.9, 0.2, &s), THM_OK);
        check_arc(&s, 4.1);
        s.D0 = -s.D0;
        check_arc(&s, 4.1);
    }
}
END_TEST

START_TEST(closed_form_is_the_orbit)
{
    static const thm_loss_kind losses[] = {THM_LOSS_LOGISTIC,
                                           THM_LOSS_EXPONENTIAL};
    const thm_ode_options options = tight();
    for (int k = 0; k < 2 * STARTS; k++) {
        const thm_two_token s = start_of(k / 2);
        const thm_loss_kind loss = losses[k % 2];
        thm_orbit *o = new_orbit(2, loss, 1.0, THM_ORBIT_CLOCKED, false);
        double x[5] = {0.5 * (s.S0 + s.D0), 0.5 * (s.S0 - s.D0), 0.5 * s.delta0,
                       -0.5 * s.delta0, 0.0};
        thm_two_token_point at;
        thm_orbit_state state;
        double log_t;
        ck_assert_int_eq(thm_orbit_to_time(o, 1e6, x, &options, NULL), THM_OK);
        ck_assert_int_eq(thm_orbit_look(o, x, &state, NULL), THM_OK);
        check_near(state.log_t, log(1e6), 1e-12);
        ck_assert_int_eq(thm_two_token_at_time(&s, loss, log(1e6), &at),
                         THM_OK);
        check_near(x[0] + x[1], at.S, 1e-9);
        check_near(x[0] - x[1], at.D, 1e-9);
        check_near(x[2] - x[3], at.delta, 1e-9);
        check_near(state.y, at.y, 1e-9);
        check_near(state.entropy, at.entropy, 1e-10);
        check_near(state.others, at.others, 1e-10);
        ck_assert_int_eq(thm_two_token_log_time(&s, loss, at.theta, &log_t),
                         THM_OK);
        check_near(log_t, log(1e6), 2e-12 * log(1e6));
        thm_orbit_free(o);
    }
}
END_TEST

START_TEST(points_by_tau_and_projection_are_inverse)
{
    for (int k = 0; k < STARTS; k++) {
        const thm_two_token s = start_of(k);
        for (double theta = -4.5; theta < 7.0; theta += 1.5) {
            thm_two_token_point point, again;
            ck_assert_int_eq(thm_two_token_at(&s, theta, &point), THM_OK);
            ck_assert_int_eq(thm_two_token_at_tau(&s, point.tau, &again),
                             THM_OK);
            check_near(again.tau, point.tau,
                       8 * DBL_EPSILON * (1 + fabs(point.tau)));
            check_near(again.theta, theta, 1e-12);
            ck_assert_int_eq(thm_two_token_at_projection(&s, point.y, &again),
                             THM_OK);
            check_near(again.theta, theta, 1e-11);
        }
    }
}
END_TEST

START_TEST(the_square_loss_ends_on_the_orbit)
{
    const thm_ode_options options = tight();
    for (int k = 0; k < STARTS; k++) {
        const thm_two_token s = start_of(k);
        for (int side = 0; side < 2; side++) {
            const double y0 = 0.5 * (s.S0 + s.D0 * tanh(0.5 * s.delta0));
            const double target = side ? y0 + 2.385 : fmax(y0 - 0.4, 0.5 * y0);
            if (!(target > 0.0)) {
                continue;
            }
            thm_orbit *o = new_orbit(2, THM_LOSS_SQUARE, target, THM_ORBIT_FREE,
                                     target < y0);
            double x[4] = {0.5 * (s.S0 + s.D0), 0.5 * (s.S0 - s.D0),
                           0.5 * s.delta0, -0.5 * s.delta0};
            thm_two_token_point at;
            thm_ode_stats stats;
            ck_assert_int_eq(
                thm_orbit_to_projection(o, target, x, &options, &stats),
                THM_OK);
            ck_assert_int_eq(thm_two_token_at_projection(&s, target, &at),
                             THM_OK);
            check_near(stats.t, fabs(at.tau), 1e-10);
            check_near(x[0] - x[1], at.D, 1e-10);
            check_near(x[2] - x[3], at.delta, 1e-10);
            thm_orbit_free(o);
        }
    }
}
END_TEST

/* Two starts whose entropy's course is known by hand: delta0 = 0 falls at once;
 * against the order it must pass log 2 or turn back. */
START_TEST(what_becomes_of_two_tokens)
{
    thm_two_token s;
    thm_two_token_init(0.5, 0.0, 0.0, &s);
    thm_two_token_fate fate = thm_two_token_foresee(&s);
    ck_assert(fate.winner == 1 && fate.rises == 0 && fate.rise == 0.0);
    thm_two_token_init(-3.0, 0.4, 0.0, &s);
    fate = thm_two_token_foresee(&s);
    const double p = 1.0 / (1.0 + exp(-0.4));
    ck_assert(fate.winner == 2 && fate.rises == 1);
    check_near(fate.rise, log(2.0) + p * log(p) + (1 - p) * log1p(-p),
               4 * DBL_EPSILON);
    thm_two_token_init(-0.1, 0.4, 0.0, &s);
    fate = thm_two_token_foresee(&s);
    ck_assert(fate.winner == 1 && fate.rises == 1);
    ck_assert(fate.rise > 0.0 && fate.rise < log(2.0));
    s.D0 = -s.W0;
    ck_assert_int_eq(thm_two_token_foresee(&s).winner, 0);
    /* entropy along the orbit rises by just that */
    s.D0 = -0.1;
    double low = HUGE_VAL, rise = 0.0;
    for (int k = 0; k <= 4000; k++) {
        thm_two_token_point at;
        ck_assert_int_eq(thm_two_token_at(&s, 1e-3 * k, &at), THM_OK);
        low = fmin(low, at.entropy);
        rise = fmax(rise, at.entropy - low);
    }
    check_near(rise, fate.rise, 1e-6);
}
END_TEST

START_TEST(lock_in_bounds_the_larger_logit)
{
    ck_assert(thm_two_token_lock(0.4, 0.403) == 0.0);
    ck_assert(thm_two_token_lock(0.4, NAN) == 0.0);
    for (int k = 0; k < STARTS; k++) {
        const thm_two_token s = start_of(k);
        const double lock = thm_two_token_lock(s.delta0, fabs(s.D0));
        ck_assert(lock <= fabs(s.delta0));
        for (double theta = -5.0; theta <= 5.0; theta += 0.125) {
            thm_two_token_point at;
            ck_assert_int_eq(thm_two_token_at(&s, theta, &at), THM_OK);
            ck_assert(fabs(at.delta) >= lock * (1.0 - 1e-14));
            ck_assert(lock == 0.0 || at.delta * s.delta0 > 0.0);
        }
    }
}
END_TEST

/* High-entropy data, |b| = 2.1. */
enum { D = 3, N = 5 };

static void example(double *x, double *b)
{
    for (int k = 0; k < D * N + N; k++) {
        x[k] = sin(1.7 * k + 0.3) + 0.2 * cos(5.1 * k);
    }
    const double direction[D] = {2.0 / 7, -3.0 / 7, 6.0 / 7};
    for (int i = 0; i < D; i++) {
        b[i] = 2.1 * direction[i];
    }
}

START_TEST(the_orbit_is_the_flow)
{
    static const thm_loss_kind losses[] = {
        THM_LOSS_LOGISTIC, THM_LOSS_EXPONENTIAL, THM_LOSS_SQUARE};
    const thm_ode_options options = tight();
    for (int k = 0; k < 5; k++) {
        const thm_orbit_form form = k < 3 ? THM_ORBIT_TIMED : THM_ORBIT_CLOCKED;
        const thm_loss_kind kind = losses[k % 3];
        double x[D * N + N], b[D], o0[2 * N + 1], o1[2 * N + 1], V[D * N];
        example(x, b);
        if (kind == THM_LOSS_SQUARE) { /* aligned: V(0) = b c' */
            for (int j = 0; j < D * N; j++) {
                x[j] = b[j / N] * (j % N == 2 ? 1.3 : -0.2 * (j % N));
            }
        }
        const thm_loss loss = {.kind = kind, .d = D, .b = b};
        thm_value_flow *flow;
        ck_assert_int_eq(
            thm_value_flow_alloc(D, N, &loss, THM_NORMALISE_SOFTMAX, &flow),
            THM_OK);
        thm_orbit *o = new_orbit(N, kind, 2.1, form, false);
        ck_assert_int_eq(thm_orbit_project(o, D, x, b, x + D * N, o0), THM_OK);
        memcpy(o1, o0, sizeof o1);
        memcpy(V, x, sizeof V);
        const thm_ode ode = thm_value_flow_ode(flow);
        thm_ode_stats stats;
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, 3.7, x, &options, NULL, &stats), THM_OK);
        ck_assert_int_eq(thm_orbit_to_time(o, 3.7, o1, &options, NULL), THM_OK);
        thm_orbit_lift(o, D, V, b, o0, o1, V);
        for (int j = 0; j < D * N; j++) {
            check_near(V[j], x[j], 1e-10);
        }
        double tau = 0.0;
        for (int j = 0; j < N; j++) {
            check_near(o1[N + j], x[D * N + j], 1e-10);
            tau += o1[j] - o0[j];
        }
        thm_value_state full;
        thm_orbit_state own;
        double p[N], q[N];
        ck_assert_int_eq(thm_value_flow_look(flow, x, &full, p, NULL), THM_OK);
        ck_assert_int_eq(thm_orbit_look(o, o1, &own, q), THM_OK);
        check_near(own.loss, full.loss, 1e-10);
        check_near(own.entropy, full.entropy, 1e-10);
        check_near(own.p_max, full.p_max, 1e-10);
        check_near(own.others, full.others, 1e-10);
        ck_assert_int_eq(own.winner, full.winner);
        ck_assert(tau > 0.0 && fabs(p[own.winner] - q[own.winner]) < 1e-10);
        thm_orbit_free(o);
        thm_value_flow_free(flow);
    }
}
END_TEST

/* Central differences with h = 1e-6 err by h^2 f''' / 6 + eps |f| / h < 1e-8
 * here. */
START_TEST(derivatives_are_those_of_the_right_hand_side)
{
    enum { M = 2 * N + 1 };
    static const thm_loss_kind losses[] = {
        THM_LOSS_LOGISTIC, THM_LOSS_EXPONENTIAL, THM_LOSS_SQUARE};
    for (int k = 0; k < 12; k++) {
        const thm_loss_kind loss = losses[k % 3];
        const bool backward = k / 3 == 3;
        const thm_orbit_form form =
            backward ? THM_ORBIT_FREE : (thm_orbit_form)(k / 3);
        if (form == THM_ORBIT_CLOCKED && loss == THM_LOSS_SQUARE) {
            continue;
        }
        thm_orbit *o = new_orbit(N, loss, 1.3, form, backward);
        const thm_ode ode = thm_orbit_ode(o);
        const int size = ode.n;
        double x[M], v[M], J[M * M], Jv[M], dfdt[M], up[M], down[M];
        for (int i = 0; i < size; i++) {
            x[i] = 0.8 * sin(2.3 * i + 1.0);
            v[i] = cos(3.1 * i);
        }
        x[size - 1] = 0.37;
        ck_assert_int_eq(ode.jacobian(0, x, J, dfdt, o), THM_OK);
        ck_assert_int_eq(ode.jvp(0, x, v, Jv, o), THM_OK);
        for (int i = 0; i < size; i++) {
            double product = 0.0;
            for (int j = 0; j < size; j++) {
                product += J[i * size + j] * v[j];
            }
            check_near(Jv[i], product, 1e-13);
            ck_assert(dfdt[i] == 0.0);
        }
        for (int j = 0; j < size; j++) {
            const double at = x[j];
            x[j] = at + 1e-6;
            ck_assert_int_eq(ode.rhs(0, x, up, o), THM_OK);
            x[j] = at - 1e-6;
            ck_assert_int_eq(ode.rhs(0, x, down, o), THM_OK);
            x[j] = at;
            for (int i = 0; i < size; i++) {
                check_near(J[i * size + j], (up[i] - down[i]) / 2e-6, 1e-8);
            }
        }
        thm_orbit_state state;
        ck_assert_int_eq(thm_orbit_look(o, x, &state, NULL), THM_OK);
        ck_assert_int_eq(ode.rhs(0, x, up, o), THM_OK);
        if (form == THM_ORBIT_FREE && !backward) {
            thm_orbit_state ahead, behind;
            double y[M];
            for (int s = -1; s <= 1; s += 2) {
                for (int i = 0; i < size; i++) {
                    y[i] = x[i] + s * 1e-6 * up[i];
                }
                thm_orbit_look(o, y, s < 0 ? &behind : &ahead, NULL);
            }
            check_near(state.slope, (ahead.entropy - behind.entropy) / 2e-6,
                       1e-8);
        }
        thm_orbit_free(o);
    }
}
END_TEST

/* R5: 1 - p_1 ~ 2 (n - 1) / (n tau^2), y = tau + c, and tau = sum(u - u0). */
START_TEST(late_rates)
{
    static const int sizes[] = {2, 3, 5, 8};
    const thm_ode_options options = tight();
    for (int k = 0; k < 4; k++) {
        const int n = sizes[k];
        thm_orbit *o =
            new_orbit(n, THM_LOSS_LOGISTIC, 1, THM_ORBIT_FREE, false);
        const thm_ode ode = thm_orbit_ode(o);
        double x[16] = {0}, sum = 0.0, tau = 1e5;
        thm_orbit_state state;
        thm_ode_stats stats;
        for (int i = 0; i < n; i++) {
            x[i] = 0.3 * cos(2.0 * i);
            sum -= x[i];
        }
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, tau, x, &options, NULL, &stats), THM_OK);
        for (int i = 0; i < n; i++) {
            sum += x[i];
        }
        check_near(sum, tau, 1e-12 * tau);
        ck_assert_int_eq(thm_orbit_look(o, x, &state, NULL), THM_OK);
        check_near(state.others * n * tau * tau / (2.0 * (n - 1)), 1.0, 2e-3);
        ck_assert_int_eq(state.winner, 0);
        thm_orbit_free(o);
    }
}
END_TEST

/* R6 and the recorded flow of setting A, which is exact to the last digit
 * recorded; t = 1e250 within 3000 right-hand sides. */
START_TEST(setting_a_to_the_end_of_time)
{
    static const struct {
        double t, entropy, tol;
    } rows[] = {{1e3, .6045847332, 5e-11}, {1e4, .2782430422, 5e-11},
                {1e5, .1638691738, 5e-11}, {1e6, .10851082, 5e-9},
                {1e12, .02535, 5e-6},      {1e250, 8.0e-5, 5e-7}};
    thm_setting A;
    ck_assert_int_eq(thm_setting_draw('A', 0, &A), THM_OK);
    thm_orbit *o = new_orbit(8, THM_LOSS_LOGISTIC, 1, THM_ORBIT_CLOCKED, false);
    for (int k = 0; k < 6; k++) {
        thm_ode_options options = thm_ode_defaults();
        double x[17];
        thm_orbit_state state;
        thm_ode_stats stats;
        options.rtol = rows[k].t > 1e6 ? 1e-9 : 1e-12;
        ck_assert_int_eq(thm_orbit_project(o, 8, A.x, A.loss.b, A.x + 64, x),
                         THM_OK);
        ck_assert_int_eq(thm_orbit_to_time(o, rows[k].t, x, &options, &stats),
                         THM_OK);
        ck_assert_int_eq(thm_orbit_look(o, x, &state, NULL), THM_OK);
        check_near(state.entropy, rows[k].entropy, rows[k].tol);
        ck_assert_int_eq(state.winner, 6);
        ck_assert_int_le(stats.rhs, 3000);
        check_near(state.log_t, log(rows[k].t), 1e-12 * log(rows[k].t));
        if (rows[k].t > 1e8) {
            check_near(log(state.loss) + state.log_t, 0.0, 2e-3);
        }
    }
    thm_orbit_free(o);
    thm_setting_free(&A);
}
END_TEST

START_TEST(errors)
{
    thm_orbit *o = NULL;
    const thm_ode_options options = tight();
    ck_assert_int_eq(
        thm_orbit_alloc(0, THM_LOSS_LOGISTIC, 1, THM_ORBIT_FREE, false, &o),
        THM_EDIM);
    ck_assert_int_eq(
        thm_orbit_alloc(2, THM_LOSS_SAMPLES, 1, THM_ORBIT_FREE, false, &o),
        THM_EDOMAIN);
    ck_assert_int_eq(
        thm_orbit_alloc(2, THM_LOSS_LOGISTIC, NAN, THM_ORBIT_FREE, false, &o),
        THM_EDOMAIN);
    ck_assert_int_eq(
        thm_orbit_alloc(2, THM_LOSS_LOGISTIC, 0, THM_ORBIT_FREE, false, &o),
        THM_EDOMAIN);
    ck_assert_int_eq(
        thm_orbit_alloc(2, THM_LOSS_SQUARE, 1, THM_ORBIT_CLOCKED, false, &o),
        THM_EDOMAIN);
    ck_assert_int_eq(
        thm_orbit_alloc(2, THM_LOSS_LOGISTIC, 1, THM_ORBIT_TIMED, true, &o),
        THM_EDOMAIN);
    ck_assert_ptr_null(o);
    thm_orbit_free(NULL);

    thm_orbit *ok = new_orbit(2, THM_LOSS_SQUARE, 1, THM_ORBIT_FREE, false);
    double x[4] = {3, 2, 0.5, 0.25}, b[2] = {0.6, 0.8}, b2[2] = {0.6, 0.9};
    double V[4] = {1, 2, 3, 4}, a[2] = {0, NAN};
    const double y0 = 2 + 1 / (1 + exp(-0.25));
    thm_orbit_state state;
    ck_assert_int_eq(thm_orbit_project(ok, 0, V, b, a, x), THM_EDIM);
    ck_assert_int_eq(thm_orbit_project(ok, 2, V, b, a, x), THM_EDOMAIN);
    a[1] = 1;
    ck_assert_int_eq(thm_orbit_project(ok, 2, V, b2, a, x), THM_EDOMAIN);
    ck_assert(x[0] == 3 && x[3] == 0.25);
    ck_assert_int_eq(thm_orbit_to_time(ok, 1, x, &options, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_to_projection(ok, 1, x, &options, NULL),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_to_projection(ok, NAN, x, &options, NULL),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_to_projection(ok, y0, x, &options, NULL),
                     THM_OK);
    ck_assert(x[0] == 3 && x[3] == 0.25);
    x[2] = NAN;
    ck_assert_int_eq(thm_orbit_look(ok, x, &state, NULL), THM_EDOMAIN);
    thm_orbit_free(ok);
    ok = new_orbit(2, THM_LOSS_LOGISTIC, 1, THM_ORBIT_TIMED, false);
    ck_assert_int_eq(thm_orbit_to_time(ok, NAN, x, &options, NULL),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_to_time(ok, -1, x, &options, NULL), THM_EDOMAIN);
    thm_orbit_free(ok);

    thm_two_token s;
    thm_two_token_point at;
    double log_t;
    ck_assert_int_eq(thm_two_token_init(NAN, 0, 0, &s), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_init(0, 1401, 0, &s), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_init(0, 0, HUGE_VAL, &s), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_init(1, 0, 0, &s), THM_OK);
    ck_assert_int_eq(thm_two_token_at(&s, NAN, &at), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_at(&s, 800, &at), THM_EOVERFLOW);
    ck_assert_int_eq(thm_two_token_at_tau(&s, NAN, &at), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_at_projection(&s, NAN, &at), THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_log_time(&s, THM_LOSS_SQUARE, 1, &log_t),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_two_token_log_time(&s, THM_LOSS_LOGISTIC, -1, &log_t),
                     THM_EDOMAIN);
    ck_assert_int_eq(
        thm_two_token_at_time(&s, THM_LOSS_LOGISTIC, -HUGE_VAL, &at),
        THM_EDOMAIN);
}
END_TEST

int main(void)
{
    gsl_set_error_handler_off();
    Suite *suite = suite_create("orbit");
    TCase *t = tcase_create("orbit");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_elliptic_integral_is_the_arc);
    tcase_add_test(t, points_by_tau_and_projection_are_inverse);
    tcase_add_test(t, the_square_loss_ends_on_the_orbit);
    tcase_add_test(t, what_becomes_of_two_tokens);
    tcase_add_test(t, lock_in_bounds_the_larger_logit);
    tcase_add_test(t, the_orbit_is_the_flow);
    tcase_add_test(t, derivatives_are_those_of_the_right_hand_side);
    tcase_add_test(t, late_rates);
    tcase_add_test(t, setting_a_to_the_end_of_time);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("quadratures");
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 120);
    tcase_add_test(slow, closed_form_is_the_orbit);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
