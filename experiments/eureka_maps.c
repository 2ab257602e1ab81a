/* Where attention goes before and after a Eureka-moment: the two-step task on
 * tokens under NormSoftmax (standard deviation), at the last evaluation before
 * the moment and AFTER steps beyond it, and under softmax with the same start
 * and samples at that last step (paper-notes/hoffmann2024.md, "Definitions").
 *
 * A moment, the first evaluation above the cap and its margin with the next: of
 * EVALUATION fresh samples every EVERY steps.  Rows as vit/maps.h has them, for
 * the first SAMPLES samples of the instruments' probe, behind the run, the
 * step, the accuracy and the place of the target that gives the label (the CLS
 * is token 0). */
#include <math.h>
#include <stdlib.h>

#include "experiments/experiment.h"
#include "programs/start.h"
#include "vit/eureka.h"
#include "vit/instruments.h"
#include "vit/maps.h"

enum { STEPS = 10000, AFTER = 100, EVERY = 50, EVALUATION = 512, SAMPLES = 4 };
enum { OWN = 4, COLUMNS = OWN + THM_VIT_MAPS_COLUMNS };

static const thm_tsv_column columns[COLUMNS] = {{"run", "1"},
                                                {"step", "1"},
                                                {"accuracy", "1"},
                                                {"chosen", "1"},
#define COLUMN_NAMES(id, name, unit) {name, unit},
                                                THM_VIT_MAPS_TABLE(COLUMN_NAMES)
#undef COLUMN_NAMES
};

typedef struct {
    thm_task *task;
    thm_trainer *trainer;
    thm_vit32 *work;
    thm_samples probe;
    float *gradient;
    thm_eureka eureka;
    double accuracy; /* of the last evaluation */
} run;

/* The maps of a moment. */
typedef struct {
    thm_vit_maps maps;
    long step;
    double accuracy;
} picture;

static void close_run(run *r)
{
    thm_vit32_free(r->work);
    thm_samples_free(&r->probe);
    free(r->gradient);
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
    for (int l = 0; l < o.config.depth; l++) {
        o.config.attention[l] = kind;
    }
    status = thm_trainer_alloc(&o, r->task, &r->trainer, msg);
    if (status == THM_OK) {
        status = thm_vit32_alloc(&o.config, SAMPLES, &r->work);
    }
    if (status == THM_OK) {
        status = thm_samples_alloc(r->task, SAMPLES, &r->probe);
    }
    if (status == THM_OK) {
        const size_t total = (size_t)thm_trainer_layout(r->trainer)->total;
        r->gradient = calloc(total, sizeof *r->gradient);
        status = r->gradient ? THM_OK : THM_ENOMEM;
    }
    return status;
}

/* *p <- the present maps. */
static thm_status look(run *r, picture *p, thm_message *msg)
{
    thm_vit_score score;
    thm_vit_maps maps;
    thm_status status =
        thm_trainer_probe(r->trainer, THM_INSTRUMENTS_DRAW, 0, SAMPLES, r->work,
                          &r->probe, r->gradient, &score, msg);
    if (status == THM_OK) {
        status = thm_vit_maps_read(&thm_trainer_options_of(r->trainer)->config,
                                   r->work, thm_trainer_params(r->trainer),
                                   SAMPLES, &maps);
    }
    if (status == THM_OK) {
        thm_vit_maps_free(&p->maps);
        *p = (picture){.maps = maps,
                       .step = thm_trainer_steps(r->trainer),
                       .accuracy = r->accuracy};
    }
    return status;
}

static thm_status evaluate(run *r, thm_message *msg)
{
    const long step = thm_trainer_steps(r->trainer);
    thm_evaluation e;
    const thm_status status =
        thm_trainer_evaluate(r->trainer, step, EVALUATION, &e, msg);
    if (status == THM_OK) {
        r->accuracy = e.accuracy;
        thm_eureka_accuracy(&r->eureka, step, e.accuracy);
    }
    return status;
}

/* Trains to step `last`, or, last < 0, to AFTER steps beyond the moment; the
 * maps of the last evaluation below the cap and its margin go to *before. */
static thm_status train(run *r, long last, picture *before, thm_message *msg)
{
    thm_status status = THM_OK;
    long end = last < 0 ? STEPS : last;
    while (status == THM_OK && thm_trainer_steps(r->trainer) < end) {
        thm_vit_score score;
        status = thm_trainer_step(r->trainer, &score, msg);
        const long step = thm_trainer_steps(r->trainer);
        if (status == THM_OK && step % EVERY == 0) {
            status = evaluate(r, msg);
            if (status == THM_OK && last < 0 && r->eureka.step < 0 &&
                !r->eureka.above) {
                status = look(r, before, msg);
            }
        }
        if (last < 0 && r->eureka.step >= 0) {
            end = r->eureka.step + AFTER;
        }
        if (start_interrupted()) {
            status = THM_EINTERRUPTED;
        }
    }
    return status;
}

/* Where rows go, and what stands before them. */
typedef struct {
    thm_tsv *tsv;
    const picture *picture;
    const uint8_t *roles;
    int run, tokens;
} sink;

static void put_row(const double *row, void *ctx)
{
    const sink *to = ctx;
    double all[COLUMNS] = {to->run, (double)to->picture->step,
                           to->picture->accuracy, (double)NAN};
    if (!row) {
        thm_tsv_break(to->tsv);
        thm_tsv_break(to->tsv);
        return;
    }
    const uint8_t *roles =
        to->roles + (size_t)row[THM_VIT_MAPS_SAMPLE] * (size_t)to->tokens;
    for (int t = 0; t < to->tokens; t++) {
        all[OWN - 1] = roles[t] == THM_ROLE_CHOSEN ? t + 1 : all[OWN - 1];
    }
    for (int k = 0; k < THM_VIT_MAPS_COLUMNS; k++) {
        all[OWN + k] = row[k];
    }
    thm_tsv_row(to->tsv, all);
}

static thm_status put(const run *r, int number, const picture *p, thm_tsv *tsv)
{
    const thm_vit_config *c = &thm_trainer_options_of(r->trainer)->config;
    const thm_vit_grid grid = thm_vit_grid_of(c, thm_task_patch(r->task));
    sink to = {.tsv = tsv,
               .picture = p,
               .roles = r->probe.roles,
               .run = number,
               .tokens = c->tokens};
    return thm_vit_maps_rows(&p->maps, &grid, c, r->probe.x, put_row, &to);
}

static thm_status write_maps(uint64_t seed, int draws, thm_tsv *tsv,
                             thm_message *msg)
{
    picture before = {0}, after = {0}, vanilla = {0};
    run with, without = {0};
    (void)draws; /* one pair of runs */
    thm_status status = open_run(THM_VIT_NORMSOFTMAX_STD, seed, &with, msg);
    if (status == THM_OK) {
        status = train(&with, -1, &before, msg);
    }
    if (status == THM_OK) {
        status = look(&with, &after, msg);
    }
    if (status == THM_OK) {
        status = open_run(THM_VIT_SOFTMAX, seed, &without, msg);
    }
    if (status == THM_OK) {
        status = train(&without, after.step, NULL, msg);
    }
    if (status == THM_OK) {
        status = look(&without, &vanilla, msg);
    }
    /* no evaluation below the cap: no moment to show a plateau before */
    if (status == THM_OK && before.step > 0) {
        status = put(&with, 0, &before, tsv);
    }
    if (status == THM_OK) {
        status = put(&with, 1, &after, tsv);
    }
    if (status == THM_OK) {
        status = put(&without, 2, &vanilla, tsv);
    }
    thm_vit_maps_free(&before.maps);
    thm_vit_maps_free(&after.maps);
    thm_vit_maps_free(&vanilla.maps);
    close_run(&with);
    close_run(&without);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment maps = {
        .name = "eureka-maps",
        .purpose = "Maps of attention before and after a Eureka-moment, and "
                   "where there was none.",
        .draws = 1,
        .min_draws = 1,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_maps};
    return experiment_main(argc, argv, &maps);
}
