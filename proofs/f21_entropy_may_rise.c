/* F21.1, F21.2: "entropy never rises, for every start and every loss" is false;
 * what is true needs a(0) and the advantages in the same order (paper-notes/
 * varre2026.md, R2, R3).
 *
 * F21.1 looks at dH/dt at single states in balls; F21.2 follows flows.  In both
 * the universal statement is the claim, expected to be refuted, and the
 * corrected one its twin. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/ball.h"
#include "claims/flow_ball.h"
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "proofs/proof.h"

enum { BITS = THM_FLOW_BITS, STATES = 300, FLOWS = 40, TIMES = 96 };
enum { MAX_N = THM_FLOW_N, NAMED = 2 };

/* A logistic and a square loss in one dimension: V is the row u. */
typedef struct {
    const char *name;
    thm_loss_kind kind;
    int n;
    double b, u[3], a[3];
} known;

static const known counterexamples[NAMED] = {
    {"against-the-order", THM_LOSS_LOGISTIC, 2, 1.0, {-0.5, 0.5}, {0.4, -0.4}},
    {"beyond-the-target",
     THM_LOSS_SQUARE,
     3,
     0.5,
     {3.0, 1.0, 1.0},
     {1.0, 0.0, -1.0}}};

static void set_known(const known *k, thm_flow_case *c, char *name)
{
    c->d = 1;
    c->n = k->n;
    c->b[0] = k->b;
    c->loss = (thm_loss){.kind = k->kind, .d = 1, .b = c->b};
    memcpy(c->x, k->u, sizeof *c->x * (size_t)k->n);
    memcpy(c->x + k->n, k->a, sizeof *c->x * (size_t)k->n);
    snprintf(name, THM_CASE_NAME, "%s", k->name);
}

static int ascending(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Permutes a into the order of u = V'b. */
static void order_like_projections(thm_flow_case *c)
{
    const int n = c->n;
    double sorted[MAX_N], u[MAX_N] = {0};
    double *a = c->x + c->d * n;
    for (int r = 0; r < c->d; r++) {
        for (int j = 0; j < n; j++) {
            u[j] += c->b[r] * c->x[r * n + j];
        }
    }
    memcpy(sorted, a, sizeof *a * (size_t)n);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int j = 0; j < n; j++) {
        int rank = 0;
        for (int i = 0; i < n; i++) {
            rank += u[i] < u[j] || (i < j && u[i] == u[j]);
        }
        a[j] = sorted[rank];
    }
}

static bool scalar(thm_loss_kind kind)
{
    return kind == THM_LOSS_LOGISTIC || kind == THM_LOSS_EXPONENTIAL;
}

/* ---- at a state -----------------------------------------------------------
 */

typedef struct {
    thm_flow_case one;
    thm_ball_flow *b;
} states;

static thm_status make_state(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    states *s = ctx;
    (void)the_case;
    if (index < NAMED) {
        set_known(&counterexamples[index], &s->one, name);
    } else {
        const thm_status status =
            thm_flow_make(&thm_flow_any, seed, index, &s->one, name);
        if (status != THM_OK) {
            return status;
        }
        if (scalar(s->one.loss.kind) && index / 5 % 2 == 0) {
            order_like_projections(&s->one);
        }
    }
    return thm_ball_flow_load(s->b, &s->one.loss, s->one.n, s->one.x);
}

/* dH/dt <= 0 */
static thm_status falls(const states *s, thm_finding *f)
{
    arb_t rate, zero;
    arb_poly_t h;
    arb_init(rate), arb_init(zero), arb_poly_init(h);
    thm_ball_flow_entropy(s->b, h);
    thm_ball_rate(rate, h);
    thm_finding_ball(f, rate, zero, true);
    arb_clear(rate), arb_clear(zero), arb_poly_clear(h);
    return THM_OK;
}

/* Whether (a_i - a_j)(w_i - w_j) >= 0 for certain and for all i, j. */
static bool similarly_ordered(const states *s)
{
    const double *a = s->one.x + s->one.d * s->one.n;
    bool ordered = true;
    arb_t w;
    arb_init(w);
    for (int i = 0; i < s->one.n; i++) {
        for (int j = 0; j < i; j++) {
            arb_sub(w, s->b->w + i, s->b->w + j, BITS);
            ordered = ordered &&
                      (a[i] == a[j] || (a[i] > a[j] ? arb_is_nonnegative(w)
                                                    : arb_is_nonpositive(w)));
        }
    }
    arb_clear(w);
    return ordered;
}

static thm_status falls_anywhere(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    const states *s = ctx;
    (void)c;
    *applies = thm_ball_flow_has_logits(s->b);
    return *applies ? falls(s, f) : THM_OK;
}

static thm_status falls_in_order(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    const states *s = ctx;
    (void)c;
    *applies = thm_ball_flow_has_logits(s->b) && similarly_ordered(s);
    return *applies ? falls(s, f) : THM_OK;
}

static thm_status open_states(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    states *s = calloc(1, sizeof *s);
    (void)seed, (void)msg;
    *ctx = s;
    if (!s) {
        return THM_ENOMEM;
    }
    /* similarly ordered ones are among the first twenty */
    const int64_t count = proof_count(effort, STATES);
    source->count = count < 20 ? 20 : count;
    source->make = make_state;
    source->the_case = &s->one;
    source->ctx = s;
    return thm_ball_flow_alloc(THM_FLOW_D, THM_FLOW_N, &s->b);
}

static void close_states(thm_case_source *source, void *ctx)
{
    states *s = ctx;
    (void)source;
    if (s) {
        thm_ball_flow_free(s->b);
        free(s);
        flint_cleanup();
    }
}

/* ---- along a flow ---------------------------------------------------------
 */

typedef struct {
    thm_flow_case one;
    bool ordered; /* in the cone of R3, and the loss's slope negative */
    double *q;
} flow_case;

/* V = b u' / |b|^2, aligned, its output short of the target b. */
static void align(thm_flow_case *c)
{
    double u[MAX_N], square = 0.0, top = -INFINITY;
    thm_rng_fill_normal(&c->rng, c->n, 1.0, u);
    for (int r = 0; r < c->d; r++) {
        square += c->b[r] * c->b[r];
    }
    for (int j = 0; j < c->n; j++) {
        top = fmax(top, u[j]);
    }
    for (int r = 0; r < c->d; r++) {
        for (int j = 0; j < c->n; j++) {
            c->x[r * c->n + j] =
                c->b[r] / sqrt(square) * (u[j] - top + 0.5 * sqrt(square));
        }
    }
}

static thm_status make_flow(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    flow_case *c = the_case;
    (void)ctx;
    c->ordered = false;
    if (index < NAMED) {
        set_known(&counterexamples[index], &c->one, name);
        return THM_OK;
    }
    const thm_status status =
        thm_flow_make(&thm_flow_any, seed, index, &c->one, name);
    if (status != THM_OK) {
        return status;
    }
    const thm_loss_kind kind = c->one.loss.kind;
    if (scalar(kind) || kind == THM_LOSS_SQUARE) {
        if (kind == THM_LOSS_SQUARE) {
            align(&c->one);
        }
        order_like_projections(&c->one);
        c->ordered = true;
    }
    return THM_OK;
}

static thm_status look(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    flow_case *c = ctx;
    thm_value_state state;
    (void)t;
    const thm_status status = thm_value_flow_look(flow, x, &state, NULL, NULL);
    c->q[k] = state.entropy;
    return status;
}

/* q <- H just after the start and at the times. */
static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    flow_case *c = ctx;
    double x[THM_FLOW_SIZE], times[TIMES];
    const thm_flow_path path = {.d = c->one.d,
                                .n = c->one.n,
                                .loss = &c->one.loss,
                                .start = c->one.x,
                                .end = scalar(c->one.loss.kind) ? 1e4 : 1e2,
                                .n_times = TIMES,
                                .times = times,
                                .look = look,
                                .ctx = c};
    thm_flow_times(TIMES, 1e-6, path.end, times);
    c->q = q;
    return thm_flow_follow(&path, options, x, steps, NULL);
}

/* The most by which H lies above an earlier value. */
static thm_status never_rises(const flow_case *the_case, thm_finding *f)
{
    flow_case c = *the_case;
    double q[TIMES], err[TIMES], least;
    c.one.loss.b = c.one.loss.b ? c.one.b : NULL; /* of the copy */
    c.one.loss.X = c.one.loss.X ? c.one.X : NULL;
    c.one.loss.y = c.one.loss.y ? c.one.y : NULL;
    const thm_status status = thm_integrated(TIMES, run, &c, q, err);
    if (status != THM_OK) {
        return status;
    }
    least = q[0];
    f->observed = -INFINITY;
    f->err = 0.0;
    for (int k = 1; k < TIMES; k++) {
        if (!(q[k] - least <= f->observed)) {
            f->observed = q[k] - least;
        }
        least = fmin(least, q[k]);
        f->err = fmax(f->err, 2.0 * err[k]);
    }
    f->allowed = 0.0;
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    return THM_OK;
}

static thm_status never_rises_anywhere(const void *c, void *ctx, thm_finding *f,
                                       bool *applies)
{
    (void)ctx, (void)applies;
    return never_rises(c, f);
}

static thm_status never_rises_in_order(const void *the_case, void *ctx,
                                       thm_finding *f, bool *applies)
{
    const flow_case *c = the_case;
    (void)ctx;
    *applies = c->ordered;
    return *applies ? never_rises(c, f) : THM_OK;
}

static thm_status open_flows(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static flow_case storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 5 * proof_count(effort, FLOWS / 5);
    source->make = make_flow;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim at[] = {{"F21.1", falls_anywhere, false},
                                   {"XF21.1", falls_in_order, false}};
    static const thm_claim along[] = {{"F21.2", never_rises_anywhere, false},
                                      {"XF21.2", never_rises_in_order, false}};
    static const proof_group groups[] = {{2, at, open_states, close_states},
                                         {2, along, open_flows, NULL}};
    static const proof_table table = {
        "entropy may rise, and when it cannot (F21)", 2, groups};
    return proof_main(argc, argv, &table);
}
