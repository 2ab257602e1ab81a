/* Chooses the evaluation of the secular function for an instruction set. */
#include "softmax/secular.h"

thm_secular_eval thm_secular_kernel(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return thm_secular_eval_avx512;
    case THM_ISA_AVX2:
        return thm_secular_eval_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return thm_secular_eval_baseline;
}

void thm_secular_eval_ref(int n, const double *d, int k, double o, double eta,
                          thm_secular *out)
{
    thm_secular s = {0.0, 0.0, 0.0, 0.0};
    for (int j = 0; j < n; j++) {
        double gap = (d[j] - o) - eta;
        *(j <= k ? &s.psi : &s.phi) += d[j] / gap;
        *(j <= k ? &s.dpsi : &s.dphi) += d[j] / gap / gap;
    }
    *out = s;
}

int thm_secular_depth(int n)
{
    int per_chunk = n < THM_SECULAR_CHUNK ? n : THM_SECULAR_CHUNK;
    int chunks = n / THM_SECULAR_CHUNK + 1;
    /* within a chunk, over the chunks, the split block, the fold */
    return per_chunk / THM_SECULAR_LANES + 1 + chunks + 1 + 4;
}
