/* What the factorisations share: checked copies, scaling, norms, and the report
 * that comes with every result.
 *
 * Matrices are row-major and packed.  u = 2^-53; |.|_F is the Frobenius norm.
 * A factorisation works on A scaled by a power of two to entries below 1, so
 * that neither it nor its residual overflows or loses small entries. */
#ifndef THM_DENSE_H
#define THM_DENSE_H

#include "core/status.h"

/* How good a factorisation is, recomputed from A and the factors; nothing is
 * taken from LAPACK's word.  Each header says what its err bounds. */
typedef struct {
    double residual; /* |A - product of the factors|_F / |A|_F; 0 if A = 0 */
    double orthogonality; /* largest |Q'Q - I|_F of the orthonormal factors */
    double err; /* absolute error bound, in the unit of A             */
} thm_la_report;

/* THM_EDIM unless m, n >= 1; THM_EDOMAIN if an entry of A is not finite. */
thm_status thm_dense_check(int m, int n, const double *A);

/* The same for n x n, and THM_EDOMAIN if A is not symmetric to the bit. */
thm_status thm_dense_check_symmetric(int n, const double *A);

/* Room for `copies` matrices m x n, freed by free(); THM_EOVERFLOW, THM_ENOMEM.
 */
thm_status thm_dense_alloc(int m, int n, int copies, double **out);

/* out <- 2^-e A with e, the return value, such that the largest entry lies in
 * [1/2, 1); exact but for entries that fall below the normal range, where it
 * errs by at most 2^-1075.  e = 0 if A = 0. */
int thm_dense_scale(int m, int n, const double *A, double *out);

/* |A|_F, relative error at most (m n / 2 + 2) u; for entries that are neither
 * huge nor all tiny, as after thm_dense_scale. */
double thm_dense_norm(int m, int n, const double *A);

/* |Q Q' - I|_F of Q: (k x n), whose rows should be orthonormal, or (columns
 * set) |Q' Q - I|_F of Q: (n x k).  gram: (k x k), scratch.  *rounding receives
 * a bound of the error of the value: the product errs by gamma_n |Q||Q'|, at
 * most gamma_n |Q|_F^2 in norm, the subtraction by u more. */
double thm_dense_defect(int columns, int k, int n, const double *Q,
                        double *gram, double *rounding);

/* THM_OK for LAPACK's info = 0, THM_ECONVERGE for info > 0, THM_ENOMEM where
 * LAPACKE ran out of memory, THM_EINTERNAL for an argument it refused. */
thm_status thm_dense_info(int info);

/* x[i] <- 2^e x[i]; THM_EOVERFLOW, x spoilt, if one leaves the finite range. */
thm_status thm_dense_unscale(int count, int e, double *x);

#endif
