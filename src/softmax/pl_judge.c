/* What a run of gradient descent says of the PL lemma: see pl.h. */
#include "softmax/pl_inside.h"

#include <math.h>
#include <string.h>

#define U THM_PL_U

/* Errors of f and |g| at x; with r = exact + e, |e| <= value_err,
 * ||r|^2 - |exact|^2| / 2 <= |r| |e| + |e|^2 / 2. */
static thm_status errors_at(const thm_pl *pl, const double *x, double f,
                            double gradient, double *f_err,
                            double *gradient_err)
{
    const thm_objective *o = &pl->objective;
    double value = 0.0, slope = 0.0;
    if (pl->options.error) {
        const thm_status status =
            pl->options.error(x, f, &value, &slope, pl->options.error_ctx);
        if (status != THM_OK) {
            return status;
        }
    }
    *gradient_err = slope * (1 + 4 * U) + (o->n + 8) * U * gradient;
    if (o->m < 1) {
        *f_err = value + U * fabs(f);
    } else {
        *f_err =
            (sqrt(2.0 * f) * value + value * value / 2.0 + (o->m + 2) * U * f) *
            (1 + (o->m + 8) * U);
    }
    return THM_OK;
}

/* f - f* and its error. */
static double gap_of(const thm_pl *pl, double f, double f_err, double *err)
{
    const double gap = f - pl->options.f_star;
    *err = f_err + pl->options.f_star_err + 2 * U * fabs(gap);
    return gap;
}

/* The ratio at s, or NaN where f - f* is within its error. */
static void measure_ratio(const thm_pl *pl, thm_pl_state *s)
{
    double err;
    const double gap = gap_of(pl, s->f, s->f_err, &err);
    const double low = fmax(0.0, s->gradient - s->gradient_err);
    const double high = s->gradient + s->gradient_err;
    s->ratio = s->ratio_err = NAN;
    if (!(gap > err)) {
        return;
    }
    s->ratio = s->gradient * (s->gradient / gap) / 2.0;
    s->ratio_err = fmax(high * (high / (gap - err)) / 2.0 - s->ratio,
                        s->ratio - low * (low / (gap + err)) / 2.0) +
                   8 * U * s->ratio;
}

static thm_evidence evidence(const thm_pl *pl)
{
    return pl->options.error ? THM_BOUNDED : THM_SAMPLED;
}

static void case_name(long t, char name[THM_CASE_NAME])
{
    thm_message text;
    thm_fail(THM_OK, &text, "t=%ld", t);
    memcpy(name, text.text, THM_CASE_NAME - 1);
    name[THM_CASE_NAME - 1] = '\0';
}

/* A case if it is decided without resolution, or if the check could have failed
 * visibly; else the step is counted as not decided. */
static void add(thm_result *r, const thm_finding *f, bool visible,
                const char *name)
{
    const double margin = f->allowed - f->observed;
    if (visible || margin >= f->err || margin < -3.0 * f->err) {
        thm_result_add(r, f, name, 0);
    } else {
        thm_result_skip(r);
    }
}

/* Ratio at s.  It could have failed visibly if f - f* can be told from 0 and a
 * gradient within twice its error would have been too short. */
static void judge_ratio(thm_pl *pl, const thm_pl_state *s, const char *name)
{
    thm_pl_report *told = &pl->report;
    const double mu = pl->options.mu, e = 2.0 * s->gradient_err;
    double err;
    const double gap = gap_of(pl, s->f, s->f_err, &err);
    const bool seen = gap > 4.0 * err;
    if (seen && s->ratio_err <= s->ratio / 4.0 &&
        !(s->ratio >= told->ratio_min)) {
        told->ratio_min = s->ratio;
        told->ratio_min_err = s->ratio_err;
        told->ratio_min_step = s->t;
    }
    if (!(mu > 0.0)) {
        return;
    }
    const thm_finding f = {.observed = mu,
                           .allowed = s->ratio,
                           .err = s->ratio_err + 2 * U * s->ratio,
                           .resolution = true,
                           .evidence = evidence(pl)};
    add(&told->ratio, &f, seen && e * (e / gap) / 2.0 < mu, name);
}

/* Decrease from s to next in units of what is claimed, eta |g|^2 / 2.  The step
 * is rounded too: next is off by at most u (|next| + |eta g|) a coordinate,
 * which moves f by its slope times that. */
static void judge_decrease(thm_pl *pl, const thm_pl_state *s,
                           const thm_pl_state *next, double drift,
                           const char *name)
{
    const double claimed = next->eta * s->gradient * (s->gradient / 2.0);
    const double drop = s->f - next->f;
    const double err =
        s->f_err + next->f_err + U * fabs(drop) + 8 * U * claimed +
        next->eta * s->gradient_err * (s->gradient + s->gradient_err) +
        drift * (s->gradient + next->gradient + drift / next->eta);
    const thm_finding f = {.observed = 1.0,
                           .allowed = fmax(drop / claimed, -DBL_MAX),
                           .err = err / claimed,
                           .resolution = true,
                           .evidence = evidence(pl)};
    add(&pl->report.decrease, &f, claimed > 4.0 * err, name);
}

/* Rate and path at s, in units of their bounds. */
static void judge_bounds(thm_pl *pl, const thm_pl_state *s, const char *name)
{
    thm_pl_report *told = &pl->report;
    double err;
    const double gap = gap_of(pl, s->f, s->f_err, &err);
    const double gap0 = told->f0 - pl->options.f_star;
    /* a start that cannot be told from the optimum bounds nothing */
    const bool started = gap0 > 4.0 * pl->gap_err0;
    const double start_err = pl->gap_err0 / gap0;
    const double bound = exp(told->log_rate) * gap0;
    const double steps = (double)s->t, size = pl->objective.n;
    if (!(pl->options.mu > 0.0)) {
        return;
    }
    if (started) {
        /* in units of the bound while that can be seen */
        const double unit = fmax(bound, err);
        const double relative =
            2.0 * start_err + (steps + 4) * U * (1.0 - told->log_rate);
        const thm_finding f = {.observed = gap / unit,
                               .allowed = bound / unit,
                               .err =
                                   (err + fmax(gap, bound) * relative) / unit,
                               .evidence = evidence(pl)};
        add(&told->rate, &f, bound > 4.0 * err, name);
    } else {
        thm_result_skip(&told->rate);
    }
    if (started) {
        const double observed = s->path / told->radius;
        const thm_finding f = {.observed = observed,
                               .allowed = 1.0,
                               .err = observed *
                                      (start_err + (size + steps + 12) * U),
                               .evidence = evidence(pl)};
        thm_result_add(&told->path, &f, name, 0);
    } else {
        thm_result_skip(&told->path);
    }
}

thm_status thm_pl_measure(const thm_pl *pl, const double *x, thm_pl_state *s)
{
    const thm_status status =
        errors_at(pl, x, s->f, s->gradient, &s->f_err, &s->gradient_err);
    if (status == THM_OK) {
        measure_ratio(pl, s);
    }
    return status;
}

void thm_pl_judge_start(thm_pl *pl)
{
    const thm_pl_state *s = &pl->state;
    thm_pl_report *told = &pl->report;
    char name[THM_CASE_NAME];
    const double gap = gap_of(pl, s->f, s->f_err, &pl->gap_err0);
    thm_result_init(&told->ratio);
    thm_result_init(&told->decrease);
    thm_result_init(&told->rate);
    thm_result_init(&told->path);
    told->f0 = s->f;
    told->f0_err = s->f_err;
    told->ratio_min = told->ratio_min_err = NAN;
    told->radius = pl->options.mu > 0.0
                       ? sqrt(8.0 * fmax(gap, 0.0) / pl->options.mu)
                       : HUGE_VAL;
    case_name(s->t, name);
    judge_ratio(pl, s, name);
}

void thm_pl_judge_step(thm_pl *pl, const thm_pl_state *s,
                       const thm_pl_state *next, double drift)
{
    char name[THM_CASE_NAME];
    const double share = next->eta * pl->options.mu;
    case_name(s->t, name);
    judge_decrease(pl, s, next, drift, name);
    /* a step beyond 1 / mu leaves the lemma's bound without a meaning */
    pl->report.log_rate += share < 1.0 ? log1p(-share) : -HUGE_VAL;
    case_name(next->t, name);
    judge_ratio(pl, next, name);
    judge_bounds(pl, next, name);
}

void thm_pl_judge_diverged(thm_pl *pl)
{
    char name[THM_CASE_NAME];
    const thm_finding f = {.observed = 1.0,
                           .allowed = -DBL_MAX,
                           .err = 0.0,
                           .resolution = true,
                           .evidence = evidence(pl)};
    case_name(pl->state.t, name);
    thm_result_add(&pl->report.decrease, &f, name, 0);
}
