/* lambda_B of an instance: the smallest singular value of B with its error, its
 * threshold and its certificate (paper-notes/song2024.md, "Rounding of B").
 *
 * Counted with dimension: sigma_min(B) is the Nn-th singular value, 0 where HD
 * < Nn, and lambda_min(B B') = sigma_min(B)^2.  The papers' lambda_B is one of
 * the two; both are named here. */
#ifndef THM_RANK_H
#define THM_RANK_H

#include <stdbool.h>
#include "attn/layer.h"
#include "la/certify.h"

/* B, and *delta with |B - exact B|_F <= *delta, proved, for the exact B that
 * the given doubles X, Wq, Wk, c define.  Infinite where a bound overflows.  A
 * running bound, entry by entry, from the computed Q, K and S.
 *
 * twice: Q and K are computed in twice the working precision (la/dot2.h), where
 * no entry of X, Wq, Wk exceeds 2^500: delta no longer grows with D |X||W|, at
 * 17 FLOP a term of X Wq, X Wk instead of 2.  Without it B is that of
 * thm_layer_b to the bit, at about twice its cost.
 *
 * B: (Nn x HD); *underflowed as thm_layer_attention.  Statuses of thm_layer_b,
 * THM_ENOMEM. */
thm_status thm_layer_b_bnd(const thm_layer *layer, const double *Wq,
                           const double *Wk, bool twice, thm_layer_work *work,
                           double *B, double *delta, int64_t *underflowed);

/* What makes rank B < Nn, and hence sigma_min(B) = 0, exactly, whatever the
 * rounding. */
#define THM_DEFICIENT_TABLE(X)                                                 \
    X(THM_DEFICIENT_NOT, "")                                                   \
    X(THM_DEFICIENT_COLUMNS, "HD < Nn: B has fewer columns than rows")         \
    X(THM_DEFICIENT_TWINS, "two tokens of a sample are equal, and so are "     \
                           "their rows of B")                                  \
    X(THM_DEFICIENT_FLAT, "W_Q or W_K is 0: the rows of B of a sample are "    \
                          "equal")                                             \
    X(THM_DEFICIENT_SINGLE, "n = 1: every head of B is X, and D < N")

typedef enum {
#define THM_DEFICIENT_ENUM(name, text) name,
    THM_DEFICIENT_TABLE(THM_DEFICIENT_ENUM)
#undef THM_DEFICIENT_ENUM
} thm_deficient;

const char *thm_deficient_text(thm_deficient deficient);

/* The first reason in the order of the table; THM_DEFICIENT_NOT says that none
 * of them was found, not that B has full rank. */
thm_deficient thm_layer_deficient(const thm_layer *layer, const double *Wq,
                                  const double *Wk);

typedef struct {
    int rows, columns;     /* Nn, HD                                   */
    thm_sigma sigma;       /* estimate; min = 0 where B is deficient   */
    thm_sigma_bound bound; /* certificate for the exact B; lower =
                              upper = 0 where it is deficient          */
    thm_deficient deficient;
    double delta; /* of thm_layer_b_bnd: with twice the precision where the
                     certificate fails for delta alone */
    double lambda_min_gram; /* sigma.min^2                              */
    int64_t underflowed;    /* entries of S                             */
} thm_layer_rank;

/* B: (Nn x HD), filled.  Where delta is infinite, or B = 0, the certificate
 * says nothing: lower = 0, upper = max_upper = infinity (B = 0: delta).
 * Statuses of thm_layer_b_bnd and thm_sigma_est. */
thm_status thm_layer_rank_bnd(const thm_layer *layer, const double *Wq,
                              const double *Wk, double *B, thm_layer_rank *out);

#endif
