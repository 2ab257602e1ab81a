/* What a slice of a loss looks like, in numbers.  All of them are about the
 * slice and its grid: a minimum of a slice need not be one of the loss, and the
 * grid sees minima of its own along a valley that is narrow beside its step and
 * oblique to its axes. */
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
    /* Those that remain if every value errs by what `error` says. */
    int64_t minima_certain;

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
