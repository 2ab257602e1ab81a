/* A phase diagram row by row, and what is said of it. */
#ifndef FLOW_PHASE_RUN_H
#define FLOW_PHASE_RUN_H

#include <stdio.h>
#include "core/status.h"
#include "flow/phase.h"

typedef struct {
    thm_phase_tally tally;
    int resumed; /* rows that an earlier run had left */
    double seconds;
} phase_result;

/* Runs or resumes; out may be NULL.  THM_EINTERRUPTED with a message that says
 * what is kept; statuses of thm_phase_row and of files. */
thm_status phase_run(const thm_phase *phase, const char *out, FILE *progress,
                     phase_result *result, thm_message *msg);

/* One JSON line, or lines for a human. */
thm_status phase_print(FILE *stream, const thm_phase *phase,
                       const phase_result *result, bool human);

#endif
