/* G5.3-G5.5: lower bounds of the PL constant by lambda_B and W_O, values
 * trained (paper-notes/song2024.md, R1), in balls. */
#include <limits.h>
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS };

/* One head and more; d above, at and below m. */
static const thm_layer_spec kinds[] = {
    {THM_SIZES(2, 3, 8, 3, 1, 2), .scale = 0.3},
    {THM_SIZES(3, 2, 7, 2, 1, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(3, 2, 4, 2, 2, 2), .scale = 0.5},
    {THM_SIZES(2, 2, 5, 4, 2, 3), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3,
     .tied = true},
    {THM_SIZES(2, 2, 6, 2, 2, 3), .scale = 0.5},
    {THM_SIZES(2, 3, 7, 1, 3, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(2, 3, 49, 2, 1, 2), .scale = 0.2, .tokens = THM_TOKENS_PATCHES7},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* sigma <- sigma_min(Wo_h'), counted with dimension; h < 0: of all of Wo. */
static void sigma_wo(const thm_ball_layer *b, int h, arb_t sigma)
{
    const int first = h < 0 ? 0 : h * b->d;
    const int rows = h < 0 ? b->H * b->d : b->d;
    arb_mat_t T;
    arb_mat_init(T, b->m, rows);
    for (int o = 0; o < b->m; o++) {
        for (int a = 0; a < rows; a++) {
            arb_set(arb_mat_entry(T, o, a), arb_mat_entry(b->Wo, first + a, o));
        }
    }
    thm_ball_sigma_min(sigma, T);
    arb_mat_clear(T);
}

/* sigma <- sigma_min(B_h); h < 0: of all of B. */
static void sigma_b(const thm_ball_layer *b, int h, arb_t sigma)
{
    const int rows = b->N * b->n;
    arb_mat_t part;
    if (h < 0) {
        thm_ball_sigma_min(sigma, b->B);
        return;
    }
    arb_mat_init(part, rows, b->D);
    for (int r = 0; r < rows; r++) {
        for (int e = 0; e < b->D; e++) {
            arb_set(arb_mat_entry(part, r, e),
                    arb_mat_entry(b->B, r, h * b->D + e));
        }
    }
    thm_ball_sigma_min(sigma, part);
    arb_mat_clear(part);
}

/* mu <- lambda_min(K_V) */
static void constant(const thm_ball_layer *b, arb_t mu)
{
    arb_mat_t J;
    arb_mat_init(J, b->N * b->n * b->m, b->H * b->D * b->d);
    thm_ball_layer_jv(b, J);
    thm_ball_sigma_min(mu, J);
    arb_sqr(mu, mu, BITS);
    arb_mat_clear(J);
}

/* ---- G5.3, G5.4: alpha ----------------------------------------------------
 */

/* x <- min_h sigma_min(Wo_h')^2, or (mean) min_h |Wo_h|_F^2 / m. */
static void least_output(const thm_ball_layer *b, bool mean, arb_t x)
{
    arb_mat_t W;
    arb_t y;
    arb_init(y);
    arb_pos_inf(x);
    for (int h = 0; h < b->H; h++) {
        if (mean) {
            arb_mat_window_init(W, b->Wo, h * b->d, 0, (h + 1) * b->d, b->m);
            arb_mat_frobenius_norm(y, W, BITS);
            arb_mat_window_clear(W);
        } else {
            sigma_wo(b, h, y);
        }
        arb_sqr(y, y, BITS);
        arb_div_si(y, y, mean ? b->m : 1, BITS);
        arb_min(x, x, y, BITS);
    }
    arb_clear(y);
}

/* Sets *applies to: lambda_B > 0 is proved, d >= m, and at most `heads`. */
static void alpha_of(const thm_layer_balls *s, bool mean, int heads,
                     arb_t alpha, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    arb_t sigma;
    *applies = s->loaded && b->H * b->D >= b->N * b->n && b->d >= b->m &&
               b->H <= heads;
    if (!*applies) {
        return;
    }
    arb_init(sigma);
    sigma_b(b, -1, sigma);
    *applies = arb_is_positive(sigma);
    least_output(b, mean, alpha);
    arb_sqr(sigma, sigma, BITS);
    arb_mul(alpha, alpha, sigma, BITS);
    arb_clear(sigma);
}

static thm_status above_alpha(const thm_layer_balls *s, bool mean,
                              thm_finding *f, bool *applies)
{
    arb_t alpha, mu;
    arb_init(alpha);
    arb_init(mu);
    alpha_of(s, mean, s->b.H, alpha, applies);
    if (*applies) {
        constant(&s->b, mu);
        thm_finding_ball(f, alpha, mu, true);
    }
    arb_clear(alpha);
    arb_clear(mu);
    return THM_OK;
}

static thm_status mu_above_alpha(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return above_alpha(ctx, false, f, applies);
}

static thm_status mu_above_mean(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return above_alpha(ctx, true, f, applies);
}

/* mu / alpha - 1 = 0. */
static thm_status equals_alpha(const thm_layer_balls *s, int heads,
                               thm_finding *f, bool *applies)
{
    arb_t alpha, mu;
    arb_init(alpha);
    arb_init(mu);
    alpha_of(s, false, heads, alpha, applies);
    *applies = *applies && (heads == 1 || s->b.H > 1);
    if (*applies) {
        constant(&s->b, mu);
        arb_div(mu, mu, alpha, BITS);
        arb_sub_si(mu, mu, 1, BITS);
        thm_finding_zero(f, mu);
    }
    arb_clear(alpha);
    arb_clear(mu);
    return THM_OK;
}

static thm_status one_head_equal(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return equals_alpha(ctx, 1, f, applies);
}

static thm_status heads_equal(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return equals_alpha(ctx, INT_MAX, f, applies);
}

/* ---- G5.5: narrow heads ---------------------------------------------------
 */

/* mu >= sigma_min(Wo')^2 min_h lambda_min(B_h B_h'); all: with BB' instead. */
static thm_status narrow_heads(const thm_layer_balls *s, bool all,
                               thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    arb_t bound, sigma, mu;
    *applies =
        s->loaded && b->d < b->m && b->D >= b->N * b->n && b->H * b->d >= b->m;
    if (!*applies) {
        return THM_OK;
    }
    arb_init(bound);
    arb_init(sigma);
    arb_init(mu);
    arb_pos_inf(bound);
    for (int h = all ? -1 : 0; h < (all ? 0 : b->H); h++) {
        sigma_b(b, h, sigma);
        arb_min(bound, bound, sigma, BITS);
    }
    sigma_wo(b, -1, sigma);
    arb_mul(bound, bound, sigma, BITS);
    arb_sqr(bound, bound, BITS);
    constant(b, mu);
    thm_finding_ball(f, bound, mu, true);
    arb_clear(bound);
    arb_clear(sigma);
    arb_clear(mu);
    return THM_OK;
}

static thm_status above_per_head(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return narrow_heads(ctx, false, f, applies);
}

static thm_status above_all_heads(const void *c, void *ctx, thm_finding *f,
                                  bool *applies)
{
    (void)c;
    return narrow_heads(ctx, true, f, applies);
}

static thm_status open_instances(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    static const thm_layer_plan plan = {KINDS, kinds, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, KINDS * proof_count(effort, 6), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"G5.3", mu_above_alpha, false}, {"XG5.3", mu_above_mean, false},
        {"G5.4", one_head_equal, false}, {"XG5.4", heads_equal, false},
        {"G5.5", above_per_head, false}, {"XG5.5", above_all_heads, false}};
    static const proof_group group = {6, claims, open_instances,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "the PL constant from lambda_B and the output matrix (G5.3-G5.5)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
