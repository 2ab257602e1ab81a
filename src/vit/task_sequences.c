/* Tasks on sequences: classification of tokens, induction, regression in
 * context.  The first two, and their models, are the ones of the authors' code
 * (paper-notes/varre2026.md, "Transformers").
 *
 * Sample: class, then the order of its words; the words, then which is asked
 * again; the weights, then x and noise-free y. */
#include <math.h>

#include "vit/task_inside.h"

enum { CLASS_TOKENS = 10, CLASSES = 4, WORDS = CLASSES * CLASS_TOKENS };
/* Each word also as it is asked again. */
enum { VOCABULARY = 50, MARKED = VOCABULARY };
enum { FREE = 10, QUERY = FREE + 1, LENGTH = QUERY + 1 };
static const double OTHERS = 0.2; /* weight of all other labels together */
enum { DIM = 5, PAIRS = 11 };

static void size_blocks(thm_vit_config *c, int width, int heads, int depth,
                        int mlp_width)
{
    c->width = width;
    c->heads = heads;
    c->head_width = width / heads;
    c->depth = depth;
    c->mlp_width = mlp_width;
    c->begin = THM_VIT_AS_PYTORCH;
    c->qkv_bias = true;
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
        c->features = VOCABULARY + MARKED;
        c->outputs = VOCABULARY + MARKED;
        c->pool = THM_VIT_PER_TOKEN;
        c->causal = true;
        size_blocks(c, 128, 4, 2, 512);
        task->weighted = true;
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

/* deck <- its first `count` cards drawn without replacement from all `size` */
static void shuffle(thm_rng *rng, int count, int size, int32_t *deck)
{
    for (int t = 0; t < count; t++) {
        const int k = t + (int)thm_rng_below(rng, (uint64_t)(size - t));
        const int32_t card = deck[k];
        deck[k] = deck[t];
        deck[t] = card;
    }
}

static void draw_class(thm_rng *rng, int i, thm_samples *s)
{
    const int class = (int)thm_rng_below(rng, CLASSES);
    int32_t *ids = s->ids + (ptrdiff_t)i * CLASS_TOKENS;
    s->labels[i] = class;
    for (int t = 0; t < CLASS_TOKENS; t++) {
        ids[t] = class * CLASS_TOKENS + t;
    }
    shuffle(rng, CLASS_TOKENS, CLASS_TOKENS, ids);
}

static void draw_induction(thm_rng *rng, thm_split split, int i, thm_samples *s)
{
    int32_t deck[VOCABULARY];
    const ptrdiff_t first = (ptrdiff_t)i * LENGTH;
    int32_t *ids = s->ids + first, *labels = s->labels + first;
    uint8_t *roles = s->roles + first;
    for (int k = 0; k < VOCABULARY; k++) {
        deck[k] = k;
    }
    shuffle(rng, FREE, VOCABULARY - 1, deck + 1);
    for (int t = 0; t < QUERY; t++) {
        ids[t] = deck[t]; /* BOS: the deck's first card stays where it is */
    }
    const int asked = 1 + (int)thm_rng_below(rng, FREE);
    ids[QUERY] = ids[asked] + MARKED;
    for (int t = 0; t < LENGTH; t++) {
        const bool last = t == QUERY, train = split == THM_SPLIT_TRAIN;
        labels[t] = last ? ids[asked + 1] : train ? ids[t + 1] : -1;
        s->weights[first + t] =
            (float)(train ? LENGTH / (1 + OTHERS) * (last ? 1 : OTHERS / QUERY)
                          : 1.0);
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
