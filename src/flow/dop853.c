/* DOP853 as a method (run.h): fused stages, step control, interpolant.  Where a
 * problem has outer products (ode.h), steps are taken with those (outer.h) and
 * k is filled for the interpolant only. */
#include "flow/dop853.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/combine.h"
#include "flow/outer.h"
#include "flow/run.h"

/* Step control by proportion and integral, which is smooth where stability
 * limits the step too (Gustafsson; Solving ODEs II, IV.2), for an estimate of
 * order h^7.  TARGET = 0.8^7: the more careful of the usual safety factors
 * (Solving ODEs I, II.4), for near that limit the error rises with a higher
 * power of h than 7 and a step that is a little too long costs more. */
static const double TARGET = 0.2097152;
static const double INTEGRAL = 0.7 / 7, PROPORTION = 0.4 / 7;
static const double SHRINK = 1.0 / 3, GROW = 6.0;

/* An error this far below the target, as at the start, has nothing that wants
 * damping: the next step goes to where it would be there still. */
static const double FAR = 0.01;

/* The fastest rate across a step is measured in every SAMPLED-th, along one
 * difference of states, so from below: the largest of late serves, older ones
 * counting FADE as much each time. */
static const double FADE = 0.4;

enum {
    FIRST = 0,
    STAGE_12 = 11,
    SAMPLED = 4,
    VECTORS = THM_DOP853_STAGES + 1 + 8
};

typedef struct {
    const thm_combine *kernel;
    thm_outer *outer; /* NULL: the problem has none                          */
    bool begun;       /* outer is where the run is                           */
    double *room;
    double *k[THM_DOP853_STAGES]; /* (padded) each: the stages' slopes       */
    double *stage;                /* (padded): the state of a stage          */
    double *term[8];              /* (padded) each: the interpolant          */
    bool interpolated;            /* term belongs to the last step           */
    double err;                   /* of the last accepted step               */
    double rate;                  /* the fastest of late, 0: not known       */
} dop853;

static void dop853_free(void *object)
{
    dop853 *self = object;
    thm_outer_free(self->outer);
    free(self->room);
    free(self);
}

static thm_status dop853_alloc(thm_ode_run *run, void **out)
{
    dop853 *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return THM_ENOMEM;
    }
    thm_status status = thm_run_vectors(run, VECTORS, &self->room);
    if (status == THM_OK && run->ode->outer != NULL) {
        status = thm_outer_alloc(run, &self->outer);
    }
    if (status != THM_OK) {
        dop853_free(self);
        return status;
    }
    size_t padded = (size_t)run->padded;
    double *next = self->room;
    for (int i = 0; i < THM_DOP853_STAGES; i++, next += padded) {
        self->k[i] = next;
    }
    self->stage = next;
    for (int i = 0; i < 8; i++) {
        self->term[i] = next += padded;
    }
    self->kernel = thm_combine_kernels(thm_isa_detect());
    *out = self;
    return THM_OK;
}

static void dop853_start(void *object, const thm_ode_run *run)
{
    dop853 *self = object;
    memcpy(self->k[THM_DOP853_END], run->f,
           (size_t)run->padded * sizeof *run->f);
    self->begun = false;
    self->err = TARGET; /* no memory yet */
    self->rate = 0.0;
}

/* k[i] <- the slope of stage i of a step h from (t, x).  THM_EDOMAIN too if a
 * number that entered it is not finite. */
static thm_status slope(dop853 *self, thm_ode_run *run, int i, double t,
                        double h, const double *x)
{
    const thm_dop853_stage *s = &thm_dop853_stages[i];
    const double *k[12];
    double weight[12];
    for (int j = 0; j < s->terms; j++) {
        k[j] = self->k[s->from[j]];
        weight[j] = h * s->a[j];
    }
    double flag =
        self->kernel->stage(run->padded, x, s->terms, k, weight, self->stage);
    return flag == 0.0 ? thm_run_rhs(run, t + s->c * h, self->stage, self->k[i])
                       : THM_EDOMAIN;
}

/* x_new and its error. */
static thm_combine_error finish(dop853 *self, thm_ode_run *run, double h)
{
    const thm_dop853_stage *end = &thm_dop853_stages[THM_DOP853_END];
    const double *k[THM_DOP853_WEIGHTS];
    double b[THM_DOP853_WEIGHTS], off[THM_DOP853_WEIGHTS];
    for (int j = 0; j < THM_DOP853_WEIGHTS; j++) {
        k[j] = self->k[end->from[j]];
        b[j] = h * end->a[j];
        off[j] = h * thm_dop853_error[j];
    }
    return self->kernel->finish(run->padded, run->x, THM_DOP853_WEIGHTS, k, b,
                                off, run->floor, run->options->rtol,
                                run->x_new);
}

/* A step h is tried: x_new and its error, in units of the tolerance. */
static thm_status try_step(dop853 *self, thm_ode_run *run, double h,
                           double *err)
{
    thm_outer *outer = self->outer;
    for (int i = 1; i < THM_DOP853_END; i++) {
        thm_status status = outer == NULL
                                ? slope(self, run, i, run->t, h, run->x)
                                : thm_outer_slope(outer, run, i, h);
        if (status != THM_OK) {
            return status;
        }
    }
    thm_combine_error e =
        outer == NULL ? finish(self, run, h) : thm_outer_finish(outer, run, h);
    *err = thm_dop853_share(h * self->rate) * e.largest;
    return e.flag == 0.0 ? THM_OK : THM_EDOMAIN;
}

/* f(t, x_new), in k or as factors. */
static thm_status end_step(dop853 *self, thm_ode_run *run, double t)
{
    if (self->outer != NULL) {
        return thm_outer_end(self->outer, run, t);
    }
    double *f = self->k[THM_DOP853_END];
    thm_status status = thm_run_rhs(run, t, run->x_new, f);
    return status == THM_OK && !thm_finite(run->n, f) ? THM_EDOMAIN : status;
}

/* How stiff the problem is across the step just taken: |f(a) - f(b)| / |a - b|
 * of the two states at its end, stage 12 and the new one (Solving ODEs II,
 * IV.2). */
static void estimate_rho(dop853 *self, thm_ode_run *run, double h)
{
    if (self->outer != NULL) {
        run->rho = thm_outer_rho(self->outer, h);
        return;
    }
    double rise = self->kernel->distance(run->padded, self->k[THM_DOP853_END],
                                         self->k[STAGE_12]);
    double run_of =
        self->kernel->distance(run->padded, run->x_new, self->stage);
    run->rho = run_of > 0 ? sqrt(rise / run_of) : 0.0;
}

static void swap(double **a, double **b)
{
    double *c = *a;
    *a = *b;
    *b = c;
}

/* The factor of the next step. */
static double raise_by(const dop853 *self, double err)
{
    double by =
        pow(TARGET / err, INTEGRAL) * pow(self->err / TARGET, PROPORTION);
    if (err < FAR * TARGET) {
        by = fmax(by, pow(FAR * TARGET / err, 1.0 / 7));
    }
    return fmin(GROW, fmax(SHRINK, by));
}

static void accept(dop853 *self, thm_ode_run *run, double h, double t,
                   double factor, bool last)
{
    bool sampled = run->stats->steps % SAMPLED == 0;
    if (sampled || run->watch_rho) {
        estimate_rho(self, run, h);
    }
    if (sampled) {
        self->rate = fmax(run->rho, FADE * self->rate);
    }
    if (self->outer != NULL) {
        thm_outer_accept(self->outer);
    }
    /* a step cut by the limit says little of longer ones */
    run->h = last ? fmax(run->h, factor * h) : factor * h;
    run->f = self->k[THM_DOP853_END];
    self->interpolated = false;
    thm_run_accept(run, t);
}

/* Steps until one is accepted; k[FIRST] is f(t, x). */
static thm_status advance(dop853 *self, thm_ode_run *run, double limit)
{
    double grow = GROW;
    for (;;) {
        double left = limit - run->t;
        bool last = 1.01 * run->h >= left;
        double h = last ? left : run->h, t = last ? limit : run->t + h;
        double err;
        if (!last && thm_run_underflow(run->t, h)) {
            return THM_ECONVERGE;
        }
        thm_status status = try_step(self, run, h, &err);
        if (status == THM_OK && err <= 1.0) {
            status = end_step(self, run, t);
        }
        if (status != THM_OK && status != THM_EDOMAIN) {
            return status;
        }
        if (status == THM_OK && err <= 1.0) {
            accept(self, run, h, t, fmin(grow, raise_by(self, err)), last);
            self->err = fmax(err, 1e-4 * TARGET);
            return THM_OK;
        }
        run->stats->rejected++;
        grow = 1.0;
        run->h = status == THM_EDOMAIN
                     ? 0.1 * h
                     : h * fmax(SHRINK, pow(TARGET / err, 1.0 / 7));
        if (thm_run_underflow(run->t, run->h)) {
            return THM_ECONVERGE;
        }
    }
}

/* The end becomes the first stage, or the reverse. */
static void turn(dop853 *self)
{
    swap(&self->k[FIRST], &self->k[THM_DOP853_END]);
    if (self->outer != NULL) {
        thm_outer_swap(self->outer);
    }
}

static thm_status dop853_step(void *object, thm_ode_run *run, double limit)
{
    dop853 *self = object;
    if (self->outer != NULL && !self->begun) {
        thm_status status = thm_outer_start(self->outer, run);
        if (status != THM_OK) {
            return status;
        }
        self->begun = true;
    }
    turn(self);
    thm_status status = advance(self, run, limit);
    if (status != THM_OK) {
        turn(self);
    }
    return status;
}

/* The terms of the interpolant of the last step. */
static thm_status interpolate(dop853 *self, thm_ode_run *run)
{
    double h = run->t - run->t_old;
    const double *k[12];
    if (self->outer != NULL) {
        for (int i = 0; i <= THM_DOP853_END; i++) {
            thm_outer_unfold(self->outer, i, self->k[i]);
        }
    }
    for (int i = THM_DOP853_END + 1; i < THM_DOP853_STAGES; i++) {
        thm_status status = slope(self, run, i, run->t_old, h, run->x_old);
        if (status != THM_OK) {
            return status;
        }
    }
    double **term = self->term;
    const double *begin = self->k[FIRST], *end = self->k[THM_DOP853_END];
    for (int i = 0; i < run->padded; i++) {
        double difference = run->x[i] - run->x_old[i];
        double bend = h * begin[i] - difference;
        term[0][i] = run->x_old[i];
        term[1][i] = difference;
        term[2][i] = bend;
        term[3][i] = difference - h * end[i] - bend;
    }
    for (int j = 0; j < 12; j++) {
        k[j] = self->k[j == 0 ? FIRST : j + 4];
    }
    for (int row = 0; row < 4; row++) {
        double weight[12];
        for (int j = 0; j < 12; j++) {
            weight[j] = h * thm_dop853_dense[row][j];
        }
        double *out = term[4 + row];
        memset(out, 0, (size_t)run->padded * sizeof *out);
        self->kernel->stage(run->padded, out, 12, k, weight, out);
    }
    self->interpolated = true;
    return THM_OK;
}

static thm_status dop853_inside(void *object, thm_ode_run *run, double t,
                                double *x)
{
    dop853 *self = object;
    if (!self->interpolated) {
        thm_status status = interpolate(self, run);
        if (status != THM_OK) {
            return status;
        }
    }
    double s = (t - run->t_old) / (run->t - run->t_old), r = 1.0 - s;
    double *const *c = self->term;
    for (int i = 0; i < run->padded; i++) {
        double upper = c[4][i] + s * (c[5][i] + r * (c[6][i] + s * c[7][i]));
        double lower = c[2][i] + s * (c[3][i] + r * upper);
        x[i] = c[0][i] + s * (c[1][i] + r * lower);
    }
    return THM_OK;
}

static thm_status dop853_slope(void *object, thm_ode_run *run)
{
    dop853 *self = object;
    if (self->outer != NULL) {
        thm_outer_unfold(self->outer, THM_DOP853_END, run->f);
    }
    return THM_OK;
}

const thm_ode_method thm_method_dop853 = {.slope = dop853_slope,
                                          .lands = false,
                                          .alloc = dop853_alloc,
                                          .free = dop853_free,
                                          .start = dop853_start,
                                          .step = dop853_step,
                                          .inside = dop853_inside};
