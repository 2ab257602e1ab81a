/* Oracle: the library's condition sheet of the same instance, read through
 * files and drawn; exit codes and single lines that the design promises. */
#include <jansson.h>
#include <math.h>

#include "attn/conditions.h"
#include "attn/instance.h"
#include "io/tensor.h"
#include "tests/program.h"

static void setup(void)
{
    scratch_make();
    find_program("attn-check");
    write_in("");
}

/* The lines that a run printed; freed by the caller. */
static json_t *lines_of(const outcome *o)
{
    json_t *all = json_array();
    const char *from = o->out;
    while (*from != '\0') {
        const char *end = strchr(from, '\n');
        ck_assert_ptr_nonnull(end);
        json_t *line = json_loadb(from, (size_t)(end - from), 0, NULL);
        ck_assert_msg(line != NULL, "no JSON: %s", from);
        json_array_append_new(all, line);
        from = end + 1;
    }
    return all;
}

static void assert_number(const json_t *line, const char *key, double want)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(value != NULL, "no %s", key);
    if (isfinite(want)) {
        ck_assert_msg(json_number_value(value) == want, "%s: %.17g, not %.17g",
                      key, json_number_value(value), want);
    } else {
        ck_assert_msg(json_is_null(value), "%s: not null", key);
    }
}

static const char *text(const json_t *line, const char *key)
{
    const char *value = json_string_value(json_object_get(line, key));
    ck_assert_msg(value != NULL, "no text %s", key);
    return value;
}

static thm_instance drawn(thm_kernel kernel)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_instance in;
    plan.N = 2;
    plan.n = 3;
    plan.D = 7;
    plan.d = 4;
    plan.H = 1;
    plan.m = 3;
    plan.s = 0.375;
    plan.kernel = kernel;
    plan.seed = 9;
    ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
    return in;
}

static void save(const thm_instance *in)
{
    const thm_tensor_out out[] = {
        {.name = "x", .ndim = 3, .shape = {2, 3, 7}, .data = in->X},
        {.name = "y", .ndim = 3, .shape = {2, 3, 3}, .data = in->Y},
        {.name = "wq", .ndim = 3, .shape = {1, 7, 4}, .data = in->Wq},
        {.name = "wk", .ndim = 3, .shape = {1, 7, 4}, .data = in->Wk},
        {.name = "wv", .ndim = 3, .shape = {1, 7, 4}, .data = in->Wv},
        {.name = "wo", .ndim = 3, .shape = {1, 4, 3}, .data = in->Wo}};
    ck_assert_int_eq(thm_tensor_write(scratch_path("m"), 6, out, NULL), THM_OK);
}

#define FILES "--x m:x --y m:y --wq m:wq --wk m:wk --wv m:wv --wo m:wo "
#define DRAWN "--draw 2,3,7,4,1,3 --seed 9 --scale 0.375 "

START_TEST(prints_what_the_library_finds)
{
    static const char *const kernels[] = {"softmax", "gaussian",
                                          "gaussian-normalised"};
    static thm_conditions want;
    for (int k = 0; k < 6; k++) {
        thm_instance in = drawn((thm_kernel)(k / 2));
        char args[300];
        save(&in);
        ck_assert_int_eq(
            thm_conditions_check(&in.layer, &in.weights, 7, 1e-5, &want),
            THM_OK);
        snprintf(args, sizeof args, "%s --kernel %s --epsilon 1e-5",
                 k % 2 ? FILES : DRAWN, kernels[k / 2]);
        outcome o = run(args, "");
        ck_assert_str_eq(o.err, "");
        const thm_verdict verdict = thm_conditions_verdict(&want);
        ck_assert_int_eq(o.code, verdict == THM_HOLDS     ? 0
                                 : verdict == THM_REFUTED ? 1
                                                          : 3);
        json_t *all = lines_of(&o);
        ck_assert_int_eq((int)json_array_size(all),
                         want.n_rows + want.n_theorems);
        for (int r = 0; r < want.n_rows; r++) {
            const json_t *line = json_array_get(all, (size_t)r);
            const thm_condition *row = &want.rows[r];
            ck_assert_str_eq(text(line, "theorem"), row->theorem);
            ck_assert_str_eq(text(line, "hypothesis"), row->hypothesis);
            ck_assert_str_eq(text(line, "says"), row->says);
            ck_assert_str_eq(text(line, "verdict"),
                             thm_verdict_text(row->verdict));
            assert_number(line, "margin", row->margin);
            assert_number(line, "err", row->err);
            assert_number(line, "value", row->value);
            assert_number(line, "bound", row->bound);
            assert_number(line, "repair_value", row->repair_value);
            if (row->repair[0] != '\0') {
                ck_assert_str_eq(text(line, "repair"), row->repair);
            } else {
                ck_assert(json_is_null(json_object_get(line, "repair")));
            }
        }
        for (int t = 0; t < want.n_theorems; t++) {
            const json_t *line = json_array_get(all, (size_t)(want.n_rows + t));
            const thm_theorem *theorem = &want.theorems[t];
            ck_assert_str_eq(text(line, "theorem"), theorem->theorem);
            ck_assert_str_eq(text(line, "verdict"),
                             thm_verdict_text(theorem->verdict));
            assert_number(line, "mu", theorem->mu);
            assert_number(line, "L", theorem->L);
            assert_number(line, "eta", theorem->eta);
            assert_number(line, "eta_limit", theorem->eta_limit);
            assert_number(line, "radius", theorem->radius);
            assert_number(line, "iterations", theorem->iterations);
            assert_number(line, "epsilon", 1e-5);
            assert_number(line, "f0", want.f0);
            assert_number(line, "f0_err", want.f0_err);
            assert_number(line, "witness", theorem->witness);
            ck_assert(json_boolean_value(json_object_get(
                          line, "L_estimated")) == theorem->L_estimated);
        }
        json_decref(all);
        outcome_free(&o);
        thm_instance_free(&in);
    }
}
END_TEST

static const struct {
    const char *args;
    int code;
    const char *says;
} cases[] = {
    {"--draw 2,2,6,3,1,2 --theorem 1", 0, "\"HOLDS\""},
    {"--draw 2,2,3,3,1,2 --theorem 1", 1, "D >= 4"},
    {"--draw 3,4,16,3,1,2 --theorem 1 --scale 20 --kernel gaussian", 3,
     "UNDECIDED"},
    /* the repair of one row certifies it */
    {"--draw 2,2,6,3,1,2 --theorem 2", 1, "W_V = 0 and W_O scaled by"},
    {"--draw 2,2,6,3,1,2 --theorem 2 --v-scale 0 --o-scale 28941", 0, "ball"},
    {"--draw 2,2,6,3,1,2 --theorem 2 --v-scale 0 --o-scale 289", 1, "ball"},
    {"--draw 2,2,6,3,1,2 --theorem 3", 1, "the gaussian kernel, or m <= 1"},
    {"--draw 2,2,6,3,1,2 --table", 1, "null residual r: |J_Q' r| / |r| ="},
    {"--draw 2,2,6,3,1,2 --theorem 2 --table", 1, "(L estimated)"},
    {"--draw 2,2,6,3,2,2 --theorem 1 --kernel-scale half", 0, "\"1a\""},
    {"--draw 2,2,6,3,2,2 --theorem 1 --scheme orthogonal --out kept", 0,
     "lambda-b"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(exits_say_the_verdict)
{
    for (int k = 0; k < N_CASES; k++) {
        outcome o = run(cases[k].args, "");
        ck_assert_msg(o.code == cases[k].code, "%s: %d", cases[k].args, o.code);
        ck_assert_msg(strstr(o.out, cases[k].says) != NULL, "%s: %s",
                      cases[k].args, o.out);
        ck_assert_str_eq(o.err, "");
        outcome_free(&o);
    }
    ck_assert_int_eq(access(scratch_path("kept/run.json"), R_OK), 0);
}
END_TEST

static const struct {
    const char *args, *says;
} bad[] = {
    {"", "--x"},
    {"--x m:x --y m:y --wq m:wq --wk m:wk --wv m:wv", "--wo"},
    {FILES "--draw 1,1,1,1,1,1", "--draw"},
    {FILES "--fashion", "--fashion"},
    {FILES "--scheme equal", "--scheme"},
    {FILES "--x-scale 2", "--x-scale"},
    {"--draw 1,2,3,2,1,1 --shape 1,2,3", "--shape"},
    {"--draw 1,2,3,2,1,1 --images none", "none"},
    {FILES "--v-scale 0", "--v-scale"},
    {FILES "--scale 1", "--scale"},
    {FILES "--o-scale 1", "--o-scale"},
    {FILES "--y-scale 1", "--y-scale"},
    {"--draw 1,2,3,4,5",
     "sizes N,n,D,d,H,m of at least 1, found \"1,2,3,4,5\""},
    {"--draw 1,2,0,4,1,1", "--draw"},
    {"--draw 1,2,3,4,1,0", "--draw"},
    {"--draw 1,2,3,0,1,1", "--draw"},
    {"--draw 1,2,3,4,1,x", "--draw"},
    {"--draw 7", "--draw"},
    {"--draw 99999,9999,99999,4,1,1", "overflow"},
    {"--draw 1,2,3,2,1,1 --scale nan", "--scale"},
    {"--draw 1,2,3,2,1,1 --kernel-scale 0", "0"},
    {"--draw 1,2,3,2,1,1 --kernel-scale -1", "-1"},
    {"--draw 1,2,3,2,1,1 --kernel cosine", "cosine"},
    {"--draw 1,2,3,2,1,1 --epsilon 0", "epsilon"},
    {"--draw 1,2,3,2,1,1 --epsilon 1", "epsilon"},
    {"--draw 1,2,3,2,1,1 --theorem 4", "4"},
    {"--draw 1,2,3,2,1,1 --scale 1e200", "overflow"},
    {"--draw 1,2,3,2,1,1 --out in", "in"},
    {FILES "--x m:y", "--wq"},
    {FILES "--wk m:wo", "--wk"},
    {FILES "--y m:x", "--y"},
    {FILES "--wv none", "none"},
};
enum { N_BAD = sizeof bad / sizeof *bad };

START_TEST(bad_input_gets_one_line)
{
    thm_instance in = drawn(THM_KERNEL_SOFTMAX);
    save(&in);
    thm_instance_free(&in);
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
    Suite *suite = suite_create("attn-check");
    TCase *t = tcase_create("program");
    tcase_add_checked_fixture(t, setup, scratch_remove);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, prints_what_the_library_finds);
    tcase_add_test(t, exits_say_the_verdict);
    tcase_add_test(t, bad_input_gets_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
