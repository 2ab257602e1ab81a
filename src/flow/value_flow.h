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

/* p: (n) <- sigma(a).  THM_EDOMAIN where the normaliser is zero. */
thm_status thm_normalise(thm_normalisation kind, int n, const double *a,
                         double *p);

typedef struct thm_value_flow thm_value_flow;

/* Borrows loss.  Tied model: V = U (n x n), z = U sigma(U' ... ) has its own
 * functions below. */
thm_status thm_value_flow_alloc(int d, int n, const thm_loss *loss,
                                thm_normalisation kind, thm_value_flow **flow);
void thm_value_flow_free(thm_value_flow *flow);

/* d n + n. */
int thm_value_flow_size(const thm_value_flow *flow);

/* x' in O(d n) plus the loss; the Jacobian product and the dense Jacobian
 * (symmetric: minus the Hessian of L(V sigma(a))); Newton systems
 * (I - gamma J) y = b through their low-rank plus diagonal structure in
 * O(n d^2 + d^3) (softmax; others dense). */
thm_ode thm_value_flow_ode(thm_value_flow *flow);

/* The same as something to minimise. */
thm_objective thm_value_flow_objective(thm_value_flow *flow);

/* What a state says of itself. */
typedef struct {
    double loss, entropy, p_max, others; /* others = 1 - p_max as a sum */
    int winner;      /* index of the largest p             */
    double gradient; /* |grad_z L|_2                       */
} thm_value_state;

/* p: (n) or NULL receives sigma(a); z: (d) or NULL. */
thm_status thm_value_flow_look(thm_value_flow *flow, const double *x,
                               thm_value_state *state, double *p, double *z);

/* Conserved: sum a (softmax, sigmoid does not); for n = 2 and softmax
 * E = |v_1 - v_2|^2 / 2 - cosh(a_1 - a_2), with its scale 1 + cosh. */
double thm_value_flow_sum(const thm_value_flow *flow, const double *x);
double thm_value_flow_pair(const thm_value_flow *flow, const double *x, int i,
                           int j, double *scale);

#endif
