/* eureka-runs: the trainings that the recorded claims rest on
 * (paper-notes/hoffmann2024.md, H4 to H8, H10, H11). */
#include <string.h>
#include <unistd.h>
#include "core/json.h"
#include "la/blas.h"
#include "programs/eureka_runs/record.h"
#include "programs/start.h"
#include "sweep/sweep.h"
#include "vit/task.h"

static thm_common common = THM_COMMON_DEFAULT;
static const char *groups, *digits = THM_TASK_DIGITS, *shard;

static const thm_option table[] = {
    {"group", 'g', "LIST", THM_OPTION_TEXT, &groups,
     "tokens, gradients, images-5, images-17 (default: all, in this order)", 0,
     0},
    {"mnist", 0, "DIR", THM_OPTION_TEXT, &digits,
     "the four files of MNIST, for images (default \"" THM_TASK_DIGITS "\")", 0,
     0},
    {"shard", 0, "I/N", THM_OPTION_TEXT, &shard,
     "only runs I, I + N, ...: N processes share the folder", 0, 0},
    {"threads", 'j', "N", THM_OPTION_INT, &common.threads,
     "trainings at once (default 0: one a processor)", 0, 4096},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "folder for the records (default \"out/recorded\")", 0, 0},
    {"quiet", 'q', NULL, THM_OPTION_FLAG, &common.quiet,
     "no progress and no logs", 0, 0},
    {0}};

static const thm_options spec = {
    .program = "eureka-runs",
    .purpose = "Trains what takes too long for `theoremeter verify`: writes "
               "DIR/GROUP.tsv.",
    .details =
        "A group whose file is there is left alone.  Runs that have ended are "
        "kept in\nDIR/GROUP.runs, so that the same command goes on where it "
        "was stopped.\n`h4-runs --recorded DIR` and others judge claims on the "
        "files.",
    .table = table};

/* Whether a comma-separated list (NULL: everything) has the word. */
static bool listed(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strcspn(p, ",") == n && strncmp(p, word, n) == 0) {
            return true;
        }
    }
    return list == NULL;
}

static thm_status check_groups(thm_message *msg)
{
    for (const char *p = groups; p; p = strchr(p, ',')) {
        char word[32];
        p += *p == ',';
        snprintf(word, sizeof word, "%.*s", (int)strcspn(p, ","), p);
        if (!thm_recorded_find(word)) {
            return thm_fail(THM_EDOMAIN, msg,
                            "--group: expected tokens, gradients, images-5 or "
                            "images-17, found '%s'",
                            word);
        }
    }
    return THM_OK;
}

static thm_status print(const thm_recorded_group *g, const record_done *done)
{
    json_t *line = json_pack("{s:s, s:i, s:i, s:b}", "group", g->name, "runs",
                             thm_recorded_runs(g), "missing", done->missing,
                             "kept", done->kept);
    const thm_status status = thm_json_write(stdout, line);
    json_decref(line);
    fflush(stdout);
    return status == THM_ENOMEM ? status : THM_OK;
}

int main(int argc, char **argv)
{
    thm_message msg = {""};
    common.out = "out/recorded";
    start_program(argv);
    start_options(&spec, argc, argv);
    const bool show = !common.quiet && isatty(STDERR_FILENO);
    record_how how = {.dir = common.out,
                      .digits = digits,
                      .isa = thm_isa_text(thm_isa_detect()),
                      .blas_core = thm_blas_core(),
                      .threads = start_threads(&common),
                      .progress = show ? stderr : NULL};
    thm_status status = check_groups(&msg);
    if (status == THM_OK) {
        status = thm_sweep_parse_shard(shard, &how.shard, &how.shards, &msg);
    }
    for (const thm_recorded_group *g = thm_recorded_groups;
         g->name && status == THM_OK; g++) {
        record_done done;
        if (listed(groups, g->name)) {
            status = record_group(g, &how, &done, &msg);
            if (status == THM_OK) {
                status = print(g, &done);
            }
        }
    }
    return status == THM_OK ? start_finish(START_HOLDS)
                            : (int)start_fail(status, &msg);
}
