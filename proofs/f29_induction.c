/* F29: trained to continue what came before, every head of the second layer
 * attends to BOS where there is nothing to continue (paper-notes/varre2026.md,
 * "Transformers").  Judges recorded runs, the series of induction-sinks after a
 * line "# recorded 2026-11-22: how": the last row of each run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "claims/claim.h"
#include "core/embed.h"
#include "core/file.h"
#include "io/bytes.h"
#include "proofs/proof.h"

#define SERIES "induction-sinks.tsv"
static const char before[] = "# recorded ";
enum { LINEAR, SEED, STEP, LOSS, TEST_LOSS, ACCURACY, SINK, COLUMNS = 14 };
enum { HEADS = 4, STEPS = 1170, MOST = 64 };
static const double sink = 0.95, learned = 0.95;

static const char *folder; /* NULL: the record in the library */

typedef struct {
    double row[MOST][COLUMNS]; /* the last of each run */
    int runs;
    char date[THM_DATE];
} record;

/* n numbers from a line; false if there are more or fewer. */
static bool read_numbers(const char *line, int n, double *x)
{
    char *end = NULL;
    for (int k = 0; k < n; k++) {
        x[k] = strtod(line, &end);
        if (end == line || *end != (k + 1 < n ? '\t' : '\n')) {
            return false;
        }
        line = end + 1;
    }
    return true;
}

static thm_status bad(const char *name, int line, thm_message *msg)
{
    return thm_fail(THM_EFORMAT, msg,
                    "%s:%d: expected %d numbers, step 390 to %d, an accuracy "
                    "from 0 to 1, arm and seed those of the row before or of a "
                    "new run",
                    name, line, COLUMNS, STEPS);
}

static bool plausible(const double *x)
{
    return (x[LINEAR] == 0.0 || x[LINEAR] == 1.0) && x[STEP] >= 1.0 &&
           x[STEP] <= STEPS && x[ACCURACY] >= 0.0 && x[ACCURACY] <= 1.0;
}

/* A row goes on with the last run, or begins another when that has ended. */
static bool take(const double *x, record *r)
{
    const double *last = r->runs > 0 ? r->row[r->runs - 1] : NULL;
    const bool ended = !last || last[STEP] == STEPS;
    if (ended && r->runs == MOST) {
        return false;
    }
    if (!ended && !(x[LINEAR] == last[LINEAR] && x[SEED] == last[SEED] &&
                    x[STEP] > last[STEP])) {
        return false;
    }
    memcpy(r->row[ended ? r->runs++ : r->runs - 1], x, sizeof r->row[0]);
    return true;
}

static thm_status parse(const char *name, const char *text, record *r,
                        thm_message *msg)
{
    int line = 1;
    if (strncmp(text, before, sizeof before - 1) == 0) {
        snprintf(r->date, sizeof r->date, "%.10s", text + sizeof before - 1);
    }
    for (; *text != '\0'; line++) {
        const size_t length = strcspn(text, "\n");
        double x[COLUMNS];
        if (length > 0 && *text != '#') {
            if (!read_numbers(text, COLUMNS, x) || !plausible(x) ||
                !take(x, r)) {
                return bad(name, line, msg);
            }
        }
        text += length + (text[length] == '\n');
    }
    if (r->runs == 0 || r->row[r->runs - 1][STEP] != STEPS) {
        return thm_fail(THM_EFORMAT, msg, "%s:%d: expected a run to step %d",
                        name, line, STEPS);
    }
    return THM_OK;
}

/* The day on which a file was written. */
static void date_of(const char *path, char date[THM_DATE])
{
    struct stat of;
    struct tm day;
    if (stat(path, &of) == 0 && localtime_r(&of.st_mtime, &day)) {
        strftime(date, THM_DATE, "%Y-%m-%d", &day);
    }
}

static thm_status read_file(record *r, thm_message *msg)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    char *path = thm_path_join(folder, SERIES), *text = NULL;
    thm_status status =
        path ? thm_bytes_read(path, &bytes, &size, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        text = strndup((const char *)bytes, size);
        status = text ? parse(path, text, r, msg) : THM_ENOMEM;
    }
    if (status == THM_OK && !r->date[0]) {
        date_of(path, r->date);
    }
    free(text);
    free(bytes);
    free(path);
    return status;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    const record *r = ctx;
    (void)seed;
    memcpy(the_case, r->row[index], sizeof r->row[index]);
    snprintf(name, THM_CASE_NAME, "%s-%.0f",
             r->row[index][LINEAR] == 0.0 ? "softmax" : "linear",
             r->row[index][SEED]);
    return THM_OK;
}

/* Effort and seed do not change what was recorded. */
static thm_status open_record(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static record storage;
    static double row[COLUMNS];
    thm_status status = THM_OK;
    (void)effort, (void)seed;
    storage = (record){0};
    if (folder) {
        status = read_file(&storage, msg);
    } else {
        const thm_embedded *e = thm_records;
        while (e->name && strcmp(e->name, SERIES) != 0) {
            e++;
        }
        status = e->name ? parse(SERIES, e->text, &storage, msg)
                         : thm_fail(THM_EFORMAT, msg, "no record " SERIES);
    }
    *ctx = &storage;
    *source = (thm_case_source){.count = storage.runs,
                                .make = make_run,
                                .the_case = row,
                                .ctx = &storage,
                                .recorded = storage.date};
    return status;
}

/* By how much the head that sinks least misses it. */
static thm_status judge(const double *x, bool linear, thm_finding *f,
                        bool *applies)
{
    *applies = (x[LINEAR] == 1.0) == linear && x[ACCURACY] > learned;
    f->observed = sink - x[SINK];
    for (int h = 1; h < HEADS; h++) {
        f->observed = thm_worse(f->observed, sink - x[SINK + h]);
    }
    f->allowed = 0.0;
    f->err = 0x1p-20;
    return THM_OK;
}

static thm_status softmax_sinks(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)ctx;
    return judge(c, false, f, applies);
}

static thm_status linear_sinks(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)ctx;
    return judge(c, true, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F29", softmax_sinks, false},
                                       {"XF29", linear_sinks, false}};
    static const proof_group group = {2, claims, open_record, NULL};
    static const proof_table table = {
        "attention sinks of a recorded induction task (F29)", 1, &group};
    return proof_main_recorded(argc, argv, &table, &folder);
}
