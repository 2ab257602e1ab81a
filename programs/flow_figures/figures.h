/* The figures that flow-figures measures: runs of the authors' settings, toys
 * of sinks and massive columns, and what they say beside the note's numbers
 * (paper-notes/varre2026.md, "Figures"). */
#ifndef FLOW_FIGURES_H
#define FLOW_FIGURES_H

#include <stdbool.h>
#include "core/status.h"
#include "flow/settings.h"

/* One number beside the note's. */
typedef struct {
    char id[32];       /* "A", "B softmax", "E kappa 3", "sink" ...        */
    char quantity[64]; /* "entropy of the flow at t = 1000"                */
    double measured;
    double reference, unit; /* unit: of its last digit; NaN: there is none */
} figure_number;

typedef thm_status (*figure_report)(const figure_number *number, void *ctx);

/* Where a figure leaves what it measured. */
typedef struct {
    const char *dir; /* of the series ID.tsv; NULL: none                   */
    double effort;   /* descents of more than 2e8 effort numbers are left  */
    figure_report report;
    void *ctx;
} figure_output;

typedef struct {
    const char *id, *title;
    thm_status (*run)(const char *id, const figure_output *out,
                      thm_message *msg);
} figure;

/* The table, ended by a NULL id. */
extern const figure figures[];

/* Writes out->dir/id.tsv, rows: (count x n_columns); nothing without dir. */
thm_status figure_table(const figure_output *out, const char *id, int n_columns,
                        const char *const *columns, int count,
                        const double *rows, thm_message *msg);

/* "A" to "F". */
thm_status figure_setting(const char *id, const figure_output *out,
                          thm_message *msg);
/* The head without a task, and the columns of V. */
thm_status figure_sink(const char *id, const figure_output *out,
                       thm_message *msg);
thm_status figure_columns(const char *id, const figure_output *out,
                          thm_message *msg);

/* ---- runs of the settings --------------------------------------------------
 */

/* What a state says of itself. */
typedef struct {
    double t, entropy, p_max, loss;
    double column; /* norm of the winner's column of V              */
    double others; /* largest norm of another column                */
    double median; /* of the columns' norms                         */
    int winner;
    double *p, *u; /* (n) each: sigma(a), V'b (NaN if there is no b) */
} figure_sample;

typedef struct {
    thm_setting setting;
    bool flow; /* else gradient descent */
    int count;
    figure_sample *samples; /* (count) */
    double *room;
} figure_run;

/* Runs a setting and looks at it at times: (count), ascending, which a descent
 * rounds to whole steps.  Statuses of thm_setting_draw, thm_ode_integrate and
 * thm_descend. */
thm_status figure_run_make(char id, int variant, bool flow, int count,
                           const double *times, figure_run *run);
void figure_run_free(figure_run *run);

#endif
