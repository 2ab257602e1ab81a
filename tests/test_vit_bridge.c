/* Oracle: the single-layer model, attn/layer.h, which shares no code with the
 * transformer. */
#include "attn/layer.h"
#include "tests/scratch.h"
#include "tests/vit_case.h"

START_TEST(one_layer_is_the_single_layer_model)
{
    /* second route: attn/layer.h; with no norm, MLP, residual and embedding,
     * out = sum_h A_h X Wv_h (proj_h' head') */
    enum { N = 3, n = 4, D = 5, d = 2, H = 3, m = 2, Hd = H * d };
    static const thm_vit_attention kinds[] = {THM_VIT_SOFTMAX, THM_VIT_GAUSSIAN,
                                              THM_VIT_GAUSSIAN_NORMALISED};
    static const thm_kernel kernels[] = {THM_KERNEL_SOFTMAX,
                                         THM_KERNEL_GAUSSIAN,
                                         THM_KERNEL_GAUSSIAN_NORMALISED};
    thm_vit_config c = thm_vit_config_default();
    c.tokens = n;
    c.features = c.width = D;
    c.depth = 1;
    c.heads = H;
    c.head_width = d;
    c.mlp_width = 0;
    c.outputs = m;
    c.pool = THM_VIT_PER_TOKEN;
    c.positions = THM_VIT_NO_POSITIONS;
    c.norm = c.residual = false;
    c.attention[0] = kinds[_i];
    vit_case v;
    vit_draw(&c, N, 41, 0.7, &v);
    v.batch.labels = NULL;
    v.batch.targets = v.targets;
    v.loss.weight = 1;
    double X[N * n * D], Y[N * n * m], Wo[H * d * m] = {0};
    double W[3][H * D * d], dW[3][H * D * d], f;
    for (int i = 0; i < N * n * m; i++) {
        v.targets[i] = (float)(0.3 * i - 0.011 * i * i);
        Y[i] = (double)v.targets[i];
    }
    for (int i = 0; i < N * n * D; i++) {
        X[i] = (double)v.x[i];
    }
    double *p = v.params;
    const thm_vit_layout *all = &v.layout;
    double *embed = p + thm_vit_find(all, "patch_embed.proj.weight")->offset;
    double *shift = p + thm_vit_find(all, "patch_embed.proj.bias")->offset;
    double *proj = p + thm_vit_find(all, "blocks.0.attn.proj.weight")->offset;
    double *bias = p + thm_vit_find(all, "blocks.0.attn.proj.bias")->offset;
    double *head = p + thm_vit_find(all, "head.weight")->offset;
    double *last = p + thm_vit_find(all, "head.bias")->offset;
    const int64_t at = thm_vit_find(all, "blocks.0.attn.qkv.weight")->offset;
    for (int i = 0; i < D; i++) {
        shift[i] = bias[i] = 0;
        for (int j = 0; j < D; j++) {
            embed[i * D + j] = i == j;
        }
    }
    for (int j = 0; j < m; j++) {
        last[j] = 0;
        for (int a = 0; a < Hd; a++) {
            for (int i = 0; i < D; i++) {
                Wo[a * m + j] += head[j * D + i] * proj[i * Hd + a];
            }
        }
    }
    for (int w = 0; w < 3; w++) {
        for (int a = 0; a < Hd; a++) {
            for (int i = 0; i < D; i++) {
                W[w][(a / d * D + i) * d + a % d] =
                    p[at + (w * Hd + a) * D + i];
            }
        }
    }
    const thm_layer layer = {N, n, D, d, H, m, kernels[_i], thm_kernel_scale(d),
                             X, Y, Wo};
    const thm_weights weights = {W[0], W[1], W[2]};
    thm_layer_work *work;
    ck_assert_int_eq(thm_layer_work_alloc(&layer, &work), THM_OK);
    ck_assert_int_eq(
        thm_layer_gradient(&layer, &weights, work, &f, dW[0], dW[1], dW[2]),
        THM_OK);
    const double loss = vit_loss_of(&v, true);
    ck_assert_double_le(fabs(loss - f), 1e-12 * f);
    for (int w = 0; w < 3; w++) {
        double gap[H * D * d];
        for (int a = 0; a < Hd; a++) {
            for (int i = 0; i < D; i++) {
                const int k = (a / d * D + i) * d + a % d;
                gap[k] = dW[w][k] - v.gradient[at + (w * Hd + a) * D + i];
            }
        }
        const double size = vit_norm(H * D * d, dW[w]);
        ck_assert_double_gt(size, 0.1);
        ck_assert_double_le(vit_norm(H * D * d, gap), 1e-12 * size);
    }
    thm_layer_work_free(work);
    vit_drop(&v);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_bridge");
    TCase *t = tcase_create("bridge");
    tcase_add_loop_test(t, one_layer_is_the_single_layer_model, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
