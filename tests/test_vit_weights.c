/* Oracles: files laid out by hand with timm's names and shapes; a checkpoint
 * against the trainer that wrote it, to the bit; a list of broken files, each
 * with the words that its message must hold. */
#include <math.h>
#include <stdint.h>

#include "io/tensor.h"
#include "tests/scratch.h"
#include "vit/trainer.h"
#include "vit/weights.h"

/* ---- files with timm's names ----------------------------------------------
 */

enum { WIDTH = 6, BLOCKS = 2, MLP = 9, OUTPUTS = 5, TENSORS = 64 };

typedef struct {
    char name[48];
    const char *dtype;
    int ndim;
    int shape[9];
} laid;

typedef struct {
    int count;
    laid tensors[TENSORS];
    int nan_in; /* this tensor's last number is NaN; -1: none */
} plan;

static void add(plan *p, const char *dtype, const char *name, int ndim, int a,
                int b, int c, int d)
{
    laid *t = &p->tensors[p->count++];
    *t = (laid){.dtype = dtype, .ndim = ndim, .shape = {a, b, c, d}};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void add_block(plan *p, int l)
{
    static const struct {
        const char *name;
        int ndim, a, b;
    } parts[] = {{"norm1.weight", 1, WIDTH, 0},
                 {"norm1.bias", 1, WIDTH, 0},
                 {"attn.qkv.weight", 2, 3 * WIDTH, WIDTH},
                 {"attn.qkv.bias", 1, 3 * WIDTH, 0},
                 {"attn.proj.weight", 2, WIDTH, WIDTH},
                 {"attn.proj.bias", 1, WIDTH, 0},
                 {"norm2.weight", 1, WIDTH, 0},
                 {"norm2.bias", 1, WIDTH, 0},
                 {"mlp.fc1.weight", 2, MLP, WIDTH},
                 {"mlp.fc1.bias", 1, MLP, 0},
                 {"mlp.fc2.weight", 2, WIDTH, MLP},
                 {"mlp.fc2.bias", 1, WIDTH, 0}};
    char name[48];
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        snprintf(name, sizeof name, "blocks.%d.%s", l, parts[k].name);
        add(p, k % 3 ? "F32" : "F16", name, parts[k].ndim, parts[k].a,
            parts[k].b, 0, 0);
    }
}

/* 3 channels, patches of 2 x 2, 4 of them and a class token. */
static plan timm_like(void)
{
    plan p = {.nan_in = -1};
    add(&p, "F32", "cls_token", 3, 1, 1, WIDTH, 0);
    add(&p, "F64", "pos_embed", 3, 1, 5, WIDTH, 0);
    add(&p, "F32", "patch_embed.proj.weight", 4, WIDTH, 3, 2, 2);
    add(&p, "BF16", "patch_embed.proj.bias", 1, WIDTH, 0, 0, 0);
    for (int l = 0; l < BLOCKS; l++) {
        add_block(&p, l);
    }
    add(&p, "F32", "norm.weight", 1, WIDTH, 0, 0, 0);
    add(&p, "F32", "norm.bias", 1, WIDTH, 0, 0, 0);
    add(&p, "F32", "head.weight", 2, OUTPUTS, WIDTH, 0, 0);
    add(&p, "F32", "head.bias", 1, OUTPUTS, 0, 0, 0);
    return p;
}

static int numbers_of(const laid *t)
{
    int count = 1;
    for (int k = 0; k < t->ndim; k++) {
        count *= t->shape[k];
    }
    return count;
}

/* Number i of tensor k: +-1 to +-1.75 by quarters, exact in every dtype. */
static double value(int k, int i)
{
    return ((i * 7 + k * 3) % 4 * 0.25 + 1.0) * ((i + k) % 3 ? 1.0 : -1.0);
}

static size_t lay_number(const char *dtype, double x, unsigned char *to)
{
    const float f = (float)x;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    /* of +-1 to +-1.75: sign, exponent 0 and two bits of the fraction */
    const uint32_t sign = bits >> 31, two = bits >> 21 & 3;
    uint16_t half = (uint16_t)(sign << 15 | 15u << 10 | two << 8);
    if (isnan(x)) {
        half = 0x7e00;
    }
    if (strcmp(dtype, "F64") == 0 || strcmp(dtype, "I64") == 0) {
        memcpy(to, &x, 8);
        return 8;
    }
    if (strcmp(dtype, "F32") == 0) {
        memcpy(to, &f, 4);
        return 4;
    }
    if (strcmp(dtype, "BF16") == 0) {
        half = (uint16_t)(bits >> 16);
    }
    memcpy(to, &half, 2);
    return 2;
}

static size_t lay_out(const plan *p, unsigned char *file)
{
    static unsigned char data[1 << 17];
    size_t at = 0, used = 0;
    char *header = (char *)file + 8;
    for (int k = 0; k < p->count; k++) {
        const laid *t = &p->tensors[k];
        const size_t begin = at;
        const int count = numbers_of(t);
        for (int i = 0; i < count; i++) {
            const bool bad = k == p->nan_in && i == count - 1;
            at += lay_number(t->dtype, bad ? (double)NAN : value(k, i),
                             data + at);
        }
        used += (size_t)sprintf(header + used, "%s\"%s\":{\"dtype\":\"%s\",",
                                k ? "," : "{", t->name, t->dtype);
        for (int i = 0; i < t->ndim; i++) {
            used += (size_t)sprintf(header + used, "%s%d",
                                    i ? "," : "\"shape\":[", t->shape[i]);
        }
        used += (size_t)sprintf(header + used, "],\"data_offsets\":[%zu,%zu]}",
                                begin, at);
    }
    header[used++] = '}';
    const uint64_t length = used;
    memcpy(file, &length, 8);
    memcpy(header + used, data, at);
    return 8 + used + at;
}

static thm_message msg;

static thm_status read_plan(const plan *p, int heads, thm_vit_weights *out)
{
    static unsigned char file[1 << 18];
    const size_t size = lay_out(p, file);
    unsigned char *copy = malloc(size); /* a sanitizer sees its end */
    memcpy(copy, file, size);
    msg.text[0] = '\0';
    const thm_status status =
        thm_vit_weights_parse("file", copy, size, heads, out, &msg);
    free(copy);
    return status;
}

START_TEST(shapes_tell_the_model)
{
    const plan p = timm_like();
    thm_vit_weights w;
    ck_assert_msg(read_plan(&p, 2, &w) == THM_OK, "%s", msg.text);
    const thm_vit_config *c = &w.record.config;
    ck_assert(c->input == THM_VIT_VECTORS && c->pool == THM_VIT_CLS);
    ck_assert(c->tokens == 4 && c->features == 12 && c->width == WIDTH);
    ck_assert(c->depth == BLOCKS && c->heads == 2 && c->head_width == 3);
    ck_assert(c->mlp_width == MLP && c->outputs == OUTPUTS);
    ck_assert(c->qkv_bias && c->norm && c->residual && !c->causal);
    ck_assert(c->positions == THM_VIT_LEARNED && w.channels == 3);
    ck_assert(c->attention[0] == THM_VIT_SOFTMAX && !w.recorded);
    ck_assert_double_eq_tol(w.record.scale, 1 / sqrt(3), 1e-15);
    ck_assert_int_eq(w.layout.count, p.count);
    for (int k = 0; k < p.count; k++) {
        const thm_vit_tensor *t = thm_vit_find(&w.layout, p.tensors[k].name);
        ck_assert_msg(t != NULL, "%s", p.tensors[k].name);
        for (int i = 0; i < numbers_of(&p.tensors[k]); i++) {
            ck_assert((double)w.params[t->offset + i] == value(k, i));
        }
    }
    thm_vit_weights_free(&w);
    thm_vit_weights_free(&w);
    thm_vit_weights_free(NULL);
}
END_TEST

/* Takes tensor `name` out of a plan. */
static void drop(plan *p, const char *name)
{
    int to = 0;
    for (int k = 0; k < p->count; k++) {
        if (strcmp(p->tensors[k].name, name) != 0) {
            p->tensors[to++] = p->tensors[k];
        }
    }
    ck_assert_int_eq(to, p->count - 1);
    p->count = to;
}

static laid *named(plan *p, const char *name)
{
    for (int k = 0; k < p->count; k++) {
        if (strcmp(p->tensors[k].name, name) == 0) {
            return &p->tensors[k];
        }
    }
    ck_abort_msg("no tensor %s", name);
    return NULL;
}

/* Attention `inside` wide in every block. */
static plan wide(int inside)
{
    plan p = timm_like();
    for (int l = 0; l < BLOCKS; l++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", l);
        named(&p, name)->shape[0] = 3 * inside;
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.bias", l);
        named(&p, name)->shape[0] = 3 * inside;
        snprintf(name, sizeof name, "blocks.%d.attn.proj.weight", l);
        named(&p, name)->shape[1] = inside;
    }
    return p;
}

START_TEST(heads_of_64)
{
    thm_vit_weights w;
    plan p = wide(128);
    ck_assert_msg(read_plan(&p, 0, &w) == THM_OK, "%s", msg.text);
    ck_assert(w.record.config.heads == 2 && w.record.config.head_width == 64);
    thm_vit_weights_free(&w);
    ck_assert_int_eq(read_plan(&p, 8, &w), THM_OK);
    ck_assert(w.record.config.heads == 8 && w.record.config.head_width == 16);
    thm_vit_weights_free(&w);
    p = wide(70); /* one of 64 and a rest: nothing to guess */
    ck_assert_int_eq(read_plan(&p, 0, &w), THM_EDOMAIN);
    ck_assert_int_eq(read_plan(&p, 7, &w), THM_OK);
    ck_assert_int_eq(w.record.config.head_width, 10);
    thm_vit_weights_free(&w);
}
END_TEST

START_TEST(other_models)
{
    thm_vit_weights w;
    plan p = timm_like(); /* no class token, no biases, flat patches */
    drop(&p, "cls_token");
    drop(&p, "blocks.0.attn.qkv.bias");
    drop(&p, "blocks.1.attn.qkv.bias");
    named(&p, "patch_embed.proj.weight")->ndim = 2;
    ck_assert_msg(read_plan(&p, 3, &w) == THM_OK, "%s", msg.text);
    const thm_vit_config *c = &w.record.config;
    ck_assert(c->pool == THM_VIT_MEAN && c->tokens == 5 && !c->qkv_bias);
    ck_assert(c->features == 3 && w.channels == 0 && c->head_width == 2);
    thm_vit_weights_free(&w);

    p = timm_like(); /* the gains of qk-norm say how many heads there are */
    add(&p, "F32", "blocks.1.attn.gain", 1, 3, 0, 0, 0);
    ck_assert_msg(read_plan(&p, 0, &w) == THM_OK, "%s", msg.text);
    ck_assert_int_eq(c->heads, 3);
    ck_assert_int_eq(c->attention[0], THM_VIT_SOFTMAX);
    ck_assert_int_eq(c->attention[1], THM_VIT_QK_NORM);
    thm_vit_weights_free(&w);

    p = timm_like(); /* words instead of patches */
    drop(&p, "patch_embed.proj.weight");
    drop(&p, "patch_embed.proj.bias");
    add(&p, "F32", "token_embed.weight", 2, 11, WIDTH, 0, 0);
    ck_assert_msg(read_plan(&p, 1, &w) == THM_OK, "%s", msg.text);
    ck_assert(c->input == THM_VIT_VOCABULARY && c->features == 11);
    thm_vit_weights_free(&w);
}
END_TEST

/* ---- what is refused ------------------------------------------------------
 */

static void lose(plan *p, const char *name)
{
    drop(p, name);
}
static void surplus(plan *p, const char *name)
{
    add(p, "F32", name, 1, 4, 0, 0, 0);
}
/* of a checkpoint without a record */
static void ours(plan *p, const char *name)
{
    add(p, "F64", "trainer.state", 1, 2, 0, 0, 0);
    add(p, "F32", name, 1, 4, 0, 0, 0);
}
static void widen(plan *p, const char *name)
{
    laid *t = named(p, name);
    t->shape[t->ndim - 1]++;
}
static void heighten(plan *p, const char *name)
{
    named(p, name)->shape[0]++;
}
static void empty(plan *p, const char *name)
{
    named(p, name)->shape[0] = 0;
}
static void stack(plan *p, const char *name)
{
    laid *t = named(p, name); /* a first extent of 2 */
    t->ndim++;
    for (int k = t->ndim - 1; k > 0; k--) {
        t->shape[k] = t->shape[k - 1];
    }
    t->shape[0] = 2;
}
static void count(plan *p, const char *name)
{
    named(p, name)->dtype = "I64";
}
static void spoil(plan *p, const char *name)
{
    p->nan_in = (int)(named(p, name) - p->tensors);
}

static const struct {
    void (*what)(plan *, const char *);
    const char *name;
    int heads;
    thm_status status;
    const char *words;
} broken[] = {
    {lose, "patch_embed.proj.weight", 2, THM_EFORMAT,
     "file: expected a tensor 'patch_embed.proj.weight', found none"},
    {lose, "pos_embed", 2, THM_EFORMAT, "expected a tensor 'pos_embed'"},
    {lose, "head.weight", 2, THM_EFORMAT, "expected a tensor 'head.weight'"},
    {lose, "blocks.0.attn.qkv.weight", 2, THM_EFORMAT,
     "expected a tensor 'blocks.0.attn.qkv.weight'"},
    {lose, "blocks.1.norm2.bias", 2, THM_EFORMAT,
     "expected a tensor 'blocks.1.norm2.bias', found none"},
    {lose, "norm.weight", 2, THM_EFORMAT,
     "expected a tensor 'norm.weight', found none"},
    {lose, "blocks.0.attn.qkv.bias", 2, THM_EFORMAT,
     "found blocks.1.attn.qkv.bias [18]"},
    {lose, "cls_token", 2, THM_OK, ""},
    {surplus, "fc_norm.weight", 2, THM_EFORMAT,
     "nothing but the tensors of this ViT, found fc_norm.weight [4]"},
    {surplus, "optimiser.m", 2, THM_EFORMAT, "found optimiser.m [4]"},
    {ours, "history", 2, THM_OK, ""},
    {ours, "dist_token", 2, THM_EFORMAT, "found dist_token [4]"},
    {surplus, "blocks.7.ls1.gamma", 2, THM_EFORMAT,
     "expected a tensor 'blocks.2.norm1.weight'"},
    {surplus, "blocks.24.norm1.weight", 2, THM_EDIM,
     "expected at most 24 blocks, found 25"},
    {widen, "blocks.1.mlp.fc1.weight", 2, THM_EFORMAT,
     "blocks.1.mlp.fc1.weight: expected [9, 6], found [9, 7]"},
    {heighten, "head.bias", 2, THM_EFORMAT,
     "head.bias: expected [5], found [6]"},
    {heighten, "blocks.0.attn.qkv.weight", 2, THM_EFORMAT,
     "blocks.0.attn.qkv.weight: expected q, k and v below each other, found "
     "[19, 6]"},
    {widen, "patch_embed.proj.weight", 2, THM_EFORMAT,
     "expected width x channels x patch x patch, or width x features, found "
     "[6, 3, 2, 3]"},
    {empty, "patch_embed.proj.weight", 2, THM_EFORMAT, "found [0, 3, 2, 2]"},
    {stack, "patch_embed.proj.weight", 2, THM_EFORMAT, "found [2, 6, 3, 2, 2]"},
    {empty, "head.weight", 2, THM_EFORMAT,
     "head.weight: expected rows x columns, found [0, 6]"},
    {stack, "pos_embed", 2, THM_EFORMAT, "pos_embed: expected rows x columns"},
    {stack, "norm.bias", 2, THM_EFORMAT,
     "norm.bias: expected [6], found [2, 6]"},
    {count, "norm.bias", 2, THM_EFORMAT,
     "tensor 'norm.bias': expected F64, F32, F16 or BF16, found I64"},
    {spoil, "blocks.1.attn.proj.weight", 2, THM_EFORMAT,
     "blocks.1.attn.proj.weight: expected finite numbers of single precision, "
     "found nan at 35"},
    {lose, "cls_token", 0, THM_EDOMAIN,
     "heads: expected a divisor of 6, and a number where heads of 64 do not "
     "fit, found 0"},
    {lose, "cls_token", 4, THM_EDOMAIN, "expected a divisor of 6"},
    {lose, "cls_token", -1, THM_EDOMAIN, "expected a positive number"},
};

START_TEST(broken_files_are_refused)
{
    for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
        plan p = timm_like();
        thm_vit_weights w = {.channels = 99};
        broken[k].what(&p, broken[k].name);
        const thm_status status = read_plan(&p, broken[k].heads, &w);
        ck_assert_msg(status == broken[k].status &&
                          strstr(msg.text, broken[k].words) != NULL,
                      "%s: %s: %s", broken[k].name, thm_status_text(status),
                      msg.text);
        if (status == THM_OK) {
            thm_vit_weights_free(&w);
        } else {
            ck_assert(w.channels == 99 && w.params == NULL);
            ck_assert_ptr_null(strchr(msg.text, '\n'));
        }
    }
    thm_vit_weights w;
    ck_assert_int_eq(thm_vit_weights_read("/nowhere/x", 0, &w, &msg), THM_EIO);
    ck_assert_int_eq(thm_vit_weights_parse("file", (const unsigned char *)"1 2",
                                           3, 0, &w, &msg),
                     THM_EFORMAT);
}
END_TEST

/* ---- checkpoints ----------------------------------------------------------
 */

START_TEST(a_checkpoint_says_what_it_is)
{
    char path[128];
    thm_task *task = NULL;
    thm_trainer *trainer = NULL;
    thm_vit_score score;
    thm_vit_weights w;
    const double history[3] = {1, 2, 3};
    thm_task_options what = thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    what.prior = 0.7;
    what.tokens = 18;
    ck_assert_int_eq(thm_task_alloc(&what, &task, NULL), THM_OK);
    thm_trainer_options o = thm_trainer_default(task);
    o.config.attention[1] = THM_VIT_QK_NORM;
    o.config.heads = 4;
    o.config.head_width = 5;
    o.config.positions = THM_VIT_SINUSOIDAL;
    o.seed = 0x123456789abcdef0;
    o.temperature = 1.7;
    o.batch = 8;
    ck_assert_int_eq(thm_trainer_alloc(&o, task, &trainer, NULL), THM_OK);
    ck_assert_int_eq(thm_trainer_step(trainer, &score, NULL), THM_OK);
    snprintf(path, sizeof path, "%s/c.safetensors", scratch);
    ck_assert_int_eq(thm_trainer_save(trainer, path, 1, 3, history, NULL),
                     THM_OK);
    ck_assert_msg(thm_vit_weights_read(path, 0, &w, &msg) == THM_OK, "%s",
                  msg.text);
    const thm_vit_layout *layout = thm_trainer_layout(trainer);
    ck_assert(w.layout.total == layout->total && w.recorded);
    ck_assert(memcmp(w.params, thm_trainer_params(trainer),
                     (size_t)layout->total * sizeof(float)) == 0);
    const thm_vit_config *c = &w.record.config;
    ck_assert(c->heads == 4 && c->head_width == 5 && c->tokens == 18);
    ck_assert(c->positions == THM_VIT_SINUSOIDAL && c->depth == 2);
    ck_assert(c->attention[0] == THM_VIT_SOFTMAX);
    ck_assert(c->attention[1] == THM_VIT_QK_NORM);
    ck_assert(w.record.scale == thm_trainer_scale(trainer));
    ck_assert(w.record.smoothing == 0.1 && w.record.seed == o.seed);
    ck_assert(w.record.task.kind == THM_TASK_TWO_STEP_TOKENS);
    ck_assert(w.record.task.prior == 0.7 && w.record.task.tokens == 18);
    thm_vit_weights_free(&w);

    ck_assert_int_eq(thm_vit_weights_read(path, 2, &w, &msg), THM_EDOMAIN);
    ck_assert_ptr_nonnull(
        strstr(msg.text, "heads: expected 4, as it was trained with, found 2"));
    thm_trainer_free(trainer);
    thm_task_free(task);
}
END_TEST

START_TEST(records_are_not_believed)
{
    const thm_task_options task =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_vit_record r = {.config = thm_vit_config_default(),
                        .scale = 0.25,
                        .smoothing = 0.1,
                        .seed = UINT64_MAX - 1,
                        .task = task};
    thm_vit_record back = {.scale = 7};
    double good[THM_VIT_RECORD_SIZE], x[THM_VIT_RECORD_SIZE];
    r.config.weight_std = 0.0571;
    thm_vit_record_put(&r, good);
    ck_assert_int_eq(
        thm_vit_record_get("f", THM_VIT_RECORD_SIZE, good, &back, &msg),
        THM_OK);
    ck_assert(back.seed == r.seed && back.config.weight_std == 0.0571);
    ck_assert(back.config.norm && back.config.residual && !back.config.causal);
    thm_vit_record_put(&back, x);
    ck_assert(memcmp(x, good, sizeof x) == 0);

    static const double bad[] = {(double)NAN, -1, 0.5, HUGE_VAL, 1e300};
    for (int k = 0; k < THM_VIT_RECORD_SIZE; k++) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            memcpy(x, good, sizeof x);
            x[k] = bad[i];
            /* a real member may be 0.5 or -1 */
            const bool real = k >= 23 && k < 27 && isfinite(bad[i]);
            back.scale = 7;
            const thm_status status =
                thm_vit_record_get("f", THM_VIT_RECORD_SIZE, x, &back, &msg);
            ck_assert_msg(real || (status == THM_EFORMAT && back.scale == 7),
                          "number %d: %g", k, bad[i]);
        }
    }
    memcpy(x, good, sizeof x);
    x[0] = 2;
    ck_assert_int_eq(
        thm_vit_record_get("f", THM_VIT_RECORD_SIZE, x, &back, &msg),
        THM_EFORMAT);
    ck_assert_int_eq(
        thm_vit_record_get("f", THM_VIT_RECORD_SIZE - 1, good, &back, &msg),
        THM_EFORMAT);
    ck_assert_int_eq(thm_vit_record_get("f", 0, good, &back, &msg),
                     THM_EFORMAT);
    memcpy(x, good, sizeof x);
    x[5] = 0; /* a depth of 0 */
    ck_assert_int_eq(
        thm_vit_record_get("f", THM_VIT_RECORD_SIZE, x, &back, &msg),
        THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "depth: expected 1 to 24"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-weights");
    TCase *tc = tcase_create("weights");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, shapes_tell_the_model);
    tcase_add_test(tc, heads_of_64);
    tcase_add_test(tc, other_models);
    tcase_add_test(tc, broken_files_are_refused);
    tcase_add_test(tc, a_checkpoint_says_what_it_is);
    tcase_add_test(tc, records_are_not_believed);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
