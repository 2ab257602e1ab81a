/* G26: what is left of "D >= Nn^2": the Jacobian in W_Q of all Nn^2 attention
 * entries of a Gaussian head generically has full row rank where D >= Nn and
 * d >= n; D >= Nn is needed for d = n only; that of softmax never
 * exceeds Nn(n - 1) (paper-notes/song2024.md, "The threshold D >= Nn^2").
 *
 * With U_i = I the outputs are the attention entries themselves. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 24 };

/* J <- the derivative of every S_ikj by the first d columns of W_Q. */
static void entries(thm_ball_layer *b, thm_kernel kernel, arb_mat_t J)
{
    b->kernel = kernel;
    thm_ball_layer_evaluate(b);
    for (int i = 0; i < b->N; i++) {
        for (int j = 0; j < b->n; j++) {
            for (int o = 0; o < b->n; o++) {
                arb_set_d(arb_mat_entry(b->U, i * b->n + j, o), j == o);
            }
        }
    }
    thm_ball_layer_jq(b, J);
}

static void full(thm_ball_layer *b, thm_kernel kernel, thm_finding *f)
{
    arb_mat_t J;
    arb_mat_init(J, b->N * b->n * b->n, b->D * b->d);
    entries(b, kernel, J);
    thm_finding_full_rank(f, J);
    arb_mat_clear(J);
}

static thm_status wide(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    (void)c;
    full(thm_layer_balls_fresh(ctx, applies), THM_KERNEL_GAUSSIAN, f);
    return THM_OK;
}

/* A head of width d within this one: the other columns of W_Q and W_K are zero,
 * and so are their columns of the Jacobian. */
static void narrow(thm_ball_layer *b, int d)
{
    for (int e = 0; e < b->D; e++) {
        for (int a = d; a < b->d; a++) {
            arb_zero(arb_mat_entry(b->Wq, e, a));
            arb_zero(arb_mat_entry(b->Wk, e, a));
        }
    }
}

static thm_status width_one(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    (void)c;
    narrow(b, 1);
    full(b, THM_KERNEL_GAUSSIAN, f);
    return THM_OK;
}

/* "Not of full row rank": what is allowed and observed change places. */
static void deficient(thm_ball_layer *b, thm_finding *f)
{
    full(b, THM_KERNEL_GAUSSIAN, f);
    const double least = f->observed;
    f->observed = f->allowed;
    f->allowed = least;
}

static thm_status few_features(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    deficient(thm_layer_balls_fresh(ctx, applies), f);
    return THM_OK;
}

static thm_status few_features_square(const void *c, void *ctx, thm_finding *f,
                                      bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    (void)c;
    narrow(b, b->n);
    deficient(b, f);
    return THM_OK;
}

/* The entries of a row change by amounts that add up to zero. */
static void sums(thm_ball_layer *b, thm_kernel kernel, thm_finding *f)
{
    const int tokens = b->N * b->n, cols = b->D * b->d;
    arb_mat_t J, sum;
    arb_t scale;
    arb_init(scale);
    arb_mat_init(J, tokens * b->n, cols);
    arb_mat_init(sum, tokens, cols);
    entries(b, kernel, J);
    for (int row = 0; row < tokens * b->n; row++) {
        for (int c = 0; c < cols; c++) {
            arb_ptr s = arb_mat_entry(sum, row / b->n, c);
            arb_add(s, s, arb_mat_entry(J, row, c), BITS);
        }
    }
    arb_mat_frobenius_norm(scale, J, BITS);
    thm_finding_null(f, sum, scale);
    arb_mat_clear(J);
    arb_mat_clear(sum);
    arb_clear(scale);
}

static thm_status softmax_sums(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    sums(thm_layer_balls_fresh(ctx, applies), THM_KERNEL_SOFTMAX, f);
    return THM_OK;
}

static thm_status gaussian_sums(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    sums(thm_layer_balls_fresh(ctx, applies), THM_KERNEL_GAUSSIAN, f);
    return THM_OK;
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 18, 3, 1, 3, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {2, 3, 6, 3, 1, 3, THM_KERNEL_GAUSSIAN, 0.0, 0.4, false,
         THM_TOKENS_NORMAL},
        {3, 2, 12, 3, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.4, false,
         THM_TOKENS_NORMAL},
        {1, 4, 5, 4, 1, 4, THM_KERNEL_GAUSSIAN, 0.0, 0.4, false,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {4, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

static thm_status open_few(double effort, uint64_t seed,
                           thm_case_source *source, void **ctx,
                           thm_message *msg)
{
    /* D < Nn, d > n and D d >= Nn^2 */
    static const thm_layer_spec specs[] = {
        {2, 2, 3, 4, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {2, 3, 5, 5, 1, 3, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {3, 2, 4, 4, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {3, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G26.1", wide, false},
                                       {"XG26.1", width_one, false},
                                       {"G26.2", softmax_sums, false},
                                       {"XG26.2", gaussian_sums, false}};
    static const thm_claim few[] = {{"G26.3", few_features, false},
                                    {"XG26.3", few_features_square, false}};
    static const proof_group groups[] = {
        {4, claims, open_layers, thm_layer_balls_close},
        {2, few, open_few, thm_layer_balls_close}};
    static const proof_table table = {
        "how freely W_Q moves the attention entries (G26)", 2, groups};
    return proof_main(argc, argv, &table);
}
