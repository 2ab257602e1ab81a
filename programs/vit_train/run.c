/* The loop of vit-train: see run.h. */
#include "programs/vit_train/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/progress.h"
#include "core/tsv.h"
#include "io/tensor.h"
#include "programs/start.h"
#include "programs/vit_train/maps.h"
#include "vit/eureka.h"
#include "vit/instruments.h"

void run_history_free(run_history *h)
{
    free(h->numbers);
    *h = (run_history){0};
}

run_row run_history_row(const run_history *h, int r)
{
    run_row row;
    memcpy(&row, h->numbers + (size_t)r * (size_t)h->cols, sizeof row);
    return row;
}

/* A row of these numbers and, of the instruments, NaN. */
static thm_status add_row(run_history *h, const run_row *row)
{
    if (h->count == h->room) {
        const int room = h->room ? 2 * h->room : 64;
        double *numbers = realloc(h->numbers, sizeof *numbers * (size_t)room *
                                                  (size_t)h->cols);
        if (!numbers) {
            return THM_ENOMEM;
        }
        h->numbers = numbers;
        h->room = room;
    }
    double *to = h->numbers + (size_t)h->count++ * (size_t)h->cols;
    memcpy(to, row, sizeof *row);
    for (int c = RUN_ROW; c < h->cols; c++) {
        to[c] = (double)NAN;
    }
    return THM_OK;
}

/* Into the last row. */
static thm_status read_instruments(thm_instruments *probe, const thm_trainer *t,
                                   run_history *h, thm_message *msg)
{
    const thm_vit_config *c = &thm_trainer_options_of(t)->config;
    const thm_status status = thm_instruments_read(probe, t, msg);
    double *to =
        h->numbers + (size_t)(h->count - 1) * (size_t)h->cols + RUN_ROW;
    for (int k = 0; status == THM_OK && k < c->depth * c->heads; k++) {
        memcpy(to + (size_t)k * THM_INSTRUMENTS,
               thm_instruments_row(probe, k / c->heads, k % c->heads),
               sizeof *to * THM_INSTRUMENTS);
    }
    return status;
}

static run_row row_at(const thm_trainer *t, const run_history *h)
{
    const long step = thm_trainer_steps(t);
    return (run_row){
        .step = (double)step,
        .lr = thm_optimiser_lr(&thm_trainer_options_of(t)->optimiser, step),
        .scale = thm_trainer_scale(t),
        .loss = h->loss_count ? h->loss_sum / h->loss_count : (double)NAN,
        .test_loss = (double)NAN,
        .accuracy = (double)NAN,
        .wrong_target = (double)NAN,
        .count = h->loss_count};
}

/* Closes a row of the history with an evaluation, always of the same samples
 * for the same step. */
static thm_status evaluate(const run_request *q, thm_trainer *t,
                           thm_instruments *probe, run_history *h,
                           thm_message *msg)
{
    thm_evaluation e;
    run_row row = row_at(t, h);
    thm_status status =
        thm_trainer_evaluate(t, thm_trainer_steps(t), q->samples, &e, msg);
    if (status != THM_OK) {
        return status;
    }
    row.test_loss = e.plain_loss;
    row.accuracy = e.accuracy;
    row.wrong_target = e.wrong_target;
    status = add_row(h, &row);
    h->loss_sum = 0.0;
    h->loss_count = 0;
    return status == THM_OK && probe ? read_instruments(probe, t, h, msg)
                                     : status;
}

/* ---- files ---------------------------------------------------------------
 */

/* dir/name: `per_row` lines of `cols` numbers for every row of the history. */
static thm_status write_series(const char *dir, const char *name, int first,
                               int per_row, int cols,
                               const thm_tsv_column *columns,
                               const run_history *h, thm_message *msg)
{
    char *path = thm_path_join(dir, name);
    thm_tsv *tsv = NULL;
    thm_status status =
        path ? thm_tsv_begin(path, cols, columns, &tsv, msg) : THM_ENOMEM;
    for (int r = 0; status == THM_OK && r < h->count; r++) {
        const double *row = h->numbers + (size_t)r * (size_t)h->cols + first;
        for (int k = 0; k < per_row; k++) {
            thm_tsv_row(tsv, row + (size_t)k * (size_t)cols);
        }
    }
    if (status == THM_OK) {
        status = thm_tsv_commit(tsv, msg);
    }
    free(path);
    return status;
}

static thm_status write_history(const char *dir, const run_history *h,
                                thm_message *msg)
{
    static const thm_tsv_column columns[RUN_ROW] = {
        {"step", "1"},         {"lr", "1"},
        {"scale", "1"},        {"train_loss", "nat"},
        {"test_loss", "nat"},  {"test_accuracy", "1"},
        {"wrong_target", "1"}, {"steps_averaged", "1"}};
    const int heads = (h->cols - RUN_ROW) / THM_INSTRUMENTS;
    thm_status status =
        write_series(dir, "train.tsv", 0, 1, RUN_ROW, columns, h, msg);
    if (status == THM_OK && heads > 0) {
        status = write_series(dir, "instruments.tsv", RUN_ROW, heads,
                              THM_INSTRUMENTS, thm_instruments_columns, h, msg);
    }
    return status;
}

/* The history of a checkpoint ends with the row that is not closed yet. */
static thm_status save(const char *dir, const thm_trainer *t, run_history *h,
                       thm_message *msg)
{
    run_row open = row_at(t, h);
    open.loss = h->loss_sum;
    char *path = thm_path_join(dir, "checkpoint.safetensors");
    thm_status status = path ? add_row(h, &open) : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_trainer_save(t, path, h->count, h->cols, h->numbers, msg);
        h->count--;
    }
    if (status == THM_OK) {
        h->saved = thm_trainer_steps(t);
    }
    free(path);
    return status == THM_OK ? write_history(dir, h, msg) : status;
}

static thm_status read_history(const char *path, run_history *h,
                               thm_message *msg)
{
    char *spec = NULL;
    const size_t size = strlen(path) + sizeof ":history";
    thm_tensor numbers;
    thm_status status = THM_ENOMEM;
    spec = malloc(size);
    if (!spec) {
        return status;
    }
    snprintf(spec, size, "%s:history", path);
    status = thm_tensor_read(spec, &numbers, msg);
    free(spec);
    if (status != THM_OK) {
        return status;
    }
    if (numbers.ndim != 2 || numbers.shape[0] < 1 ||
        numbers.shape[1] != (size_t)h->cols) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: history: expected rows of %d numbers (--probe "
                          "as before)",
                          path, h->cols);
    }
    const size_t rows = numbers.shape[0];
    for (size_t r = 0; status == THM_OK && r < rows; r++) {
        run_row row;
        const double *from = numbers.data + r * (size_t)h->cols;
        memcpy(&row, from, sizeof row);
        if (r + 1 < rows) {
            status = add_row(h, &row);
            if (status == THM_OK) {
                memcpy(h->numbers + r * (size_t)h->cols, from,
                       sizeof *from * (size_t)h->cols);
            }
        } else {
            h->loss_sum = row.loss;
            h->loss_count = (int)row.count;
        }
    }
    thm_tensor_free(&numbers);
    return status;
}

/* Goes on where DIR's checkpoint is, from the start if there is none. */
static thm_status resume(const run_request *q, thm_trainer *t, run_history *h,
                         thm_message *msg)
{
    char *path = thm_path_join(q->out, "checkpoint.safetensors");
    thm_status status = path ? THM_OK : THM_ENOMEM;
    if (path && access(path, F_OK) == 0) {
        status = thm_trainer_load(t, path, msg);
        if (status == THM_OK) {
            status = read_history(path, h, msg);
            h->saved = thm_trainer_steps(t);
        }
    }
    free(path);
    return status;
}

/* ---- the loop ------------------------------------------------------------
 */

static void summarise(const thm_task *task, const thm_trainer *t,
                      const run_history *h, double seconds, long done,
                      run_result *r)
{
    const thm_trainer_options *o = thm_trainer_options_of(t);
    const thm_task_marks marks =
        thm_task_marks_of(task, THM_SPLIT_TEST, o->smoothing);
    thm_eureka eureka = thm_eureka_begin(marks.cap, marks.smoothed_floor);
    for (int k = 0; k < h->count; k++) {
        const run_row row = run_history_row(h, k);
        thm_eureka_accuracy(&eureka, (long)row.step, row.accuracy);
        r->train_loss = row.loss;
        r->accuracy = row.accuracy;
    }
    r->eureka_step = eureka.step;
    r->samples_per_second =
        seconds > 0.0 ? (double)done * o->batch / seconds : (double)NAN;
    thm_checksum(sizeof(float) * (size_t)thm_trainer_layout(t)->total,
                 thm_trainer_params(t), r->params);
}

static thm_status step_once(const run_request *q, const thm_task *task,
                            thm_trainer *t, thm_instruments *probe,
                            run_history *h, thm_message *msg)
{
    thm_vit_score score;
    thm_status status = thm_trainer_step(t, &score, msg);
    if (status != THM_OK) {
        return status;
    }
    h->loss_sum += score.loss;
    h->loss_count++;
    const long step = thm_trainer_steps(t);
    if (step % q->evaluate == 0 || step == q->steps) {
        status = evaluate(q, t, probe, h, msg);
    }
    if (status == THM_OK && maps_due(q->maps_at, step)) {
        status = maps_write(q->out, task, t, msg);
    }
    if (status == THM_OK && (step % q->checkpoint == 0 || step == q->steps)) {
        status = save(q->out, t, h, msg);
    }
    return status;
}

/* Of numbers that are not finite: where the last good ones are. */
static void point_back(const run_history *h, thm_message *msg)
{
    const thm_message what = *msg;
    if (h->saved > 0) {
        thm_fail(THM_EDOMAIN, msg, "%s; the last checkpoint is of step %ld",
                 what.text, h->saved);
    } else {
        thm_fail(THM_EDOMAIN, msg, "%s; there is no checkpoint", what.text);
    }
}

/* From where the trainer is to the end, or until interrupted. */
static thm_status loop(const run_request *q, const thm_task *task,
                       thm_trainer *t, thm_instruments *probe, run_history *h,
                       thm_message *msg)
{
    thm_status status = THM_OK;
    thm_progress progress = thm_progress_begin(
        q->progress && isatty(STDERR_FILENO) ? stderr : NULL, "steps");
    while (status == THM_OK && thm_trainer_steps(t) < q->steps &&
           !start_interrupted()) {
        status = step_once(q, task, t, probe, h, msg);
        thm_progress_update(&progress, thm_trainer_steps(t), q->steps);
    }
    thm_progress_end(&progress);
    if (status == THM_EDOMAIN) {
        point_back(h, msg);
    }
    if (status != THM_OK || !start_interrupted()) {
        return status;
    }
    status = save(q->out, t, h, msg);
    return status == THM_OK ? THM_EINTERRUPTED : status;
}

thm_status run_train(const run_request *q, const thm_task *task, thm_trainer *t,
                     run_history *h, run_result *result, thm_message *msg)
{
    const thm_vit_config *c = &thm_trainer_options_of(t)->config;
    thm_instruments *probe = NULL;
    thm_status status = maps_check(q->maps_at, msg);
    if (status == THM_OK) {
        status = thm_dir_make(q->out, msg);
    }
    h->cols = RUN_ROW + (q->probe ? c->depth * c->heads * THM_INSTRUMENTS : 0);
    if (status == THM_OK && q->probe) {
        status = thm_instruments_alloc(t, task, q->probe, &probe);
    }
    if (status == THM_OK && q->resume) {
        status = resume(q, t, h, msg);
    }
    if (status == THM_OK && h->count == 0) {
        status = evaluate(q, t, probe, h, msg);
        if (status == THM_OK && maps_due(q->maps_at, 0)) {
            status = maps_write(q->out, task, t, msg);
        }
    }
    const long first = thm_trainer_steps(t);
    const double begin = thm_seconds();
    if (status == THM_OK) {
        status = loop(q, task, t, probe, h, msg);
    }
    if (status == THM_OK) {
        summarise(task, t, h, thm_seconds() - begin,
                  thm_trainer_steps(t) - first, result);
    }
    thm_instruments_free(probe);
    return status;
}
