/* Softmax, its entropy and its Jacobian (paper-notes/softmax.md).
 *
 * p = softmax(z / tau), J = dp/dz = (diag(p) - p p' / 1'p) / tau.  The division
 * by 1'p makes J 1 = 0 hold for any p >= 0, not only for one that sums to 1.
 * Temperatures are positive and finite; logits are finite, or -inf where a
 * function says that it admits masked tokens. */
#ifndef THM_SOFTMAX_H
#define THM_SOFTMAX_H

#include "core/status.h"

/* p <- softmax(z / tau), relative error of every p[i] >= 2.3e-308 at most 7.4
 * u, u = 2^-53, whatever n and the size of the logits: the weights carry the
 * rounding of (z - max) / tau along (weight.h), the sum is compensated.
 * z = -inf gives an exact zero.  z, p: (n), may be the same array.
 * THM_EDIM if n < 1; THM_EDOMAIN if tau is not positive and finite, if some z
 * is NaN or +inf, or if every z is -inf. */
thm_status thm_softmax(int n, const double *z, double tau, double *p);

/* log sum_i exp(z_i / tau); same domain as thm_softmax. */
thm_status thm_softmax_lse(int n, const double *z, double tau, double *lse);

/* log p_i = z_i / tau - lse, exact where p_i itself would underflow; -inf for a
 * masked token.  log_p: (n). */
thm_status thm_softmax_log(int n, const double *z, double tau, double *log_p);

/* H = -sum p log p of p = softmax(z / tau), in nats, and (if not NULL) the
 * perplexity-scaled H / log n, 0 for n = 1.  Relative error O(n u) however
 * small H is: the largest token's share enters through log1p of the others'
 * sum. */
thm_status thm_softmax_entropy(int n, const double *z, double tau, double *h,
                               double *h_relative);

/* The same of given probabilities p >= 0, divided by their sum. */
thm_status thm_probs_entropy(int n, const double *p, double *h,
                             double *h_relative);

/* y <- J v.  p, v, y: (n); y may alias v, never p.  O(n), no allocation.
 * THM_EDIM if n < 1; THM_EDOMAIN, y untouched, if some p[i] is negative or not
 * finite, if 1'p is not positive, or if tau is out of its domain.  v is not
 * inspected: a NaN in v reaches y. */
thm_status thm_softmax_jvp(int n, const double *p, double tau, const double *v,
                           double *y);

/* J dense, row-major (n x n): for tests and for saving.  Symmetric to the bit.
 * Same domain as thm_softmax_jvp. */
thm_status thm_softmax_jacobian(int n, const double *p, double tau, double *J);

/* |J|_F without forming J: |tau J|_F^2 = q2 - 2 q3 + q2^2 for 1'p = 1, with
 * q_k = sum p^k, evaluated as a sum of non-negative terms: relative error at
 * most 22 u (note, S4.2).  O(n). */
thm_status thm_softmax_jacobian_fro(int n, const double *p, double tau,
                                    double *fro);

/* trace J = sum_i p_i (1'p - p_i) / (tau 1'p), a sum of non-negative terms
 * without cancellation: relative error at most 8 u, and one denormal spacing
 * a term below the normal range.  O(n).  Same domain as
 * thm_softmax_jvp; infinite if it exceeds the largest double. */
thm_status thm_softmax_jacobian_trace(int n, const double *p, double tau,
                                      double *trace);

#endif
