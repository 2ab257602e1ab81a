/* A phase diagram row by row: see run.h. */
#include "programs/flow_phase/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "core/json.h"
#include "core/progress.h"
#include "programs/flow_phase/rows.h"
#include "programs/start.h"

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

static thm_status run_row(const phase_rows *rows, int row, double *values,
                          phase_result *result, thm_message *msg)
{
    bool found;
    thm_status status = phase_rows_load(rows, row, values, &found);
    if (status == THM_OK && !found) {
        status = thm_phase_row(rows->phase, row, values, interrupted, NULL);
        if (status == THM_OK) {
            status = phase_rows_save(rows, row, values, msg);
        }
    }
    if (status == THM_OK) {
        result->resumed += found;
        thm_phase_count(rows->phase, thm_phase_cells(rows->phase, row), values,
                        &result->tally);
    }
    return status;
}

thm_status phase_run(const thm_phase *phase, const char *out, FILE *progress,
                     phase_result *result, thm_message *msg)
{
    const double begin = thm_seconds();
    phase_rows rows;
    int row = 0;
    *result = (phase_result){.tally = thm_phase_tally_none()};
    thm_status status = phase_rows_open(phase, out, &rows, msg);
    double *values =
        malloc((size_t)phase->grid * (size_t)rows.columns * sizeof *values);
    if (status == THM_OK && !values) {
        status = THM_ENOMEM;
    }
    thm_progress bar = thm_progress_begin(progress, "rows");
    for (; row < phase->grid && status == THM_OK; row++) {
        status = start_interrupted() ? THM_EINTERRUPTED
                                     : run_row(&rows, row, values, result, msg);
        thm_progress_update(&bar, row + 1, phase->grid);
    }
    thm_progress_end(&bar);
    if (status == THM_OK) {
        status = phase_rows_finish(&rows, values, msg);
    } else if (status == THM_EINTERRUPTED && rows.folder) {
        thm_fail(status, msg,
                 "interrupted: %d of %d rows are kept in %s; the same command "
                 "goes on",
                 row > 0 ? row - 1 : 0, phase->grid, rows.folder);
    }
    result->seconds = thm_seconds() - begin;
    free(values);
    phase_rows_close(&rows);
    return status;
}

static json_t *wins(const thm_phase *phase, const thm_phase_tally *tally)
{
    if (phase->kind == THM_PHASE_SPREAD) {
        return json_null();
    }
    json_t *list = json_array();
    const int n = phase->kind == THM_PHASE_SIMPLEX ? 3 : 2;
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, json_integer(tally->wins[i]));
    }
    return list;
}

static json_t *summary(const thm_phase *phase, const phase_result *result)
{
    const thm_phase_tally *t = &result->tally;
    const bool timed = phase->kind != THM_PHASE_SPREAD;
    const struct {
        const char *key;
        json_t *value;
    } fields[] = {
        {"diagram", json_string(thm_phase_text(phase->kind))},
        {"loss", json_string(timed ? thm_loss_text(phase->loss) : "square")},
        {"t_end", thm_json_real(timed ? phase->t_end : HUGE_VAL)},
        {"cells", json_integer(t->cells)},
        {"failed", json_integer(t->failed)},
        {"wins", wins(phase, t)},
        {"undecided", json_integer(t->undecided)},
        {"rises", json_integer(t->rises)},
        {"largest_rise", thm_json_real(t->largest_rise)},
        {"covered", json_integer(t->covered)},
        {"disagreements", json_integer(t->disagreements)},
        {"polarised", json_integer(t->polarised)},
        {"latest_plateau", thm_json_real(t->latest_plateau)},
        {"resumed_rows", json_integer(result->resumed)},
        {"seconds", thm_json_real(result->seconds)},
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

static void print_table(FILE *stream, const thm_phase *phase,
                        const phase_result *result)
{
    static const char *const theorem[] = {
        "R11 (winner, whether entropy rises)",
        "R3 (same order: entropy falls, u's largest wins)", NULL};
    const thm_phase_tally *t = &result->tally;
    fprintf(stream, "%-16s %s\n", "diagram", thm_phase_text(phase->kind));
    fprintf(stream, "%-16s %" PRId64 ", %" PRId64 " failed\n", "starts",
            t->cells, t->failed);
    for (int i = 0; i < 3 && phase->kind != THM_PHASE_SPREAD; i++) {
        if (i < 2 || phase->kind == THM_PHASE_SIMPLEX) {
            fprintf(stream, "token %d wins     %" PRId64 "\n", i + 1,
                    t->wins[i]);
        }
    }
    if (phase->kind != THM_PHASE_SPREAD) {
        fprintf(stream, "%-16s %" PRId64 "\n", "undecided", t->undecided);
        fprintf(stream, "%-16s t = 10^%.4g\n", "latest plateau",
                t->latest_plateau);
    }
    fprintf(stream, "%-16s %" PRId64 ", by %.4g nat at most\n", "entropy rises",
            t->rises, t->largest_rise);
    fprintf(stream, "%-16s %" PRId64 " end below (log n) / 2\n", "polarised",
            t->polarised);
    if (theorem[phase->kind]) {
        fprintf(stream, "%-16s %" PRId64 " of %" PRId64 ", with %s\n",
                "disagreements", t->disagreements, t->covered,
                theorem[phase->kind]);
    }
}

thm_status phase_print(FILE *stream, const thm_phase *phase,
                       const phase_result *result, bool human)
{
    if (human) {
        print_table(stream, phase, result);
        return THM_OK;
    }
    json_t *line = summary(phase, result);
    const thm_status status = thm_json_write(stream, line);
    json_decref(line);
    return status;
}
