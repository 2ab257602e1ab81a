/* threshold: where gradient descent on single-layer attention begins to reach
 * zero loss, over embedding width, scale, scheme and kernel. */
#include <stdlib.h>
#include <unistd.h>

#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/start.h"
#include "programs/threshold/threshold.h"
#include "sweep/sweep.h"

static threshold_plan plan = {
    .N = 2, .n = 3, .d = 4, .m = 2, .H = 1, .seeds = 12, .steps = 5000};
static thm_common common = THM_COMMON_DEFAULT;
static const char *dims, *scales = "0.1,0.3,1,3,10",
                         *schemes = "independent,equal",
                         *kernels = "softmax,gaussian", *kernel_scale, *shard;
static int fashion;

static const thm_option table[] = {
    {"train", 't', "v|q|qk|qkv", THM_OPTION_CHOICE, &plan.train,
     "which of W_V, W_Q, W_K are trained (default v)", 0, 0},
    {"samples", 'N', "N", THM_OPTION_INT, &plan.N, "samples (default 2)", 1,
     1024},
    {"tokens", 'n', "n", THM_OPTION_INT, &plan.n, "tokens a sample (default 3)",
     1, 1024},
    {"width", 'd', "d", THM_OPTION_INT, &plan.d, "width of a head (default 4)",
     1, 1024},
    {"outputs", 'm', "m", THM_OPTION_INT, &plan.m, "outputs (default 2)", 1,
     1024},
    {"heads", 'H', "H", THM_OPTION_INT, &plan.H, "heads (default 1)", 1, 64},
    {"dims", 'D', "D,...", THM_OPTION_TEXT, &dims,
     "embedding widths (default: a ladder from N n / 2 to 2 N n^2)", 0, 0},
    {"scales", 0, "S,...", THM_OPTION_TEXT, &scales,
     "of W_Q and W_K at the start (default 0.1,0.3,1,3,10)", 0, 0},
    {"schemes", 0, "WORD,...", THM_OPTION_TEXT, &schemes,
     "of " THM_SCHEME_CHOICE " (default independent,equal)", 0, 0},
    {"kernels", 0, "WORD,...", THM_OPTION_TEXT, &kernels,
     "of " THM_KERNEL_CHOICE " (default softmax,gaussian)", 0, 0},
    {"kernel-scale", 0, "C", THM_OPTION_TEXT, &kernel_scale,
     "scale c of the kernel, or \"half\" for 1 / (2 sqrt d) (default 1 / sqrt "
     "d)",
     0, 0},
    {"data", 0, "drawn|fashion", THM_OPTION_CHOICE, &fashion,
     "tokens: normal, or patches of Fashion-MNIST (default drawn)", 0, 0},
    {"seeds", 0, "N", THM_OPTION_INT, &plan.seeds,
     "trainings a cell (default 12)", 1, 100000},
    {"steps", 0, "T", THM_OPTION_INT, &plan.steps,
     "steps of a training (default 5000)", 1, 100000000},
    {"step", 0, "auto|lipschitz|optimal|backtracking", THM_OPTION_CHOICE,
     &plan.step,
     "1 / L, 2 / (mu + L), or halved until f falls by eta |g|^2 / 2 (default "
     "auto: lipschitz of v, else backtracking)",
     0, 0},
    {"shard", 0, "I/N", THM_OPTION_TEXT, &shard,
     "run the cells I mod N of those in --out; all processes with the same "
     "options, the last one prints",
     0, 0},
    THM_COMMON_SEED(common),
    THM_COMMON_THREADS(common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write DIR/threshold.tsv and run.json; a run that was stopped goes on "
     "where it was",
     0, 0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "threshold",
    .purpose = "Trains single-layer attention by gradient descent for every "
               "embedding width D, scale, scheme and kernel: where does it "
               "begin to reach zero loss, and is that at H D >= N n?",
    .details =
        "One JSON line a cell: D, N, n, d, m, H, scale, scheme, kernel, data, "
        "train, steps, seeds; successes with ci_low, ci_high; zeros with "
        "zero_low, zero_high; certified (trainings that start from a proved "
        "sigma_min(B) > 0: zero loss is then attainable); undecided; medians "
        "floor and loss (of f_0), sigma_min and sigma_min_lower (of B), "
        "steps_needed.\n\n"
        "A training succeeds if f - floor <= 1e-8 f_0 within --steps, and "
        "reaches zero if f <= 1e-8 f_0; intervals are Clopper and Pearson's at "
        "95 %, cell by cell.  Of W_V alone floor is the least loss over W_V, "
        "decided where its Jacobian has full rank by a margin above rounding; "
        "elsewhere floor is taken for 0, as it is of the other subsets.  "
        "steps_needed is what the spectrum of that Jacobian predicts: 1e15 "
        "says that the theorem holds and nobody will see it.\n\n"
        "  threshold --table\n"
        "  threshold --train q --dims 3,6,12 --seeds 100 --out q\n\n"
        "Exits with 0, with 2 for bad usage, with 130 if interrupted.",
    .table = table};

static thm_status settle(threshold_run *run, thm_idx *images, thm_message *msg)
{
    thm_status status = threshold_list_scales(scales, &plan, msg);
    if (status == THM_OK) {
        status = threshold_list_schemes(schemes, &plan, msg);
    }
    if (status == THM_OK) {
        status = threshold_list_kernels(kernels, &plan, msg);
    }
    if (status == THM_OK && dims) {
        status = threshold_list_dims(dims, &plan, msg);
    } else if (status == THM_OK) {
        status = threshold_ladder(&plan, msg);
    }
    if (status == THM_OK) {
        status = thm_instance_scale(kernel_scale, plan.d, &plan.c, msg);
    }
    if (status == THM_OK) {
        status = thm_sweep_parse_shard(shard, &run->shard, &run->shards, msg);
    }
    if (status == THM_OK && run->shards > 1 && !common.out) {
        status = thm_fail(THM_EDOMAIN, msg,
                          "--shard: expected --out, found no folder to share");
    }
    if (status == THM_OK && plan.train != TRAIN_V &&
        (plan.step == STEP_LIPSCHITZ || plan.step == STEP_OPTIMAL)) {
        status = thm_fail(THM_EDOMAIN, msg,
                          "--step: expected auto or backtracking with --train "
                          "%s, whose L nobody knows",
                          threshold_train_text(plan.train));
    }
    if (status == THM_OK && fashion) {
        status = thm_idx_read(THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz", 0,
                              images, msg);
        plan.images = images;
    }
    plan.seed = common.seed;
    return status;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    threshold_run how = {0};
    thm_idx images = {0};
    double *rows = NULL;
    int missing = 0;
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = settle(&how, &images, &msg);
    how.dir = common.out;
    how.isa = thm_isa_text(start_isa(&common));
    how.blas_core = thm_blas_core();
    how.threads = start_threads(&common);
    how.progress = !common.quiet && isatty(STDERR_FILENO) ? stderr : NULL;
    if (status == THM_OK) {
        status = threshold_sweep(&plan, &how, &rows, &missing, &msg);
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
        status = threshold_print(stdout, &plan, rows, start_table(&common));
    } else if (status == THM_OK && !common.quiet) {
        fprintf(stderr, "threshold: %d cells are left to other shards\n",
                missing);
    }
    free(rows);
    thm_idx_free(&images);
    return status != THM_OK ? (int)start_fail(status, &msg)
                            : start_finish(START_HOLDS);
}
