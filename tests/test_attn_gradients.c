/* Oracle: a head of two tokens and width one, differentiated by hand; exit
 * codes and single lines that the design promises. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include "io/tensor.h"
#include "tests/scratch.h"

static char program[4200];

static void setup(void)
{
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    snprintf(program, sizeof program, "%s/../bin/attn-gradients", path);
    scratch_make();
}

/* Runs the program in the scratch folder; returns its exit code. */
static int run(const char *arguments)
{
    char command[5000];
    snprintf(command, sizeof command, "cd %s && '%s' %s >out 2>err", scratch,
             program, arguments);
    const int status = system(command);
    ck_assert_int_ne(status, -1);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void put(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text));
}

static void put_head(void)
{
    put("x", "1\n-1\n");
    put("wq", "0.7\n");
    put("wk", "1.1\n");
    put("wv", "# one number\n-1.3");
    put("g", "2.385\n-1.127\n");
}

static json_t *result(void)
{
    char *text = scratch_read(scratch_path("out"));
    json_t *line = json_loads(text, 0, NULL);
    ck_assert_msg(line != NULL, "no JSON: %s", text);
    free(text);
    return line;
}

static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(json_is_number(value), "no number %s", key);
    return json_number_value(value);
}

static void assert_near(double found, double want)
{
    ck_assert_msg(fabs(found - want) <= 1e-15 * (1 + 64 * fabs(want)),
                  "%.17g, expected %.17g", found, want);
}

/* q = (a, -a), k = (b, -b), v = (c, -c); p = 1 / (1 + e^(-2ab/tau)). */
START_TEST(two_tokens_by_hand)
{
    const double a = 0.7, b = 1.1, c = -1.3, g = 2.385 + 1.127, tau = 0.9;
    const double p = 1 / (1 + exp(-2 * a * b / tau)), slope = p * (1 - p) / tau;
    put_head();
    ck_assert_int_eq(run("--x x --wq wq --wk wk --wv wv --g g -t 0.9 "
                         "--save saved --out kept"),
                     0);
    json_t *line = result();
    ck_assert_int_eq((int)number(line, "n"), 2);
    ck_assert_int_eq((int)number(line, "D"), 1);
    ck_assert_int_eq((int)number(line, "d"), 1);
    ck_assert(json_is_null(json_object_get(line, "seed")));
    assert_near(number(line, "tau"), tau);
    assert_near(number(line, "logit_std"), a * b / tau);
    assert_near(number(line, "dWq_mean_abs"), fabs(4 * slope * c * b * g));
    assert_near(number(line, "dWk_mean_abs"), fabs(4 * slope * c * a * g));
    assert_near(number(line, "dWv_frobenius"), fabs((2 * p - 1) * g));
    assert_near(number(line, "dS_mean_abs"), fabs(slope * c) * (2.385 + 1.127));
    assert_near(number(line, "gap"), fabs(4 * slope * c * b / (2 * p - 1)));
    assert_near(number(line, "gap_k"), fabs(4 * slope * c * a / (2 * p - 1)));
    ck_assert(number(line, "gap_predicted") > 0);
    assert_near(number(line, "entropy"),
                -(p * log(p) + (1 - p) * log1p(-p)) / log(2.0));
    json_decref(line);

    char spec[300];
    thm_tensor t;
    snprintf(spec, sizeof spec, "%s:dWv", scratch_path("saved"));
    ck_assert_int_eq(thm_tensor_read(spec, &t, NULL), THM_OK);
    ck_assert(t.count == 1 && t.ndim == 2);
    assert_near(t.data[0], (2 * p - 1) * g);
    thm_tensor_free(&t);
    snprintf(spec, sizeof spec, "%s:dS", scratch_path("saved"));
    ck_assert_int_eq(thm_tensor_read(spec, &t, NULL), THM_OK);
    ck_assert_uint_eq(t.count, 4);
    assert_near(t.data[1], -2 * slope * 2.385 * c);
    thm_tensor_free(&t);
    ck_assert_int_eq(access(scratch_path("kept/run.json"), R_OK), 0);
}
END_TEST

/* Without --g the gradient is drawn: the same under the same seed, recorded,
 * and another under another. */
START_TEST(a_drawn_gradient_replays)
{
    double gap[3];
    put_head();
    static const char *const seeds[] = {"7", "7", "8"};
    for (int k = 0; k < 3; k++) {
        char arguments[200];
        snprintf(arguments, sizeof arguments,
                 "--x x --wq wq --wk wk --wv wv --seed %s", seeds[k]);
        ck_assert_int_eq(run(arguments), 0);
        json_t *line = result();
        ck_assert_int_eq((int)number(line, "seed"), k < 2 ? 7 : 8);
        assert_near(number(line, "tau"), 1.0);
        gap[k] = number(line, "dWv_mean_abs");
        json_decref(line);
    }
    ck_assert(gap[0] == gap[1] && gap[0] != gap[2]);
}
END_TEST

START_TEST(a_zero_gradient_has_no_gap)
{
    put_head();
    put("g", "0\n0\n");
    ck_assert_int_eq(run("--x x --wq wq --wk wk --wv wv --g g --json"), 0);
    json_t *line = result();
    ck_assert(json_is_null(json_object_get(line, "gap")));
    json_decref(line);
    ck_assert_int_eq(run("--x x --wq wq --wk wk --wv wv --g g --table"), 0);
    char *text = scratch_read(scratch_path("out"));
    ck_assert_ptr_nonnull(strstr(text, "gap            -\n"));
    free(text);
}
END_TEST

static const struct {
    const char *arguments, *says;
} bad[] = {
    {"--x x --wq wq --wk wk", "--wv"},
    {"--wq wq --wk wk --wv wv", "--x"},
    {"--x none --wq wq --wk wk --wv wv", "none"},
    {"--x wide --wq wq --wk wk --wv wv", "wq: expected 2 rows"},
    {"--x x --wq wq --wk wide --wv wv", "wide: expected 1 rows of 1"},
    {"--x x --wq wq --wk wk --wv tall", "tall: expected 1 rows of 1"},
    {"--x x --wq wq --wk wk --wv wv --g wq", "wq: expected 2 rows of 1"},
    {"--x nan --wq wq --wk wk --wv wv", "nan:2"},
    {"--x x --wq inf --wk wk --wv wv", "inf:1"},
    {"--x x --wq empty --wk wk --wv wv", "empty"},
    {"--x x --wq huge --wk huge --wv wv", "overflow"},
    {"--x x --wq wq --wk wk --wv wv -t 0", "temperature"},
    {"--x x --wq wq --wk wk --wv wv -t nan", "temperature"},
    {"--x x --wq wq --wk wk --wv wv --save no/where", "no/where"},
    {"--x x --wq wq --wk wk --wv wv --out x", "x"},
    {"--nonsense", "nonsense"},
};
enum { N_BAD = sizeof bad / sizeof *bad };

START_TEST(bad_input_gets_one_line)
{
    put_head();
    put("wide", "1 2\n");
    put("tall", "1\n2\n3\n");
    put("nan", "1\nnan\n");
    put("inf", "-inf\n");
    put("empty", "# nothing\n");
    put("huge", "1e200\n");
    run("--help"); /* so that out and err exist */
    const int files = scratch_count();
    for (int k = 0; k < N_BAD; k++) {
        ck_assert_msg(run(bad[k].arguments) == 2, "%s", bad[k].arguments);
        char *out = scratch_read(scratch_path("out"));
        char *err = scratch_read(scratch_path("err"));
        const char *end = strchr(err, '\n');
        ck_assert_str_eq(out, "");
        ck_assert_msg(end && end[1] == '\0', "%s: %s", bad[k].arguments, err);
        ck_assert_msg(strstr(err, bad[k].says) != NULL, "%s: %s",
                      bad[k].arguments, err);
        free(out);
        free(err);
    }
    ck_assert_int_eq(scratch_count(), files);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attn-gradients");
    TCase *t = tcase_create("program");
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, two_tokens_by_hand);
    tcase_add_test(t, a_drawn_gradient_replays);
    tcase_add_test(t, a_zero_gradient_has_no_gap);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
