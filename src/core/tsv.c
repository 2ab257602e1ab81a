/* Tab-separated series on top of atomic files. */
#include "core/tsv.h"

#include <stdlib.h>

#include "core/file.h"

struct thm_tsv {
    thm_file *file;
    int count;
};

thm_status thm_tsv_begin(const char *path, int count,
                         const thm_tsv_column *columns, thm_tsv **tsv,
                         thm_message *msg)
{
    if (count < 1) {
        return thm_fail(THM_EDIM, msg, "%s: expected a column, found none",
                        path);
    }
    thm_tsv *t = malloc(sizeof *t);
    if (t == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", path);
    }
    t->count = count;
    thm_status status = thm_file_begin(path, &t->file, msg);
    if (status != THM_OK) {
        free(t);
        return status;
    }
    FILE *stream = thm_file_stream(t->file);
    for (int i = 0; i < count; i++) {
        fprintf(stream, "%s%s (%s)", i == 0 ? "# " : "\t", columns[i].name,
                columns[i].unit);
    }
    fputc('\n', stream);
    *tsv = t;
    return THM_OK;
}

void thm_tsv_row(thm_tsv *tsv, const double *values)
{
    FILE *stream = thm_file_stream(tsv->file);
    for (int i = 0; i < tsv->count; i++) {
        fprintf(stream, "%s%.17g", i == 0 ? "" : "\t", values[i]);
    }
    fputc('\n', stream);
}

void thm_tsv_break(thm_tsv *tsv)
{
    fputc('\n', thm_file_stream(tsv->file));
}

thm_status thm_tsv_commit(thm_tsv *tsv, thm_message *msg)
{
    thm_status status = thm_file_commit(tsv->file, msg);
    free(tsv);
    return status;
}

void thm_tsv_abort(thm_tsv *tsv)
{
    if (tsv != NULL) {
        thm_file_abort(tsv->file);
        free(tsv);
    }
}
