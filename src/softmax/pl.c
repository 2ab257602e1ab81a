/* Gradient descent under the lemma of Polyak and Lojasiewicz: see pl.h. */
#include "softmax/pl_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *thm_pl_ending_text(thm_pl_ending ending)
{
    switch (ending) {
    case THM_PL_RUNNING:
        return "steps done";
    case THM_PL_STATIONARY:
        return "stationary";
    case THM_PL_FLOOR:
        return "floor of rounding";
    case THM_PL_DIVERGED:
        return "diverged";
    }
    return "unknown ending";
}

double thm_pl_norm(int n, const double *x)
{
    double largest = 0.0, sum = 0.0;
    for (int i = 0; i < n; i++) {
        largest = thm_worse(largest, fabs(x[i]));
    }
    if (!(largest > 0.0) || !isfinite(largest)) {
        return largest;
    }
    for (int i = 0; i < n; i++) {
        const double part = x[i] / largest;
        sum += part * part;
    }
    return largest * sqrt(sum);
}

/* |x - y|_2, relative error at most (n / 2 + 5) u. */
static double apart(int n, const double *x, const double *y, double *scratch)
{
    for (int i = 0; i < n; i++) {
        scratch[i] = x[i] - y[i];
    }
    return thm_pl_norm(n, scratch);
}

/* f at x: of least squares |r|^2 / 2, summed here, so that its rounding is
 * known: m products and m - 1 sums. */
static thm_status value_at(thm_pl *pl, const double *x, double *f)
{
    const thm_objective *o = &pl->objective;
    pl->report.trials++;
    if (o->m < 1) {
        return o->value(x, f, o->ctx);
    }
    const thm_status status = o->residual(x, pl->r, o->ctx);
    if (status == THM_OK) {
        double sum = 0.0;
        for (int i = 0; i < o->m; i++) {
            sum += pl->r[i] * pl->r[i];
        }
        *f = sum / 2.0;
    }
    return status;
}

/* Gradient, errors and ratio at x, whose f stands in s.  A gradient that is not
 * finite is left for the caller to see. */
static thm_status look_around(const thm_pl *pl, const double *x, double *g,
                              thm_pl_state *s)
{
    const thm_objective *o = &pl->objective;
    thm_status status = o->gradient(x, g, o->ctx);
    if (status != THM_OK) {
        return status;
    }
    s->gradient = thm_pl_norm(o->n, g);
    if (!isfinite(s->gradient)) {
        return THM_EDOMAIN;
    }
    return thm_pl_measure(pl, x, s);
}

static thm_status begin(thm_pl *pl)
{
    thm_pl_state *s = &pl->state;
    if (!isfinite(thm_pl_norm(pl->objective.n, pl->x))) {
        return THM_EDOMAIN;
    }
    thm_status status = value_at(pl, pl->x, &s->f);
    if (status == THM_OK && !isfinite(s->f)) {
        status = THM_EDOMAIN;
    }
    if (status == THM_OK) {
        status = look_around(pl, pl->x, pl->g, s);
    }
    if (status != THM_OK) {
        return status;
    }
    s->eta = NAN;
    s->ending = s->gradient > 0.0 ? THM_PL_RUNNING : THM_PL_STATIONARY;
    thm_pl_judge_start(pl);
    return THM_OK;
}

thm_status thm_pl_alloc(const thm_objective *f, const thm_pl_options *options,
                        const double *x0, thm_pl **out)
{
    *out = NULL;
    if (f->n < 1) {
        return THM_EDIM;
    }
    if (!(options->eta > 0.0 && isfinite(options->eta)) ||
        !(options->mu >= 0.0 && isfinite(options->mu)) ||
        !isfinite(options->f_star) ||
        !(options->f_star_err >= 0.0 && isfinite(options->f_star_err))) {
        return THM_EDOMAIN;
    }
    const size_t n = (size_t)f->n, m = f->m > 0 ? (size_t)f->m : 0;
    size_t count;
    thm_status status = thm_size_mul(n, 5 * sizeof(double), &count);
    if (status == THM_OK) {
        status = thm_size_add(count, m * sizeof(double), &count);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_pl *pl = calloc(1, sizeof *pl);
    double *block = malloc(count);
    if (!pl || !block) {
        free(pl);
        free(block);
        return THM_ENOMEM;
    }
    pl->objective = *f;
    pl->options = *options;
    pl->trial = options->eta;
    pl->x0 = block;
    pl->x = block + n;
    pl->g = block + 2 * n;
    pl->next_x = block + 3 * n;
    pl->next_g = block + 4 * n;
    pl->r = block + 5 * n;
    memcpy(pl->x0, x0, n * sizeof *x0);
    memcpy(pl->x, x0, n * sizeof *x0);
    status = begin(pl);
    if (status != THM_OK) {
        thm_pl_free(pl);
        return status;
    }
    *out = pl;
    return THM_OK;
}

void thm_pl_free(thm_pl *pl)
{
    if (pl) {
        free(pl->x0);
        free(pl);
    }
}

/* f at x - eta g; infinite where the objective has no finite value. */
static thm_status try_step(thm_pl *pl, double eta, double *f)
{
    for (int i = 0; i < pl->objective.n; i++) {
        pl->next_x[i] = pl->x[i] - eta * pl->g[i];
    }
    *f = NAN;
    thm_status status = isfinite(thm_pl_norm(pl->objective.n, pl->next_x))
                            ? value_at(pl, pl->next_x, f)
                            : THM_EDOMAIN;
    if (status == THM_EDOMAIN || status == THM_EOVERFLOW || !isfinite(*f)) {
        *f = HUGE_VAL;
        return status == THM_EDOMAIN || status == THM_EOVERFLOW ? THM_OK
                                                                : status;
    }
    return status;
}

/* The next step and f there; eta = 0 where no decrease can be seen. */
static thm_status choose_step(thm_pl *pl, double *eta, double *f)
{
    const thm_pl_state *s = &pl->state;
    const double square = s->gradient * (s->gradient / 2.0);
    thm_status status = THM_OK;
    *eta = pl->trial;
    if (pl->options.rule == THM_PL_FIXED) {
        return try_step(pl, *eta, f);
    }
    for (;;) {
        const double claimed = *eta * square;
        if (!(claimed > 4.0 * s->f_err)) {
            *eta = 0.0;
            return THM_OK;
        }
        status = try_step(pl, *eta, f);
        if (status != THM_OK || *f <= s->f - claimed) {
            break;
        }
        *eta /= 2.0;
    }
    const bool at_once = *eta == pl->trial;
    pl->trial = at_once && isfinite(2.0 * *eta) ? 2.0 * *eta : *eta;
    return status;
}

/* Takes over the next point. */
static void advance(thm_pl *pl, const thm_pl_state *next)
{
    double *const x = pl->x, *const g = pl->g;
    pl->x = pl->next_x;
    pl->g = pl->next_g;
    pl->next_x = x;
    pl->next_g = g;
    pl->state = *next;
    pl->report.distance_max =
        thm_worse(pl->report.distance_max, next->distance);
}

thm_status thm_pl_step(thm_pl *pl)
{
    const thm_pl_state *s = &pl->state;
    const int n = pl->objective.n;
    thm_pl_state next = {.t = s->t + 1};
    if (s->ending != THM_PL_RUNNING) {
        return THM_OK;
    }
    thm_status status = choose_step(pl, &next.eta, &next.f);
    if (status == THM_OK && !(next.eta > 0.0)) {
        pl->state.ending = THM_PL_FLOOR;
        return THM_OK;
    }
    if (status == THM_OK) {
        status = next.f < HUGE_VAL
                     ? look_around(pl, pl->next_x, pl->next_g, &next)
                     : THM_EDOMAIN;
    }
    if (status == THM_EDOMAIN || status == THM_EOVERFLOW) {
        thm_pl_judge_diverged(pl);
        pl->state.ending = THM_PL_DIVERGED;
        return THM_OK;
    }
    if (status != THM_OK) {
        return status;
    }
    /* u of the sum and u of the product, a coordinate */
    const double drift =
        THM_PL_U * (thm_pl_norm(n, pl->next_x) + 2.0 * next.eta * s->gradient);
    /* the old gradient has done its work: room for differences */
    next.path = s->path + apart(n, pl->next_x, pl->x, pl->g);
    next.distance = apart(n, pl->next_x, pl->x0, pl->g);
    next.ending = next.gradient > 0.0 ? THM_PL_RUNNING : THM_PL_STATIONARY;
    thm_pl_judge_step(pl, s, &next, drift);
    advance(pl, &next);
    return THM_OK;
}

const thm_pl_state *thm_pl_look(const thm_pl *pl)
{
    return &pl->state;
}

const thm_pl_report *thm_pl_told(const thm_pl *pl)
{
    return &pl->report;
}

const double *thm_pl_x(const thm_pl *pl)
{
    return pl->x;
}

thm_status thm_pl_run(thm_pl *pl, long steps, const thm_pl_watch *watch)
{
    static const thm_pl_watch nobody;
    const thm_pl_watch *w = watch ? watch : &nobody;
    thm_status status = w->observe ? w->observe(pl, w->ctx) : THM_OK;
    for (long k = 0; status == THM_OK && k < steps; k++) {
        if (w->interrupted && w->interrupted(w->ctx)) {
            return THM_EINTERRUPTED;
        }
        const long before = pl->state.t;
        status = thm_pl_step(pl);
        if (status == THM_OK && pl->state.t > before && w->observe) {
            status = w->observe(pl, w->ctx);
        }
        if (pl->state.ending != THM_PL_RUNNING) {
            break;
        }
    }
    return status;
}

thm_status thm_pl_curvature_est(const thm_objective *f, const double *x,
                                int iterations, double *L)
{
    if (f->n < 1 || iterations < 1) {
        return THM_EDIM;
    }
    if (!f->hvp) {
        return THM_EDOMAIN;
    }
    const size_t n = (size_t)f->n;
    double *v = malloc(2 * n * sizeof *v), *hv = v + n;
    if (!v) {
        return THM_ENOMEM;
    }
    thm_status status = THM_OK;
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        /* no symmetry of the problem is a symmetry of this start */
        v[i] = 1.0 + 0.5 * sin((double)(i * i) + 1.0);
    }
    for (int k = 0; status == THM_OK && k < iterations; k++) {
        const double length = thm_pl_norm(f->n, v);
        if (!(length > 0.0)) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            v[i] /= length;
        }
        status = f->hvp(x, v, hv, f->ctx);
        if (status == THM_OK) {
            largest = thm_worse(largest, thm_pl_norm(f->n, hv));
            memcpy(v, hv, n * sizeof *v);
        }
    }
    free(v);
    if (status == THM_OK) {
        *L = largest;
    }
    return status;
}
