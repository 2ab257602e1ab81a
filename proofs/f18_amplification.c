/* F18: how far the square loss amplifies a small aligned start before it stops:
 * a(inf) - mean = a_c cosh |b| + u_c sinh |b| (paper-notes/varre2026.md, R9),
 * with the bound of the terms left out that the note derives. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { D = 2, MAX_N = 8, MAX_X = (D + 1) * MAX_N, CASES = 12 };

static const double small = 1e-5; /* eta */

typedef struct {
    int n;
    double size;               /* |b|                              */
    double u[MAX_N], a[MAX_N]; /* both of mean zero to rounding    */
    double b[D];               /* of length 1                      */
} start;

static void centre(int n, double *x)
{
    double mean = 0.0;
    for (int i = 0; i < n; i++) {
        mean += x[i] / n;
    }
    for (int i = 0; i < n; i++) {
        x[i] -= mean;
    }
}

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const double sizes[] = {3.0, 6.0, 1.0};
    start *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->size = sizes[index % 3];
    c->n = 3 + (int)thm_rng_below(&rng, MAX_N - 2);
    thm_rng_fill_normal(&rng, c->n, small, c->u);
    thm_rng_fill_normal(&rng, c->n, index % 2 ? 0.0 : small, c->a);
    centre(c->n, c->u);
    centre(c->n, c->a);
    const double angle = 6.0 * thm_rng_uniform(&rng);
    c->b[0] = cos(angle);
    c->b[1] = sin(angle);
    snprintf(name, THM_CASE_NAME, "b-%g-%lld-n-%d", c->size, (long long)index,
             c->n);
    return THM_OK;
}

/* q <- a - mean after 40 n, when |g| is below e^-40 |b| (R8). */
static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    const start *c = ctx;
    const int n = c->n;
    double from[MAX_X], x[MAX_X];
    const double target[D] = {c->size * c->b[0], c->size * c->b[1]};
    const thm_loss loss = {.kind = THM_LOSS_SQUARE, .d = D, .b = target};
    const thm_flow_path path = {.d = D,
                                .n = n,
                                .loss = &loss,
                                .start = from,
                                .stepper = THM_STEPPER_DOP853,
                                .end = 40.0 * n};
    for (int j = 0; j < n; j++) {
        from[j] = c->b[0] * c->u[j];
        from[n + j] = c->b[1] * c->u[j];
        from[2 * n + j] = c->a[j];
    }
    thm_ode_options tighter = *options; /* numbers of the size of eta */
    tighter.atol *= small;
    const thm_status status = thm_flow_follow(&path, &tighter, x, steps, NULL);
    centre(n, x + 2 * n);
    for (int j = 0; j < n; j++) {
        q[j] = x[2 * n + j];
    }
    return status;
}

/* The note's bound of |a - prediction|_inf, for N_0 = |(a_c, u_c)|_inf. */
static double left_out(double size, double start_size)
{
    const double c = 2.75, theta = size + 0.08;
    const double grown = exp(theta), share = c * start_size * expm1(theta);
    const double most = start_size * grown / (1.0 - share);
    if (!(most <= 0.25)) {
        return NAN;
    }
    return c * start_size * start_size * grown * expm1(theta) /
               pow(1.0 - share, 2.0) +
           1.21 * most * most * start_size * grown;
}

static thm_status amplifies(const start *c, double exponent, thm_finding *f)
{
    double q[MAX_N], err[MAX_N], start_size = 0.0, most = 0.0;
    start copy = *c;
    const thm_status status = thm_integrated(c->n, run, &copy, q, err);
    f->observed = f->err = 0.0;
    for (int i = 0; i < c->n && status == THM_OK; i++) {
        const double said = c->a[i] * cosh(exponent) + c->u[i] * sinh(exponent);
        if (!(fabs(q[i] - said) <= f->observed)) {
            f->observed = fabs(q[i] - said);
        }
        start_size = fmax(start_size, fmax(fabs(c->a[i]), fabs(c->u[i])));
        most = fmax(most, fabs(said));
        f->err = fmax(f->err, err[i]);
    }
    /* the mean is rounded at the start and at the end */
    f->err += 8.0 * c->n * (DBL_EPSILON / 2) * (most + small);
    f->allowed = left_out(c->size, start_size);
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status by_target(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    const start *c = the_case;
    (void)ctx, (void)applies;
    return amplifies(c, c->size, f);
}

static thm_status whatever_target(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    (void)ctx, (void)applies;
    return amplifies(the_case, 3.0, f);
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 6 * proof_count(effort, CASES / 6);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F18", by_target, false},
                                       {"XF18", whatever_target, false}};
    static const proof_group group = {2, claims, open_starts, NULL};
    static const proof_table table = {
        "how far the square loss amplifies a small start (F18)", 1, &group};
    return proof_main(argc, argv, &table);
}
