/* Interrupting a program under test. */
#ifndef TESTS_INTERRUPT_H
#define TESTS_INTERRUPT_H

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether the process handles SIGINT by now. */
static inline bool catches_interrupts(pid_t pid)
{
    char path[64], line[256];
    unsigned long long caught = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    if (status == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "SigCgt: %llx", &caught);
    }
    fclose(status);
    return caught >> (SIGINT - 1) & 1;
}

/* Runs a shell command whose last word is `exec PROGRAM ...`, interrupts the
 * program once it listens (a machine under load may take seconds to load its
 * libraries) and gives its exit code, or 128 + signal. */
static inline int interrupt(const char *command)
{
    int status = 0, started[2];
    char none;
    ck_assert_int_eq(pipe2(started, O_CLOEXEC), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        /* exec closes the pipe before it resets handlers */
        signal(SIGINT, SIG_DFL);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    /* until then the child has the handlers of the suite */
    close(started[1]);
    ck_assert_int_eq(read(started[0], &none, 1), 0);
    close(started[0]);
    while (!catches_interrupts(pid)) {
        usleep(1000);
        ck_assert_msg(waitpid(pid, &status, WNOHANG) == 0,
                      "over before it could be interrupted: %s", command);
    }
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
