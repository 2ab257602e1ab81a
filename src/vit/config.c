/* Sizes of a vision transformer, the table of its parameters, their start.
 *
 * A tensor's stream of random numbers is the FNV-1a hash of its name: tensors
 * that two configurations share begin alike for the same seed, whatever else
 * the configurations have. */
#include "vit/config.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"

const char *thm_vit_attention_text(thm_vit_attention attention)
{
    static const char *const text[] = {
#define THM_VIT_TEXT(name, words) words,
        THM_VIT_ATTENTION_TABLE(THM_VIT_TEXT)
#undef THM_VIT_TEXT
    };
    const size_t known = sizeof text / sizeof *text;
    return (size_t)attention < known ? text[attention] : "unknown attention";
}

thm_vit_config thm_vit_config_default(void)
{
    return (thm_vit_config){.input = THM_VIT_VECTORS,
                            .tokens = 16,
                            .features = 16,
                            .width = 32,
                            .depth = 2,
                            .heads = 2,
                            .head_width = 16,
                            .mlp_width = 64,
                            .outputs = 10,
                            .pool = THM_VIT_CLS,
                            .positions = THM_VIT_LEARNED,
                            .norm = true,
                            .residual = true};
}

/* Numbers that keep their proportion to the width. */
static int in_proportion(int of, int from, int to)
{
    const int64_t size = (int64_t)of * to / from;
    return size < 1 ? 1 : size > INT_MAX ? INT_MAX : (int)size;
}

void thm_vit_config_resize(thm_vit_config *c, int width, int heads)
{
    const double std = c->weight_std > 0 ? c->weight_std : 0.02;
    const int inside = c->heads * c->head_width;
    c->weight_std = std * sqrt((double)c->width / width);
    c->mlp_width =
        c->mlp_width > 0 ? in_proportion(c->mlp_width, c->width, width) : 0;
    c->head_width =
        in_proportion(1, heads, in_proportion(inside, c->width, width));
    c->width = width;
    c->heads = heads;
}

int thm_vit_length(const thm_vit_config *config)
{
    return config->tokens + (config->pool == THM_VIT_CLS);
}

static thm_status check_sizes(const thm_vit_config *c, thm_message *msg)
{
    const struct {
        const char *name;
        int value, least, most;
    } sizes[] = {{"tokens", c->tokens, 1, INT_MAX - 1},
                 {"features", c->features, 1, INT_MAX},
                 {"width", c->width, 1, INT_MAX},
                 {"depth", c->depth, 1, THM_VIT_LAYERS},
                 {"heads", c->heads, 1, INT_MAX},
                 {"head_width", c->head_width, 1, INT_MAX},
                 {"mlp_width", c->mlp_width, 0, INT_MAX},
                 {"outputs", c->outputs, 1, INT_MAX}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].value < sizes[i].least || sizes[i].value > sizes[i].most) {
            return thm_fail(THM_EDIM, msg, "%s: expected %d to %d, found %d",
                            sizes[i].name, sizes[i].least, sizes[i].most,
                            sizes[i].value);
        }
    }
    return THM_OK;
}

static thm_status check_choices(const thm_vit_config *c, thm_message *msg)
{
    const struct {
        const char *name;
        unsigned value, most;
    } choices[] = {{"input", c->input, THM_VIT_VOCABULARY},
                   {"pool", c->pool, THM_VIT_PER_TOKEN},
                   {"positions", c->positions, THM_VIT_NO_POSITIONS},
                   {"begin", c->begin, THM_VIT_AS_PYTORCH}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choices[i].value > choices[i].most) {
            return thm_fail(THM_EDOMAIN, msg, "%s: expected 0 to %u, found %u",
                            choices[i].name, choices[i].most, choices[i].value);
        }
    }
    for (int l = 0; l < c->depth; l++) {
        if ((unsigned)c->attention[l] > THM_VIT_QK_NORM) {
            return thm_fail(
                THM_EDOMAIN, msg, "attention[%d]: expected 0 to %u, found %u",
                l, (unsigned)THM_VIT_QK_NORM, (unsigned)c->attention[l]);
        }
    }
    if (c->causal && c->pool == THM_VIT_CLS) {
        return thm_fail(THM_EDOMAIN, msg,
                        "causal: expected a pool other than the CLS, which "
                        "comes first and would see nothing");
    }
    if (!(c->weight_std >= 0 && c->weight_std < HUGE_VAL)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "weight_std: expected 0 or more, found %g",
                        c->weight_std);
    }
    return THM_OK;
}

thm_status thm_vit_config_check(const thm_vit_config *config, thm_message *msg)
{
    const thm_status status = check_sizes(config, msg);
    return status != THM_OK ? status : check_choices(config, msg);
}

/* Appends to the table, or counts while there is none. */
typedef struct {
    thm_vit_layout *layout;
    thm_vit_begin begin;
    int layer;
    thm_status status;
} dealer;

static void deal(dealer *to, const char *name, thm_vit_tensor t)
{
    thm_vit_layout *layout = to->layout;
    size_t size, total;
    if (thm_size_mul((size_t)t.rows, (size_t)t.cols, &size) != THM_OK ||
        thm_size_add((size_t)layout->total, size, &total) != THM_OK ||
        total > (size_t)INT64_MAX / sizeof(double)) {
        to->status = THM_EOVERFLOW;
        return;
    }
    t.offset = layout->total;
    t.layer = to->layer;
    if (to->layer >= 0) {
        snprintf(t.name, sizeof t.name, "blocks.%d.%s", to->layer, name);
    } else {
        snprintf(t.name, sizeof t.name, "%s", name);
    }
    if (layout->tensors != NULL) {
        layout->tensors[layout->count] = t;
    }
    layout->count++;
    layout->total = (int64_t)total;
}

/* What is added or looked up: CLS, positions, words. */
static void deal_rows(dealer *to, const char *name, int rows, int cols,
                      bool decays)
{
    const thm_vit_start start =
        to->begin == THM_VIT_AS_PYTORCH ? THM_VIT_UNIT : THM_VIT_NORMAL;
    deal(to, name,
         (thm_vit_tensor){
             .rows = rows, .cols = cols, .decays = decays, .start = start});
}

static void deal_vector(dealer *to, const char *name, int cols,
                        thm_vit_start start)
{
    deal(to, name,
         (thm_vit_tensor){
             .rows = 1, .cols = cols, .vector = true, .start = start});
}

/* A linear layer; bias NULL: none.  `start` is timm's of its weight. */
static void deal_layer(dealer *to, const char *weight, const char *bias,
                       int outputs, int inputs, thm_vit_start start)
{
    const bool uniform =
        to->begin == THM_VIT_AS_PYTORCH || start == THM_VIT_LAYER;
    deal(to, weight,
         (thm_vit_tensor){.rows = outputs,
                          .cols = inputs,
                          .decays = true,
                          .start = uniform ? THM_VIT_LAYER : start,
                          .inputs = inputs});
    if (bias != NULL) {
        deal(to, bias,
             (thm_vit_tensor){.rows = 1,
                              .cols = outputs,
                              .vector = true,
                              .start = uniform ? THM_VIT_LAYER : THM_VIT_ZERO,
                              .inputs = inputs});
    }
}

static void deal_norm(dealer *to, const thm_vit_config *c, const char *weight,
                      const char *bias)
{
    if (c->norm) {
        deal_vector(to, weight, c->width, THM_VIT_ONE);
        deal_vector(to, bias, c->width, THM_VIT_ZERO);
    }
}

static void deal_block(dealer *to, const thm_vit_config *c, int inside)
{
    deal_norm(to, c, "norm1.weight", "norm1.bias");
    deal_layer(to, "attn.qkv.weight", c->qkv_bias ? "attn.qkv.bias" : NULL,
               3 * inside, c->width, THM_VIT_NORMAL);
    if (c->attention[to->layer] == THM_VIT_QK_NORM) {
        deal_vector(to, "attn.gain", c->heads, THM_VIT_GAIN);
    }
    deal_layer(to, "attn.proj.weight", "attn.proj.bias", c->width, inside,
               THM_VIT_NORMAL);
    if (c->mlp_width > 0) {
        deal_norm(to, c, "norm2.weight", "norm2.bias");
        deal_layer(to, "mlp.fc1.weight", "mlp.fc1.bias", c->mlp_width, c->width,
                   THM_VIT_NORMAL);
        deal_layer(to, "mlp.fc2.weight", "mlp.fc2.bias", c->width, c->mlp_width,
                   THM_VIT_NORMAL);
    }
}

static thm_status deal_all(const thm_vit_config *c, thm_vit_layout *layout)
{
    dealer to = {.layout = layout, .begin = c->begin, .layer = -1};
    if (c->pool == THM_VIT_CLS) {
        deal_rows(&to, "cls_token", 1, c->width, false);
    }
    if (c->positions == THM_VIT_LEARNED) {
        deal_rows(&to, "pos_embed", thm_vit_length(c), c->width, false);
    }
    if (c->input == THM_VIT_VOCABULARY) {
        deal_rows(&to, "token_embed.weight", c->features, c->width, true);
    } else {
        deal_layer(&to, "patch_embed.proj.weight", "patch_embed.proj.bias",
                   c->width, c->features, THM_VIT_LAYER);
    }
    for (int l = 0; l < c->depth; l++) {
        to.layer = l;
        deal_block(&to, c, c->heads * c->head_width);
    }
    to.layer = -1;
    deal_norm(&to, c, "norm.weight", "norm.bias");
    deal_layer(&to, "head.weight", "head.bias", c->outputs, c->width,
               THM_VIT_NORMAL);
    return to.status;
}

thm_status thm_vit_layout_alloc(const thm_vit_config *config,
                                thm_vit_layout *layout)
{
    thm_vit_layout made = {0};
    size_t inside, rows;
    thm_status status = thm_vit_config_check(config, NULL);
    if (status != THM_OK) {
        return status;
    }
    if (thm_size_mul((size_t)config->heads, (size_t)config->head_width,
                     &inside) != THM_OK ||
        thm_size_mul(3, inside, &rows) != THM_OK || rows > INT_MAX) {
        return THM_EOVERFLOW;
    }
    status = deal_all(config, &made);
    if (status != THM_OK) {
        return status;
    }
    made.tensors = calloc((size_t)made.count, sizeof *made.tensors);
    if (made.tensors == NULL) {
        return THM_ENOMEM;
    }
    made.count = 0;
    made.total = 0;
    deal_all(config, &made);
    *layout = made;
    return THM_OK;
}

void thm_vit_layout_free(thm_vit_layout *layout)
{
    if (layout != NULL) {
        free(layout->tensors);
        *layout = (thm_vit_layout){0};
    }
}

const thm_vit_tensor *thm_vit_find(const thm_vit_layout *layout,
                                   const char *name)
{
    for (int i = 0; i < layout->count; i++) {
        if (strcmp(layout->tensors[i].name, name) == 0) {
            return &layout->tensors[i];
        }
    }
    return NULL;
}

static uint64_t stream_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    }
    return hash;
}

/* Truncated at 2, not at 2 standard deviations: so timm calls PyTorch's. */
static double truncated(thm_rng *rng, double std)
{
    double x;
    do {
        x = std * thm_rng_normal(rng);
    } while (!(fabs(x) <= 2));
    return x;
}

void thm_vit_initialise(const thm_vit_config *config,
                        const thm_vit_layout *layout, uint64_t seed,
                        float *block)
{
    const double std = config->weight_std > 0 ? config->weight_std : 0.02;
    for (int i = 0; i < layout->count; i++) {
        const thm_vit_tensor *t = &layout->tensors[i];
        thm_rng rng = thm_rng_make(seed, stream_of(t->name));
        const int64_t size = (int64_t)t->rows * t->cols;
        const double reach = t->inputs > 0 ? 1 / sqrt(t->inputs) : 0;
        for (int64_t k = 0; k < size; k++) {
            double x = 0;
            switch (t->start) {
            case THM_VIT_NORMAL:
                x = truncated(&rng, std);
                break;
            case THM_VIT_ZERO:
                break;
            case THM_VIT_ONE:
                x = 1;
                break;
            case THM_VIT_LAYER:
                x = reach * (2 * thm_rng_uniform(&rng) - 1);
                break;
            case THM_VIT_GAIN:
                x = sqrt(config->head_width);
                break;
            case THM_VIT_UNIT:
                x = thm_rng_normal(&rng);
                break;
            }
            block[t->offset + k] = (float)x;
        }
    }
}
