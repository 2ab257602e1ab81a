/* F28.1, F28.2: the flow of log(1 + e^-y), y = <u, softmax(a)>, as printed,
 *     u' = -gamma p,  a' = -gamma J u,  gamma = 1 / (1 + e^y) > 0,
 * climbs the loss; the chain rule's sign is + (paper-notes/varre2026.md, S4).
 * The printed sign is the claim, expected to be refuted, the corrected one its
 * twin. */
#include <stdio.h>
#include "claims/ball.h"
#include "claims/orbit_encl.h"
#include "core/arb.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { MAX_N = 8, CASES = 60, ORBITS = 6, BITS = THM_BALL_BITS, LENGTH = 2 };

static const double end_tau = 20.0;

typedef struct {
    int n;
    double u[MAX_N], a[MAX_N];
} start;

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    start *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    *c = (start){3, {0.3, 0.1, 0.0}, {0}};
    if (index > 0) {
        c->n = 2 + (int)thm_rng_below(&rng, MAX_N - 1);
        thm_rng_fill_normal(&rng, c->n, 1.0, c->u);
        thm_rng_fill_normal(&rng, c->n, index % 2 ? 0.0 : 1.0, c->a);
    }
    snprintf(name, THM_CASE_NAME, "start-%lld-n-%d%s", (long long)index, c->n,
             index == 0 || index % 2 ? "-uniform" : "");
    return THM_OK;
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, CASES);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

/* ---- F28.1: the loss falls along the field --------------------------------
 */

/* x <- softmax along the path a, series of length 2. */
static void path_softmax(int n, const arb_poly_struct *a, arb_poly_struct *p)
{
    arb_poly_t sum;
    arb_poly_init(sum);
    for (int i = 0; i < n; i++) {
        arb_poly_exp_series(p + i, a + i, LENGTH, BITS);
        arb_poly_add(sum, sum, p + i, BITS);
    }
    for (int i = 0; i < n; i++) {
        arb_poly_div_series(p + i, p + i, sum, LENGTH, BITS);
    }
    arb_poly_clear(sum);
}

/* y <- <u, p> along the paths. */
static void path_projection(int n, const arb_poly_struct *u,
                            const arb_poly_struct *p, arb_poly_t y)
{
    arb_poly_t term;
    arb_poly_init(term);
    arb_poly_zero(y);
    for (int i = 0; i < n; i++) {
        arb_poly_mullow(term, u + i, p + i, LENGTH, BITS);
        arb_poly_add(y, y, term, BITS);
    }
    arb_poly_clear(term);
}

/* The rate of log(1 + e^-y) along (u', a') = sign gamma (p, J u), which enters
 * the paths as their second coefficients: no derivative of the loss is formed
 * by hand. */
static void loss_rate(const start *c, int sign, arb_t rate)
{
    const int n = c->n;
    arb_poly_struct u[MAX_N], a[MAX_N], p[MAX_N];
    arb_poly_t y;
    arb_t gamma, mean, x, pi;
    arb_poly_init(y);
    arb_init(gamma), arb_init(mean), arb_init(x), arb_init(pi);
    for (int i = 0; i < n; i++) {
        arb_poly_init(u + i), arb_poly_init(a + i), arb_poly_init(p + i);
        arb_set_d(x, c->u[i]);
        arb_poly_set_coeff_arb(u + i, 0, x);
        arb_set_d(x, c->a[i]);
        arb_poly_set_coeff_arb(a + i, 0, x);
    }
    path_softmax(n, a, p);
    path_projection(n, u, p, y);
    arb_poly_get_coeff_arb(mean, y, 0);
    arb_exp(gamma, mean, BITS);
    arb_add_si(gamma, gamma, 1, BITS);
    arb_inv(gamma, gamma, BITS);
    arb_mul_si(gamma, gamma, sign, BITS);
    for (int i = 0; i < n; i++) {
        arb_poly_get_coeff_arb(pi, p + i, 0);
        arb_mul(pi, pi, gamma, BITS);
        arb_poly_set_coeff_arb(u + i, 1, pi);
        arb_set_d(x, c->u[i]);
        arb_sub(x, x, mean, BITS);
        arb_mul(x, x, pi, BITS);
        arb_poly_set_coeff_arb(a + i, 1, x);
    }
    path_softmax(n, a, p);
    path_projection(n, u, p, y);
    arb_poly_neg(y, y);
    arb_poly_exp_series(y, y, LENGTH, BITS);
    arb_poly_get_coeff_arb(x, y, 0);
    arb_add_si(x, x, 1, BITS);
    arb_poly_set_coeff_arb(y, 0, x);
    arb_poly_log_series(y, y, LENGTH, BITS);
    arb_poly_get_coeff_arb(rate, y, 1);
    for (int i = 0; i < n; i++) {
        arb_poly_clear(u + i), arb_poly_clear(a + i), arb_poly_clear(p + i);
    }
    arb_poly_clear(y);
    arb_clear(gamma), arb_clear(mean), arb_clear(x), arb_clear(pi);
}

static thm_status descends(const start *c, int sign, thm_finding *f)
{
    arb_t rate, zero;
    arb_init(rate), arb_init(zero);
    loss_rate(c, sign, rate);
    thm_finding_ball(f, rate, zero, false);
    arb_clear(rate), arb_clear(zero);
    return THM_OK;
}

static thm_status printed_descends(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    (void)ctx, (void)applies;
    return descends(c, -1, f);
}

static thm_status corrected_descends(const void *c, void *ctx, thm_finding *f,
                                     bool *applies)
{
    (void)ctx, (void)applies;
    return descends(c, 1, f);
}

/* ---- F28.2: where it ends -------------------------------------------------
 */

/* The rise of y and the lead in p of the token with the largest u(0), both at
 * tau = end_tau, are positive.  With the printed sign (-u, a) runs along the
 * orbit: -u' = gamma p, a' = gamma J (-u). */
static thm_status arrives(const start *c, int sign, thm_orbit_encl *orbit,
                          thm_finding *f)
{
    double u[MAX_N];
    int best = 0;
    arb_t before, least, x, zero;
    for (int i = 0; i < c->n; i++) {
        u[i] = sign * c->u[i];
        best = c->u[i] > c->u[best] ? i : best;
    }
    thm_status status = thm_orbit_encl_start(orbit, c->n, u, c->a);
    if (status != THM_OK) {
        return status;
    }
    arb_init(before), arb_init(least), arb_init(x), arb_init(zero);
    arb_set(before, orbit->y);
    status = thm_orbit_encl_to(orbit, end_tau);
    if (status == THM_OK) {
        arb_sub(least, orbit->y, before, BITS);
        arb_mul_si(least, least, sign, BITS);
        for (int i = 0; i < c->n; i++) {
            if (i != best) {
                arb_sub(x, orbit->p + best, orbit->p + i, BITS);
                arb_min(least, least, x, BITS);
            }
        }
        thm_finding_ball(f, zero, least, false);
    }
    arb_clear(before), arb_clear(least), arb_clear(x), arb_clear(zero);
    /* too wide to go on: nothing is decided */
    return status == THM_ECONVERGE ? THM_OK : status;
}

static thm_status printed_arrives(const void *c, void *ctx, thm_finding *f,
                                  bool *applies)
{
    (void)applies;
    return arrives(c, -1, ctx, f);
}

static thm_status corrected_arrives(const void *c, void *ctx, thm_finding *f,
                                    bool *applies)
{
    (void)applies;
    return arrives(c, 1, ctx, f);
}

/* The starts with uniform attention. */
static thm_status make_uniform(void *ctx, uint64_t seed, int64_t index,
                               void *the_case, char *name)
{
    return make_start(ctx, seed, index == 0 ? 0 : 2 * index - 1, the_case,
                      name);
}

static thm_status open_orbits(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    thm_orbit_encl *orbit = NULL;
    const thm_status status = thm_orbit_encl_alloc(MAX_N, false, &orbit);
    open_starts(effort, seed, source, ctx, msg);
    source->count = proof_count(effort, ORBITS);
    source->make = make_uniform;
    *ctx = orbit;
    return status;
}

static void close_orbits(thm_case_source *source, void *ctx)
{
    (void)source;
    thm_orbit_encl_free(ctx);
    flint_cleanup();
}

int main(int argc, char **argv)
{
    static const thm_claim fields[] = {{"F28.1", printed_descends, false},
                                       {"XF28.1", corrected_descends, false}};
    static const thm_claim ends[] = {{"F28.2", printed_arrives, false},
                                     {"XF28.2", corrected_arrives, false}};
    static const proof_group groups[] = {{2, fields, open_starts, NULL},
                                         {2, ends, open_orbits, close_orbits}};
    static const proof_table table = {"the printed sign of the flow (F28)", 2,
                                      groups};
    return proof_main(argc, argv, &table);
}
