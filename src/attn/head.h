/* One head of softmax attention and its gradients in closed form.
 *
 *     Q = X Wq,  K = X Wk,  V = X Wv,  S = Q K',  A = softmax(S / tau) by rows,
 *     Z = A V,
 *
 * and for a loss with G = dL/dZ (Hoffmann et al. 2024, section 3.1;
 * paper-notes/softmax.md, S10)
 *
 *     dS  = (1/tau) A o (G V' - r 1'),   r_i = sum_j A_ij (G V')_ij,
 *     dWq = X' dS K,   dWk = X' dS' Q,   dWv = X' A' G,
 *     dX  = dS K Wq' + dS' Q Wk' + A' G Wv'.
 *
 * Only dWv escapes the Jacobian of softmax.  Matrices are dense, row-major,
 * without gaps: X, dX (n x D), Wq, Wk, Wv and their gradients (D x d), Q, K, V,
 * Z, G (n x d), S, A, dS (n x n).  u = 2^-53, gamma_k = k u / (1 - k u). */
#ifndef THM_HEAD_H
#define THM_HEAD_H

#include "core/status.h"

typedef struct {
    int n, D, d; /* tokens, embedding, head width */
    double tau;
    const double *X, *Wq, *Wk, *Wv;
} thm_head;

/* The temperature of Transformers, sqrt(d). */
double thm_head_tau(int d);

/* What a forward pass leaves behind, and what a backward pass adds. */
typedef struct {
    int n, D, d;
    double *Q, *K, *V, *Z; /* (n x d), by thm_head_forward  */
    double *S, *A;         /* (n x n), by thm_head_forward  */
    double *dS;            /* (n x n), by thm_head_backward */
    double *dQ, *dK, *dV;  /* (n x d), by thm_head_backward */
} thm_head_state;

/* Allocates the state in one block of 3 n^2 + 7 n d doubles, zeroed.  On error
 * *state is all zero.  THM_EDIM if a size is < 1, THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_head_state_alloc(int n, int D, int d, thm_head_state *state);

/* Frees the block and zeroes *state; NULL and a zeroed state are allowed. */
void thm_head_state_free(thm_head_state *state);

/* Fills Q, K, V, S, A, Z: 2 n d (3 D + 2 n) FLOP.
 *
 * The relative error of every A_ij >= 2.3e-308 is at most
 *     rho_i = expm1(2 gamma_(2D+d) sigma_i + 8 u),
 *     sigma_i = max_j (|X| |Wq| |Wk|' |X|')_ij / tau.
 * THM_EDIM if a size is < 1 or not the state's; THM_EDOMAIN if tau is not
 * positive and finite or if some S_ij is not finite: the arrays of the state
 * are then undefined. */
thm_status thm_head_forward(const thm_head *head, thm_head_state *state);

/* The gradients at a state that thm_head_forward filled; G: (n x d).  dS, dQ,
 * dK, dV of the state always; dWq, dWk, dWv, dX where not NULL.  Cost: 8 n^2 d
 * FLOP, 2 n D d for each weight, 6 n D d for dX.
 *
 * Every entry is a sum of products.  Its error is at most
 * (1 + rho)^2 (1 + gamma_(2D+2d+3n+20)) - 1 times the sum of their absolute
 * values, rho being the largest rho_i (proof in the note, S10).
 * THM_EDIM as above.  G is not inspected: a NaN in it reaches the gradients. */
thm_status thm_head_backward(const thm_head *head, thm_head_state *state,
                             const double *G, double *dWq, double *dWk,
                             double *dWv, double *dX);

/* The plain twins: the same formulas, entry by entry. */
thm_status thm_head_forward_ref(const thm_head *head, thm_head_state *state);
thm_status thm_head_backward_ref(const thm_head *head, thm_head_state *state,
                                 const double *G, double *dWq, double *dWk,
                                 double *dWv, double *dX);

#endif
