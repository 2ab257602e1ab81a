/* The single-layer model in ball arithmetic, from the formulas of its note
 * (paper-notes/song2024.md, "Model"), and the singular values of small
 * matrices of balls: a second route beside attn/layer.h, rigorous for the
 * exact model that the given doubles define. */
#ifndef THM_LAYER_BALL_H
#define THM_LAYER_BALL_H

#include "attn/layer.h"
#include "core/arb.h"

/* Singular values are found as roots of those of a Gram matrix, and the radii
 * of an elimination grow with every pivot, here by up to some 120 bits: what is
 * left shows 2^-120 of the largest singular value. */
enum { THM_LAYER_BITS = 512 };

/* Blocks of heads stand side by side; a row is a token (i, k). */
typedef struct {
    int N, n, D, d, H, m;
    thm_kernel kernel;
    arb_t c;
    arb_mat_t X, Y;       /* (Nn x D), (Nn x m); Y = 0 if there is none */
    arb_mat_t Wq, Wk, Wv; /* (D x Hd)                                   */
    arb_mat_t Wo;         /* (Hd x m)                                   */
    arb_mat_t Q, K;       /* (Nn x Hd)                                  */
    arb_mat_t U;          /* (Nn x Hm), blocks X Wv_h Wo_h              */
    arb_mat_t S;          /* (Nn x Hn)                                  */
    arb_mat_t B;          /* (Nn x HD)                                  */
    arb_mat_t F, R;       /* (Nn x m), R = F - Y                        */
} thm_ball_layer;

/* The model of a layer and its weights (those that are NULL are zero),
 * evaluated; cleared by the caller. */
void thm_ball_layer_init(thm_ball_layer *b, const thm_layer *layer,
                         const thm_weights *w);
void thm_ball_layer_clear(thm_ball_layer *b);

/* Evaluates again, after c, X, Y or weights were changed. */
void thm_ball_layer_evaluate(thm_ball_layer *b);

/* A: (m x d) <- dF_ik / dq_ik of head h: the only way that Wq acts. */
void thm_ball_layer_slope(const thm_ball_layer *b, int i, int k, int h,
                          arb_mat_t A);

/* The Jacobians (Nnm x HDd) of F, rows (i, k, output), by Wq and Wv, columns
 * (head, D, d). */
void thm_ball_layer_jq(const thm_ball_layer *b, arb_mat_t J);
void thm_ball_layer_jv(const thm_ball_layer *b, arb_mat_t J);

/* f <- 1/2 |R|^2 */
void thm_ball_layer_loss(const thm_ball_layer *b, arb_t f);

/* Whether a symmetric matrix is positive definite: 1 if proved, -1 if it is
 * proved not to be positive semidefinite, 0 if the balls do not tell. */
int thm_ball_definite(const arb_mat_t A);

/* sigma <- a ball that holds the r-th singular value of A: (r x n), counted
 * with dimension: 0 if n < r.  Its ends are within 2^-20 of each other where
 * the value is above 2^-120 |A|; else it reaches down to 0. */
void thm_ball_sigma_min(arb_t sigma, const arb_mat_t A);

/* How many singular values of A exceed THM_RANK_SHARE |A|_F, proved: the number
 * of positive pivots of A A' - t^2 I (or A'A - t^2 I, the smaller one), by
 * Sylvester's law of inertia.  -1 if a pivot's ball holds zero, or A is 0.
 *
 * No finite precision tells a rank, it tells how many singular values lie above
 * a threshold.  The exact zeros of the claims come out far below this one, what
 * is merely badly conditioned stays above. */
#define THM_RANK_SHARE 1e-30
int thm_ball_rank(const arb_mat_t A);

/* norm <- a ball that holds |A|_2, its ends within 2^-20 of each other. */
void thm_ball_norm2(arb_t norm, const arb_mat_t A);

#endif
