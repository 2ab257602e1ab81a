/* Many independent runs ("cases") of one plan: on threads, in shards, kept on
 * disk as they end, so that a run killed at any moment goes on where it was
 * and ends bit-identical to one that was not.
 *
 * A case is a number 0 .. cases-1 and its result a row of doubles, a pure
 * function of the plan and that number: no row depends on the threads, on the
 * shards or on which cases ran before.  With a folder, each row is a file of
 * its own there, written whole or not at all, beside the file "plan". */
#ifndef THM_SWEEP_H
#define THM_SWEEP_H

#include <stdbool.h>
#include "core/progress.h"
#include "core/status.h"

typedef struct {
    const char *folder; /* holds this sweep and nothing else; NULL: nothing is
                           kept                                              */
    const char *plan;   /* all that a row depends on, one "name value" a line */
    int cases, values;  /* rows, and doubles in each                         */
    int shard, shards;  /* of shards processes, this one runs the cases that
                           leave the rest `shard`; 0, 1: all of them         */
    int threads;

    /* values: (sweep.values) <- row `index`.  Called from several threads at
     * once, one OpenMP team: omp_get_thread_num() < threads tells them apart.
     * msg may receive a line that explains a failure. */
    thm_status (*run)(int index, double *values, thm_message *msg, void *ctx);
    bool (*stop)(void *ctx); /* asked before each case; NULL: never */
    void *ctx;
    thm_progress *progress; /* NULL: none */
} thm_sweep;

typedef struct {
    int found;   /* rows that an earlier run or another shard had left */
    int made;    /* by this run                                        */
    int missing; /* left to other shards                               */
} thm_sweep_count;

/* Fills rows: (cases x values) with what the folder holds and what this shard
 * runs; a missing row is NaN.  Cases start in ascending order, each as a thread
 * falls free: costly ones should come first.
 *
 * THM_EDIM unless cases, values, threads >= 1 and 0 <= shard < shards, or if
 * there are shards and no folder.  THM_EDOMAIN (msg) if the folder holds
 * another plan.  THM_EINTERRUPTED (msg: how many rows are kept) once stop says
 * so.  The status of the first failing case: none after it starts any more.
 * THM_EIO, THM_ENOMEM, THM_EOVERFLOW. On failure rows and count are spoilt;
 * what the folder holds is whole. */
thm_status thm_sweep_run(const thm_sweep *sweep, double *rows,
                         thm_sweep_count *count, thm_message *msg);

/* Removes the folder's rows and plan, and the folder if that empties it: for
 * a sweep whose results are safe elsewhere.  What stays does no harm. */
void thm_sweep_remove(const thm_sweep *sweep);

/* "I/N" with 0 <= I < N <= 1e6, as --shard takes it; "" or NULL is 0/1.
 * THM_EDOMAIN with one line. */
thm_status thm_sweep_parse_shard(const char *text, int *shard, int *shards,
                                 thm_message *msg);

#endif
