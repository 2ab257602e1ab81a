/* H2.1, H2.2: labels of the two-step task, read from the samples alone
 * (paper-notes/hoffmann2024.md). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "core/binomial.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "vit/task.h"

enum { SAMPLES = 40000, DIM = 16, CLASSES = 10, BASE_CASES = 2, SWEEPS = 3 };

/* Family-wise 0.01 over 20 statements of ten cases. */
static const double level = 1 - 0.01 / 200, within = 0.02;
static const double priors[] = {0.5, 0.9}, biased[] = {0.6, 0.5};

/* The four tokens of a sample that matter, and its label. */
typedef struct {
    float x[4][DIM];
    int label;
    bool equal; /* the indicators, as 2-means sees them */
} sample;

typedef struct {
    sample *samples;            /* (SAMPLES) */
    double claimed;             /* P(z = 1) */
    int violations[2], ones[2]; /* of the claim and of the twin */
} drawn;

static double apart(const float *a, const double *b)
{
    double sum = 0.0;
    for (int k = 0; k < DIM; k++) {
        sum += ((double)a[k] - b[k]) * ((double)a[k] - b[k]);
    }
    return sum;
}

static thm_status draw(double prior, uint64_t seed, sample *out)
{
    thm_task_options o = thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    thm_task *task = NULL;
    thm_samples s = {0};
    o.prior = prior;
    thm_status status = thm_task_alloc(&o, &task, NULL);
    if (status != THM_OK) {
        return status;
    }
    enum { PART = 500 };
    status = thm_samples_alloc(task, PART, &s);
    for (int i = 0; status == THM_OK && i < SAMPLES; i += PART) {
        status = thm_task_draw(task, seed, THM_SPLIT_TRAIN, 0, i, PART, &s);
        for (int k = 0; status == THM_OK && k < PART; k++) {
            const size_t first = (size_t)k * (size_t)o.tokens * DIM;
            memcpy(out[i + k].x, s.x + first, sizeof out[i + k].x);
            out[i + k].label = s.labels[k];
        }
    }
    thm_samples_free(&s);
    thm_task_free(task);
    return status;
}

/* 2-means of all indicators, from a first and the one farthest from it. */
static void read_indicators(sample *s)
{
    double mean[2][DIM], sum[2][DIM];
    int far_of = 0, far_at = 0;
    double farthest = -1.0;
    for (int k = 0; k < DIM; k++) {
        mean[0][k] = (double)s[0].x[0][k];
    }
    for (int i = 0; i < SAMPLES; i++) {
        for (int at = 0; at < 4; at += 3) {
            const double d = apart(s[i].x[at], mean[0]);
            if (d > farthest) {
                farthest = d;
                far_of = i;
                far_at = at;
            }
        }
    }
    for (int k = 0; k < DIM; k++) {
        mean[1][k] = (double)s[far_of].x[far_at][k];
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        int count[2] = {0};
        memset(sum, 0, sizeof sum);
        for (int i = 0; i < SAMPLES; i++) {
            int code[2];
            for (int which = 0; which < 2; which++) {
                const float *x = s[i].x[3 * which];
                code[which] = apart(x, mean[1]) < apart(x, mean[0]);
                count[code[which]]++;
                for (int k = 0; k < DIM; k++) {
                    sum[code[which]][k] += (double)x[k];
                }
            }
            s[i].equal = code[0] == code[1];
        }
        for (int k = 0; k < 2 * DIM; k++) {
            mean[k / DIM][k % DIM] = sum[k / DIM][k % DIM] / count[k / DIM];
        }
    }
}

/* Samples whose token named by the rule - target 1 where the indicators are
 * `equal`, else 2 - is nearer to the mean of another label. */
static int count_violations(const sample *s, bool equal)
{
    double mean[CLASSES][DIM] = {{0.0}};
    int count[CLASSES] = {0}, violations = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const float *x = s[i].x[s[i].equal == equal ? 1 : 2];
        count[s[i].label]++;
        for (int k = 0; k < DIM; k++) {
            mean[s[i].label][k] += (double)x[k];
        }
    }
    for (int c = 0; c < CLASSES; c++) {
        for (int k = 0; k < DIM; k++) {
            mean[c][k] /= count[c];
        }
    }
    for (int i = 0; i < SAMPLES; i++) {
        const float *x = s[i].x[s[i].equal == equal ? 1 : 2];
        int nearest = 0;
        for (int c = 1; c < CLASSES; c++) {
            nearest = apart(x, mean[c]) < apart(x, mean[nearest]) ? c : nearest;
        }
        violations += nearest != s[i].label;
    }
    return violations;
}

static int count_ones(const sample *s)
{
    int ones = 0;
    for (int i = 0; i < SAMPLES; i++) {
        ones += s[i].equal;
    }
    return ones;
}

static thm_status make_draw(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    drawn *d = the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const uint64_t own = thm_rng_bits(&rng);
    const int which = (int)(index % 2);
    const double p = priors[which];
    (void)ctx;
    d->claimed = which ? p + (1 - p) / 2 : 0.5;
    snprintf(name, THM_CASE_NAME, "prior-%g-%lld", p, (long long)index);
    thm_status status = draw(biased[which], own, d->samples);
    if (status == THM_OK) {
        read_indicators(d->samples);
        d->ones[1] = count_ones(d->samples);
        status = draw(p, own, d->samples);
    }
    if (status == THM_OK) {
        read_indicators(d->samples);
        d->ones[0] = count_ones(d->samples);
        d->violations[0] = count_violations(d->samples, true);
        d->violations[1] = count_violations(d->samples, false);
    }
    return status;
}

static thm_status rule(const drawn *d, int twin, thm_finding *f)
{
    f->observed = d->violations[twin];
    f->allowed = 0.0;
    f->err = 0.0;
    return THM_OK;
}

static thm_status prior(const drawn *d, int twin, thm_finding *f)
{
    const double share = (double)d->ones[twin] / SAMPLES;
    double low, high;
    const thm_status status =
        thm_binomial_interval(d->ones[twin], SAMPLES, level, &low, &high);
    if (status == THM_OK) {
        f->observed = fabs(share - d->claimed);
        f->allowed = within;
        f->err = fmax(share - low, high - share);
        f->evidence = THM_STATISTICAL;
    }
    return status;
}

#define MEASURE(name, what, twin)                                              \
    static thm_status name(const void *c, void *ctx, thm_finding *f,           \
                           bool *applies)                                      \
    {                                                                          \
        (void)ctx, (void)applies;                                              \
        return what(c, twin, f);                                               \
    }
MEASURE(label_rule, rule, 0)
MEASURE(other_rule, rule, 1)
MEASURE(prior_of_pool, prior, 0)
MEASURE(prior_of_biased, prior, 1)

static thm_status open_draws(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static drawn storage;
    (void)seed, (void)msg;
    storage.samples = calloc(SAMPLES, sizeof *storage.samples);
    *ctx = storage.samples;
    source->count = proof_count(effort, BASE_CASES);
    source->make = make_draw;
    source->the_case = &storage;
    return storage.samples ? THM_OK : THM_ENOMEM;
}

static void close_draws(thm_case_source *source, void *ctx)
{
    (void)source;
    free(ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H2.1", label_rule, false},
                                       {"XH2.1", other_rule, false},
                                       {"H2.2", prior_of_pool, false},
                                       {"XH2.2", prior_of_biased, false}};
    static const proof_group group = {4, claims, open_draws, close_draws};
    static const proof_table table = {
        "labels and prior of the two-step task (H2.1, H2.2)", 1, &group};
    return proof_main(argc, argv, &table);
}
