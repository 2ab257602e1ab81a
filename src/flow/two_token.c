/* The two-token orbit in closed form: see two_token.h. */
#include "flow/two_token.h"

#include <float.h>
#include <math.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf_ellint.h>

thm_status thm_two_token_init(double D0, double delta0, double S0,
                              thm_two_token *start)
{
    if (!isfinite(D0) || !isfinite(S0) || !(fabs(delta0) <= 1400.0)) {
        return THM_EDOMAIN;
    }
    *start = (thm_two_token){
        .D0 = D0, .delta0 = delta0, .S0 = S0, .W0 = 2.0 * sinh(0.5 * delta0)};
    return THM_OK;
}

/* int_0^x sqrt(B^2 + A^2 sinh^2), B > 0.  With tan f = sinh x, s = sin f,
 * c = cos f, m = 1 - A^2/B^2 <= 1 and Delta^2 = 1 - m s^2 > 0 it is
 *     B (tan f Delta + F(f|m) - E(f|m)),  F - E = (m/3) s^3 R_D(c^2, Delta^2,
 * 1). */
static thm_status arc(double A, double B, double x, double *out)
{
    const double sh = sinh(x), ch = cosh(x), k = A / B;
    const double s = sh / ch, c2 = 1.0 / (ch * ch);
    const double delta2 = c2 + k * k * s * s; /* no cancellation */
    gsl_sf_result rd;
    if (!isfinite(sh * ch)) {
        return THM_EOVERFLOW;
    }
    if (gsl_sf_ellint_RD_e(c2, delta2, 1.0, GSL_PREC_DOUBLE, &rd) !=
        GSL_SUCCESS) {
        return THM_EOVERFLOW;
    }
    const double m = (1.0 - k) * (1.0 + k);
    *out = B * (sh * sqrt(delta2) + m / 3.0 * s * s * s * rd.val);
    return THM_OK;
}

/* int_0^theta sqrt(4 + W0^2 e^(2 sign x)) dx: the orbits on the light cone,
 * |D0| = |W0|.  With v = sqrt(4 + W^2) an antiderivative is
 * sign (v - 2 atanh(2 / v)), taken through asinh where W is small. */
static double cone_arc(double W0, double sign, double theta)
{
    const double w0 = fabs(W0), w1 = w0 * exp(sign * theta);
    const double v0 = sqrt(4.0 + w0 * w0), v1 = sqrt(4.0 + w1 * w1);
    if (w0 == 0.0) {
        return 2.0 * theta;
    }
    /* v1 - v0 without cancellation; 2 asinh(2 / w) = 2 atanh(2 / v) */
    const double rise = (w1 - w0) * (w1 + w0) / (v1 + v0);
    /* asinh(2/w) = log((2 + v) / w): the theta in log(w1 / w0) is exact */
    const double turn = log((2.0 + v1) / (2.0 + v0)) - sign * theta;
    return sign * (rise - 2.0 * turn);
}

/* atanh(small / large), |small| < |large|, however near to 1 the ratio is. */
static double atanh_ratio(double small, double large)
{
    return fabs(small) < 0.5 * fabs(large)
               ? atanh(small / large)
               : 0.5 * log((large + small) / (large - small));
}

static thm_status tau_of(const thm_two_token *s, double theta, double *tau)
{
    const double square = (s->D0 - s->W0) * (s->D0 + s->W0);
    const double A = sqrt(fabs(square));
    double B = 2.0, phi, to, from;
    if (square == 0.0) {
        *tau = cone_arc(s->W0, s->D0 * s->W0 < 0.0 ? -1.0 : 1.0, theta);
        return isfinite(*tau) ? THM_OK : THM_EOVERFLOW;
    }
    if (square > 0.0) {
        phi = atanh_ratio(s->W0, s->D0);
    } else {
        phi = atanh_ratio(s->D0, s->W0);
        B = sqrt(4.0 + A * A);
    }
    thm_status status = arc(A, B, theta + phi, &to);
    if (status == THM_OK) {
        status = arc(A, B, phi, &from);
    }
    if (status == THM_OK) {
        *tau = to - from;
    }
    return status;
}

/* Entropy of (p, 1 - p) with logits delta apart. */
static double entropy_of(double delta)
{
    const double e = exp(-fabs(delta));
    return log1p(e) + fabs(delta) * e / (1.0 + e);
}

thm_status thm_two_token_at(const thm_two_token *start, double theta,
                            thm_two_token_point *point)
{
    double tau;
    if (isnan(theta)) {
        return THM_EDOMAIN;
    }
    const thm_status status = tau_of(start, theta, &tau);
    if (status != THM_OK) {
        return status;
    }
    const double up = 0.5 * (start->W0 + start->D0) * exp(theta);
    const double down = 0.5 * (start->W0 - start->D0) * exp(-theta);
    const double W = up + down, D = up - down, S = start->S0 + tau;
    const double delta = 2.0 * asinh(0.5 * W);
    const double e = exp(-fabs(delta));
    if (!isfinite(W) || !isfinite(D) || !isfinite(S)) {
        return THM_EOVERFLOW;
    }
    *point = (thm_two_token_point){.theta = theta,
                                   .tau = tau,
                                   .D = D,
                                   .W = W,
                                   .S = S,
                                   .delta = delta,
                                   .y = 0.5 * (S + D * tanh(0.5 * delta)),
                                   .entropy = entropy_of(delta),
                                   .others = e / (1.0 + e)};
    return THM_OK;
}

thm_two_token_fate thm_two_token_foresee(const thm_two_token *start)
{
    const double D = start->D0, W = start->W0;
    thm_two_token_fate fate = {.winner = D + W > 0.0 ? 1 : D + W < 0.0 ? 2 : 0};
    if (W * D < 0.0) {
        /* the least |W| on the way; on the cone it is approached for ever */
        const double least =
            fabs(D) >= fabs(W)
                ? 0.0
                : sqrt((fabs(W) - fabs(D)) * (fabs(W) + fabs(D)));
        fate.rises = 1;
        fate.rise =
            entropy_of(2.0 * asinh(0.5 * least)) - entropy_of(start->delta0);
    }
    return fate;
}

double thm_two_token_lock(double delta0, double distance)
{
    const double W = 2.0 * fabs(sinh(0.5 * delta0));
    if (!(W > distance)) {
        return 0.0;
    }
    return 2.0 * asinh(0.5 * sqrt((W - distance) * (W + distance)));
}
