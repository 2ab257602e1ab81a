/* Points of the two-token orbit by tau, by projection and by time. */
#include "flow/two_token.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>

/* A rising function of theta and its derivative there. */
typedef struct {
    const thm_two_token *start;
    thm_loss_kind loss;
    thm_status (*value)(const thm_two_token *start, thm_loss_kind loss,
                        const thm_two_token_point *point, double *f,
                        double *slope);
} rising;

static double width(const thm_two_token_point *point)
{
    return hypot(2.0, point->W);
}

static thm_status value_tau(const thm_two_token *start, thm_loss_kind loss,
                            const thm_two_token_point *point, double *f,
                            double *slope)
{
    (void)start;
    (void)loss;
    *f = point->tau;
    *slope = width(point);
    return THM_OK;
}

/* dy/dtau = (1 + W^2/v^2 + 4 D^2/v^4) / 2 with v^2 = 4 + W^2. */
static thm_status value_projection(const thm_two_token *start,
                                   thm_loss_kind loss,
                                   const thm_two_token_point *point, double *f,
                                   double *slope)
{
    const double v = width(point), w = point->W / v, d = point->D / v;
    (void)start;
    (void)loss;
    *f = point->y;
    *slope = 0.5 * (1.0 + w * w + 4.0 * d * d / (v * v)) * v;
    return THM_OK;
}

/* log dt/dtau. */
static double log_pace(thm_loss_kind loss, double y)
{
    return loss == THM_LOSS_EXPONENTIAL ? y
                                        : fmax(y, 0.0) + log1p(exp(-fabs(y)));
}

static thm_status value_time(const thm_two_token *start, thm_loss_kind loss,
                             const thm_two_token_point *point, double *f,
                             double *slope)
{
    const thm_status status =
        thm_two_token_log_time(start, loss, point->theta, f);
    if (status == THM_OK) {
        *slope = exp(log_pace(loss, point->y) - *f) * width(point);
    }
    return status;
}

/* Where f = target, from a bracket grown by doubling; Newton inside it, halved
 * where Newton leaves it.  What overflows lies beyond any target. */
static thm_status solve(const rising *r, double target, double tol,
                        thm_two_token_point *point)
{
    thm_two_token_point here;
    double f, slope, low = 0.0, high = 0.0, theta = 0.0;
    bool below = false, above = false;
    for (int k = 0; k < 300; k++) {
        thm_status status = thm_two_token_at(r->start, theta, &here);
        if (status == THM_OK) {
            status = r->value(r->start, r->loss, &here, &f, &slope);
        }
        if (status == THM_EOVERFLOW && theta != 0.0) {
            f = theta > 0.0 ? HUGE_VAL : -HUGE_VAL;
            slope = 0.0;
        } else if (status != THM_OK) {
            return status;
        }
        if (fabs(f - target) <= tol * fmax(1.0, fabs(target))) {
            *point = here;
            return THM_OK;
        }
        if (f < target) {
            low = theta;
            below = true;
        } else {
            high = theta;
            above = true;
        }
        if (!below || !above) {
            const double grow = 2.0 * fabs(theta) + 0.5;
            theta = below ? grow : -grow;
            continue;
        }
        const double newton = theta + (target - f) / slope;
        const double middle = 0.5 * (low + high);
        theta = newton > low && newton < high ? newton : middle;
        if (high - low <= 2.0 * DBL_EPSILON * (1.0 + fabs(middle))) {
            /* theta itself cannot say more */
            status = thm_two_token_at(r->start, middle, point);
            return status;
        }
    }
    return THM_ECONVERGE;
}

thm_status thm_two_token_at_tau(const thm_two_token *start, double tau,
                                thm_two_token_point *point)
{
    const rising r = {.start = start, .value = value_tau};
    if (!isfinite(tau)) {
        return THM_EDOMAIN;
    }
    return solve(&r, tau, 4.0 * DBL_EPSILON, point);
}

thm_status thm_two_token_at_projection(const thm_two_token *start, double y,
                                       thm_two_token_point *point)
{
    const rising r = {.start = start, .value = value_projection};
    if (!isfinite(y)) {
        return THM_EDOMAIN;
    }
    return solve(&r, y, 4.0 * DBL_EPSILON, point);
}

/* The integrand of t, relative to dt/dtau at the end. */
typedef struct {
    const thm_two_token *start;
    thm_loss_kind loss;
    double log_end;
    thm_status status;
} pace;

static double time_density(double theta, void *ctx)
{
    pace *q = ctx;
    thm_two_token_point point;
    const thm_status status = thm_two_token_at(q->start, theta, &point);
    if (status != THM_OK) {
        q->status = status;
        return 0.0;
    }
    return exp(log_pace(q->loss, point.y) - q->log_end) * width(&point);
}

thm_status thm_two_token_log_time(const thm_two_token *start,
                                  thm_loss_kind loss, double theta,
                                  double *log_t)
{
    enum { INTERVALS = 400 };
    const double wanted = 1e-13, accepted = 1e-12;
    thm_two_token_point end;
    if ((loss != THM_LOSS_LOGISTIC && loss != THM_LOSS_EXPONENTIAL) ||
        !(theta >= 0.0)) {
        return THM_EDOMAIN;
    }
    thm_status status = thm_two_token_at(start, theta, &end);
    if (status != THM_OK) {
        return status;
    }
    if (theta == 0.0) {
        *log_t = -HUGE_VAL;
        return THM_OK;
    }
    gsl_integration_workspace *work =
        gsl_integration_workspace_alloc(INTERVALS);
    if (!work) {
        return THM_ENOMEM;
    }
    pace q = {start, loss, log_pace(loss, end.y), THM_OK};
    gsl_function density = {time_density, &q};
    double t = 0.0, err = HUGE_VAL;
    /* its status may complain of rounding: the error that it states decides */
    (void)gsl_integration_qag(&density, 0.0, theta, 0.0, wanted, INTERVALS,
                              GSL_INTEG_GAUSS31, work, &t, &err);
    gsl_integration_workspace_free(work);
    if (q.status != THM_OK) {
        return q.status;
    }
    if (!(err <= accepted * t)) {
        return THM_ECONVERGE;
    }
    *log_t = log(t) + q.log_end;
    return THM_OK;
}

thm_status thm_two_token_at_time(const thm_two_token *start, thm_loss_kind loss,
                                 double log_t, thm_two_token_point *point)
{
    const rising r = {.start = start, .loss = loss, .value = value_time};
    if (!isfinite(log_t)) {
        return THM_EDOMAIN;
    }
    return solve(&r, log_t, 1e-12, point);
}
