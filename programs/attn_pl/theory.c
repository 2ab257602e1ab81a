/* Theory of a training: see theory.h. */
#include "programs/attn_pl/theory.h"

#include <math.h>
#include <string.h>

#include "attn/conditions.h"
#include "core/options.h"

enum { CURVATURE_STEPS = 50 };

int train_subset(int choice)
{
    static const int subsets[] = {THM_TRAIN_V, THM_TRAIN_Q, THM_TRAIN_K,
                                  THM_TRAIN_Q | THM_TRAIN_K,
                                  THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V};
    return subsets[choice];
}

/* The best mu and the L of the theorems on this subset. */
static thm_status ask_theorems(const train_request *r, const thm_instance *in,
                               train_theory *t, thm_message *msg)
{
    const int trained = train_subset(r->choice);
    const int family = trained == THM_TRAIN_V   ? THM_THEOREM_1
                       : trained == THM_TRAIN_Q ? THM_THEOREM_3
                                                : THM_THEOREM_2;
    thm_conditions c;
    if (trained == THM_TRAIN_K || trained == (THM_TRAIN_Q | THM_TRAIN_K)) {
        return THM_OK;
    }
    const thm_status status =
        thm_conditions_check(&in->layer, &in->weights, family, 0.5, &c);
    if (status == THM_EDOMAIN) {
        return thm_fail(status, msg,
                        "the conditions at the start: expected finite scores "
                        "and a finite loss, found an overflow");
    }
    if (status != THM_OK) {
        return thm_fail(status, msg, "the conditions at the start: %s",
                        thm_status_text(status));
    }
    for (int k = 0; k < c.n_theorems; k++) {
        const thm_theorem *one = &c.theorems[k];
        if (one->mu > t->mu) {
            t->mu = one->mu;
            t->theorem = one->theorem;
        }
        if (one->L > 0.0) {
            t->L = one->L;
            t->L_estimated = one->L_estimated;
        }
    }
    return THM_OK;
}

static thm_status choose_step(const train_request *r, const thm_objective *f,
                              const double *x, train_theory *t,
                              thm_message *msg)
{
    t->rule = THM_PL_FIXED;
    if (strcmp(r->step, "backtracking") == 0) {
        t->rule = THM_PL_BACKTRACKING;
        t->eta = 1.0;
        return THM_OK;
    }
    if (strncmp(r->step, "fixed:", 6) == 0 &&
        thm_parse_real(r->step + 6, &t->eta) && t->eta > 0.0 &&
        isfinite(t->eta)) {
        return THM_OK;
    }
    if (strcmp(r->step, "inverse-l") != 0) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--step: expected fixed:ETA with ETA > 0, inverse-l or "
                        "backtracking, found %s",
                        r->step);
    }
    thm_status status = THM_OK;
    if (!(t->L > 0.0)) {
        t->L_estimated = true;
        status = thm_pl_curvature_est(f, x, CURVATURE_STEPS, &t->L);
    }
    t->eta = 1.0 / t->L;
    if (status == THM_OK && !(t->eta > 0.0 && isfinite(t->eta))) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--step inverse-l: expected curvature at the start, "
                        "found none (try backtracking)");
    }
    return status;
}

thm_status train_theory_find(const train_request *r, const thm_instance *in,
                             const thm_objective *f, const double *x,
                             train_theory *out, thm_message *msg)
{
    *out = (train_theory){.L = NAN};
    thm_status status = ask_theorems(r, in, out, msg);
    if (status == THM_OK) {
        status = choose_step(r, f, x, out, msg);
    }
    if (!isnan(r->mu)) {
        out->mu = r->mu;
        out->theorem = NULL;
    }
    return status;
}
