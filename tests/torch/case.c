/* One fixed case of the transformer in float for tests/torch/check.py: writes a
 * configuration, its parameters, STEPS batches, the loss and every gradient on
 * the first, and the parameters after STEPS steps of AdamW, one batch each.
 * usage: case VARIANT FILE      without arguments: the names of the variants */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "io/tensor.h"
#include "vit/model.h"
#include "vit/optimise.h"

enum { BATCH = 8, STEPS = 50, WARMUP = 10 };

typedef struct {
    const char *name;
    thm_vit_attention attention;
    bool words; /* a causal model of words with an output at each token */
    bool mean;  /* mean pooling and biases of q, k, v                   */
} variant;

static const variant variants[] = {
    {"softmax", THM_VIT_SOFTMAX, false, false},
    {"normsoftmax-std", THM_VIT_NORMSOFTMAX_STD, false, false},
    {"normsoftmax-var", THM_VIT_NORMSOFTMAX_VAR, false, false},
    {"gaussian", THM_VIT_GAUSSIAN, false, false},
    {"gaussian-normalised", THM_VIT_GAUSSIAN_NORMALISED, false, false},
    {"sigmoid", THM_VIT_SIGMOID, false, true},
    {"linear", THM_VIT_LINEAR, false, false},
    {"uniform", THM_VIT_UNIFORM, false, false},
    {"qk-norm", THM_VIT_QK_NORM, false, false},
    {"causal", THM_VIT_SOFTMAX, true, false}};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* Odd sizes, two layers.  eps is large enough that its place is seen. */
static thm_vit_config config_of(const variant *v)
{
    thm_vit_config c = thm_vit_config_default();
    c.tokens = 6;
    c.features = 5;
    c.width = 14;
    c.heads = 3;
    c.head_width = 6;
    c.mlp_width = 23;
    c.outputs = 7;
    c.weight_std = 0.25;
    c.qkv_bias = v->mean;
    c.pool = v->words  ? THM_VIT_PER_TOKEN
             : v->mean ? THM_VIT_MEAN
                       : THM_VIT_CLS;
    c.causal = v->words;
    c.input = v->words ? THM_VIT_VOCABULARY : THM_VIT_VECTORS;
    for (int l = 0; l < c.depth; l++) {
        c.attention[l] = v->attention;
    }
    return c;
}

static thm_optimiser_options optimiser_of(void)
{
    thm_optimiser_options o = thm_optimiser_default();
    o.steps = STEPS;
    o.warmup = WARMUP;
    o.eps = 1e-3;
    o.lr_start = 1e-4;
    o.lr_end = 3e-4;
    return o;
}

typedef struct {
    thm_vit_config config;
    thm_optimiser_options optimiser;
    thm_vit_loss loss;
    thm_vit_layout layout;
    thm_vit32 *model;
    float *params, *gradient; /* (total)                           */
    double *wide;             /* (3 total) as they go to the file  */
    size_t inputs, outputs;   /* numbers or words, labels; a batch */
    float x[STEPS * BATCH * 6 * 5];
    int32_t ids[STEPS * BATCH * 6], labels[STEPS * BATCH * 6];
    double drawn[STEPS * BATCH * 6 * 5], marked[STEPS * BATCH * 6];
} run;

static void draw(run *r)
{
    const thm_vit_config *c = &r->config;
    thm_rng rng = thm_rng_make(2385, 1127);
    for (size_t i = 0; i < STEPS * r->inputs; i++) {
        if (c->input == THM_VIT_VOCABULARY) {
            r->ids[i] = (int32_t)thm_rng_below(&rng, (uint64_t)c->features);
            r->drawn[i] = r->ids[i];
        } else {
            r->x[i] = (float)thm_rng_normal(&rng);
            r->drawn[i] = (double)r->x[i];
        }
    }
    for (size_t i = 0; i < STEPS * r->outputs; i++) {
        const bool none = i % 5 == 3;
        r->labels[i] =
            none ? -1 : (int32_t)thm_rng_below(&rng, (uint64_t)c->outputs);
        r->marked[i] = r->labels[i];
    }
    thm_vit_initialise(c, &r->layout, 1, r->params);
    for (int64_t k = 0; k < r->layout.total; k++) {
        r->params[k] += (float)(0.1 * thm_rng_normal(&rng));
    }
}

static thm_status open_run(const variant *v, run *r)
{
    r->config = config_of(v);
    r->optimiser = optimiser_of();
    r->loss = thm_vit_loss_default(&r->config);
    r->loss.smoothing = 0.1;
    const size_t tokens = BATCH * (size_t)r->config.tokens;
    r->inputs = v->words ? tokens : tokens * (size_t)r->config.features;
    r->outputs = v->words ? tokens : BATCH;
    thm_status status = thm_vit_layout_alloc(&r->config, &r->layout);
    if (status == THM_OK) {
        status = thm_vit32_alloc(&r->config, BATCH, &r->model);
    }
    if (status == THM_OK) {
        const size_t total = (size_t)r->layout.total;
        r->params = calloc(total, sizeof *r->params);
        r->gradient = calloc(total, sizeof *r->gradient);
        r->wide = calloc(3 * total, sizeof *r->wide);
        status = r->params && r->gradient && r->wide ? THM_OK : THM_ENOMEM;
    }
    if (status == THM_OK) {
        draw(r);
    }
    return status;
}

static void close_run(run *r)
{
    thm_vit_layout_free(&r->layout);
    thm_vit32_free(r->model);
    free(r->params);
    free(r->gradient);
    free(r->wide);
}

/* wide[part] <- x: (total) */
static void keep(run *r, int part, const float *x)
{
    const size_t total = (size_t)r->layout.total;
    for (size_t k = 0; k < total; k++) {
        r->wide[(size_t)part * total + k] = (double)x[k];
    }
}

/* *loss <- that of the first batch; its gradient, and the parameters before and
 * after all steps, into wide. */
static thm_status train(run *r, double *loss, thm_message *msg)
{
    thm_optimiser state;
    keep(r, 0, r->params);
    thm_status status =
        thm_optimiser_alloc(&r->optimiser, r->layout.total, &state);
    for (size_t step = 0; step < STEPS && status == THM_OK; step++) {
        thm_vit_score score;
        thm_vit_batch batch = {.count = BATCH,
                               .x = r->x + step * r->inputs,
                               .ids = r->ids + step * r->inputs,
                               .labels = r->labels + step * r->outputs};
        memset(r->gradient, 0, (size_t)r->layout.total * sizeof *r->gradient);
        r->loss.weight = 1.0 / (double)thm_vit_labelled(&r->config, &batch);
        status = thm_vit32_run(r->model, r->params, &batch, &r->loss,
                               r->gradient, &score, msg);
        if (step == 0) {
            *loss = score.loss;
            keep(r, 1, r->gradient);
        }
        if (status == THM_OK) {
            status =
                thm_optimiser_step(&r->optimiser, &r->config, &r->layout,
                                   &state, r->params, r->gradient, NULL, msg);
        }
    }
    keep(r, 2, r->params);
    thm_optimiser_free(&state);
    return status;
}

/* What check.py builds the model from, in its order. */
static thm_status write_run(const run *r, const variant *v, const double *loss,
                            const char *path, thm_message *msg)
{
    static const char *const prefix[] = {"params.", "gradient.", "trained."};
    enum { MOST = 3 * 64 + 5 };
    static thm_tensor_out out[MOST];
    static char names[MOST][THM_VIT_NAME + 16];
    const thm_vit_config *c = &r->config;
    const thm_optimiser_options *o = &r->optimiser;
    const double config[] = {v->words,     v->mean,          c->tokens,
                             c->features,  c->width,         c->depth,
                             c->heads,     c->outputs,       c->head_width,
                             v->attention, r->loss.smoothing};
    const double steps[] = {
        o->lr,    o->lr_start, o->lr_end, (double)o->warmup, (double)o->steps,
        o->beta1, o->beta2,    o->eps,    o->weight_decay};
    const size_t total = (size_t)r->layout.total;
    int n = 0;
    if (3 * r->layout.count + 5 > MOST) {
        return thm_fail(THM_EINTERNAL, msg, "%d tensors", r->layout.count);
    }
    out[n++] = (thm_tensor_out){
        "config", 1, {sizeof config / sizeof *config}, config, false};
    out[n++] = (thm_tensor_out){
        "steps", 1, {sizeof steps / sizeof *steps}, steps, false};
    out[n++] = (thm_tensor_out){"loss", 1, {1}, loss, false};
    out[n++] =
        (thm_tensor_out){"inputs", 2, {STEPS, r->inputs}, r->drawn, false};
    out[n++] =
        (thm_tensor_out){"labels", 2, {STEPS, r->outputs}, r->marked, false};
    for (int part = 0; part < 3; part++) {
        for (int k = 0; k < r->layout.count; k++, n++) {
            const thm_vit_tensor *t = &r->layout.tensors[k];
            snprintf(names[n], sizeof names[n], "%s%s", prefix[part], t->name);
            out[n] =
                (thm_tensor_out){names[n],
                                 2,
                                 {(size_t)t->rows, (size_t)t->cols},
                                 r->wide + (size_t)part * total + t->offset,
                                 true};
        }
    }
    return thm_tensor_write(path, n, out, msg);
}

int main(int argc, char **argv)
{
    static run r;
    const variant *v = NULL;
    thm_message msg = {""};
    double loss = (double)NAN;
    for (int k = 0; k < VARIANTS; k++) {
        if (argc == 1) {
            puts(variants[k].name);
        } else if (strcmp(argv[1], variants[k].name) == 0) {
            v = &variants[k];
        }
    }
    if (argc == 1) {
        return 0;
    }
    if (v == NULL || argc != 3) {
        fprintf(stderr, "usage: %s [VARIANT FILE]\n", argv[0]);
        return 2;
    }
    thm_status status = open_run(v, &r);
    if (status == THM_OK) {
        status = train(&r, &loss, &msg);
    }
    if (status == THM_OK) {
        status = write_run(&r, v, &loss, argv[2], &msg);
    }
    close_run(&r);
    if (status != THM_OK) {
        fprintf(stderr, "%s: %s %s\n", argv[0], thm_status_text(status),
                msg.text);
        return 4;
    }
    return 0;
}
