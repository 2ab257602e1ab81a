/* G14: lambda_min(J_Q J_Q') >= lambda_min(Xt Xt') min_ik sigma_min(A_ik)^2 for
 * one head, Xt the Nn tokens and A_ik = dF_ik/dq_ik; positive where D >= Nn and
 * the slopes have full row rank (paper-notes/song2024.md, "Only W_Q is
 * trained"). */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 30 };

/* slope <- the smallest sigma_min(A_ik), or the largest. */
static void extreme_slope(const thm_ball_layer *b, bool largest, arb_t slope)
{
    arb_mat_t A;
    arb_t sigma;
    arb_init(sigma);
    arb_mat_init(A, b->m, b->d);
    for (int row = 0; row < b->N * b->n; row++) {
        thm_ball_layer_slope(b, row / b->n, row % b->n, 0, A);
        thm_ball_sigma_min(sigma, A);
        if (row == 0) {
            arb_set(slope, sigma);
        } else if (largest) {
            arb_max(slope, slope, sigma, BITS);
        } else {
            arb_min(slope, slope, sigma, BITS);
        }
    }
    arb_mat_clear(A);
    arb_clear(sigma);
}

/* sigma_min(Xt) slope <= sigma_min(J_Q) */
static void compare(const thm_ball_layer *b, bool largest, thm_finding *f)
{
    arb_mat_t J;
    arb_t sigma, bound, slope;
    arb_init(sigma);
    arb_init(bound);
    arb_init(slope);
    arb_mat_init(J, b->N * b->n * b->m, b->D * b->d);
    thm_ball_layer_jq(b, J);
    thm_ball_sigma_min(sigma, J);
    thm_ball_sigma_min(bound, b->X);
    extreme_slope(b, largest, slope);
    arb_mul(bound, bound, slope, BITS);
    thm_finding_ball(f, bound, sigma, true);
    arb_mat_clear(J);
    arb_clear(sigma);
    arb_clear(bound);
    arb_clear(slope);
}

static thm_status least_slope(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    compare(thm_layer_balls_fresh(ctx, applies), false, f);
    return THM_OK;
}

static thm_status largest_slope(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    compare(thm_layer_balls_fresh(ctx, applies), true, f);
    return THM_OK;
}

/* sigma_min(J_Q) > 0 of the first D features' columns. */
static void positive(const thm_ball_layer *b, int D, thm_finding *f)
{
    arb_mat_t J, kept;
    const int rows = b->N * b->n * b->m;
    arb_mat_init(J, rows, b->D * b->d);
    thm_ball_layer_jq(b, J);
    arb_mat_window_init(kept, J, 0, 0, rows, D * b->d);
    thm_finding_full_rank(f, kept);
    arb_mat_window_clear(kept);
    arb_mat_clear(J);
}

static thm_status is_positive(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    const thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    (void)c;
    positive(b, b->D, f);
    return THM_OK;
}

/* As many features as leave D d < Nnm. */
static thm_status few_is_positive(const void *c, void *ctx, thm_finding *f,
                                  bool *applies)
{
    const thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    (void)c;
    positive(b, (b->N * b->n * b->m - 1) / b->d, f);
    return THM_OK;
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 8, 5, 1, 3, THM_KERNEL_GAUSSIAN, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {2, 3, 8, 3, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.7, false,
         THM_TOKENS_NORMAL},
        {1, 4, 4, 3, 1, 3, THM_KERNEL_GAUSSIAN_NORMALISED, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {3, 2, 7, 2, 1, 1, THM_KERNEL_SOFTMAX, 0.0, 1.0, false,
         THM_TOKENS_NORMAL},
        {1, 6, 6, 2, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.4, false,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {5, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G14.1", least_slope, false},
                                       {"XG14.1", largest_slope, false},
                                       {"G14.2", is_positive, false},
                                       {"XG14.2", few_is_positive, false}};
    static const proof_group group = {4, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "a lower bound of the kernel of W_Q (G14)", 1, &group};
    return proof_main(argc, argv, &table);
}
