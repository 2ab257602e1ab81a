/* What the tasks share, and what each brings of its own. */
#ifndef THM_VIT_TASK_INSIDE_H
#define THM_VIT_TASK_INSIDE_H

#include <jansson.h>

#include "core/rng.h"
#include "vit/task.h"

/* A place in the stream of samples. */
typedef struct {
    uint64_t seed;
    thm_split split;
    int64_t step;
} thm_task_at;

typedef struct {
    /* Checks the options, reads the data, fills task's config and flags and, of
     * a two-step task, chance and agree. */
    thm_status (*open)(thm_task *task, thm_message *msg);
    void (*draw)(const thm_task *task, const thm_task_at *at, int first,
                 int count, thm_samples *samples);
    /* NULL if there is no data; close takes half an open. */
    void (*close)(thm_task *task);
    json_t *(*data)(const thm_task *task);
} thm_task_family;

extern const thm_task_family thm_task_tokens, thm_task_images,
    thm_task_sequences, thm_task_pathfinder, thm_task_text_family;

struct thm_task {
    thm_task_options options; /* its strings are not kept            */
    const thm_task_family *family;
    thm_vit_config config;
    bool two_step, one_step;    /* has indicators; they mean nothing    */
    bool labelled, certain;     /* classes, no target vectors; which the
                                   sample always tells                 */
    bool weighted;              /* labels have weights                  */
    double chance[2], agree[2]; /* by split: P(z = 1), P(equal classes) */
    int test_size;              /* 0: endless                           */
    int patch;                  /* of pictures: side in pixels, else 0  */
    void *own;                  /* what the family keeps                */
};

/* The generator of sample `index`: 2^32 draws of its own. */
thm_rng thm_task_rng(const thm_task_at *at, int index);

/* A generator of what all samples of a seed share. */
thm_rng thm_task_rng_shared(uint64_t seed);

/* The indicators' classes, 0 or 1, and whether the first target is chosen.
 * f1: how often class 1 occurs among indicators. */
typedef struct {
    int first, second;
    bool top;
} thm_two_step;

/* prior: outside of [0, 1] or NaN is refused. */
thm_status thm_two_step_check(const thm_task *task, thm_message *msg);
thm_two_step thm_two_step_draw(const thm_task *task, double f1, thm_rng *rng);
/* P(z = 1). */
double thm_two_step_chance(const thm_task *task, double f1);

#endif
