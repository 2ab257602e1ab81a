/* F7, F8: the flow of the output z = V softmax(a) and of the entropy of
 * softmax(a), against their rates along x + t x' in ball arithmetic
 * (paper-notes/varre2026.md). */
#include "claims/flow_ball.h"
#include "proofs/proof.h"

enum { BITS = THM_FLOW_BITS };

/* sum_r |z_r' + (|p|^2 g + V J^k V'g)_r| over the sum of |its terms|, k = 1 or
 * 2; J V'g = -J w = -a'. */
static void output_moves(const thm_ball_flow *b, int power, thm_finding *f)
{
    const int d = b->d, n = b->n;
    arb_ptr y = _arb_vec_init(n);
    arb_t p2, rate, term, sum, scale;
    arb_init(p2);
    arb_init(rate);
    arb_init(term);
    arb_init(sum);
    arb_init(scale);
    arb_dot(p2, NULL, 0, b->p, 1, b->p, 1, n, BITS);
    _arb_vec_set(y, b->w, n);
    for (int k = 0; k < power; k++) {
        thm_ball_flow_jacobian(b, y, y);
    }
    for (int r = 0; r < d; r++) {
        thm_ball_rate(rate, b->path_z + r);
        arb_mul(term, p2, b->g + r, BITS);
        thm_ball_add_abs(scale, term);
        arb_add(rate, rate, term, BITS);
        arb_dot(term, NULL, 0, b->V + r * n, 1, y, 1, n, BITS);
        thm_ball_add_abs(scale, term);
        arb_sub(rate, rate, term, BITS);
        thm_ball_add_abs(sum, rate);
    }
    thm_finding_relative(f, sum, scale);
    _arb_vec_clear(y, n);
    arb_clear(p2);
    arb_clear(rate);
    arb_clear(term);
    arb_clear(sum);
    arb_clear(scale);
}

static thm_status output_moves_by_square(const void *the_case, void *ctx,
                                         thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    output_moves(s->b, 2, f);
    return THM_OK;
}

static thm_status output_moves_as_printed(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    output_moves(s->b, 1, f);
    return THM_OK;
}

/* H' + sum p_i^k (a_i - p'a) (w_i - p'w) over the sum of |its terms|. */
static void entropy_moves(const thm_ball_flow *b, ulong power, thm_finding *f)
{
    const int n = b->n;
    arb_t mean, rate, term, weight, scale;
    arb_poly_t h;
    arb_init(mean);
    arb_init(rate);
    arb_init(term);
    arb_init(weight);
    arb_init(scale);
    arb_poly_init(h);
    arb_dot(mean, NULL, 0, b->p, 1, b->a, 1, n, BITS);
    thm_ball_flow_entropy(b, h);
    thm_ball_rate(rate, h);
    for (int i = 0; i < n; i++) {
        arb_sub(term, b->a + i, mean, BITS);
        arb_sub(weight, b->w + i, b->mean, BITS);
        arb_mul(term, term, weight, BITS);
        arb_pow_ui(weight, b->p + i, power, BITS);
        arb_mul(term, term, weight, BITS);
        thm_ball_add_abs(scale, term);
        arb_add(rate, rate, term, BITS);
    }
    thm_finding_relative(f, rate, scale);
    arb_clear(mean);
    arb_clear(rate);
    arb_clear(term);
    arb_clear(weight);
    arb_clear(scale);
    arb_poly_clear(h);
}

static thm_status entropy_moves_by_squares(const void *the_case, void *ctx,
                                           thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    *applies = thm_ball_flow_has_logits(s->b);
    if (*applies) {
        entropy_moves(s->b, 2, f);
    }
    return THM_OK;
}

static thm_status entropy_moves_by_shares(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    *applies = thm_ball_flow_has_logits(s->b);
    if (*applies) {
        entropy_moves(s->b, 1, f);
    }
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F7", output_moves_by_square, false},
                                       {"XF7", output_moves_as_printed, false},
                                       {"F8", entropy_moves_by_squares, false},
                                       {"XF8", entropy_moves_by_shares, false}};
    static const proof_group group = {4, claims, proof_open_flows,
                                      thm_flow_states_close};
    static const proof_table table = {
        "the flow of the output and of the entropy (F7, F8)", 1, &group};
    return proof_main(argc, argv, &table);
}
