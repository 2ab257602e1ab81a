/* Rows of a phase diagram on disk: each is written whole or not at all, so that
 * a run that was killed goes on where it was.
 *
 * DIR/flow-KIND.rows/plan says which diagram the rows belong to; the folder
 * goes once DIR/flow-KIND.tsv is there. */
#ifndef FLOW_PHASE_ROWS_H
#define FLOW_PHASE_ROWS_H

#include <stdbool.h>
#include "core/status.h"
#include "flow/phase.h"

typedef struct {
    const thm_phase *phase;
    const char *out; /* DIR; NULL: nothing is kept */
    char *folder;
    int columns;
} phase_rows;

/* Opens or begins the folder of rows.  THM_EDOMAIN with a message if it holds
 * those of another diagram; THM_EIO, THM_ENOMEM. */
thm_status phase_rows_open(const thm_phase *phase, const char *out,
                           phase_rows *rows, thm_message *msg);
void phase_rows_close(phase_rows *rows);

/* Row r as an earlier run left it; *found is false if there is none whole. */
thm_status phase_rows_load(const phase_rows *rows, int row, double *values,
                           bool *found);

thm_status phase_rows_save(const phase_rows *rows, int row,
                           const double *values, thm_message *msg);

/* Writes DIR/flow-KIND.tsv from every row and removes the folder. */
thm_status phase_rows_finish(const phase_rows *rows, double *values,
                             thm_message *msg);

#endif
