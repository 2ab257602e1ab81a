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
#include "vit/eureka.h"

void run_history_free(run_history *h)
{
    free(h->rows);
    *h = (run_history){0};
}

static thm_status add_row(run_history *h, const run_row *row)
{
    if (h->count == h->room) {
        const int room = h->room ? 2 * h->room : 64;
        run_row *rows = realloc(h->rows, sizeof *rows * (size_t)room);
        if (!rows) {
            return THM_ENOMEM;
        }
        h->rows = rows;
        h->room = room;
    }
    h->rows[h->count++] = *row;
    return THM_OK;
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
static thm_status evaluate(const run_request *q, thm_trainer *t, run_history *h,
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
    return status;
}

/* ---- files ---------------------------------------------------------------
 */

static thm_status write_series(const char *dir, const run_history *h,
                               thm_message *msg)
{
    static const thm_tsv_column columns[RUN_COLUMNS] = {
        {"step", "1"},         {"lr", "1"},
        {"scale", "1"},        {"train loss", "nat"},
        {"test loss", "nat"},  {"test accuracy", "1"},
        {"wrong target", "1"}, {"steps averaged", "1"}};
    char *path = thm_path_join(dir, "train.tsv");
    thm_tsv *tsv = NULL;
    thm_status status =
        path ? thm_tsv_begin(path, RUN_COLUMNS, columns, &tsv, msg)
             : THM_ENOMEM;
    for (int r = 0; status == THM_OK && r < h->count; r++) {
        double values[RUN_COLUMNS];
        memcpy(values, &h->rows[r], sizeof values);
        thm_tsv_row(tsv, values);
    }
    if (status == THM_OK) {
        status = thm_tsv_commit(tsv, msg);
    }
    free(path);
    return status;
}

/* The history of a checkpoint ends with the row that is not closed yet. */
static thm_status save(const char *dir, const thm_trainer *t, run_history *h,
                       thm_message *msg)
{
    const run_row open = row_at(t, h);
    char *path = thm_path_join(dir, "checkpoint.safetensors");
    thm_status status = path ? add_row(h, &open) : THM_ENOMEM;
    if (status == THM_OK) {
        double *numbers = malloc(sizeof *h->rows * (size_t)h->count);
        status = THM_ENOMEM;
        if (numbers) {
            memcpy(numbers, h->rows, sizeof *h->rows * (size_t)h->count);
            /* the sum itself: a mean would not give it back to the bit */
            numbers[(size_t)h->count * RUN_COLUMNS - RUN_COLUMNS + 3] =
                h->loss_sum;
            status =
                thm_trainer_save(t, path, h->count, RUN_COLUMNS, numbers, msg);
        }
        free(numbers);
        h->count--;
    }
    free(path);
    return status == THM_OK ? write_series(dir, h, msg) : status;
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
        numbers.shape[1] != RUN_COLUMNS) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: history: expected rows of %d numbers", path,
                          RUN_COLUMNS);
    }
    const size_t rows = numbers.shape[0];
    for (size_t r = 0; status == THM_OK && r < rows; r++) {
        run_row row;
        memcpy(&row, numbers.data + r * RUN_COLUMNS, sizeof row);
        if (r + 1 < rows) {
            status = add_row(h, &row);
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
        thm_eureka_accuracy(&eureka, (long)h->rows[k].step,
                            h->rows[k].accuracy);
    }
    r->eureka_step = eureka.step;
    r->train_loss = h->count ? h->rows[h->count - 1].loss : (double)NAN;
    r->accuracy = h->count ? h->rows[h->count - 1].accuracy : (double)NAN;
    r->samples_per_second =
        seconds > 0.0 ? (double)done * o->batch / seconds : (double)NAN;
    thm_checksum(sizeof(float) * (size_t)thm_trainer_layout(t)->total,
                 thm_trainer_params(t), r->params);
}

static thm_status step_once(const run_request *q, thm_trainer *t,
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
        status = evaluate(q, t, h, msg);
    }
    if (status == THM_OK && q->out &&
        (step % q->checkpoint == 0 || step == q->steps)) {
        status = save(q->out, t, h, msg);
    }
    return status;
}

thm_status run_train(const run_request *q, const thm_task *task, thm_trainer *t,
                     run_history *h, run_result *result, thm_message *msg)
{
    thm_status status = q->out ? thm_dir_make(q->out, msg) : THM_OK;
    if (status == THM_OK && q->resume) {
        status = resume(q, t, h, msg);
    }
    if (status == THM_OK && thm_trainer_steps(t) == 0 && h->count == 0) {
        status = evaluate(q, t, h, msg);
    }
    const long first = thm_trainer_steps(t);
    const double begin = thm_seconds();
    thm_progress progress = thm_progress_begin(
        q->progress && isatty(STDERR_FILENO) ? stderr : NULL, "steps");
    while (status == THM_OK && thm_trainer_steps(t) < q->steps &&
           !start_interrupted()) {
        status = step_once(q, t, h, msg);
        thm_progress_update(&progress, thm_trainer_steps(t), q->steps);
    }
    thm_progress_end(&progress);
    if (status == THM_OK && start_interrupted()) {
        if (q->out) {
            status = save(q->out, t, h, msg);
        }
        return status == THM_OK ? THM_EINTERRUPTED : status;
    }
    if (status == THM_OK) {
        summarise(task, t, h, thm_seconds() - begin,
                  thm_trainer_steps(t) - first, result);
    }
    return status;
}
