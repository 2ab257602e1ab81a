/* Gradient flow of the value-softmax model L(V sigma(a)) (Varre et al. 2026,
 * section 3; paper-notes/varre2026.md, "The flow").
 *
 * State x = (V, a): V (d x n) row-major, columns v_i, then a (n); N = d n + n
 * numbers.  With p = sigma(a), z = V p, g = grad L(z), w = -V'g:
 *     V' = -g p',   a' = (d sigma / d a)' w,
 * which for softmax is a_i' = p_i (w_i - <p, w>). */
#ifndef THM_VALUE_FLOW_H
#define THM_VALUE_FLOW_H

#include "flow/loss.h"
#include "flow/ode.h"
#include "la/isa.h"
#include "softmax/objective.h"

#define THM_NORMALISATION_TABLE(X)                                             \
    X(THM_NORMALISE_SOFTMAX, "softmax")                                        \
    X(THM_NORMALISE_L1, "l1")     /* |a_i| / sum |a|           */              \
    X(THM_NORMALISE_L2, "l2")     /* a_i^2 / sum a^2           */              \
    X(THM_NORMALISE_SUM, "sum")   /* a_i / sum a               */              \
    X(THM_NORMALISE_RELU, "relu") /* max(a_i, 0) / sum of them */              \
    X(THM_NORMALISE_SIGMOID,                                                   \
      "sigmoid") /* 1 / (1 + exp(-a_i)), not normalised */

typedef enum {
#define THM_NORMALISATION_ENUM(name, text) name,
    THM_NORMALISATION_TABLE(THM_NORMALISATION_ENUM)
#undef THM_NORMALISATION_ENUM
} thm_normalisation;

const char *thm_normalisation_text(thm_normalisation kind);

/* p: (n) <- sigma(a); p may be a.  THM_EDIM if n < 1; THM_EDOMAIN, p untouched,
 * if a is not finite or its normaliser is zero.  A sum of both signs may leave
 * the simplex, as the authors' does. */
thm_status thm_normalise(thm_normalisation kind, int n, const double *a,
                         double *p);

typedef struct thm_value_flow thm_value_flow;

/* Borrows loss.  A flow holds scratch: one serves one thread.  THM_EDIM if d or
 * n < 1, loss->d != d or d n + n > 2^28; what thm_loss_check finds; THM_ENOMEM.
 */
thm_status thm_value_flow_alloc(int d, int n, const thm_loss *loss,
                                thm_normalisation kind, thm_value_flow **flow);
void thm_value_flow_free(thm_value_flow *flow);

/* The kernels of another instruction set, which this CPU must have: for tests,
 * results are the same to the bit. */
void thm_value_flow_use(thm_value_flow *flow, thm_isa isa);

/* d n + n. */
int thm_value_flow_size(const thm_value_flow *flow);

/* x' in O(d n) plus the loss, for softmax and n >= 8 by the kernels of
 * flow_kernel.h; the Jacobian product in O(d n) and the dense Jacobian in
 * O((d n)^2), symmetric to the bit: minus the Hessian of L(V sigma(a)).  At a
 * kink of |a_i| or max(a_i, 0) the slope is 0.
 *
 * Newton systems (I - gamma J) x = b in O(n d^2 + d^3) as a rule, in
 * O((n + d)^3) where that would lose digits; the factors are kept for the next
 * b at the same state and gamma.  The error beside the solution is of order
 * u (|b| + gamma |J| |x|) times the norm of the inverse.  THM_ESINGULAR, x
 * untouched, where the reduced system (rows and columns scaled) is within
 * 16 (n + d + 2) eps of a singular one: gamma = 1 / lambda, lambda > 0 an
 * eigenvalue of J, cannot be told from it.
 *
 * Callbacks: THM_EDOMAIN, output unspecified, where the derivative is not
 * finite or the normaliser is zero, or (solve) gamma or b is not finite;
 * THM_ENOMEM. */
thm_ode thm_value_flow_ode(thm_value_flow *flow);

/* The same as something to minimise. */
thm_objective thm_value_flow_objective(thm_value_flow *flow);

/* What a state says of itself. */
typedef struct {
    double loss;
    double entropy; /* of p / sum p, in nats; NaN if some p_i < 0 (sum)     */
    double p_max;
    double others;   /* sum of p but p_max: 1 - p_max without cancellation  */
    int winner;      /* index of the largest p                              */
    double gradient; /* |grad_z L|_2                                        */
} thm_value_state;

/* p: (n) or NULL receives sigma(a); z: (d) or NULL.  For log p of softmax see
 * thm_softmax_log.  THM_EDOMAIN as for the callbacks. */
thm_status thm_value_flow_look(thm_value_flow *flow, const double *x,
                               thm_value_state *state, double *p, double *z);

/* sum a, conserved for softmax. */
double thm_value_flow_sum(const thm_value_flow *flow, const double *x);

/* E = |v_i - v_j|^2 / 2 - cosh(a_i - a_j), conserved for softmax and n = 2
 * whatever the loss.  Its drift is relative to *scale (if not NULL) =
 * 1 + cosh(a_i - a_j): the two parts of E cancel. */
double thm_value_flow_pair(const thm_value_flow *flow, const double *x, int i,
                           int j, double *scale);

#endif
