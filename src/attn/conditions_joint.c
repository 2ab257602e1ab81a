/* Theorem 2: W_Q, W_K, W_V are trained in a ball about the start (note, R2).
 *
 * With s_O = min_h sigma_m(W_O_h), s_B = sigma_min(B_0): mu = s_O^2 s_B^2 / 4
 * as long as sigma_min(B) >= s_B / 2, which holds in the ball of R = sqrt(8 f_0
 * / mu) if L_B R <= s_B / 2, L_B a Lipschitz constant of B there. */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdlib.h>

#include "la/dense.h"
#include "softmax/pl.h"

enum { CURVATURE_STEPS = 50 };

/* Norms that L_B is made of. */
typedef struct {
    thm_range x2, x3; /* sqrt(sum_i |X_i|^4), sqrt(sum_i |X_i|^6)           */
    thm_range row;    /* max |x_ik|                                         */
    thm_range q, k;   /* max_h |W_Q_h|_2, |W_K_h|_2                         */
} sizes;

static thm_status largest_weight(const thm_layer *l, const double *W,
                                 thm_range *out)
{
    const size_t size = (size_t)l->D * (size_t)l->d;
    thm_status status = THM_OK;
    *out = thm_range_exact(0.0);
    for (int h = 0; status == THM_OK && h < l->H; h++) {
        thm_range min, max;
        status = thm_sheet_sigma(l->D, l->d, W + (size_t)h * size, 1, 0.0, &min,
                                 &max);
        *out = thm_range_max(*out, max);
    }
    return status;
}

static thm_status measure(const thm_sheet *s, sizes *z)
{
    const thm_layer *l = s->layer;
    thm_range sum4 = thm_range_exact(0.0), sum6 = sum4;
    thm_status status = largest_weight(l, s->w->Wq, &z->q);
    z->row = thm_range_exact(0.0);
    if (status == THM_OK) {
        status = largest_weight(l, s->w->Wk, &z->k);
    }
    for (int i = 0; status == THM_OK && i < l->N; i++) {
        const double *X = l->X + (size_t)i * (size_t)l->n * (size_t)l->D;
        thm_range min, max;
        status = thm_sheet_sigma(l->n, l->D, X, 1, 0.0, &min, &max);
        const thm_range two = thm_range_mul(max, max);
        const thm_range four = thm_range_mul(two, two);
        sum4 = thm_range_add(sum4, four);
        sum6 = thm_range_add(sum6, thm_range_mul(four, two));
        for (int k = 0; status == THM_OK && k < l->n; k++) {
            status = thm_sheet_sigma(1, l->D, X + (size_t)k * (size_t)l->D, 1,
                                     0.0, &min, &max);
            z->row = thm_range_max(z->row, max);
        }
    }
    z->x2 = thm_range_sqrt(sum4);
    z->x3 = thm_range_sqrt(sum6);
    return status;
}

/* L_B on the ball of radius R in the Frobenius norm of (W_Q, W_K); of heads the
 * largest, for their shares of B and of the step both add up in squares.
 *   softmax     |dB| <= (c/2) |X|^3 (|W_K| |dW_Q| + (|W_Q| + R) |dW_K|)
 *   gaussian    |dB| <= sqrt(2 c n / e) |X|^2 (|dW_Q| + |dW_K|)
 *   normalised  rows of softmax are 1/2-Lipschitz in their scores, of which
 *               |ds_kj| <= 2 c g (|dq_k| + |dk_j|), g the largest |q - k| on
 *               the ball: |dB| <= c sqrt(n) g |X|^2 (|dW_Q| + |dW_K|)
 * and a + b <= sqrt(2) sqrt(a^2 + b^2). */
static thm_range lipschitz(const thm_sheet *s, const sizes *z, thm_range R)
{
    const thm_layer *l = s->layer;
    const thm_range c = thm_range_exact(l->c), n = thm_range_exact(l->n),
                    two = thm_range_exact(2.0);
    if (l->kernel == THM_KERNEL_SOFTMAX) {
        const thm_range q = thm_range_add(z->q, R);
        const thm_range both = thm_range_sqrt(
            thm_range_add(thm_range_mul(z->k, z->k), thm_range_mul(q, q)));
        return thm_range_mul(thm_range_div(thm_range_mul(c, z->x3), two), both);
    }
    if (l->kernel == THM_KERNEL_GAUSSIAN) {
        const thm_range e = thm_range_about(exp(1.0), 4.0 * DBL_EPSILON);
        const thm_range square = thm_range_div(
            thm_range_mul(thm_range_mul(thm_range_exact(4.0), c), n), e);
        return thm_range_mul(thm_range_sqrt(square), z->x2);
    }
    const thm_range reach = thm_range_add(
        thm_range_add(z->q, z->k), thm_range_mul(thm_range_sqrt(two), R));
    return thm_range_mul(
        thm_range_mul(c, thm_range_sqrt(thm_range_mul(two, n))),
        thm_range_mul(thm_range_mul(z->row, reach), z->x2));
}

static thm_range radius(thm_range f0, thm_range s_o, thm_range s_b)
{
    return thm_range_div(
        thm_range_sqrt(thm_range_mul(thm_range_exact(32.0), f0)),
        thm_range_mul(s_o, s_b));
}

/* The factor of W_O that certifies the ball from W_V = 0, where f_0 = |Y|^2 / 2
 * whatever W_O: R L_B(R) grows with R, so the largest R allowed is bisected and
 * the factor is what brings the radius down to it. */
static double scale_of_output(const thm_sheet *s, const sizes *z)
{
    const thm_layer *l = s->layer;
    const size_t targets = (size_t)s->rank.rows * (size_t)l->m;
    double square = 0.0, low = 0.0, high = 1.0;
    if (!(s->s_o.lower > 0.0 && s->s_b.lower > 0.0)) {
        return NAN;
    }
    for (size_t k = 0; k < targets; k++) {
        square += l->Y[k] * l->Y[k];
    }
    const thm_range f0 = thm_range_about(
        square / 2.0, ((double)targets + 4.0) * THM_CONDITIONS_U * square);
    const thm_range now = radius(f0, s->s_o, s->s_b);
    const double room = s->s_b.lower / 2.0;
    /* to 2^-20: room is kept, so that the certificate passes as well */
    while (lipschitz(s, z, thm_range_exact(high)).upper * high < room &&
           high < DBL_MAX / 4.0) {
        high *= 2.0;
    }
    for (int k = 0; k < 1100 && high - low > high * 0x1p-20; k++) {
        const double R = (low + high) / 2.0;
        if (lipschitz(s, z, thm_range_exact(R)).upper * R <= room) {
            low = R;
        } else {
            high = R;
        }
    }
    return now.upper / low * (1.0 + 0x1p-20);
}

/* The largest curvature at the start: there is no closed form in the note. */
static thm_status curvature(const thm_sheet *s, double *L)
{
    const int trained = THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V;
    thm_layer_problem *problem = NULL;
    thm_status status =
        thm_layer_problem_alloc(s->layer, s->w, trained, &problem);
    if (status != THM_OK) {
        return status;
    }
    const thm_objective *o = thm_layer_objective(problem);
    double *x = NULL;
    status = thm_dense_alloc(1, o->n, 1, &x);
    if (status == THM_OK) {
        thm_layer_problem_start(problem, x);
        status = thm_pl_curvature_est(o, x, CURVATURE_STEPS, L);
    }
    free(x);
    thm_layer_problem_free(problem);
    return status;
}

thm_status thm_sheet_joint(thm_sheet *s)
{
    const thm_layer *l = s->layer;
    sizes z;
    double L = NAN;
    thm_status status = measure(s, &z);
    if (status == THM_OK) {
        status = curvature(s, &L);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_condition *row = thm_sheet_at_least(s, "2", "head-width", "HD >= Nn",
                                            s->rank.columns, s->rank.rows);
    if (row->verdict != THM_HOLDS) {
        const int D = (s->rank.rows - 1) / l->H + 1;
        thm_sheet_repair(row, D, "D >= %d", D);
    }
    row = thm_sheet_at_least(s, "2", "output-width", "d >= m", l->d, l->m);
    if (row->verdict != THM_HOLDS) {
        thm_sheet_repair(row, l->m, "d >= %d", l->m);
    }
    thm_sheet_positive(s, "2", "output-rank", "s_O = min_h sigma_m(W_O_h) > 0",
                       s->s_o);
    row = thm_sheet_positive(s, "2", "lambda-b", "s_B = sigma_min(B) > 0",
                             s->s_b);
    status = thm_sheet_repair_scale(s, row);
    const thm_range R = radius(s->f0, s->s_o, s->s_b);
    row = thm_sheet_at_most(s, "2", "ball", "L_B R <= s_B / 2",
                            thm_range_mul(lipschitz(s, &z, R), R),
                            thm_range_div(s->s_b, thm_range_exact(2.0)));
    if (row->verdict != THM_HOLDS) {
        const double scale = scale_of_output(s, &z);
        if (isfinite(scale)) {
            thm_sheet_repair(row, scale, "W_V = 0 and W_O scaled by %.9g",
                             scale);
        }
    }
    const thm_range product = thm_range_mul(s->s_o, s->s_b);
    thm_sheet_consequences(s, thm_range_mul(product, product).lower / 4.0, L,
                           true, 1);
    return status;
}
