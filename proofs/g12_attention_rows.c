/* G12.1-G12.3: P_s = diag(s) - s s' of the rows of an instance's attention:
 * what stands between queries and output (paper-notes/song2024.md), in balls.
 */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS };

/* Whether there are rows that sum to 1, of at least two tokens. */
static bool has_rows(const thm_layer_balls *s)
{
    return s->loaded && s->b.kernel != THM_KERNEL_GAUSSIAN && s->b.n > 1;
}

/* P: (n x n) <- P_s, or (plain) diag(s), of row `row` of head h. */
static void slope(const thm_ball_layer *b, int row, int h, bool plain,
                  arb_mat_t P)
{
    arb_srcptr s = arb_mat_entry(b->S, row, h * b->n);
    arb_mat_zero(P);
    for (int j = 0; j < b->n; j++) {
        arb_set(arb_mat_entry(P, j, j), s + j);
        for (int l = 0; !plain && l < b->n; l++) {
            arb_submul(arb_mat_entry(P, j, l), s + j, s + l, BITS);
        }
    }
}

/* Takes the worst of a quantity over the rows of the instance. */
typedef void (*quantity)(const arb_mat_t P, arb_t x);

static void over_rows(const thm_ball_layer *b, bool plain, quantity of,
                      arb_t worst)
{
    arb_mat_t P;
    arb_t x;
    arb_mat_init(P, b->n, b->n);
    arb_init(x);
    arb_zero(worst);
    for (int row = 0; row < b->N * b->n; row++) {
        for (int h = 0; h < b->H; h++) {
            slope(b, row, h, plain, P);
            of(P, x);
            arb_max(worst, worst, x, BITS);
        }
    }
    arb_mat_clear(P);
    arb_clear(x);
}

/* ---- G12.1: P 1 = 0 -------------------------------------------------------
 */

static void largest_sum(const arb_mat_t P, arb_t x)
{
    arb_t sum;
    arb_init(sum);
    arb_zero(x);
    for (slong r = 0; r < arb_mat_nrows(P); r++) {
        arb_zero(sum);
        for (slong s = 0; s < arb_mat_ncols(P); s++) {
            arb_add(sum, sum, arb_mat_entry(P, r, s), BITS);
        }
        arb_abs(sum, sum);
        arb_max(x, x, sum, BITS);
    }
    arb_clear(sum);
}

static thm_status sums(const thm_layer_balls *s, bool plain, thm_finding *f,
                       bool *applies)
{
    *applies = has_rows(s);
    if (*applies) {
        arb_t worst;
        arb_init(worst);
        over_rows(&s->b, plain, largest_sum, worst);
        thm_finding_zero(f, worst);
        arb_clear(worst);
    }
    return THM_OK;
}

static thm_status ones_vanish(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return sums(ctx, false, f, applies);
}

static thm_status ones_vanish_plain(const void *c, void *ctx, thm_finding *f,
                                    bool *applies)
{
    (void)c;
    return sums(ctx, true, f, applies);
}

/* ---- G12.2: |P| <= 1/2 ----------------------------------------------------
 */

static void norm(const arb_mat_t P, arb_t x)
{
    thm_ball_norm2(x, P);
}

static thm_status norm_at_most(const thm_layer_balls *s, int halvings,
                               thm_finding *f, bool *applies)
{
    *applies = has_rows(s);
    if (*applies) {
        arb_t worst, allowed;
        arb_init(worst);
        arb_init(allowed);
        over_rows(&s->b, false, norm, worst);
        arb_set_d(allowed, 1.0);
        arb_mul_2exp_si(allowed, allowed, -halvings);
        thm_finding_ball(f, worst, allowed, true);
        arb_clear(worst);
        arb_clear(allowed);
    }
    return THM_OK;
}

static thm_status norm_half(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)c;
    return norm_at_most(ctx, 1, f, applies);
}

static thm_status norm_quarter(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return norm_at_most(ctx, 2, f, applies);
}

/* ---- G12.3: rank n - 1 ----------------------------------------------------
 */

/* 0 if the leading minor of size n - 1 is proved positive definite, else 1. */
static void unproved(const arb_mat_t P, arb_t x)
{
    const slong n = arb_mat_nrows(P) - 1;
    arb_mat_t minor;
    arb_mat_init(minor, n, n);
    for (slong r = 0; r < n; r++) {
        for (slong s = 0; s < n; s++) {
            arb_set(arb_mat_entry(minor, r, s), arb_mat_entry(P, r, s));
        }
    }
    arb_set_si(x, thm_ball_definite(minor) != 1);
    arb_mat_clear(minor);
}

/* At least n - 1 by the minor; `more` claims one more, which P 1 = 0 excludes.
 */
static thm_status rank_is(const thm_layer_balls *s, int more, thm_finding *f,
                          bool *applies)
{
    *applies = has_rows(s);
    if (*applies) {
        arb_t worst;
        arb_init(worst);
        over_rows(&s->b, false, unproved, worst);
        f->allowed = 0.5;
        f->evidence = THM_ENCLOSURE;
        if (arb_is_zero(worst)) {
            f->observed = more;
            f->err = 0.0;
        }
        arb_clear(worst);
    }
    return THM_OK;
}

static thm_status one_short(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)c;
    return rank_is(ctx, 0, f, applies);
}

static thm_status full(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    (void)c;
    return rank_is(ctx, 1, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"G12.1", ones_vanish, false}, {"XG12.1", ones_vanish_plain, false},
        {"G12.2", norm_half, false},   {"XG12.2", norm_quarter, false},
        {"G12.3", one_short, false},   {"XG12.3", full, false}};
    static const proof_group group = {6, claims, proof_open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "what a row of attention lets through of its logits (G12)", 1, &group};
    return proof_main(argc, argv, &table);
}
