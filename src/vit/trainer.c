/* The loop's body: see trainer.h. */
#include "vit/trainer_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = THM_TRAINER_PARTS };

/* Samples [first, first + count) of part p. */
static void part_of(int batch, int p, int *first, int *count)
{
    *first = (int)((int64_t)batch * p / PARTS);
    *count = (int)((int64_t)batch * (p + 1) / PARTS) - *first;
}

static int largest_part(int batch)
{
    return batch / PARTS + (batch % PARTS != 0);
}

static thm_status check(const thm_trainer_options *o, thm_message *msg)
{
    if (o->batch < 1) {
        return thm_fail(THM_EDIM, msg, "batch: expected at least 1, found %d",
                        o->batch);
    }
    if (o->threads < 1) {
        return thm_fail(THM_EDIM, msg, "threads: expected at least 1, found %d",
                        o->threads);
    }
    if (!(o->smoothing >= 0.0 && o->smoothing < 1.0)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "smoothing: expected a number in [0, 1), found %g",
                        o->smoothing);
    }
    if (!(o->temperature > 0.0 && isfinite(o->temperature))) {
        return thm_fail(THM_EDOMAIN, msg,
                        "temperature: expected a positive number, found %g",
                        o->temperature);
    }
    if (o->heat_over < 0 ||
        (o->heat_over > 0 && !(o->heat_from > 0.0 && isfinite(o->heat_from)))) {
        return thm_fail(THM_EDOMAIN, msg,
                        "heat treatment: expected a positive scale over at "
                        "least 0 steps, found %g over %ld",
                        o->heat_from, o->heat_over);
    }
    return thm_vit_config_check(&o->config, msg);
}

/* One worker's scratch. */
static thm_status worker_alloc(const thm_trainer *t, thm_worker *w)
{
    const int room = largest_part(t->options.batch);
    thm_status status = thm_vit32_alloc(&t->options.config, room, &w->model);
    if (status == THM_OK) {
        thm_vit32_use(w->model, t->options.isa);
        status = thm_samples_alloc(t->task, room, &w->samples);
    }
    return status;
}

void thm_trainer_free(thm_trainer *t)
{
    if (!t) {
        return;
    }
    for (int k = 0; t->workers && k < t->options.threads; k++) {
        thm_vit32_free(t->workers[k].model);
        thm_samples_free(&t->workers[k].samples);
    }
    free(t->workers);
    thm_optimiser_free(&t->optimiser);
    thm_vit_layout_free(&t->layout);
    free(t->params);
    free(t);
}

static thm_status fill(thm_trainer *t)
{
    thm_status status = thm_vit_layout_alloc(&t->options.config, &t->layout);
    if (status != THM_OK) {
        return status;
    }
    const size_t total = (size_t)t->layout.total;
    if (total > SIZE_MAX / (sizeof *t->params * (2 + PARTS))) {
        return THM_EOVERFLOW;
    }
    /* the parameters, their gradient and those of the parts, in one block */
    t->params = calloc(total * (1 + PARTS), sizeof *t->params);
    t->workers = calloc((size_t)t->options.threads, sizeof *t->workers);
    if (!t->params || !t->workers) {
        return THM_ENOMEM;
    }
    t->gradient = t->params + total;
    thm_vit_initialise(&t->options.config, &t->layout, t->options.seed,
                       t->params);
    status = thm_optimiser_alloc(&t->options.optimiser, t->layout.total,
                                 &t->optimiser);
    for (int k = 0; status == THM_OK && k < t->options.threads; k++) {
        status = worker_alloc(t, &t->workers[k]);
    }
    return status;
}

thm_status thm_trainer_alloc(const thm_trainer_options *options,
                             const thm_task *task, thm_trainer **trainer,
                             thm_message *msg)
{
    thm_status status = check(options, msg);
    if (status != THM_OK) {
        return status;
    }
    thm_trainer *t = calloc(1, sizeof *t);
    if (!t) {
        return THM_ENOMEM;
    }
    t->options = *options;
    /* more threads than parts have nothing to do */
    if (t->options.threads > PARTS) {
        t->options.threads = PARTS;
    }
    t->task = task;
    status = thm_task_checksum(task, t->data);
    if (status == THM_OK) {
        status = fill(t);
    }
    if (status != THM_OK) {
        thm_trainer_free(t);
        return status;
    }
    *trainer = t;
    return THM_OK;
}

double thm_trainer_scale(const thm_trainer *t)
{
    const thm_trainer_options *o = &t->options;
    const double own = 1.0 / sqrt((double)o->config.head_width);
    const double scale = o->heat_over > 0
                             ? thm_heat_scale(o->heat, o->heat_from, own,
                                              o->heat_over, t->optimiser.step)
                             : own;
    return scale / o->temperature;
}

/* The loss of a batch or a probe with so many labelled outputs in all. */
static thm_vit_loss loss_of(const thm_trainer *t, double labelled)
{
    thm_vit_loss loss = thm_vit_loss_default(&t->options.config);
    const double scale = thm_trainer_scale(t);
    for (int layer = 0; layer < t->options.config.depth; layer++) {
        loss.scale[layer] = scale;
    }
    loss.smoothing = t->options.smoothing;
    loss.weight = labelled > 0.0 ? 1.0 / labelled : 1.0;
    return loss;
}

/* What the parts of a pass leave: each in its own place. */
typedef struct {
    thm_status status[PARTS];
    thm_message msg[PARTS];
    thm_vit_score score[PARTS];
    int64_t wrong[PARTS], labelled[PARTS];
} tally;

/* Outputs that are the label of the target not chosen. */
static int64_t wrong_targets(const thm_trainer *t, const thm_worker *w,
                             int count)
{
    const int classes = t->options.config.outputs;
    const float *out = thm_vit32_outputs(w->model);
    int64_t wrong = 0;
    for (int s = 0; s < count; s++, out += classes) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
            best = out[c] > out[best] ? c : best;
        }
        wrong += w->samples.other_label[s] == best &&
                 w->samples.batch.labels[s] != best;
    }
    return wrong;
}

/* Part p of a draw of `batch` samples: gradient NULL if none is wanted. */
static void work_part(thm_trainer *t, thm_worker *w, thm_split split,
                      int64_t which, int batch, int p, float *gradient,
                      tally *all)
{
    int first, count;
    part_of(batch, p, &first, &count);
    all->score[p] = (thm_vit_score){0};
    all->wrong[p] = 0;
    all->labelled[p] = 0;
    all->status[p] = THM_OK;
    /* a probe's part may be larger than the room: piece by piece */
    const int room = largest_part(t->options.batch);
    for (int done = 0; all->status[p] == THM_OK && done < count; done += room) {
        const int piece = count - done < room ? count - done : room;
        thm_vit_score score;
        all->status[p] = thm_task_draw(t->task, t->options.seed, split, which,
                                       first + done, piece, &w->samples);
        if (all->status[p] != THM_OK) {
            return;
        }
        const int64_t labelled =
            thm_vit_labelled(&t->options.config, &w->samples.batch);
        /* every sample of a task has as many labelled outputs: see task.h */
        const thm_vit_loss loss = loss_of(t, (double)labelled / piece * batch);
        all->status[p] = thm_vit32_run(w->model, t->params, &w->samples.batch,
                                       &loss, gradient, &score, &all->msg[p]);
        if (all->status[p] != THM_OK) {
            return;
        }
        all->score[p].loss += score.loss;
        all->score[p].plain_loss += score.plain_loss;
        all->score[p].labelled += score.labelled;
        all->score[p].right += score.right;
        if (w->samples.other_label != NULL && labelled == piece) {
            all->wrong[p] += wrong_targets(t, w, piece);
        }
    }
}

/* All parts, and their sums in order. */
static thm_status work_parts(thm_trainer *t, thm_split split, int64_t which,
                             int batch, bool gradients, thm_vit_score *score,
                             int64_t *wrong, thm_message *msg)
{
    const int64_t total = t->layout.total;
    tally all;
    memset(&all, 0, sizeof all);
    if (gradients) {
        memset(t->gradient, 0, sizeof *t->gradient * (size_t)total * PARTS);
    }
#pragma omp parallel num_threads(t->options.threads)
    {
#pragma omp for schedule(static, 1)
        for (int p = 0; p < PARTS; p++) {
            work_part(t, &t->workers[p % t->options.threads], split, which,
                      batch, p, gradients ? t->gradient + p * total : NULL,
                      &all);
        }
    }
    *score = (thm_vit_score){0};
    *wrong = 0;
    for (int p = 0; p < PARTS; p++) {
        if (all.status[p] != THM_OK) {
            if (msg) {
                *msg = all.msg[p];
            }
            return all.status[p];
        }
        score->loss += all.score[p].loss;
        score->plain_loss += all.score[p].plain_loss;
        score->labelled += all.score[p].labelled;
        score->right += all.score[p].right;
        *wrong += all.wrong[p];
    }
    for (int p = 1; gradients && p < PARTS; p++) {
        const float *part = t->gradient + p * total;
        for (int64_t e = 0; e < total; e++) {
            t->gradient[e] += part[e];
        }
    }
    return THM_OK;
}

/* "step 12: ..." */
static thm_status at_step(thm_status status, long step, thm_message *msg)
{
    if (status == THM_EDOMAIN && msg) {
        const thm_message inner = *msg;
        return thm_fail(status, msg, "step %ld: %s", step, inner.text);
    }
    return status;
}

thm_status thm_trainer_step(thm_trainer *t, thm_vit_score *score,
                            thm_message *msg)
{
    const long step = t->optimiser.step;
    int64_t wrong;
    thm_status status = work_parts(t, THM_SPLIT_TRAIN, step, t->options.batch,
                                   true, score, &wrong, msg);
    if (status == THM_OK) {
        status = thm_optimiser_step(&t->options.optimiser, &t->options.config,
                                    &t->layout, &t->optimiser, t->params,
                                    t->gradient, NULL, msg);
    }
    return at_step(status, step, msg);
}

thm_status thm_trainer_evaluate(thm_trainer *t, int64_t which, int samples,
                                thm_evaluation *out, thm_message *msg)
{
    thm_vit_score score;
    int64_t wrong;
    if (samples < 1) {
        return thm_fail(THM_EDIM, msg, "samples: expected at least 1, found %d",
                        samples);
    }
    const thm_status status = work_parts(t, THM_SPLIT_TEST, which, samples,
                                         false, &score, &wrong, msg);
    if (status != THM_OK) {
        return at_step(status, t->optimiser.step, msg);
    }
    const bool other = t->workers[0].samples.other_label != NULL &&
                       t->workers[0].samples.other_label[0] >= 0;
    *out = (thm_evaluation){
        .loss = score.loss,
        .plain_loss = score.plain_loss,
        .accuracy = t->workers[0].samples.batch.labels != NULL
                        ? (double)score.right / (double)score.labelled
                        : (double)NAN,
        .wrong_target =
            other ? (double)wrong / (double)score.labelled : (double)NAN,
        .samples = samples};
    return THM_OK;
}

thm_status thm_trainer_probe(const thm_trainer *t, int64_t which, int first,
                             int count, thm_vit32 *work, thm_samples *samples,
                             float *gradient, thm_vit_score *score,
                             thm_message *msg)
{
    const thm_status status = thm_task_draw(
        t->task, t->options.seed, THM_SPLIT_TEST, which, first, count, samples);
    if (status != THM_OK) {
        return status;
    }
    const thm_vit_loss loss = loss_of(
        t, (double)thm_vit_labelled(&t->options.config, &samples->batch));
    return at_step(thm_vit32_run(work, t->params, &samples->batch, &loss,
                                 gradient, score, msg),
                   t->optimiser.step, msg);
}

long thm_trainer_steps(const thm_trainer *t)
{
    return t->optimiser.step;
}

const thm_trainer_options *thm_trainer_options_of(const thm_trainer *t)
{
    return &t->options;
}

const thm_vit_layout *thm_trainer_layout(const thm_trainer *t)
{
    return &t->layout;
}

const float *thm_trainer_params(const thm_trainer *t)
{
    return t->params;
}

const float *thm_trainer_gradient(const thm_trainer *t)
{
    return t->gradient;
}
