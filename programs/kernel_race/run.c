/* The lines of the race: see race.h. */
#include "programs/kernel_race/race.h"

#include <inttypes.h>
#include <stdlib.h>
#include "core/file.h"
#include "core/version.h"
#include "programs/start.h"
#include "sweep/sweep.h"

static thm_status run_line(int index, double *rows, thm_message *msg, void *ctx)
{
    const race_plan *plan = ctx;
    const race_line line = race_line_at(plan, index);
    thm_status status = THM_OK;
    (void)msg;
    for (int q = 0; q < plan->queries && status == THM_OK; q++) {
        status = race_query(plan, &line, q, rows + (size_t)q * QUERY_VALUES);
    }
    return status;
}

static bool stop(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

thm_status race_sweep(const race_plan *plan, const race_run *run, double **rows,
                      int *missing, thm_message *msg)
{
    const int lines = race_lines(plan);
    const size_t values = (size_t)plan->queries * QUERY_VALUES;
    thm_progress bar = thm_progress_begin(run->progress, "lines");
    thm_sweep_count count = {0};
    thm_status status = THM_OK;
    char text[512], *folder = NULL;
    const int *s = plan->shape;
    snprintf(
        text, sizeof text,
        "version %s\nisa %s\nblas_core %s\nshape %d,%d,%d\nqueries %d\n"
        "starts %d\ngd_steps %d\nlm_steps %d\nkernel_scale %.40s\nseed %" PRIu64
        "\n",
        THM_VERSION, run->isa, run->blas_core, s ? s[0] : 0, s ? s[1] : 0,
        s ? s[2] : 0, plan->queries, plan->starts, plan->gd_steps,
        plan->lm_steps, plan->kernel_scale ? plan->kernel_scale : "-",
        plan->seed);
    if (run->dir) {
        folder = thm_path_join(run->dir, "kernel-race.lines");
    }
    *rows = calloc((size_t)lines * values, sizeof **rows);
    if (!*rows || (run->dir && !folder)) {
        status = THM_ENOMEM;
    }
    const thm_sweep sweep = {.folder = folder,
                             .plan = text,
                             .cases = lines,
                             .values = (int)values,
                             .shard = run->shard,
                             .shards = run->shards,
                             .threads = run->threads,
                             .run = run_line,
                             .stop = stop,
                             .ctx = (void *)plan,
                             .progress = &bar};
    if (status == THM_OK) {
        status = thm_sweep_run(&sweep, *rows, &count, msg);
    }
    thm_progress_end(&bar);
    *missing = count.missing;
    if (status == THM_OK && run->dir && count.missing == 0) {
        status = race_save(run->dir, plan, *rows, msg);
        /* other shards may still be reading */
        if (status == THM_OK && run->shards == 1) {
            thm_sweep_remove(&sweep);
        }
    }
    free(folder);
    return status;
}
