/* F19.1 to F19.3: how fast the logistic flow is (paper-notes/varre2026.md, R6,
 * R7): a lower bound of y = <b, z> for all t, L t -> 1, and the time that a
 * small start takes to leave uniform attention. */
#include <math.h>
#include <stdio.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "flow/orbit.h"
#include "proofs/proof.h"

enum { MAX_D = 5, MAX_N = 10, MAX_X = (MAX_D + 1) * MAX_N, CASES = 12 };
enum { TIMES = 12 };

typedef struct {
    int d, n;
    double x[MAX_X], b[MAX_D]; /* |b| = 1; a(0) = 0 */
} start;

static double norm(int n, const double *x)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

/* Every third start is symmetric, where the bound is attained. */
static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    start *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->d = 1 + (int)thm_rng_below(&rng, MAX_D);
    c->n = 2 + (int)thm_rng_below(&rng, MAX_N - 1);
    thm_rng_fill_normal(&rng, c->d, 1.0, c->b);
    const double length = norm(c->d, c->b);
    for (int i = 0; i < c->d; i++) {
        c->b[i] /= length;
    }
    const bool symmetric = index % 3 == 2;
    thm_rng_fill_normal(&rng, c->d * c->n, symmetric ? 0.0 : 0.3, c->x);
    thm_rng_fill_normal(&rng, c->n, 0.0, c->x + c->d * c->n);
    snprintf(name, THM_CASE_NAME, "%s-%lld-d-%d-n-%d",
             symmetric ? "symmetric" : "start", (long long)index, c->d, c->n);
    return THM_OK;
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 3 * proof_count(effort, CASES / 3);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

static double grown(double y)
{
    return y + exp(y);
}

static double projection(const start *c, const double *z)
{
    double y = 0.0;
    for (int i = 0; i < c->d; i++) {
        y += c->b[i] * z[i];
    }
    return y;
}

/* ---- F19.1: y + e^y >= y_0 + e^{y_0} + t / n ------------------------------
 */

typedef struct {
    const start *c;
    double y0;
    double *q;
} bound_run;

static thm_status look_bound(thm_value_flow *flow, int k, double t,
                             const double *x, void *ctx)
{
    bound_run *r = ctx;
    thm_value_state state;
    double z[MAX_D];
    const thm_status status = thm_value_flow_look(flow, x, &state, NULL, z);
    r->q[k] = t / (grown(projection(r->c, z)) - grown(r->y0));
    return status;
}

static thm_status run_bound(const thm_ode_options *options, double *q,
                            long *steps, void *ctx)
{
    bound_run *r = ctx;
    const start *c = r->c;
    double x[MAX_X], z[MAX_D], times[TIMES];
    const thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = c->d, .b = c->b};
    const thm_flow_path path = {.d = c->d,
                                .n = c->n,
                                .loss = &loss,
                                .start = c->x,
                                .stepper = THM_STEPPER_DOP853,
                                .end = 1e8,
                                .n_times = TIMES,
                                .times = times,
                                .look = look_bound,
                                .ctx = r};
    for (int i = 0; i < c->d; i++) { /* p(0) is uniform */
        z[i] = 0.0;
        for (int j = 0; j < c->n; j++) {
            z[i] += c->x[i * c->n + j] / c->n;
        }
    }
    thm_flow_times(TIMES, 0.1, path.end, times);
    r->q = q;
    r->y0 = projection(c, z);
    return thm_flow_follow(&path, options, x, steps, NULL);
}

/* The largest of t over the rise of y + e^y, against n (the claim) or 1. */
static thm_status rises(const start *c, double most, thm_finding *f)
{
    bound_run r = {.c = c};
    double q[TIMES], err[TIMES];
    const thm_status status = thm_integrated(TIMES, run_bound, &r, q, err);
    f->allowed = most;
    f->observed = f->err = 0.0;
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        if (!(q[k] <= f->observed)) {
            f->observed = q[k];
        }
        f->err = fmax(f->err, err[k]);
    }
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status rises_by_nth(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    const start *c = the_case;
    (void)ctx, (void)applies;
    return rises(c, c->n, f);
}

static thm_status rises_by_one(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)ctx, (void)applies;
    return rises(c, 1.0, f);
}

/* ---- F19.2: L t -> 1 ------------------------------------------------------
 */

static const double late[] = {1e8, 1e250};
static const double near_one[] = {2e-3, 1e-5};

/* q <- log(L t) at both times, from y of the orbit with log t along. */
static thm_status run_late(const thm_ode_options *options, double *q,
                           long *steps, void *ctx)
{
    const start *c = ctx;
    thm_orbit *orbit = NULL;
    thm_status status = thm_orbit_alloc(c->n, THM_LOSS_LOGISTIC, 1.0,
                                        THM_ORBIT_CLOCKED, false, &orbit);
    *steps = 0;
    for (int k = 0; k < 2 && status == THM_OK; k++) {
        double x[2 * MAX_N + 1];
        thm_orbit_state state;
        thm_ode_options chosen = *options;
        thm_ode_stats stats = {0};
        chosen.stepper = THM_STEPPER_DOP853;
        status =
            thm_orbit_project(orbit, c->d, c->x, c->b, c->x + c->d * c->n, x);
        if (status == THM_OK) {
            status = thm_orbit_to_time(orbit, late[k], x, &chosen, &stats);
        }
        if (status == THM_OK) {
            status = thm_orbit_look(orbit, x, &state, NULL);
            /* log L = -y + log(log1p(e^-y) / e^-y), and e^-y < 1e-7 */
            q[k] = log(late[k]) - state.y - exp(-state.y) / 2.0;
            *steps += stats.steps;
        }
    }
    thm_orbit_free(orbit);
    return status;
}

static thm_status falls_like(const start *c, double limit, thm_finding *f)
{
    double q[2], err[2];
    start copy = *c;
    const thm_status status = thm_integrated(2, run_late, &copy, q, err);
    f->allowed = 1.0;
    f->observed = f->err = 0.0;
    for (int k = 0; k < 2 && status == THM_OK; k++) {
        const double off = fabs(expm1(q[k] - log(limit))) / near_one[k];
        if (!(off <= f->observed)) {
            f->observed = off;
            /* y, of the size of log t, is rounded */
            f->err = (expm1(err[k]) + 4e-16 * log(late[k])) * (1.0 + off) /
                     near_one[k];
        }
    }
    f->evidence = THM_SAMPLED;
    return status;
}

/* Symmetric starts keep |p|^2 = 1/n: L t -> n there. */
static bool leaves_uniform(const start *c)
{
    return norm(c->d * c->n, c->x) > 0.0;
}

static thm_status falls_like_1(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)ctx;
    *applies = leaves_uniform(c);
    return *applies ? falls_like(c, 1.0, f) : THM_OK;
}

static thm_status falls_like_nth(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    const start *c = the_case;
    (void)ctx;
    *applies = leaves_uniform(c);
    return *applies ? falls_like(c, 1.0 / c->n, f) : THM_OK;
}

/* ---- F19.3: the time to leave uniform attention is like 1 / eta -----------
 */

typedef struct {
    int n;
    double xi[MAX_N]; /* u(0) = eta xi, mean 0; a(0) = 0 */
} spread;

static thm_status make_spread(void *ctx, uint64_t seed, int64_t index,
                              void *the_case, char *name)
{
    spread *c = the_case;
    double mean = 0.0;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->n = 4 + (int)thm_rng_below(&rng, MAX_N - 3);
    thm_rng_fill_normal(&rng, c->n, 1.0, c->xi);
    c->xi[0] = 3.0; /* a clear winner: near ties take their own time */
    for (int i = 0; i < c->n; i++) {
        mean += c->xi[i] / c->n;
    }
    for (int i = 0; i < c->n; i++) {
        c->xi[i] -= mean;
    }
    snprintf(name, THM_CASE_NAME, "spread-%lld-n-%d", (long long)index, c->n);
    return THM_OK;
}

static thm_status open_spreads(double effort, uint64_t seed,
                               thm_case_source *source, void **ctx,
                               thm_message *msg)
{
    static spread storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, CASES);
    source->make = make_spread;
    source->the_case = &storage;
    return THM_OK;
}

typedef struct {
    const spread *c;
    double when;
} escape;

static double half(double t, const double *x, void *ctx)
{
    const spread *c = ((const escape *)ctx)->c;
    double p[MAX_N], top = 0.0;
    (void)t;
    if (thm_normalise(THM_NORMALISE_SOFTMAX, c->n, x + c->n, p) != THM_OK) {
        return NAN;
    }
    for (int i = 0; i < c->n; i++) {
        top = fmax(top, p[i]);
    }
    return top - 0.5;
}

static thm_status at_half(double t, const double *x, int direction, bool *stop,
                          void *ctx)
{
    (void)x, (void)direction;
    ((escape *)ctx)->when = t;
    *stop = true;
    return THM_OK;
}

/* *q <- the decades that t(p_max = 1/2) gains from eta = 1e-2 to 1e-3. */
static thm_status run_escape(const thm_ode_options *options, double *q,
                             long *steps, void *ctx)
{
    const spread *c = ctx;
    const double b = 1.0;
    const thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = 1, .b = &b};
    escape e[2] = {{c, (double)NAN}, {c, (double)NAN}};
    *steps = 0;
    for (int k = 0; k < 2; k++) {
        double from[2 * MAX_N] = {0}, x[2 * MAX_N];
        const thm_ode_event event = {half, at_half, &e[k]};
        const thm_flow_path path = {.d = 1,
                                    .n = c->n,
                                    .loss = &loss,
                                    .start = from,
                                    .stepper = THM_STEPPER_DOP853,
                                    .end = 1e8,
                                    .event = &event};
        long more = 0;
        for (int i = 0; i < c->n; i++) {
            from[i] = c->xi[i] * (k == 0 ? 1e-2 : 1e-3);
        }
        const thm_status status =
            thm_flow_follow(&path, options, x, &more, NULL);
        if (status != THM_OK) {
            return status;
        }
        *steps += more;
    }
    *q = log10(e[1].when / e[0].when);
    return THM_OK;
}

static thm_status escapes(const spread *c, double slope, thm_finding *f)
{
    spread copy = *c;
    double q = 0.0;
    const thm_status status = thm_integrated(1, run_escape, &copy, &q, &f->err);
    f->observed = fabs(q - slope);
    f->allowed = 0.05;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status escapes_like_inverse(const void *c, void *ctx, thm_finding *f,
                                       bool *applies)
{
    (void)ctx, (void)applies;
    return escapes(c, 1.0, f);
}

static thm_status escapes_like_log(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    (void)ctx, (void)applies;
    return escapes(c, log10(log(2e3) / log(2e2)), f);
}

int main(int argc, char **argv)
{
    static const thm_claim rates[] = {{"F19.1", rises_by_nth, false},
                                      {"XF19.1", rises_by_one, false},
                                      {"F19.2", falls_like_1, false},
                                      {"XF19.2", falls_like_nth, false}};
    static const thm_claim times[] = {{"F19.3", escapes_like_inverse, false},
                                      {"XF19.3", escapes_like_log, false}};
    static const proof_group groups[] = {{4, rates, open_starts, NULL},
                                         {2, times, open_spreads, NULL}};
    static const proof_table table = {"how fast the logistic flow is (F19)", 2,
                                      groups};
    return proof_main(argc, argv, &table);
}
