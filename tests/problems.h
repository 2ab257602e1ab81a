/* Initial value problems with known solutions, for the integrators' suites. */
#ifndef TESTS_PROBLEMS_H
#define TESTS_PROBLEMS_H

#include <math.h>
#include "flow/ode.h"

/* (exp(sin t), 1 / (1 + t^2)): x' = x cos t, y' = -2 t y^2. */
static inline void pair_exact(double t, double *x)
{
    x[0] = exp(sin(t));
    x[1] = 1.0 / (1.0 + t * t);
}
static inline thm_status pair_rhs(double t, const double *x, double *dx,
                                  void *ctx)
{
    (void)ctx;
    dx[0] = x[0] * cos(t);
    dx[1] = -2.0 * t * x[1] * x[1];
    return THM_OK;
}
static inline thm_status pair_jacobian(double t, const double *x, double *J,
                                       double *dfdt, void *ctx)
{
    (void)ctx;
    J[0] = cos(t);
    J[1] = J[2] = 0.0;
    J[3] = -4.0 * t * x[1];
    dfdt[0] = -x[0] * sin(t);
    dfdt[1] = -2.0 * x[1] * x[1];
    return THM_OK;
}
static inline thm_status pair_solve(double t, const double *y, double gamma,
                                    const double *b, double *x, void *ctx)
{
    (void)ctx;
    x[0] = b[0] / (1.0 - gamma * cos(t));
    x[1] = b[1] / (1.0 + gamma * 4.0 * t * y[1]);
    return THM_OK;
}
static inline thm_ode pair_problem(void)
{
    return (thm_ode){.n = 2, .rhs = pair_rhs, .jacobian = pair_jacobian};
}

/* A rate k(t) towards a moving target: x' = -k (x - sin t) + cos t, exact sin t
 * from 0; stiff where k is large.  ctx: {k before t = 50, k after}. */
static inline thm_status chase_rhs(double t, const double *x, double *dx,
                                   void *ctx)
{
    double k = ((const double *)ctx)[t >= 50.0];
    dx[0] = -k * (x[0] - sin(t)) + cos(t);
    return THM_OK;
}
static inline thm_status chase_jacobian(double t, const double *x, double *J,
                                        double *dfdt, void *ctx)
{
    double k = ((const double *)ctx)[t >= 50.0];
    (void)x;
    J[0] = -k;
    dfdt[0] = k * cos(t) - sin(t);
    return THM_OK;
}
static inline thm_ode chase_problem(double *k)
{
    return (thm_ode){
        .n = 1, .rhs = chase_rhs, .jacobian = chase_jacobian, .ctx = k};
}

/* x' = x^2 from 1: 1 / (1 - t). */
static inline thm_status burst_rhs(double t, const double *x, double *dx,
                                   void *ctx)
{
    (void)t;
    (void)ctx;
    dx[0] = x[0] * x[0];
    return THM_OK;
}
static inline thm_status burst_jacobian(double t, const double *x, double *J,
                                        double *dfdt, void *ctx)
{
    (void)t;
    (void)ctx;
    J[0] = 2.0 * x[0];
    dfdt[0] = 0.0;
    return THM_OK;
}
static inline thm_ode burst_problem(void)
{
    return (thm_ode){.n = 1, .rhs = burst_rhs, .jacobian = burst_jacobian};
}

/* A full turn in the plane: (sin t, cos t). */
static inline thm_status turn_rhs(double t, const double *x, double *dx,
                                  void *ctx)
{
    (void)t;
    (void)ctx;
    dx[0] = x[1];
    dx[1] = -x[0];
    return THM_OK;
}
static inline thm_status turn_jacobian(double t, const double *x, double *J,
                                       double *dfdt, void *ctx)
{
    (void)t;
    (void)x;
    (void)ctx;
    J[0] = J[3] = dfdt[0] = dfdt[1] = 0.0;
    J[1] = 1.0;
    J[2] = -1.0;
    return THM_OK;
}
static inline thm_ode turn_problem(void)
{
    return (thm_ode){.n = 2, .rhs = turn_rhs, .jacobian = turn_jacobian};
}

/* Kepler's problem, eccentricity e at its pericentre: period 2 pi. */
static inline thm_status kepler_rhs(double t, const double *x, double *dx,
                                    void *ctx)
{
    (void)t;
    (void)ctx;
    double r2 = x[0] * x[0] + x[1] * x[1], r3 = r2 * sqrt(r2);
    dx[0] = x[2];
    dx[1] = x[3];
    dx[2] = -x[0] / r3;
    dx[3] = -x[1] / r3;
    return THM_OK;
}

/* Arenstorf's orbit in the restricted problem of three bodies (Solving ODEs I,
 * II.0): closed, with close encounters. */
static const double arenstorf_period = 17.0652165601579625588917206249;
static const double arenstorf_start[4] = {0.994, 0.0, 0.0,
                                          -2.00158510637908252240537862224};
static inline thm_status arenstorf_rhs(double t, const double *x, double *dx,
                                       void *ctx)
{
    (void)t;
    (void)ctx;
    double m = 0.012277471, w = 1.0 - m;
    double earth = pow((x[0] + m) * (x[0] + m) + x[1] * x[1], 1.5);
    double moon = pow((x[0] - w) * (x[0] - w) + x[1] * x[1], 1.5);
    dx[0] = x[2];
    dx[1] = x[3];
    dx[2] = x[0] + 2 * x[3] - w * (x[0] + m) / earth - m * (x[0] - w) / moon;
    dx[3] = x[1] - 2 * x[2] - w * x[1] / earth - m * x[1] / moon;
    return THM_OK;
}

#endif
