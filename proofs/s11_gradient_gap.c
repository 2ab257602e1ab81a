/* S11: the gradient gap at initialisation.  The median of mean|dWq| / mean|dWv|
 * over random heads of the size of a vision transformer lies in [0.14, 0.20];
 * its twin draws the weights twice as wide (paper-notes/softmax.md, S11, where
 * the level of the interval was fixed before any run). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attn/gap.h"
#include "attn/head.h"
#include "claims/claim.h"
#include "claims/median.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { TOKENS = 197, EMBEDDING = 256, WIDTH = 64, DRAWS = 64 };

static const double tau = 8.0, weight_std = 0.02, lowest = 0.14, highest = 0.20;

/* Family-wise 0.01 over at most 20 statistical statements of the catalogue. */
static const double level = 0.01 / 20;

/* What claim and twin see: the same draws, the twin with weights twice as wide.
 */
typedef struct {
    double gap[DRAWS], gap_wide[DRAWS];
} experiment;

typedef struct {
    experiment one;
    thm_head_state state;
    double *X, *Wq, *Wk, *Wv, *G, *dWq, *dWv;
} work;

/* mean|dWq| / mean|dWv| of the head that w holds. */
static thm_status measure_head(work *w, double *gap)
{
    const size_t weights = EMBEDDING * WIDTH;
    const thm_head head = {.n = TOKENS,
                           .D = EMBEDDING,
                           .d = WIDTH,
                           .tau = tau,
                           .X = w->X,
                           .Wq = w->Wq,
                           .Wk = w->Wk,
                           .Wv = w->Wv};
    thm_status status = thm_head_forward(&head, &w->state);
    if (status == THM_OK) {
        status = thm_head_backward(&head, &w->state, w->G, w->dWq, NULL, w->dWv,
                                   NULL);
    }
    if (status == THM_OK) {
        *gap = thm_size_measure(weights, w->dWq).mean_abs /
               thm_size_measure(weights, w->dWv).mean_abs;
    }
    return status;
}

static thm_status make_experiment(void *ctx, uint64_t seed, int64_t index,
                                  void *the_case, char *name)
{
    const int weights = 3 * EMBEDDING * WIDTH; /* Wq, Wk, Wv in a row */
    work *w = ctx;
    experiment *e = the_case;
    thm_status status = THM_OK;
    for (int k = 0; k < DRAWS && status == THM_OK; k++) {
        thm_rng rng = thm_rng_make(seed, (uint64_t)(index * DRAWS + k));
        thm_rng_fill_normal(&rng, TOKENS * EMBEDDING, 1.0, w->X);
        thm_rng_fill_normal(&rng, weights, weight_std, w->Wq);
        thm_rng_fill_normal(&rng, TOKENS * WIDTH, 1.0, w->G);
        status = measure_head(w, &e->gap[k]);
        for (int i = 0; i < weights; i++) {
            w->Wq[i] *= 2.0;
        }
        if (status == THM_OK) {
            status = measure_head(w, &e->gap_wide[k]);
        }
    }
    snprintf(name, THM_CASE_NAME, "draws%d/n%d/D%d/d%d/%lld", DRAWS, TOKENS,
             EMBEDDING, WIDTH, (long long)index);
    return status;
}

static thm_status open_draws(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    const size_t nD = TOKENS * EMBEDDING, Dd = EMBEDDING * WIDTH,
                 nd = TOKENS * WIDTH;
    work *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->X = malloc((nD + 5 * Dd + nd) * sizeof *w->X);
    if (!w->X) {
        return THM_ENOMEM;
    }
    w->Wq = w->X + nD;
    w->Wk = w->Wq + Dd;
    w->Wv = w->Wk + Dd;
    w->dWq = w->Wv + Dd;
    w->dWv = w->dWq + Dd;
    w->G = w->dWv + Dd;
    source->count = proof_count(effort, 1);
    source->make = make_experiment;
    source->the_case = &w->one;
    source->ctx = w;
    return thm_head_state_alloc(TOKENS, EMBEDDING, WIDTH, &w->state);
}

static void close_draws(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_head_state_free(&w->state);
        free(w->X);
        free(w);
    }
}

/* margin = distance of the median to the nearer threshold. */
static thm_status judge(const double *drawn, thm_finding *f)
{
    double gap[DRAWS];
    thm_median m;
    memcpy(gap, drawn, sizeof gap);
    const thm_status status = thm_median_interval(DRAWS, gap, level, &m);
    if (status == THM_OK) {
        f->observed = fabs(m.median - (lowest + highest) / 2.0);
        f->allowed = (highest - lowest) / 2.0;
        f->err = m.half_width;
        f->evidence = THM_STATISTICAL;
    }
    return status;
}

static thm_status gap_in_range(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    const experiment *e = the_case;
    (void)ctx;
    (void)applies;
    return judge(e->gap, f);
}

static thm_status wide_gap_in_range(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    const experiment *e = the_case;
    (void)ctx;
    (void)applies;
    return judge(e->gap_wide, f);
}

static const thm_claim claims[] = {
    {.id = "S11", .measure = gap_in_range},
    {.id = "XS11", .measure = wide_gap_in_range},
};
static const proof_group groups[] = {
    {.n_claims = 2, .claims = claims, .open = open_draws, .close = close_draws},
};
static const proof_table table = {
    .summary = "S11: Wq receives a sixth of the gradient of Wv at first.",
    .n_groups = 1,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return proof_main(argc, argv, &table);
}
