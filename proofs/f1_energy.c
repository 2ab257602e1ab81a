/* F1-F3, pointwise: what the flow x' = -grad L(V softmax(a)) spends, and what
 * it keeps (paper-notes/varre2026.md).  Rates are those of series along x + t
 * x' in ball arithmetic; a rate that vanishes at every state is a law of every
 * orbit. */
#include "claims/flow_ball.h"
#include "proofs/proof.h"

/* dL/dt + part as a multiple of |x'|^2. */
static void spent(const thm_ball_flow *b, const arb_t part, thm_finding *f)
{
    arb_t rate;
    arb_poly_t loss;
    arb_init(rate);
    arb_poly_init(loss);
    thm_ball_flow_loss(b, loss);
    thm_ball_rate(rate, loss);
    arb_add(rate, rate, part, THM_FLOW_BITS);
    thm_finding_relative(f, rate, b->speed2);
    arb_poly_clear(loss);
    arb_clear(rate);
}

/* F1.1 */
static thm_status loss_pays(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    spent(s->b, s->b->speed2, f);
    return THM_OK;
}

static thm_status loss_pays_for_values(const void *the_case, void *ctx,
                                       thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    const thm_ball_flow *b = s->b;
    (void)the_case;
    (void)applies;
    arb_t part;
    arb_init(part);
    arb_dot(part, NULL, 0, b->dV, 1, b->dV, 1, (slong)b->d * b->n,
            THM_FLOW_BITS);
    spent(b, part, f);
    arb_clear(part);
    return THM_OK;
}

/* sum x over sum |x|. */
static void balance(int n, arb_srcptr x, thm_finding *f)
{
    arb_t sum, size;
    arb_init(sum);
    arb_init(size);
    for (int i = 0; i < n; i++) {
        arb_add(sum, sum, x + i, THM_FLOW_BITS);
        thm_ball_add_abs(size, x + i);
    }
    thm_finding_relative(f, sum, size);
    arb_clear(sum);
    arb_clear(size);
}

/* F2.1 */
static thm_status logits_keep_sum(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    (void)applies;
    balance(s->b->n, s->b->da, f);
    return THM_OK;
}

/* p = a^2 / |a|^2 instead: a_i' = (2 a_i / |a|^2) (w_i - p'w). */
static thm_status squares_keep_sum(const void *the_case, void *ctx,
                                   thm_finding *f, bool *applies)
{
    enum { BITS = THM_FLOW_BITS };
    const thm_flow_states *s = ctx;
    const thm_ball_flow *b = s->b;
    const int d = b->d, n = b->n;
    thm_status status = THM_OK;
    (void)the_case;
    arb_t norm2, mean;
    arb_init(norm2);
    arb_init(mean);
    arb_dot(norm2, NULL, 0, b->a, 1, b->a, 1, n, BITS);
    *applies = arb_is_positive(norm2);
    if (*applies) {
        arb_ptr p = _arb_vec_init(n), w = _arb_vec_init(n);
        arb_ptr z = _arb_vec_init(d), g = _arb_vec_init(d);
        for (int i = 0; i < n; i++) {
            arb_sqr(p + i, b->a + i, BITS);
            arb_div(p + i, p + i, norm2, BITS);
        }
        for (int r = 0; r < d; r++) {
            arb_dot(z + r, NULL, 0, b->V + r * n, 1, p, 1, n, BITS);
        }
        status = thm_ball_loss_gradient(b->loss, z, g);
        for (int i = 0; i < n; i++) {
            arb_dot(w + i, NULL, 1, b->V + i, n, g, 1, d, BITS);
        }
        arb_dot(mean, NULL, 0, p, 1, w, 1, n, BITS);
        for (int i = 0; i < n; i++) { /* without the factor 2 / |a|^2 */
            arb_sub(w + i, w + i, mean, BITS);
            arb_mul(w + i, w + i, b->a + i, BITS);
        }
        balance(n, w, f);
        _arb_vec_clear(p, n);
        _arb_vec_clear(w, n);
        _arb_vec_clear(z, d);
        _arb_vec_clear(g, d);
    }
    arb_clear(norm2);
    arb_clear(mean);
    return status;
}

/* The part of V' orthogonal to the target b over V', entries added up. */
static void across(const thm_ball_flow *b, thm_finding *f)
{
    enum { BITS = THM_FLOW_BITS };
    const int d = b->d, n = b->n;
    arb_ptr target = _arb_vec_init(d);
    arb_t norm2, along, rest, part, whole;
    arb_init(norm2);
    arb_init(along);
    arb_init(rest);
    arb_init(part);
    arb_init(whole);
    for (int r = 0; r < d; r++) {
        arb_set_d(target + r, b->loss->b[r]);
    }
    arb_dot(norm2, NULL, 0, target, 1, target, 1, d, BITS);
    for (int i = 0; i < n; i++) {
        arb_dot(along, NULL, 0, target, 1, b->dV + i, n, d, BITS);
        arb_div(along, along, norm2, BITS);
        for (int r = 0; r < d; r++) {
            arb_mul(rest, along, target + r, BITS);
            arb_sub(rest, b->dV + r * n + i, rest, BITS);
            thm_ball_add_abs(part, rest);
            thm_ball_add_abs(whole, b->dV + r * n + i);
        }
    }
    thm_finding_relative(f, part, whole);
    _arb_vec_clear(target, d);
    arb_clear(norm2);
    arb_clear(along);
    arb_clear(rest);
    arb_clear(part);
    arb_clear(whole);
}

/* F3.1 */
static thm_status values_move_along_target(const void *the_case, void *ctx,
                                           thm_finding *f, bool *applies)
{
    const thm_flow_states *s = ctx;
    const thm_loss_kind kind = s->one.loss.kind;
    (void)the_case;
    *applies = (kind == THM_LOSS_LOGISTIC || kind == THM_LOSS_EXPONENTIAL) &&
               s->b->d >= 2;
    if (*applies) {
        across(s->b, f);
    }
    return THM_OK;
}

static thm_status values_move_along_square_target(const void *the_case,
                                                  void *ctx, thm_finding *f,
                                                  bool *applies)
{
    const thm_flow_states *s = ctx;
    (void)the_case;
    *applies = s->one.loss.kind == THM_LOSS_SQUARE && s->b->d >= 2;
    if (*applies) {
        across(s->b, f);
    }
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"F1.1", loss_pays, false},
        {"XF1.1", loss_pays_for_values, false},
        {"F2.1", logits_keep_sum, false},
        {"XF2.1", squares_keep_sum, false},
        {"F3.1", values_move_along_target, false},
        {"XF3.1", values_move_along_square_target, false}};
    static const proof_group group = {6, claims, proof_open_flows,
                                      thm_flow_states_close};
    static const proof_table table = {
        "what gradient flow of the value-softmax model spends and keeps (F1.1, "
        "F2.1, F3.1)",
        1, &group};
    return proof_main(argc, argv, &table);
}
