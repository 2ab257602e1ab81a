/* kernel-race: which kernel learns what, W_Q alone: each kernel on the outputs
 * of each teacher, by gradient descent and by Levenberg-Marquardt. */
#include <stdlib.h>
#include <unistd.h>

#include "attn/instance.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/kernel_race/race.h"
#include "programs/start.h"
#include "sweep/sweep.h"

static race_plan plan = {
    .queries = 400, .starts = 1, .gd_steps = 30000, .lm_steps = 400};
static thm_common common = THM_COMMON_DEFAULT;
static const char *shape_text, *shard;
static int shape[3];

static const thm_option table[] = {
    {"shape", 0, "n,d,m", THM_OPTION_TEXT, &shape_text,
     "tokens, width and outputs of at most 16, d >= m (default: the five "
     "shapes of the note)",
     0, 0},
    {"queries", 'n', "N", THM_OPTION_INT, &plan.queries,
     "queries a line (default 400)", 1, 1000000},
    {"starts", 0, "N", THM_OPTION_INT, &plan.starts,
     "starts a query (default 1)", 1, 10000},
    {"gd-steps", 0, "T", THM_OPTION_INT, &plan.gd_steps,
     "steps of gradient descent, backtracking (default 30000: a minute or two)",
     0, 100000000},
    {"lm-steps", 0, "T", THM_OPTION_INT, &plan.lm_steps,
     "steps of Levenberg-Marquardt (default 400)", 0, 1000000},
    {"kernel-scale", 0, "C", THM_OPTION_TEXT, &plan.kernel_scale,
     "scale c of both kernels, or \"half\" for 1 / (2 sqrt d) (default 1 / "
     "sqrt d)",
     0, 0},
    {"shard", 0, "I/N", THM_OPTION_TEXT, &shard,
     "run the lines I mod N of those in --out; all processes with the same "
     "options, the last one prints",
     0, 0},
    THM_COMMON_SEED(common),
    THM_COMMON_THREADS(common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write DIR/kernel-race.tsv and run.json; a run that was stopped goes on "
     "where it was",
     0, 0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "kernel-race",
    .purpose = "Trains W_Q alone, softmax and Gaussian kernel on the outputs "
               "of either as teacher and on random labels, query by query.  "
               "There is no expected winner.",
    .details =
        "One JSON line a shape, teacher and kernel: n, d, m, teacher, "
        "label_scale, kernel, queries, starts, gd_steps, lm_steps; of gradient "
        "descent gd (queries solved from their first start), gd_low, gd_high "
        "(Clopper and Pearson's interval at 95 %, line by line), gd_loss "
        "(median of f / |y|^2), the same of gd_best (any start), lm, lm_best; "
        "floor (median of the proved hull floor dist(y, hull)^2 / 2 over "
        "|y|^2), floor_width (largest width of its enclosure), below_floor "
        "(queries that end below it: of softmax that would contradict the "
        "note).\n\n"
        "A query is solved if f = |F - y|^2 / 2 <= 1e-8 |y|^2 within the given "
        "steps.\n\n"
        "  kernel-race --table --gd-steps 3000\n"
        "  kernel-race --shape 4,4,3 --starts 10 --out race\n\n"
        "Exits with 0, with 1 if a softmax ends below its hull floor, with 2 "
        "for bad usage, with 130 if interrupted.",
    .table = table};

static thm_status settle(race_run *how, thm_message *msg)
{
    thm_status status =
        thm_sweep_parse_shard(shard, &how->shard, &how->shards, msg);
    if (status == THM_OK && how->shards > 1 && !common.out) {
        status = thm_fail(THM_EDOMAIN, msg,
                          "--shard: expected --out, found no folder to share");
    }
    if (status == THM_OK && shape_text) {
        status = race_parse_shape(shape_text, shape, msg);
        plan.shape = shape;
    }
    if (status == THM_OK) {
        double c;
        status = thm_instance_scale(plan.kernel_scale, 1, &c, msg);
    }
    plan.seed = common.seed;
    return status;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    race_run how = {0};
    double *rows = NULL;
    int missing = 0, contradictions = 0;
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = settle(&how, &msg);
    how.dir = common.out;
    how.isa = thm_isa_text(start_isa(&common));
    how.blas_core = thm_blas_core();
    how.threads = start_threads(&common);
    how.progress = !common.quiet && isatty(STDERR_FILENO) ? stderr : NULL;
    if (status == THM_OK) {
        status = race_sweep(&plan, &how, &rows, &missing, &msg);
    }
    if (status == THM_OK && common.out && missing == 0) {
        const thm_run run = {.options = &options,
                             .seed = plan.seed,
                             .isa = how.isa,
                             .blas_core = how.blas_core,
                             .threads = how.threads,
                             .wall_seconds = thm_seconds() - begin};
        status = thm_run_write(common.out, &run, &msg);
    }
    if (status == THM_OK && missing == 0) {
        status = race_print(stdout, &plan, rows, start_table(&common),
                            &contradictions);
    } else if (status == THM_OK && !common.quiet) {
        fprintf(stderr, "kernel-race: %d lines are left to other shards\n",
                missing);
    }
    free(rows);
    return status != THM_OK
               ? (int)start_fail(status, &msg)
               : start_finish(contradictions ? START_REFUTED : START_HOLDS);
}
