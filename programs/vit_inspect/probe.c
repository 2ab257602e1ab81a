/* What a network is shown: see inspect.h. */
#include <stdlib.h>

#include "core/json.h"
#include "programs/vit_inspect/inspect.h"
#include "vit/instruments.h"

void probe_free(inspect_probe *p)
{
    thm_samples_free(&p->drawn);
    thm_task_free(p->task);
    thm_vit_images_free(&p->images);
    json_decref(p->data);
    free(p->labels);
}

/* Whether the network reads what the task gives, and answers what it asks. */
static thm_status check_task(const thm_vit_config *has, const thm_task *task,
                             const char *name, thm_message *msg)
{
    thm_vit_config asks;
    thm_task_configure(task, &asks);
    const struct {
        const char *what;
        int has, asks;
    } sizes[] = {{"kind of input", (int)has->input, (int)asks.input},
                 {"tokens", has->tokens, asks.tokens},
                 {"features of a token", has->features, asks.features},
                 {"outputs", has->outputs, asks.outputs},
                 {"pool", (int)has->pool, (int)asks.pool}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        if (sizes[k].has != sizes[k].asks) {
            return thm_fail(THM_EDOMAIN, msg,
                            "--task %s: %s: expected %d, as the network has, "
                            "found %d",
                            name, sizes[k].what, sizes[k].has, sizes[k].asks);
        }
    }
    return THM_OK;
}

static thm_status open_task(const inspect_request *q, const thm_vit_weights *w,
                            inspect_probe *p, thm_message *msg)
{
    thm_task_options o = w->record.task;
    if (q->task >= 0 && (!w->recorded || (int)o.kind != q->task)) {
        o = thm_task_options_default((thm_task_kind)q->task);
    }
    o.images = q->pictures;
    o.digits = q->digits;
    o.text = q->text;
    p->source = thm_task_text(o.kind);
    p->seed = q->seeded || !w->recorded ? q->common.seed : w->record.seed;
    thm_status status = thm_task_alloc(&o, &p->task, msg);
    if (status == THM_OK) {
        status = check_task(&w->record.config, p->task, p->source, msg);
    }
    if (status == THM_OK) {
        status = thm_samples_alloc(p->task, q->samples, &p->drawn);
    }
    if (status == THM_OK) {
        /* what the instruments of a training run look at */
        status = thm_task_draw(p->task, p->seed, THM_SPLIT_TEST,
                               THM_INSTRUMENTS_DRAW, 0, q->samples, &p->drawn);
    }
    if (status == THM_OK) {
        p->batch = p->drawn.batch;
        p->grid = thm_vit_grid_of(&w->record.config, thm_task_patch(p->task));
        p->data = thm_task_record(p->task);
        status = p->data ? THM_OK : THM_ENOMEM;
    }
    return status;
}

static thm_status open_images(const inspect_request *q,
                              const thm_vit_weights *w, inspect_probe *p,
                              thm_message *msg)
{
    const thm_vit_config *c = &w->record.config;
    const thm_status status = thm_vit_images_read(q->images, c, w->channels,
                                                  q->samples, &p->images, msg);
    if (status != THM_OK) {
        return status;
    }
    const size_t outputs =
        (size_t)p->images.count *
        (c->pool == THM_VIT_PER_TOKEN ? (size_t)c->tokens : 1);
    p->source = q->images;
    p->labels = malloc(outputs * sizeof *p->labels);
    p->data = json_pack("{s:o, s:i}", "images", thm_json_string(q->images),
                        "count", p->images.count);
    p->batch = (thm_vit_batch){.count = p->images.count, .x = p->images.x};
    p->grid = (thm_vit_grid){.rows = p->images.rows,
                             .cols = p->images.cols,
                             .side = p->images.patch,
                             .channels = p->images.channels};
    return p->labels && p->data ? THM_OK : THM_ENOMEM;
}

thm_status probe_open(const inspect_request *q, const thm_vit_weights *w,
                      inspect_probe *p, thm_message *msg)
{
    if (q->images) {
        return open_images(q, w, p, msg);
    }
    if (q->task < 0 && !w->recorded) {
        return thm_fail(THM_EDOMAIN, msg,
                        "%s: expected --images FILE or --task NAME with it, as "
                        "it does not say what it was trained on",
                        q->file);
    }
    return open_task(q, w, p, msg);
}

/* Labels <- the network's answers of the last run. */
static void answer(const thm_vit_config *c, const float *outputs,
                   inspect_probe *p)
{
    const size_t rows = (size_t)p->batch.count *
                        (c->pool == THM_VIT_PER_TOKEN ? (size_t)c->tokens : 1);
    for (size_t i = 0; i < rows; i++) {
        const float *out = outputs + i * (size_t)c->outputs;
        p->labels[i] = 0;
        for (int k = 1; k < c->outputs; k++) {
            p->labels[i] = out[k] > out[p->labels[i]] ? k : p->labels[i];
        }
    }
    p->batch.labels = p->labels;
}

thm_status probe_run(inspect_probe *p, const thm_vit_weights *w,
                     thm_vit32 **work, thm_message *msg)
{
    const thm_vit_config *c = &w->record.config;
    thm_vit_loss loss = thm_vit_loss_default(c);
    thm_vit_score score;
    for (int l = 0; l < c->depth; l++) {
        loss.scale[l] = w->record.scale;
    }
    loss.smoothing = w->record.smoothing;
    float *gradient = calloc((size_t)w->layout.total, sizeof *gradient);
    thm_status status =
        gradient ? thm_vit32_alloc(c, p->batch.count, work) : THM_ENOMEM;
    if (status == THM_OK && p->labels) {
        status = thm_vit32_run(*work, w->params, &p->batch, &loss, NULL, &score,
                               msg);
        if (status == THM_OK) {
            answer(c, thm_vit32_outputs(*work), p);
        }
    }
    if (status == THM_OK) {
        status = thm_vit32_run(*work, w->params, &p->batch, &loss, gradient,
                               &score, msg);
    }
    free(gradient);
    return status;
}
