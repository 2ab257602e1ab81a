/* NormSoftmax: a row of logits divided by its own spread while that is small.
 *
 *     p = softmax(S / t),   t = min(s, tau),
 *
 * s being the row's sample standard deviation (divisor n - 1) or its variance
 * (divisor n); gradients flow through s (Jiang, Gu, Pan 2023; as used by
 * Hoffmann et al. 2024, section 4; paper-notes/softmax.md, S12).
 *
 * With c = S - mean(S) and A = (diag(p) - p p' / 1'p) / t,
 *
 *     dp/dS = A (I - k c c' / c'c)   while s < tau,   dp/dS = A   while s >
 * tau,
 *
 * k = 1 for the standard deviation (a projector: the row's own direction is
 * lost) and k = 2 for the variance (a reflection: the singular values of dp/dS
 * are the eigenvalues of A).  At s = tau, where p has a kink, the functions
 * take the side of plain softmax, s >= tau.  A row of equal logits has s = 0:
 * p is uniform by definition and no Jacobian exists (p jumps there).
 *
 * u = 2^-53 below.  Everything is O(n), nothing allocates. */
#ifndef THM_NORMSOFTMAX_H
#define THM_NORMSOFTMAX_H

#include <stdbool.h>
#include "core/status.h"

typedef enum {
    THM_NORM_STD, /* s = (c'c / (n - 1))^(1/2) */
    THM_NORM_VAR  /* s = c'c / n               */
} thm_norm;

/* What min(s, tau) came to.  s carries a relative error of at most 8 u, and is
 * rounded to 0 or infinity where it leaves the range of doubles: p does not
 * suffer from that. */
typedef struct {
    double s;
    double temperature; /* min(s, tau)                            */
    bool normalised;    /* s < tau; true for a row of equal logits */
} thm_normsoftmax_row;

/* p <- softmax(S / min(s, tau)).  S, p: (n), may be the same array; row may be
 * NULL.  Relative error of every p[i] >= 2.3e-308 at most
 *     8 u + 9 u (max S - min S) / t,
 * for finite logits of any size, from denormals to +-1.7e308: the row is
 * centred in two passes and scaled by a power of two first.
 * THM_EDIM if n < 2; THM_EDOMAIN if tau is not positive and finite or if some
 * S[i] is not finite. */
thm_status thm_normsoftmax(int n, const double *S, double tau, thm_norm norm,
                           double *p, thm_normsoftmax_row *row);

/* y <- (dp/dS) v and y <- (dp/dS)' v, p being what thm_normsoftmax made of S.
 * S, p, v, y: (n); y may be v, never S or p.  v is not inspected.
 * THM_EDIM, THM_EDOMAIN as above, and THM_EDOMAIN if S is a row of equal logits
 * or s < 2.3e-308 (1 / s leaves the range), or if p is no vector of
 * probabilities (thm_softmax_jvp). */
thm_status thm_normsoftmax_jvp(int n, const double *S, double tau,
                               thm_norm norm, const double *p, const double *v,
                               double *y);
thm_status thm_normsoftmax_vjp(int n, const double *S, double tau,
                               thm_norm norm, const double *p, const double *v,
                               double *y);

/* dp/dS dense, J[i * n + j] = dp_i / dS_j, (n x n) row-major; not symmetric.
 * O(n^2).  Same domain as the products. */
thm_status thm_normsoftmax_jacobian(int n, const double *S, double tau,
                                    thm_norm norm, const double *p, double *J);

#endif
