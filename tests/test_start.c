/* Suite of start: this program runs itself as a child that starts and ends like
 * any other, over a false OpenBLAS that picks the core it is told to and
 * computes wrong in those named by WRONG.  Oracle: the exit codes and the one
 * line that start.h promises. */
#include <cblas.h>
#include <signal.h>

#include "la/blas.h"
#include "programs/start.h"
#include "tests/program.h"

/* ---- the false OpenBLAS ------------------------------------------------- */

char *openblas_get_corename(void)
{
    char *forced = getenv("OPENBLAS_CORETYPE"), *own = getenv("OWN_CORE");
    static char fallback[] = "Prescott";
    return forced != NULL && *forced != '\0' ? forced
           : own != NULL                     ? own
                                             : fallback;
}

void cblas_dgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta,
                 const enum CBLAS_TRANSPOSE tb, const blasint m,
                 const blasint n, const blasint k, const double alpha,
                 const double *A, const blasint lda, const double *B,
                 const blasint ldb, const double beta, double *C,
                 const blasint ldc)
{
    (void)order;
    thm_gemm_ref(ta == CblasTrans, tb == CblasTrans, m, n, k, alpha, A, lda, B,
                 ldb, beta, C, ldc);
    const char *wrong = getenv("WRONG");
    if (wrong != NULL && strstr(wrong, openblas_get_corename()) != NULL) {
        C[0] += 1e-9; /* entries are below 65 / 4 */
    }
}

/* ---- the child ---------------------------------------------------------- */

static int child(int argc, char **argv)
{
    static thm_common common = THM_COMMON_DEFAULT;
    static bool linger, refute;
    static const thm_option options[] = {
        {"linger", 0, NULL, THM_OPTION_FLAG, &linger, "wait for a signal", 0,
         0},
        {"refute", 0, NULL, THM_OPTION_FLAG, &refute, "end as refuted", 0, 0},
        THM_COMMON_THREADS(common),
        {0}};
    static const thm_options spec = {
        .program = "child", .purpose = "Starts and ends.", .table = options};
    start_program(argv);
    argv[1] = argv[0]; /* options follow the name */
    start_options(&spec, argc - 1, argv + 1);
    printf("%s %s %d\n", thm_blas_core(), thm_isa_text(start_isa(&common)),
           start_threads(&common));
    if (linger) {
        fflush(stdout);
    }
    while (linger && !start_interrupted()) {
        usleep(1000);
    }
    while (linger && refute) { /* deaf to its flag */
        usleep(1000);
    }
    return start_finish(refute ? START_REFUTED : START_HOLDS);
}

/* The suite's own program, under a short name beside the test's files. */
static void setup(void)
{
    char self[PATH_MAX];
    scratch_make();
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    ck_assert_int_eq(symlink(self, scratch_path("child")), 0);
    write_in("");
    strcpy(program, "env");
}

/* Runs the child with NAME=VALUE ... and expects its end; with `lines` on
 * stderr, beginning with the program's name. */
static outcome expect(const char *environment, const char *args,
                      const char *redirect, int code, int lines)
{
    char all[512];
    snprintf(all, sizeof all, "-u OPENBLAS_CORETYPE %s ./child child %s",
             environment, args);
    outcome o = run(all, redirect);
    ck_assert_msg(o.code == code, "%s: exit %d, expected %d: %s%s", all, o.code,
                  code, o.out, o.err);
    ck_assert_msg(o.lines == lines, "%s: %s", all, o.err);
    ck_assert_msg(lines == 0 || strncmp(o.err, "child: ", 7) == 0, "%s", o.err);
    return o;
}

/* The child with its standard output at `out`, stderr in the file "said". */
static pid_t spawn(int out, bool deaf_to_int, const char *flag,
                   const char *flag2)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGINT, deaf_to_int ? SIG_IGN : SIG_DFL);
        if (dup2(out, STDOUT_FILENO) == STDOUT_FILENO && close(out) == 0 &&
            freopen(scratch_path("said"), "w", stderr) != NULL) {
            execl("/proc/self/exe", "child", "child", flag, flag2, NULL);
        }
        _exit(127);
    }
    return pid;
}

/* Its exit code, or 128 + signal. */
static int ended(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *best_core(void)
{
    const char *better = thm_blas_core_better("Prescott", thm_isa_detect());
    return better != NULL ? better : "Prescott";
}

static void expect_core(const char *environment, const char *core)
{
    outcome o = expect(environment, "", "", 0, 0);
    ck_assert_msg(strncmp(o.out, core, strlen(core)) == 0 &&
                      o.out[strlen(core)] == ' ',
                  "%s: expected %s, found %s", environment, core, o.out);
    outcome_free(&o);
}

START_TEST(a_slow_core_is_replaced)
{
    /* the fallback gives way, a good or unknown core and the user's stay */
    expect_core("", best_core());
    expect_core("OPENBLAS_CORETYPE=", best_core());
    expect_core("OWN_CORE=Cooperlake", "Cooperlake");
    expect_core("OWN_CORE=Unheard", "Unheard");
    expect_core("OPENBLAS_CORETYPE=Nehalem", "Nehalem");
    /* inherited from a program that chose it */
    expect_core("OPENBLAS_CORETYPE=Nehalem THEOREMETER_BLAS_CORE=Nehalem",
                "Nehalem");
}
END_TEST

START_TEST(a_wrong_core_is_left)
{
    /* down the list until one is right; none, or the user's: exit 4 */
    expect_core("WRONG=SkylakeX OWN_CORE=SkylakeX", "Haswell");
    expect_core("WRONG=SkylakeX,Haswell,Sandybridge OWN_CORE=SkylakeX",
                "Nehalem");
    const char *broken[] = {
        "WRONG=SkylakeX,Haswell,Sandybridge,Nehalem,Prescott",
        "WRONG=Unheard OWN_CORE=Unheard",
        "WRONG=Haswell OPENBLAS_CORETYPE=Haswell",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        outcome o = expect(broken[i], "", "", 4, 1);
        ck_assert_ptr_nonnull(strstr(o.err, "wrong matrix products"));
        ck_assert_str_eq(o.out, "");
        outcome_free(&o);
    }
}
END_TEST

START_TEST(usage)
{
    /* --help and --version on stdout; what is wrong in one line */
    outcome o = expect("", "--help", "", 0, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "Starts and ends."));
    outcome_free(&o);
    o = expect("", "--version", "", 0, 0);
    ck_assert_uint_gt(strlen(o.out), 0);
    outcome_free(&o);
    const char *bad[] = {"--no-such", "--threads x", "--threads -1", "operand",
                         "--isa sse"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = expect("", bad[i], "", 2, 1);
        ck_assert_str_eq(o.out, "");
        outcome_free(&o);
    }
    o = expect("", "--threads 7 --isa baseline", "", 0, 0);
    ck_assert_ptr_nonnull(strstr(o.out, " baseline 7\n"));
    outcome_free(&o);
    if (thm_isa_detect() != THM_ISA_AVX512) {
        o = expect("", "--isa avx512", "", 2, 1);
        outcome_free(&o);
    }
}
END_TEST

START_TEST(the_end_is_checked)
{
    /* a full device and a closed pipe outrank the verdict */
    outcome o = expect("", "--refute", "", 1, 0);
    outcome_free(&o);
    o = expect("", "--refute", ">/dev/full", 2, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "standard output: No space"));
    outcome_free(&o);
    o = expect("", "--help", ">/dev/full", 2, 1);
    outcome_free(&o);
    /* the pipe's reader is gone before the child writes */
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    ck_assert_int_eq(ended(spawn(ends[1], false, "--threads=1", NULL)), 2);
    close(ends[1]);
    char *said = scratch_read(scratch_path("said"));
    ck_assert_str_eq(said, "child: standard output: Broken pipe\n");
    free(said);
}
END_TEST

/* A lingering child that has printed its line. */
static pid_t lingering(bool deaf_to_int, const char *flag)
{
    int ends[2];
    char line;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = spawn(ends[1], deaf_to_int, "--linger", flag);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &line, 1), 1);
    close(ends[0]);
    return pid;
}

START_TEST(signals)
{
    /* the first asks, the second kills; one that was ignored stays so */
    pid_t pid = lingering(false, NULL);
    kill(pid, SIGTERM);
    ck_assert_int_eq(ended(pid), 130);
    pid = lingering(false, NULL);
    kill(pid, SIGINT);
    ck_assert_int_eq(ended(pid), 130);

    int status = 0;
    pid = lingering(true, NULL);
    kill(pid, SIGINT);
    usleep(50000);
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGTERM);
    ck_assert_int_eq(ended(pid), 130);

    pid = lingering(false, "--refute"); /* sees its flag and goes on */
    kill(pid, SIGTERM);
    usleep(50000);
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGTERM);
    ck_assert_int_eq(ended(pid), 128 + SIGTERM);
}
END_TEST

START_TEST(statuses_have_codes)
{
    /* stored: the table of start.h, for every status and verdict */
    static const struct {
        thm_status status;
        start_exit code;
    } rows[] = {
        {THM_EDIM, START_USAGE},         {THM_EDOMAIN, START_USAGE},
        {THM_EFORMAT, START_USAGE},      {THM_EIO, START_USAGE},
        {THM_EOVERFLOW, START_USAGE},    {THM_EINTERRUPTED, START_INTERRUPTED},
        {THM_ENOMEM, START_INTERNAL},    {THM_ECONVERGE, START_INTERNAL},
        {THM_ESINGULAR, START_INTERNAL}, {THM_EINTERNAL, START_INTERNAL}};
    ck_assert_ptr_nonnull(freopen(scratch_path("said"), "w", stderr));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const thm_message msg = {"x: 1"}, none = {""};
        ck_assert_int_eq((int)start_fail(rows[i].status, NULL),
                         (int)rows[i].code);
        ck_assert_int_eq((int)start_fail(rows[i].status, &none),
                         (int)rows[i].code);
        ck_assert_int_eq((int)start_fail(rows[i].status, &msg),
                         (int)rows[i].code);
    }
    fflush(stderr);
    char *said = scratch_read(scratch_path("said"));
    ck_assert_ptr_nonnull(strstr(said, "test_start: x: 1\n"));
    ck_assert_ptr_nonnull(strstr(said, thm_status_text(THM_ECONVERGE)));
    free(said);
    ck_assert_int_eq((int)start_exit_of(THM_HOLDS), 0);
    ck_assert_int_eq((int)start_exit_of(THM_REFUTED), 1);
    ck_assert_int_eq((int)start_exit_of(THM_UNDECIDED), 3);
    ck_assert_int_eq((int)start_exit_of(THM_VACUOUS), 3);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        return child(argc, argv);
    }
    Suite *suite = suite_create("start");
    TCase *c = tcase_create("start");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, setup, scratch_remove);
    tcase_add_test(c, a_slow_core_is_replaced);
    tcase_add_test(c, a_wrong_core_is_left);
    tcase_add_test(c, usage);
    tcase_add_test(c, the_end_is_checked);
    tcase_add_test(c, signals);
    tcase_add_test(c, statuses_have_codes);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
