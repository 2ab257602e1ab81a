/* The harness of the proof programs: see proof.h. */
#include "proofs/proof.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "claims/ball.h"
#include "claims/catalogue.h"
#include "claims/decision.h"
#include "claims/flow_ball.h"
#include "claims/flow_cases.h"
#include "claims/layer_balls.h"
#include "claims/logits.h"
#include "core/options.h"
#include "core/progress.h"
#include "programs/start.h"

int64_t proof_count(double effort, int64_t base)
{
    const double scaled = round(effort * (double)base);
    return scaled >= 1.0 ? (int64_t)scaled : 1;
}

thm_status proof_open_logits(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_ball_source_open(
        thm_logits_make, proof_count(effort, THM_LOGITS_CASES), source, ctx);
}

thm_status proof_open_probs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_ball_source_open(
        thm_probs_make, proof_count(effort, THM_PROBS_CASES), source, ctx);
}

thm_status proof_open_rows(double effort, uint64_t seed,
                           thm_case_source *source, void **ctx,
                           thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_ball_source_open(
        thm_rows_make, proof_count(effort, THM_ROWS_CASES), source, ctx);
}

thm_status proof_open_flows(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_flow_states_open(
        &thm_flow_any, proof_count(effort, THM_FLOW_CASES), source, ctx);
}

thm_status proof_open_layers(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static const thm_layer_plan any = {0, NULL, NULL};
    (void)seed;
    (void)msg;
    return thm_layer_balls_open(&any, proof_count(effort, THM_LAYERS_CASES),
                                source, ctx);
}

static bool tick(void *ctx, int64_t done, int64_t total)
{
    thm_progress_update(ctx, done, total);
    return start_interrupted();
}

/* Whether --only (NULL: everything) selects a claim; one outside the catalogue
 * is selected by its id. */
static bool selected(const char *only, const char *id)
{
    const thm_catalogue_entry *e = thm_catalogue_find(id);
    const thm_catalogue_entry own = {.id = id, .slug = id};
    return !only || thm_catalogue_selects(only, e ? e : &own);
}

/* A table in which a claim has no twin, or another's, would let a check say
 * only one thing. */
static thm_status check_pairs(const proof_table *table, thm_message *msg)
{
    for (int g = 0; g < table->n_groups; g++) {
        const proof_group *group = &table->groups[g];
        for (int i = 0; i < group->n_claims; i += 2) {
            const char *id = group->claims[i].id;
            const char *twin =
                i + 1 < group->n_claims ? group->claims[i + 1].id : "nothing";
            if (twin[0] != 'X' || strcmp(twin + 1, id) != 0) {
                return thm_fail(THM_EINTERNAL, msg,
                                "expected the twin X%s after %s, found %s", id,
                                id, twin);
            }
        }
    }
    return THM_OK;
}

/* Runs the selected claims of a group and appends their decisions.  A group
 * that does not know the case `common->only` adds nothing. */
static thm_status run_group(const proof_group *group, const thm_common *common,
                            const char *only, thm_progress *progress,
                            thm_decision *decisions, int *n, thm_message *msg)
{
    const size_t room = (size_t)group->n_claims;
    thm_status status = THM_ENOMEM;
    thm_case_source source = {0};
    void *ctx = NULL;
    bool opened = false;
    int chosen = 0;
    thm_claim *claims = calloc(room, sizeof *claims);
    thm_result *results = calloc(room, sizeof *results);
    double *seconds = calloc(room, sizeof *seconds);
    if (!claims || !results || !seconds) {
        goto done;
    }
    for (int i = 0; i < group->n_claims; i += 2) {
        if (selected(only, group->claims[i].id)) {
            claims[chosen++] = group->claims[i];
            claims[chosen++] = group->claims[i + 1];
        }
    }
    status = THM_OK;
    if (chosen == 0) {
        goto done;
    }
    opened = true;
    status = group->open(common->effort, common->seed, &source, &ctx, msg);
    if (status != THM_OK) {
        goto done;
    }
    status = thm_claims_run(chosen, claims, &source, common->seed, common->only,
                            ctx, tick, progress, results, seconds, msg);
    if (status == THM_EDOMAIN) { /* no case of that name here */
        status = THM_OK;
        goto done;
    }
    for (int i = 0; i < chosen && status == THM_OK; i++) {
        thm_decision *d = &decisions[(*n)++];
        thm_decision_name(d, claims[i].id);
        d->result = results[i];
        d->seconds = seconds[i];
    }
done:
    if (opened && group->close) {
        group->close(&source, ctx);
    }
    free(claims);
    free(results);
    free(seconds);
    return status;
}

/* Whether --only names a claim of the table. */
static bool any_selected(const proof_table *table, const char *only)
{
    for (int g = 0; g < table->n_groups; g++) {
        for (int i = 0; i < table->groups[g].n_claims; i += 2) {
            if (selected(only, table->groups[g].claims[i].id)) {
                return true;
            }
        }
    }
    return false;
}

static thm_status print(const thm_common *common, int n,
                        const thm_decision *decisions)
{
    if (start_table(common)) {
        thm_decision_table(n, decisions, isatty(STDOUT_FILENO), stdout);
        return THM_OK;
    }
    thm_status status = THM_OK;
    for (int i = 0; i < n && status == THM_OK; i++) {
        status = thm_decision_write(&decisions[i], stdout);
    }
    return status;
}

/* Keeps the lines in DIR/PROGRAM.jsonl if a DIR was given. */
static bool save(const thm_common *common, int n, const thm_decision *decisions,
                 thm_message *msg)
{
    char name[64];
    snprintf(name, sizeof name, "%.50s.jsonl", program_invocation_short_name);
    return !common->out ||
           thm_decision_save(common->out, name, n, decisions, msg) == THM_OK;
}

/* What broke was the instrument, unless it was a signal: whoever runs many
 * programs quietly says that once, for all of them. */
static int broken(const thm_common *common, thm_status status,
                  const thm_message *msg)
{
    if (status != THM_EINTERRUPTED || !common->quiet) {
        start_fail(status, msg);
    }
    return start_finish(status == THM_EINTERRUPTED ? START_INTERRUPTED
                                                   : START_INTERNAL);
}

static int run(const proof_table *table, const thm_common *common,
               const char *only, bool reads)
{
    thm_message msg = {""};
    int n = 0, room = 0;
    for (int g = 0; g < table->n_groups; g++) {
        room += table->groups[g].n_claims;
    }
    thm_status status = check_pairs(table, &msg);
    if (status != THM_OK) {
        return broken(common, status, &msg);
    }
    if (!any_selected(table, only)) {
        thm_fail(THM_EDOMAIN, &msg, "--only: no claim here is selected by '%s'",
                 only);
        return (int)start_fail(THM_EDOMAIN, &msg);
    }
    thm_decision *decisions = calloc((size_t)room, sizeof *decisions);
    if (!decisions) {
        return broken(common, THM_ENOMEM, NULL);
    }
    const bool show = !common->quiet && isatty(STDERR_FILENO);
    thm_progress progress =
        thm_progress_begin(show ? stderr : NULL, program_invocation_short_name);
    for (int g = 0; g < table->n_groups && status == THM_OK; g++) {
        status = run_group(&table->groups[g], common, only, &progress,
                           decisions, &n, &msg);
    }
    thm_progress_end(&progress);
    int code = START_INTERNAL;
    if (reads && (status == THM_EFORMAT || status == THM_EIO)) {
        free(decisions);
        return (int)start_fail(status, &msg);
    }
    if (status == THM_OK && n == 0) {
        thm_fail(THM_EDOMAIN, &msg,
                 "--case: no case is named '%s' at effort %g", common->only,
                 common->effort);
        code = (int)start_fail(THM_EDOMAIN, &msg);
    } else if (status == THM_OK && !save(common, n, decisions, &msg)) {
        code = (int)start_fail(THM_EIO, &msg);
    } else if (status == THM_OK) {
        code = thm_decision_exit_code(n, decisions, common->only == NULL);
        /* a stream that fails is start_finish's to report */
        status =
            print(common, n, decisions) == THM_ENOMEM ? THM_ENOMEM : THM_OK;
    }
    free(decisions);
    return status == THM_OK ? start_finish((start_exit)code)
                            : broken(common, status, &msg);
}

int proof_main_recorded(int argc, char **argv, const proof_table *table,
                        const char **dir)
{
    static thm_common common = THM_COMMON_DEFAULT;
    static const char *only;
    static thm_option options[] = {
        {"only", 0, "LIST", THM_OPTION_TEXT, &only,
         "only these claims: families, ids or slugs, comma-separated", 0, 0},
        THM_COMMON_SEED(common),
        THM_COMMON_EFFORT(common),
        THM_COMMON_CASE(common),
        {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
         "write the JSON lines to DIR/PROGRAM.jsonl too", 0, 0},
        THM_COMMON_PRINT(common),
        {0}, /* --recorded */
        {0}};
    common.out = NULL;
    if (dir) {
        options[sizeof options / sizeof *options - 2] = (thm_option){
            "recorded", 0,
            "DIR",      THM_OPTION_TEXT,
            dir,        "judge the runs that were trained anew into DIR",
            0,          0};
    }
    const thm_options spec = {
        .program = program_invocation_short_name,
        .purpose = table->summary,
        .details = "Exits with 0 if every claim comes out as expected and "
                   "every twin as its opposite, 1 if a claim was decided "
                   "otherwise, 3 if one stayed undecided, 4 if a twin failed.",
        .table = options};
    thm_message msg = {""};
    thm_outcome outcome;
    start_program(argv);
    const thm_status status =
        thm_options_parse(&spec, argc, argv, stdout, &outcome, &msg);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return outcome == THM_TOLD ? start_finish(START_HOLDS)
                               : run(table, &common, only, dir != NULL);
}

int proof_main(int argc, char **argv, const proof_table *table)
{
    return proof_main_recorded(argc, argv, table, NULL);
}
