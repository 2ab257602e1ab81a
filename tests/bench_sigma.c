/* Benchmark: the smallest singular value and its certificate against LAPACK's
 * values of all of them (LAPACKE_dgesdd, jobz N, on a copy that is not timed),
 * in one run.
 *
 * Matrices are standard normal, or P diag(s) Q with P, Q orthogonal from QR of
 * normal matrices and s spaced evenly in its logarithm: dense, without
 * structure for anyone to profit from.  Runs are interleaved; one line a
 * method with median and spread, then the ratios of the medians.  Accuracy is
 * against the constructed value, reflections in extended precision.  Nothing
 * here can fail a test: figures are for reading. */
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/rng.h"
#include "la/blas.h"
#include "la/certify.h"
#include "programs/start.h"

enum { MAX_RUNS = 33 };

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
    printf("  %-30s %10.1f ms   (%.1f .. %.1f, %d runs)\n", what, 1e3 * m,
           1e3 * s->t[0], 1e3 * s->t[s->runs - 1], s->runs);
}

static void *room(size_t count)
{
    void *p = calloc(count, sizeof(double));
    if (p == NULL) {
        fprintf(stderr, "bench_sigma: out of memory\n");
        exit(START_INTERNAL);
    }
    return p;
}

static void must(thm_status status)
{
    if (status != THM_OK) {
        fprintf(stderr, "bench_sigma: %s\n", thm_status_text(status));
        exit(START_INTERNAL);
    }
}

/* Q: (k x n), k <= n, orthonormal rows. */
static void orthonormal(uint64_t stream, int k, int n, double *Q)
{
    thm_rng rng = thm_rng_make(1, stream);
    double *tau = room((size_t)k);
    thm_rng_fill_normal(&rng, (int64_t)k * n, 1.0, Q);
    LAPACKE_dgeqrf(LAPACK_COL_MAJOR, n, k, Q, n, tau);
    LAPACKE_dorgqr(LAPACK_COL_MAJOR, n, k, k, Q, n, tau);
    free(tau);
}

/* m <= n; condition 0: standard normal. */
static void draw(int m, int n, double condition, double *A)
{
    if (condition == 0.0) {
        thm_rng rng = thm_rng_make(1, 0);
        thm_rng_fill_normal(&rng, (int64_t)m * n, 1.0, A);
        return;
    }
    double *P = room((size_t)m * (size_t)m);
    double *Q = room((size_t)m * (size_t)n);
    orthonormal(1, m, m, P);
    orthonormal(2, m, n, Q);
    for (int i = 0; i < m; i++) {
        double s = pow(condition, -i / (m - 1.0));
        for (int j = 0; j < n; j++) {
            Q[(size_t)i * (size_t)n + (size_t)j] *= s;
        }
    }
    must(thm_gemm(true, false, m, n, m, 1.0, P, m, Q, n, 0.0, A, n));
    free(P);
    free(Q);
}

static double run_peer(int m, int n, const double *A, double *copy, double *s)
{
    memcpy(copy, A, (size_t)m * (size_t)n * sizeof *A);
    double t = now();
    int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', n, m, copy, n, s, NULL, 1,
                              NULL, 1);
    return info == 0 ? now() - t : HUGE_VAL;
}

static const char *const routes[] = {"auto",        "Gram",      "QR",
                                     "single Gram", "single QR", "SVD"};
static const char *const proofs[] = {"none", "Cholesky", "preconditioned"};

static void compare(int m, int n, double condition, int runs, int peer_runs)
{
    size_t size = (size_t)m * (size_t)n;
    double *A = room(size), *copy = room(size), *s = room((size_t)m);
    series est = {.runs = runs}, bound = {.runs = runs}, alone = {.runs = runs},
           peer = {.runs = peer_runs};
    thm_sigma found;
    thm_sigma_bound b = {0};
    draw(m, n, condition, A);
    must(thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &found));
    for (int r = 0; r < runs; r++) {
        if (r < peer_runs) {
            peer.t[r] = run_peer(m, n, A, copy, s);
        }
        double t = now();
        must(thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &found));
        est.t[r] = now() - t;
        t = now();
        must(thm_sigma_bnd(m, n, A, 0.0, &found, &b));
        bound.t[r] = now() - t;
        t = now();
        must(thm_sigma_bnd(m, n, A, 0.0, NULL, &b));
        alone.t[r] = now() - t;
    }
    printf("%d x %d, condition %.3g, one thread\n", m, n,
           found.max / found.min);
    print_series("estimate", &est);
    print_series("certificate, given the estimate", &bound);
    print_series("certificate, from nothing", &alone);
    print_series("LAPACKE_dgesdd, values only", &peer);
    printf("  faster than dgesdd %.1fx; certificate %.2f and %.2f of the "
           "estimate's time\n",
           median(&peer) / median(&est), median(&bound) / median(&est),
           median(&alone) / median(&est));
    printf("  route %s, %d steps, sigma %.17g, dgesdd %.17g; sigma_1 %.10g, "
           "dgesdd %.10g\n",
           routes[found.route], found.steps, found.min, s[m - 1], found.max,
           s[0]);
    printf("  proved (%s): sigma (1 - %.1e) .. sigma (1 + %.1e), sigma_1 <= "
           "max (1 + %.1e)\n",
           proofs[b.route], 1.0 - b.lower / found.min,
           b.upper / found.min - 1.0, b.max_upper / found.max - 1.0);
    free(A);
    free(copy);
    free(s);
}

/* P diag(s) Q by 2 m reflections in extended precision, rounded once: its
 * sigma_m differs from s_m by u |A|_F at most. */
static void reflect(int m, double condition, double *A)
{
    size_t mm = (size_t)m * (size_t)m;
    long double *B = calloc(mm, sizeof *B), *h = calloc(mm, sizeof *h);
    thm_rng rng = thm_rng_make(1, 3);
    if (B == NULL || h == NULL) {
        must(THM_ENOMEM);
    }
    long double *dot = h + m;
    for (int i = 0; i < m; i++) {
        B[(size_t)i * (size_t)m + (size_t)i] =
            powl((long double)condition, -i / (m - 1.0L));
    }
    for (int r = 0; r < 2 * m; r++) {
        long double square = 0.0L;
        for (int i = 0; i < m; i++) {
            h[i] = thm_rng_normal(&rng);
            square += h[i] * h[i];
            dot[i] = 0.0L;
        }
        /* rows, then columns, in turn */
        for (size_t i = 0; i < mm; i++) {
            size_t row = i / (size_t)m, column = i % (size_t)m;
            dot[r % 2 == 0 ? column : row] +=
                B[i] * h[r % 2 == 0 ? row : column];
        }
        for (size_t i = 0; i < mm; i++) {
            size_t row = i / (size_t)m, column = i % (size_t)m;
            B[i] -= 2.0L / square * dot[r % 2 == 0 ? column : row] *
                    h[r % 2 == 0 ? row : column];
        }
    }
    for (size_t i = 0; i < mm; i++) {
        A[i] = (double)B[i];
    }
    free(B);
    free(h);
}

static void accuracy(int m, double condition)
{
    size_t mm = (size_t)m * (size_t)m;
    double *A = room(mm), *copy = room(mm), *s = room((size_t)m);
    double truth = 1.0 / condition;
    thm_sigma found, qr;
    reflect(m, condition, A);
    must(thm_sigma_est(m, m, A, THM_SIGMA_AUTO, &found));
    must(thm_sigma_est(m, m, A, THM_SIGMA_QR, &qr));
    run_peer(m, m, A, copy, s);
    double rounding = 0.0;
    for (size_t i = 0; i < mm; i++) {
        rounding += A[i] * A[i];
    }
    printf("  condition %-6g auto (%s) %9.1e   QR %9.1e   dgesdd %9.1e   "
           "(constructed to %.0e)\n",
           condition, routes[found.route], fabs(found.min / truth - 1.0),
           fabs(qr.min / truth - 1.0), fabs(s[m - 1] / truth - 1.0),
           0x1p-53 * sqrt(rounding / m) / truth);
    free(A);
    free(copy);
    free(s);
}

int main(int argc, char **argv)
{
    static int runs = 5, large = 2;
    static const thm_option options[] = {
        {"runs", 'r', "N", THM_OPTION_INT, &runs,
         "interleaved runs of each method up to 2000 x 2500 (default 5)", 1,
         MAX_RUNS},
        {"large", 'l', "N", THM_OPTION_INT, &large,
         "and at 4000 x 5000, three minutes each (default 2; 0: none)", 0,
         MAX_RUNS},
        {0}};
    static const thm_options spec = {
        .program = "bench-sigma",
        .purpose = "Times the smallest singular value against LAPACK.",
        .table = options};
    start_program(argv);
    start_options(&spec, argc, argv);
    printf("BLAS core %s\n", thm_blas_core());
    printf("relative error of sigma_min, 300 x 300\n");
    accuracy(300, 1e3);
    accuracy(300, 1e4);
    accuracy(300, 1e8);
    accuracy(300, 1e12);
    compare(512, 512, 0.0, runs, runs);
    compare(512, 512, 1e8, runs, runs);
    compare(2000, 2500, 0.0, runs, runs);
    compare(2000, 2500, 1e4, runs, runs);
    compare(2000, 2500, 1e8, runs, runs);
    if (large > 0) {
        compare(4000, 5000, 0.0, large, large);
        compare(4000, 5000, 1e4, large, 1);
        compare(4000, 5000, 1e8, large, 1);
    }
    return start_finish(START_HOLDS);
}
