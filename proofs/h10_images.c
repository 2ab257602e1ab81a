/* H10: what recorded trainings on real images say of softmax and
 * NormSoftmax (paper-notes/hoffmann2024.md, "Recorded trainings"; the rules:
 * claims/moments.h). */
#include "claims/moments.h"
#include "proofs/proof.h"

static const char *folder; /* NULL: the record in the library */
static const char *const softmax = "softmax", *const std = "normsoftmax-std";

/* observed <= allowed, off by at most err. */
static thm_status say(thm_finding *f, double observed, double allowed,
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

/* A measure whose statement is observed <= allowed, exact. */
#define EXACT(name, observed, allowed)                                         \
    MEASURE(name)                                                              \
    {                                                                          \
        const thm_recorded *r = c;                                             \
        (void)ctx;                                                             \
        (void)applies;                                                         \
        return say(f, observed, allowed, 0.0);                                 \
    }

EXACT(softmax_sees, 2, thm_moments_count(r, softmax, 1))
EXACT(std_sees_all, 3, thm_moments_count(r, std, 1))
EXACT(std_blind, thm_moments_count(r, std, 1), 1)
EXACT(std_fewer, thm_moments_count(r, std, 1),
      thm_moments_count(r, softmax, 1) - 1)

static thm_status open_5(double effort, uint64_t seed, thm_case_source *source,
                         void **ctx, thm_message *msg)
{
    (void)effort;
    (void)seed;
    (void)ctx;
    return thm_recorded_source_open(folder, "images-5", source, msg);
}

static void close_record(thm_case_source *source, void *ctx)
{
    (void)ctx;
    thm_recorded_source_close(source);
}

int main(int argc, char **argv)
{
    static const thm_claim at_5[] = {{"H10.1", softmax_sees, false},
                                     {"XH10.1", std_sees_all, false},
                                     {"H10.2", std_blind, false},
                                     {"XH10.2", std_fewer, false}};
    static const proof_group groups[] = {{4, at_5, open_5, close_record}};
    static const proof_table table = {"recorded trainings on real images (H10)",
                                      1, groups};
    return proof_main_recorded(argc, argv, &table, &folder);
}
