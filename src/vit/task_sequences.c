/* Tasks on sequences: classification of tokens, induction, regression in
 * context.  What of the authors' settings is not known is a choice of ours:
 * that every token of a class sample is of its class (the recorded attention,
 * 1/10 a token under sigmoid, says that each suffices), that a sequence has no
 * repetition but the query, and one label at an unpredictable place a sample,
 * where they weight such losses by 0.2.
 *
 * Sample: class, then the tokens; the tokens, then which is asked again, then
 * the place of the other label; the weights, then x and noise-free y. */
#include <math.h>

#include "vit/task_inside.h"

enum { CLASS_TOKENS = 10, CLASSES = 4, WORDS = 40 };
enum { VOCABULARY = 50, LENGTH = 13, FREE = LENGTH - 2, QUERY = LENGTH - 1 };
enum { DIM = 5, PAIRS = 11 };

static void size_blocks(thm_vit_config *c, int width, int heads, int depth,
                        int mlp_width)
{
    c->width = width;
    c->heads = heads;
    c->head_width = width / heads;
    c->depth = depth;
    c->mlp_width = mlp_width;
    /* of uniform numbers on +-1 / sqrt(width), a linear layer's usual start */
    c->weight_std = 1 / sqrt(3.0 * width);
}

static thm_status open_sequences(thm_task *task, thm_message *msg)
{
    (void)msg;
    thm_vit_config *c = &task->config;
    task->labelled = task->options.kind != THM_TASK_ICL_REGRESSION;
    switch (task->options.kind) {
    case THM_TASK_CLS_TOKENS:
        task->certain = true;
        c->input = THM_VIT_VOCABULARY;
        c->tokens = CLASS_TOKENS;
        c->features = WORDS;
        c->outputs = CLASSES;
        c->positions = THM_VIT_NO_POSITIONS;
        c->norm = false;
        size_blocks(c, 128, 1, 1, 0);
        return THM_OK;
    case THM_TASK_INDUCTION:
        c->input = THM_VIT_VOCABULARY;
        c->tokens = LENGTH;
        c->features = VOCABULARY;
        c->outputs = VOCABULARY;
        c->pool = THM_VIT_PER_TOKEN;
        c->causal = true;
        size_blocks(c, 128, 4, 2, 0);
        return THM_OK;
    default:
        c->tokens = 2 * PAIRS - 1;
        c->features = DIM + 1;
        c->outputs = 1;
        c->pool = THM_VIT_PER_TOKEN;
        c->causal = true;
        size_blocks(c, 64, 4, 3, 128);
        return THM_OK;
    }
}

static void draw_class(thm_rng *rng, int i, thm_samples *s)
{
    const int class = (int)thm_rng_below(rng, CLASSES);
    const int words = WORDS / CLASSES;
    s->labels[i] = class;
    for (int t = 0; t < CLASS_TOKENS; t++) {
        s->ids[i * CLASS_TOKENS + t] =
            class * words + (int)thm_rng_below(rng, (uint64_t)words);
    }
}

static void draw_induction(thm_rng *rng, thm_split split, int i, thm_samples *s)
{
    int32_t deck[VOCABULARY];
    int32_t *ids = s->ids + (ptrdiff_t)i * LENGTH;
    int32_t *labels = s->labels + (ptrdiff_t)i * LENGTH;
    uint8_t *roles = s->roles + (ptrdiff_t)i * LENGTH;
    for (int k = 0; k < VOCABULARY; k++) {
        deck[k] = k;
    }
    ids[0] = 0; /* BOS: the deck's first card stays where it is */
    for (int t = 1; t <= FREE; t++) {
        const int k = t + (int)thm_rng_below(rng, (uint64_t)(VOCABULARY - t));
        ids[t] = deck[k];
        deck[k] = deck[t];
    }
    const int asked = 1 + (int)thm_rng_below(rng, FREE - 1);
    ids[QUERY] = ids[asked];
    for (int t = 0; t < LENGTH; t++) {
        labels[t] = -1;
    }
    labels[QUERY] = ids[asked + 1];
    const int other = (int)thm_rng_below(rng, QUERY);
    if (split == THM_SPLIT_TRAIN) {
        labels[other] = ids[other + 1];
    }
    roles[asked] = roles[QUERY] = THM_ROLE_INDICATOR;
    roles[asked + 1] = THM_ROLE_CHOSEN;
}

static void draw_regression(thm_rng *rng, int i, thm_samples *s)
{
    const int tokens = 2 * PAIRS - 1;
    float *x = s->x + (ptrdiff_t)i * tokens * (DIM + 1);
    float *y = s->targets + (ptrdiff_t)i * tokens;
    double w[DIM];
    thm_rng_fill_normal(rng, DIM, 1 / sqrt(DIM), w);
    for (int t = 0; t < tokens * (DIM + 1); t++) {
        x[t] = 0;
    }
    for (int p = 0; p < PAIRS; p++) {
        double product = 0;
        float *here = x + (ptrdiff_t)2 * p * (DIM + 1);
        for (int k = 0; k < DIM; k++) {
            const double value = thm_rng_normal(rng);
            here[k] = (float)value;
            product += value * w[k];
        }
        y[2 * p] = (float)product;
        if (p < PAIRS - 1) {
            here[DIM + 1 + DIM] = y[2 * p];
            y[2 * p + 1] = NAN;
        }
    }
}

static void draw_sequences(const thm_task *task, const thm_task_at *at,
                           int first, int count, thm_samples *s)
{
    for (int i = 0; i < count; i++) {
        thm_rng rng = thm_task_rng(at, first + i);
        switch (task->options.kind) {
        case THM_TASK_CLS_TOKENS:
            draw_class(&rng, i, s);
            break;
        case THM_TASK_INDUCTION:
            draw_induction(&rng, at->split, i, s);
            break;
        default:
            draw_regression(&rng, i, s);
            break;
        }
    }
}

const thm_task_family thm_task_sequences = {.open = open_sequences,
                                            .draw = draw_sequences};
