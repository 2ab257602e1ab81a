/* F4-F6, pointwise: what a_i, |v_i|^2 and the differences of two tokens keep
 * along the flow, and what balancedness would have them keep
 * (paper-notes/varre2026.md).  Rates are those of series along x + t x' in ball
 * arithmetic. */
#include "claims/flow_ball.h"
#include "proofs/proof.h"

enum { BITS = THM_FLOW_BITS, LENGTH = 2 };

/* ---- F4 -------------------------------------------------------------------
 */

/* (a_i - |v_i|^2 / 2)' */
static void balance_rate(const thm_ball_flow *b, int i, arb_t rate)
{
    arb_set(rate, b->da + i);
    for (int r = 0; r < b->d; r++) {
        arb_submul(rate, b->V + r * b->n + i, b->dV + r * b->n + i, BITS);
    }
}

/* What can cancel in the rates: the sum of |a_i'| + sum_r |V_ri V'_ri|. */
static void balance_scale(const thm_ball_flow *b, arb_t scale)
{
    arb_t term;
    arb_init(term);
    arb_zero(scale);
    for (int i = 0; i < b->n; i++) {
        thm_ball_add_abs(scale, b->da + i);
        for (int r = 0; r < b->d; r++) {
            arb_mul(term, b->V + r * b->n + i, b->dV + r * b->n + i, BITS);
            thm_ball_add_abs(scale, term);
        }
    }
    arb_clear(term);
}

/* sum_i |(a_i - |v_i|^2 / 2)' - law p_i z'g|, and with the law also the rate of
 * |V|^2 / 2, which is -z'g. */
static void balances(const thm_ball_flow *b, bool law, thm_finding *f)
{
    arb_t zg, rate, sum, scale;
    arb_init(zg);
    arb_init(rate);
    arb_init(sum);
    arb_init(scale);
    arb_dot(zg, NULL, 0, b->z, 1, b->g, 1, b->d, BITS);
    for (int i = 0; i < b->n; i++) {
        balance_rate(b, i, rate);
        if (law) {
            arb_submul(rate, b->p + i, zg, BITS);
        }
        thm_ball_add_abs(sum, rate);
    }
    if (law) {
        arb_dot(rate, zg, 0, b->V, 1, b->dV, 1, (slong)b->d * b->n, BITS);
        thm_ball_add_abs(sum, rate);
    }
    balance_scale(b, scale);
    thm_finding_relative(f, sum, scale);
    arb_clear(zg);
    arb_clear(rate);
    arb_clear(sum);
    arb_clear(scale);
}

static thm_status balance_is_kept(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    balances(s->b, false, f);
    return THM_OK;
}

static thm_status balance_follows_output(const void *the_case, void *ctx,
                                         thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    balances(s->b, true, f);
    return THM_OK;
}

/* ---- F5 -------------------------------------------------------------------
 */

/* c <- cosh(delta) - 1 along the path, or delta^2 / 2 in its place. */
static void rise_of(const arb_poly_t delta, bool square, arb_poly_t c)
{
    arb_poly_t half;
    arb_poly_init(half);
    arb_poly_scalar_mul_2exp_si(half, delta, -1);
    if (!square) { /* cosh x - 1 = 2 sinh^2(x / 2) */
        arb_poly_sinh_series(half, half, LENGTH, BITS);
    }
    arb_poly_mullow(c, half, half, LENGTH, BITS);
    arb_poly_scalar_mul_2exp_si(c, c, 1);
    arb_poly_clear(half);
}

/* x <- (|v_0 - v_j|^2 / 2 - c)' + c (a_0 + a_j)', c = cosh(a_0 - a_j) - 1;
 * scale <- |its three terms|. */
static void pair_law(const thm_ball_flow *b, int j, bool square, arb_t x,
                     arb_t scale)
{
    arb_t rate, rise;
    arb_poly_t delta, c;
    arb_init(rate);
    arb_init(rise);
    arb_poly_init(delta);
    arb_poly_init(c);
    arb_poly_sub(delta, b->path_a, b->path_a + j, BITS);
    rise_of(delta, square, c);
    arb_poly_get_coeff_arb(rise, c, 0);
    thm_ball_rate(rate, c);
    thm_ball_add_abs(scale, rate);
    arb_neg(x, rate);
    thm_ball_flow_distance(b, 0, j, delta);
    thm_ball_rate(rate, delta);
    thm_ball_add_abs(scale, rate);
    arb_add(x, x, rate, BITS);
    arb_add(rate, b->da, b->da + j, BITS);
    arb_addmul(x, rise, rate, BITS);
    arb_clear(rate);
    arb_clear(rise);
    arb_poly_clear(delta);
    arb_poly_clear(c);
}

static void pairs(const thm_ball_flow *b, bool square, thm_finding *f)
{
    arb_t x, sum, scale;
    arb_init(x);
    arb_init(sum);
    arb_init(scale);
    for (int j = 1; j < b->n; j++) {
        pair_law(b, j, square, x, scale);
        thm_ball_add_abs(sum, x);
    }
    thm_finding_relative(f, sum, scale);
    arb_clear(x);
    arb_clear(sum);
    arb_clear(scale);
}

static thm_status pair_law_holds(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    *applies = thm_ball_flow_has_logits(s->b);
    if (*applies) {
        pairs(s->b, false, f);
    }
    return THM_OK;
}

static thm_status pair_law_holds_of_squares(const void *the_case, void *ctx,
                                            thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    *applies = thm_ball_flow_has_logits(s->b);
    if (*applies) {
        pairs(s->b, true, f);
    }
    return THM_OK;
}

/* ---- F6 -------------------------------------------------------------------
 */

/* f <- (k e^delta + (n - 2k) delta + (n - k) e^-delta) / n along the path. */
static void group_energy(const arb_poly_t delta, int n, int k, arb_poly_t f)
{
    arb_poly_t term;
    arb_t c;
    arb_init(c);
    arb_poly_init(term);
    arb_set_si(c, k);
    arb_poly_exp_series(term, delta, LENGTH, BITS);
    arb_poly_scalar_mul(f, term, c, BITS);
    arb_poly_inv_series(term, term, LENGTH, BITS);
    arb_set_si(c, n - k);
    arb_poly_scalar_mul(term, term, c, BITS);
    arb_poly_add(f, f, term, BITS);
    arb_set_si(c, n - 2 * k);
    arb_poly_scalar_mul(term, delta, c, BITS);
    arb_poly_add(f, f, term, BITS);
    arb_set_si(c, n);
    arb_poly_scalar_div(f, f, c, BITS);
    arb_poly_clear(term);
    arb_clear(c);
}

/* The rate of |D|^2 / 2 - energy(delta) over that of its terms, with the energy
 * of k against n - k. */
static void groups(const thm_flow_states *s, int n, int k, thm_finding *f)
{
    const thm_ball_flow *b = s->b;
    arb_t rate, part, scale;
    arb_poly_t delta, e;
    arb_init(rate);
    arb_init(part);
    arb_init(scale);
    arb_poly_init(delta);
    arb_poly_init(e);
    arb_poly_sub(delta, b->path_a, b->path_a + b->n - 1, BITS);
    group_energy(delta, n, k, e);
    thm_ball_rate(part, e);
    thm_ball_flow_distance(b, 0, b->n - 1, e);
    thm_ball_rate(rate, e);
    thm_ball_add_abs(scale, part);
    thm_ball_add_abs(scale, rate);
    arb_sub(rate, rate, part, BITS);
    thm_finding_relative(f, rate, scale);
    arb_clear(rate);
    arb_clear(part);
    arb_clear(scale);
    arb_poly_clear(delta);
    arb_poly_clear(e);
}

static thm_status group_energy_is_kept(const void *the_case, void *ctx,
                                       thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    groups(s, s->one.n, s->one.k, f);
    return THM_OK;
}

static thm_status pair_energy_is_kept_by_groups(const void *the_case, void *ctx,
                                                thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    groups(s, 2, 1, f);
    return THM_OK;
}

/* ---- the table ------------------------------------------------------------
 */

static thm_status open_groups(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_flow_states_open(
        &thm_flow_groups, proof_count(effort, THM_FLOW_CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim any[] = {
        {"F4", balance_is_kept, false},
        {"XF4", balance_follows_output, false},
        {"F5.1", pair_law_holds, false},
        {"XF5.1", pair_law_holds_of_squares, false}};
    static const thm_claim two[] = {
        {"F6.1", group_energy_is_kept, false},
        {"XF6.1", pair_energy_is_kept_by_groups, false}};
    static const proof_group group[] = {
        {4, any, proof_open_flows, thm_flow_states_close},
        {2, two, open_groups, thm_flow_states_close}};
    static const proof_table table = {
        "balancedness, the pair law and the group law of the value-softmax "
        "flow (F4, F5.1, F6.1)",
        2, group};
    return proof_main(argc, argv, &table);
}
