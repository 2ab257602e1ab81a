/* What the proofs on recorded trainings share: a case is a whole record, a
 * statement is observed <= allowed.  One translation unit, one folder. */
#ifndef PROOF_RECORDED_H
#define PROOF_RECORDED_H

#include "claims/recorded.h"
#include "proofs/proof.h"

static const char *folder; /* NULL: the record in the library */

/* observed <= allowed, off by at most err. */
static inline thm_status say(thm_finding *f, double observed, double allowed,
                             double err)
{
    f->observed = observed;
    f->allowed = allowed;
    f->err = err;
    return THM_OK;
}

#define MEASURE(name)                                                          \
    static thm_status name(const void *c, void *ctx, thm_finding *f,           \
                           bool *applies)

/* A measure whose statement is observed <= allowed, exact, of a record r. */
#define EXACT(name, observed, allowed)                                         \
    MEASURE(name)                                                              \
    {                                                                          \
        const thm_recorded *r = c;                                             \
        (void)ctx;                                                             \
        (void)applies;                                                         \
        return say(f, observed, allowed, 0.0);                                 \
    }

/* A group's opener: the record of the trainings called `of`. */
#define RECORD(name, of)                                                       \
    static thm_status name(double effort, uint64_t seed,                       \
                           thm_case_source *source, void **ctx,                \
                           thm_message *msg)                                   \
    {                                                                          \
        (void)effort;                                                          \
        (void)seed;                                                            \
        (void)ctx;                                                             \
        return thm_recorded_source_open(folder, of, source, msg);              \
    }

static inline void close_record(thm_case_source *source, void *ctx)
{
    (void)ctx;
    thm_recorded_source_close(source);
}

#endif
