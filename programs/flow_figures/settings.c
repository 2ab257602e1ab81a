/* The authors' settings A to F: their numbers and their curves. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "programs/flow_figures/figures.h"
#include "programs/start.h"

enum { GRID = 120, ROOM = GRID + 16, MAX_VARIANTS = 6, MAX_COLUMNS = 24 };

/* What each figure draws against t: quantities of each of its variants, by a
 * flow or, as the authors do, by descent. */
static const struct {
    double first, last;             /* t */
    const char *quantities;         /* e entropy, m p_max, k KL divergence,
                                       c and o columns; v all of p and u    */
    int variants[MAX_VARIANTS + 1]; /* ended by -1 */
    char id;
    bool flow;
} curves[] = {
    {1, 1e5, "emv", {0, -1}, 'A', true},
    {0.1, 500, "em", {0, 1, 2, 3, 4, 5, -1}, 'B', false},
    {0.5, 5e4, "em", {0, 1, 2, 3, 4, 5, -1}, 'C', false},
    {0.05, 500, "mco", {10, 20, 50, 100, -1}, 'D', false},
    {0.01, 300, "e", {1, 2, 3, 4, 5, -1}, 'E', true},
    {1, 1e6, "emk", {0, -1}, 'F', true},
};

enum { CURVES = sizeof curves / sizeof *curves };

/* "B softmax", "E kappa 3". */
static void name_variant(char id, int variant, char *name, size_t size)
{
    switch (id) {
    case 'B':
    case 'C':
        snprintf(name, size, "%c %s", id,
                 thm_normalisation_text((thm_normalisation)variant));
        break;
    case 'D':
        snprintf(name, size, "D d = %d", variant);
        break;
    case 'E':
        snprintf(name, size, "E kappa %d", variant);
        break;
    default:
        snprintf(name, size, "%c", id);
    }
}

static double value_of(const figure_sample *s, thm_reference_kind kind)
{
    switch (kind) {
    case THM_REFERENCE_ENTROPY:
        return s->entropy;
    case THM_REFERENCE_P_MAX:
        return s->p_max;
    case THM_REFERENCE_LOSS:
        return s->loss;
    case THM_REFERENCE_WINNER:
        return s->winner;
    case THM_REFERENCE_COLUMN:
        return s->column;
    case THM_REFERENCE_OTHERS:
        return s->others;
    }
    return NAN;
}

static thm_status report(const thm_reference *r, const figure_run *run,
                         const figure_output *out)
{
    static const char *const words[] = {
        "entropy", "p_max",           "loss",
        "winner",  "winner's column", "largest other column"};
    figure_number number = {
        .measured = NAN, .reference = r->value, .unit = r->unit};
    name_variant(r->id, r->variant, number.id, sizeof number.id);
    snprintf(number.quantity, sizeof number.quantity, "%s of the %s at t = %g",
             words[r->kind], r->flow ? "flow" : "descent", r->t);
    for (int k = 0; k < run->count; k++) {
        if (fabs(run->samples[k].t - r->t) <= 1e-9 * r->t) {
            number.measured = value_of(&run->samples[k], r->kind);
        }
    }
    return out->report(&number, out->ctx);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* times: (ROOM) <- the curve's grid, if it is wanted, and the times of the
 * references of this run, ascending, none twice; returns how many. */
static int gather_times(int curve, bool grid, int variant, bool flow,
                        double *times)
{
    int n_references, count = 0, kept = 0;
    const thm_reference *all = thm_references(&n_references);
    const double first = curves[curve].first, last = curves[curve].last;
    for (int k = 0; grid && k < GRID; k++) {
        times[count++] =
            k + 1 == GRID ? last : first * pow(last / first, k / (GRID - 1.0));
    }
    for (int i = 0; i < n_references && count < ROOM; i++) {
        if (all[i].id == curves[curve].id && all[i].variant == variant &&
            all[i].flow == flow) {
            times[count++] = all[i].t;
        }
    }
    qsort(times, (size_t)count, sizeof *times, ascending);
    for (int k = 0; k < count; k++) {
        if (kept == 0 || times[k] > times[kept - 1] * (1 + 1e-12)) {
            times[kept++] = times[k];
        }
    }
    return kept;
}

/* Whether a descent of so many steps is worth its time at this effort. */
static bool affordable(const thm_setting *s, double effort)
{
    return (double)s->steps * s->d * s->n <= 2e8 * effort;
}

/* ---- curves ----------------------------------------------------------------
 */

typedef struct {
    int columns, rows;
    double *data; /* (GRID x MAX_COLUMNS), rows of `columns` at the end */
    char name[MAX_COLUMNS][64];
} curve_table;

static double entropy_of_target(const thm_setting *s)
{
    double h = 0;
    for (int i = 0; i < s->d && s->loss.kind == THM_LOSS_CROSS_ENTROPY; i++) {
        h -= s->loss.b[i] * log(s->loss.b[i]);
    }
    return h;
}

static double *add_column(curve_table *t, const char *quantity,
                          const char *variant)
{
    snprintf(t->name[t->columns], sizeof t->name[0], "%s%s%s", quantity,
             variant[1] ? " " : "", variant + (variant[1] ? 2 : 1));
    return t->data + t->columns++;
}

/* Adds a run's quantities at the times of the grid, which are among its own. */
static void add_run(int curve, const figure_run *run, curve_table *t)
{
    char variant[32];
    const figure_sample *s = run->samples;
    const double *grid = t->data; /* column 0 */
    const int n = run->setting.n;
    const double target = entropy_of_target(&run->setting);
    name_variant(curves[curve].id, run->setting.variant, variant,
                 sizeof variant);
    for (const char *q = curves[curve].quantities; *q; q++) {
        const int parts = *q == 'v' ? 2 * n : 1;
        for (int i = 0; i < parts; i++) {
            char name[16];
            snprintf(name, sizeof name,
                     *q == 'e'   ? "entropy"
                     : *q == 'm' ? "p_max"
                     : *q == 'k' ? "divergence"
                     : *q == 'c' ? "column"
                     : *q == 'o' ? "others"
                     : i < n     ? "p_%d"
                                 : "u_%d",
                     i % n);
            double *to = add_column(t, name, variant);
            for (int k = 0, j = 0; k < t->rows; k++) {
                while (j + 1 < run->count &&
                       fabs(s[j + 1].t - grid[k * MAX_COLUMNS]) <=
                           fabs(s[j].t - grid[k * MAX_COLUMNS])) {
                    j++;
                }
                to[k * MAX_COLUMNS] = *q == 'e'   ? s[j].entropy
                                      : *q == 'm' ? s[j].p_max
                                      : *q == 'k' ? s[j].loss - target
                                      : *q == 'c' ? s[j].column
                                      : *q == 'o' ? s[j].others
                                      : i < n     ? s[j].p[i]
                                                  : s[j].u[i - n];
            }
        }
    }
}

static thm_status write_table(const char *id, const figure_output *out,
                              curve_table *t, thm_message *msg)
{
    const char *names[MAX_COLUMNS];
    for (int i = 0; i < t->columns; i++) {
        names[i] = t->name[i];
    }
    for (int k = 0; k < t->rows; k++) {
        for (int i = 0; i < t->columns; i++) {
            t->data[k * t->columns + i] = t->data[k * MAX_COLUMNS + i];
        }
    }
    return figure_table(out, id, t->columns, names, t->rows, t->data, msg);
}

/* ---- a setting -------------------------------------------------------------
 */

/* One run, its numbers, and if it is the curve's kind its columns. */
static thm_status do_variant(int curve, int variant, bool flow,
                             const figure_output *out, curve_table *t)
{
    double times[ROOM];
    int n_references;
    const thm_reference *all = thm_references(&n_references);
    const bool grid = flow == curves[curve].flow && out->dir;
    const int count = gather_times(curve, grid, variant, flow, times);
    figure_run run;
    if (count == 0) {
        return THM_OK;
    }
    thm_status status =
        figure_run_make(curves[curve].id, variant, flow, count, times, &run);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n_references && status == THM_OK; i++) {
        if (all[i].id == curves[curve].id && all[i].variant == variant &&
            all[i].flow == flow) {
            status = report(&all[i], &run, out);
        }
    }
    if (grid) {
        add_run(curve, &run, t);
    }
    figure_run_free(&run);
    return status;
}

thm_status figure_setting(const char *id, const figure_output *out,
                          thm_message *msg)
{
    int curve = 0;
    while (curve < CURVES - 1 && curves[curve].id != id[0]) {
        curve++;
    }
    curve_table t = {.columns = 1, .rows = GRID, .name = {"t"}};
    t.data = calloc(GRID, MAX_COLUMNS * sizeof *t.data);
    thm_status status = t.data ? THM_OK : THM_ENOMEM;
    for (int k = 0; k < GRID && status == THM_OK; k++) {
        t.data[k * MAX_COLUMNS] =
            curves[curve].first *
            pow(curves[curve].last / curves[curve].first, k / (GRID - 1.0));
    }
    const int *variants = curves[curve].variants;
    for (int v = 0; variants[v] >= 0 && status == THM_OK; v++) {
        thm_setting s;
        status = thm_setting_draw(id[0], variants[v], &s);
        if (status != THM_OK) {
            break;
        }
        if (affordable(&s, out->effort)) {
            status = do_variant(curve, variants[v], false, out, &t);
        }
        thm_setting_free(&s);
        if (status == THM_OK) {
            status = start_interrupted()
                         ? THM_EINTERRUPTED
                         : do_variant(curve, variants[v], true, out, &t);
        }
    }
    if (status == THM_OK) {
        status = write_table(id, out, &t, msg);
    }
    free(t.data);
    return status;
}
