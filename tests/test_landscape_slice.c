/* Oracle: identity (the directions that landscape/directions.h gives, values of
 * the loss itself at the point and beside it) and the theorem that a slice in
 * W_V is a quadratic, for slices of the single-layer model. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "attn/instance.h"
#include "claims/layer_slice.h"
#include "landscape/slice.h"
#include "tests/scratch.h"

enum { SIDE = 21 };

static thm_instance at;

static void draw(thm_kernel kernel)
{
    thm_instance_plan plan = thm_instance_plan_default();
    ck_assert_int_eq(thm_instance_sizes("test", "2,3,5,2,2", &plan, NULL),
                     THM_OK);
    plan.m = 2;
    plan.s = 0.4;
    plan.kernel = kernel;
    ck_assert_int_eq(thm_instance_draw(&plan, &at, NULL), THM_OK);
}

static void drop(void)
{
    thm_instance_free(&at);
}

static double norm(int count, int stride, const double *x)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += x[i * stride] * x[i * stride];
    }
    return sqrt(sum);
}

START_TEST(directions_move_the_trained_weights_by_their_filters)
{
    thm_layer_slice s;
    const int trained = THM_TRAIN_Q | THM_TRAIN_V;
    draw(THM_KERNEL_GAUSSIAN);
    ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &at.weights, trained,
                                          THM_SLICE_FILTER, 3, thm_isa_detect(),
                                          &s),
                     THM_OK);
    /* H D d = 20 each, heads of 5 x 2 */
    ck_assert_int_eq(s.n, 40);
    ck_assert_int_eq(memcmp(s.x0, at.Wq, 20 * sizeof(double)), 0);
    ck_assert_int_eq(memcmp(s.x0 + 20, at.Wv, 20 * sizeof(double)), 0);
    for (int block = 0; block < 4; block++) {
        for (int column = 0; column < 2; column++) {
            const int first = 10 * block + column;
            const double want = norm(5, 2, s.x0 + first);
            ck_assert_double_eq_tol(norm(5, 2, s.d1 + first), want, 1e-14);
            ck_assert_double_eq_tol(norm(5, 2, s.d2 + first), want, 1e-14);
        }
    }
    ck_assert(s.sine > 0.5 && s.sine <= 1 + 1e-14);
    thm_layer_slice_free(&s);
    drop();
}
END_TEST

START_TEST(values_are_those_of_the_loss)
{
    for (int trained = 1; trained < 8; trained++) {
        thm_layer_slice s;
        thm_plane_work *work;
        thm_layer_problem *problem;
        double f[4], x[60], v[4];
        const double a[] = {0, -0.75}, b[] = {0, 1.5};
        draw((thm_kernel)(trained % 3));
        ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &at.weights, trained,
                                              THM_SLICE_ROW, 4,
                                              thm_isa_detect(), &s),
                         THM_OK);
        ck_assert_int_eq(thm_plane_work_alloc(s.plane, &work), THM_OK);
        thm_layer_slice_values(&s, 2, 2, a, b, work, f);
        ck_assert_int_eq(
            thm_layer_problem_alloc(&at.layer, &at.weights, trained, &problem),
            THM_OK);
        const thm_slice slice = {thm_layer_objective(problem), s.x0, s.d1,
                                 s.d2};
        for (int j = 0; j < 2; j++) {
            ck_assert_int_eq(thm_slice_values(&slice, b[j], 2, a, x, v + 2 * j),
                             THM_OK);
        }
        for (int k = 0; k < 4; k++) {
            ck_assert_double_eq_tol(f[k], v[k], 1e-12 * v[k]);
        }
        thm_layer_problem_free(problem);
        thm_plane_work_free(work);
        thm_layer_slice_free(&s);
        drop();
    }
}
END_TEST

START_TEST(a_slice_in_w_v_alone_is_a_quadratic)
{
    double axis[SIDE], f[SIDE * SIDE], error[SIDE * SIDE];
    thm_slice_axis(-2, 2, SIDE, axis);
    for (int trained = THM_TRAIN_Q; trained <= THM_TRAIN_V; trained *= 2) {
        for (int kernel = 0; kernel < 3; kernel++) {
            thm_layer_slice s;
            thm_plane_work *work;
            thm_measure m;
            draw((thm_kernel)kernel);
            ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &at.weights,
                                                  trained, THM_SLICE_LAYER, 1,
                                                  thm_isa_detect(), &s),
                             THM_OK);
            ck_assert_int_eq(thm_plane_work_alloc(s.plane, &work), THM_OK);
            thm_layer_slice_values(&s, SIDE, SIDE, axis, axis, work, f);
            ck_assert_int_eq(thm_layer_slice_measure(&s, SIDE, SIDE, axis, axis,
                                                     f, error, &m),
                             THM_OK);
            if (trained == THM_TRAIN_V) {
                ck_assert_double_le(m.quadratic_residual, m.quadratic_noise);
                ck_assert_double_le(m.quadratic_residual, 1e-14);
                ck_assert_int_le(m.minima_resolved, 1);
            } else {
                ck_assert_double_ge(m.quadratic_residual, 1e-3);
            }
            for (int k = 0; k < SIDE * SIDE; k++) {
                ck_assert_double_gt(error[k], 0);
                ck_assert_double_le(error[k], 1e-8 * f[k]);
            }
            thm_plane_work_free(work);
            thm_layer_slice_free(&s);
            drop();
        }
    }
}
END_TEST

START_TEST(a_line_has_no_second_direction)
{
    thm_layer_slice s;
    double d1[20];
    draw(THM_KERNEL_SOFTMAX);
    for (int i = 0; i < 20; i++) {
        d1[i] = 0.1 * i - 0.7;
    }
    ck_assert_int_eq(thm_layer_slice_along(&at.layer, &at.weights, THM_TRAIN_K,
                                           THM_SLICE_NONE, d1, NULL,
                                           thm_isa_detect(), &s),
                     THM_OK);
    ck_assert_int_eq(memcmp(s.d1, d1, sizeof d1), 0);
    ck_assert(isnan(s.sine));
    for (int i = 0; i < 20; i++) {
        ck_assert_double_eq(s.d2[i], 0);
    }
    thm_layer_slice_free(&s);
    drop();
}
END_TEST

START_TEST(what_makes_no_slice_is_refused)
{
    thm_layer_slice s;
    double d1[20], d2[20];
    const thm_isa isa = thm_isa_detect();
    draw(THM_KERNEL_SOFTMAX);
    for (int i = 0; i < 20; i++) {
        d1[i] = i + 1;
        d2[i] = -3 * d1[i];
    }
    const int wrong[] = {0, 8, -1};
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &at.weights, wrong[k],
                                              THM_SLICE_NONE, 1, isa, &s),
                         THM_EDIM);
    }
    ck_assert_int_eq(thm_layer_slice_along(&at.layer, &at.weights, THM_TRAIN_Q,
                                           THM_SLICE_NONE, d1, d2, isa, &s),
                     THM_ESINGULAR);
    d2[5] = NAN;
    ck_assert_int_eq(thm_layer_slice_along(&at.layer, &at.weights, THM_TRAIN_Q,
                                           THM_SLICE_NONE, d1, d2, isa, &s),
                     THM_EDOMAIN);
    /* nothing to be scaled to */
    memset(at.Wq, 0, 20 * sizeof *at.Wq);
    ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &at.weights, THM_TRAIN_Q,
                                          THM_SLICE_FILTER, 1, isa, &s),
                     THM_ESINGULAR);
    thm_weights missing = at.weights;
    missing.Wv = NULL;
    ck_assert_int_eq(thm_layer_slice_draw(&at.layer, &missing, THM_TRAIN_Q,
                                          THM_SLICE_NONE, 1, isa, &s),
                     THM_EDOMAIN);
    ck_assert_ptr_null(s.plane);
    thm_layer_slice_free(&s);
    drop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("landscape_slice");
    TCase *tcase = tcase_create("slice");
    tcase_add_test(tcase, directions_move_the_trained_weights_by_their_filters);
    tcase_add_test(tcase, values_are_those_of_the_loss);
    tcase_add_test(tcase, a_slice_in_w_v_alone_is_a_quadratic);
    tcase_add_test(tcase, a_line_has_no_second_direction);
    tcase_add_test(tcase, what_makes_no_slice_is_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
