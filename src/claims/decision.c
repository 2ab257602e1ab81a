/* Decisions as JSON lines and as a table for people: see decision.h. */
#include "claims/decision.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/catalogue.h"
#include "core/file.h"
#include "core/json.h"
#include "core/options.h"

void thm_decision_name(thm_decision *o, const char *id)
{
    const thm_catalogue_entry *e = thm_catalogue_find(id);
    const bool twin = thm_catalogue_is_twin(id);
    const thm_verdict expected = e ? e->expected : THM_HOLDS;
    const char *slug = e ? e->slug : twin ? id + 1 : id;
    snprintf(o->id, sizeof o->id, "%.*s", THM_DECISION_NAME - 5, id);
    snprintf(o->slug, sizeof o->slug, "%s%.*s", twin ? "not-" : "",
             THM_DECISION_NAME - 5, slug);
    o->expected = twin ? thm_catalogue_opposite(expected) : expected;
}

/* ---- JSON -----------------------------------------------------------------
 */

json_t *thm_decision_to_json(const thm_decision *o)
{
    const thm_result *r = &o->result;
    json_t *line = json_object();
    /* json_object_set_new rejects a NULL value, so one test sees every failed
     * allocation. */
    int bad = !line;
    bad |= json_object_set_new(line, "id", json_string(o->id));
    bad |= json_object_set_new(line, "slug", json_string(o->slug));
    bad |= json_object_set_new(line, "verdict",
                               json_string(thm_verdict_text(r->verdict)));
    bad |= json_object_set_new(line, "expected",
                               json_string(thm_verdict_text(o->expected)));
    bad |= json_object_set_new(line, "evidence",
                               json_string(thm_evidence_text(r->evidence)));
    bad |= json_object_set_new(
        line, "scope", json_string(r->all_inputs ? "all inputs" : "cases"));
    bad |= json_object_set_new(line, "margin", thm_json_real(r->margin));
    bad |= json_object_set_new(line, "err", thm_json_real(r->err));
    bad |=
        json_object_set_new(line, "resolution", thm_json_real(r->resolution));
    bad |= json_object_set_new(line, "tight", thm_json_real(r->tight));
    bad |= json_object_set_new(line, "cases", json_integer(r->cases));
    bad |= json_object_set_new(line, "skipped", json_integer(r->skipped));
    bad |= json_object_set_new(line, "worst_case",
                               r->cases > 0 ? json_string(r->worst_case)
                                            : json_null());
    bad |= json_object_set_new(line, "worst_seed",
                               r->cases > 0 ? thm_json_u64(r->worst_seed)
                                            : json_null());
    bad |= json_object_set_new(line, "seconds", thm_json_real(o->seconds));
    if (r->recorded[0]) {
        bad |= json_object_set_new(line, "recorded", json_string(r->recorded));
    }
    if (bad) {
        json_decref(line);
        return NULL;
    }
    return line;
}

thm_status thm_decision_write(const thm_decision *o, FILE *out)
{
    json_t *line = thm_decision_to_json(o);
    const thm_status status = thm_json_write(out, line);
    json_decref(line);
    return status;
}

thm_status thm_decision_save(const char *dir, const char *name, int n,
                             const thm_decision *decisions, thm_message *msg)
{
    thm_file *file = NULL;
    char *path = thm_path_join(dir, name);
    thm_status status = path ? thm_dir_make(dir, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_file_begin(path, &file, msg);
    }
    for (int i = 0; i < n && status == THM_OK; i++) {
        status = thm_decision_write(&decisions[i], thm_file_stream(file));
        if (status == THM_EIO) {
            status = THM_OK; /* commit says why */
            break;
        }
    }
    if (status == THM_OK) {
        status = thm_file_commit(file, msg);
    } else {
        thm_file_abort(file);
    }
    free(path);
    return status;
}

static bool get_string(const json_t *line, const char *key, int size, char *out)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text && snprintf(out, (size_t)size, "%s", text) < size;
}

static bool get_verdict(const json_t *line, const char *key, thm_verdict *out)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text && thm_verdict_parse(text, out);
}

static bool get_evidence(const json_t *line, thm_evidence *out)
{
    const char *text = json_string_value(json_object_get(line, "evidence"));
    for (int e = THM_ENCLOSURE; text && e <= THM_STATISTICAL; e++) {
        if (strcmp(text, thm_evidence_text((thm_evidence)e)) == 0) {
            *out = (thm_evidence)e;
            return true;
        }
    }
    return false;
}

static bool get_number(const json_t *line, const char *key, double *out)
{
    const json_t *value = json_object_get(line, key);
    *out = json_is_null(value) ? (double)NAN : json_number_value(value);
    return json_is_null(value) || json_is_number(value);
}

static bool get_integer(const json_t *line, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(line, key);
    *out = json_integer_value(value);
    return json_is_integer(value);
}

/* A seed beyond JSON's integers is a string of digits. */
static bool get_seed(const json_t *line, uint64_t *out)
{
    const json_t *value = json_object_get(line, "worst_seed");
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) ||
           (json_is_string(value) &&
            thm_parse_u64(json_string_value(value), out));
}

thm_status thm_decision_from_json(const json_t *line, thm_decision *o,
                                  thm_message *msg)
{
    thm_decision x;
    memset(&x, 0, sizeof x);
    thm_result *r = &x.result;
    const char *scope = json_string_value(json_object_get(line, "scope"));
    const char *bad = NULL;
    if (!get_string(line, "id", sizeof x.id, x.id)) {
        bad = "id";
    } else if (!get_string(line, "slug", sizeof x.slug, x.slug)) {
        bad = "slug";
    } else if (!get_verdict(line, "verdict", &r->verdict)) {
        bad = "verdict";
    } else if (!get_verdict(line, "expected", &x.expected)) {
        bad = "expected";
    } else if (!get_evidence(line, &r->evidence)) {
        bad = "evidence";
    } else if (!scope) {
        bad = "scope";
    } else if (!get_number(line, "margin", &r->margin)) {
        bad = "margin";
    } else if (!get_number(line, "err", &r->err)) {
        bad = "err";
    } else if (!get_number(line, "resolution", &r->resolution)) {
        bad = "resolution";
    } else if (!get_number(line, "tight", &r->tight)) {
        bad = "tight";
    } else if (!get_integer(line, "cases", &r->cases)) {
        bad = "cases";
    } else if (!get_integer(line, "skipped", &r->skipped)) {
        bad = "skipped";
    } else if (r->cases > 0 &&
               !get_string(line, "worst_case", THM_CASE_NAME, r->worst_case)) {
        bad = "worst_case";
    } else if (r->cases > 0 && !get_seed(line, &r->worst_seed)) {
        bad = "worst_seed";
    } else if (!get_number(line, "seconds", &x.seconds)) {
        bad = "seconds";
    }
    if (!bad && json_object_get(line, "recorded") &&
        !get_string(line, "recorded", THM_DATE, r->recorded)) {
        bad = "recorded";
    }
    if (bad) {
        return thm_fail(THM_EFORMAT, msg, "key '%s' is missing or malformed",
                        bad);
    }
    r->all_inputs = strcmp(scope, "all inputs") == 0;
    *o = x;
    return THM_OK;
}

/* ---- exit code ------------------------------------------------------------
 */

static bool is_twin(const thm_decision *o)
{
    return thm_catalogue_is_twin(o->id);
}

static bool as_expected(const thm_decision *o)
{
    return o->result.verdict == o->expected;
}

static int exit_code_of(const thm_decision *d, bool judge_twins)
{
    if (as_expected(d)) {
        return 0;
    }
    if (is_twin(d)) {
        return judge_twins ? 4 : 0;
    }
    const thm_verdict v = d->result.verdict;
    return v == THM_HOLDS || v == THM_REFUTED ? 1 : 3;
}

int thm_decision_worse_exit(int a, int b)
{
    static const int order[] = {4, 1, 3};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return 0;
}

int thm_decision_exit_code(int n, const thm_decision *decisions,
                           bool judge_twins)
{
    int code = 0;
    for (int i = 0; i < n; i++) {
        code = thm_decision_worse_exit(
            code, exit_code_of(&decisions[i], judge_twins));
    }
    return code;
}

/* ---- table ----------------------------------------------------------------
 */

static const thm_decision *twin_of(int n, const thm_decision *decisions,
                                   const char *id)
{
    for (int i = 0; i < n; i++) {
        if (decisions[i].id[0] == 'X' && strcmp(decisions[i].id + 1, id) == 0) {
            return &decisions[i];
        }
    }
    return NULL;
}

static bool has_claim(int n, const thm_decision *decisions, const char *twin_id)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(decisions[i].id, twin_id + 1) == 0) {
            return true;
        }
    }
    return false;
}

static const char *colour_of(const thm_decision *o)
{
    if (as_expected(o)) {
        return "\033[32m";
    }
    const thm_verdict v = o->result.verdict;
    return v == THM_HOLDS || v == THM_REFUTED ? "\033[31m" : "\033[33m";
}

/* A cell of fixed width, coloured outside the padding. */
static void verdict_cell(const thm_decision *o, const char *text, int width,
                         bool colour, FILE *out)
{
    fprintf(out, "%s%-*s%s", colour ? colour_of(o) : "", width, text,
            colour ? "\033[0m" : "");
}

/* Two digits, "-" for what is not a number. */
static void number_cell(double x, FILE *out)
{
    char text[32] = "-";
    if (isfinite(x)) {
        snprintf(text, sizeof text, x == 0.0 ? "0" : "%.1e", x);
    }
    fprintf(out, " %7s", text);
}

/* Nothing allowed in any case leaves tight at 0: nothing to say. */
static void tight_cell(double x, FILE *out)
{
    if (isfinite(x) && x > 0.0) {
        fprintf(out, x >= 1e-3 && x < 10.0 ? " %6.4f" : " %6.0e", x);
    } else {
        fprintf(out, " %6s", "-");
    }
}

static void row(const thm_decision *o, const thm_decision *twin, bool colour,
                FILE *out)
{
    const thm_result *r = &o->result;
    char cell[64];
    if (r->cases == 0) {
        snprintf(cell, sizeof cell, "%s (%" PRId64 " skipped)",
                 thm_verdict_text(r->verdict), r->skipped);
    } else if (r->all_inputs) {
        snprintf(cell, sizeof cell, "%s (%s, all inputs)",
                 thm_verdict_text(r->verdict), thm_evidence_text(r->evidence));
    } else if (r->recorded[0]) {
        snprintf(cell, sizeof cell, "%s (recorded %s)",
                 thm_verdict_text(r->verdict), r->recorded);
    } else {
        snprintf(cell, sizeof cell, "%s (%s, %" PRId64 " %s)",
                 thm_verdict_text(r->verdict), thm_evidence_text(r->evidence),
                 r->cases, r->cases == 1 ? "case" : "cases");
    }
    fprintf(out, "%-5s %-26s ", o->id, o->slug);
    verdict_cell(o, cell, 30, colour, out);
    number_cell(r->margin, out);
    number_cell(r->err, out);
    tight_cell(r->tight, out);
    fprintf(out, " %4.1f  ", o->seconds + (twin ? twin->seconds : 0.0));
    if (twin) {
        verdict_cell(twin, thm_verdict_text(twin->result.verdict), 0, colour,
                     out);
    } else {
        fputc('-', out);
    }
    fputc('\n', out);
}

void thm_decision_table(int n, const thm_decision *decisions, bool colour,
                        FILE *out)
{
    fprintf(out, "%-5s %-26s %-30s %7s %7s %6s %4s  %s\n", "claim", "says",
            "verdict", "margin", "err", "tight", "s", "twin");
    for (int i = 0; i < n; i++) {
        const thm_decision *o = &decisions[i];
        if (!is_twin(o)) {
            row(o, twin_of(n, decisions, o->id), colour, out);
        } else if (!has_claim(n, decisions, o->id)) {
            row(o, NULL, colour, out);
        }
    }
    for (int i = 0; i < n; i++) {
        const thm_decision *o = &decisions[i];
        if (!as_expected(o)) {
            fprintf(out,
                    "%s: expected %s, found %s; worst case %s, seed %llu\n",
                    o->id, thm_verdict_text(o->expected),
                    thm_verdict_text(o->result.verdict),
                    o->result.cases > 0 ? o->result.worst_case : "-",
                    (unsigned long long)o->result.worst_seed);
        }
    }
}
