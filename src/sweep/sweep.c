/* Many runs of one plan: see sweep.h. */
#include "sweep/sweep.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/file.h"
#include "core/options.h"

static const char plan_name[] = "plan";

/* ---- files ----------------------------------------------------------------
 */

static thm_status write_whole(const char *path, const void *data, size_t size,
                              thm_message *msg)
{
    thm_file *file = NULL;
    const thm_status status = thm_file_begin(path, &file, msg);
    if (status != THM_OK) {
        return status;
    }
    fwrite(data, 1, size, thm_file_stream(file));
    return thm_file_commit(file, msg);
}

/* Whether a file holds just `size` bytes, which go into data. */
static bool read_whole(const char *path, void *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    char more;
    const bool whole =
        fread(data, 1, size, file) == size && fread(&more, 1, 1, file) == 0;
    fclose(file);
    return whole;
}

static char *row_path(const thm_sweep *sweep, int index)
{
    char name[32];
    snprintf(name, sizeof name, "%08d", index);
    return thm_path_join(sweep->folder, name);
}

static thm_status load_row(const thm_sweep *sweep, int index, double *values,
                           bool *found)
{
    const size_t size = (size_t)sweep->values * sizeof *values;
    char *path = row_path(sweep, index);
    if (!path) {
        return THM_ENOMEM;
    }
    *found = read_whole(path, values, size);
    free(path);
    return THM_OK;
}

static thm_status save_row(const thm_sweep *sweep, int index,
                           const double *values, thm_message *msg)
{
    char *path = row_path(sweep, index);
    if (!path) {
        return THM_ENOMEM;
    }
    const thm_status status =
        write_whole(path, values, (size_t)sweep->values * sizeof *values, msg);
    free(path);
    return status;
}

/* ---- plan -----------------------------------------------------------------
 */

/* The first line on which two plans differ, without its end. */
static const char *line_at(const char *plan, size_t line_start, int *length)
{
    *length = (int)strcspn(plan + line_start, "\n");
    return plan + line_start;
}

static thm_status refuse_plan(const thm_sweep *sweep, const char *old,
                              thm_message *msg)
{
    size_t same = 0, start = 0;
    while (old[same] && old[same] == sweep->plan[same]) {
        start = old[same++] == '\n' ? same : start;
    }
    int ours, theirs;
    const char *expected = line_at(sweep->plan, start, &ours);
    const char *found = line_at(old, start, &theirs);
    return thm_fail(THM_EDOMAIN, msg,
                    "%s: expected \"%.*s\" in the plan of a run to go on with, "
                    "found \"%.*s\" (finish it with its own options, or remove "
                    "the folder)",
                    sweep->folder, ours, expected, theirs, found);
}

/* Writes the plan of a new folder.  What the folder then holds decides: of two
 * processes that began it at once with different plans, one is refused. */
static thm_status settle_plan(const thm_sweep *sweep, thm_message *msg)
{
    const size_t size = strlen(sweep->plan);
    char *path = thm_path_join(sweep->folder, plan_name);
    /* more than ours, to show where a longer plan goes on */
    const size_t room = size + sizeof(thm_message);
    char *old = calloc(room + 1, 1);
    thm_status status = path && old ? THM_OK : THM_ENOMEM;
    if (status == THM_OK && access(path, F_OK) != 0) {
        status = write_whole(path, sweep->plan, size, msg);
    }
    FILE *file = status == THM_OK ? fopen(path, "rb") : NULL;
    if (status == THM_OK && !file) {
        status = thm_fail(THM_EIO, msg, "%s: expected a plan, found none",
                          sweep->folder);
    }
    if (file) {
        const size_t got = fread(old, 1, room, file);
        if (got != size || memcmp(old, sweep->plan, size) != 0) {
            status = refuse_plan(sweep, old, msg);
        }
        fclose(file);
    }
    free(old);
    free(path);
    return status;
}

/* ---- the sweep ------------------------------------------------------------
 */

static thm_status check(const thm_sweep *s)
{
    const bool shards = s->shards > 1;
    return s->cases >= 1 && s->values >= 1 && s->threads >= 1 &&
                   s->shard >= 0 && s->shard < s->shards &&
                   (s->folder || !shards)
               ? THM_OK
               : THM_EDIM;
}

/* What the threads share. */
typedef struct {
    const thm_sweep *sweep;
    double *rows;
    const int *todo; /* (pending): case indices of this shard */
    int pending, done, failed_at;
    thm_status status;
    thm_message *msg;
} sweep_work;

static void fail_at(sweep_work *w, int index, thm_status status,
                    const thm_message *why)
{
    if (w->status == THM_OK || index < w->failed_at) {
        w->status = status;
        w->failed_at = index;
        if (why->text[0]) {
            thm_fail(status, w->msg, "%s", why->text);
        }
    }
}

static void run_one(sweep_work *w, int index)
{
    const thm_sweep *s = w->sweep;
    double *values = w->rows + (size_t)index * (size_t)s->values;
    thm_message why = {""};
    thm_status status = s->run(index, values, &why, s->ctx);
    if (status == THM_OK && s->folder) {
        status = save_row(s, index, values, &why);
    }
#pragma omp critical(thm_sweep)
    {
        if (status != THM_OK) {
            fail_at(w, index, status, &why);
        } else {
            w->done++;
            if (s->progress) {
                thm_progress_update(s->progress, w->done, w->pending);
            }
        }
    }
}

static void run_pending(sweep_work *w)
{
    const thm_sweep *s = w->sweep;
    static const thm_message none = {""};
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->threads)
    for (int k = 0; k < w->pending; k++) {
        bool go;
#pragma omp critical(thm_sweep)
        {
            if (w->status == THM_OK && s->stop && s->stop(s->ctx)) {
                fail_at(w, w->todo[k], THM_EINTERRUPTED, &none);
            }
            /* what comes before a failure runs, so that the first is told */
            go = w->status == THM_OK || w->todo[k] < w->failed_at;
        }
        if (go) {
            run_one(w, w->todo[k]);
        }
    }
}

/* Loads this shard's rows, or those of the others.  todo (NULL allowed)
 * receives the indices of the absent ones, which become NaN. */
static thm_status take_stock(const thm_sweep *s, bool ours, double *rows,
                             int *todo, int *found, int *absent)
{
    *found = *absent = 0;
    for (int i = 0; i < s->cases; i++) {
        double *values = rows + (size_t)i * (size_t)s->values;
        bool there = false;
        if ((i % s->shards == s->shard) != ours) {
            continue;
        }
        if (s->folder) {
            const thm_status status = load_row(s, i, values, &there);
            if (status != THM_OK) {
                return status;
            }
        }
        for (int v = 0; v < s->values && !there; v++) {
            values[v] = NAN;
        }
        *found += there;
        if (!there && todo) {
            todo[*absent] = i;
        }
        *absent += !there;
    }
    return THM_OK;
}

thm_status thm_sweep_run(const thm_sweep *s, double *rows,
                         thm_sweep_count *count, thm_message *msg)
{
    size_t size;
    thm_status status = check(s);
    if (status == THM_OK) {
        status = thm_size_mul((size_t)s->cases, (size_t)s->values, &size);
    }
    if (status != THM_OK) {
        return status;
    }
    if (s->folder) {
        status = thm_dir_make(s->folder, msg);
        if (status == THM_OK) {
            status = settle_plan(s, msg);
        }
    }
    int *todo = calloc((size_t)s->cases, sizeof *todo);
    sweep_work w = {.sweep = s, .rows = rows, .todo = todo, .msg = msg};
    if (status == THM_OK) {
        status =
            todo ? take_stock(s, true, rows, todo, &count->found, &w.pending)
                 : THM_ENOMEM;
    }
    if (status == THM_OK) {
        run_pending(&w);
        count->made = w.done;
        status = w.status;
    }
    /* last, so that of several shards the one that ends last sees all */
    if (status == THM_OK) {
        int others;
        status = take_stock(s, false, rows, NULL, &others, &count->missing);
        count->found += others;
    }
    if (status == THM_EINTERRUPTED && s->folder) {
        thm_fail(
            status, msg,
            "interrupted: %d cases are kept in %s; the same command goes on",
            count->found + count->made, s->folder);
    }
    free(todo);
    return status;
}

/* Rows and what a killed process left half-written; never a file of others. */
static bool is_ours(const char *name)
{
    const size_t digits = strspn(name, "0123456789"), n = strlen(name);
    return (n > 0 && digits == n) ||
           (name[0] == '.' && n > 4 && strcmp(name + n - 4, ".tmp") == 0);
}

void thm_sweep_remove(const thm_sweep *sweep)
{
    DIR *dir = sweep->folder ? opendir(sweep->folder) : NULL;
    if (!dir) {
        return;
    }
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (is_ours(d->d_name)) {
            unlinkat(dirfd(dir), d->d_name, 0);
        }
    }
    /* the plan last: rows without one would be taken for another plan's */
    unlinkat(dirfd(dir), plan_name, 0);
    closedir(dir);
    rmdir(sweep->folder);
}

thm_status thm_sweep_parse_shard(const char *text, int *shard, int *shards,
                                 thm_message *msg)
{
    char first[16];
    int i = 0, n = 1;
    if (text && *text) {
        const size_t length = strcspn(text, "/");
        bool good = length < sizeof first && text[length] == '/';
        if (good) {
            memcpy(first, text, length);
            first[length] = '\0';
            good = thm_parse_int(first, &i) &&
                   thm_parse_int(text + length + 1, &n) && i >= 0 && i < n &&
                   n <= 1000000;
        }
        if (!good) {
            return thm_fail(THM_EDOMAIN, msg,
                            "--shard: expected I/N with 0 <= I < N <= 1000000, "
                            "found \"%s\"",
                            text);
        }
    }
    *shard = i;
    *shards = n;
    return THM_OK;
}
