/* The tied value-softmax model (setting D of paper-notes/varre2026.md; the
 * model is that of the authors' notebook): one matrix makes the logits and the
 * values,
 *     s = U a,   p = softmax(s),   z = U p,   L(z).
 *
 * State x = (U, a): U (d x d) row-major, then a (d).  With g = grad L(z) and
 * h = (diag p - p p') U'g = dL/ds, gradient flow is
 *     U' = -g p' - h a',   a' = -U'h. */
#ifndef THM_TIED_H
#define THM_TIED_H

#include "flow/loss.h"
#include "flow/ode.h"
#include "softmax/objective.h"

typedef struct thm_tied thm_tied;

/* Borrows loss.  THM_EDIM if loss->d < 1 or d^2 + d > 2^28; what
 * thm_loss_check finds; THM_ENOMEM. */
thm_status thm_tied_alloc(const thm_loss *loss, thm_tied **tied);
void thm_tied_free(thm_tied *tied);

/* d^2 + d. */
int thm_tied_size(const thm_tied *tied);

/* The flow (without derivatives: it is not stiff) and the same as something to
 * minimise, without Hessian products.  O(d^2).  Callbacks: THM_EDOMAIN, output
 * unspecified, where the state or its slope is not finite. */
thm_ode thm_tied_ode(thm_tied *tied);
thm_objective thm_tied_objective(thm_tied *tied);

/* p: (d) <- softmax(U a); z: (d) or NULL.  THM_EDOMAIN if U a is not finite. */
thm_status thm_tied_look(thm_tied *tied, const double *x, double *p, double *z);

#endif
