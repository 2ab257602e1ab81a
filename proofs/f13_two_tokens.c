/* F13: two tokens.  The closed form of the library (flow/two_token.h) against
 * enclosures of the orbit that it solves (paper-notes/varre2026.md). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "claims/orbit_encl.h"
#include "core/rng.h"
#include "flow/two_token.h"
#include "proofs/proof.h"

enum { BITS = THM_ORBIT_BITS, CASES = 16 };

/* Relative; of log t absolute. */
static const double agree = 1e-12;
static const double times[] = {0.3, 2.0, 8.0, 25.0};
enum { TIMES = sizeof times / sizeof *times };

typedef struct {
    double u0[2], a0[2];
    thm_two_token start;
    arb_ptr D, delta, y, log_t; /* (TIMES) enclosed */
    /* where y = target, by the closed form, and enclosed at the same tau */
    thm_two_token_point limit;
    double target;
    arb_ptr at_limit;              /* D, delta, y */
    thm_orbit_encl *orbit, *clock; /* without and with t */
} work;

/* ---- the cases ------------------------------------------------------------
 */

/* Multiples of 2^-20, so that sums and differences are exact. */
static double coarse(double x)
{
    return ldexp(round(ldexp(x, 20)), -20);
}

static void draw(thm_rng *rng, double scale, work *w)
{
    for (int i = 0; i < 2; i++) {
        w->u0[i] = coarse(scale * thm_rng_normal(rng));
        w->a0[i] = coarse(scale * thm_rng_normal(rng));
    }
}

static void look(const thm_orbit_encl *o, arb_t D, arb_t delta, arb_t y)
{
    arb_sub(D, o->u, o->u + 1, BITS);
    arb_sub(delta, o->a, o->a + 1, BITS);
    arb_set(y, o->y);
}

static thm_status make_orbit(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const double scales[] = {1.0, 0.3, 2.5};
    work *w = ctx;
    (void)the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    draw(&rng, scales[index % 3], w);
    if (index % 4 == 0) {
        w->a0[0] = w->a0[1] = 0.0;
    }
    snprintf(name, THM_CASE_NAME, "two%s/%lld", index % 4 == 0 ? "-equal" : "",
             (long long)index);
    thm_status status =
        thm_two_token_init(w->u0[0] - w->u0[1], w->a0[0] - w->a0[1],
                           w->u0[0] + w->u0[1], &w->start);
    if (status == THM_OK) {
        status = thm_orbit_encl_start(w->clock, 2, w->u0, w->a0);
    }
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        status = thm_orbit_encl_to(w->clock, times[k]);
        look(w->clock, w->D + k, w->delta + k, w->y + k);
        arb_log(w->log_t + k, w->clock->t, BITS);
    }
    if (status == THM_OK) {
        status = thm_orbit_encl_start(w->orbit, 2, w->u0, w->a0);
    }
    if (status == THM_OK) { /* the square loss's |b|, ahead of the start */
        w->target = arf_get_d(arb_midref(w->orbit->y), ARF_RND_NEAR) + 0.5 +
                    2.0 * thm_rng_uniform(&rng);
        status = thm_two_token_at_projection(&w->start, w->target, &w->limit);
    }
    if (status == THM_OK) {
        status = thm_orbit_encl_to(w->orbit, w->limit.tau);
        look(w->orbit, w->at_limit, w->at_limit + 1, w->at_limit + 2);
    }
    return status;
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
    w->D = _arb_vec_init(TIMES);
    w->delta = _arb_vec_init(TIMES);
    w->y = _arb_vec_init(TIMES);
    w->log_t = _arb_vec_init(TIMES);
    w->at_limit = _arb_vec_init(3);
    source->count = proof_count(effort, CASES);
    source->make = make_orbit;
    source->ctx = w;
    const thm_status status = thm_orbit_encl_alloc(2, false, &w->orbit);
    return status == THM_OK ? thm_orbit_encl_alloc(2, true, &w->clock) : status;
}

static void close_orbits(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        _arb_vec_clear(w->D, TIMES);
        _arb_vec_clear(w->delta, TIMES);
        _arb_vec_clear(w->y, TIMES);
        _arb_vec_clear(w->log_t, TIMES);
        _arb_vec_clear(w->at_limit, 3);
        thm_orbit_encl_free(w->orbit);
        thm_orbit_encl_free(w->clock);
        free(w);
    }
    flint_cleanup();
}

/* ---- the measures ---------------------------------------------------------
 */

/* worst <- max(worst, |x - value| / scale) */
static void differ(arb_t worst, const arb_t x, double value, double scale)
{
    arb_t d, s;
    arb_init(d);
    arb_init(s);
    arb_set_d(d, value);
    arb_sub(d, x, d, BITS);
    arb_abs(d, d);
    arb_set_d(s, scale);
    arb_div(d, d, s, BITS);
    arb_max(worst, worst, d, BITS);
    arb_clear(d);
    arb_clear(s);
}

static void differ_at(arb_t worst, const arb_t D, const arb_t delta,
                      const arb_t y, const thm_two_token_point *at)
{
    differ(worst, D, at->D, fabs(at->D) + fabs(at->W));
    differ(worst, delta, at->delta, 1.0 + fabs(at->delta));
    differ(worst, y, at->y, 1.0 + fabs(at->y));
}

static void agrees(const arb_t worst, thm_finding *f)
{
    arb_t allowed;
    arb_init(allowed);
    arb_set_d(allowed, agree);
    thm_finding_ball(f, worst, allowed, false);
    arb_clear(allowed);
}

/* F13.1, theta stretched by a factor. */
static thm_status states(const work *w, double factor, thm_finding *f)
{
    thm_status status = THM_OK;
    arb_t worst;
    arb_init(worst);
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        thm_two_token_point at = {0};
        status = thm_two_token_at_tau(&w->start, times[k], &at);
        if (status == THM_OK && factor != 1.0) {
            status = thm_two_token_at(&w->start, factor * at.theta, &at);
        }
        differ_at(worst, w->D + k, w->delta + k, w->y + k, &at);
    }
    agrees(worst, f);
    arb_clear(worst);
    return status;
}

static thm_status orbit_is_solved(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    (void)the_case;
    (void)applies;
    return states(ctx, 1.0, f);
}

static thm_status orbit_is_solved_later(const void *the_case, void *ctx,
                                        thm_finding *f, bool *applies)
{
    (void)the_case;
    (void)applies;
    return states(ctx, 1.01, f);
}

/* F13.2 */
static thm_status clocks(const work *w, double factor, thm_finding *f)
{
    thm_status status = THM_OK;
    arb_t worst;
    arb_init(worst);
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        thm_two_token_point at = {0};
        double log_t = 0.0;
        status = thm_two_token_at_tau(&w->start, times[k], &at);
        if (status == THM_OK) {
            status = thm_two_token_log_time(&w->start, THM_LOSS_LOGISTIC,
                                            factor * at.theta, &log_t);
        }
        differ(worst, w->log_t + k, log_t, 1.0);
    }
    agrees(worst, f);
    arb_clear(worst);
    return status;
}

static thm_status time_is_known(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)the_case;
    (void)applies;
    return clocks(ctx, 1.0, f);
}

static thm_status time_is_known_later(const void *the_case, void *ctx,
                                      thm_finding *f, bool *applies)
{
    (void)the_case;
    (void)applies;
    return clocks(ctx, 1.01, f);
}

/* F13.3: the enclosed orbit at the closed form's tau has y = target and the
 * closed form's state. */
static thm_status limits(const work *w, double factor, thm_finding *f)
{
    thm_two_token_point at = w->limit;
    thm_status status = THM_OK;
    if (factor != 1.0) {
        status = thm_two_token_at(&w->start, factor * at.theta, &at);
    }
    arb_t worst;
    arb_init(worst);
    differ_at(worst, w->at_limit, w->at_limit + 1, w->at_limit + 2, &at);
    differ(worst, w->at_limit + 2, w->target, 1.0 + fabs(w->target));
    agrees(worst, f);
    arb_clear(worst);
    return status;
}

static thm_status limit_is_known(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    (void)the_case;
    (void)applies;
    return limits(ctx, 1.0, f);
}

static thm_status limit_is_known_later(const void *the_case, void *ctx,
                                       thm_finding *f, bool *applies)
{
    (void)the_case;
    (void)applies;
    return limits(ctx, 1.01, f);
}

int main(int argc, char **argv)
{
    static const thm_claim orbits[] = {{"F13.1", orbit_is_solved, false},
                                       {"XF13.1", orbit_is_solved_later, false},
                                       {"F13.2", time_is_known, false},
                                       {"XF13.2", time_is_known_later, false},
                                       {"F13.3", limit_is_known, false},
                                       {"XF13.3", limit_is_known_later, false}};
    static const proof_group group = {6, orbits, open_orbits, close_orbits};
    static const proof_table table = {"two tokens in closed form (F13)", 1,
                                      &group};
    return proof_main(argc, argv, &table);
}
