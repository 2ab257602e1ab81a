/* Ranks of matrices of balls: see rank_ball.h. */
#include "claims/rank_ball.h"

#include <stdlib.h>
#include "claims/layer_ball.h"

enum { BITS = THM_LAYER_BITS };

/* The positive pivots of a symmetric matrix, which is spoilt; -1 if one is
 * neither certainly positive nor certainly negative. */
static int positive_pivots(arb_mat_t M)
{
    const slong n = arb_mat_nrows(M);
    int count = 0;
    bool certain = true;
    arb_t l;
    arb_init(l);
    for (slong p = 0; certain && p < n; p++) {
        arb_srcptr pivot = arb_mat_entry(M, p, p);
        certain = arb_is_nonzero(pivot);
        count += arb_is_positive(pivot);
        for (slong r = p + 1; certain && r < n; r++) {
            arb_div(l, arb_mat_entry(M, r, p), pivot, BITS);
            for (slong s = p + 1; s <= r; s++) {
                arb_submul(arb_mat_entry(M, r, s), l, arb_mat_entry(M, s, p),
                           BITS);
            }
        }
    }
    arb_clear(l);
    return certain ? count : -1;
}

int thm_ball_rank(const arb_mat_t A)
{
    const slong rows = arb_mat_nrows(A), cols = arb_mat_ncols(A);
    const slong k = rows < cols ? rows : cols;
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
    const int count = positive_pivots(K);
    arb_mat_clear(T);
    arb_mat_clear(K);
    arb_clear(t);
    arb_clear(share);
    return count;
}

void thm_finding_rank(thm_finding *f, const arb_mat_t A, int rank)
{
    const int count = thm_ball_rank(A);
    f->allowed = 0.5;
    f->evidence = THM_ENCLOSURE;
    if (count >= 0) {
        f->observed = abs(count - rank);
        f->err = 0.0;
    }
}
