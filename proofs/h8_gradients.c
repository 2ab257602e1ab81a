/* H8: the gradient of W_Q beside that of W_V, early in training, with softmax
 * and with both kinds of NormSoftmax (paper-notes/hoffmann2024.md). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "vit/trainer.h"

enum { BASE_CASES = 2, AFTER = 500, STEPS = 1000, ARMS = 3 };
static const double factor = 1.3;

static const thm_vit_attention arms[ARMS] = {
    THM_VIT_SOFTMAX, THM_VIT_NORMSOFTMAX_STD, THM_VIT_NORMSOFTMAX_VAR};

typedef struct {
    double ratio[ARMS];
} run_case;

/* mean |dL/dW_Q| / mean |dL/dW_V| of the first layer in the last step. */
static double ratio_of(const thm_trainer *trainer)
{
    const thm_vit_tensor *qkv =
        thm_vit_find(thm_trainer_layout(trainer), "blocks.0.attn.qkv.weight");
    const float *g = thm_trainer_gradient(trainer) + qkv->offset;
    const int64_t third = (int64_t)qkv->rows * qkv->cols / 3;
    double q = 0.0, v = 0.0;
    for (int64_t e = 0; e < third; e++) {
        q += fabs((double)g[e]);
        v += fabs((double)g[2 * third + e]);
    }
    return q / v;
}

static thm_status train(const thm_task *task, thm_vit_attention kind,
                        uint64_t seed, double *ratio)
{
    thm_trainer *trainer = NULL;
    thm_trainer_options o = thm_trainer_default(task);
    o.seed = seed;
    for (int l = 0; l < o.config.depth; l++) {
        o.config.attention[l] = kind;
    }
    thm_status status = thm_trainer_alloc(&o, task, &trainer, NULL);
    *ratio = 0.0;
    for (int step = 1; step <= STEPS && status == THM_OK; step++) {
        thm_vit_score score;
        status = thm_trainer_step(trainer, &score, NULL);
        if (status == THM_OK && step > AFTER) {
            *ratio += ratio_of(trainer) / (STEPS - AFTER);
        }
    }
    thm_trainer_free(trainer);
    return status;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    run_case *c = the_case;
    thm_task *task = NULL;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const uint64_t own = thm_rng_bits(&rng);
    (void)ctx;
    snprintf(name, THM_CASE_NAME, "run-%lld", (long long)index);
    thm_status status = thm_task_alloc(&o, &task, NULL);
    for (int k = 0; k < ARMS && status == THM_OK; k++) {
        status = train(task, arms[k], own, &c->ratio[k]);
    }
    thm_task_free(task);
    return status;
}

/* Each ratio above the one before by more than `factor`; least is the smallest
 * such quotient. */
static thm_status judge(double first, double second, double third,
                        thm_finding *f)
{
    const double least = -thm_worse(-second / first, -third / second);
    f->observed = factor;
    f->allowed = least;
    f->err = 2000 * DBL_EPSILON / 2 * least;
    return THM_OK;
}

static thm_status ascending(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    const run_case *c = the_case;
    (void)ctx, (void)applies;
    return judge(c->ratio[0], c->ratio[1], c->ratio[2], f);
}

static thm_status descending(const void *the_case, void *ctx, thm_finding *f,
                             bool *applies)
{
    const run_case *c = the_case;
    (void)ctx, (void)applies;
    return judge(c->ratio[2], c->ratio[1], c->ratio[0], f);
}

static thm_status open_runs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    static run_case storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, BASE_CASES);
    source->make = make_run;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H8", ascending, false},
                                       {"XH8", descending, false}};
    static const proof_group group = {2, claims, open_runs, NULL};
    static const proof_table table = {
        "gradients of W_Q and W_V on the plateau (H8)", 1, &group};
    return proof_main(argc, argv, &table);
}
