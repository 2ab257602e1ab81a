/* What value-flow was asked for, the flow that this makes, and its run. */
#ifndef VALUE_FLOW_PROGRAM_H
#define VALUE_FLOW_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include "core/options.h"
#include "core/status.h"
#include "flow/value_flow.h"
#include "io/tensor.h"

/* Words of --time, in this order. */
enum { TIME_T, TIME_LOG, TIME_TAU };

typedef struct {
    const char *v0, *a0, *draw;
    double v_scale, a_scale;                     /* NaN: not given      */
    int loss, normalisation, time, stepper;      /* thm_... enums       */
    const char *target, *matrix, *data, *labels; /* NULL: not given     */
    double t_end, tau_end;                       /* NaN: not given */
    double rtol, atol, first_step, stop;         /* NaN: not given but rtol */
    int max_rhs, samples;
    bool state;
    thm_common common;
} flow_request;

enum { FLOW_TENSORS = 4 };

/* The problem that was asked for, found good. */
typedef struct {
    const flow_request *request;
    int d, n;
    double *x0; /* (d n + n) the start: V row-major, then a          */
    thm_loss loss;
    thm_tensor v0, a0, data[FLOW_TENSORS];
    double *drawn; /* (d) a target that was drawn, or NULL           */
    thm_value_flow *flow;
} flow_problem;

/* Reads and checks the whole input, after the request itself: which options go
 * together.  THM_EDOMAIN for the request, else as thm_tensor_read; msg says
 * what is wrong and where.  problem is to be freed in any case. */
thm_status flow_read(const flow_request *request, flow_problem *problem,
                     thm_message *msg);
void flow_free(flow_problem *problem);

/* The part of it that reads or draws the loss; f has d and request. */
thm_status flow_read_loss(flow_problem *f, thm_message *msg);

/* Where a run ended. */
typedef struct {
    double *x;  /* (d n + n) the last good state                     */
    double t;   /* infinite if log t is beyond the doubles           */
    double tau; /* NaN unless --time tau                             */
    thm_ode_stats stats;
    thm_status ending;  /* THM_OK, THM_ECONVERGE or THM_EINTERRUPTED */
    thm_message reason; /* empty if it was reached                   */
} flow_result;

/* Called with the states to be sampled, the start first. */
typedef thm_status (*flow_sampler)(double t, const double *x, void *ctx);

/* Runs to the end that was asked for; sample may be NULL.  In orbit time the
 * samples come from a run of their own, so that they change nothing.
 * THM_OK with result->ending; else nothing was integrated, or the sampler's
 * failure.  result is to be freed in any case. */
thm_status flow_run(const flow_problem *problem, flow_sampler sample, void *ctx,
                    flow_result *result, thm_message *msg);
void flow_result_free(flow_result *result);

/* The part of it in orbit time: fills result but for ending and reason. */
thm_status flow_run_orbit(const flow_problem *problem, flow_sampler sample,
                          void *ctx, flow_result *result);

/* What both runs pass to the integrator. */
thm_ode_options flow_options(const flow_request *request);
bool flow_interrupted(void *ctx);

/* times: (count) <- the ends of equal steps in log(1 + t) up to end. */
void flow_times(int count, double end, double *times);

/* flow_run, with --out its files: trajectory.tsv and state.safetensors (V, a,
 * p).  What was reached is kept, however the run ended. */
thm_status flow_run_and_keep(const flow_problem *problem, flow_result *result,
                             thm_message *msg);

/* One JSON line, or for a human one value a line. */
thm_status flow_print(FILE *stream, const flow_problem *problem,
                      const flow_result *result, bool human);

#endif
