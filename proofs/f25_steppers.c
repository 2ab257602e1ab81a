/* F25.1, F25.2: integrators of different kinds agree on the entropy at t = 1e6,
 * and which kind is cheap depends on the loss: under the logistic loss the flow
 * is not stiff, under the square loss it is, once it has converged
 * (paper-notes/varre2026.md, F25).  Settings A and B of the authors' figures.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "claims/flow_path.h"
#include "claims/integrated.h"
#include "flow/settings.h"
#include "proofs/proof.h"

static const double end_time = 1e6, agree = 1e-7, coarse_step = 100.0;

static const thm_stepper steppers[] = {THM_STEPPER_RK8PD, THM_STEPPER_DOP853,
                                       THM_STEPPER_RKF45, THM_STEPPER_MSBDF,
                                       THM_STEPPER_BSIMP};
enum { STEPPERS = sizeof steppers / sizeof *steppers };

/* A setting, with a reference entropy once it was asked for. */
typedef struct {
    thm_setting setting;
    bool known;
    double entropy, err;
} setup;

typedef struct {
    setup *of;
    thm_stepper stepper;
} run_case;

typedef struct {
    setup setups[2]; /* A: logistic, B: square */
    run_case one;
} bench;

/* ---- one integration ------------------------------------------------------
 */

/* *entropy at the end, or where the stepper gave up. */
static thm_status integrate(const thm_setting *s, thm_stepper stepper,
                            const thm_ode_options *options, double *entropy,
                            long *steps, long *rhs)
{
    thm_value_flow *flow = NULL;
    thm_value_state state = {0};
    double *x = calloc((size_t)(s->d + 1) * (size_t)s->n, sizeof *x);
    const thm_flow_path path = {.d = s->d,
                                .n = s->n,
                                .loss = &s->loss,
                                .kind = s->normalisation,
                                .start = s->x,
                                .stepper = stepper,
                                .end = end_time};
    thm_status status =
        x ? thm_flow_follow(&path, options, x, steps, rhs) : THM_ENOMEM;
    if (status == THM_ECONVERGE) {
        status = THM_OK;
    }
    if (status == THM_OK) {
        status =
            thm_value_flow_alloc(s->d, s->n, &s->loss, s->normalisation, &flow);
    }
    if (status == THM_OK) {
        status = thm_value_flow_look(flow, x, &state, NULL, NULL);
    }
    *entropy = state.entropy;
    thm_value_flow_free(flow);
    free(x);
    return status;
}

static thm_status reference(const thm_ode_options *options, double *q,
                            long *steps, void *ctx)
{
    const setup *s = ctx;
    return integrate(&s->setting, THM_STEPPER_DOP853, options, q, steps, NULL);
}

static thm_status know(setup *s)
{
    if (s->known) {
        return THM_OK;
    }
    const thm_status status =
        thm_integrated(1, reference, s, &s->entropy, &s->err);
    s->known = status == THM_OK;
    return status;
}

/* ---- F25.1 ----------------------------------------------------------------
 */

static thm_status agrees(const run_case *c, const thm_ode_options *options,
                         thm_stepper stepper, thm_finding *f)
{
    double entropy = 0.0;
    thm_status status = know(c->of);
    if (status == THM_OK) {
        status =
            integrate(&c->of->setting, stepper, options, &entropy, NULL, NULL);
    }
    f->observed = fabs(entropy - c->of->entropy);
    f->allowed = agree;
    f->err = c->of->err;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status controlled(const void *the_case, void *ctx, thm_finding *f,
                             bool *applies)
{
    const run_case *c = the_case;
    const thm_ode_options options = thm_ode_defaults();
    (void)ctx, (void)applies;
    return agrees(c, &options, c->stepper, f);
}

static thm_status fixed_step(const void *the_case, void *ctx, thm_finding *f,
                             bool *applies)
{
    const run_case *c = the_case;
    thm_ode_options options = thm_ode_defaults();
    (void)ctx;
    options.first_step = coarse_step;
    *applies = c->stepper == steppers[0]; /* once a setting */
    return *applies ? agrees(c, &options, THM_STEPPER_RK4, f) : THM_OK;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    bench *b = ctx;
    run_case *c = the_case;
    (void)seed;
    c->of = &b->setups[index / STEPPERS];
    c->stepper = steppers[index % STEPPERS];
    snprintf(name, THM_CASE_NAME, "%c-%s", c->of->setting.id,
             thm_stepper_text(c->stepper));
    return THM_OK;
}

/* ---- F25.2 ----------------------------------------------------------------
 */

static thm_status count(const run_case *c, bool explicit_wins, double factor,
                        thm_finding *f)
{
    const thm_ode_options options = thm_ode_defaults();
    const thm_setting *s = &c->of->setting;
    long explicit_rhs = 0, implicit_rhs = 0;
    double entropy;
    thm_status status = integrate(s, THM_STEPPER_RK8PD, &options, &entropy,
                                  NULL, &explicit_rhs);
    if (status == THM_OK) {
        status = integrate(s, THM_STEPPER_MSBDF, &options, &entropy, NULL,
                           &implicit_rhs);
    }
    const double few = (double)(explicit_wins ? explicit_rhs : implicit_rhs);
    const double many = (double)(explicit_wins ? implicit_rhs : explicit_rhs);
    f->observed = factor * few;
    f->allowed = many;
    f->err = 0.0;
    f->evidence = THM_SAMPLED;
    return status;
}

static thm_status stiff_if_square(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    const run_case *c = the_case;
    const bool logistic = c->of->setting.loss.kind == THM_LOSS_LOGISTIC;
    (void)ctx, (void)applies;
    return count(c, logistic, logistic ? 1.0 : 100.0, f);
}

static thm_status never_stiff(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)ctx, (void)applies;
    return count(c, true, 1.0, f);
}

static thm_status make_count(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    bench *b = ctx;
    run_case *c = the_case;
    (void)seed;
    c->of = &b->setups[index];
    c->stepper = steppers[0];
    snprintf(name, THM_CASE_NAME, "%c-calls", c->of->setting.id);
    return THM_OK;
}

/* ---- the table ------------------------------------------------------------
 */

static thm_status open_bench(thm_case_source *source, void **ctx)
{
    bench *b = calloc(1, sizeof *b);
    *ctx = b;
    if (!b) {
        return THM_ENOMEM;
    }
    source->ctx = b;
    source->the_case = &b->one;
    const thm_status status = thm_setting_draw('A', 0, &b->setups[0].setting);
    return status == THM_OK ? thm_setting_draw('B', THM_NORMALISE_SOFTMAX,
                                               &b->setups[1].setting)
                            : status;
}

static thm_status open_runs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    (void)effort, (void)seed, (void)msg;
    source->count = 2 * STEPPERS; /* all there are */
    source->make = make_run;
    return open_bench(source, ctx);
}

static thm_status open_counts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    (void)effort, (void)seed, (void)msg;
    source->count = 2;
    source->make = make_count;
    return open_bench(source, ctx);
}

static void close_bench(thm_case_source *source, void *ctx)
{
    bench *b = ctx;
    (void)source;
    if (b) {
        thm_setting_free(&b->setups[0].setting);
        thm_setting_free(&b->setups[1].setting);
        free(b);
    }
}

int main(int argc, char **argv)
{
    static const thm_claim runs[] = {{"F25.1", controlled, false},
                                     {"XF25.1", fixed_step, false}};
    static const thm_claim counts[] = {{"F25.2", stiff_if_square, false},
                                       {"XF25.2", never_stiff, false}};
    static const proof_group groups[] = {{2, runs, open_runs, close_bench},
                                         {2, counts, open_counts, close_bench}};
    static const proof_table table = {
        "steppers that agree, and their costs (F25)", 2, groups};
    return proof_main(argc, argv, &table);
}
