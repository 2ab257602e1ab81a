/* flow-figures: the authors' toy figures measured anew, each number beside the
 * one recorded in the note, and the curves as tables. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/flow_figures/figures.h"
#include "programs/start.h"

static thm_common common = THM_COMMON_DEFAULT;
static const char *only;
static bool list;

const figure figures[] = {
    {"A", "softmax and u on log time (logistic, d = n = 8)", figure_setting},
    {"B", "six normalisations under the square loss (d = n = 10)",
     figure_setting},
    {"C", "six normalisations under the logistic loss (d = n = 10)",
     figure_setting},
    {"D", "massive columns of the tied model (d = n = 10 to 100)",
     figure_setting},
    {"E", "regression with condition numbers 1 to 5 (d = n = 20)",
     figure_setting},
    {"F", "cross-entropy to a distribution (d = n = 10)", figure_setting},
    {"sink", "a head that has nothing to attend to (8 keys)", figure_sink},
    {"columns", "the winner's column of V in setting C", figure_columns},
    {0}};

static const thm_option table[] = {
    {"only", 0, "ID,...", THM_OPTION_TEXT, &only,
     "these figures, of --list (default all)", 0, 0},
    {"list", 0, NULL, THM_OPTION_FLAG, &list, "name the figures and exit", 0,
     0},
    {"effort", 'e', "X", THM_OPTION_REAL, &common.effort,
     "descents of more than 2e8 X steps times numbers are left out (default 1; "
     "5 has all)",
     THM_POSITIVE, 1e6},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write the curves as DIR/ID.tsv, and run.json", 0, 0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "flow-figures",
    .purpose = "The toy figures of Varre, Rofin and Flammarion (2026), drawn "
               "bit for bit as their notebook draws them, measured anew.",
    .details =
        "One JSON line a number: id, quantity, measured, reference (of the "
        "note), difference, unit (of the reference's last digit).  What is "
        "called descent has the authors' steps; a flow is what they approach."
        "\n\n"
        "  flow-figures --table\n"
        "  flow-figures --only A,E --out figures",
    .table = table};

/* Whether id is one of --only's words. */
static bool wanted(const char *id)
{
    const size_t n = strlen(id);
    for (const char *p = only; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, id, n) == 0 && (p[n] == ',' || p[n] == '\0')) {
            return true;
        }
    }
    return only == NULL;
}

static thm_status check_only(thm_message *msg)
{
    for (const char *p = only; p; p = strchr(p, ',')) {
        p += *p == ',';
        const size_t n = strcspn(p, ",");
        const figure *f = figures;
        while (f->id && (strlen(f->id) != n || strncmp(f->id, p, n) != 0)) {
            f++;
        }
        if (!f->id) {
            return thm_fail(THM_EDOMAIN, msg,
                            "--only: expected names of --list, found '%.*s'",
                            (int)n, p);
        }
    }
    return THM_OK;
}

static void print_cell(double x, const char *format)
{
    if (isnan(x)) {
        printf(" %16s", "-");
    } else {
        printf(format, x);
    }
}

static thm_status print_number(const figure_number *n, void *ctx)
{
    const bool human = *(const bool *)ctx;
    const double difference = n->measured - n->reference;
    if (human) {
        printf("%-10s %-44s", n->id, n->quantity);
        print_cell(n->measured, " %16.10g");
        print_cell(n->reference, " %16.10g");
        print_cell(difference, " %16.1e");
        putchar('\n');
        return THM_OK;
    }
    json_t *line =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "id", n->id, "quantity",
                  n->quantity, "measured", thm_json_real(n->measured),
                  "reference", thm_json_real(n->reference), "difference",
                  thm_json_real(difference), "unit", thm_json_real(n->unit));
    const thm_status status = thm_json_write(stdout, line);
    json_decref(line);
    /* a failed write shows when the program ends */
    return status == THM_ENOMEM ? status : THM_OK;
}

static thm_status print_figures(thm_message *msg)
{
    const bool human = common.table || (isatty(STDOUT_FILENO) && !common.json);
    const bool show = !common.quiet && isatty(STDERR_FILENO);
    const figure_output out = {.dir = common.out,
                               .effort = common.effort,
                               .report = print_number,
                               .ctx = (void *)&human};
    thm_progress progress = thm_progress_begin(show ? stderr : NULL, "figures");
    thm_status status = THM_OK;
    if (human) {
        printf("%-10s %-44s %16s %16s %16s\n", "id", "quantity", "measured",
               "reference", "difference");
    }
    for (const figure *f = figures; f->id && status == THM_OK; f++) {
        status = wanted(f->id) ? f->run(f->id, &out, msg) : THM_OK;
        thm_progress_update(&progress, f - figures, 8);
    }
    thm_progress_end(&progress);
    return status;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);
    for (const figure *f = figures; list && f->id; f++) {
        printf("%-8s %s\n", f->id, f->title);
    }
    if (list) {
        return start_finish(START_HOLDS);
    }
    thm_status status = check_only(&msg);
    if (status == THM_OK && common.out) {
        status = thm_dir_make(common.out, &msg);
    }
    if (status == THM_OK) {
        status = print_figures(&msg);
    }
    if (status == THM_OK && common.out) {
        const thm_run run = {.options = &options,
                             .isa = thm_isa_text(thm_isa_detect()),
                             .blas_core = thm_blas_core(),
                             .threads = 1,
                             .wall_seconds = thm_seconds() - begin};
        status = thm_run_write(common.out, &run, &msg);
    }
    return status != THM_OK ? (int)start_fail(status, &msg)
                            : start_finish(START_HOLDS);
}
