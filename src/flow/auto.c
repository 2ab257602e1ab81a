/* The choice of `auto`; see auto.h.
 *
 * Explicit steps are limited by stability when h rho, rho the estimate that
 * DOP853 makes of the spectral radius in passing, stays near the edge of its
 * stability region, -6.1 on the negative axis.  Implicit steps pay while one
 * covers what several explicit ones could: h rho / 6.1 of them at most; rho
 * then comes from power iteration, one product a step.  Implicit steps are
 * given up after several in a row that did not pay; they are tried only after
 * as much work in explicit steps at the edge as that trial may waste, and every
 * return doubles the time to the next trial. */
#include "flow/auto.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/dop853.h"

static const double EDGE = 6.1; /* of the stability region              */
static const double NEAR = 0.7; /* of the edge counts as at it          */

enum { TRIAL = 10 }; /* implicit steps */

/* What an implicit step costs in explicit ones, in right-hand sides: nine and
 * eight solves of about two each and a factorisation of about fifteen against
 * twelve; where LU serves, another 2 n^3 / 3 operations, at ten times the speed
 * of the 20 n of a right-hand side. */
static double cost(const thm_ode *ode)
{
    double n = ode->n;
    return (9 + 8 * 2 + 15) / 12.0 +
           (ode->solve == NULL ? n * n / (1.5 * 10 * 20 * 12) : 0.0);
}

/* One power iteration with the Jacobian at run->x; run->rho <- |J v| / |v|. */
static thm_status iterate(thm_auto *choice, thm_ode_run *run)
{
    const thm_ode *ode = run->ode;
    int n = run->n;
    double *v = choice->v, *Jv = choice->v + run->padded,
           *y = v + 2 * run->padded;
    thm_status status;
    if (ode->jvp != NULL) {
        status = thm_run_mapped(ode->jvp(run->t, run->x, v, Jv, ode->ctx));
    } else {
        double size = 0.0;
        for (int i = 0; i < n; i++) {
            size += run->x[i] * run->x[i];
        }
        double shift = sqrt(DBL_EPSILON) * fmax(sqrt(size), run->floor);
        for (int i = 0; i < n; i++) {
            y[i] = run->x[i] + shift * v[i];
        }
        status = thm_run_rhs(run, run->t, y, Jv);
        for (int i = 0; i < n; i++) {
            Jv[i] = (Jv[i] - run->f[i]) / shift;
        }
    }
    double sum = 0.0;
    for (int i = 0; status == THM_OK && i < n; i++) {
        sum += Jv[i] * Jv[i];
    }
    if (status == THM_OK && sum > 0 && sum < HUGE_VAL) {
        run->rho = sqrt(sum);
        for (int i = 0; i < n; i++) {
            v[i] = Jv[i] / run->rho;
        }
    }
    /* no estimate is no reason to stop */
    return status == THM_EDOMAIN ? THM_OK : status;
}

/* A first direction with a part in every other, the same in every run. */
static void first_direction(thm_auto *choice, int n)
{
    for (int i = 0; i < n; i++) {
        double turn = 0.6180339887498949 * (i + 1);
        choice->v[i] = (turn - floor(turn) - 0.5) * sqrt(12.0 / n);
    }
}

static thm_status exchange(thm_auto *choice, thm_ode_run *run,
                           const thm_ode_method **method, void **self)
{
    bool implicit = !choice->implicit;
    const thm_ode_method *other =
        implicit ? &thm_method_rosenbrock : &thm_method_dop853;
    thm_status status = thm_run_slope(run, *method, *self);
    if (status != THM_OK) {
        return status;
    }
    if (choice->resting == NULL) {
        status = other->alloc(run, &choice->resting);
        if (status != THM_OK) {
            return status;
        }
    }
    other->start(choice->resting, run);
    void *active = *self;
    *self = choice->resting;
    choice->resting = active;
    choice->resting_method = *method;
    *method = other;
    choice->implicit = implicit;
    choice->against = 0;
    run->stats->stepper =
        implicit ? THM_STEPPER_ROSENBROCK : THM_STEPPER_DOP853;
    run->watch_rho = !implicit;
    return THM_OK;
}

static thm_status leave_explicit(thm_auto *choice, thm_ode_run *run,
                                 const thm_ode_method **method, void **self)
{
    if (choice->v == NULL) {
        thm_status status = thm_run_vectors(run, 3, &choice->v);
        if (status != THM_OK) {
            return status;
        }
        first_direction(choice, run->n);
    }
    if (!(run->stats->switched == run->stats->switched)) {
        run->stats->switched = run->t;
    }
    return exchange(choice, run, method, self);
}

thm_status thm_auto_choose(thm_auto *choice, thm_ode_run *run,
                           const thm_ode_method **method, void **self)
{
    double h = run->t - run->t_old;
    if (!choice->implicit) {
        choice->against = h * run->rho > NEAR * EDGE ? choice->against + 1 : 0;
        if (choice->patience == 0) {
            choice->patience = TRIAL * cost(run->ode);
        }
        return choice->against < choice->patience
                   ? THM_OK
                   : leave_explicit(choice, run, method, self);
    }
    thm_status status = iterate(choice, run);
    if (status != THM_OK) {
        return status;
    }
    choice->against =
        h * run->rho < EDGE * cost(run->ode) ? choice->against + 1 : 0;
    if (choice->against < TRIAL) {
        return THM_OK;
    }
    choice->patience *= 2;
    run->h = fmin(run->h, NEAR * EDGE / run->rho);
    return exchange(choice, run, method, self);
}

void thm_auto_free(thm_auto *choice)
{
    if (choice->resting != NULL) {
        choice->resting_method->free(choice->resting);
    }
    free(choice->v);
}
