/* A matrix laid wide, and its triangular factors.
 *
 * W: (k x p), k <= p, is A or A', scaled by a power of two; its singular values
 * are those of 2^-e A.  R, upper triangular, has W W' = R' R: from the Cholesky
 * factorisation of the Gram matrix G = W W', or from W' = Q R without Q.
 * Rows of W are dense; R and G are kept as LAPACK's, column-major. */
#ifndef THM_WIDE_H
#define THM_WIDE_H

#include <stdbool.h>
#include "core/status.h"

typedef struct {
    int k, p, e;
    const double *W; /* (k x p), packed                                     */
    double most;     /* largest |entry| of W: 0, or in [2^-64, 2^64)        */
    double square;   /* |W|_F^2 from above: rounding of its sum included    */
    double missed;   /* |W - 2^-e A|_F at most: entries below normal range  */
    double *owned;   /* W where it is a copy                                */
} thm_wide;

/* A: (m x n), read, and kept in use where it lies wide and near 1 already.
 * THM_EDIM, THM_EDOMAIN (an entry not finite), THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_wide_make(int m, int n, const double *A, thm_wide *out);
void thm_wide_free(thm_wide *wide);

/* The upper triangle of columns from .. to - 1 of G: (k x k).  With gamma_p =
 * p u / (1 - p u) and tiny = 2^-1022, for sums in any order (OpenBLAS),
 *     |G - W W'|_2 <= gamma_p | |W| |W|' |_2 + tiny <= gamma_p |W|_F^2 + tiny.
 */
void thm_wide_gram(const thm_wide *wide, int from, int to, double *G);

/* A factor of W W'; R has leading dimension ld. */
typedef struct {
    int k, ld;
    double *R;
} thm_triangle;

/* From G, overwritten: R points into it.  THM_ESINGULAR if it is not positive
 * definite to the machine. */
thm_status thm_triangle_chol(int k, double *G, thm_triangle *out);

/* By Householder's QR (dgeqrt), |E|_F <= c p k u |W|_F backwards with a small
 * c.  A diagonal of zeros is set to u^2 max |R|, which is a change of W smaller
 * than that.  Needs thm_triangle_free.  THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_triangle_qr(const thm_wide *wide, thm_triangle *out);
void thm_triangle_free(thm_triangle *t);

/* out <- (W W')^-1 X and out <- W W' X through R, `count` columns of k entries
 * each: operators of Lanczos (la/lanczos.h). */
thm_status thm_triangle_inverse(int k, int count, const double *X, double *out,
                                void *t);
thm_status thm_triangle_forward(int k, int count, const double *X, double *out,
                                void *t);

/* out <- R'^-1 x: |out| = |W^+ x|. */
thm_status thm_triangle_half(int k, const double *x, double *out, void *t);

#endif
