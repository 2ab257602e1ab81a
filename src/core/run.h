/* run.json: what a run directory needs to be repeated. */
#ifndef THM_RUN_H
#define THM_RUN_H

#include "core/options.h"
#include "core/status.h"

typedef struct {
    const thm_options *options;
    uint64_t seed;         /* 0 if nothing is drawn               */
    const char *isa;       /* of the kernels                      */
    const char *blas_core; /* NULL if the program calls no BLAS   */
    int threads;
    double wall_seconds;
    json_t *data; /* what was read, borrowed; NULL: nothing       */
} thm_run;

/* Writes dir/run.json atomically, making dir: program, options, seed, version,
 * compiler, cpu, isa, blas_core, threads, wall_seconds, data.
 * THM_EIO, THM_ENOMEM. */
thm_status thm_run_write(const char *dir, const thm_run *run, thm_message *msg);

/* The same as a JSON object, for a report; NULL if out of memory. */
json_t *thm_run_json(const thm_run *run);

#endif
