/* The value-softmax flow at one state in ball arithmetic: softmax, the loss's
 * gradient and the velocity x' = (V', a') from their formulas
 * (paper-notes/varre2026.md, "The flow"), and the path x + t x' as power series
 * of length 2, so that the rate of any function of the state is the second
 * coefficient of its series: differentiated by rule, not by hand. */
#ifndef THM_FLOW_BALL_H
#define THM_FLOW_BALL_H

#include "claims/claim.h"
#include "claims/flow_cases.h"
#include "claims/loss_ball.h"
#include "core/arb.h"
#include "core/status.h"
#include "flow/loss.h"

typedef struct {
    int d, n;             /* of the state loaded last                       */
    const thm_loss *loss; /* borrowed                                       */
    arb_ptr V, dV;        /* (d x n) row-major; V' = -g p'                  */
    arb_ptr a, da;        /* (n); a' = J w                                  */
    arb_ptr p, w;         /* (n); p = softmax(a), w = -V'g                  */
    arb_ptr z, g;         /* (d); z = V p, g = grad L(z)                    */
    arb_t mean;           /* p'w                                            */
    arb_t speed2;         /* |V'|^2 + |a'|^2                                */
    arb_poly_struct *path_V, *path_a, *path_p, *path_z; /* along x + t x'   */
    int room_d, room_n;
} thm_ball_flow;

/* For states of at most d x n.  THM_EDIM, THM_ENOMEM. */
thm_status thm_ball_flow_alloc(int d, int n, thm_ball_flow **b);
void thm_ball_flow_free(thm_ball_flow *b);

/* Turns to the state x = (V, a).  Losses: logistic, exponential, square,
 * quadratic, cross-entropy; THM_EDOMAIN for another, THM_EDIM if the state is
 * larger than b. */
thm_status thm_ball_flow_load(thm_ball_flow *b, const thm_loss *loss, int n,
                              const double *x);

/* f <- the loss along the path, from its formula. */
void thm_ball_flow_loss(const thm_ball_flow *b, arb_poly_t f);

/* Whether logits differ: where they do not, entropy and the pair law rest. */
bool thm_ball_flow_has_logits(const thm_ball_flow *b);

/* f <- the entropy of p along the path. */
void thm_ball_flow_entropy(const thm_ball_flow *b, arb_poly_t f);

/* f <- |v_i - v_j|^2 / 2 along the path. */
void thm_ball_flow_distance(const thm_ball_flow *b, int i, int j, arb_poly_t f);

/* y <- J x = p o (x - p'x).  (n), y may be x. */
void thm_ball_flow_jacobian(const thm_ball_flow *b, arb_srcptr x, arb_ptr y);

/* rate <- the second coefficient. */
void thm_ball_rate(arb_t rate, const arb_poly_t f);

/* sum <- sum + |x|. */
void thm_ball_add_abs(arb_t sum, const arb_t x);

/* observed |x| / scale, allowed 0, equality possible. */
void thm_finding_relative(thm_finding *f, const arb_t x, const arb_t scale);

/* A case with its state loaded: what the measures of pointwise claims receive
 * as their context. */
typedef struct {
    const thm_flow_source *source;
    thm_flow_case one;
    thm_ball_flow *b;
} thm_flow_states;

/* Opens a source of count such states, and closes it, also half open. */
thm_status thm_flow_states_open(const thm_flow_source *states, int64_t count,
                                thm_case_source *source, void **ctx);
void thm_flow_states_close(thm_case_source *source, void *ctx);

#endif
