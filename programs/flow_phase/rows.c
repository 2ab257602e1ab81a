/* Rows of a phase diagram on disk: see rows.h. */
#include "programs/flow_phase/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/file.h"
#include "core/version.h"

enum { PLAN_SIZE = 1024 };

/* Everything that a row's numbers depend on. */
static void write_plan(const thm_phase *p, char plan[PLAN_SIZE])
{
    snprintf(plan, PLAN_SIZE,
             "version %s\ndiagram %s\ngrid %d\nloss %s\nt_end %.17g\n"
             "range %.17g\nsum %.17g\nu %.17g %.17g %.17g\nn %d\n"
             "seed %" PRIu64 "\neta %.17g %.17g\ntarget %.17g %.17g\n",
             THM_VERSION, thm_phase_text(p->kind), p->grid,
             thm_loss_text(p->loss), p->t_end, p->range, p->sum, p->u[0],
             p->u[1], p->u[2], p->n, p->seed, p->narrowest, p->widest,
             p->nearest, p->farthest);
}

static char *path_of(const phase_rows *rows, const char *name)
{
    return thm_path_join(rows->folder, name);
}

static char *row_path(const phase_rows *rows, int row)
{
    char name[32];
    snprintf(name, sizeof name, "%06d", row);
    return path_of(rows, name);
}

static thm_status write_whole(const char *path, const void *data, size_t size,
                              thm_message *msg)
{
    thm_file *file = NULL;
    if (!path) {
        return THM_ENOMEM;
    }
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

thm_status phase_rows_open(const thm_phase *phase, const char *out,
                           phase_rows *rows, thm_message *msg)
{
    *rows = (phase_rows){.phase = phase, .out = out};
    thm_phase_columns(phase->kind, &rows->columns);
    if (!out) {
        return THM_OK;
    }
    char plan[PLAN_SIZE], old[PLAN_SIZE];
    write_plan(phase, plan);
    if (asprintf(&rows->folder, "%s/flow-%s.rows", out,
                 thm_phase_text(phase->kind)) < 0) {
        rows->folder = NULL;
        return THM_ENOMEM;
    }
    thm_status status = thm_dir_make(rows->folder, msg);
    if (status != THM_OK) {
        return status;
    }
    char *path = path_of(rows, "plan");
    if (!path) {
        return THM_ENOMEM;
    }
    if (access(path, F_OK) != 0) {
        status = write_whole(path, plan, strlen(plan), msg);
    } else if (!read_whole(path, old, strlen(plan)) ||
               memcmp(old, plan, strlen(plan)) != 0) {
        status = thm_fail(THM_EDOMAIN, msg,
                          "%s: expected the rows of this diagram, found those "
                          "of another (finish it with its own options, or "
                          "remove the folder)",
                          rows->folder);
    }
    free(path);
    return status;
}

void phase_rows_close(phase_rows *rows)
{
    free(rows->folder);
    rows->folder = NULL;
}

static size_t row_size(const phase_rows *rows, int row)
{
    return (size_t)thm_phase_cells(rows->phase, row) * (size_t)rows->columns *
           sizeof(double);
}

thm_status phase_rows_load(const phase_rows *rows, int row, double *values,
                           bool *found)
{
    *found = false;
    if (!rows->folder) {
        return THM_OK;
    }
    char *path = row_path(rows, row);
    if (!path) {
        return THM_ENOMEM;
    }
    *found = read_whole(path, values, row_size(rows, row));
    free(path);
    return THM_OK;
}

thm_status phase_rows_save(const phase_rows *rows, int row,
                           const double *values, thm_message *msg)
{
    if (!rows->folder) {
        return THM_OK;
    }
    char *path = row_path(rows, row);
    const thm_status status =
        write_whole(path, values, row_size(rows, row), msg);
    free(path);
    return status;
}

/* What is left behind does no harm: the next run of this diagram clears it. */
static void remove_folder(const phase_rows *rows)
{
    for (int row = -1; row < rows->phase->grid; row++) {
        char *path = row < 0 ? path_of(rows, "plan") : row_path(rows, row);
        if (path) {
            unlink(path);
        }
        free(path);
    }
    rmdir(rows->folder);
}

thm_status phase_rows_finish(const phase_rows *rows, double *values,
                             thm_message *msg)
{
    if (!rows->folder) {
        return THM_OK;
    }
    thm_tsv *tsv = NULL;
    char *path = NULL;
    int count;
    const thm_tsv_column *columns =
        thm_phase_columns(rows->phase->kind, &count);
    if (asprintf(&path, "%s/flow-%s.tsv", rows->out,
                 thm_phase_text(rows->phase->kind)) < 0) {
        return THM_ENOMEM;
    }
    thm_status status = thm_tsv_begin(path, count, columns, &tsv, msg);
    free(path);
    for (int row = 0; row < rows->phase->grid && status == THM_OK; row++) {
        bool found;
        status = phase_rows_load(rows, row, values, &found);
        if (status == THM_OK && !found) {
            status = thm_fail(THM_EIO, msg, "%s: expected row %d, found none",
                              rows->folder, row);
        }
        for (int k = 0;
             k < thm_phase_cells(rows->phase, row) && status == THM_OK; k++) {
            thm_tsv_row(tsv, values + (size_t)k * (size_t)count);
        }
    }
    if (status != THM_OK) {
        thm_tsv_abort(tsv);
        return status;
    }
    status = thm_tsv_commit(tsv, msg);
    if (status == THM_OK) {
        remove_folder(rows);
    }
    return status;
}
