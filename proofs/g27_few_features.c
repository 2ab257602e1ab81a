/* G27: "with D < Nn training W_V has suboptimal local minima" is false: the
 * loss is convex in W_V for every D, and only its least value rises
 * (paper-notes/song2024.md, "Only W_V is trained").
 *
 * One head, D < Nn, d >= m.  From a drawn start the nearest stationary point is
 * taken by least squares in balls, and its loss compared with the least one,
 * 1/2 |(I - B B^+) Y|^2. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 40 };

/* W_V <- the stationary point nearest to it, W_V + (B'B)^-1 B'(Y - F)
 * (Wo'Wo)^-1 Wo'; least <- 1/2 (|Y|^2 - Y'B (B'B)^-1 B'Y).  False if B or Wo
 * has dependent columns. */
static bool settle(thm_ball_layer *b, arb_t least)
{
    const int tokens = b->N * b->n;
    bool regular = true;
    arb_mat_t Bt, G, right, fit, Wt, M, part, step;
    arb_mat_init(Bt, b->D, tokens);
    arb_mat_init(G, b->D, b->D);
    arb_mat_init(right, b->D, b->m);
    arb_mat_init(fit, b->D, b->m);
    arb_mat_init(Wt, b->m, b->d);
    arb_mat_init(M, b->m, b->m);
    arb_mat_init(part, b->m, b->d);
    arb_mat_init(step, b->D, b->d);
    arb_mat_transpose(Bt, b->B);
    arb_mat_mul(G, Bt, b->B, BITS);

    arb_mat_mul(right, Bt, b->Y, BITS);
    regular = arb_mat_solve(fit, G, right, BITS) != 0;
    arb_zero(least);
    for (int r = 0; r < tokens; r++) {
        for (int o = 0; o < b->m; o++) {
            arb_srcptr y = arb_mat_entry(b->Y, r, o);
            arb_addmul(least, y, y, BITS);
        }
    }
    for (int e = 0; e < b->D; e++) {
        for (int o = 0; o < b->m; o++) {
            arb_submul(least, arb_mat_entry(right, e, o),
                       arb_mat_entry(fit, e, o), BITS);
        }
    }
    arb_mul_2exp_si(least, least, -1);

    arb_mat_mul(right, Bt, b->R, BITS);
    regular = arb_mat_solve(fit, G, right, BITS) && regular;
    arb_mat_transpose(Wt, b->Wo);
    arb_mat_mul(M, Wt, b->Wo, BITS);
    regular = arb_mat_solve(part, M, Wt, BITS) && regular;
    arb_mat_mul(step, fit, part, BITS);
    arb_mat_sub(b->Wv, b->Wv, step, BITS);
    thm_ball_layer_evaluate(b);
    arb_mat_clear(Bt);
    arb_mat_clear(G);
    arb_mat_clear(right);
    arb_mat_clear(fit);
    arb_mat_clear(Wt);
    arb_mat_clear(M);
    arb_mat_clear(part);
    arb_mat_clear(step);
    return regular;
}

/* "The stationary point is suboptimal": least + 1e-9 |Y|^2 <= f.  |Y|^2 is the
 * unit in which a least value of 0 could be told from this one. */
static thm_status suboptimal(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    arb_t least, value, unit;
    (void)c;
    arb_init(least);
    arb_init(value);
    arb_init(unit);
    *applies = settle(b, least) && *applies;
    thm_ball_layer_loss(b, value);
    arb_mat_frobenius_norm(unit, b->Y, BITS);
    arb_sqr(unit, unit, BITS);
    arb_sub(value, value, least, BITS);
    arb_div(value, value, unit, BITS);
    arb_set_d(least, 1e-9);
    thm_finding_ball(f, least, value, false);
    arb_clear(least);
    arb_clear(value);
    arb_clear(unit);
    return THM_OK;
}

/* "It has the least value." */
static thm_status optimal(const void *c, void *ctx, thm_finding *f,
                          bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    arb_t least, value;
    (void)c;
    arb_init(least);
    arb_init(value);
    *applies = settle(b, least) && *applies;
    thm_ball_layer_loss(b, value);
    arb_div(value, value, least, BITS);
    arb_one(least);
    arb_sub(value, value, least, BITS);
    thm_finding_zero(f, value);
    arb_clear(least);
    arb_clear(value);
    return THM_OK;
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 4, 3, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {3, 4, 6, 2, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {2, 4, 3, 5, 1, 1, THM_KERNEL_SOFTMAX, 0.0, 1.0, false,
         THM_TOKENS_NORMAL},
        {5, 2, 9, 3, 1, 3, THM_KERNEL_GAUSSIAN_NORMALISED, 0.0, 0.5, true,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {4, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G27", suboptimal, false},
                                       {"XG27", optimal, false}};
    static const proof_group group = {2, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "whether D < Nn makes local minima in W_V (G27)", 1, &group};
    return proof_main(argc, argv, &table);
}
