/* value-flow against bad usage and bad input.  Oracle: the rule for every
 * program: exit code 2, exactly one line on standard error that names the
 * finding, nothing on standard output, no file left; and good neighbours of the
 * bad inputs, so that a program that refuses everything fails as well. */
#include "tests/program.h"

static void expect_refused(const char *args, const char *found, int files)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == 2, "%s: exit %d: %s", args, o.code, o.err);
    ck_assert_msg(o.lines == 1, "%s: %s", args, o.err);
    ck_assert_msg(o.err[strlen(o.err) - 1] == '\n', "%s: %s", args, o.err);
    ck_assert_msg(strncmp(o.err, "value-flow: ", 12) == 0, "%s: %s", args,
                  o.err);
    ck_assert_msg(strstr(o.err, found) != NULL, "%s: %s", args, o.err);
    ck_assert_msg(o.out[0] == '\0', "%s: %s", args, o.out);
    ck_assert_msg(scratch_count() == files, "%s: a file is left", args);
    outcome_free(&o);
}

static void put(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text));
}

#define DRAWN "--draw 3,4 --t-end 1 "

START_TEST(bad_usage)
{
    static const char *const rows[][2] = {
        {"--t-end 1", "one of --v0 FILE and --draw d,n, found none"},
        {"--v0 V --draw 3,4 --t-end 1", "found both"},
        {"--v0 V --v-scale 1 --t-end 1", "--draw with --v-scale"},
        {"--draw 3,4 --a0 a --t-end 1", "--a0 with --v0"},
        {"--v0 V --t-end 1", "expected --target FILE, found none"},
        {"--draw 3 --t-end 1", "found '3'"},
        {"--draw 3,4,5 --t-end 1", "found '3,4,5'"},
        {"--draw 0,4 --t-end 1", "found '0,4'"},
        {"--draw 3,-4 --t-end 1", "found '3,-4'"},
        {"--draw 3,4e9 --t-end 1", "found '3,4e9'"},
        {"--draw 1000000,1000000 --t-end 1", "at most 2^28"},
        {"--draw 3,4", "one of --t-end T and --tau-end TAU, found none"},
        {"--draw 3,4 --t-end 0", "expected a positive finite number"},
        {"--draw 3,4 --t-end -1", "found '-1'"},
        {"--draw 3,4 --t-end inf", "found 'inf'"},
        {"--draw 3,4 --t-end nan", "found 'nan'"},
        {DRAWN "--tau-end 1", "found both"},
        {"--draw 3,4 --tau-end 1", "--time tau with --tau-end"},
        {"--draw 3,4 --tau-end 0 --time tau", "positive"},
        {DRAWN "--time tau --loss square", "found square"},
        {DRAWN "--time tau --normalisation l2", "found l2"},
        {DRAWN "--time tau --data X --labels y", "found --data"},
        {DRAWN "--time x", "expected one of t|log|tau"},
        {DRAWN "--rtol 9e-14", "at least 1e-13"},
        {DRAWN "--rtol 0", "at least 1e-13"},
        {DRAWN "--rtol -1", "--rtol"},
        {DRAWN "--rtol nan", "--rtol"},
        {DRAWN "--rtol 1", "--rtol"},
        {DRAWN "--atol 0", "--atol"},
        {DRAWN "--stepper euler", "expected one of auto|dop853|"},
        {DRAWN "--stepper rk4", "--step H"},
        {DRAWN "--step 0", "--step"},
        {DRAWN "--stop -1", "--stop"},
        {DRAWN "--max-rhs 0", "--max-rhs"},
        {DRAWN "--max-rhs 1.5", "found '1.5'"},
        {DRAWN "--samples 0", "--samples"},
        {DRAWN "--loss hinge", "expected one of logistic|"},
        {DRAWN "--loss samples", "expected one of logistic|"},
        {DRAWN "--loss quadratic", "--matrix FILE with --loss quadratic"},
        {DRAWN "--matrix X", "--loss quadratic with --matrix"},
        {DRAWN "--data X", "--data alone"},
        {DRAWN "--labels y", "--labels alone"},
        {DRAWN "--data X --labels y --target b", "found both"},
        {DRAWN "--data X --labels y --loss square", "found square"},
        {DRAWN "--normalisation max", "expected one of softmax|l1|"},
        {DRAWN "--v-scale -1", "--v-scale"},
        {DRAWN "--bogus", "'--bogus' is unknown"},
        {DRAWN "extra", "expected options only"},
    };
    write_in("");
    put("V", "1 2 3\n4 5 6\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_refused(rows[i][0], rows[i][1], 2);
    }
}
END_TEST

/* V is 2 x 3, a and b fit, X is 4 x 2, y and labels fit. */
static void put_good(void)
{
    write_in("");
    put("V", "1 2 3\n4 5 6.5\n");
    put("a", "0.1, -0.2, 0.3");
    put("b", "0.6\n-0.8\n");
    put("X", "1 0\n0 1\n1 1\n-1 2\n");
    put("y", "1 -1 1 -1\n");
    put("p", "0.25 0.75\n");
}
enum { GOOD = 7 };

#define TARGET " --t-end 1 --target "

START_TEST(bad_files)
{
    static const char *const rows[][3] = {
        /* content of the file "bad", arguments, finding */
        {"", "--v0 bad" TARGET "b", "found none"},
        {"1 2\n3\n", "--v0 bad" TARGET "b", "bad:2: expected 2 numbers"},
        {"1 nan\n3 4\n", "--v0 bad" TARGET "b", "bad:1: number 2"},
        {"1 2\n3 inf\n", "--v0 bad" TARGET "b", "found inf"},
        {"1 2 x\n", "--v0 bad" TARGET "b", "bad:1:5"},
        {"1 2\n", "--v0 V --a0 bad" TARGET "b", "expected 3 numbers"},
        {"1 2 3\n4 5 6\n", "--v0 V --a0 bad" TARGET "b", "found 2 of 3"},
        {"1 2 nan\n", "--v0 V --a0 bad" TARGET "b", "found nan"},
        {"1 2 3\n", "--v0 V" TARGET "bad", "expected 2 numbers"},
        {"1 -inf\n", "--v0 V" TARGET "bad", "found -inf"},
        {"0.5 0.4\n", "--v0 V --loss cross-entropy" TARGET "bad",
         "found a sum of 0.9"},
        {"1.5 -0.5\n", "--v0 V --loss cross-entropy" TARGET "bad",
         "expected a probability, found -0.5"},
        {"0.5 0.500001\n", "--v0 V --loss cross-entropy" TARGET "bad",
         "expected a distribution"},
        {"0 0\n", "--v0 V --loss cross-entropy" TARGET "bad",
         "expected a distribution"},
        {"1 2 3\n", "--v0 V --loss quadratic --matrix bad" TARGET "y",
         "expected 1 rows of 2 numbers"},
        {"1 2\n3 4\n", "--v0 V --loss quadratic --matrix bad" TARGET "y",
         "y: expected 2 numbers"},
        {"1 nan\n", "--v0 V --loss quadratic --matrix bad" TARGET "y",
         "found nan"},
        {"1 2 3\n", "--v0 V --t-end 1 --data bad --labels y",
         "columns as rows in V0"},
        {"1 -1 1\n", "--v0 V --t-end 1 --data X --labels bad",
         "expected 4 numbers"},
        {"1 -1 1 0\n", "--v0 V --t-end 1 --data X --labels bad",
         "expected a label 1 or -1, found 0"},
        {"1e200 1e200\n", "--v0 V --loss square" TARGET "bad",
         "expected a finite loss"},
        {"-900 1\n", "--v0 V --loss exponential" TARGET "bad",
         "expected a finite loss"},
        {"0 0 0\n",
         "--v0 V --a0 bad --loss square --normalisation l1" TARGET "b",
         "logits that can be normalised"},
        {"-1 -2 -3\n",
         "--v0 V --a0 bad --loss square --normalisation relu" TARGET "b",
         "logits that can be normalised"},
    };
    put_good();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put("bad", rows[i][0]);
        expect_refused(rows[i][1], rows[i][2], GOOD + 1);
    }
    expect_refused("--v0 nowhere" TARGET "b", "nowhere", GOOD + 1);
    expect_refused("--v0 V:W" TARGET "b", "found text", GOOD + 1);
    expect_refused("--v0 V --out V/x" TARGET "b", "V/x", GOOD + 1);
}
END_TEST

START_TEST(good_neighbours)
{
    static const char *const rows[] = {
        "--v0 V --a0 a" TARGET "b",
        "--v0 V" TARGET "b --rtol 1e-13",
        "--v0 V --loss square" TARGET "b",
        "--v0 V --loss cross-entropy" TARGET "p",
        "--v0 V --loss quadratic --matrix X" TARGET "y",
        "--v0 V --t-end 1 --data X --labels y",
        "--v0 V --a0 a --time tau --tau-end 1 --target b",
        "--draw 2,3 --loss quadratic --matrix X --t-end 1",
        "--draw 2,3 --loss cross-entropy --t-end 1",
        "--draw 1,1 --loss exponential --t-end 1",
    };
    put_good();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome o = run(rows[i], "");
        ck_assert_msg(o.code == 0 && o.lines == 0, "%s: exit %d: %s", rows[i],
                      o.code, o.err);
        ck_assert_msg(strncmp(o.out, "{\"t\": 1.0, \"loss\": ", 19) == 0 ||
                          strstr(rows[i], "tau") != NULL,
                      "%s", o.out);
        outcome_free(&o);
    }
}
END_TEST

int main(void)
{
    find_program("value-flow");
    Suite *suite = suite_create("value_flow_input");
    TCase *c = tcase_create("value_flow_input");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, bad_usage);
    tcase_add_test(c, bad_files);
    tcase_add_test(c, good_neighbours);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
