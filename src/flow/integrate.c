/* The door to every integrator: checks, the loop over steps, and the choice
 * between explicit and implicit; see ode.h. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/auto.h"
#include "flow/run.h"
#include "flow/watch.h"

static bool implicit(thm_stepper stepper)
{
    return stepper == THM_STEPPER_MSBDF || stepper == THM_STEPPER_BSIMP ||
           stepper == THM_STEPPER_RK4IMP;
}

static thm_status check_options(const thm_ode *ode,
                                const thm_ode_options *options)
{
    bool known = false;
#define THM_STEPPER_KNOWN(name, text) known = known || options->stepper == name;
    THM_STEPPER_TABLE(THM_STEPPER_KNOWN)
#undef THM_STEPPER_KNOWN
    if (!known || !(options->rtol >= 1e-14 && options->rtol < HUGE_VAL) ||
        !(options->atol >= 0 && options->atol < HUGE_VAL) ||
        !(options->first_step >= 0 && options->first_step < HUGE_VAL) ||
        !(options->stop_rhs >= 0) || options->max_rhs < 0) {
        return THM_EDOMAIN;
    }
    if (options->stepper == THM_STEPPER_RK4 && options->first_step == 0) {
        return THM_EDOMAIN;
    }
    if (ode->jacobian == NULL &&
        (implicit(options->stepper) ||
         (options->stepper == THM_STEPPER_ROSENBROCK && ode->solve == NULL))) {
        return THM_EDOMAIN;
    }
    return THM_OK;
}

static thm_status check(const thm_ode *ode, double t0, double t1,
                        const double *x, const thm_ode_options *options,
                        const thm_ode_watch *watch)
{
    if (ode->n < 1) {
        return THM_EDIM;
    }
    thm_status status = check_options(ode, options);
    if (status != THM_OK) {
        return status;
    }
    if (!(t1 > t0) || !(t1 - t0 < HUGE_VAL) || !thm_finite(ode->n, x)) {
        return THM_EDOMAIN;
    }
    if (watch == NULL) {
        return THM_OK;
    }
    if (watch->n_times < 0 || watch->n_events < 0) {
        return THM_EDIM;
    }
    double last = t0;
    for (int i = 0; i < watch->n_times; i++) {
        if (!(watch->times[i] > last && watch->times[i] <= t1)) {
            return THM_EDOMAIN;
        }
        last = watch->times[i];
    }
    return THM_OK;
}

static double norm(int n, const double *x)
{
    double largest = 0.0, sum = 0.0;
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fabs(x[i]));
    }
    if (!(largest > 0)) {
        return 0.0;
    }
    for (int i = 0; i < n; i++) {
        sum += (x[i] / largest) * (x[i] / largest);
    }
    return largest * sqrt(sum);
}

static const thm_ode_method *method_of(thm_stepper stepper)
{
    switch (stepper) {
    case THM_STEPPER_AUTO:
    case THM_STEPPER_DOP853:
        return &thm_method_dop853;
    case THM_STEPPER_ROSENBROCK:
        return &thm_method_rosenbrock;
    default:
        return &thm_method_gsl;
    }
}

/* Of the error of its first step. */
static int order_of(thm_stepper stepper)
{
    switch (stepper) {
    case THM_STEPPER_RKF45:
    case THM_STEPPER_RK4IMP:
    case THM_STEPPER_ROSENBROCK:
        return 5;
    case THM_STEPPER_MSADAMS:
    case THM_STEPPER_MSBDF:
        return 2;
    default:
        return 8;
    }
}

/* From the first step to the last; run->f holds f at the start. */
static thm_status loop(thm_ode_run *run, const thm_ode_method **method,
                       void **self, thm_watcher *w, thm_auto *choice)
{
    double stop_rhs = run->options->stop_rhs;
    bool stop = norm(run->n, run->f) < stop_rhs;
    thm_status status = THM_OK;
    while (!stop && run->t < run->t1) {
        const thm_ode_watch *spec = w->spec;
        if (spec->interrupted != NULL &&
            spec->interrupted(spec->interrupted_ctx)) {
            return THM_EINTERRUPTED;
        }
        double limit =
            (*method)->lands ? thm_watcher_limit(w, run->t1) : run->t1;
        status = (*method)->step(*self, run, limit);
        if (status != THM_OK) {
            return status;
        }
        run->stats->steps++;
        status = thm_watcher_step(w, *method, *self, run, &stop);
        if (status != THM_OK || stop) {
            break;
        }
        if (stop_rhs > 0) {
            status = thm_run_slope(run, *method, *self);
            if (status != THM_OK) {
                return status;
            }
            stop = norm(run->n, run->f) < stop_rhs;
        }
        if (choice != NULL) {
            status = thm_auto_choose(choice, run, method, self);
            if (status != THM_OK) {
                return status;
            }
        }
    }
    run->stats->stopped = stop;
    return status == THM_OK ? thm_watcher_end(w, run) : status;
}

/* A callback that has no value at the point where it must have one: the run
 * cannot go on. */
static thm_status ended(thm_status status)
{
    return status == THM_EDOMAIN ? THM_ECONVERGE : status;
}

thm_status thm_ode_integrate(const thm_ode *ode, double t0, double t1,
                             double *x, const thm_ode_options *options,
                             const thm_ode_watch *watch, thm_ode_stats *stats)
{
    thm_status status = check(ode, t0, t1, x, options, watch);
    if (status != THM_OK) {
        return status;
    }
    const thm_ode_method *method = method_of(options->stepper);
    thm_ode_stats counted = {.t = t0,
                             .switched = NAN,
                             .stepper = options->stepper == THM_STEPPER_AUTO
                                            ? THM_STEPPER_DOP853
                                            : options->stepper};
    thm_ode_run run = {.ode = ode,
                       .options = options,
                       .stats = &counted,
                       .t1 = t1,
                       .n = ode->n,
                       .floor = fmax(options->atol, 0x1p-1022),
                       .t_old = t0,
                       .t = t0};
    if (ode->n > INT_MAX - THM_COMBINE_LANES) {
        return THM_EOVERFLOW;
    }
    run.padded = (ode->n + THM_COMBINE_LANES - 1) / THM_COMBINE_LANES *
                 THM_COMBINE_LANES;
    size_t bytes = (size_t)ode->n * sizeof *x;
    double *room = NULL;
    void *self = NULL;
    thm_watcher w = {0};
    thm_auto choice = {0};
    bool automatic = options->stepper == THM_STEPPER_AUTO &&
                     (ode->jacobian != NULL || ode->solve != NULL);
    status = thm_run_vectors(&run, 6, &room);
    if (status != THM_OK) {
        return status;
    }
    run.x = room;
    run.x_old = room + run.padded;
    run.x_new = room + 2 * (size_t)run.padded;
    run.f = room + 3 * (size_t)run.padded;
    memcpy(run.x, x, bytes);
    memcpy(run.x_old, x, bytes);
    status = thm_watcher_start(&w, watch, &run);
    if (status != THM_OK) {
        goto done;
    }
    status = method->alloc(&run, &self);
    if (status != THM_OK) {
        goto done;
    }
    run.watch_rho = automatic;
    status = thm_run_rhs(&run, t0, run.x, run.f);
    if (status == THM_OK && !thm_finite(run.n, run.f)) {
        status = THM_EDOMAIN;
    }
    if (status != THM_OK) {
        goto done;
    }
    run.h = fmin(options->first_step, t1 - t0);
    if (run.h == 0) {
        status = thm_run_first_step(&run, order_of(counted.stepper),
                                    room + 4 * (size_t)run.padded);
    }
    if (status == THM_OK) {
        method->start(self, &run);
        status =
            ended(loop(&run, &method, &self, &w, automatic ? &choice : NULL));
    }
    memcpy(x, run.x, bytes);
    counted.t = run.t;
    *stats = counted;
done:
    if (self != NULL) {
        method->free(self);
    }
    thm_auto_free(&choice);
    thm_watcher_free(&w);
    free(room);
    return status;
}
