/* Sinks and massive columns: toys of the note, not of the authors' figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/sink.h"
#include "programs/flow_figures/figures.h"
#include "programs/start.h"

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

static thm_status say(const figure_output *out, const char *id,
                      const char *quantity, double measured, double reference,
                      double unit)
{
    figure_number number = {
        .measured = measured, .reference = reference, .unit = unit};
    snprintf(number.id, sizeof number.id, "%s", id);
    snprintf(number.quantity, sizeof number.quantity, "%s", quantity);
    return out->report(&number, out->ctx);
}

/* ---- the sink --------------------------------------------------------------
 */

enum { KEYS = 8, SINK_GRID = 97, SINK_COLUMNS = 5 };

static const double sink_first = 1e-2, sink_last = 1e6;

typedef struct {
    thm_sink sink;
    double p[KEYS], *row; /* row: the next of the table */
    int column, done;
} sink_run;

static thm_status look_at_sink(double t, const double *x, bool *stop, void *ctx)
{
    sink_run *r = ctx;
    double others = 0;
    (void)stop;
    if (r->done++ >= SINK_GRID) {
        return THM_OK;
    }
    const thm_status status = thm_normalise(r->sink.gates, KEYS, x, r->p);
    for (int i = 1; i < KEYS; i++) {
        others += r->p[i];
    }
    r->row[0] = t;
    r->row[r->column] = r->p[0];
    r->row[r->column + 1] = others;
    r->row += SINK_COLUMNS;
    return status;
}

/* Columns `column` and the next of table: (SINK_GRID x SINK_COLUMNS). */
static thm_status run_sink(thm_normalisation gates, int column, double *table)
{
    sink_run r = {.sink = {.n = KEYS, .s = 1, .gates = gates},
                  .row = table,
                  .column = column};
    double x[KEYS + 1] = {0}, times[SINK_GRID];
    thm_ode ode;
    r.sink.p = r.p;
    for (int k = 0; k < SINK_GRID; k++) {
        times[k] =
            sink_first * pow(sink_last / sink_first, k / (SINK_GRID - 1.0));
    }
    const thm_ode_watch watch = {.n_times = SINK_GRID,
                                 .times = times,
                                 .observe = look_at_sink,
                                 .observe_ctx = &r,
                                 .interrupted = interrupted};
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    options.stepper = THM_STEPPER_DOP853;
    const thm_status status = thm_sink_ode(&r.sink, &ode);
    return status != THM_OK ? status
                            : thm_ode_integrate(&ode, 0, times[SINK_GRID - 1],
                                                x, &options, &watch, &stats);
}

thm_status figure_sink(const char *id, const figure_output *out,
                       thm_message *msg)
{
    static const char *const names[SINK_COLUMNS] = {
        "t", "p_0 softmax", "others softmax", "p_0 sigmoid", "others sigmoid"};
    static const struct {
        int row; /* of the grid: t = 1e2, 1e4, 1e6 */
        const char *quantity;
        double reference;
    } numbers[] = {{48, "p_0 of softmax at t = 100", .391214},
                   {72, "p_0 of softmax at t = 10000", .981723},
                   {96, "p_0 of softmax at t = 1e+06", .998244}};
    double table[SINK_GRID * SINK_COLUMNS];
    const double *last = table + (SINK_GRID - 1) * SINK_COLUMNS;
    const double c = KEYS / ((KEYS - 1.0) * (KEYS - 1.0));
    thm_status status = run_sink(THM_NORMALISE_SOFTMAX, 1, table);
    if (status == THM_OK) {
        status = run_sink(THM_NORMALISE_SIGMOID, 3, table);
    }
    for (int i = 0; i < 3 && status == THM_OK; i++) {
        status = say(out, id, numbers[i].quantity,
                     table[numbers[i].row * SINK_COLUMNS + 1],
                     numbers[i].reference, 1e-6);
    }
    if (status == THM_OK) {
        status = say(out, id, "(1 - p_0) sqrt(2 c t) at t = 1e+06",
                     last[2] * sqrt(2 * c * sink_last), 1.00361, 1e-5);
    }
    if (status == THM_OK) {
        status = say(out, id, "gate of the sink, sigmoid, at t = 1e+06",
                     last[3], .433828, 1e-6);
    }
    return status == THM_OK ? figure_table(out, id, SINK_COLUMNS, names,
                                           SINK_GRID, table, msg)
                            : status;
}

/* ---- massive columns -------------------------------------------------------
 */

enum { COLUMNS_GRID = 97, COLUMNS_COLUMNS = 5 };

static const double columns_first = 1, columns_last = 1e8;

/* y with y + exp(y) = c, c > 1 (convex: Newton from above). */
static double solve_frozen(double c)
{
    double y = log(c);
    for (int k = 0; k < 60; k++) {
        y -= (y + exp(y) - c) / (1 + exp(y));
    }
    return y;
}

/* Largest over median column norm of V + b shift; norms: (n) scratch. */
static double frozen_ratio(const thm_setting *s, double shift)
{
    double norms[64] = {0};
    for (int j = 0; j < s->n; j++) {
        double norm = 0;
        for (int i = 0; i < s->d; i++) {
            norm = hypot(norm, s->x[i * s->n + j] + s->loss.b[i] * shift);
        }
        int k = j;
        for (; k > 0 && norms[k - 1] > norm; k--) {
            norms[k] = norms[k - 1];
        }
        norms[k] = norm;
    }
    const int n = s->n;
    return norms[n - 1] / (0.5 * (norms[(n - 1) / 2] + norms[n / 2]));
}

/* Setting C's start and loss (the note's numbers are of a start that was not
 * recorded, so that none stands beside these); with p frozen at 1/n, V = V(0) +
 * b 1' tau / n and y + exp(y) grows by t / n. */
thm_status figure_columns(const char *id, const figure_output *out,
                          thm_message *msg)
{
    static const char *const names[COLUMNS_COLUMNS] = {"t", "winner", "median",
                                                       "ratio", "ratio frozen"};
    double times[COLUMNS_GRID], table[COLUMNS_GRID * COLUMNS_COLUMNS];
    for (int k = 0; k < COLUMNS_GRID; k++) {
        times[k] = columns_first *
                   pow(columns_last / columns_first, k / (COLUMNS_GRID - 1.0));
    }
    figure_run run;
    thm_status status = figure_run_make('C', THM_NORMALISE_SOFTMAX, true,
                                        COLUMNS_GRID, times, &run);
    if (status != THM_OK) {
        return status;
    }
    const thm_setting *s = &run.setting;
    double y = 0;
    for (int i = 0; i < s->d; i++) {
        for (int j = 0; j < s->n; j++) {
            y += s->loss.b[i] * s->x[i * s->n + j] / s->n;
        }
    }
    for (int k = 0; k < COLUMNS_GRID; k++) {
        const figure_sample *at = &run.samples[k];
        const double frozen = solve_frozen(y + exp(y) + at->t / s->n);
        const double row[COLUMNS_COLUMNS] = {at->t, at->column, at->median,
                                             at->column / at->median,
                                             frozen_ratio(s, frozen - y)};
        memcpy(table + k * COLUMNS_COLUMNS, row, sizeof row);
    }
    figure_run_free(&run);
    status = say(out, id, "winner's over median column at t = 10000",
                 table[48 * COLUMNS_COLUMNS + 3], (double)NAN, (double)NAN);
    if (status == THM_OK) {
        status = say(out, id, "winner's over median column at t = 1e+08",
                     table[96 * COLUMNS_COLUMNS + 3], (double)NAN, (double)NAN);
    }
    if (status == THM_OK) {
        status = say(out, id, "largest over median column, p frozen, t = 1e+08",
                     table[96 * COLUMNS_COLUMNS + 4], (double)NAN, (double)NAN);
    }
    return status == THM_OK ? figure_table(out, id, COLUMNS_COLUMNS, names,
                                           COLUMNS_GRID, table, msg)
                            : status;
}
