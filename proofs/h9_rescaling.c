/* H9: ten times the gradients of W_Q and W_K changes nothing under AdamW; under
 * SGD it does (paper-notes/hoffmann2024.md). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "vit/trainer.h"

enum { BASE_CASES = 2, STEPS = 200 };
static const double times = 10.0, under_adamw = 1e-3, under_sgd = 1e-2;

typedef struct {
    double adamw, sgd; /* |w' - w| / |w| */
} run_case;

typedef struct {
    thm_task *task;
    thm_trainer_options options; /* what a trainer would do */
    thm_vit_layout layout;
    thm_vit32 *model;
    thm_samples samples;
    float *params, *gradient; /* (total) each, the first twice */
} work;

/* W_Q and W_K of a layer, and how many numbers. */
static float *queries(const work *w, float *block, int layer, int64_t *count)
{
    char name[THM_VIT_NAME];
    snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", layer);
    const thm_vit_tensor *qkv = thm_vit_find(&w->layout, name);
    *count = (int64_t)qkv->rows * qkv->cols / 3 * 2;
    return block + qkv->offset;
}

static void multiply(const work *w, double by)
{
    for (int l = 0; l < w->options.config.depth; l++) {
        int64_t count;
        float *g = queries(w, w->gradient, l, &count);
        for (int64_t e = 0; e < count; e++) {
            g[e] = (float)(by * (double)g[e]);
        }
    }
}

/* params <- after STEPS steps from the seed's start. */
static thm_status train(work *w, const thm_optimiser_options *o, double by,
                        uint64_t seed, float *params)
{
    const size_t total = (size_t)w->layout.total;
    thm_optimiser state;
    thm_vit_loss loss = thm_vit_loss_default(&w->options.config);
    loss.smoothing = w->options.smoothing;
    loss.weight = 1.0 / w->options.batch;
    thm_vit_initialise(&w->options.config, &w->layout, seed, params);
    thm_status status = thm_optimiser_alloc(o, w->layout.total, &state);
    for (int step = 0; step < STEPS && status == THM_OK; step++) {
        thm_vit_score score;
        memset(w->gradient, 0, total * sizeof *w->gradient);
        status = thm_task_draw(w->task, seed, THM_SPLIT_TRAIN, step, 0,
                               w->options.batch, &w->samples);
        if (status == THM_OK) {
            status = thm_vit32_run(w->model, params, &w->samples.batch, &loss,
                                   w->gradient, &score, NULL);
        }
        if (status == THM_OK) {
            multiply(w, by);
            status =
                thm_optimiser_step(o, &w->options.config, &w->layout, &state,
                                   params, w->gradient, NULL, NULL);
        }
    }
    thm_optimiser_free(&state);
    return status;
}

static thm_status compare(work *w, const thm_optimiser_options *o,
                          uint64_t seed, double *change)
{
    float *other = w->params + w->layout.total;
    double difference = 0.0, size = 0.0;
    thm_status status = train(w, o, 1.0, seed, w->params);
    if (status == THM_OK) {
        status = train(w, o, times, seed, other);
    }
    for (int l = 0; l < w->options.config.depth && status == THM_OK; l++) {
        int64_t count;
        const float *a = queries(w, w->params, l, &count);
        const float *b = queries(w, other, l, &count);
        for (int64_t e = 0; e < count; e++) {
            const double d = (double)b[e] - (double)a[e];
            difference += d * d;
            size += (double)a[e] * (double)a[e];
        }
    }
    *change = sqrt(difference / size);
    return status;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    work *w = ctx;
    run_case *c = the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const uint64_t own = thm_rng_bits(&rng);
    thm_optimiser_options sgd = w->options.optimiser;
    sgd.kind = THM_SGD;
    sgd.lr = 0.1;
    snprintf(name, THM_CASE_NAME, "run-%lld", (long long)index);
    thm_status status = compare(w, &w->options.optimiser, own, &c->adamw);
    if (status == THM_OK) {
        status = compare(w, &sgd, own, &c->sgd);
    }
    return status;
}

static thm_status judge(double change, double allowed, thm_finding *f)
{
    f->observed = change;
    f->allowed = allowed;
    f->err = (1 << 14) * DBL_EPSILON / 2 * change;
    return THM_OK;
}

static thm_status adamw(const void *the_case, void *ctx, thm_finding *f,
                        bool *applies)
{
    (void)ctx, (void)applies;
    return judge(((const run_case *)the_case)->adamw, under_adamw, f);
}

static thm_status sgd(const void *the_case, void *ctx, thm_finding *f,
                      bool *applies)
{
    (void)ctx, (void)applies;
    return judge(((const run_case *)the_case)->sgd, under_sgd, f);
}

static thm_status open_runs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    static work w;
    static run_case storage;
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    (void)seed;
    *ctx = &w;
    source->count = proof_count(effort, BASE_CASES);
    source->make = make_run;
    source->the_case = &storage;
    source->ctx = &w;
    thm_status status = thm_task_alloc(&o, &w.task, msg);
    if (status != THM_OK) {
        return status;
    }
    w.options = thm_trainer_default(w.task);
    status = thm_vit_layout_alloc(&w.options.config, &w.layout);
    if (status == THM_OK) {
        status = thm_vit32_alloc(&w.options.config, w.options.batch, &w.model);
    }
    if (status == THM_OK) {
        status = thm_samples_alloc(w.task, w.options.batch, &w.samples);
    }
    if (status == THM_OK) {
        const size_t total = (size_t)w.layout.total;
        w.params = calloc(2 * total, sizeof *w.params);
        w.gradient = calloc(total, sizeof *w.gradient);
        status = w.params && w.gradient ? THM_OK : THM_ENOMEM;
    }
    return status;
}

static void close_runs(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    thm_vit32_free(w->model);
    thm_samples_free(&w->samples);
    thm_vit_layout_free(&w->layout);
    thm_task_free(w->task);
    free(w->params);
    free(w->gradient);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H9", adamw, false},
                                       {"XH9", sgd, false}};
    static const proof_group group = {2, claims, open_runs, close_runs};
    static const proof_table table = {
        "rescaled gradients under AdamW and SGD (H9)", 1, &group};
    return proof_main(argc, argv, &table);
}
