/* Instruction sets by cpuid; __builtin_cpu_supports also asks whether the
 * operating system saves the wide registers. */
#include "la/isa.h"

thm_isa thm_isa_detect(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return THM_ISA_BASELINE;
    }
    /* the five that every AVX-512 CPU since Skylake has, and that OpenBLAS's
     * kernels of that name take for granted */
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        return THM_ISA_AVX512;
    }
    return THM_ISA_AVX2;
#else
    return THM_ISA_BASELINE;
#endif
}

const char *thm_isa_text(thm_isa isa)
{
    switch (isa) {
#define THM_ISA_CASE(name, text)                                               \
    case name:                                                                 \
        return text;
        THM_ISA_TABLE(THM_ISA_CASE)
#undef THM_ISA_CASE
    }
    return "unknown";
}
