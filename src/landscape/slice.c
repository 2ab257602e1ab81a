/* Values of an objective along a line of a slice: see slice.h. */
#include "landscape/slice.h"

#include <math.h>

void thm_slice_axis(double lo, double hi, int count, double *x)
{
    const double last = count - 1;
    for (int i = 0; i < count; i++) {
        x[i] = last > 0.0 ? ((last - i) * lo + i * hi) / last : (lo + hi) / 2;
    }
}

thm_status thm_slice_values(const thm_slice *slice, double b, int count,
                            const double *a, double *x, double *values)
{
    const thm_objective *f = slice->f;
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < f->n; i++) {
            x[i] = slice->x0[i] + a[k] * slice->d1[i] +
                   (slice->d2 ? b * slice->d2[i] : 0.0);
        }
        const thm_status status = f->value(x, &values[k], f->ctx);
        if (status == THM_EDOMAIN || status == THM_EOVERFLOW ||
            (status == THM_OK && !isfinite(values[k]))) {
            values[k] = (double)NAN;
        } else if (status != THM_OK) {
            return status;
        }
    }
    return THM_OK;
}
