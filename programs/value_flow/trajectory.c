/* The trajectory of value-flow as a table, and its last state as tensors. */
#include "programs/value_flow/flow.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/file.h"
#include "core/progress.h"
#include "core/tsv.h"

enum { FIXED = 7, SHOWN = 64 }; /* columns; p is shown up to this n */

typedef struct {
    const flow_problem *problem;
    thm_tsv *tsv;
    double *row;         /* (FIXED + n) */
    char name[SHOWN][8]; /* of the columns of p */
    thm_progress progress;
    int done;
} trajectory;

static thm_status trajectory_begin(const flow_problem *problem,
                                   trajectory **out, thm_message *msg)
{
    thm_tsv_column columns[FIXED + SHOWN] = {
        {"t", "1"},       {"loss", "1"},   {"entropy", "nat"}, {"p_max", "1"},
        {"1-p_max", "1"}, {"winner", "1"}, {"|g|", "1"}};
    const flow_request *r = problem->request;
    const int shown = problem->n <= SHOWN ? problem->n : 0;
    trajectory *t = calloc(1, sizeof *t);
    char *path = thm_path_join(r->common.out, "trajectory.tsv");
    thm_status status = THM_ENOMEM;
    if (t == NULL || path == NULL) {
        goto done;
    }
    t->problem = problem;
    t->row = malloc((size_t)(FIXED + problem->n) * sizeof *t->row);
    t->progress = thm_progress_begin(
        !r->common.quiet && isatty(STDERR_FILENO) ? stderr : NULL, "samples");
    if (t->row == NULL) {
        goto done;
    }
    for (int i = 0; i < shown; i++) {
        snprintf(t->name[i], sizeof t->name[i], "p_%d", i);
        columns[FIXED + i] = (thm_tsv_column){t->name[i], "1"};
    }
    status = thm_tsv_begin(path, FIXED + shown, columns, &t->tsv, msg);
done:
    free(path);
    if (status == THM_OK) {
        *out = t;
    } else if (t != NULL) {
        free(t->row);
        free(t);
    }
    return status;
}

static thm_status sample(double time, const double *x, void *ctx)
{
    trajectory *t = ctx;
    thm_value_state state;
    thm_status status =
        thm_value_flow_look(t->problem->flow, x, &state, t->row + FIXED, NULL);
    if (status != THM_OK) {
        return status;
    }
    const double fixed[FIXED] = {time,          state.loss,   state.entropy,
                                 state.p_max,   state.others, state.winner,
                                 state.gradient};
    for (int i = 0; i < FIXED; i++) {
        t->row[i] = fixed[i];
    }
    thm_tsv_row(t->tsv, t->row);
    thm_progress_update(&t->progress, t->done++, t->problem->request->samples);
    return THM_OK;
}

static thm_status trajectory_end(trajectory *t, thm_status status,
                                 thm_message *msg)
{
    thm_progress_end(&t->progress);
    if (status == THM_OK) {
        status = thm_tsv_commit(t->tsv, msg);
    } else {
        thm_tsv_abort(t->tsv);
    }
    free(t->row);
    free(t);
    return status;
}

static thm_status save(const flow_problem *f, const flow_result *result,
                       thm_message *msg)
{
    const size_t d = (size_t)f->d, n = (size_t)f->n;
    thm_value_state state;
    double *p = malloc(n * sizeof *p);
    char *path = thm_path_join(f->request->common.out, "state.safetensors");
    thm_status status =
        p == NULL || path == NULL
            ? THM_ENOMEM
            : thm_value_flow_look(f->flow, result->x, &state, p, NULL);
    if (status == THM_OK) {
        const thm_tensor_out out[] = {
            {.name = "V", .ndim = 2, .shape = {d, n}, .data = result->x},
            {.name = "a", .ndim = 1, .shape = {n}, .data = result->x + d * n},
            {.name = "p", .ndim = 1, .shape = {n}, .data = p}};
        status = thm_tensor_write(path, 3, out, msg);
    }
    free(path);
    free(p);
    return status;
}

thm_status flow_run_and_keep(const flow_problem *problem, flow_result *result,
                             thm_message *msg)
{
    const char *out = problem->request->common.out;
    trajectory *t = NULL;
    if (out == NULL) {
        return flow_run(problem, NULL, NULL, result, msg);
    }
    thm_status status = thm_dir_make(out, msg);
    if (status == THM_OK) {
        status = trajectory_begin(problem, &t, msg);
    }
    if (status == THM_OK) {
        status = flow_run(problem, sample, t, result, msg);
        status = trajectory_end(t, status, msg);
    }
    return status == THM_OK ? save(problem, result, msg) : status;
}
