/* Pathfinder: pictures made by pathfinder.h, cut into patches.
 *
 * No mark is known but that of a perfect network: how far apart the discs are
 * says something of the label, so that 1/2 is no cap without tracing. */
#include <math.h>
#include <stdlib.h>

#include "vit/pathfinder.h"
#include "vit/task_inside.h"

static thm_status open_pathfinder(thm_task *task, thm_message *msg)
{
    const int size = task->options.size, patch = task->options.patch;
    const thm_pathfinder *kind = thm_pathfinder_of(size);
    if (kind == NULL) {
        return thm_fail(THM_EDOMAIN, msg,
                        "size: expected 32, 64 or 128, found %d", size);
    }
    if (patch < 1 || size % patch != 0) {
        return thm_fail(THM_EDOMAIN, msg,
                        "patch: expected a divisor of %d, the side of a "
                        "picture, found %d",
                        size, patch);
    }
    task->labelled = task->certain = true;
    task->patch = patch;
    thm_vit_config *c = &task->config;
    c->tokens = size / patch * (size / patch);
    c->features = patch * patch;
    c->outputs = 2;
    c->width = 64;
    c->heads = 4;
    c->head_width = 16;
    c->depth = 3;
    c->mlp_width = 128;
    c->weight_std = 0.32 / sqrt(c->width); /* as the other pictures' models */
    return THM_OK;
}

static void draw_pathfinder(const thm_task *task, const thm_task_at *at,
                            int first, int count, thm_samples *s)
{
    const thm_pathfinder *kind = thm_pathfinder_of(task->options.size);
    const int size = kind->size, patch = task->options.patch;
    float pixels[128 * 128]; /* the largest kind's */
    thm_pathfinder_scene scene;
    for (int i = 0; i < count; i++) {
        thm_rng rng = thm_task_rng(at, first + i);
        thm_pathfinder_draw(kind, &rng, &scene);
        thm_pathfinder_render(kind, &scene, pixels);
        float *x = s->x + (ptrdiff_t)i * size * size;
        for (int k = 0; k < size * size; k++) {
            const int row = k / size, col = k % size;
            const int token = row / patch * (size / patch) + col / patch;
            x[token * patch * patch + row % patch * patch + col % patch] =
                pixels[k];
        }
        s->labels[i] = scene.joined;
    }
}

const thm_task_family thm_task_pathfinder = {.open = open_pathfinder,
                                             .draw = draw_pathfinder};
