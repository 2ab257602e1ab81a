/* Two integrations at tolerances a hundredfold apart: see integrated.h. */
#include "claims/integrated.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

thm_status thm_integrated(int n, thm_integration run, void *ctx, double *q,
                          double *err)
{
    if (n < 1) {
        return THM_EDIM;
    }
    double *coarse = calloc((size_t)n, sizeof *coarse);
    if (!coarse) {
        return THM_ENOMEM;
    }
    thm_ode_options options = thm_ode_defaults();
    long steps = 0;
    options.rtol = options.atol = 1e-10;
    thm_status status = run(&options, coarse, &steps, ctx);
    if (status == THM_OK) {
        options.rtol = options.atol = 1e-12;
        status = run(&options, q, &steps, ctx);
    }
    for (int i = 0; i < n && status == THM_OK; i++) {
        err[i] = fabs(q[i] - coarse[i]) +
                 (double)steps * (options.rtol + DBL_EPSILON / 2) * fabs(q[i]);
    }
    free(coarse);
    return status;
}
