/* Oracles: what two tokens conserve, and the symmetries of the orbit
 * (identity); the closed form of two tokens and the library's integrator
 * (second route). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "claims/orbit_encl.h"
#include "flow/orbit.h"
#include "flow/two_token.h"

static double middle(const arb_t x)
{
    return arf_get_d(arb_midref(x), ARF_RND_NEAR);
}

static double radius(const arb_t x)
{
    return mag_get_d(arb_radref(x));
}

static thm_orbit_encl *opened(int n, bool clocked, const double *u,
                              const double *a)
{
    thm_orbit_encl *o = NULL;
    ck_assert_int_eq(thm_orbit_encl_alloc(n, clocked, &o), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_start(o, n, u, a), THM_OK);
    return o;
}

/* D^2 - W^2 and the sum of u less tau are conserved: the balls hold it. */
START_TEST(two_tokens_keep_their_invariants)
{
    const double u[] = {0.75, -0.375}, a[] = {-0.25, 0.5};
    thm_orbit_encl *o = opened(2, false, u, a);
    arb_t x, w;
    arb_init(x);
    arb_init(w);
    const double W0 = 2.0 * sinh(-0.375), D0 = 1.125;
    for (double tau = 0.25; tau < 1e4; tau *= 3.0) {
        ck_assert_int_eq(thm_orbit_encl_to(o, tau), THM_OK);
        ck_assert_double_eq(o->tau, tau);
        arb_sub(w, o->a, o->a + 1, THM_ORBIT_BITS);
        arb_mul_2exp_si(w, w, -1);
        arb_sinh(w, w, THM_ORBIT_BITS);
        arb_mul_2exp_si(w, w, 1);
        arb_sub(x, o->u, o->u + 1, THM_ORBIT_BITS);
        arb_add(x, x, w, THM_ORBIT_BITS); /* D + W > 0 grows, D - W shrinks */
        arb_mul_2exp_si(w, w, 1);
        arb_sub(w, x, w, THM_ORBIT_BITS);
        arb_mul(x, x, w, THM_ORBIT_BITS);
        const double E = (D0 + W0) * (D0 - W0);
        ck_assert_double_le(fabs(middle(x) - E), 1e-15 + radius(x));
        arb_add(x, o->u, o->u + 1, THM_ORBIT_BITS);
        ck_assert_double_le(fabs(middle(x) - 0.375 - tau),
                            1e-15 * (1.0 + tau) + radius(x));
        arb_add(x, o->a, o->a + 1, THM_ORBIT_BITS);
        ck_assert_double_le(fabs(middle(x) - 0.25), 1e-15 + radius(x));
    }
    arb_clear(x);
    arb_clear(w);
    thm_orbit_encl_free(o);
}
END_TEST

START_TEST(two_tokens_meet_the_closed_form)
{
    const double u[] = {0.75, -0.375}, a[] = {-0.25, 0.5};
    thm_orbit_encl *o = opened(2, true, u, a);
    thm_two_token start;
    ck_assert_int_eq(thm_two_token_init(1.125, -0.75, 0.375, &start), THM_OK);
    for (double tau = 0.5; tau < 40.0; tau *= 2.0) {
        thm_two_token_point at;
        double log_t;
        arb_t x;
        arb_init(x);
        ck_assert_int_eq(thm_orbit_encl_to(o, tau), THM_OK);
        ck_assert_int_eq(thm_two_token_at_tau(&start, tau, &at), THM_OK);
        ck_assert_int_eq(
            thm_two_token_log_time(&start, THM_LOSS_LOGISTIC, at.theta, &log_t),
            THM_OK);
        arb_sub(x, o->a, o->a + 1, THM_ORBIT_BITS);
        ck_assert_double_le(fabs(middle(x) - at.delta),
                            1e-13 * (1.0 + fabs(at.delta)));
        ck_assert_double_le(radius(x), 1e-15);
        ck_assert_double_le(fabs(middle(o->y) - at.y), 1e-13 * (1.0 + tau));
        arb_log(x, o->t, THM_ORBIT_BITS);
        ck_assert_double_le(fabs(middle(x) - log_t), 1e-12);
        thm_orbit_encl_entropy(o, x);
        ck_assert_double_le(fabs(middle(x) - at.entropy), 1e-13);
        arb_clear(x);
    }
    thm_orbit_encl_free(o);
}
END_TEST

/* Another leader, another level of u and of a, another use of the same scratch:
 * the same orbit. */
START_TEST(symmetries_change_nothing)
{
    enum { N = 5 };
    const double u[N] = {0.5, 1.25, -0.75, 0.125, 1.0};
    const double a[N] = {0.25, -0.5, 0.0, 1.5, -0.25};
    static const int place[N] = {3, 0, 4, 1, 2};
    double v[N], b[N];
    for (int i = 0; i < N; i++) {
        v[place[i]] = u[i] - 2.5;
        b[place[i]] = a[i] + 3.75;
    }
    thm_orbit_encl *o = opened(N, false, u, a), *other = opened(N, false, u, a);
    /* use it up first: nothing of an earlier orbit may remain */
    ck_assert_int_eq(thm_orbit_encl_to(other, 25.0), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_start(other, 2, a, u), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_to(other, 3.0), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_start(other, N, v, b), THM_OK);
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    for (double tau = 0.5; tau < 300.0; tau *= 3.0) {
        ck_assert_int_eq(thm_orbit_encl_to(o, tau), THM_OK);
        ck_assert_int_eq(thm_orbit_encl_to(other, tau), THM_OK);
        for (int i = 0; i < N; i++) {
            arb_set_d(y, 2.5);
            arb_add(x, other->u + place[i], y, THM_ORBIT_BITS);
            ck_assert(arb_overlaps(x, o->u + i));
            arb_set_d(y, 3.75);
            arb_sub(x, other->a + place[i], y, THM_ORBIT_BITS);
            ck_assert(arb_overlaps(x, o->a + i));
            ck_assert(arb_overlaps(o->p + i, other->p + place[i]));
            ck_assert(arb_overlaps(o->rest + i, other->rest + place[i]));
            ck_assert_double_le(radius(o->u + i), 1e-10);
            ck_assert_double_le(radius(o->a + i), 1e-10);
        }
    }
    arb_clear(x);
    arb_clear(y);
    thm_orbit_encl_free(o);
    thm_orbit_encl_free(other);
}
END_TEST

START_TEST(the_integrator_runs_inside)
{
    enum { N = 4 };
    double x[2 * N] = {0.5, 1.25, -0.75, 1.0, 0.25, -0.5, 0.0, 0.75};
    thm_orbit_encl *o = opened(N, false, x, x + N);
    thm_orbit *orbit = NULL;
    ck_assert_int_eq(thm_orbit_alloc(N, THM_LOSS_LOGISTIC, 1.0, THM_ORBIT_FREE,
                                     false, &orbit),
                     THM_OK);
    const thm_ode ode = thm_orbit_ode(orbit);
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    options.stepper = THM_STEPPER_RK8PD;
    options.rtol = options.atol = 1e-13;
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0.0, 40.0, x, &options, NULL, &stats), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_to(o, 40.0), THM_OK);
    for (int i = 0; i < N; i++) {
        ck_assert_double_le(fabs(middle(o->u + i) - x[i]), 1e-9);
        ck_assert_double_le(fabs(middle(o->a + i) - x[N + i]), 1e-9);
    }
    thm_orbit_free(orbit);
    thm_orbit_encl_free(o);
}
END_TEST

START_TEST(one_token_stays_and_steps_do_not_matter)
{
    const double u[] = {0.5, 0.25, 1.0}, a[] = {0.0, 0.0, 0.0};
    thm_orbit_encl *o = opened(1, false, u, a);
    ck_assert_int_eq(thm_orbit_encl_to(o, 7.0), THM_OK);
    ck_assert_double_eq_tol(middle(o->u), 7.5, 1e-14);
    ck_assert(arb_is_zero(o->a) || fabs(middle(o->a)) < 1e-20);
    thm_orbit_encl_free(o);
    thm_orbit_encl *at_once = opened(3, false, u, a);
    o = opened(3, false, u, a);
    for (int k = 1; k <= 64; k++) {
        ck_assert_int_eq(thm_orbit_encl_to(o, k / 8.0), THM_OK);
    }
    ck_assert_int_eq(thm_orbit_encl_to(at_once, 8.0), THM_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert(arb_overlaps(o->u + i, at_once->u + i));
        ck_assert(arb_overlaps(o->a + i, at_once->a + i));
    }
    thm_orbit_encl_free(o);
    thm_orbit_encl_free(at_once);
}
END_TEST

START_TEST(every_documented_error)
{
    const double u[] = {0.5, 0.25, 1.0}, a[] = {0.0, 0.0, 0.0};
    const double bad[] = {0.5, (double)NAN, 1.0};
    const double far[] = {1e300, -1e300, 0.0};
    thm_orbit_encl *o = NULL;
    ck_assert_int_eq(thm_orbit_encl_alloc(0, false, &o), THM_EDIM);
    ck_assert_ptr_null(o);
    o = opened(2, false, u, a);
    ck_assert_int_eq(thm_orbit_encl_start(o, 3, u, a), THM_EDIM);
    ck_assert_int_eq(thm_orbit_encl_start(o, 0, u, a), THM_EDIM);
    ck_assert_int_eq(thm_orbit_encl_start(o, 2, bad, a), THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_encl_start(o, 2, u, bad), THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_encl_to(o, 1.0), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_to(o, 0.5), THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_encl_to(o, (double)NAN), THM_EDOMAIN);
    ck_assert_int_eq(thm_orbit_encl_to(o, (double)INFINITY), THM_EDOMAIN);
    /* velocities of 1e300: no step is short enough */
    ck_assert_int_eq(thm_orbit_encl_start(o, 2, far, a), THM_OK);
    ck_assert_int_eq(thm_orbit_encl_to(o, 1.0), THM_ECONVERGE);
    ck_assert_double_lt(o->tau, 1.0);
    thm_orbit_encl_free(o);
    thm_orbit_encl_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("enclosed orbits");
    TCase *t = tcase_create("orbits");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_tokens_keep_their_invariants);
    tcase_add_test(t, two_tokens_meet_the_closed_form);
    tcase_add_test(t, symmetries_change_nothing);
    tcase_add_test(t, the_integrator_runs_inside);
    tcase_add_test(t, one_token_stays_and_steps_do_not_matter);
    tcase_add_test(t, every_documented_error);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
