/* The explicit Runge-Kutta method of order 8 by Dormand and Prince with
 * Hairer's interpolant of order 7, known as DOP853: Hairer, Norsett, Wanner,
 * Solving Ordinary Differential Equations I, 2nd ed., II.5, II.6.  The
 * coefficients satisfy the conditions of those orders (tests/test_ode.c).
 *
 * The error estimate is not DOP853's.  That one, of orders 5 and 3, has a zero
 * at h lambda = -5.64 and is below the error from -5.05 to the edge of the
 * stability interval, -6.39: where fast modes limit the step, it accepts errors
 * of several times the tolerance.  Here it is the sixth divided difference of
 * the slopes over stages 1 and 6, ..., 11, so a multiple of h^7 x^(7): the only
 * weights on the stages of the end that meet the conditions to order 6, up to a
 * factor.  With the factor chosen it bounds the error for x' = lambda x at
 * every h lambda in the stability interval: tenfold at -1, just so at the edge.
 * For other problems it is an estimate.
 *
 * Twelve right-hand sides a step: the last stage of a step, at its end, is the
 * first of the next.  The interpolant takes three more, in steps that are
 * looked into only. */
#ifndef THM_DOP853_H
#define THM_DOP853_H

/* Stage 13, whose row is the method's weights, is the step's end; the last
 * three serve the interpolant. */
enum { THM_DOP853_STAGES = 16, THM_DOP853_END = 12, THM_DOP853_WEIGHTS = 8 };

/* x_i = x + h sum_j a[j] k[from[j]] at t + c h; zeros are left out. */
typedef struct {
    double c;
    int terms, from[12];
    double a[12];
} thm_dop853_stage;

extern const thm_dop853_stage thm_dop853_stages[THM_DOP853_STAGES];

/* The estimate's factor, rounded up, and weights, on the stages that the end is
 * made of; the last is 0. */
#define THM_DOP853_BOUND 3.6e-4
extern const double thm_dop853_error[THM_DOP853_WEIGHTS];

/* How much of the estimate to believe where the fastest rate across a step is
 * z / h: min(1, max(1/4, 0.6 z)), and 1 where z is not known (not positive).
 * For x' = lambda x the error is at most half of that share of the estimate if
 * 1/2 <= |h lambda| <= z <= 5/3, lambda complex, and the whole of it on the
 * negative axis to the stability interval's end.  It rises with z, so the
 * fastest rate serves slower ones too. */
double thm_dop853_share(double z);

/* Weights of the upper four terms of the interpolant, on stages 1, 6, ..., 16.
 */
extern const double thm_dop853_dense[4][12];

#endif
