/* Matrix products, and which OpenBLAS kernels compute them.
 *
 * Matrices are dense, row-major, with leading dimension ld >= row length.
 * OpenBLAS picks its kernels ("core") by CPU model; a model newer than the
 * library gets the SSE3 ones, several times slower.  The choice can only be
 * corrected before the library loads, by the environment variable
 * OPENBLAS_CORETYPE: the functions here say which core a program should ask
 * for, and whether the one in use computes right. */
#ifndef THM_BLAS_H
#define THM_BLAS_H

#include <stdbool.h>
#include "core/status.h"
#include "la/isa.h"

/* C <- alpha op(A) op(B) + beta C, op(X) = X' where the flag is set.
 * op(A): (m x k), op(B): (k x n), C: (m x n), overlapping neither; with
 * beta = 0 the old C is not read.  For alpha = 1, beta = 0
 *     |C - op(A) op(B)| <= gamma_k |op(A)| |op(B)|,  gamma_k = k u / (1 - k u),
 * elementwise, u = 2^-53, whatever the order of summation.
 * THM_EDIM if a size is < 1 or a leading dimension too small.  Values are not
 * inspected: NaN and infinity propagate. */
thm_status thm_gemm(bool transpose_a, bool transpose_b, int m, int n, int k,
                    double alpha, const double *A, int lda, const double *B,
                    int ldb, double beta, double *C, int ldc);

/* The same in single precision, u = 2^-24; on one thread after
 * thm_blas_single_thread. */
thm_status thm_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k,
                     float alpha, const float *A, int lda, const float *B,
                     int ldb, float beta, float *C, int ldc);

/* The first by plain loops: the twin that checks it. */
thm_status thm_gemm_ref(bool transpose_a, bool transpose_b, int m, int n, int k,
                        double alpha, const double *A, int lda, const double *B,
                        int ldb, double beta, double *C, int ldc);

/* BLAS on one thread from here on: parallelism is ours, and results must not
 * depend on the number of threads. */
void thm_blas_single_thread(void);

/* The core in use, such as "Haswell"; static storage. */
const char *thm_blas_core(void);

/* The core to ask for on a CPU with these instructions instead of `core`: NULL
 * if `core` is as good, or unknown to the table (then OpenBLAS knows better).
 * Pure. */
const char *thm_blas_core_better(const char *core, thm_isa isa);

/* The next simpler core to try when `core` computes wrong; NULL if it is the
 * simplest, or unknown.  Pure. */
const char *thm_blas_core_next(const char *core);

/* Largest |C - op(A) op(B)| / (2 gamma_k |op(A)| |op(B)|) over the elements of
 * a packed product, recomputed by plain loops; both products keep the bound of
 * thm_gemm, so a right one gives at most 1.  Infinite where a zero bound is
 * missed or an element is not finite. */
double thm_gemm_error(bool transpose_a, bool transpose_b, int m, int n, int k,
                      const double *A, const double *B, const double *C);

/* Products of odd sizes, all transposes, against plain loops; a few
 * milliseconds.  THM_EINTERNAL if the core in use computes wrong, THM_ENOMEM.
 */
thm_status thm_blas_self_test(void);

#endif
