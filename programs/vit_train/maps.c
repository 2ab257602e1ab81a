/* Maps of vit-train on request: see maps.h. */
#include "programs/vit_train/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "vit/instruments.h"
#include "vit/maps.h"

/* The number that the list begins with; *rest behind it and its comma, NULL at
 * the end.  -1: no such number. */
static long next_step(const char *list, const char **rest)
{
    char *end;
    if (!(*list >= '0' && *list <= '9')) {
        return -1;
    }
    errno = 0;
    const long step = strtol(list, &end, 10);
    if (errno != 0 || (*end != ',' && *end != '\0')) {
        return -1;
    }
    *rest = *end == ',' ? end + 1 : NULL;
    return step;
}

thm_status maps_check(const char *list, thm_message *msg)
{
    for (const char *at = list; at;) {
        if (next_step(at, &at) < 0) {
            return thm_fail(THM_EDOMAIN, msg,
                            "--maps-at: expected steps like 0,500,1000, found "
                            "\"%s\"",
                            list);
        }
    }
    return THM_OK;
}

bool maps_due(const char *list, long step)
{
    for (const char *at = list; at;) {
        if (next_step(at, &at) == step) {
            return true;
        }
    }
    return false;
}

/* dir/maps-STEP.suffix; NULL if out of memory. */
static char *path_of(const char *dir, long step, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "maps-%ld.%s", step, suffix);
    return thm_path_join(dir, name);
}

static thm_status keep(const char *dir, const thm_task *task,
                       const thm_trainer *t, const thm_vit_maps *maps,
                       const float *input, thm_message *msg)
{
    const thm_vit_config *c = &thm_trainer_options_of(t)->config;
    const long step = thm_trainer_steps(t);
    const thm_vit_grid grid = thm_vit_grid_of(c, thm_task_patch(task));
    char *tensors = path_of(dir, step, "safetensors"),
         *series = path_of(dir, step, "tsv");
    thm_status status = tensors && series ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_vit_maps_write(tensors, maps, c, input, msg);
    }
    if (status == THM_OK) {
        status = thm_vit_maps_series(series, maps, &grid, c, input, msg);
    }
    free(tensors);
    free(series);
    return status;
}

thm_status maps_write(const char *dir, const thm_task *task,
                      const thm_trainer *t, thm_message *msg)
{
    const thm_trainer_options *o = thm_trainer_options_of(t);
    const size_t total = (size_t)thm_trainer_layout(t)->total;
    thm_vit32 *work = NULL;
    thm_samples samples = {0};
    thm_vit_maps maps = {0};
    thm_vit_score score;
    float *gradient = calloc(total, sizeof *gradient);
    thm_status status = gradient ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_vit32_alloc(&o->config, MAPS_SAMPLES, &work);
    }
    if (status == THM_OK) {
        thm_vit32_use(work, o->isa);
        status = thm_samples_alloc(task, MAPS_SAMPLES, &samples);
    }
    if (status == THM_OK) {
        status = thm_trainer_probe(t, THM_INSTRUMENTS_DRAW, 0, MAPS_SAMPLES,
                                   work, &samples, gradient, &score, msg);
    }
    if (status == THM_OK) {
        status = thm_vit_maps_read(&o->config, work, thm_trainer_params(t),
                                   MAPS_SAMPLES, &maps);
    }
    if (status == THM_OK) {
        status = keep(dir, task, t, &maps, samples.batch.x, msg);
    }
    thm_vit_maps_free(&maps);
    thm_samples_free(&samples);
    thm_vit32_free(work);
    free(gradient);
    return status;
}
