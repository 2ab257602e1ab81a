/* Singular values of small matrices of balls: see layer_ball.h.
 *
 * Elimination without pivoting takes pivot after pivot of a symmetric matrix;
 * the first that is certainly negative belongs to a vector on which the form is
 * negative, and if all are certainly positive the matrix is definite. */
#include <stdbool.h>
#include "claims/layer_ball.h"

enum { BITS = THM_LAYER_BITS, DEEPEST = 128, ENDS = 20 };

/* Takes the pivots of a symmetric matrix one after the other, without
 * exchanges; *positive counts the certainly positive ones.  Ends at the first
 * that is not certain (0), with `definite` also at a negative one (-1); 1 if
 * all were certain. */
static int eliminate(const arb_mat_t A, bool definite, int *positive)
{
    const slong n = arb_mat_nrows(A);
    int answer = 1;
    arb_mat_t M;
    arb_t l;
    arb_init(l);
    arb_mat_init(M, n, n);
    arb_mat_set(M, A);
    *positive = 0;
    for (slong p = 0; answer > 0 && p < n; p++) {
        arb_srcptr pivot = arb_mat_entry(M, p, p);
        const bool above = arb_is_positive(pivot);
        *positive += above;
        if (!above) {
            answer = !arb_is_negative(pivot) ? 0 : definite ? -1 : 1;
        }
        for (slong r = p + 1; answer > 0 && r < n; r++) {
            arb_div(l, arb_mat_entry(M, r, p), pivot, BITS);
            for (slong s = p + 1; s <= r; s++) {
                arb_submul(arb_mat_entry(M, r, s), l, arb_mat_entry(M, s, p),
                           BITS);
            }
        }
    }
    arb_mat_clear(M);
    arb_clear(l);
    return answer;
}

int thm_ball_definite(const arb_mat_t A)
{
    int positive;
    return eliminate(A, true, &positive);
}

int thm_ball_rank(const arb_mat_t A)
{
    const slong rows = arb_mat_nrows(A), cols = arb_mat_ncols(A);
    const slong k = rows < cols ? rows : cols;
    int positive;
    arb_mat_t T, K;
    arb_t t, share;
    arb_mat_init(T, cols, rows);
    arb_mat_init(K, k, k);
    arb_init(t);
    arb_init(share);
    arb_mat_transpose(T, A);
    if (rows <= cols) {
        arb_mat_mul(K, A, T, BITS);
    } else {
        arb_mat_mul(K, T, A, BITS);
    }
    arb_mat_frobenius_norm(t, A, BITS);
    arb_set_d(share, THM_RANK_SHARE);
    arb_mul(t, t, share, BITS);
    arb_sqr(t, t, BITS);
    for (slong r = 0; r < k; r++) {
        arb_sub(arb_mat_entry(K, r, r), arb_mat_entry(K, r, r), t, BITS);
    }
    const bool certain = eliminate(K, false, &positive) > 0;
    arb_mat_clear(T);
    arb_mat_clear(K);
    arb_clear(t);
    arb_clear(share);
    return certain ? positive : -1;
}

/* Whether every singular value of A, K = A A', is above t (sign 1) or below it
 * (sign -1): 1 if so, -1 if not, 0 if the balls do not tell. */
static int beyond(const arb_mat_t K, const arf_t t, int sign)
{
    arb_mat_t M;
    arb_t square;
    arb_init(square);
    arb_mat_init(M, arb_mat_nrows(K), arb_mat_ncols(K));
    arb_set_arf(square, t);
    arb_sqr(square, square, BITS);
    arb_mat_set(M, K);
    for (slong r = 0; r < arb_mat_nrows(K); r++) {
        arb_sub(arb_mat_entry(M, r, r), arb_mat_entry(M, r, r), square, BITS);
    }
    if (sign < 0) {
        arb_mat_neg(M, M);
    }
    const int answer = thm_ball_definite(M);
    arb_mat_clear(M);
    arb_clear(square);
    return answer;
}

/* hi < (1 + 2^-ENDS) lo */
static bool near(const arf_t lo, const arf_t hi)
{
    arb_t end;
    arb_init(end);
    arb_set_arf(end, lo);
    arb_mul_2exp_si(end, end, -ENDS);
    arb_add_arf(end, end, lo, BITS);
    const bool answer = arf_cmp(hi, arb_midref(end)) < 0;
    arb_clear(end);
    return answer;
}

/* Halves the interval between lo > 0, known to be below sigma, and hi, known to
 * be above, until its ends meet or the balls are too wide to tell; sigma is the
 * smallest singular value (sign 1) or the largest (sign -1). */
static void squeeze(const arb_mat_t K, int sign, arf_t lo, arf_t hi)
{
    int told = 1;
    arf_t mid;
    arf_init(mid);
    while (told && !near(lo, hi)) {
        /* the geometric mean, rounded */
        arf_mul(mid, lo, hi, 53, ARF_RND_NEAR);
        arf_sqrt(mid, mid, 53, ARF_RND_NEAR);
        told = beyond(K, mid, sign);
        if (told == 0) { /* on the value itself? then not a step beside it */
            arf_mul(mid, mid, hi, 53, ARF_RND_NEAR);
            arf_sqrt(mid, mid, 53, ARF_RND_NEAR);
            told = beyond(K, mid, sign);
        }
        if (told != 0) {
            arf_set(told * sign > 0 ? lo : hi, mid);
        }
    }
    arf_clear(mid);
}

/* lo <- a power of 1/2 times hi that is below sigma, hi <- one that is above
 * it; lo = 0 if there is none of the depth that the balls reach. */
static void find_scale(const arb_mat_t K, arf_t lo, arf_t hi)
{
    int told = -1;
    arb_t top, t;
    arb_init(top);
    arb_init(t);
    arb_set_arf(top, hi);
    for (int k = 1; told < 0 && k <= DEEPEST; k *= 2) {
        arb_mul_2exp_si(t, top, -k);
        told = beyond(K, arb_midref(t), 1);
        if (told != 0) {
            arf_set(told > 0 ? lo : hi, arb_midref(t));
        }
    }
    arb_clear(top);
    arb_clear(t);
}

/* K <- A A', norm <- |A|_F */
static void gram(arb_mat_t K, arb_t norm, const arb_mat_t A)
{
    arb_mat_t transposed;
    arb_mat_init(transposed, arb_mat_ncols(A), arb_mat_nrows(A));
    arb_mat_transpose(transposed, A);
    arb_mat_mul(K, A, transposed, BITS);
    arb_mat_frobenius_norm(norm, A, BITS);
    arb_mat_clear(transposed);
}

void thm_ball_sigma_min(arb_t sigma, const arb_mat_t A)
{
    const slong r = arb_mat_nrows(A), n = arb_mat_ncols(A);
    arb_mat_t K;
    arf_t lo, hi;
    if (n < r) {
        arb_zero(sigma);
        return;
    }
    arf_init(lo);
    arf_init(hi);
    arb_mat_init(K, r, r);
    gram(K, sigma, A);
    arb_get_ubound_arf(hi, sigma, BITS);
    if (!arf_is_zero(hi)) {
        find_scale(K, lo, hi);
    }
    if (!arf_is_zero(lo)) {
        squeeze(K, 1, lo, hi);
    }
    arb_set_interval_arf(sigma, lo, hi, BITS);
    arb_mat_clear(K);
    arf_clear(lo);
    arf_clear(hi);
}

void thm_ball_norm2(arb_t norm, const arb_mat_t A)
{
    const slong r = arb_mat_nrows(A);
    arb_mat_t K;
    arf_t lo, hi;
    arf_init(lo);
    arf_init(hi);
    arb_mat_init(K, r, r);
    gram(K, norm, A);
    arb_get_ubound_arf(hi, norm, BITS);
    arb_get_lbound_arf(lo, norm, BITS);
    arf_div_si(lo, lo, r, 53, ARF_RND_DOWN); /* |A|_F^2 <= r |A|_2^2 */
    if (arf_sgn(lo) > 0) {
        squeeze(K, -1, lo, hi);
    }
    arb_set_interval_arf(norm, lo, hi, BITS);
    arb_mat_clear(K);
    arf_clear(lo);
    arf_clear(hi);
}
