/* F14: who of two tokens wins the orbit u' = p, a' = J u: the sign of D_0 + 2
 * sinh(delta_0 / 2) against enclosures of the orbit, followed until the cone
 * theorem has the leader stay (paper-notes/varre2026.md). */
#include <stdio.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "claims/orbit_encl.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { BITS = THM_ORBIT_BITS, CASES = 120, FEWEST = 60 };

typedef struct {
    double u0[2], a0[2];
    bool decided;
    thm_orbit_encl *orbit;
} work;

/* u and a agree on the leader, who then stays (R3). */
static bool decided(const thm_orbit_encl *o)
{
    return (arb_gt(o->u, o->u + 1) && arb_gt(o->a, o->a + 1)) ||
           (arb_lt(o->u, o->u + 1) && arb_lt(o->a, o->a + 1));
}

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const double give_up = 1e3; /* a start next to the separatrix */
    work *w = ctx;
    (void)the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    thm_rng_fill_normal(&rng, 2, 1.0, w->u0);
    thm_rng_fill_normal(&rng, 2, 1.0, w->a0);
    snprintf(name, THM_CASE_NAME, "start/%lld", (long long)index);
    thm_status status = thm_orbit_encl_start(w->orbit, 2, w->u0, w->a0);
    w->decided = status == THM_OK && decided(w->orbit);
    for (double tau = 0.5; status == THM_OK && !w->decided && tau < give_up;
         tau *= 2.0) {
        status = thm_orbit_encl_to(w->orbit, tau);
        w->decided = decided(w->orbit);
    }
    return status;
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    work *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    /* a fifth of the starts refute the twin: fewer might hold none */
    const int64_t count = proof_count(effort, CASES);
    source->count = count < FEWEST ? FEWEST : count;
    source->make = make_start;
    source->ctx = w;
    return thm_orbit_encl_alloc(2, false, &w->orbit);
}

static void close_starts(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_orbit_encl_free(w->orbit);
        free(w);
    }
    flint_cleanup();
}

/* The lead in a of the token that `predicted` names by its sign. */
static void wins(const work *w, const arb_t predicted, thm_finding *f)
{
    const thm_orbit_encl *o = w->orbit;
    arb_t lead;
    arb_init(lead);
    arb_sub(lead, o->a, o->a + 1, BITS);
    if (arb_is_negative(predicted)) {
        arb_neg(lead, lead);
    }
    if (w->decided && !arb_contains_zero(predicted)) {
        thm_finding_positive(f, lead);
    } /* else *f stays without numbers: undecided */
    arb_clear(lead);
}

static thm_status sum_decides(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    const work *w = ctx;
    (void)the_case;
    (void)applies;
    arb_t x, sum;
    arb_init(x);
    arb_init(sum);
    arb_set_d(x, w->a0[0]);
    arb_set_d(sum, w->a0[1]);
    arb_sub(x, x, sum, BITS);
    arb_mul_2exp_si(x, x, -1);
    arb_sinh(sum, x, BITS);
    arb_mul_2exp_si(sum, sum, 1);
    arb_set_d(x, w->u0[0]);
    arb_add(sum, sum, x, BITS);
    arb_set_d(x, w->u0[1]);
    arb_sub(sum, sum, x, BITS);
    wins(w, sum, f);
    arb_clear(x);
    arb_clear(sum);
    return THM_OK;
}

static thm_status values_decide(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    const work *w = ctx;
    (void)the_case;
    (void)applies;
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    arb_set_d(x, w->u0[0]);
    arb_set_d(y, w->u0[1]);
    arb_sub(x, x, y, BITS);
    wins(w, x, f);
    arb_clear(x);
    arb_clear(y);
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F14", sum_decides, false},
                                       {"XF14", values_decide, false}};
    static const proof_group group = {2, claims, open_starts, close_starts};
    static const proof_table table = {
        "who of two tokens wins the orbit of a loss of one projection (F14)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
