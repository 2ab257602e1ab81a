/* Suite of value-flow.  Oracles: stored (SciPy's DOP853 at rtol 1e-12, see
 * tests/references/value_flow_scipy.py); closed forms of one token and of a
 * symmetric start; the same run by another way. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>

#include "io/tensor.h"
#include "tests/program.h"

/* Runs, expects an exit code, and gives the one JSON line. */
static json_t *line_of(const char *args, int code)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == code && o.lines == (code == 0 ? 0 : 1), "%s: %d %s",
                  args, o.code, o.err);
    json_t *line = json_loads(o.out, 0, NULL);
    ck_assert_msg(line != NULL, "%s: %s", args, o.out);
    outcome_free(&o);
    return line;
}

static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(json_is_number(value), "%s", key);
    return json_number_value(value);
}

static void expect_near(double x, double want, double tol)
{
    ck_assert_msg(fabs(x - want) <= tol, "%.17g, not %.17g", x, want);
}

/* Arrays of numbers, or of such arrays, alike to tol. */
static void expect_alike(const json_t *found, const json_t *want, double tol,
                         const char *what)
{
    ck_assert_msg(json_array_size(found) == json_array_size(want) &&
                      json_array_size(want) > 0,
                  "%s: %zu", what, json_array_size(found));
    for (size_t i = 0; i < json_array_size(want); i++) {
        const json_t *x = json_array_get(found, i),
                     *y = json_array_get(want, i);
        if (json_is_array(y)) {
            expect_alike(x, y, tol, what);
            continue;
        }
        const double error = fabs(json_number_value(x) - json_number_value(y));
        ck_assert_msg(json_is_number(x) && error <= tol, "%s[%zu]: off by %g",
                      what, i, error);
    }
}

/* Writes a vector or the rows of a matrix. */
static void put(const char *name, const json_t *array)
{
    FILE *file = fopen(scratch_path(name), "w");
    ck_assert_ptr_nonnull(file);
    size_t i, j;
    json_t *row, *x;
    json_array_foreach(array, i, row)
    {
        if (json_is_number(row)) {
            fprintf(file, "%.17g\n", json_number_value(row));
            continue;
        }
        json_array_foreach(row, j, x)
        {
            fprintf(file, "%.17g%s", json_number_value(x),
                    j + 1 < json_array_size(row) ? " " : "\n");
        }
    }
    ck_assert_int_eq(fclose(file), 0);
}

/* stored: p, a and V at t to 1e-8, for every loss and normalisation, by each
 * kind of integrator */
START_TEST(agrees_with_scipy)
{
    static const char *const steppers[] = {"auto", "rk8pd", "bsimp"};
    const size_t count = sizeof steppers / sizeof *steppers;
    json_t *all = json_load_file("tests/references/value_flow.json", 0, NULL);
    ck_assert_ptr_nonnull(all);
    size_t i;
    json_t *c;
    write_in("");
    json_array_foreach(json_object_get(all, "cases"), i, c)
    {
        const char *loss = json_string_value(json_object_get(c, "loss"));
        const json_t *labels = json_object_get(c, "labels");
        char args[300];
        put("V", json_object_get(c, "V0"));
        put("a", json_object_get(c, "a0"));
        put("b", json_object_get(c, "target"));
        put("X", json_object_get(c, "matrix"));
        put("y", labels);
        for (size_t k = 0; k < count; k++) {
            snprintf(args, sizeof args,
                     "--v0 V --a0 a --loss %s %s%s --t-end %.17g --state "
                     "--normalisation %s --rtol 1e-12 --stepper %s",
                     loss, labels ? "--data X --labels y" : "--target b",
                     strcmp(loss, "quadratic") == 0 ? " --matrix X" : "",
                     json_number_value(json_object_get(c, "t")),
                     json_string_value(json_object_get(c, "normalisation")),
                     steppers[k]);
            json_t *line = line_of(args, 0);
            static const char *const keys[] = {"p", "a", "V"};
            for (int key = 0; key < 3; key++) {
                expect_alike(json_object_get(line, keys[key]),
                             json_object_get(c, keys[key]), 1e-8, args);
            }
            ck_assert(number(line, "t") ==
                      json_number_value(json_object_get(c, "t")));
            json_decref(line);
        }
    }
    ck_assert_uint_ge(i, 8);
    json_decref(all);
}
END_TEST

/* identity: the three times are one flow, and tau = sum(u - u(0)) */
START_TEST(the_times_agree)
{
    static const char *const runs[] = {"--time t",
                                       "--time log",
                                       "--time tau",
                                       "--time t --stepper rk8pd",
                                       "--time log --stepper bsimp",
                                       "--time tau --stepper msadams"};
    static const char *const losses[] = {"logistic", "exponential"};
    write_in("0.3 -0.4 1.2\n");
    for (int loss = 0; loss < 2; loss++) {
        json_t *first = NULL;
        for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
            char args[300];
            snprintf(args, sizeof args,
                     "--draw 3,5 --v-scale 0.5 --a-scale 1 --seed 5 --loss %s "
                     "--target - --t-end 3e4 --rtol 1e-11 --state %s",
                     losses[loss], runs[k]);
            json_t *line = line_of(args, 0);
            if (first == NULL) {
                first = json_incref(line);
            }
            expect_alike(json_object_get(line, "p"),
                         json_object_get(first, "p"), 1e-8, args);
            expect_alike(json_object_get(line, "V"),
                         json_object_get(first, "V"), 1e-8, args);
            ck_assert(number(line, "t") == 3e4);
            if (strstr(runs[k], "tau") != NULL) {
                /* sum V'b / |b| over the tokens, at the end and the start */
                snprintf(args, sizeof args,
                         "--draw 3,5 --v-scale 0.5 --a-scale 1 --seed 5 "
                         "--target - --t-end 1e-300 --state --loss %s",
                         losses[loss]);
                json_t *start = line_of(args, 0);
                static const double b[] = {0.3 / 1.3, -0.4 / 1.3, 1.2 / 1.3};
                double tau = 0;
                for (size_t i = 0; i < 15; i++) {
                    tau +=
                        b[i / 5] *
                        (json_number_value(json_array_get(
                             json_array_get(json_object_get(line, "V"), i / 5),
                             i % 5)) -
                         json_number_value(json_array_get(
                             json_array_get(json_object_get(start, "V"), i / 5),
                             i % 5)));
                }
                expect_near(number(line, "tau"), tau, 1e-9);
                json_decref(start);
            }
            json_decref(line);
        }
        json_decref(first);
    }
}
END_TEST

/* identity: logistic with |b| = 1 has L t -> 1, so that t = 1e250 shows it */
START_TEST(reaches_the_largest_times)
{
    write_in("");
    static const char *const runs[] = {"--time tau", "--time log"};
    for (int k = 0; k < 2; k++) {
        char args[100];
        snprintf(args, sizeof args, "--draw 8,8 --t-end 1e250 %s", runs[k]);
        json_t *line = line_of(args, 0);
        expect_near(number(line, "loss") * 1e250, 1, 1e-5);
        ck_assert(number(line, "p_max") > 0.9999);
        ck_assert(number(line, "rhs_calls") < 3000);
        ck_assert(number(line, "sum_a_drift") < 1e-13);
        json_decref(line);
    }
    /* an end in tau whose t no double holds */
    json_t *line = line_of("--draw 3,4 --time tau --tau-end 1e4", 0);
    ck_assert(json_is_null(json_object_get(line, "t")));
    ck_assert(number(line, "tau") == 1e4 && number(line, "loss") == 0);
    json_decref(line);
}
END_TEST

/* identity: one token, square loss, V = b + (V0 - b) exp(-t); n equal columns
 * from zero keep p uniform, L = |b|^2 exp(-2 t / n) / 2 */
START_TEST(closed_forms)
{
    write_in("1.25\n-2.5\n");
    scratch_write("V", "0.385\n-1.127\n", 13);
    json_t *line = line_of(
        "--v0 V --target - --loss square --t-end 1.75 --state --rtol 1e-12", 0);
    const json_t *V = json_object_get(line, "V");
    const double b[] = {1.25, -2.5}, v[] = {0.385, -1.127};
    for (size_t i = 0; i < 2; i++) {
        expect_near(json_number_value(json_array_get(json_array_get(V, i), 0)),
                    b[i] + (v[i] - b[i]) * exp(-1.75), 1e-11);
    }
    const char *note = json_string_value(json_object_get(line, "note"));
    ck_assert(note != NULL && strstr(note, "softmax is constant") != NULL);
    ck_assert(number(line, "entropy") == 0 && number(line, "p_max") == 1);
    json_decref(line);

    line = line_of("--draw 2,3 --v-scale 0 --target - --loss square --t-end 2 "
                   "--rtol 1e-12",
                   0);
    expect_near(number(line, "loss"), 7.8125 / 2 * exp(-4.0 / 3), 1e-11);
    expect_near(number(line, "entropy"), log(3), 1e-15);
    ck_assert(json_is_null(json_object_get(line, "pair_invariant_drift")));
    json_decref(line);
}
END_TEST

/* identity: what softmax conserves, and what it does not under another map */
START_TEST(laws_are_reported)
{
    write_in("");
    json_t *line = line_of("--draw 4,2 --v-scale 1 --a-scale 1 --t-end 500 "
                           "--rtol 1e-11",
                           0);
    ck_assert(number(line, "pair_invariant_drift") < 1e-9);
    ck_assert(number(line, "sum_a_drift") < 1e-12);
    json_decref(line);
    line = line_of("--draw 4,2 --v-scale 1 --a-scale 1 --t-end 500 "
                   "--normalisation l2",
                   0);
    ck_assert(json_is_null(json_object_get(line, "pair_invariant_drift")));
    ck_assert(number(line, "sum_a_drift") > 1e-3);
    json_decref(line);
}
END_TEST

/* stored: the keys and their order */
START_TEST(keys_are_in_order)
{
    static const char *const rows[][2] = {
        {"--draw 2,3 --t-end 2",
         "t loss entropy p_max winner sum_a_drift pair_invariant_drift "
         "rhs_calls steps rejected stepper "},
        {"--draw 2,3 --t-end 2 --state --time tau",
         "t loss entropy p_max winner sum_a_drift pair_invariant_drift "
         "rhs_calls steps rejected stepper p a V tau "}};
    write_in("");
    for (int k = 0; k < 2; k++) {
        char keys[300] = "";
        const char *key;
        json_t *value, *line = line_of(rows[k][0], 0);
        json_object_foreach(line, key, value)
        {
            strcat(strcat(keys, key), " ");
        }
        ck_assert_str_eq(keys, rows[k][1]);
        json_decref(line);
    }
    outcome o = run("--draw 2,1 --t-end 2 --state --table", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "pair_invariant_drift  -\n"));
    ck_assert_ptr_nonnull(strstr(o.out, "note                  n = 1"));
    outcome_free(&o);
}
END_TEST

/* second route: every stepper of the table ends at the same place */
START_TEST(steppers_agree)
{
    static const char *const steppers[] = {
        "auto",    "dop853", "rosenbrock", "rk8pd",  "rkf45",
        "msadams", "msbdf",  "bsimp",      "rk4imp", "rk4 --step 0.02"};
    write_in("");
    double entropy = NAN;
    for (size_t k = 0; k < sizeof steppers / sizeof *steppers; k++) {
        char args[200];
        snprintf(args, sizeof args,
                 "--draw 4,6 --v-scale 0.4 --t-end 50 --stepper %s",
                 steppers[k]);
        json_t *line = line_of(args, 0);
        entropy = k == 0 ? number(line, "entropy") : entropy;
        expect_near(number(line, "entropy"), entropy, 1e-6);
        ck_assert(number(line, "rhs_calls") > 0 && number(line, "steps") > 0);
        json_decref(line);
    }
}
END_TEST

/* identity: the same run twice, with files and without; another seed differs;
 * a run goes on from the state that it saved */
START_TEST(runs_repeat_and_go_on)
{
    write_in("0.6\n0\n-0.8\n");
    const char *args = "--draw 3,4 --a-scale 1 --target - --t-end 40 --time "
                       "tau --rtol 1e-11 --state";
    char other[300];
    outcome first = run(args, ""), second = run(args, "");
    ck_assert_str_eq(first.out, second.out);
    outcome_free(&second);
    snprintf(other, sizeof other, "%s --out kept", args);
    second = run(other, "");
    ck_assert_str_eq(first.out, second.out);
    outcome_free(&second);
    snprintf(other, sizeof other, "%s --seed 2", args);
    second = run(other, "");
    ck_assert_str_ne(first.out, second.out);
    outcome_free(&second);
    outcome_free(&first);

    json_t *whole = line_of("--draw 3,4 --a-scale 1 --target - --t-end 100 "
                            "--rtol 1e-11 --state",
                            0);
    json_t *rest = line_of("--v0 kept/state.safetensors:V --a0 "
                           "kept/state.safetensors:a --target - --t-end 60 "
                           "--rtol 1e-11 --state",
                           0);
    expect_alike(json_object_get(rest, "V"), json_object_get(whole, "V"), 1e-8,
                 "V");
    expect_alike(json_object_get(rest, "a"), json_object_get(whole, "a"), 1e-8,
                 "a");
    json_decref(whole);
    json_decref(rest);
}
END_TEST

/* stored: the trajectory's columns and ends; p beyond 64 tokens is left out */
START_TEST(the_trajectory_is_written)
{
    static const char *const times[] = {"t", "log", "tau"};
    write_in("");
    for (int k = 0; k < 3; k++) {
        char args[200];
        snprintf(args, sizeof args,
                 "--draw 2,3 --t-end 1000 --samples 17 --time %s --out o%d",
                 times[k], k);
        json_t *line = line_of(args, 0);
        char name[32];
        snprintf(name, sizeof name, "o%d/trajectory.tsv", k);
        char *text = scratch_read(scratch_path(name));
        const char *head =
            "# t (1)\tloss (1)\tentropy (nat)\tp_max (1)\t1-p_max (1)\t"
            "winner (1)\t|g| (1)\tp_0 (1)\tp_1 (1)\tp_2 (1)\n0\t";
        ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
        int rows = -1;
        double last[10] = {0};
        for (char *row = text; *row != '\0'; rows++) {
            char *end = strchr(row, '\n'), *at = row;
            ck_assert_ptr_nonnull(end);
            for (int i = 0; i < 10 && rows >= 0; i++) {
                last[i] = strtod(at, &at);
            }
            row = end + 1;
        }
        ck_assert_int_eq(rows, 18);
        ck_assert(last[0] == 1000);
        expect_near(last[1], number(line, "loss"), 1e-9);
        expect_near(last[2], number(line, "entropy"), 1e-7);
        expect_near(last[3] + last[4], 1, 1e-15);
        expect_near(last[7] + last[8] + last[9], 1, 1e-15);
        free(text);
        json_decref(line);
    }
    json_decref(line_of("--draw 2,65 --t-end 1 --samples 3 --out wide", 0));
    char *text = scratch_read(scratch_path("wide/trajectory.tsv"));
    ck_assert_ptr_null(strstr(text, "p_0"));
    free(text);
    json_t *record = json_load_file(scratch_path("wide/run.json"), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(record, "program")),
                     "value-flow");
    json_decref(record);
}
END_TEST

/* the exit code of the design: a stepper that cannot cope gives its last good
 * state, the time reached and 3 */
START_TEST(what_cannot_cope_says_how_far_it_came)
{
    write_in("");
    static const char *const runs[] = {
        "--draw 3,4 --t-end 1e9 --max-rhs 200",
        "--draw 3,4 --t-end 1e9 --max-rhs 200 --time log --stepper rkf45",
        "--draw 3,4 --t-end 1e200 --max-rhs 200 --time tau",
        "--draw 3,4 --loss square --t-end 1e9 --stepper rk8pd --max-rhs 5000",
        "--draw 3,4 --loss square --t-end 1e9 --stepper msbdf --max-rhs 60"};
    for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
        char args[200];
        snprintf(args, sizeof args, "%s --out stuck", runs[k]);
        json_t *line = line_of(args, 3);
        ck_assert(number(line, "t") > 0 && number(line, "t") < 1e200);
        ck_assert(number(line, "rhs_calls") <= 5000);
        ck_assert(number(line, "loss") < 1);
        ck_assert_ptr_nonnull(json_object_get(line, "note"));
        ck_assert_int_eq(access(scratch_path("stuck/state.safetensors"), R_OK),
                         0);
        json_decref(line);
    }
    json_t *line =
        line_of("--draw 3,4 --loss square --t-end 1e9 --stop 1e-9", 0);
    ck_assert(number(line, "t") < 1e3);
    const char *note = json_string_value(json_object_get(line, "note"));
    ck_assert(note != NULL && strstr(note, "stopped") != NULL);
    json_decref(line);
}
END_TEST

static int files_in(const char *name)
{
    int count = 0;
    DIR *dir = opendir(scratch_path(name));
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count - 2; /* "." and ".." */
}

/* the exit code of the design: an interrupt ends by 130 a run that would take
 * hours, and keeps what was reached in whole files */
START_TEST(an_interrupt_is_130)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        ck_assert_int_eq(chdir(scratch), 0);
        ck_assert_ptr_nonnull(freopen("line", "w", stdout));
        execl(program, program, "--draw", "3,4", "--loss", "square", "--t-end",
              "1e15", "--stepper", "rk8pd", "--max-rhs", "2000000000", "--out",
              "flow", (char *)NULL);
        _exit(127);
    }
    while (files_in("flow") < 1) {
        usleep(1000);
    }
    usleep(50000);
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 130);
    ck_assert_int_eq(files_in("flow"), 3);
    json_t *line = json_load_file(scratch_path("line"), 0, NULL);
    ck_assert_ptr_nonnull(line);
    ck_assert(number(line, "t") > 0 && number(line, "t") < 1e15);
    json_decref(line);
    thm_tensor V;
    char spec[300];
    snprintf(spec, sizeof spec, "%s:V", scratch_path("flow/state.safetensors"));
    ck_assert_int_eq(thm_tensor_read(spec, &V, NULL), THM_OK);
    ck_assert_uint_eq(V.count, 12);
    thm_tensor_free(&V);
}
END_TEST

int main(void)
{
    find_program("value-flow");
    Suite *suite = suite_create("value_flow");
    TCase *c = tcase_create("value_flow");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, agrees_with_scipy);
    tcase_add_test(c, the_times_agree);
    tcase_add_test(c, reaches_the_largest_times);
    tcase_add_test(c, closed_forms);
    tcase_add_test(c, laws_are_reported);
    tcase_add_test(c, keys_are_in_order);
    tcase_add_test(c, steppers_agree);
    tcase_add_test(c, runs_repeat_and_go_on);
    tcase_add_test(c, the_trajectory_is_written);
    tcase_add_test(c, what_cannot_cope_says_how_far_it_came);
    tcase_add_test(c, an_interrupt_is_130);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
