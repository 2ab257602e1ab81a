/* The checker of claims: see claim.h.  One case is made once and shown to every
 * claim of the table, so that a claim and its twin are judged on the same
 * numbers. */
#include "claims/claim.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the status of a failed make or measure means to the caller of the run:
 * its own arguments were right. */
static thm_status failure(thm_status status)
{
    return status == THM_ENOMEM || status == THM_EINTERRUPTED ? status
                                                              : THM_EINTERNAL;
}

static thm_status measure_case(const thm_claim *claim, const void *the_case,
                               void *ctx, const char *name, uint64_t seed,
                               thm_result *result, thm_message *msg)
{
    const double unset = (double)NAN;
    thm_finding f = {unset, unset, unset, false, THM_SAMPLED};
    bool applies = true;
    const thm_status status = claim->measure(the_case, ctx, &f, &applies);
    if (status != THM_OK) {
        return thm_fail(failure(status), msg,
                        "claim %s, case %s, seed %llu: %s", claim->id, name,
                        (unsigned long long)seed, thm_status_text(status));
    }
    if (applies) {
        thm_result_add(result, &f, name, seed);
    } else {
        thm_result_skip(result);
    }
    return THM_OK;
}

thm_status thm_claims_run(int n_claims, const thm_claim *claims,
                          const thm_case_source *source, uint64_t seed,
                          const char *only, void *ctx, thm_tick tick,
                          void *tick_ctx, thm_result *results, double *seconds,
                          thm_message *msg)
{
    if (n_claims < 1 || source->count < 0) {
        return thm_fail(THM_EDIM, msg, "no claims, or a negative case count");
    }
    for (int i = 0; i < n_claims; i++) {
        thm_result_init(&results[i]);
        results[i].all_inputs = claims[i].all_inputs;
        snprintf(results[i].recorded, sizeof results[i].recorded, "%s",
                 source->recorded ? source->recorded : "");
        if (seconds) {
            seconds[i] = 0.0;
        }
    }
    bool found = false;
    for (int64_t index = 0; index < source->count && !found; index++) {
        if (tick && tick(tick_ctx, index, source->count)) {
            return thm_fail(THM_EINTERRUPTED, msg, "interrupted");
        }
        char name[THM_CASE_NAME] = "";
        double start = now();
        thm_status status =
            source->make(source->ctx, seed, index, source->the_case, name);
        if (status != THM_OK) {
            return thm_fail(failure(status), msg, "case %lld, seed %llu: %s",
                            (long long)index, (unsigned long long)seed,
                            thm_status_text(status));
        }
        if (only && strcmp(name, only) != 0) {
            continue;
        }
        found = only != NULL;
        const double share = (now() - start) / n_claims;
        for (int i = 0; i < n_claims; i++) {
            start = now();
            status = measure_case(&claims[i], source->the_case, ctx, name, seed,
                                  &results[i], msg);
            if (status != THM_OK) {
                return status;
            }
            if (seconds) {
                seconds[i] += share + (now() - start);
            }
        }
    }
    if (only && !found) {
        return thm_fail(THM_EDOMAIN, msg, "no case is named %s", only);
    }
    return THM_OK;
}
