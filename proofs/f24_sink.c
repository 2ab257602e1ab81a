/* F24: a token whose value can be switched off becomes the sink of a softmax
 * that has nothing to attend to, at the rate 1 - p_0 ~ (2 c t)^(-1/2), c = s n
 * / (n - 1)^2; gates that need not sum to one close instead (paper-notes/
 * varre2026.md, F24).
 *
 * The model is flow/sink.h; it starts from a = 0. */
#include <math.h>
#include <stdio.h>
#include "claims/integrated.h"
#include "core/rng.h"
#include "flow/sink.h"
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
} model;

/* *q <- (1 - p_0) sqrt(2 c t) at the end. */
static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    const model *m = ctx;
    const int n = m->c->n;
    const double c = m->c->s * n / ((n - 1.0) * (n - 1.0));
    double x[MAX_N + 1] = {0}, p[MAX_N], others = 0.0;
    thm_sink head = {.n = n, .s = m->c->s, .gates = m->gates, .p = p};
    thm_ode ode;
    thm_ode_options explicit_options = *options;
    explicit_options.stepper = THM_STEPPER_DOP853;
    thm_ode_stats stats = {0};
    x[n] = m->c->log_v;
    thm_status status = thm_sink_ode(&head, &ode);
    if (status == THM_OK) {
        status = thm_ode_integrate(&ode, 0.0, end_time, x, &explicit_options,
                                   NULL, &stats);
    }
    if (status == THM_OK) {
        status = thm_normalise(m->gates, n, x, p);
    }
    for (int i = 1; i < n; i++) {
        others += p[i];
    }
    if (m->gates != THM_NORMALISE_SOFTMAX) {
        others = 1.0 - p[0];
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
