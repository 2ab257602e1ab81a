/* Benchmark: the flow's integrators against their peers, in one run.
 *
 * Peers: GSL's steppers on the same right-hand side, SciPy's DOP853 (Debian's
 * python3-scipy; left out if absent).  Runs are interleaved, one thread, in
 * processor time but for the batch; each line has the median, the spread (min
 * to max), what it took, and the largest error of a component against rk8pd at
 * rtol 1e-13.  GSL's msadams is left out: it takes ten times as long as rkf45.
 * Nothing here can fail a test: figures are for reading. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "core/rng.h"
#include "flow/batch.h"
#include "flow/orbit.h"
#include "flow/value_flow.h"
#include "programs/start.h"

enum { D = 10, N = 50, M = 40, SIZE = D * N + N, MAX_RUNS = 99 };

static const double T_END = 1e6;

typedef struct {
    double X[M * D], y[M], start[SIZE], reference[SIZE];
    thm_value_flow *flow;
} instance;

typedef struct {
    thm_stepper stepper;
    bool tight; /* at a tenth of the others' tolerances */
    int runs;
    double t[MAX_RUNS], error;
    thm_ode_stats stats;
    thm_status status;
} contestant;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of one thread: what others do on the machine counts as little as it can. */
static double cpu(void)
{
    return now(CLOCK_THREAD_CPUTIME_ID);
}

static void need(thm_status status)
{
    if (status != THM_OK) {
        fprintf(stderr, "bench_flow: %s\n", thm_status_text(status));
        exit(START_INTERNAL);
    }
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts; the median. */
static double median(double *t, int runs)
{
    qsort(t, (size_t)runs, sizeof *t, ascending);
    return t[runs / 2];
}

static double distance(const double *x, const double *y)
{
    double most = 0.0;
    for (int i = 0; i < SIZE; i++) {
        double off = fabs(x[i] - y[i]);
        most = !(off <= most) ? off : most;
    }
    return most;
}

/* Labels by a drawn teacher, the first `flipped` of them turned. */
static void draw(uint64_t seed, int flipped, const thm_loss *loss, instance *it)
{
    thm_rng rng = thm_rng_make(seed, (uint64_t)flipped);
    double teacher[D];
    thm_rng_fill_normal(&rng, M * D, 1.0, it->X);
    thm_rng_fill_normal(&rng, D, 1.0, teacher);
    for (int i = 0; i < M; i++) {
        double side = 0.0;
        for (int k = 0; k < D; k++) {
            side += it->X[i * D + k] * teacher[k];
        }
        it->y[i] = (side > 0.0) != (i < flipped) ? 1.0 : -1.0;
    }
    thm_rng_fill_normal(&rng, SIZE, 0.1, it->start);
    need(thm_value_flow_alloc(D, N, loss, THM_NORMALISE_SOFTMAX, &it->flow));
    thm_ode ode = thm_value_flow_ode(it->flow);
    thm_ode_options options = {
        .stepper = THM_STEPPER_RK8PD, .rtol = 1e-13, .atol = 1e-16};
    thm_ode_stats stats;
    memcpy(it->reference, it->start, sizeof it->start);
    need(thm_ode_integrate(&ode, 0, T_END, it->reference, &options, NULL,
                           &stats));
}

static void run(const instance *it, contestant *c)
{
    thm_ode ode = thm_value_flow_ode(it->flow);
    thm_ode_options options = thm_ode_defaults();
    double x[SIZE];
    options.stepper = c->stepper;
    options.max_rhs = 1000000;
    options.rtol *= c->tight ? 0.1 : 1.0;
    options.atol *= c->tight ? 0.1 : 1.0;
    memcpy(x, it->start, sizeof x);
    double begin = cpu();
    c->status = thm_ode_integrate(&ode, 0, T_END, x, &options, NULL, &c->stats);
    c->t[c->runs++] = cpu() - begin;
    c->error = distance(x, it->reference);
}

static void print_row(const char *name, double *t, int runs, long steps,
                      long rhs, double error, const char *remark)
{
    double m = median(t, runs);
    printf("  %-18s %9.3f ms  (%.3f .. %.3f, %d runs) %6ld steps %7ld rhs  "
           "error %.1e%s\n",
           name, 1e3 * m, 1e3 * t[0], 1e3 * t[runs - 1], runs, steps, rhs,
           error, remark);
}

/* Interleaved runs of all. */
static void compete(const instance *it, int count, contestant *c, int runs)
{
    for (int r = 0; r < runs; r++) {
        for (int k = 0; k < count; k++) {
            run(it, &c[k]);
        }
    }
    for (int k = 0; k < count; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", thm_stepper_text(c[k].stepper),
                 c[k].tight ? ", tol / 10" : "");
        print_row(name, c[k].t, runs, c[k].stats.steps + c[k].stats.rejected,
                  c[k].stats.rhs, c[k].error,
                  c[k].status == THM_OK ? "" : "  (gave up)");
    }
}

static double median_of(contestant *c)
{
    return median(c->t, c->runs);
}

/* ---- SciPy --------------------------------------------------------------- */

static const char *python(void)
{
    static const char *const names[] = {"python3", "/usr/bin/python3"};
    for (int i = 0; i < 2; i++) {
        char command[128];
        snprintf(command, sizeof command,
                 "%s -c 'import scipy' >/dev/null 2>&1", names[i]);
        if (system(command) == 0) {
            return names[i];
        }
    }
    return NULL;
}

static void print_numbers(FILE *to, int count, const double *x)
{
    for (int i = 0; i < count; i++) {
        fprintf(to, "%.17g\n", x[i]);
    }
}

static void scipy(const instance *it, int runs, double own)
{
    const char *interpreter = python();
    char path[] = "/tmp/bench-flow-XXXXXX", command[256];
    double t[MAX_RUNS], x[SIZE];
    long rhs = 0;
    int file = interpreter == NULL ? -1 : mkstemp(path);
    if (file < 0) {
        printf("  SciPy DOP853: python3-scipy is not installed\n");
        return;
    }
    FILE *in = fdopen(file, "w");
    thm_ode_options o = thm_ode_defaults();
    fprintf(in, "%d %d %d %.17g %.17g %.17g %d\n", D, N, M, T_END, o.rtol,
            o.atol, runs);
    print_numbers(in, M * D, it->X);
    print_numbers(in, M, it->y);
    print_numbers(in, SIZE, it->start);
    fclose(in);
    snprintf(command, sizeof command,
             "OPENBLAS_NUM_THREADS=1 %s tests/bench_flow_scipy.py <%s",
             interpreter, path);
    FILE *out = popen(command, "r");
    bool good = out != NULL && fscanf(out, "%ld", &rhs) == 1;
    for (int r = 0; good && r < runs; r++) {
        good = fscanf(out, "%lf", &t[r]) == 1;
    }
    for (int i = 0; good && i < SIZE; i++) {
        good = fscanf(out, "%lf", &x[i]) == 1;
    }
    if (out != NULL) {
        pclose(out);
    }
    unlink(path);
    if (!good) {
        printf("  SciPy DOP853: tests/bench_flow_scipy.py did not run\n");
        return;
    }
    print_row("SciPy DOP853", t, runs, rhs / 12, rhs,
              distance(x, it->reference), "  (after the others)");
    printf("  dop853 is %.1fx faster than SciPy\n", median(t, runs) / own);
}

/* ---- the rows of the table ----------------------------------------------- */

static void separable(uint64_t seed, const thm_loss *loss, instance *it,
                      int runs)
{
    contestant c[4] = {{.stepper = THM_STEPPER_DOP853},
                       {.stepper = THM_STEPPER_RK8PD},
                       {.stepper = THM_STEPPER_RK8PD, .tight = true},
                       {.stepper = THM_STEPPER_AUTO}};
    draw(seed, 0, loss, it);
    printf("separable labels, draw %d\n", (int)seed);
    compete(it, 4, c, runs);
    printf("  dop853 is %.1fx faster than rk8pd, with %.2g of its error; %.1fx "
           "at a tenth of\n  rk8pd's tolerances, with %.2g of that error\n",
           median_of(&c[1]) / median_of(&c[0]), c[0].error / c[1].error,
           median_of(&c[2]) / median_of(&c[0]), c[0].error / c[2].error);
    if (seed == 1) {
        scipy(it, runs < 5 ? runs : 5, median_of(&c[0]));
    }
    thm_value_flow_free(it->flow);
}

static void flipped(uint64_t seed, const thm_loss *loss, instance *it, int runs)
{
    contestant c[3] = {{.stepper = THM_STEPPER_AUTO},
                       {.stepper = THM_STEPPER_RKF45},
                       {.stepper = THM_STEPPER_RK8PD}};
    draw(seed, (15 * M + 50) / 100, loss, it);
    printf("15 %% flipped labels, draw %d\n", (int)seed);
    compete(it, 3, c, runs);
    double best = HUGE_VAL;
    for (int k = 1; k < 3; k++) {
        best = c[k].status == THM_OK ? fmin(best, median_of(&c[k])) : best;
    }
    printf("  auto is %.1fx faster than GSL's best explicit stepper; implicit "
           "from t = %.3g\n",
           best / median_of(&c[0]), c[0].stats.switched);
    thm_value_flow_free(it->flow);
}

static void batch(thm_isa isa, int runs)
{
    enum { COUNT = 100000 };
    double *numbers = calloc(5 * COUNT, sizeof *numbers);
    thm_batch_end *ends = calloc(COUNT, sizeof *ends);
    thm_batch batch = thm_batch_defaults();
    thm_rng rng = thm_rng_make(1, 2);
    double t[MAX_RUNS];
    long steps = 0;
    int failed = 0;
    if (numbers == NULL || ends == NULL) {
        need(THM_ENOMEM);
    }
    double *u = numbers, *a = u + 2 * COUNT, *end = a + 2 * COUNT;
    for (int64_t k = 0; k < COUNT; k++) {
        double gap = 2.0 * thm_rng_normal(&rng);
        thm_batch_two_token(COUNT, k, gap, thm_rng_normal(&rng), 0.0, u, a);
        end[k] = T_END;
    }
    batch.n = 2;
    batch.count = COUNT;
    batch.u = u;
    batch.a = a;
    batch.end = end;
    batch.loss = THM_LOSS_LOGISTIC;
    for (int r = 0; r < runs; r++) {
        double begin = now(CLOCK_MONOTONIC);
        need(thm_batch_run(&batch, isa, 2, ends, NULL, NULL, NULL, NULL));
        t[r] = now(CLOCK_MONOTONIC) - begin;
    }
    for (int k = 0; k < COUNT; k++) {
        steps += ends[k].steps;
        failed += ends[k].status != THM_OK;
    }
    double m = median(t, runs);
    printf("10^5 two-token starts to t = 1e6, two threads\n  %.3f s  (%.3f .. "
           "%.3f, %d runs)  %.0f steps a start, %d failed\n",
           m, t[0], t[runs - 1], runs, (double)steps / COUNT, failed);
    free(numbers);
    free(ends);
}

static void far(void)
{
    double x[17] = {0};
    thm_rng rng = thm_rng_make(1, 3);
    thm_orbit *orbit;
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    thm_rng_fill_normal(&rng, 8, 0.1, x);
    need(thm_orbit_alloc(8, THM_LOSS_LOGISTIC, 1.0, THM_ORBIT_CLOCKED, false,
                         &orbit));
    double begin = cpu();
    need(thm_orbit_to_time(orbit, 1e250, x, &options, &stats));
    printf("orbit of 8 tokens to t = 1e250\n  %ld right-hand sides, %ld "
           "steps, %.3f ms\n",
           stats.rhs, stats.steps, 1e3 * (cpu() - begin));
    thm_orbit_free(orbit);
}

int main(int argc, char **argv)
{
    static int runs = 9, draws = 10;
    static const thm_option options[] = {
        {"runs", 'r', "N", THM_OPTION_INT, &runs,
         "interleaved runs of each stepper (default 9)", 1, MAX_RUNS},
        {"draws", 'd', "N", THM_OPTION_INT, &draws,
         "draws with separable labels (default 10)", 1, 1000},
        {0}};
    static const thm_options spec = {
        .program = "bench-flow",
        .purpose = "Times the flow's integrators against GSL and SciPy.",
        .table = options};
    static instance it;
    const thm_loss loss = {
        .kind = THM_LOSS_SAMPLES, .d = D, .m = M, .X = it.X, .y = it.y};
    start_program(argv);
    start_options(&spec, argc, argv);
    thm_isa isa = thm_isa_detect();
    printf("value-softmax flow, d = %d, n = %d, logistic over %d samples, t = "
           "%g, rtol 1e-9,\natol 1e-12, one thread, instruction set %s\n",
           D, N, M, T_END, thm_isa_text(isa));
    for (int seed = 1; seed <= draws; seed++) {
        separable((uint64_t)seed, &loss, &it, runs);
    }
    for (uint64_t seed = 1; seed <= 3; seed++) {
        flipped(seed, &loss, &it, (runs + 2) / 3);
    }
    batch(isa, (runs + 2) / 3);
    far();
    return start_finish(START_HOLDS);
}
