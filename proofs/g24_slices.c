/* G24, G25: a slice of the loss through W_V is exactly a quadratic; the two
 * conventions for the scale of a kernel describe one model (paper-notes/
 * song2024.md, "Only W_V is trained", "Model"). */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 60 };

/* The third difference of f along a drawn direction of W, in units of the sum
 * of what it is made of. */
static void third_difference(thm_ball_layer *b, arb_mat_t W, thm_rng rng,
                             thm_finding *f)
{
    static const int weight[4] = {-1, 3, -3, 1};
    arb_mat_t step;
    arb_t value, sum, scale;
    arb_init(value);
    arb_init(sum);
    arb_init(scale);
    arb_mat_init(step, arb_mat_nrows(W), arb_mat_ncols(W));
    for (slong e = 0; e < arb_mat_nrows(W); e++) {
        for (slong a = 0; a < arb_mat_ncols(W); a++) {
            arb_set_d(arb_mat_entry(step, e, a), thm_rng_normal(&rng));
        }
    }
    for (int t = 0; t < 4; t++) {
        thm_ball_layer_evaluate(b);
        thm_ball_layer_loss(b, value);
        arb_mul_si(value, value, weight[t], BITS);
        arb_add(sum, sum, value, BITS);
        arb_abs(value, value);
        arb_add(scale, scale, value, BITS);
        arb_mat_add(W, W, step, BITS);
    }
    arb_div(sum, sum, scale, BITS);
    thm_finding_zero(f, sum);
    arb_mat_clear(step);
    arb_clear(value);
    arb_clear(sum);
    arb_clear(scale);
}

static thm_status values_slice(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    thm_layer_balls *s = ctx;
    thm_ball_layer *b = thm_layer_balls_fresh(s, applies);
    (void)c;
    third_difference(b, b->Wv, s->one->rng, f);
    return THM_OK;
}

static thm_status queries_slice(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    thm_layer_balls *s = ctx;
    thm_ball_layer *b = thm_layer_balls_fresh(s, applies);
    (void)c;
    third_difference(b, b->Wq, s->one->rng, f);
    return THM_OK;
}

/* B of (c, W_Q, W_K) against that of (c / 2, sqrt(2) W_Q, sqrt(2) W_K), or of
 * c / 2 alone. */
static void rescale(thm_ball_layer *b, bool weights, thm_finding *f)
{
    arb_mat_t B;
    arb_t root, size;
    arb_init(root);
    arb_init(size);
    arb_mat_init(B, b->N * b->n, b->H * b->D);
    arb_mat_set(B, b->B);
    arb_mat_frobenius_norm(size, B, BITS);
    arb_mul_2exp_si(b->c, b->c, -1);
    if (weights) {
        arb_sqrt_ui(root, 2, BITS);
        arb_mat_scalar_mul_arb(b->Wq, b->Wq, root, BITS);
        arb_mat_scalar_mul_arb(b->Wk, b->Wk, root, BITS);
    }
    thm_ball_layer_evaluate(b);
    arb_mat_sub(B, B, b->B, BITS);
    thm_finding_null(f, B, size);
    arb_mat_clear(B);
    arb_clear(root);
    arb_clear(size);
}

static thm_status rescaled(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)c;
    rescale(thm_layer_balls_fresh(ctx, applies), true, f);
    return THM_OK;
}

static thm_status not_rescaled(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    rescale(thm_layer_balls_fresh(ctx, applies), false, f);
    return THM_OK;
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 6, 3, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {2, 3, 6, 3, 2, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {3, 4, 5, 2, 2, 1, THM_KERNEL_GAUSSIAN_NORMALISED, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {2, 4, 16, 3, 2, 2, THM_KERNEL_SOFTMAX, 0.0, 0.3, false,
         THM_TOKENS_PATCHES4},
        {1, 5, 2, 4, 3, 3, THM_KERNEL_GAUSSIAN, 0.7, 0.3, true,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {5, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G24", values_slice, false},
                                       {"XG24", queries_slice, false},
                                       {"G25", rescaled, false},
                                       {"XG25", not_rescaled, false}};
    static const proof_group group = {4, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "slices of the loss, scales of the kernel (G24, G25)", 1, &group};
    return proof_main(argc, argv, &table);
}
