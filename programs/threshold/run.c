/* The cells of a threshold sweep: see threshold.h. */
#include "programs/threshold/threshold.h"

#include <stdlib.h>
#include "core/file.h"
#include "programs/start.h"
#include "sweep/sweep.h"

static thm_status run_cell(int index, double *rows, thm_message *msg, void *ctx)
{
    const threshold_plan *plan = ctx;
    const threshold_cell cell = threshold_cell_at(plan, index);
    thm_status status = THM_OK;
    for (int i = 0; i < plan->seeds && status == THM_OK; i++) {
        status = threshold_train_one(plan, &cell, i,
                                     rows + (size_t)i * TRAINED_VALUES, msg);
    }
    return status;
}

static bool stop(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

thm_status threshold_sweep(const threshold_plan *plan, const threshold_run *run,
                           double **rows, int *missing, thm_message *msg)
{
    const int cells = threshold_cells(plan);
    const size_t values = (size_t)plan->seeds * TRAINED_VALUES;
    thm_progress bar = thm_progress_begin(run->progress, "cells");
    thm_sweep_count count = {0};
    char *text = NULL, *folder = NULL;
    thm_status status =
        threshold_plan_text(plan, run->isa, run->blas_core, &text);
    if (status == THM_OK && run->dir) {
        folder = thm_path_join(run->dir, "threshold.cells");
    }
    *rows = calloc((size_t)cells * values, sizeof **rows);
    if (!*rows || (run->dir && !folder)) {
        status = THM_ENOMEM;
    }
    const thm_sweep sweep = {.folder = folder,
                             .plan = text,
                             .cases = cells,
                             .values = (int)values,
                             .shard = run->shard,
                             .shards = run->shards,
                             .threads = run->threads,
                             .run = run_cell,
                             .stop = stop,
                             .ctx = (void *)plan,
                             .progress = &bar};
    if (status == THM_OK) {
        status = thm_sweep_run(&sweep, *rows, &count, msg);
    }
    thm_progress_end(&bar);
    *missing = count.missing;
    if (status == THM_OK && run->dir && count.missing == 0) {
        status = threshold_save(run->dir, plan, *rows, msg);
        /* other shards may still be reading */
        if (status == THM_OK && run->shards == 1) {
            thm_sweep_remove(&sweep);
        }
    }
    free(text);
    free(folder);
    return status;
}
