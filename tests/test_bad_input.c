/* softmax-spectrum against bad usage, bad input and bad places to write to.
 * Oracle: the rule for every program: exit code 2, exactly one line on standard
 * error that names the finding, nothing on standard output, no file left; and
 * good neighbours of the bad inputs, so that a program that refuses everything
 * fails as well. */
#include <stdint.h>

#include "tests/program.h"

/* Bad: the rule above, with `found` in the line; `files` in the folder. */
static void expect_refused(const char *args, const char *redirect,
                           const char *found, int files)
{
    outcome o = run(args, redirect);
    ck_assert_msg(o.code == 2, "%s: exit %d: %s", args, o.code, o.err);
    ck_assert_msg(o.lines == 1, "%s: %s", args, o.err);
    ck_assert_msg(o.err[strlen(o.err) - 1] == '\n', "%s: %s", args, o.err);
    ck_assert_msg(strncmp(o.err, "softmax-spectrum: ", 18) == 0, "%s: %s", args,
                  o.err);
    ck_assert_msg(strstr(o.err, found) != NULL, "%s: %s", args, o.err);
    ck_assert_msg(o.out[0] == '\0', "%s: %s", args, o.out);
    ck_assert_msg(scratch_count() == files, "%s: a file is left", args);
    outcome_free(&o);
}

START_TEST(program_is_built)
{
    ck_assert_msg(access(program, X_OK) == 0, "%s: not built", program);
}
END_TEST

START_TEST(bad_usage)
{
    static const char *const rows[][2] = {
        {"", "expected one of --logits and --probs, found none"},
        {"--logits - --probs -", "found both"},
        {"--logits", "'--logits' lacks its argument"},
        {"--logits - --bogus", "'--bogus' is unknown"},
        {"--logits - extra", "expected options only, found 'extra'"},
        {"--logits - --temperature 0", "expected a positive finite number"},
        {"--logits - --temperature -1", "found '-1'"},
        {"--logits - --temperature nan", "found 'nan'"},
        {"--logits - --temperature inf", "found 'inf'"},
        {"--logits - --extremes 0", "expected an integer from 1"},
        {"--logits - --extremes 1.5", "found '1.5'"},
        {"--logits - --variant soft", "expected one of softmax|"},
        {"--logits - --threads -1", "--threads"},
        {"--logits - --isa mmx", "--isa"},
        {"--probs - --sum-tol -1", "--sum-tol"},
        {"--probs - --sum-tol 2", "--sum-tol"},
        {"--probs - --masked", "--masked"},
        {"--probs - --variant normsoftmax-std", "--probs"},
        {"--logits - --variant normsoftmax-var --masked", "--masked"},
        {"--logits - --variant normsoftmax-var --certify", "--certify"},
        {"--logits - --variant normsoftmax-var --vectors", "--vectors"},
    };
    write_in("1 2 4\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_refused(rows[i][0], "", rows[i][1], 1);
    }
}
END_TEST

START_TEST(bad_text)
{
    static const char *const rows[][3] = {
        {"", "--logits -", "expected at least one number, found none"},
        {"# only a comment\n", "--logits -", "found none"},
        {"1 2\n3\n", "--logits -", "standard input:2: expected 2 numbers"},
        {"1 2\n3 x\n", "--logits -", "standard input:2:3: expected a number"},
        {"1 2\nnan 3\n", "--logits -", "standard input:2: number 1"},
        {"1 inf\n", "--logits -", "found inf"},
        {"1 -inf\n", "--logits -", "found -inf"},
        {"1 inf\n", "--logits - --masked", "found inf"},
        {"1 nan\n", "--logits - --masked", "found nan"},
        {"1 2\n-inf -inf\n", "--logits - --masked", "standard input:2"},
        {"1e999 2\n", "--logits -", "below 1.8e308"},
        {"0.5 0.4\n", "--probs -", "sum to 1 within 1e-06"},
        {"0.5 0.500002\n", "--probs -", "sum to 1 within 1e-06"},
        {"0.5 0.5\n0 0\n", "--probs -", "standard input:2"},
        {"0 0\n", "--probs - --sum-tol 1", "sum to 1"},
        {"1.5 -0.5\n", "--probs -", "expected a probability, found -0.5"},
        {"nan 1\n", "--probs -", "found nan"},
        {"1 inf\n", "--probs -", "found inf"},
        {"1e308 1e308\n", "--probs -", "sum to 1"},
        {"1 1\n", "--logits - --temperature 1e-310", "overflows"},
        {"5\n", "--logits - --variant normsoftmax-std", "at least 2"},
        {"1 2\n3 3\n", "--logits - --variant normsoftmax-var",
         "standard input:2: number 1: expected logits that differ"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_in(rows[i][0]);
        expect_refused(rows[i][1], "", rows[i][2], 1);
    }
}
END_TEST

/* The neighbours: the least change that makes a bad input good. */
START_TEST(good_neighbours)
{
    static const char *const rows[][2] = {
        {"1 2 4\n", "--logits - --temperature 1e-300"},
        {"7\n", "--logits - --values --vectors --certify"},
        {"1 -inf\n", "--logits - --masked --values --certify"},
        {"1e308 -1e308\n", "--logits -"},
        {"0.5 0.5000009\n", "--probs -"},
        {"0.5 0.4\n", "--probs - --sum-tol 0.11"},
        {"1 0\n", "--probs - --values --certify"},
        {"1 2\n", "--logits - --variant normsoftmax-std --values"},
        {"1 2 5\n", "--logits - --table --extremes 9 --vectors"},
        {"1 2 5\n", "--logits - --jacobian /dev/null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_in(rows[i][0]);
        outcome o = run(rows[i][1], "");
        ck_assert_msg(o.code == 0, "%s: %d %s", rows[i][1], o.code, o.err);
        ck_assert_msg(o.err[0] == '\0', "%s: %s", rows[i][1], o.err);
        ck_assert_ptr_nonnull(strchr(o.out, '\n'));
        outcome_free(&o);
    }
}
END_TEST

START_TEST(bad_files)
{
    static const char one[] = "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],"
                              "\"data_offsets\":[0,8]}}";
    unsigned char bytes[200] = {0};
    uint64_t length = sizeof one - 1;
    size_t size = 8 + length + 8;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, one, length);
    write_in("");
    scratch_write("f", bytes, size);
    outcome o = run("--logits f", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    expect_refused("--logits f:b", "", "a tensor 'b', found 1 tensor(s): a", 2);
    expect_refused("--probs f", "", "f: row 0, column 0 (from 0)", 2);
    scratch_write("f", bytes, size - 1);
    expect_refused("--logits f", "", "f: ", 2);
    length = (uint64_t)1 << 63;
    memcpy(bytes, &length, 8);
    scratch_write("f", bytes, size);
    expect_refused("--logits f", "", "found 9223372036854775808", 2);
    expect_refused("--logits absent", "", "absent: expected a readable", 2);
    expect_refused("--logits .", "", "Is a directory", 2);
    expect_refused("--logits absent:a", "", "absent:a", 2);
}
END_TEST

/* F32 probabilities that miss 1 by their own rounding pass, by more do not. */
START_TEST(probabilities_of_a_dtype)
{
    static const char one[] = "{\"p\":{\"dtype\":\"F32\",\"shape\":[3],"
                              "\"data_offsets\":[0,12]}}";
    float third[3] = {1 / 3.0f, 1 / 3.0f, 1 / 3.0f};
    unsigned char bytes[200];
    uint64_t length = sizeof one - 1;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, one, length);
    memcpy(bytes + 8 + length, third, 12);
    write_in("");
    scratch_write("f", bytes, 8 + length + 12);
    outcome o = run("--probs f", "");
    ck_assert_int_eq(o.code, 0);
    /* each third is 2^-25 / 3 too large */
    ck_assert_ptr_nonnull(strstr(o.out, "\"sum_error\": 2.98023223876953"));
    outcome_free(&o);
    third[0] = 0.333333f - 1e-6f;
    memcpy(bytes + 8 + length, third, 12);
    scratch_write("f", bytes, 8 + length + 12);
    expect_refused("--probs f", "", "sum to 1 within 3.58e-07", 2);
}
END_TEST

START_TEST(bad_outputs)
{
    write_in("1 2 4\n");
    expect_refused("--logits -", ">/dev/full", "No space left", 1);
    expect_refused("--logits - --table", ">/dev/full", "No space left", 1);
    expect_refused("--logits -", ">&-", "standard output", 1);
    expect_refused("--help", ">/dev/full", "No space left", 1);
    expect_refused("--version", ">&-", "standard output", 1);
    expect_refused("--logits - --jacobian no/J", "", "no/J", 1);
    expect_refused("--logits - --jacobian .", "", "Is a directory", 1);
    expect_refused("--logits - --jacobian /dev/full", "", "No space left", 1);
    expect_refused("--logits - --out in/below", "", "Not a directory", 1);
    expect_refused("--logits - --out /dev/null", "", "Not a directory", 1);
}
END_TEST

/* a bad row after thousands of good ones: still nothing is printed */
START_TEST(nothing_before_all_is_good)
{
    char *text = malloc(60001);
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < 10000; i++) {
        memcpy(text + 6 * i, "1 2 5\n", 7);
    }
    memcpy(text + 6 * 9999, "1 x 5\n", 6);
    write_in(text);
    expect_refused("--logits -", "", "standard input:10000:3", 1);
    free(text);
}
END_TEST

int main(void)
{
    find_program("softmax-spectrum");
    Suite *suite = suite_create("bad_input");
    TCase *c = tcase_create("bad_input");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, program_is_built);
    tcase_add_test(c, bad_usage);
    tcase_add_test(c, bad_text);
    tcase_add_test(c, good_neighbours);
    tcase_add_test(c, bad_files);
    tcase_add_test(c, probabilities_of_a_dtype);
    tcase_add_test(c, bad_outputs);
    tcase_add_test(c, nothing_before_all_is_good);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
