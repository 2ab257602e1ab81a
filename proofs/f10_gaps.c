/* F10, F11: which gaps grow along the orbit u' = p, a' = J u from a(0) = 0, and
 * how fast the leader escapes (paper-notes/varre2026.md).  The claim F10 is the
 * literature's and false; its twin says what is true. */
#include <stdio.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "claims/orbit_cases.h"
#include "proofs/proof.h"

enum { BITS = THM_ORBIT_BITS };

/* least <- min(least, growth of x_i - x_j from x0 to x1) */
static void take_growth(arb_t least, arb_srcptr x0, arb_srcptr x1, int i, int j)
{
    arb_t before, after;
    arb_init(before);
    arb_init(after);
    arb_sub(before, x0 + i, x0 + j, BITS);
    arb_sub(after, x1 + i, x1 + j, BITS);
    thm_orbits_least(least, after, before);
    arb_clear(before);
    arb_clear(after);
}

/* F10.1: the least growth of a_i - a_j, i < j, from one time to the next. */
static thm_status every_gap_grows(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    *applies = w->n >= 3;
    arb_t least;
    arb_init(least);
    arb_pos_inf(least);
    for (int k = 1; k < THM_ORBITS_TIMES; k++) {
        for (int i = 0; i + 1 < w->n; i++) {
            take_growth(least, w->ordered[k - 1].a, w->ordered[k].a, i, i + 1);
        }
    }
    thm_finding_positive(f, least);
    arb_clear(least);
    return THM_OK;
}

static thm_status gaps_of_u_and_leader_grow(const void *the_case, void *ctx,
                                            thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    *applies = w->n >= 3;
    arb_t least;
    arb_init(least);
    arb_pos_inf(least);
    for (int k = 1; k < THM_ORBITS_TIMES; k++) {
        for (int i = 0; i + 1 < w->n; i++) {
            take_growth(least, w->ordered[k - 1].u, w->ordered[k].u, i, i + 1);
            take_growth(least, w->ordered[k - 1].a, w->ordered[k].a, 0, i + 1);
        }
    }
    thm_finding_positive(f, least);
    arb_clear(least);
    return THM_OK;
}

/* F11: the largest (1 + factor eta_j tau) / e^{a_1 - a_j}, eta_j = u_1(0) -
 * u_j(0). */
static void gap_bound(const thm_orbits *w, double over, double times,
                      thm_finding *f)
{
    arb_t worst, x, gap;
    arb_init(worst);
    arb_init(x);
    arb_init(gap);
    arb_neg_inf(worst);
    for (int k = 1; k < THM_ORBITS_TIMES; k++) {
        for (int j = 1; j < w->n; j++) {
            arb_sub(x, w->ordered[0].u, w->ordered[0].u + j, BITS);
            arb_set_d(gap, times * thm_orbits_time[k]);
            arb_mul(x, x, gap, BITS);
            arb_set_d(gap, over);
            arb_div(x, x, gap, BITS);
            arb_add_si(x, x, 1, BITS);
            arb_sub(gap, w->ordered[k].a + j, w->ordered[k].a, BITS);
            arb_exp(gap, gap, BITS);
            arb_mul(x, x, gap, BITS);
            arb_max(worst, worst, x, BITS);
        }
    }
    arb_one(x);
    thm_finding_ball(f, worst, x, false);
    arb_clear(worst);
    arb_clear(x);
    arb_clear(gap);
}

static thm_status leader_escapes(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    gap_bound(w, w->n, 1.0, f);
    return THM_OK;
}

static thm_status leader_escapes_faster(const void *the_case, void *ctx,
                                        thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    gap_bound(w, 1.0, w->n, f);
    return THM_OK;
}

/* ---- F10.2 ------------------------------------------------------------------
 */

/* The one orbit n = 3, u(0) = (1, 1/2, 0) at these times. */
static const double loser_times[] = {5.0, 5.03, 5.06, 1e4};
enum { LOSER_TIMES = sizeof loser_times / sizeof *loser_times };

typedef struct {
    thm_orbit_encl *orbit;
    arb_ptr gap; /* (LOSER_TIMES) a_2 - a_3 */
} losers;

static thm_status make_losers(void *ctx, uint64_t seed, int64_t index,
                              void *the_case, char *name)
{
    static const double u0[] = {1.0, 0.5, 0.0}, a0[] = {0.0, 0.0, 0.0};
    losers *w = ctx;
    (void)seed;
    (void)index;
    (void)the_case;
    snprintf(name, THM_CASE_NAME, "orbit/n3/1,0.5,0");
    thm_status status = thm_orbit_encl_start(w->orbit, 3, u0, a0);
    for (int k = 0; k < LOSER_TIMES && status == THM_OK; k++) {
        status = thm_orbit_encl_to(w->orbit, loser_times[k]);
        arb_sub(w->gap + k, w->orbit->a + 1, w->orbit->a + 2, BITS);
    }
    return status;
}

static thm_status open_losers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    losers *w = calloc(1, sizeof *w);
    (void)effort;
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->gap = _arb_vec_init(LOSER_TIMES);
    source->count = 1;
    source->make = make_losers;
    source->ctx = w;
    return thm_orbit_encl_alloc(3, false, &w->orbit);
}

static void close_losers(thm_case_source *source, void *ctx)
{
    losers *w = ctx;
    (void)source;
    if (w) {
        thm_orbit_encl_free(w->orbit);
        _arb_vec_clear(w->gap, LOSER_TIMES);
        free(w);
    }
    flint_cleanup();
}

/* The larger of |gap(5.03) - 0.482261| and |gap(1e4) - 0.004740|, at most half
 * of their last digit; and gap(5.03) is above its neighbours, so that a maximum
 * lies between them. */
static thm_status loser_gap_peaks(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const losers *w = ctx;
    (void)the_case;
    (void)applies;
    arb_t off, x, allowed;
    arb_init(off);
    arb_init(x);
    arb_init(allowed);
    arb_set_d(x, 0.482261);
    arb_sub(off, w->gap + 1, x, BITS);
    arb_abs(off, off);
    arb_set_d(x, 0.004740);
    arb_sub(x, w->gap + 3, x, BITS);
    arb_abs(x, x);
    arb_max(off, off, x, BITS);
    arb_set_d(allowed, 5e-7);
    if (!arb_gt(w->gap + 1, w->gap) || !arb_gt(w->gap + 1, w->gap + 2)) {
        arb_one(off); /* no peak there */
    }
    thm_finding_ball(f, off, allowed, false);
    arb_clear(off);
    arb_clear(x);
    arb_clear(allowed);
    return THM_OK;
}

/* gap(1e4) >= gap(5.03) */
static thm_status loser_gap_keeps(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const losers *w = ctx;
    (void)the_case;
    (void)applies;
    arb_t growth;
    arb_init(growth);
    arb_sub(growth, w->gap + 3, w->gap + 1, BITS);
    thm_finding_positive(f, growth);
    arb_clear(growth);
    return THM_OK;
}

static thm_status open_orbits(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_orbits_open(proof_count(effort, THM_ORBITS_CASES), false, source,
                           ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim drawn[] = {
        {"F10.1", every_gap_grows, false},
        {"XF10.1", gaps_of_u_and_leader_grow, false},
        {"F11", leader_escapes, false},
        {"XF11", leader_escapes_faster, false}};
    static const thm_claim one[] = {{"F10.2", loser_gap_peaks, false},
                                    {"XF10.2", loser_gap_keeps, false}};
    static const proof_group groups[] = {
        {4, drawn, open_orbits, thm_orbits_close},
        {2, one, open_losers, close_losers}};
    static const proof_table table = {
        "the gaps along the orbit of a loss of one projection (F10, F11)", 2,
        groups};
    return proof_main(argc, argv, &table);
}
