/* The smallest singular value of a large dense matrix, faster than all of them.
 *
 * A: (m x n) is reduced to a triangular factor R with A A' = R' R or A'A = R'R,
 * whichever is smaller, and block Lanczos is run on (R' R)^-1.  R comes from
 * the Cholesky factorisation of the Gram matrix where its condition allows, and
 * from a Householder QR factorisation without Q elsewhere.  Plain inverse
 * iteration stalls on clustered small singular values; Lanczos does not.
 *
 * Up to a condition of about 1e5, R in single precision is enough: it starts
 * and preconditions the Jacobi-Davidson method (Sleijpen, van der Vorst, 1996)
 * on A itself in double precision, which takes a few products with A.
 *
 * The value is |A'v| / |v| (or |A v| / |v|) of the vector v found, in twice the
 * working precision: its error is quadratic in that of v, so that neither the
 * Gram matrix's squared condition nor single precision is paid for, and what is
 * returned has passed a test on A itself (residual and error below).
 *
 * Costs, k = min(m, n), p = max(m, n), FLOP in (s)ingle or (d)ouble precision:
 * k^2 p + k^3 / 3 (s) on THM_SIGMA_SINGLE_GRAM, 2 k^2 (p - k / 3) (s) on
 * THM_SIGMA_SINGLE_QR, the same (d) on THM_SIGMA_GRAM and THM_SIGMA_QR; and
 * O(k p) for the rest.  Room for one or two copies of A. */
#ifndef THM_SIGMA_H
#define THM_SIGMA_H

#include "core/status.h"

typedef enum {
    THM_SIGMA_AUTO, /* by a guess at first, by the test below in the end */
    THM_SIGMA_GRAM,
    THM_SIGMA_QR,
    THM_SIGMA_SINGLE_GRAM, /* R in single precision */
    THM_SIGMA_SINGLE_QR,
    THM_SIGMA_SVD /* taken only, never asked for: all values of R, where
                     Lanczos overflowed or did not end */
} thm_sigma_route;

/* Lanczos steps at most, for sigma_k and for sigma_1: the latter is a yardstick
 * and has to be cheap. */
enum { THM_SIGMA_STEPS = 300, THM_SIGMA_MAX_STEPS = 40 };

typedef struct {
    double min, max;  /* sigma_k, k = min(m, n), and sigma_1: estimates.  min
                         errs upwards but for a few units in its last place */
    double max_error; /* estimate of |max - sigma_1| / max; max errs downwards.
                         About eps up to k = 40 or where sigma_1 stands apart,
                         2e-4 at the edge of a random spectrum, k = 2000     */
    double residual;  /* some singular value lies within residual max of min:
                         min(|A u - min v|, min) / max, u = A'v / min        */
    double error;     /* estimate of |min - sigma_k| / max; proved but for the
                         Ritz value that it takes for sigma_(k-1)            */
    double gap;       /* 1 - sigma_k / sigma_(k-1) as Lanczos saw them; 1 if
                         k = 1, 0 if it never saw a second one               */
    double threshold; /* max(m, n) eps max: below it the rank is undecided  */
    int steps;        /* for min: of Lanczos, or in single precision
                         products with A A' after the first block            */
    thm_sigma_route route; /* taken */
} thm_sigma;

/* The test that a result has passed, with p = max(m, n): on the routes of Gram
 * matrices and single precision error <= eps / sqrt(p) or residual <= sqrt(p)
 * eps (the rounding of the residual itself); on the others error <= 4 p eps,
 * which bounds the backward error of a QR factorisation.
 * THM_SIGMA_AUTO takes single precision only from k = 256 on, where it gains.
 * THM_EDIM if m or n < 1; THM_EDOMAIN if an entry is not finite or the route is
 * none to ask for; THM_ECONVERGE if the test failed - of a route asked for, but
 * THM_SIGMA_QR, an answer to expect, where its factor does not determine
 * sigma_k; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_sigma_est(int m, int n, const double *A, thm_sigma_route route,
                         thm_sigma *out);

#endif
