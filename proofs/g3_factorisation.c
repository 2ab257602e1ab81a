/* G3, G4: the output through B, and K for the values as a sum of Kronecker
 * products (paper-notes/song2024.md, "Model" and R1), in balls. */
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { BITS = THM_LAYER_BITS };

/* f: the largest |left - right| is 0. */
static void finding_equal(thm_finding *f, const arb_mat_t left,
                          const arb_mat_t right)
{
    arb_t x, largest;
    arb_init(x);
    arb_init(largest);
    for (slong r = 0; r < arb_mat_nrows(left); r++) {
        for (slong s = 0; s < arb_mat_ncols(left); s++) {
            arb_sub(x, arb_mat_entry(left, r, s), arb_mat_entry(right, r, s),
                    BITS);
            arb_abs(x, x);
            arb_max(largest, largest, x, BITS);
        }
    }
    thm_finding_zero(f, largest);
    arb_clear(x);
    arb_clear(largest);
}

/* ---- G3 -------------------------------------------------------------------
 */

/* B: (Nn x HD) <- blocks S'X in place of S X. */
static void transposed_b(const thm_ball_layer *b, arb_mat_t B)
{
    arb_mat_zero(B);
    for (int row = 0; row < b->N * b->n; row++) {
        const int first = row / b->n * b->n;
        for (int col = 0; col < b->H * b->D; col++) {
            for (int j = 0; j < b->n; j++) {
                arb_addmul(arb_mat_entry(B, row, col),
                           arb_mat_entry(b->S, first + j,
                                         col / b->D * b->n + row % b->n),
                           arb_mat_entry(b->X, first + j, col % b->D), BITS);
            }
        }
    }
}

/* P: (HD x Hd) <- blkdiag(Wv_1, ..., Wv_H). */
static void values_block(const thm_ball_layer *b, arb_mat_t P)
{
    arb_mat_zero(P);
    for (int r = 0; r < b->H * b->D; r++) {
        const int h = r / b->D;
        for (int a = h * b->d; a < (h + 1) * b->d; a++) {
            arb_set(arb_mat_entry(P, r, a), arb_mat_entry(b->Wv, r % b->D, a));
        }
    }
}

static thm_status through_b(const thm_layer_balls *s, bool transposed,
                            thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    arb_mat_t B, P, BP, F;
    *applies = s->loaded;
    if (!*applies) {
        return THM_OK;
    }
    const int tokens = b->N * b->n;
    arb_mat_init(B, tokens, b->H * b->D);
    arb_mat_init(P, b->H * b->D, b->H * b->d);
    arb_mat_init(BP, tokens, b->H * b->d);
    arb_mat_init(F, tokens, b->m);
    if (transposed) {
        transposed_b(b, B);
    } else {
        arb_mat_set(B, b->B);
    }
    values_block(b, P);
    arb_mat_mul(BP, B, P, BITS);
    arb_mat_mul(F, BP, b->Wo, BITS);
    finding_equal(f, F, b->F);
    arb_mat_clear(B);
    arb_mat_clear(P);
    arb_mat_clear(BP);
    arb_mat_clear(F);
    return THM_OK;
}

static thm_status factorises(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)c;
    return through_b(ctx, false, f, applies);
}

static thm_status factorises_transposed(const void *c, void *ctx,
                                        thm_finding *f, bool *applies)
{
    (void)c;
    return through_b(ctx, true, f, applies);
}

/* ---- G4 -------------------------------------------------------------------
 */

/* K <- K + (B_h B_h') (x) (Wo_h' Wo_h) */
static void add_head(const thm_ball_layer *b, int h, arb_mat_t K)
{
    const int tokens = b->N * b->n, m = b->m;
    arb_t bb, oo;
    arb_init(bb);
    arb_init(oo);
    for (int r = 0; r < tokens * tokens; r++) {
        const int left = r / tokens, right = r % tokens;
        arb_dot(bb, NULL, 0, arb_mat_entry(b->B, left, h * b->D), 1,
                arb_mat_entry(b->B, right, h * b->D), 1, b->D, BITS);
        for (int o = 0; o < m * m; o++) {
            arb_zero(oo);
            for (int a = h * b->d; a < (h + 1) * b->d; a++) {
                arb_addmul(oo, arb_mat_entry(b->Wo, a, o / m),
                           arb_mat_entry(b->Wo, a, o % m), BITS);
            }
            arb_addmul(arb_mat_entry(K, left * m + o / m, right * m + o % m),
                       bb, oo, BITS);
        }
    }
    arb_clear(bb);
    arb_clear(oo);
}

static thm_status kernel_sum(const thm_layer_balls *s, int heads,
                             thm_finding *f)
{
    const thm_ball_layer *b = &s->b;
    const int rows = b->N * b->n * b->m, cols = b->H * b->D * b->d;
    arb_mat_t J, transposed, K, sum;
    arb_mat_init(J, rows, cols);
    arb_mat_init(transposed, cols, rows);
    arb_mat_init(K, rows, rows);
    arb_mat_init(sum, rows, rows);
    thm_ball_layer_jv(b, J);
    arb_mat_transpose(transposed, J);
    arb_mat_mul(K, J, transposed, BITS);
    for (int h = 0; h < heads; h++) {
        add_head(b, h, sum);
    }
    finding_equal(f, sum, K);
    arb_mat_clear(J);
    arb_mat_clear(transposed);
    arb_mat_clear(K);
    arb_mat_clear(sum);
    return THM_OK;
}

static thm_status all_heads(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    *applies = s->loaded;
    return *applies ? kernel_sum(s, s->b.H, f) : THM_OK;
}

static thm_status one_head_less(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    *applies = s->loaded && s->b.H > 1;
    return *applies ? kernel_sum(s, s->b.H - 1, f) : THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G3", factorises, false},
                                       {"XG3", factorises_transposed, false},
                                       {"G4", all_heads, false},
                                       {"XG4", one_head_less, false}};
    static const proof_group group = {4, claims, proof_open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "B and the Gram matrix of the values' Jacobian (G3, G4)", 1, &group};
    return proof_main(argc, argv, &table);
}
