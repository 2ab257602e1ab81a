/* G7: a lower bound of lambda_B for one head, from attention and tokens apart
 * (paper-notes/song2024.md, R1), in balls. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS };

static const thm_layer_spec kinds[] = {
    {THM_SIZES(3, 3, 12, 3, 1, 1), .scale = 0.3},
    {THM_SIZES(2, 5, 10, 4, 1, 1), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(2, 4, 9, 2, 1, 1), .kernel = THM_KERNEL_GAUSSIAN_NORMALISED,
     .scale = 0.5},
    {THM_SIZES(3, 3, 9, 3, 1, 1), .scale = 1.0, .tied = true},
    {THM_SIZES(2, 4, 11, 3, 1, 1), .kernel = THM_KERNEL_GAUSSIAN, .scale = 1.0,
     .tied = true},
    {THM_SIZES(2, 4, 49, 3, 1, 1), .scale = 0.2, .tokens = THM_TOKENS_PATCHES7},
    {THM_SIZES(6, 1, 7, 3, 1, 1), .scale = 1.0},
    {THM_SIZES(3, 3, 8, 3, 1, 1), .scale = 0.3},
    {THM_SIZES(2, 5, 4, 4, 1, 1), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* bound <- min_i sigma_min(S_i) times the smallest of the min(Nn, D) singular
 * values of X. */
static void product(const thm_ball_layer *b, arb_t bound)
{
    arb_mat_t S, T;
    arb_t sigma;
    arb_init(sigma);
    arb_pos_inf(bound);
    for (int i = 0; i < b->N; i++) {
        arb_mat_window_init(S, b->S, i * b->n, 0, (i + 1) * b->n, b->n);
        thm_ball_sigma_min(sigma, S);
        arb_min(bound, bound, sigma, BITS);
        arb_mat_window_clear(S);
    }
    if (b->D >= b->N * b->n) {
        thm_ball_sigma_min(sigma, b->X);
    } else {
        arb_mat_init(T, b->D, b->N * b->n);
        arb_mat_transpose(T, b->X);
        thm_ball_sigma_min(sigma, T);
        arb_mat_clear(T);
    }
    arb_mul(bound, bound, sigma, BITS);
    arb_clear(sigma);
}

static thm_status above_product(const thm_layer_balls *s, bool wide,
                                thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    *applies = s->loaded && (b->D >= b->N * b->n) == wide;
    if (*applies) {
        arb_t bound, sigma;
        arb_init(bound);
        arb_init(sigma);
        product(b, bound);
        *applies = arb_is_positive(bound);
        thm_ball_sigma_min(sigma, b->B);
        thm_finding_ball(f, bound, sigma, true);
        arb_clear(bound);
        arb_clear(sigma);
    }
    return THM_OK;
}

static thm_status lower_bound(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return above_product(ctx, true, f, applies);
}

static thm_status few_columns(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return above_product(ctx, false, f, applies);
}

static thm_status open_instances(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    static const thm_layer_plan plan = {KINDS, kinds, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, KINDS * proof_count(effort, 8), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G7", lower_bound, false},
                                       {"XG7", few_columns, false}};
    static const proof_group group = {2, claims, open_instances,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "a lower bound of lambda_B from attention and tokens apart (G7)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
