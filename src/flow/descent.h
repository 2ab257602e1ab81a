/* Gradient descent with a fixed step: the authors' discretisation.  Its
 * iterates are not the flow's: x_k differs from x(t = k step) by O(step), 2e-4
 * in entropy at step 0.1, which no tolerance of the flow may hide. */
#ifndef THM_DESCENT_H
#define THM_DESCENT_H

#include <stdbool.h>
#include "softmax/objective.h"

/* x <- x - step grad f(x), `steps` times.  x: (f->n).  A caller that samples
 * calls it piece by piece.  interrupted (NULL: never) is asked every thousand
 * steps.
 * THM_EDIM if n < 1; THM_EDOMAIN if step is not positive and finite, steps < 0,
 * or x stops being finite (x as it was then); THM_ENOMEM; THM_EINTERRUPTED;
 * what f->gradient returns. */
thm_status thm_descend(const thm_objective *f, double step, long steps,
                       double *x, bool (*interrupted)(void *ctx), void *ctx);

#endif
