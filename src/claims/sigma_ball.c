/* Singular values of small matrices of balls: see layer_ball.h.
 *
 * Elimination without pivoting takes pivot after pivot of a symmetric matrix;
 * the first that is certainly negative belongs to a vector on which the form is
 * negative, and if all are certainly positive the matrix is definite. */
#include "claims/layer_ball.h"

enum { BITS = THM_LAYER_BITS, DEEPEST = 128, ENDS = 20 };

int thm_ball_definite(const arb_mat_t A)
{
    const slong n = arb_mat_nrows(A);
    int answer = 1;
    arb_mat_t M;
    arb_t l;
    arb_init(l);
    arb_mat_init(M, n, n);
    arb_mat_set(M, A);
    for (slong p = 0; answer > 0 && p < n; p++) {
        arb_srcptr pivot = arb_mat_entry(M, p, p);
        answer = arb_is_positive(pivot) ? 1 : arb_is_negative(pivot) ? -1 : 0;
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

/* Whether every singular value of A, K = A A', is above t: 1, 0, -1. */
static int above(const arb_mat_t K, const arf_t t)
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
    const int answer = thm_ball_definite(M);
    arb_mat_clear(M);
    arb_clear(square);
    return answer;
}

/* Between lo, which is known to be below sigma (or 0), and hi, known to be
 * above, halves what lies between until the ends meet or the balls are too wide
 * to tell. */
static void narrow(const arb_mat_t K, arf_t lo, arf_t hi)
{
    arf_t mid;
    arb_t end, top;
    arf_init(mid);
    arb_init(end);
    arb_init(top);
    arb_set_arf(top, hi);
    int told = 1;
    for (int k = 1; arf_is_zero(lo) && told && k <= DEEPEST; k *= 2) {
        arb_mul_2exp_si(end, top, -k);
        arf_set(mid, arb_midref(end));
        told = above(K, mid);
        if (told != 0) {
            arf_set(told > 0 ? lo : hi, mid);
        }
    }
    while (told && !arf_is_zero(lo)) {
        /* the geometric mean, rounded */
        arf_mul(mid, lo, hi, 53, ARF_RND_NEAR);
        arf_sqrt(mid, mid, 53, ARF_RND_NEAR);
        /* hi < (1 + 2^-ENDS) lo */
        arb_set_arf(end, lo);
        arb_mul_2exp_si(end, end, -ENDS);
        arb_add_arf(end, end, lo, BITS);
        if (arf_cmp(hi, arb_midref(end)) < 0) {
            break;
        }
        told = above(K, mid);
        if (told == 0) { /* on the value itself? then not a step beside it */
            arf_mul(mid, mid, hi, 53, ARF_RND_NEAR);
            arf_sqrt(mid, mid, 53, ARF_RND_NEAR);
            told = above(K, mid);
        }
        if (told != 0) {
            arf_set(told > 0 ? lo : hi, mid);
        }
    }
    arf_clear(mid);
    arb_clear(end);
    arb_clear(top);
}

void thm_ball_sigma_min(arb_t sigma, const arb_mat_t A)
{
    const slong r = arb_mat_nrows(A), n = arb_mat_ncols(A);
    arb_mat_t K, transposed;
    arf_t lo, hi;
    if (n < r) {
        arb_zero(sigma);
        return;
    }
    arf_init(lo);
    arf_init(hi);
    arb_mat_init(transposed, n, r);
    arb_mat_init(K, r, r);
    arb_mat_transpose(transposed, A);
    arb_mat_mul(K, A, transposed, BITS);
    arb_mat_frobenius_norm(sigma, A, BITS);
    arb_get_ubound_arf(hi, sigma, BITS);
    if (!arf_is_zero(hi)) {
        narrow(K, lo, hi);
    }
    arb_set_interval_arf(sigma, lo, hi, BITS);
    arb_mat_clear(K);
    arb_mat_clear(transposed);
    arf_clear(lo);
    arf_clear(hi);
}
