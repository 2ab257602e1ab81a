/* The orbit that every loss of one projection shares (paper-notes/varre2026.md,
 * "The flow", orbit time).
 *
 * For L(z) = l(<b, z>) let u = V'b / |b| and dtau = -l'(y) |b| dt.  Then
 *     du/dtau = p,   da/dtau = J u,   p = sigma(a),  J = diag(p) - p p',
 * gradient ascent on <u, p>, the same for every such l: 2n numbers instead of
 * d n + n, and tau = sum(u - u(0)).  The square loss |z - b|^2 / 2 runs the
 * same orbit from an aligned start, V(0) = b c' for some c, with
 * dtau = (|b| - <u, p>) dt: it stops where <u, p> = |b|, and runs backwards if
 * it began beyond.
 *
 * The projection y is |b| <u, p> = <b, z>; for the square loss <u, p>. */
#ifndef THM_ORBIT_H
#define THM_ORBIT_H

#include <stdbool.h>
#include "flow/loss.h"
#include "flow/ode.h"

typedef enum {
    /* Independent variable tau, state (u, a), 2n: knows of no loss. */
    THM_ORBIT_FREE,
    /* The same with q = log(1 + t) as the last of 2n + 1 numbers: t = 1e250 is
     * tau = 575.  Not for the square loss, whose t is infinite at finite tau.
     */
    THM_ORBIT_CLOCKED,
    /* Independent variable t, state (u, a). */
    THM_ORBIT_TIMED
} thm_orbit_form;

typedef struct thm_orbit thm_orbit;

/* n tokens; loss: logistic, exponential or square; norm: |b|, positive.
 * backward (free form only): the independent variable is -tau.
 * THM_EDIM if n < 1; THM_EDOMAIN; THM_ENOMEM. */
thm_status thm_orbit_alloc(int n, thm_loss_kind loss, double norm,
                           thm_orbit_form form, bool backward,
                           thm_orbit **orbit);
void thm_orbit_free(thm_orbit *orbit);

/* 2n, or 2n + 1 if clocked. */
int thm_orbit_size(const thm_orbit *orbit);

/* Right-hand side, Jacobian product and dense Jacobian; O(n), O(n), O(n^2). */
thm_ode thm_orbit_ode(thm_orbit *orbit);

/* x <- the orbit's state of V: (d x n) row-major, a: (n), at t = 0; b: (d) with
 * |b| = norm to 4 d eps.  THM_EDIM if d < 1; THM_EDOMAIN if |b| differs or
 * something is not finite; x untouched. */
thm_status thm_orbit_project(const thm_orbit *orbit, int d, const double *V,
                             const double *b, const double *a, double *x);

/* V <- V0 + b (u - u0)' / |b|, the value matrix at x of the orbit that started
 * at x0 with V0.  V, V0: (d x n), may be the same array. */
void thm_orbit_lift(const thm_orbit *orbit, int d, const double *V0,
                    const double *b, const double *x0, const double *x,
                    double *V);

typedef struct {
    double y;       /* projection, see above                              */
    double log_t;   /* clocked form: log t, -inf at the start; else NaN   */
    double loss;    /* l(y); square: (|b| - y)^2 / 2, the aligned part    */
    double entropy; /* of p, nats                                         */
    double slope;   /* dH/dtau = -<J a, J u>                              */
    double p_max, others; /* others = 1 - p_max as a sum                   */
    int winner;           /* index of the largest p                       */
} thm_orbit_state;

/* What a state says of itself; p: (n) or NULL receives sigma(a).
 * THM_EDOMAIN if x is not finite. */
thm_status thm_orbit_look(thm_orbit *orbit, const double *x,
                          thm_orbit_state *state, double *p);

/* From x, a start (t = 0), to time t > 0; clocked or timed form.  In the
 * clocked form the end is where q crosses log(1 + t).
 * Statuses of thm_ode_integrate; THM_EDOMAIN if t is not positive and finite.
 */
thm_status thm_orbit_to_time(thm_orbit *orbit, double t, double *x,
                             const thm_ode_options *options,
                             thm_ode_stats *stats);

/* From x to the point of the orbit with projection y, forwards or, if the orbit
 * was made so, backwards; free form.  It exists and is unique, because
 * dy/dtau >= 1/n (>= |b| / n unless the loss is square).  For the square loss
 * y = |b| is the limit t -> infinity.  stats->t is the |tau| spent, and x is
 * left alone if y lies behind within 4 n eps of the start's.
 * THM_EDOMAIN if y lies behind; statuses of thm_ode_integrate. */
thm_status thm_orbit_to_projection(thm_orbit *orbit, double y, double *x,
                                   const thm_ode_options *options,
                                   thm_ode_stats *stats);

#endif
