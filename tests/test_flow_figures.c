/* Suite of flow-figures.  Oracle: stored (the note's reference numbers, to two
 * units of their last digit), and the ends of curves against them. */
#include <jansson.h>
#include <math.h>

#include "tests/program.h"

/* Each number within two units of the note's; returns how many have one. */
static int expect_references(const char *args)
{
    int count = 0;
    outcome o = run(args, "");
    ck_assert_msg(o.code == 0 && o.lines == 0, "%s: %d %s", args, o.code,
                  o.err);
    for (char *line = o.out; *line != '\0';) {
        char *end = strchr(line, '\n');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        json_t *number = json_loads(line, 0, NULL);
        ck_assert_msg(number != NULL, "%s", line);
        const json_t *unit = json_object_get(number, "unit");
        ck_assert(json_is_number(json_object_get(number, "measured")));
        if (json_is_number(unit)) {
            const double off =
                json_number_value(json_object_get(number, "difference"));
            ck_assert_msg(fabs(off) <= 2 * json_number_value(unit), "%s", line);
            ck_assert(
                json_number_value(json_object_get(number, "measured")) -
                    json_number_value(json_object_get(number, "reference")) ==
                off);
            count++;
        }
        json_decref(number);
        line = end + 1;
    }
    outcome_free(&o);
    return count;
}

START_TEST(numbers_are_those_of_the_note)
{
    write_in("");
    ck_assert_int_eq(expect_references("--only A,B,sink --effort 0.1"),
                     5 + 9 + 5);
    ck_assert_int_eq(expect_references("--only F,columns"), 1);
    ck_assert_int_eq(expect_references("--only C"), 6);
}
END_TEST

/* The last row of a table, as numbers; returns how many rows there are. */
static int last_row(const char *name, int columns, double *last)
{
    int rows = -1;
    char *text = scratch_read(scratch_path(name));
    for (char *row = text; *row != '\0'; rows++) {
        char *end = strchr(row, '\n'), *at = row;
        ck_assert_ptr_nonnull(end);
        for (int i = 0; i < columns && rows >= 0; i++) {
            last[i] = strtod(at, &at);
        }
        ck_assert(rows < 0 || at == end);
        row = end + 1;
    }
    free(text);
    return rows;
}

START_TEST(curves_end_at_the_numbers)
{
    double row[24];
    write_in("");
    expect_references("--only B,E,sink,columns --effort 0.1 --out o");
    ck_assert_int_eq(last_row("o/B.tsv", 13, row), 120);
    ck_assert(row[0] == 500);
    ck_assert_double_le(fabs(row[1] - 2.28737077), 2e-8);
    ck_assert_double_le(fabs(row[2] - .1440229177), 2e-10);
    ck_assert_double_le(fabs(row[12] - .7663639055), 2e-10);
    ck_assert_int_eq(last_row("o/E.tsv", 6, row), 120);
    ck_assert_double_le(fabs(row[1] - 2.995229346), 2e-9);
    ck_assert_double_le(fabs(row[5] - .404396055), 2e-9);
    ck_assert_int_eq(last_row("o/sink.tsv", 5, row), 97);
    ck_assert_double_le(fabs(row[1] + row[2] - 1), 1e-15);
    /* the winner's column keeps growing, frozen attention's do not part */
    ck_assert_int_eq(last_row("o/columns.tsv", 5, row), 97);
    ck_assert(row[3] > 2 && row[4] < 1.2);
    ck_assert_int_eq(access(scratch_path("o/run.json"), R_OK), 0);
    ck_assert_int_ne(access(scratch_path("o/A.tsv"), R_OK), 0);
}
END_TEST

START_TEST(bad_usage)
{
    static const char *const rows[][2] = {
        {"--only G", "found 'G'"},
        {"--only A,", "found ''"},
        {"--only A,columnss", "found 'columnss'"},
        {"--effort 0", "--effort"},
        {"--bogus", "unknown"},
        {"--only sink --out in/x", "in/x"},
    };
    write_in("");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        outcome o = run(rows[i][0], "");
        ck_assert_msg(o.code == 2 && o.lines == 1, "%s: %d %s", rows[i][0],
                      o.code, o.err);
        ck_assert_msg(strstr(o.err, rows[i][1]) != NULL, "%s", o.err);
        ck_assert_str_eq(o.out, "");
        outcome_free(&o);
    }
}
END_TEST

START_TEST(figures_are_listed)
{
    write_in("");
    outcome o = run("--list", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert(strncmp(o.out, "A ", 2) == 0 && strstr(o.out, "\ncolumns "));
    outcome_free(&o);
    o = run("--only columns,sink --table", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "reference"));
    outcome_free(&o);
}
END_TEST

int main(void)
{
    find_program("flow-figures");
    Suite *suite = suite_create("flow_figures");
    TCase *c = tcase_create("flow_figures");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, numbers_are_those_of_the_note);
    tcase_add_test(c, curves_end_at_the_numbers);
    tcase_add_test(c, bad_usage);
    tcase_add_test(c, figures_are_listed);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
