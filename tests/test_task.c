/* Tasks of the transformer.  Oracles: identities (the rule, a sample alone
 * against the same in a larger draw, the marks by enumeration of every outcome
 * and by a simulated predictor) and the numbers recorded for the two-step task.
 */
#include <jansson.h>

#include "tests/task_case.h"

/* Numbers of one sample in each array of a draw; 0: it has none. */
static void same_sample(const thm_vit_config *c, const thm_samples *a, int i,
                        const thm_samples *b, int j)
{
    const size_t tokens = (size_t)c->tokens;
    const size_t per = c->pool == THM_VIT_PER_TOKEN ? tokens : 1;
    const struct {
        const void *a, *b;
        size_t size;
    } all[] = {
        {a->x, b->x, tokens * (size_t)c->features * sizeof(float)},
        {a->ids, b->ids, tokens * sizeof(int32_t)},
        {a->labels, b->labels, per * sizeof(int32_t)},
        {a->targets, b->targets, per * (size_t)c->outputs * sizeof(float)},
        {a->other_label, b->other_label, sizeof(int32_t)},
        {a->roles, b->roles, tokens}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        ck_assert_int_eq(all[k].a == NULL, all[k].b == NULL);
        if (all[k].a != NULL) {
            ck_assert_msg(
                memcmp((const char *)all[k].a + (size_t)i * all[k].size,
                       (const char *)all[k].b + (size_t)j * all[k].size,
                       all[k].size) == 0,
                "array %zu differs", k);
        }
    }
}

static bool differ(const thm_vit_config *c, const thm_samples *a, int i,
                   const thm_samples *b, int j)
{
    const size_t n = (size_t)c->tokens;
    return c->input == THM_VIT_VECTORS
               ? memcmp(a->x + (size_t)i * n * (size_t)c->features,
                        b->x + (size_t)j * n * (size_t)c->features,
                        n * (size_t)c->features * sizeof(float)) != 0
               : memcmp(a->ids + (size_t)i * n, b->ids + (size_t)j * n,
                        n * sizeof(int32_t)) != 0;
}

static const thm_task_kind kinds[] = {
#define KIND(name, text) name,
    THM_TASK_TABLE(KIND)
#undef KIND
};
enum { KINDS = sizeof kinds / sizeof *kinds };

START_TEST(a_sample_alone_equals_itself_in_a_larger_draw)
{
    const thm_task_options o = thm_task_options_default(kinds[_i]);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    thm_samples all = room_of(task, 20), part = room_of(task, 5);
    draw(task, THM_SPLIT_TRAIN, 7, 0, 20, &all);
    draw(task, THM_SPLIT_TRAIN, 3, 11, 5, &part); /* what ran before */
    draw(task, THM_SPLIT_TRAIN, 7, 5, 5, &part);
    for (int i = 0; i < 5; i++) {
        same_sample(&c, &part, i, &all, 5 + i);
    }
    ck_assert(differ(&c, &all, 0, &all, 1));
    draw(task, THM_SPLIT_TRAIN, 8, 5, 5, &part);
    ck_assert(differ(&c, &part, 0, &all, 5));
    draw(task, THM_SPLIT_TEST, 7, 5, 5, &part);
    ck_assert(differ(&c, &part, 0, &all, 5));
    ck_assert_int_eq(
        thm_task_draw(task, SEED + 1, THM_SPLIT_TRAIN, 7, 5, 5, &part), THM_OK);
    ck_assert(differ(&c, &part, 0, &all, 5));
    thm_samples_free(&all);
    thm_samples_free(&part);
    thm_task_free(task);
}
END_TEST

START_TEST(a_model_of_the_task_takes_its_samples)
{
    const thm_task_options o = thm_task_options_default(kinds[_i]);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    thm_message msg = {""};
    ck_assert_msg(thm_vit_config_check(&c, &msg) == THM_OK, "%s", msg.text);
    thm_vit_layout layout;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    float *params = calloc((size_t)layout.total, sizeof *params);
    ck_assert_ptr_nonnull(params);
    thm_vit_initialise(&c, &layout, SEED, params);
    thm_vit32 *work;
    ck_assert_int_eq(thm_vit32_alloc(&c, 3, &work), THM_OK);
    thm_samples s = room_of(task, 3);
    const thm_vit_loss loss = thm_vit_loss_default(&c);
    thm_vit_score score;
    for (int split = 0; split < 2; split++) {
        draw(task, (thm_split)split, 0, 0, 3, &s);
        ck_assert_int_gt(thm_vit_labelled(&c, &s.batch), 0);
        const thm_status status =
            thm_vit32_run(work, params, &s.batch, &loss, NULL, &score, &msg);
        ck_assert_msg(status == THM_OK, "%s", msg.text);
        ck_assert(isfinite(score.loss));
    }
    thm_samples_free(&s);
    thm_vit32_free(work);
    free(params);
    thm_vit_layout_free(&layout);
    json_t *record = thm_task_record(task);
    ck_assert_ptr_nonnull(record);
    ck_assert_str_eq(json_string_value(json_object_get(record, "task")),
                     thm_task_text(o.kind));
    json_decref(record);
    thm_task_free(task);
}
END_TEST

/* ---- marks ----------------------------------------------------------------
 */

START_TEST(marks_by_enumeration)
{
    static const double tenth[10] = {0.1, 0.1, 0.1, 0.1, 0.1,
                                     0.1, 0.1, 0.1, 0.1, 0.1};
    static const struct {
        double prior, P;
    } rows[] = {{0.5, 0.5}, {0.8, 0.9}, {0.0, 0.5}, {1.0, 1.0}, {0.37, 0.685}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const thm_task_options o =
            options_of(THM_TASK_TWO_STEP_TOKENS, rows[i].prior);
        thm_task *task = open_task(&o);
        for (int k = 0; k < 3; k++) {
            const double e = 0.1 * k;
            expect_marks(thm_task_marks_of(task, THM_SPLIT_TEST, e),
                         enumerated(rows[i].P, 10, tenth, e));
        }
        thm_task_free(task);
    }
}
END_TEST

/* Recorded: to the digits given. */
START_TEST(marks_of_the_record)
{
    thm_task_options o = options_of(THM_TASK_TWO_STEP_TOKENS, 0.5);
    thm_task *task = open_task(&o);
    thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.1);
    ck_assert_double_eq_tol(m.cap, 0.55, 1e-15);
    ck_assert_double_eq_tol(m.floor, 0.6238, 5e-5);
    ck_assert_double_eq_tol(m.smoothed_floor, 1.02457, 5e-6);
    ck_assert_double_eq_tol(m.perfect, 0.50029, 5e-6);
    thm_task_free(task);
    o = options_of(THM_TASK_TWO_STEP_TOKENS, 0.8); /* P = 0.9 */
    task = open_task(&o);
    m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.1);
    ck_assert_double_eq_tol(m.cap, 0.91, 1e-15);
    ck_assert_double_eq_tol(m.floor, 0.2926, 5e-5);
    ck_assert_double_eq_tol(m.smoothed_floor, 0.7353, 5e-5);
    thm_task_free(task);
    o = thm_task_options_default(THM_TASK_ONE_STEP_TOKENS);
    task = open_task(&o);
    m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.1);
    ck_assert_double_eq(m.cap, 1.0);
    ck_assert_double_eq(m.floor, 0.0);
    ck_assert_double_eq_tol(m.smoothed_floor, 0.50029, 5e-6);
    thm_task_free(task);
}
END_TEST

/* ---- the two-step rule ----------------------------------------------------
 */

/* The nearest of the codes to a token, seen through the mean of each class:
 * averages over 20 batches know the codes to 0.3 / sqrt(1000). */
typedef struct {
    double mean[12][16];
} codes_seen;

static double distance(const float *x, const double *code)
{
    double sum = 0;
    for (int k = 0; k < 16; k++) {
        sum += ((double)x[k] - code[k]) * ((double)x[k] - code[k]);
    }
    return sum;
}

static int nearest(const codes_seen *codes, const float *x, int from, int to)
{
    int best = from;
    for (int k = from; k < to; k++) {
        if (distance(x, codes->mean[k]) < distance(x, codes->mean[best])) {
            best = k;
        }
    }
    return best;
}

/* The roles say where the label came from; the codes are learnt from the
 * labels of one draw. */
static void learn_codes(const thm_samples *s, int tokens, codes_seen *codes)
{
    int seen[12] = {0};
    *codes = (codes_seen){0};
    /* Indicators: whatever the first shows is code 10 unless far from it. */
    const float *anchor = s->x;
    for (int i = 0; i < s->batch.count; i++) {
        const float *x = s->x + (size_t)i * (size_t)tokens * 16;
        double gap = 0;
        for (int k = 0; k < 16; k++) {
            const double d = (double)x[k] - (double)anchor[k];
            gap += d * d;
        }
        const int mark = gap < 8 ? 10 : 11; /* noise alone: 2.9 +- 1 */
        const int one =
            s->roles[(size_t)i * (size_t)tokens + 1] == THM_ROLE_CHOSEN
                ? s->labels[i]
                : s->other_label[i];
        const int shown[2] = {mark, one};
        for (int t = 0; t < 2; t++) {
            seen[shown[t]]++;
            for (int k = 0; k < 16; k++) {
                codes->mean[shown[t]][k] += (double)x[t * 16 + k];
            }
        }
    }
    for (int c = 0; c < 12; c++) {
        ck_assert_int_gt(seen[c], 0);
        for (int k = 0; k < 16; k++) {
            codes->mean[c][k] /= seen[c];
        }
    }
}

START_TEST(labels_follow_the_rule)
{
    static const struct {
        thm_task_kind kind;
        double prior, P;
        int tokens;
    } rows[] = {{THM_TASK_TWO_STEP_TOKENS, 0.5, 0.5, 16},
                {THM_TASK_TWO_STEP_TOKENS, 0.8, 0.9, 16},
                {THM_TASK_TWO_STEP_TOKENS, 0.5, 0.5, 64},
                {THM_TASK_ONE_STEP_TOKENS, 0.5, 1.0, 16}};
    thm_task_options o = options_of(rows[_i].kind, rows[_i].prior);
    o.tokens = rows[_i].tokens;
    thm_task *task = open_task(&o);
    const size_t n = (size_t)o.tokens;
    thm_samples s = room_of(task, BATCH);
    codes_seen codes;
    int64_t top = 0, equal = 0, agree = 0, all = 0, best = 0;
    int64_t label[10] = {0};
    double ce = 0;
    for (int64_t step = 0; step < 20; step++) {
        draw(task, THM_SPLIT_TRAIN, step, 0, BATCH, &s);
        if (step == 0) {
            learn_codes(&s, o.tokens, &codes);
        }
        for (int i = 0; i < BATCH; i++) {
            const float *x = s.x + (size_t)i * n * 16;
            const int a = nearest(&codes, x, 10, 12);
            const int one = nearest(&codes, x + 16, 0, 10);
            const int two = nearest(&codes, x + 32, 0, 10);
            const int d = nearest(&codes, x + 48, 10, 12);
            const bool first =
                a == d || rows[_i].kind == THM_TASK_ONE_STEP_TOKENS;
            ck_assert_int_eq(s.labels[i], first ? one : two);
            ck_assert_int_eq(s.other_label[i], first ? two : one);
            const uint8_t *role = s.roles + (size_t)i * n;
            ck_assert_int_eq(role[0], THM_ROLE_INDICATOR);
            ck_assert_int_eq(role[first ? 1 : 2], THM_ROLE_CHOSEN);
            ck_assert_int_eq(role[first ? 2 : 1], THM_ROLE_OTHER);
            ck_assert_int_eq(role[3], THM_ROLE_INDICATOR);
            for (size_t t = 4; t < n; t++) {
                ck_assert_int_eq(role[t], THM_ROLE_NONE);
            }
            all++;
            top += first;
            equal += a == d;
            agree += one == two;
            label[s.labels[i]]++;
            /* Task 2 solved, indicators unused: always the first target, with
             * the probabilities of z. */
            best += s.labels[i] == one;
            const double P = rows[_i].P;
            const double p = one == two ? 1 : s.labels[i] == one ? P : 1 - P;
            ce -= log(p);
        }
    }
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.0);
    expect_frequency(top, all, rows[_i].P, "z = 1");
    expect_frequency(agree, all, 0.1, "equal targets");
    expect_frequency(best, all, m.cap, "cap");
    for (int k = 0; k < 10; k++) {
        expect_frequency(label[k], all, 0.1, "label");
    }
    if (rows[_i].kind == THM_TASK_ONE_STEP_TOKENS) {
        expect_frequency(equal, all, 0.5, "equal indicators");
    }
    /* A term is at most log 10 here, so its deviation is at most that. */
    ck_assert_double_le(fabs(ce / (double)all - m.floor),
                        5 * log(10) / sqrt((double)all));
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

START_TEST(tokens_have_their_noise)
{
    thm_task_options o = thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_task *task = open_task(&o);
    thm_samples s = room_of(task, BATCH);
    draw(task, THM_SPLIT_TEST, 0, 0, BATCH, &s);
    codes_seen codes;
    learn_codes(&s, 16, &codes);
    double shown = 0, others = 0, code = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *x = s.x + (size_t)i * 256;
        shown += distance(x, codes.mean[nearest(&codes, x, 10, 12)]);
        for (int k = 64; k < 256; k++) {
            others += (double)x[k] * (double)x[k];
        }
    }
    for (int k = 0; k < 192; k++) {
        code += codes.mean[k / 16][k % 16] * codes.mean[k / 16][k % 16];
    }
    /* A mean of m squares of variance v: v (1 +- 5 sqrt(2 / m)); the codes seen
     * are means of about 50 and 250 tokens. */
    const double n = BATCH * 16.0, m = BATCH * 192.0;
    ck_assert_double_eq_tol(shown / n, 0.09, 0.09 * (5 * sqrt(2 / n) + 0.004));
    ck_assert_double_eq_tol(others / m, 0.25, 0.25 * 5 * sqrt(2 / m));
    ck_assert_double_eq_tol(code / 192, 1 + 0.09 / 50, 5 * sqrt(2 / 192.0));
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* ---- bad input ------------------------------------------------------------
 */

START_TEST(bad_options)
{
    const thm_task_options good =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_task_options rows[6];
    for (int i = 0; i < 6; i++) {
        rows[i] = good;
    }
    rows[0].tokens = 15;
    rows[1].tokens = 65;
    rows[2].prior = -0.01;
    rows[3].prior = 1.01;
    rows[4].prior = NAN;
    rows[5].kind = (thm_task_kind)KINDS;
    static const char *const found[] = {
        "tokens: expected 16 to 64, found 15",
        "tokens: expected 16 to 64, found 65",
        "prior: expected 0 to 1, found -0.01",
        "prior: expected 0 to 1, found 1.01",
        "prior: expected 0 to 1, found nan",
        "task: expected a known one, found number"};
    for (int i = 0; i < 6; i++) {
        thm_task *task = NULL;
        thm_message msg = {""};
        ck_assert_int_eq(thm_task_alloc(&rows[i], &task, &msg), THM_EDOMAIN);
        ck_assert_ptr_null(task);
        ck_assert_msg(strstr(msg.text, found[i]) != NULL, "%s", msg.text);
    }
    ck_assert_str_eq(thm_task_text((thm_task_kind)KINDS), "unknown task");
    thm_task_free(NULL);
}
END_TEST

START_TEST(bad_draws)
{
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_task *task = open_task(&o);
    thm_samples s = {0};
    ck_assert_int_eq(thm_samples_alloc(task, 0, &s), THM_EDIM);
    ck_assert_int_eq(thm_samples_alloc(task, -1, &s), THM_EDIM);
    ck_assert_ptr_null(s.x);
    thm_samples_free(&s);
    s = room_of(task, 3);
    const thm_split train = THM_SPLIT_TRAIN;
    ck_assert_int_eq(thm_task_draw(task, 1, train, 0, -1, 3, &s), THM_EDIM);
    ck_assert_int_eq(thm_task_draw(task, 1, train, 0, 0, 0, &s), THM_EDIM);
    ck_assert_int_eq(thm_task_draw(task, 1, train, 0, 0, 4, &s), THM_EDIM);
    ck_assert_int_eq(thm_task_draw(task, 1, train, 0, INT32_MAX - 2, 3, &s),
                     THM_EDIM);
    ck_assert_int_eq(thm_task_draw(task, 1, train, -1, 0, 3, &s), THM_EDOMAIN);
    ck_assert_int_eq(thm_task_draw(task, 1, train, INT64_C(1) << 56, 0, 3, &s),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_task_draw(task, 1, (thm_split)2, 0, 0, 3, &s),
                     THM_EDOMAIN);
    ck_assert_int_eq(s.batch.count, 0);
    ck_assert_int_eq(
        thm_task_draw(task, 1, train, (INT64_C(1) << 56) - 1, 0, 3, &s),
        THM_OK);
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("task");
    TCase *t = tcase_create("streams");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(s, slow);
    tcase_set_timeout(t, 60); /* each reads all pictures */
    tcase_add_loop_test(slow, a_sample_alone_equals_itself_in_a_larger_draw, 0,
                        KINDS);
    tcase_add_loop_test(slow, a_model_of_the_task_takes_its_samples, 0, KINDS);
    suite_add_tcase(s, t);
    t = tcase_create("two steps");
    tcase_add_test(t, marks_by_enumeration);
    tcase_add_test(t, marks_of_the_record);
    tcase_add_loop_test(slow, labels_follow_the_rule, 0, 4);
    tcase_add_test(t, tokens_have_their_noise);
    suite_add_tcase(s, t);
    t = tcase_create("bad");
    tcase_add_test(t, bad_options);
    tcase_add_test(t, bad_draws);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
