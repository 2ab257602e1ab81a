/* F9: what the orbit u' = p, a' = J u of a loss of one projection keeps in
 * order from a(0) = 0 (paper-notes/varre2026.md).  The theorems hold for all
 * times; here enclosures of the exact orbit show them from one time of a grid
 * to the next. */
#include "claims/ball.h"
#include "claims/orbit_cases.h"
#include "proofs/proof.h"

enum { BITS = THM_ORBIT_BITS };

/* F9.1: neighbours of u and a keep the sign of their difference, here 1 (-1 in
 * the order of a start against u). */
static void order(const thm_orbits *w, const thm_orbit_moment *m, int times,
                  bool of_u, int sign, thm_finding *f)
{
    arb_t least;
    arb_init(least);
    arb_pos_inf(least);
    for (int k = 1; k < times; k++) {
        for (int i = 0; i + 1 < w->n; i++) {
            const int hi = sign > 0 ? i : i + 1, lo = sign > 0 ? i + 1 : i;
            thm_orbits_least(least, m[k].a + hi, m[k].a + lo);
            if (of_u) {
                thm_orbits_least(least, m[k].u + hi, m[k].u + lo);
            }
        }
    }
    thm_finding_positive(f, least);
    arb_clear(least);
}

static thm_status order_is_kept(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    order(w, w->ordered, THM_ORBITS_TIMES, true, 1, f);
    return THM_OK;
}

static thm_status order_of_logits_is_kept(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    order(w, w->against, THM_ORBITS_CONTROL, false, -1, f);
    return THM_OK;
}

/* F9.2: the least fall of entropy from one time to the next. */
static void entropy(const thm_orbit_moment *m, int times, thm_finding *f)
{
    arb_t least;
    arb_init(least);
    arb_pos_inf(least);
    for (int k = 1; k < times; k++) {
        thm_orbits_least(least, m[k - 1].h, m[k].h);
    }
    thm_finding_positive(f, least);
    arb_clear(least);
}

static thm_status entropy_falls(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    entropy(w->ordered, THM_ORBITS_TIMES, f);
    return THM_OK;
}

static thm_status entropy_falls_from_disorder(const void *the_case, void *ctx,
                                              thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    entropy(w->against, THM_ORBITS_CONTROL, f);
    return THM_OK;
}

/* least[k] <- the k + 1 smallest of p added up; sums of subsets are never
 * below it, so that no order of p needs to be known. */
static void smallest_sums(int n, arb_srcptr p, arb_ptr least)
{
    arb_t sum;
    arb_init(sum);
    for (int k = 0; k < n; k++) {
        arb_pos_inf(least + k);
    }
    for (unsigned set = 1; set < 1u << n; set++) {
        int size = 0;
        arb_zero(sum);
        for (int i = 0; i < n; i++) {
            if (set >> i & 1u) {
                arb_add(sum, sum, p + i, BITS);
                size++;
            }
        }
        arb_min(least + size - 1, least + size - 1, sum, BITS);
    }
    arb_clear(sum);
}

/* F9.3: the sums of the k smallest shares fall, k = 1 .. n - 1: those of the k
 * largest rise. */
static void majorisation(const thm_orbits *w, const thm_orbit_moment *m,
                         int times, thm_finding *f)
{
    arb_t least;
    arb_ptr before = _arb_vec_init(THM_ORBITS_N),
            after = _arb_vec_init(THM_ORBITS_N);
    arb_init(least);
    arb_pos_inf(least);
    smallest_sums(w->n, m[0].p, after);
    for (int k = 1; k < times; k++) {
        _arb_vec_swap(before, after, THM_ORBITS_N);
        smallest_sums(w->n, m[k].p, after);
        for (int i = 0; i + 1 < w->n; i++) {
            thm_orbits_least(least, before + i, after + i);
        }
    }
    thm_finding_positive(f, least);
    _arb_vec_clear(before, THM_ORBITS_N);
    _arb_vec_clear(after, THM_ORBITS_N);
    arb_clear(least);
}

static thm_status shares_spread(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    majorisation(w, w->ordered, THM_ORBITS_TIMES, f);
    return THM_OK;
}

static thm_status shares_spread_from_disorder(const void *the_case, void *ctx,
                                              thm_finding *f, bool *applies)
{
    const thm_orbits *w = ctx;
    (void)the_case;
    (void)applies;
    majorisation(w, w->against, THM_ORBITS_CONTROL, f);
    return THM_OK;
}

static thm_status open_orbits(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_orbits_open(proof_count(effort, THM_ORBITS_CASES), true, source,
                           ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"F9.1", order_is_kept, false},
        {"XF9.1", order_of_logits_is_kept, false},
        {"F9.2", entropy_falls, false},
        {"XF9.2", entropy_falls_from_disorder, false},
        {"F9.3", shares_spread, false},
        {"XF9.3", shares_spread_from_disorder, false}};
    static const proof_group group = {6, claims, open_orbits, thm_orbits_close};
    static const proof_table table = {
        "order and entropy along the orbit of a loss of one projection (F9)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
