/* F23: under the logistic loss one column of V grows like log t and the others
 * freeze, because attention has left them; under attention frozen at uniform
 * all grow alike (paper-notes/varre2026.md, F23). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { MAX_D = 10, MAX_N = 16, MAX_X = (MAX_D + 1) * MAX_N, CASES = 10 };

static const double look_at[] = {1e4, 1e8};

typedef struct {
    int d, n;
    double x[MAX_X], b[MAX_D]; /* |b| = 1, a(0) = 0 */
} start;

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    start *c = the_case;
    double square = 0.0;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->d = 4 + (int)thm_rng_below(&rng, MAX_D - 3);
    c->n = 6 + (int)thm_rng_below(&rng, MAX_N - 5);
    thm_rng_fill_normal(&rng, c->d, 1.0, c->b);
    for (int i = 0; i < c->d; i++) {
        square += c->b[i] * c->b[i];
    }
    for (int i = 0; i < c->d; i++) {
        c->b[i] /= sqrt(square);
    }
    thm_rng_fill_normal(&rng, c->d * c->n, 0.1, c->x);
    thm_rng_fill_normal(&rng, c->n, 0.0, c->x + c->d * c->n);
    snprintf(name, THM_CASE_NAME, "start-%lld-d-%d-n-%d", (long long)index,
             c->d, c->n);
    return THM_OK;
}

static int ascending(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The largest norm of a column of V over their median. */
static double unevenness(const start *c, const double *V)
{
    double length[MAX_N] = {0};
    const int n = c->n;
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < c->d; i++) {
            length[j] += V[i * n + j] * V[i * n + j];
        }
        length[j] = sqrt(length[j]);
    }
    qsort(length, (size_t)n, sizeof *length, ascending);
    return 2.0 * length[n - 1] / (length[(n - 1) / 2] + length[n / 2]);
}

typedef struct {
    const start *c;
    double *q;
} columns;

static thm_status look(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    columns *r = ctx;
    (void)flow, (void)t;
    r->q[k] = unevenness(r->c, x);
    return THM_OK;
}

/* q <- the unevenness at both times. */
static thm_status run_flow(const thm_ode_options *options, double *q,
                           long *steps, void *ctx)
{
    columns *r = ctx;
    const start *c = r->c;
    double x[MAX_X];
    const thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = c->d, .b = c->b};
    const thm_flow_path path = {.d = c->d,
                                .n = c->n,
                                .loss = &loss,
                                .start = c->x,
                                .stepper = THM_STEPPER_DOP853,
                                .end = look_at[1],
                                .n_times = 2,
                                .times = look_at,
                                .look = look,
                                .ctx = r};
    r->q = q;
    return thm_flow_follow(&path, options, x, steps, NULL);
}

/* With p = 1/n for ever (1 + e^y) y' = 1/n and V = V(0) + (y - y(0)) b 1'. */
static void frozen(const start *c, double *q)
{
    double V[MAX_D * MAX_N], y0 = 0.0;
    const int n = c->n;
    for (int i = 0; i < c->d * n; i++) {
        y0 += c->b[i / n] * c->x[i] / n;
    }
    for (int k = 0; k < 2; k++) {
        const double goal = y0 + exp(y0) + look_at[k] / n;
        double y = log(goal);
        for (int step = 0; step < 60; step++) { /* Newton, convex: descends */
            y -= (y + exp(y) - goal) / (1.0 + exp(y));
        }
        for (int i = 0; i < c->d * n; i++) {
            V[i] = c->x[i] + (y - y0) * c->b[i / n];
        }
        q[k] = unevenness(c, V);
    }
}

/* Above 2 at the second time, and above what it was at the first. */
static void massive(const double *q, const double *err, thm_finding *f)
{
    f->observed = fmax(2.0, q[0]);
    f->allowed = q[1];
    f->err = err[0] + err[1];
    f->evidence = THM_SAMPLED;
}

static thm_status grows(const void *the_case, void *ctx, thm_finding *f,
                        bool *applies)
{
    columns r = {.c = the_case};
    double q[2], err[2];
    (void)ctx, (void)applies;
    const thm_status status = thm_integrated(2, run_flow, &r, q, err);
    massive(q, err, f);
    return status;
}

static thm_status grows_frozen(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    static const double err[2] = {1e-12, 1e-12}; /* a closed form, 200 terms */
    double q[2];
    (void)ctx, (void)applies;
    frozen(the_case, q);
    massive(q, err, f);
    return THM_OK;
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, CASES);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F23", grows, false},
                                       {"XF23", grows_frozen, false}};
    static const proof_group group = {2, claims, open_starts, NULL};
    static const proof_table table = {"the massive column of V (F23)", 1,
                                      &group};
    return proof_main(argc, argv, &table);
}
