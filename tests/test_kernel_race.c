/* Oracles: what is known of who can fit what (identities: a softmax fits its
 * own teacher, its output stays in the hull of its values, one token leaves
 * nothing to learn); output of runs that were killed, cut into shards or spread
 * over threads against that of one that was not (identity). */
#include <jansson.h>
#include <math.h>
#include "core/binomial.h"
#include "tests/interrupt.h"
#include "tests/program.h"

static void setup(void)
{
    scratch_make();
    write_in("");
    find_program("kernel-race");
}

/* The lines of a run that must end well. */
static json_t *lines_of(const char *args)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == 0 && o.lines == 0, "%s: %d %s", args, o.code,
                  o.err);
    json_t *lines = json_array();
    for (char *line = strtok(o.out, "\n"); line; line = strtok(NULL, "\n")) {
        json_error_t error;
        json_t *object = json_loads(line, 0, &error);
        ck_assert_msg(json_is_object(object), "%s: %s", error.text, line);
        json_array_append_new(lines, object);
    }
    outcome_free(&o);
    return lines;
}

static json_t *field(json_t *lines, size_t i, const char *key)
{
    json_t *value = json_object_get(json_array_get(lines, i), key);
    ck_assert_msg(value != NULL, "%s", key);
    return value;
}

static double number(json_t *lines, size_t i, const char *key)
{
    json_t *value = field(lines, i, key);
    ck_assert_msg(json_is_number(value), "%s", key);
    return json_number_value(value);
}

static bool is(json_t *lines, size_t i, const char *key, const char *text)
{
    return strcmp(json_string_value(field(lines, i, key)), text) == 0;
}

/* ---- numbers --------------------------------------------------------------
 */

START_TEST(every_line_obeys_its_hull)
{
    json_t *lines = lines_of("--json --queries 60 --gd-steps 1500 --starts 3");
    ck_assert_uint_eq(json_array_size(lines), 24);
    for (size_t i = 0; i < 24; i++) {
        const bool softmax = is(lines, i, "kernel", "softmax"),
                   own = is(lines, i, "teacher", "softmax");
        const double floor = number(lines, i, "floor");
        ck_assert(number(lines, i, "floor_width") <= 1e-11);
        static const char *const methods[] = {"gd", "gd_best", "lm", "lm_best"};
        for (int k = 0; k < 4; k++) {
            char key[32];
            double low, high;
            const double solved = number(lines, i, methods[k]);
            thm_binomial_interval((int)solved, 60, 0.95, &low, &high);
            snprintf(key, sizeof key, "%s_low", methods[k]);
            ck_assert(number(lines, i, key) == low);
            snprintf(key, sizeof key, "%s_high", methods[k]);
            ck_assert(number(lines, i, key) == high);
            snprintf(key, sizeof key, "%s_loss", methods[k]);
            /* what holds query by query holds of medians */
            ck_assert(!softmax || number(lines, i, key) >= floor - 1e-12);
        }
        ck_assert(number(lines, i, "gd") <= number(lines, i, "gd_best"));
        ck_assert(number(lines, i, "lm") <= number(lines, i, "lm_best"));
        ck_assert(!softmax || number(lines, i, "below_floor") == 0);
        /* a softmax's output is in the hull of its values */
        ck_assert(!own || floor == 0);
        /* three outputs and three tokens: a Gaussian's is not, almost surely */
        if (is(lines, i, "teacher", "gaussian") && number(lines, i, "m") == 3) {
            ck_assert(floor > 0.01);
            ck_assert(!softmax || number(lines, i, "lm_best") == 0);
            ck_assert(softmax || number(lines, i, "lm_best") > 50);
            ck_assert(softmax || number(lines, i, "below_floor") > 50);
        }
        ck_assert(!(softmax && own) || number(lines, i, "lm_best") == 60);
    }
    json_decref(lines);
}
END_TEST

START_TEST(one_token_and_other_shapes)
{
    /* softmax of one token is 1: its own teacher is fitted before any step,
     * and no step changes anything on labels */
    json_t *lines = lines_of("--json --shape 1,1,1 --queries 20 --gd-steps 50");
    ck_assert_uint_eq(json_array_size(lines), 6);
    for (size_t i = 0; i < 6; i++) {
        if (is(lines, i, "kernel", "softmax") &&
            !is(lines, i, "teacher", "gaussian")) {
            ck_assert(number(lines, i, "gd") ==
                      (is(lines, i, "teacher", "softmax") ? 20 : 0));
            ck_assert(
                fabs(number(lines, i, "gd_loss") - number(lines, i, "floor")) <=
                1e-12 * number(lines, i, "floor"));
        }
    }
    json_decref(lines);
    lines = lines_of("--json --shape 16,16,16 --queries 2 --gd-steps 20");
    ck_assert_uint_eq(json_array_size(lines), 6);
    json_decref(lines);
    /* no step at all: both methods stay at the same start */
    lines = lines_of("--json --queries 5 --gd-steps 0 --lm-steps 0");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        ck_assert(
            fabs(number(lines, i, "gd_loss") / number(lines, i, "lm_loss") -
                 1) <= 1e-12);
    }
    json_decref(lines);
}
END_TEST

/* ---- one result, however it was made --------------------------------------
 */

#define PLAN "--queries 12 --gd-steps 300 --starts 2 "

static char *table_of(const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/kernel-race.tsv", dir);
    return scratch_read(scratch_path(path));
}

START_TEST(threads_shards_and_kills_change_nothing)
{
    char args[256], command[PATH_MAX + 256], lines[128];
    int kills = 0;
    outcome want = run(PLAN "--json --threads 1 --out whole", "");
    ck_assert_int_eq(want.code, 0);
    char *table = table_of("whole");
    ck_assert_int_ne(access(scratch_path("whole/kernel-race.lines"), F_OK), 0);
    outcome o = run(PLAN "--json --threads 3", "");
    ck_assert_str_eq(o.out, want.out);
    outcome_free(&o);
    for (int k = 0; k < 2; k++) {
        snprintf(args, sizeof args, PLAN "--json --shard %d/2 --out parts", k);
        o = run(args, "");
        ck_assert_int_eq(o.code, 0);
        ck_assert_str_eq(o.out, k < 1 ? "" : want.out);
        ck_assert_int_eq(o.lines, k < 1);
        outcome_free(&o);
    }
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" " PLAN "--out half -q >/dev/null", scratch,
             program);
    strcpy(lines, scratch_path("half/kernel-race.lines"));
    for (int files = 0; files < 20; files += 4) {
        kills += run_and_kill_at(command, lines, files);
    }
    ck_assert_int_gt(kills, 3);
    o = run(PLAN "--json --out half", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_str_eq(o.out, want.out);
    outcome_free(&o);
    static const char *const others[] = {"parts", "half"};
    for (int k = 0; k < 2; k++) {
        char *other = table_of(others[k]);
        ck_assert_str_eq(other, table);
        free(other);
    }
    free(table);
    outcome_free(&want);
}
END_TEST

START_TEST(an_interrupted_run_says_so)
{
    char command[PATH_MAX + 256];
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" --gd-steps 100000000 --out long -q "
             ">printed 2>said",
             scratch, program);
    ck_assert_int_eq(interrupt(command), 130);
    char *said = scratch_read(scratch_path("said"));
    char *printed = scratch_read(scratch_path("printed"));
    ck_assert_msg(strstr(said, "goes on") != NULL, "%s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert_str_eq(printed, "");
    free(printed);
    free(said);
    outcome o = run("--gd-steps 5 --out long", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "\"gd_steps 5\""));
    outcome_free(&o);
}
END_TEST

START_TEST(bad_input_gets_one_line)
{
    static const char *const bad[] = {
        "--shape 3,4",   "--kernel-scale 0", "--kernel-scale x",
        "--shape 3,2,3", "--shape 17,4,2",   "--shape 3,17,2",
        "--shape 0,4,2", "--shape 3,4,x",    "--shape 3,4,2,",
        "--queries 0",   "--starts 0",       "--gd-steps -1",
        "--lm-steps -1", "--shard 2/2",      "--shard 0/2",
        "--out in/x",    "left over",
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        outcome o = run(bad[k], "");
        ck_assert_msg(o.code == 2 && o.lines == 1, "%s: %d, %s", bad[k], o.code,
                      o.err);
        ck_assert_str_eq(o.out, "");
        outcome_free(&o);
    }
    outcome o = run("--help", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    o = run("--table --queries 2 --gd-steps 5", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "labels 0.1"));
    outcome_free(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel-race");
    TCase *t = tcase_create("race");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_add_test(t, every_line_obeys_its_hull);
    tcase_add_test(t, one_token_and_other_shapes);
    tcase_add_test(t, threads_shards_and_kills_change_nothing);
    tcase_add_test(t, an_interrupted_run_says_so);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
