/* What the files of the orbit share. */
#ifndef THM_ORBIT_INSIDE_H
#define THM_ORBIT_INSIDE_H

#include "flow/orbit.h"

struct thm_orbit {
    int n;
    thm_loss_kind loss;
    double norm;
    thm_orbit_form form;
    bool backward;
    double *p, *F; /* (n), (2n): scratch */
};

/* p <- sigma(a); returns the index of the largest logit. */
int thm_orbit_weigh(int n, const double *a, double *p);

/* orbit->p <- sigma(a), orbit->F <- (p, J u); returns <u, p>. */
double thm_orbit_ascend(thm_orbit *orbit, const double *x);

#endif
