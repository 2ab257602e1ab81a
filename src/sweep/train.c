/* Plain gradient descent on a layer: see train.h. */
#include "sweep/train.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weights and their gradients in the order Q, K, V; what is not trained has the
 * gradient 0. */
typedef struct {
    const thm_layer *layer;
    thm_layer_work *work;
    int trained;
    size_t one;                      /* H D d   */
    double *w, *g, *w_next, *g_next; /* (3 one) */
} descent;

static thm_status evaluate(const descent *s, const double *w, double *f,
                           double *g)
{
    const thm_weights weights = {w, w + s->one, w + 2 * s->one};
    return thm_layer_gradient(s->layer, &weights, s->work, f,
                              s->trained & THM_TRAIN_Q ? g : NULL,
                              s->trained & THM_TRAIN_K ? g + s->one : NULL,
                              s->trained & THM_TRAIN_V ? g + 2 * s->one : NULL);
}

/* w_next <- w - eta g; *f there.  False where that is not finite. */
static bool look_ahead(descent *s, double eta, double *f)
{
    for (size_t i = 0; i < 3 * s->one; i++) {
        s->w_next[i] = s->w[i] - eta * s->g[i];
    }
    return evaluate(s, s->w_next, f, s->g_next) == THM_OK && isfinite(*f);
}

static void go_there(descent *s)
{
    double *w = s->w, *g = s->g;
    s->w = s->w_next;
    s->g = s->g_next;
    s->w_next = w;
    s->g_next = g;
}

/* Looks ahead by the largest trial that lowers f = f(w) enough; false if none
 * lowers it. */
static bool backtrack(descent *s, double f, double *trial, double *next)
{
    double square = 0.0;
    bool first = true;
    for (size_t i = 0; i < 3 * s->one; i++) {
        square += s->g[i] * s->g[i];
    }
    while (!look_ahead(s, *trial, next) ||
           !(*next <= f - *trial * square / 2.0)) {
        *trial /= 2.0;
        first = false;
        if (!(*trial > DBL_MIN)) {
            return false;
        }
    }
    if (first && *trial < DBL_MAX / 4.0) {
        *trial *= 2.0;
    }
    return *next < f;
}

static thm_status descend(descent *s, const thm_train_options *o,
                          thm_trained *out)
{
    double trial = 1.0, next;
    for (; out->steps < o->steps && !(out->f <= o->goal); out->steps++) {
        if (out->steps % 64 == 0 && o->stop && o->stop(o->ctx)) {
            return THM_EINTERRUPTED;
        }
        const bool moved = o->eta > 0.0 ? look_ahead(s, o->eta, &next)
                                        : backtrack(s, out->f, &trial, &next);
        if (!moved) {
            break;
        }
        go_there(s);
        out->f = next;
    }
    return THM_OK;
}

thm_status thm_train(const thm_layer *layer, const thm_weights *start,
                     const thm_train_options *o, thm_layer_work *work,
                     double *w, thm_trained *out)
{
    const int all = THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V;
    if (o->trained == 0 || (o->trained & ~all) != 0 || o->steps < 0) {
        return THM_EDIM;
    }
    if (!(o->eta >= 0.0 && isfinite(o->eta))) {
        return THM_EDOMAIN;
    }
    const size_t one = (size_t)layer->H * (size_t)layer->D * (size_t)layer->d;
    double *block = calloc(12 * one, sizeof *block);
    if (!block) {
        return THM_ENOMEM;
    }
    descent s = {.layer = layer,
                 .work = work,
                 .trained = o->trained,
                 .one = one,
                 .w = block,
                 .g = block + 3 * one,
                 .w_next = block + 6 * one,
                 .g_next = block + 9 * one};
    memcpy(s.w, start->Wq, one * sizeof *block);
    memcpy(s.w + one, start->Wk, one * sizeof *block);
    memcpy(s.w + 2 * one, start->Wv, one * sizeof *block);
    thm_trained t = {0};
    thm_status status = evaluate(&s, s.w, &t.f0, s.g);
    if (status == THM_OK) {
        t.f = t.f0;
        status = descend(&s, o, &t);
    }
    if (status == THM_OK) {
        *out = t;
        if (w) {
            memcpy(w, s.w, 3 * one * sizeof *w);
        }
    }
    free(block);
    return status;
}
