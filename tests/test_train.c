/* Oracles: the same steps by way of the objective (second route); the closed
 * form of descent on a quadratic of one weight (identity). */
#include <check.h>
#include <math.h>
#include "attn/instance.h"
#include "sweep/train.h"
#include "tests/scratch.h"

enum { MOST = 3 * 64 };

static thm_instance draw(thm_kernel kernel)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_instance in;
    plan.N = 2;
    plan.n = 3;
    plan.D = 5;
    plan.d = 2;
    plan.H = 2;
    plan.m = 2;
    plan.kernel = kernel;
    plan.s = 0.4;
    ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
    return in;
}

/* x after `steps` of x - eta g, from the objective. */
static void descend(const thm_objective *f, double *x, double eta, int steps)
{
    double g[MOST];
    for (int t = 0; t < steps; t++) {
        ck_assert_int_eq(f->gradient(x, g, f->ctx), THM_OK);
        for (int i = 0; i < f->n; i++) {
            x[i] -= eta * g[i];
        }
    }
}

START_TEST(every_subset_takes_the_objective_s_steps)
{
    for (int trained = 1; trained < 8; trained++) {
        thm_instance in =
            draw(trained % 2 ? THM_KERNEL_SOFTMAX : THM_KERNEL_GAUSSIAN);
        thm_layer_work *work = NULL;
        thm_layer_problem *problem = NULL;
        double x[MOST], y[MOST], w[MOST], value, f0;
        thm_trained out;
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(
            thm_layer_problem_alloc(&in.layer, &in.weights, trained, &problem),
            THM_OK);
        const thm_objective *f = thm_layer_objective(problem);
        thm_layer_problem_start(problem, x);
        ck_assert_int_eq(f->value(x, &f0, f->ctx), THM_OK);
        descend(f, x, 0.003, 40);
        ck_assert_int_eq(f->value(x, &value, f->ctx), THM_OK);
        const thm_train_options how = {
            .trained = trained, .eta = 0.003, .steps = 40};
        ck_assert_int_eq(thm_train(&in.layer, &in.weights, &how, work, w, &out),
                         THM_OK);
        ck_assert_int_eq(out.steps, 40);
        ck_assert(fabs(out.f0 - f0) <= 1e-14 * f0);
        ck_assert(fabs(out.f - value) <= 1e-11 * value && value < f0);
        /* the same weights; what is not trained has not moved */
        const double *end[] = {w, w + 20, w + 40};
        const double *start[] = {in.Wq, in.Wk, in.Wv};
        thm_layer_problem_start(problem, y);
        int at = 0;
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < 20; i++) {
                if (trained >> k & 1) {
                    ck_assert(fabs(end[k][i] - x[at]) <= 1e-11);
                    ck_assert(y[at++] == start[k][i]);
                } else {
                    ck_assert(end[k][i] == start[k][i]);
                }
            }
        }
        ck_assert_int_eq(at, f->n);
        thm_layer_problem_free(problem);
        thm_layer_work_free(work);
        thm_instance_free(&in);
    }
}
END_TEST

/* One token, one feature, softmax: f = (w - 3)^2 / 2 in W_V = w. */
static const double one = 1, three = 3, at = -1.5;
static const thm_layer scalar = {.N = 1,
                                 .n = 1,
                                 .D = 1,
                                 .d = 1,
                                 .H = 1,
                                 .m = 1,
                                 .kernel = THM_KERNEL_SOFTMAX,
                                 .c = 1,
                                 .X = &one,
                                 .Y = &three,
                                 .Wo = &one};
static const thm_weights begin = {&one, &one, &at};

static thm_status train(thm_train_options how, double *w, thm_trained *out)
{
    thm_layer_work *work = NULL;
    ck_assert_int_eq(thm_layer_work_alloc(&scalar, &work), THM_OK);
    const thm_status status = thm_train(&scalar, &begin, &how, work, w, out);
    thm_layer_work_free(work);
    return status;
}

START_TEST(a_quadratic_contracts_as_it_should)
{
    double w[3];
    thm_trained out;
    const thm_train_options fixed = {
        .trained = THM_TRAIN_V, .eta = 0.25, .steps = 20};
    ck_assert_int_eq(train(fixed, w, &out), THM_OK);
    ck_assert(out.f0 == 10.125 && out.steps == 20);
    ck_assert(fabs(w[2] - (3 - 4.5 * pow(0.75, 20))) <= 1e-14);
    /* f_t = f_0 (3/4)^2t first falls to f_0 / 1000 at t = 13 */
    thm_train_options goal = fixed;
    goal.goal = 0.010125;
    ck_assert_int_eq(train(goal, w, &out), THM_OK);
    ck_assert(out.steps == 13 && out.f <= goal.goal);
    /* divergence ends before the infinite */
    thm_train_options wild = fixed;
    wild.eta = 1e30;
    ck_assert_int_eq(train(wild, w, &out), THM_OK);
    ck_assert(out.steps < 20 && isfinite(out.f) && isfinite(w[2]));
    /* the first trial, 1, is exact */
    thm_train_options search = fixed;
    search.eta = 0;
    ck_assert_int_eq(train(search, w, &out), THM_OK);
    ck_assert(out.f == 0 && w[2] == 3 && out.steps == 1);
}
END_TEST

START_TEST(backtracking_decreases_enough)
{
    thm_instance in = draw(THM_KERNEL_GAUSSIAN);
    thm_layer_work *work = NULL;
    thm_trained out, longer;
    double w[60];
    thm_train_options how = {.trained = 7, .steps = 200};
    ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
    ck_assert_int_eq(thm_train(&in.layer, &in.weights, &how, work, w, &out),
                     THM_OK);
    ck_assert(out.f < out.f0 && out.steps == 200);
    how.steps = 400;
    ck_assert_int_eq(
        thm_train(&in.layer, &in.weights, &how, work, NULL, &longer), THM_OK);
    ck_assert(longer.f < out.f && longer.f0 == out.f0);
    /* from where 200 steps ended, W_V alone goes on; at its minimum for given
     * W_Q and W_K nothing is lowered for ever */
    const thm_weights there = {w, w + 20, w + 40};
    how.trained = THM_TRAIN_V;
    how.steps = 20000;
    ck_assert_int_eq(thm_train(&in.layer, &there, &how, work, NULL, &longer),
                     THM_OK);
    ck_assert(longer.f0 == out.f && longer.f < out.f);
    thm_layer_work_free(work);
    thm_instance_free(&in);
}
END_TEST

static bool at_once(void *ctx)
{
    ++*(int *)ctx;
    return *(int *)ctx > 1;
}

START_TEST(errors)
{
    int asked = 0;
    double w[3] = {7, 7, 7};
    thm_trained out = {.f = 5};
    const thm_train_options good = {
        .trained = THM_TRAIN_V, .eta = 1e-6, .steps = 1000};
    thm_train_options bad = good;
    bad.trained = 0;
    ck_assert_int_eq(train(bad, w, &out), THM_EDIM);
    bad.trained = 8;
    ck_assert_int_eq(train(bad, w, &out), THM_EDIM);
    bad = good;
    bad.steps = -1;
    ck_assert_int_eq(train(bad, w, &out), THM_EDIM);
    static const double etas[] = {-1, NAN, INFINITY};
    for (int k = 0; k < 3; k++) {
        bad = good;
        bad.eta = etas[k];
        ck_assert_int_eq(train(bad, w, &out), THM_EDOMAIN);
    }
    bad = good;
    bad.stop = at_once;
    bad.ctx = &asked;
    ck_assert_int_eq(train(bad, w, &out), THM_EINTERRUPTED);
    ck_assert_int_eq(asked, 2);
    ck_assert(w[0] == 7 && w[2] == 7 && out.f == 5);
    bad = good;
    bad.steps = 0;
    ck_assert_int_eq(train(bad, w, &out), THM_OK);
    ck_assert(out.steps == 0 && out.f == out.f0 && w[2] == at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train");
    TCase *t = tcase_create("descent");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_subset_takes_the_objective_s_steps);
    tcase_add_test(t, a_quadratic_contracts_as_it_should);
    tcase_add_test(t, backtracking_decreases_enough);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
