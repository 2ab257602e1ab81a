/* The run of value-flow in orbit time tau: 2n numbers and log(1 + t), whatever
 * d; V follows from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/orbit.h"
#include "programs/value_flow/flow.h"

typedef struct {
    const flow_problem *problem;
    thm_orbit *orbit;
    double *start; /* (2n + 1) the orbit's state at the start       */
    double *full;  /* (d n + n) for the sampler                     */
    double s_end;  /* log(1 + t) where the run is to end            */
    flow_sampler sample;
    void *ctx;
} orbit_run;

/* log(1 + t) is the last number of a state of the orbit. */
static double clock_of(const orbit_run *o, const double *x)
{
    return x[2 * o->problem->n];
}

static double time_of(const orbit_run *o, const double *x)
{
    const double s = clock_of(o, x), t_end = o->problem->request->t_end;
    /* the event stands within rounding of s, not of t */
    return fabs(s - o->s_end) <= 1e-12 * o->s_end ? t_end : expm1(s);
}

/* full: (d n + n) <- the state of the whole model. */
static void lift(const orbit_run *o, const double *x, double *full)
{
    const flow_problem *f = o->problem;
    const size_t size = (size_t)f->d * (size_t)f->n;
    thm_orbit_lift(o->orbit, f->d, f->x0, f->loss.b, o->start, x, full);
    memcpy(full + size, x + f->n, (size_t)f->n * sizeof *full);
}

static double past_end(double tau, const double *x, void *ctx)
{
    const orbit_run *o = ctx;
    (void)tau;
    return clock_of(o, x) - o->s_end;
}

static thm_status stop_there(double tau, const double *x, int direction,
                             bool *stop, void *ctx)
{
    (void)tau;
    (void)x;
    (void)direction;
    (void)ctx;
    *stop = true;
    return THM_OK;
}

static thm_status observe(double tau, const double *x, bool *stop, void *ctx)
{
    orbit_run *o = ctx;
    (void)tau;
    (void)stop;
    lift(o, x, o->full);
    return o->sample(time_of(o, x), o->full, o->ctx);
}

/* To where t is t_end, or to tau_end. */
static thm_status run_to_end(orbit_run *o, double *x, thm_ode_stats *stats)
{
    const flow_request *r = o->problem->request;
    const thm_ode ode = thm_orbit_ode(o->orbit);
    const thm_ode_options options = flow_options(r);
    const thm_ode_event event = {past_end, stop_there, o};
    const bool by_time = r->t_end > 0;
    const thm_ode_watch watch = {.n_events = by_time ? 1 : 0,
                                 .events = &event,
                                 .interrupted = flow_interrupted};
    /* t grows beyond all bounds with tau, so that the event is met */
    return thm_ode_integrate(&ode, 0, by_time ? 1e300 : r->tau_end, x, &options,
                             &watch, stats);
}

/* The samples, from the start to short of tau: the last is the run's own end.
 */
static thm_status run_samples(orbit_run *o, double tau, double *x)
{
    const flow_request *r = o->problem->request;
    const thm_ode ode = thm_orbit_ode(o->orbit);
    const thm_ode_options options = flow_options(r);
    const int count = r->samples - 1;
    thm_status status = o->sample(0, o->problem->x0, o->ctx);
    if (status != THM_OK || count == 0) {
        return status;
    }
    double *times = malloc((size_t)r->samples * sizeof *times);
    if (times == NULL) {
        return THM_ENOMEM;
    }
    flow_times(r->samples, tau, times);
    const thm_ode_watch watch = {.n_times = count,
                                 .times = times,
                                 .observe = observe,
                                 .observe_ctx = o,
                                 .interrupted = flow_interrupted};
    thm_ode_stats stats;
    status = thm_ode_integrate(&ode, 0, times[count - 1], x, &options, &watch,
                               &stats);
    free(times);
    return status == THM_ECONVERGE ? THM_OK : status;
}

static thm_status alloc_run(const flow_problem *f, orbit_run *o)
{
    const size_t full = (size_t)thm_value_flow_size(f->flow);
    double norm = 0;
    for (int i = 0; i < f->d; i++) {
        norm = hypot(norm, f->loss.b[i]);
    }
    o->problem = f;
    o->s_end = f->request->t_end > 0 ? log1p(f->request->t_end) : HUGE_VAL;
    o->start = calloc(2 * (size_t)f->n + 1, sizeof *o->start);
    o->full = malloc(full * sizeof *o->full);
    if (o->start == NULL || o->full == NULL) {
        return THM_ENOMEM;
    }
    thm_status status = thm_orbit_alloc(f->n, f->loss.kind, norm,
                                        THM_ORBIT_CLOCKED, false, &o->orbit);
    return status != THM_OK
               ? status
               : thm_orbit_project(o->orbit, f->d, f->x0, f->loss.b,
                                   f->x0 + (size_t)f->d * (size_t)f->n,
                                   o->start);
}

thm_status flow_run_orbit(const flow_problem *problem, flow_sampler sample,
                          void *ctx, flow_result *result)
{
    orbit_run o = {.sample = sample, .ctx = ctx};
    const size_t bytes = (2 * (size_t)problem->n + 1) * sizeof(double);
    double *x = malloc(bytes);
    thm_status status = x == NULL ? THM_ENOMEM : alloc_run(problem, &o);
    if (status != THM_OK) {
        goto done;
    }
    memcpy(x, o.start, bytes);
    status = run_to_end(&o, x, &result->stats);
    if (status == THM_OK || status == THM_ECONVERGE ||
        status == THM_EINTERRUPTED) {
        result->tau = result->stats.t;
        result->t = time_of(&o, x);
        lift(&o, x, result->x);
    }
    /* What was reached is shown, however it ended. */
    if (sample != NULL && result->tau > 0) {
        memcpy(x, o.start, bytes);
        thm_status samples = run_samples(&o, result->tau, x);
        if (samples == THM_OK || samples == THM_EINTERRUPTED) {
            samples = sample(result->t, result->x, ctx);
        }
        status = samples == THM_OK ? status : samples;
    }
done:
    thm_orbit_free(o.orbit);
    free(o.start);
    free(o.full);
    free(x);
    return status;
}
