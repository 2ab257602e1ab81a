/* Benchmark: a 401 x 401 landscape of the single-layer model, N = 8, n = 8,
 * D = 64, d = 16, by attn/plane.h against one evaluation a point with
 * thm_layer_loss, which computes the projections by matrix products anew.
 *
 * Runs are interleaved; medians, spread (min to max) and ratios.  The peer is
 * timed on a grid of fewer lines, its time scaled to all of them: it would take
 * minutes.  The two agree within the bounds of plane.h, or the run says so.
 * Nothing here can fail a test: figures are for reading. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include "attn/instance.h"
#include "attn/plane.h"
#include "core/progress.h"
#include "landscape/directions.h"
#include "landscape/slice.h"
#include "la/blas.h"
#include "programs/start.h"
#include "sweep/sweep.h"

enum { MAX_RUNS = 99, SIDE = 401, PEER_LINES = 5, BAND = 8, M = 16 };

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

static void print_series(const char *what, series *s)
{
    const double m = median(s);
    printf("  %-28s %10.1f ms   (%.1f .. %.1f, %d runs), %.2f us a point\n",
           what, 1e3 * m, 1e3 * s->t[0], 1e3 * s->t[s->runs - 1], s->runs,
           1e6 * m / SIDE / SIDE);
}

static void need(thm_status status)
{
    if (status != THM_OK) {
        fprintf(stderr, "bench_landscape: %s\n", thm_status_text(status));
        exit(START_INTERNAL);
    }
}

typedef struct {
    thm_instance at;
    thm_layer_problem *problem;
    double *x0, *d1, *d2, *x, *f, *g;
    double axis[SIDE];
    thm_plane *plane;
    thm_plane_work *work[2];
} setting;

static void set_up(setting *s, thm_kernel kernel, int heads, int trained,
                   thm_isa isa)
{
    thm_instance_plan plan = thm_instance_plan_default();
    plan.N = plan.n = 8;
    plan.D = 64;
    plan.d = 16;
    plan.H = heads;
    plan.m = M;
    plan.kernel = kernel;
    plan.s = 0.3;
    need(thm_instance_draw(&plan, &s->at, NULL));
    need(thm_layer_problem_alloc(&s->at.layer, &s->at.weights, trained,
                                 &s->problem));
    const int n = thm_layer_objective(s->problem)->n;
    s->x0 = calloc((size_t)n, 4 * sizeof *s->x0);
    s->f = calloc(SIDE * SIDE, sizeof *s->f);
    s->g = calloc(SIDE * PEER_LINES, sizeof *s->g);
    need(s->x0 && s->f && s->g ? THM_OK : THM_ENOMEM);
    s->d1 = s->x0 + n;
    s->d2 = s->d1 + n;
    s->x = s->d2 + n;
    thm_layer_problem_start(s->problem, s->x0);
    thm_block blocks[16];
    const int count = n / (plan.D * plan.d);
    for (int k = 0; k < count; k++) {
        blocks[k] = (thm_block){plan.D, plan.d};
    }
    need(thm_direction_draw(n, count, blocks, THM_SLICE_FILTER, s->x0, 1, s->d1,
                            s->d2));
    thm_slice_axis(-1, 1, SIDE, s->axis);
    const thm_weights d1 = thm_plane_direction(&s->at.layer, trained, s->d1);
    const thm_weights d2 = thm_plane_direction(&s->at.layer, trained, s->d2);
    need(thm_plane_alloc(&s->at.layer, &s->at.weights, &d1, &d2, isa,
                         &s->plane));
    need(thm_plane_work_alloc(s->plane, &s->work[0]));
    need(thm_plane_work_alloc(s->plane, &s->work[1]));
}

static void tear_down(setting *s)
{
    thm_plane_work_free(s->work[0]);
    thm_plane_work_free(s->work[1]);
    thm_plane_free(s->plane);
    thm_layer_problem_free(s->problem);
    thm_instance_free(&s->at);
    free(s->x0);
    free(s->f);
    free(s->g);
}

static thm_status run_band(int index, double *values, thm_message *msg,
                           void *ctx)
{
    const setting *s = ctx;
    thm_plane_work *work = s->work[omp_get_thread_num()];
    (void)msg;
    for (int k = 0; k < BAND && index * BAND + k < SIDE; k++) {
        thm_plane_values(s->plane, s->axis[index * BAND + k], SIDE, s->axis,
                         work, values + k * SIDE);
    }
    return THM_OK;
}

static double run_plane(setting *s, int threads, double *rows)
{
    thm_sweep_count count;
    const thm_sweep sweep = {.cases = (SIDE + BAND - 1) / BAND,
                             .values = BAND * SIDE,
                             .shards = 1,
                             .threads = threads,
                             .run = run_band,
                             .ctx = s};
    const double begin = thm_seconds();
    need(thm_sweep_run(&sweep, rows, &count, NULL));
    return thm_seconds() - begin;
}

/* Lines of the grid at equal distances, scaled to all of them. */
static double run_points(setting *s)
{
    const thm_slice slice = {thm_layer_objective(s->problem), s->x0, s->d1,
                             s->d2};
    const double begin = thm_seconds();
    for (int k = 0; k < PEER_LINES; k++) {
        need(thm_slice_values(&slice,
                              s->axis[k * (SIDE - 1) / (PEER_LINES - 1)], SIDE,
                              s->axis, s->x, s->g + k * SIDE));
    }
    return (thm_seconds() - begin) * SIDE / PEER_LINES;
}

/* Largest |plane - point| over the sum of both bounds, and relative. */
static void compare_values(const setting *s, const double *rows)
{
    double worst = 0, relative = 0;
    for (int k = 0; k < PEER_LINES; k++) {
        const int line = k * (SIDE - 1) / (PEER_LINES - 1);
        for (int i = 0; i < SIDE; i++) {
            const double f = rows[line * SIDE + i], g = s->g[k * SIDE + i];
            const double a = s->axis[i], b = s->axis[line];
            const double bound = thm_plane_error(s->plane, a, b, f) +
                                 thm_plane_error(s->plane, a, b, g);
            worst = fmax(worst, fabs(f - g) / bound);
            relative = fmax(relative, fabs(f - g) / g);
        }
    }
    printf("  largest relative difference %.1e, %.1e of its bound%s\n",
           relative, worst, worst <= 1 ? "" : "   TOO LARGE");
}

static void compare(const char *what, thm_kernel kernel, int heads, int trained,
                    int runs, thm_isa isa)
{
    static setting s;
    series one = {.runs = runs}, two = {.runs = runs}, point = {.runs = runs};
    const size_t size = (size_t)(SIDE + BAND) * SIDE;
    double *rows = calloc(size, sizeof *rows);
    need(rows ? THM_OK : THM_ENOMEM);
    set_up(&s, kernel, heads, trained, isa);
    run_plane(&s, 1, rows);
    for (int r = 0; r < runs; r++) {
        one.t[r] = run_plane(&s, 1, rows);
        point.t[r] = run_points(&s);
        two.t[r] = run_plane(&s, 2, rows);
    }
    printf("%s, %d head%s, %d x %d points\n", what, heads,
           heads == 1 ? "" : "s", SIDE, SIDE);
    print_series("plane, one thread", &one);
    print_series("plane, two threads", &two);
    print_series("one evaluation a point", &point);
    printf("  %.1fx faster than one evaluation a point; two threads %.2fx\n",
           median(&point) / median(&one), median(&one) / median(&two));
    compare_values(&s, rows);
    tear_down(&s);
    free(rows);
}

int main(int argc, char **argv)
{
    static int runs = 7;
    static const thm_option options[] = {
        {"runs", 'r', "N", THM_OPTION_INT, &runs,
         "interleaved runs of each method (default 7)", 1, MAX_RUNS},
        {0}};
    static const thm_options spec = {
        .program = "bench-landscape",
        .purpose = "Times landscapes of the single-layer model.",
        .table = options};
    start_program(argv);
    start_options(&spec, argc, argv);
    const thm_isa isa = thm_isa_detect();
    printf("BLAS core %s, instruction set %s; N = n = 8, D = 64, d = m = 16\n",
           thm_blas_core(), thm_isa_text(isa));
    compare("softmax, W_Q", THM_KERNEL_SOFTMAX, 1, THM_TRAIN_Q, runs, isa);
    compare("gaussian, W_Q", THM_KERNEL_GAUSSIAN, 1, THM_TRAIN_Q, runs, isa);
    compare("softmax, W_Q, W_K, W_V", THM_KERNEL_SOFTMAX, 2,
            THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V, runs, isa);
    compare("gaussian, W_Q", THM_KERNEL_GAUSSIAN, 2, THM_TRAIN_Q, runs, isa);
    return start_finish(START_HOLDS);
}
