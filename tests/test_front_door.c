/* Oracle: exit codes and lines that the design promises, provoked with a copy
 * of the front door beside false proof programs (shell scripts) that print and
 * end as told. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/interrupt.h"

static char folder[PATH_MAX];   /* the copy, the false proofs, their output */
static char programs[PATH_MAX]; /* build/bin                               */
static char tests[PATH_MAX];    /* build/tests                             */

static char *text(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Strings live until the test ends. */
typedef struct kept_string {
    struct kept_string *next;
    char *text;
} kept_string;
static kept_string *kept;

static char *text(const char *format, ...)
{
    kept_string *k = malloc(sizeof *k);
    va_list list;
    ck_assert_ptr_nonnull(k);
    va_start(list, format);
    ck_assert_int_ge(vasprintf(&k->text, format, list), 0);
    va_end(list);
    k->next = kept;
    kept = k;
    return k->text;
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    static char content[1 << 20];
    ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
    content[fread(content, 1, sizeof content - 1, f)] = '\0';
    fclose(f);
    return text("%s", content);
}

static void write_script(const char *name, const char *body)
{
    const char *path = text("%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

static void setup(void)
{
    const ssize_t n = readlink("/proc/self/exe", tests, sizeof tests - 1);
    ck_assert_int_gt(n, 0);
    tests[n] = '\0';
    *strrchr(tests, '/') = '\0';
    snprintf(programs, sizeof programs, "%.4000s/../bin", tests);
    snprintf(folder, sizeof folder, "/tmp/theoremeter-door-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(
        system(text("cp '%s/theoremeter' '%s/'", programs, folder)), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(system(text("rm -rf '%s'", folder)), 0);
    while (kept) {
        kept_string *next = kept->next;
        free(kept->text);
        free(kept);
        kept = next;
    }
}

/* Runs a shell command in the folder; stdout and stderr end in files there.
 * Returns the exit code, 128 + signal if one ended it. */
static int run(const char *command)
{
    const int status =
        system(text("cd '%s' && { %s; } >stdout 2>stderr", folder, command));
    ck_assert_int_ne(status, -1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *out(void)
{
    return slurp(text("%s/stdout", folder));
}

static char *err(void)
{
    return slurp(text("%s/stderr", folder));
}

static int lines_of(const char *content)
{
    int lines = 0;
    for (const char *p = content; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    return lines;
}

static void assert_has(const char *content, const char *part)
{
    ck_assert_msg(strstr(content, part) != NULL, "no '%s' in: %s", part,
                  content);
}

/* One JSON line as a proof program prints it, within single quotes. */
static const char *line(const char *id, const char *slug, const char *verdict,
                        const char *expected)
{
    return text("echo '{\"id\":\"%s\",\"slug\":\"%s\",\"verdict\":\"%s\","
                "\"expected\":\"%s\",\"evidence\":\"sampled\","
                "\"scope\":\"cases\",\"margin\":0.25,\"err\":1e-3,"
                "\"resolution\":0,\"tight\":null,\"cases\":9,\"skipped\":1,"
                "\"worst_case\":\"c\",\"worst_seed\":1,\"seconds\":0.5}'\n",
                id, slug, verdict, expected);
}

/* S3 and S8 have one part each, and a program each: all that is needed. */
static void prove(const char *program, const char *claim, const char *twin,
                  int code)
{
    const char *id = strncmp(program, "s3", 2) == 0 ? "S3" : "S8";
    const char *slug = id[1] == '3' ? "interlacing" : "entropy-rises";
    write_script(program, text("%s%sexit %d", line(id, slug, claim, "HOLDS"),
                               line(text("X%s", id), text("not-%s", slug), twin,
                                    "REFUTED"),
                               code));
}

static const char verify_json[] =
    "./theoremeter verify --only S3,S8 --no-report --json --out out";
static const char verify[] =
    "./theoremeter verify --only S3,S8 --no-report --table --out out";

/* ---- exit codes -----------------------------------------------------------
 */

START_TEST(all_as_expected_is_0)
{
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    prove("s8-entropy", "HOLDS", "REFUTED", 0);
    ck_assert_int_eq(run(verify), 0);
    assert_has(out(), "HOLDS (sampled, 9 cases)");
    assert_has(out(), "2 of 2 claims as expected, 2 of 2 twins opposite");
    ck_assert_str_eq(err(), "");
    ck_assert_ptr_null(strchr(out(), '\033')); /* colour is for terminals */
}
END_TEST

START_TEST(decided_otherwise_is_1)
{
    prove("s3-interlacing", "REFUTED", "REFUTED", 1);
    prove("s8-entropy", "UNDECIDED", "REFUTED", 3);
    ck_assert_int_eq(run(verify), 1);
    assert_has(out(), "S3: expected HOLDS, found REFUTED");
    assert_has(out(), "S8: expected HOLDS, found UNDECIDED");
    assert_has(out(), "0 of 2 claims as expected, 2 of 2 twins opposite");
}
END_TEST

START_TEST(undecided_or_vacuous_is_3)
{
    prove("s3-interlacing", "UNDECIDED", "REFUTED", 3);
    prove("s8-entropy", "HOLDS", "REFUTED", 0);
    ck_assert_int_eq(run(verify), 3);
    prove("s3-interlacing", "VACUOUS", "REFUTED", 3);
    ck_assert_int_eq(run(verify), 3);
}
END_TEST

START_TEST(a_twin_with_the_wrong_verdict_is_4)
{
    static const char *const wrong[] = {"HOLDS", "UNDECIDED", "VACUOUS"};
    prove("s8-entropy", "REFUTED", "REFUTED", 1); /* outranked */
    for (int i = 0; i < 3; i++) {
        prove("s3-interlacing", "HOLDS", wrong[i], 4);
        ck_assert_int_eq(run(verify), 4);
        assert_has(out(), "XS3: expected REFUTED, found");
    }
}
END_TEST

/* The program's name and reason on stderr, the other claim still reported. */
static void assert_broken(const char *reason)
{
    ck_assert_int_eq(run(verify), 4);
    assert_has(err(), "s8-entropy");
    assert_has(err(), reason);
    ck_assert_int_eq(lines_of(err()), 1);
    assert_has(out(), "interlacing");
    assert_has(out(), "1 of 2 claims as expected");
    assert_has(out(), "S8: no verdict, s8-entropy failed");
    ck_assert_int_eq(lines_of(slurp(text("%s/out/verify.jsonl", folder))), 2);
}

START_TEST(a_program_that_breaks_is_4)
{
    const char *claim = line("S8", "entropy-rises", "HOLDS", "HOLDS"),
               *twin = line("XS8", "not-entropy-rises", "REFUTED", "REFUTED");
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    write_script("s8-entropy", text("%s%skill -SEGV $$", claim, twin));
    assert_broken("signal 11");
    write_script("s8-entropy", "exit 0");
    assert_broken("no line on S8");
    write_script("s8-entropy", "exit 7");
    assert_broken("exit code 7 and no lines");
    write_script("s8-entropy", claim);
    assert_broken("no line on XS8");
    write_script("s8-entropy", text("%s%sexit 1", claim, twin));
    assert_broken("exit code 1, but its lines deserve 0");
    write_script("s8-entropy", text("%s%s%s", claim, twin, twin));
    assert_broken("or twice");
    write_script("s8-entropy", text("%s%secho '{'", claim, twin));
    assert_broken("line 3");
    write_script("s8-entropy", "echo '{\"id\":\"S8\"}'");
    assert_broken("key 'slug'");
    write_script("s8-entropy",
                 line("S8", "entropy-rises", "REFUTED", "REFUTED"));
    assert_broken("as in the catalogue");
    write_script("s8-entropy", line("S3", "interlacing", "HOLDS", "HOLDS"));
    assert_broken("not asked of it");
    ck_assert_int_eq(remove(text("%s/s8-entropy", folder)), 0);
    assert_broken("no program");
}
END_TEST

static void assert_usage(const char *command, const char *reason)
{
    ck_assert_int_eq(run(command), 2);
    ck_assert_str_eq(out(), "");
    assert_has(err(), reason);
    ck_assert_int_eq(lines_of(err()), 1);
}

START_TEST(bad_usage_is_2_and_one_line)
{
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    assert_usage("./theoremeter", "expected a command");
    assert_usage("./theoremeter verfy", "did you mean verify?");
    assert_usage("./theoremeter qqqqqqqq", "unknown command 'qqqqqqqq'");
    assert_usage("./theoremeter verify --only S3,S99", "'S99'");
    assert_usage("./theoremeter verify --only ''", "--only");
    assert_usage("./theoremeter verify --nonsense", "--nonsense");
    assert_usage("./theoremeter verify --threads -1", "--threads");
    assert_usage("./theoremeter verify --effort 0", "--effort");
    assert_usage("./theoremeter verify --seed x", "--seed");
    assert_usage("./theoremeter verify --case c", "--only");
    assert_usage("./theoremeter verify --only S3,S8 --case c", "--only");
    assert_usage("./theoremeter verify --only S3 --out stdout/x", "stdout");
    assert_usage("./theoremeter verify --only S3 --out stdout", "stdout");
    assert_usage("./theoremeter list --nonsense", "--nonsense");
    assert_usage("./theoremeter explain", "explain");
    assert_usage("./theoremeter explain interlacin",
                 "did you mean interlacing?");
    assert_usage("./theoremeter run", "run");
    assert_usage("./theoremeter run s3-interlacng",
                 "did you mean s3-interlacing?");
    assert_usage("./theoremeter run ../theoremeter", "unknown program");
}
END_TEST

START_TEST(an_interrupt_is_130_and_ends_the_children)
{
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    write_script("s8-entropy", "echo $$ > child; exec sleep 60");
    const pid_t pid = fork();
    if (pid == 0) {
        const int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, STDERR_FILENO);
        if (chdir(folder) == 0) {
            execl("./theoremeter", "theoremeter", "verify", "--only", "S3,S8",
                  "--out", "out", (char *)NULL);
        }
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    const char *path = text("%s/child", folder);
    const struct timespec nap = {0, 20000000};
    struct stat s;
    for (int i = 0; i < 1000 && !(stat(path, &s) == 0 && s.st_size > 0); i++) {
        nanosleep(&nap, NULL);
    }
    const pid_t child = (pid_t)strtol(slurp(path), NULL, 10);
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(kill(child, 0), 0);
    int status;
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 130);
    ck_assert_int_eq(kill(child, 0), -1);
    ck_assert_int_eq(errno, ESRCH);
    ck_assert_int_ne(stat(text("%s/out/verify.jsonl", folder), &s), 0);
}
END_TEST

/* ---- what is printed and written ------------------------------------------
 */

START_TEST(threads_change_nothing)
{
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    prove("s8-entropy", "HOLDS", "REFUTED", 0);
    const char *slow = slurp(text("%s/s3-interlacing", folder));
    write_script("s3-interlacing", text("sleep 0.3\n%s", slow));
    ck_assert_int_eq(run(text("%s --threads 1", verify_json)), 0);
    const char *one = out(), *file = slurp(text("%s/out/verify.jsonl", folder));
    ck_assert_int_eq(lines_of(one), 4);
    ck_assert_ptr_eq(strstr(one, "{\"id\": \"S3\", \"slug\": "), one);
    ck_assert_str_eq(one, file);
    ck_assert_int_eq(run(text("%s --threads 2", verify_json)), 0);
    ck_assert_str_eq(out(), one);
    json_t *record = json_load_file(text("%s/out/run.json", folder), 0, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(record, "seed")), 1);
    json_decref(record);
}
END_TEST

START_TEST(options_reach_the_programs)
{
    prove("s3-interlacing", "HOLDS", "REFUTED", 0);
    const char *body = slurp(text("%s/s3-interlacing", folder));
    write_script("s3-interlacing", text("echo \"$*\" > args\n%s", body));
    ck_assert_int_eq(run("./theoremeter verify --only interlacing --seed 77 "
                         "--effort 0.5 --case c17"),
                     0);
    ck_assert_str_eq(slurp(text("%s/args", folder)),
                     "--json --quiet --seed 77 --effort 0.5 "
                     "--only interlacing --case c17\n");
    struct stat s; /* a replay leaves the files of the last run alone */
    ck_assert_int_ne(stat(text("%s/out", folder), &s), 0);
}
END_TEST

START_TEST(a_replay_does_not_judge_the_twin)
{
    prove("s3-interlacing", "HOLDS", "HOLDS", 0);
    ck_assert_int_eq(run("./theoremeter verify --only S3 --case c"), 0);
    write_script("s3-interlacing", "echo 's3: no case' >&2; exit 2");
    assert_usage("./theoremeter verify --only S3 --case c", "s3: no case");
}
END_TEST

START_TEST(run_becomes_the_program)
{
    write_script("anything", "echo \"$@\"; exit 5");
    ck_assert_int_eq(run("./theoremeter run anything --a 'b  c'"), 5);
    ck_assert_str_eq(out(), "--a b  c\n");
}
END_TEST

START_TEST(list_and_explain_know_every_claim)
{
    ck_assert_int_eq(run("./theoremeter list --json"), 0);
    char *rest = out();
    int count = 0;
    for (char *l = strtok(rest, "\n"); l; l = strtok(NULL, "\n")) {
        json_t *entry = json_loads(l, 0, NULL);
        const char *id = json_string_value(json_object_get(entry, "id"));
        const char *slug = json_string_value(json_object_get(entry, "slug"));
        ck_assert_ptr_nonnull(id);
        ck_assert_int_eq(run(text("./theoremeter explain %s", slug)), 0);
        assert_has(out(), text("%s · %s\n", id, slug));
        assert_has(out(), text("verify --only %s", id));
        count++;
        json_decref(entry);
    }
    ck_assert_int_ge(count, 30);
    ck_assert_int_eq(run("./theoremeter explain XS3"), 0);
    assert_has(out(), "XS3 · not-interlacing");
    assert_has(out(), "REFUTED");
    ck_assert_int_eq(run("./theoremeter explain S5"), 0);
    assert_has(out(), "S5.1 · trace");
    assert_has(out(), "S5.2 · norm-gershgorin");
}
END_TEST

START_TEST(every_command_tells_what_it_does)
{
    static const char *const commands[] = {"", "verify ", "list ", "explain ",
                                           "run "};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(run(text("./theoremeter %s--help", commands[i])), 0);
        assert_has(out(), text("Usage: theoremeter %s", commands[i]));
        ck_assert_str_eq(err(), "");
    }
    ck_assert_int_eq(run("./theoremeter --version"), 0);
    assert_has(out(), "theoremeter 0.");
}
END_TEST

START_TEST(a_full_disk_is_2_and_one_line)
{
    ck_assert_int_eq(run("./theoremeter list > /dev/full"), 2);
    ck_assert_int_eq(lines_of(err()), 1);
}
END_TEST

/* ---- the harness, through the template ------------------------------------
 */

START_TEST(the_template_holds_and_refutes_its_twin)
{
    const char *template = text("'%s/template'", tests);
    ck_assert_int_eq(run(template), 0);
    ck_assert_int_eq(lines_of(out()), 2);
    json_t *claim = json_loads(strtok(out(), "\n"), 0, NULL);
    const char *worst = json_string_value(json_object_get(claim, "worst_case"));
    const double margin = json_real_value(json_object_get(claim, "margin"));
    ck_assert_int_eq(run(text("%s --case %s", template, worst)), 0);
    json_t *again = json_loads(strtok(out(), "\n"), 0, NULL);
    ck_assert_double_eq(json_real_value(json_object_get(again, "margin")),
                        margin);
    ck_assert_int_eq(run(text("%s --table", template)), 0);
    assert_has(out(), "HOLDS (bounded, 200 cases)");
    ck_assert_int_eq(run(text("%s --effort 2 --only U1 --out kept", template)),
                     0);
    assert_has(out(), "\"cases\": 400");
    ck_assert_str_eq(slurp(text("%s/kept/template.jsonl", folder)), out());
    assert_usage(text("%s --case nonsense", template), "nonsense");
    assert_usage(text("%s --only S3", template), "'S3'");
    json_decref(claim);
    json_decref(again);
}
END_TEST

START_TEST(an_interrupted_proof_prints_nothing)
{
    ck_assert_int_eq(interrupt(text("cd '%s' && exec '%s/template' "
                                    "--effort 1e6 >stdout 2>stderr",
                                    folder, tests)),
                     130);
    ck_assert_str_eq(out(), "");
    assert_has(err(), "interrupted");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("front door");
    TCase *t = tcase_create("front door");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, all_as_expected_is_0);
    tcase_add_test(t, decided_otherwise_is_1);
    tcase_add_test(t, undecided_or_vacuous_is_3);
    tcase_add_test(t, a_twin_with_the_wrong_verdict_is_4);
    tcase_add_test(t, a_program_that_breaks_is_4);
    tcase_add_test(t, bad_usage_is_2_and_one_line);
    tcase_add_test(t, an_interrupt_is_130_and_ends_the_children);
    tcase_add_test(t, threads_change_nothing);
    tcase_add_test(t, options_reach_the_programs);
    tcase_add_test(t, a_replay_does_not_judge_the_twin);
    tcase_add_test(t, run_becomes_the_program);
    tcase_add_test(t, list_and_explain_know_every_claim);
    tcase_add_test(t, every_command_tells_what_it_does);
    tcase_add_test(t, a_full_disk_is_2_and_one_line);
    tcase_add_test(t, the_template_holds_and_refutes_its_twin);
    tcase_add_test(t, an_interrupted_proof_prints_nothing);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
