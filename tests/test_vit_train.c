/* Oracles: a run that was killed three times against one that was not, to the
 * byte; two threads against one; exit codes and single lines that the design
 * promises. */
#include <jansson.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "tests/interrupt.h"
#include "tests/picture_folder.h"
#include "tests/program.h"
#include "la/isa.h"

static void setup(void)
{
    find_program("vit-train");
    scratch_make();
    write_in("");
}

#define SMALL                                                                  \
    "--depth 1 --width 12 --heads 2 --head-width 6 --mlp 9 --batch 16 "        \
    "--steps 150 --evaluate 50 --samples 32 --probe 2 --checkpoint 20 -q "

static json_t *line_of(const outcome *o)
{
    json_t *line = json_loads(o->out, 0, NULL);
    ck_assert_msg(line != NULL, "no JSON: %s%s", o->out, o->err);
    return line;
}

static const char *sha(const json_t *line)
{
    return json_string_value(json_object_get(line, "params_sha256"));
}

static void assert_same_files(const char *a, const char *b)
{
    static const char *const names[] = {"train.tsv", "instruments.tsv",
                                        "checkpoint.safetensors"};
    char command[512];
    for (int k = 0; k < 3; k++) {
        snprintf(command, sizeof command, "cmp %s/%s/%s %s/%s/%s", scratch, a,
                 names[k], scratch, b, names[k]);
        ck_assert_int_eq(system(command), 0);
    }
}

START_TEST(a_line_says_what_came_out)
{
    outcome o = run(SMALL "--out a --threads 1", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_int_eq(o.lines, 0);
    json_t *line = line_of(&o);
    static const char *const keys[] = {"step",          "train_loss",
                                       "test_accuracy", "eureka_step",
                                       "images_per_s",  "params_sha256"};
    for (int k = 0; k < 6; k++) {
        ck_assert_ptr_nonnull(json_object_get(line, keys[k]));
    }
    ck_assert(json_integer_value(json_object_get(line, "step")) == 150);
    ck_assert_double_eq_tol(json_number_value(json_object_get(line, "floor")),
                            1.02457, 1e-5);
    ck_assert_uint_eq(strlen(sha(line)), 64);

    outcome two = run(SMALL "--out b --threads 2", "");
    json_t *other = line_of(&two);
    ck_assert_str_eq(sha(line), sha(other));
    assert_same_files("a", "b");
    json_decref(line);
    json_decref(other);
    outcome_free(&o);
    outcome_free(&two);
}
END_TEST

/* A child that trains into `folder`. */
static pid_t start(const char *folder)
{
    char command[PATH_MAX + 512];
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" " SMALL "--out %s --resume >killed", scratch,
             program, folder);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Waits until the checkpoint was written `times` times more, each time as a new
 * file, and kills the run there. */
static void kill_after(pid_t pid, const char *checkpoint, int times)
{
    struct stat info = {0};
    int status;
    ino_t last = stat(checkpoint, &info) == 0 ? info.st_ino : 0;
    while (times > 0) {
        if (stat(checkpoint, &info) == 0 && info.st_ino != last) {
            last = info.st_ino;
            times--;
        }
        ck_assert_msg(waitpid(pid, &status, WNOHANG) == 0,
                      "over before it could be killed");
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(killed_and_resumed_to_the_byte)
{
    outcome whole = run(SMALL "--out whole", "");
    ck_assert_int_eq(whole.code, 0);
    for (int k = 0; k < 3; k++) {
        kill_after(start("parts"), scratch_path("parts/checkpoint.safetensors"),
                   1 + k % 2);
    }
    outcome rest = run(SMALL "--out parts --resume", "");
    ck_assert_int_eq(rest.code, 0);
    json_t *a = line_of(&whole), *b = line_of(&rest);
    ck_assert_str_eq(sha(a), sha(b));
    assert_same_files("whole", "parts");
    json_decref(a);
    json_decref(b);
    outcome_free(&whole);
    outcome_free(&rest);
}
END_TEST

START_TEST(an_interrupt_leaves_a_checkpoint)
{
    char command[PATH_MAX + 512];
    struct stat info;
    snprintf(command, sizeof command,
             "cd %s && exec \"%s\" --out long -q >printed 2>said", scratch,
             program);
    ck_assert_int_eq(interrupt(command), 130);
    ck_assert_int_eq(stat(scratch_path("long/checkpoint.safetensors"), &info),
                     0);
    char *printed = scratch_read(scratch_path("printed"));
    ck_assert_str_eq(printed, "");
    free(printed);
}
END_TEST

START_TEST(bad_input_gets_one_line)
{
    static const char *const bad[] = {"--steps 0",
                                      "--attention none",
                                      "--lr 0",
                                      "--tokens 15",
                                      "--mlp 0",
                                      "--batch 0",
                                      "--smoothing 1",
                                      "--task nothing",
                                      "--temperature 0",
                                      "--out /proc/none/x",
                                      "--heads 0",
                                      "--unknown",
                                      "--maps-at 1,,2",
                                      "--maps-at 5x",
                                      "--maps-at -1",
                                      "--size 33 --task pathfinder",
                                      "--text /none --task text-mlm"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        outcome o = run(bad[k], "");
        ck_assert_msg(o.code == 2 && o.lines == 1 && *o.out == '\0',
                      "%s: exit %d, %d lines: %s", bad[k], o.code, o.lines,
                      o.err);
        outcome_free(&o);
    }
}
END_TEST

/* No file may grow beyond 1024 bytes. */
START_TEST(a_checkpoint_without_room_leaves_the_last)
{
    struct rlimit kept, limit;
    outcome o = run(SMALL "--out a --threads 1", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    o = run(SMALL "--out b --threads 1", "");
    outcome_free(&o);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &kept), 0);
    limit = kept;
    limit.rlim_cur = 1024;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    o = run(SMALL "--seed 5 --out a --threads 1", "");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &kept), 0);
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_msg(strstr(o.err, "a/checkpoint.safetensors: expected to write "
                                "it whole") != NULL,
                  "found: %s", o.err);
    assert_same_files("a", "b");
    outcome_free(&o);
    o = run(SMALL "--seed 5 --out a --version", "; test 4 = `ls -A a | wc -l`");
    ck_assert_int_eq(o.code, 0); /* and nothing else lies about */
    outcome_free(&o);
}
END_TEST

START_TEST(what_is_not_finite_points_back)
{
    outcome o = run(SMALL "--lr 1e30 --out a --checkpoint 1", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_msg(strstr(o.err, "step 2: blocks.0.attn is not finite; the last "
                                "checkpoint is of step 2") != NULL,
                  "found: %s", o.err);
    outcome_free(&o);
    o = run(SMALL "--lr 1e30 --out b", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_msg(strstr(o.err, "; there is no checkpoint") != NULL,
                  "found: %s", o.err);
    outcome_free(&o);
}
END_TEST

START_TEST(a_checkpoint_of_another_run_is_refused)
{
    outcome o = run(SMALL "--out a --threads 1", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    char *before = scratch_read(scratch_path("a/train.tsv"));
    o = run(SMALL "--out a --resume --seed 9", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    char *after = scratch_read(scratch_path("a/train.tsv"));
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    outcome_free(&o);

    scratch_write("a/checkpoint.safetensors", "\10\0\0\0\0\0\0\0{}      ", 16);
    o = run(SMALL "--out a --resume", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    outcome_free(&o);
}
END_TEST

/* A folder by another name is the same data; one digit more is not. */
START_TEST(other_data_are_refused)
{
    static const int garments[10] = {3, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    static const int digits[10] = {0, 4, 3}, others[10] = {0, 4, 4};
    static const char *const folders[] = {"digits", "elsewhere", "others"};
    char args[512];
    folder_of("garments", garments);
    folder_of("digits", digits);
    folder_of("elsewhere", digits);
    folder_of("others", others);
    for (int k = 0; k < 3; k++) {
        snprintf(args, sizeof args,
                 SMALL "--task two-step --patch 14 --images garments --mnist "
                       "%s --out a %s",
                 folders[k], k ? "--resume" : "");
        outcome o = run(args, "");
        ck_assert_int_eq(o.code, k == 2 ? 2 : 0);
        ck_assert_int_eq(o.lines, k == 2);
        ck_assert(k != 2 || strstr(o.err, "these data"));
        outcome_free(&o);
    }
}
END_TEST

/* Maps at the steps asked for; what they hold is vit/maps.h's suite. */
START_TEST(maps_at_chosen_steps)
{
    static const char *const names[] = {
        "m/maps-0.safetensors", "m/maps-0.tsv", "m/maps-70.safetensors",
        "m/maps-150.safetensors", "m/maps-50.safetensors"};
    struct stat info;
    outcome o = run(SMALL "--out m --maps-at 70,0,150,1000", "");
    ck_assert_int_eq(o.code, 0);
    for (int k = 0; k < 5; k++) {
        ck_assert_int_eq(stat(scratch_path(names[k]), &info) == 0, k < 4);
    }
    outcome_free(&o);
}
END_TEST

/* --isa reaches the kernels: float sums in another order; and a run goes on
 * only with its own. */
START_TEST(kernels_are_those_asked_for)
{
    outcome o = run(SMALL "--out a --isa baseline", "");
    outcome best = run(SMALL "--out b", "");
    ck_assert_int_eq(o.code, 0);
    json_t *a = line_of(&o), *b = line_of(&best);
    if (thm_isa_detect() != THM_ISA_BASELINE) {
        ck_assert_str_ne(sha(a), sha(b));
        outcome on = run(SMALL "--out a --resume", "");
        ck_assert_int_eq(on.code, 2);
        ck_assert_int_eq(on.lines, 1);
        ck_assert_ptr_nonnull(strstr(on.err, "baseline"));
        outcome_free(&on);
    }
    json_decref(a);
    json_decref(b);
    outcome_free(&o);
    outcome_free(&best);
    o = run(SMALL "--out a --resume --isa baseline", "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
}
END_TEST

/* Without --out there is a folder all the same, and the task's own settings. */
START_TEST(nothing_need_be_asked_for)
{
    outcome o = run("--task cls-tokens --steps 3 --batch 16 --samples 16 "
                    "--probe 2 -q --json",
                    "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
    json_t *r = json_load_file(scratch_path("out/vit-train/run.json"), 0, NULL);
    const json_t *options = json_object_get(r, "options");
    ck_assert_ptr_nonnull(options);
    ck_assert(json_number_value(json_object_get(options, "lr")) == 1e-3);
    ck_assert(json_integer_value(json_object_get(options, "width")) == 128);
    ck_assert(json_integer_value(json_object_get(options, "warmup")) == 0);
    json_decref(r);
    o = run("--task cls-tokens --steps 3 --batch 16 --samples 16 --probe 2 -q "
            "--resume",
            "");
    ck_assert_int_eq(o.code, 0);
    outcome_free(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-train");
    TCase *c = tcase_create("vit-train");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, setup, scratch_remove);
    tcase_add_test(c, a_line_says_what_came_out);
    tcase_add_test(c, killed_and_resumed_to_the_byte);
    tcase_add_test(c, an_interrupt_leaves_a_checkpoint);
    tcase_add_test(c, bad_input_gets_one_line);
    tcase_add_test(c, a_checkpoint_without_room_leaves_the_last);
    tcase_add_test(c, what_is_not_finite_points_back);
    tcase_add_test(c, a_checkpoint_of_another_run_is_refused);
    tcase_add_test(c, other_data_are_refused);
    tcase_add_test(c, maps_at_chosen_steps);
    tcase_add_test(c, kernels_are_those_asked_for);
    tcase_add_test(c, nothing_need_be_asked_for);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
