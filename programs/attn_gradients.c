/* attn-gradients: the gradients of an attention head in closed form, and how
 * much less its query and key weights receive than its value weights. */
#include <unistd.h>

#include "attn/gap.h"
#include "core/file.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/attn_gradients/print.h"
#include "programs/attn_gradients/user_head.h"
#include "programs/start.h"

static user_head_files files;
static const char *save;
static thm_common common = THM_COMMON_DEFAULT;

static const thm_option table[] = {
    {"x", 'x', "FILE", THM_OPTION_TEXT, &files.x,
     "tokens X (n x D), text or safetensors (FILE:NAME)", 0, 0},
    {"wq", 0, "FILE", THM_OPTION_TEXT, &files.wq, "query weights (D x d)", 0,
     0},
    {"wk", 0, "FILE", THM_OPTION_TEXT, &files.wk, "key weights (D x d)", 0, 0},
    {"wv", 0, "FILE", THM_OPTION_TEXT, &files.wv, "value weights (D x d)", 0,
     0},
    {"g", 'g', "FILE", THM_OPTION_TEXT, &files.g,
     "G = dL/dZ (n x d); default: drawn N(0, 1) from the seed", 0, 0},
    {"temperature", 't', "T", THM_OPTION_REAL, &files.tau,
     "divide the scores by T (default sqrt d)", THM_POSITIVE, DBL_MAX},
    {"save", 0, "FILE", THM_OPTION_TEXT, &save,
     "write dS, dWq, dWk, dWv as safetensors", 0, 0},
    THM_COMMON_SEED(common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out, "write DIR/run.json", 0,
     0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "attn-gradients",
    .purpose = "Gradients of Z = softmax(X WQ WK' X' / tau) X WV for a loss "
               "with dL/dZ = G: sizes, and the gap between query and value.",
    .details =
        "One JSON line: the shape, the mean relative entropy of the attention "
        "rows, logit_std (of S / tau, root mean square over the rows), mean "
        "|entry| and Frobenius norm of each gradient, gap = mean|dWq| / "
        "mean|dWv|, gap_k the same of dWk, and gap_predicted: what the theory "
        "of claim S11 expects from logit_std and X alone - a heuristic for "
        "independent weights and a white G (explain S11).\n\n"
        "  attn-gradients --x m.safetensors:x --wq m.safetensors:wq "
        "--wk m.safetensors:wk --wv m.safetensors:wv",
    .table = table};

static thm_status check_request(thm_message *msg)
{
    const struct {
        const char *name, *value;
    } needed[] = {{"--x", files.x},
                  {"--wq", files.wq},
                  {"--wk", files.wk},
                  {"--wv", files.wv}};
    for (int k = 0; k < 4; k++) {
        if (!needed[k].value) {
            return thm_fail(THM_EDOMAIN, msg, "expected %s FILE, found nothing",
                            needed[k].name);
        }
    }
    return THM_OK;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    user_head u = {0};
    thm_gap gap;
    common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);
    files.seed = common.seed;

    thm_status status = check_request(&msg);
    if (status == THM_OK) {
        status = user_head_read(&files, &u, &msg);
    }
    if (status == THM_OK) {
        status = user_head_differentiate(&u, &msg);
    }
    if (status == THM_OK) {
        status = thm_gap_measure(&u.head, &u.state, u.dWq, u.dWk, u.dWv, &gap);
    }
    if (status == THM_OK && common.out) {
        status = thm_dir_make(common.out, &msg);
    }
    if (status == THM_OK && save) {
        status = user_head_save(&u, save, &msg);
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
        status = print_gap(stdout, &u, &gap, common.seed, start_table(&common));
    }
    user_head_free(&u);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(START_HOLDS);
}
