/* Two tokens: the orbit in closed form (paper-notes/varre2026.md,
 * R10-R12).
 *
 * With D = u_1 - u_2, S = u_1 + u_2, delta = a_1 - a_2, W = 2 sinh(delta / 2)
 * and dtheta = dtau / sqrt(4 + W^2) the orbit of orbit.h (|b| = 1) is
 *     W = W0 cosh theta + D0 sinh theta,   D = D0 cosh theta + W0 sinh theta,
 *     tau = int_0^theta sqrt(4 + W^2),     S = S0 + tau,
 *     y = (S + D W / sqrt(4 + W^2)) / 2.
 * tau is an elliptic integral: the substitution tan f = sinh(theta + phi)
 * brings it to Carlson's R_F and R_D, whose arguments never leave their range.
 */
#ifndef THM_TWO_TOKEN_H
#define THM_TWO_TOKEN_H

#include "core/status.h"
#include "flow/loss.h"

typedef struct {
    double D0, delta0, S0;
    double W0;
} thm_two_token;

typedef struct {
    double theta, tau, D, W, S;
    double delta;           /* a_1 - a_2                              */
    double y;               /* <u, p>                                 */
    double entropy, others; /* of p, nats; the smaller p    */
} thm_two_token_point;

/* THM_EDOMAIN if something is not finite or |delta0| > 1400. */
thm_status thm_two_token_init(double D0, double delta0, double S0,
                              thm_two_token *start);

/* The point at theta, of either sign.  Relative error of W, D and tau is a few
 * eps but for the rounding of theta itself.  THM_EDOMAIN if theta is NaN;
 * THM_EOVERFLOW if exp(|theta|) leaves the range of doubles. */
thm_status thm_two_token_at(const thm_two_token *start, double theta,
                            thm_two_token_point *point);

/* The point at tau, or where y has a given value (the square loss's limit for
 * y = |b|), of either sign: both rise with theta.  THM_ECONVERGE if the root
 * does not settle to 4 eps. */
thm_status thm_two_token_at_tau(const thm_two_token *start, double tau,
                                thm_two_token_point *point);
thm_status thm_two_token_at_projection(const thm_two_token *start, double y,
                                       thm_two_token_point *point);

/* *log_t <- log t at theta >= 0 of the flow with |b| = 1: logistic
 *     t = int (1 + e^y) sqrt(4 + W^2) dtheta,
 * exponential e^y alone; adaptive quadrature, relative error 1e-12 of t.
 * THM_EDOMAIN for any other loss or theta < 0. */
thm_status thm_two_token_log_time(const thm_two_token *start,
                                  thm_loss_kind loss, double theta,
                                  double *log_t);

/* The point at time t > 0, log t given. */
thm_status thm_two_token_at_time(const thm_two_token *start, thm_loss_kind loss,
                                 double log_t, thm_two_token_point *point);

/* What becomes of a start as tau -> infinity.  Token 1 wins iff
 * D0 + W0 > 0, token 2 iff < 0; on the line between both the orbit ends at the
 * uniform saddle.  Entropy is monotone iff W0 D0 >= 0, else it rises once and
 * then falls: through log 2 if |D0| > |W0|, and back before if less. */
typedef struct {
    int winner;  /* 1, 2, or 0 on the separatrix                           */
    int rises;   /* 1 if entropy rises                                      */
    double rise; /* by how much in all                                      */
} thm_two_token_fate;

thm_two_token_fate thm_two_token_foresee(const thm_two_token *start);

/* Lock-in under any loss or driving g(t): if 2 |sinh(delta0 / 2)| exceeds
 * distance = |v_1 - v_2| at the start, delta keeps its sign and |delta| is
 * never below the value returned; 0 if it does not. */
double thm_two_token_lock(double delta0, double distance);

#endif
