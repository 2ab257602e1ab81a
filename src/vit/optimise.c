/* AdamW, SGD, schedules and the rescaling baselines: see optimise.h. */
#include "vit/optimise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

thm_optimiser_options thm_optimiser_default(void)
{
    return (thm_optimiser_options){.kind = THM_ADAMW,
                                   .lr = 3e-3,
                                   .lr_start = 1e-6,
                                   .lr_end = 1e-5,
                                   .lr_qk = 1.0,
                                   .warmup = 500,
                                   .steps = 10000,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .eps = 1e-8,
                                   .momentum = 0.9,
                                   .weight_decay = 0.05};
}

double thm_optimiser_lr(const thm_optimiser_options *o, long step)
{
    if (step < o->warmup) {
        return o->lr_start +
               (o->lr - o->lr_start) * (double)step / (double)o->warmup;
    }
    if (step >= o->steps) {
        return o->lr_end;
    }
    const double part =
        (double)(step - o->warmup) / (double)(o->steps - o->warmup);
    return o->lr_end + (o->lr - o->lr_end) * (1.0 + cos(M_PI * part)) / 2.0;
}

thm_status thm_optimiser_alloc(const thm_optimiser_options *o, int64_t total,
                               thm_optimiser *state)
{
    const int moments = o->kind == THM_ADAMW ? 2 : 1;
    *state = (thm_optimiser){.total = total};
    if (total < 1 || total > INT64_MAX / 16) {
        return THM_EOVERFLOW;
    }
    state->m = calloc((size_t)total * (size_t)moments, sizeof *state->m);
    if (!state->m) {
        return THM_ENOMEM;
    }
    state->v = moments == 2 ? state->m + total : NULL;
    return THM_OK;
}

void thm_optimiser_free(thm_optimiser *state)
{
    free(state->m);
    *state = (thm_optimiser){0};
}

/* ---- rescaling -----------------------------------------------------------
 */

static double mean_abs(const float *g, int64_t count)
{
    double sum = 0.0;
    for (int64_t e = 0; e < count; e++) {
        sum += fabs((double)g[e]);
    }
    return sum / (double)count;
}

static void multiply(float *g, int64_t count, double factor)
{
    for (int64_t e = 0; e < count; e++) {
        g[e] = (float)(factor * (double)g[e]);
    }
}

/* Parts of `count` numbers of the gradients of W_Q, W_K, W_V, which lie `apart`
 * of each other, to a common mean of |entry|; one that is zero stays so. */
static void equalise(float *g, int64_t count, int64_t apart, bool to_value)
{
    double mean[3], target = 0.0;
    for (int w = 0; w < 3; w++) {
        mean[w] = mean_abs(g + w * apart, count);
        target += mean[w] / 3.0;
    }
    target = to_value ? mean[2] : target;
    for (int w = 0; w < 3; w++) {
        if (mean[w] > 0.0) {
            multiply(g + w * apart, count, target / mean[w]);
        }
    }
}

static void rescale(thm_rescale how, const thm_vit_config *c,
                    const thm_vit_layout *layout, float *g)
{
    const int64_t head = (int64_t)c->head_width * c->width;
    const int64_t whole = head * c->heads;
    for (int layer = 0; how != THM_RESCALE_NONE && layer < c->depth; layer++) {
        char name[THM_VIT_NAME];
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", layer);
        float *qkv = g + thm_vit_find(layout, name)->offset;
        if (how == THM_RESCALE_HEADS_TO_VALUE) {
            for (int h = 0; h < c->heads; h++) {
                equalise(qkv + h * head, head, whole, true);
            }
        } else {
            equalise(qkv, whole, whole, how == THM_RESCALE_TO_VALUE);
        }
    }
}

/* ---- steps ---------------------------------------------------------------
 */

static double norm_of(const float *g, int64_t total)
{
    double sum = 0.0;
    for (int64_t e = 0; e < total; e++) {
        sum += (double)g[e] * (double)g[e];
    }
    return sqrt(sum);
}

/* What a step does to the entries [0, count) of a tensor. */
typedef struct {
    double lr, decay;
    double first, second; /* 1 / (1 - b^t) */
} stride;

static void adamw(const thm_optimiser_options *o, const stride *s,
                  int64_t count, const float *g, float *m, float *v, float *w)
{
    for (int64_t e = 0; e < count; e++) {
        const double x = (double)g[e];
        const double mean = o->beta1 * (double)m[e] + (1.0 - o->beta1) * x;
        const double square =
            o->beta2 * (double)v[e] + (1.0 - o->beta2) * x * x;
        m[e] = (float)mean;
        v[e] = (float)square;
        w[e] = (float)((double)w[e] -
                       s->lr * (mean * s->first /
                                    (sqrt(square * s->second) + o->eps) +
                                s->decay * (double)w[e]));
    }
}

static void sgd(const thm_optimiser_options *o, const stride *s, int64_t count,
                const float *g, float *m, float *w)
{
    for (int64_t e = 0; e < count; e++) {
        m[e] = (float)(o->momentum * (double)m[e] + (double)g[e]);
        w[e] = (float)((double)w[e] -
                       s->lr * ((double)m[e] + s->decay * (double)w[e]));
    }
}

static bool finite_all(const float *w, int64_t count)
{
    for (int64_t e = 0; e < count; e++) {
        if (!isfinite(w[e])) {
            return false;
        }
    }
    return true;
}

/* Entries [first, end) of the block, all of one tensor. */
static void advance(const thm_optimiser_options *o, const stride *s,
                    thm_optimiser *state, int64_t first, int64_t end,
                    const float *g, float *params)
{
    if (o->kind == THM_ADAMW) {
        adamw(o, s, end - first, g + first, state->m + first, state->v + first,
              params + first);
    } else {
        sgd(o, s, end - first, g + first, state->m + first, params + first);
    }
}

thm_status thm_optimiser_step(const thm_optimiser_options *o,
                              const thm_vit_config *config,
                              const thm_vit_layout *layout,
                              thm_optimiser *state, float *params, float *g,
                              double *norm, thm_message *msg)
{
    const double lr = thm_optimiser_lr(o, state->step);
    rescale(o->rescale, config, layout, g);
    const double size = norm_of(g, layout->total);
    if (o->clip > 0.0 && size > o->clip) {
        multiply(g, layout->total, o->clip / size);
    }
    state->step++;
    stride s = {.first = 1.0 / (1.0 - pow(o->beta1, (double)state->step)),
                .second = 1.0 / (1.0 - pow(o->beta2, (double)state->step))};
    for (int k = 0; k < layout->count; k++) {
        const thm_vit_tensor *t = &layout->tensors[k];
        const int64_t count = (int64_t)t->rows * t->cols;
        const bool qkv = strstr(t->name, ".attn.qkv.weight") != NULL;
        /* W_Q and W_K are the first two thirds */
        const int64_t queries = qkv ? count / 3 * 2 : 0;
        s.decay = t->decays ? o->weight_decay : 0.0;
        s.lr = lr * o->lr_qk;
        advance(o, &s, state, t->offset, t->offset + queries, g, params);
        s.lr = lr;
        advance(o, &s, state, t->offset + queries, t->offset + count, g,
                params);
        if (!finite_all(params + t->offset, count)) {
            return thm_fail(THM_EDOMAIN, msg, "%s: not finite after step %ld",
                            t->name, state->step);
        }
    }
    if (norm) {
        *norm = size;
    }
    return THM_OK;
}

double thm_heat_scale(thm_heat kind, double from, double to, long over,
                      long step)
{
    if (kind == THM_HEAT_CONSTANT || step >= over) {
        return to;
    }
    const double s = (double)step / (double)over;
    const double left = kind == THM_HEAT_LINEAR   ? 1.0 - s
                        : kind == THM_HEAT_COSINE ? cos(M_PI * s / 2.0)
                                                  : (1.0 + cos(M_PI * s)) / 2.0;
    return to + (from - to) * left;
}
