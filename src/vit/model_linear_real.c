/* Products and linear layers of the transformer. */
#include "vit/model_work.h"

#include <string.h>
#include "la/blas.h"

void vit_multiply(VIT *work, bool transpose_a, bool transpose_b, int m, int n,
                  int k, const real *A, int lda, const real *B, int ldb,
                  real beta, real *C, int ldc)
{
#if THM_REAL == 32
    const thm_status status = thm_sgemm(transpose_a, transpose_b, m, n, k, 1, A,
                                        lda, B, ldb, beta, C, ldc);
#else
    const thm_status status = thm_gemm(transpose_a, transpose_b, m, n, k, 1, A,
                                       lda, B, ldb, beta, C, ldc);
#endif
    if (status != THM_OK) {
        work->failed = status;
    }
}

void vit_linear(VIT *work, int rows, int in, int out, const real *x,
                const real *W, const real *bias, const real *base, real *y)
{
    const size_t width = (size_t)out, size = (size_t)rows * width;
    if (base != NULL) {
        memcpy(y, base, size * sizeof *y);
    }
    for (size_t at = 0; bias != NULL && at < size; at += width) {
        if (base == NULL) {
            memcpy(y + at, bias, width * sizeof *y);
        } else {
            work->kernels->add(width, bias, y + at);
        }
    }
    vit_multiply(work, false, true, rows, out, in, x, in, W, in,
                 base != NULL || bias != NULL, y, out);
}

void vit_linear_back(VIT *work, int rows, int in, int out, const real *x,
                     const real *W, const real *dy, real *dW, real *d_bias,
                     real *dx)
{
    vit_multiply(work, true, false, out, in, rows, dy, out, x, in, 1, dW, in);
    if (d_bias != NULL) {
        work->kernels->column_sums(rows, out, dy, d_bias);
    }
    if (dx != NULL) {
        vit_multiply(work, false, false, rows, in, out, dy, out, W, in, 0, dx,
                     in);
    }
}
