/* The two-step task on tokens, with softmax and with NormSoftmax (standard
 * deviation): training loss beside the exact floors, accuracy beside the exact
 * cap, and per layer the gradient of W_Q over that of W_V and the entropy of
 * attention, and where attention goes, heads averaged (paper-notes/
 * hoffmann2024.md).
 *
 * One data set a run, softmax and NormSoftmax in turns: seed, seed + 1, ...
 * share start and samples between the two.  A run ends AFTER steps beyond its
 * Eureka-moment, at STEPS if it has none.  The loss is the exponential mean of
 * the steps' losses with weight 1/100, divided by the weights' sum; accuracy is
 * of 512 fresh samples, the rest of a probe of 64 that stays the same. */
#include "experiments/experiment.h"
#include "programs/start.h"
#include "vit/eureka.h"
#include "vit/instruments.h"

enum {
    STEPS = 10000,
    AFTER = 300,
    EVERY = 100,
    PROBE = 64,
    EVALUATION = 512,
    WINDOW = 100,
    HEADS = 2
};

static const thm_vit_attention arms[] = {THM_VIT_SOFTMAX,
                                         THM_VIT_NORMSOFTMAX_STD};
enum { ARMS = sizeof arms / sizeof *arms };

static const thm_tsv_column columns[] = {{"normsoftmax", "1"},
                                         {"seed", "1"},
                                         {"step", "1"},
                                         {"loss", "nat"},
                                         {"accuracy", "1"},
                                         {"wrong_target", "1"},
                                         {"ratio_1", "1"},
                                         {"ratio_2", "1"},
                                         {"entropy_1", "ln N"},
                                         {"entropy_2", "ln N"},
                                         {"to_indicators_1", "1"},
                                         {"cls_chosen_2", "1"},
                                         {"cls_other_2", "1"},
                                         {"cap", "1"},
                                         {"smoothed_floor", "nat"},
                                         {"perfect", "nat"}};
enum { COLUMNS = sizeof columns / sizeof *columns };

typedef struct {
    thm_task *task;
    thm_trainer *trainer;
    thm_instruments *instruments;
    thm_eureka eureka;
} run;

static void close_run(run *r)
{
    thm_instruments_free(r->instruments);
    thm_trainer_free(r->trainer);
    thm_task_free(r->task);
}

static thm_status open_run(thm_vit_attention kind, uint64_t seed, run *r,
                           thm_message *msg)
{
    const thm_task_options of_task =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    *r = (run){0};
    thm_status status = thm_task_alloc(&of_task, &r->task, msg);
    if (status != THM_OK) {
        return status;
    }
    thm_trainer_options o = thm_trainer_default(r->task);
    const thm_task_marks marks =
        thm_task_marks_of(r->task, THM_SPLIT_TEST, o.smoothing);
    r->eureka = thm_eureka_begin(marks.cap, marks.smoothed_floor);
    o.seed = seed;
    o.config.heads = HEADS;
    for (int l = 0; l < o.config.depth; l++) {
        o.config.attention[l] = kind;
    }
    status = thm_trainer_alloc(&o, r->task, &r->trainer, msg);
    if (status == THM_OK) {
        status =
            thm_instruments_alloc(r->trainer, r->task, PROBE, &r->instruments);
    }
    return status;
}

/* The mean of a column over a layer's heads. */
static double mean_of(const thm_instruments *in, int layer, int column)
{
    double sum = 0.0;
    for (int h = 0; h < HEADS; h++) {
        sum += thm_instruments_row(in, layer, h)[column];
    }
    return sum / HEADS;
}

static thm_status put_row(run *r, int arm, double loss, thm_tsv *tsv,
                          thm_message *msg)
{
    const thm_trainer_options *o = thm_trainer_options_of(r->trainer);
    const thm_task_marks marks =
        thm_task_marks_of(r->task, THM_SPLIT_TEST, o->smoothing);
    const long step = thm_trainer_steps(r->trainer);
    thm_evaluation e;
    thm_status status =
        thm_trainer_evaluate(r->trainer, step, EVALUATION, &e, msg);
    if (status == THM_OK) {
        status = thm_instruments_read(r->instruments, r->trainer, msg);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_eureka_accuracy(&r->eureka, step, e.accuracy);
    const thm_instruments *in = r->instruments;
    const double row[COLUMNS] = {arm,
                                 (double)o->seed,
                                 (double)step,
                                 loss,
                                 e.accuracy,
                                 e.wrong_target,
                                 mean_of(in, 0, THM_INSTRUMENT_GRAD_Q) /
                                     mean_of(in, 0, THM_INSTRUMENT_GRAD_V),
                                 mean_of(in, 1, THM_INSTRUMENT_GRAD_Q) /
                                     mean_of(in, 1, THM_INSTRUMENT_GRAD_V),
                                 mean_of(in, 0, THM_INSTRUMENT_ENTROPY),
                                 mean_of(in, 1, THM_INSTRUMENT_ENTROPY),
                                 mean_of(in, 0, THM_INSTRUMENT_TO_INDICATORS),
                                 mean_of(in, 1, THM_INSTRUMENT_CLS_CHOSEN),
                                 mean_of(in, 1, THM_INSTRUMENT_CLS_OTHER),
                                 marks.cap,
                                 marks.smoothed_floor,
                                 marks.perfect};
    thm_tsv_row(tsv, row);
    return THM_OK;
}

static bool ended(const run *r, int step)
{
    return r->eureka.step >= 0 && step > r->eureka.step + AFTER;
}

static thm_status train(int arm, uint64_t seed, thm_tsv *tsv, thm_message *msg)
{
    const double keep = 1.0 - 1.0 / WINDOW;
    double sum = 0.0, weight = 0.0;
    run r;
    thm_status status = open_run(arms[arm], seed, &r, msg);
    for (int step = 1; step <= STEPS && status == THM_OK && !ended(&r, step);
         step++) {
        thm_vit_score score;
        status = thm_trainer_step(r.trainer, &score, msg);
        if (status == THM_OK) {
            sum = keep * sum + score.loss;
            weight = keep * weight + 1.0;
        }
        if (status == THM_OK && step % EVERY == 0) {
            status = put_row(&r, arm, sum / weight, tsv, msg);
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
    static const experiment moments = {
        .name = "eureka-moments",
        .purpose = "Trains the two-step task on tokens with softmax and with "
                   "NormSoftmax.",
        .draws = 2,
        .min_draws = 1,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_runs};
    return experiment_main(argc, argv, &moments);
}
