/* Oracle: the exact model in balls of 256 bits; W^K by central differences
 * there, whose own error is below 2^-100. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "attn/instance.h"
#include "attn/layer_err.h"
#include "claims/layer_ball.h"
#include "tests/scratch.h"

enum { BITS = THM_LAYER_BITS };

/* The root of what a sum of squares is at most. */
static double root(const arb_t sum)
{
    arf_t bound;
    arf_init(bound);
    arb_get_ubound_arf(bound, sum, 64);
    const double out = sqrt(arf_get_d(bound, ARF_RND_UP));
    arf_clear(bound);
    return out;
}

/* |x - y|, exact y in balls, x doubles, added to a sum of squares. */
static void add_square(arb_t sum, double x, const arb_t y)
{
    arb_t gap;
    arb_init(gap);
    arb_set_d(gap, x);
    arb_sub(gap, gap, y, BITS);
    arb_addmul(sum, gap, gap, BITS);
    arb_clear(gap);
}

/* Entry e of the exact gradient by W^K: (f(+) - f(-)) / 2h. */
static void slope_k(thm_ball_layer *b, int head, int row, int column, arb_t out)
{
    arb_t f, h;
    arb_ptr entry = arb_mat_entry(b->Wk, row, head * b->d + column);
    arb_init(f);
    arb_init(h);
    arb_one(h);
    arb_mul_2exp_si(h, h, -80);
    arb_add(entry, entry, h, BITS);
    thm_ball_layer_evaluate(b);
    thm_ball_layer_loss(b, out);
    arb_sub(entry, entry, h, BITS);
    arb_sub(entry, entry, h, BITS);
    thm_ball_layer_evaluate(b);
    thm_ball_layer_loss(b, f);
    arb_add(entry, entry, h, BITS);
    arb_sub(out, out, f, BITS);
    arb_mul_2exp_si(out, out, 79);
    arb_clear(f);
    arb_clear(h);
}

/* Exact gradient by one of the three, added to a sum of squared differences. */
static void compare_gradient(thm_ball_layer *b, int which, const double *g,
                             arb_t sum)
{
    const int rows = b->N * b->n * b->m, cols = b->H * b->D * b->d;
    arb_mat_t J;
    arb_t exact;
    arb_mat_init(J, rows, cols);
    arb_init(exact);
    if (which == THM_TRAIN_Q) {
        thm_ball_layer_jq(b, J);
    } else if (which == THM_TRAIN_V) {
        thm_ball_layer_jv(b, J);
    }
    for (int e = 0; e < cols; e++) {
        arb_zero(exact);
        if (which == THM_TRAIN_K) {
            slope_k(b, e / b->d / b->D, e / b->d % b->D, e % b->d, exact);
        }
        for (int r = 0; which != THM_TRAIN_K && r < rows; r++) {
            arb_addmul(exact, arb_mat_entry(J, r, e),
                       arb_mat_entry(b->R, r / b->m, r % b->m), BITS);
        }
        add_square(sum, g[e], exact);
    }
    arb_mat_clear(J);
    arb_clear(exact);
}

static double largest_tightness;

static void check_instance(const thm_instance *in, int trained)
{
    const int block = in->layer.H * in->layer.D * in->layer.d;
    thm_layer_problem *problem = NULL;
    ck_assert_int_eq(
        thm_layer_problem_alloc(&in->layer, &in->weights, trained, &problem),
        THM_OK);
    const thm_objective *o = thm_layer_objective(problem);
    double *x = malloc((size_t)(2 * o->n + o->m) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    double *g = x + o->n, *r = g + o->n, f, value, slope;
    thm_layer_problem_start(problem, x);
    ck_assert_int_eq(o->value(x, &f, o->ctx), THM_OK);
    ck_assert_int_eq(o->gradient(x, g, o->ctx), THM_OK);
    ck_assert_int_eq(o->residual(x, r, o->ctx), THM_OK);
    thm_layer_run run = {&in->layer, problem, trained};
    ck_assert_int_eq(thm_layer_error(x, f, &value, &slope, &run), THM_OK);

    thm_ball_layer b;
    arb_t sum;
    arb_init(sum);
    thm_ball_layer_init(&b, &in->layer, &in->weights);
    for (int e = 0; e < o->m; e++) {
        add_square(sum, r[e], arb_mat_entry(b.R, e / b.m, e % b.m));
    }
    ck_assert_msg(root(sum) <= value, "residual %g > %g", root(sum), value);
    largest_tightness = fmax(largest_tightness, root(sum) / value);
    arb_zero(sum);
    const double *part = g;
    for (int which = 1; which <= 4; which *= 2) {
        if (trained & which) {
            compare_gradient(&b, which, part, sum);
            part += block;
        }
    }
    ck_assert_msg(root(sum) <= slope, "gradient %g > %g", root(sum), slope);
    largest_tightness = fmax(largest_tightness, root(sum) / slope);
    thm_ball_layer_clear(&b);
    arb_clear(sum);
    thm_layer_problem_free(problem);
    free(x);
}

START_TEST(errors_stay_below_their_bounds)
{
    static const int trained[] = {1, 2, 4, 3, 7};
    largest_tightness = 0;
    for (int k = 0; k < 30; k++) {
        thm_instance_plan plan = thm_instance_plan_default();
        thm_instance in;
        plan.N = 1 + k % 2;
        plan.n = 1 + k % 3;
        plan.D = 1 + k % 5;
        plan.d = 1 + k % 3;
        plan.H = 1 + k % 2;
        plan.m = 1 + k % 3;
        plan.kernel = (thm_kernel)(k / 10);
        plan.s = k % 4 == 0 ? 0.1 : k % 4 == 1 ? 3 : 1;
        plan.seed = 11;
        plan.index = (uint64_t)k;
        ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
        check_instance(&in, trained[k % 5]);
        thm_instance_free(&in);
    }
    /* a bound a million times too large would serve nobody */
    ck_assert_msg(largest_tightness > 1e-4, "%g", largest_tightness);
}
END_TEST

/* S too: an entry at a time. */
START_TEST(attention_is_as_good_as_said)
{
    for (int k = 0; k < 12; k++) {
        thm_instance_plan plan = thm_instance_plan_default();
        thm_instance in;
        plan.N = 2;
        plan.n = 3;
        plan.D = 4;
        plan.d = 2;
        plan.H = 2;
        plan.m = 1;
        plan.kernel = (thm_kernel)(k % 3);
        plan.s = k < 6 ? 1 : 2;
        plan.index = (uint64_t)k;
        ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
        thm_layer_work *work;
        double S[2 * 2 * 9];
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(
            thm_layer_attention(&in.layer, in.Wq, in.Wk, work, S, NULL, NULL),
            THM_OK);
        thm_ball_layer b;
        thm_ball_layer_init(&b, &in.layer, &in.weights);
        for (int e = 0; e < 36; e++) {
            const int i = e / 18, h = e / 9 % 2, row = e / 3 % 3, j = e % 3;
            const double rho =
                thm_layer_attention_err(&in.layer, in.Wq, in.Wk, i, h);
            arb_t gap, square;
            arb_init(gap);
            arb_init(square);
            arb_set_d(gap, S[e]);
            arb_div(gap, gap, arb_mat_entry(b.S, i * 3 + row, h * 3 + j), BITS);
            add_square(square, 1, gap);
            ck_assert_msg(root(square) <= rho, "%d %d: %g > %g", k, e,
                          root(square), rho);
            arb_clear(square);
            ck_assert(rho < 1e-11);
            arb_clear(gap);
        }
        thm_ball_layer_clear(&b);
        thm_layer_work_free(work);
        thm_instance_free(&in);
    }
}
END_TEST

START_TEST(scores_beyond_doubles_have_no_bound)
{
    const double X[] = {1}, Y[] = {0.5}, w[] = {1e20}, o[] = {1};
    const thm_layer layer = {.N = 1,
                             .n = 1,
                             .D = 1,
                             .d = 1,
                             .H = 1,
                             .m = 1,
                             .kernel = THM_KERNEL_GAUSSIAN,
                             .c = 1,
                             .X = X,
                             .Y = Y,
                             .Wo = o};
    const thm_weights at = {w, w, o};
    double value, slope;
    thm_layer_error_at(&layer, &at, 7, 1.0, &value, &slope);
    ck_assert(isinf(value) && isinf(slope));
}
END_TEST

/* X and W move by powers of two that undo each other: nothing rounds otherwise,
 * and the bounds stay what they were, though squares leave the range. */
START_TEST(scales_that_cancel_change_no_bound)
{
    const double x[] = {1, 0.5}, w[] = {0.7, -0.3}, o[] = {1};
    double X[2], W[2], value[3], slope[3];
    const int power[] = {0, 520, -520};
    for (int k = 0; k < 3; k++) {
        for (int e = 0; e < 2; e++) {
            X[e] = ldexp(x[e], power[k]);
            W[e] = ldexp(w[e], -power[k]);
        }
        const thm_layer layer = {.N = 1,
                                 .n = 1,
                                 .D = 2,
                                 .d = 1,
                                 .H = 1,
                                 .m = 1,
                                 .kernel = THM_KERNEL_SOFTMAX,
                                 .c = 1,
                                 .X = X,
                                 .Y = o,
                                 .Wo = o};
        const thm_weights at = {W, W, W};
        thm_layer_error_at(&layer, &at, THM_TRAIN_V, 1.0, &value[k], &slope[k]);
        ck_assert_double_eq_tol(value[k] / value[0], 1.0, 1e-12);
        ck_assert_double_eq_tol(ldexp(slope[k], -power[k]) / slope[0], 1.0,
                                1e-12);
    }
    ck_assert(thm_norm_upper(2, (double[]){0, -0.0}) == 0.0);
    ck_assert(isnan(thm_norm_upper(2, (double[]){NAN, 1})));
    ck_assert(isinf(thm_norm_upper(2, (double[]){1, HUGE_VAL})));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer-err");
    TCase *t = tcase_create("bounds");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, errors_stay_below_their_bounds);
    tcase_add_test(t, attention_is_as_good_as_said);
    tcase_add_test(t, scores_beyond_doubles_have_no_bound);
    tcase_add_test(t, scales_that_cancel_change_no_bound);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
