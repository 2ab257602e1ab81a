/* H1.1, H1.2: the schedule of Heat Treatment (paper-notes/hoffmann2024.md). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/claim.h"
#include "core/arb.h"
#include "proofs/proof.h"
#include "vit/optimise.h"

enum { EPOCHS = 300, OVER = 150, BITS = 128 };
static const double from = 3.0, to = 0.125;
static const double bound = 32 * DBL_EPSILON / 2; /* the note's 32 u */

static double scale_at(long epoch)
{
    return thm_heat_scale(THM_HEAT_HALF_COSINE, from, to, OVER, epoch);
}

/* The formula in balls, from a to b. */
static double formula(double a, double b, long epoch)
{
    arb_t x, left;
    arb_init(x);
    arb_init(left);
    if (epoch < OVER) {
        arb_set_si(x, epoch);
        arb_div_si(x, x, OVER, BITS);
        arb_cos_pi(left, x, BITS);
        arb_add_si(left, left, 1, BITS);
        arb_mul_2exp_si(left, left, -1);
    }
    arb_set_d(x, a - b); /* exact for 3 and 1/8 */
    arb_mul(x, x, left, BITS);
    arb_set_d(left, b);
    arb_add(x, x, left, BITS);
    const double value = arf_get_d(arb_midref(x), ARF_RND_NEAR);
    arb_clear(x);
    arb_clear(left);
    return value;
}

static thm_status same(double a, double b, const long *epoch, thm_finding *f)
{
    f->observed = fabs(scale_at(*epoch) - formula(a, b, *epoch));
    f->allowed = 0.0;
    f->err = bound;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status schedule(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)ctx, (void)applies;
    return same(from, to, c, f);
}

static thm_status reversed(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)ctx, (void)applies;
    return same(to, from, c, f);
}

static thm_status order(double lower, double higher, thm_finding *f)
{
    f->observed = lower;
    f->allowed = higher;
    f->err = 2 * bound;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status falls(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    const long epoch = *(const long *)c;
    (void)ctx, (void)applies;
    return order(scale_at(epoch + 1), scale_at(epoch), f);
}

static thm_status rises(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    const long epoch = *(const long *)c;
    (void)ctx, (void)applies;
    return order(scale_at(epoch), scale_at(epoch + 1), f);
}

static thm_status make_epoch(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    (void)ctx, (void)seed;
    *(long *)the_case = (long)index;
    snprintf(name, THM_CASE_NAME, "epoch-%lld", (long long)index);
    return THM_OK;
}

static thm_status open_epochs(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static long epoch;
    (void)effort, (void)seed, (void)ctx, (void)msg;
    source->count = EPOCHS + 1; /* all there are, at any effort */
    source->make = make_epoch;
    source->the_case = &epoch;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H1.1", schedule, true},
                                       {"XH1.1", reversed, false},
                                       {"H1.2", falls, true},
                                       {"XH1.2", rises, false}};
    static const proof_group group = {4, claims, open_epochs, NULL};
    static const proof_table table = {
        "the schedule of Heat Treatment (H1.1, H1.2)", 1, &group};
    return proof_main(argc, argv, &table);
}
