/* G23: the slope A_ik = dF_ik/dq_ik of Gaussian attention with m = n < d loses
 * rank exactly where the query lies in the affine hull of its keys, and its
 * smallest singular value vanishes at most linearly with the distance
 * (paper-notes/song2024.md, "Only W_Q is trained").
 *
 * D = Nn, so that W_Q places every query where it is wanted. */
#include <math.h>
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, CASES = 32 };

/* Queries Q = M K + distance V: the rows of M (weights of the keys of the
 * sample) sum to 1, the rows of V have length 1 and are drawn. */
typedef struct {
    thm_ball_layer *b;
    arb_mat_t M; /* (Nn x n) */
    double distance;
} placement;

static bool place(placement *p, thm_rng rng)
{
    thm_ball_layer *b = p->b;
    const int tokens = b->N * b->n;
    arb_mat_t Q;
    arb_t x, norm;
    arb_init(x);
    arb_init(norm);
    arb_mat_init(Q, tokens, b->d);
    for (int row = 0; row < tokens; row++) {
        arb_ptr w = arb_mat_entry(p->M, row, 0);
        arb_one(w);
        for (int j = 1; j < b->n; j++) {
            arb_set_d(w + j, thm_rng_normal(&rng));
            arb_sub(w, w, w + j, BITS);
        }
        arb_zero(norm);
        for (int a = 0; a < b->d; a++) {
            arb_ptr q = arb_mat_entry(Q, row, a);
            arb_set_d(q, thm_rng_normal(&rng));
            arb_addmul(norm, q, q, BITS);
        }
        arb_sqrt(norm, norm, BITS);
        arb_set_d(x, p->distance);
        arb_div(x, x, norm, BITS);
        for (int a = 0; a < b->d; a++) {
            arb_ptr q = arb_mat_entry(Q, row, a);
            arb_mul(q, q, x, BITS);
            for (int j = 0; j < b->n; j++) {
                arb_addmul(q, w + j,
                           arb_mat_entry(b->K, row / b->n * b->n + j, a), BITS);
            }
        }
    }
    const bool placed = arb_mat_solve(b->Wq, b->X, Q, BITS);
    thm_ball_layer_evaluate(b);
    arb_mat_clear(Q);
    arb_clear(x);
    arb_clear(norm);
    return placed;
}

/* r <- U_i^-1 (w / s), for which r'A = 2 c (q - M K)'. */
static bool left_vector(const placement *p, int row, arb_mat_t r)
{
    const thm_ball_layer *b = p->b;
    const int i = row / b->n;
    arb_mat_t U, right;
    arb_mat_init(right, b->n, 1);
    for (int j = 0; j < b->n; j++) {
        arb_div(arb_mat_entry(right, j, 0), arb_mat_entry(p->M, row, j),
                arb_mat_entry(b->S, row, j), BITS);
    }
    arb_mat_window_init(U, b->U, i * b->n, 0, (i + 1) * b->n, b->n);
    const bool solved = arb_mat_solve(r, U, right, BITS);
    arb_mat_window_clear(U);
    arb_mat_clear(right);
    return solved;
}

/* Token 0 of sample 0: r'A = 0, in units of |r| |A|. */
static void in_the_hull(const placement *p, thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = p->b;
    arb_mat_t r, A, row, product;
    arb_t scale, x;
    arb_init(scale);
    arb_init(x);
    arb_mat_init(r, b->n, 1);
    arb_mat_init(row, 1, b->n);
    arb_mat_init(A, b->m, b->d);
    arb_mat_init(product, 1, b->d);
    *applies = *applies && left_vector(p, 0, r);
    thm_ball_layer_slope(b, 0, 0, 0, A);
    arb_mat_transpose(row, r);
    arb_mat_mul(product, row, A, BITS);
    arb_mat_frobenius_norm(scale, A, BITS);
    arb_mat_frobenius_norm(x, r, BITS);
    arb_mul(scale, scale, x, BITS);
    thm_finding_null(f, product, scale);
    arb_mat_clear(r);
    arb_mat_clear(row);
    arb_mat_clear(A);
    arb_mat_clear(product);
    arb_clear(scale);
    arb_clear(x);
}

static thm_status hull(thm_layer_balls *s, double distance, thm_finding *f,
                       bool *applies)
{
    placement p = {.b = thm_layer_balls_fresh(s, applies),
                   .distance = distance};
    arb_mat_init(p.M, p.b->N * p.b->n, p.b->n);
    *applies = place(&p, s->one->rng) && *applies;
    in_the_hull(&p, f, applies);
    arb_mat_clear(p.M);
    return THM_OK;
}

static thm_status inside(const void *c, void *ctx, thm_finding *f,
                         bool *applies)
{
    (void)c;
    return hull(ctx, 0.0, f, applies);
}

static thm_status outside(const void *c, void *ctx, thm_finding *f,
                          bool *applies)
{
    (void)c;
    return hull(ctx, 1e-3, f, applies);
}

/* sigma_min of the first `outputs` rows of A <= 2 c distance / |r| */
static thm_status decay(thm_layer_balls *s, bool one_less, thm_finding *f,
                        bool *applies)
{
    thm_rng rng = s->one->rng;
    placement p = {.b = thm_layer_balls_fresh(s, applies),
                   .distance = pow(10.0, -8.0 * thm_rng_uniform(&rng))};
    const thm_ball_layer *b = p.b;
    arb_mat_t r, A, kept;
    arb_t sigma, bound, x;
    arb_init(sigma);
    arb_init(bound);
    arb_init(x);
    arb_mat_init(p.M, b->N * b->n, b->n);
    arb_mat_init(r, b->n, 1);
    arb_mat_init(A, b->m, b->d);
    *applies = place(&p, rng) && left_vector(&p, 0, r) && *applies;
    thm_ball_layer_slope(b, 0, 0, 0, A);
    arb_mat_window_init(kept, A, 0, 0, b->m - one_less, b->d);
    thm_ball_sigma_min(sigma, kept);
    arb_mat_frobenius_norm(x, r, BITS);
    arb_set_d(bound, 2.0 * p.distance);
    arb_mul(bound, bound, b->c, BITS);
    arb_div(bound, bound, x, BITS);
    thm_finding_ball(f, sigma, bound, false);
    arb_mat_window_clear(kept);
    arb_mat_clear(p.M);
    arb_mat_clear(r);
    arb_mat_clear(A);
    arb_clear(sigma);
    arb_clear(bound);
    arb_clear(x);
    return THM_OK;
}

static thm_status vanishes(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)c;
    return decay(ctx, false, f, applies);
}

static thm_status vanishes_with_one_less(const void *c, void *ctx,
                                         thm_finding *f, bool *applies)
{
    (void)c;
    return decay(ctx, true, f, applies);
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {2, 3, 6, 5, 1, 3, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {3, 2, 6, 3, 1, 2, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {1, 4, 4, 6, 1, 4, THM_KERNEL_GAUSSIAN, 0.0, 0.3, false,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {3, specs, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"G23.1", inside, false},
        {"XG23.1", outside, false},
        {"G23.2", vanishes, false},
        {"XG23.2", vanishes_with_one_less, false}};
    static const proof_group group = {4, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "where Gaussian attention loses its slope (G23)", 1, &group};
    return proof_main(argc, argv, &table);
}
