/* The steppers of GSL's odeiv2 as a method (run.h).
 *
 * GSL interpolates nothing: requested times are stepped on, and the state
 * inside a step comes from a second integration of the same kind, started from
 * the step's beginning. */
#include <float.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/run.h"

typedef struct {
    thm_ode_run *run;
    gsl_odeiv2_system system;
    gsl_odeiv2_driver *driver; /* owns step, control and evolution           */
    gsl_odeiv2_driver *again;  /* the second integration                     */
    thm_status failed;         /* what ended the run inside a callback       */
} gsl_self;

static const gsl_odeiv2_step_type *type_of(thm_stepper stepper)
{
    switch (stepper) {
    case THM_STEPPER_RKF45:
        return gsl_odeiv2_step_rkf45;
    case THM_STEPPER_MSADAMS:
        return gsl_odeiv2_step_msadams;
    case THM_STEPPER_MSBDF:
        return gsl_odeiv2_step_msbdf;
    case THM_STEPPER_BSIMP:
        return gsl_odeiv2_step_bsimp;
    case THM_STEPPER_RK4IMP:
        return gsl_odeiv2_step_rk4imp;
    case THM_STEPPER_RK4:
        return gsl_odeiv2_step_rk4;
    default:
        return gsl_odeiv2_step_rk8pd;
    }
}

/* GSL halves the step on any error but GSL_EBADFUNC, on which it gives up. */
static int answer(gsl_self *self, thm_status status, int count,
                  const double *out)
{
    if (status == THM_OK) {
        return thm_finite(count, out) ? GSL_SUCCESS : GSL_EDOM;
    }
    if (status == THM_EDOMAIN) {
        return GSL_EDOM;
    }
    self->failed = status;
    return GSL_EBADFUNC;
}

static int call_rhs(double t, const double y[], double dydt[], void *params)
{
    gsl_self *self = params;
    thm_status status = thm_run_rhs(self->run, t, y, dydt);
    return answer(self, status, self->run->n, dydt);
}

static int call_jacobian(double t, const double y[], double *dfdy,
                         double dfdt[], void *params)
{
    gsl_self *self = params;
    const thm_ode *ode = self->run->ode;
    self->run->stats->jacobians++;
    thm_status status =
        thm_run_mapped(ode->jacobian(t, y, dfdy, dfdt, ode->ctx));
    return answer(self, status, ode->n, dfdt);
}

static gsl_odeiv2_driver *driver_of(gsl_self *self)
{
    const thm_ode_options *options = self->run->options;
    return gsl_odeiv2_driver_alloc_standard_new(
        &self->system, type_of(options->stepper), 1.0, self->run->floor,
        options->rtol, 1.0, 0.0);
}

static void gsl_free(void *object)
{
    gsl_self *self = object;
    if (self->driver != NULL) {
        gsl_odeiv2_driver_free(self->driver);
    }
    if (self->again != NULL) {
        gsl_odeiv2_driver_free(self->again);
    }
    free(self);
}

static thm_status gsl_alloc(thm_ode_run *run, void **out)
{
    /* where a program has not done it: GSL's default is to abort */
    gsl_set_error_handler_off();
    gsl_self *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return THM_ENOMEM;
    }
    self->run = run;
    self->system = (gsl_odeiv2_system){.function = call_rhs,
                                       .jacobian = call_jacobian,
                                       .dimension = (size_t)run->n,
                                       .params = self};
    self->driver = driver_of(self);
    if (self->driver == NULL) {
        free(self);
        return THM_ENOMEM;
    }
    *out = self;
    return THM_OK;
}

static void gsl_start(void *object, const thm_ode_run *run)
{
    (void)run;
    gsl_self *self = object;
    gsl_odeiv2_step_reset(self->driver->s);
    gsl_odeiv2_evolve_reset(self->driver->e);
}

/* One step of the driver from (*t, x), of *h or less, to limit or before. */
static thm_status advance(gsl_self *self, gsl_odeiv2_driver *driver, double *t,
                          double limit, double *h, double *x)
{
    double begin = *t, asked = *h;
    unsigned long failed = driver->e->failed_steps;
    int code;
    self->failed = THM_OK;
    if (self->run->options->stepper == THM_STEPPER_RK4) {
        /* a remainder of rounding only is no step of its own */
        bool last = limit - begin <= asked * (1 + sqrt(DBL_EPSILON));
        code = gsl_odeiv2_evolve_apply_fixed_step(
            driver->e, NULL, driver->s, &self->system, t,
            last ? limit - begin : asked, x);
        *t = last ? limit : *t;
    } else {
        code = gsl_odeiv2_evolve_apply(driver->e, driver->c, driver->s,
                                       &self->system, t, limit, h, x);
        if (code == GSL_SUCCESS && *t == limit) {
            *h = fmax(*h, asked); /* it was the limit that cut the step */
        }
    }
    self->run->stats->rejected += (long)(driver->e->failed_steps - failed);
    if (self->failed != THM_OK) {
        return self->failed;
    }
    bool good = code == GSL_SUCCESS && *t > begin && *h > 0 &&
                thm_finite(self->run->n, x);
    return good ? THM_OK : THM_ECONVERGE;
}

static thm_status gsl_step(void *object, thm_ode_run *run, double limit)
{
    gsl_self *self = object;
    double t = run->t, h = run->h;
    memcpy(run->x_new, run->x, (size_t)run->n * sizeof *run->x);
    thm_status status = advance(self, self->driver, &t, limit, &h, run->x_new);
    if (status == THM_OK) {
        thm_run_accept(run, t);
        run->h = h;
    }
    return status;
}

static thm_status gsl_inside(void *object, thm_ode_run *run, double t,
                             double *x)
{
    gsl_self *self = object;
    if (self->again == NULL) {
        self->again = driver_of(self);
    }
    if (self->again == NULL) {
        return THM_ENOMEM;
    }
    gsl_odeiv2_step_reset(self->again->s);
    gsl_odeiv2_evolve_reset(self->again->e);
    memcpy(x, run->x_old, (size_t)run->n * sizeof *x);
    double at = run->t_old, h = t - at;
    thm_status status = THM_OK;
    while (status == THM_OK && at < t) {
        status = advance(self, self->again, &at, t, &h, x);
    }
    return status;
}

static thm_status gsl_slope(void *object, thm_ode_run *run)
{
    (void)object;
    return thm_run_rhs(run, run->t, run->x, run->f);
}

const thm_ode_method thm_method_gsl = {.slope = gsl_slope,
                                       .lands = true,
                                       .alloc = gsl_alloc,
                                       .free = gsl_free,
                                       .start = gsl_start,
                                       .step = gsl_step,
                                       .inside = gsl_inside};
