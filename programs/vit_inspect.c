/* vit-inspect: measures a trained transformer, its own or timm's, on given
 * pictures or on a task's samples: per layer and head attention, Jacobians,
 * weights, the rank of B; maps of attention and gradients. */
#include <stdlib.h>

#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/start.h"
#include "programs/vit_inspect/inspect.h"

/* Rows and maps, and what was asked to be made of them. */
static thm_status inspect(const inspect_request *q, const thm_vit_weights *w, inspect_probe *p,
                          thm_vit32 *work, double *rows, thm_vit_maps *maps,
                          thm_message *msg)
{
    const thm_vit_config *c = &w->record.config;
    const thm_vit_pass pass = {.config = c,
                               .model = work,
                               .samples = p->batch.count,
                               .scale = w->record.scale};
    const int drawn =
        q->map_samples < pass.samples ? q->map_samples : pass.samples;
    const int stacked = q->rank_samples > 0
                            ? q->rank_samples
                            : thm_vit_rank_samples(c, pass.samples);
    const inspection in = {.request = q,
                           .weights = w,
                           .probe = p,
                           .rows = rows,
                           .maps = maps};
    if (stacked > pass.samples) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--rank-samples: expected at most the %d samples that "
                        "there are, found %d",
                        pass.samples, stacked);
    }
    thm_status status =
        thm_vit_inspect(&pass, &w->layout, w->params, stacked, rows);
    if (status == THM_OK) {
        status = thm_vit_maps_read(c, work, w->params, drawn, maps);
    }
    if (status == THM_OK && q->common.out) {
        status = keep_inspection(q->common.out, &in, msg);
    }
    if (status == THM_OK && q->maps) {
        status = thm_vit_maps_write(q->maps, maps, c, p->batch.x, msg);
    }
    if (status == THM_OK && q->figure) {
        status = draw_maps(&in, msg);
    }
    return status == THM_OK
               ? print_inspection(stdout, &in, start_table(&q->common))
               : status;
}

static thm_status write_record(const char *dir, const inspect_probe *p,
                               double seconds, thm_message *msg)
{
    const thm_run run = {.options = &ask_options,
                         .seed = p->seed,
                         .isa = thm_isa_text(thm_isa_detect()),
                         .blas_core = thm_blas_core(),
                         .threads = 1,
                         .wall_seconds = seconds,
                         .data = p->data};
    return thm_run_write(dir, &run, msg);
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    thm_vit_weights weights = {0};
    inspect_probe probe = {0};
    thm_vit_maps maps = {0};
    thm_vit32 *work = NULL;
    double *rows = NULL;
    start_program(argv);
    start_options(&ask_options, argc, argv);
    inspect_request asked, *q = &asked;
    thm_status status = ask_request(q, &msg);
    if (status == THM_OK) {
        status = thm_vit_weights_read(q->file, q->heads, &weights, &msg);
    }
    if (status == THM_OK) {
        status = probe_open(q, &weights, &probe, &msg);
    }
    if (status == THM_OK) {
        const thm_vit_config *c = &weights.record.config;
        rows = calloc((size_t)c->depth * (size_t)c->heads,
                      sizeof *rows * THM_VIT_INSPECT);
        status = rows ? probe_run(&probe, &weights, &work, &msg) : THM_ENOMEM;
    }
    if (status == THM_OK) {
        status = inspect(q, &weights, &probe, work, rows, &maps, &msg);
    }
    if (status == THM_OK && q->common.out) {
        status = write_record(q->common.out, &probe, thm_seconds() - begin, &msg);
    }
    free(rows);
    thm_vit32_free(work);
    thm_vit_maps_free(&maps);
    probe_free(&probe);
    thm_vit_weights_free(&weights);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(START_HOLDS);
}
