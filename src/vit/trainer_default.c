/* How each task is learned unless something else is asked for.
 *
 * two-step tasks    paper-notes/hoffmann2024.md, "Task" and "Recorded": what
 *                   shows a plateau of softmax within minutes; the controls
 *                   learn alike, so that only the task differs
 * classify          20 epochs of Fashion-MNIST, in batches of 64
 * cls-tokens,       paper-notes/varre2026.md, "Transformers": a constant 1e-3,
 * induction         batches of 256, 10 epochs of 1e4 and of 1e5 samples
 * icl-regression    the same rate, warmed up: the layers are deeper
 * texts             the same rate; a sample is 128 tokens; masked bytes without
 *                   smoothing, which 256 classes would blur */
#include "vit/trainer.h"

typedef struct {
    double lr, lr_end, decay, smoothing;
    long warmup, steps;
    int batch;
} learning;

/* Kinds that are not named learn as the tokens of the two-step task. */
static const learning of_tokens = {3e-3, 1e-5, 0.05, 0.1, 500, 10000, 64};
static const learning of_images = {5e-4, 1e-5, 0.05, 0.1, 500, 8000, 128};
static const learning of_classes = {1e-3, 1e-5, 0.05, 0.1, 500, 18750, 64};

static learning learning_of(thm_task_kind kind)
{
    switch (kind) {
    case THM_TASK_TWO_STEP:
    case THM_TASK_TWO_STEP_MOVING:
    case THM_TASK_ONE_STEP:
    case THM_TASK_PATHFINDER:
        return of_images;
    case THM_TASK_CLASSIFY:
        return of_classes;
    case THM_TASK_CLS_TOKENS:
        return (learning){1e-3, 1e-3, 0.01, 0.0, 0, 390, 256};
    case THM_TASK_INDUCTION:
        return (learning){1e-3, 1e-3, 0.01, 0.0, 0, 3900, 256};
    case THM_TASK_ICL_REGRESSION:
        return (learning){1e-3, 1e-5, 0.01, 0.0, 500, 5000, 256};
    case THM_TASK_TEXT_CLASS:
        return (learning){1e-3, 1e-5, 0.05, 0.1, 300, 3000, 64};
    case THM_TASK_TEXT_MLM:
        return (learning){1e-3, 1e-5, 0.05, 0.0, 300, 3000, 64};
    default:
        return of_tokens;
    }
}

thm_trainer_options thm_trainer_default(const thm_task *task)
{
    const learning l = learning_of(thm_task_kind_of(task));
    thm_trainer_options o = {.config = thm_vit_config_default(),
                             .optimiser = thm_optimiser_default(),
                             .heat = THM_HEAT_HALF_COSINE,
                             .temperature = 1.0,
                             .smoothing = l.smoothing,
                             .batch = l.batch,
                             .seed = 1,
                             .threads = 1,
                             .isa = thm_isa_detect()};
    thm_task_configure(task, &o.config);
    o.optimiser.lr = l.lr;
    o.optimiser.lr_end = l.lr_end;
    o.optimiser.warmup = l.warmup;
    o.optimiser.steps = l.steps;
    o.optimiser.weight_decay = l.decay;
    return o;
}
