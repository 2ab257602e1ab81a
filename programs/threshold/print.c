/* What a threshold sweep says: see threshold.h. */
#include "programs/threshold/threshold.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include "core/binomial.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tsv.h"

/* The median of column `value`, in units of column `unit` (-1: 1), over the
 * rows where it is a number; NaN if there is none. */
static double median(int n, const double *rows, int value, int unit,
                     double *room)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * TRAINED_VALUES;
        const double x = row[value] / (unit < 0 ? 1 : row[unit]);
        if (!isnan(x)) {
            room[count++] = x;
        }
    }
    if (count == 0) {
        return NAN;
    }
    gsl_sort(room, 1, (size_t)count);
    /* of two in the middle the larger, so that infinity stays one */
    return room[count / 2];
}

thm_status threshold_judge(const threshold_plan *plan, const double *rows,
                           threshold_result *result)
{
    const int n = plan->seeds;
    threshold_result r = {0};
    double *room = calloc((size_t)n, sizeof *room);
    if (!room) {
        return THM_ENOMEM;
    }
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * TRAINED_VALUES;
        const double allowed = THRESHOLD_TOLERANCE * row[TRAINED_F0];
        const bool decided = !isnan(row[TRAINED_FLOOR]);
        const double floor = decided ? row[TRAINED_FLOOR] : 0;
        r.successes += row[TRAINED_F] - floor <= allowed;
        r.zeros += row[TRAINED_F] <= allowed;
        r.certified += row[TRAINED_LOWER] > 0;
        r.undecided += !decided;
    }
    r.floor = median(n, rows, TRAINED_FLOOR, TRAINED_F0, room);
    r.loss = median(n, rows, TRAINED_F, TRAINED_F0, room);
    r.sigma = median(n, rows, TRAINED_SIGMA, -1, room);
    r.lower = median(n, rows, TRAINED_LOWER, -1, room);
    r.needed = median(n, rows, TRAINED_NEEDED, -1, room);
    free(room);
    thm_status status = thm_binomial_interval(r.successes, n, THRESHOLD_LEVEL,
                                              &r.ci_low, &r.ci_high);
    if (status == THM_OK) {
        status = thm_binomial_interval(r.zeros, n, THRESHOLD_LEVEL, &r.zero_low,
                                       &r.zero_high);
    }
    *result = r;
    return status;
}

static json_t *line_of(const threshold_plan *p, const threshold_cell *c,
                       const threshold_result *r)
{
    const struct {
        const char *key;
        json_t *value;
    } fields[] = {
        {"D", json_integer(c->D)},
        {"N", json_integer(p->N)},
        {"n", json_integer(p->n)},
        {"d", json_integer(p->d)},
        {"m", json_integer(p->m)},
        {"H", json_integer(p->H)},
        {"scale", thm_json_real(c->scale)},
        {"scheme", json_string(thm_scheme_text((thm_scheme)c->scheme))},
        {"kernel", json_string(thm_kernel_text((thm_kernel)c->kernel))},
        {"data", json_string(p->images ? "fashion" : "drawn")},
        {"train", json_string(threshold_train_text(p->train))},
        {"steps", json_integer(p->steps)},
        {"seeds", json_integer(p->seeds)},
        {"successes", json_integer(r->successes)},
        {"ci_low", thm_json_real(r->ci_low)},
        {"ci_high", thm_json_real(r->ci_high)},
        {"zeros", json_integer(r->zeros)},
        {"zero_low", thm_json_real(r->zero_low)},
        {"zero_high", thm_json_real(r->zero_high)},
        {"certified", json_integer(r->certified)},
        {"undecided", json_integer(r->undecided)},
        {"floor", thm_json_real(r->floor)},
        {"loss", thm_json_real(r->loss)},
        {"sigma_min", thm_json_real(r->sigma)},
        {"sigma_min_lower", thm_json_real(r->lower)},
        {"steps_needed", thm_json_real(r->needed)},
    };
    json_t *object = json_object();
    bool good = object != NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        good =
            json_object_set_new(object, fields[i].key, fields[i].value) == 0 &&
            good;
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static void print_row(FILE *stream, const threshold_plan *p,
                      const threshold_cell *c, const threshold_result *r)
{
    fprintf(stream,
            "%5d %6.3g %8.3g  %-11s %-20s %3d/%-3d [%.2f, %.2f] %3d %4d "
            "%9.1e %9.1e %9.1e %9.1e\n",
            c->D, (double)c->D * p->H / (p->N * p->n), c->scale,
            thm_scheme_text((thm_scheme)c->scheme),
            thm_kernel_text((thm_kernel)c->kernel), r->successes, p->seeds,
            r->ci_low, r->ci_high, r->zeros, r->certified, r->floor, r->loss,
            r->lower, r->needed);
}

/* Calls `tell` for every cell, D ascending. */
static thm_status each_cell(const threshold_plan *plan, const double *rows,
                            thm_status (*tell)(const threshold_plan *plan,
                                               const threshold_cell *cell,
                                               const threshold_result *result,
                                               void *ctx),
                            void *ctx)
{
    const int cells = threshold_cells(plan), of_one_d = cells / plan->n_dims;
    thm_status status = THM_OK;
    for (int k = 0; k < cells && status == THM_OK; k++) {
        const int i = cells - of_one_d - k / of_one_d * of_one_d + k % of_one_d;
        const threshold_cell cell = threshold_cell_at(plan, i);
        threshold_result result;
        status = threshold_judge(
            plan, rows + (size_t)i * (size_t)plan->seeds * TRAINED_VALUES,
            &result);
        if (status == THM_OK) {
            status = tell(plan, &cell, &result, ctx);
        }
    }
    return status;
}

static thm_status tell_table(const threshold_plan *plan,
                             const threshold_cell *cell,
                             const threshold_result *result, void *ctx)
{
    print_row(ctx, plan, cell, result);
    return THM_OK;
}

static thm_status tell_json(const threshold_plan *plan,
                            const threshold_cell *cell,
                            const threshold_result *result, void *ctx)
{
    json_t *line = line_of(plan, cell, result);
    const thm_status status = thm_json_write(ctx, line);
    json_decref(line);
    /* a failed write shows when the program ends */
    return status == THM_ENOMEM ? status : THM_OK;
}

thm_status threshold_print(FILE *stream, const threshold_plan *plan,
                           const double *rows, bool human)
{
    if (human) {
        fprintf(stream,
                "%5s %6s %8s  %-11s %-20s %-7s %-12s %4s %4s %9s %9s %9s "
                "%9s\n",
                "D", "HD/Nn", "scale", "scheme", "kernel", "success", "95 %",
                "zero", "cert", "floor", "loss", "sigma", "needed");
    }
    return each_cell(plan, rows, human ? tell_table : tell_json, stream);
}

static thm_status tell_tsv(const threshold_plan *p, const threshold_cell *c,
                           const threshold_result *r, void *ctx)
{
    const double row[] = {c->D,
                          (double)c->D * p->H / (p->N * p->n),
                          c->scale,
                          c->scheme,
                          c->kernel,
                          (double)r->successes / p->seeds,
                          r->ci_low,
                          r->ci_high,
                          (double)r->zeros / p->seeds,
                          r->zero_low,
                          r->zero_high,
                          (double)r->certified / p->seeds,
                          r->floor,
                          r->loss,
                          r->sigma,
                          r->lower,
                          r->needed};
    thm_tsv_row(ctx, row);
    return THM_OK;
}

thm_status threshold_save(const char *dir, const threshold_plan *plan,
                          const double *rows, thm_message *msg)
{
    static const thm_tsv_column columns[] = {
        {"D", "1"},          {"ratio", "HD / Nn"},
        {"scale", "1"},      {"scheme", "index"},
        {"kernel", "index"}, {"success", "1"},
        {"ci_low", "1"},     {"ci_high", "1"},
        {"zero", "1"},       {"zero_low", "1"},
        {"zero_high", "1"},  {"certified", "1"},
        {"floor", "f_0"},    {"loss", "f_0"},
        {"sigma_min", "1"},  {"sigma_min_lower", "1"},
        {"needed", "steps"}};
    thm_tsv *tsv = NULL;
    char *path = thm_path_join(dir, "threshold.tsv");
    thm_status status =
        path ? thm_tsv_begin(path, sizeof columns / sizeof *columns, columns,
                             &tsv, msg)
             : THM_ENOMEM;
    free(path);
    if (status != THM_OK) {
        return status;
    }
    status = each_cell(plan, rows, tell_tsv, tsv);
    if (status != THM_OK) {
        thm_tsv_abort(tsv);
        return status;
    }
    return thm_tsv_commit(tsv, msg);
}
