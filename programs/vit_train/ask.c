/* The options of vit-train, and what they mean: see ask.h. */
#include "programs/vit_train/ask.h"

#include <math.h>

/* "|first|second...": the words of thm_task_kind in their order, without the
 * first bar */
#define TASK_WORD(name, text) "|" text
#define TASKS ((THM_TASK_TABLE(TASK_WORD)) + 1)
/* the words of thm_vit_attention in their order, and Heat Treatment */
#define ATTENTION                                                              \
    "softmax|normsoftmax-std|normsoftmax-var|gaussian|gaussian-normalised|"    \
    "sigmoid|linear|uniform|qk-norm|heat"
enum { HEAT = THM_VIT_QK_NORM + 1 };

static int task_kind, attention, optimiser, rescale,
    schedule = THM_HEAT_HALF_COSINE;
static bool full;
static const char *images, *digits, *text;
static int tokens, patch, size, depth, width, heads, head_width, mlp, batch,
    warmup = -1;
static double prior, lr, lr_qk = 1.0, decay = -1.0, smoothing = -1.0;
static double heat_from, temperature = 1.0, clip;
static run_request request = {.probe = 64, .checkpoint = 1000};
static thm_common common = {.seed = 1, .effort = 1, .out = "out/vit-train"};

static const thm_option table[] = {
    {"task", 't', TASKS, THM_OPTION_CHOICE, &task_kind,
     "what to learn (default two-step-tokens)", 0, 0},
    {"tokens", 'n', "N", THM_OPTION_INT, &tokens,
     "tokens of a sample: 16 to 64 (default 16), bytes of a text 64 to 1024 "
     "(default 128)",
     16, 1024},
    {"patch", 'p', "S", THM_OPTION_INT, &patch,
     "pictures: side of a patch in pixels (default: the task's)", 1, 56},
    {"size", 0, "S", THM_OPTION_INT, &size,
     "pathfinder: side of a picture, 32, 64 or 128 (default 32; the default "
     "patch is an eighth of it)",
     32, 128},
    {"full", 0, NULL, THM_OPTION_FLAG, &full,
     "pictures: whole pixels and colours instead of 2 x 2 means", 0, 0},
    {"images", 0, "DIR", THM_OPTION_TEXT, &images,
     "folder of Fashion-MNIST (default: Debian's)", 0, 0},
    {"mnist", 0, "DIR", THM_OPTION_TEXT, &digits,
     "folder of MNIST, for the indicators (default data/mnist if it is there, "
     "else two classes of Fashion-MNIST)",
     0, 0},
    {"text", 0, "DIR", THM_OPTION_TEXT, &text,
     "folder of texts, DIR/{train,test}/CLASS/*.txt (default: the reviews in "
     "data/reviews or of an installed r-cran-modeldata, else, or 'invented', "
     "invented ones)",
     0, 0},
    {"prior", 0, "P", THM_OPTION_REAL, &prior,
     "chance that the second indicator is made equal to the first (default "
     "0.5: drawn by itself)",
     THM_POSITIVE, 1},
    {"attention", 'a', ATTENTION, THM_OPTION_CHOICE, &attention,
     "of every layer (default softmax)", 0, 0},
    {"temperature", 0, "X", THM_OPTION_REAL, &temperature,
     "divide the scale of the scores by X (default 1)", THM_POSITIVE, DBL_MAX},
    {"heat-from", 0, "X", THM_OPTION_REAL, &heat_from,
     "Heat Treatment: scale of the scores at the start (default 24 / d)",
     THM_POSITIVE, DBL_MAX},
    {"heat-schedule", 0, "constant|linear|cosine|half-cosine",
     THM_OPTION_CHOICE, &schedule,
     "its way to 1 / sqrt(d) in half of the steps (default half-cosine)", 0, 0},
    {"depth", 0, "L", THM_OPTION_INT, &depth, "layers (default: the task's)", 1,
     THM_VIT_LAYERS},
    {"width", 0, "D", THM_OPTION_INT, &width,
     "of the residual stream (default: the task's); the deviation at the start "
     "goes with 1 / sqrt(D)",
     1, 65536},
    {"heads", 0, "H", THM_OPTION_INT, &heads, "heads (default: the task's)", 1,
     1024},
    {"head-width", 0, "d", THM_OPTION_INT, &head_width,
     "of a head (default: the task's share of D / H)", 1, 65536},
    {"mlp", 0, "M", THM_OPTION_INT, &mlp,
     "width of the MLP's middle (default: the task's multiple of D)", 1,
     1 << 20},
    {"batch", 'b', "B", THM_OPTION_INT, &batch,
     "samples a step (default: the task's)", 1, 1 << 20},
    {"steps", 0, "T", THM_OPTION_INT, &request.steps,
     "steps of training (default: the task's)", 1, 100000000},
    {"optimiser", 0, "adamw|sgd", THM_OPTION_CHOICE, &optimiser,
     "(default adamw)", 0, 0},
    {"lr", 0, "X", THM_OPTION_REAL, &lr,
     "largest learning rate (default: the task's)", THM_POSITIVE, DBL_MAX},
    {"lr-qk", 0, "X", THM_OPTION_REAL, &lr_qk,
     "factor on it for W_Q and W_K (default 1)", 0, DBL_MAX},
    {"warmup", 0, "T", THM_OPTION_INT, &warmup,
     "steps of linear warm-up (default: the task's, at most a tenth)", 0,
     100000000},
    {"decay", 0, "X", THM_OPTION_REAL, &decay,
     "weight decay (default: the task's)", 0, DBL_MAX},
    {"clip", 0, "X", THM_OPTION_REAL, &clip,
     "largest norm of a gradient (default none)", THM_POSITIVE, DBL_MAX},
    {"rescale", 0, "none|to-mean|to-value|heads-to-value", THM_OPTION_CHOICE,
     &rescale, "gradients of W_Q, W_K, W_V to a common size (default none)", 0,
     0},
    {"smoothing", 0, "E", THM_OPTION_REAL, &smoothing,
     "label smoothing (default: the task's)", 0, 0.999},
    {"evaluate", 0, "T", THM_OPTION_INT, &request.evaluate,
     "evaluate every T steps (default: 1/40 of the task's, of a whole test set "
     "1/10)",
     1, 100000000},
    {"samples", 0, "K", THM_OPTION_INT, &request.samples,
     "test samples of an evaluation (default: the whole test set, of endless "
     "ones 1024)",
     1, 1 << 24},
    {"probe", 0, "K", THM_OPTION_INT, &request.probe,
     "test samples that the instruments look at (default 64; 0: none)", 0,
     1 << 16},
    {"maps-at", 0, "T,T,...", THM_OPTION_TEXT, &request.maps_at,
     "steps at which maps of attention and of gradients are written", 0, 0},
    {"checkpoint", 0, "T", THM_OPTION_INT, &request.checkpoint,
     "write one every T steps (default 1000)", 1, 100000000},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write train.tsv, instruments.tsv, checkpoint.safetensors and run.json "
     "(default out/vit-train)",
     0, 0},
    {"resume", 0, NULL, THM_OPTION_FLAG, &request.resume,
     "go on with the run in DIR, from the start if there is no checkpoint", 0,
     0},
    THM_COMMON_SEED(common),
    THM_COMMON_THREADS(common),
    THM_COMMON_PRINT(common),
    {0}};

const thm_options ask_options = {
    .program = "vit-train",
    .purpose = "Trains a vision transformer and watches for the Eureka-moment.",
    .details =
        "A two-step task shows two indicators and two targets; the label is "
        "the "
        "class of the first target if the indicators are equal, else that of "
        "the second.  Without the indicators accuracy ends at `cap`, the "
        "training loss at `floor`; `eureka_step` is the first evaluation above "
        "cap + 0.05 whose successor is too.  The last line: step, train_loss, "
        "test_accuracy, eureka_step, images_per_s, params_sha256.\n\n"
        "  vit-train --out run\n"
        "  vit-train --attention normsoftmax-std --seed 2 --out run2\n"
        "  vit-train --out run --resume\n\n"
        "Results do not depend on --threads, and a run that was killed and "
        "resumed ends with the bits of one that was not.  Exits 0, 2 for bad "
        "usage or input or numbers that are not finite, 130 if interrupted, "
        "with a checkpoint.",
    .table = table};

static void set(int *to, int asked)
{
    *to = asked > 0 ? asked : *to;
}

static void set_long(long *to, int asked)
{
    *to = asked > 0 ? asked : *to;
}

static void ask_optimiser(thm_optimiser_options *o)
{
    const bool constant = !(o->lr_end < o->lr);
    set_long(&o->steps, request.steps);
    o->kind = (thm_optimiser_kind)optimiser;
    o->rescale = (thm_rescale)rescale;
    o->lr = lr > 0.0 ? lr : o->lr;
    o->lr_end = constant ? o->lr : o->lr_end;
    o->lr_qk = lr_qk;
    o->clip = clip;
    o->weight_decay = decay >= 0.0 ? decay : o->weight_decay;
    o->warmup = warmup >= 0                 ? warmup
                : o->steps / 10 < o->warmup ? o->steps / 10
                                            : o->warmup;
}

/* The options are what is used, for run.json. */
static void note(const thm_trainer_options *o)
{
    depth = o->config.depth;
    width = o->config.width;
    heads = o->config.heads;
    head_width = o->config.head_width;
    mlp = o->config.mlp_width;
    batch = o->batch;
    lr = o->optimiser.lr;
    decay = o->optimiser.weight_decay;
    warmup = (int)o->optimiser.warmup;
    smoothing = o->smoothing;
}

thm_trainer_options ask_trainer(const thm_task *task, int threads, thm_isa isa)
{
    thm_trainer_options o = thm_trainer_default(task);
    if (width > 0 || heads > 0) {
        thm_vit_config_resize(&o.config, width > 0 ? width : o.config.width,
                              heads > 0 ? heads : o.config.heads);
    }
    set(&o.config.depth, depth);
    set(&o.config.head_width, head_width);
    set(&o.config.mlp_width, mlp);
    set(&o.batch, batch);
    for (int layer = 0; layer < THM_VIT_LAYERS; layer++) {
        o.config.attention[layer] =
            attention == HEAT ? THM_VIT_SOFTMAX : (thm_vit_attention)attention;
    }
    ask_optimiser(&o.optimiser);
    if (attention == HEAT) {
        o.heat = (thm_heat)schedule;
        o.heat_over = (o.optimiser.steps + 1) / 2;
        /* scores of deviation 2.46 at the start, as 3 gives for d = 64 */
        o.heat_from = heat_from > 0.0
                          ? heat_from
                          : 24.0 / sqrt((double)o.config.head_width);
    }
    o.temperature = temperature;
    o.smoothing = smoothing >= 0.0 ? smoothing : o.smoothing;
    o.seed = common.seed;
    o.threads = threads;
    o.isa = isa;
    note(&o);
    return o;
}

const thm_common *ask_common(void)
{
    return &common;
}

run_request ask_request(const thm_task *task)
{
    const long steps = thm_trainer_default(task).optimiser.steps;
    const int tests = thm_task_test_size(task);
    /* what shows the curve of a plateau; of a whole test set, what costs less
     * than a tenth of the training */
    const int rows = tests > 0 ? 10 : 40;
    run_request *q = &request;
    q->steps = q->steps > 0 ? q->steps : (int)steps;
    q->evaluate =
        q->evaluate > 0 ? q->evaluate : (int)((steps + rows - 1) / rows);
    q->samples = q->samples > 0 ? q->samples : tests > 0 ? tests : 1024;
    q->out = common.out;
    q->progress = !common.quiet;
    return request;
}

thm_task_options ask_task(void)
{
    thm_task_options o = thm_task_options_default((thm_task_kind)task_kind);
    set(&o.tokens, tokens);
    set(&o.size, size);
    set(&o.patch, patch > 0 ? patch : size / 8);
    o.half = o.half && !full;
    o.prior = prior > 0.0 ? prior : o.prior;
    o.images = images;
    o.digits = digits;
    o.text = text;
    return o;
}
