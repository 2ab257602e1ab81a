/* The smallest singular values of W from a rough factor: the Jacobi-Davidson
 * method (Sleijpen, van der Vorst, SIAM J. Matrix Anal. Appl. 17, 1996) with
 * thick restarts.  Products with W are in double precision; the correction
 * equation, which only has to be solved to a few bits, is in single. */
#ifndef THM_SIGMA_SINGLE_H
#define THM_SIGMA_SINGLE_H

#include "la/rough.h"

typedef struct {
    double second; /* the second smallest Ritz value; 0 if k = 1             */
    double next;   /* some singular value above the first is at least this far
                      up: second, less its residual in the norm of W^+;
                      infinite if k = 1                                      */
    int steps;     /* products with W W' after the first block               */
} thm_refined;

/* v: (k), the unit Ritz vector of the smallest value.  Starts in the space of
 * the 32 lowest vectors of a block Lanczos process on the factor, and stops as
 * soon as what is left of the value is at most `enough` by thm_sigma_left, or
 * the residual |W y / s - s v|, y = W'v, s = |y|, at most `rounding`; or when a
 * step did not lessen the residual: the caller judges.
 * THM_EDOMAIN where a Ritz value is 0 or something overflows; THM_ECONVERGE of
 * a small eigenproblem; THM_EOVERFLOW, THM_ENOMEM: k (W + 90) doubles, W =
 * what thm_lanczos_max takes. */
thm_status thm_sigma_refine(const thm_wide *w, thm_rough *rough, double enough,
                            double rounding, double *v, thm_refined *out);

/* A bound of s - sigma_k for the vector v of value s whose residual r has
 * square = s |W^+ r|^2, if all singular values but sigma_k are >= next, or if
 * those below s + near are within near of s anyhow; near > 0.  Derivation at
 * judge in sigma.c. */
double thm_sigma_left(double s, double next, double square, double near);

#endif
