/* Oracle: identity (the same bytes whatever the threads, the instruction set,
 * and after kill -9), the theorem that the loss is a quadratic in W_V, and the
 * words of each refusal, for the program landscape. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>

#include "io/tensor.h"
#include "tests/program.h"

/* A small instance for both kernels. */
#define SMALL "--draw 2,3,8,4,2,1 --scale 0.3 --kernel both "

static json_t *line_of(const outcome *o, int line)
{
    const char *text = o->out;
    for (int k = 0; k < line; k++) {
        text = strchr(text, '\n') + 1;
    }
    json_t *object = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    ck_assert_ptr_nonnull(object);
    return object;
}

static double real_of(const outcome *o, int line, const char *key)
{
    json_t *object = line_of(o, line);
    const double x = json_number_value(json_object_get(object, key));
    json_decref(object);
    return x;
}

static void same_file(const char *one, const char *two)
{
    char command[256];
    snprintf(command, sizeof command, "cd %s && cmp %s %s", scratch, one, two);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(bytes_depend_on_neither_threads_nor_instructions)
{
    outcome a =
        run(SMALL "--train q --grid 67,83 --range 2 --threads 1 --out a", "");
    outcome b = run(
        SMALL
        "--train q --grid 67,83 --range 2 --threads 2 --isa baseline --out b",
        "");
    ck_assert_int_eq(a.code, 0);
    ck_assert_int_eq(b.code, 0);
    ck_assert_str_eq(a.out, b.out);
    same_file("a/landscape.tsv", "b/landscape.tsv");
    same_file("a/slice.gp", "b/slice.gp");
    ck_assert_int_eq(access(scratch_path("a/rows"), F_OK), -1);
    ck_assert_double_eq(real_of(&a, 0, "points_b"), 83);
    ck_assert_double_le(real_of(&a, 0, "check"), 1);
    ck_assert_double_le(real_of(&a, 1, "check"), 1);
    ck_assert_double_eq(real_of(&a, 1, "non_finite"), 0);
    outcome_free(&a);
    outcome_free(&b);
}
END_TEST

/* How many rows of a sweep the folder holds. */
static int rows_in(const char *folder)
{
    int rows = 0;
    DIR *dir = opendir(scratch_path(folder));
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        rows += strspn(d->d_name, "0123456789") == strlen(d->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return rows;
}

START_TEST(a_killed_run_goes_on_to_the_same_bytes)
{
#define LARGE                                                                  \
    "--draw 16,16,32,8,2,1 --scale 0.2 --train q --kernel both --grid 301 -j " \
    "1 "
    outcome whole = run(LARGE "--out whole", "");
    ck_assert_int_eq(whole.code, 0);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char command[PATH_MAX + 256];
        snprintf(command, sizeof command,
                 "cd %s && exec %s " LARGE "--out killed -q", scratch, program);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (rows_in("killed/rows") < 5) {
        usleep(500);
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(access(scratch_path("killed/landscape.tsv"), F_OK), -1);
    /* another landscape is refused, the same one goes on */
    outcome other = run(LARGE "--range 2 --out killed", "");
    ck_assert_int_eq(other.code, 2);
    ck_assert_int_eq(other.lines, 1);
    ck_assert_ptr_nonnull(strstr(other.err, "expected \"range -2 2\""));
    outcome again = run(LARGE "--out killed", "");
    ck_assert_int_eq(again.code, 0);
    ck_assert_str_eq(again.out, whole.out);
    same_file("whole/landscape.tsv", "killed/landscape.tsv");
    ck_assert_int_eq(access(scratch_path("killed/rows"), F_OK), -1);
    outcome_free(&whole);
    outcome_free(&other);
    outcome_free(&again);
}
END_TEST

START_TEST(values_are_quadratic_in_w_v_alone)
{
    static const char *const train[] = {"v", "q", "k", "qkv"};
    for (int k = 0; k < 4; k++) {
        char args[128];
        snprintf(args, sizeof args, SMALL "--train %s --range 3", train[k]);
        outcome o = run(args, "");
        ck_assert_int_eq(o.code, 0);
        for (int line = 0; line < 2; line++) {
            const double r = real_of(&o, line, "quadratic_residual");
            const double noise = real_of(&o, line, "quadratic_noise");
            ck_assert_double_le(noise, 1e-5);
            if (k == 0) {
                ck_assert_double_le(r, noise);
                ck_assert_double_le(r, 1e-14);
            } else {
                ck_assert_double_ge(r, 1e-2);
            }
        }
        outcome_free(&o);
    }
}
END_TEST

START_TEST(points_stand_at_their_places)
{
    outcome o = run(SMALL "--train q --steps 50 --grid 5 --out base", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_double_eq(real_of(&o, 0, "steps"), 50);
    const double end = real_of(&o, 0, "f0");
    outcome_free(&o);
    /* from the drawn start at 0 to the trained weights at 1 */
    o = run("--draw 2,3,8,4,2,1 --scale 0.3 --train q --directions points --p1 "
            "base/slice-softmax.safetensors:point --range 0,1 --grid 3 --out l",
            "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_double_eq(real_of(&o, 0, "points_b"), 1);
    char *text = scratch_read(scratch_path("l/landscape.tsv"));
    double a, b, f0, half, f1;
    ck_assert_int_eq(sscanf(strchr(text, '\n'), "%lf %lf %lf %lf %lf %lf %lf",
                            &a, &b, &f0, &half, &b, &f1, &a),
                     7);
    ck_assert_double_eq(half, 0.5);
    ck_assert_double_eq_tol(f0, real_of(&o, 0, "f0"), 1e-9 * f0);
    outcome_free(&o);
    const char *last = strrchr(text, '1');
    ck_assert_ptr_nonnull(last);
    outcome p =
        run("--draw 2,3,8,4,2,1 --scale 0.3 --train q --directions points"
            " --p1 base/slice-softmax.safetensors:point --p2 "
            "base/slice-gaussian.safetensors:point --range 0,1 --grid 2",
            "");
    ck_assert_int_eq(p.code, 0);
    outcome_free(&p);
    /* f at a = 1 is the trained loss */
    ck_assert_int_eq(sscanf(strstr(text, "\n1\t"), "%lf %lf %lf", &a, &b, &f1),
                     3);
    ck_assert_double_eq_tol(f1, end, 1e-9 * end);
    free(text);
}
END_TEST

START_TEST(given_directions_are_those_of_the_random_run)
{
    outcome a = run(SMALL "--train qv --grid 9 --out a", "");
    ck_assert_int_eq(a.code, 0);
    outcome b =
        run("--draw 2,3,8,4,2,1 --scale 0.3 --kernel gaussian --train qv "
            "--grid 9 --directions file --d1 "
            "a/slice-gaussian.safetensors:d1 --d2 "
            "a/slice-gaussian.safetensors:d2",
            "");
    ck_assert_int_eq(b.code, 0);
    ck_assert_double_eq(real_of(&a, 1, "f_min"), real_of(&b, 0, "f_min"));
    ck_assert_double_eq(real_of(&a, 1, "f_max"), real_of(&b, 0, "f_max"));
    outcome_free(&a);
    outcome_free(&b);
}
END_TEST

START_TEST(the_self_test_passes)
{
    outcome o = run("--self-test", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "\"rastrigin\", \"minima_known\": 25"));
    ck_assert_ptr_null(strstr(o.out, "\"right\": false"));
    outcome_free(&o);
}
END_TEST

START_TEST(overflow_is_counted)
{
    outcome o = run("--draw 2,3,8,4,1,1 --train qk --range 1e170 --grid 3", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_double_eq(real_of(&o, 0, "non_finite"), 8);
    outcome_free(&o);
}
END_TEST

static const struct {
    const char *args, *told;
} refusals[] = {
    {"", "expected --x FILE, or --draw N,n,D,d,H,m"},
    {"--draw 2,3,8,4,1", "expected sizes N,n,D,d,H,m"},
    {"--draw 2,3,0,4,1,1 --train q", "expected sizes N,n,D,d,H,m"},
    {"--draw 2,3,8,4,1,1 --train q --x f", "--x: expected no --draw"},
    {"--x f --wq f", "expected --wk FILE"},
    {"--draw 2,3,8,4,1,1 --train q --kernel-scale 0",
     "--kernel-scale: expected a positive"},
    {"--draw 2,3,8,4,1,1 --train q --kernel-scale nan", "--kernel-scale"},
    {"--draw 2,3,8,4,1,1 --train q --kernel cosine", "cosine"},
    {"--draw 2,3,8,4,1,1 --train q --grid 1", "--grid: expected G >= 2"},
    {"--draw 2,3,8,4,1,1 --train q --grid 3,0", "--grid"},
    {"--draw 2,3,8,4,1,1 --train q --grid 9000", "2^26"},
    {"--draw 2,3,8,4,1,1 --train q --range 0", "--range"},
    {"--draw 2,3,8,4,1,1 --train q --range 2,1", "--range"},
    {"--draw 2,3,8,4,1,1 --train q --range inf", "--range"},
    {"--draw 2,3,8,4,1,1 --train q --d1 d", "--directions file"},
    {"--draw 2,3,8,4,1,1 --train q --directions file", "--d1 FILE"},
    {"--draw 2,3,8,4,1,1 --train q --directions file --d2 d", "--d1 with --d2"},
    {"--draw 2,3,8,4,1,1 --train q --directions points", "--p1 FILE"},
    {"--draw 2,3,8,4,1,1 --train q --directions points --p1 d --normalise row",
     "--normalise none"},
    {"--draw 1,1,2,1,1,1 --train q --directions file --d1 d",
     "expected 2 numbers (W_Q"},
    {"--draw 1,1,3,1,1,1 --train q --directions file --d1 d --d2 twice",
     "--d1, --d2: expected directions that span a plane, found parallel"},
    {"--draw 1,1,3,1,1,1 --train q --directions file --d1 zero",
     "found a zero one"},
    {"--draw 1,1,3,1,1,1 --train q --directions file --d1 bad", "bad:1"},
    {"--draw 1,1,3,1,1,1 --train q --directions file --d1 none", "none"},
    {"--draw 1,1,1,1,1,1 --train q",
     "the random directions: expected directions"},
    {"--draw 1,1,3,1,1,1 --train q --scale 1e200 --kernel gaussian",
     "overflow"},
    {"--draw 1,1,3,1,1,1 --train q --kernel gaussian --directions file --d1 "
     "huge",
     "overflow"},
};

START_TEST(bad_input_is_one_line_and_exit_2)
{
    scratch_write("d", "1 2 3\n", 6);
    scratch_write("twice", "2 4 6\n", 6);
    scratch_write("zero", "0 0 0\n", 6);
    scratch_write("bad", "1 nan 3\n", 8);
    scratch_write("huge", "1e200 1 1\n", 10);
    outcome o = run(refusals[_i].args, "");
    ck_assert_msg(o.code == 2, "%s: exit %d, %s", refusals[_i].args, o.code,
                  o.err);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_str_eq(o.out, "");
    ck_assert_msg(strstr(o.err, refusals[_i].told) != NULL, "%s: %s",
                  refusals[_i].args, o.err);
    outcome_free(&o);
}
END_TEST

static void prepare(void)
{
    scratch_make();
    write_in("");
    find_program("landscape");
}

int main(void)
{
    Suite *suite = suite_create("landscape_program");
    TCase *tcase = tcase_create("program");
    tcase_add_checked_fixture(tcase, prepare, scratch_remove);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, bytes_depend_on_neither_threads_nor_instructions);
    tcase_add_test(tcase, a_killed_run_goes_on_to_the_same_bytes);
    tcase_add_test(tcase, values_are_quadratic_in_w_v_alone);
    tcase_add_test(tcase, points_stand_at_their_places);
    tcase_add_test(tcase, given_directions_are_those_of_the_random_run);
    tcase_add_test(tcase, the_self_test_passes);
    tcase_add_test(tcase, overflow_is_counted);
    tcase_add_loop_test(tcase, bad_input_is_one_line_and_exit_2, 0,
                        sizeof refusals / sizeof *refusals);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
