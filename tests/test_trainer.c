/* Oracles: one thread against two and three, a run that went on from a
 * checkpoint against one that did not stop, to the bit; the gradient of a batch
 * against that of its samples; damaged checkpoints are refused whole. */
#include <math.h>
#include "tests/scratch.h"
#include "vit/trainer.h"

static thm_task *task;

static void setup(void)
{
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    ck_assert_int_eq(thm_task_alloc(&o, &task, NULL), THM_OK);
    scratch_make();
}

static void teardown(void)
{
    thm_task_free(task);
    scratch_remove();
}

static thm_trainer_options small(void)
{
    thm_trainer_options o = thm_trainer_default(task);
    o.config.depth = 1;
    o.config.width = 12;
    o.config.heads = 3;
    o.config.head_width = 5;
    o.config.mlp_width = 7;
    o.config.attention[0] = THM_VIT_NORMSOFTMAX_STD;
    o.batch = 19; /* parts of two and three samples */
    o.optimiser.warmup = 10;
    o.optimiser.steps = 100;
    o.seed = 5;
    return o;
}

/* Oracle: the settings of the notes. */
START_TEST(each_task_is_learned_its_own_way)
{
    static const struct {
        thm_task_kind kind;
        double lr, last, smoothing;
        int batch;
        long warmup, steps;
    } known[] = {{THM_TASK_TWO_STEP_TOKENS, 3e-3, 1e-5, 0.1, 64, 500, 10000},
                 {THM_TASK_ONE_STEP_TOKENS, 3e-3, 1e-5, 0.1, 64, 500, 10000},
                 {THM_TASK_CLS_TOKENS, 1e-3, 1e-3, 0.0, 256, 0, 390},
                 {THM_TASK_INDUCTION, 1e-3, 1e-3, 0.0, 256, 0, 3900}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const thm_task_options what = thm_task_options_default(known[k].kind);
        thm_task *t = NULL;
        ck_assert_int_eq(thm_task_alloc(&what, &t, NULL), THM_OK);
        const thm_trainer_options o = thm_trainer_default(t);
        ck_assert(o.optimiser.kind == THM_ADAMW && o.seed == 1);
        ck_assert(o.optimiser.lr == known[k].lr);
        ck_assert(thm_optimiser_lr(&o.optimiser, known[k].steps) ==
                  known[k].last);
        ck_assert(thm_optimiser_lr(&o.optimiser, known[k].warmup) ==
                  known[k].lr);
        ck_assert(o.smoothing == known[k].smoothing);
        ck_assert_int_eq(o.batch, known[k].batch);
        ck_assert_int_eq(o.optimiser.warmup, known[k].warmup);
        ck_assert_int_eq(o.optimiser.steps, known[k].steps);
        thm_task_free(t);
    }
}
END_TEST

static thm_trainer *made(const thm_trainer_options *o)
{
    thm_trainer *t = NULL;
    thm_message msg = {""};
    ck_assert_msg(thm_trainer_alloc(o, task, &t, &msg) == THM_OK, "%s",
                  msg.text);
    return t;
}

static void advance(thm_trainer *t, int steps)
{
    thm_vit_score score;
    for (int s = 0; s < steps; s++) {
        ck_assert_int_eq(thm_trainer_step(t, &score, NULL), THM_OK);
        ck_assert(score.labelled == thm_trainer_options_of(t)->batch);
    }
}

static void assert_same(const thm_trainer *a, const thm_trainer *b)
{
    const size_t size = sizeof(float) * (size_t)thm_trainer_layout(a)->total;
    ck_assert_int_eq(thm_trainer_steps(a), thm_trainer_steps(b));
    ck_assert_mem_eq(thm_trainer_params(a), thm_trainer_params(b), size);
}

START_TEST(threads_change_nothing)
{
    thm_trainer_options o = small();
    thm_trainer *one = made(&o);
    advance(one, 100);
    for (int threads = 2; threads <= 3; threads++) {
        thm_evaluation a, b;
        o.threads = threads;
        thm_trainer *t = made(&o);
        advance(t, 100);
        assert_same(one, t);
        ck_assert_int_eq(thm_trainer_evaluate(one, 7, 100, &a, NULL), THM_OK);
        ck_assert_int_eq(thm_trainer_evaluate(t, 7, 100, &b, NULL), THM_OK);
        ck_assert(a.loss == b.loss && a.accuracy == b.accuracy &&
                  a.wrong_target == b.wrong_target);
        thm_trainer_free(t);
    }
    thm_trainer_free(one);
}
END_TEST

START_TEST(a_checkpoint_goes_on)
{
    thm_trainer_options o = small();
    const double history[6] = {1.0, 2.5, (double)NAN, 4.0, 5.0, 1.0 / 3.0};
    thm_trainer *whole, *half, *rest;
    o.optimiser.kind = (thm_optimiser_kind)_i;
    whole = made(&o);
    half = made(&o);
    rest = made(&o);
    advance(whole, 60);
    advance(half, 23);
    ck_assert_int_eq(
        thm_trainer_save(half, scratch_path("c"), 2, 3, history, NULL), THM_OK);
    ck_assert_int_eq(thm_trainer_load(rest, scratch_path("c"), NULL), THM_OK);
    assert_same(half, rest);
    advance(rest, 37);
    assert_same(whole, rest);
    thm_trainer_free(whole);
    thm_trainer_free(half);
    thm_trainer_free(rest);
}
END_TEST

START_TEST(another_run_is_refused)
{
    thm_trainer_options o = small();
    thm_message msg = {""};
    thm_trainer *t = made(&o);
    advance(t, 3);
    ck_assert_int_eq(thm_trainer_save(t, scratch_path("c"), 0, 0, NULL, NULL),
                     THM_OK);
    for (int k = 0; k < 4; k++) {
        thm_trainer_options other = o;
        other.seed += k == 0;
        other.optimiser.lr *= k == 1 ? 2.0 : 1.0;
        other.config.attention[0] =
            k == 2 ? THM_VIT_SOFTMAX : other.config.attention[0];
        other.config.width += k == 3;
        thm_trainer *u = made(&other), *untouched = made(&other);
        ck_assert_int_eq(thm_trainer_load(u, scratch_path("c"), &msg),
                         THM_EFORMAT);
        ck_assert_ptr_nonnull(strstr(msg.text, "others"));
        assert_same(u, untouched);
        thm_trainer_free(u);
        thm_trainer_free(untouched);
    }
    ck_assert_int_eq(thm_trainer_load(t, scratch_path("none"), &msg), THM_EIO);
    thm_trainer_free(t);

    /* the same network on samples of another prior */
    thm_task_options what = thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_task *biased = NULL;
    what.prior = 0.75;
    ck_assert_int_eq(thm_task_alloc(&what, &biased, NULL), THM_OK);
    ck_assert_int_eq(thm_trainer_alloc(&o, biased, &t, NULL), THM_OK);
    ck_assert_int_eq(thm_trainer_load(t, scratch_path("c"), &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "data"));
    ck_assert_int_eq(thm_trainer_steps(t), 0);
    thm_trainer_free(t);
    thm_task_free(biased);
}
END_TEST

/* Sums of another width round otherwise; a run goes on with its own alone. */
START_TEST(kernels_are_those_asked_for)
{
    thm_trainer_options o = small();
    thm_message msg = {""};
    if (o.isa == THM_ISA_BASELINE) {
        return; /* there is no other */
    }
    thm_trainer *best = made(&o);
    o.isa = THM_ISA_BASELINE;
    thm_trainer *plain = made(&o), *again = made(&o);
    const size_t size = sizeof(float) * (size_t)thm_trainer_layout(best)->total;
    advance(best, 3);
    advance(plain, 3);
    advance(again, 3);
    assert_same(plain, again);
    ck_assert_int_ne(
        memcmp(thm_trainer_params(best), thm_trainer_params(plain), size), 0);
    ck_assert_int_eq(
        thm_trainer_save(plain, scratch_path("c"), 0, 0, NULL, NULL), THM_OK);
    ck_assert_int_eq(thm_trainer_load(best, scratch_path("c"), &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "baseline"));
    thm_trainer_free(best);
    thm_trainer_free(plain);
    thm_trainer_free(again);
}
END_TEST

START_TEST(half_a_checkpoint_is_refused)
{
    const thm_trainer_options o = small();
    thm_trainer *t = made(&o), *untouched = made(&o);
    advance(t, 2);
    ck_assert_int_eq(thm_trainer_save(t, scratch_path("c"), 0, 0, NULL, NULL),
                     THM_OK);
    FILE *stream = fopen(scratch_path("c"), "rb");
    static char bytes[1 << 20];
    const size_t size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    ck_assert(size > 1000 && size < sizeof bytes);
    thm_trainer_free(t);
    t = made(&o);
    for (size_t part = 0; part < size; part += size / 37 + 1) {
        scratch_write("half", bytes, part);
        ck_assert_int_ne(thm_trainer_load(t, scratch_path("half"), NULL),
                         THM_OK);
        assert_same(t, untouched);
    }
    thm_trainer_free(t);
    thm_trainer_free(untouched);
}
END_TEST

/* d loss / d w: the mean over samples of what each gives alone. */
/* Documented error: another shape of as many numbers. */
START_TEST(a_checkpoint_of_another_shape_is_refused)
{
    const thm_trainer_options o = small();
    thm_trainer *t = made(&o), *untouched = made(&o);
    thm_message msg = {""};
    static char bytes[1 << 20], swapped[32];
    int rows, cols;
    ck_assert_int_eq(thm_trainer_save(t, scratch_path("c"), 0, 0, NULL, NULL),
                     THM_OK);
    FILE *stream = fopen(scratch_path("c"), "rb");
    const size_t size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    char *name = memmem(bytes, size, "\"head.weight\"", 13);
    ck_assert_ptr_nonnull(name);
    char *shape = strchr(strstr(name, "\"shape\""), '[');
    ck_assert_int_eq(sscanf(shape, "[%d,%d]", &rows, &cols), 2);
    ck_assert_int_ne(rows, cols);
    snprintf(swapped, sizeof swapped, "[%d,%d]", cols, rows);
    memcpy(shape, swapped, strlen(swapped));
    scratch_write("swapped", bytes, size);
    ck_assert_int_eq(thm_trainer_load(t, scratch_path("swapped"), &msg),
                     THM_EFORMAT);
    ck_assert_msg(strstr(msg.text, "head.weight: expected the first of 2 "
                                   "dimensions to be") != NULL,
                  "found: %s", msg.text);
    assert_same(t, untouched);
    thm_trainer_free(t);
    thm_trainer_free(untouched);
}
END_TEST

START_TEST(a_batch_is_the_mean_of_its_samples)
{
    thm_trainer_options o = small();
    thm_trainer *t = made(&o);
    const int64_t total = thm_trainer_layout(t)->total;
    float *sum = calloc((size_t)total, sizeof *sum);
    thm_vit32 *work = NULL;
    thm_samples samples;
    thm_vit_score score;
    thm_evaluation e;
    double loss = 0.0;
    ck_assert_ptr_nonnull(sum);
    ck_assert_int_eq(thm_vit32_alloc(&o.config, 1, &work), THM_OK);
    ck_assert_int_eq(thm_samples_alloc(task, 1, &samples), THM_OK);
    for (int s = 0; s < 43; s++) {
        ck_assert_int_eq(
            thm_trainer_probe(t, 4, s, 1, work, &samples, sum, &score, NULL),
            THM_OK);
        loss += score.loss / 43.0;
    }
    ck_assert_int_eq(thm_trainer_evaluate(t, 4, 43, &e, NULL), THM_OK);
    ck_assert_double_eq_tol(e.loss, loss, 1e-6);
    thm_samples_free(&samples);
    thm_vit32_free(work);
    free(sum);
    thm_trainer_free(t);
}
END_TEST

/* A step's gradient against that of the whole batch in one go. */
START_TEST(no_part_is_forgotten)
{
    thm_trainer_options o = small();
    thm_trainer *t = made(&o), *start = made(&o);
    const int64_t total = thm_trainer_layout(t)->total;
    float *whole = calloc((size_t)total, sizeof *whole);
    thm_vit32 *work = NULL;
    thm_samples samples;
    thm_vit_score a, b;
    thm_vit_loss loss = thm_vit_loss_default(&o.config);
    double largest = 0.0;
    loss.smoothing = o.smoothing;
    loss.weight = 1.0 / o.batch;
    ck_assert_ptr_nonnull(whole);
    ck_assert_int_eq(thm_vit32_alloc(&o.config, o.batch, &work), THM_OK);
    ck_assert_int_eq(thm_samples_alloc(task, o.batch, &samples), THM_OK);
    ck_assert_int_eq(thm_trainer_step(t, &a, NULL), THM_OK);
    ck_assert_int_eq(
        thm_task_draw(task, o.seed, THM_SPLIT_TRAIN, 0, 0, o.batch, &samples),
        THM_OK);
    ck_assert_int_eq(thm_vit32_run(work, thm_trainer_params(start),
                                   &samples.batch, &loss, whole, &b, NULL),
                     THM_OK);
    ck_assert_double_eq_tol(a.loss, b.loss, 1e-5);
    ck_assert_int_eq(a.right, b.right);
    for (int64_t e = 0; e < total; e++) {
        largest = fmax(largest, fabs((double)whole[e]));
    }
    for (int64_t e = 0; e < total; e++) {
        ck_assert_double_eq_tol((double)thm_trainer_gradient(t)[e],
                                (double)whole[e], 1e-4 * largest);
    }
    thm_samples_free(&samples);
    thm_vit32_free(work);
    free(whole);
    thm_trainer_free(t);
    thm_trainer_free(start);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
    thm_trainer *t = NULL;
    thm_message msg;
    for (int k = 0; k < 6; k++) {
        thm_trainer_options o = small();
        o.batch = k == 0 ? 0 : o.batch;
        o.threads = k == 1 ? 0 : 1;
        o.smoothing = k == 2 ? 1.0 : 0.1;
        o.temperature = k == 3 ? 0.0 : 1.0;
        o.heat_over = k == 4 ? 10 : 0;
        o.config.heads = k == 5 ? 0 : 3;
        msg.text[0] = '\0';
        const thm_status status = thm_trainer_alloc(&o, task, &t, &msg);
        ck_assert(status == THM_EDIM || status == THM_EDOMAIN);
        ck_assert_str_ne(msg.text, "");
    }
    thm_trainer_options o = small();
    thm_vit_score score;
    o.optimiser.lr = o.optimiser.lr_start = 1e37; /* blows up at once */
    o.optimiser.kind = THM_SGD;
    t = made(&o);
    thm_status status = THM_OK;
    for (int s = 0; status == THM_OK && s < 10; s++) {
        status = thm_trainer_step(t, &score, &msg);
    }
    ck_assert_int_eq(status, THM_EDOMAIN);
    ck_assert_ptr_eq(strstr(msg.text, "step "), msg.text);
    thm_trainer_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trainer");
    TCase *c = tcase_create("trainer");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    tcase_add_checked_fixture(slow, setup, teardown);
    suite_add_tcase(suite, slow);
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(slow, threads_change_nothing);
    tcase_add_test(c, each_task_is_learned_its_own_way);
    tcase_add_loop_test(c, a_checkpoint_goes_on, 0, THM_SGD + 1);
    tcase_add_test(c, another_run_is_refused);
    tcase_add_test(c, kernels_are_those_asked_for);
    tcase_add_test(c, half_a_checkpoint_is_refused);
    tcase_add_test(c, a_checkpoint_of_another_shape_is_refused);
    tcase_add_test(c, a_batch_is_the_mean_of_its_samples);
    tcase_add_test(c, no_part_is_forgotten);
    tcase_add_test(c, what_cannot_be_is_said);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
