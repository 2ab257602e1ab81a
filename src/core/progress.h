/* Progress on a terminal: "S claims  37% (148/400)  52/s  ETA 5 s", rewritten
 * in place at most five times a second and erased at the end. */
#ifndef THM_PROGRESS_H
#define THM_PROGRESS_H

#include <stdint.h>
#include <stdio.h>

typedef struct {
    FILE *stream; /* NULL: nothing is shown */
    const char *label;
    double start, last; /* seconds */
    int shown;          /* characters on the line */
} thm_progress;

/* stream: a terminal, or NULL for silence.  label is kept by reference. */
thm_progress thm_progress_begin(FILE *stream, const char *label);

/* done of total units; total <= 0 if unknown. */
void thm_progress_update(thm_progress *progress, int64_t done, int64_t total);

/* Erases the line, so that what follows starts clean. */
void thm_progress_end(thm_progress *progress);

/* Seconds on a clock that never goes back. */
double thm_seconds(void);

#endif
