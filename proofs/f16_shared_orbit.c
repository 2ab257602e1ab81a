/* F16: losses of one projection share one orbit: logistic, exponential and -
 * from V(0) = b c' - square losses pass the same states where <b, z> is the
 * same, and the square loss's limit lies on the orbit too, ahead or behind
 * (paper-notes/varre2026.md, "Orbit time").
 *
 * b has length 1; every flow is compared with the logistic one. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { MAX_D = 4, MAX_N = 6, MAX_X = MAX_N * (MAX_D + 1), CASES = 16 };

static const double meet = 4.0; /* the projection where states are compared */

typedef enum { EXPONENTIAL, SQUARE_PASSING, SQUARE_LIMIT, SQUARE_BACK } rival;

static const char *const rival_name[] = {"exponential", "square-passing",
                                         "square-limit", "square-back"};

typedef struct {
    int d, n;
    rival against;
    double x[MAX_X];              /* aligned unless against exponential */
    double across[MAX_N * MAX_D]; /* makes V(0) of full rank            */
    double b[MAX_D];
} start;

static thm_status make_start(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    start *c = the_case;
    double length = 0.0, u[MAX_N];
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    c->against = (rival)(index % 4);
    c->d = 2 + (int)thm_rng_below(&rng, MAX_D - 1);
    c->n = 2 + (int)thm_rng_below(&rng, MAX_N - 1);
    thm_rng_fill_normal(&rng, c->d, 1.0, c->b);
    for (int i = 0; i < c->d; i++) {
        length += c->b[i] * c->b[i];
    }
    thm_rng_fill_normal(&rng, c->n, 0.5, u);
    thm_rng_fill_normal(&rng, c->d * c->n, 0.5, c->across);
    for (int i = 0; i < c->d; i++) {
        c->b[i] /= sqrt(length);
        for (int j = 0; j < c->n; j++) {
            c->x[i * c->n + j] = c->b[i] * u[j];
        }
    }
    for (int i = 0; i < c->d * c->n && c->against == EXPONENTIAL; i++) {
        c->x[i] += c->across[i];
    }
    thm_rng_fill_normal(&rng, c->n, 0.5, c->x + c->d * c->n);
    snprintf(name, THM_CASE_NAME, "%s-%lld-d-%d-n-%d", rival_name[c->against],
             (long long)index, c->d, c->n);
    return THM_OK;
}

/* ---- flows that stop where <b, z> = y -------------------------------------
 */

typedef struct {
    const start *c;
    double y;
} goal;

static double beyond(double t, const double *x, void *ctx)
{
    const goal *g = ctx;
    const int d = g->c->d, n = g->c->n;
    double p[MAX_N], y = 0.0;
    (void)t;
    if (thm_normalise(THM_NORMALISE_SOFTMAX, n, x + d * n, p) != THM_OK) {
        return NAN;
    }
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < n; j++) {
            y += g->c->b[i] * x[i * n + j] * p[j];
        }
    }
    return y - g->y;
}

static thm_status arrived(double t, const double *x, int direction, bool *stop,
                          void *ctx)
{
    (void)t, (void)x, (void)direction, (void)ctx;
    *stop = true;
    return THM_OK;
}

/* x <- the state of the flow of `kind` with target length |b| = size where
 * <b, z> = y, or its limit. */
static thm_status go(const start *c, const double *from, thm_loss_kind kind,
                     double size, double y, bool limit,
                     const thm_ode_options *options, double *x, long *steps)
{
    double target[MAX_D];
    goal g = {c, y};
    const thm_ode_event event = {beyond, arrived, &g};
    const thm_loss loss = {.kind = kind, .d = c->d, .b = target};
    thm_flow_path path = {.d = c->d,
                          .n = c->n,
                          .loss = &loss,
                          .start = from,
                          .stepper = THM_STEPPER_DOP853,
                          /* |g| <= |g_0| e^{-t/n} (R8); logistic: y + e^y
                             rises by t/n at least (R6) */
                          .end =
                              limit ? 40.0 * c->n : c->n * (exp(y) + y + 100.0),
                          .event = limit ? NULL : &event};
    for (int i = 0; i < c->d; i++) {
        target[i] = size * c->b[i];
    }
    long more = 0;
    const thm_status status = thm_flow_follow(&path, options, x, &more, NULL);
    *steps += more;
    return status;
}

typedef struct {
    const start *c;
    const double *from;
} pair;

/* q: 1 + the differences of the two states over 1 + the largest number. */
static thm_status run(const thm_ode_options *options, double *q, long *steps,
                      void *ctx)
{
    const pair *p = ctx;
    const start *c = p->c;
    double here[MAX_X], there[MAX_X], ahead[MAX_X], size = 1.0;
    const double *from = p->from;
    *steps = 0;
    thm_status status = go(c, p->from, THM_LOSS_LOGISTIC, 1.0, meet, false,
                           options, here, steps);
    if (status == THM_OK && c->against == SQUARE_BACK) {
        status = go(c, p->from, THM_LOSS_LOGISTIC, 1.0, meet + 2.0, false,
                    options, ahead, steps);
        from = ahead;
    }
    if (status != THM_OK) {
        return status;
    }
    const bool limit = c->against >= SQUARE_LIMIT;
    status = c->against == EXPONENTIAL
                 ? go(c, from, THM_LOSS_EXPONENTIAL, 1.0, meet, false, options,
                      there, steps)
                 : go(c, from, THM_LOSS_SQUARE, limit ? meet : meet + 1.0, meet,
                      limit, options, there, steps);
    for (int i = 0; i < (c->d + 1) * c->n; i++) {
        size = fmax(size, 1.0 + fabs(here[i]));
    }
    for (int i = 0; i < (c->d + 1) * c->n; i++) {
        q[i] = 1.0 + (there[i] - here[i]) / size;
    }
    return status;
}

static thm_status share(const start *c, const double *from, thm_finding *f)
{
    pair p = {c, from};
    const int n = (c->d + 1) * c->n;
    double q[MAX_X], err[MAX_X];
    const thm_status status = thm_integrated(n, run, &p, q, err);
    f->observed = f->allowed = f->err = 0.0;
    for (int i = 0; i < n && status == THM_OK; i++) {
        if (!(fabs(q[i] - 1.0) <= f->observed)) {
            f->observed = fabs(q[i] - 1.0);
        }
        f->err = fmax(f->err, err[i]);
    }
    f->resolution = true;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status aligned(const void *the_case, void *ctx, thm_finding *f,
                          bool *applies)
{
    const start *c = the_case;
    (void)ctx, (void)applies;
    return share(c, c->x, f);
}

static thm_status any_start(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    const start *c = the_case;
    double from[MAX_X];
    (void)ctx, (void)applies;
    memcpy(from, c->x, sizeof from);
    for (int i = 0; i < c->d * c->n; i++) {
        from[i] += c->across[i];
    }
    return share(c, from, f);
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static start storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = 4 * proof_count(effort, CASES / 4);
    source->make = make_start;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F16", aligned, false},
                                       {"XF16", any_start, false}};
    static const proof_group group = {2, claims, open_starts, NULL};
    static const proof_table table = {"losses that share one orbit (F16)", 1,
                                      &group};
    return proof_main(argc, argv, &table);
}
