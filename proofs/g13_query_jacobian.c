/* G13: the Jacobian by W_Q in closed form (paper-notes/song2024.md, R3) against
 * the output along W_Q + t E as a power series in balls: differentiated by
 * rule, not by hand. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS, PROBES = 12, TERMS = 2 };

/* p <- a + b t */
static void set_line(arb_poly_t p, const arb_t a, const arb_t b)
{
    arb_poly_zero(p);
    arb_poly_set_coeff_arb(p, 0, a);
    arb_poly_set_coeff_arb(p, 1, b);
}

/* s[j] <- S_kj of head h along the path on which entry (e, a) of its W_Q grows
 * by t: coordinate a of the query grows by X_ke t. */
static void attend(const thm_ball_layer *b, int row, int h, int e, int a,
                   arb_poly_struct *s)
{
    arb_poly_t q, x, sum;
    arb_t zero, key;
    arb_poly_init(q);
    arb_poly_init(x);
    arb_poly_init(sum);
    arb_init(zero);
    arb_init(key);
    const int first = row / b->n * b->n;
    for (int j = 0; j < b->n; j++) {
        arb_poly_zero(s + j);
        for (int k = 0; k < b->d; k++) {
            const int col = h * b->d + k;
            set_line(q, arb_mat_entry(b->Q, row, col),
                     k == a ? arb_mat_entry(b->X, row, e) : zero);
            arb_set(key, arb_mat_entry(b->K, first + j, col));
            set_line(x, key, zero);
            if (b->kernel == THM_KERNEL_SOFTMAX) {
                arb_poly_mullow(x, x, q, TERMS, BITS);
                arb_poly_add(s + j, s + j, x, BITS);
            } else {
                arb_poly_sub(x, q, x, BITS);
                arb_poly_mullow(x, x, x, TERMS, BITS);
                arb_poly_sub(s + j, s + j, x, BITS);
            }
        }
        arb_poly_scalar_mul(s + j, s + j, b->c, BITS);
        arb_poly_exp_series(s + j, s + j, TERMS, BITS);
        arb_poly_add(sum, sum, s + j, BITS);
    }
    for (int j = 0; b->kernel != THM_KERNEL_GAUSSIAN && j < b->n; j++) {
        arb_poly_div_series(s + j, s + j, sum, TERMS, BITS);
    }
    arb_poly_clear(q);
    arb_poly_clear(x);
    arb_poly_clear(sum);
    arb_clear(zero);
    arb_clear(key);
}

/* The largest |closed form - rate| over the rows of a column of J; the closed
 * form is that of the kernel `as`. */
static void compare(thm_ball_layer *b, thm_kernel as, int h, int e, int a,
                    arb_poly_struct *s, arb_mat_t A, arb_t largest)
{
    const thm_kernel kernel = b->kernel;
    arb_t x, rate;
    arb_init(x);
    arb_init(rate);
    for (int row = 0; row < b->N * b->n; row++) {
        attend(b, row, h, e, a, s);
        b->kernel = as;
        thm_ball_layer_slope(b, row / b->n, row % b->n, h, A);
        b->kernel = kernel;
        for (int o = 0; o < b->m; o++) {
            arb_mul(x, arb_mat_entry(A, o, a), arb_mat_entry(b->X, row, e),
                    BITS);
            for (int j = 0; j < b->n; j++) {
                arb_poly_get_coeff_arb(rate, s + j, 1);
                arb_submul(
                    x, rate,
                    arb_mat_entry(b->U, row / b->n * b->n + j, h * b->m + o),
                    BITS);
            }
            arb_abs(x, x);
            arb_max(largest, largest, x, BITS);
        }
    }
    arb_clear(x);
    arb_clear(rate);
}

static thm_status closed_form(thm_layer_balls *s, bool swap, thm_finding *f,
                              bool *applies)
{
    thm_ball_layer *b = &s->b;
    *applies = s->loaded;
    if (!*applies) {
        return THM_OK;
    }
    const thm_kernel other = b->kernel == THM_KERNEL_SOFTMAX
                                 ? THM_KERNEL_GAUSSIAN
                                 : THM_KERNEL_SOFTMAX;
    arb_poly_struct series[49]; /* the most tokens a sample has */
    arb_mat_t A;
    arb_t largest;
    thm_rng rng = s->one->rng;
    arb_mat_init(A, b->m, b->d);
    arb_init(largest);
    for (int j = 0; j < b->n; j++) {
        arb_poly_init(series + j);
    }
    for (int k = 0; k < PROBES; k++) {
        const int h = (int)thm_rng_below(&rng, (uint64_t)b->H);
        const int e = (int)thm_rng_below(&rng, (uint64_t)b->D);
        const int a = (int)thm_rng_below(&rng, (uint64_t)b->d);
        compare(b, swap ? other : b->kernel, h, e, a, series, A, largest);
    }
    thm_finding_zero(f, largest);
    for (int j = 0; j < b->n; j++) {
        arb_poly_clear(series + j);
    }
    arb_mat_clear(A);
    arb_clear(largest);
    return THM_OK;
}

static thm_status own_slopes(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)c;
    return closed_form(ctx, false, f, applies);
}

static thm_status other_slopes(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return closed_form(ctx, true, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G13", own_slopes, false},
                                       {"XG13", other_slopes, false}};
    static const proof_group group = {2, claims, proof_open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "the Jacobian of the output by the query weights (G13)", 1, &group};
    return proof_main(argc, argv, &table);
}
