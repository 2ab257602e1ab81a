/* F12: how fast attention concentrates in orbit time, 1 - p_1 ~ 2(n-1)/(n
 * tau^2), on enclosures of the orbit at tau = 1e5 (paper-notes/varre2026.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "claims/orbit_encl.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { BITS = THM_ORBIT_BITS, MAX_N = 8, CASES = 4 };

static const double late = 1e5, within = 2e-3;

typedef struct {
    int n, winner;
    thm_orbit_encl *orbit;
} work;

static thm_status make_orbit(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const int sizes[] = {2, 3, 5, 8};
    work *w = ctx;
    double u0[MAX_N], a0[MAX_N] = {0.0};
    (void)the_case;
    w->n = sizes[index % 4];
    w->winner = 0;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    thm_rng_fill_normal(&rng, w->n, 1.0, u0);
    for (int i = 1; i < w->n; i++) {
        w->winner = u0[i] > u0[w->winner] ? i : w->winner;
    }
    snprintf(name, THM_CASE_NAME, "orbit/n%d/%lld", w->n, (long long)index);
    const thm_status status = thm_orbit_encl_start(w->orbit, w->n, u0, a0);
    return status == THM_OK ? thm_orbit_encl_to(w->orbit, late) : status;
}

static thm_status open_orbits(double effort, uint64_t seed,
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
    source->count = proof_count(effort, CASES);
    source->make = make_orbit;
    source->ctx = w;
    return thm_orbit_encl_alloc(MAX_N, false, &w->orbit);
}

static void close_orbits(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_orbit_encl_free(w->orbit);
        free(w);
    }
    flint_cleanup();
}

/* |(1 - p_1) tau^2 up / (2 down) - 1| */
static void ratio(const work *w, int up, int down, thm_finding *f)
{
    arb_t x, tau;
    arb_init(x);
    arb_init(tau);
    arb_set_d(tau, w->orbit->tau);
    arb_sqr(tau, tau, BITS);
    arb_mul(x, w->orbit->rest + w->winner, tau, BITS);
    arb_mul_si(x, x, up, BITS);
    arb_div_si(x, x, 2 * (slong)down, BITS);
    arb_sub_si(x, x, 1, BITS);
    arb_abs(x, x);
    arb_set_d(tau, within);
    thm_finding_ball(f, x, tau, false);
    arb_clear(x);
    arb_clear(tau);
}

static thm_status concentrates(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    const work *w = ctx;
    (void)the_case;
    (void)applies;
    ratio(w, w->n, w->n - 1, f);
    return THM_OK;
}

static thm_status concentrates_whatever_n(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    const work *w = ctx;
    (void)the_case;
    (void)applies;
    ratio(w, 1, 1, f);
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"F12", concentrates, false}, {"XF12", concentrates_whatever_n, false}};
    static const proof_group group = {2, claims, open_orbits, close_orbits};
    static const proof_table table = {
        "the rate at which attention concentrates in orbit time (F12)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
