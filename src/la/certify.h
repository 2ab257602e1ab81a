/* Proved bounds of the smallest singular value of every matrix near a given one
 * (paper-notes/song2024.md, "Certificates").
 *
 * For every A* with |A* - A|_F <= delta, k = min(m, n):
 *
 *     lower <= sigma_k(A*) <= upper.
 *
 * Routes to the lower bound, cheapest first:
 *   cholesky        one shifted Cholesky factorisation of the floating-point
 *                   Gram matrix that runs to its end (Rump, BIT 46, 2006);
 *                   reaches down to sqrt(2 (p + k) u) |A|_F, p = max(m, n),
 *                   about 1e-6 sigma_1 for small matrices
 *   preconditioned  with X an approximate inverse of the triangular factor,
 *                   |I - (X A)(X A)'| <= eta < 1 gives
 *                   sigma_k >= sqrt(1 - eta) / |X|_2; X A in twice the working
 *                   precision; reaches down to about 1e-13 sigma_1
 * Below that lower = 0: undecided, never "rank-deficient".  upper is |A'v| of a
 * vector v, proved: near-deficiency can be certified.
 *
 * Assumed: IEEE 754 doubles rounded to nearest; BLAS and LAPACK compute their
 * sums of products in any order, fused or not, and a quotient as one or as the
 * product with a reciprocal.  OpenBLAS does. */
#ifndef THM_CERTIFY_H
#define THM_CERTIFY_H

#include <stdbool.h>
#include "core/status.h"
#include "la/sigma.h"

typedef enum {
    THM_CERTIFIED_NOT,
    THM_CERTIFIED_CHOLESKY,
    THM_CERTIFIED_PRECONDITIONED
} thm_certified;

typedef struct {
    double lower, upper;   /* of sigma_k, for every A* within delta    */
    double max_upper;      /* of sigma_1                               */
    thm_certified route;   /* to the lower bound of A itself           */
    bool limited_by_delta; /* A alone has a positive lower bound: it is
                              the error of the matrix that undecides  */
} thm_sigma_bound;

/* guide: what thm_sigma_est said of A, which decides where to aim, never what
 * is proved; NULL: computed here.  THM_EDIM, THM_EDOMAIN (an entry not finite,
 * delta negative or not finite), THM_ENOMEM, THM_EOVERFLOW. */
thm_status thm_sigma_bnd(int m, int n, const double *A, double delta,
                         const thm_sigma *guide, thm_sigma_bound *out);

#endif
