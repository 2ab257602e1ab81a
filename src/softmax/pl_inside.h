/* Inside of pl.c and pl_judge.c. */
#ifndef THM_PL_INSIDE_H
#define THM_PL_INSIDE_H

#include <float.h>
#include "softmax/pl.h"

#define THM_PL_U (DBL_EPSILON / 2)

struct thm_pl {
    thm_objective objective;
    thm_pl_options options;
    thm_pl_state state;
    thm_pl_report report;
    double trial;    /* eta to try next                                       */
    double gap_err0; /* error of f_0 - f*                                     */
    double *x0, *x, *g, *next_x, *next_g; /* (n)                              */
    double *r;                            /* (m)                              */
};

/* |x|_2 without overflow, relative error at most (n / 2 + 4) u; NaN and
 * infinity reach it. */
double thm_pl_norm(int n, const double *x);

/* f_err, gradient_err, ratio and ratio_err of s, whose f and gradient stand. */
thm_status thm_pl_measure(const thm_pl *pl, const double *x, thm_pl_state *s);

/* What the start says: f0, radius, the ratio there. */
void thm_pl_judge_start(thm_pl *pl);

/* What the step from s to next says, log_rate not yet advanced; drift >= what
 * the rounding of the step moved. */
void thm_pl_judge_step(thm_pl *pl, const thm_pl_state *s,
                       const thm_pl_state *next, double drift);

/* A step from the present state had no finite end. */
void thm_pl_judge_diverged(thm_pl *pl);

#endif
