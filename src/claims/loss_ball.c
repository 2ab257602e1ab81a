/* Losses and their gradients in ball arithmetic: see loss_ball.h. */
#include "claims/loss_ball.h"

#include <stddef.h>

enum { LENGTH = 2, BITS = THM_FLOW_BITS };

/* s += <x, z> with doubles x. */
static void add_inner(int d, const double *x, arb_srcptr z, arb_t s)
{
    arb_t t;
    arb_init(t);
    for (int r = 0; r < d; r++) {
        arb_set_d(t, x[r]);
        arb_addmul(s, t, z + r, BITS);
    }
    arb_clear(t);
}

/* g <- factor b */
static void multiple(int d, const arb_t factor, const double *b, arb_ptr g)
{
    for (int r = 0; r < d; r++) {
        arb_set_d(g + r, b[r]);
        arb_mul(g + r, g + r, factor, BITS);
    }
}

/* g <- softmax(z) - p* */
static void cross_entropy_gradient(const thm_loss *loss, arb_srcptr z,
                                   arb_ptr g)
{
    arb_t sum, t;
    arb_init(sum);
    arb_init(t);
    for (int r = 0; r < loss->d; r++) {
        arb_exp(g + r, z + r, BITS);
        arb_add(sum, sum, g + r, BITS);
    }
    for (int r = 0; r < loss->d; r++) {
        arb_div(g + r, g + r, sum, BITS);
        arb_set_d(t, loss->b[r]);
        arb_sub(g + r, g + r, t, BITS);
    }
    arb_clear(sum);
    arb_clear(t);
}

/* g <- 2 X'(X z - y) */
static void quadratic_gradient(const thm_loss *loss, arb_srcptr z, arb_ptr g)
{
    arb_t residual, t;
    arb_init(residual);
    arb_init(t);
    _arb_vec_zero(g, loss->d);
    for (int i = 0; i < loss->m; i++) {
        const double *row = loss->X + (size_t)i * (size_t)loss->d;
        arb_set_d(residual, -loss->y[i]);
        add_inner(loss->d, row, z, residual);
        for (int r = 0; r < loss->d; r++) {
            arb_set_d(t, 2.0 * row[r]);
            arb_addmul(g + r, t, residual, BITS);
        }
    }
    arb_clear(residual);
    arb_clear(t);
}

thm_status thm_ball_loss_gradient(const thm_loss *loss, arb_srcptr z, arb_ptr g)
{
    thm_status status = THM_OK;
    arb_t s;
    arb_init(s);
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC: /* -b / (1 + e^y) */
        add_inner(loss->d, loss->b, z, s);
        arb_exp(s, s, BITS);
        arb_add_ui(s, s, 1, BITS);
        arb_inv(s, s, BITS);
        arb_neg(s, s);
        multiple(loss->d, s, loss->b, g);
        break;
    case THM_LOSS_EXPONENTIAL: /* -b e^-y */
        add_inner(loss->d, loss->b, z, s);
        arb_neg(s, s);
        arb_exp(s, s, BITS);
        arb_neg(s, s);
        multiple(loss->d, s, loss->b, g);
        break;
    case THM_LOSS_SQUARE:
        for (int r = 0; r < loss->d; r++) {
            arb_set_d(s, loss->b[r]);
            arb_sub(g + r, z + r, s, BITS);
        }
        break;
    case THM_LOSS_QUADRATIC:
        quadratic_gradient(loss, z, g);
        break;
    case THM_LOSS_CROSS_ENTROPY:
        cross_entropy_gradient(loss, z, g);
        break;
    default:
        status = THM_EDOMAIN;
        break;
    }
    arb_clear(s);
    return status;
}

/* f += c z along the path */
static void add_multiple(arb_poly_t f, double c, const arb_poly_struct *z)
{
    arb_t t;
    arb_poly_t term;
    arb_init(t);
    arb_poly_init(term);
    arb_set_d(t, c);
    arb_poly_scalar_mul(term, z, t, BITS);
    arb_poly_add(f, f, term, BITS);
    arb_poly_clear(term);
    arb_clear(t);
}

/* f += (c'z - y)^2 along the path */
static void add_square(arb_poly_t f, int d, const double *c, double y,
                       const arb_poly_struct *z)
{
    arb_poly_t residual;
    arb_poly_init(residual);
    arb_t t;
    arb_init(t);
    arb_set_d(t, -y);
    arb_poly_set_arb(residual, t);
    for (int r = 0; r < d; r++) {
        add_multiple(residual, c[r], z + r);
    }
    arb_poly_mullow(residual, residual, residual, LENGTH, BITS);
    arb_poly_add(f, f, residual, BITS);
    arb_clear(t);
    arb_poly_clear(residual);
}

/* log sum exp z - p*'z: -p*'log softmax(z) in a form whose gradient is
 * softmax(z) - p* also where the doubles p* add up to 1 but for rounding. */
static void cross_entropy(const thm_loss *loss, const arb_poly_struct *z,
                          arb_poly_t f)
{
    arb_poly_t e;
    arb_poly_init(e);
    arb_poly_zero(f);
    for (int r = 0; r < loss->d; r++) {
        arb_poly_exp_series(e, z + r, LENGTH, BITS);
        arb_poly_add(f, f, e, BITS);
    }
    arb_poly_log_series(f, f, LENGTH, BITS);
    for (int r = 0; r < loss->d; r++) {
        add_multiple(f, -loss->b[r], z + r);
    }
    arb_poly_clear(e);
}

void thm_ball_loss(const thm_loss *loss, const arb_poly_struct *z, arb_poly_t f)
{
    const double unit = 1.0;
    arb_poly_zero(f);
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
    case THM_LOSS_EXPONENTIAL:
        for (int r = 0; r < loss->d; r++) {
            add_multiple(f, -loss->b[r], z + r);
        }
        arb_poly_exp_series(f, f, LENGTH, BITS);
        if (loss->kind == THM_LOSS_LOGISTIC) {
            arb_poly_t one;
            arb_poly_init(one);
            arb_poly_one(one);
            arb_poly_add(f, f, one, BITS);
            arb_poly_log_series(f, f, LENGTH, BITS);
            arb_poly_clear(one);
        }
        break;
    case THM_LOSS_SQUARE:
        for (int r = 0; r < loss->d; r++) {
            add_square(f, 1, &unit, loss->b[r], z + r);
        }
        arb_poly_scalar_mul_2exp_si(f, f, -1);
        break;
    case THM_LOSS_QUADRATIC:
        for (int i = 0; i < loss->m; i++) {
            add_square(f, loss->d, loss->X + (size_t)i * (size_t)loss->d,
                       loss->y[i], z);
        }
        break;
    default: /* load admits no other */
        cross_entropy(loss, z, f);
        break;
    }
}
