/* What attention does inside a transformer in training, layer by layer and head
 * by head, on a probe batch that stays the same over the run: one row of a
 * series a layer and head (paper-notes/hoffmann2024.md, "Definitions").
 *
 * Means "over rows" are over the rows of A of all samples of the probe that
 * have more than one token; N is a row's tokens (T, or i + 1 under a causal
 * mask).  Gradients are of the probe's mean loss.  A column is NaN where it
 * has no meaning: entropy and Jacobians of attention whose rows do not sum to
 * 1, masses of a task without roles, cls_* without a CLS. */
#ifndef THM_INSTRUMENTS_H
#define THM_INSTRUMENTS_H

#include "core/tsv.h"
#include "vit/trainer.h"

/* X(name, unit):
 *   grad_*      mean |dL/dW| of the head's part of W_Q, W_K, W_V, W_O
 *   norm_*      Frobenius norm of that part
 *   logit_std   root mean square over rows of the unbiased deviation of the
 *               scores times the scale, whatever the variant makes of them
 *   entropy     H(A_i) / ln N, mean over rows; entropy_std: deviation over them
 *   jacobian_*  spectral and Frobenius norm of diag(a) - a a', mean over rows
 *   to_*        share of attention that indicators, the chosen and the other
 *               target receive, mean over rows; cls_*: of the CLS' row
 *   sink        largest share that one token receives, mean over rows; sink_
 *               token: which (0: the CLS); sink_relative: times T, 1 if uniform
 *   massive     largest |activation| after the block over the median one
 *   sigma_s     smallest singular value of A, least over the samples
 *   sigma_b     smallest singular value of the layer's B (vit/spectra.h) of the
 *               first N samples of the probe, NT <= HD if any; _lower: proved
 *               lower bound; _threshold: B has full rank if the bound is beyond
 *   hd_over_nt  HD / (NT) of that B
 *   pl_ratio    |g|^2 / (2 (f - floor)): f the probe's mean loss with smoothing
 *               and without weight decay, g its gradient by all parameters,
 *               floor that of a perfect network; NaN if that is not known; the
 *               same in every row of a reading */
#define THM_INSTRUMENTS_TABLE(X)                                               \
    X(STEP, "step", "1")                                                       \
    X(LAYER, "layer", "1")                                                     \
    X(HEAD, "head", "1")                                                       \
    X(GRAD_Q, "grad_q", "1")                                                   \
    X(GRAD_K, "grad_k", "1")                                                   \
    X(GRAD_V, "grad_v", "1")                                                   \
    X(GRAD_O, "grad_o", "1")                                                   \
    X(NORM_Q, "norm_q", "1")                                                   \
    X(NORM_K, "norm_k", "1")                                                   \
    X(NORM_V, "norm_v", "1")                                                   \
    X(NORM_O, "norm_o", "1")                                                   \
    X(LOGIT_STD, "logit_std", "1")                                             \
    X(ENTROPY, "entropy", "ln N")                                              \
    X(ENTROPY_STD, "entropy_std", "ln N")                                      \
    X(JACOBIAN_NORM2, "jacobian_norm2", "1")                                   \
    X(JACOBIAN_FRO, "jacobian_fro", "1")                                       \
    X(TO_INDICATORS, "to_indicators", "1")                                     \
    X(TO_CHOSEN, "to_chosen", "1")                                             \
    X(TO_OTHER, "to_other", "1")                                               \
    X(CLS_INDICATORS, "cls_indicators", "1")                                   \
    X(CLS_CHOSEN, "cls_chosen", "1")                                           \
    X(CLS_OTHER, "cls_other", "1")                                             \
    X(SINK, "sink", "1")                                                       \
    X(SINK_TOKEN, "sink_token", "1")                                           \
    X(SINK_RELATIVE, "sink_relative", "1")                                     \
    X(MASSIVE, "massive", "1")                                                 \
    X(SIGMA_S, "sigma_s", "1")                                                 \
    X(SIGMA_B, "sigma_b", "1")                                                 \
    X(SIGMA_B_LOWER, "sigma_b_lower", "1")                                     \
    X(SIGMA_B_THRESHOLD, "sigma_b_threshold", "1")                             \
    X(HD_OVER_NT, "hd_over_nt", "1")                                           \
    X(PL_RATIO, "pl_ratio", "1")

enum {
#define THM_INSTRUMENTS_ENUM(id, name, unit) THM_INSTRUMENT_##id,
    THM_INSTRUMENTS_TABLE(THM_INSTRUMENTS_ENUM)
#undef THM_INSTRUMENTS_ENUM
        THM_INSTRUMENTS
};
extern const thm_tsv_column thm_instruments_columns[THM_INSTRUMENTS];

typedef struct thm_instruments thm_instruments;

/* The draw of test samples that the probe is: evaluations count theirs from 0.
 */
#define THM_INSTRUMENTS_DRAW ((int64_t)1 << 48)

/* A probe of `samples` samples.  THM_EDIM if samples < 1; THM_EOVERFLOW,
 * THM_ENOMEM. */
thm_status thm_instruments_alloc(const thm_trainer *trainer,
                                 const thm_task *task, int samples,
                                 thm_instruments **instruments);
void thm_instruments_free(thm_instruments *instruments);

/* Reads them at the trainer's present parameters, which stay untouched: forward
 * and backward on the probe, O(T) a row of A for its Jacobian, O(T^3) a matrix
 * A, O(NT HD min(NT, HD)) a layer for B.  Statuses of thm_trainer_probe, of
 * softmax/spectrum.h and vit/spectra.h; the rows are then undefined. */
thm_status thm_instruments_read(thm_instruments *instruments,
                                const thm_trainer *trainer, thm_message *msg);

/* What the last reading found: (THM_INSTRUMENTS), and the share of attention
 * that each token receives, mean over rows: (T). */
const double *thm_instruments_row(const thm_instruments *instruments, int layer,
                                  int head);
const double *thm_instruments_received(const thm_instruments *instruments,
                                       int layer, int head);

/* All rows of the last reading. */
void thm_instruments_put(const thm_instruments *instruments, thm_tsv *tsv);

#endif
