/* Oracle: quadratics, whose descent is known in closed form coordinate by
 * coordinate: x_i(t) = (1 - eta l_i)^t x_i(0). */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "softmax/pl.h"
#include "tests/scratch.h"

/* f = sum_i l_i x_i^2 / 2 + floor, as least squares or (m = 0) as a value. */
enum { N = 3 };
typedef struct {
    double l[N];
    double floor;
    double noise;      /* added to the first residual, with turning sign */
    long calls;        /* of value or residual                          */
    long fail_at;      /* call that fails, 0: none                      */
    thm_status status; /* how                                           */
} quadratic;

static thm_status called(quadratic *q)
{
    q->calls++;
    return q->calls == q->fail_at ? q->status : THM_OK;
}

static thm_status value(const double *x, double *f, void *ctx)
{
    quadratic *q = ctx;
    *f = q->floor;
    for (int i = 0; i < N; i++) {
        *f += q->l[i] * x[i] * x[i] / 2;
    }
    return called(q);
}

static thm_status residual(const double *x, double *r, void *ctx)
{
    quadratic *q = ctx;
    for (int i = 0; i < N; i++) {
        r[i] = sqrt(q->l[i]) * x[i];
    }
    r[0] += q->calls % 2 ? q->noise : -q->noise;
    r[N] = sqrt(2 * q->floor);
    return called(q);
}

static thm_status gradient(const double *x, double *g, void *ctx)
{
    const quadratic *q = ctx;
    for (int i = 0; i < N; i++) {
        g[i] = q->l[i] * x[i];
    }
    return THM_OK;
}

static thm_status hvp(const double *x, const double *v, double *hv, void *ctx)
{
    (void)x;
    return gradient(v, hv, ctx);
}

static thm_objective squares(quadratic *q)
{
    return (thm_objective){.n = N,
                           .m = N + 1,
                           .ctx = q,
                           .value = value,
                           .gradient = gradient,
                           .residual = residual,
                           .hvp = hvp};
}

static thm_objective plain(quadratic *q)
{
    thm_objective o = squares(q);
    o.m = 0;
    o.residual = NULL;
    return o;
}

static const quadratic bowl = {.l = {0.25, 1.375, 4.0}};
static const double start[N] = {2.385, -1.127, 0.731};

static thm_pl *made(const thm_objective *o, const thm_pl_options *p,
                    const double *x0)
{
    thm_pl *pl = NULL;
    ck_assert_int_eq(thm_pl_alloc(o, p, x0, &pl), THM_OK);
    return pl;
}

static void assert_near(double found, double want, double relative)
{
    ck_assert_msg(fabs(found - want) <= relative * fabs(want),
                  "%.17g, expected %.17g", found, want);
}

static double closed_form(const quadratic *q, double eta, long t)
{
    double f = q->floor;
    for (int i = 0; i < N; i++) {
        f += q->l[i] / 2 * pow((1 - eta * q->l[i]), 2.0 * (double)t) *
             start[i] * start[i];
    }
    return f;
}

START_TEST(descends_as_in_closed_form)
{
    for (int kind = 0; kind < 2; kind++) {
        quadratic q = bowl;
        const thm_objective o = kind ? squares(&q) : plain(&q);
        thm_pl *pl =
            made(&o, &(thm_pl_options){.eta = 0.25, .mu = 0.25}, start);
        for (long t = 1; t <= 60; t++) {
            ck_assert_int_eq(thm_pl_step(pl), THM_OK);
            const thm_pl_state *s = thm_pl_look(pl);
            ck_assert_int_eq(s->t, t);
            ck_assert(s->eta == 0.25);
            assert_near(s->f, closed_form(&q, 0.25, t), 1e-13);
            ck_assert(s->f_err <= 1e-14 * s->f);
        }
        const thm_pl_report *r = thm_pl_told(pl);
        ck_assert_int_eq(r->decrease.verdict, THM_HOLDS);
        ck_assert_int_eq(r->ratio.verdict, THM_HOLDS);
        ck_assert_int_eq(r->rate.verdict, THM_HOLDS);
        ck_assert_int_eq(r->path.verdict, THM_HOLDS);
        ck_assert_int_eq(r->ratio.evidence, THM_SAMPLED);
        ck_assert_int_eq((int)(r->rate.cases + r->rate.skipped), 60);
        ck_assert_int_eq((int)r->rate.skipped, 0);
        assert_near(r->log_rate, 60 * log1p(-0.0625), 1e-13);
        assert_near(r->radius, sqrt(8 * closed_form(&q, 0.25, 0) / 0.25),
                    1e-13);
        assert_near(r->f0, closed_form(&q, 0.25, 0), 1e-14);
        assert_near(thm_pl_x(pl)[0], start[0] * pow(1 - 0.0625, 60), 1e-13);
        ck_assert(thm_pl_look(pl)->distance <= r->distance_max);
        ck_assert(r->distance_max <= thm_pl_look(pl)->path);
        thm_pl_free(pl);
    }
}
END_TEST

/* On the bottom eigenvector the ratio is mu itself and the path is straight:
 * equality is no violation, and what is beyond it is. */
START_TEST(equality_holds_and_more_is_refuted)
{
    const double bottom[N] = {2.385, 0, 0}, top[N] = {0, 0, 0.731};
    const struct {
        double mu;
        thm_verdict ratio, rate, path;
    } want[] = {{0.25, THM_HOLDS, THM_HOLDS, THM_HOLDS},
                {0.2500001, THM_REFUTED, THM_HOLDS, THM_HOLDS},
                {0.5, THM_REFUTED, THM_REFUTED, THM_HOLDS},
                {9 * 0.25, THM_REFUTED, THM_REFUTED, THM_REFUTED}};
    for (int k = 0; k < 4; k++) {
        quadratic q = bowl;
        const thm_objective o = squares(&q);
        thm_pl *pl =
            made(&o, &(thm_pl_options){.eta = 0.1, .mu = want[k].mu}, bottom);
        ck_assert_int_eq(thm_pl_run(pl, 300, NULL), THM_OK);
        const thm_pl_report *r = thm_pl_told(pl);
        ck_assert_int_eq(r->ratio.verdict, want[k].ratio);
        ck_assert_int_eq(r->path.verdict, want[k].path);
        ck_assert_int_eq(r->decrease.verdict, THM_HOLDS);
        /* (1 - eta l)^2 <= 1 - eta mu iff mu <= 2 l - eta l^2 */
        ck_assert_int_eq(r->rate.verdict, want[k].rate);
        assert_near(r->ratio_min, 0.25, 1e-14);
        assert_near(thm_pl_look(pl)->path, 2.385 * (1 - pow(0.975, 300)),
                    1e-13);
        thm_pl_free(pl);
    }
    /* eta = 1/L on the top one: one step to the bottom, decrease is equality */
    quadratic q = bowl;
    const thm_objective o = squares(&q);
    thm_pl *pl = made(&o, &(thm_pl_options){.eta = 0.25, .mu = 4}, top);
    ck_assert_int_eq(thm_pl_run(pl, 5, NULL), THM_OK);
    ck_assert_int_eq(thm_pl_look(pl)->t, 1);
    ck_assert_int_eq(thm_pl_look(pl)->ending, THM_PL_STATIONARY);
    ck_assert_int_eq(thm_pl_told(pl)->decrease.verdict, THM_HOLDS);
    ck_assert(thm_pl_told(pl)->decrease.resolution > 0);
    ck_assert_str_eq(thm_pl_told(pl)->decrease.worst_case, "t=0");
    thm_pl_free(pl);
}
END_TEST

START_TEST(steps_beyond_the_limits)
{
    /* just above 1/L the decrease is too small, above 2/L it diverges */
    const double eta[] = {0.26, 2.05 / 4};
    for (int k = 0; k < 2; k++) {
        const double top[N] = {0, 0, 0.731};
        quadratic q = bowl;
        const thm_objective o = plain(&q);
        thm_pl *pl =
            made(&o, &(thm_pl_options){.eta = eta[k], .mu = 0.25}, top);
        ck_assert_int_eq(thm_pl_run(pl, 20000, NULL), THM_OK);
        const thm_pl_state *s = thm_pl_look(pl);
        const thm_pl_report *r = thm_pl_told(pl);
        ck_assert_int_eq(r->decrease.verdict, THM_REFUTED);
        ck_assert_int_eq(r->rate.verdict, k ? THM_REFUTED : THM_HOLDS);
        ck_assert_int_eq(s->ending == THM_PL_DIVERGED, k);
        ck_assert(isfinite(s->f) && isfinite(s->gradient));
        if (k) {
            /* 1.05^2t reaches the largest double: x about 1e154 */
            ck_assert_int_gt(s->t, 7000);
            ck_assert_int_lt(s->t, 7500);
            ck_assert_int_eq(thm_pl_step(pl), THM_OK);
            ck_assert_ptr_eq(thm_pl_look(pl), s);
        }
        thm_pl_free(pl);
    }
    /* a fixed step so long that the first one overflows */
    quadratic q = bowl;
    const thm_objective o = squares(&q);
    thm_pl *pl = made(&o, &(thm_pl_options){.eta = 1e308}, start);
    ck_assert_int_eq(thm_pl_run(pl, 3, NULL), THM_OK);
    ck_assert_int_eq(thm_pl_look(pl)->t, 0);
    ck_assert_int_eq(thm_pl_look(pl)->ending, THM_PL_DIVERGED);
    ck_assert_int_eq(thm_pl_told(pl)->decrease.verdict, THM_REFUTED);
    ck_assert(thm_pl_x(pl)[1] == start[1]);
    /* no mu: nothing is claimed of ratio, rate, path */
    ck_assert_int_eq(thm_pl_told(pl)->ratio.verdict, THM_VACUOUS);
    ck_assert_int_eq(thm_pl_told(pl)->rate.verdict, THM_VACUOUS);
    ck_assert_int_eq(thm_pl_told(pl)->path.verdict, THM_VACUOUS);
    ck_assert(isinf(thm_pl_told(pl)->radius));
    thm_pl_free(pl);
}
END_TEST

static thm_status noise_error(const double *x, double f, double *value_err,
                              double *gradient_err, void *ctx)
{
    (void)x;
    (void)f;
    *value_err = ((const quadratic *)ctx)->noise * 1.01;
    *gradient_err = 0;
    return THM_OK;
}

/* At the floor of rounding a check is not decided: with the bound of the noise
 * nothing is refuted and the steps there are skipped; without it the same run
 * is refuted, for the noise is no decrease. */
START_TEST(the_floor_is_not_decided)
{
    for (int known = 0; known < 2; known++) {
        quadratic q = bowl;
        q.noise = 1e-7;
        const thm_objective o = squares(&q);
        const thm_pl_options p = {.eta = 0.25,
                                  .mu = 0.25,
                                  .error = known ? noise_error : NULL,
                                  .error_ctx = &q};
        thm_pl *pl = made(&o, &p, start);
        ck_assert_int_eq(thm_pl_run(pl, 800, NULL), THM_OK);
        const thm_pl_report *r = thm_pl_told(pl);
        const thm_verdict want = known ? THM_HOLDS : THM_REFUTED;
        ck_assert_int_eq(r->decrease.verdict, want);
        ck_assert_int_eq(r->rate.verdict, want);
        ck_assert_int_eq(r->ratio.verdict, want);
        ck_assert_int_eq(r->path.verdict, THM_HOLDS);
        if (known) {
            ck_assert_int_eq(r->rate.evidence, THM_BOUNDED);
            ck_assert_int_gt(r->decrease.skipped, 100);
            ck_assert_int_gt(r->decrease.cases, 20);
            ck_assert_int_gt(r->rate.skipped, 50);
            ck_assert_int_gt(r->ratio.skipped, 50);
            ck_assert(r->ratio_min + r->ratio_min_err >= 0.25);
            ck_assert(r->ratio_min_err <= r->ratio_min / 4);
            ck_assert(isnan(thm_pl_look(pl)->ratio));
            ck_assert(fabs(thm_pl_look(pl)->f) <= thm_pl_look(pl)->f_err);
        }
        thm_pl_free(pl);
    }
    /* a bound below the error, in the end 0, and a loss far above both: that is
     * no floor */
    quadratic far = bowl;
    far.noise = 1e-3;
    const thm_objective slow = squares(&far);
    const thm_pl_options steep = {
        .eta = 0.25, .mu = 4 - 1e-9, .error = noise_error, .error_ctx = &far};
    thm_pl *late = made(&slow, &steep, start);
    ck_assert_int_eq(thm_pl_run(late, 60, NULL), THM_OK);
    ck_assert_int_eq(thm_pl_told(late)->rate.verdict, THM_REFUTED);
    ck_assert_int_eq((int)thm_pl_told(late)->rate.cases, 60);
    thm_pl_free(late);
    /* so close to the optimum from the start that nothing can be said */
    quadratic q = bowl;
    q.noise = 1;
    const thm_objective o = squares(&q);
    const thm_pl_options p = {
        .eta = 0.25, .mu = 0.25, .error = noise_error, .error_ctx = &q};
    const double near[N] = {1e-3, 1e-3, 1e-3};
    thm_pl *pl = made(&o, &p, near);
    ck_assert_int_eq(thm_pl_run(pl, 10, NULL), THM_OK);
    const thm_pl_report *r = thm_pl_told(pl);
    ck_assert_int_eq(r->decrease.verdict, THM_VACUOUS);
    ck_assert_int_eq(r->ratio.verdict, THM_VACUOUS);
    ck_assert_int_eq(r->rate.verdict, THM_VACUOUS);
    ck_assert_int_eq(r->path.verdict, THM_VACUOUS);
    ck_assert_int_eq((int)r->path.skipped, 10);
    ck_assert(isnan(r->ratio_min));
    thm_pl_free(pl);
}
END_TEST

/* The gradient's error too: a gradient that may be zero decides no ratio, and
 * widens what the ratio's error is. */
static thm_status slope_error(const double *x, double f, double *value_err,
                              double *gradient_err, void *ctx)
{
    (void)x;
    (void)f;
    *value_err = 0;
    *gradient_err = *(const double *)ctx;
    return THM_OK;
}

START_TEST(errors_of_the_gradient_count)
{
    const double bottom[N] = {1, 0, 0}; /* f = 1/8, g = 1/4 */
    double e[] = {1e-3, 0.2};
    for (int k = 0; k < 2; k++) {
        quadratic q = bowl;
        const thm_objective o = squares(&q);
        const thm_pl_options p = {
            .eta = 0.1, .mu = 0.25, .error = slope_error, .error_ctx = &e[k]};
        thm_pl *pl = made(&o, &p, bottom);
        const thm_pl_state *s = thm_pl_look(pl);
        /* ((1/4 + e)^2 - 1/16) / (2 f) */
        assert_near(s->ratio_err, 4 * (0.5 * e[k] + e[k] * e[k]), 1e-12);
        ck_assert_int_eq((int)thm_pl_told(pl)->ratio.cases, k == 0);
        ck_assert_int_eq(isnan(thm_pl_told(pl)->ratio_min), k == 1);
        thm_pl_free(pl);
    }
}
END_TEST

/* A floor above zero: its value known, all holds; taken for zero, the ratio
 * and the rate of zero loss are refuted. */
START_TEST(the_infimum_is_the_users)
{
    for (int known = 0; known < 2; known++) {
        quadratic q = bowl;
        q.floor = 0.75;
        const thm_objective o = squares(&q);
        const thm_pl_options p = {.eta = 0.25,
                                  .mu = 0.25,
                                  .f_star = known ? 0.75 : 0.0,
                                  .f_star_err = known ? 1e-15 : 0.0};
        thm_pl *pl = made(&o, &p, start);
        ck_assert_int_eq(thm_pl_run(pl, 500, NULL), THM_OK);
        const thm_pl_report *r = thm_pl_told(pl);
        const thm_verdict want = known ? THM_HOLDS : THM_REFUTED;
        ck_assert_int_eq(r->ratio.verdict, want);
        ck_assert_int_eq(r->rate.verdict, want);
        ck_assert_int_eq(r->decrease.verdict, THM_HOLDS);
        ck_assert_int_gt(r->decrease.skipped, 100);
        thm_pl_free(pl);
    }
}
END_TEST

START_TEST(backtracking_finds_its_step)
{
    const double first[] = {1e6, 0.3, 1e-9};
    for (int k = 0; k < 3; k++) {
        quadratic q = bowl;
        q.floor = 0.5;
        const thm_objective o = squares(&q);
        const thm_pl_options p = {.rule = THM_PL_BACKTRACKING,
                                  .eta = first[k],
                                  .mu = 0.25,
                                  .f_star = 0.5};
        thm_pl *pl = made(&o, &p, start);
        ck_assert_int_eq(thm_pl_run(pl, 3000, NULL), THM_OK);
        const thm_pl_state *s = thm_pl_look(pl);
        const thm_pl_report *r = thm_pl_told(pl);
        ck_assert_int_eq(s->ending, THM_PL_FLOOR);
        ck_assert_int_lt(s->t, 1000);
        ck_assert_int_eq(r->decrease.verdict, THM_HOLDS);
        ck_assert_int_ge((int)r->decrease.cases, (int)s->t - 2);
        /* a trial below 1/L is always good: halving ends above 1/(2L) */
        ck_assert(k == 2 || s->eta > 1 / (2 * 4.0));
        ck_assert_int_lt(r->trials, 4 * s->t + 64);
        assert_near(s->f, 0.5, 1e-12);
        ck_assert_int_eq(thm_pl_step(pl), THM_OK);
        ck_assert_int_eq(thm_pl_look(pl)->ending, THM_PL_FLOOR);
        thm_pl_free(pl);
    }
}
END_TEST

typedef struct {
    long seen, stop_at;
    bool interrupted;
} witness;

static thm_status observe(const thm_pl *pl, void *ctx)
{
    witness *w = ctx;
    ck_assert_int_eq(thm_pl_look(pl)->t, w->seen);
    w->seen++;
    return w->seen == w->stop_at ? THM_EIO : THM_OK;
}

static bool interrupted(void *ctx)
{
    const witness *w = ctx;
    return w->interrupted && w->seen == 4;
}

START_TEST(the_driver_is_watched)
{
    const struct {
        witness w;
        thm_status status;
        long seen;
    } want[] = {{{0, 0, false}, THM_OK, 8},
                {{0, 3, false}, THM_EIO, 3},
                {{0, 0, true}, THM_EINTERRUPTED, 4}};
    for (int k = 0; k < 3; k++) {
        witness w = want[k].w;
        quadratic q = bowl;
        const thm_objective o = squares(&q);
        const thm_pl_watch watch = {observe, interrupted, &w};
        thm_pl *pl = made(&o, &(thm_pl_options){.eta = 0.1}, start);
        ck_assert_int_eq(thm_pl_run(pl, 7, &watch), want[k].status);
        ck_assert_int_eq(w.seen, want[k].seen);
        thm_pl_free(pl);
    }
}
END_TEST

START_TEST(what_is_refused)
{
    quadratic q = bowl;
    thm_objective o = squares(&q);
    const thm_pl_options bad[] = {
        {.eta = 0},
        {.eta = NAN},
        {.eta = HUGE_VAL},
        {.eta = 1, .mu = -1},
        {.eta = 1, .mu = NAN},
        {.eta = 1, .mu = HUGE_VAL},
        {.eta = 1, .f_star = NAN},
        {.eta = 1, .f_star_err = -1},
        {.eta = 1, .f_star_err = NAN},
    };
    thm_pl *pl;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        ck_assert_int_eq(thm_pl_alloc(&o, &bad[k], start, &pl), THM_EDOMAIN);
        ck_assert_ptr_null(pl);
    }
    const thm_pl_options good = {.eta = 0.1};
    const double nan_start[N] = {1, NAN, 1}, huge[N] = {1, 1e200, 1};
    ck_assert_int_eq(thm_pl_alloc(&o, &good, nan_start, &pl), THM_EDOMAIN);
    ck_assert_int_eq(thm_pl_alloc(&o, &good, huge, &pl), THM_EDOMAIN);
    o.n = 0;
    ck_assert_int_eq(thm_pl_alloc(&o, &good, start, &pl), THM_EDIM);
    o.n = N;
    /* a callback that fails ends the start and the step with its status */
    for (long at = 1; at <= 2; at++) {
        q = bowl;
        q.fail_at = at;
        q.status = THM_ENOMEM;
        const thm_status begun = thm_pl_alloc(&o, &good, start, &pl);
        ck_assert_int_eq(begun, at == 1 ? THM_ENOMEM : THM_OK);
        if (at == 2) {
            ck_assert_int_eq(thm_pl_step(pl), THM_ENOMEM);
            ck_assert(thm_pl_x(pl)[0] == start[0]);
            ck_assert_int_eq(thm_pl_step(pl), THM_OK);
            ck_assert_int_eq(thm_pl_look(pl)->t, 1);
        }
        thm_pl_free(pl);
    }
    thm_pl_free(NULL);
    for (int e = THM_PL_RUNNING; e <= THM_PL_DIVERGED; e++) {
        ck_assert_ptr_nonnull(thm_pl_ending_text((thm_pl_ending)e));
    }
    ck_assert_str_eq(thm_pl_ending_text((thm_pl_ending)99), "unknown ending");
}
END_TEST

START_TEST(curvature_is_found)
{
    quadratic q = bowl;
    thm_objective o = squares(&q);
    double L = 0;
    ck_assert_int_eq(thm_pl_curvature_est(&o, start, 60, &L), THM_OK);
    assert_near(L, 4, 1e-12);
    ck_assert_int_eq(thm_pl_curvature_est(&o, start, 0, &L), THM_EDIM);
    q.l[0] = q.l[1] = q.l[2] = 0;
    ck_assert_int_eq(thm_pl_curvature_est(&o, start, 5, &L), THM_OK);
    ck_assert(L == 0);
    o.hvp = NULL;
    ck_assert_int_eq(thm_pl_curvature_est(&o, start, 5, &L), THM_EDOMAIN);
    o.n = 0;
    ck_assert_int_eq(thm_pl_curvature_est(&o, start, 5, &L), THM_EDIM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pl");
    TCase *t = tcase_create("descent");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, descends_as_in_closed_form);
    tcase_add_test(t, equality_holds_and_more_is_refuted);
    tcase_add_test(t, steps_beyond_the_limits);
    tcase_add_test(t, the_floor_is_not_decided);
    tcase_add_test(t, errors_of_the_gradient_count);
    tcase_add_test(t, the_infimum_is_the_users);
    tcase_add_test(t, backtracking_finds_its_step);
    tcase_add_test(t, the_driver_is_watched);
    tcase_add_test(t, what_is_refused);
    tcase_add_test(t, curvature_is_found);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
