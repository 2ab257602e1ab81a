/* Linear combinations of stages in one pass over memory: what an explicit
 * Runge-Kutta method does besides its right-hand sides.
 *
 * n is a multiple of THM_COMBINE_LANES and vectors are padded with zeros to it;
 * every result is the same to the bit on every instruction set. */
#ifndef THM_COMBINE_H
#define THM_COMBINE_H

#include "la/isa.h"

enum { THM_COMBINE_LANES = 16 };

/* How far a step's new state is off. */
typedef struct {
    double largest; /* |error estimate| / tolerance, of the worst component  */
    double flag;    /* 0, or NaN if anything was not finite                  */
} thm_combine_error;

typedef struct {
    /* out <- x + sum_{j < m} c[j] k[j], 1 <= m <= 12, out may be x.  Returns 0,
     * or NaN if out or k[m - 1], the newest stage, has an entry that is not
     * finite. */
    double (*stage)(int n, const double *x, int m, const double *const *k,
                    const double *c, double *out);
    /* out <- x + sum b[j] k[j]; the estimate is sum e[j] k[j], component i is
     * allowed atol + rtol max(|x_i|, |out_i|). */
    thm_combine_error (*finish)(int n, const double *x, int m,
                                const double *const *k, const double *b,
                                const double *e, double atol, double rtol,
                                double *out);
    /* |a - b|^2. */
    double (*distance)(int n, const double *a, const double *b);
} thm_combine;

/* The kernels of an instruction set. */
const thm_combine *thm_combine_kernels(thm_isa isa);

extern const thm_combine thm_combine_baseline, thm_combine_avx2,
    thm_combine_avx512;

/* Plain twin, an entry at a time. */
extern const thm_combine thm_combine_ref;

#endif
