/* G22: how fast B moves with W_Q and W_K, |dB|_F at most
 *     softmax   (c / 2) (sum_i |X_i|^6)^(1/2)
 *               sum_h (|W_K| |dW_Q|_F + |W_Q + dW_Q| |dW_K|_F)
 *     Gaussian  (2 c n / e)^(1/2) (sum_i |X_i|^4)^(1/2)
 *               sum_h (|dW_Q|_F + |dW_K|_F)
 * with spectral norms where no F stands (paper-notes/song2024.md, "All three
 * are trained"). */
#include <math.h>
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 120 };

/* One pair of points: the model at the first, and the step from there. */
typedef struct {
    thm_ball_layer *b;
    arb_mat_t dWq, dWk;
} pair;

static void draw_step(thm_rng *rng, double size, arb_mat_t dW)
{
    for (slong e = 0; e < arb_mat_nrows(dW); e++) {
        for (slong a = 0; a < arb_mat_ncols(dW); a++) {
            arb_set_d(arb_mat_entry(dW, e, a), size * thm_rng_normal(rng));
        }
    }
}

/* Steps from 1e-4 to 1, of both weights or of one. */
static void pair_init(pair *p, thm_ball_layer *b, const thm_layer_case *one)
{
    thm_rng rng = one->rng;
    const double size = pow(10.0, -4.0 * thm_rng_uniform(&rng));
    const uint64_t which = thm_rng_below(&rng, 3);
    p->b = b;
    arb_mat_init(p->dWq, b->D, b->H * b->d);
    arb_mat_init(p->dWk, b->D, b->H * b->d);
    draw_step(&rng, which == 1 ? 0.0 : size, p->dWq);
    draw_step(&rng, which == 2 ? 0.0 : size, p->dWk);
}

static void pair_clear(pair *p)
{
    arb_mat_clear(p->dWq);
    arb_mat_clear(p->dWk);
}

/* moved <- |dB|_F; the model ends at the second point. */
static void move(pair *p, arb_t moved)
{
    thm_ball_layer *b = p->b;
    arb_mat_t from;
    arb_mat_init(from, b->N * b->n, b->H * b->D);
    arb_mat_set(from, b->B);
    arb_mat_add(b->Wq, b->Wq, p->dWq, BITS);
    arb_mat_add(b->Wk, b->Wk, p->dWk, BITS);
    thm_ball_layer_evaluate(b);
    arb_mat_sub(from, b->B, from, BITS);
    arb_mat_frobenius_norm(moved, from, BITS);
    arb_mat_clear(from);
}

/* sum <- (sum_i |X_i|^power)^(1/2) */
static void data_factor(const thm_ball_layer *b, ulong power, arb_t sum)
{
    arb_mat_t X;
    arb_t norm;
    arb_init(norm);
    arb_zero(sum);
    for (int i = 0; i < b->N; i++) {
        arb_mat_window_init(X, b->X, i * b->n, 0, (i + 1) * b->n, b->D);
        thm_ball_norm2(norm, X);
        arb_pow_ui(norm, norm, power, BITS);
        arb_add(sum, sum, norm, BITS);
        arb_mat_window_clear(X);
    }
    arb_sqrt(sum, sum, BITS);
    arb_clear(norm);
}

/* norm <- |W_h|, spectral or of Frobenius. */
static void head_norm(const thm_ball_layer *b, const arb_mat_t W, int h,
                      bool spectral, arb_t norm)
{
    arb_mat_t part;
    arb_mat_window_init(part, W, 0, h * b->d, b->D, (h + 1) * b->d);
    if (spectral) {
        thm_ball_norm2(norm, part);
    } else {
        arb_mat_frobenius_norm(norm, part, BITS);
    }
    arb_mat_window_clear(part);
}

/* Before the move: W_K; its part of the softmax bound. */
static void softmax_keys(const pair *p, arb_t sum)
{
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    for (int h = 0; h < p->b->H; h++) {
        head_norm(p->b, p->b->Wk, h, true, x);
        head_norm(p->b, p->dWq, h, false, y);
        arb_addmul(sum, x, y, BITS);
    }
    arb_clear(x);
    arb_clear(y);
}

/* After it: W_Q + dW_Q. */
static void softmax_queries(const pair *p, arb_t sum)
{
    arb_t x, y;
    arb_init(x);
    arb_init(y);
    for (int h = 0; h < p->b->H; h++) {
        head_norm(p->b, p->b->Wq, h, true, x);
        head_norm(p->b, p->dWk, h, false, y);
        arb_addmul(sum, x, y, BITS);
    }
    arb_clear(x);
    arb_clear(y);
}

/* scale |dB|_F <= bound of the softmax kernel */
static thm_status softmax_moves(void *ctx, double scale, thm_finding *f,
                                bool *applies)
{
    thm_layer_balls *s = ctx;
    pair p;
    arb_t moved, bound, x;
    arb_init(moved);
    arb_init(bound);
    arb_init(x);
    pair_init(&p, thm_layer_balls_fresh(s, applies), s->one);
    p.b->kernel = THM_KERNEL_SOFTMAX;
    thm_ball_layer_evaluate(p.b);
    softmax_keys(&p, bound);
    move(&p, moved);
    softmax_queries(&p, bound);
    data_factor(p.b, 6, x);
    arb_mul(bound, bound, x, BITS);
    arb_mul(bound, bound, p.b->c, BITS);
    arb_mul_2exp_si(bound, bound, -1);
    arb_set_d(x, scale);
    arb_mul(moved, moved, x, BITS);
    thm_finding_ball(f, moved, bound, false);
    pair_clear(&p);
    arb_clear(moved);
    arb_clear(bound);
    arb_clear(x);
    return THM_OK;
}

static thm_status softmax_bound(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return softmax_moves(ctx, 1.0, f, applies);
}

static thm_status softmax_bound_1000(const void *c, void *ctx, thm_finding *f,
                                     bool *applies)
{
    (void)c;
    return softmax_moves(ctx, 1000.0, f, applies);
}

/* |dB|_F of a kernel against the bound of the Gaussian one. */
static void gaussian_bound(pair *p, thm_finding *f)
{
    const thm_ball_layer *b = p->b;
    arb_t moved, bound, x;
    arb_init(moved);
    arb_init(bound);
    arb_init(x);
    move(p, moved);
    for (int h = 0; h < b->H; h++) {
        head_norm(b, p->dWq, h, false, x);
        arb_add(bound, bound, x, BITS);
        head_norm(b, p->dWk, h, false, x);
        arb_add(bound, bound, x, BITS);
    }
    data_factor(b, 4, x);
    arb_mul(bound, bound, x, BITS);
    arb_const_e(x, BITS);
    arb_div(x, b->c, x, BITS);
    arb_mul_2exp_si(x, x, 1);
    arb_mul_si(x, x, b->n, BITS);
    arb_sqrt(x, x, BITS);
    arb_mul(bound, bound, x, BITS);
    thm_finding_ball(f, moved, bound, false);
    arb_clear(moved);
    arb_clear(bound);
    arb_clear(x);
}

static thm_status gaussian_moves(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    thm_layer_balls *s = ctx;
    pair p;
    (void)c;
    pair_init(&p, thm_layer_balls_fresh(s, applies), s->one);
    p.b->kernel = THM_KERNEL_GAUSSIAN;
    thm_ball_layer_evaluate(p.b);
    gaussian_bound(&p, f);
    pair_clear(&p);
    return THM_OK;
}

/* Flat softmax attention over keys a thousand times as large. */
static thm_status softmax_moves_so(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    thm_layer_balls *s = ctx;
    pair p;
    (void)c;
    pair_init(&p, thm_layer_balls_fresh(s, applies), s->one);
    p.b->kernel = THM_KERNEL_SOFTMAX;
    arb_mat_zero(p.b->Wq);
    arb_mat_scalar_mul_si(p.b->Wk, p.b->Wk, 1000, BITS);
    thm_ball_layer_evaluate(p.b);
    gaussian_bound(&p, f);
    pair_clear(&p);
    return THM_OK;
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 6, 3, 1, 1, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL},
        {3, 4, 5, 2, 2, 1, THM_KERNEL_SOFTMAX, 0.0, 0.2, false,
         THM_TOKENS_NORMAL},
        {1, 2, 3, 1, 1, 1, THM_KERNEL_SOFTMAX, 0.0, 1.0, false,
         THM_TOKENS_NORMAL},
        {2, 4, 16, 3, 1, 1, THM_KERNEL_SOFTMAX, 0.0, 0.2, false,
         THM_TOKENS_PATCHES4},
        {1, 5, 2, 4, 3, 1, THM_KERNEL_SOFTMAX, 0.0, 0.05, true,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {5, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G22.1", softmax_bound, false},
                                       {"XG22.1", softmax_bound_1000, false},
                                       {"G22.2", gaussian_moves, false},
                                       {"XG22.2", softmax_moves_so, false}};
    static const proof_group group = {4, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {"how fast B moves with W_Q and W_K (G22)",
                                      1, &group};
    return proof_main(argc, argv, &table);
}
