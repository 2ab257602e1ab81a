/* The explicit Runge-Kutta method of order 8 by Dormand and Prince with
 * Hairer's error estimate of orders 5 and 3 and his interpolant of order 7,
 * known as DOP853: Hairer, Norsett, Wanner, Solving Ordinary Differential
 * Equations I, 2nd ed., II.5, II.6, II.10.  The coefficients satisfy the
 * conditions of those orders (tests/test_ode.c).
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

/* Error weights of orders 3 and 5, on the stages that the end is made of. */
extern const double thm_dop853_third[THM_DOP853_WEIGHTS];
extern const double thm_dop853_fifth[THM_DOP853_WEIGHTS];

/* Weights of the upper four terms of the interpolant, on stages 1, 6, ..., 16.
 */
extern const double thm_dop853_dense[4][12];

#endif
