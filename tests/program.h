/* Programs of the same build under test: what they print, and how they end. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <limits.h>
#include <sys/wait.h>

#include "tests/scratch.h"

static char program[PATH_MAX];

/* The program of the same build: ../bin beside this suite's folder. */
static inline void find_program(const char *name)
{
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 64);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    strcpy(slash == NULL ? program : slash, "/../bin/");
    strcat(program, name);
}

/* What a run left behind. */
typedef struct {
    int code; /* exit code, or 128 + signal */
    char *out, *err;
    int lines; /* of err */
} outcome;

/* Runs `program ARGS <in >../out 2>../err` in the scratch folder, by way of a
 * shell, which splits and redirects; logs go to a folder of their own. */
static inline outcome run(const char *args, const char *redirect)
{
    char command[PATH_MAX + 1024], logs[80], path[128];
    snprintf(logs, sizeof logs, "%s.logs", scratch);
    snprintf(command, sizeof command,
             "mkdir -p %s && cd %s && \"%s\" %s <in >%s/out 2>%s/err %s", logs,
             scratch, program, args, logs, logs, redirect);
    int status = system(command);
    outcome o = {.code = WIFEXITED(status) ? WEXITSTATUS(status)
                                           : 128 + WTERMSIG(status)};
    snprintf(path, sizeof path, "%s/out", logs);
    o.out = scratch_read(path);
    snprintf(path, sizeof path, "%s/err", logs);
    o.err = scratch_read(path);
    for (const char *c = o.err; *c != '\0'; c++) {
        o.lines += *c == '\n';
    }
    snprintf(command, sizeof command, "rm -r %s", logs);
    ck_assert_int_eq(system(command), 0);
    return o;
}

static inline void outcome_free(outcome *o)
{
    free(o->out);
    free(o->err);
}

/* Standard input of the next runs. */
static inline void write_in(const char *text)
{
    scratch_write("in", text, strlen(text));
}

#endif
