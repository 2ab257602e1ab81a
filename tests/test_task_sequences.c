/* Tasks on sequences.  Oracles: the header's rules, read back from each sample;
 * for regression a second route, least squares on the ten pairs shown. */
#include "tests/task_case.h"

START_TEST(classes_of_tokens)
{
    const thm_task_options o = thm_task_options_default(THM_TASK_CLS_TOKENS);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    ck_assert_int_eq(c.pool, THM_VIT_CLS);
    ck_assert_int_eq(c.positions, THM_VIT_NO_POSITIONS);
    thm_samples s = room_of(task, BATCH);
    int64_t first[40] = {0}, last[40] = {0}, label[4] = {0};
    for (int split = 0; split < 2; split++) {
        draw(task, (thm_split)split, 3, 0, BATCH, &s);
        for (int i = 0; i < BATCH; i++) {
            label[s.labels[i]]++;
            ck_assert_int_eq(s.other_label[i], -1);
            bool seen[40] = {false};
            for (int t = 0; t < 10; t++) {
                const int32_t id = s.ids[i * 10 + t];
                ck_assert_int_eq(id / 10, s.labels[i]);
                ck_assert(!seen[id]);
                seen[id] = true;
            }
            first[s.ids[i * 10]]++;
            last[s.ids[i * 10 + 9]]++;
        }
    }
    for (int k = 0; k < 4; k++) {
        expect_frequency(label[k], 2 * BATCH, 0.25, "label");
        for (int w = 0; w < 10; w++) { /* given the class, any order */
            expect_frequency(first[10 * k + w], label[k], 0.1, "first");
            expect_frequency(last[10 * k + w], label[k], 0.1, "last");
        }
    }
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.0);
    ck_assert(isnan(m.cap) && isnan(m.floor) && isnan(m.smoothed_floor));
    ck_assert_double_eq(m.perfect, 0.0);
    ck_assert_int_eq(thm_task_test_size(task), 0);
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

START_TEST(induction_asks_for_what_followed)
{
    const thm_task_options o = thm_task_options_default(THM_TASK_INDUCTION);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    ck_assert(c.causal);
    ck_assert_int_eq(c.pool, THM_VIT_PER_TOKEN);
    thm_samples s = room_of(task, BATCH);
    const bool train = _i == THM_SPLIT_TRAIN;
    draw(task, (thm_split)_i, 1, 0, BATCH, &s);
    int64_t word[50] = {0}, asked[12] = {0};
    for (int i = 0; i < BATCH; i++) {
        const int32_t *id = s.ids + i * 12, *label = s.labels + i * 12;
        const float *weight = s.weights + i * 12;
        const uint8_t *role = s.roles + i * 12;
        double others = 0, all = 0;
        ck_assert_int_eq(id[0], 0);
        int at = 0;
        for (int t = 1; t < 11; t++) {
            ck_assert(id[t] >= 1 && id[t] < 50);
            word[id[t]]++;
            at = id[t] + 50 == id[11] ? t : at;
            for (int u = 1; u < t; u++) {
                ck_assert_int_ne(id[u], id[t]);
            }
        }
        ck_assert(at >= 1 && at <= 10);
        asked[at]++;
        ck_assert_int_eq(label[11], id[at + 1]);
        for (int t = 0; t < 12; t++) {
            ck_assert(t == 11 || label[t] == (train ? id[t + 1] : -1));
            ck_assert(train || weight[t] == 1);
            others += t < 11 ? (double)weight[t] : 0.0;
            all += (double)weight[t];
            ck_assert_int_eq(role[t], t == at + 1          ? THM_ROLE_CHOSEN
                                      : t == at || t == 11 ? THM_ROLE_INDICATOR
                                                           : THM_ROLE_NONE);
        }
        if (train) { /* twelve floats, each within 2^-24 */
            ck_assert_double_eq_tol(others / (double)weight[11], 0.2, 1e-6);
            ck_assert_double_eq_tol(all, 12.0, 1e-5);
        }
    }
    for (int w = 1; w < 50; w++) { /* one of 10, without repetition */
        expect_frequency(word[w], BATCH, 10.0 / 49, "word");
    }
    for (int t = 1; t <= 10; t++) {
        expect_frequency(asked[t], BATCH, 0.1, "asked");
    }
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

enum { DIM = 5, PAIRS = 11, WIDE = DIM + 1, TOKENS = 2 * PAIRS - 1 };

/* w of least squares from the first ten pairs: normal equations, elimination
 * without pivots, which a Gram matrix does not need.  Returns the ratio of its
 * largest to its smallest pivot. */
static double solve(const float *x, double w[DIM])
{
    double a[DIM][DIM + 1] = {{0}};
    for (int p = 0; p < PAIRS - 1; p++) {
        const float *xp = x + (ptrdiff_t)2 * p * WIDE;
        const double y = (double)xp[WIDE + DIM];
        for (int i = 0; i < DIM; i++) {
            for (int j = 0; j < DIM; j++) {
                a[i][j] += (double)xp[i] * (double)xp[j];
            }
            a[i][DIM] += (double)xp[i] * y;
        }
    }
    double most = 0, least = INFINITY;
    for (int i = 0; i < DIM; i++) {
        most = fmax(most, a[i][i]);
        least = fmin(least, a[i][i]);
        for (int r = i + 1; r < DIM; r++) {
            const double factor = a[r][i] / a[i][i];
            for (int j = i; j <= DIM; j++) {
                a[r][j] -= factor * a[i][j];
            }
        }
    }
    for (int i = DIM - 1; i >= 0; i--) {
        w[i] = a[i][DIM];
        for (int j = i + 1; j < DIM; j++) {
            w[i] -= a[i][j] * w[j];
        }
        w[i] /= a[i][i];
    }
    return most / least;
}

START_TEST(regression_has_its_weights_in_the_context)
{
    const thm_task_options o =
        thm_task_options_default(THM_TASK_ICL_REGRESSION);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    ck_assert(c.causal);
    ck_assert_int_eq(c.tokens, TOKENS);
    thm_samples s = room_of(task, BATCH);
    ck_assert_ptr_null(s.labels);
    draw(task, THM_SPLIT_TRAIN, 2, 0, BATCH, &s);
    ck_assert_int_eq(thm_vit_labelled(&c, &s.batch), BATCH * PAIRS);
    double squares = 0;
    int tight = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *x = s.x + (ptrdiff_t)i * TOKENS * WIDE;
        const float *y = s.targets + (ptrdiff_t)i * TOKENS;
        for (int t = 0; t < TOKENS; t++) {
            const float *token = x + (ptrdiff_t)t * WIDE;
            ck_assert_int_eq(isnan(y[t]), t % 2 == 1);
            for (int k = 0; k < DIM && t % 2 == 1; k++) {
                ck_assert(token[k] == 0);
            }
            ck_assert(token[DIM] == (t % 2 == 1 ? y[t - 1] : 0));
        }
        double w[DIM], guess = 0, size = 0;
        const double ratio = solve(x, w);
        for (int k = 0; k < DIM; k++) {
            const double xk = (double)x[(TOKENS - 1) * WIDE + k];
            guess += w[k] * xk;
            size += xk * xk;
        }
        /* y is off by 2^-24 of itself, below 2^-20 here; least squares passes
         * that on with at most |x| sqrt(10) sqrt(ratio), pivots of at least
         * about 1 (skipped where they are less). */
        const double error = fabs(guess - (double)y[TOKENS - 1]);
        if (ratio < 50) {
            tight++;
            ck_assert_double_le(error, 0x1p-20 * sqrt(size * 10 * ratio));
        }
        squares += (double)y[0] * (double)y[0];
    }
    ck_assert_int_gt(tight, BATCH / 2);
    /* y^2 has mean 1 and variance 3 (5 + 2) / 5 - 1 */
    ck_assert_double_eq_tol(squares / BATCH, 1.0, 5 * sqrt(3.2 / BATCH));
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.0);
    ck_assert(isnan(m.cap) && isnan(m.perfect));
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("task_sequences");
    TCase *t = tcase_create("sequences");
    tcase_add_test(t, classes_of_tokens);
    tcase_add_loop_test(t, induction_asks_for_what_followed, 0, 2);
    tcase_add_test(t, regression_has_its_weights_in_the_context);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
