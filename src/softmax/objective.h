/* A function of n real parameters with its derivatives: what gradient flow,
 * Polyak-Lojasiewicz ratios, landscapes and Hessians work on.
 *
 * Callbacks take the point first, write their output last, never keep a
 * pointer, and give the same bits for the same point.  ctx may hold scratch:
 * one objective serves one thread. */
#ifndef THM_OBJECTIVE_H
#define THM_OBJECTIVE_H

#include "core/status.h"

typedef struct {
    int n;     /* parameters                                            */
    void *ctx; /* handed to every callback                              */

    /* *f <- f(x).  x: (n). */
    thm_status (*value)(const double *x, double *f, void *ctx);
    /* g: (n) <- grad f(x). */
    thm_status (*gradient)(const double *x, double *g, void *ctx);
    /* hv: (n) <- Hessian(x) v; NULL if there is none. */
    thm_status (*hvp)(const double *x, const double *v, double *hv, void *ctx);

    /* Least squares f = |r(x)|^2 / 2 with m residuals; m = 0 and NULL
     * otherwise.  r: (m), jv: (m) <- J v, jtu: (n) <- J' u. */
    int m;
    thm_status (*residual)(const double *x, double *r, void *ctx);
    thm_status (*jvp)(const double *x, const double *v, double *jv, void *ctx);
    thm_status (*vjp)(const double *x, const double *u, double *jtu, void *ctx);
} thm_objective;

#endif
