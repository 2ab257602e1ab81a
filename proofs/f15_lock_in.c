/* F15.1, F15.2: two tokens, any loss or driving: the larger attention is locked
 * in once 2 |sinh(delta / 2)| > |v_1 - v_2| (paper-notes/varre2026.md, R12).
 *
 * F15.1 drives the pair (D, W), D = v_1 - v_2 in R^d, W = 2 sinh(delta / 2), by
 * g constant on pieces: with ds = dt / (2 cosh(delta / 2)) that is
 *     D' = -g W,  W' = -<g, D>,
 * on each piece a Lorentz boost, followed here in balls for every s, not on a
 * grid.  Every second drive pushes against the leader with all its might.
 * F15.2 follows the flows of five losses. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "claims/ball.h"
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/arb.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { MAX_D = 6, PIECES = 12, DRIVES = 200, FLOWS = 20, TIMES = 60 };
enum { BITS = THM_BALL_BITS };

static const double end_time = 100.0;

/* ---- driven pairs ---------------------------------------------------------
 */

typedef struct {
    int d;
    double D[MAX_D], delta; /* inside the cone                       */
    double g[PIECES][MAX_D], length[PIECES];
} drive;

static double norm(int d, const double *x)
{
    double s = 0.0;
    for (int i = 0; i < d; i++) {
        s += x[i] * x[i];
    }
    return sqrt(s);
}

static thm_status make_drive(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    drive *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const bool against = index % 2 == 0;
    c->d = 1 + (int)thm_rng_below(&rng, MAX_D);
    thm_rng_fill_normal(&rng, c->d, 1.0, c->D);
    const double sign = thm_rng_uniform(&rng) < 0.5 ? -1.0 : 1.0;
    const double above = 1.0 + exp(2.0 * thm_rng_normal(&rng) - 3.0);
    c->delta = sign * 2.0 * asinh(above * norm(c->d, c->D) / 2.0);
    for (int k = 0; k < PIECES; k++) {
        thm_rng_fill_normal(&rng, c->d, 1.0, c->g[k]);
        c->length[k] = thm_rng_uniform(&rng);
        if (against && k == 0) {
            for (int i = 0; i < c->d; i++) {
                c->g[0][i] = sign * c->D[i] / norm(c->d, c->D);
            }
            c->length[0] = 4.0;
        }
    }
    snprintf(name, THM_CASE_NAME, "drive-%lld-d-%d%s", (long long)index, c->d,
             against ? "-against" : "");
    return THM_OK;
}

/* One boost of (D, W) by g for s in [0, length]: least is lowered to the least
 * sign W on the way.  With x = |g| s, sign W = A cosh x - B sinh x, whose only
 * stationary value is sqrt(A^2 - B^2) at tanh x = B / A. */
static void boost(const drive *c, int k, int sign, arb_ptr D, arb_t W,
                  arb_t least)
{
    arb_t s, d0, ch, sh, x, A, B;
    arb_init(s), arb_init(d0), arb_init(ch), arb_init(sh), arb_init(x);
    arb_init(A), arb_init(B);
    for (int i = 0; i < c->d; i++) {
        arb_set_d(x, c->g[k][i]);
        arb_addmul(s, x, x, BITS);
        arb_addmul(d0, x, D + i, BITS);
    }
    arb_sqrt(s, s, BITS);
    arb_div(d0, d0, s, BITS);
    arb_mul_si(A, W, sign, BITS);
    arb_mul_si(B, d0, sign, BITS);
    arb_set_d(x, c->length[k]);
    arb_mul(x, x, s, BITS);
    arb_sinh_cosh(sh, ch, x, BITS);
    /* an end or the stationary value: beyond the piece's end unless
     * A sinh x - B cosh x > 0; where in doubt it counts, being no larger */
    arb_t value, other;
    arb_init(value), arb_init(other);
    arb_mul(value, A, ch, BITS);
    arb_submul(value, B, sh, BITS);
    arb_min(least, least, value, BITS);
    arb_mul(value, A, sh, BITS);
    arb_submul(value, B, ch, BITS);
    if (arb_is_positive(A) && !arb_is_nonpositive(B) &&
        !arb_is_negative(value)) {
        arb_mul(value, A, A, BITS);
        arb_mul(other, B, B, BITS);
        arb_sub(value, value, other, BITS);
        if (!arb_is_negative(value)) {
            arb_sqrtpos(value, value, BITS);
            arb_min(least, least, value, BITS);
        }
    }
    /* d <- d0 cosh - W sinh, D <- D + (d - d0) g / |g| */
    arb_mul(value, d0, ch, BITS);
    arb_submul(value, W, sh, BITS);
    arb_sub(value, value, d0, BITS);
    arb_div(value, value, s, BITS);
    for (int i = 0; i < c->d; i++) {
        arb_set_d(x, c->g[k][i]);
        arb_addmul(D + i, value, x, BITS);
    }
    arb_mul(other, W, ch, BITS);
    arb_submul(other, d0, sh, BITS);
    arb_set(W, other);
    arb_clear(value), arb_clear(other);
    arb_clear(s), arb_clear(d0), arb_clear(ch), arb_clear(sh), arb_clear(x);
    arb_clear(A), arb_clear(B);
}

/* The claim from the cone, or (weaker) from 2 |sinh(delta / 2)| = |D| / 2. */
static thm_status lock(const drive *c, bool weaker, thm_finding *f,
                       bool *applies)
{
    arb_t W, least, bound, x;
    arb_init(W), arb_init(least), arb_init(bound), arb_init(x);
    arb_ptr D = _arb_vec_init(c->d);
    const int sign = c->delta > 0.0 ? 1 : -1;
    for (int i = 0; i < c->d; i++) {
        arb_set_d(D + i, c->D[i]);
        arb_addmul(x, D + i, D + i, BITS);
    }
    if (weaker) {
        arb_sqrt(W, x, BITS);
        arb_mul_2exp_si(W, W, -1);
        arb_mul_si(W, W, sign, BITS);
    } else {
        arb_set_d(W, c->delta);
        arb_mul_2exp_si(W, W, -1);
        arb_sinh(W, W, BITS);
        arb_mul_2exp_si(W, W, 1);
        arb_mul(bound, W, W, BITS);
        arb_sub(bound, bound, x, BITS);
        *applies = arb_is_positive(bound);
        arb_sqrtpos(bound, bound, BITS);
    }
    arb_abs(least, W);
    for (int k = 0; k < PIECES; k++) {
        boost(c, k, sign, D, W, least);
    }
    thm_finding_ball(f, bound, least, true);
    _arb_vec_clear(D, c->d);
    arb_clear(W), arb_clear(least), arb_clear(bound), arb_clear(x);
    return THM_OK;
}

static thm_status locked(const void *c, void *ctx, thm_finding *f, bool *a)
{
    (void)ctx;
    return lock(c, false, f, a);
}

static thm_status locked_from_half(const void *c, void *ctx, thm_finding *f,
                                   bool *a)
{
    (void)ctx;
    return lock(c, true, f, a);
}

static thm_status open_drives(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static drive storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, DRIVES);
    source->make = make_drive;
    source->the_case = &storage;
    return THM_OK;
}

/* ---- flows ----------------------------------------------------------------
 */

typedef struct {
    int d;
    thm_loss_kind kind;
    double V[2 * MAX_D], b[MAX_D], X[MAX_D * MAX_D];
    double D, sign; /* |v_1 - v_2|; of delta                          */
    double W;       /* |2 sinh(delta / 2)|, inside the cone           */
} flow_start;

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const thm_loss_kind kinds[] = {
        THM_LOSS_LOGISTIC, THM_LOSS_EXPONENTIAL, THM_LOSS_SQUARE,
        THM_LOSS_QUADRATIC, THM_LOSS_CROSS_ENTROPY};
    flow_start *c = the_case;
    double along[MAX_D] = {0}, sum = 0.0;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->kind = kinds[index % 5];
    c->d = 2 + (int)thm_rng_below(&rng, MAX_D - 1);
    thm_rng_fill_normal(&rng, 2 * c->d, 1.0, c->V);
    for (int i = 0; i < c->d; i++) {
        along[i] = c->V[2 * i] - c->V[2 * i + 1];
    }
    c->D = norm(c->d, along);
    c->sign = thm_rng_uniform(&rng) < 0.5 ? -1.0 : 1.0;
    c->W = c->D * (1.0 + 0.2 * thm_rng_uniform(&rng));
    thm_rng_fill_normal(&rng, c->d * c->d, 0.3, c->X);
    for (int i = 0; i < c->d; i++) { /* a target on the loser's side */
        c->X[i * c->d + i] += 1.0;
        c->b[i] = -3.0 * c->sign * along[i] / c->D + 0.1 * thm_rng_normal(&rng);
        sum += exp(c->b[i]);
    }
    for (int i = 0; i < c->d && c->kind == THM_LOSS_CROSS_ENTROPY; i++) {
        c->b[i] = exp(c->b[i]) / sum;
    }
    snprintf(name, THM_CASE_NAME, "%s-%lld-d-%d", thm_loss_text(c->kind),
             (long long)index, c->d);
    return THM_OK;
}

typedef struct {
    const flow_start *c;
    double delta; /* at the start   */
    double least; /* sign delta     */
} run_ctx;

static thm_status watch_delta(thm_value_flow *flow, int k, double t,
                              const double *x, void *ctx)
{
    run_ctx *r = ctx;
    const double *a = x + 2 * r->c->d;
    (void)flow, (void)k, (void)t;
    r->least = fmin(r->least, r->c->sign * (a[0] - a[1]));
    return isfinite(a[0] - a[1]) ? THM_OK : THM_EINTERNAL;
}

static thm_status run_flow(const thm_ode_options *options, double *q,
                           long *steps, void *ctx)
{
    run_ctx *r = ctx;
    const flow_start *c = r->c;
    double start[2 * MAX_D + 2], x[2 * MAX_D + 2], times[TIMES];
    const thm_loss loss = {
        .kind = c->kind, .d = c->d, .b = c->b, .m = c->d, .X = c->X, .y = c->b};
    const thm_flow_path path = {.d = c->d,
                                .n = 2,
                                .loss = &loss,
                                .start = start,
                                .end = end_time,
                                .n_times = TIMES,
                                .times = times,
                                .look = watch_delta,
                                .ctx = r};
    memcpy(start, c->V, sizeof(double) * 2 * (size_t)c->d);
    start[2 * c->d] = r->delta / 2.0;
    start[2 * c->d + 1] = -r->delta / 2.0;
    r->least = c->sign * r->delta;
    thm_flow_times(TIMES, 0.01, end_time, times);
    const thm_status status = thm_flow_follow(&path, options, x, steps, NULL);
    *q = r->least;
    return status;
}

static thm_status lock_flow(const flow_start *c, double W, double bound,
                            thm_finding *f)
{
    run_ctx r = {.c = c, .delta = c->sign * 2.0 * asinh(W / 2.0)};
    f->observed = bound;
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    const thm_status status =
        thm_integrated(1, run_flow, &r, &f->allowed, &f->err);
    /* the bound from W and D, both rounded: W^2 - D^2 loses 8 u (W^2 + D^2) */
    const double loss = 8.0 * (DBL_EPSILON / 2) * (W * W + c->D * c->D);
    f->err += bound > 0.0 ? loss / bound + loss : 0.0;
    return status;
}

static thm_status locked_flow(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    const flow_start *c = the_case;
    (void)ctx;
    const double square = (c->W - c->D) * (c->W + c->D);
    *applies = square > 0.0;
    return *applies ? lock_flow(c, c->W, 2.0 * asinh(sqrt(square) / 2.0), f)
                    : THM_OK;
}

static thm_status locked_flow_from_half(const void *the_case, void *ctx,
                                        thm_finding *f, bool *applies)
{
    const flow_start *c = the_case;
    (void)ctx, (void)applies;
    return lock_flow(c, c->D / 2.0, 0.0, f);
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static flow_start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 5 * proof_count(effort, FLOWS / 5);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim drives[] = {{"F15.1", locked, false},
                                       {"XF15.1", locked_from_half, false}};
    static const thm_claim flows[] = {{"F15.2", locked_flow, false},
                                      {"XF15.2", locked_flow_from_half, false}};
    static const proof_group groups[] = {{2, drives, open_drives, NULL},
                                         {2, flows, open_starts, NULL}};
    static const proof_table table = {
        "two tokens: what locks the larger attention in (F15)", 2, groups};
    return proof_main(argc, argv, &table);
}
