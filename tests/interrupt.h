/* Interrupting a program under test. */
#ifndef TESTS_INTERRUPT_H
#define TESTS_INTERRUPT_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the process executes. */
static inline void executable(pid_t pid, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    const ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
}

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
 * libraries) and gives its exit code, or -signal: 130 is said, not suffered. */
static inline int interrupt(const char *command)
{
    int status = 0, started[2];
    char none, shell[PATH_MAX], now[PATH_MAX];
    ck_assert_ptr_nonnull(realpath("/bin/sh", shell));
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
    /* the shell handles SIGINT too */
    while (executable(pid, now),
           strcmp(now, shell) == 0 || !catches_interrupts(pid)) {
        usleep(1000);
        ck_assert_msg(waitpid(pid, &status, WNOHANG) == 0,
                      "over before it could be interrupted: %s", command);
    }
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Kills a child at once or as soon as the folder holds `files` files; true if
 * it was killed, false if it had ended by itself. */
static inline bool kill_at(pid_t pid, const char *folder, int files)
{
    int status;
    for (int found = 0; found < files;) {
        DIR *dir = opendir(folder);
        found = -2; /* "." and ".." */
        while (dir != NULL && readdir(dir) != NULL) {
            found++;
        }
        if (dir != NULL) {
            closedir(dir);
        }
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return false;
        }
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

/* The same for a shell command whose last word is `exec PROGRAM ...`. */
static inline bool run_and_kill_at(const char *command, const char *folder,
                                   int files)
{
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return kill_at(pid, folder, files);
}

#endif
