/* F1-F3, F5, F6 over whole flows: what the laws keep at every state (F1.1,
 * F2.1,
 * ...) the integrators keep from start to end (paper-notes/varre2026.md). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/flow_cases.h"
#include "claims/integrated.h"
#include "flow/value_flow.h"
#include "proofs/proof.h"

/* What is watched: 1 + the largest relative drift over the times. */
typedef enum {
    ENERGY,
    ENERGY_OF_VALUES, /* without the logits' part */
    LOGITS,
    LOGITS_OF_SQUARES, /* of the flow with p = a^2 / |a|^2 */
    ACROSS,            /* V orthogonal to b; 1 if the loss has no b */
    PAIR,
    PAIR_OF_SQUARES, /* delta^2 / 2 for cosh delta */
    GROUP,
    GROUP_AS_PAIR, /* with the formula of n = 2 */
    NUMBERS
} number;

static const double part_of_end[] = {0.01, 0.1, 0.3, 1.0};
enum {
    TIMES = sizeof part_of_end / sizeof *part_of_end,
    CASES = 45,
    FEWEST = 10
};

typedef struct {
    const thm_flow_source *source;
    thm_flow_case one;
    double q[NUMBERS], err[NUMBERS];
} work;

/* ---- drifts ---------------------------------------------------------------
 */

static double total(int n, const double *x)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

static double loss_at(thm_value_flow *flow, const double *x)
{
    thm_value_state state = {0};
    return thm_value_flow_look(flow, x, &state, NULL, NULL) == THM_OK
               ? state.loss
               : (double)NAN;
}

/* |(V - V0) orthogonal to b|_F / |V0|_F */
static double across(const thm_flow_case *c, const double *x)
{
    const int d = c->d, n = c->n;
    double b2 = 0.0, part = 0.0, whole = 0.0;
    for (int r = 0; r < d; r++) {
        b2 += c->b[r] * c->b[r];
    }
    for (int i = 0; i < n; i++) {
        double along = 0.0;
        for (int r = 0; r < d; r++) {
            along += c->b[r] * (x[r * n + i] - c->x[r * n + i]) / b2;
        }
        for (int r = 0; r < d; r++) {
            const double v0 = c->x[r * n + i];
            const double rest = x[r * n + i] - v0 - along * c->b[r];
            part += rest * rest;
            whole += v0 * v0;
        }
    }
    return sqrt(part / whole);
}

/* |v_1 - v_n|^2 / 2 and a_1 - a_n */
static double ends(const thm_flow_case *c, const double *x, double *delta)
{
    const int d = c->d, n = c->n;
    double distance = 0.0;
    for (int r = 0; r < d; r++) {
        const double D = x[r * n] - x[r * n + n - 1];
        distance += D * D / 2.0;
    }
    *delta = x[d * n] - x[d * n + n - 1];
    return distance;
}

/* Law 6, from 0 at delta = 0. */
static double group_rise(double n, double k, double delta)
{
    return (k * expm1(delta) + (n - 2.0 * k) * delta +
            (n - k) * expm1(-delta)) /
           n;
}

/* Raises q to the drifts at x; spent: the integrals of |V'|^2 and |a'|^2. */
static void drifts(const thm_flow_case *c, thm_value_flow *flow,
                   const double *x, const double *spent, double *q)
{
    const int N = c->d * c->n;
    const double k = c->k > 0 ? c->k : 1;
    double now[NUMBERS] = {0.0}, d0, d1;
    const double loss0 = loss_at(flow, c->x), loss = loss_at(flow, x);
    const double grown = ends(c, x, &d1) - ends(c, c->x, &d0);
    const double scale = 1.0 + cosh(fmax(fabs(d0), fabs(d1)));
    const double sum0 = total(c->n, c->x + N), sum = total(c->n, x + N);
    now[ENERGY] = (loss + spent[0] + spent[1] - loss0) / loss0;
    now[ENERGY_OF_VALUES] = (loss + spent[0] - loss0) / loss0;
    now[LOGITS] = (sum - sum0) / (1.0 + fabs(sum0));
    now[ACROSS] = c->loss.b ? across(c, x) : 0.0;
    now[PAIR] = (grown - cosh(d1) + cosh(d0)) / scale;
    now[PAIR_OF_SQUARES] = (grown - (d1 * d1 - d0 * d0) / 2.0) / scale;
    now[GROUP] =
        (grown - group_rise(c->n, k, d1) + group_rise(c->n, k, d0)) / scale;
    now[GROUP_AS_PAIR] = now[PAIR];
    for (int i = 0; i < NUMBERS; i++) {
        const double drift = 1.0 + fabs(now[i]);
        q[i] = isnan(q[i]) || drift <= q[i] ? q[i] : drift;
    }
}

/* ---- flows ----------------------------------------------------------------
 */

/* The flow with two more numbers: the integrals of |V'|^2 and |a'|^2. */
typedef struct {
    const thm_flow_case *c;
    thm_value_flow *flow;
    thm_ode ode;
    double *q;
} metered;

static thm_status meter(double t, const double *x, double *dx, void *ctx)
{
    const metered *m = ctx;
    const int size = m->ode.n, values = m->c->d * m->c->n;
    const thm_status status = m->ode.rhs(t, x, dx, m->ode.ctx);
    double part[2] = {0.0, 0.0};
    for (int i = 0; i < size; i++) {
        part[i >= values] += dx[i] * dx[i];
    }
    dx[size] = part[0];
    dx[size + 1] = part[1];
    return status;
}

static thm_status note(double t, const double *x, bool *stop, void *ctx)
{
    const metered *m = ctx;
    (void)t;
    (void)stop;
    drifts(m->c, m->flow, x, x + m->ode.n, m->q);
    return THM_OK;
}

static thm_status follow(const thm_flow_case *c, thm_normalisation kind,
                         const thm_ode_options *options, double *q, long *steps)
{
    const bool slow = c->loss.kind == THM_LOSS_LOGISTIC ||
                      c->loss.kind == THM_LOSS_EXPONENTIAL;
    const double end = slow ? 1e3 : 20.0;
    double x[THM_FLOW_SIZE + 2] = {0.0}, times[TIMES];
    metered m = {.c = c, .q = q};
    thm_status status =
        thm_value_flow_alloc(c->d, c->n, &c->loss, kind, &m.flow);
    if (status != THM_OK) {
        return status;
    }
    m.ode = thm_value_flow_ode(m.flow);
    memcpy(x, c->x, (size_t)m.ode.n * sizeof *x);
    const thm_ode ode = {.n = m.ode.n + 2, .ctx = &m, .rhs = meter};
    thm_ode_options explicit = *options;
    explicit.stepper = THM_STEPPER_RK8PD;
    for (int k = 0; k < TIMES; k++) {
        times[k] = part_of_end[k] * end;
    }
    const thm_ode_watch watch = {
        .n_times = TIMES, .times = times, .observe = note, .observe_ctx = &m};
    thm_ode_stats stats = {0};
    status = thm_ode_integrate(&ode, 0.0, end, x, &explicit, &watch, &stats);
    *steps += stats.steps;
    thm_value_flow_free(m.flow);
    return status;
}

static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    const work *w = ctx;
    const thm_flow_case *c = &w->one;
    double squares[NUMBERS] = {0.0};
    *steps = 0;
    memset(q, 0, NUMBERS * sizeof *q);
    thm_status status = follow(c, THM_NORMALISE_SOFTMAX, options, q, steps);
    q[LOGITS_OF_SQUARES] = 1.0;
    if (status == THM_OK && c->x[c->d * c->n] != 0.0) {
        long more = 0;
        status = follow(c, THM_NORMALISE_L2, options, squares, &more);
        q[LOGITS_OF_SQUARES] = squares[LOGITS];
    }
    return status;
}

static thm_status make_flow(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    work *w = ctx;
    (void)the_case;
    const thm_status status =
        thm_flow_make(w->source, seed, index, &w->one, name);
    return status == THM_OK ? thm_integrated(NUMBERS, run, w, w->q, w->err)
                            : status;
}

static thm_status open_flows(const thm_flow_source *states, double effort,
                             thm_case_source *source, void **ctx)
{
    work *w = calloc(1, sizeof *w);
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->source = states;
    /* every loss, with d = 1 and d > 1, so that each twin has its case */
    const int64_t count = proof_count(effort, CASES);
    source->count = count < FEWEST ? FEWEST : count;
    source->make = make_flow;
    source->ctx = w;
    return THM_OK;
}

static thm_status open_any(double effort, uint64_t seed,
                           thm_case_source *source, void **ctx,
                           thm_message *msg)
{
    (void)seed;
    (void)msg;
    return open_flows(&thm_flow_any, effort, source, ctx);
}

static thm_status open_pairs(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    (void)seed;
    (void)msg;
    return open_flows(&thm_flow_pairs, effort, source, ctx);
}

static thm_status open_groups(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)seed;
    (void)msg;
    return open_flows(&thm_flow_groups, effort, source, ctx);
}

static void close_flows(thm_case_source *source, void *ctx)
{
    (void)source;
    free(ctx);
}

/* ---- the measures ---------------------------------------------------------
 */

static thm_status kept(const work *w, number of, thm_finding *f)
{
    f->observed = w->q[of] - 1.0;
    f->allowed = 0.0;
    f->err = w->err[of];
    f->resolution = true;
    return THM_OK;
}

#define KEEPS(name, of, hypothesis)                                            \
    static thm_status name(const void *the_case, void *ctx, thm_finding *f,    \
                           bool *applies)                                      \
    {                                                                          \
        const work *w = ctx;                                                   \
        const thm_flow_case *c = &w->one;                                      \
        (void)the_case;                                                        \
        (void)c;                                                               \
        *applies = (hypothesis);                                               \
        return kept(w, of, f);                                                 \
    }

KEEPS(energy_is_kept, ENERGY, true)
KEEPS(energy_is_kept_by_values, ENERGY_OF_VALUES, true)
KEEPS(sum_is_kept, LOGITS, true)
KEEPS(sum_is_kept_by_squares, LOGITS_OF_SQUARES, c->x[c->d * c->n] != 0.0)
KEEPS(values_stay_across, ACROSS,
      c->d >= 2 && (c->loss.kind == THM_LOSS_LOGISTIC ||
                    c->loss.kind == THM_LOSS_EXPONENTIAL))
KEEPS(values_stay_across_square, ACROSS,
      c->d >= 2 && c->loss.kind == THM_LOSS_SQUARE)
KEEPS(pair_is_kept, PAIR, true)
KEEPS(pair_is_kept_of_squares, PAIR_OF_SQUARES, true)
KEEPS(group_is_kept, GROUP, true)
KEEPS(group_is_kept_as_pair, GROUP_AS_PAIR, true)

int main(int argc, char **argv)
{
    static const thm_claim any[] = {
        {"F1.2", energy_is_kept, false},
        {"XF1.2", energy_is_kept_by_values, false},
        {"F2.2", sum_is_kept, false},
        {"XF2.2", sum_is_kept_by_squares, false},
        {"F3.2", values_stay_across, false},
        {"XF3.2", values_stay_across_square, false}};
    static const thm_claim pairs[] = {
        {"F5.2", pair_is_kept, false},
        {"XF5.2", pair_is_kept_of_squares, false}};
    static const thm_claim groups[] = {{"F6.2", group_is_kept, false},
                                       {"XF6.2", group_is_kept_as_pair, false}};
    static const proof_group table_groups[] = {
        {6, any, open_any, close_flows},
        {2, pairs, open_pairs, close_flows},
        {2, groups, open_groups, close_flows}};
    static const proof_table table = {
        "what integrated value-softmax flows keep (F1.2, F2.2, F3.2, F5.2, "
        "F6.2)",
        3, table_groups};
    return proof_main(argc, argv, &table);
}
