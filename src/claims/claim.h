/* A claim and its false twin as two tables of functions over the same cases.
 *
 * The checker runs every claim of a table over `count` cases.  A case is a pure
 * function of (seed, index): it replays alone.  A twin has the id "X" + the
 * claim's id and must come out with the opposite verdict; it is measured like a
 * claim, because it is one: a false statement. */
#ifndef THM_CLAIM_H
#define THM_CLAIM_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"
#include "core/verdict.h"

/* Measures one case: fills *f and leaves *applies true, or sets *applies false
 * if the case does not meet the hypotheses.  *f arrives with NaN in observed,
 * allowed and err, so that a measure that forgets one of them stays UNDECIDED;
 * resolution arrives false, evidence as THM_SAMPLED. */
typedef thm_status (*thm_measure)(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies);

typedef struct {
    const char *id; /* "S5.1", or "XS5.1" for its twin */
    thm_measure measure;
    bool all_inputs; /* scope: the evidence covers all inputs */
} thm_claim;

/* Where the cases come from. */
typedef struct {
    int64_t count;
    /* Builds case `index`; its name, at most THM_CASE_NAME - 1 characters, is
     * unique within the source. */
    thm_status (*make)(void *ctx, uint64_t seed, int64_t index, void *the_case,
                       char *name);
    void *the_case; /* storage that make fills, reused case after case */
    void *ctx;
    const char *recorded; /* day of the measurements that the cases are read
                             from, "2026-11-22"; NULL: measured now        */
} thm_case_source;

/* Asked before every case; true stops the run with THM_EINTERRUPTED. */
typedef bool (*thm_tick)(void *ctx, int64_t done, int64_t total);

/* Runs `claims` over the cases of `source` (only the one named `only` if not
 * NULL) and fills results[n_claims] and, if not NULL, seconds[n_claims]: the
 * wall time of a claim's measures plus its equal share of making the cases.
 *
 * THM_EDIM, nothing touched, if n_claims < 1 or source->count < 0.
 * THM_EDOMAIN if `only` names no case (msg says so; every result is VACUOUS).
 * THM_EINTERRUPTED if tick said so: results are those of the cases done.
 * A make or a measure that fails ends the run, msg naming the claim and the
 * case - an instrument that breaks has no verdict: THM_ENOMEM and
 * THM_EINTERRUPTED as they are, anything else as THM_EINTERNAL. */
thm_status thm_claims_run(int n_claims, const thm_claim *claims,
                          const thm_case_source *source, uint64_t seed,
                          const char *only, void *ctx, thm_tick tick,
                          void *tick_ctx, thm_result *results, double *seconds,
                          thm_message *msg);

#endif
