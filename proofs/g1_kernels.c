/* G1.1, G1.2, G2: what the two kernels are, and when they are the same
 * (paper-notes/song2024.md): rows of attention as the library computes them,
 * exponents and attention in balls. */
#include <float.h>
#include <math.h>
#include "attn/layer.h"
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, MOST_S = 4096 };

/* ---- G1: rows and exponents -----------------------------------------------
 */

/* The largest |S 1 - 1|, and the bound of its rounding (note, G1.1). */
static thm_status row_sums(const thm_layer *l, const thm_weights *w,
                           thm_finding *f)
{
    double S[MOST_S];
    thm_layer_work *work = NULL;
    thm_status status = thm_layer_work_alloc(l, &work);
    if (status == THM_OK) {
        status = thm_layer_attention(l, w->Wq, w->Wk, work, S, NULL, NULL);
    }
    thm_layer_work_free(work);
    f->observed = f->allowed = 0.0;
    for (int row = 0; row < l->N * l->H * l->n; row++) {
        double sum = 0.0;
        for (int j = 0; j < l->n; j++) {
            sum += S[row * l->n + j];
        }
        f->observed = thm_worse(f->observed, fabs(sum - 1.0));
    }
    f->err = (2 * l->n + 4) * (DBL_EPSILON / 2);
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return status;
}

static thm_status rows_of(thm_kernel kernel, bool too, thm_kernel other,
                          void *ctx, thm_finding *f, bool *applies)
{
    const thm_layer_balls *s = ctx;
    const thm_layer *l = &s->one->layer;
    *applies = s->loaded && l->N * l->H * l->n * l->n <= MOST_S &&
               (l->kernel == kernel || (too && l->kernel == other));
    return *applies ? row_sums(l, &s->one->weights, f) : THM_OK;
}

static thm_status rows_sum(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)c;
    return rows_of(THM_KERNEL_SOFTMAX, true, THM_KERNEL_GAUSSIAN_NORMALISED,
                   ctx, f, applies);
}

static thm_status gaussian_rows_sum(const void *c, void *ctx, thm_finding *f,
                                    bool *applies)
{
    (void)c;
    return rows_of(THM_KERNEL_GAUSSIAN, false, THM_KERNEL_GAUSSIAN, ctx, f,
                   applies);
}

/* x <- q_k'k_j, or (gaussian) 2 q'k - |q|^2 - |k|^2, for head h of sample i. */
static void exponent(const thm_ball_layer *b, int i, int h, int k, int j,
                     bool gaussian, arb_t x)
{
    arb_srcptr q = arb_mat_entry(b->Q, i * b->n + k, h * b->d);
    arb_srcptr key = arb_mat_entry(b->K, i * b->n + j, h * b->d);
    arb_dot(x, NULL, 0, q, 1, key, 1, b->d, BITS);
    if (gaussian) {
        arb_mul_2exp_si(x, x, 1);
        arb_dot(x, x, 1, q, 1, q, 1, b->d, BITS);
        arb_dot(x, x, 1, key, 1, key, 1, b->d, BITS);
    }
}

static thm_status exponents(const thm_layer_balls *s, bool gaussian,
                            thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    arb_t x, largest, zero;
    *applies = s->loaded;
    if (!*applies) {
        return THM_OK;
    }
    arb_init(x);
    arb_init(largest);
    arb_init(zero);
    arb_neg_inf(largest);
    for (int i = 0; i < b->N; i++) {
        for (int h = 0; h < b->H; h++) {
            for (int kj = 0; kj < b->n * b->n; kj++) {
                exponent(b, i, h, kj / b->n, kj % b->n, gaussian, x);
                arb_max(largest, largest, x, BITS);
            }
        }
    }
    thm_finding_ball(f, largest, zero, true);
    arb_clear(x);
    arb_clear(largest);
    arb_clear(zero);
    return THM_OK;
}

static thm_status gaussian_at_most_one(const void *c, void *ctx, thm_finding *f,
                                       bool *applies)
{
    (void)c;
    return exponents(ctx, true, f, applies);
}

static thm_status softmax_at_most_one(const void *c, void *ctx, thm_finding *f,
                                      bool *applies)
{
    (void)c;
    return exponents(ctx, false, f, applies);
}

/* ---- G2: keys of equal norm -----------------------------------------------
 */

enum { EQUAL = 2 }; /* kinds before this one have keys of equal norm */

static const thm_layer_spec kinds[] = {
    {THM_SIZES(2, 5, 7, 4, 1, 1), .scale = 1.0},
    {THM_SIZES(1, 9, 3, 3, 1, 1), .scale = 3.0},
    {THM_SIZES(2, 5, 7, 4, 1, 1), .scale = 1.0},
    {THM_SIZES(2, 6, 49, 4, 1, 1), .scale = 1.0, .tokens = THM_TOKENS_PATCHES7},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* W_K takes the first d coordinates of a token, and there every token is a
 * signed permutation of the first: norms equal to the last bit. */
static void equal_norms(thm_layer_case *c)
{
    const thm_layer *l = &c->layer;
    const int d = l->d;
    if (c->kind >= EQUAL) {
        return;
    }
    for (int k = 0; k < l->D * d; k++) {
        c->Wk[k] = k / d == k % d ? 1.0 : 0.0;
    }
    thm_rng rng = c->rng;
    for (int t = 1; t < l->N * l->n; t++) {
        double *x = c->X + (size_t)t * (size_t)l->D;
        for (int a = 0; a < d; a++) {
            x[a] = c->X[a];
        }
        for (int a = 0; a < d; a++) {
            const int other = a + (int)thm_rng_below(&rng, (uint64_t)(d - a));
            const double value = x[other];
            x[other] = x[a];
            x[a] = thm_rng_below(&rng, 2) ? value : -value;
        }
    }
}

/* The largest difference of softmax attention at c and normalised Gaussian
 * attention at c / 2. */
static thm_status kernels_differ(thm_layer_balls *s, bool equal, thm_finding *f,
                                 bool *applies)
{
    thm_ball_layer *b = &s->b;
    arb_mat_t S;
    arb_t x, largest;
    *applies = s->loaded && (s->one->kind < EQUAL) == equal;
    if (!*applies) {
        return THM_OK;
    }
    arb_mat_init(S, b->N * b->n, b->H * b->n);
    arb_init(x);
    arb_init(largest);
    arb_mat_set(S, b->S);
    b->kernel = THM_KERNEL_GAUSSIAN_NORMALISED;
    arb_mul_2exp_si(b->c, b->c, -1);
    thm_ball_layer_evaluate(b);
    arb_mat_sub(S, S, b->S, BITS);
    for (slong k = 0; k < arb_mat_nrows(S) * arb_mat_ncols(S); k++) {
        arb_abs(x, arb_mat_entry(S, 0, 0) + k);
        arb_max(largest, largest, x, BITS);
    }
    thm_finding_zero(f, largest);
    arb_mul_2exp_si(b->c, b->c, 1);
    b->kernel = THM_KERNEL_SOFTMAX;
    thm_ball_layer_evaluate(b);
    arb_mat_clear(S);
    arb_clear(x);
    arb_clear(largest);
    return THM_OK;
}

static thm_status same_kernel(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return kernels_differ(ctx, true, f, applies);
}

static thm_status same_kernel_always(const void *c, void *ctx, thm_finding *f,
                                     bool *applies)
{
    (void)c;
    return kernels_differ(ctx, false, f, applies);
}

static thm_status open_norms(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static const thm_layer_plan plan = {KINDS, kinds, equal_norms};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, KINDS * proof_count(effort, 8), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim rows[] = {{"G1.1", rows_sum, false},
                                     {"XG1.1", gaussian_rows_sum, false},
                                     {"G1.2", gaussian_at_most_one, false},
                                     {"XG1.2", softmax_at_most_one, false}};
    static const thm_claim norms[] = {{"G2", same_kernel, false},
                                      {"XG2", same_kernel_always, false}};
    static const proof_group groups[] = {
        {4, rows, proof_open_layers, thm_layer_balls_close},
        {2, norms, open_norms, thm_layer_balls_close}};
    static const proof_table table = {
        "the softmax and the Gaussian kernel, and where they meet (G1, G2)", 2,
        groups};
    return proof_main(argc, argv, &table);
}
