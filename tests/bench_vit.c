/* Benchmark: one training step's loss and gradient of the transformer, beside
 * the single-core peak of thm_sgemm at 512^3, in one run.
 *
 * FLOP of a step by the formula of the paper's cost, a multiply-add being two
 * and backward twice forward:
 *     6 B (n F D + L T (D (4 H d + 2 M) + 2 T H d) + D outputs).
 * CPU time of the one thread; runs are interleaved; medians and spread (min to
 * max).  Nothing here can fail a test: figures are for reading. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "core/rng.h"
#include "la/blas.h"
#include "programs/start.h"
#include "vit/model.h"

enum { MAX_RUNS = 999, PEAK = 512 };

/* Of this thread, so that others on the machine cost less. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

typedef struct {
    double t[MAX_RUNS];
    int runs;
} series;

static double median(series *s)
{
    qsort(s->t, (size_t)s->runs, sizeof s->t[0], ascending);
    return s->t[s->runs / 2];
}

static void need(thm_status status)
{
    if (status != THM_OK) {
        fprintf(stderr, "bench_vit: %s\n", thm_status_text(status));
        exit(START_INTERNAL);
    }
}

static void *room(size_t count, size_t size)
{
    void *p = calloc(count, size);
    need(p != NULL ? THM_OK : THM_ENOMEM);
    return p;
}

static void draw(size_t n, float *x)
{
    thm_rng rng = thm_rng_make(1, n);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)thm_rng_normal(&rng);
    }
}

static double run_peak(float *A, float *B, float *C)
{
    const double begin = cpu_seconds();
    need(thm_sgemm(false, false, PEAK, PEAK, PEAK, 1, A, PEAK, B, PEAK, 0, C,
                   PEAK));
    return cpu_seconds() - begin;
}

typedef struct {
    thm_vit_config config;
    thm_vit_layout layout;
    thm_vit_loss loss;
    thm_vit_batch batch;
    thm_vit32 *work;
    float *x, *params, *gradient;
    int32_t *labels;
} setting;

static void set_up(setting *s, const thm_vit_config *config, int count)
{
    const size_t n = (size_t)count * (size_t)config->tokens;
    s->config = *config;
    s->loss = thm_vit_loss_default(config);
    s->loss.weight = 1.0 / count;
    s->loss.smoothing = 0.1;
    need(thm_vit_layout_alloc(config, &s->layout));
    need(thm_vit32_alloc(config, count, &s->work));
    s->x = room(n * (size_t)config->features, sizeof *s->x);
    s->labels = room((size_t)count, sizeof *s->labels);
    s->params = room((size_t)s->layout.total, sizeof *s->params);
    s->gradient = room((size_t)s->layout.total, sizeof *s->gradient);
    draw(n * (size_t)config->features, s->x);
    for (int i = 0; i < count; i++) {
        s->labels[i] = i % config->outputs;
    }
    thm_vit_initialise(config, &s->layout, 1, s->params);
    s->batch = (thm_vit_batch){.count = count, .x = s->x, .labels = s->labels};
}

static void tear_down(setting *s)
{
    thm_vit_layout_free(&s->layout);
    thm_vit32_free(s->work);
    free(s->x);
    free(s->labels);
    free(s->params);
    free(s->gradient);
}

static double run_step(setting *s, bool backward)
{
    thm_vit_score score;
    const double begin = cpu_seconds();
    need(thm_vit32_run(s->work, s->params, &s->batch, &s->loss,
                       backward ? s->gradient : NULL, &score, NULL));
    return cpu_seconds() - begin;
}

static double flop_of(const setting *s)
{
    const thm_vit_config *c = &s->config;
    const double T = thm_vit_length(c), D = c->width,
                 inside = (double)c->heads * c->head_width;
    const double block =
        T * (D * (4 * inside + 2 * c->mlp_width) + 2 * T * inside);
    return 6.0 * s->batch.count *
           ((double)c->tokens * c->features * D + c->depth * block +
            D * c->outputs);
}

static void measure(const char *what, const thm_vit_config *config, int count,
                    int runs, double peak)
{
    static setting s;
    static series both, forward;
    both.runs = forward.runs = runs;
    set_up(&s, config, count);
    run_step(&s, true);
    for (int r = 0; r < runs; r++) {
        both.t[r] = run_step(&s, true);
        forward.t[r] = run_step(&s, false);
    }
    const double t = median(&both), rate = flop_of(&s) / t;
    printf("%s\n  step %9.3f ms (%.3f .. %.3f, %d runs), forward %.3f ms; "
           "%.3f GFLOP, %.1f GFLOP/s, %.0f %% of the peak\n",
           what, 1e3 * t, 1e3 * both.t[0], 1e3 * both.t[runs - 1], runs,
           1e3 * median(&forward), 1e-9 * flop_of(&s), 1e-9 * rate,
           100 * rate / peak);
    tear_down(&s);
}

int main(int argc, char **argv)
{
    static int runs = 15;
    static const thm_option options[] = {
        {"runs", 'r', "N", THM_OPTION_INT, &runs,
         "interleaved runs of each step (default 15)", 1, MAX_RUNS},
        {0}};
    static const thm_options spec = {
        .program = "bench-vit",
        .purpose = "Times loss and gradient of the transformer.",
        .table = options};
    start_program(argv);
    start_options(&spec, argc, argv);
    thm_blas_single_thread();
    static series best;
    best.runs = runs;
    const size_t size = (size_t)PEAK * PEAK;
    float *A = room(3 * size, sizeof *A);
    draw(2 * size, A);
    for (int r = 0; r < runs; r++) {
        best.t[r] = run_peak(A, A + size, A + 2 * size);
    }
    const double peak = 2.0 * PEAK * PEAK * PEAK / median(&best);
    free(A);
    printf("BLAS core %s, instruction set %s, one thread; sgemm at %d^3 "
           "%.1f GFLOP/s\n",
           thm_blas_core(), thm_isa_text(thm_isa_detect()), PEAK, 1e-9 * peak);
    thm_vit_config c = thm_vit_config_default();
    measure("softmax, 17 tokens, D = 32, 2 heads of 16, depth 2, batch 64", &c,
            64, runs, peak);
    c.attention[0] = c.attention[1] = THM_VIT_NORMSOFTMAX_STD;
    measure("normsoftmax-std, the same", &c, 64, runs, peak);
    c = thm_vit_config_default();
    c.width = 64;
    c.depth = 7;
    c.heads = 4;
    c.mlp_width = 128;
    measure("softmax, 17 tokens, D = 64, 4 heads of 16, depth 7, batch 512", &c,
            512, runs, peak);
    c.tokens = 196;
    c.features = 48;
    c.width = 256;
    c.head_width = 64;
    c.mlp_width = 512;
    measure("softmax, 197 tokens, D = 256, 4 heads of 64, depth 7, batch 4: an "
            "eighth of a step of 32",
            &c, 4, (runs + 4) / 5, peak);
    return start_finish(START_HOLDS);
}
