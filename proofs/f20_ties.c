/* F20.1, F20.2: ties stay ties: a maximum held by k tokens ends uniform on
 * them, a symmetric start stays uniform for ever (paper-notes/varre2026.md,
 * R4, R7). */
#include <math.h>
#include <stdio.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "flow/orbit.h"
#include "proofs/proof.h"

enum { MAX_N = 8, MAX_D = 3, TIES = 24, STARTS = 10, TIMES = 8 };

static const double end_tau = 1e3, nudge = 1e-9;

/* ---- a tie of the largest -------------------------------------------------
 */

typedef struct {
    int n, k;
    double u[MAX_N]; /* the first k are equal and largest; a(0) = 0 */
} tie;

static thm_status make_tie(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    tie *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    *c = (tie){4, 2, {0.5, 0.5, 0.2, 0.0}};
    if (index > 0) {
        c->n = 3 + (int)thm_rng_below(&rng, MAX_N - 2);
        c->k = 2 + (int)thm_rng_below(&rng, (uint64_t)c->n - 2);
        for (int i = 0; i < c->n; i++) {
            c->u[i] = i < c->k ? 1.0 : 0.9 * thm_rng_uniform(&rng);
        }
    }
    snprintf(name, THM_CASE_NAME, "tie-%lld-%d-of-%d", (long long)index, c->k,
             c->n);
    return THM_OK;
}

/* q <- p at end_tau. */
static thm_status run_tie(const thm_ode_options *options, double *q,
                          long *steps, void *ctx)
{
    const tie *c = ctx;
    thm_orbit *orbit = NULL;
    thm_status status = thm_orbit_alloc(c->n, THM_LOSS_LOGISTIC, 1.0,
                                        THM_ORBIT_FREE, false, &orbit);
    if (status != THM_OK) {
        return status;
    }
    const thm_ode ode = thm_orbit_ode(orbit);
    double x[2 * MAX_N] = {0};
    thm_orbit_state state;
    thm_ode_options chosen = *options;
    thm_ode_stats stats = {0};
    chosen.stepper = THM_STEPPER_DOP853;
    for (int i = 0; i < c->n; i++) {
        x[i] = c->u[i];
    }
    status = thm_ode_integrate(&ode, 0.0, end_tau, x, &chosen, NULL, &stats);
    if (status == THM_OK) {
        status = thm_orbit_look(orbit, x, &state, q);
    }
    *steps = stats.steps;
    thm_orbit_free(orbit);
    return status;
}

/* |p - uniform on the tie|_inf is at most the losers' mass: R4's bound. */
static thm_status ends_on_tie(const tie *c, double broken, thm_finding *f)
{
    tie start = *c;
    double q[MAX_N], err[MAX_N];
    start.u[1] += broken;
    const thm_status status = thm_integrated(c->n, run_tie, &start, q, err);
    f->observed = f->allowed = f->err = 0.0;
    for (int i = 0; i < c->n && status == THM_OK; i++) {
        const double off = fabs(q[i] - (i < c->k ? 1.0 / c->k : 0.0));
        if (!(off <= f->observed)) {
            f->observed = off;
        }
        if (i >= c->k) {
            f->allowed += 1.0 / (1.0 + (c->u[0] - c->u[i]) * end_tau / c->n);
        }
        f->err = fmax(f->err, err[i]);
    }
    f->allowed /= c->k;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status tied(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    (void)ctx, (void)applies;
    return ends_on_tie(c, 0.0, f);
}

static thm_status tie_broken(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)ctx, (void)applies;
    return ends_on_tie(c, nudge, f);
}

static thm_status open_ties(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    static tie storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, TIES);
    source->make = make_tie;
    source->the_case = &storage;
    return THM_OK;
}

/* ---- all tokens alike -----------------------------------------------------
 */

typedef struct {
    int d, n;
    thm_loss_kind kind;
    double v[MAX_D], a; /* of every token */
    double b[MAX_D], X[MAX_D * MAX_D];
    double broken; /* added to one entry of V */
} alike;

static thm_status make_alike(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const thm_loss_kind kinds[] = {
        THM_LOSS_LOGISTIC, THM_LOSS_EXPONENTIAL, THM_LOSS_SQUARE,
        THM_LOSS_QUADRATIC, THM_LOSS_CROSS_ENTROPY};
    alike *c = the_case;
    double sum = 0.0;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->kind = kinds[index % 5];
    c->d = 2 + (int)thm_rng_below(&rng, MAX_D - 1);
    c->n = 2 + (int)thm_rng_below(&rng, MAX_N - 1);
    c->broken = 0.0;
    thm_rng_fill_normal(&rng, c->d, index < 5 ? 0.0 : 0.5, c->v);
    c->a = index < 5 ? 0.0 : thm_rng_normal(&rng);
    thm_rng_fill_normal(&rng, c->d, 1.0, c->b);
    thm_rng_fill_normal(&rng, c->d * c->d, 0.3, c->X);
    for (int i = 0; i < c->d; i++) {
        c->X[i * c->d + i] += 1.0;
        sum += exp(c->b[i]);
    }
    for (int i = 0; i < c->d && c->kind == THM_LOSS_CROSS_ENTROPY; i++) {
        c->b[i] = exp(c->b[i]) / sum;
    }
    snprintf(name, THM_CASE_NAME, "alike-%s-%lld-n-%d", thm_loss_text(c->kind),
             (long long)index, c->n);
    return THM_OK;
}

typedef struct {
    const alike *c;
    double *q;
} spread;

/* q[k] <- the largest p less the smallest, plus 1. */
static thm_status look_spread(thm_value_flow *flow, int k, double t,
                              const double *x, void *ctx)
{
    spread *s = ctx;
    thm_value_state state;
    double p[MAX_N], low = 1.0;
    (void)t;
    const thm_status status = thm_value_flow_look(flow, x, &state, p, NULL);
    for (int i = 0; i < s->c->n && status == THM_OK; i++) {
        low = fmin(low, p[i]);
    }
    s->q[k] = 1.0 + state.p_max - low;
    return status;
}

static thm_status run_alike(const thm_ode_options *options, double *q,
                            long *steps, void *ctx)
{
    const alike *c = ctx;
    double from[(MAX_D + 1) * MAX_N] = {0}, x[(MAX_D + 1) * MAX_N],
                              times[TIMES];
    const bool slow = c->kind <= THM_LOSS_EXPONENTIAL; /* e^y ~ t */
    spread s = {c, q};
    const thm_loss loss = {
        .kind = c->kind, .d = c->d, .b = c->b, .m = c->d, .X = c->X, .y = c->b};
    const thm_flow_path path = {.d = c->d,
                                .n = c->n,
                                .loss = &loss,
                                .start = from,
                                .stepper = THM_STEPPER_DOP853,
                                .end = slow ? 1e12 : 1e3,
                                .n_times = TIMES,
                                .times = times,
                                .look = look_spread,
                                .ctx = &s};
    thm_flow_times(TIMES, 0.1, path.end, times);
    for (int j = 0; j < c->n; j++) {
        for (int i = 0; i < c->d; i++) {
            from[i * c->n + j] = c->v[i];
        }
        from[c->d * c->n + j] = c->a;
    }
    from[0] += c->broken;
    return thm_flow_follow(&path, options, x, steps, NULL);
}

static thm_status stays_uniform(const alike *c, double broken, thm_finding *f)
{
    alike start = *c;
    double q[TIMES], err[TIMES];
    start.broken = broken;
    const thm_status status = thm_integrated(TIMES, run_alike, &start, q, err);
    f->observed = f->allowed = f->err = 0.0;
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        if (!(q[k] - 1.0 <= f->observed)) {
            f->observed = q[k] - 1.0;
        }
        f->err = fmax(f->err, err[k]);
    }
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status uniform(const void *c, void *ctx, thm_finding *f,
                          bool *applies)
{
    (void)ctx, (void)applies;
    return stays_uniform(c, 0.0, f);
}

static thm_status uniform_nudged(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)ctx, (void)applies;
    return stays_uniform(c, nudge, f);
}

static thm_status open_alike(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static alike storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 5 * proof_count(effort, STARTS / 5);
    source->make = make_alike;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim ties[] = {{"F20.1", tied, false},
                                     {"XF20.1", tie_broken, false}};
    static const thm_claim alikes[] = {{"F20.2", uniform, false},
                                       {"XF20.2", uniform_nudged, false}};
    static const proof_group groups[] = {{2, ties, open_ties, NULL},
                                         {2, alikes, open_alike, NULL}};
    static const proof_table table = {"ties of the flow (F20)", 2, groups};
    return proof_main(argc, argv, &table);
}
