/* Singular values of a dense matrix, A = U diag(s) Vt, descending (LAPACK's
 * dgesdd).  O(m n min(m, n)) work.
 *
 * A: (m x n); s: (k), k = min(m, n).  THM_EDIM if m or n < 1; THM_EDOMAIN if an
 * entry is not finite; THM_ECONVERGE; THM_EOVERFLOW if a value exceeds the
 * largest double; THM_ENOMEM. */
#ifndef THM_SVD_H
#define THM_SVD_H

#include "la/dense.h"

/* Values only.  report (NULL allowed): residual = | |s|_2 - |A|_F | / |A|_F, a
 * lower bound of the relative backward error; err = max(m, n) eps s[0] is
 * customary and not proved: what a verdict rests on comes from thm_svd or
 * thm_sigma_min.  orthogonality = 0. */
thm_status thm_svd_values(int m, int n, const double *A, double *s,
                          thm_la_report *report);

/* U: (m x k) with orthonormal columns, Vt: (k x n) with orthonormal rows; they
 * must not overlap A.
 *
 * err bounds |s[i] - sigma_i(A)| for every i, proved: with E = A - U S Vt and D
 * the larger of |U'U - I| and |V'V - I|, the singular values of U S Vt lie
 * between (1 - D) s[i] and (1 + D) s[i], hence by Weyl
 *     err = |E| + D s[0],
 * in Frobenius norms, plus the rounding of their evaluation. */
thm_status thm_svd(int m, int n, const double *A, double *s, double *U,
                   double *Vt, thm_la_report *report);

/* The smallest of the k singular values and a proved bound of its error, from
 * thm_svd; *err must not be NULL: a smallest singular value alone says nothing
 * about rank. */
thm_status thm_sigma_min(int m, int n, const double *A, double *sigma,
                         double *err);

#endif
