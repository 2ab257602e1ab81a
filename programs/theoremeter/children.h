/* Programs run side by side as child processes, each with its standard output
 * gathered; standard error stays the parent's. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "core/status.h"

typedef struct {
    const char *path; /* of the executable                              */
    char **argv;      /* ended by NULL, argv[0] included                */
    char *output;     /* what it printed, ended by a zero byte; or NULL */
    size_t size;      /* bytes of output                                */
    int wait_status;  /* of waitpid, once it has ended                  */

    pid_t pid; /* 0: not started; -1: ended and reaped          */
    int pipe;  /* -1: closed                                    */
} child_process;

/* Called whenever a program has printed something or ended. */
typedef void (*children_watch)(void *ctx);

/* Starts the n programs in their order, at most at_once (>= 1) at a time, and
 * waits for them all.  Once stop() is true the running ones get SIGTERM, after
 * two seconds SIGKILL, no further one starts, and THM_EINTERRUPTED is the
 * answer.  THM_EIO (msg) if a pipe or a process cannot be made, THM_ENOMEM; the
 * running ones are ended then too.  A program that cannot be executed exits
 * with 127.  children_free releases the outputs in every case. */
thm_status children_run(int n, child_process *children, int at_once,
                        bool (*stop)(void), children_watch watch, void *ctx,
                        thm_message *msg);

void children_free(int n, child_process *children);

#endif
