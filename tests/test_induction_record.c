/* Oracles: verdicts of hand-made records of induction (F29), and the single
 * lines that broken ones get. */
#include "tests/program.h"

static void setup(void)
{
    find_program("f29-induction");
    scratch_make();
    write_in("");
}

#define HEAD "# recorded 2026-11-22: by hand\n# linear (1)\tseed (1)\n"
/* arm, seed, step, accuracy and the sinks of two heads; the others sink */
#define ROW(arm, seed, step, accuracy, one, other)                             \
#arm "\t" #seed "\t" #step "\t1.5\t0.5\t" #accuracy "\t" #one              \
         "\t0.96\t0.97\t" #other "\t0.9\t0.9\t0.9\t0.9\n"
#define SOFTMAX                                                                \
    ROW(0, 1, 390, 0.1, 0.2, 0.3)                                              \
    ROW(0, 1, 780, 0.99, 0.2, 0.3) ROW(0, 1, 1170, 0.99, 0.96, 0.98)
#define PAUSE "\n\n"
#define LINEAR ROW(1, 1, 390, 0.5, 0.2, 0.3) ROW(1, 1, 1170, 1, 0.99, -0.1)

static outcome judge(const char *text)
{
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "mkdir -p %s/r", scratch);
    ck_assert_int_eq(system(command), 0);
    scratch_write("r/induction-sinks.tsv", text, strlen(text));
    return run("--recorded r --json", "");
}

static void expect(const char *text, int code, const char *claim,
                   const char *twin)
{
    outcome o = judge(text);
    char found[64];
    ck_assert_msg(o.code == code, "code %d: %s%s", o.code, o.out, o.err);
    snprintf(found, sizeof found, "\"verdict\": \"%s\"", claim);
    const char *second = strchr(o.out, '\n');
    ck_assert_ptr_nonnull(second);
    ck_assert_msg(strstr(o.out, found) && strstr(o.out, found) < second, "%s",
                  o.out);
    snprintf(found, sizeof found, "\"verdict\": \"%s\"", twin);
    ck_assert_msg(strstr(second, found) != NULL, "%s", o.out);
    outcome_free(&o);
}

START_TEST(the_last_row_of_a_run_is_judged)
{
    expect(HEAD SOFTMAX PAUSE LINEAR, 0, "HOLDS", "REFUTED");
    expect(HEAD SOFTMAX PAUSE LINEAR PAUSE ROW(0, 2, 1170, 0.96, 0.951, 0.949)
               PAUSE,
           1, "REFUTED", "REFUTED");
    /* a run that has not learned says nothing */
    expect(HEAD SOFTMAX PAUSE LINEAR PAUSE ROW(0, 2, 1170, 0.95, 0.951, 0.949),
           0, "HOLDS", "REFUTED");
    expect(HEAD LINEAR, 3, "VACUOUS", "REFUTED");
    expect(HEAD SOFTMAX ROW(1, 1, 1170, 1, 0.99, 0.951), 4, "HOLDS", "HOLDS");
    expect(HEAD ROW(0, 1, 1170, 1, nan, 0.99) LINEAR, 3, "UNDECIDED",
           "REFUTED");
}
END_TEST

static void refuse(const char *text, const char *what)
{
    outcome o = judge(text);
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_str_eq(o.out, "");
    ck_assert_msg(strstr(o.err, what) != NULL, "found: %s", o.err);
    outcome_free(&o);
}

START_TEST(broken_records_get_one_line)
{
    refuse("", "induction-sinks.tsv:1: expected a run to step 1170");
    refuse(HEAD ROW(0, 1, 390, 0.1, 0.2, 0.3), "expected a run to step 1170");
    refuse(HEAD SOFTMAX "0\t2\t390\n", ":6: expected 14 numbers");
    refuse(HEAD "x" SOFTMAX, ":3: expected 14 numbers");
    refuse(HEAD SOFTMAX ROW(0, 2, 1171, 1, 1, 1), ":6: expected");
    refuse(HEAD ROW(2, 1, 1170, 1, 1, 1), ":3: expected");
    refuse(HEAD ROW(0, 1, 1170, 1.01, 1, 1), ":3: expected");
    refuse(HEAD ROW(0, 1, 390, 1, 1, 1) ROW(0, 2, 1170, 1, 1, 1),
           ":4: expected");
    refuse(HEAD ROW(0, 1, 390, 1, 1, 1) ROW(0, 1, 390, 1, 1, 1),
           ":4: expected");
    outcome o = run("--recorded nowhere", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    outcome_free(&o);
}
END_TEST

START_TEST(the_day_is_told)
{
    outcome o = judge(HEAD SOFTMAX PAUSE LINEAR);
    ck_assert_msg(strstr(o.out, "2026-11-22") != NULL, "%s", o.out);
    outcome_free(&o);
    o = judge(SOFTMAX PAUSE LINEAR); /* of the file: not that day */
    ck_assert_int_eq(o.code, 0);
    ck_assert_msg(strstr(o.out, "\"recorded\": \"20") != NULL, "%s", o.out);
    outcome_free(&o);
    o = run("--json", ""); /* the record of this repository */
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("induction-record");
    TCase *c = tcase_create("record");
    tcase_add_checked_fixture(c, setup, scratch_remove);
    tcase_add_test(c, the_last_row_of_a_run_is_judged);
    tcase_add_test(c, broken_records_get_one_line);
    tcase_add_test(c, the_day_is_told);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
