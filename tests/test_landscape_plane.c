/* Oracle: second route (the model evaluated at each point, plain and with
 * BLAS), with the error bound of attn/plane.h; identity (the same bits for
 * every instruction set, batch and neighbour). */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "attn/instance.h"
#include "attn/plane.h"
#include "core/rng.h"
#include "tests/scratch.h"

enum { MAX = 4096 };

/* An instance, two directions for all its weights, and room for points. */
typedef struct {
    thm_instance at;
    size_t size; /* of a weight */
    double d[2][3][MAX];
    thm_weights d1, d2;
} plane_case;

static plane_case c;

static void make(thm_kernel kernel, const char *sizes, int m, int trained,
                 double scale)
{
    thm_instance_plan plan = thm_instance_plan_default();
    ck_assert_int_eq(thm_instance_sizes("test", sizes, &plan, NULL), THM_OK);
    plan.kernel = kernel;
    plan.m = m;
    plan.s = scale;
    ck_assert_int_eq(thm_instance_draw(&plan, &c.at, NULL), THM_OK);
    c.size = (size_t)plan.H * (size_t)plan.D * (size_t)plan.d;
    ck_assert_uint_le(c.size, MAX);
    for (int k = 0; k < 6; k++) {
        thm_rng rng = thm_rng_make(5, (uint64_t)k);
        thm_rng_fill_normal(&rng, (int64_t)c.size, scale, c.d[k / 3][k % 3]);
    }
    const int bits[] = {THM_TRAIN_Q, THM_TRAIN_K, THM_TRAIN_V};
    const double **const to[2][3] = {{&c.d1.Wq, &c.d1.Wk, &c.d1.Wv},
                                     {&c.d2.Wq, &c.d2.Wk, &c.d2.Wv}};
    for (int k = 0; k < 6; k++) {
        *to[k / 3][k % 3] = trained & bits[k % 3] ? c.d[k / 3][k % 3] : NULL;
    }
}

static void add(const double *at, const double *d1, const double *d2, double a,
                double b, double *out)
{
    for (size_t i = 0; i < c.size; i++) {
        out[i] = at[i] + (d1 ? a * d1[i] : 0) + (d2 ? b * d2[i] : 0);
    }
}

/* f at a point by thm_layer_loss, or from the plain twin's F. */
static double loss_at(double a, double b, bool plain)
{
    static double Wq[MAX], Wk[MAX], Wv[MAX], F[MAX];
    const thm_layer *l = &c.at.layer;
    const thm_weights w = {Wq, Wk, Wv};
    double f = NAN;
    add(c.at.Wq, c.d1.Wq, c.d2.Wq, a, b, Wq);
    add(c.at.Wk, c.d1.Wk, c.d2.Wk, a, b, Wk);
    add(c.at.Wv, c.d1.Wv, c.d2.Wv, a, b, Wv);
    if (plain) {
        const int count = l->N * l->n * l->m;
        ck_assert_int_le(count, MAX);
        ck_assert_int_eq(thm_layer_forward_ref(l, &w, NULL, F, NULL), THM_OK);
        f = 0;
        for (int i = 0; i < count; i++) {
            f += (F[i] - l->Y[i]) * (F[i] - l->Y[i]) / 2;
        }
        return f;
    }
    thm_layer_work *work;
    ck_assert_int_eq(thm_layer_work_alloc(l, &work), THM_OK);
    ck_assert_int_eq(thm_layer_loss(l, &w, work, &f), THM_OK);
    thm_layer_work_free(work);
    return f;
}

static void values(thm_isa isa, double b, int count, const double *a, double *f)
{
    thm_plane *plane;
    thm_plane_work *work;
    ck_assert_int_eq(
        thm_plane_alloc(&c.at.layer, &c.at.weights, &c.d1, &c.d2, isa, &plane),
        THM_OK);
    ck_assert_int_eq(thm_plane_work_alloc(plane, &work), THM_OK);
    thm_plane_values(plane, b, count, a, work, f);
    thm_plane_work_free(work);
    thm_plane_free(plane);
}

static const struct {
    const char *sizes;
    int m;
} shapes[] = {{"1,1,1,1,1", 1},  {"2,3,5,2,1", 1}, {"3,7,9,4,2", 3},
              {"2,8,16,3,3", 4}, {"1,9,7,8,1", 5}, {"2,17,8,3,2", 9}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(values_agree_with_one_evaluation_a_point_within_the_bound)
{
    const double a[] = {0, 1, -1, 0.385, -2.127, 31.5, -0.001, 3, 1e-9, 7.25};
    enum { POINTS = sizeof a / sizeof *a };
    const double b[] = {0, 0.631, -12.75};
    double f[POINTS], tightest = 0;
    int told = 0;
    for (int s = 0; s < SHAPES; s++) {
        for (int k = 0; k < 3; k++) {
            make((thm_kernel)k, shapes[s].sizes, shapes[s].m, _i, 0.3);
            thm_plane *plane;
            ck_assert_int_eq(thm_plane_alloc(&c.at.layer, &c.at.weights, &c.d1,
                                             &c.d2, thm_isa_detect(), &plane),
                             THM_OK);
            for (int j = 0; j < 3; j++) {
                values(thm_isa_detect(), b[j], POINTS, a, f);
                for (int i = 0; i < POINTS; i++) {
                    const double fast = loss_at(a[i], b[j], false);
                    const double plain = loss_at(a[i], b[j], true);
                    const double err =
                        thm_plane_error(plane, a[i], b[j], f[i]) +
                        thm_plane_error(plane, a[i], b[j], plain);
                    ck_assert_double_le(fabs(f[i] - plain), err);
                    ck_assert_double_le(fabs(f[i] - fast), err);
                    tightest = fmax(tightest, fabs(f[i] - plain) / err);
                    /* a bound that says something */
                    told += err <= 1e-9 * plain;
                }
            }
            thm_plane_free(plane);
            thm_instance_free(&c.at);
        }
    }
    ck_assert_int_ge(told, SHAPES * 3 * POINTS);
    ck_assert_double_ge(tightest, 1e-4);
}
END_TEST

/* Two tokens, 1 and 0, weights 1: scores of the first are a and 0, so that its
 * output is e^a / (1 + e^a); the second's is 1/2, its target. */
START_TEST(exponentials_err_by_a_few_roundings)
{
    const double X[] = {1, 0}, Y[] = {0, 0.5}, one = 1, zero = 0;
    const thm_layer l = {.N = 1,
                         .n = 2,
                         .D = 1,
                         .d = 1,
                         .H = 1,
                         .m = 1,
                         .kernel = THM_KERNEL_SOFTMAX,
                         .c = 1,
                         .X = X,
                         .Y = Y,
                         .Wo = &one};
    const thm_weights w = {&zero, &one, &one}, d1 = {&one, NULL, NULL},
                      d2 = {NULL, NULL, NULL};
    enum { POINTS = 4001 };
    static double a[POINTS], f[POINTS];
    thm_plane *plane;
    thm_plane_work *work;
    double worst = 0;
    for (int i = 0; i < POINTS; i++) {
        a[i] = 0.015 * (i - 2000) + 1e-4;
    }
    ck_assert_int_eq(
        thm_plane_alloc(&l, &w, &d1, &d2, thm_isa_detect(), &plane), THM_OK);
    ck_assert_int_eq(thm_plane_work_alloc(plane, &work), THM_OK);
    thm_plane_values(plane, 0, POINTS, a, work, f);
    for (int i = 0; i < POINTS; i++) {
        const long double p = 1 / (1 + expl(-(long double)a[i]));
        const double err = fabs((double)(f[i] / (p * p / 2) - 1));
        /* a over ln 2 errs by 2 u |a|, the differences from the maximum by as
         * much; p by 12 u besides; then it is squared */
        ck_assert_double_le(err, 2 * (4 * fabs(a[i]) + 12) * 0x1p-53);
        worst = fmax(worst, err);
    }
    ck_assert_double_ge(worst, 0x1p-53);
    thm_plane_work_free(work);
    thm_plane_free(plane);
}
END_TEST

START_TEST(bits_do_not_depend_on_instructions_or_neighbours)
{
    double a[19], f[19], g[19], h[1];
    for (int i = 0; i < 19; i++) {
        a[i] = 0.37 * i - 3.1;
    }
    for (int k = 0; k < 3; k++) {
        make((thm_kernel)k, "3,7,9,4,2", 6, 7, 0.4);
        values(THM_ISA_BASELINE, 0.4, 19, a, f);
        for (int isa = 0; isa <= (int)thm_isa_detect(); isa++) {
            values((thm_isa)isa, 0.4, 19, a, g);
            ck_assert_int_eq(memcmp(f, g, sizeof f), 0);
            for (int i = 0; i < 19; i++) {
                values((thm_isa)isa, 0.4, 1, a + i, h);
                ck_assert_int_eq(memcmp(f + i, h, sizeof *h), 0);
            }
        }
        thm_instance_free(&c.at);
    }
}
END_TEST

START_TEST(scores_that_overflow_are_no_number)
{
    const double a[] = {0, 1e154, 1, -1e200, 1e160};
    double f[5];
    for (int k = 0; k < 3; k++) {
        make((thm_kernel)k, "2,3,5,2,1", 2, THM_TRAIN_Q | THM_TRAIN_K, 1);
        values(thm_isa_detect(), 0.5, 5, a, f);
        ck_assert(isfinite(f[0]) && isfinite(f[2]));
        ck_assert(isnan(f[3]) && isnan(f[4]));
        thm_instance_free(&c.at);
    }
    /* values alone: the sum of squares overflows */
    make(THM_KERNEL_SOFTMAX, "2,3,5,2,1", 2, THM_TRAIN_V, 1);
    values(thm_isa_detect(), 0, 5, a, f);
    ck_assert(isfinite(f[2]) && isnan(f[3]));
    thm_instance_free(&c.at);
}
END_TEST

START_TEST(the_bound_grows_outwards)
{
    make(THM_KERNEL_GAUSSIAN, "2,3,5,2,1", 2, 7, 1);
    thm_plane *plane;
    ck_assert_int_eq(thm_plane_alloc(&c.at.layer, &c.at.weights, &c.d1, &c.d2,
                                     thm_isa_detect(), &plane),
                     THM_OK);
    const double middle = thm_plane_error(plane, 0, 0, 1);
    ck_assert_double_gt(middle, 0);
    ck_assert_double_gt(thm_plane_error(plane, 1, 0, 1), middle);
    ck_assert_double_gt(thm_plane_error(plane, 0, -1, 1), middle);
    ck_assert_double_gt(thm_plane_error(plane, 0, 0, 2), middle);
    ck_assert_double_eq(thm_plane_error(plane, -1, 2, 1),
                        thm_plane_error(plane, 1, -2, 1));
    thm_plane_free(plane);
    thm_instance_free(&c.at);
}
END_TEST

START_TEST(what_makes_no_plane_is_refused)
{
    make(THM_KERNEL_SOFTMAX, "2,3,5,2,1", 2, 7, 1);
    thm_plane *plane = NULL;
    const thm_isa isa = thm_isa_detect();
    thm_layer l = c.at.layer;
    thm_weights w = c.at.weights;
    l.Y = NULL;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDOMAIN);
    l = c.at.layer;
    l.c = 0;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDOMAIN);
    l = c.at.layer;
    l.n = 0;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDIM);
    l = c.at.layer;
    w.Wv = NULL;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDOMAIN);
    w = c.at.weights;
    c.d[1][1][3] = NAN;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDOMAIN);
    c.d[1][1][3] = 1e200; /* its square overflows */
    c.d[1][0][3] = 1e200;
    ck_assert_int_eq(thm_plane_alloc(&l, &w, &c.d1, &c.d2, isa, &plane),
                     THM_EDOMAIN);
    ck_assert_ptr_null(plane);
    thm_plane_free(NULL);
    thm_plane_work_free(NULL);
    thm_instance_free(&c.at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("landscape_plane");
    TCase *tcase = tcase_create("plane");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(
        tcase, values_agree_with_one_evaluation_a_point_within_the_bound, 1, 8);
    tcase_add_test(tcase, exponentials_err_by_a_few_roundings);
    tcase_add_test(tcase, bits_do_not_depend_on_instructions_or_neighbours);
    tcase_add_test(tcase, scores_that_overflow_are_no_number);
    tcase_add_test(tcase, the_bound_grows_outwards);
    tcase_add_test(tcase, what_makes_no_plane_is_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
