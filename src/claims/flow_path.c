/* A flow from its start to its end: see flow_path.h. */
#include "claims/flow_path.h"

#include <math.h>
#include <string.h>

typedef struct {
    const thm_flow_path *path;
    thm_value_flow *flow;
    int seen;
} looker;

/* The end is observed too, asked for or not. */
static thm_status observe(double t, const double *x, bool *stop, void *ctx)
{
    looker *l = ctx;
    (void)stop;
    if (!l->path->look || l->seen >= l->path->n_times) {
        return THM_OK;
    }
    return l->path->look(l->flow, l->seen++, t, x, l->path->ctx);
}

thm_status thm_flow_follow(const thm_flow_path *path,
                           const thm_ode_options *options, double *x,
                           long *steps, long *rhs)
{
    looker l = {.path = path};
    thm_status status =
        thm_value_flow_alloc(path->d, path->n, path->loss, path->kind, &l.flow);
    if (status != THM_OK) {
        return status;
    }
    const thm_ode ode = thm_value_flow_ode(l.flow);
    const thm_ode_watch watch = {.n_times = path->n_times,
                                 .times = path->times,
                                 .observe = observe,
                                 .observe_ctx = &l,
                                 .n_events = path->event ? 1 : 0,
                                 .events = path->event};
    thm_ode_options chosen = *options;
    chosen.stepper = path->stepper;
    thm_ode_stats stats = {0};
    memcpy(x, path->start, sizeof *x * (size_t)ode.n);
    status =
        thm_ode_integrate(&ode, 0.0, path->end, x, &chosen, &watch, &stats);
    if (steps) {
        *steps = stats.steps;
    }
    if (rhs) {
        *rhs = stats.rhs;
    }
    thm_value_flow_free(l.flow);
    return status;
}

void thm_flow_times(int n, double first, double last, double *times)
{
    for (int i = 0; i + 1 < n; i++) {
        times[i] = first * pow(last / first, (double)i / (n - 1));
    }
    times[n - 1] = last; /* exactly */
}
