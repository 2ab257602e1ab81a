/* The choice of `auto`: explicit while accuracy limits the step, implicit once
 * stability does. */
#ifndef THM_AUTO_H
#define THM_AUTO_H

#include "flow/run.h"

typedef struct {
    const thm_ode_method *resting_method; /* the one not in use ... */
    void *resting;   /* ... NULL until it was needed                       */
    double *v;       /* (3 x padded) power iteration: v, J v, scratch        */
    bool implicit;   /* which one is in use                                */
    int against;     /* steps in a row that speak against the one in use   */
    double patience; /* explicit steps at the edge that it takes to leave */
} thm_auto;

/* After an accepted step: may exchange *method and *self. */
thm_status thm_auto_choose(thm_auto *choice, thm_ode_run *run,
                           const thm_ode_method **method, void **self);
void thm_auto_free(thm_auto *choice);

#endif
