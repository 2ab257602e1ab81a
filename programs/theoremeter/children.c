/* A pool of child processes: see children.h. */
#include "programs/theoremeter/children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a poll may sleep: a signal ends it earlier, a child that has closed
 * its output but not yet ended is asked again this often. */
enum { POLL_MS = 50, GRACE_POLLS = 2000 / POLL_MS };

static thm_status start(child_process *c, thm_message *msg)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return thm_fail(THM_EIO, msg, "%s: %s", c->path, strerror(errno));
    }
    const pid_t pid = fork();
    if (pid < 0) {
        const int reason = errno;
        close(ends[0]);
        close(ends[1]);
        return thm_fail(THM_EIO, msg, "%s: %s", c->path, strerror(reason));
    }
    if (pid == 0) {
        /* our own programs ignore SIGPIPE; what follows must not inherit it */
        signal(SIGPIPE, SIG_DFL);
        if (dup2(ends[1], STDOUT_FILENO) >= 0) {
            execv(c->path, c->argv);
        }
        _exit(127);
    }
    close(ends[1]);
    c->pid = pid;
    c->pipe = ends[0];
    return THM_OK;
}

/* Takes what the pipe holds; closes it at the end of the output. */
static thm_status receive(child_process *c)
{
    char block[4096];
    const ssize_t got = read(c->pipe, block, sizeof block);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return THM_OK;
    }
    if (got <= 0) {
        close(c->pipe);
        c->pipe = -1;
        return THM_OK;
    }
    char *grown = realloc(c->output, c->size + (size_t)got + 1);
    if (!grown) {
        return THM_ENOMEM;
    }
    memcpy(grown + c->size, block, (size_t)got);
    c->output = grown;
    c->size += (size_t)got;
    c->output[c->size] = '\0';
    return THM_OK;
}

/* Whether a child whose output has ended has ended too. */
static bool reap(child_process *c, int flags)
{
    pid_t got;
    do {
        got = waitpid(c->pid, &c->wait_status, flags);
    } while (got < 0 && errno == EINTR);
    if (got == 0) {
        return false;
    }
    c->pid = -1;
    return true;
}

static int running(int n, const child_process *children)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        count += children[i].pid > 0;
    }
    return count;
}

/* SIGTERM, a grace period, SIGKILL. */
static void end_all(int n, child_process *children)
{
    for (int i = 0; i < n; i++) {
        if (children[i].pid > 0) {
            kill(children[i].pid, SIGTERM);
        }
    }
    for (int k = 0; k < GRACE_POLLS && running(n, children) > 0; k++) {
        for (int i = 0; i < n; i++) {
            if (children[i].pid > 0) {
                reap(&children[i], WNOHANG);
            }
        }
        if (running(n, children) > 0) {
            poll(NULL, 0, POLL_MS);
        }
    }
    for (int i = 0; i < n; i++) {
        if (children[i].pid > 0) {
            kill(children[i].pid, SIGKILL);
            reap(&children[i], 0);
        }
    }
}

/* Waits until something can be read, at most POLL_MS, and reads it. */
static thm_status gather(int n, child_process *children, struct pollfd *fds)
{
    for (int i = 0; i < n; i++) {
        /* poll skips negative descriptors */
        fds[i] = (struct pollfd){.fd = children[i].pipe, .events = POLLIN};
    }
    const int ready = poll(fds, (nfds_t)n, POLL_MS);
    for (int i = 0; i < n && ready > 0; i++) {
        if (fds[i].fd >= 0 && fds[i].revents != 0) {
            const thm_status status = receive(&children[i]);
            if (status != THM_OK) {
                return status;
            }
        }
    }
    return THM_OK;
}

thm_status children_run(int n, child_process *children, int at_once,
                        bool (*stop)(void), children_watch watch, void *ctx,
                        thm_message *msg)
{
    thm_status status = THM_OK;
    struct pollfd *fds = calloc((size_t)n + 1, sizeof *fds);
    for (int i = 0; i < n; i++) {
        children[i].output = NULL;
        children[i].size = 0;
        children[i].pid = 0;
        children[i].pipe = -1;
    }
    if (!fds) {
        return THM_ENOMEM;
    }
    int next = 0;
    while (status == THM_OK && (next < n || running(n, children) > 0)) {
        if (stop()) {
            status = THM_EINTERRUPTED;
            break;
        }
        if (next < n && running(n, children) < at_once) {
            status = start(&children[next++], msg);
            continue;
        }
        status = gather(n, children, fds);
        for (int i = 0; i < n; i++) {
            if (children[i].pid > 0 && children[i].pipe < 0) {
                reap(&children[i], WNOHANG);
            }
        }
        watch(ctx);
    }
    if (status != THM_OK) {
        end_all(n, children);
    }
    for (int i = 0; i < n; i++) {
        if (children[i].pipe >= 0) {
            close(children[i].pipe);
            children[i].pipe = -1;
        }
    }
    free(fds);
    return status;
}

void children_free(int n, child_process *children)
{
    for (int i = 0; i < n; i++) {
        free(children[i].output);
        children[i].output = NULL;
    }
}
