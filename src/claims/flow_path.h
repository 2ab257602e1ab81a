/* One value-softmax flow, followed and looked at: what the claims about whole
 * flows share. */
#ifndef THM_FLOW_PATH_H
#define THM_FLOW_PATH_H

#include "flow/value_flow.h"

/* Called with x = (V, a) at time number k, counting from 0; the start is not
 * among them. */
typedef thm_status (*thm_flow_look)(thm_value_flow *flow, int k, double t,
                                    const double *x, void *ctx);

typedef struct {
    int d, n;
    const thm_loss *loss;
    thm_normalisation kind;
    const double *start; /* (d n + n)                               */
    thm_stepper stepper;
    double end; /* time; the last of `times` may be earlier         */
    int n_times;
    const double *times;        /* ascending                        */
    thm_flow_look look;         /* NULL: no one looks               */
    const thm_ode_event *event; /* or NULL                          */
    void *ctx;                  /* of look                          */
} thm_flow_path;

/* x: (d n + n) <- the state at the end, or where the event stopped; *rhs (if
 * not NULL) and *steps (likewise) <- what it took.  Statuses of
 * thm_value_flow_alloc, thm_ode_integrate and look; x then unspecified. */
thm_status thm_flow_follow(const thm_flow_path *path,
                           const thm_ode_options *options, double *x,
                           long *steps, long *rhs);

/* n times from `first` to `last` in equal ratios. */
void thm_flow_times(int n, double first, double last, double *times);

#endif
