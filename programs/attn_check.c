/* attn-check: do the theorems on gradient descent apply to this instance of
 * single-layer attention, with which constants, and if not, what would help? */
#include <math.h>

#include "attn/conditions.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/attn_check/print.h"
#include "programs/instance.h"
#include "programs/start.h"

static instance_request request = INSTANCE_REQUEST_DEFAULT;
static int theorem;
static double epsilon = 1e-8;
static thm_common common = THM_COMMON_DEFAULT;

static const thm_option table[] = {
    INSTANCE_OPTIONS(request),
    THM_COMMON_SEED(common),
    {"theorem", 0, "all|1|2|3", THM_OPTION_CHOICE, &theorem,
     "W_V trained, all trained in a ball, W_Q trained (default all)", 0, 0},
    {"epsilon", 0, "X", THM_OPTION_REAL, &epsilon,
     "iterations until f <= X f_0 (default 1e-8)", THM_POSITIVE, 1 - 0x1p-53},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out, "write DIR/run.json", 0,
     0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "attn-check",
    .purpose = "The hypotheses of the theorems on gradient descent for "
               "single-layer attention, checked on an instance, and what "
               "follows where they hold.",
    .details =
        "One JSON line a hypothesis (theorem, hypothesis, says, verdict, "
        "margin, err, value, bound, repair, repair_value), then one a theorem "
        "(verdict, L_estimated, mu, L, eta = 1/L, eta_limit = 2/L, radius, "
        "epsilon, iterations, f0, f0_err, witness).  Theorems: 1, 1a, 1b (only "
        "W_V trained: exact kernel, and two sufficient forms), 2 (W_Q, W_K, "
        "W_V in a ball), 3 and 3-local (W_Q, one head: no stationary point "
        "with loss, and a rate in a ball).  repair is the smallest change "
        "known to help.\n\n"
        "  attn-check --draw 2,2,6,3,1,2 --table\n"
        "  attn-check --x m.safetensors:x --y m.safetensors:y --wq "
        "m.safetensors:wq --wk m.safetensors:wk --wv m.safetensors:wv --wo "
        "m.safetensors:wo --kernel gaussian\n\n"
        "Exits with the worst verdict of the theorems asked for: 0 HOLDS, 1 "
        "REFUTED, 3 UNDECIDED; of 1, 1a, 1b the best counts.  2 for bad usage "
        "or input.",
    .table = table};

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    const int families = THM_THEOREM_1 | THM_THEOREM_2 | THM_THEOREM_3;
    thm_message msg = {""};
    thm_instance in = {0};
    static thm_conditions found;
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = instance_open(&request, common.seed, &in, &msg);
    if (status == THM_OK) {
        status = thm_conditions_check(
            &in.layer, &in.weights,
            theorem == 0 ? families : 1 << (theorem - 1), epsilon, &found);
        if (status == THM_EDOMAIN) {
            thm_fail(status, &msg,
                     "the model: expected finite scores and a finite loss, "
                     "found an overflow");
        }
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
            print_conditions(stdout, &found, epsilon, start_table(&common));
    }
    thm_instance_free(&in);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(start_exit_of(thm_conditions_verdict(&found)));
}
