/* The sink of a head without a task: see sink.h. */
#include "flow/sink.h"

#include <math.h>

/* dL/dp_0 = p_0 v^2, dL/dp_i = s p_i; v' / v = -p_0^2. */
static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    const thm_sink *sink = ctx;
    const int n = sink->n;
    const double v = exp(x[n]);
    double *p = sink->p, mean = 0.0;
    (void)t;
    const thm_status status = thm_normalise(sink->gates, n, x, p);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        dx[i] = -(i == 0 ? v * v : sink->s) * p[i];
        mean += p[i] * dx[i];
    }
    for (int i = 0; i < n; i++) {
        dx[i] = sink->gates == THM_NORMALISE_SOFTMAX
                    ? p[i] * (dx[i] - mean)
                    : p[i] * (1.0 - p[i]) * dx[i];
    }
    dx[n] = -p[0] * p[0];
    return THM_OK;
}

thm_status thm_sink_ode(thm_sink *sink, thm_ode *ode)
{
    if (sink->n < 1) {
        return THM_EDIM;
    }
    if (sink->gates != THM_NORMALISE_SOFTMAX &&
        sink->gates != THM_NORMALISE_SIGMOID) {
        return THM_EDOMAIN;
    }
    *ode = (thm_ode){.n = sink->n + 1, .ctx = sink, .rhs = rhs};
    return THM_OK;
}
