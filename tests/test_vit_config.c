/* Oracles: the number of parameters of the published model, names and shapes
 * by hand, moments of the drawn start, documented errors. */
#include <limits.h>
#include <math.h>
#include "tests/scratch.h"
#include "vit/config.h"

/* Tensors follow each other without gaps. */
static void check_layout(const thm_vit_layout *layout)
{
    int64_t end = 0;
    for (int i = 0; i < layout->count; i++) {
        const thm_vit_tensor *t = &layout->tensors[i];
        ck_assert_int_eq(t->offset, end);
        ck_assert_ptr_eq(thm_vit_find(layout, t->name), t);
        ck_assert(!t->vector || (t->rows == 1 && !t->decays));
        end += (int64_t)t->rows * t->cols;
    }
    ck_assert_int_eq(end, layout->total);
}

START_TEST(published_model_has_its_parameters)
{
    /* stored: 3,750,666 parameters (Hoffmann et al. 2024, the released code) */
    thm_vit_config c = thm_vit_config_default();
    thm_vit_layout layout;
    c.tokens = 196;
    c.features = 48;
    c.width = 256;
    c.depth = 7;
    c.heads = 4;
    c.head_width = 64;
    c.mlp_width = 512;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    ck_assert_int_eq(layout.total, 3750666);
    check_layout(&layout);
    thm_vit_layout_free(&layout);
    ck_assert_ptr_null(layout.tensors);
}
END_TEST

START_TEST(tensors_bear_their_names)
{
    /* by hand: timm's names, in this order */
    static const struct {
        const char *name;
        int rows, cols;
        bool decays, vector;
        int layer;
    } want[] = {{"cls_token", 1, 32, false, false, -1},
                {"pos_embed", 17, 32, false, false, -1},
                {"patch_embed.proj.weight", 32, 16, true, false, -1},
                {"patch_embed.proj.bias", 1, 32, false, true, -1},
                {"blocks.0.norm1.weight", 1, 32, false, true, 0},
                {"blocks.0.norm1.bias", 1, 32, false, true, 0},
                {"blocks.0.attn.qkv.weight", 96, 32, true, false, 0},
                {"blocks.0.attn.qkv.bias", 1, 96, false, true, 0},
                {"blocks.0.attn.gain", 1, 2, false, true, 0},
                {"blocks.0.attn.proj.weight", 32, 32, true, false, 0},
                {"blocks.0.attn.proj.bias", 1, 32, false, true, 0},
                {"blocks.0.norm2.weight", 1, 32, false, true, 0},
                {"blocks.0.norm2.bias", 1, 32, false, true, 0},
                {"blocks.0.mlp.fc1.weight", 64, 32, true, false, 0},
                {"blocks.0.mlp.fc1.bias", 1, 64, false, true, 0},
                {"blocks.0.mlp.fc2.weight", 32, 64, true, false, 0},
                {"blocks.0.mlp.fc2.bias", 1, 32, false, true, 0},
                {"norm.weight", 1, 32, false, true, -1},
                {"norm.bias", 1, 32, false, true, -1},
                {"head.weight", 10, 32, true, false, -1},
                {"head.bias", 1, 10, false, true, -1}};
    thm_vit_config c = thm_vit_config_default();
    thm_vit_layout layout;
    c.depth = 1;
    c.qkv_bias = true;
    c.attention[0] = THM_VIT_QK_NORM;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    ck_assert_int_eq(layout.count, (int)(sizeof want / sizeof *want));
    for (int i = 0; i < layout.count; i++) {
        const thm_vit_tensor *t = &layout.tensors[i];
        ck_assert_str_eq(t->name, want[i].name);
        ck_assert_int_eq(t->rows, want[i].rows);
        ck_assert_int_eq(t->cols, want[i].cols);
        ck_assert_int_eq(t->decays, want[i].decays);
        ck_assert_int_eq(t->vector, want[i].vector);
        ck_assert_int_eq(t->layer, want[i].layer);
    }
    check_layout(&layout);
    ck_assert_ptr_null(thm_vit_find(&layout, "blocks.1.norm1.weight"));
    thm_vit_layout_free(&layout);
    /* what is removed has no tensors */
    c.norm = c.qkv_bias = false;
    c.mlp_width = 0;
    c.pool = THM_VIT_MEAN;
    c.positions = THM_VIT_SINUSOIDAL;
    c.attention[0] = THM_VIT_SOFTMAX;
    c.input = THM_VIT_VOCABULARY;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    static const char *const left[] = {"token_embed.weight",
                                       "blocks.0.attn.qkv.weight",
                                       "blocks.0.attn.proj.weight",
                                       "blocks.0.attn.proj.bias",
                                       "head.weight",
                                       "head.bias"};
    ck_assert_int_eq(layout.count, 6);
    for (int i = 0; i < 6; i++) {
        ck_assert_str_eq(layout.tensors[i].name, left[i]);
    }
    ck_assert_int_eq(layout.tensors[0].rows, 16);
    check_layout(&layout);
    thm_vit_layout_free(&layout);
    c.depth = THM_VIT_LAYERS;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    ck_assert_ptr_nonnull(thm_vit_find(&layout, "blocks.23.attn.proj.weight"));
    thm_vit_layout_free(&layout);
    thm_vit_layout_free(NULL);
}
END_TEST

/* Mean, deviation and largest size of a tensor. */
static void moments(const thm_vit_layout *layout, const float *block,
                    const char *name, double *mean, double *sd, double *most)
{
    const thm_vit_tensor *t = thm_vit_find(layout, name);
    const int n = t->rows * t->cols;
    double sum = 0, square = 0;
    *most = 0;
    for (int i = 0; i < n; i++) {
        const double x = (double)block[t->offset + i];
        sum += x;
        square += x * x;
        *most = fmax(*most, fabs(x));
    }
    *mean = sum / n;
    *sd = sqrt(square / n - *mean * *mean);
}

/* n draws of deviation s: mean and deviation within 5 standard errors. */
static void check_normal(const thm_vit_layout *layout, const float *block,
                         const char *name, double s)
{
    double mean, sd, most;
    const thm_vit_tensor *t = thm_vit_find(layout, name);
    const double n = t->rows * (double)t->cols;
    moments(layout, block, name, &mean, &sd, &most);
    ck_assert_msg(fabs(mean) <= 5 * s / sqrt(n), "%s: mean %g", name, mean);
    ck_assert_msg(fabs(sd - s) <= 5 * s / sqrt(2 * n), "%s: sd %g", name, sd);
}

START_TEST(start_has_its_moments)
{
    /* moments of the documented distributions */
    thm_vit_config c = thm_vit_config_default();
    thm_vit_layout layout;
    double mean, sd, most;
    c.width = 64;
    c.attention[1] = THM_VIT_QK_NORM;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    float *block = calloc((size_t)layout.total, sizeof *block);
    ck_assert_ptr_nonnull(block);
    thm_vit_initialise(&c, &layout, 11, block);
    static const char *const normal[] = {
        "cls_token", "pos_embed", "blocks.0.attn.qkv.weight", "head.weight",
        "blocks.1.mlp.fc2.weight"};
    for (int i = 0; i < 5; i++) {
        check_normal(&layout, block, normal[i], 0.02);
    }
    moments(&layout, block, "patch_embed.proj.weight", &mean, &sd, &most);
    ck_assert(most <= 0.25 && most > 0.24);
    ck_assert(fabs(sd - 0.25 / sqrt(3)) < 0.005 && fabs(mean) < 0.03);
    moments(&layout, block, "patch_embed.proj.bias", &mean, &sd, &most);
    ck_assert(most <= 0.25 && most > 0.2);
    moments(&layout, block, "blocks.1.norm2.weight", &mean, &sd, &most);
    ck_assert(mean == 1 && sd == 0);
    moments(&layout, block, "blocks.1.norm2.bias", &mean, &sd, &most);
    ck_assert(most == 0);
    moments(&layout, block, "blocks.1.attn.gain", &mean, &sd, &most);
    ck_assert(mean == 4 && sd == 0);
    c.weight_std = 1.127; /* redrawn beyond 2: deviation of the truncated */
    thm_vit_initialise(&c, &layout, 11, block);
    moments(&layout, block, "blocks.0.attn.qkv.weight", &mean, &sd, &most);
    const double a = 2 / 1.127, tails = erfc(a / sqrt(2));
    const double variance =
        1 - 2 * a * exp(-a * a / 2) / sqrt(2 * acos(-1)) / (1 - tails);
    ck_assert(most <= 2 && most > 1.9);
    ck_assert(fabs(sd - 1.127 * sqrt(variance)) < 0.03);
    free(block);
    thm_vit_layout_free(&layout);
}
END_TEST

/* Oracle: moments of N(0, 1) and of the uniform distribution on +-1 /
 * sqrt(inputs), the inputs of a layer being also its bias'. */
START_TEST(start_of_pytorch_has_its_moments)
{
    static const struct {
        const char *name;
        double inputs;
    } uniform[] = {{"blocks.0.attn.qkv.weight", 64},
                   {"blocks.0.attn.qkv.bias", 64},
                   {"blocks.1.attn.proj.bias", 32},
                   {"blocks.1.mlp.fc1.weight", 64},
                   {"blocks.0.mlp.fc2.weight", 96},
                   {"blocks.0.mlp.fc2.bias", 96},
                   {"head.weight", 64}};
    thm_vit_config c = thm_vit_config_default();
    thm_vit_layout layout;
    double mean, sd, most;
    c.width = 64;
    c.mlp_width = 96;
    c.input = THM_VIT_VOCABULARY;
    c.qkv_bias = true;
    c.begin = THM_VIT_AS_PYTORCH;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    float *block = calloc((size_t)layout.total, sizeof *block);
    ck_assert_ptr_nonnull(block);
    thm_vit_initialise(&c, &layout, 11, block);
    check_normal(&layout, block, "cls_token", 1);
    check_normal(&layout, block, "pos_embed", 1);
    check_normal(&layout, block, "token_embed.weight", 1);
    moments(&layout, block, "pos_embed", &mean, &sd, &most);
    ck_assert(most > 2); /* not truncated */
    for (size_t i = 0; i < sizeof uniform / sizeof *uniform; i++) {
        const thm_vit_tensor *t = thm_vit_find(&layout, uniform[i].name);
        const double n = t->rows * (double)t->cols;
        const double reach = 1 / sqrt(uniform[i].inputs);
        moments(&layout, block, uniform[i].name, &mean, &sd, &most);
        ck_assert(most <= reach * (1 + 0x1p-23));
        /* the largest of n: below 1 - 28 / n with chance e^-28 */
        ck_assert(most > reach * (1 - 28 / n));
        ck_assert(fabs(mean) <= 5 * reach / sqrt(3 * n));
    }
    moments(&layout, block, "blocks.1.norm2.weight", &mean, &sd, &most);
    ck_assert(mean == 1 && sd == 0);
    free(block);
    thm_vit_layout_free(&layout);
    c.begin = (thm_vit_begin)2;
    ck_assert_int_eq(thm_vit_config_check(&c, NULL), THM_EDOMAIN);
}
END_TEST

START_TEST(start_depends_on_seed_and_name_alone)
{
    /* identity: tensors that two configurations share begin alike */
    thm_vit_config c = thm_vit_config_default(), other = c;
    thm_vit_layout layout, others;
    other.qkv_bias = true;
    other.depth = 3;
    other.attention[0] = THM_VIT_QK_NORM;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    ck_assert_int_eq(thm_vit_layout_alloc(&other, &others), THM_OK);
    float *a = calloc((size_t)layout.total, sizeof *a);
    float *b = calloc((size_t)layout.total, sizeof *b);
    float *d = calloc((size_t)others.total, sizeof *d);
    ck_assert(a != NULL && b != NULL && d != NULL);
    const size_t bytes = (size_t)layout.total * sizeof *a;
    thm_vit_initialise(&c, &layout, 1, a);
    thm_vit_initialise(&c, &layout, 1, b);
    ck_assert(memcmp(a, b, bytes) == 0);
    thm_vit_initialise(&other, &others, 1, d);
    for (int i = 0; i < layout.count; i++) {
        const thm_vit_tensor *t = &layout.tensors[i];
        const thm_vit_tensor *same = thm_vit_find(&others, t->name);
        ck_assert_ptr_nonnull(same);
        ck_assert(memcmp(a + t->offset, d + same->offset,
                         (size_t)t->rows * (size_t)t->cols * sizeof *a) == 0);
    }
    thm_vit_initialise(&c, &layout, 2, b);
    for (int i = 0; i < layout.count; i++) {
        const thm_vit_tensor *t = &layout.tensors[i];
        const bool drawn =
            t->start == THM_VIT_NORMAL || t->start == THM_VIT_LAYER;
        ck_assert_int_eq(a[t->offset] != b[t->offset], drawn);
    }
    /* two tensors of one shape differ */
    const int64_t first =
        thm_vit_find(&layout, "blocks.0.mlp.fc1.weight")->offset;
    const int64_t second =
        thm_vit_find(&layout, "blocks.1.mlp.fc1.weight")->offset;
    ck_assert(a[first] != a[second]);
    free(a);
    free(b);
    free(d);
    thm_vit_layout_free(&layout);
    thm_vit_layout_free(&others);
}
END_TEST

static void refused(thm_vit_config c, thm_status want, const char *text)
{
    thm_message msg = {""};
    thm_vit_layout layout = {.count = -1};
    ck_assert_int_eq(thm_vit_config_check(&c, &msg), want);
    ck_assert_msg(strstr(msg.text, text) != NULL, "found: %s", msg.text);
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), want);
    ck_assert_int_eq(layout.count, -1);
}

START_TEST(bad_configurations)
{
    /* documented errors, each naming its member */
    thm_vit_config c = thm_vit_config_default();
    ck_assert_int_eq(thm_vit_config_check(&c, NULL), THM_OK);
    const struct {
        int *member;
        const char *text;
    } sizes[] = {{&c.tokens, "tokens: expected 1"},
                 {&c.features, "features: expected 1"},
                 {&c.width, "width: expected 1"},
                 {&c.depth, "depth: expected 1 to 24"},
                 {&c.heads, "heads: expected 1"},
                 {&c.head_width, "head_width: expected 1"},
                 {&c.outputs, "outputs: expected 1"}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int kept = *sizes[i].member;
        *sizes[i].member = 0;
        refused(c, THM_EDIM, sizes[i].text);
        *sizes[i].member = -5;
        refused(c, THM_EDIM, sizes[i].text);
        *sizes[i].member = kept;
    }
    c.mlp_width = -1;
    refused(c, THM_EDIM, "mlp_width: expected 0");
    c.mlp_width = 0;
    c.depth = THM_VIT_LAYERS + 1;
    refused(c, THM_EDIM, "found 25");
    c.depth = 2;
    c.tokens = INT_MAX;
    refused(c, THM_EDIM, "tokens");
    c.tokens = 4;
    c.input = (thm_vit_input)2;
    refused(c, THM_EDOMAIN, "input: expected 0 to 1, found 2");
    c.input = THM_VIT_VECTORS;
    c.pool = (thm_vit_pool)-1;
    refused(c, THM_EDOMAIN, "pool");
    c.pool = THM_VIT_CLS;
    c.positions = (thm_vit_positions)3;
    refused(c, THM_EDOMAIN, "positions");
    c.positions = THM_VIT_LEARNED;
    c.attention[1] = (thm_vit_attention)9;
    refused(c, THM_EDOMAIN, "attention[1]: expected 0 to 8, found 9");
    c.attention[1] = THM_VIT_LINEAR;
    c.attention[2] = (thm_vit_attention)9; /* beyond the depth */
    ck_assert_int_eq(thm_vit_config_check(&c, NULL), THM_OK);
    c.causal = true;
    refused(c, THM_EDOMAIN, "causal");
    c.causal = false;
    c.weight_std = NAN;
    refused(c, THM_EDOMAIN, "weight_std");
    c.weight_std = -1;
    refused(c, THM_EDOMAIN, "weight_std");
    c.weight_std = 0;
    thm_vit_layout layout;
    c.heads = c.head_width = 1 << 16;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_EOVERFLOW);
    c.heads = 1 << 10;
    c.width = INT_MAX;
    c.mlp_width = INT_MAX;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_EOVERFLOW);
}
END_TEST

/* Oracle: the published model, of which the default is a small relative; w^2 D,
 * the deviation of scaled logits behind a norm, stays. */
START_TEST(another_width_keeps_the_proportions)
{
    thm_vit_config c = thm_vit_config_default();
    c.weight_std = 0.32 / sqrt(32);
    thm_vit_config_resize(&c, 256, 4);
    ck_assert_int_eq(c.width, 256);
    ck_assert_int_eq(c.heads, 4);
    ck_assert_int_eq(c.head_width, 64);
    ck_assert_int_eq(c.mlp_width, 512);
    ck_assert_double_eq_tol(c.weight_std, 0.02, 1e-16);
    c.weight_std = 0;
    thm_vit_config_resize(&c, 64, 4);
    ck_assert_double_eq_tol(c.weight_std, 0.04, 1e-16);
    thm_vit_config_resize(&c, 1, 3);
    ck_assert_int_eq(c.head_width, 1);
    ck_assert_int_eq(c.mlp_width, 2);
    c.mlp_width = 0;
    thm_vit_config_resize(&c, 8, 1);
    ck_assert_int_eq(c.mlp_width, 0);
    ck_assert_int_eq(c.head_width, 24);
    ck_assert_int_eq(thm_vit_config_check(&c, NULL), THM_OK);
}
END_TEST

START_TEST(texts_of_attention)
{
    /* by hand */
    ck_assert_str_eq(thm_vit_attention_text(THM_VIT_NORMSOFTMAX_VAR),
                     "normsoftmax-var");
    ck_assert_str_eq(thm_vit_attention_text(THM_VIT_QK_NORM), "qk-norm");
    ck_assert_str_eq(thm_vit_attention_text((thm_vit_attention)9),
                     "unknown attention");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_config");
    TCase *t = tcase_create("config");
    tcase_add_test(t, published_model_has_its_parameters);
    tcase_add_test(t, tensors_bear_their_names);
    tcase_add_test(t, start_has_its_moments);
    tcase_add_test(t, start_of_pytorch_has_its_moments);
    tcase_add_test(t, start_depends_on_seed_and_name_alone);
    tcase_add_test(t, bad_configurations);
    tcase_add_test(t, another_width_keeps_the_proportions);
    tcase_add_test(t, texts_of_attention);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
