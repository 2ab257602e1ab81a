/* What a layer and a head of a transformer are, and what they do on a probe:
 * weights, attention, spectra. */
#ifndef THM_VIT_INSPECT_H
#define THM_VIT_INSPECT_H

#include "core/tsv.h"
#include "vit/measure.h"
#include "vit/spectra.h"

/* X(name, unit): the numbers of a head.
 *   entropy ... jacobian_fro, margin, logit_std, sink ..., massive
 *                as measure.h has them; sink_relative = T sink
 *   q_*, k_*     largest and smallest singular value of the head's W_Q, W_K
 *                (d x D), min(d, D) of them
 *   sigma_s      smallest singular value of S_ih, least over the samples
 *   sigma_b ...  of the layer's B (spectra.h), the same for its heads: smallest
 *                and largest singular value, proved bounds of the smallest, the
 *                threshold, NT and HD, their ratio, and rank_full: 1 if the
 *                proved lower bound is beyond the threshold                  */
#define THM_VIT_INSPECT_TABLE(X)                                               \
    X(LAYER, "layer", "1")                                                     \
    X(HEAD, "head", "1")                                                       \
    X(ENTROPY, "entropy", "ln N")                                              \
    X(ENTROPY_STD, "entropy_std", "ln N")                                      \
    X(JACOBIAN_NORM2, "jacobian_norm2", "1")                                   \
    X(JACOBIAN_FRO, "jacobian_fro", "1")                                       \
    X(LOGIT_STD, "logit_std", "1")                                             \
    X(MARGIN, "margin", "1")                                                   \
    X(Q_MAX, "q_max", "1")                                                     \
    X(Q_MIN, "q_min", "1")                                                     \
    X(K_MAX, "k_max", "1")                                                     \
    X(K_MIN, "k_min", "1")                                                     \
    X(SINK, "sink", "1")                                                       \
    X(SINK_TOKEN, "sink_token", "1")                                           \
    X(SINK_RELATIVE, "sink_relative", "1")                                     \
    X(MASSIVE, "massive", "1")                                                 \
    X(SIGMA_S, "sigma_s", "1")                                                 \
    X(SIGMA_B, "sigma_b", "1")                                                 \
    X(SIGMA_B_LOWER, "sigma_b_lower", "1")                                     \
    X(SIGMA_B_UPPER, "sigma_b_upper", "1")                                     \
    X(SIGMA_B_MAX, "sigma_b_max", "1")                                         \
    X(SIGMA_B_THRESHOLD, "sigma_b_threshold", "1")                             \
    X(NT, "nt", "1")                                                           \
    X(HD, "hd", "1")                                                           \
    X(HD_OVER_NT, "hd_over_nt", "1")                                           \
    X(RANK_FULL, "rank_full", "1")

enum {
#define THM_VIT_INSPECT_ENUM(id, name, unit) THM_VIT_INSPECT_##id,
    THM_VIT_INSPECT_TABLE(THM_VIT_INSPECT_ENUM)
#undef THM_VIT_INSPECT_ENUM
        THM_VIT_INSPECT
};
extern const thm_tsv_column thm_vit_inspect_columns[THM_VIT_INSPECT];

/* rows: (L x H x THM_VIT_INSPECT), of a pass with those parameters; B of its
 * first rank_samples samples.  THM_EDIM unless rank_samples is from 1 to the
 * pass' samples; statuses of measure.h, spectra.h, la/svd.h.  rows are then
 * undefined. */
thm_status thm_vit_inspect(const thm_vit_pass *pass,
                           const thm_vit_layout *layout, const float *params,
                           int rank_samples, double *rows);

#endif
