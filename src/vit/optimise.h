/* Optimisers of the transformer, and the schedules of their step and of the
 * attention's temperature.
 *
 * AdamW (Loshchilov, Hutter 2019): m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2)
 * g^2, w <- w - lr (m^ / (sqrt(v^) + eps) + wd w) with m^ = m / (1 - b1^t), v^
 * = v / (1 - b2^t).  SGD: m <- momentum m + g, w <- w - lr (m + wd w).  Weight
 * decay leaves vectors, positions and the CLS alone.  Every sum runs in the
 * order of the block: the result does not depend on threads. */
#ifndef THM_VIT_OPTIMISE_H
#define THM_VIT_OPTIMISE_H

#include "vit/config.h"

#define THM_OPTIMISER_TABLE(X)                                                 \
    X(THM_ADAMW, "adamw")                                                      \
    X(THM_SGD, "sgd")

typedef enum {
#define THM_OPTIMISER_ENUM(name, text) name,
    THM_OPTIMISER_TABLE(THM_OPTIMISER_ENUM)
#undef THM_OPTIMISER_ENUM
} thm_optimiser_kind;

/* Baselines that multiply the gradients of W_Q, W_K, W_V of a layer so that
 * their means of |entry| agree: with the mean of the three, or with W_V's, for
 * the whole layer or head by head. */
#define THM_RESCALE_TABLE(X)                                                   \
    X(THM_RESCALE_NONE, "none")                                                \
    X(THM_RESCALE_TO_MEAN, "to-mean")                                          \
    X(THM_RESCALE_TO_VALUE, "to-value")                                        \
    X(THM_RESCALE_HEADS_TO_VALUE, "heads-to-value")

typedef enum {
#define THM_RESCALE_ENUM(name, text) name,
    THM_RESCALE_TABLE(THM_RESCALE_ENUM)
#undef THM_RESCALE_ENUM
} thm_rescale;

typedef struct {
    thm_optimiser_kind kind;
    double lr;       /* the largest, after the warm-up                       */
    double lr_start; /* of step 0                                            */
    double lr_end;   /* of the last step                                     */
    double lr_qk;    /* factor on it for W_Q and W_K                         */
    long warmup, steps;
    double beta1, beta2, eps, momentum, weight_decay;
    double clip; /* largest norm of the whole gradient; 0: none               */
    thm_rescale rescale;
} thm_optimiser_options;

/* AdamW, 0.9, 0.999, 1e-8, decay 0.05, momentum 0.9, lr 3e-3 from 1e-6 in 500
 * steps, cosine to 1e-5 at step 10000. */
thm_optimiser_options thm_optimiser_default(void);

/* Linear from lr_start in `warmup` steps, then half a cosine to lr_end. */
double thm_optimiser_lr(const thm_optimiser_options *o, long step);

typedef struct {
    float *m, *v; /* (total) moments; v NULL for SGD */
    int64_t total;
    long step; /* steps taken */
} thm_optimiser;

/* Moments of zero. THM_ENOMEM, THM_EOVERFLOW. */
thm_status thm_optimiser_alloc(const thm_optimiser_options *o, int64_t total,
                               thm_optimiser *state);
void thm_optimiser_free(thm_optimiser *state);

/* One step with gradient g: (total), which rescaling and clipping overwrite.
 * *norm (NULL allowed) <- its norm before clipping.  THM_EDOMAIN, msg naming
 * the tensor, if an updated parameter is not finite. */
thm_status thm_optimiser_step(const thm_optimiser_options *o,
                              const thm_vit_config *config,
                              const thm_vit_layout *layout,
                              thm_optimiser *state, float *params, float *g,
                              double *norm, thm_message *msg);

/* Heat Treatment: the scale of the scores at a step, from `from` at step 0 to
 * `to` at step `over` and after.
 *   constant     to
 *   linear       a straight line
 *   cosine       to + (from - to) cos(pi s / 2)
 *   half-cosine  to + (from - to) (1 + cos(pi s)) / 2,   s = step / over */
#define THM_HEAT_TABLE(X)                                                      \
    X(THM_HEAT_CONSTANT, "constant")                                           \
    X(THM_HEAT_LINEAR, "linear")                                               \
    X(THM_HEAT_COSINE, "cosine")                                               \
    X(THM_HEAT_HALF_COSINE, "half-cosine")

typedef enum {
#define THM_HEAT_ENUM(name, text) name,
    THM_HEAT_TABLE(THM_HEAT_ENUM)
#undef THM_HEAT_ENUM
} thm_heat;

double thm_heat_scale(thm_heat kind, double from, double to, long over,
                      long step);

#endif
