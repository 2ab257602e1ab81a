/* Oracle: the library's closed forms - the kernel of W_V and its rate, the
 * floor of flat attention, certified balls - and exit codes and files that the
 * design promises. */
#include <jansson.h>
#include <math.h>

#include "attn/conditions.h"
#include "attn/instance.h"
#include "io/tensor.h"
#include "tests/interrupt.h"
#include "tests/program.h"

static void setup(void)
{
    scratch_make();
    find_program("attn-pl");
    write_in("");
}

static json_t *trained(const char *args, int code)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == code, "%s: %d %s %s", args, o.code, o.err, o.out);
    ck_assert_str_eq(o.err, "");
    json_t *line = json_loads(o.out, 0, NULL);
    ck_assert_msg(line != NULL, "%s: %s", args, o.out);
    outcome_free(&o);
    return line;
}

static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(json_is_number(value), "no number %s", key);
    return json_number_value(value);
}

static void assert_text(const json_t *line, const char *key, const char *want)
{
    const char *value = json_string_value(json_object_get(line, key));
    ck_assert_msg(value != NULL, "no text %s", key);
    ck_assert_msg(strcmp(value, want) == 0, "%s: %s, not %s", key, value, want);
}

#define SMALL "--draw 2,2,6,3,1,2 "

/* W_V alone, eta = 1/L: a quadratic whose PL ratio ends at mu itself. */
START_TEST(values_descend_at_the_rate)
{
    static const char *const kernels[] = {"softmax", "gaussian",
                                          "gaussian-normalised"};
    for (int k = 0; k < 3; k++) {
        char args[200];
        snprintf(args, sizeof args,
                 SMALL "--train v --step inverse-l --steps 9000 --scale 0.7 "
                       "--every 100 --kernel %s",
                 kernels[k]);
        json_t *line = trained(args, 0);
        const double mu = number(line, "mu");
        assert_text(line, "verdict", "HOLDS");
        assert_text(line, "kernel", kernels[k]);
        assert_text(line, "ball", "VACUOUS");
        ck_assert(number(line, "pl_min") >= mu * (1 - 1e-9));
        ck_assert(number(line, "pl_min") <= mu * 1.01);
        ck_assert(number(line, "eta") * number(line, "L") > 1 - 1e-15);
        ck_assert(number(line, "path") <= number(line, "radius"));
        ck_assert(number(line, "distance_max") <= number(line, "path"));
        ck_assert(number(line, "rate_cases") > 4000);
        ck_assert(number(line, "f_end") < 1e-6 * number(line, "f0"));
        ck_assert(number(line, "sigma_min_b") == number(line, "sigma_min_b0"));
        json_decref(line);
    }
}
END_TEST

/* Beyond 2/L it diverges; a mu that is too large is refuted. */
START_TEST(what_is_false_is_refuted)
{
    json_t *line = trained(SMALL "--step inverse-l --steps 1", 0);
    const double L = number(line, "L"), mu = number(line, "mu");
    char args[200];
    json_decref(line);
    snprintf(args, sizeof args, SMALL "--step fixed:%.17g --steps 20000",
             2.05 / L);
    line = trained(args, 1);
    assert_text(line, "ending", "diverged");
    assert_text(line, "decrease", "REFUTED");
    assert_text(line, "rate", "REFUTED");
    ck_assert(number(line, "f_end") > 1e100);
    json_decref(line);
    snprintf(args, sizeof args,
             SMALL "--step inverse-l --steps 9000 --mu %.17g", mu * 1.1);
    line = trained(args, 1);
    assert_text(line, "ratio", "REFUTED");
    assert_text(line, "decrease", "HOLDS");
    ck_assert(json_is_null(json_object_get(line, "theorem")));
    json_decref(line);
}
END_TEST

/* All weights in a certified ball; a hundredth of W_O certifies nothing. */
START_TEST(joint_balls)
{
    static const struct {
        const char *kernel, *scale;
    } balls[] = {{"softmax", "29640"},
                 {"gaussian", "90680"},
                 {"gaussian-normalised", "44830"}};
    for (int k = 0; k < 3; k++) {
        char args[300];
        const char *common = SMALL "--scale 0.5 --v-scale 0 --y-scale 0.5 "
                                   "--train qkv --steps 400 --every 20";
        snprintf(args, sizeof args, "%s --kernel %s --o-scale %s", common,
                 balls[k].kernel, balls[k].scale);
        json_t *line = trained(args, 0);
        assert_text(line, "theorem", "2");
        assert_text(line, "ball", "HOLDS");
        assert_text(line, "rate", "HOLDS");
        assert_text(line, "path_bound", "HOLDS");
        assert_text(line, "decrease", "HOLDS");
        ck_assert(number(line, "ball_cases") == 21);
        ck_assert(number(line, "pl_min") >= number(line, "mu"));
        ck_assert(number(line, "f_end") < 0.1 * number(line, "f0"));
        json_decref(line);
        snprintf(args, sizeof args, "%s --kernel %s --o-scale %.3s", common,
                 balls[k].kernel, balls[k].scale);
        line = trained(args, 3);
        ck_assert(json_is_null(json_object_get(line, "mu")));
        assert_text(line, "rate", "VACUOUS");
        assert_text(line, "ball", "VACUOUS");
        assert_text(line, "decrease", "HOLDS");
        json_decref(line);
    }
}
END_TEST

static thm_tensor tensor(const char *spec)
{
    char place[300];
    thm_tensor t;
    thm_message msg = {""};
    snprintf(place, sizeof place, "%s/%s", scratch, spec);
    ck_assert_msg(thm_tensor_read(place, &t, &msg) == THM_OK, "%s", msg.text);
    return t;
}

/* W_Q alone, targets brought into the local ball of every kernel: m < n, for m
 * = n only the Gaussian has one. */
START_TEST(queries_in_a_local_ball)
{
    static const char *const kernels[] = {"softmax", "gaussian",
                                          "gaussian-normalised"};
    for (int k = 0; k < 6; k++) {
        static thm_conditions sheet;
        thm_instance_plan plan = thm_instance_plan_default();
        thm_instance in;
        thm_layer_work *work;
        double F[18];
        plan.N = 2;
        plan.n = 3;
        plan.D = 8;
        plan.d = 5;
        plan.H = 1;
        plan.m = k < 3 ? 2 : 3;
        plan.s = 0.2;
        plan.kernel = (thm_kernel)(k % 3);
        ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_forward(&in.layer, &in.weights, work, F),
                         THM_OK);
        ck_assert_int_eq(thm_conditions_check(&in.layer, &in.weights,
                                              THM_THEOREM_3, 0.5, &sheet),
                         THM_OK);
        double part = 1e-3;
        for (int r = 0; r < sheet.n_rows; r++) {
            if (sheet.rows[r].repair_value < 1) {
                part = sheet.rows[r].repair_value / 2;
            }
        }
        for (int e = 0; e < 6 * plan.m; e++) {
            in.Y[e] = F[e] - part * (F[e] - in.Y[e]);
        }
        const size_t m = (size_t)plan.m;
        const thm_tensor_out out[] = {
            {.name = "x", .ndim = 3, .shape = {2, 3, 8}, .data = in.X},
            {.name = "y", .ndim = 3, .shape = {2, 3, m}, .data = in.Y},
            {.name = "wq", .ndim = 3, .shape = {1, 8, 5}, .data = in.Wq},
            {.name = "wk", .ndim = 3, .shape = {1, 8, 5}, .data = in.Wk},
            {.name = "wv", .ndim = 3, .shape = {1, 8, 5}, .data = in.Wv},
            {.name = "wo", .ndim = 3, .shape = {1, 5, m}, .data = in.Wo}};
        ck_assert_int_eq(thm_tensor_write(scratch_path("m"), 6, out, NULL),
                         THM_OK);
        thm_layer_work_free(work);
        thm_instance_free(&in);

        char args[300];
        snprintf(args, sizeof args,
                 "--x m:x --y m:y --wq m:wq --wk m:wk --wv m:wv --wo m:wo "
                 "--train q --step inverse-l --steps 300 --every 300 -k %s",
                 kernels[k % 3]);
        const bool certified = k < 3 || k == 4;
        json_t *line = trained(args, certified ? 0 : 3);
        if (certified) {
            assert_text(line, "theorem", "3-local");
            assert_text(line, "rate", "HOLDS");
            assert_text(line, "path_bound", "HOLDS");
            ck_assert(number(line, "pl_min") >= number(line, "mu"));
        } else {
            ck_assert(json_is_null(json_object_get(line, "mu")));
        }
        ck_assert(number(line, "f_end") < number(line, "f0"));
        json_decref(line);
    }
}
END_TEST

/* W_Q = W_K = W_V = 0 is a trap: W_Q, W_K never move and the loss stops where
 * every token of a sample says the same, its mean target. */
START_TEST(zero_is_a_trap)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_instance in;
    plan.N = plan.n = plan.m = 2;
    plan.D = 6;
    plan.d = 3;
    plan.H = 1;
    ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
    double floor = 0;
    for (int i = 0; i < 2; i++) {
        for (int o = 0; o < 2; o++) {
            const double gap = in.Y[4 * i + o] - in.Y[4 * i + 2 + o];
            floor += gap * gap / 4;
        }
    }
    thm_instance_free(&in);
    json_t *line = trained(SMALL "--scale 0 --v-scale 0 --train qkv --steps "
                                 "20000 --every 5000 --out run",
                           3);
    ck_assert(fabs(number(line, "f_end") - floor) < 1e-9 * floor);
    ck_assert(number(line, "sigma_min_b") == 0);
    json_decref(line);
    for (int k = 0; k < 2; k++) {
        thm_tensor t = tensor(k ? "run/weights.safetensors:Wk"
                                : "run/weights.safetensors:"
                                  "Wq");
        for (size_t e = 0; e < t.count; e++) {
            ck_assert(t.data[e] == 0);
        }
        thm_tensor_free(&t);
    }
}
END_TEST

/* The trace has a row a step, the last of which is what the line says; weights
 * that are not trained stay; the same run gives the same bytes. */
START_TEST(files_tell_the_run)
{
    const char *args = SMALL "--train qk --steps 12 --step fixed:0.001 --every "
                             "5 --out run";
    json_t *line = trained(args, 3);
    char *trace = scratch_read(scratch_path("run/trace.tsv"));
    ck_assert_int_eq(strncmp(trace, "# step (1)\tloss (1)\t", 20), 0);
    int rows = 0;
    double step, loss, last = -1;
    for (const char *c = strchr(trace, '\n'); c[1] != '\0';
         c = strchr(c + 1, '\n')) {
        static const int steps[] = {0, 5, 10, 12};
        ck_assert_int_eq(sscanf(c + 1, "%lf %lf", &step, &loss), 2);
        ck_assert_int_lt(rows, 4);
        ck_assert(step == steps[rows++]);
        last = loss;
    }
    ck_assert_int_eq(rows, 4);
    ck_assert(last == number(line, "f_end"));
    assert_text(line, "train", "qk");
    ck_assert(number(line, "steps") == 12 && number(line, "eta") == 0.001);
    json_decref(line);
    ck_assert_int_eq(access(scratch_path("run/run.json"), R_OK), 0);

    thm_instance_plan plan = thm_instance_plan_default();
    thm_instance in;
    plan.N = plan.n = plan.m = 2;
    plan.D = 6;
    plan.d = 3;
    plan.H = 1;
    ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
    thm_tensor v = tensor("run/weights.safetensors:Wv"),
               q = tensor("run/weights.safetensors:Wq");
    ck_assert(v.count == 18 && v.ndim == 3);
    ck_assert_mem_eq(v.data, in.Wv, 18 * sizeof *in.Wv);
    ck_assert_mem_ne(q.data, in.Wq, 18 * sizeof *in.Wq);
    thm_tensor_free(&v);
    thm_tensor_free(&q);
    thm_instance_free(&in);

    line = trained(args, 3);
    json_decref(line);
    char *again = scratch_read(scratch_path("run/trace.tsv"));
    ck_assert_str_eq(trace, again);
    free(trace);
    free(again);
}
END_TEST

START_TEST(steps_and_tables)
{
    /* no steps; a start at its own optimum */
    json_t *line = trained(SMALL "--steps 0", 3);
    ck_assert(number(line, "steps") == 0);
    ck_assert(json_is_null(json_object_get(line, "eta")));
    json_decref(line);
    line = trained(SMALL "--v-scale 0 --y-scale 0 --steps 9", 3);
    assert_text(line, "ending", "stationary");
    ck_assert(number(line, "f_end") == 0);
    ck_assert(json_is_null(json_object_get(line, "pl_min")));
    json_decref(line);
    /* curvature grows beyond that of the start: the step turns out too long */
    line = trained(SMALL "--train k --step inverse-l --steps 50 --scale 0.3 "
                         "--f-star 0.001",
                   1);
    ck_assert(json_is_true(json_object_get(line, "L_estimated")));
    assert_text(line, "decrease", "REFUTED");
    assert_text(line, "rate", "VACUOUS");
    ck_assert(number(line, "f_end") < number(line, "f0"));
    json_decref(line);
    outcome o = run(SMALL "--steps 3 --table", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "D                   6\n"));
    ck_assert_ptr_nonnull(strstr(o.out, "ball_margin         -\n"));
    outcome_free(&o);
}
END_TEST

START_TEST(an_interrupt_leaves_whole_files)
{
    char command[PATH_MAX + 300];
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" " SMALL "--train qkv --steps 2000000000 "
             "--every 1 --step fixed:1e-9 --out run >out 2>err",
             scratch, program);
    ck_assert_int_eq(interrupt(command), 130);
    char path[128];
    snprintf(path, sizeof path, "%s/out", scratch);
    char *out = scratch_read(path);
    json_t *line = json_loads(out, 0, NULL);
    ck_assert_msg(line != NULL, "%s", out);
    assert_text(line, "ending", "interrupted");
    ck_assert_int_eq(access(scratch_path("run/trace.tsv"), R_OK), 0);
    thm_tensor t = tensor("run/weights.safetensors:Wv");
    ck_assert_uint_eq(t.count, 18);
    thm_tensor_free(&t);
    json_decref(line);
    free(out);
}
END_TEST

static const struct {
    const char *args, *says;
} bad[] = {
    {"", "--x"},
    {SMALL "--step sideways", "--step"},
    {SMALL "--step fixed:0", "--step"},
    {SMALL "--step fixed:-1", "--step"},
    {SMALL "--step fixed:nan", "--step"},
    {SMALL "--step fixed:inf", "--step"},
    {SMALL "--step fixed:", "--step"},
    {SMALL "--scale 0 --train k --step inverse-l --v-scale 0", "curvature"},
    {SMALL "--steps -1", "steps"},
    {SMALL "--every 0", "every"},
    {SMALL "--mu 0", "mu"},
    {SMALL "--f-star -1", "f-star"},
    {SMALL "--train o", "o"},
    {SMALL "--scale 1e200 --train k", "overflow"},
    {SMALL "--scale 1e200", "conditions"},
    {SMALL "--out in", "in"},
    {"--draw 2,2,0,3,1,2", "--draw"},
};
enum { N_BAD = sizeof bad / sizeof *bad };

START_TEST(bad_input_gets_one_line)
{
    for (int k = 0; k < N_BAD; k++) {
        outcome o = run(bad[k].args, "");
        ck_assert_msg(o.code == 2, "%s: %d %s", bad[k].args, o.code, o.err);
        ck_assert_str_eq(o.out, "");
        ck_assert_msg(o.lines == 1, "%s: %s", bad[k].args, o.err);
        ck_assert_msg(strstr(o.err, bad[k].says) != NULL, "%s: %s", bad[k].args,
                      o.err);
        outcome_free(&o);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attn-pl");
    TCase *t = tcase_create("program");
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, values_descend_at_the_rate);
    tcase_add_test(t, what_is_false_is_refuted);
    tcase_add_test(t, joint_balls);
    tcase_add_test(t, queries_in_a_local_ball);
    tcase_add_test(t, zero_is_a_trap);
    tcase_add_test(t, files_tell_the_run);
    tcase_add_test(t, steps_and_tables);
    tcase_add_test(t, an_interrupt_leaves_whole_files);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
