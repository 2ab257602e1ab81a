/* Which kernels, and which products go to BLAS. */
#include "attn/layer_kernel.h"
#include "attn/layer_work.h"
#include "la/blas.h"

const thm_layer_kernel *thm_layer_kernel_for(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return &thm_layer_kernel_avx512;
    case THM_ISA_AVX2:
        return &thm_layer_kernel_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return &thm_layer_kernel_baseline;
}

void thm_layer_work_use(thm_layer_work *work, thm_isa isa)
{
    work->kernel = thm_layer_kernel_for(isa);
}

void thm_layer_product(const thm_layer_work *work, bool transpose_a,
                       bool transpose_b, int m, int n, int k, double alpha,
                       const double *A, const double *B, double beta, double *C,
                       int ldc)
{
    if ((double)m * n * k <= THM_LAYER_SMALL) {
        work->kernel->product(transpose_a, transpose_b, m, n, k, alpha, A, B,
                              beta, C, ldc);
        return;
    }
    thm_gemm(transpose_a, transpose_b, m, n, k, alpha, A, transpose_a ? m : k,
             B, transpose_b ? k : n, beta, C, ldc);
}
