/* Oracles: the floor and sigma_min from a singular value decomposition of B
 * (second route); the steps that the spectrum predicts against steps taken
 * (second route); output of runs that were killed, cut into shards or spread
 * over threads against that of one that was not (identity). */
#include <jansson.h>
#include <math.h>
#include "attn/instance.h"
#include "core/binomial.h"
#include "la/svd.h"
#include "tests/interrupt.h"
#include "tests/program.h"

static void setup(void)
{
    scratch_make();
    write_in("");
    find_program("threshold");
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

/* ---- numbers --------------------------------------------------------------
 */

/* 1/2 |(I - U U') Y|^2 with the left singular vectors of B, and its values. */
static double floor_of(const thm_instance *in, double *least)
{
    const int rows = in->layer.N * in->layer.n, cols = in->layer.D,
              k = rows < cols ? rows : cols, m = in->layer.m;
    double B[512], s[32], U[512], Vt[512], sum = 0;
    thm_layer_work *work = NULL;
    ck_assert_int_eq(thm_layer_work_alloc(&in->layer, &work), THM_OK);
    ck_assert_int_eq(thm_layer_b(&in->layer, in->Wq, in->Wk, work, B), THM_OK);
    ck_assert_int_eq(thm_svd(rows, cols, B, s, U, Vt, NULL), THM_OK);
    thm_layer_work_free(work);
    for (int a = 0; a < m; a++) {
        double square = 0;
        for (int i = 0; i < rows; i++) {
            square += in->Y[i * m + a] * in->Y[i * m + a];
        }
        for (int j = 0; j < k; j++) {
            double part = 0;
            for (int i = 0; i < rows; i++) {
                part += U[i * k + j] * in->Y[i * m + a];
            }
            square -= part * part;
        }
        sum += square / 2;
    }
    *least = cols < rows ? 0 : s[k - 1];
    return sum;
}

START_TEST(floor_and_sigma_are_those_of_b)
{
    static const int dims[] = {3, 5, 6, 9};
    json_t *lines = lines_of("--json --dims 3,5,6,9 --scales 0.4 --seeds 1 "
                             "--steps 100 --seed 7 --schemes equal");
    ck_assert_uint_eq(json_array_size(lines), 8);
    for (size_t i = 0; i < 8; i++) {
        thm_instance_plan plan = thm_instance_plan_default();
        thm_instance in;
        thm_layer_work *work = NULL;
        double f0, least;
        plan.N = 2;
        plan.n = 3;
        plan.D = dims[i / 2];
        plan.d = 4;
        plan.H = 1;
        plan.m = 2;
        plan.kernel = i % 2 ? THM_KERNEL_GAUSSIAN : THM_KERNEL_SOFTMAX;
        plan.scheme = THM_SCHEME_EQUAL;
        plan.s = 0.4;
        plan.seed = 7;
        ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_loss(&in.layer, &in.weights, work, &f0),
                         THM_OK);
        thm_layer_work_free(work);
        const double floor = floor_of(&in, &least);
        ck_assert_int_eq((int)number(lines, i, "D"), plan.D);
        ck_assert_str_eq(json_string_value(field(lines, i, "kernel")),
                         thm_kernel_text(plan.kernel));
        ck_assert(fabs(number(lines, i, "floor") - floor / f0) <= 1e-13);
        ck_assert((plan.D < 6) == (floor / f0 > 1e-6));
        ck_assert(fabs(number(lines, i, "sigma_min") - least) <= 1e-10);
        ck_assert(number(lines, i, "sigma_min_lower") <= least + 1e-14);
        ck_assert_int_eq((int)number(lines, i, "certified"), plan.D >= 6);
        ck_assert(number(lines, i, "loss") >=
                  number(lines, i, "floor") * (1 - 1e-12));
        ck_assert(number(lines, i, "undecided") == 0);
        thm_instance_free(&in);
    }
    json_decref(lines);
}
END_TEST

START_TEST(the_spectrum_predicts_the_steps)
{
    static const char base[] = "--json --dims 4,12 --scales 0.5 --seeds 1 "
                               "--schemes equal --kernels gaussian";
    static const char *const rules[] = {"lipschitz", "optimal"};
    for (int r = 0; r < 2; r++) {
        char args[256];
        snprintf(args, sizeof args, "%s --step %s --steps 1", base, rules[r]);
        json_t *lines = lines_of(args);
        for (size_t i = 0; i < 2; i++) {
            const double needed = number(lines, i, "steps_needed");
            ck_assert(needed > 10 && needed < 1e6);
            ck_assert(number(lines, i, "successes") == 0);
            /* rounding moves the last step, not the hundredth before */
            for (int late = 0; late < 2; late++) {
                snprintf(args, sizeof args, "%s --step %s --steps %d", base,
                         rules[r],
                         (int)(needed * (late ? 1.01 : 0.99)) + 2 * late - 1);
                json_t *again = lines_of(args);
                ck_assert_int_eq((int)number(again, i, "successes"), late);
                json_decref(again);
            }
        }
        json_decref(lines);
    }
}
END_TEST

START_TEST(success_and_zero_are_told_apart)
{
    json_t *lines = lines_of("--json --dims 2,24 --scales 0.5 --seeds 5 "
                             "--schemes equal --kernels gaussian");
    /* too narrow: every training finds its floor, none finds zero */
    ck_assert(number(lines, 0, "successes") == 5);
    ck_assert(number(lines, 0, "zeros") == 0);
    ck_assert(number(lines, 0, "floor") > 0.01);
    ck_assert(number(lines, 0, "certified") == 0);
    /* wide enough: both */
    ck_assert(number(lines, 1, "successes") == 5);
    ck_assert(number(lines, 1, "zeros") == 5);
    ck_assert(number(lines, 1, "certified") == 5);
    for (size_t i = 0; i < 2; i++) {
        double low, high;
        thm_binomial_interval((int)number(lines, i, "zeros"), 5, 0.95, &low,
                              &high);
        ck_assert(number(lines, i, "zero_low") == low);
        ck_assert(number(lines, i, "zero_high") == high);
        ck_assert(number(lines, i, "ci_high") == 1);
    }
    json_decref(lines);
    /* nothing of the attention is left in doubles: no floor is claimed */
    lines =
        lines_of("--json --dims 6 --scales 300 --seeds 3 --kernels gaussian "
                 "--schemes independent");
    ck_assert(number(lines, 0, "undecided") == 3);
    ck_assert(number(lines, 0, "successes") == 0);
    ck_assert(json_is_null(field(lines, 0, "floor")));
    ck_assert(json_is_null(field(lines, 0, "steps_needed")));
    json_decref(lines);
    /* other subsets have no known floor */
    lines = lines_of("--json --dims 6 --scales 0.5 --seeds 2 --train qk "
                     "--steps 50 --kernels softmax --schemes xavier");
    ck_assert(json_is_null(field(lines, 0, "floor")));
    ck_assert(number(lines, 0, "loss") < 1);
    ck_assert(number(lines, 0, "zeros") == number(lines, 0, "successes"));
    json_decref(lines);
}
END_TEST

START_TEST(the_ladder_ends_at_twice_the_entries)
{
    static const int want[] = {3, 5, 6, 7, 9, 12, 18, 36};
    json_t *lines = lines_of("--json --scales 1 --seeds 1 --steps 1 --kernels "
                             "softmax --schemes equal --train qkv");
    ck_assert_uint_eq(json_array_size(lines), 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq((int)number(lines, i, "D"), want[i]);
    }
    json_decref(lines);
}
END_TEST

/* ---- one result, however it was made --------------------------------------
 */

#define PLAN "--dims 4,6,9 --scales 0.3,1 --seeds 3 --steps 800 "

static char *table_of(const char *dir)
{
    char path[128];
    snprintf(path, sizeof path, "%s/threshold.tsv", dir);
    return scratch_read(scratch_path(path));
}

/* Output and table of a run that nothing disturbed. */
static outcome reference(char **table)
{
    outcome o = run(PLAN "--json --threads 1 --out whole", "");
    ck_assert_int_eq(o.code, 0);
    *table = table_of("whole");
    ck_assert_int_ne(access(scratch_path("whole/threshold.cells"), F_OK), 0);
    ck_assert_int_eq(access(scratch_path("whole/run.json"), F_OK), 0);
    return o;
}

START_TEST(threads_and_shards_change_nothing)
{
    char *table, args[256];
    outcome want = reference(&table);
    outcome o = run(PLAN "--json --threads 3", "");
    ck_assert_str_eq(o.out, want.out);
    outcome_free(&o);
    for (int k = 0; k < 3; k++) {
        snprintf(args, sizeof args, PLAN "--json --shard %d/3 --out parts",
                 (k + 1) % 3);
        o = run(args, "");
        ck_assert_int_eq(o.code, 0);
        ck_assert_str_eq(o.out, k < 2 ? "" : want.out);
        ck_assert_int_eq(o.lines, k < 2);
        outcome_free(&o);
    }
    char *parts = table_of("parts");
    ck_assert_str_eq(parts, table);
    free(parts);
    free(table);
    outcome_free(&want);
}
END_TEST

START_TEST(killed_it_goes_on)
{
    char *table, command[PATH_MAX + 256], cells[128];
    int kills = 0;
    outcome want = reference(&table);
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" " PLAN
             "--out half --threads 2 -q >/dev/null",
             scratch, program);
    strcpy(cells, scratch_path("half/threshold.cells"));
    for (int files = 0; files < 10; files += 2) {
        kills += run_and_kill_at(command, cells, files);
    }
    ck_assert_int_gt(kills, 3);
    outcome o = run(PLAN "--json --out half", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_str_eq(o.out, want.out);
    char *half = table_of("half");
    ck_assert_str_eq(half, table);
    outcome_free(&o);
    outcome_free(&want);
    free(half);
    free(table);
}
END_TEST

START_TEST(an_interrupted_run_says_so)
{
    char command[PATH_MAX + 256];
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" --steps 100000000 --dims 6 --scales 0.1 "
             "--out long -q >printed 2>said",
             scratch, program);
    ck_assert_int_eq(interrupt(command), 130);
    char *said = scratch_read(scratch_path("said"));
    char *printed = scratch_read(scratch_path("printed"));
    ck_assert_ptr_nonnull(strstr(said, "goes on"));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert_str_eq(printed, "");
    free(printed);
    free(said);
    /* and refuses to go on with another plan */
    outcome o = run("--steps 5 --dims 6 --scales 0.1 --out long", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "\"steps 5\""));
    ck_assert_str_eq(o.out, "");
    outcome_free(&o);
}
END_TEST

START_TEST(bad_input_gets_one_line)
{
    static const char *const bad[] = {
        "--train w",
        "--dims 0",
        "--dims 6,6",
        "--dims 6,5",
        "--dims 6,",
        "--dims ,6",
        "--dims six",
        "--dims 5000",
        "--dims \"\"",
        "--scales 0",
        "--scales -1",
        "--scales nan",
        "--scales inf",
        "--scales 1,,2",
        "--schemes other",
        "--schemes equal,",
        "--kernels laplace",
        "--kernel-scale 0",
        "--kernel-scale -1",
        "--kernel-scale x",
        "--data other",
        "--seeds 0",
        "--steps 0",
        "--step newton",
        "--train q --step lipschitz",
        "--train qkv --step optimal",
        "--samples 0",
        "--tokens 0",
        "--width 0",
        "--outputs 0",
        "--heads 0",
        "--shard 1/1 --out x",
        "--shard 0/2",
        "--samples 1000 --tokens 1000",
        "--data fashion --dims 800",
        "--data fashion --tokens 20 --dims 100",
        "--out in/x",
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
    o = run("--table --dims 6 --seeds 1 --steps 1 --data fashion", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threshold");
    TCase *t = tcase_create("numbers");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_add_test(t, floor_and_sigma_are_those_of_b);
    tcase_add_test(t, the_spectrum_predicts_the_steps);
    tcase_add_test(t, success_and_zero_are_told_apart);
    tcase_add_test(t, the_ladder_ends_at_twice_the_entries);
    suite_add_tcase(suite, t);
    t = tcase_create("runs");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_add_test(t, threads_and_shards_change_nothing);
    tcase_add_test(t, killed_it_goes_on);
    tcase_add_test(t, an_interrupted_run_says_so);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
