/* The spectrum of the softmax Jacobian J = (diag(p) - p p' / 1'p) / tau in O(n)
 * memory and O(n^2) work, every eigenvalue to high relative accuracy, from
 * logits of any size (paper-notes/softmax.md, "The spectrum").
 *
 * Eigenvalues are ascending; the first is the exact zero of the vector of
 * ones.  J is a graph Laplacian with weights p_i p_j / (tau 1'p), so relative
 * errors u in p move every eigenvalue by at most about 3 u. */
#ifndef THM_SPECTRUM_H
#define THM_SPECTRUM_H

#include "core/status.h"
#include "la/isa.h"

/* What the spectrum is of, and scratch to compute it; made once, used for any
 * number of rows. */
typedef struct thm_spectrum_work thm_spectrum_work;

/* Scratch for rows of up to n tokens, O(n) memory.  threads >= 1 share the
 * roots; the result does not depend on it, nor on isa. */
thm_status thm_spectrum_work_alloc(int n, int threads, thm_isa isa,
                                   thm_spectrum_work **work);
void thm_spectrum_work_free(thm_spectrum_work *work);

/* Loads a row: logits (-inf masks a token) or probabilities (any p >= 0 with a
 * positive sum; J divides by the sum).  The row is copied.
 * THM_EDIM if n < 1 or above the workspace; THM_EDOMAIN as thm_softmax. */
thm_status thm_spectrum_load_logits(thm_spectrum_work *work, int n,
                                    const double *z, double tau);
thm_status thm_spectrum_load_probs(thm_spectrum_work *work, int n,
                                   const double *p, double tau);

typedef struct {
    int zeros;        /* exact zeros: 1 + the number of p_i = 0          */
    int underflowed;  /* nonzero eigenvalues below 2.2250738585072014e-308 */
    long evaluations; /* of the secular function, O(n) each              */
    double residual;  /* largest last |step| / mu over the roots         */
} thm_spectrum_stats;

/* All n eigenvalues of the loaded row, ascending.  Relative error of every
 * eigenvalue >= 2.3e-308: proved below 2 (thm_secular_depth(n) + 8) u + 10 u,
 * about 2e-14 at n = 1000 (note, "What that costs the root"); measured below
 * 5e-16, and the tests demand 4e-15.  Below 2.3e-308 one denormal spacing more.
 * stats may be NULL.  THM_ECONVERGE, lambda untouched, if a root fails its
 * residual test. */
thm_status thm_spectrum_values(thm_spectrum_work *work, double *lambda,
                               thm_spectrum_stats *stats);

/* Eigenvalues number `first` .. `first + count - 1` of the n ascending ones
 * (0-based; 0 is the exact zero), each in O(n): two pole selections and a few
 * evaluations.  For count << n; the full spectrum is cheaper at once. */
thm_status thm_spectrum_range(thm_spectrum_work *work, int first, int count,
                              double *lambda, thm_spectrum_stats *stats);

/* Unit eigenvectors of the same eigenvalues, closed form v_j = p_j / (p_j -
 * mu), V: (count x n) row-major, row k belongs to lambda[k]; ties get the
 * Helmert basis of their coordinates.  O(n) each. */
thm_status thm_spectrum_vectors(thm_spectrum_work *work, int first, int count,
                                double *lambda, double *V,
                                thm_spectrum_stats *stats);

/* lo[i] 2^e[i] <= lambda_i <= hi[i] 2^e[i] for the exact J of the given
 * doubles, all n of them, ascending; e[i] = 0 unless the value leaves the range
 * of normal doubles.  Signs of the secular function at points beside the
 * computed root, with a proved bound of their rounding; exponentials by ball
 * arithmetic. Where no sign is certain the poles themselves enclose
 * (interlacing). */
thm_status thm_spectrum_encl(thm_spectrum_work *work, double *lo, double *hi,
                             int *e);

/* The plain twin: eigenvalues by bisection in ball arithmetic at `bits` bits of
 * working precision, correctly rounded; O(n^2 bits), for tests and references.
 */
thm_status thm_spectrum_ref(int n, const double *z, double tau, int bits,
                            double *lambda);

#endif
