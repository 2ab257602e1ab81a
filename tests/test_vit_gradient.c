/* Oracle: central differences of the loss in double, extrapolated twice
 * (Richardson), for every parameter tensor of every variant. */
#include "tests/scratch.h"
#include "tests/vit_case.h"

/* A tensor's gradient below 1e-3 is compared absolutely: differences of a loss
 * near 1 carry 10 u / h, 1e-12 or so, whatever the gradient. */
static const double RELATIVE = 1e-7, ABSOLUTE = 1e-10;

static double central(vit_case *v, double *x, double h)
{
    const double kept = *x;
    *x = kept + h;
    const double above = vit_loss_of(v, false);
    *x = kept - h;
    const double below = vit_loss_of(v, false);
    *x = kept;
    return (above - below) / (2 * h);
}

/* Differences with steps h, h / 2, h / 4 leave c h^6 after two extrapolations,
 * rounding 10 u f / h: of three steps that is taken whose last extrapolation
 * changed least, which bounds both. */
static double extrapolated(vit_case *v, double *x)
{
    static const double steps[] = {0x1p-6, 0x1p-8, 0x1p-10};
    double best = NAN, least = HUGE_VAL;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const double h = steps[i];
        const double a = central(v, x, h), b = central(v, x, h / 2),
                     c = central(v, x, h / 4);
        const double ab = (4 * b - a) / 3, bc = (4 * c - b) / 3;
        if (fabs(bc - ab) < least) {
            least = fabs(bc - ab);
            best = (16 * bc - ab) / 15;
        }
    }
    return best;
}

static void check_case(vit_case *v, const char *what)
{
    vit_loss_of(v, true);
    for (int i = 0; i < v->layout.count; i++) {
        const thm_vit_tensor *t = &v->layout.tensors[i];
        const size_t n = (size_t)t->rows * (size_t)t->cols;
        const double *g = v->gradient + t->offset;
        double *want = vit_room(n, sizeof *want);
        double *gap = vit_room(n, sizeof *gap);
        for (size_t j = 0; j < n; j++) {
            want[j] = extrapolated(v, v->params + t->offset + j);
            gap[j] = g[j] - want[j];
        }
        const double size = vit_norm(n, want), error = vit_norm(n, gap);
        ck_assert_msg(error <= RELATIVE * size || error <= ABSOLUTE,
                      "%s, %s: |g| = %g, error %g", what, t->name, size, error);
        free(want);
        free(gap);
    }
}

static void check_config(const thm_vit_config *config, int count,
                         const char *what)
{
    vit_case v;
    vit_draw(config, count, 17, 0.25, &v);
    check_case(&v, what);
    vit_drop(&v);
}

/* The norm of the gradient by W_Q, W_K or W_V (0, 1, 2) of layer 0. */
static double part_of(const vit_case *v, int part)
{
    const thm_vit_tensor *t =
        thm_vit_find(&v->layout, "blocks.0.attn.qkv.weight");
    const size_t size = (size_t)t->rows / 3 * (size_t)t->cols;
    return vit_norm(size, v->gradient + t->offset + (size_t)part * size);
}

START_TEST(attention_variants)
{
    const thm_vit_attention kind = (thm_vit_attention)_i;
    const char *what = thm_vit_attention_text(kind);
    thm_vit_config c = vit_small();
    vit_case v;
    c.attention[0] = kind;
    vit_draw(&c, 3, 17, 0.25, &v);
    check_case(&v, what);
    for (int part = 0; part < 3; part++) {
        if (kind == THM_VIT_UNIFORM && part < 2) {
            ck_assert(part_of(&v, part) == 0);
        } else {
            ck_assert_double_gt(part_of(&v, part), 1e6 * ABSOLUTE);
        }
    }
    vit_drop(&v);
}
END_TEST

START_TEST(attention_variants_causal)
{
    const thm_vit_attention kind = (thm_vit_attention)_i;
    thm_vit_config c = vit_small();
    c.attention[0] = c.attention[1] = kind;
    c.heads = 3;
    c.head_width = 2;
    c.depth = 2;
    c.pool = THM_VIT_PER_TOKEN;
    c.causal = true;
    check_config(&c, 1, thm_vit_attention_text(kind));
}
END_TEST

START_TEST(attention_variants_of_one_token)
{
    const thm_vit_attention kind = (thm_vit_attention)_i;
    thm_vit_config c = vit_small();
    c.attention[0] = kind;
    c.tokens = 1;
    c.heads = 3;
    c.head_width = 1;
    c.pool = THM_VIT_MEAN;
    check_config(&c, 1, thm_vit_attention_text(kind));
}
END_TEST

/* tau = 0.3 is below the spread of all rows, tau = 1.3 between them. */
START_TEST(norm_softmax_on_both_sides_of_tau)
{
    thm_vit_config c = vit_small();
    c.attention[0] =
        _i % 2 == 0 ? THM_VIT_NORMSOFTMAX_STD : THM_VIT_NORMSOFTMAX_VAR;
    c.heads = 3;
    vit_case v;
    vit_draw(&c, 3, 29, 0.35, &v);
    v.loss.scale[0] = _i < 2 ? 1 / 0.3 : 1 / 1.3;
    check_case(&v, "norm softmax");
    thm_vit_score score;
    thm_vit_view view;
    ck_assert_int_eq(thm_vit32_run(v.work32, v.params32, &v.batch, &v.loss,
                                   NULL, &score, NULL),
                     THM_OK);
    int below = 0, above = 0;
    const int T = thm_vit_length(&c), rows = c.heads * T;
    for (int s = 0; s < 3; s++) {
        thm_vit32_look(v.work32, 0, s, &view);
        for (int r = 0; r < rows; r++) {
            double sum = 0, square = 0;
            for (int j = 0; j < T; j++) {
                const double x = (double)view.scores[r * T + j];
                sum += x;
                square += x * x;
            }
            const double gap = square - sum * sum / T;
            const double spread = _i % 2 == 0 ? sqrt(gap / (T - 1)) : gap / T;
            below += spread < 1 / v.loss.scale[0];
            above += spread > 1 / v.loss.scale[0];
        }
    }
    ck_assert_int_gt(above, 0);
    if (_i >= 2) {
        ck_assert_int_gt(below, 0);
    }
    vit_drop(&v);
}
END_TEST

START_TEST(parts_of_the_model)
{
    thm_vit_config c = vit_small();
    c.pool = THM_VIT_PER_TOKEN;
    check_config(&c, 2, "per token");
    c.pool = THM_VIT_MEAN;
    check_config(&c, 2, "mean");
    c.norm = false;
    check_config(&c, 2, "mean without norms");
    c.residual = false;
    check_config(&c, 2, "mean without norms and residuals");
    c.mlp_width = 0;
    check_config(&c, 2, "mean without norms, residuals and MLP");
    c.norm = true;
    c.pool = THM_VIT_CLS;
    check_config(&c, 2, "without residuals and MLP");
    c.residual = true;
    c.depth = 2;
    check_config(&c, 2, "two layers without MLP");
    c.norm = false;
    c.mlp_width = 3;
    check_config(&c, 2, "two layers without norms");
    c.norm = true;
    c.qkv_bias = true;
    c.attention[1] = THM_VIT_SIGMOID;
    check_config(&c, 2, "bias of q, k, v; a variant per layer");
}
END_TEST

START_TEST(inputs_and_positions)
{
    thm_vit_config c = vit_small();
    c.positions = THM_VIT_SINUSOIDAL;
    check_config(&c, 2, "sinusoidal positions");
    c.positions = THM_VIT_NO_POSITIONS;
    check_config(&c, 2, "no positions");
    c.input = THM_VIT_VOCABULARY;
    c.features = 5;
    check_config(&c, 3, "vocabulary, a word more than once");
    c.positions = THM_VIT_LEARNED;
    c.pool = THM_VIT_PER_TOKEN;
    c.causal = true;
    check_config(&c, 2, "causal vocabulary");
}
END_TEST

START_TEST(odd_sizes)
{
    thm_vit_config c = vit_small();
    c.width = 17;
    c.head_width = 9;
    c.heads = 1;
    c.mlp_width = 19;
    c.tokens = 8;
    c.features = 1;
    c.outputs = 1;
    check_config(&c, 1, "one output");
    c.outputs = 11;
    c.tokens = 2;
    c.width = 1;
    check_config(&c, 5, "width 1");
}
END_TEST

static const float weights[12] = {0.25F, 2.5F, 0,     1.125F, -0.5F, 1,
                                  3,     0.5F, 2.25F, 1,      0.75F, 4};

START_TEST(losses)
{
    thm_vit_config c = vit_small();
    vit_case v;
    c.pool = _i == 0 ? THM_VIT_CLS : THM_VIT_PER_TOKEN;
    vit_draw(&c, 4, 5, 0.25, &v);
    v.loss.smoothing = 0;
    check_case(&v, "no smoothing");
    v.loss.smoothing = 1;
    check_case(&v, "all smoothing");
    v.batch.weights = weights;
    v.loss.smoothing = 0.1;
    check_case(&v, "weights");
    v.batch.labels = NULL;
    v.batch.targets = v.targets;
    check_case(&v, "squared");
    vit_drop(&v);
}
END_TEST

/* Identity: a weighted loss is the sum of its labels' losses, each times its
 * weight; four samples of three tokens. */
START_TEST(weights_multiply_losses)
{
    thm_vit_config c = vit_small();
    vit_case v;
    double sum = 0, size = 0;
    int32_t kept[12];
    c.pool = THM_VIT_PER_TOKEN;
    vit_draw(&c, 4, 5, 0.25, &v);
    memcpy(kept, v.labels, sizeof kept);
    for (int i = 0; i < 12; i++) {
        for (int k = 0; k < 12; k++) {
            v.labels[k] = k == i ? kept[k] : -1;
        }
        const double part = (double)weights[i] * vit_loss_of(&v, false);
        sum += part;
        size += fabs(part);
    }
    memcpy(v.labels, kept, sizeof kept);
    v.batch.weights = weights;
    ck_assert_double_eq_tol(vit_loss_of(&v, false), sum, 24 * 0x1p-53 * size);
    vit_drop(&v);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_gradient");
    TCase *t = tcase_create("differences");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(s, slow);
    tcase_set_timeout(t, 240);
    tcase_add_loop_test(t, attention_variants, 0, THM_VIT_QK_NORM + 1);
    tcase_add_loop_test(slow, attention_variants_causal, 0,
                        THM_VIT_QK_NORM + 1);
    tcase_add_loop_test(t, attention_variants_of_one_token, 0,
                        THM_VIT_QK_NORM + 1);
    tcase_add_loop_test(slow, norm_softmax_on_both_sides_of_tau, 0, 4);
    tcase_add_test(slow, parts_of_the_model);
    tcase_add_test(t, inputs_and_positions);
    tcase_add_test(slow, odd_sizes);
    tcase_add_loop_test(t, losses, 0, 2);
    tcase_add_test(t, weights_multiply_losses);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
