/* Oracles: closed forms of uniform attention; a second route for softmax, from
 * the same probe through dense Jacobians and LAPACK; identities
 * (parts of a tensor against the whole, shares that add up). */
#include <math.h>
#include "la/eig.h"
#include "softmax/softmax.h"
#include "tests/instruments_case.h"

START_TEST(uniform_attention)
{
    setting s = open_setting(THM_VIT_UNIFORM, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    for (int l = 0; l < 2; l++) {
        for (int h = 0; h < 2; h++) {
            /* 1 / T in float: relative error 2^-24 */
            const double tol = 1e-6;
            const struct {
                int column;
                double value;
            } known[] = {{THM_INSTRUMENT_STEP, 0},
                         {THM_INSTRUMENT_LAYER, l},
                         {THM_INSTRUMENT_HEAD, h},
                         {THM_INSTRUMENT_GRAD_Q, 0},
                         {THM_INSTRUMENT_GRAD_K, 0},
                         {THM_INSTRUMENT_ENTROPY, 1},
                         {THM_INSTRUMENT_ENTROPY_STD, 0},
                         {THM_INSTRUMENT_JACOBIAN_NORM2, 1.0 / T},
                         {THM_INSTRUMENT_JACOBIAN_FRO, sqrt(T - 1.0) / T},
                         {THM_INSTRUMENT_TO_INDICATORS, 2.0 / T},
                         {THM_INSTRUMENT_TO_CHOSEN, 1.0 / T},
                         {THM_INSTRUMENT_TO_OTHER, 1.0 / T},
                         {THM_INSTRUMENT_CLS_INDICATORS, 2.0 / T},
                         {THM_INSTRUMENT_CLS_CHOSEN, 1.0 / T},
                         {THM_INSTRUMENT_CLS_OTHER, 1.0 / T},
                         {THM_INSTRUMENT_SINK, 1.0 / T},
                         {THM_INSTRUMENT_SINK_RELATIVE, 1.0}};
            for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
                ck_assert_double_eq_tol(at(&s, l, h, known[k].column),
                                        known[k].value, tol);
            }
            ck_assert_double_gt(at(&s, l, h, THM_INSTRUMENT_GRAD_V), 0.0);
            ck_assert_double_gt(at(&s, l, h, THM_INSTRUMENT_GRAD_O), 0.0);
        }
    }
    close_setting(&s);
}
END_TEST

/* Entropy, Jacobian, deviation, masses of one head by dense matrices. */
static void expect_head(const setting *s, const probe *p, int l, int h,
                        double scale)
{
    static double J[T * T], values[T], row[T];
    double entropy = 0, square = 0, norm2 = 0, fro = 0, variance = 0;
    double indicators = 0, cls_chosen = 0, cls_other = 0, to[T] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        const uint8_t *roles = p->samples.roles + i * (T - 1);
        thm_vit_view view;
        thm_vit32_look(p->model, l, i, &view);
        for (int t = 0; t < T; t++) {
            const float *A = view.attention + (h * T + t) * T;
            const float *S = view.scores + (h * T + t) * T;
            double H = 0, sum = 0, sum2 = 0, sq = 0;
            for (int j = 0; j < T; j++) {
                row[j] = (double)A[j];
                H -= row[j] * log(row[j]);
                sum += (double)S[j];
                sum2 += (double)S[j] * (double)S[j];
                to[j] += row[j];
                const thm_role role = j ? roles[j - 1] : THM_ROLE_NONE;
                indicators += role == THM_ROLE_INDICATOR ? row[j] : 0;
                cls_chosen += t == 0 && role == THM_ROLE_CHOSEN ? row[j] : 0;
                cls_other += t == 0 && role == THM_ROLE_OTHER ? row[j] : 0;
            }
            ck_assert_int_eq(thm_softmax_jacobian(T, row, 1.0, J), THM_OK);
            for (int k = 0; k < T * T; k++) {
                sq += J[k] * J[k];
            }
            ck_assert_int_eq(thm_eig_values(T, J, values, NULL), THM_OK);
            norm2 += values[T - 1];
            fro += sqrt(sq);
            entropy += H / log(T);
            square += H / log(T) * (H / log(T));
            variance += (sum2 - sum * sum / T) / (T - 1);
        }
    }
    const double rows = SAMPLES * T;
    entropy /= rows;
    /* rows of floats sum to 1 within some T 2^-24 = 1e-6 */
    const double tol = 1e-5;
    int sink = 0;
    for (int j = 0; j < T; j++) {
        sink = to[j] > to[sink] ? j : sink;
        ck_assert_double_eq_tol(thm_instruments_received(s->in, l, h)[j],
                                to[j] / rows, tol);
    }
    const struct {
        int column;
        double value;
    } known[] = {
        {THM_INSTRUMENT_ENTROPY, entropy},
        {THM_INSTRUMENT_ENTROPY_STD, sqrt(square / rows - entropy * entropy)},
        {THM_INSTRUMENT_JACOBIAN_NORM2, norm2 / rows},
        {THM_INSTRUMENT_JACOBIAN_FRO, fro / rows},
        {THM_INSTRUMENT_LOGIT_STD, scale * sqrt(variance / rows)},
        {THM_INSTRUMENT_TO_INDICATORS, indicators / rows},
        {THM_INSTRUMENT_CLS_CHOSEN, cls_chosen / SAMPLES},
        {THM_INSTRUMENT_CLS_OTHER, cls_other / SAMPLES},
        {THM_INSTRUMENT_SINK, to[sink] / rows},
        {THM_INSTRUMENT_SINK_TOKEN, sink},
        {THM_INSTRUMENT_SINK_RELATIVE, to[sink] / rows * T}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        ck_assert_double_eq_tol(at(s, l, h, known[k].column), known[k].value,
                                tol * fmax(1.0, fabs(known[k].value)));
    }
}

START_TEST(softmax_by_a_second_route)
{
    setting s = open_setting(THM_VIT_SOFTMAX, 0.5);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    probe p = open_probe(&s);
    for (int l = 0; l < 2; l++) {
        for (int h = 0; h < 2; h++) {
            expect_head(&s, &p, l, h, 0.25 / 0.5);
            /* the case must be one where errors would show */
            ck_assert_double_lt(at(&s, l, h, THM_INSTRUMENT_ENTROPY), 0.99);
        }
    }
    close_probe(&p);
    close_setting(&s);
}
END_TEST

/* Heads' parts against the whole tensor, and in the right order: W_V alone is
 * read by uniform attention, so its parts cannot be mistaken there. */
START_TEST(parts_make_up_the_tensors)
{
    static const int grads[] = {THM_INSTRUMENT_GRAD_Q, THM_INSTRUMENT_GRAD_K,
                                THM_INSTRUMENT_GRAD_V, THM_INSTRUMENT_GRAD_O};
    static const int norms[] = {THM_INSTRUMENT_NORM_Q, THM_INSTRUMENT_NORM_K,
                                THM_INSTRUMENT_NORM_V, THM_INSTRUMENT_NORM_O};
    setting s = open_setting(THM_VIT_SOFTMAX, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    probe p = open_probe(&s);
    const thm_vit_layout *layout = thm_trainer_layout(s.trainer);
    const float *params = thm_trainer_params(s.trainer);
    for (int l = 0; l < 2; l++) {
        char name[THM_VIT_NAME];
        for (int w = 0; w < 4; w++) {
            snprintf(name, sizeof name, "blocks.%d.attn.%s.weight", l,
                     w < 3 ? "qkv" : "proj");
            const int size = 32 * 32;
            const int64_t first =
                thm_vit_find(layout, name)->offset + (w < 3 ? w * size : 0);
            double sum = 0, square = 0;
            for (int64_t e = first; e < first + size; e++) {
                sum += fabs((double)p.gradient[e]);
                square += (double)params[e] * (double)params[e];
            }
            const double a = at(&s, l, 0, grads[w]), b = at(&s, l, 1, grads[w]);
            const double x = at(&s, l, 0, norms[w]), y = at(&s, l, 1, norms[w]);
            ck_assert_double_gt(sum, 0.0);
            ck_assert_double_eq_tol((a + b) / 2, sum / size,
                                    1e-12 * sum / size);
            ck_assert_double_eq_tol(x * x + y * y, square, 1e-12 * square);
            ck_assert(a > b || a < b);
        }
    }
    close_probe(&p);
    close_setting(&s);
}
END_TEST

START_TEST(massive_is_the_largest_over_the_median)
{
    enum { SIZE = SAMPLES * T * 32 };
    setting s = open_setting(THM_VIT_SOFTMAX, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    probe p = open_probe(&s);
    for (int l = 0; l < 2; l++) {
        const double ratio = at(&s, l, 0, THM_INSTRUMENT_MASSIVE);
        double largest = 0;
        int below = 0, above = 0;
        thm_vit_view view;
        for (int i = 0; i < SAMPLES; i++) {
            thm_vit32_look(p.model, l, i, &view);
            for (int k = 0; k < T * 32; k++) {
                largest = fmax(largest, fabs((double)view.output[k]));
            }
        }
        for (int i = 0; i < SAMPLES; i++) {
            thm_vit32_look(p.model, l, i, &view);
            for (int k = 0; k < T * 32; k++) {
                const double x = fabs((double)view.output[k]);
                below += x < largest / ratio * (1 - 1e-12);
                above += x > largest / ratio * (1 + 1e-12);
            }
        }
        ck_assert_int_le(below, SIZE / 2);
        ck_assert_int_le(above, SIZE / 2);
        ck_assert_double_gt(ratio, 1.0);
    }
    close_probe(&p);
    close_setting(&s);
}
END_TEST

/* Attention that is no probability has neither entropy nor Jacobian; its other
 * columns are there. */
START_TEST(no_entropy_without_probabilities)
{
    setting s = open_setting(THM_VIT_SIGMOID, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    ck_assert(isnan(at(&s, 0, 0, THM_INSTRUMENT_ENTROPY)));
    ck_assert(isnan(at(&s, 0, 0, THM_INSTRUMENT_ENTROPY_STD)));
    ck_assert(isnan(at(&s, 0, 0, THM_INSTRUMENT_JACOBIAN_NORM2)));
    ck_assert(isnan(at(&s, 0, 0, THM_INSTRUMENT_JACOBIAN_FRO)));
    ck_assert_double_gt(at(&s, 0, 0, THM_INSTRUMENT_TO_CHOSEN), 0.0);
    ck_assert_double_gt(at(&s, 0, 0, THM_INSTRUMENT_LOGIT_STD), 0.0);
    close_setting(&s);
}
END_TEST

/* A reading changes nothing, and two are the same. */
START_TEST(reading_leaves_the_run_alone)
{
    setting s = open_setting(THM_VIT_NORMSOFTMAX_STD, 1.0);
    setting alone = open_setting(THM_VIT_NORMSOFTMAX_STD, 1.0);
    thm_vit_score a, b;
    double before[THM_INSTRUMENTS];
    for (int step = 0; step < 3; step++) {
        ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
        memcpy(before, thm_instruments_row(s.in, 1, 1), sizeof before);
        ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
        ck_assert_mem_eq(before, thm_instruments_row(s.in, 1, 1),
                         sizeof before);
        ck_assert_int_eq(thm_trainer_step(s.trainer, &a, NULL), THM_OK);
        ck_assert_int_eq(thm_trainer_step(alone.trainer, &b, NULL), THM_OK);
        ck_assert_mem_eq(&a.loss, &b.loss, sizeof a.loss);
        ck_assert_int_eq((int)before[THM_INSTRUMENT_STEP], step);
    }
    close_setting(&s);
    close_setting(&alone);
}
END_TEST

START_TEST(rows_become_a_series)
{
    setting s = open_setting(THM_VIT_SOFTMAX, 1.0);
    thm_tsv *tsv = NULL;
    const char *path = scratch_path("instruments.tsv");
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    ck_assert_int_eq(thm_tsv_begin(path, THM_INSTRUMENTS,
                                   thm_instruments_columns, &tsv, NULL),
                     THM_OK);
    thm_instruments_put(s.in, tsv);
    ck_assert_int_eq(thm_tsv_commit(tsv, NULL), THM_OK);
    char *text = scratch_read(path);
    int lines = 0;
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
    }
    ck_assert_int_eq(lines, 1 + 2 * 2);
    ck_assert_ptr_nonnull(strstr(text, "# step (1)\tlayer (1)\thead (1)"));
    free(text);
    close_setting(&s);
}
END_TEST

START_TEST(a_probe_has_samples)
{
    setting s = open_setting(THM_VIT_SOFTMAX, 1.0);
    thm_instruments *none = NULL;
    ck_assert_int_eq(thm_instruments_alloc(s.trainer, s.task, 0, &none),
                     THM_EDIM);
    ck_assert_ptr_null(none);
    thm_instruments_free(NULL);
    close_setting(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instruments");
    TCase *all = tcase_create("readings");
    tcase_add_checked_fixture(all, scratch_make, scratch_remove);
    tcase_add_test(all, uniform_attention);
    tcase_add_test(all, softmax_by_a_second_route);
    tcase_add_test(all, parts_make_up_the_tensors);
    tcase_add_test(all, massive_is_the_largest_over_the_median);
    tcase_add_test(all, no_entropy_without_probabilities);
    tcase_add_test(all, reading_leaves_the_run_alone);
    tcase_add_test(all, rows_become_a_series);
    tcase_add_test(all, a_probe_has_samples);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
