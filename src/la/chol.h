/* Cholesky factorisation A = L L' of a symmetric positive definite matrix
 * (LAPACK's dpotrf).  O(n^3) work.
 *
 * A: (n x n), symmetric to the bit; L: (n x n), lower triangular with zeros
 * above.  report (NULL allowed): err bounds |A - L L'|_F, proved, the rounding
 * of its evaluation included; hence success certifies that every eigenvalue of
 * A is at least -err.  orthogonality = 0.
 * THM_EDIM if n < 1; THM_EDOMAIN if an entry is not finite or A is not
 * symmetric; THM_ESINGULAR if a pivot is not positive: A is not positive
 * definite, or too near the boundary to tell; THM_ENOMEM. */
#ifndef THM_CHOL_H
#define THM_CHOL_H

#include "la/dense.h"

thm_status thm_chol(int n, const double *A, double *L, thm_la_report *report);

#endif
