/* The record of a group: trains what is missing, writes the file. */
#ifndef EUREKA_RUNS_RECORD_H
#define EUREKA_RUNS_RECORD_H

#include <stdbool.h>
#include <stdio.h>
#include "claims/recorded.h"

typedef struct {
    const char *dir, *digits;
    const char *isa, *blas_core;
    int shard, shards, threads;
    FILE *progress; /* NULL: none */
} record_how;

typedef struct {
    bool kept;   /* DIR/GROUP.tsv was there        */
    int missing; /* runs that other shards are at; the file waits for them */
} record_done;

/* Runs that end are kept in DIR/GROUP.runs until DIR/GROUP.tsv is there.
 * Statuses of thm_sweep_run, of thm_task_alloc, THM_EIO. */
thm_status record_group(const thm_recorded_group *group, const record_how *how,
                        record_done *done, thm_message *msg);

#endif
