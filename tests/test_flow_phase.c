/* Oracles: theorems R11 and R3 of the note over every cell; a run that went on
 * from half of its rows against one that did not stop, to the byte; exit codes
 * and single lines that the design promises. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <gsl/gsl_errno.h>
#include "flow/phase.h"
#include "tests/interrupt.h"
#include "tests/program.h"

static void setup(void)
{
    find_program("flow-phase");
    scratch_make();
    write_in("");
}

static json_t *result(const outcome *o)
{
    json_t *line = json_loads(o->out, 0, NULL);
    ck_assert_msg(line != NULL, "no JSON: %s", o->out);
    return line;
}

static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(json_is_number(value), "%s is no number", key);
    return json_number_value(value);
}

START_TEST(two_tokens_obey_their_theorem)
{
    outcome o = run("--grid 31 --json", "");
    json_t *line = result(&o);
    ck_assert_int_eq(o.code, 0);
    ck_assert_int_eq(o.lines, 0);
    ck_assert(number(line, "cells") == 961 && number(line, "covered") == 961);
    ck_assert(number(line, "disagreements") == 0);
    ck_assert(number(line, "undecided") == 1); /* the saddle itself */
    /* the grid is symmetric under the exchange of the tokens */
    const json_t *wins = json_object_get(line, "wins");
    ck_assert_uint_eq(json_array_size(wins), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(json_integer_value(json_array_get(wins, i)), 480);
    }
    ck_assert(number(line, "rises") == 450); /* D0 delta0 < 0: 2 15^2 */
    json_decref(line);
    outcome_free(&o);
}
END_TEST

START_TEST(the_cone_of_the_simplex_obeys_its_theorem)
{
    outcome o =
        run("-d simplex -g 25 --u0 0.2,1,-0.3 --json -l exponential", "");
    json_t *line = result(&o);
    ck_assert_int_eq(o.code, 0);
    ck_assert(number(line, "cells") == 325 && number(line, "covered") > 30);
    ck_assert(number(line, "disagreements") == 0);
    ck_assert(number(line, "rises") > 0);
    ck_assert(number(line, "largest_rise") > 1e-3);
    json_decref(line);
    outcome_free(&o);
}
END_TEST

START_TEST(the_spread_polarises_late)
{
    outcome o = run("-d spread -g 21 --json --nearest 0.5 --farthest 1", "");
    json_t *line = result(&o);
    ck_assert_int_eq(o.code, 0);
    ck_assert(number(line, "polarised") == 0);
    ck_assert(json_is_null(json_object_get(line, "t_end")));
    ck_assert(json_is_null(json_object_get(line, "wins")));
    json_decref(line);
    outcome_free(&o);
    o = run("-d spread -g 21 --json --nearest 20 --farthest 21", "");
    line = result(&o);
    ck_assert(number(line, "polarised") == 441);
    json_decref(line);
    outcome_free(&o);
}
END_TEST

/* The table of a finished run. */
static char *table_of(const char *dir, const char *options)
{
    char args[256], path[128];
    snprintf(args, sizeof args, "-g 15 --json --out %s %s", dir, options);
    outcome o = run(args, "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    snprintf(path, sizeof path, "%s/flow-two-token.tsv", dir);
    return scratch_read(scratch_path(path));
}

START_TEST(a_stopped_run_goes_on)
{
    char command[512];
    char *whole = table_of("whole", "--threads 1");
    /* half of the rows, as an earlier run leaves them: stopped by a file that
     * cannot be written over */
    snprintf(command, sizeof command,
             "cd %s && mkdir -p half/flow-two-token.rows/000007", scratch);
    ck_assert_int_eq(system(command), 0);
    outcome o = run("-g 15 --json --out half", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "000007"));
    outcome_free(&o);
    snprintf(command, sizeof command,
             "cd %s/half/flow-two-token.rows && rmdir 000007 && : >000003 && "
             "test -f 000006 && test -f plan",
             scratch);
    ck_assert_int_eq(system(command), 0);
    o = run("-g 15 --t-end 3 --out half", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "another"));
    outcome_free(&o);

    o = run("-g 15 --json --threads 3 --out half", "");
    json_t *line = result(&o);
    ck_assert_int_eq(o.code, 0);
    ck_assert(number(line, "resumed_rows") == 6); /* 7 but for the broken one */
    json_decref(line);
    outcome_free(&o);
    char *half = scratch_read(scratch_path("half/flow-two-token.tsv"));
    ck_assert_str_eq(half, whole);
    snprintf(command, sizeof command,
             "cd %s && test ! -e half/flow-two-token.rows && "
             "test -f half/run.json",
             scratch);
    ck_assert_int_eq(system(command), 0);
    free(half);
    free(whole);
}
END_TEST

START_TEST(an_interrupted_run_says_so)
{
    char command[PATH_MAX + 256];
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" -g 2000 --out long -q >printed 2>said",
             scratch, program);
    ck_assert_int_eq(interrupt(command), 130);
    char *said = scratch_read(scratch_path("said"));
    char *printed = scratch_read(scratch_path("printed"));
    ck_assert_ptr_nonnull(strstr(said, "goes on"));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert_str_eq(printed, "");
    free(printed);
    free(said);
    snprintf(command, sizeof command, "rm -r %s/long", scratch);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(bad_input_gets_one_line)
{
    static const char *const bad[] = {
        "--grid 2",      "--grid x",
        "--t-end 0",     "--t-end nan",
        "--range -1",    "--range 101",
        "--loss square", "--diagram tetrahedron",
        "--u0 1,2",      "--u0 1,2,3,4",
        "--u0 1,,3",     "--u0 1,nan,3",
        "--u0 1,inf,3",  "--u0 1e7,0,0",
        "--tokens 1",    "--tokens 65",
        "--narrowest 0", "--narrowest 2",
        "--nearest 17",  "--farthest 501",
        "--seed -1",     "--out in/x",
        "left over",
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
    o = run("--table --grid 5", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "disagreements    0 of 25, with R11"));
    outcome_free(&o);
}
END_TEST

START_TEST(a_contradiction_is_counted)
{
    /* columns of a two-token row: D0, delta0, predicted winner and rise,
     * failed, winner, entropy, rise, plateau */
    static const double good[] = {1, 2, 1, 0, 0, 1, 0.1, 0, 0.5};
    const thm_phase phase = thm_phase_defaults(THM_PHASE_TWO_TOKEN);
    for (int k = 0; k < 6; k++) {
        double v[9];
        memcpy(v, good, sizeof v);
        v[5] = k == 1 ? 2 : k == 4 || k == 5 ? 0 : 1; /* winner         */
        v[7] = k == 2 ? 0.1 : 0;                      /* rise           */
        v[3] = k == 3 || k == 5 ? 0.1 : 0;            /* predicted rise */
        thm_phase_tally t = thm_phase_tally_none();
        thm_phase_count(&phase, 1, v, &t);
        /* wrong winner; rise where none should be; none where one should;
         * what is not yet decided contradicts nothing */
        ck_assert_int_eq(t.disagreements, k >= 1 && k <= 3);
        ck_assert_int_eq(t.undecided, k >= 4);
        v[4] = 1;
        t = thm_phase_tally_none();
        thm_phase_count(&phase, 1, v, &t);
        ck_assert(t.failed == 1 && t.disagreements == 0);
    }
}
END_TEST

START_TEST(errors_of_a_row)
{
    double values[10 * 9];
    const thm_phase good = {.kind = THM_PHASE_TWO_TOKEN,
                            .grid = 10,
                            .t_end = 1,
                            .range = 1,
                            .threads = 1};
    thm_phase p = good;
#define REFUSED(row, status)                                                   \
    ck_assert_int_eq(thm_phase_row(&p, row, values, NULL, NULL), status);      \
    p = good
    REFUSED(9, THM_OK);
    REFUSED(10, THM_EDIM);
    REFUSED(-1, THM_EDIM);
    p.grid = 2;
    REFUSED(0, THM_EDIM);
    p.t_end = HUGE_VAL;
    REFUSED(0, THM_EDOMAIN);
    p.range = NAN;
    REFUSED(0, THM_EDOMAIN);
    p.sum = NAN;
    REFUSED(0, THM_EDOMAIN);
    p.loss = THM_LOSS_SQUARE;
    REFUSED(0, THM_EDOMAIN);
    p.kind = THM_PHASE_SPREAD;
    REFUSED(0, THM_EDIM); /* no tokens */
    p.kind = THM_PHASE_SPREAD;
    p.n = 3;
    REFUSED(0, THM_EDOMAIN); /* no scale */
}
END_TEST

int main(void)
{
    gsl_set_error_handler_off();
    Suite *suite = suite_create("flow-phase");
    TCase *t = tcase_create("program");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_add_test(t, two_tokens_obey_their_theorem);
    tcase_add_test(t, the_cone_of_the_simplex_obeys_its_theorem);
    tcase_add_test(t, the_spread_polarises_late);
    tcase_add_test(t, a_stopped_run_goes_on);
    tcase_add_test(t, an_interrupted_run_says_so);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    t = tcase_create("rows");
    tcase_add_test(t, a_contradiction_is_counted);
    tcase_add_test(t, errors_of_a_row);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
