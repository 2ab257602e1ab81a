/* What a slice of a loss looks like, in numbers.  All of them are about the
 * slice and its grid: a minimum of a slice need not be one of the loss. */
#ifndef THM_MEASURE_H
#define THM_MEASURE_H

#include <stdint.h>
#include "core/status.h"

typedef struct {
    int64_t non_finite;  /* cells that hold NaN or an infinity               */
    double f_min, f_max; /* over the finite ones; NaN if there are none     */
    int a_min, b_min;    /* where f_min is: indices of its first cell       */

    /* Interior cells strictly below all eight neighbours (two, on a line); a
     * neighbour that is no number spoils a cell. */
    int64_t minima;
    /* Those of them that the grid resolves: they stand above `error` of
     * themselves and their neighbours, and the quadratic that fits the 3 x 3
     * cells best has its minimum among them.  Where a valley is narrow beside
     * the step and oblique to the axes - even that of a quadratic - the grid
     * sees strict minima all along it: there the fit has its minimum elsewhere.
     * (A line has no such cells.) */
    int64_t minima_resolved;

    /* (f_max - f_min) / max(|f_max|, |f_min|): 0 flat, 1 where a loss reaches
     * zero; 0 if f = 0. */
    double relative_range;

    /* Root mean square of f - q over that of f - mean f, over the finite
     * cells, q being the quadratic polynomial of a (and b) that fits best: 0
     * for a quadratic, up to 1.  0 if f is constant; NaN where a fit says
     * nothing: no more cells than its coefficients, or cells that do not
     * determine them. */
    double quadratic_residual;
    /* What the error of the values can make of a true quadratic: the root mean
     * square of `error` over that of f - mean f.  NaN with the residual. */
    double quadratic_noise;
} thm_measure;

/* f: (n_b x n_a), a: (n_a), b: (n_b); error: (n_b x n_a), bounds of the errors
 * of f, or NULL for none.  n_b = 1: a line.
 * THM_EDIM if n_a or n_b < 1; THM_EDOMAIN if a or b is not finite; THM_ENOMEM.
 */
thm_status thm_measure_grid(int n_a, int n_b, const double *a, const double *b,
                            const double *f, const double *error,
                            thm_measure *out);

#endif
