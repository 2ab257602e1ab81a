/* Start and end of every program; see start.h. */
#include "programs/start.h"

#include <errno.h>
#include <gsl/gsl_errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "la/blas.h"

/* The core that an earlier execution of this program asked for: a value of
 * OPENBLAS_CORETYPE equal to it is ours, any other the user's. */
#define GUARD "THEOREMETER_BLAS_CORE"
#define CORETYPE "OPENBLAS_CORETYPE"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_once(int number)
{
    struct sigaction old, action = {.sa_handler = on_signal,
                                    /* the second one finds the default, which
                                     * kills; reads and writes go on */
                                    .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
        sigaction(number, &action, NULL);
    }
}

bool start_table(const thm_common *common)
{
    return common->table || (!common->json && isatty(STDOUT_FILENO));
}

bool start_interrupted(void)
{
    return interrupted != 0;
}

/* Runs this program again with another core; returns if that is impossible. */
static void restart_with(const char *core, char **argv)
{
    if (setenv(CORETYPE, core, 1) == 0 && setenv(GUARD, core, 1) == 0) {
        execv("/proc/self/exe", argv);
    }
}

static void settle_blas_core(char **argv)
{
    const char *asked = getenv(CORETYPE), *guard = getenv(GUARD);
    bool set = asked != NULL && *asked != '\0';
    bool ours = set && guard != NULL && strcmp(asked, guard) == 0;

    if (!set) {
        const char *better =
            thm_blas_core_better(thm_blas_core(), thm_isa_detect());
        if (better != NULL) {
            restart_with(better, argv);
        }
    }
    thm_blas_single_thread();
    thm_status status = thm_blas_self_test();
    if (status == THM_OK) {
        return;
    }
    if (status != THM_EINTERNAL) {
        exit((int)start_fail(status, NULL));
    }
    if (!set || ours) {
        /* walks down from what was asked for, whether or not OpenBLAS gave
         * it, so that the walk ends */
        const char *next = thm_blas_core_next(ours ? asked : thm_blas_core());
        if (next != NULL) {
            restart_with(next, argv);
        }
    }
    fprintf(stderr,
            "%s: OpenBLAS core %s computes wrong matrix products (choose "
            "another by " CORETYPE ")\n",
            program_invocation_short_name, thm_blas_core());
    exit(START_INTERNAL);
}

void start_program(char **argv)
{
    gsl_set_error_handler_off();
    /* a reader that left, a file at its limit: the write fails and is told */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    settle_blas_core(argv);
    catch_once(SIGINT);
    catch_once(SIGTERM);
}

void start_options(const thm_options *spec, int argc, char **argv)
{
    thm_message msg = {""};
    thm_outcome outcome;
    thm_status status =
        thm_options_parse(spec, argc, argv, stdout, &outcome, &msg);
    if (status != THM_OK) {
        exit((int)start_fail(status, &msg));
    }
    if (outcome == THM_TOLD) {
        exit(start_finish(START_HOLDS));
    }
}

int start_threads(const thm_common *common)
{
    if (common->threads > 0) {
        return common->threads;
    }
    cpu_set_t set;
    int count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? count : 1;
}

thm_isa start_isa(const thm_common *common)
{
    thm_isa best = thm_isa_detect();
    if (common->isa == 0) {
        return best;
    }
    thm_isa asked = (thm_isa)(common->isa - 1);
    if (asked > best) {
        fprintf(stderr, "%s: --isa: this CPU offers %s, not %s\n",
                program_invocation_short_name, thm_isa_text(best),
                thm_isa_text(asked));
        exit(START_USAGE);
    }
    return asked;
}

start_exit start_fail(thm_status status, const thm_message *msg)
{
    const char *text = msg != NULL && msg->text[0] != '\0'
                           ? msg->text
                           : thm_status_text(status);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
    switch (status) {
    case THM_OK:
        return START_HOLDS;
    case THM_EDIM:
    case THM_EDOMAIN:
    case THM_EFORMAT:
    case THM_EIO:
    case THM_EOVERFLOW:
        return START_USAGE;
    case THM_EINTERRUPTED:
        return START_INTERRUPTED;
    case THM_ENOMEM:
    case THM_ECONVERGE:
    case THM_ESINGULAR:
    case THM_EINTERNAL:
        break;
    }
    return START_INTERNAL;
}

start_exit start_exit_of(thm_verdict verdict)
{
    switch (verdict) {
    case THM_HOLDS:
        return START_HOLDS;
    case THM_REFUTED:
        return START_REFUTED;
    case THM_UNDECIDED:
    case THM_VACUOUS:
        return START_UNDECIDED;
    }
    return START_INTERNAL;
}

int start_finish(start_exit code)
{
    /* an earlier write may have failed while this flush has nothing to do */
    bool failed = ferror(stdout) != 0;
    errno = 0;
    failed = fclose(stdout) != 0 || failed;
    if (failed) {
        fprintf(stderr, "%s: standard output: %s\n",
                program_invocation_short_name,
                errno != 0 ? strerror(errno) : "a write failed");
        return START_USAGE;
    }
    return (int)(start_interrupted() ? START_INTERRUPTED : code);
}
