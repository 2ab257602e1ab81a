/* The options of vit-inspect: see inspect.h. */
#include "programs/vit_inspect/inspect.h"

/* "|first|second...": "checkpoint", then the words of thm_task_kind */
#define TASK_WORD(name, text) "|" text
#define TASKS "recorded" THM_TASK_TABLE(TASK_WORD)

static int task;
static const char *seed, *file;
static int files;
static inspect_request asked = {.map_samples = 4};

static const thm_option table[] = {
    {"heads", 0, "H", THM_OPTION_INT, &asked.heads,
     "heads of a file that does not say (default: heads of 64)", 1, 65536},
    {"images", 'i', "FILE[:NAME]", THM_OPTION_TEXT, &asked.images,
     "pictures, safetensors N x C x H x W as the network is to see them, or "
     "IDX",
     0, 0},
    {"task", 't', TASKS, THM_OPTION_CHOICE, &task,
     "samples drawn from a task (default: what a checkpoint recorded)", 0, 0},
    {"seed", 's', "N", THM_OPTION_TEXT, &seed,
     "of the task (default: the checkpoint's, else 1)", 0, 0},
    {"pictures", 0, "DIR", THM_OPTION_TEXT, &asked.pictures,
     "tasks on pictures: folder of Fashion-MNIST (default: Debian's)", 0, 0},
    {"mnist", 0, "DIR", THM_OPTION_TEXT, &asked.digits,
     "tasks on pictures: folder of MNIST (default data/mnist if it is there)",
     0, 0},
    {"text", 0, "DIR", THM_OPTION_TEXT, &asked.text,
     "tasks on texts: their folder, as vit-train has it", 0, 0},
    {"samples", 'k', "K", THM_OPTION_INT, &asked.samples,
     "samples to look at (default 64; of pictures the first 16)", 1, 1 << 20},
    {"rank-samples", 0, "N", THM_OPTION_INT, &asked.rank_samples,
     "samples of B (default: as many as keep NT <= HD, at least one)", 1,
     1 << 20},
    {"maps", 'm', "FILE", THM_OPTION_TEXT, &asked.maps,
     "write attention and gradient maps as safetensors", 0, 0},
    {"figure", 'f', "FILE", THM_OPTION_TEXT, &asked.figure,
     "draw them as .svg or .png (needs gnuplot)", 0, 0},
    {"map-samples", 0, "K", THM_OPTION_INT, &asked.map_samples,
     "samples of the maps (default 4)", 1, 1 << 20},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &asked.common.out,
     "write heads.tsv, maps.safetensors, attention-maps.tsv, plot.gp, run.json",
     0, 0},
    THM_COMMON_PRINT(asked.common),
    {0}};

const thm_options ask_options = {
    .program = "vit-inspect",
    .purpose = "Measures a trained vision transformer: attention, its "
               "Jacobians, W_Q and W_K, the rank of B, sinks, massive "
               "activations, layer by layer and head by head.",
    .details =
        "FILE is a checkpoint of vit-train, or a ViT saved from timm "
        "(safetensors.torch.save_file(model.state_dict(), FILE)): tensors are "
        "matched name by name, and the shapes tell the model but its number of "
        "heads.\n\n"
        "The first line is the network and its probe; then one a head.  "
        "entropy is H / ln N; jacobian_* norms of diag(a) - a a'; margin the "
        "largest score less the second, times the scale; q_*, k_* singular "
        "values of W_Q, W_K; sigma_s the smallest singular value of an "
        "attention matrix; sigma_b that of B = [S_1 X ... S_H X], proved to "
        "lie between _lower and _upper for the attention S and the normalised "
        "input X that were computed, in single precision; rank_full says that "
        "the lower bound exceeds max(NT, HD) 2^-24 sigma_b_max.\n\n"
        "Maps: per sample, layer and head what each token receives and the row "
        "of the CLS; |d loss / d token|; feature gradients by q, k, v.  The "
        "loss of pictures takes the network's own answers for labels.\n\n"
        "  vit-inspect run/checkpoint.safetensors --figure maps.svg\n"
        "  vit-inspect deit.safetensors --images x.safetensors --heads 3\n\n"
        "Exits 0, or 2 for bad usage or input.",
    .table = table,
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .operand = &file,
    .operand_count = &files};

thm_status ask_request(inspect_request *request, thm_message *msg)
{
    asked.file = file;
    asked.task = task - 1;
    asked.seeded = seed != NULL;
    asked.common.seed = 1;
    if (seed && !thm_parse_u64(seed, &asked.common.seed)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--seed: expected a whole number, found %s", seed);
    }
    if (asked.samples == 0) {
        asked.samples = asked.images ? 16 : 64;
    }
    *request = asked;
    return asked.figure ? check_figure(asked.figure, msg) : THM_OK;
}
