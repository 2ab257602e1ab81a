/* Suite of the option table.  Oracles: the values that a shell user would
 * expect, written beside the arguments; the words of core/options.h. */
#include <float.h>
#include <math.h>

#include "core/options.h"
#include "core/version.h"
#include "tests/scratch.h"

static double tau;
static int mode, operands;
static thm_common common;
static const char *operand[2];
static thm_message msg;

static const thm_option table[] = {
    {"temperature", 't', "T", THM_OPTION_REAL, &tau, "divide by T",
     THM_POSITIVE, DBL_MAX},
    {"mode", 0, "one|two|twofold", THM_OPTION_CHOICE, &mode, "how", 0, 0},
    THM_COMMON_SEED(common),
    THM_COMMON_EFFORT(common),
    THM_COMMON_CASE(common),
    THM_COMMON_THREADS(common),
    THM_COMMON_OUT(common),
    THM_COMMON_PRINT(common),
    {0}};
static const thm_options spec = {.program = "probe",
                                 .purpose = "Warms a row.",
                                 .details = "Ends well.",
                                 .table = table,
                                 .operands = "FILE...",
                                 .max_operands = 2,
                                 .operand = operand,
                                 .operand_count = &operands};

/* Parses a line split at blanks; what --help says goes to "help". */
static thm_status parse_with(const thm_options *options, const char *line,
                             thm_outcome *outcome)
{
    static char copy[512];
    char *argv[32] = {"probe"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " ")) {
        argv[argc++] = w;
    }
    tau = 1;
    mode = 0;
    common = (thm_common)THM_COMMON_DEFAULT;
    msg.text[0] = '\0';
    FILE *help = fopen(scratch_path("help"), "w");
    thm_status status =
        thm_options_parse(options, argc, argv, help, outcome, &msg);
    fclose(help);
    return status;
}

static thm_status parse(const char *line)
{
    thm_outcome outcome = THM_TOLD;
    thm_status status = parse_with(&spec, line, &outcome);
    ck_assert(status != THM_OK || outcome == THM_RUN);
    return status;
}

START_TEST(good_arguments)
{
    ck_assert_int_eq(parse(""), THM_OK);
    ck_assert(tau == 1 && common.seed == 1 && common.effort == 1);
    ck_assert(!common.json && !common.quiet && operands == 0);

    ck_assert_int_eq(parse("a -t 2.385 --mode two -q b --seed "
                           "18446744073709551615 --effort=0x1p-3 --json "
                           "--isa avx2 -j 7 --case S5/3 -o dir"),
                     THM_OK);
    ck_assert(tau == 2.385 && common.effort == 0.125);
    ck_assert_int_eq(mode, 1);
    ck_assert_uint_eq(common.seed, UINT64_MAX);
    ck_assert(common.json && common.quiet && !common.table);
    ck_assert_int_eq(common.isa, 2);
    ck_assert_int_eq(common.threads, 7);
    ck_assert_str_eq(common.only, "S5/3");
    ck_assert_str_eq(common.out, "dir");
    ck_assert_int_eq(operands, 2);
    ck_assert_str_eq(operand[0], "a");
    ck_assert_str_eq(operand[1], "b");

    /* a choice that begins like another; a shortened name; "--" */
    ck_assert_int_eq(parse("--mode twofold --temp 3 -- -t"), THM_OK);
    ck_assert_int_eq(mode, 2);
    ck_assert(tau == 3);
    ck_assert_str_eq(operand[0], "-t");
}
END_TEST

START_TEST(bad_arguments)
{
    static const char *const lines[][2] = {
        {"--bogus", "'--bogus' is unknown"},
        {"a --bogus=3 b", "'--bogus=3' is unknown"},
        {"-x", "'-x' is unknown"},
        {"-qx", "'-qx' is unknown"},
        {"-q -xq", "'-xq' is unknown"},
        {"--seed", "'--seed' lacks its argument"},
        {"-t", "'-t' is unknown or lacks its argument"},
        {"--quiet=3", "'--quiet=3' takes no argument"},
        {"--t 3", "'--t' is ambiguous"},
        {"-t 0", "--temperature: expected a positive finite number, found '0'"},
        {"-t -1", "found '-1'"},
        {"-t nan", "found 'nan'"},
        {"-t inf", "found 'inf'"},
        {"-t 1e999", "found '1e999'"},
        {"-t 1x", "found '1x'"},
        {"--temperature=", "found ''"},
        {"--effort 1e7", "--effort: expected a number from"},
        {"--effort nan", "found 'nan'"},
        {"--mode tw", "--mode: expected one of one|two|twofold, found 'tw'"},
        {"--mode=", "found ''"},
        {"--mode one|two", "found 'one|two'"},
        {"--seed -1", "--seed: expected an integer from 0 to 2^64 - 1"},
        {"--seed 18446744073709551616", "found '18446744073709551616'"},
        {"--seed +1", "found '+1'"},
        {"--seed 0x10", "found '0x10'"},
        {"--threads -1", "--threads: expected an integer from 0 to 4096"},
        {"--threads 1.5", "found '1.5'"},
        {"--threads 4294967297", "found '4294967297'"},
        {"--threads 99999999999999999999", "found '9999"},
        {"a b c", "found 'c'"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ck_assert_msg(parse(lines[i][0]) == THM_EDOMAIN, "%s", lines[i][0]);
        ck_assert_msg(strstr(msg.text, lines[i][1]) != NULL, "%s -> %s",
                      lines[i][0], msg.text);
        ck_assert_int_eq(tau == 1 || tau == 3, 1);
    }
}
END_TEST

START_TEST(operands_are_counted)
{
    thm_outcome outcome;
    thm_options two = spec, none = spec;
    two.min_operands = 2;
    ck_assert_int_eq(parse_with(&two, "a", &outcome), THM_EDOMAIN);
    ck_assert_ptr_nonnull(strstr(msg.text, "expected FILE..., found 1"));
    ck_assert_int_eq(parse_with(&two, "a b", &outcome), THM_OK);
    none.operand_count = NULL;
    none.max_operands = 0;
    ck_assert_int_eq(parse_with(&none, "a", &outcome), THM_EDOMAIN);
    ck_assert_ptr_nonnull(strstr(msg.text, "expected options only, found 'a'"));
    none.table = NULL;
    ck_assert_int_eq(parse_with(&none, "", &outcome), THM_OK);
    ck_assert_int_eq(outcome, THM_RUN);
}
END_TEST

START_TEST(help_and_version_are_told)
{
    thm_outcome outcome = THM_RUN;
    ck_assert_int_eq(parse_with(&spec, "-q --help", &outcome), THM_OK);
    ck_assert_int_eq(outcome, THM_TOLD);
    char *help = scratch_read(scratch_path("help"));
    ck_assert_ptr_nonnull(strstr(help, "Warms a row."));
    ck_assert_ptr_nonnull(strstr(help, "Ends well."));
    ck_assert_ptr_nonnull(strstr(help, "FILE..."));
    for (int i = 0; table[i].name != NULL; i++) {
        ck_assert_ptr_nonnull(strstr(help, table[i].name));
    }
    free(help);
    outcome = THM_RUN;
    ck_assert_int_eq(parse_with(&spec, "--version --bogus", &outcome), THM_OK);
    ck_assert_int_eq(outcome, THM_TOLD);
    char *version = scratch_read(scratch_path("help"));
    ck_assert_str_eq(version, "probe (Theoremeter) " THM_VERSION "\n");
    free(version);
}
END_TEST

START_TEST(options_are_echoed)
{
    ck_assert_int_eq(parse("x -t 0.5 --mode two --seed 18446744073709551615"),
                     THM_OK);
    json_t *object = thm_options_json(&spec);
    char *text = json_dumps(object, JSON_REAL_PRECISION(17));
    ck_assert_str_eq(
        text, "{\"temperature\": 0.5, \"mode\": \"two\", \"seed\": "
              "\"18446744073709551615\", \"effort\": 1.0, \"case\": null, "
              "\"threads\": 0, \"isa\": \"auto\", \"out\": \"out\", \"json\": "
              "false, \"table\": false, \"quiet\": false, \"arguments\": "
              "[\"x\"]}");
    free(text);
    json_decref(object);
}
END_TEST

START_TEST(numbers_are_strict)
{
    static const char *const bad[] = {"",  " 1",  "1 ",  "1,", "e5",    "-",
                                      ".", "nan", "NaN", "0x", "1e999", "--1"};
    double x = 7;
    int k = 7;
    uint64_t s = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(!thm_parse_real(bad[i], &x), "%s", bad[i]);
        ck_assert_msg(!thm_parse_int(bad[i], &k), "%s", bad[i]);
        ck_assert_msg(!thm_parse_u64(bad[i], &s), "%s", bad[i]);
    }
    ck_assert(x == 7 && k == 7 && s == 7);
    ck_assert(thm_parse_real("-inf", &x) && x == -HUGE_VAL);
    ck_assert(thm_parse_real("1e-400", &x) && x == 0);
    ck_assert(thm_parse_real(".5", &x) && x == 0.5);
    ck_assert(thm_parse_int("-2147483648", &k) && k == INT32_MIN);
    ck_assert(!thm_parse_int("2147483648", &k));
    ck_assert(thm_parse_u64("0", &s) && s == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *c = tcase_create("options");
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, good_arguments);
    tcase_add_test(c, bad_arguments);
    tcase_add_test(c, operands_are_counted);
    tcase_add_test(c, help_and_version_are_told);
    tcase_add_test(c, options_are_echoed);
    tcase_add_test(c, numbers_are_strict);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
