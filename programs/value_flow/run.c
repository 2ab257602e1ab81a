/* The run of value-flow in t or log(1 + t); orbit.c is the run in tau. */
#include "programs/value_flow/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/log_time.h"
#include "programs/start.h"

thm_ode_options flow_options(const flow_request *r)
{
    thm_ode_options options = thm_ode_defaults();
    options.stepper = (thm_stepper)r->stepper;
    options.rtol = r->rtol;
    options.atol = r->atol > 0 ? r->atol : r->rtol * 1e-3;
    options.first_step = r->first_step > 0 ? r->first_step : 0;
    options.stop_rhs = r->stop > 0 ? r->stop : 0;
    options.max_rhs = r->max_rhs;
    return options;
}

bool flow_interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

void flow_times(int count, double end, double *times)
{
    for (int k = 0; k < count; k++) {
        times[k] = expm1(log1p(end) * (k + 1) / count);
    }
    times[count - 1] = end;
}

typedef struct {
    flow_sampler sample;
    void *ctx;
    bool logarithmic;
    double end, t_end;
} watcher;

static double time_of(const watcher *w, double s)
{
    return !w->logarithmic ? s : s == w->end ? w->t_end : expm1(s);
}

static thm_status observe(double s, const double *x, bool *stop, void *ctx)
{
    const watcher *w = ctx;
    (void)stop;
    return w->sample(time_of(w, s), x, w->ctx);
}

/* Why a run ended before its time, for a human. */
static void explain(const flow_problem *f, flow_result *result)
{
    const char *stepper = thm_stepper_text(result->stats.stepper);
    if (result->ending == THM_OK && f->request->time != TIME_TAU &&
        result->stats.stopped) {
        thm_fail(THM_OK, &result->reason, "stopped where the slope is below %g",
                 f->request->stop);
    }
    if (result->ending == THM_EINTERRUPTED) {
        thm_fail(THM_OK, &result->reason, "interrupted at t = %.6g", result->t);
    } else if (result->ending == THM_ECONVERGE) {
        const bool spent = result->stats.rhs + 64 >= f->request->max_rhs;
        thm_fail(THM_OK, &result->reason,
                 "%s cannot go on from t = %.6g after %ld right-hand sides%s",
                 stepper, result->t, result->stats.rhs,
                 spent ? " (--max-rhs); try --stepper auto, --time log or "
                         "another tolerance"
                       : ": no step is short enough");
    }
}

/* Sorts a status into the ending of a run that began, or a failure. */
static thm_status settle(const flow_problem *f, thm_status status,
                         flow_result *result)
{
    result->ending = status;
    explain(f, result);
    return status == THM_ECONVERGE || status == THM_EINTERRUPTED ? THM_OK
                                                                 : status;
}

static thm_status run_plain(const flow_problem *f, flow_sampler sample,
                            void *ctx, flow_result *result)
{
    const flow_request *r = f->request;
    thm_ode ode = thm_value_flow_ode(f->flow);
    thm_log_time log_time = {&ode};
    const bool logarithmic = r->time == TIME_LOG;
    const thm_ode run = logarithmic ? thm_log_time_ode(&log_time) : ode;
    watcher w = {.sample = sample,
                 .ctx = ctx,
                 .logarithmic = logarithmic,
                 .end = logarithmic ? log1p(r->t_end) : r->t_end,
                 .t_end = r->t_end};
    double *times = malloc((size_t)r->samples * sizeof *times);
    if (times == NULL) {
        return THM_ENOMEM;
    }
    flow_times(r->samples, r->t_end, times);
    for (int k = 0; k < r->samples && logarithmic; k++) {
        times[k] = w.end * (k + 1) / r->samples;
    }
    const thm_ode_watch watch = {.n_times = sample ? r->samples : 0,
                                 .times = times,
                                 .observe = sample ? observe : NULL,
                                 .observe_ctx = &w,
                                 .interrupted = flow_interrupted};
    const thm_ode_options options = flow_options(r);
    thm_status status = sample ? sample(0, result->x, ctx) : THM_OK;
    if (status == THM_OK) {
        status = thm_ode_integrate(&run, 0, w.end, result->x, &options, &watch,
                                   &result->stats);
    }
    result->t = time_of(&w, result->stats.t);
    free(times);
    if (sample && (status == THM_ECONVERGE || status == THM_EINTERRUPTED)) {
        const thm_status shown = sample(result->t, result->x, ctx);
        status = shown == THM_OK ? status : shown;
    }
    return status;
}

thm_status flow_run(const flow_problem *problem, flow_sampler sample, void *ctx,
                    flow_result *result, thm_message *msg)
{
    const size_t size = (size_t)thm_value_flow_size(problem->flow);
    *result = (flow_result){.tau = NAN};
    result->x = malloc(size * sizeof *result->x);
    if (result->x == NULL) {
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    memcpy(result->x, problem->x0, size * sizeof *result->x);
    thm_status status = problem->request->time == TIME_TAU
                            ? flow_run_orbit(problem, sample, ctx, result)
                            : run_plain(problem, sample, ctx, result);
    status = settle(problem, status, result);
    if (status != THM_OK) {
        thm_fail(status, msg, "the run: %s", thm_status_text(status));
    }
    return status;
}

void flow_result_free(flow_result *result)
{
    free(result->x);
    result->x = NULL;
}
