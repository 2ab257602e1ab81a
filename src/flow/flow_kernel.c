/* Chooses the kernels of the flow for an instruction set. */
#include "flow/flow_kernel.h"

const thm_flow_kernel *thm_flow_kernel_for(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return &thm_flow_kernel_avx512;
    case THM_ISA_AVX2:
        return &thm_flow_kernel_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return &thm_flow_kernel_baseline;
}
