/* Rodas5P as a method (run.h): Newton systems, step control, interpolant. */
#include "flow/rosenbrock.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/combine.h"
#include "flow/run.h"
#include "la/lu.h"

/* As for DOP853 (dop853.c), of order 5. */
static const double TARGET = 0.25, INTEGRAL = 0.7 / 5, PROPORTION = 0.4 / 5;
static const double SHRINK = 0.2, GROW = 6.0;

enum { STAGES = THM_RODAS_STAGES, VECTORS = STAGES + 7 };

typedef struct {
    const thm_combine *kernel;
    double *room;
    double *u[STAGES]; /* (padded) each              */
    double *stage, *slope, *right, *dfdt, *zero; /* (padded) each            */
    double *f;     /* (padded): f(t, x)          */
    double *J, *M; /* (n x n), where LU serves   */
    thm_lu *lu;
    double err; /* of the last accepted step                                 */
} rosenbrock;

static void rosenbrock_free(void *object)
{
    rosenbrock *self = object;
    free(self->room);
    free(self->J);
    thm_lu_free(self->lu);
    free(self);
}

static thm_status alloc_dense(rosenbrock *self, size_t n)
{
    size_t size;
    thm_status status = thm_size_mul(2 * n, n, &size);
    if (status != THM_OK) {
        return status;
    }
    self->J = calloc(size, sizeof *self->J);
    if (self->J == NULL) {
        return THM_ENOMEM;
    }
    self->M = self->J + n * n;
    return thm_lu_alloc((int)n, &self->lu);
}

static thm_status rosenbrock_alloc(thm_ode_run *run, void **out)
{
    rosenbrock *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return THM_ENOMEM;
    }
    thm_status status = thm_run_vectors(run, VECTORS, &self->room);
    if (status == THM_OK && run->ode->solve == NULL) {
        status = alloc_dense(self, (size_t)run->n);
    }
    if (status != THM_OK) {
        rosenbrock_free(self);
        return status;
    }
    double **vector[VECTORS - STAGES] = {&self->stage, &self->slope,
                                         &self->right, &self->dfdt,
                                         &self->zero,  &self->f};
    double *next = self->room;
    for (int i = 0; i < STAGES; i++, next += run->padded) {
        self->u[i] = next;
    }
    for (int i = 0; i < 6; i++, next += run->padded) {
        *vector[i] = next;
    }
    self->kernel = thm_combine_kernels(thm_isa_detect());
    *out = self;
    return THM_OK;
}

static void rosenbrock_start(void *object, const thm_ode_run *run)
{
    rosenbrock *self = object;
    memcpy(self->f, run->f, (size_t)run->padded * sizeof *run->f);
    self->err = TARGET;
}

/* df/dt at (t, x) by a difference: exactly 0 if f does not depend on t. */
static thm_status slope_in_time(rosenbrock *self, thm_ode_run *run)
{
    double shift = sqrt(DBL_EPSILON) * run->h;
    shift = fmax(shift, 64 * DBL_EPSILON * fabs(run->t));
    shift = (run->t + shift) - run->t; /* what is really added */
    thm_status status = thm_run_rhs(run, run->t + shift, run->x, self->slope);
    for (int i = 0; status == THM_OK && i < run->n; i++) {
        self->dfdt[i] = (self->slope[i] - self->f[i]) / shift;
    }
    return status;
}

static thm_status linearise(rosenbrock *self, thm_ode_run *run)
{
    const thm_ode *ode = run->ode;
    if (ode->solve != NULL) {
        return slope_in_time(self, run);
    }
    run->stats->jacobians++;
    return thm_run_mapped(
        ode->jacobian(run->t, run->x, self->J, self->dfdt, ode->ctx));
}

static thm_status factor(rosenbrock *self, const thm_ode_run *run, double shift)
{
    size_t n = (size_t)run->n;
    if (run->ode->solve != NULL) {
        return THM_OK;
    }
    for (size_t i = 0; i < n * n; i++) {
        self->M[i] = -shift * self->J[i];
    }
    for (size_t i = 0; i < n; i++) {
        self->M[i * n + i] += 1.0;
    }
    return thm_run_mapped(thm_lu_factor(self->lu, self->M, NULL));
}

/* u <- (I - shift J)^-1 right. */
static thm_status solve(rosenbrock *self, thm_ode_run *run, double shift,
                        double *u)
{
    const thm_ode *ode = run->ode;
    run->stats->solves++;
    if (ode->solve != NULL) {
        return thm_run_mapped(
            ode->solve(run->t, run->x, shift, self->right, u, ode->ctx));
    }
    return thm_run_mapped(thm_lu_solve(self->lu, self->right, u));
}

/* u[i] <- stage i of a step h. */
static thm_status stage(rosenbrock *self, thm_ode_run *run, int i, double h)
{
    const double *k[STAGES + 2];
    double weight[STAGES + 2], gamma = thm_rodas_gamma;
    const double *slope = i == 0 ? self->f : self->slope;
    for (int j = 0; j < i; j++) {
        k[j] = self->u[j];
    }
    if (i > 0) {
        double flag = self->kernel->stage(run->padded, run->x, i, k,
                                          thm_rodas_a[i], self->stage);
        thm_status status = flag == 0.0
                                ? thm_run_rhs(run, run->t + thm_rodas_c[i] * h,
                                              self->stage, self->slope)
                                : THM_EDOMAIN;
        if (status != THM_OK) {
            return status;
        }
    }
    for (int j = 0; j < i; j++) {
        weight[j] = gamma * thm_rodas_C[i][j];
    }
    k[i] = self->dfdt;
    weight[i] = gamma * h * (h * thm_rodas_d[i]);
    k[i + 1] = slope;
    weight[i + 1] = gamma * h;
    double flag = self->kernel->stage(run->padded, self->zero, i + 2, k, weight,
                                      self->right);
    return flag == 0.0 ? solve(self, run, gamma * h, self->u[i]) : THM_EDOMAIN;
}

/* A step h is tried: x_new and its error in units of the tolerance. */
static thm_status try_step(rosenbrock *self, thm_ode_run *run, double h,
                           double *err)
{
    static const double one = 1.0;
    thm_status status = factor(self, run, thm_rodas_gamma * h);
    for (int i = 0; i < STAGES && status == THM_OK; i++) {
        status = stage(self, run, i, h);
    }
    if (status != THM_OK) {
        return status;
    }
    const double *last = self->u[STAGES - 1];
    thm_combine_error e =
        self->kernel->finish(run->padded, self->stage, 1, &last, &one, &one,
                             run->floor, run->options->rtol, run->x_new);
    *err = e.largest;
    return e.flag == 0.0 ? THM_OK : THM_EDOMAIN;
}

static double raise_by(const rosenbrock *self, double err)
{
    double by =
        pow(TARGET / err, INTEGRAL) * pow(self->err / TARGET, PROPORTION);
    return fmin(GROW, fmax(SHRINK, by));
}

static void accept(rosenbrock *self, thm_ode_run *run, double t)
{
    double *f = self->f;
    self->f = self->slope;
    self->slope = f;
    run->f = self->f;
    thm_run_accept(run, t);
}

static thm_status rosenbrock_step(void *object, thm_ode_run *run, double limit)
{
    rosenbrock *self = object;
    double grow = GROW;
    thm_status status = linearise(self, run);
    if (status != THM_OK) {
        return status == THM_EDOMAIN ? THM_ECONVERGE : status;
    }
    for (;;) {
        double left = limit - run->t;
        bool last = 1.01 * run->h >= left;
        double h = last ? left : run->h, t = last ? limit : run->t + h;
        double err;
        if (!last && thm_run_underflow(run->t, h)) {
            return THM_ECONVERGE;
        }
        status = try_step(self, run, h, &err);
        if (status == THM_OK && err <= 1.0) {
            status = thm_run_rhs(run, t, run->x_new, self->slope);
            if (status == THM_OK && !thm_finite(run->n, self->slope)) {
                status = THM_EDOMAIN;
            }
        }
        if (status != THM_OK && status != THM_EDOMAIN) {
            return status;
        }
        if (status == THM_OK && err <= 1.0) {
            double next = h * fmin(grow, raise_by(self, err));
            run->h = last ? fmax(run->h, next) : next;
            self->err = fmax(err, 1e-4 * TARGET);
            accept(self, run, t);
            return THM_OK;
        }
        run->stats->rejected++;
        grow = 1.0;
        run->h = status == THM_EDOMAIN
                     ? 0.1 * h
                     : h * fmax(SHRINK, pow(TARGET / err, 1.0 / 5));
        if (thm_run_underflow(run->t, run->h)) {
            return THM_ECONVERGE;
        }
    }
}

/* With s from 0 to 1 across the step:
 * (1 - s) x_old + s (x + (1 - s) (k_1 + s (k_2 + s k_3))). */
static thm_status rosenbrock_inside(void *object, thm_ode_run *run, double t,
                                    double *x)
{
    rosenbrock *self = object;
    double s = (t - run->t_old) / (run->t - run->t_old), r = 1.0 - s;
    for (int i = 0; i < run->n; i++) {
        double k[3] = {0, 0, 0};
        for (int j = 0; j < STAGES; j++) {
            for (int m = 0; m < 3; m++) {
                k[m] += thm_rodas_dense[m][j] * self->u[j][i];
            }
        }
        x[i] = r * run->x_old[i] +
               s * (run->x[i] + r * (k[0] + s * (k[1] + s * k[2])));
    }
    return THM_OK;
}

const thm_ode_method thm_method_rosenbrock = {.lands = false,
                                              .alloc = rosenbrock_alloc,
                                              .free = rosenbrock_free,
                                              .start = rosenbrock_start,
                                              .step = rosenbrock_step,
                                              .inside = rosenbrock_inside};
