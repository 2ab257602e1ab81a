/* Triangular factors in single precision: half the memory to read and twice the
 * speed, for operators that need not be exact.
 *
 * R, upper triangular, has R'R near W W' / 4^e for a matrix W laid wide
 * (la/wide.h), scaled so that squares stay in range. */
#ifndef THM_ROUGH_H
#define THM_ROUGH_H

#include "la/wide.h"

typedef struct {
    int k, ld;
    double scale; /* 2^e                                             */
    float *R;     /* column-major                                    */
    float *x;     /* scratch of the operators                        */
    float *W;     /* (k x p) while it waits for a factor, else empty */
    int p;
} thm_rough;

/* All need thm_rough_free, THM_EOVERFLOW, THM_ENOMEM. */

/* R of the factor at hand; scale: of the size of |R|. */
thm_status thm_rough_copy(const thm_triangle *t, double scale, thm_rough *out);

/* W rounded to single precision, for the factorisations below. */
thm_status thm_rough_make(const thm_wide *wide, thm_rough *out);

/* How fast the diagonal of R falls over its first h rows, by the Gram matrix of
 * those rows: least over largest entry; 0 if that matrix is not definite. */
thm_status thm_rough_fall(const thm_rough *rough, int h, double *fall);

/* R by Cholesky's factorisation of the Gram matrix, or by Householder's QR in
 * place of W.  THM_ESINGULAR if it is not positive definite to the machine, or
 * an entry of the diagonal is below 2^-24 of the largest one: W stays then
 * unless QR took its place. */
thm_status thm_rough_chol(thm_rough *rough);
thm_status thm_rough_qr(thm_rough *rough);

void thm_rough_free(thm_rough *rough);

/* out <- W W' X, (W W')^-1 X: operators of Lanczos; X is scaled column by
 * column, so that no column leaves the range of floats. */
thm_status thm_rough_forward(int k, int count, const double *X, double *out,
                             void *rough);
thm_status thm_rough_inverse(int k, int count, const double *X, double *out,
                             void *rough);

/* out <- R'^-1 x, unscaled as above: |out| = |W^+ x|. */
thm_status thm_rough_half(int k, const double *x, double *out, void *rough);

#endif
