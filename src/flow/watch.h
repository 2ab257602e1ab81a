/* What a run watches while it steps: requested times and events. */
#ifndef THM_WATCH_H
#define THM_WATCH_H

#include "flow/run.h"

typedef struct {
    const thm_ode_watch *spec;
    int next;      /* the first requested time not yet reached              */
    double seen;   /* time of the last observation; NaN: none               */
    double *value; /* per event: its last value that was not zero           */
    double *cross; /* per event: where it crossed in this step, or infinity */
    double *state; /* (padded) */
} thm_watcher;

/* watch may be NULL.  THM_ENOMEM, THM_EOVERFLOW; free what was got in any case.
 */
thm_status thm_watcher_start(thm_watcher *w, const thm_ode_watch *watch,
                             const thm_ode_run *run);
void thm_watcher_free(thm_watcher *w);

/* The next requested time, or t1. */
double thm_watcher_limit(const thm_watcher *w, double t1);

/* Finds the events of the last step and reports them and the requested times in
 * order of time.  If one says stop: *stop, and run->t and run->x are there. */
thm_status thm_watcher_step(thm_watcher *w, const thm_ode_method *method,
                            void *self, thm_ode_run *run, bool *stop);

/* The observer's call at the end, unless it was just there. */
thm_status thm_watcher_end(thm_watcher *w, const thm_ode_run *run);

#endif
