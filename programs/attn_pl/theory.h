/* What the theorems say of a training before it starts, and its step. */
#ifndef ATTN_PL_THEORY_H
#define ATTN_PL_THEORY_H

#include "programs/attn_pl/train.h"

/* f: the loss of the trained subset, x: its start. */
thm_status train_theory_find(const train_request *request,
                             const thm_instance *instance,
                             const thm_objective *f, const double *x,
                             train_theory *out, thm_message *msg);

#endif
