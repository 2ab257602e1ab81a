/* G9, G10: gradient descent on the values, its rate and where it ends
 * (paper-notes/song2024.md, R1), step by step in balls. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS };

static const thm_layer_spec kinds[] = {
    {THM_SIZES(2, 3, 9, 2, 1, 2), .scale = 0.5},
    {THM_SIZES(2, 2, 6, 3, 2, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 1.0,
     .tied = true},
    {THM_SIZES(2, 2, 16, 2, 1, 2), .scale = 0.3, .tokens = THM_TOKENS_PATCHES4},
    {THM_SIZES(3, 3, 5, 2, 1, 2), .scale = 0.5},
    {THM_SIZES(2, 4, 3, 3, 2, 2), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(1, 20, 16, 2, 1, 2), .scale = 0.3,
     .tokens = THM_TOKENS_PATCHES4},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool wide(const thm_ball_layer *b)
{
    return b->H * b->D >= b->N * b->n;
}

/* ---- G9 -------------------------------------------------------------------
 */

/* A step multiplies radii by up to 1 + |J|_F^2 / |J|_2^2, some three bits: they
 * stay below 2^-200. */
enum { STEPS = 100 };

/* r <- J w - vec Y, *f <- 1/2 |r|^2 */
static void residual(const thm_ball_layer *b, const arb_mat_t J,
                     const arb_mat_t w, arb_mat_t r, arb_t f)
{
    arb_mat_mul(r, J, w, BITS);
    for (slong k = 0; k < arb_mat_nrows(r); k++) {
        arb_sub(arb_mat_entry(r, k, 0), arb_mat_entry(r, k, 0),
                arb_mat_entry(b->Y, k / b->m, k % b->m), BITS);
    }
    arb_dot(f, NULL, 0, arb_mat_entry(r, 0, 0), 1, arb_mat_entry(r, 0, 0), 1,
            arb_mat_nrows(r), BITS);
    arb_mul_2exp_si(f, f, -1);
}

/* w: (HDd x 1) <- W_V in the order of J's columns (head, D, d). */
static void start(const thm_ball_layer *b, arb_mat_t w)
{
    for (int k = 0; k < b->H * b->D * b->d; k++) {
        const int row = k / b->d;
        arb_set(arb_mat_entry(w, k, 0),
                arb_mat_entry(b->Wv, row % b->D, row / b->D * b->d + k % b->d));
    }
}

/* eta <- times / |J|_2^2, rounded down to a double. */
static void step_of(const arb_mat_t J, double times, arb_t eta)
{
    arb_t norm;
    arf_t down;
    arb_init(norm);
    arf_init(down);
    thm_ball_norm2(norm, J);
    arb_sqr(norm, norm, BITS);
    arb_set_d(eta, times);
    arb_div(eta, eta, norm, BITS);
    arb_get_lbound_arf(down, eta, 53);
    arb_set_arf(eta, down);
    arb_clear(norm);
    arf_clear(down);
}

/* The largest f_t / ((1 - eta mu)^(2t) f_0), t = 1 ... STEPS. */
static void worst_share(const thm_ball_layer *b, double times, arb_t worst)
{
    const int rows = b->N * b->n * b->m, cols = b->H * b->D * b->d;
    arb_mat_t J, T, w, r, g;
    arb_t eta, factor, bound, f;
    arb_mat_init(J, rows, cols);
    arb_mat_init(T, cols, rows);
    arb_mat_init(w, cols, 1);
    arb_mat_init(r, rows, 1);
    arb_mat_init(g, cols, 1);
    arb_init(eta);
    arb_init(factor);
    arb_init(bound);
    arb_init(f);
    thm_ball_layer_jv(b, J);
    arb_mat_transpose(T, J);
    step_of(J, times, eta);
    thm_ball_sigma_min(factor, J);
    arb_sqr(factor, factor, BITS);
    arb_mul(factor, factor, eta, BITS);
    arb_sub_si(factor, factor, 1, BITS);
    arb_sqr(factor, factor, BITS);
    start(b, w);
    residual(b, J, w, r, bound);
    arb_zero(worst);
    for (int t = 1; t <= STEPS; t++) {
        arb_mat_mul(g, T, r, BITS);
        arb_mat_scalar_mul_arb(g, g, eta, BITS);
        arb_mat_sub(w, w, g, BITS);
        residual(b, J, w, r, f);
        arb_mul(bound, bound, factor, BITS);
        arb_div(f, f, bound, BITS);
        arb_max(worst, worst, f, BITS);
    }
    arb_mat_clear(J);
    arb_mat_clear(T);
    arb_mat_clear(w);
    arb_mat_clear(r);
    arb_mat_clear(g);
    arb_clear(eta);
    arb_clear(factor);
    arb_clear(bound);
    arb_clear(f);
}

static thm_status rate(const thm_layer_balls *s, double times, thm_finding *f,
                       bool *applies)
{
    *applies = s->loaded && wide(&s->b);
    if (*applies) {
        arb_t worst, one;
        arb_init(worst);
        arb_init(one);
        arb_one(one);
        worst_share(&s->b, times, worst);
        thm_finding_ball(f, worst, one, false);
        arb_clear(worst);
        arb_clear(one);
    }
    return THM_OK;
}

static thm_status converges(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)c;
    return rate(ctx, 1.0, f, applies);
}

static thm_status too_long(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)c;
    return rate(ctx, 2.05, f, applies);
}

/* ---- G10 ------------------------------------------------------------------
 */

/* P: (cols x .) <- A^+ Q = (A'A)^-1 A'Q for A of full column rank, which the
 * solution proves; false if it does not. */
static bool least_squares(const arb_mat_t A, const arb_mat_t Q, arb_mat_t P)
{
    arb_mat_t T, gram;
    const slong rows = arb_mat_nrows(A), cols = arb_mat_ncols(A);
    arb_mat_init(T, cols, rows);
    arb_mat_init(gram, cols, cols);
    arb_mat_transpose(T, A);
    arb_mat_mul(gram, T, A, BITS);
    arb_mat_mul(P, T, Q, BITS);
    const bool solved = arb_mat_spd_solve(P, gram, P, BITS);
    arb_mat_clear(T);
    arb_mat_clear(gram);
    return solved;
}

/* Wv_h <- M_h Wo_h^+, M: (HD x m), so that Wv_h Wo_h = M_h. */
static bool place_values(thm_ball_layer *b, const arb_mat_t M)
{
    arb_mat_t wo, plus, eye, block, v;
    bool solved = true;
    arb_mat_init(plus, b->m, b->d);
    arb_mat_init(eye, b->d, b->d);
    arb_mat_init(v, b->D, b->d);
    arb_mat_one(eye);
    for (int h = 0; h < b->H && solved; h++) {
        arb_mat_window_init(wo, b->Wo, h * b->d, 0, (h + 1) * b->d, b->m);
        arb_mat_window_init(block, M, h * b->D, 0, (h + 1) * b->D, b->m);
        solved = least_squares(wo, eye, plus);
        arb_mat_mul(v, block, plus, BITS);
        for (int k = 0; k < b->D * b->d; k++) {
            arb_set(arb_mat_entry(b->Wv, k / b->d, h * b->d + k % b->d),
                    arb_mat_entry(v, k / b->d, k % b->d));
        }
        arb_mat_window_clear(wo);
        arb_mat_window_clear(block);
    }
    arb_mat_clear(plus);
    arb_mat_clear(eye);
    arb_mat_clear(v);
    return solved;
}

/* floor <- 1/2 |(I - B B^+) Y|^2 = (|Y|^2 - |B M|^2) / 2 by Pythagoras. */
static void floor_of(const thm_ball_layer *b, const arb_mat_t M, arb_t floor)
{
    arb_mat_t BM;
    arb_t y;
    arb_init(y);
    arb_mat_init(BM, b->N * b->n, b->m);
    arb_mat_mul(BM, b->B, M, BITS);
    arb_mat_frobenius_norm(floor, BM, BITS);
    arb_mat_frobenius_norm(y, b->Y, BITS);
    arb_sqr(floor, floor, BITS);
    arb_sqr(y, y, BITS);
    arb_sub(floor, y, floor, BITS);
    arb_mul_2exp_si(floor, floor, -1);
    arb_mat_clear(BM);
    arb_clear(y);
}

/* x <- |J_V' vec R|_F of an evaluated model. */
static void gradient(const thm_ball_layer *b, arb_t x)
{
    const int rows = b->N * b->n * b->m, cols = b->H * b->D * b->d;
    arb_mat_t J, T, r, g;
    arb_mat_init(J, rows, cols);
    arb_mat_init(T, cols, rows);
    arb_mat_init(r, rows, 1);
    arb_mat_init(g, cols, 1);
    thm_ball_layer_jv(b, J);
    arb_mat_transpose(T, J);
    for (int k = 0; k < rows; k++) {
        arb_set(arb_mat_entry(r, k, 0),
                arb_mat_entry(b->R, k / b->m, k % b->m));
    }
    arb_mat_mul(g, T, r, BITS);
    arb_mat_frobenius_norm(x, g, BITS);
    arb_mat_clear(J);
    arb_mat_clear(T);
    arb_mat_clear(r);
    arb_mat_clear(g);
}

/* zero: the least value is claimed to be 0. */
static thm_status least_value(const thm_layer_balls *s, bool zero,
                              thm_finding *f, bool *applies)
{
    *applies = s->loaded && !wide(&s->b) && s->b.d >= s->b.m;
    if (!*applies) {
        return THM_OK;
    }
    thm_ball_layer b;
    arb_mat_t M;
    arb_t floor, value, size;
    thm_ball_layer_init(&b, &s->one->layer, &s->one->weights);
    arb_mat_init(M, b.H * b.D, b.m);
    arb_init(floor);
    arb_init(value);
    arb_init(size);
    *applies = least_squares(b.B, b.Y, M) && place_values(&b, M);
    if (*applies) {
        thm_ball_layer_evaluate(&b);
        floor_of(&b, M, floor);
        thm_ball_layer_loss(&b, value);
        arb_sub(value, value, floor, BITS);
        arb_abs(value, value);
        gradient(&b, size);
        arb_max(value, value, size, BITS);
        thm_finding_zero(f, zero ? floor : value);
    }
    thm_ball_layer_clear(&b);
    arb_mat_clear(M);
    arb_clear(floor);
    arb_clear(value);
    arb_clear(size);
    return THM_OK;
}

static thm_status least_floor(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return least_value(ctx, false, f, applies);
}

static thm_status least_zero(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)c;
    return least_value(ctx, true, f, applies);
}

static thm_status open_instances(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    static const thm_layer_plan plan = {KINDS, kinds, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, KINDS * proof_count(effort, 4), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G9", converges, false},
                                       {"XG9", too_long, false},
                                       {"G10", least_floor, false},
                                       {"XG10", least_zero, false}};
    static const proof_group group = {4, claims, open_instances,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "gradient descent on the values: rate and floor (G9, G10)", 1, &group};
    return proof_main(argc, argv, &table);
}
