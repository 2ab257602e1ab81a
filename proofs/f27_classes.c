/* F27.1, F27.2: trained to tell the class of ten words, softmax attention lets
 * one word decide, sigmoid attention does not (paper-notes/varre2026.md,
 * "Transformers"). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "vit/optimise.h"
#include "vit/task.h"

enum { BASE_CASES = 2, STEPS = 400, BATCH = 256, TESTS = 1000, PAIRS = 500 };
enum { CLASSES = 4, WORDS = 10, PIECE = 250 };
static const double most = 0.9, least = 0.1, learned = 0.99;

typedef struct {
    double accuracy, sparsity, flips;
} outcome;

typedef struct {
    outcome softmax, sigmoid;
} run_case;

typedef struct {
    thm_task *task;
    thm_vit_config config;
    thm_vit_layout layout;
    thm_samples samples;      /* room for BATCH            */
    float *params, *gradient; /* (total)                   */
    int32_t ids[TESTS][WORDS], labels[TESTS];
    int32_t mixed[2 * PAIRS][WORDS];
    int top[TESTS]; /* where the CLS looks first */
    int answer[TESTS];
} work;

/* The drawn batch as one sample a class, with its multiplicity as weight. */
static int thin(const thm_samples *s, int32_t ids[CLASSES][WORDS],
                int32_t labels[CLASSES], float weights[CLASSES])
{
    int count = 0;
    for (int i = 0; i < BATCH; i++) {
        int k = 0;
        while (k < count && labels[k] != s->labels[i]) {
            k++;
        }
        if (k == count) {
            memcpy(ids[k], s->ids + (ptrdiff_t)i * WORDS, sizeof ids[k]);
            labels[k] = s->labels[i];
            weights[k] = 0;
            count++;
        }
        weights[k] += 1;
    }
    return count;
}

static thm_optimiser_options settings(void)
{
    thm_optimiser_options o = thm_optimiser_default();
    o.lr = o.lr_start = o.lr_end = 1e-3;
    o.warmup = 0;
    o.steps = STEPS;
    o.weight_decay = 0.01;
    return o;
}

static thm_status train(work *w, thm_vit32 *model, uint64_t seed)
{
    const thm_optimiser_options o = settings();
    thm_vit_loss loss = thm_vit_loss_default(&w->config);
    thm_optimiser state;
    loss.weight = 1.0 / BATCH;
    thm_vit_initialise(&w->config, &w->layout, seed, w->params);
    thm_status status = thm_optimiser_alloc(&o, w->layout.total, &state);
    for (int step = 0; step < STEPS && status == THM_OK; step++) {
        int32_t ids[CLASSES][WORDS], labels[CLASSES];
        float weights[CLASSES];
        thm_vit_score score;
        status = thm_task_draw(w->task, seed, THM_SPLIT_TRAIN, step, 0, BATCH,
                               &w->samples);
        if (status != THM_OK) {
            break;
        }
        const thm_vit_batch batch = {
            .count = thin(&w->samples, ids, labels, weights),
            .ids = ids[0],
            .labels = labels,
            .weights = weights};
        memset(w->gradient, 0, (size_t)w->layout.total * sizeof *w->gradient);
        status = thm_vit32_run(model, w->params, &batch, &loss, w->gradient,
                               &score, NULL);
        if (status == THM_OK) {
            status = thm_optimiser_step(&o, &w->config, &w->layout, &state,
                                        w->params, w->gradient, NULL, NULL);
        }
    }
    thm_optimiser_free(&state);
    return status;
}

static int largest(int n, const float *x)
{
    int best = 0;
    for (int k = 1; k < n; k++) {
        best = x[k] > x[best] ? k : best;
    }
    return best;
}

/* answer, and unless NULL top and *sparsity, of count samples. */
static thm_status ask(work *w, thm_vit32 *model, int count,
                      const int32_t (*ids)[WORDS], int *top, double *sparsity)
{
    const thm_vit_loss loss = thm_vit_loss_default(&w->config);
    thm_status status = THM_OK;
    double sum = 0.0;
    for (int at = 0; at < count && status == THM_OK; at += PIECE) {
        const thm_vit_batch batch = {.count = PIECE, .ids = ids[at]};
        thm_vit_score score;
        status =
            thm_vit32_run(model, w->params, &batch, &loss, NULL, &score, NULL);
        for (int s = 0; s < PIECE && status == THM_OK; s++) {
            thm_vit_view view;
            w->answer[at + s] = largest(CLASSES, thm_vit32_outputs(model) +
                                                     (ptrdiff_t)s * CLASSES);
            if (top != NULL) { /* the first row of A: the CLS' */
                double row = 0.0;
                thm_vit32_look(model, 0, s, &view);
                for (int j = 0; j <= WORDS; j++) {
                    row += (double)view.attention[j];
                }
                top[at + s] = largest(WORDS, view.attention + 1);
                sum +=
                    (double)view.attention[largest(WORDS + 1, view.attention)] /
                    row / count;
            }
        }
    }
    if (sparsity != NULL) {
        *sparsity = sum;
    }
    return status;
}

static int sample_of(const work *w, int label, thm_rng *rng)
{
    int i;
    do {
        i = (int)thm_rng_below(rng, TESTS);
    } while (w->labels[i] != label);
    return i;
}

/* The first word of one and all but the first of the other, by attention. */
static void mix(const work *w, int one, int rest, int32_t mixed[WORDS])
{
    memcpy(mixed, w->ids[rest], sizeof w->ids[rest]);
    mixed[w->top[rest]] = w->ids[one][w->top[one]];
}

static thm_status flip(work *w, thm_vit32 *model, uint64_t seed, double *rate)
{
    thm_rng rng = thm_rng_make(seed, 27);
    int32_t alone[2 * PAIRS];
    int flips = 0;
    for (int p = 0; p < 2 * PAIRS; p += 2) {
        const int first = (int)thm_rng_below(&rng, CLASSES);
        const int second =
            (first + 1 + (int)thm_rng_below(&rng, CLASSES - 1)) % CLASSES;
        const int a = sample_of(w, first, &rng), b = sample_of(w, second, &rng);
        mix(w, a, b, w->mixed[p]);
        mix(w, b, a, w->mixed[p + 1]);
        alone[p] = first;
        alone[p + 1] = second;
    }
    const thm_status status =
        ask(w, model, 2 * PAIRS, (const int32_t(*)[WORDS])w->mixed, NULL, NULL);
    for (int p = 0; p < 2 * PAIRS && status == THM_OK; p++) {
        flips += w->answer[p] == alone[p];
    }
    *rate = flips / (2.0 * PAIRS);
    return status;
}

static thm_status draw_tests(work *w, uint64_t seed)
{
    thm_status status = THM_OK;
    for (int at = 0; at < TESTS && status == THM_OK; at += PIECE) {
        status = thm_task_draw(w->task, seed, THM_SPLIT_TEST, 0, at, PIECE,
                               &w->samples);
        memcpy(w->ids[at], w->samples.ids, PIECE * sizeof w->ids[at]);
        memcpy(w->labels + at, w->samples.labels, PIECE * sizeof *w->labels);
    }
    return status;
}

static thm_status measure(work *w, thm_vit_attention kind, uint64_t seed,
                          outcome *out)
{
    thm_vit32 *model = NULL;
    int right = 0;
    w->config.attention[0] = kind;
    thm_status status = thm_vit32_alloc(&w->config, PIECE, &model);
    if (status == THM_OK) {
        status = train(w, model, seed);
    }
    if (status == THM_OK) {
        status = ask(w, model, TESTS, (const int32_t(*)[WORDS])w->ids, w->top,
                     &out->sparsity);
    }
    for (int i = 0; i < TESTS && status == THM_OK; i++) {
        right += w->answer[i] == w->labels[i];
    }
    out->accuracy = right / (double)TESTS;
    if (status == THM_OK) {
        status = flip(w, model, seed, &out->flips);
    }
    thm_vit32_free(model);
    return status;
}

static thm_status make_run(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    work *w = ctx;
    run_case *c = the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const uint64_t own = thm_rng_bits(&rng);
    snprintf(name, THM_CASE_NAME, "run-%lld", (long long)index);
    thm_status status = draw_tests(w, own);
    if (status == THM_OK) {
        status = measure(w, THM_VIT_SOFTMAX, own, &c->softmax);
    }
    if (status == THM_OK) {
        status = measure(w, THM_VIT_SIGMOID, own, &c->sigmoid);
    }
    return status;
}

/* By how much the worst of its conditions fails. */
static thm_status judge(double worst, double accuracy, thm_finding *f)
{
    f->observed = thm_worse(worst, learned - accuracy);
    f->allowed = 0.0;
    f->err = 2 * DBL_EPSILON;
    return THM_OK;
}

static thm_status decides(const void *the_case, void *ctx, thm_finding *f,
                          bool *applies)
{
    const run_case *c = the_case;
    (void)ctx, (void)applies;
    return judge(thm_worse(most - c->softmax.flips, c->sigmoid.flips - least),
                 fmin(c->softmax.accuracy, c->sigmoid.accuracy), f);
}

static thm_status decides_by_gates(const void *the_case, void *ctx,
                                   thm_finding *f, bool *applies)
{
    const run_case *c = the_case;
    (void)ctx, (void)applies;
    return judge(most - c->sigmoid.flips, c->sigmoid.accuracy, f);
}

static thm_status holds(const outcome *o, thm_finding *f)
{
    judge(most - o->sparsity, o->accuracy, f);
    f->err = 0x1p-20;
    return THM_OK;
}

static thm_status holds_row(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)ctx, (void)applies;
    return holds(&((const run_case *)c)->softmax, f);
}

static thm_status holds_row_of_gates(const void *c, void *ctx, thm_finding *f,
                                     bool *applies)
{
    (void)ctx, (void)applies;
    return holds(&((const run_case *)c)->sigmoid, f);
}

static thm_status open_runs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    static work w;
    static run_case storage;
    const thm_task_options o = thm_task_options_default(THM_TASK_CLS_TOKENS);
    (void)seed;
    *ctx = &w;
    source->count = proof_count(effort, BASE_CASES);
    source->make = make_run;
    source->the_case = &storage;
    source->ctx = &w;
    thm_status status = thm_task_alloc(&o, &w.task, msg);
    if (status != THM_OK) {
        return status;
    }
    thm_task_configure(w.task, &w.config);
    status = thm_vit_layout_alloc(&w.config, &w.layout);
    if (status == THM_OK) {
        status = thm_samples_alloc(w.task, BATCH, &w.samples);
    }
    if (status == THM_OK) {
        const size_t total = (size_t)w.layout.total;
        w.params = calloc(total, sizeof *w.params);
        w.gradient = calloc(total, sizeof *w.gradient);
        status = w.params && w.gradient ? THM_OK : THM_ENOMEM;
    }
    return status;
}

static void close_runs(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    thm_samples_free(&w->samples);
    thm_vit_layout_free(&w->layout);
    thm_task_free(w->task);
    free(w->params);
    free(w->gradient);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"F27.1", decides, false},
                                       {"XF27.1", decides_by_gates, false},
                                       {"F27.2", holds_row, false},
                                       {"XF27.2", holds_row_of_gates, false}};
    static const proof_group group = {4, claims, open_runs, close_runs};
    static const proof_table table = {"whether one word decides a class (F27)",
                                      1, &group};
    return proof_main(argc, argv, &table);
}
