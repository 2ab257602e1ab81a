/* Theorem 3: only W_Q is trained, one head (note, R3 and R4).
 *
 * With A_ik = dF_ik / dq_ik (m x d), lambda_X = sigma_min(X)^2 of all tokens,
 * sigma_A = min sigma_m(A_ik): lambda_min(J_Q J_Q') >= lambda_X sigma_A^2.  Of
 * the Gaussian kernel sigma_A > 0 where U_i has full column rank, d >= n and q
 * lies off the affine hull of the keys; of a normalised one, A having the
 * kernel of a covariance, where the same holds of centred U_i and of centred
 * keys: m <= n - 1 is necessary then.
 *
 * A is Lipschitz in q with L_A (conditions_slope.c), hence sigma_A / 2 is kept
 * on the ball where L_A x R <= sigma_A / 2, x = max |x_ik|, and the gradient is
 * Lipschitz there with |X|_2^2 (sup |A|^2 + sqrt(2 f_0) L_A). */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdlib.h>

#include "attn/layer_err.h"
#include "la/dense.h"
#include "la/lu.h"

/* |J_Q' r| / |r| for r_ik = U_i^-1 1, m = n; NaN where U_i is singular. */
static thm_status null_residual(const thm_sheet *s, const thm_slope_head *h,
                                double *out)
{
    const thm_layer *l = h->l;
    const int n = l->n;
    thm_layer_problem *problem = NULL;
    thm_lu *lu = NULL;
    double *x = NULL;
    thm_status status = thm_lu_alloc(n, &lu);
    *out = NAN;
    if (status == THM_OK) {
        status = thm_layer_problem_alloc(l, s->w, THM_TRAIN_Q, &problem);
    }
    if (status != THM_OK) {
        goto done;
    }
    const thm_objective *o = thm_layer_objective(problem);
    status = thm_dense_alloc(1, 2 * o->n + o->m, 1, &x);
    if (status != THM_OK) {
        goto done;
    }
    double *r = x + o->n, *g = r + o->m;
    for (int t = 0; status == THM_OK && t < l->N * n; t++) {
        double *rt = r + (size_t)t * (size_t)n;
        if (t % n == 0) {
            status = thm_lu_factor(lu, h->U + (size_t)t * (size_t)n, NULL);
        }
        for (int j = 0; j < n; j++) {
            rt[j] = 1.0;
        }
        status = status == THM_OK ? thm_lu_solve(lu, rt, rt) : status;
    }
    if (status == THM_OK) {
        thm_layer_problem_start(problem, x);
        status = o->vjp(x, r, g, o->ctx);
    }
    if (status == THM_OK) {
        *out =
            thm_norm_upper((size_t)o->n, g) / thm_norm_upper((size_t)o->m, r);
    }
    status = status == THM_ESINGULAR ? THM_OK : status;
done:
    free(x);
    thm_lu_free(lu);
    thm_layer_problem_free(problem);
    return status;
}

static thm_status global_rows(thm_sheet *s, const thm_slope_head *h,
                              thm_range lambda)
{
    const thm_layer *l = s->layer;
    const int T = s->rank.rows;
    thm_range values, keys;
    thm_status status = thm_slope_values_rank(h, &values);
    if (status == THM_OK) {
        status = thm_slope_keys_rank(h, &keys);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_condition *row =
        thm_sheet_at_least(s, "3", "width", "D >= Nn", l->D, T);
    if (row->verdict != THM_HOLDS) {
        thm_sheet_repair(row, T, "D >= %d", T);
    }
    thm_sheet_positive(s, "3", "lambda-x", "lambda_min(X X') > 0", lambda);
    const int need = h->normalised ? l->n - 1 : l->n;
    row =
        thm_sheet_at_least(s, "3", "head-width",
                           h->normalised ? "d >= n - 1" : "d >= n", l->d, need);
    if (row->verdict != THM_HOLDS) {
        thm_sheet_repair(row, need, "d >= %d", need);
    }
    if (h->normalised) {
        row = thm_sheet_at_least(s, "3", "ones-off-range", "n - 1 >= m",
                                 l->n - 1, l->m);
        if (row->verdict != THM_HOLDS) {
            thm_sheet_repair(row, l->n - 1, "the gaussian kernel, or m <= %d",
                             l->n - 1);
        }
    }
    thm_sheet_positive(s, "3", "values-rank",
                       h->normalised ? "min_i sigma_m(centred U_i) > 0"
                                     : "min_i sigma_m(U_i) > 0",
                       values);
    row =
        thm_sheet_positive(s, "3", "keys-rank",
                           h->normalised ? "min_i sigma_{n-1}(centred K_i) > 0"
                                         : "min_ik sigma_n(K_i - 1 q_ik') > 0",
                           keys);
    if (row->verdict == THM_UNDECIDED && !h->normalised) {
        thm_sheet_repair(row, NAN, "draw W_K apart from W_Q");
    }
    if (h->normalised && l->m == l->n) {
        double witness;
        status = null_residual(s, h, &witness);
        s->out->theorems[s->out->n_theorems - 1].witness = witness;
    }
    return status;
}

/* lambda, largest: of X X'. */
static thm_status local_rows(thm_sheet *s, const thm_slope_head *h,
                             thm_range lambda, thm_range largest)
{
    thm_slopes z;
    const thm_status status = thm_slope_measure(s, h, &z);
    if (status != THM_OK) {
        return status;
    }
    const thm_range square = thm_range_mul(z.sigma, z.sigma),
                    reach = thm_range_mul(z.lipschitz, z.x);
    thm_sheet_positive(s, "3-local", "lambda-x", "lambda_min(X X') > 0",
                       lambda);
    thm_sheet_positive(s, "3-local", "sigma-a", "min_ik sigma_m(A_ik) > 0",
                       z.sigma);
    const thm_range bound = thm_range_div(
        thm_range_mul(lambda, thm_range_mul(square, square)),
        thm_range_mul(thm_range_exact(128.0), thm_range_mul(reach, reach)));
    thm_condition *row = thm_sheet_at_most(
        s, "3-local", "ball", "f_0 <= lambda_X sigma_A^4 / (128 L_A^2 x^2)",
        s->f0, bound);
    if (row->verdict != THM_HOLDS && bound.lower > 0.0) {
        const double part = sqrt(bound.lower / s->f0.upper);
        thm_sheet_repair(row, part, "bring Y to %.9g of its distance from F",
                         part);
    }
    const thm_range residual =
        thm_range_sqrt(thm_range_mul(thm_range_exact(2.0), s->f0));
    const thm_range L = thm_range_mul(
        largest, thm_range_add(thm_range_mul(z.size, z.size),
                               thm_range_mul(residual, z.lipschitz)));
    thm_sheet_consequences(s, thm_range_mul(lambda, square).lower / 4.0,
                           L.upper, false, 1);
    return THM_OK;
}

thm_status thm_sheet_query(thm_sheet *s)
{
    thm_slope_head h;
    thm_range small, large;
    const thm_condition *one =
        thm_sheet_at_most(s, "3", "one-head", "H <= 1",
                          thm_range_exact(s->layer->H), thm_range_exact(1.0));
    if (one->verdict != THM_HOLDS) {
        return THM_OK;
    }
    thm_status status = thm_sheet_certified(s->rank.rows, s->layer->D,
                                            s->layer->X, 0.0, &small, &large);
    if (status != THM_OK) {
        return status;
    }
    const thm_range lambda = thm_range_mul(small, small);
    status = thm_slope_head_fill(s, &h);
    if (status == THM_OK) {
        status = global_rows(s, &h, lambda);
    }
    if (status == THM_OK) {
        status = local_rows(s, &h, lambda, thm_range_mul(large, large));
    }
    free(h.block);
    return status;
}
