/* The gradient gap of an attention head: how much less Wq and Wk receive than
 * Wv, and what a simple theory says about it (paper-notes/softmax.md, S11). */
#ifndef THM_GAP_H
#define THM_GAP_H

#include <stddef.h>
#include "attn/head.h"
#include "core/status.h"

/* Of a matrix: the mean of |entry|, and the Frobenius norm. */
typedef struct {
    double mean_abs, frobenius;
} thm_size_of;

/* Sizes of count >= 1 numbers; the norm neither overflows nor underflows. */
thm_size_of thm_size_measure(size_t count, const double *x);

typedef struct {
    thm_size_of dS, dWq, dWk, dWv;
    double gap_q;     /* mean|dWq| / mean|dWv| */
    double gap_k;     /* mean|dWk| / mean|dWv| */
    double entropy;   /* mean over the rows of A of H / log n          */
    double logit_std; /* s0: root mean square over the rows of S / tau of
                         their standard deviation (divisor n)          */
    double tokens_per_dimension; /* n / D_eff, see below               */
    double gap_predicted;
} thm_gap;

/* Sizes and gap of gradients that thm_head_backward computed at `state`, and
 * the prediction from s0 and X alone:
 *
 *     gap^2 ~ (pi / 2) kappa (1 + v / n) / (v + kappa),   kappa = s0^2 n /
 * D_eff,
 *
 * D_eff = (tr C)^2 / tr C^2 the participation ratio of the tokens' covariance C
 * (divisor n), v = n |mean token|^2 / tr C (about 1 for independent centred
 * tokens).  A heuristic, derived in the note for small s0, independent normal
 * weights and G white over rows and columns; nothing is proved about a head
 * that is not so.  It is 0 for n = 1, where the true gap is 0.
 *
 * Scratch of n^2 doubles is allocated.  THM_ENOMEM; THM_EDIM if the sizes of
 * head and state differ.  Ratios of zeros are NaN. */
thm_status thm_gap_measure(const thm_head *head, const thm_head_state *state,
                           const double *dWq, const double *dWk,
                           const double *dWv, thm_gap *out);

#endif
