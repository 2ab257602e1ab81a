/* Matrix products through CBLAS, their plain twin, and the choice of core. */
#include "la/blas.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool sizes_good(bool transpose_a, bool transpose_b, int m, int n, int k,
                       int lda, int ldb, int ldc)
{
    return m >= 1 && n >= 1 && k >= 1 && lda >= (transpose_a ? m : k) &&
           ldb >= (transpose_b ? k : n) && ldc >= n;
}

thm_status thm_gemm(bool transpose_a, bool transpose_b, int m, int n, int k,
                    double alpha, const double *A, int lda, const double *B,
                    int ldb, double beta, double *C, int ldc)
{
    if (!sizes_good(transpose_a, transpose_b, m, n, k, lda, ldb, ldc)) {
        return THM_EDIM;
    }
    cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, A, lda,
                B, ldb, beta, C, ldc);
    return THM_OK;
}

thm_status thm_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k,
                     float alpha, const float *A, int lda, const float *B,
                     int ldb, float beta, float *C, int ldc)
{
    if (!sizes_good(transpose_a, transpose_b, m, n, k, lda, ldb, ldc)) {
        return THM_EDIM;
    }
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
                transpose_b ? CblasTrans : CblasNoTrans, m, n, k, alpha, A, lda,
                B, ldb, beta, C, ldc);
    return THM_OK;
}

/* element (i, j) of op(X) */
static double at(bool transpose, const double *X, int ld, int i, int j)
{
    return transpose ? X[(size_t)j * (size_t)ld + (size_t)i]
                     : X[(size_t)i * (size_t)ld + (size_t)j];
}

thm_status thm_gemm_ref(bool transpose_a, bool transpose_b, int m, int n, int k,
                        double alpha, const double *A, int lda, const double *B,
                        int ldb, double beta, double *C, int ldc)
{
    if (!sizes_good(transpose_a, transpose_b, m, n, k, lda, ldb, ldc)) {
        return THM_EDIM;
    }
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++) {
                sum += at(transpose_a, A, lda, i, l) *
                       at(transpose_b, B, ldb, l, j);
            }
            double *c = &C[(size_t)i * (size_t)ldc + (size_t)j];
            *c = alpha * sum + (beta == 0 ? 0 : beta * *c);
        }
    }
    return THM_OK;
}

void thm_blas_single_thread(void)
{
    openblas_set_num_threads(1);
}

const char *thm_blas_core(void)
{
    return openblas_get_corename();
}

/* The x86-64 cores of OpenBLAS by what their kernels use; the first of a level
 * is the one to ask for, known to every release that has the level. */
static const struct {
    const char *name;
    int level;
} cores[] = {
    {"SkylakeX", 4},    {"Cooperlake", 4},   {"SapphireRapids", 4},
    {"Haswell", 3},     {"Zen", 3},          {"Excavator", 3},
    {"Sandybridge", 2}, {"Bulldozer", 2},    {"Piledriver", 2},
    {"Steamroller", 2}, {"Nehalem", 1},      {"Prescott", 0},
    {"Core2", 0},       {"Penryn", 0},       {"Dunnington", 0},
    {"Atom", 0},        {"Nano", 0},         {"Opteron", 0},
    {"Barcelona", 0},   {"Opteron_SSE3", 0}, {"Bobcat", 0},
};
enum { N_CORES = sizeof cores / sizeof *cores };

/* -1 if unknown */
static int level_of(const char *core)
{
    for (int i = 0; i < N_CORES; i++) {
        if (strcmp(cores[i].name, core) == 0) {
            return cores[i].level;
        }
    }
    return -1;
}

static const char *first_of(int level)
{
    for (int i = 0; i < N_CORES; i++) {
        if (cores[i].level == level) {
            return cores[i].name;
        }
    }
    return NULL;
}

const char *thm_blas_core_better(const char *core, thm_isa isa)
{
    int have = level_of(core);
    int can = isa == THM_ISA_AVX512 ? 4 : isa == THM_ISA_AVX2 ? 3 : 0;
    return have >= 0 && have < can ? first_of(can) : NULL;
}

const char *thm_blas_core_next(const char *core)
{
    return first_of(level_of(core) - 1);
}

double thm_gemm_error(bool transpose_a, bool transpose_b, int m, int n, int k,
                      const double *A, const double *B, const double *C)
{
    double u = DBL_EPSILON / 2;
    double gamma = k * u / (1 - k * u);
    double worst = 0;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0, size = 0;
            for (int l = 0; l < k; l++) {
                double term = at(transpose_a, A, transpose_a ? m : k, i, l) *
                              at(transpose_b, B, transpose_b ? k : n, l, j);
                sum += term;
                size += fabs(term);
            }
            double error = fabs(C[(size_t)i * (size_t)n + (size_t)j] - sum);
            double ratio = error == 0 ? 0 : error / (2 * gamma * size);
            if (!(ratio <= worst)) {
                worst = isfinite(ratio) ? ratio : HUGE_VAL;
            }
        }
    }
    return worst;
}

/* Signed values without pattern, all bits in use: the fractional parts of
 * multiples of the golden ratio. */
static void fill(int count, int offset, double *x)
{
    for (int i = 0; i < count; i++) {
        double t = (i + offset) * 0.6180339887498949;
        x[i] = t - floor(t) - 0.5;
    }
}

thm_status thm_blas_self_test(void)
{
    /* a scalar; below and above the width of a vector; more than one block of
     * the kernels, above the size at which OpenBLAS leaves its small path */
    static const int sizes[][3] = {
        {1, 1, 1}, {3, 2, 7}, {7, 9, 8}, {63, 65, 9}, {129, 127, 65}};
    enum { MOST = 129 * 127 };
    thm_status status = THM_OK;
    double *A = malloc(3 * MOST * sizeof *A);
    if (A == NULL) {
        return THM_ENOMEM;
    }
    double *B = A + MOST, *C = B + MOST;
    fill(MOST, 1, A);
    fill(MOST, 7919, B);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        for (int t = 0; t < 4; t++) {
            bool ta = (t & 1) != 0, tb = (t & 2) != 0;
            thm_status done = thm_gemm(ta, tb, m, n, k, 1, A, ta ? m : k, B,
                                       tb ? k : n, 0, C, n);
            if (done != THM_OK ||
                !(thm_gemm_error(ta, tb, m, n, k, A, B, C) <= 1)) {
                status = THM_EINTERNAL;
            }
        }
    }
    free(A);
    return status;
}
