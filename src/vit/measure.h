/* What attention does in a forward pass, layer by layer and head by head:
 * concentration, Jacobians, who receives it (paper-notes/hoffmann2024.md,
 * "Definitions").
 *
 * Means "over rows" are over the rows of A of all samples that have more than
 * one token; N is a row's tokens (T, or i + 1 under a causal mask).  A number
 * is NaN where it has no meaning: entropy and Jacobians of attention whose rows
 * do not sum to 1, masses without roles, cls without a CLS, and all where no
 * row has two tokens. */
#ifndef THM_VIT_MEASURE_H
#define THM_VIT_MEASURE_H

#include "vit/model.h"
#include "vit/task.h"

/* A model after its run, and what was run. */
typedef struct {
    const thm_vit_config *config;
    const thm_vit32 *model;
    int samples;
    const uint8_t *roles; /* (samples x tokens) thm_role; NULL: none */
    double scale;         /* of the scores                           */
} thm_vit_pass;

typedef struct {
    double logit_std; /* root mean square over rows of the unbiased deviation
                         of the scores times the scale                      */
    double margin;    /* of the largest score over the second, times the
                         scale, mean over rows                              */
    double entropy, entropy_std;         /* H(A_i) / ln N, mean, deviation  */
    double jacobian_norm2, jacobian_fro; /* of diag(a) - a a', means        */
    double to[THM_ROLE_OTHER + 1];       /* share that a role receives      */
    double cls[THM_ROLE_OTHER + 1];      /* the same of the CLS' row        */
    double sink;    /* largest share that one token receives, mean       */
    int sink_token; /* which (0: the CLS)                                 */
} thm_vit_head;

/* Scratch for passes of up to `samples` samples of this configuration. */
typedef struct thm_vit_measure thm_vit_measure;
/* THM_EDIM if samples < 1; THM_EOVERFLOW, THM_ENOMEM.  Free takes NULL. */
thm_status thm_vit_measure_alloc(const thm_vit_config *config, int samples,
                                 thm_vit_measure **measure);
void thm_vit_measure_free(thm_vit_measure *measure);

/* received: (T), the share of attention that each token receives, mean over
 * rows.  O(T) a row.  Statuses of softmax/spectrum.h; received is then
 * undefined. */
thm_status thm_vit_measure_head(thm_vit_measure *measure,
                                const thm_vit_pass *pass, int layer, int head,
                                double *received, thm_vit_head *out);

/* The largest |activation| after the block over the median one. */
double thm_vit_measure_massive(thm_vit_measure *measure,
                               const thm_vit_pass *pass, int layer);

#endif
