/* F17.1, F17.2: the square loss ends before attention does: the three
 * inequalities at a state from which R8 of paper-notes/varre2026.md follows, in
 * balls, and R8's bounds along whole flows. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "claims/ball.h"
#include "claims/flow_ball.h"
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "proofs/proof.h"

enum { BITS = THM_FLOW_BITS, TIMES = 16, FLOWS = 24 };

/* ---- at a state -----------------------------------------------------------
 */

static void add_squares(arb_t sum, slong n, arb_srcptr x)
{
    arb_dot(sum, sum, 0, x, 1, x, 1, n, BITS);
}

/* The largest of  rate |g|^2/n : -g'z',  |V'| |g| : -sqrt(n) g'z'  and
 * |a'| : |V| |g| / 2, which are claimed to be at most 1. */
static void ratios(const thm_ball_flow *b, int rate, arb_t worst)
{
    arb_t g2, fall, x, y;
    arb_init(g2), arb_init(fall), arb_init(x), arb_init(y);
    add_squares(g2, b->d, b->g);
    for (int r = 0; r < b->d; r++) {
        arb_poly_get_coeff_arb(x, b->path_z + r, 1);
        arb_submul(fall, b->g + r, x, BITS);
    }
    arb_mul_si(worst, g2, rate, BITS);
    arb_div_si(worst, worst, b->n, BITS);
    arb_div(worst, worst, fall, BITS);
    arb_zero(x);
    add_squares(x, (slong)b->d * b->n, b->dV);
    arb_mul(x, x, g2, BITS);
    arb_div_si(x, x, b->n, BITS);
    arb_sqrtpos(x, x, BITS);
    arb_div(x, x, fall, BITS);
    arb_max(worst, worst, x, BITS);
    arb_zero(x);
    add_squares(x, b->n, b->da);
    add_squares(y, (slong)b->d * b->n, b->V);
    arb_mul(y, y, g2, BITS);
    arb_div(x, x, y, BITS);
    arb_sqrtpos(x, x, BITS);
    arb_mul_2exp_si(x, x, 1);
    arb_max(worst, worst, x, BITS);
    arb_clear(g2), arb_clear(fall), arb_clear(x), arb_clear(y);
}

static thm_status at_state(const thm_flow_states *s, int rate, thm_finding *f,
                           bool *applies)
{
    *applies = s->one.loss.kind == THM_LOSS_SQUARE;
    if (*applies) {
        arb_t worst, one;
        arb_init(worst), arb_init(one);
        arb_one(one);
        ratios(s->b, rate, worst);
        thm_finding_ball(f, worst, one, true);
        arb_clear(worst), arb_clear(one);
    }
    return THM_OK;
}

static thm_status falls(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    (void)c;
    return at_state(ctx, 1, f, applies);
}

static thm_status falls_faster(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return at_state(ctx, 3, f, applies);
}

static thm_status open_states(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)seed, (void)msg;
    /* one in five has the square loss; the first is among any five */
    const int64_t count = proof_count(effort, THM_FLOW_CASES);
    return thm_flow_states_open(&thm_flow_any, count < 60 ? 60 : count, source,
                                ctx);
}

/* ---- along a flow ---------------------------------------------------------
 */

typedef struct {
    const thm_flow_case *c;
    const thm_loss *loss;
    double g0, v0, least0;
    double *q;
} bounds;

static double distance(int n, const double *x, const double *y)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    }
    return sqrt(sum);
}

/* The four quantities over their bounds, at time k. */
static thm_status look(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    bounds *r = ctx;
    const int n = r->c->n, dn = r->c->d * n;
    thm_value_state state;
    double p[THM_FLOW_N], least = 1.0;
    const thm_status status = thm_value_flow_look(flow, x, &state, p, NULL);
    for (int i = 0; i < n; i++) {
        least = fmin(least, p[i]);
    }
    const double far_v = sqrt(n) * r->g0;
    const double far_a = n * r->g0 * (r->v0 + far_v) / 2.0;
    double *q = r->q + 4 * k;
    q[0] = state.gradient / (r->g0 * exp(-t / n));
    q[1] = distance(dn, x, r->c->x) / far_v;
    q[2] = distance(n, x + dn, r->c->x + dn) / far_a;
    q[3] = r->least0 * exp(-2.0 * far_a) / least;
    return status;
}

static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    bounds *r = ctx;
    const thm_flow_case *c = r->c;
    double x[THM_FLOW_SIZE], times[TIMES];
    const thm_flow_path path = {.d = c->d,
                                .n = c->n,
                                .loss = r->loss,
                                .start = c->x,
                                .end = 8.0 * c->n,
                                .n_times = TIMES,
                                .times = times,
                                .look = look,
                                .ctx = r};
    thm_flow_times(TIMES, 0.1, path.end, times);
    r->q = q;
    return thm_flow_follow(&path, options, x, steps, NULL);
}

static thm_status bounded(const thm_flow_case *c, thm_loss_kind kind,
                          thm_finding *f)
{
    const thm_loss loss = {.kind = kind, .d = c->d, .b = c->b};
    bounds r = {.c = c, .loss = &loss, .least0 = 1.0};
    double q[4 * TIMES], err[4 * TIMES], p[THM_FLOW_N];
    const double zero[THM_FLOW_SIZE] = {0};
    thm_value_flow *flow = NULL;
    thm_value_state state;
    thm_status status =
        thm_value_flow_alloc(c->d, c->n, &loss, THM_NORMALISE_SOFTMAX, &flow);
    if (status == THM_OK) {
        status = thm_value_flow_look(flow, c->x, &state, p, NULL);
    }
    thm_value_flow_free(flow);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < c->n; i++) {
        r.least0 = fmin(r.least0, p[i]);
    }
    r.g0 = state.gradient;
    r.v0 = distance(c->d * c->n, c->x, zero);
    status = thm_integrated(4 * TIMES, run, &r, q, err);
    f->allowed = 1.0;
    f->observed = f->err = 0.0;
    for (int k = 0; k < 4 * TIMES && status == THM_OK; k++) {
        if (!(q[k] <= f->observed)) {
            f->observed = q[k];
        }
        f->err = fmax(f->err, err[k]);
    }
    f->resolution = true; /* equality from a symmetric start */
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status square_bounded(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)ctx, (void)applies;
    return bounded(c, THM_LOSS_SQUARE, f);
}

static thm_status logistic_bounded(const void *c, void *ctx, thm_finding *f,
                                   bool *applies)
{
    (void)ctx, (void)applies;
    return bounded(c, THM_LOSS_LOGISTIC, f);
}

/* The square's states of thm_flow_any. */
static thm_status make_flow(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    (void)ctx;
    return thm_flow_make(&thm_flow_any, seed, 5 * index + 1, the_case, name);
}

static thm_status open_flows(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static thm_flow_case storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, FLOWS);
    source->make = make_flow;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim states[] = {{"F17.1", falls, false},
                                       {"XF17.1", falls_faster, false}};
    static const thm_claim flows[] = {{"F17.2", square_bounded, false},
                                      {"XF17.2", logistic_bounded, false}};
    static const proof_group groups[] = {
        {2, states, open_states, thm_flow_states_close},
        {2, flows, open_flows, NULL}};
    static const proof_table table = {
        "the square loss ends before attention does (F17)", 2, groups};
    return proof_main(argc, argv, &table);
}
