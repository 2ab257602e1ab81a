/* attn-pl: trains single-layer attention by gradient descent and judges, at
 * every step, what the Polyak-Lojasiewicz lemma says of the run. */
#include <math.h>

#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/attn_pl/train.h"
#include "programs/instance.h"
#include "programs/start.h"

static instance_request request = INSTANCE_REQUEST_DEFAULT;
static train_request training = {
    .step = "backtracking", .mu = NAN, .steps = 1000, .every = 1};
static thm_common common = THM_COMMON_DEFAULT;

static const thm_option table[] = {
    INSTANCE_OPTIONS(request),
    THM_COMMON_SEED(common),
    {"train", 0, TRAIN_CHOICE, THM_OPTION_CHOICE, &training.choice,
     "which of W_V, W_Q, W_K are trained (default v)", 0, 0},
    {"step", 0, "RULE", THM_OPTION_TEXT, &training.step,
     "fixed:ETA, inverse-l or backtracking (default backtracking)", 0, 0},
    {"steps", 0, "T", THM_OPTION_INT, &training.steps,
     "steps at most (default 1000)", 0, 2147483646},
    {"every", 0, "K", THM_OPTION_INT, &training.every,
     "look at sigma_min(B), and write a row, every K steps (default 1)", 1,
     2147483647},
    {"mu", 0, "X", THM_OPTION_REAL, &training.mu,
     "judge the run against this PL constant instead of theory's", THM_POSITIVE,
     DBL_MAX},
    {"f-star", 0, "X", THM_OPTION_REAL, &training.f_star,
     "the least loss, as the PL inequality means it (default 0)", 0, DBL_MAX},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write trace.tsv, weights.safetensors (Wq, Wk, Wv) and run.json", 0, 0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "attn-pl",
    .purpose = "Gradient descent on single-layer attention, judged step by "
               "step: PL ratio, sufficient decrease, rate and path length.",
    .details =
        "One JSON line: sizes (N, n, D, d, H, m), f0, f_end, pl_min (the least "
        "ratio 1/2 |grad f|^2 / (f - f*)), mu and the theorem that gives it at "
        "the start (attn-check; null if none applies), L, eta, path, radius "
        "(sqrt(8 f0 / mu)), sigma_min_b, and the verdicts ratio, decrease, "
        "rate, path_bound, ball (sigma_min(B) stays above half its start), "
        "each with the number of steps it was decided at and the number that "
        "rounding leaves undecided (skipped).  Without mu there is no rate to "
        "judge: VACUOUS.  inverse-l takes L from the theorem where it has one, "
        "else the curvature at the start (L_estimated), and decrease shows "
        "whether that was enough.\n\n"
        "  attn-pl --draw 2,2,6,3,1,2 --train v --step inverse-l --steps 2000\n"
        "  attn-pl --draw 2,2,6,3,1,2 --v-scale 0 --o-scale 28941 --train qkv "
        "--out run\n\n"
        "Exits with the worst of the verdicts: 0 HOLDS, 1 REFUTED, 3 UNDECIDED "
        "or VACUOUS; 2 for bad usage or input; 130 if interrupted: what was "
        "done is written and printed.",
    .table = table};

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    thm_instance in = {0};
    train_result result = {0};
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);
    training.out = common.out;
    training.progress = !common.quiet;

    thm_status status = instance_open(&request, common.seed, &in, &msg);
    if (status == THM_OK) {
        status = train_run(&training, &in, &result, &msg);
    }
    if (status == THM_OK && common.out) {
        const thm_run run = {.options = &options,
                             .seed = common.seed,
                             .isa = thm_isa_text(thm_isa_detect()),
                             .blas_core = thm_blas_core(),
                             .threads = 1,
                             .wall_seconds = thm_seconds() - begin};
        status = thm_run_write(common.out, &run, &msg);
    }
    if (status == THM_OK) {
        status =
            train_print(stdout, &training, &in, &result, start_table(&common));
    }
    thm_instance_free(&in);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(start_exit_of(train_verdict(&result)));
}
