/* Initial value problems x' = f(t, x), and one door to every integrator.
 *
 * A problem is a right-hand side with what derivatives it has; a run is options
 * in, statistics out, with an observer called at the times that the caller
 * asked for.  Nothing here knows of softmax (value_flow.h, orbit.h do).
 *
 * A callback that answers THM_EDOMAIN, THM_EOVERFLOW, THM_ESINGULAR or
 * THM_ECONVERGE, or a right-hand side that is not finite, means "no value
 * here": the step is tried again, shorter.  Any other status ends the run with
 * it.  One problem serves one run at a time. */
#ifndef THM_ODE_H
#define THM_ODE_H

#include <stdbool.h>
#include "core/status.h"

/* A state (V + sum_{j < m} c[j] u[j] v[j]', a + sum_{j < m} c[j] da[j]) that
 * nobody formed: V: (rows x ld) row-major, u[j]: (rows), v[j], a, da[j]: (ld).
 * ld is `columns` rounded up to a multiple of 8, what lies beyond `columns` is
 * zero, all of it is finite (the sums need not be), and V, a, v[j] and da[j]
 * begin at multiples of 64 bytes. */
enum { THM_ODE_OUTER_MOST = 12 };
typedef struct {
    int ld, m; /* 0 <= m <= THM_ODE_OUTER_MOST                               */
    const double *V, *a, *c;
    const double *const *u, *const *v, *const *da;
} thm_ode_outer_state;

typedef struct {
    int n;
    void *ctx;
    /* dx: (n) <- f(t, x). */
    thm_status (*rhs)(double t, const double *x, double *dx, void *ctx);
    /* out: (n) <- (df/dx) v; NULL if there is none. */
    thm_status (*jvp)(double t, const double *x, const double *v, double *out,
                      void *ctx);
    /* J: (n x n) row-major <- df/dx, dfdt: (n) <- df/dt; NULL if there is none:
     * the implicit steppers then refuse with THM_EDOMAIN. */
    thm_status (*jacobian)(double t, const double *x, double *J, double *dfdt,
                           void *ctx);
    /* x: (n) <- the solution of (I - gamma df/dx(t, y)) x = b, exploiting
     * structure; NULL: the dense Jacobian serves.  x may be b.  Eight calls in
     * a row have the same t, y and gamma: factors are worth keeping. */
    thm_status (*solve)(double t, const double *y, double gamma,
                        const double *b, double *x, void *ctx);
    /* For x = (V, a), V: (rows x columns) row-major, a: (columns), where V' is
     * always an outer product: u: (rows), v, da: (ld) <- V' = u v' and a',
     * zeros beyond `columns` left alone.  dop853 then keeps the factors of its
     * stages instead of n numbers for each.  NULL: rhs serves. */
    int rows, columns;
    thm_status (*outer)(double t, const thm_ode_outer_state *x, double *u,
                        double *v, double *da, void *ctx);
} thm_ode;

#define THM_STEPPER_TABLE(X)                                                   \
    X(THM_STEPPER_AUTO, "auto")     /* dop853, then an implicit one when  */   \
                                    /* stability limits the step          */   \
    X(THM_STEPPER_DOP853, "dop853") /* own, explicit, order 8             */   \
    X(THM_STEPPER_ROSENBROCK, "rosenbrock") /* own, implicit, uses solve    */ \
    X(THM_STEPPER_RK8PD, "rk8pd")     /* GSL, explicit, order 8             */ \
    X(THM_STEPPER_RKF45, "rkf45")     /* GSL, explicit, order 5             */ \
    X(THM_STEPPER_MSADAMS, "msadams") /* GSL, explicit multistep            */ \
    X(THM_STEPPER_MSBDF, "msbdf")     /* GSL, implicit multistep            */ \
    X(THM_STEPPER_BSIMP, "bsimp")     /* GSL, implicit extrapolation        */ \
    X(THM_STEPPER_RK4IMP, "rk4imp")   /* GSL, implicit Gauss, order 4       */ \
    X(THM_STEPPER_RK4, "rk4")         /* fixed step, for controls           */

typedef enum {
#define THM_STEPPER_ENUM(name, text) name,
    THM_STEPPER_TABLE(THM_STEPPER_ENUM)
#undef THM_STEPPER_ENUM
} thm_stepper;

const char *thm_stepper_text(thm_stepper stepper);
bool thm_stepper_parse(const char *text, thm_stepper *stepper);

typedef struct {
    thm_stepper stepper;
    double rtol, atol; /* error per step and component: atol + rtol |x_i|   */
    double first_step; /* 0: chosen from the right-hand side; rk4: the step,
                          which must be given                               */
    double stop_rhs;   /* stop early once |f|_2 is below; 0: never          */
    long max_rhs;      /* right-hand sides at most; 0: no bound             */
} thm_ode_options;

/* rtol 1e-9, atol 1e-12, auto, at most 10^7 right-hand sides. */
thm_ode_options thm_ode_defaults(void);

typedef struct {
    double t; /* time reached                                      */
    long rhs, jacobians, solves, steps, rejected;
    thm_stepper stepper; /* the one in use at the end                         */
    double switched;     /* time at which auto went implicit; NaN if never    */
    bool stopped;        /* by stop_rhs, by the observer or by an event       */
} thm_ode_stats;

/* Called at each requested time (and at the end) with the state there, from
 * dense output or by stepping exactly onto it; *stop ends the run. */
typedef thm_status (*thm_ode_observer)(double t, const double *x, bool *stop,
                                       void *ctx);

/* An event: a zero crossing of value(t, x).  The crossing is located to
 * rounding (by bracketing on dense output, or on a second integration across
 * the step for GSL's steppers), then `found` is called with the first point
 * beyond it.
 *
 * Seen are changes of sign between the ends of a step: an even number of
 * crossings within one is missed.  A zero at t0 is no crossing, nor is a NaN.
 */
typedef struct {
    double (*value)(double t, const double *x, void *ctx);
    thm_status (*found)(double t, const double *x, int direction, bool *stop,
                        void *ctx);
    void *ctx;
} thm_ode_event;

/* What a run watches; zeroed: nothing. */
typedef struct {
    int n_times;
    const double *times; /* ascending, within (t0, t1]                        */
    thm_ode_observer observe;
    void *observe_ctx;
    int n_events;
    const thm_ode_event *events;
    bool (*interrupted)(void *ctx); /* asked once a step; NULL: never         */
    void *interrupted_ctx;
} thm_ode_watch;

/* Integrates from t0 to t1 > t0; x: (n), the state at t0 in, at stats->t out.
 *
 * THM_OK: t1 was reached, or the run stopped as asked (stats->stopped).
 * THM_ECONVERGE: the stepper cannot cope (max_rhs used up, or the step fell
 * below the rounding of t); x and stats->t are the last good state.
 * THM_EINTERRUPTED and what a callback answered likewise.
 * THM_EDIM (n < 1, a negative number of times or events), THM_EDOMAIN (times
 * not ascending or outside, t1 <= t0, a tolerance that is not finite, rtol
 * below 1e-14 or atol below 0, another option below 0, no Jacobian for an
 * implicit stepper, rk4 without a step, a start or its slope that is not
 * finite), THM_EOVERFLOW, THM_ENOMEM: x and stats untouched.
 *
 * GSL's steppers switch GSL's error handler off, for the whole process. */
thm_status thm_ode_integrate(const thm_ode *ode, double t0, double t1,
                             double *x, const thm_ode_options *options,
                             const thm_ode_watch *watch, thm_ode_stats *stats);

#endif
