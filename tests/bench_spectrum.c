/* Benchmark: the softmax Jacobian's spectrum against its peers, in one run.
 *
 * Peers: LAPACKE_dsyevd, values only, on the dense J (rebuilt before each run,
 * not timed); LAPACK's secular solver dlaed4, called root by root.  Runs are
 * interleaved; one line a size with the medians, the spread (min to max) and
 * the ratio of the medians.  Accuracy is against bisection in ball arithmetic.
 * Nothing here can fail a test: figures are for reading.
 *
 * The peers' core is the one that start_program chose (printed). */
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core/rng.h"
#include "la/blas.h"
#include "programs/start.h"
#include "softmax/softmax.h"
#include "softmax/spectrum.h"

enum { MAX_RUNS = 99 };

/* J = D - r w w' with unit w: dlaed4 sees -J = -D + r w w', roots ascending. */
void dlaed4_(const int *n, const int *i, const double *d, const double *z,
             double *delta, const double *rho, double *root, int *info);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

static void print_series(const char *what, series *s)
{
    double m = median(s);
    printf("  %-28s %10.3f ms   (%.3f .. %.3f, %d runs)\n", what, 1e3 * m,
           1e3 * s->t[0], 1e3 * s->t[s->runs - 1], s->runs);
}

static void draw(int n, double sd, double *z)
{
    thm_rng rng = thm_rng_make(1, (uint64_t)n);
    thm_rng_fill_normal(&rng, n, sd, z);
}

static void *room(size_t count)
{
    void *p = malloc(count * sizeof(double));
    if (p == NULL) {
        fprintf(stderr, "bench_spectrum: out of memory\n");
        exit(START_INTERNAL);
    }
    return p;
}

static double run_own(thm_spectrum_work *work, int n, const double *z,
                      double *lambda)
{
    double t = now();
    if (thm_spectrum_load_logits(work, n, z, 1.0) != THM_OK ||
        thm_spectrum_values(work, lambda, NULL) != THM_OK) {
        exit(START_INTERNAL);
    }
    return now() - t;
}

static double run_encl(thm_spectrum_work *work, int n, const double *z,
                       double *lo, double *hi, int *e)
{
    double t = now();
    if (thm_spectrum_load_logits(work, n, z, 1.0) != THM_OK ||
        thm_spectrum_encl(work, lo, hi, e) != THM_OK) {
        exit(START_INTERNAL);
    }
    return now() - t;
}

static double run_dlaed4(int n, const double *z, double *lambda)
{
    double *p = room((size_t)n), *d = room((size_t)n), *w = room((size_t)n),
           *delta = room((size_t)n), rho = 0.0;
    double t = now();
    int info, failed = 0;
    thm_softmax(n, z, 1.0, p);
    qsort(p, (size_t)n, sizeof *p, ascending);
    for (int i = 0; i < n; i++) {
        rho += p[i] * p[i];
    }
    for (int i = 0; i < n; i++) {
        d[i] = -p[n - 1 - i];
        w[i] = p[n - 1 - i] / sqrt(rho);
    }
    for (int i = 1; i <= n; i++) {
        double root;
        dlaed4_(&n, &i, d, w, delta, &rho, &root, &info);
        lambda[n - i] = -root;
        failed += info != 0;
    }
    t = now() - t;
    free(p);
    free(d);
    free(w);
    free(delta);
    return failed ? HUGE_VAL : t;
}

/* Peak memory of a child that runs one method, in MiB. */
static double peak_memory(int n, int own)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        double *z = room((size_t)n), *lambda = room((size_t)n);
        draw(n, 1.0, z);
        if (own) {
            thm_spectrum_work *work;
            thm_spectrum_work_alloc(n, 1, thm_isa_detect(), &work);
            run_own(work, n, z, lambda);
        } else {
            double *J = room((size_t)n * (size_t)n);
            thm_softmax(n, z, 1.0, z);
            thm_softmax_jacobian(n, z, 1.0, J);
            LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'N', 'U', n, J, n, lambda);
        }
        _exit(0);
    }
    struct rusage usage;
    int status;
    wait4(child, &status, 0, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static void compare(int n, double sd, int runs, thm_isa isa)
{
    /* first: a child begins with what its parent holds */
    double memory = peak_memory(n, 1), memory_peer = peak_memory(n, 0);
    double *z = room((size_t)n), *p = room((size_t)n), *a = room((size_t)n);
    double *b = room((size_t)n), *c = room((size_t)n);
    double *J = room((size_t)n * (size_t)n);
    int *e = room((size_t)n);
    thm_spectrum_work *work;
    series own = {.runs = runs}, encl = {.runs = runs};
    series syevd = {.runs = runs}, laed4 = {.runs = runs};
    if (thm_spectrum_work_alloc(n, 1, isa, &work) != THM_OK) {
        exit(START_INTERNAL);
    }
    draw(n, sd, z);
    thm_softmax(n, z, 1.0, p);
    run_own(work, n, z, a);
    for (int r = 0; r < runs; r++) {
        own.t[r] = run_own(work, n, z, a);
        thm_softmax_jacobian(n, p, 1.0, J);
        double t = now();
        LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'N', 'U', n, J, n, b);
        syevd.t[r] = now() - t;
        laed4.t[r] = run_dlaed4(n, z, c);
        encl.t[r] = run_encl(work, n, z, p, c, e);
        thm_softmax(n, z, 1.0, p);
    }
    printf("n = %d, logit sd %g, one thread\n", n, sd);
    print_series("theoremeter, all eigenvalues", &own);
    print_series("theoremeter, with enclosures", &encl);
    print_series("LAPACKE_dsyevd, values only", &syevd);
    print_series("LAPACK dlaed4, root by root", &laed4);
    printf("  faster than dsyevd %.1fx, than dlaed4 %.1fx; "
           "peak memory %.1f MiB against %.1f MiB\n",
           median(&syevd) / median(&own), median(&laed4) / median(&own), memory,
           memory_peer);
    thm_spectrum_work_free(work);
    free(z);
    free(p);
    free(a);
    free(b);
    free(c);
    free(J);
    free(e);
}

static void large(int n, int runs, thm_isa isa)
{
    double *z = room((size_t)n), *a = room((size_t)n);
    draw(n, 1.0, z);
    printf("n = %d, logit sd 1\n", n);
    for (int threads = 1; threads <= 2; threads++) {
        thm_spectrum_work *work;
        series own = {.runs = runs};
        if (thm_spectrum_work_alloc(n, threads, isa, &work) != THM_OK) {
            exit(START_INTERNAL);
        }
        for (int r = 0; r < runs; r++) {
            own.t[r] = run_own(work, n, z, a);
        }
        print_series(threads == 1 ? "theoremeter, one thread"
                                  : "theoremeter, two threads",
                     &own);
        thm_spectrum_work_free(work);
    }
    free(z);
    free(a);
}

/* Largest relative error over the eigenvalues >= 2.3e-308, both methods. */
static void accuracy(int n, double sd, thm_isa isa)
{
    double *z = room((size_t)n), *a = room((size_t)n), *b = room((size_t)n);
    double *want = room((size_t)n), *J = room((size_t)n * (size_t)n);
    double worst_own = 0.0, worst_peer = 0.0, smallest = HUGE_VAL;
    int negative = 0, wrong = 0;
    thm_spectrum_work *work;
    draw(n, sd, z);
    if (thm_spectrum_work_alloc(n, 1, isa, &work) != THM_OK ||
        thm_spectrum_ref(n, z, 1.0, 300 + (int)(12.0 * sd), want) != THM_OK) {
        exit(START_INTERNAL);
    }
    run_own(work, n, z, a);
    thm_softmax(n, z, 1.0, b);
    thm_softmax_jacobian(n, b, 1.0, J);
    LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'N', 'U', n, J, n, b);
    for (int i = 1; i < n; i++) {
        if (want[i] >= 2.3e-308) {
            worst_own = fmax(worst_own, fabs(a[i] - want[i]) / want[i]);
            worst_peer = fmax(worst_peer, fabs(b[i] - want[i]) / want[i]);
            smallest = fmin(smallest, want[i]);
        }
        negative += b[i] < 0.0;
        wrong += !(fabs(b[i] - want[i]) <= 1e-6 * want[i]);
    }
    printf("  n = %-4d sd %-4g smallest %8.2g   theoremeter %.2g   dsyevd %.2g "
           "(%d of %d off by more than 1e-6, %d negative)\n",
           n, sd, smallest, worst_own, worst_peer, wrong, n - 1, negative);
    thm_spectrum_work_free(work);
    free(z);
    free(a);
    free(b);
    free(want);
    free(J);
}

int main(int argc, char **argv)
{
    static int runs = 7;
    static const thm_option options[] = {
        {"runs", 'r', "N", THM_OPTION_INT, &runs,
         "interleaved runs of each method at n = 4000 (default 7)", 1,
         MAX_RUNS / 4},
        {0}};
    static const thm_options spec = {
        .program = "bench-spectrum",
        .purpose = "Times the softmax Jacobian's spectrum against LAPACK.",
        .table = options};
    start_program(argv);
    start_options(&spec, argc, argv);
    thm_isa isa = thm_isa_detect();
    printf("BLAS core %s, instruction set %s\n", thm_blas_core(),
           thm_isa_text(isa));
    compare(100, 1.0, 4 * runs, isa);
    compare(1000, 1.0, 2 * runs, isa);
    compare(4000, 1.0, runs, isa);
    large(20000, runs, isa);
    printf("largest relative error of an eigenvalue\n");
    accuracy(100, 1.0, isa);
    accuracy(100, 12.0, isa);
    accuracy(200, 12.0, isa);
    accuracy(100, 80.0, isa);
    return start_finish(START_HOLDS);
}
