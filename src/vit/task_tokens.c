/* The two-step task on tokens, the cheap model system, and its control.
 *
 * Sample: a (first indicator), z, the targets t1 and t2, then the noise of the
 * tokens in order, one draw a number. */
#include <math.h>

#include "vit/task_inside.h"

enum { DIM = 16, CLASSES = 10, CODES = CLASSES + 2 };
enum { LEAST = 16, MOST = 64 };
static const double CODE_NOISE = 0.3, OTHER_NOISE = 0.5;

static thm_status open_tokens(thm_task *task, thm_message *msg)
{
    const int tokens = task->options.tokens;
    if (tokens < LEAST || tokens > MOST) {
        return thm_fail(THM_EDOMAIN, msg, "tokens: expected %d to %d, found %d",
                        LEAST, MOST, tokens);
    }
    const thm_status status = thm_two_step_check(task, msg);
    if (status != THM_OK) {
        return status;
    }
    task->one_step = task->options.kind == THM_TASK_ONE_STEP_TOKENS;
    task->two_step = task->labelled = task->certain = true;
    for (int split = 0; split < 2; split++) {
        task->chance[split] = thm_two_step_chance(task, 0.5);
        task->agree[split] = 1.0 / CLASSES;
    }
    task->config.tokens = tokens;
    task->config.features = DIM;
    task->config.outputs = CLASSES;
    /* Logits at the start as spread as in the paper's width of 256. */
    task->config.weight_std = 0.32 / sqrt(task->config.width);
    return THM_OK;
}

/* x: (DIM) <- code + noise N(0, I); code NULL: the noise alone. */
static void draw_token(const double *code, double noise, thm_rng *rng, float *x)
{
    for (int k = 0; k < DIM; k++) {
        x[k] = (float)((code ? code[k] : 0.0) + noise * thm_rng_normal(rng));
    }
}

static void draw_tokens(const thm_task *task, const thm_task_at *at, int first,
                        int count, thm_samples *s)
{
    const int tokens = task->config.tokens;
    double codes[CODES][DIM];
    thm_rng shared = thm_task_rng_shared(at->seed);
    thm_rng_fill_normal(&shared, CODES * DIM, 1.0, codes[0]);
    for (int i = 0; i < count; i++) {
        thm_rng rng = thm_task_rng(at, first + i);
        const thm_two_step z = thm_two_step_draw(task, 0.5, &rng);
        const int one = (int)thm_rng_below(&rng, CLASSES);
        const int two = (int)thm_rng_below(&rng, CLASSES);
        const int shown[4] = {CLASSES + z.first, one, two, CLASSES + z.second};
        const size_t base = (size_t)i * (size_t)tokens;
        for (int t = 0; t < tokens; t++) {
            const bool of_task = t < 4;
            draw_token(of_task ? codes[shown[t]] : NULL,
                       of_task ? CODE_NOISE : OTHER_NOISE, &rng,
                       s->x + (base + (size_t)t) * DIM);
        }
        s->roles[base] = s->roles[base + 3] = THM_ROLE_INDICATOR;
        s->roles[base + 1] = z.top ? THM_ROLE_CHOSEN : THM_ROLE_OTHER;
        s->roles[base + 2] = z.top ? THM_ROLE_OTHER : THM_ROLE_CHOSEN;
        s->labels[i] = z.top ? one : two;
        s->other_label[i] = z.top ? two : one;
    }
}

const thm_task_family thm_task_tokens = {.open = open_tokens,
                                         .draw = draw_tokens};
