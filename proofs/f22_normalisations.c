/* F22.1 to F22.3: what the flow conserves under L1, L2, sum and ReLU in place
 * of softmax (paper-notes/varre2026.md, R13): |a|^2 instead of sum a, and for
 * two tokens a pair invariant of their own.
 *
 * A flow is followed until a token has 2% of |a|: past zero the maps have
 * kinks. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { MAX_D = 5, MAX_N = 8, CASES = 40, TIMES = 24 };
enum { MAX_X = (MAX_D + 1) * MAX_N };

static const double edge = 0.02, end_time = 100.0;

typedef struct {
    int d, n;
    thm_normalisation kind;
    thm_loss_kind loss;
    double x[MAX_X], b[MAX_D], X[MAX_D * MAX_D];
} start;

/* ---- what is conserved ----------------------------------------------------
 */

typedef enum { SQUARES, SUM, PAIR_L2, PAIR_L1, PAIR_SOFTMAX } law;

/* The law's value at x and the size of its terms. */
static double value(law which, int d, int n, const double *x, double *size)
{
    const double *a = x + d * n;
    double squares = 0.0, sum = 0.0, distance = 0.0, other;
    for (int i = 0; i < n; i++) {
        squares += a[i] * a[i];
        sum += a[i];
    }
    for (int k = 0; k < d; k++) {
        distance += pow(x[k * n] - x[k * n + 1], 2.0) / 2.0;
    }
    const double f = atan2(a[1], a[0]);
    switch (which) {
    case SQUARES:
        *size = squares;
        return squares;
    case SUM:
        *size = sqrt(n * squares);
        return sum;
    case PAIR_L2:
        other = squares / 2.0 * log(fabs(sin(2.0 * f)));
        break;
    case PAIR_L1:
        other = squares / 2.0 * cos(2.0 * (atan(1.0) - f));
        break;
    default:
        other = -cosh(a[0] - a[1]);
    }
    *size = distance + fabs(other) + squares;
    return distance + other;
}

/* ---- a flow ---------------------------------------------------------------
 */

typedef struct {
    const start *c;
    law which;
    double at_start;
    double *q; /* 1 + relative drift at the times, 1 beyond the edge */
} follow;

static thm_status look(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    follow *r = ctx;
    double size;
    (void)flow, (void)t;
    const double now = value(r->which, r->c->d, r->c->n, x, &size);
    r->q[k] = 1.0 + (now - r->at_start) / size;
    return THM_OK;
}

static double to_edge(double t, const double *x, void *ctx)
{
    const start *c = ctx;
    const double *a = x + c->d * c->n;
    double least = INFINITY, squares = 0.0;
    (void)t;
    for (int i = 0; i < c->n; i++) {
        least = fmin(least, a[i]);
        squares += a[i] * a[i];
    }
    return least - edge * sqrt(squares);
}

static thm_status at_edge(double t, const double *x, int direction, bool *stop,
                          void *ctx)
{
    (void)t, (void)x, (void)direction, (void)ctx;
    *stop = true;
    return THM_OK;
}

static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    follow *r = ctx;
    start c = *r->c;
    double times[TIMES], x[MAX_X], size;
    const thm_loss loss = {
        .kind = c.loss, .d = c.d, .b = c.b, .m = c.d, .X = c.X, .y = c.b};
    const thm_ode_event event = {to_edge, at_edge, &c};
    const thm_flow_path path = {.d = c.d,
                                .n = c.n,
                                .loss = &loss,
                                .kind = c.kind,
                                .start = c.x,
                                .stepper = THM_STEPPER_DOP853,
                                .end = end_time,
                                .n_times = TIMES,
                                .times = times,
                                .look = look,
                                .event = &event,
                                .ctx = r};
    thm_flow_times(TIMES, 0.01, end_time, times);
    for (int i = 0; i < TIMES; i++) {
        q[i] = 1.0;
    }
    r->q = q;
    r->at_start = value(r->which, c.d, c.n, c.x, &size);
    return thm_flow_follow(&path, options, x, steps, NULL);
}

/* The largest relative drift; the error of any sample serves for all, as one
 * may be small by chance. */
static thm_status conserved(const start *c, law which, thm_finding *f)
{
    follow r = {.c = c, .which = which};
    double q[TIMES], err[TIMES];
    const thm_status status = thm_integrated(TIMES, run, &r, q, err);
    f->observed = f->allowed = f->err = 0.0;
    for (int i = 0; i < TIMES && status == THM_OK; i++) {
        if (!(fabs(q[i] - 1.0) <= f->observed)) {
            f->observed = fabs(q[i] - 1.0);
        }
        f->err = fmax(f->err, err[i]);
    }
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    return status;
}

/* ---- the cases ------------------------------------------------------------
 */

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const thm_normalisation kinds[] = {
        THM_NORMALISE_L1, THM_NORMALISE_L2, THM_NORMALISE_SUM,
        THM_NORMALISE_RELU};
    static const thm_loss_kind losses[] = {
        THM_LOSS_LOGISTIC, THM_LOSS_SQUARE, THM_LOSS_QUADRATIC,
        THM_LOSS_EXPONENTIAL, THM_LOSS_CROSS_ENTROPY};
    start *c = the_case;
    double sum = 0.0;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->kind = kinds[index % 4];
    c->loss = losses[index / 4 % 5];
    c->d = 1 + (int)thm_rng_below(&rng, MAX_D);
    c->n = index / 4 % 2 == 0 ? 2 : 3 + (int)thm_rng_below(&rng, MAX_N - 2);
    thm_rng_fill_normal(&rng, c->d * c->n, 0.5, c->x);
    for (int i = 0; i < c->n; i++) {
        c->x[c->d * c->n + i] = 0.5 + thm_rng_uniform(&rng);
    }
    thm_rng_fill_normal(&rng, c->d, 1.0, c->b);
    thm_rng_fill_normal(&rng, c->d * c->d, 0.5, c->X);
    for (int i = 0; i < c->d; i++) {
        c->X[i * c->d + i] += 1.0;
        sum += exp(c->b[i]);
    }
    for (int i = 0; i < c->d && c->loss == THM_LOSS_CROSS_ENTROPY; i++) {
        c->b[i] = exp(c->b[i]) / sum;
    }
    snprintf(name, THM_CASE_NAME, "%s-%s-%lld-n-%d",
             thm_normalisation_text(c->kind), thm_loss_text(c->loss),
             (long long)index, c->n);
    return THM_OK;
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 8 * proof_count(effort, CASES / 8);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

/* ---- the claims -----------------------------------------------------------
 */

static thm_status squares_kept(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)ctx, (void)applies;
    return conserved(c, SQUARES, f);
}

static thm_status sum_kept(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)ctx, (void)applies;
    return conserved(c, SUM, f);
}

static thm_status pair_kept(const start *c, bool l2, law which, thm_finding *f,
                            bool *applies)
{
    *applies = c->n == 2 && (c->kind == THM_NORMALISE_L2) == l2;
    return *applies ? conserved(c, which, f) : THM_OK;
}

static thm_status pair_l2(const void *c, void *ctx, thm_finding *f, bool *a)
{
    (void)ctx;
    return pair_kept(c, true, PAIR_L2, f, a);
}

static thm_status pair_l2_as_softmax(const void *c, void *ctx, thm_finding *f,
                                     bool *a)
{
    (void)ctx;
    return pair_kept(c, true, PAIR_SOFTMAX, f, a);
}

static thm_status pair_l1(const void *c, void *ctx, thm_finding *f, bool *a)
{
    (void)ctx;
    return pair_kept(c, false, PAIR_L1, f, a);
}

static thm_status pair_l1_as_l2(const void *c, void *ctx, thm_finding *f,
                                bool *a)
{
    (void)ctx;
    return pair_kept(c, false, PAIR_L2, f, a);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"F22.1", squares_kept, false}, {"XF22.1", sum_kept, false},
        {"F22.2", pair_l2, false},      {"XF22.2", pair_l2_as_softmax, false},
        {"F22.3", pair_l1, false},      {"XF22.3", pair_l1_as_l2, false}};
    static const proof_group group = {6, claims, open_starts, NULL};
    static const proof_table table = {
        "what other normalisations than softmax conserve (F22)", 1, &group};
    return proof_main(argc, argv, &table);
}
