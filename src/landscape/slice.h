/* A line or a plane through parameter space on a grid: its points, and the
 * values of any objective there. */
#ifndef THM_SLICE_H
#define THM_SLICE_H

#include "core/status.h"
#include "softmax/objective.h"

/* x[i] = ((count - 1 - i) lo + i hi) / (count - 1), i < count, so that a
 * symmetric range of odd count has 0 in its middle; count = 1: the middle. */
void thm_slice_axis(double lo, double hi, int count, double *x);

typedef struct {
    const thm_objective *f;
    const double *x0, *d1, *d2; /* (n); d2 may be NULL: a line             */
} thm_slice;

/* values[k] <- f(x0 + a[k] d1 + b d2), k < count; x: (n), scratch.  NaN where
 * the objective refuses (THM_EDOMAIN, THM_EOVERFLOW) or is not finite; other
 * statuses are returned, values spoilt. */
thm_status thm_slice_values(const thm_slice *slice, double b, int count,
                            const double *a, double *x, double *values);

#endif
