/* Induction with softmax and with linear attention, in the authors' setting:
 * accuracy, and how much of its attention each head of the second layer pays to
 * BOS (paper-notes/varre2026.md, "Transformers").
 *
 * Three of their ten epochs.  One data set a run, softmax and linear in turns:
 * seed, seed + 1, ... share start and samples between the two.  A row an epoch
 * of 390 steps; sink_h is head h's sink score, bos_h its mean attention to BOS,
 * over the rows that the score sums.  All on the same 1000 test samples. */
#include <math.h>
#include "experiments/experiment.h"
#include "programs/start.h"
#include "vit/trainer.h"

enum { EPOCHS = 3, EPOCH = 390, BATCH = 256, TESTS = 1000, PIECE = 250 };
enum { HEADS = 4, LAYER = 1, FIRST = 1, END = 10 /* rows of A */ };

static const thm_vit_attention arms[] = {THM_VIT_SOFTMAX, THM_VIT_LINEAR};
enum { ARMS = sizeof arms / sizeof *arms };

static const thm_tsv_column columns[] = {
    {"linear", "1"},      {"seed", "1"},     {"step", "1"},   {"loss", "nat"},
    {"test_loss", "nat"}, {"accuracy", "1"}, {"sink_1", "1"}, {"sink_2", "1"},
    {"sink_3", "1"},      {"sink_4", "1"},   {"bos_1", "1"},  {"bos_2", "1"},
    {"bos_3", "1"},       {"bos_4", "1"}};
enum { COLUMNS = sizeof columns / sizeof *columns };

typedef struct {
    thm_task *task;
    thm_trainer *trainer;
    thm_vit32 *model;
    thm_samples samples;
} run;

static void close_run(run *r)
{
    thm_vit32_free(r->model);
    thm_samples_free(&r->samples);
    thm_trainer_free(r->trainer);
    thm_task_free(r->task);
}

static thm_trainer_options settings(const thm_task *task, int arm,
                                    uint64_t seed)
{
    thm_trainer_options o = thm_trainer_default(task);
    thm_optimiser_options *p = &o.optimiser;
    for (int l = 0; l < o.config.depth; l++) {
        o.config.attention[l] = arms[arm];
    }
    p->lr = p->lr_start = p->lr_end = 1e-3;
    p->warmup = 0;
    p->steps = (long)EPOCHS * EPOCH;
    p->weight_decay = 0.01;
    o.smoothing = 0.0;
    o.batch = BATCH;
    o.seed = seed;
    o.threads = 1;
    return o;
}

static thm_status open_run(int arm, uint64_t seed, run *r, thm_message *msg)
{
    const thm_task_options of_task =
        thm_task_options_default(THM_TASK_INDUCTION);
    *r = (run){0};
    thm_status status = thm_task_alloc(&of_task, &r->task, msg);
    if (status != THM_OK) {
        return status;
    }
    const thm_trainer_options o = settings(r->task, arm, seed);
    status = thm_trainer_alloc(&o, r->task, &r->trainer, msg);
    if (status == THM_OK) {
        status = thm_vit32_alloc(&o.config, PIECE, &r->model);
    }
    if (status == THM_OK) {
        status = thm_samples_alloc(r->task, PIECE, &r->samples);
    }
    return status;
}

/* Adds sample s' attention to BOS and in all. */
static void add_sample(const run *r, int s, double bos[HEADS],
                       double all[HEADS])
{
    const int T = thm_trainer_options_of(r->trainer)->config.tokens;
    thm_vit_view view;
    thm_vit32_look(r->model, LAYER, s, &view);
    for (int h = 0; h < HEADS; h++) {
        for (int i = FIRST; i < END; i++) {
            const float *row =
                view.attention + ((ptrdiff_t)h * T + i) * (ptrdiff_t)T;
            bos[h] += (double)row[0];
            for (int j = 0; j <= i; j++) {
                all[h] += (double)row[j];
            }
        }
    }
}

static thm_status put_row(run *r, int arm, double loss, thm_tsv *tsv,
                          thm_message *msg)
{
    double bos[HEADS] = {0}, all[HEADS] = {0}, test_loss = 0.0;
    int64_t right = 0;
    thm_status status = THM_OK;
    for (int at = 0; at < TESTS && status == THM_OK; at += PIECE) {
        thm_vit_score score;
        status = thm_trainer_probe(r->trainer, 0, at, PIECE, r->model,
                                   &r->samples, NULL, &score, msg);
        if (status == THM_OK) {
            test_loss += score.plain_loss * PIECE / TESTS;
            right += score.right;
        }
        for (int s = 0; s < PIECE && status == THM_OK; s++) {
            add_sample(r, s, bos, all);
        }
    }
    double row[COLUMNS] = {arm,
                           (double)thm_trainer_options_of(r->trainer)->seed,
                           (double)thm_trainer_steps(r->trainer),
                           loss,
                           test_loss,
                           (double)right / TESTS};
    for (int h = 0; h < HEADS; h++) {
        row[6 + h] = bos[h] / all[h];
        row[6 + HEADS + h] = bos[h] / ((double)TESTS * (END - FIRST));
    }
    if (status == THM_OK) {
        thm_tsv_row(tsv, row);
    }
    return status;
}

static thm_status train(int arm, uint64_t seed, thm_tsv *tsv, thm_message *msg)
{
    run r;
    double loss = 0.0;
    thm_status status = open_run(arm, seed, &r, msg);
    for (int step = 1; step <= EPOCHS * EPOCH && status == THM_OK; step++) {
        thm_vit_score score;
        status = thm_trainer_step(r.trainer, &score, msg);
        if (status == THM_OK) {
            loss += score.loss / EPOCH;
        }
        if (status == THM_OK && step % EPOCH == 0) {
            status = put_row(&r, arm, loss, tsv, msg);
            loss = 0.0;
        }
        if (start_interrupted()) {
            status = THM_EINTERRUPTED;
        }
    }
    close_run(&r);
    thm_tsv_break(tsv);
    thm_tsv_break(tsv); /* two: the next run is another data set */
    return status;
}

static thm_status write_runs(uint64_t seed, int draws, thm_tsv *tsv,
                             thm_message *msg)
{
    thm_status status = THM_OK;
    for (int k = 0; k < draws * ARMS && status == THM_OK; k++) {
        status = train(k % ARMS, seed + (uint64_t)(k / ARMS), tsv, msg);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const experiment sinks = {
        .name = "induction-sinks",
        .purpose = "Trains induction with softmax and with linear attention "
                   "and measures the attention to BOS.",
        .draws = 1,
        .min_draws = 1,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_runs};
    return experiment_main(argc, argv, &sinks);
}
