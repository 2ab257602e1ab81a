/* Series of numbers as tab-separated text, written whole or not at all.
 *
 * The first line names the columns: "# tau (1)<TAB>entropy (nat)".  Numbers
 * are %.17g, so that a reader gets the same doubles back; "nan" marks a gap,
 * as gnuplot reads it. */
#ifndef THM_TSV_H
#define THM_TSV_H

#include "core/status.h"

typedef struct {
    const char *name;
    const char *unit; /* "1" for a pure number */
} thm_tsv_column;

typedef struct thm_tsv thm_tsv;

/* THM_EDIM if count < 1, else as thm_file_begin. */
thm_status thm_tsv_begin(const char *path, int count,
                         const thm_tsv_column *columns, thm_tsv **tsv,
                         thm_message *msg);

/* One row of count numbers. */
void thm_tsv_row(thm_tsv *tsv, const double *values);

/* An empty line: the end of a line of a grid, as gnuplot reads it. */
void thm_tsv_break(thm_tsv *tsv);

/* Makes the file appear and frees tsv; THM_EIO as thm_file_commit. */
thm_status thm_tsv_commit(thm_tsv *tsv, thm_message *msg);

/* Gives up without a trace.  NULL is allowed. */
void thm_tsv_abort(thm_tsv *tsv);

#endif
