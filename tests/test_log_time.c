/* Suite of the change to log(1 + t).  Oracles: identity (t = exp(s) - 1, chain
 * rule, residual of a Newton system), and the solution of x' = A x by matrix
 * exponential of a triangular A. */
#include <check.h>
#include <math.h>

#include "flow/log_time.h"
#include "tests/scratch.h"

static const double A[2][2] = {{-0.385, 1.127}, {0, -2.5}};

static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    (void)t;
    if (ctx != NULL) {
        return THM_EDOMAIN;
    }
    dx[0] = A[0][0] * x[0] + A[0][1] * x[1];
    dx[1] = A[1][1] * x[1];
    return THM_OK;
}

static thm_status jvp(double t, const double *x, const double *v, double *out,
                      void *ctx)
{
    (void)x;
    return rhs(t, v, out, ctx);
}

static thm_status jacobian(double t, const double *x, double *J, double *dfdt,
                           void *ctx)
{
    (void)t, (void)x;
    for (int i = 0; i < 4; i++) {
        J[i] = A[i / 2][i % 2];
    }
    dfdt[0] = dfdt[1] = 0;
    return ctx != NULL ? THM_EDOMAIN : THM_OK;
}

/* Back substitution. */
static thm_status solve(double t, const double *y, double gamma,
                        const double *b, double *x, void *ctx)
{
    (void)t, (void)y, (void)ctx;
    x[1] = b[1] / (1 - gamma * A[1][1]);
    x[0] = (b[0] + gamma * A[0][1] * x[1]) / (1 - gamma * A[0][0]);
    return THM_OK;
}

static const thm_ode in_t = {
    .n = 2, .rhs = rhs, .jvp = jvp, .jacobian = jacobian, .solve = solve};

/* identity: each callback is that of (1 + t) f */
START_TEST(derivatives_follow_the_chain_rule)
{
    thm_log_time change = {&in_t};
    const thm_ode ode = thm_log_time_ode(&change);
    const double s = 1.127, e = exp(s), x[2] = {0.3, -2.385}, v[2] = {1.5, 0.7};
    double dx[2], Jv[2], J[4], dfds[2], y[2], back[2];
    ck_assert_int_eq(ode.n, 2);
    ck_assert_int_eq(ode.rhs(s, x, dx, ode.ctx), THM_OK);
    ck_assert_int_eq(ode.jvp(s, x, v, Jv, ode.ctx), THM_OK);
    ck_assert_int_eq(ode.jacobian(s, x, J, dfds, ode.ctx), THM_OK);
    ck_assert_int_eq(ode.solve(s, x, 0.25, v, y, ode.ctx), THM_OK);
    ck_assert_int_eq(ode.jvp(s, x, y, back, ode.ctx), THM_OK);
    for (int i = 0; i < 2; i++) {
        const double f = A[i][0] * x[0] + A[i][1] * x[1];
        ck_assert_double_le(fabs(dx[i] - e * f), 1e-14);
        ck_assert_double_le(fabs(dfds[i] - e * f), 1e-14);
        ck_assert_double_le(fabs(Jv[i] - J[2 * i] * v[0] - J[2 * i + 1] * v[1]),
                            1e-14);
        ck_assert_double_le(fabs(J[2 * i] - e * A[i][0]), 1e-14);
        ck_assert_double_le(fabs(y[i] - 0.25 * back[i] - v[i]), 1e-13);
    }
}
END_TEST

/* identity: explicit, implicit and own implicit integrators reach x(t) */
START_TEST(the_solution_is_that_in_t)
{
    static const thm_stepper steppers[] = {
        THM_STEPPER_DOP853, THM_STEPPER_ROSENBROCK, THM_STEPPER_BSIMP,
        THM_STEPPER_MSBDF, THM_STEPPER_RK8PD};
    thm_log_time change = {&in_t};
    const thm_ode ode = thm_log_time_ode(&change);
    const double t = 3.5, p = A[0][0], q = A[1][1], c = A[0][1] / (q - p);
    for (size_t k = 0; k < sizeof steppers / sizeof *steppers; k++) {
        double x[2] = {0.3, -2.385};
        thm_ode_options options = thm_ode_defaults();
        thm_ode_stats stats;
        options.stepper = steppers[k];
        ck_assert_int_eq(
            thm_ode_integrate(&ode, 0, log1p(t), x, &options, NULL, &stats),
            THM_OK);
        const double x1 = -2.385 * exp(q * t);
        const double x0 =
            0.3 * exp(p * t) - 2.385 * c * (exp(q * t) - exp(p * t));
        /* msbdf's tolerance is per step */
        ck_assert_double_le(fabs(x[0] - x0), 1e-6);
        ck_assert_double_le(fabs(x[1] - x1), 1e-6);
    }
}
END_TEST

START_TEST(what_is_missing_stays_missing_and_failures_pass)
{
    double x[2] = {1, 2}, dx[2], J[4];
    int failing = 1;
    thm_ode bare = {.n = 2, .rhs = rhs, .jacobian = jacobian, .ctx = &failing};
    thm_log_time change = {&bare};
    const thm_ode ode = thm_log_time_ode(&change);
    ck_assert(ode.jvp == NULL && ode.solve == NULL);
    ck_assert_int_eq(ode.rhs(0.5, x, dx, ode.ctx), THM_EDOMAIN);
    ck_assert_int_eq(ode.jacobian(0.5, x, J, dx, ode.ctx), THM_EDOMAIN);
    /* t beyond the doubles */
    bare.ctx = NULL;
    ck_assert_int_eq(ode.rhs(709, x, dx, ode.ctx), THM_OK);
    ck_assert_int_eq(ode.rhs(710, x, dx, ode.ctx), THM_EDOMAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_time");
    TCase *c = tcase_create("log_time");
    tcase_add_test(c, derivatives_follow_the_chain_rule);
    tcase_add_test(c, the_solution_is_that_in_t);
    tcase_add_test(c, what_is_missing_stays_missing_and_failures_pass);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
