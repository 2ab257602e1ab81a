/* Oracle: the documented errors of vit/model.h and their messages. */
#include "tests/scratch.h"
#include "tests/vit_case.h"

static void expect(vit_case *v, thm_status want, const char *text)
{
    thm_vit_score score = {.loss = 7, .labelled = -2};
    thm_message msg = {""};
    ck_assert_int_eq(thm_vit32_run(v->work32, v->params32, &v->batch, &v->loss,
                                   v->gradient32, &score, &msg),
                     want);
    ck_assert_msg(strcmp(msg.text, text) == 0, "found: %s", msg.text);
    ck_assert(score.loss == 7 && score.labelled == -2);
}

START_TEST(bad_batches)
{
    /* documented errors */
    thm_vit_config c = vit_small();
    vit_case v;
    vit_draw(&c, 2, 6, 0.25, &v);
    v.batch.count = 0;
    expect(&v, THM_EDIM, "samples: expected 1 to 2, found 0");
    v.batch.count = 3;
    expect(&v, THM_EDIM, "samples: expected 1 to 2, found 3");
    v.batch.count = 2;
    v.batch.x = NULL;
    expect(&v, THM_EDOMAIN, "batch: expected vectors, found none");
    v.batch.x = v.x;
    v.labels[1] = 3;
    expect(&v, THM_EDOMAIN, "label 1: expected -1 to 2, found 3");
    v.labels[1] = -2;
    expect(&v, THM_EDOMAIN, "label 1: expected -1 to 2, found -2");
    v.labels[1] = 0;
    const float weights[2] = {1, NAN};
    v.batch.weights = weights;
    expect(&v, THM_EDOMAIN, "weight 1: expected a number, found nan");
    v.batch.weights = NULL;
    v.loss.smoothing = 1.5;
    expect(&v, THM_EDOMAIN, "smoothing: expected 0 to 1, found 1.5");
    v.loss.smoothing = NAN;
    expect(&v, THM_EDOMAIN, "smoothing: expected 0 to 1, found nan");
    v.loss.smoothing = 0;
    v.loss.weight = INFINITY;
    expect(&v, THM_EDOMAIN, "weight of the loss: expected a number, found inf");
    v.loss.weight = 1;
    v.loss.scale[0] = -1;
    expect(&v, THM_EDOMAIN, "scale[0]: expected 0 or more, found -1");
    v.loss.scale[0] = NAN;
    expect(&v, THM_EDOMAIN, "scale[0]: expected 0 or more, found nan");
    vit_drop(&v);
    c.input = THM_VIT_VOCABULARY;
    vit_draw(&c, 2, 6, 0.25, &v);
    v.ids[4] = 3;
    expect(&v, THM_EDOMAIN, "id 4: expected 0 to 2, found 3");
    v.ids[4] = -1;
    expect(&v, THM_EDOMAIN, "id 4: expected 0 to 2, found -1");
    v.batch.ids = NULL;
    expect(&v, THM_EDOMAIN, "batch: expected ids, found none");
    vit_drop(&v);
    thm_vit32 *work = NULL;
    ck_assert_int_eq(thm_vit32_alloc(&c, 0, &work), THM_EDIM);
    c.depth = 0;
    ck_assert_int_eq(thm_vit32_alloc(&c, 1, &work), THM_EDIM);
    c.depth = 1;
    ck_assert_int_eq(thm_vit32_alloc(&c, 0x7fffffff, &work), THM_EOVERFLOW);
    c.pool = THM_VIT_MEAN;
    c.tokens = 1 << 30;
    c.heads = 1;
    ck_assert_int_eq(thm_vit32_alloc(&c, 1, &work), THM_EOVERFLOW);
    c.pool = (thm_vit_pool)7;
    ck_assert_int_eq(thm_vit64_alloc(&c, 1, (thm_vit64 **)&work), THM_EDOMAIN);
    ck_assert_ptr_null(work);
    thm_vit32_free(NULL);
    thm_vit64_free(NULL);
}
END_TEST

START_TEST(what_is_not_finite_is_named)
{
    /* documented errors: the place where it was first seen */
    static const struct {
        const char *tensor, *text;
    } cases[] = {{"pos_embed", "the embedding is not finite"},
                 {"patch_embed.proj.weight", "the embedding is not finite"},
                 {"blocks.0.norm1.weight", "blocks.0.attn is not finite"},
                 {"blocks.1.attn.qkv.weight", "blocks.1.attn is not finite"},
                 {"blocks.1.attn.proj.bias", "blocks.1.attn is not finite"},
                 {"blocks.0.mlp.fc1.weight", "blocks.0.mlp is not finite"},
                 {"blocks.1.norm2.bias", "blocks.1.mlp is not finite"},
                 {"norm.weight", "the head is not finite"},
                 {"head.weight", "the head is not finite"}};
    thm_vit_config c = vit_small();
    c.depth = 2;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vit_case v;
        vit_draw(&c, 2, 6, 0.25, &v);
        const thm_vit_tensor *t = thm_vit_find(&v.layout, cases[i].tensor);
        v.params32[t->offset] = i % 2 == 0 ? NAN : INFINITY;
        expect(&v, THM_EDOMAIN, cases[i].text);
        vit_drop(&v);
    }
    /* equal tokens: NormSoftmax has no derivative */
    c.depth = 1;
    c.tokens = 4;
    c.pool = THM_VIT_MEAN;
    c.positions = THM_VIT_NO_POSITIONS;
    c.attention[0] = THM_VIT_NORMSOFTMAX_STD;
    vit_case v;
    vit_draw(&c, 1, 6, 0.25, &v);
    for (int j = 0; j < 12; j++) {
        v.x[j] = v.x[j % 3];
    }
    expect(&v, THM_EDOMAIN,
           "the gradient of blocks.0.attn.qkv.weight is not finite");
    /* a finite output whose loss is not */
    v.batch.labels = NULL;
    v.batch.targets = v.targets;
    v.targets[1] = 3e38f;
    v.loss.weight = 1e300;
    expect(&v, THM_EDOMAIN, "the loss is not finite");
    vit_drop(&v);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_edges");
    TCase *t = tcase_create("edges");
    tcase_add_test(t, bad_batches);
    tcase_add_test(t, what_is_not_finite_is_named);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
