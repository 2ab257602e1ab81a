/* Theorems 1, 1a, 1b: only W_V is trained (note, R1).  F is linear in W_V, K_V
 * = sum_h (B_h B_h') x (W_O_h' W_O_h) constant, so that mu and L are global. */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attn/layer_err.h"

enum { EXACT_ENTRIES = 1 << 20 }; /* of J_V, for a certificate of its own */

/* J_V = [B_h x W_O_h'] of the exact B within delta and, of an entry, one
 * rounded product, below the normal range off by 2^-1075 at most: |J - exact|_F
 * <= sum_h |W_O_h|_F (delta + u |B_h|_F) + 2^-1074 sqrt(entries). */
static double jacobian_err(const thm_sheet *s)
{
    const thm_layer *l = s->layer;
    const size_t out = (size_t)l->d * (size_t)l->m,
                 entries = (size_t)s->rank.rows * (size_t)s->rank.columns;
    const double wo = thm_norm_upper(out * (size_t)l->H, l->Wo);
    const double b = thm_norm_upper(entries, s->B);
    /* |W_O|_F >= |W_O_h|_F, blocks of B add up in squares */
    return wo * (s->rank.delta + 2.0 * THM_CONDITIONS_U * b) *
               (1.0 + 16.0 * THM_CONDITIONS_U) +
           EXACT_ENTRIES * DBL_TRUE_MIN;
}

/* J: rows (token, output), columns (head, row and column of W_V_h). */
static void fill_jacobian(const thm_sheet *s, double *J)
{
    const thm_layer *l = s->layer;
    for (int r = 0; r < s->rank.rows; r++) {
        const double *b = s->B + (size_t)r * (size_t)s->rank.columns;
        for (int o = 0; o < l->m; o++) {
            for (int e = 0; e < s->rank.columns; e++) {
                const double *wo =
                    l->Wo + (size_t)(e / l->D) * (size_t)l->d * (size_t)l->m;
                for (int a = 0; a < l->d; a++) {
                    *J++ = b[e] * wo[(size_t)a * (size_t)l->m + (size_t)o];
                }
            }
        }
    }
}

/* sigma_min and sigma_max of J_V; *known false where it is too large. */
static thm_status exact_kernel(thm_sheet *s, bool *known, thm_range *min,
                               thm_range *max)
{
    const thm_layer *l = s->layer;
    const int rows = s->rank.rows * l->m, cols = s->rank.columns * l->d,
              width = l->H * l->d;
    /* u v' with B'u = 0 or W_O v = 0 is in the kernel of J_V' */
    const bool deficient =
        cols < rows || width < l->m ||
        thm_norm_upper((size_t)width * (size_t)l->m, l->Wo) == 0.0 ||
        s->rank.deficient != THM_DEFICIENT_NOT;
    *known = deficient || (double)rows * cols <= EXACT_ENTRIES;
    if (!*known || deficient) {
        *min = thm_range_exact(0.0);
        *max = (thm_range){0.0, HUGE_VAL, HUGE_VAL};
        return THM_OK;
    }
    double *J = malloc((size_t)rows * (size_t)cols * sizeof *J);
    thm_status status = THM_ENOMEM;
    if (J) {
        fill_jacobian(s, J);
        status = thm_sheet_certified(rows, cols, J, jacobian_err(s), min, max);
    }
    free(J);
    return status;
}

/* sigma_max(J_V)^2 <= sum_h |W_O_h|_2^2 |B_h|_2^2 <= max_h |W_O_h|_2^2 |B|_2^2
 */
static thm_status largest_kernel(thm_sheet *s, double *L)
{
    const thm_layer *l = s->layer;
    const size_t out = (size_t)l->d * (size_t)l->m;
    thm_range largest = thm_range_exact(0.0);
    thm_status status = THM_OK;
    for (int h = 0; status == THM_OK && h < l->H; h++) {
        thm_range min, max;
        status = thm_sheet_sigma(l->d, l->m, l->Wo + (size_t)h * out, l->m, 0.0,
                                 &min, &max);
        largest = thm_range_max(largest, max);
    }
    const thm_range product =
        thm_range_mul(largest, thm_range_exact(s->rank.bound.max_upper));
    *L = thm_range_mul(product, product).upper;
    return status;
}

/* min_h sigma_min of the blocks of D columns, 0 where D < Nn. */
static thm_status smallest_block(thm_sheet *s, thm_range *min)
{
    const thm_layer *l = s->layer;
    const int rows = s->rank.rows;
    const size_t D = (size_t)l->D, HD = (size_t)s->rank.columns;
    *min = thm_range_exact(0.0);
    if (l->D < rows) {
        return THM_OK;
    }
    double *block = malloc((size_t)rows * D * sizeof *block);
    thm_status status = block ? THM_OK : THM_ENOMEM;
    for (int h = 0; status == THM_OK && h < l->H; h++) {
        thm_range one, max;
        for (int r = 0; r < rows; r++) {
            memcpy(block + (size_t)r * D, s->B + (size_t)r * HD + (size_t)h * D,
                   D * sizeof *block);
        }
        status =
            thm_sheet_certified(rows, l->D, block, s->rank.delta, &one, &max);
        *min = h == 0 ? one : thm_range_min(*min, one);
    }
    free(block);
    return status;
}

static thm_status variant_a(thm_sheet *s, double L)
{
    const thm_layer *l = s->layer;
    const int tokens = s->rank.rows;
    thm_condition *row = thm_sheet_at_least(s, "1a", "head-width", "HD >= Nn",
                                            s->rank.columns, tokens);
    if (row->verdict != THM_HOLDS) {
        const int D = (tokens - 1) / l->H + 1;
        thm_sheet_repair(row, D, "D >= %d", D);
    }
    row = thm_sheet_at_least(s, "1a", "output-width", "d >= m", l->d, l->m);
    if (row->verdict != THM_HOLDS) {
        thm_sheet_repair(row, l->m, "d >= %d, or theorem 1b", l->m);
    }
    thm_sheet_positive(s, "1a", "output-rank", "min_h sigma_m(W_O_h) > 0",
                       s->s_o);
    row = thm_sheet_positive(s, "1a", "lambda-b", "sigma_min(B) > 0", s->s_b);
    const thm_status status = thm_sheet_repair_scale(s, row);
    const thm_range product = thm_range_mul(s->s_o, s->s_b);
    thm_sheet_consequences(s, thm_range_mul(product, product).lower, L, false,
                           2);
    return status;
}

static thm_status variant_b(thm_sheet *s, double L)
{
    const thm_layer *l = s->layer;
    const int tokens = s->rank.rows, width = l->H * l->d;
    thm_range blocks, wo, max;
    thm_status status = smallest_block(s, &blocks);
    if (status == THM_OK) {
        status = thm_sheet_sigma(width, l->m, l->Wo, l->m, 0.0, &wo, &max);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_condition *row =
        thm_sheet_at_least(s, "1b", "width", "D >= Nn", l->D, tokens);
    if (row->verdict != THM_HOLDS) {
        thm_sheet_repair(row, tokens, "D >= %d", tokens);
    }
    row = thm_sheet_at_least(s, "1b", "output-width", "Hd >= m", width, l->m);
    if (row->verdict != THM_HOLDS) {
        const int d = (l->m - 1) / l->H + 1;
        thm_sheet_repair(row, d, "d >= %d", d);
    }
    thm_sheet_positive(s, "1b", "output-rank", "sigma_m(W_O) > 0", wo);
    row = thm_sheet_positive(s, "1b", "blocks-rank", "min_h sigma_min(B_h) > 0",
                             blocks);
    if (l->D >= tokens) {
        status = thm_sheet_repair_scale(s, row);
    }
    const thm_range product = thm_range_mul(wo, blocks);
    thm_sheet_consequences(s, thm_range_mul(product, product).lower, L, false,
                           2);
    return status;
}

thm_status thm_sheet_values(thm_sheet *s)
{
    bool known;
    thm_range min, max;
    double L;
    thm_status status = exact_kernel(s, &known, &min, &max);
    if (status == THM_OK) {
        status = largest_kernel(s, &L);
    }
    if (status != THM_OK) {
        return status;
    }
    /* the better of two upper bounds */
    L = fmin(L, thm_range_mul(max, max).upper);
    if (known) {
        thm_condition *row =
            thm_sheet_positive(s, "1", "kernel", "sigma_min(J_V) > 0", min);
        /* no scale of W_Q, W_K helps against a W_O of low rank */
        if (!(s->s_b.lower > 0.0)) {
            status = thm_sheet_repair_scale(s, row);
        }
        thm_sheet_consequences(s, thm_range_mul(min, min).lower, L, false, 2);
    }
    if (status == THM_OK) {
        status = variant_a(s, L);
    }
    return status == THM_OK ? variant_b(s, L) : status;
}
