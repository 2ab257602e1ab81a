/* Along the orbit: what a state says, and driving to a time or a projection. */
#include "flow/orbit_inside.h"

#include <float.h>
#include <math.h>
#include "softmax/softmax.h"

/* y as orbit.h defines it. */
static double projection(const thm_orbit *o, double mean)
{
    return o->loss == THM_LOSS_SQUARE ? mean : o->norm * mean;
}

static double loss_at(const thm_orbit *o, double y)
{
    switch (o->loss) {
    case THM_LOSS_LOGISTIC:
        return fmax(-y, 0.0) + log1p(exp(-fabs(y)));
    case THM_LOSS_EXPONENTIAL:
        return exp(-y);
    default:
        return 0.5 * (o->norm - y) * (o->norm - y);
    }
}

thm_status thm_orbit_look(thm_orbit *orbit, const double *x,
                          thm_orbit_state *state, double *p)
{
    const int n = orbit->n;
    const double *a = x + n;
    double entropy, mean_a = 0.0, others = 0.0, slope = 0.0;
    for (int i = 0; i < thm_orbit_size(orbit); i++) {
        if (!isfinite(x[i])) {
            return THM_EDOMAIN;
        }
    }
    const thm_status status = thm_softmax_entropy(n, a, 1.0, &entropy, NULL);
    if (status != THM_OK) {
        return status;
    }
    const double mean = thm_orbit_ascend(orbit, x);
    const int top = thm_orbit_weigh(n, a, orbit->p);
    for (int i = 0; i < n; i++) {
        mean_a += orbit->p[i] * (a[i] - a[top]);
        others += i == top ? 0.0 : orbit->p[i];
    }
    for (int i = 0; i < n; i++) {
        const double Ja = orbit->p[i] * ((a[i] - a[top]) - mean_a);
        slope -= Ja * orbit->F[n + i];
        if (p) {
            p[i] = orbit->p[i];
        }
    }
    const double y = projection(orbit, mean);
    double log_t = NAN;
    if (orbit->form == THM_ORBIT_CLOCKED) {
        const double q = x[2 * n];
        log_t = q > 0.0 ? q + log(-expm1(-q)) : -HUGE_VAL;
    }
    *state = (thm_orbit_state){.y = y,
                               .log_t = log_t,
                               .loss = loss_at(orbit, y),
                               .entropy = entropy,
                               .slope = slope,
                               .p_max = orbit->p[top],
                               .others = others,
                               .winner = top};
    return THM_OK;
}

typedef struct {
    thm_orbit *orbit;
    double target;
} goal;

static double past_time(double t, const double *x, void *ctx)
{
    const goal *g = ctx;
    (void)t;
    return x[2 * g->orbit->n] - g->target;
}

static double past_projection(double t, const double *x, void *ctx)
{
    const goal *g = ctx;
    (void)t;
    return projection(g->orbit, thm_orbit_ascend(g->orbit, x)) - g->target;
}

static thm_status stop_there(double t, const double *x, int direction,
                             bool *stop, void *ctx)
{
    (void)t;
    (void)x;
    (void)direction;
    (void)ctx;
    *stop = true;
    return THM_OK;
}

/* Integrates until the event, which bound > 0 provably lies beyond. */
static thm_status run_to(goal *g, double bound,
                         double (*value)(double, const double *, void *),
                         double *x, const thm_ode_options *options,
                         thm_ode_stats *stats)
{
    const thm_ode ode = thm_orbit_ode(g->orbit);
    const thm_ode_event event = {.value = value, .found = stop_there, .ctx = g};
    const thm_ode_watch watch = {.n_events = 1, .events = &event};
    thm_ode_stats run;
    const thm_status status =
        thm_ode_integrate(&ode, 0.0, bound, x, options, &watch, &run);
    if (stats) {
        *stats = run;
    }
    return status;
}

thm_status thm_orbit_to_time(thm_orbit *orbit, double t, double *x,
                             const thm_ode_options *options,
                             thm_ode_stats *stats)
{
    if (!(t > 0.0) || !isfinite(t) || orbit->form == THM_ORBIT_FREE) {
        return THM_EDOMAIN;
    }
    if (orbit->form == THM_ORBIT_TIMED) {
        const thm_ode ode = thm_orbit_ode(orbit);
        const thm_ode_watch nothing = {0};
        thm_ode_stats run;
        const thm_status status =
            thm_ode_integrate(&ode, 0.0, t, x, options, &nothing, &run);
        if (stats) {
            *stats = run;
        }
        return status;
    }
    /* dt/dtau >= exp(y) / |b| and y >= y(0) + |b| tau / n, so that
     * t >= n exp(y(0)) (exp(|b| tau / n) - 1) / |b|^2. */
    const int n = orbit->n;
    const double norm = orbit->norm;
    const double y0 = projection(orbit, thm_orbit_ascend(orbit, x));
    const double log_ratio = log(t) + 2.0 * log(norm) - log(n) - y0;
    double bound =
        n / norm * (log_ratio > 36.0 ? log_ratio + 1.0 : log1p(exp(log_ratio)));
    if (orbit->loss == THM_LOSS_LOGISTIC) {
        bound = fmin(bound, norm * t); /* dt/dtau >= 1 / |b| */
    }
    goal g = {orbit, log1p(t)};
    return run_to(&g, 1.01 * bound + DBL_MIN, past_time, x, options, stats);
}

thm_status thm_orbit_to_projection(thm_orbit *orbit, double y, double *x,
                                   const thm_ode_options *options,
                                   thm_ode_stats *stats)
{
    if (!isfinite(y) || orbit->form != THM_ORBIT_FREE) {
        return THM_EDOMAIN;
    }
    const int n = orbit->n;
    const double start = projection(orbit, thm_orbit_ascend(orbit, x));
    const double way = orbit->backward ? start - y : y - start;
    double scale = fabs(y);
    for (int i = 0; i < n; i++) {
        scale = fmax(scale, fabs(projection(orbit, x[i])));
    }
    if (!(way >= -4.0 * n * DBL_EPSILON * scale)) {
        return THM_EDOMAIN;
    }
    if (way <= 4.0 * n * DBL_EPSILON * scale) {
        if (stats) {
            *stats = (thm_ode_stats){.switched = NAN, .stopped = true};
        }
        return THM_OK;
    }
    goal g = {orbit, y};
    const double rate =
        orbit->loss == THM_LOSS_SQUARE ? 1.0 / n : orbit->norm / n;
    return run_to(&g, 1.01 * way / rate, past_projection, x, options, stats);
}
