/* x' = f(x) in s = log(1 + t): see log_time.h. */
#include "flow/log_time.h"

#include <math.h>

static const thm_ode *inner(void *ctx)
{
    return ((const thm_log_time *)ctx)->ode;
}

static thm_status rhs(double s, const double *x, double *dx, void *ctx)
{
    const thm_ode *ode = inner(ctx);
    const double slope = exp(s);
    if (!isfinite(slope)) {
        return THM_EDOMAIN;
    }
    thm_status status = ode->rhs(expm1(s), x, dx, ode->ctx);
    for (int i = 0; i < ode->n && status == THM_OK; i++) {
        dx[i] *= slope;
    }
    return status;
}

static thm_status jvp(double s, const double *x, const double *v, double *out,
                      void *ctx)
{
    const thm_ode *ode = inner(ctx);
    const double slope = exp(s);
    thm_status status = ode->jvp(expm1(s), x, v, out, ode->ctx);
    for (int i = 0; i < ode->n && status == THM_OK; i++) {
        out[i] *= slope;
    }
    return status;
}

/* d/ds [e^s f(x)] is the right-hand side itself. */
static thm_status jacobian(double s, const double *x, double *J, double *dfds,
                           void *ctx)
{
    const thm_ode *ode = inner(ctx);
    const double slope = exp(s);
    const size_t n = (size_t)ode->n;
    thm_status status = ode->jacobian(expm1(s), x, J, dfds, ode->ctx);
    for (size_t i = 0; i < n * n && status == THM_OK; i++) {
        J[i] *= slope;
    }
    return status == THM_OK ? rhs(s, x, dfds, ctx) : status;
}

static thm_status solve(double s, const double *y, double gamma,
                        const double *b, double *x, void *ctx)
{
    const thm_ode *ode = inner(ctx);
    return ode->solve(expm1(s), y, gamma * exp(s), b, x, ode->ctx);
}

thm_ode thm_log_time_ode(thm_log_time *log_time)
{
    const thm_ode *ode = log_time->ode;
    return (thm_ode){.n = ode->n,
                     .ctx = log_time,
                     .rhs = rhs,
                     .jvp = ode->jvp ? jvp : NULL,
                     .jacobian = ode->jacobian ? jacobian : NULL,
                     .solve = ode->solve ? solve : NULL};
}
