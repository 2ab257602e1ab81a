/* Products of the single-layer model: BLAS, or plain loops where a call costs
 * more than the product. */
#include "attn/layer_work.h"
#include "la/blas.h"

void thm_layer_product(bool transpose_a, bool transpose_b, int m, int n, int k,
                       double alpha, const double *A, const double *B,
                       double beta, double *C, int ldc)
{
    thm_gemm(transpose_a, transpose_b, m, n, k, alpha, A, transpose_a ? m : k,
             B, transpose_b ? k : n, beta, C, ldc);
}
