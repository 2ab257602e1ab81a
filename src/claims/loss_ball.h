/* Losses and their gradients in ball arithmetic (paper-notes/varre2026.md,
 * "The flow"): a second route beside flow/loss.h.  Cross-entropy is log sum exp
 * z - p*'z. */
#ifndef THM_LOSS_BALL_H
#define THM_LOSS_BALL_H

#include "core/arb.h"
#include "core/status.h"
#include "flow/loss.h"

/* States of the claims have logits within 100 of each other and fewer than 100
 * numbers: less than 2^10 operations, so some 118 of these bits are left. */
enum { THM_FLOW_BITS = 128 };

/* g: (d) <- grad L(z).  THM_EDOMAIN unless the loss is logistic, exponential,
 * square, quadratic or cross-entropy. */
thm_status thm_ball_loss_gradient(const thm_loss *loss, arb_srcptr z,
                                  arb_ptr g);

/* f <- L(z) as a series of length 2 from those of z: (d); a loss that has a
 * gradient above. */
void thm_ball_loss(const thm_loss *loss, const arb_poly_struct *z,
                   arb_poly_t f);

#endif
