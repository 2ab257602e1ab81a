/* The transformer's loss and its exact gradient, in float for training and in
 * double for checks: one source (the files *_real.c), compiled twice.
 *
 * A batch is worked off in parts of a fixed number of samples, each alone; the
 * caller adds their gradients in a fixed order, so that the number of threads
 * changes no bit. */
#ifndef THM_VIT_MODEL_H
#define THM_VIT_MODEL_H

#include "la/isa.h"
#include "vit/config.h"

/* Samples, as both builds read them. */
typedef struct {
    int count;
    const float *x;        /* (count x tokens x features), vectors            */
    const int32_t *ids;    /* (count x tokens), vocabulary                    */
    const int32_t *labels; /* (count), or (count x tokens) with THM_VIT_PER_
                              TOKEN; -1: no label                             */
    const float *weights;  /* as labels: factors on their losses; NULL: 1     */
    const float *targets;  /* instead of labels: (count x outputs), or (count x
                              tokens x outputs): squared loss; none where an
                              output's first number is NaN                    */
} thm_vit_batch;

/* What a loss is: weight times the sum over labelled outputs, each times its
 * label's weight, of the cross-entropy with label smoothing e (e / classes on
 * every class, 1 - e more on the label), or of 1/2 |output - target|^2.  An
 * output is a sample's, or a token's with THM_VIT_PER_TOKEN.  With weight = 1 /
 * (labelled outputs of the whole batch) the losses of its parts add up to the
 * batch's mean. */
typedef struct {
    double smoothing;             /* in [0, 1]                                */
    double scale[THM_VIT_LAYERS]; /* of the scores, by layer: 1 / sqrt(d)     */
    double weight;
} thm_vit_loss;

/* No smoothing, scales 1 / sqrt(d), weight 1. */
thm_vit_loss thm_vit_loss_default(const thm_vit_config *config);

/* Outputs of a batch that have a label or a target. */
int64_t thm_vit_labelled(const thm_vit_config *config,
                         const thm_vit_batch *batch);

typedef struct {
    double loss;       /* weight times the sum, with smoothing                */
    double plain_loss; /* without smoothing                                   */
    int64_t labelled; /* outputs with a label or target                       */
    int64_t right;    /* whose largest is the label, the first among equals   */
} thm_vit_score;

/* Activations of up to `room` samples, kept by a forward pass for the backward
 * pass and for instruments. */
typedef struct thm_vit32 thm_vit32;
typedef struct thm_vit64 thm_vit64;

/* THM_EDIM, THM_EDOMAIN of the configuration or if room < 1; THM_EOVERFLOW,
 * THM_ENOMEM.  Free takes NULL. */
thm_status thm_vit32_alloc(const thm_vit_config *config, int room,
                           thm_vit32 **work);
thm_status thm_vit64_alloc(const thm_vit_config *config, int room,
                           thm_vit64 **work);
/* Kernels of another instruction set, one that this CPU has, than its best; the
 * bits of a run are those of its set. */
void thm_vit32_use(thm_vit32 *work, thm_isa isa);
void thm_vit32_free(thm_vit32 *work);
void thm_vit64_free(thm_vit64 *work);

/* Forward, and if gradient is not NULL backward: *score, and gradient: (total)
 * is *added to*.  No allocation; the same bits for the same arguments, whatever
 * ran before.  With neither labels nor targets there is no loss: forward only.
 * THM_EDIM if the batch has no sample or more than room; THM_EDOMAIN if an id
 * or a label is out of range, smoothing outside of [0, 1], a scale negative or
 * not finite, a weight not finite, or an activation, the loss or a gradient
 * not finite: msg names where it was first seen, "blocks.1.attn" or "the
 * gradient of blocks.1.attn.qkv.weight".  On error *score is untouched,
 * gradient undefined. */
thm_status thm_vit32_run(thm_vit32 *work, const float *params,
                         const thm_vit_batch *batch, const thm_vit_loss *loss,
                         float *gradient, thm_vit_score *score,
                         thm_message *msg);
thm_status thm_vit64_run(thm_vit64 *work, const double *params,
                         const thm_vit_batch *batch, const thm_vit_loss *loss,
                         double *gradient, thm_vit_score *score,
                         thm_message *msg);

/* What the last run left, for sample s of it; T = thm_vit_length.  Pointers
 * into the work, valid until the next run. */
typedef struct {
    const float *scores;    /* (H x T x T) q.k, before any scaling          */
    const float *attention; /* (H x T x T) rows of A                        */
    const float *q, *k, *v; /* (H x T x d)                                  */
    const float *input;     /* (T x D) residual stream before the block     */
    const float *output;    /* (T x D) after it                             */
    const float *normed;    /* (T x D) LN(input): what q, k, v are made of  */
    const float *gradient_q, *gradient_k, *gradient_v; /* after backward    */
} thm_vit_view;
void thm_vit32_look(const thm_vit32 *work, int layer, int sample,
                    thm_vit_view *view);

/* After a run with a gradient: (T x D) of sample s, the gradient by the
 * residual stream before the first block - by the tokens, positions added.
 * Valid until the next run. */
const float *thm_vit32_token_gradient(const thm_vit32 *work, int sample);

/* The adjoint of attention alone: dq, dk, dv (H x T x d) <- the gradient by q,
 * k, v of sum dz o z, dz: (T x H d), z being the heads' outputs side by side;
 * params those of the last run.  With dz = 1: the feature gradients of Hoffmann
 * et al. 2024. */
void thm_vit32_pull(thm_vit32 *work, const float *params, int layer, int sample,
                    const float *dz, float *dq, float *dk, float *dv);

/* (count x outputs), or (count x tokens x outputs). */
const float *thm_vit32_outputs(const thm_vit32 *work);

#endif
