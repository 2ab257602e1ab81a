/* The reader of recorded trainings: see recorded.h. */
#include "claims/recorded.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/embed.h"
#include "core/file.h"

enum { MARGIN = 80, LARGEST = 1 << 24 };

/* Where the reader is. */
typedef struct {
    const char *name, *rest; /* rest: the lines to come */
    int line;                /* number of the last      */
    thm_message *msg;
} reader;

/* The next line, without its newline; false at the end. */
static bool next_line(reader *r, const char **line, int *length)
{
    r->line++;
    if (!*r->rest) {
        return false;
    }
    *line = r->rest;
    *length = (int)strcspn(r->rest, "\n");
    r->rest += *length;
    r->rest += *r->rest == '\n';
    return true;
}

static int shown(int length)
{
    return length < MARGIN ? length : MARGIN;
}

static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof form; i++) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != form[i]) {
            return false;
        }
    }
    return true;
}

/* The first two lines. */
static thm_status read_header(reader *r, thm_recorded *out)
{
    const char *line = "";
    int length = 0;
    next_line(r, &line, &length);
    json_t *header = length > 2 && strncmp(line, "# ", 2) == 0
                         ? json_loadb(line + 2, (size_t)length - 2, 0, NULL)
                         : NULL;
    const char *date = json_string_value(json_object_get(header, "recorded"));
    const json_t *cap = json_object_get(header, "cap");
    const json_t *floor = json_object_get(header, "smoothed_floor");
    const bool good =
        date && is_date(date) && json_is_number(cap) && json_is_number(floor);
    if (good) {
        memcpy(out->date, date, THM_DATE);
        out->cap = json_number_value(cap);
        out->floor = json_number_value(floor);
    }
    json_decref(header);
    if (!good) {
        return thm_fail(
            THM_EFORMAT, r->msg,
            "%s: line 1: expected '# ' and a JSON object with "
            "recorded (a date), cap and smoothed_floor, found '%.*s'",
            r->name, shown(length), line);
    }
    length = 0;
    next_line(r, &line, &length);
    if ((size_t)length != strlen(THM_RECORDED_COLUMNS) ||
        strncmp(line, THM_RECORDED_COLUMNS, (size_t)length) != 0) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: line 2: expected the columns arm, seed, step, "
                        "accuracy, loss, ratio, found '%.*s'",
                        r->name, shown(length), line);
    }
    return THM_OK;
}

/* A number between tabs, that ends the line where `last`. */
static bool number(const char **p, const char *end, bool last, double *x)
{
    char *after;
    if (*p >= end || **p == '\t' || **p == ' ') {
        return false;
    }
    *x = strtod(*p, &after);
    if (after == *p || after > end || (last ? after != end : *after != '\t')) {
        return false;
    }
    *p = after + !last;
    return true;
}

/* The row of a step of a run. */
static thm_status read_row(reader *r, const thm_recorded_run *run, int step,
                           thm_recorded_row *row)
{
    const char *line;
    int length;
    char head[64];
    const int n = snprintf(head, sizeof head, "%s\t%d\t%d\t", run->arm->name,
                           run->seed, step);
    if (!next_line(r, &line, &length)) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: line %d: expected %s, seed %d, step %d, found the "
                        "end of the file",
                        r->name, r->line, run->arm->name, run->seed, step);
    }
    if (length < n || strncmp(line, head, (size_t)n) != 0) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: line %d: expected %s, seed %d, step %d, found "
                        "'%.*s'",
                        r->name, r->line, run->arm->name, run->seed, step,
                        shown(length), line);
    }
    const char *p = line + n, *end = line + length;
    if (!number(&p, end, false, &row->accuracy) ||
        !number(&p, end, false, &row->loss) ||
        !number(&p, end, true, &row->ratio) ||
        !(row->accuracy >= 0 && row->accuracy <= 1) ||
        !(row->loss >= 0 && row->loss < HUGE_VAL) ||
        !(row->ratio >= 0 && row->ratio < HUGE_VAL)) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: line %d: expected an accuracy of 0 to 1, a loss "
                        "and a ratio from 0, found '%.*s'",
                        r->name, r->line, shown((int)(end - (line + n))),
                        line + n);
    }
    return THM_OK;
}

static thm_status read_run(reader *r, const thm_recorded *record,
                           thm_recorded_run *run)
{
    const thm_recorded_arm *arm = run->arm;
    thm_eureka e = thm_eureka_begin(record->cap, record->floor);
    int step = 0;
    while (!thm_recorded_ended(arm, &e, step)) {
        step += THM_RECORDED_EVERY;
        const thm_status status = read_row(r, run, step, &run->row[run->n]);
        if (status != THM_OK) {
            return status;
        }
        thm_eureka_accuracy(&e, step, run->row[run->n++].accuracy);
    }
    run->found = e.step >= 0;
    run->moment = run->found ? (int)e.step : arm->steps + THM_RECORDED_EVERY;
    return THM_OK;
}

/* Room for every run at its longest. */
static thm_status make_room(const thm_recorded_group *group, thm_recorded *out)
{
    size_t most = 0;
    out->group = group;
    out->runs = thm_recorded_runs(group);
    for (int a = 0; a < group->n_arms; a++) {
        most += (size_t)group->arms[a].seeds *
                (size_t)(group->arms[a].steps / THM_RECORDED_EVERY);
    }
    out->run = calloc((size_t)out->runs, sizeof *out->run);
    out->rows = calloc(most, sizeof *out->rows);
    if (!out->run || !out->rows) {
        return THM_ENOMEM;
    }
    thm_recorded_row *row = out->rows;
    for (int i = 0; i < out->runs; i++) {
        thm_recorded_run *run = &out->run[i];
        run->arm = thm_recorded_run_of(group, i, &run->seed);
        run->row = row;
        row += run->arm->steps / THM_RECORDED_EVERY;
    }
    return THM_OK;
}

thm_status thm_recorded_parse(const thm_recorded_group *group, const char *name,
                              const char *text, thm_recorded *out,
                              thm_message *msg)
{
    reader r = {.name = name, .rest = text, .msg = msg};
    *out = (thm_recorded){0};
    thm_status status = make_room(group, out);
    if (status == THM_OK) {
        status = read_header(&r, out);
    }
    for (int i = 0; i < out->runs && status == THM_OK; i++) {
        status = read_run(&r, out, &out->run[i]);
    }
    if (status == THM_OK && *r.rest) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: line %d: expected the end of the file, found "
                          "'%.*s'",
                          name, r.line + 1, shown((int)strcspn(r.rest, "\n")),
                          r.rest);
    }
    if (status != THM_OK) {
        thm_recorded_free(out);
    }
    return status;
}

/* The whole file, ended by a zero byte. */
static thm_status read_text(const char *path, char **text, thm_message *msg)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return thm_fail(THM_EIO, msg, "%s: %s", path, strerror(errno));
    }
    *text = calloc(1, LARGEST);
    const size_t n = *text ? fread(*text, 1, LARGEST - 1, file) : 0;
    thm_status status = *text ? THM_OK : THM_ENOMEM;
    if (ferror(file)) {
        status = thm_fail(THM_EIO, msg, "%s: %s", path, strerror(errno));
    } else if (status == THM_OK && strlen(*text) != n) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: byte %zu: expected text, found a zero byte",
                          path, strlen(*text));
    }
    fclose(file);
    return status;
}

thm_status thm_recorded_open(const char *dir, const char *group,
                             thm_recorded *out, thm_message *msg)
{
    const thm_recorded_group *g = thm_recorded_find(group);
    char file[64], *path = NULL, *text = NULL;
    *out = (thm_recorded){0};
    snprintf(file, sizeof file, "%.50s.tsv", group);
    if (!g) {
        return thm_fail(THM_EDOMAIN, msg, "no group '%.50s'", group);
    }
    if (!dir) {
        for (const thm_embedded *e = thm_records; e->name; e++) {
            if (strcmp(e->name, file) == 0) {
                return thm_recorded_parse(g, file, e->text, out, msg);
            }
        }
        return thm_fail(THM_EFORMAT, msg, "%s was not recorded", file);
    }
    path = thm_path_join(dir, file);
    thm_status status = path ? read_text(path, &text, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_recorded_parse(g, path, text, out, msg);
    }
    free(path);
    free(text);
    return status;
}

void thm_recorded_free(thm_recorded *record)
{
    free(record->run);
    free(record->rows);
    *record = (thm_recorded){0};
}

/* ---- as a case ------------------------------------------------------------
 */

static thm_status make(void *ctx, uint64_t seed, int64_t index, void *the_case,
                       char *name)
{
    const thm_recorded *record = the_case;
    (void)ctx;
    (void)seed;
    (void)index;
    snprintf(name, THM_CASE_NAME, "%s", record->group->name);
    return THM_OK;
}

thm_status thm_recorded_source_open(const char *dir, const char *group,
                                    thm_case_source *source, thm_message *msg)
{
    thm_recorded *record = calloc(1, sizeof *record);
    if (!record) {
        return THM_ENOMEM;
    }
    const thm_status status = thm_recorded_open(dir, group, record, msg);
    *source = (thm_case_source){
        .count = 1, .make = make, .the_case = record, .recorded = record->date};
    return status;
}

void thm_recorded_source_close(thm_case_source *source)
{
    if (source->the_case) {
        thm_recorded_free(source->the_case);
    }
    free(source->the_case);
}
