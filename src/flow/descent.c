/* Gradient descent with a fixed step: see descent.h. */
#include "flow/descent.h"

#include <math.h>
#include <stdlib.h>

thm_status thm_descend(const thm_objective *f, double step, long steps,
                       double *x, bool (*interrupted)(void *ctx), void *ctx)
{
    enum { ASK = 1000 };
    if (f->n < 1) {
        return THM_EDIM;
    }
    if (!(step > 0.0) || !isfinite(step) || steps < 0) {
        return THM_EDOMAIN;
    }
    double *g = malloc((size_t)f->n * sizeof *g);
    if (!g) {
        return THM_ENOMEM;
    }
    thm_status status = THM_OK;
    for (long k = 0; k < steps && status == THM_OK; k++) {
        if (interrupted && k % ASK == 0 && interrupted(ctx)) {
            status = THM_EINTERRUPTED;
            break;
        }
        status = f->gradient(x, g, f->ctx);
        double sum = 0.0; /* NaN or infinite if some entry is */
        for (int i = 0; i < f->n && status == THM_OK; i++) {
            x[i] -= step * g[i];
            sum += fabs(x[i]);
        }
        if (!isfinite(sum)) {
            status = THM_EDOMAIN;
        }
    }
    free(g);
    return status;
}
