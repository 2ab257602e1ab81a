/* The smallest singular value of a large dense matrix, faster than all of them.
 *
 * A: (m x n) is reduced to a triangular factor R with A A' = R' R or A'A = R'R,
 * whichever is smaller, and Lanczos is run on (R R')^-1.  R comes from the
 * Cholesky factorisation of the Gram matrix where its condition allows - the
 * relative error of sigma_min is then at most about eps cond^2 - and from a
 * Householder QR factorisation without Q elsewhere.  Plain inverse iteration
 * stalls on clustered small singular values; Lanczos does not. */
#ifndef THM_SIGMA_H
#define THM_SIGMA_H

#include "core/status.h"

typedef enum { THM_SIGMA_AUTO, THM_SIGMA_GRAM, THM_SIGMA_QR } thm_sigma_route;

typedef struct {
    double min, max;  /* sigma_k, k = min(m, n), and sigma_1: estimates  */
    double residual;  /* |(A A' v - min^2 v)| / max^2 of the found vector,
                         recomputed from A: a singular value lies this near */
    double gap;       /* relative distance to the next Ritz value         */
    double threshold; /* max(m, n) eps max: below it the rank is undecided */
    int steps;        /* Lanczos steps                                    */
    thm_sigma_route route; /* taken */
} thm_sigma;

/* THM_EDIM if m or n < 1; THM_EDOMAIN if an entry is not finite; THM_ECONVERGE
 * if the residual test did not pass in the documented number of steps;
 * THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_sigma_est(int m, int n, const double *A, thm_sigma_route route,
                         thm_sigma *out);

#endif
