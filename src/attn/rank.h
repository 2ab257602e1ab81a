/* lambda_B of an instance: the smallest singular value of B with its error, its
 * threshold and its certificate (paper-notes/song2024.md, G6-G8).
 *
 * Counted with dimension: sigma_min(B) is the Nn-th singular value, 0 where HD
 * < Nn, and lambda_min(B B') = sigma_min(B)^2.  The papers' lambda_B is one of
 * the two; both are named here. */
#ifndef THM_RANK_H
#define THM_RANK_H

#include "attn/layer.h"
#include "la/certify.h"

/* B, and *delta with |B - exact B|_F <= *delta, proved, for the exact B that
 * the given doubles X, Wq, Wk, c define.  Infinite where the proof fails.
 * Cost: that of thm_layer_b, doubled. */
thm_status thm_layer_b_bnd(const thm_layer *layer, const double *Wq,
                           const double *Wk, thm_layer_work *work, double *B,
                           double *delta);

typedef struct {
    int rows, columns;      /* Nn, HD                                  */
    thm_sigma sigma;        /* estimate; min = 0 where HD < Nn         */
    thm_sigma_bound bound;  /* certificate for the exact B             */
    double delta;           /* of thm_layer_b_bnd                      */
    double lambda_min_gram; /* sigma.min^2                             */
    int64_t underflowed;    /* entries of S                            */
} thm_layer_rank;

/* B: (Nn x HD), filled. */
thm_status thm_layer_rank_bnd(const thm_layer *layer, const double *Wq,
                              const double *Wk, double *B, thm_layer_rank *out);

#endif
