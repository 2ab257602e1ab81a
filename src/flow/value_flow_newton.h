/* The reduced systems behind thm_value_flow_solve; derived in
 * value_flow_newton.c. */
#ifndef THM_VALUE_FLOW_NEWTON_H
#define THM_VALUE_FLOW_NEWTON_H

#include "flow/value_flow_work.h"
#include "la/lu.h"

struct thm_flow_newton {
    int d, n;
    bool known; /* factored for at.x and gamma                       */
    bool dense; /* by n + d unknowns                                 */
    double gamma;
    double pp, drive; /* |p|^2, gamma^2 |g|^2                        */
    thm_flow_point at;
    double *H, *HN, *N;   /* (d x d), (d x n), (d x n)               */
    double *s, *f, *c;    /* (n): 1 / s_i where not dense            */
    double *y, *q, *r;    /* (n), of one call                        */
    double *h, *Bp;       /* (d + 2), of one call                    */
    double *Y;            /* (d n + n)                               */
    double *residual;     /* 2 (d n + n)                             */
    double *core;         /* ((d + 2) x (d + 2))                     */
    double *full, *right; /* ((n + d) x (n + d)), (n + d); or NULL   */
    thm_lu *core_lu, *full_lu;
    double *block;
};

/* s, f, c, N, H, HN at the point and gamma, then the factors of the reduced
 * system.  THM_ESINGULAR if that cannot be told from a singular one or
 * overflows; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_flow_newton_factor(thm_value_flow *flow,
                                  struct thm_flow_newton *w);

/* y: (n) and h: (d) from r: (n), spoilt, and Bp: (d).  THM_ESINGULAR if they
 * are not finite. */
thm_status thm_flow_newton_solve(struct thm_flow_newton *w);

/* Four partial sums: the additions of one would wait for each other. */
double thm_flow_dot(size_t n, const double *x, const double *y);

#endif
