/* Runs of the authors' settings: see figures.h. */
#include "programs/flow_figures/figures.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/tsv.h"
#include "flow/descent.h"
#include "flow/tied.h"
#include "programs/start.h"

typedef struct {
    figure_run *run;
    thm_value_flow *flow;
    thm_tied *tied;
    double *x, *z, *norms; /* (d n + n), (d), (n) */
    int done;
} runner;

static void measure_columns(const runner *r, const double *V, figure_sample *s)
{
    const thm_setting *set = &r->run->setting;
    const int n = set->n;
    s->others = 0;
    for (int j = 0; j < n; j++) {
        double norm = 0, u = 0;
        for (int i = 0; i < set->d; i++) {
            const double v = V[(size_t)i * (size_t)n + (size_t)j];
            norm = hypot(norm, v);
            u += set->loss.b ? v * set->loss.b[i] : (double)NAN;
        }
        r->norms[j] = norm;
        s->u[j] = u;
        s->others = j == s->winner ? s->others : fmax(s->others, norm);
    }
    s->column = r->norms[s->winner];
    gsl_sort(r->norms, 1, (size_t)n);
    s->median = gsl_stats_median_from_sorted_data(r->norms, 1, (size_t)n);
}

static thm_status look(runner *r, double t, const double *x)
{
    const thm_setting *set = &r->run->setting;
    figure_sample *s = &r->run->samples[r->done++];
    s->t = t;
    if (!r->tied) {
        thm_value_state state;
        const thm_status status =
            thm_value_flow_look(r->flow, x, &state, s->p, NULL);
        s->entropy = state.entropy;
        s->p_max = state.p_max;
        s->loss = state.loss;
        s->winner = state.winner;
        if (status == THM_OK) {
            measure_columns(r, x, s);
        }
        return status;
    }
    const thm_status status = thm_tied_look(r->tied, x, s->p, r->z);
    s->winner = 0;
    s->entropy = 0;
    for (int j = 0; j < set->n; j++) {
        s->winner = s->p[j] > s->p[s->winner] ? j : s->winner;
        s->entropy -= s->p[j] > 0 ? s->p[j] * log(s->p[j]) : 0;
    }
    s->p_max = s->p[s->winner];
    s->loss = NAN;
    if (status == THM_OK) {
        measure_columns(r, x, s);
    }
    return status;
}

static thm_status observe(double t, const double *x, bool *stop, void *ctx)
{
    runner *r = ctx;
    (void)stop;
    return r->done < r->run->count ? look(r, t, x) : THM_OK;
}

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

static thm_status run_flow(runner *r, const double *times)
{
    const thm_ode ode =
        r->tied ? thm_tied_ode(r->tied) : thm_value_flow_ode(r->flow);
    const thm_ode_watch watch = {.n_times = r->run->count,
                                 .times = times,
                                 .observe = observe,
                                 .observe_ctx = r,
                                 .interrupted = interrupted};
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    options.rtol = 1e-10;
    options.atol = 1e-13;
    return thm_ode_integrate(&ode, 0, times[r->run->count - 1], r->x, &options,
                             &watch, &stats);
}

static thm_status run_descent(runner *r, const double *times)
{
    const thm_objective f = r->tied ? thm_tied_objective(r->tied)
                                    : thm_value_flow_objective(r->flow);
    const double step = r->run->setting.step;
    thm_status status = THM_OK;
    long at = 0;
    for (int k = 0; k < r->run->count && status == THM_OK; k++) {
        const long to = lround(times[k] / step);
        status = thm_descend(&f, step, to - at, r->x, interrupted, NULL);
        at = to;
        if (status == THM_OK) {
            status = look(r, (double)at * step, r->x);
        }
    }
    return status;
}

static thm_status alloc_run(int count, figure_run *run)
{
    const size_t n = (size_t)run->setting.n;
    run->count = count;
    run->samples = calloc((size_t)count, sizeof *run->samples);
    run->room = calloc((size_t)count, 2 * n * sizeof *run->room);
    if (!run->samples || !run->room) {
        return THM_ENOMEM;
    }
    for (int k = 0; k < count; k++) {
        run->samples[k].p = run->room + 2 * n * (size_t)k;
        run->samples[k].u = run->samples[k].p + n;
    }
    return THM_OK;
}

thm_status figure_run_make(char id, int variant, bool flow, int count,
                           const double *times, figure_run *run)
{
    figure_run made = {.flow = flow};
    runner r = {.run = &made};
    thm_status status = thm_setting_draw(id, variant, &made.setting);
    if (status != THM_OK) {
        return status;
    }
    const thm_setting *set = &made.setting;
    const size_t n = (size_t)set->n, size = ((size_t)set->d + 1) * n;
    status = alloc_run(count, &made);
    r.x = malloc((size + n + (size_t)set->d) * sizeof *r.x);
    if (status == THM_OK && !r.x) {
        status = THM_ENOMEM;
    }
    if (status == THM_OK) {
        r.norms = r.x + size;
        r.z = r.norms + n;
        for (size_t i = 0; i < size; i++) {
            r.x[i] = set->x[i];
        }
        status = set->tied ? thm_tied_alloc(&set->loss, &r.tied)
                           : thm_value_flow_alloc(set->d, set->n, &set->loss,
                                                  set->normalisation, &r.flow);
    }
    if (status == THM_OK) {
        status = flow ? run_flow(&r, times) : run_descent(&r, times);
    }
    thm_tied_free(r.tied);
    thm_value_flow_free(r.flow);
    free(r.x);
    if (status != THM_OK) {
        figure_run_free(&made);
        return status;
    }
    *run = made;
    return THM_OK;
}

void figure_run_free(figure_run *run)
{
    thm_setting_free(&run->setting);
    free(run->samples);
    free(run->room);
    *run = (figure_run){0};
}

thm_status figure_table(const figure_output *out, const char *id, int n_columns,
                        const char *const *columns, int count,
                        const double *rows, thm_message *msg)
{
    if (!out->dir) {
        return THM_OK;
    }
    thm_tsv *tsv = NULL;
    char name[32];
    snprintf(name, sizeof name, "%s.tsv", id);
    char *path = thm_path_join(out->dir, name);
    thm_tsv_column *heads = calloc((size_t)n_columns, sizeof *heads);
    thm_status status = path && heads ? THM_OK : THM_ENOMEM;
    for (int i = 0; i < n_columns && status == THM_OK; i++) {
        heads[i] = (thm_tsv_column){columns[i], "1"};
    }
    if (status == THM_OK) {
        status = thm_tsv_begin(path, n_columns, heads, &tsv, msg);
    }
    for (int k = 0; k < count && status == THM_OK; k++) {
        thm_tsv_row(tsv, rows + (size_t)k * (size_t)n_columns);
    }
    if (status == THM_OK) {
        status = thm_tsv_commit(tsv, msg);
    }
    free(heads);
    free(path);
    return status;
}
