/* Oracles: two steps worked out by hand; schedules from their formulas and the
 * values that the note lists; identities of rescaling and clipping. */
#include <math.h>
#include "tests/scratch.h"
#include "vit/optimise.h"

static thm_vit_config config;
static thm_vit_layout layout;
static float *params, *g;

static void setup(void)
{
    config = thm_vit_config_default();
    config.depth = 1;
    ck_assert_int_eq(thm_vit_layout_alloc(&config, &layout), THM_OK);
    params = malloc(sizeof *params * (size_t)layout.total);
    g = malloc(sizeof *g * (size_t)layout.total);
    ck_assert(params != NULL && g != NULL);
    thm_vit_initialise(&config, &layout, 3, params);
    for (int64_t e = 0; e < layout.total; e++) {
        g[e] = (float)(0.01 * sin(1.7 * (double)e + 0.3));
    }
}

static void teardown(void)
{
    free(params);
    free(g);
    thm_vit_layout_free(&layout);
}

static thm_optimiser_options flat(thm_optimiser_kind kind)
{
    thm_optimiser_options o = thm_optimiser_default();
    o.kind = kind;
    o.lr = o.lr_start = o.lr_end = 0.125;
    o.warmup = 0;
    return o;
}

/* |change| of one parameter in two equal steps, by hand in double. */
START_TEST(two_steps)
{
    const bool sgd = _i == THM_SGD;
    const thm_vit_tensor *t = thm_vit_find(&layout, "head.weight");
    const thm_vit_tensor *b = thm_vit_find(&layout, "head.bias");
    thm_optimiser_options o = flat((thm_optimiser_kind)_i);
    thm_optimiser state;
    const double w0 = (double)params[t->offset + 5];
    const double b0 = (double)params[b->offset];
    const double x = (double)g[t->offset + 5], y = (double)g[b->offset];
    double norm;
    ck_assert_int_eq(thm_optimiser_alloc(&o, layout.total, &state), THM_OK);
    for (int s = 0; s < 2; s++) {
        ck_assert_int_eq(thm_optimiser_step(&o, &config, &layout, &state,
                                            params, g, &norm, NULL),
                         THM_OK);
    }
    /* equal gradients: m^ = g, v^ = g^2 in Adam; g and 1.9 g in SGD */
    const double u = sgd ? x : x / (fabs(x) + 1e-8);
    const double once = w0 - 0.125 * (u + 0.05 * w0);
    const double twice = once - 0.125 * ((sgd ? 1.9 * x : u) + 0.05 * once);
    const double v = sgd ? 2.9 * y : 2.0 * y / (fabs(y) + 1e-8);
    ck_assert_double_eq_tol((double)params[t->offset + 5], twice, 1e-6);
    ck_assert_double_eq_tol((double)params[b->offset], b0 - 0.125 * v, 1e-6);
    double sum = 0.0;
    for (int64_t e = 0; e < layout.total; e++) {
        sum += (double)g[e] * (double)g[e];
    }
    ck_assert_double_eq_tol(norm, sqrt(sum), 1e-12 * norm);
    ck_assert_int_eq(state.step, 2);
    thm_optimiser_free(&state);
}
END_TEST

START_TEST(queries_and_keys_have_their_own_lr)
{
    const thm_vit_tensor *t = thm_vit_find(&layout, "blocks.0.attn.qkv.weight");
    const int64_t third = (int64_t)t->rows * t->cols / 3;
    thm_optimiser_options o = flat(THM_SGD);
    thm_optimiser state;
    o.lr_qk = 0.0;
    const float q = params[t->offset], k = params[t->offset + 2 * third - 1];
    const float v = params[t->offset + 2 * third];
    ck_assert_int_eq(thm_optimiser_alloc(&o, layout.total, &state), THM_OK);
    ck_assert_int_eq(
        thm_optimiser_step(&o, &config, &layout, &state, params, g, NULL, NULL),
        THM_OK);
    ck_assert(params[t->offset] == q);
    ck_assert(params[t->offset + 2 * third - 1] == k);
    ck_assert(params[t->offset + 2 * third] != v);
    thm_optimiser_free(&state);
}
END_TEST

static double mean_abs(const float *x, int64_t count)
{
    double sum = 0.0;
    for (int64_t e = 0; e < count; e++) {
        sum += fabs((double)x[e]);
    }
    return sum / (double)count;
}

START_TEST(rescaling_makes_means_agree)
{
    const thm_vit_tensor *t = thm_vit_find(&layout, "blocks.0.attn.qkv.weight");
    const int64_t third = (int64_t)t->rows * t->cols / 3, head = third / 2;
    thm_optimiser_options o = flat(THM_SGD);
    thm_optimiser state;
    float *qkv = g + t->offset;
    for (int64_t e = 0; e < third; e++) {
        qkv[e] *= e < head ? 0.1F : 0.3F;
    }
    const double value = mean_abs(qkv + 2 * third, third);
    const double mean =
        (mean_abs(qkv, third) + mean_abs(qkv + third, third) + value) / 3.0;
    const double head_value = mean_abs(qkv + 2 * third + head, head);
    o.rescale = (thm_rescale)_i;
    ck_assert_int_eq(thm_optimiser_alloc(&o, layout.total, &state), THM_OK);
    ck_assert_int_eq(
        thm_optimiser_step(&o, &config, &layout, &state, params, g, NULL, NULL),
        THM_OK);
    if (_i == THM_RESCALE_HEADS_TO_VALUE) {
        ck_assert_double_eq_tol(mean_abs(qkv + head, head), head_value, 1e-8);
        ck_assert_double_eq_tol(mean_abs(qkv + third + head, head), head_value,
                                1e-8);
    } else {
        const double target = _i == THM_RESCALE_TO_VALUE ? value : mean;
        for (int w = 0; w < 3; w++) {
            ck_assert_double_eq_tol(mean_abs(qkv + w * third, third), target,
                                    1e-8);
        }
    }
    thm_optimiser_free(&state);
}
END_TEST

START_TEST(clipping_bounds_the_norm)
{
    thm_optimiser_options o = flat(THM_SGD);
    thm_optimiser state;
    double norm, sum = 0.0;
    o.clip = 0.25;
    ck_assert_int_eq(thm_optimiser_alloc(&o, layout.total, &state), THM_OK);
    ck_assert_int_eq(thm_optimiser_step(&o, &config, &layout, &state, params, g,
                                        &norm, NULL),
                     THM_OK);
    for (int64_t e = 0; e < layout.total; e++) {
        sum += (double)g[e] * (double)g[e];
    }
    ck_assert(norm > 0.25);
    ck_assert_double_eq_tol(sqrt(sum), 0.25, 1e-6);
    thm_optimiser_free(&state);
}
END_TEST

START_TEST(learning_rates)
{
    thm_optimiser_options o = thm_optimiser_default();
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 0), 1e-6, 1e-18);
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 250), 1.5005e-3, 1e-12);
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 500), 3e-3, 1e-15);
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 5250), 1.505e-3, 1e-12);
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 10000), 1e-5, 1e-15);
    ck_assert_double_eq_tol(thm_optimiser_lr(&o, 12345), 1e-5, 1e-15);
}
END_TEST

/* half a cosine from 3 to 1/8 in 150 epochs */
START_TEST(heat_treatment)
{
    static const struct {
        long epoch;
        double scale;
    } value[] = {{0, 3.0},      {25, 2.8074},  {50, 2.2813},
                 {75, 1.5625},  {100, 0.8437}, {125, 0.3176},
                 {140, 0.1564}, {150, 0.125},  {300, 0.125}};
    for (int i = 0; i < 9; i++) {
        ck_assert_double_eq_tol(thm_heat_scale(THM_HEAT_HALF_COSINE, 3.0, 0.125,
                                               150, value[i].epoch),
                                value[i].scale, 1e-4);
    }
    ck_assert(thm_heat_scale(THM_HEAT_LINEAR, 3.0, 1.0, 100, 25) == 2.5);
    ck_assert_double_eq_tol(thm_heat_scale(THM_HEAT_COSINE, 3.0, 1.0, 100, 50),
                            1.0 + sqrt(2.0), 1e-12);
    ck_assert(thm_heat_scale(THM_HEAT_CONSTANT, 3.0, 1.0, 100, 0) == 1.0);
}
END_TEST

START_TEST(what_is_not_finite_is_named)
{
    thm_optimiser_options o = flat(THM_SGD);
    thm_optimiser state;
    thm_message msg = {""};
    g[thm_vit_find(&layout, "blocks.0.mlp.fc1.weight")->offset + 7] = NAN;
    ck_assert_int_eq(thm_optimiser_alloc(&o, layout.total, &state), THM_OK);
    ck_assert_int_eq(
        thm_optimiser_step(&o, &config, &layout, &state, params, g, NULL, &msg),
        THM_EDOMAIN);
    ck_assert_str_eq(msg.text,
                     "blocks.0.mlp.fc1.weight: not finite after step 1");
    thm_optimiser_free(&state);
    ck_assert_int_eq(thm_optimiser_alloc(&o, 0, &state), THM_EOVERFLOW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimise");
    TCase *c = tcase_create("optimise");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, two_steps, 0, THM_SGD + 1);
    tcase_add_test(c, queries_and_keys_have_their_own_lr);
    tcase_add_loop_test(c, rescaling_makes_means_agree, THM_RESCALE_TO_MEAN,
                        THM_RESCALE_HEADS_TO_VALUE + 1);
    tcase_add_test(c, clipping_bounds_the_norm);
    tcase_add_test(c, learning_rates);
    tcase_add_test(c, heat_treatment);
    tcase_add_test(c, what_is_not_finite_is_named);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
