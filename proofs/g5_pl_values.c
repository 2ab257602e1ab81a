/* G5.1, G5.2: the PL inequality where only the values are trained, and its
 * constant (paper-notes/song2024.md, R1), in balls. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, STARTS = 8, POWER = 64, SHARP = 10 };

/* Below, at and above HD = Nn; d below, at and above m; one and more heads. */
static const thm_layer_spec kinds[] = {
    {THM_SIZES(2, 3, 8, 3, 1, 2), .scale = 0.3},
    {THM_SIZES(3, 2, 7, 2, 1, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(3, 2, 4, 2, 2, 2), .scale = 0.5},
    {THM_SIZES(2, 2, 5, 4, 2, 3), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3,
     .tied = true},
    {THM_SIZES(2, 2, 6, 2, 2, 3), .scale = 0.5},
    {THM_SIZES(2, 3, 7, 1, 3, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(2, 3, 49, 2, 1, 2), .scale = 0.2, .tokens = THM_TOKENS_PATCHES7},
    {THM_SIZES(2, 3, 5, 3, 1, 2), .scale = 0.3},
    {THM_SIZES(3, 3, 4, 2, 2, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- what an instance meets -----------------------------------------------
 */

/* Whether an instance is there, and whether HD >= Nn in it. */
static bool wide(const thm_layer_balls *s)
{
    return s->loaded && s->b.H * s->b.D >= s->b.N * s->b.n;
}

static bool few(const thm_layer_balls *s)
{
    return s->loaded && !wide(s);
}

/* J: initialised and filled. */
static void jacobian(const thm_ball_layer *b, arb_mat_t J)
{
    arb_mat_init(J, b->N * b->n * b->m, b->H * b->D * b->d);
    thm_ball_layer_jv(b, J);
}

/* x <- |A' r|^2 / |r|^2: twice the PL ratio at a residual r: (rows x 1). */
static void ratio(const arb_mat_t A, const arb_mat_t r, arb_t x)
{
    arb_mat_t T, g;
    arb_t size;
    arb_mat_init(T, arb_mat_ncols(A), arb_mat_nrows(A));
    arb_mat_init(g, arb_mat_ncols(A), 1);
    arb_init(size);
    arb_mat_transpose(T, A);
    arb_mat_mul(g, T, r, BITS);
    arb_mat_frobenius_norm(x, g, BITS);
    arb_mat_frobenius_norm(size, r, BITS);
    arb_div(x, x, size, BITS);
    arb_sqr(x, x, BITS);
    arb_mat_clear(T);
    arb_mat_clear(g);
    arb_clear(size);
}

/* r: (Nnm x 1) <- J w - vec Y for weights w of a drawn size. */
static void drawn_residual(const thm_ball_layer *b, const arb_mat_t J,
                           thm_rng *rng, arb_mat_t r)
{
    arb_mat_t w;
    const double size = 1.0 + 9.0 * thm_rng_uniform(rng);
    arb_mat_init(w, arb_mat_ncols(J), 1);
    for (slong k = 0; k < arb_mat_ncols(J); k++) {
        arb_set_d(arb_mat_entry(w, k, 0), size * thm_rng_normal(rng));
    }
    arb_mat_mul(r, J, w, BITS);
    for (slong k = 0; k < arb_mat_nrows(r); k++) {
        arb_sub(arb_mat_entry(r, k, 0), arb_mat_entry(r, k, 0),
                arb_mat_entry(b->Y, k / b->m, k % b->m), BITS);
    }
    arb_mat_clear(w);
}

/* ---- G5.1: the inequality -------------------------------------------------
 */

static thm_status pl_wide(const void *c, void *ctx, thm_finding *f,
                          bool *applies)
{
    const thm_layer_balls *s = ctx;
    arb_mat_t J, r;
    arb_t mu, x, least;
    (void)c;
    *applies = wide(s);
    if (!*applies) {
        return THM_OK;
    }
    const thm_ball_layer *b = &s->b;
    thm_rng rng = s->one->rng;
    jacobian(b, J);
    arb_mat_init(r, arb_mat_nrows(J), 1);
    arb_init(mu);
    arb_init(x);
    arb_init(least);
    thm_ball_sigma_min(mu, J);
    arb_sqr(mu, mu, BITS);
    arb_pos_inf(least);
    for (int k = 0; k < STARTS; k++) {
        drawn_residual(b, J, &rng, r);
        ratio(J, r, x);
        arb_min(least, least, x, BITS);
    }
    thm_finding_ball(f, mu, least, true);
    arb_mat_clear(J);
    arb_mat_clear(r);
    arb_clear(mu);
    arb_clear(x);
    arb_clear(least);
    return THM_OK;
}

/* With fewer columns than rows B has u with B'u = 0; at the residual u v' the
 * gradient is zero, so that no constant, however small, serves. */
static thm_status pl_few(const void *c, void *ctx, thm_finding *f,
                         bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    *applies = few(s);
    if (!*applies) {
        return THM_OK;
    }
    const thm_ball_layer *b = &s->b;
    const int rows = b->N * b->n, cols = b->H * b->D;
    arb_mat_t J, left, right, r;
    arb_t x, tiny;
    jacobian(b, J);
    arb_mat_init(left, cols, cols);
    arb_mat_init(right, cols, 1);
    arb_mat_init(r, rows * b->m, 1);
    arb_init(x);
    arb_init(tiny);
    /* u = (w, -1, 0, ...), where w solves the first HD + 1 rows */
    for (int e = 0; e < cols; e++) {
        for (int k = 0; k < cols; k++) {
            arb_set(arb_mat_entry(left, e, k), arb_mat_entry(b->B, k, e));
        }
        arb_set(arb_mat_entry(right, e, 0), arb_mat_entry(b->B, cols, e));
    }
    if (arb_mat_solve(right, left, right, BITS)) {
        for (int o = 0; o < b->m; o++) {
            for (int k = 0; k < cols; k++) {
                arb_set(arb_mat_entry(r, k * b->m + o, 0),
                        arb_mat_entry(right, k, 0));
            }
            arb_set_si(arb_mat_entry(r, cols * b->m + o, 0), -1);
        }
        ratio(J, r, x);
        arb_mat_frobenius_norm(tiny, J, BITS);
        arb_sqr(tiny, tiny, BITS);
        arb_mul_2exp_si(tiny, tiny, -100);
        thm_finding_ball(f, tiny, x, false);
    }
    arb_mat_clear(J);
    arb_mat_clear(left);
    arb_mat_clear(right);
    arb_mat_clear(r);
    arb_clear(x);
    arb_clear(tiny);
    return THM_OK;
}

/* ---- G5.2: it is sharp ----------------------------------------------------
 */

/* r <- K^-1 r / |.| `times` times: towards the eigenspace of the smallest
 * eigenvalue of K = J J'.  Any r will do for what follows. */
static bool to_the_bottom(const arb_mat_t J, int times, arb_mat_t r)
{
    arb_mat_t T, K, L;
    arb_t size;
    const slong rows = arb_mat_nrows(J);
    arb_mat_init(T, arb_mat_ncols(J), rows);
    arb_mat_init(K, rows, rows);
    arb_mat_init(L, rows, rows);
    arb_init(size);
    arb_mat_transpose(T, J);
    arb_mat_mul(K, J, T, BITS);
    const bool solved = arb_mat_cho(L, K, BITS);
    for (int k = 0; solved && k < times; k++) {
        arb_mat_solve_cho_precomp(r, L, r, BITS);
        arb_mat_frobenius_norm(size, r, BITS);
        arb_mat_scalar_div_arb(r, r, size, BITS);
        arb_mat_get_mid(r, r);
    }
    arb_mat_clear(T);
    arb_mat_clear(K);
    arb_mat_clear(L);
    arb_clear(size);
    return solved;
}

/* As J has full row rank every residual is that of some Wv. */
static thm_status sharp(thm_layer_balls *s, int times, thm_finding *f,
                        bool *applies)
{
    arb_mat_t J, r;
    arb_t mu, x;
    *applies = wide(s);
    if (!*applies) {
        return THM_OK;
    }
    thm_rng rng = s->one->rng;
    jacobian(&s->b, J);
    arb_mat_init(r, arb_mat_nrows(J), 1);
    arb_init(mu);
    arb_init(x);
    drawn_residual(&s->b, J, &rng, r);
    *applies = to_the_bottom(J, times, r);
    if (*applies) {
        thm_ball_sigma_min(mu, J);
        arb_sqr(mu, mu, BITS);
        arb_mul_2exp_si(x, mu, -SHARP);
        arb_add(mu, mu, x, BITS);
        ratio(J, r, x);
        thm_finding_ball(f, x, mu, false);
    }
    arb_mat_clear(J);
    arb_mat_clear(r);
    arb_clear(mu);
    arb_clear(x);
    return THM_OK;
}

static thm_status sharp_bottom(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return sharp(ctx, POWER, f, applies);
}

static thm_status sharp_drawn(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return sharp(ctx, 0, f, applies);
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
    static const thm_claim claims[] = {{"G5.1", pl_wide, false},
                                       {"XG5.1", pl_few, false},
                                       {"G5.2", sharp_bottom, false},
                                       {"XG5.2", sharp_drawn, false}};
    static const proof_group group = {4, claims, open_instances,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "the PL inequality where the values are trained (G5.1, G5.2)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
