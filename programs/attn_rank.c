/* attn-rank: is lambda_B > 0 on these tokens and weights?  The smallest
 * singular value of B, its error and its certificate. */
#include <stdlib.h>
#include <unistd.h>

#include "attn/rank.h"
#include "core/file.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/run.h"
#include "io/tensor.h"
#include "la/blas.h"
#include "programs/attn_rank/print.h"
#include "programs/instance.h"
#include "programs/start.h"

static instance_request asked = INSTANCE_REQUEST_DEFAULT;
static const char *save;
static thm_common common = THM_COMMON_DEFAULT;

static const thm_option table[] = {INSTANCE_ATTENTION_OPTIONS(asked),
                                   {"save", 0, "FILE", THM_OPTION_TEXT, &save,
                                    "write B (Nn x HD) as safetensors", 0, 0},
                                   THM_COMMON_SEED(common),
                                   {"out", 'o', "DIR", THM_OPTION_TEXT,
                                    &common.out, "write DIR/run.json", 0, 0},
                                   THM_COMMON_PRINT(common),
                                   {0}};

static const thm_options options = {
    .program = "attn-rank",
    .purpose = "Is lambda_B > 0?  The smallest singular value of B = [S_ih "
               "X_i], samples i stacked, heads h side by side: what the "
               "convergence theorems of single-layer attention ask for.",
    .details =
        "One JSON line.  sigma_min is an estimate; sigma_min_lower (0 if "
        "there is none) and sigma_min_upper are proved for the exact B that "
        "the given numbers define, delta bounding the error of the computed "
        "one.  Counted with dimension: 0 where HD < Nn.  lambda_min_gram = "
        "sigma_min^2 is the other reading of lambda_B.  The verdict is on "
        "sigma_min(B) > 0: HOLDS (exit 0) if certified, REFUTED (1) if B is "
        "deficient whatever the rounding, else UNDECIDED (3); `why` says "
        "what stands in the way.\n\n"
        "Text: one token a line for X, with --shape; for weights the rows of "
        "the heads below each other.\n\n"
        "  attn-rank --x m.safetensors:x --wq m.safetensors:wq "
        "--wk m.safetensors:wk\n"
        "  attn-rank --draw 3,4,16,3,1 --scale 0.3 --kernel gaussian",
    .table = table};

static thm_status write_b(const thm_layer_rank *r, const double *B,
                          thm_message *msg)
{
    const thm_tensor_out out = {.name = "B",
                                .ndim = 2,
                                .shape = {(size_t)r->rows, (size_t)r->columns},
                                .data = B};
    return thm_tensor_write(save, 1, &out, msg);
}

static thm_status write_run(double begin, thm_message *msg)
{
    const thm_run run = {.options = &options,
                         .seed = common.seed,
                         .isa = thm_isa_text(thm_isa_detect()),
                         .blas_core = thm_blas_core(),
                         .threads = 1,
                         .wall_seconds = thm_seconds() - begin};
    const thm_status status = thm_dir_make(common.out, msg);
    return status == THM_OK ? thm_run_write(common.out, &run, msg) : status;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    thm_instance in = {0};
    thm_layer_rank rank = {0};
    double *B = NULL;
    common.out = NULL;
    asked.attention = true;
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = instance_open(&asked, common.seed, &in, &msg);
    if (status == THM_OK) {
        /* thm_layer_check: the number of entries of B fits an int */
        B = calloc((size_t)in.layer.N * (size_t)in.layer.n *
                       (size_t)in.layer.H * (size_t)in.layer.D,
                   sizeof *B);
        status = B ? thm_layer_rank_bnd(&in.layer, in.Wq, in.Wk, B, &rank)
                   : THM_ENOMEM;
        if (status == THM_EDOMAIN) {
            status = thm_fail(status, &msg,
                              "the scores of the attention: expected finite "
                              "numbers, found an overflow");
        }
    }
    if (status == THM_OK && save) {
        status = write_b(&rank, B, &msg);
    }
    if (status == THM_OK && common.out) {
        status = write_run(begin, &msg);
    }
    if (status == THM_OK) {
        status = print_rank(stdout, &in.layer, asked.draw ? &common.seed : NULL,
                            &rank, start_table(&common));
    }
    free(B);
    thm_instance_free(&in);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(start_exit_of(rank_verdict(&rank)));
}
