/* Small transformers with drawn parameters and samples, for the suites of the
 * model. */
#ifndef TESTS_VIT_CASE_H
#define TESTS_VIT_CASE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "vit/model.h"

typedef struct {
    thm_vit_config config;
    thm_vit_layout layout;
    thm_vit_loss loss;
    thm_vit_batch batch;
    float *x, *targets, *params32, *gradient32;
    int32_t *ids, *labels;
    double *params, *gradient;
    thm_vit32 *work32;
    thm_vit64 *work;
} vit_case;

static inline void *vit_room(size_t count, size_t size)
{
    void *p = calloc(count, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* A small odd model: 3 tokens and a CLS, one head of 5 in a width of 7. */
static inline thm_vit_config vit_small(void)
{
    thm_vit_config c = thm_vit_config_default();
    c.tokens = 3;
    c.features = 3;
    c.width = 7;
    c.depth = 1;
    c.heads = 1;
    c.head_width = 5;
    c.mlp_width = 3;
    c.outputs = 3;
    return c;
}

/* Draws `count` samples and parameters of deviation `spread` beside their
 * start; every third output has no label. */
static inline void vit_draw(const thm_vit_config *config, int count,
                            uint64_t seed, double spread, vit_case *v)
{
    *v = (vit_case){.config = *config, .loss = thm_vit_loss_default(config)};
    ck_assert_int_eq(thm_vit_layout_alloc(config, &v->layout), THM_OK);
    ck_assert_int_eq(thm_vit64_alloc(config, count, &v->work), THM_OK);
    ck_assert_int_eq(thm_vit32_alloc(config, count, &v->work32), THM_OK);
    const size_t n = (size_t)count, tokens = n * (size_t)config->tokens;
    const size_t outputs = config->pool == THM_VIT_PER_TOKEN ? tokens : n;
    const size_t features = (size_t)config->features;
    const size_t total = (size_t)v->layout.total;
    v->x = vit_room(tokens * features, sizeof *v->x);
    v->ids = vit_room(tokens, sizeof *v->ids);
    v->labels = vit_room(outputs, sizeof *v->labels);
    v->targets = vit_room(outputs * (size_t)config->outputs, sizeof(float));
    v->params32 = vit_room(total, sizeof *v->params32);
    v->gradient32 = vit_room(total, sizeof *v->gradient32);
    v->params = vit_room(total, sizeof *v->params);
    v->gradient = vit_room(total, sizeof *v->gradient);
    thm_rng rng = thm_rng_make(seed, 2385);
    for (size_t i = 0; i < tokens * features; i++) {
        v->x[i] = (float)(1.127 * thm_rng_normal(&rng));
    }
    for (size_t i = 0; i < tokens; i++) {
        v->ids[i] = (int32_t)thm_rng_below(&rng, (uint64_t)config->features);
    }
    for (size_t i = 0; i < outputs; i++) {
        v->labels[i] =
            i % 3 == 2
                ? -1
                : (int32_t)thm_rng_below(&rng, (uint64_t)config->outputs);
        for (int j = 0; j < config->outputs; j++) {
            v->targets[i * (size_t)config->outputs + (size_t)j] =
                i % 3 == 2 ? NAN : (float)thm_rng_normal(&rng);
        }
    }
    thm_vit_initialise(config, &v->layout, seed, v->params32);
    for (size_t i = 0; i < total; i++) {
        v->params32[i] += (float)(spread * thm_rng_normal(&rng));
        v->params[i] = (double)v->params32[i];
    }
    v->batch = (thm_vit_batch){.count = count, .labels = v->labels};
    if (config->input == THM_VIT_VECTORS) {
        v->batch.x = v->x;
    } else {
        v->batch.ids = v->ids;
    }
    v->loss.smoothing = 0.1;
    v->loss.weight = 0.731;
}

static inline void vit_drop(vit_case *v)
{
    thm_vit_layout_free(&v->layout);
    thm_vit32_free(v->work32);
    thm_vit64_free(v->work);
    void *all[] = {v->x,   v->targets, v->params32, v->gradient32,
                   v->ids, v->labels,  v->params,   v->gradient};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
}

/* The loss in double at v->params; its gradient into v->gradient. */
static inline double vit_loss_of(vit_case *v, bool with_gradient)
{
    thm_vit_score score;
    thm_message msg = {""};
    if (with_gradient) {
        memset(v->gradient, 0, (size_t)v->layout.total * sizeof(double));
    }
    const thm_status status =
        thm_vit64_run(v->work, v->params, &v->batch, &v->loss,
                      with_gradient ? v->gradient : NULL, &score, &msg);
    ck_assert_msg(status == THM_OK, "%s", msg.text);
    return score.loss;
}

static inline double vit_norm(size_t n, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

#endif
