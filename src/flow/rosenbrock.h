/* The linearly implicit (Rosenbrock) method Rodas5P: order 5 with an embedded
 * method and an interpolant of order 4, eight stages, stiffly accurate,
 * L-stable (Steinebach, "Construction of Rosenbrock-Wanner method Rodas5P and
 * numerical benchmarks within the Julia Differential Equations package", BIT
 * 63, 2023; the class: Hairer, Wanner, Solving Ordinary Differential Equations
 * II, IV.7).  In the variables of that section, which need no product with the
 * Jacobian J at (t, x):
 *     (I - gamma h J) u_i = gamma (h f(t + c_i h, x + sum_j a_ij u_j)
 *                           + sum_j C_ij u_j + h^2 d_i df/dt),
 * and the last three states are x + ... + u_6, + u_7, + u_8: the new state, of
 * which u_8 is the error estimate.
 *
 * Newton systems go to ode->solve if there is one, df/dt then to a difference
 * quotient (one right-hand side a step); else to LU of ode->jacobian. */
#ifndef THM_ROSENBROCK_H
#define THM_ROSENBROCK_H

enum { THM_RODAS_STAGES = 8 };

extern const double thm_rodas_gamma;
extern const double thm_rodas_c[THM_RODAS_STAGES],
    thm_rodas_d[THM_RODAS_STAGES];
extern const double thm_rodas_a[THM_RODAS_STAGES][THM_RODAS_STAGES - 1];
extern const double thm_rodas_C[THM_RODAS_STAGES][THM_RODAS_STAGES - 1];
/* Weights of the interpolant's three terms. */
extern const double thm_rodas_dense[3][THM_RODAS_STAGES];

#endif
