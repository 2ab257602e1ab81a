/* Oracles: the double build (whose gradients the suite vit_gradient checks) for
 * the float one; identities (parts of a batch add up, views fit together);
 * losses by formula. */
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

START_TEST(parts_add_up)
{
    /* identity: 7 samples are 3 and 4; sums in another order, errors of some
     * 100 u */
    thm_vit_config c = vit_small();
    c.attention[0] = THM_VIT_NORMSOFTMAX_STD;
    vit_case v;
    vit_draw(&c, 7, 5, 0.25, &v);
    const size_t total = (size_t)v.layout.total;
    const size_t sample = (size_t)c.tokens * (size_t)c.features;
    double *whole = vit_room(total, sizeof *whole);
    thm_vit_score all, first, second;
    ck_assert_int_eq(
        thm_vit64_run(v.work, v.params, &v.batch, &v.loss, whole, &all, NULL),
        THM_OK);
    thm_vit_batch part = v.batch;
    part.count = 3;
    ck_assert_int_eq(thm_vit64_run(v.work, v.params, &part, &v.loss, v.gradient,
                                   &first, NULL),
                     THM_OK);
    part.count = 4;
    part.x += 3 * sample;
    part.labels += 3;
    ck_assert_int_eq(thm_vit64_run(v.work, v.params, &part, &v.loss, v.gradient,
                                   &second, NULL),
                     THM_OK);
    ck_assert_double_le(fabs(first.loss + second.loss - all.loss),
                        1e-14 * all.loss);
    ck_assert_double_le(
        fabs(first.plain_loss + second.plain_loss - all.plain_loss),
        1e-14 * all.plain_loss);
    ck_assert_int_eq(first.labelled + second.labelled, all.labelled);
    ck_assert_int_eq(first.right + second.right, all.right);
    ck_assert_int_eq(thm_vit_labelled(&c, &v.batch), all.labelled);
    const double size = vit_norm(total, whole);
    for (size_t i = 0; i < total; i++) {
        whole[i] -= v.gradient[i];
    }
    ck_assert_double_le(vit_norm(total, whole), 1e-13 * size);
    free(whole);
    vit_drop(&v);
}
END_TEST

START_TEST(bits_do_not_depend_on_what_ran_before)
{
    /* identity */
    for (int kind = THM_VIT_SOFTMAX; kind <= THM_VIT_QK_NORM; kind++) {
        thm_vit_config c = thm_vit_config_default();
        c.attention[0] = c.attention[1] = (thm_vit_attention)kind;
        vit_case v;
        vit_draw(&c, 5, 8, 0.1, &v);
        const size_t bytes = (size_t)v.layout.total * sizeof(float);
        float *kept = vit_room(bytes, 1);
        thm_vit_score first, again;
        run32(&v, &first);
        memcpy(kept, v.gradient32, bytes);
        thm_vit_batch other = v.batch;
        other.count = 2;
        other.x += 7;
        v.loss.scale[0] = 2;
        thm_vit32_run(v.work32, v.params32, &other, &v.loss, v.gradient32,
                      &again, NULL);
        v.loss.scale[0] = v.loss.scale[1];
        run32(&v, &again);
        ck_assert(memcmp(kept, v.gradient32, bytes) == 0);
        ck_assert(memcmp(&first, &again, sizeof first) == 0);
        free(kept);
        vit_drop(&v);
    }
}
END_TEST

START_TEST(views_fit_together)
{
    /* identities: rows of A, q.k, what the gradient by W_Q is made of */
    thm_vit_config c = thm_vit_config_default();
    enum { COUNT = 3, T = 17, D = 32, H = 2, d = 16 };
    vit_case v;
    vit_draw(&c, COUNT, 4, 0.1, &v);
    thm_vit_score score;
    run32(&v, &score);
    double *sum = vit_room(3 * D * D, sizeof *sum);
    float dq[H * T * d], dk[H * T * d], dv[H * T * d], ones[T * H * d];
    for (int i = 0; i < T * H * d; i++) {
        ones[i] = 1;
    }
    for (int l = 0; l < 2; l++) {
        memset(sum, 0, 3 * D * D * sizeof *sum);
        for (int s = 0; s < COUNT; s++) {
            thm_vit_view view, next;
            thm_vit32_look(v.work32, l, s, &view);
            if (l == 0) {
                thm_vit32_look(v.work32, 1, s, &next);
                ck_assert_ptr_eq(view.output, next.input);
            }
            for (int r = 0; r < H * T; r++) {
                double row = 0, product = 0;
                for (int j = 0; j < T; j++) {
                    row += (double)view.attention[r * T + j];
                }
                ck_assert_double_le(fabs(row - 1), T * 0x1p-23);
                const float *k = view.k + r / T * T * d + 5 * d;
                for (int j = 0; j < d; j++) {
                    product += (double)view.q[r * d + j] * (double)k[j];
                }
                ck_assert_double_le(
                    fabs(product - (double)view.scores[r * T + 5]), 1e-5);
            }
            const float *const g[] = {view.gradient_q, view.gradient_k,
                                      view.gradient_v};
            for (int a = 0; a < 3 * D; a++) {
                for (int t = 0; t < T; t++) {
                    const int h = a % D / d;
                    const float by = g[a / D][(h * T + t) * d + a % d];
                    for (int i = 0; i < D; i++) {
                        sum[a * D + i] +=
                            (double)by * (double)view.normed[t * D + i];
                    }
                }
            }
            /* dz = 1: dv_j = sum_i A_ij */
            thm_vit32_pull(v.work32, v.params32, l, s, ones, dq, dk, dv);
            for (int j = 0; j < H * T; j++) {
                double column = 0;
                for (int i = 0; i < T; i++) {
                    column +=
                        (double)view.attention[j / T * T * T + i * T + j % T];
                }
                ck_assert_double_le(fabs(column - (double)dv[j * d + 3]), 1e-5);
            }
            /* sum dq.q = sum dS s = sum dk.k, dS = scale A (g - A g) */
            double by_q = 0, by_k = 0, want = 0;
            for (int j = 0; j < H * T * d; j++) {
                by_q += (double)dq[j] * (double)view.q[j];
                by_k += (double)dk[j] * (double)view.k[j];
            }
            for (int r = 0; r < H * T; r++) {
                const float *A = view.attention + r * T;
                double mean = 0, share[T];
                for (int j = 0; j < T; j++) {
                    share[j] = 0;
                    for (int i = 0; i < d; i++) {
                        share[j] += (double)view.v[(r / T * T + j) * d + i];
                    }
                    mean += (double)A[j] * share[j];
                }
                for (int j = 0; j < T; j++) {
                    want += (double)A[j] * (share[j] - mean) *
                            (double)view.scores[r * T + j] / 4;
                }
            }
            ck_assert_double_gt(fabs(want), 0.01);
            ck_assert_double_le(fabs(by_q - want), 1e-4 * fabs(want));
            ck_assert_double_le(fabs(by_k - want), 1e-4 * fabs(want));
        }
        char name[THM_VIT_NAME];
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", l);
        const float *want =
            v.gradient32 + thm_vit_find(&v.layout, name)->offset;
        for (int i = 0; i < 3 * D * D; i++) {
            ck_assert_double_le(fabs(sum[i] - (double)want[i]), 1e-5);
        }
    }
    free(sum);
    vit_drop(&v);
}
END_TEST

START_TEST(causal_rows_end_at_themselves)
{
    /* identity: later tokens change nothing before them */
    thm_vit_config c = vit_small();
    c.pool = THM_VIT_PER_TOKEN;
    c.causal = true;
    c.attention[0] = (thm_vit_attention)_i;
    vit_case v;
    vit_draw(&c, 1, 9, 0.25, &v);
    thm_vit_score score;
    thm_vit_view view;
    float before[9];
    run32(&v, &score);
    memcpy(before, thm_vit32_outputs(v.work32), sizeof before);
    thm_vit32_look(v.work32, 0, 0, &view);
    ck_assert(view.attention[1] == 0 && view.attention[2] == 0 &&
              view.attention[5] == 0);
    for (int j = 0; j < 3; j++) {
        v.x[6 + j] += 1;
    }
    run32(&v, &score);
    const float *after = thm_vit32_outputs(v.work32);
    ck_assert(memcmp(before, after, 6 * sizeof *before) == 0);
    ck_assert(memcmp(before + 6, after + 6, 3 * sizeof *before) != 0);
    vit_drop(&v);
}
END_TEST

START_TEST(scores_by_hand)
{
    /* formula: losses of the outputs in double; the first among equals leads */
    thm_vit_config c = vit_small();
    vit_case v;
    vit_draw(&c, 2, 6, 0.25, &v);
    thm_vit_score score;
    run32(&v, &score);
    const float *y = thm_vit32_outputs(v.work32);
    double plain = 0, smooth = 0;
    int right = 0;
    for (int s = 0; s < 2; s++, y += 3) {
        double sum = 0, mean = 0;
        int best = 0;
        for (int j = 0; j < 3; j++) {
            sum += exp((double)y[j]);
            mean += (double)y[j] / 3;
            best = y[j] > y[best] ? j : best;
        }
        const double one = log(sum) - (double)y[v.labels[s]];
        plain += v.loss.weight * one;
        smooth += v.loss.weight * (0.9 * one + 0.1 * (log(sum) - mean));
        right += best == v.labels[s];
    }
    ck_assert_double_le(fabs(plain - score.plain_loss), 1e-6);
    ck_assert_double_le(fabs(smooth - score.loss), 1e-6);
    ck_assert_int_eq(score.right, right);
    /* no parameters: all outputs are 0 */
    memset(v.params32, 0, (size_t)v.layout.total * sizeof(float));
    v.labels[0] = 0;
    v.labels[1] = 1;
    run32(&v, &score);
    ck_assert_int_eq(score.right, 1);
    ck_assert_double_le(fabs(score.loss - 2 * 0.731 * log(3)), 1e-6);
    /* neither labels nor targets: forward only */
    v.batch.labels = NULL;
    memset(v.gradient32, 0, (size_t)v.layout.total * sizeof(float));
    ck_assert_double_eq(run32(&v, &score), 0);
    ck_assert_int_eq(score.labelled, 0);
    ck_assert_int_eq(thm_vit_labelled(&c, &v.batch), 0);
    for (int64_t i = 0; i < v.layout.total; i++) {
        ck_assert(v.gradient32[i] == 0);
    }
    vit_drop(&v);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_model");
    TCase *t = tcase_create("model");
    const int kinds = THM_VIT_QK_NORM + 1;
    tcase_add_loop_test(t, float_agrees_with_double, 0, kinds);
    tcase_add_test(t, parts_add_up);
    tcase_add_test(t, bits_do_not_depend_on_what_ran_before);
    tcase_add_test(t, views_fit_together);
    tcase_add_loop_test(t, causal_rows_end_at_themselves, 0, kinds);
    tcase_add_test(t, scores_by_hand);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
