/* One run of an integrator in progress: what the driver (integrate.c), the
 * watch (watch.c) and the methods share.  Not part of the public door (ode.h).
 *
 * Vectors are padded with zeros to a multiple of THM_COMBINE_LANES, so that
 * kernels work on whole registers. */
#ifndef THM_RUN_H
#define THM_RUN_H

#include "flow/combine.h"
#include "flow/ode.h"

typedef struct {
    const thm_ode *ode;
    const thm_ode_options *options;
    thm_ode_stats *stats;
    double t1;
    int n, padded;
    double floor;      /* atol, or the smallest normal number if atol = 0     */
    double t_old, t;   /* the last accepted step led from t_old to t          */
    double h;          /* length proposed for the next step                   */
    double *x_old, *x; /* (padded) the states at t_old and t                */
    double *x_new;     /* (padded) where a step writes the state it tries   */
    double *f;         /* (padded) f(t, x): thm_ode_method.slope            */
    bool watch_rho;    /* estimate rho at every step (auto)                 */
    double rho;        /* estimate of it at t; 0: none                      */
} thm_ode_run;

/* How a method takes steps.  Every function may use run's vectors. */
typedef struct {
    bool lands; /* requested times are stepped on, not interpolated       */
    thm_status (*alloc)(thm_ode_run *run, void **self);
    void (*free)(void *self);
    /* (Re)starts at run->t, run->x, run->f with step run->h. */
    void (*start)(void *self, const thm_ode_run *run);
    /* One accepted step from run->t that ends at limit or before it.  On
     * failure run->t and run->x stay what they were.  THM_ECONVERGE: the step
     * underflowed or max_rhs is used up. */
    thm_status (*step)(void *self, thm_ode_run *run, double limit);
    /* run->f <- f(t, x) after a step; NULL: it is there already. */
    thm_status (*slope)(void *self, thm_ode_run *run);
    /* x: (padded) <- the state at t in [t_old, t]. */
    thm_status (*inside)(void *self, thm_ode_run *run, double t, double *x);
} thm_ode_method;

extern const thm_ode_method thm_method_gsl, thm_method_dop853,
    thm_method_rosenbrock;

/* (count x padded) zeros on a cache line's edge, freed by free();
 * THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_run_vectors(const thm_ode_run *run, int count, double **out);

/* dx <- f(t, x), counted.  THM_EDOMAIN: f has no value there, try a shorter
 * step (the right-hand side answered EDOMAIN, EOVERFLOW, ESINGULAR or
 * ECONVERGE).  THM_ECONVERGE: max_rhs is used up.  Anything else ends the run.
 * Whether dx is finite is for the caller to see: thm_finite, or a kernel's
 * flag. */
thm_status thm_run_rhs(thm_ode_run *run, double t, const double *x, double *dx);

/* The same for the factors of f. */
thm_status thm_run_outer(thm_ode_run *run, double t,
                         const thm_ode_outer_state *x, double *u, double *v,
                         double *da);

/* run->f <- f(t, x), by the method if it can. */
thm_status thm_run_slope(thm_ode_run *run, const thm_ode_method *method,
                         void *self);

/* Answers of callbacks as thm_run_rhs maps them. */
thm_status thm_run_mapped(thm_status status);

bool thm_finite(int n, const double *x);

/* x_new becomes the state, at t. */
void thm_run_accept(thm_ode_run *run, double t);

/* A first step for a method of this order: Hairer, Norsett, Wanner, Solving
 * ODEs I, II.4; one right-hand side. */
thm_status thm_run_first_step(thm_ode_run *run, int order, double *scratch);

/* t + h is t to rounding: no step is left. */
bool thm_run_underflow(double t, double h);

#endif
