/* H12: what NormSoftmax and Heat Treatment do to the entropy of attention early
 * in training (paper-notes/hoffmann2024.md). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "vit/instruments.h"

enum { BASE_CASES = 2, STEPS = 100, PROBE = 64, MOMENTS = 2 };

typedef enum { STD, VAR, HEAT, INTERVENTIONS, NONE } arm;
static const char *const names[] = {"normsoftmax-std", "normsoftmax-var",
                                    "heat"};

/* Mean entropy over ln N at the start and after STEPS steps. */
typedef struct {
    double plain[MOMENTS], other[MOMENTS];
} run_case;

static thm_trainer_options options_of(const thm_task *task, arm which,
                                      uint64_t seed)
{
    thm_trainer_options o = thm_trainer_default(task);
    o.seed = seed;
    for (int l = 0; l < o.config.depth; l++) {
        o.config.attention[l] = which == STD   ? THM_VIT_NORMSOFTMAX_STD
                                : which == VAR ? THM_VIT_NORMSOFTMAX_VAR
                                               : THM_VIT_SOFTMAX;
    }
    if (which == HEAT) {
        o.heat = THM_HEAT_HALF_COSINE;
        o.heat_from = 3 * 0.82 / (0.1024 * sqrt(o.config.head_width));
        o.heat_over = o.optimiser.steps / 2;
    }
    return o;
}

static thm_status read_entropy(thm_instruments *in, const thm_trainer *trainer,
                               double *entropy)
{
    const thm_vit_config *c = &thm_trainer_options_of(trainer)->config;
    const thm_status status = thm_instruments_read(in, trainer, NULL);
    *entropy = 0.0;
    for (int l = 0; l < c->depth && status == THM_OK; l++) {
        for (int h = 0; h < c->heads; h++) {
            *entropy += thm_instruments_row(in, l, h)[THM_INSTRUMENT_ENTROPY] /
                        (c->depth * c->heads);
        }
    }
    return status;
}

static thm_status train(const thm_task *task, arm which, uint64_t seed,
                        double entropy[MOMENTS])
{
    const thm_trainer_options o = options_of(task, which, seed);
    thm_trainer *trainer = NULL;
    thm_instruments *in = NULL;
    thm_status status = thm_trainer_alloc(&o, task, &trainer, NULL);
    if (status == THM_OK) {
        status = thm_instruments_alloc(trainer, task, PROBE, &in);
    }
    if (status == THM_OK) {
        status = read_entropy(in, trainer, &entropy[0]);
    }
    for (int step = 0; step < STEPS && status == THM_OK; step++) {
        thm_vit_score score;
        status = thm_trainer_step(trainer, &score, NULL);
    }
    if (status == THM_OK) {
        status = read_entropy(in, trainer, &entropy[1]);
    }
    thm_instruments_free(in);
    thm_trainer_free(trainer);
    return status;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    const arm which = (arm)(index % INTERVENTIONS);
    run_case *c = the_case;
    thm_task *task = NULL;
    thm_rng rng = thm_rng_make(seed, (uint64_t)(index / INTERVENTIONS));
    const uint64_t own = thm_rng_bits(&rng);
    (void)ctx;
    snprintf(name, THM_CASE_NAME, "%s-%lld", names[which],
             (long long)(index / INTERVENTIONS));
    thm_status status = thm_task_alloc(&o, &task, NULL);
    if (status == THM_OK) {
        status = train(task, NONE, own, c->plain);
    }
    if (status == THM_OK) {
        status = train(task, which, own, c->other);
    }
    thm_task_free(task);
    return status;
}

/* sign (entropy with - entropy without) >= 0 at both moments. */
static thm_status judge(const run_case *c, double sign, thm_finding *f)
{
    f->observed = (double)-INFINITY;
    for (int k = 0; k < MOMENTS; k++) {
        f->observed =
            thm_worse(f->observed, sign * (c->plain[k] - c->other[k]));
    }
    f->allowed = 0.0;
    f->err = 100 * DBL_EPSILON / 2;
    return THM_OK;
}

static thm_status raises(const void *c, void *ctx, thm_finding *f,
                         bool *applies)
{
    (void)ctx, (void)applies;
    return judge(c, 1.0, f);
}

static thm_status lowers(const void *c, void *ctx, thm_finding *f,
                         bool *applies)
{
    (void)ctx, (void)applies;
    return judge(c, -1.0, f);
}

static thm_status open_runs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    static run_case storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = INTERVENTIONS * proof_count(effort, BASE_CASES);
    source->make = make_run;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H12", raises, false},
                                       {"XH12", lowers, false}};
    static const proof_group group = {2, claims, open_runs, NULL};
    static const proof_table table = {
        "early attention entropy under the interventions (H12)", 1, &group};
    return proof_main(argc, argv, &table);
}
