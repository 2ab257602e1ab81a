/* Oracles: the double build for the float build, whose gradients the suite
 * vit_gradient checks; identities (parts of a batch add up); documented errors.
 */
#include "tests/scratch.h"
#include "tests/vit_case.h"

static double run32(vit_case *v, thm_vit_score *score)
{
    thm_message msg = {""};
    memset(v->gradient32, 0, (size_t)v->layout.total * sizeof(float));
    const thm_status status =
        thm_vit32_run(v->work32, v->params32, &v->batch, &v->loss,
                      v->gradient32, score, &msg);
    ck_assert_msg(status == THM_OK, "%s", msg.text);
    return score->loss;
}

START_TEST(float_agrees_with_double)
{
    /* second route: the same source in double */
    thm_vit_config c = thm_vit_config_default();
    c.attention[0] = c.attention[1] = (thm_vit_attention)_i;
    c.weight_std = 0.32 / sqrt(32);
    vit_case v;
    vit_draw(&c, 9, 3, 0.01, &v);
    thm_vit_score score;
    const double loss = vit_loss_of(&v, true);
    /* some 40 operations deep in sums of 64 terms: errors of 100 eps */
    const double bound = 100 * 0x1p-23;
    ck_assert_double_le(fabs(run32(&v, &score) - loss), bound * loss);
    ck_assert_int_eq(score.labelled, 6);
    for (int i = 0; i < v.layout.count; i++) {
        const thm_vit_tensor *t = &v.layout.tensors[i];
        const size_t n = (size_t)t->rows * (size_t)t->cols;
        const double *want = v.gradient + t->offset;
        double *gap = vit_room(n, sizeof *gap);
        for (size_t j = 0; j < n; j++) {
            gap[j] = (double)v.gradient32[t->offset + (int64_t)j] - want[j];
        }
        const double size = vit_norm(n, want), error = vit_norm(n, gap);
        ck_assert_msg(error <= bound * size, "%s: |g| = %g, error %g", t->name,
                      size, error);
        free(gap);
    }
    vit_drop(&v);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_model");
    TCase *t = tcase_create("float");
    tcase_add_loop_test(t, float_agrees_with_double, 0, THM_VIT_QK_NORM + 1);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
