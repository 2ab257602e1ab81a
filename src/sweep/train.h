/* Plain gradient descent on a subset of a layer's weights, as fast as the
 * gradient allows: for many trainings of which only the end counts.  What the
 * PL lemma says of every step is softmax/pl.h's business.
 *
 *     w_{t+1} = w_t - eta g_t,   one evaluation of f and its gradient a step,
 *
 * with eta fixed, or by backtracking: a trial is halved until f falls by at
 * least eta |g|^2 / 2, the sufficient decrease of the lemma, and doubled after
 * a step that was taken at once; the first trial is 1. */
#ifndef THM_TRAIN_H
#define THM_TRAIN_H

#include <stdbool.h>
#include "attn/layer.h"

typedef struct {
    int trained; /* THM_TRAIN_ bits                                        */
    double eta;  /* 0: backtracking                                        */
    double goal; /* ends once f <= goal                                    */
    int steps;   /* or after so many                                       */
    bool (*stop)(void *ctx); /* asked every 64 steps; NULL: never          */
    void *ctx;
} thm_train_options;

typedef struct {
    double f0, f; /* at the start, at the end                              */
    int steps;    /* taken; fewer than asked for without the goal where the
                     next point is not finite or, backtracking, no trial
                     lowers f any more                                     */
} thm_trained;

/* start: the weights; work: of the layer.  w: (3 H D d), Wq, Wk, Wv at the end,
 * NULL allowed.
 * THM_EDIM if trained is 0 or has other bits or steps < 0; THM_EDOMAIN if eta
 * is negative or not finite, or as thm_layer_gradient at the start;
 * THM_EINTERRUPTED, THM_ENOMEM. */
thm_status thm_train(const thm_layer *layer, const thm_weights *start,
                     const thm_train_options *options, thm_layer_work *work,
                     double *w, thm_trained *out);

#endif
