/* theoremeter verify: runs the proof programs beside this one as children and
 * answers for all of them, in the order of the catalogue whatever the order
 * in which they end. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "claims/catalogue.h"
#include "claims/decision.h"
#include "core/file.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "la/isa.h"
#include "programs/start.h"
#include "programs/theoremeter/beside.h"
#include "programs/theoremeter/children.h"
#include "programs/theoremeter/collect.h"
#include "programs/theoremeter/commands.h"
#include "programs/theoremeter/report.h"

typedef struct {
    thm_common common;
    const char *list; /* --only, NULL for everything */
    bool no_report;
} verify_options;

enum { MAX_ARGS = 16, NUMBER = 32 };

/* One proof program, and the command line that it gets. */
typedef struct {
    const char *name;
    char path[PATH_MAX];
    char *argv[MAX_ARGS];
} verify_job;

typedef struct {
    const verify_options *options;
    int n_slots, n_jobs;
    claim_slot *slots;       /* the selected claims                       */
    thm_decision *decisions; /* of all that were decided, for the outputs */
    int n_decisions;
    verify_job *jobs;
    child_process *children;
    char seed[NUMBER], effort[NUMBER];
    bool broken; /* a program failed */
    thm_progress progress;
} verify_run;

/* ---- what to run ----------------------------------------------------------
 */

static thm_status allocate(verify_run *run)
{
    size_t n = 0;
    while (thm_catalogue[n].id) {
        n++;
    }
    run->slots = calloc(n, sizeof *run->slots);
    run->decisions = calloc(2 * n, sizeof *run->decisions);
    run->jobs = calloc(n, sizeof *run->jobs);
    run->children = calloc(n, sizeof *run->children);
    return run->slots && run->decisions && run->jobs && run->children
               ? THM_OK
               : THM_ENOMEM;
}

static void release(verify_run *run)
{
    children_free(run->n_jobs, run->children);
    free(run->slots);
    free(run->decisions);
    free(run->jobs);
    free(run->children);
}

static void complain(verify_run *run, const thm_message *msg)
{
    thm_progress_end(&run->progress);
    start_fail(THM_EINTERNAL, msg);
    run->broken = true;
}

static bool has_job(const verify_run *run, const char *name)
{
    for (int i = 0; i < run->n_jobs; i++) {
        if (strcmp(run->jobs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_job(verify_run *run, const char *name)
{
    const verify_options *o = run->options;
    verify_job *job = &run->jobs[run->n_jobs];
    const char *arguments[MAX_ARGS] = {name,       "--json",  "--quiet",
                                       "--seed",   run->seed, "--effort",
                                       run->effort};
    int n = 7;
    if (o->list) {
        arguments[n++] = "--only";
        arguments[n++] = o->list;
    }
    if (o->common.only) {
        arguments[n++] = "--case";
        arguments[n++] = o->common.only;
    }
    thm_message msg;
    job->name = name;
    if (beside_path(name, job->path, &msg) != THM_OK) {
        complain(run, &msg);
        return;
    }
    for (int i = 0; i < n; i++) {
        job->argv[i] = (char *)arguments[i]; /* exec does not write to them */
    }
    run->children[run->n_jobs].path = job->path;
    run->children[run->n_jobs].argv = job->argv;
    run->n_jobs++;
}

/* Fills slots and jobs from the catalogue. */
static void plan(verify_run *run)
{
    const verify_options *o = run->options;
    const char *missing = "";
    snprintf(run->seed, sizeof run->seed, "%" PRIu64, o->common.seed);
    snprintf(run->effort, sizeof run->effort, "%.17g", o->common.effort);
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        if (o->list && !thm_catalogue_selects(o->list, e)) {
            continue;
        }
        run->slots[run->n_slots++].entry = e;
        if (!has_job(run, e->program) && strcmp(missing, e->program) != 0) {
            const int before = run->n_jobs;
            add_job(run, e->program);
            missing = run->n_jobs == before ? e->program : missing;
        }
    }
}

/* ---- running --------------------------------------------------------------
 */

static void watch(void *ctx)
{
    verify_run *run = ctx;
    int64_t lines = 0;
    for (int i = 0; i < run->n_jobs; i++) {
        const char *p = run->children[i].output;
        while (p && (p = strchr(p, '\n')) != NULL) {
            lines++;
            p++;
        }
    }
    thm_progress_update(&run->progress, lines, 2 * (int64_t)run->n_slots);
}

/* Collects every program's lines; returns 0 or, in a replay, the exit code of
 * bad usage if the case does not exist. */
static int collect_all(verify_run *run)
{
    const bool replay = run->options->common.only != NULL;
    for (int i = 0; i < run->n_jobs; i++) {
        thm_message msg;
        const thm_status status =
            collect(run->jobs[i].name, &run->children[i], replay, run->n_slots,
                    run->slots, &msg);
        if (status == THM_EDOMAIN) {
            return START_USAGE; /* the program has said it in one line */
        }
        if (status != THM_OK) {
            complain(run, &msg);
        }
    }
    for (int i = 0; i < run->n_slots; i++) {
        const claim_slot *slot = &run->slots[i];
        if (slot->has_claim) {
            run->decisions[run->n_decisions++] = slot->claim;
            run->decisions[run->n_decisions++] = slot->twin;
        }
    }
    return 0;
}

/* ---- what comes out -------------------------------------------------------
 */

static void print_summary(const verify_run *run, double seconds)
{
    int good = 0, twins = 0;
    for (int i = 0; i < run->n_decisions; i++) {
        const thm_decision *d = &run->decisions[i];
        const bool expected = d->result.verdict == d->expected;
        good += expected && i % 2 == 0;
        twins += expected && i % 2 == 1;
    }
    printf("%d of %d claims as expected, %d of %d twins opposite, %.1f s\n",
           good, run->n_slots, twins, run->n_slots, seconds);
    for (int i = 0; i < run->n_slots; i++) {
        if (!run->slots[i].has_claim && !run->options->common.only) {
            printf("%s: no verdict, %s failed\n", run->slots[i].entry->id,
                   run->slots[i].entry->program);
        }
    }
}

static thm_status print_lines(const verify_run *run)
{
    thm_status status = THM_OK;
    for (int i = 0; i < run->n_decisions && status == THM_OK; i++) {
        status = thm_decision_write(&run->decisions[i], stdout);
    }
    return status == THM_EIO ? THM_OK : status; /* start_finish says why */
}

/* DIR/verify.jsonl, DIR/run.json and, unless it is unwanted, the report. */
static thm_status save(const verify_run *run, const thm_options *spec,
                       double seconds, thm_message *msg)
{
    const verify_options *o = run->options;
    const thm_run record = {.options = spec,
                            .seed = o->common.seed,
                            .isa = thm_isa_text(thm_isa_detect()),
                            .blas_core = thm_blas_core(),
                            .threads = o->common.threads,
                            .wall_seconds = seconds};
    const report_options report = {.seed = o->common.seed,
                                   .effort = o->common.effort,
                                   .at_once = o->common.threads};
    thm_status status = thm_decision_save(
        o->common.out, "verify.jsonl", run->n_decisions, run->decisions, msg);
    if (status == THM_OK) {
        status = thm_run_write(o->common.out, &record, msg);
    }
    if (status == THM_OK && !o->no_report) {
        json_t *json = thm_run_json(&record);
        status = json ? report_write(o->common.out, run->n_decisions,
                                     run->decisions, json, &report, msg)
                      : THM_ENOMEM;
        json_decref(json);
    }
    return status;
}

static int verify(const verify_options *o, const thm_options *spec)
{
    verify_run run = {.options = o};
    thm_message msg = {""};
    const double begin = thm_seconds();
    const bool show = !o->common.quiet && isatty(STDERR_FILENO);
    const bool replay = o->common.only != NULL;
    int code = START_HOLDS;
    thm_status status = allocate(&run);
    run.progress = thm_progress_begin(show ? stderr : NULL, "verify");
    if (status != THM_OK) {
        goto done;
    }
    plan(&run);
    status = children_run(run.n_jobs, run.children, o->common.threads,
                          start_interrupted, watch, &run, &msg);
    thm_progress_end(&run.progress);
    if (status == THM_OK && start_interrupted()) {
        status = THM_EINTERRUPTED;
    }
    if (status != THM_OK) {
        goto done;
    }
    code = collect_all(&run);
    if (code != START_HOLDS) {
        goto done;
    }
    code = thm_decision_exit_code(run.n_decisions, run.decisions, !replay);
    const double seconds = thm_seconds() - begin;
    const bool table = start_table(&o->common);
    if (!table) {
        status = print_lines(&run);
    } else {
        thm_decision_table(run.n_decisions, run.decisions,
                           isatty(STDOUT_FILENO), stdout);
        print_summary(&run, seconds);
    }
    fflush(stdout); /* the verdicts first: figures take a while */
    if (status == THM_OK && !replay) {
        status = save(&run, spec, seconds, &msg);
    }
    if (status == THM_OK && !replay && table) {
        printf("written: %s/%s\n", o->common.out,
               o->no_report ? "verify.jsonl" : "report.html");
    }
done:
    thm_progress_end(&run.progress);
    release(&run);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return run.broken ? START_INTERNAL : code;
}

/* ---- options --------------------------------------------------------------
 */

/* A replay answers for the claims of one program: others have other cases. */
static thm_status check_replay(const verify_options *o, thm_message *msg)
{
    const char *program = NULL;
    bool one = o->list != NULL;
    for (const thm_catalogue_entry *e = thm_catalogue; e->id && one; e++) {
        if (thm_catalogue_selects(o->list, e)) {
            one = !program || strcmp(program, e->program) == 0;
            program = e->program;
        }
    }
    return one ? THM_OK
               : thm_fail(THM_EDOMAIN, msg,
                          "--case: expected --only with claims of one program, "
                          "found %s",
                          o->list ? o->list : "none");
}

static thm_status check(verify_options *o, thm_message *msg)
{
    thm_status status = THM_OK;
    if (o->list) {
        thm_message why;
        status = thm_catalogue_check_list(o->list, &why);
        if (status != THM_OK) {
            return thm_fail(status, msg, "--only: %s", why.text);
        }
    }
    if (o->common.only) {
        return check_replay(o, msg);
    }
    /* better known before the run than after it */
    status = thm_dir_make(o->common.out, msg);
    if (status == THM_OK && access(o->common.out, W_OK | X_OK) != 0) {
        status =
            thm_fail(THM_EIO, msg, "%s: %s", o->common.out, strerror(errno));
    }
    return status;
}

int command_verify(int argc, char **argv)
{
    static verify_options o = {.common = THM_COMMON_DEFAULT};
    static const thm_option table[] = {
        {"only", 0, "LIST", THM_OPTION_TEXT, &o.list,
         "only these claims: families, ids or slugs, comma-separated", 0, 0},
        THM_COMMON_CASE(o.common),
        {"no-report", 0, NULL, THM_OPTION_FLAG, &o.no_report,
         "leave DIR/report.html alone", 0, 0},
        THM_COMMON_SEED(o.common),
        THM_COMMON_EFFORT(o.common),
        {"threads", 'j', "N", THM_OPTION_INT, &o.common.threads,
         "programs at once (default 0: one a processor)", 0, 4096},
        THM_COMMON_OUT(o.common),
        THM_COMMON_PRINT(o.common),
        {0}};
    const thm_options spec = {
        .program = "theoremeter verify",
        .purpose = "Runs the claims of the catalogue, prints their verdicts "
                   "and writes DIR/verify.jsonl and DIR/report.html.",
        .details =
            "With --case and --only one case is replayed and no file written.\n"
            "Exits with 0 if every claim comes out as expected and every twin "
            "as its opposite, 1 if a claim was decided otherwise, 3 if one "
            "stayed undecided, 4 if a twin or a program failed.",
        .table = table};
    thm_message msg = {""};
    thm_outcome outcome;
    thm_status status =
        thm_options_parse(&spec, argc, argv, stdout, &outcome, &msg);
    if (status == THM_OK && outcome == THM_TOLD) {
        return START_HOLDS;
    }
    if (status == THM_OK) {
        status = check(&o, &msg);
    }
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    if (o.common.threads == 0) {
        o.common.threads = omp_get_num_procs();
    }
    return verify(&o, &spec);
}
