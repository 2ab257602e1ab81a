/* F24: a token whose value can be switched off becomes the sink of a softmax
 * that has nothing to attend to, at the rate 1 - p_0 ~ (2 c t)^(-1/2), c = s n
 * / (n - 1)^2; gates that need not sum to one close instead (paper-notes/
 * varre2026.md, F24).
 *
 * n keys, one with the learned value v, the others noise of variance s:
 *     L = (p_0 v)^2 / 2 + (s / 2) sum_{i > 0} p_i^2,
 * gradient flow in v and a from a = 0.  log v is integrated in place of v: v
 * decays like e^-t, which as a number of the state would hold every explicit
 * step below a constant. */
#include <math.h>
#include <stdio.h>
#include "claims/integrated.h"
#include "core/rng.h"
#include "flow/value_flow.h"
#include "proofs/proof.h"

enum { MAX_N = 16, CASES = 8 };

static const double end_time = 1e6, allowance = 0.01;

typedef struct {
    int n;
    double s, log_v;
} sink;

static thm_status make_sink(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    sink *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    *c = (sink){8, 1.0, 0.0};
    if (index > 0) {
        c->n = 3 + (int)thm_rng_below(&rng, MAX_N - 2);
        c->s = exp2(2.0 * thm_rng_uniform(&rng) - 1.0);
        c->log_v = 2.0 * thm_rng_uniform(&rng) - 1.0;
    }
    snprintf(name, THM_CASE_NAME, "sink-%lld-n-%d-s-%.3f", (long long)index,
             c->n, c->s);
    return THM_OK;
}

typedef struct {
    const sink *c;
    thm_normalisation gates;
    double p[MAX_N];
} model;

/* x = (a, log v).  dL/dp_0 = p_0 v^2, dL/dp_i = s p_i; v' / v = -p_0^2. */
static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    model *m = ctx;
    const int n = m->c->n;
    const double v = exp(x[n]);
    double *p = m->p, mean = 0.0;
    (void)t;
    const thm_status status = thm_normalise(m->gates, n, x, p);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        dx[i] = -(i == 0 ? v * v : m->c->s) * p[i];
        mean += p[i] * dx[i];
    }
    for (int i = 0; i < n; i++) {
        dx[i] = m->gates == THM_NORMALISE_SOFTMAX ? p[i] * (dx[i] - mean)
                                                  : p[i] * (1.0 - p[i]) * dx[i];
    }
    dx[n] = -p[0] * p[0];
    return THM_OK;
}

/* *q <- (1 - p_0) sqrt(2 c t) at the end. */
static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    model *m = ctx;
    const int n = m->c->n;
    const double c = m->c->s * n / ((n - 1.0) * (n - 1.0));
    double x[MAX_N + 1] = {0}, others = 0.0;
    thm_ode_options explicit_options = *options;
    explicit_options.stepper = THM_STEPPER_DOP853;
    const thm_ode ode = {.n = n + 1, .ctx = m, .rhs = rhs};
    thm_ode_stats stats;
    x[n] = m->c->log_v;
    thm_status status = thm_ode_integrate(&ode, 0.0, end_time, x,
                                          &explicit_options, NULL, &stats);
    if (status == THM_OK) {
        status = thm_normalise(m->gates, n, x, m->p);
    }
    for (int i = 1; i < n; i++) {
        others += m->p[i];
    }
    if (m->gates != THM_NORMALISE_SOFTMAX) {
        others = 1.0 - m->p[0];
    }
    *q = others * sqrt(2.0 * c * end_time);
    *steps = stats.steps;
    return status;
}

static thm_status sinks(const sink *c, thm_normalisation gates, thm_finding *f)
{
    model m = {.c = c, .gates = gates};
    double q = 0.0;
    const thm_status status = thm_integrated(1, run, &m, &q, &f->err);
    f->observed = fabs(q - 1.0);
    f->allowed = allowance;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status softmax_sinks(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)ctx, (void)applies;
    return sinks(c, THM_NORMALISE_SOFTMAX, f);
}

static thm_status gates_sink(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)ctx, (void)applies;
    return sinks(c, THM_NORMALISE_SIGMOID, f);
}

static thm_status open_sinks(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static sink storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, CASES);
    source->make = make_sink;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F24", softmax_sinks, false},
                                       {"XF24", gates_sink, false}};
    static const proof_group group = {2, claims, open_sinks, NULL};
    static const proof_table table = {"the attention sink of softmax (F24)", 1,
                                      &group};
    return proof_main(argc, argv, &table);
}
