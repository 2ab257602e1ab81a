/* Eigenvalues of a dense symmetric matrix, A = V' diag(w) V, ascending
 * (LAPACK's dsyevd).  O(n^3) work, O(n^2) memory.
 *
 * A: (n x n), symmetric to the bit; w: (n).  THM_EDIM if n < 1; THM_EDOMAIN if
 * an entry is not finite or A is not symmetric; THM_ECONVERGE; THM_EOVERFLOW if
 * an eigenvalue exceeds the largest double; THM_ENOMEM. */
#ifndef THM_EIG_H
#define THM_EIG_H

#include "la/dense.h"

/* Values only, about ten times cheaper.  report (NULL allowed): residual is
 * the larger of |sum w - tr A| / (sqrt(n) |A|_F) and | |w|_2 - |A|_F | / |A|_F,
 * each a lower bound of the relative backward error (Hoffman, Wielandt), with
 * rounding of its own; err = n eps |A|_F is customary for a backward stable
 * method and not proved: what a verdict rests on comes from thm_eig.
 * orthogonality = 0. */
thm_status thm_eig_values(int n, const double *A, double *w,
                          thm_la_report *report);

/* Row k of V: (n x n) is a unit eigenvector of w[k].  V must not overlap A.
 *
 * err bounds |w[k] - lambda_k(A)| for every k, proved: with R = A V' - V' W and
 * D = V'V - I, A - V' W V = R V - A D, and by Ostrowski the eigenvalues of
 * V' W V are (1 + t_k) w[k] with |t_k| <= |D|, hence
 *     err = |R| (1 + |D|) + |D| (|A| + max |w|),
 * in Frobenius norms, plus the rounding of their evaluation, which is about
 * 2 n^2 u |A|_F and as a rule the larger part. */
thm_status thm_eig(int n, const double *A, double *w, double *V,
                   thm_la_report *report);

#endif
