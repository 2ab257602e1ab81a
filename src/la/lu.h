/* Square systems A x = b: LU with partial pivoting (LAPACK's dgetrf) of A with
 * its rows, then its columns, scaled by powers of two to largest entries in
 * [1/2, 1).  O(n^3) to factor, O(n^2) to solve, nothing allocated in either. */
#ifndef THM_LU_H
#define THM_LU_H

#include "core/status.h"

typedef struct thm_lu thm_lu;

/* THM_EDIM if n < 1; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_lu_alloc(int n, thm_lu **lu);
void thm_lu_free(thm_lu *lu);

/* Factors A: (n x n) row-major.  *rcond (NULL allowed): LAPACK's estimate of
 * 1 / (|S|_1 |S^-1|_1) for the scaled matrix S, 0 where a pivot vanishes.
 * THM_EDOMAIN if an entry is not finite; THM_ESINGULAR, *rcond set, unless
 * rcond > n eps: a matrix this close to a singular one cannot be told from it
 * by its rounded factors.  After either the factors are unusable. */
thm_status thm_lu_factor(thm_lu *lu, const double *A, double *rcond);

/* x: (n) <- A^-1 b; x may be b.  THM_EDOMAIN without factors; THM_ESINGULAR, x
 * untouched, if the result is not finite. */
thm_status thm_lu_solve(thm_lu *lu, const double *b, double *x);

#endif
