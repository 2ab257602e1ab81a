/* G15-G17: with as many outputs as tokens the Jacobian of Gaussian attention in
 * W_Q generically has full row rank, that of softmax attention never has
 * (paper-notes/song2024.md, "Only W_Q is trained").
 *
 * One head, D >= Nn, d >= n, m = n; all in balls. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 24 };

/* The model of the case; whether its Nn tokens are independent, without which
 * the claims say nothing. */
static thm_ball_layer *independent(void *ctx, bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    thm_finding f = {0};
    thm_finding_full_rank(&f, b->X);
    *applies =
        *applies && thm_verdict_of(thm_finding_margin(&f), f.err) == THM_HOLDS;
    return b;
}

/* Full row rank of the Jacobian of `outputs` of the outputs under a kernel. */
static void full_rank(thm_ball_layer *b, thm_kernel kernel, int outputs,
                      thm_finding *f)
{
    const int tokens = b->N * b->n;
    arb_mat_t J, kept;
    arb_mat_init(J, tokens * b->m, b->D * b->d);
    arb_mat_init(kept, tokens * outputs, b->D * b->d);
    b->kernel = kernel;
    thm_ball_layer_evaluate(b);
    thm_ball_layer_jq(b, J);
    for (int row = 0; row < tokens * outputs; row++) {
        for (int c = 0; c < b->D * b->d; c++) {
            arb_set(arb_mat_entry(kept, row, c),
                    arb_mat_entry(J, row / outputs * b->m + row % outputs, c));
        }
    }
    thm_finding_full_rank(f, kept);
    arb_mat_clear(J);
    arb_mat_clear(kept);
}

static thm_status gaussian_is_full(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    full_rank(b, THM_KERNEL_GAUSSIAN, b->m, f);
    return THM_OK;
}

static thm_status softmax_is_full(const void *c, void *ctx, thm_finding *f,
                                  bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    full_rank(b, THM_KERNEL_SOFTMAX, b->m, f);
    return THM_OK;
}

static thm_status softmax_lacks_one(const void *c, void *ctx, thm_finding *f,
                                    bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    full_rank(b, THM_KERNEL_SOFTMAX, b->m - 1, f);
    return THM_OK;
}

/* Keys and queries in n - 2 dimensions: a slope has rank n - 2 at most. */
static thm_status narrow_lacks_one(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    for (int e = 0; e < b->D; e++) {
        for (int a = b->n - 2; a < b->d; a++) {
            arb_zero(arb_mat_entry(b->Wq, e, a));
            arb_zero(arb_mat_entry(b->Wk, e, a));
        }
    }
    full_rank(b, THM_KERNEL_SOFTMAX, b->m - 1, f);
    return THM_OK;
}

/* observed and allowed change places: "not of full row rank" */
static void deficient(thm_ball_layer *b, thm_finding *f)
{
    full_rank(b, THM_KERNEL_GAUSSIAN, b->m, f);
    const double least = f->observed;
    f->observed = f->allowed;
    f->allowed = least;
}

static thm_status tied_is_deficient(const void *c, void *ctx, thm_finding *f,
                                    bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    arb_mat_set(b->Wq, b->Wk);
    deficient(b, f);
    return THM_OK;
}

static thm_status untied_is_deficient(const void *c, void *ctx, thm_finding *f,
                                      bool *applies)
{
    thm_ball_layer *b = independent(ctx, applies);
    (void)c;
    deficient(b, f);
    return THM_OK;
}

static thm_status open_square(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 8, 5, 1, 3, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {3, 2, 6, 2, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {1, 4, 5, 4, 1, 4, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {2, 4, 9, 6, 1, 4, THM_KERNEL_SOFTMAX, 0.0, 0.4, false,
         THM_TOKENS_NORMAL},
        {2, 3, 16, 4, 1, 3, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_PATCHES4},
        {2, 4, 49, 6, 1, 4, THM_KERNEL_SOFTMAX, 0.0, 0.2, false,
         THM_TOKENS_PATCHES7}};
    static const thm_layer_plan plan = {6, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

/* R <- the residual with rows U_i^-1 1; false where U_i is singular. */
static bool set_blind_residual(thm_ball_layer *b)
{
    arb_mat_t U, ones, r;
    bool regular = true;
    arb_mat_init(ones, b->n, 1);
    arb_mat_init(r, b->n, 1);
    for (int j = 0; j < b->n; j++) {
        arb_one(arb_mat_entry(ones, j, 0));
    }
    for (int i = 0; i < b->N; i++) {
        arb_mat_window_init(U, b->U, i * b->n, 0, (i + 1) * b->n, b->n);
        regular = arb_mat_solve(r, U, ones, BITS) && regular;
        for (int k = 0; k < b->n; k++) {
            for (int o = 0; o < b->n; o++) {
                arb_set(arb_mat_entry(b->R, i * b->n + k, o),
                        arb_mat_entry(r, o, 0));
            }
        }
        arb_mat_window_clear(U);
    }
    arb_mat_clear(ones);
    arb_mat_clear(r);
    return regular;
}

/* J'R = 0, in units of |J| |R|. */
static void stationary(const thm_ball_layer *b, thm_finding *f)
{
    const int rows = b->N * b->n * b->m, cols = b->D * b->d;
    arb_mat_t J, r, g;
    arb_t scale, size;
    arb_init(scale);
    arb_init(size);
    arb_mat_init(J, rows, cols);
    arb_mat_init(r, 1, rows);
    arb_mat_init(g, 1, cols);
    thm_ball_layer_jq(b, J);
    for (int row = 0; row < rows; row++) {
        arb_set(arb_mat_entry(r, 0, row),
                arb_mat_entry(b->R, row / b->m, row % b->m));
    }
    arb_mat_mul(g, r, J, BITS);
    arb_mat_frobenius_norm(scale, J, BITS);
    arb_mat_frobenius_norm(size, r, BITS);
    arb_mul(scale, scale, size, BITS);
    thm_finding_null(f, g, scale);
    arb_mat_clear(J);
    arb_mat_clear(r);
    arb_mat_clear(g);
    arb_clear(scale);
    arb_clear(size);
}

static thm_status blind_to_residual(void *ctx, thm_kernel kernel,
                                    thm_finding *f, bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    b->kernel = kernel;
    thm_ball_layer_evaluate(b);
    *applies = set_blind_residual(b) && *applies;
    stationary(b, f);
    return THM_OK;
}

static thm_status softmax_blind_to_residual(const void *c, void *ctx,
                                            thm_finding *f, bool *applies)
{
    (void)c;
    return blind_to_residual(ctx, THM_KERNEL_SOFTMAX, f, applies);
}

static thm_status gaussian_blind_to_residual(const void *c, void *ctx,
                                             thm_finding *f, bool *applies)
{
    (void)c;
    return blind_to_residual(ctx, THM_KERNEL_GAUSSIAN, f, applies);
}

/* 50 draws of W_Q and more. */
static thm_status open_residuals(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    const thm_status status = open_square(effort, seed, source, ctx, msg);
    source->count = proof_count(effort, 60);
    return status;
}

/* W_V reads one feature, which is 1 in every token: U_i = 1 v'. */
static void equal_values(thm_layer_case *one)
{
    const thm_layer *l = &one->layer;
    for (int row = 0; row < l->N * l->n; row++) {
        one->X[row * l->D] = 1.0;
    }
    for (int e = l->d; e < l->D * l->d; e++) {
        one->Wv[e] = 0.0;
    }
}

static thm_status blind_to_equal_values(void *ctx, thm_kernel kernel,
                                        thm_finding *f, bool *applies)
{
    thm_ball_layer *b = thm_layer_balls_fresh(ctx, applies);
    arb_mat_t J;
    arb_t scale, size;
    arb_init(scale);
    arb_init(size);
    arb_mat_init(J, b->N * b->n * b->m, b->D * b->d);
    b->kernel = kernel;
    thm_ball_layer_evaluate(b);
    thm_ball_layer_jq(b, J);
    arb_mat_frobenius_norm(scale, b->U, BITS);
    arb_mat_frobenius_norm(size, b->K, BITS);
    arb_mul(scale, scale, size, BITS);
    arb_mat_frobenius_norm(size, b->X, BITS);
    arb_mul(scale, scale, size, BITS);
    thm_finding_null(f, J, scale);
    arb_mat_clear(J);
    arb_clear(scale);
    arb_clear(size);
    return THM_OK;
}

static thm_status softmax_blind(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return blind_to_equal_values(ctx, THM_KERNEL_SOFTMAX, f, applies);
}

static thm_status gaussian_blind(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return blind_to_equal_values(ctx, THM_KERNEL_GAUSSIAN, f, applies);
}

static thm_status open_equal_values(double effort, uint64_t seed,
                                    thm_case_source *source, void **ctx,
                                    thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 8, 5, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {1, 5, 4, 2, 1, 3, THM_KERNEL_SOFTMAX, 0.0, 1.0, false,
         THM_TOKENS_NORMAL},
        {2, 4, 16, 3, 1, 4, THM_KERNEL_SOFTMAX, 0.0, 0.3, false,
         THM_TOKENS_PATCHES4}};
    static const thm_layer_plan plan = {3, specs, equal_values};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim square[] = {{"G15.1", gaussian_is_full, false},
                                       {"XG15.1", softmax_is_full, false},
                                       {"G15.2", softmax_lacks_one, false},
                                       {"XG15.2", narrow_lacks_one, false},
                                       {"G15.3", tied_is_deficient, false},
                                       {"XG15.3", untied_is_deficient, false}};
    static const thm_claim residuals[] = {
        {"G16", softmax_blind_to_residual, false},
        {"XG16", gaussian_blind_to_residual, false}};
    static const thm_claim values[] = {{"G17", softmax_blind, false},
                                       {"XG17", gaussian_blind, false}};
    static const proof_group groups[] = {
        {6, square, open_square, thm_layer_balls_close},
        {2, residuals, open_residuals, thm_layer_balls_close},
        {2, values, open_equal_values, thm_layer_balls_close}};
    static const proof_table table = {
        "Gaussian attention answers every residual, softmax not (G15-G17)", 3,
        groups};
    return proof_main(argc, argv, &table);
}
