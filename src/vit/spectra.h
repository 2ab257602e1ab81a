/* Spectra of what a layer's attention makes of its input, from the activations
 * that a forward pass left (paper-notes/song2024.md, "Model").
 *
 * For sample i, head h of a layer: S_ih (T x T), the rows of attention; X_i (T
 * x D), what q, k and v are made of; B_i = [S_i1 X_i, ..., S_iH X_i] (T x HD),
 * and B stacks N samples: (NT x HD).  Whatever values and projection do, the
 * heads' output is B times a matrix: with HD >= NT and sigma_min(B) > 0 they
 * can fit anything.
 *
 * S and X are taken as the numbers that the network computed, in single
 * precision.  So exactly proportional rows are told from nearly proportional
 * ones by rounding alone, and a rank counts as full only beyond a threshold of
 * that precision. */
#ifndef THM_VIT_SPECTRA_H
#define THM_VIT_SPECTRA_H

#include "la/certify.h"
#include "vit/model.h"

/* Why the rank of B is full, or is not said to be. */
#define THM_VIT_RANK_TABLE(X)                                                  \
    X(THM_VIT_RANK_FULL, "full")                                               \
    X(THM_VIT_RANK_COLUMNS, "HD < NT")                                         \
    X(THM_VIT_RANK_UNDECIDED, "undecided")

typedef enum {
#define THM_VIT_RANK_ENUM(name, text) name,
    THM_VIT_RANK_TABLE(THM_VIT_RANK_ENUM)
#undef THM_VIT_RANK_ENUM
} thm_vit_rank;

const char *thm_vit_rank_text(thm_vit_rank rank);

typedef struct {
    int rows, columns;     /* NT, HD                                      */
    double ratio;          /* HD / (NT)                                   */
    thm_sigma sigma;       /* min counted with dimension: 0 if HD < NT    */
    thm_sigma_bound bound; /* proved for the exact product of S and X; if
                              HD < NT lower = upper = 0                   */
    double delta;          /* |B - that product|_F <= delta, proved       */
    double threshold;      /* max(NT, HD) 2^-24 sigma_1, the customary
                              threshold of a rank, in single precision    */
    thm_vit_rank rank;     /* full: bound.lower > threshold               */
} thm_vit_spectrum;

/* Samples to stack for a B that can have full rank: the largest N with NT <=
 * HD, at least 1, at most `samples`. */
int thm_vit_rank_samples(const thm_vit_config *config, int samples);

/* The smallest sigma_min(S_ih) of the first `samples` samples of the last run
 * of work, whose configuration is `config`; *sigma: that matrix's.  O(T^3) a
 * sample.  THM_EDIM if samples < 1; statuses of thm_sigma_est. */
thm_status thm_vit_sigma_s(const thm_vit_config *config, const thm_vit32 *work,
                           int layer, int head, int samples, thm_sigma *sigma);

/* B: (NT x HD) of the first N = samples samples, and *delta (see above).
 * THM_EDIM if samples < 1. */
thm_status thm_vit_b(const thm_vit_config *config, const thm_vit32 *work,
                     int layer, int samples, double *B, double *delta);

/* Its spectrum.  THM_EDIM if samples < 1; THM_EOVERFLOW if a size leaves int,
 * THM_ENOMEM; statuses of thm_sigma_est and thm_sigma_bnd. */
thm_status thm_vit_b_spectrum(const thm_vit_config *config,
                              const thm_vit32 *work, int layer, int samples,
                              thm_vit_spectrum *out);

#endif
