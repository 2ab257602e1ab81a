/* Which vector instructions the kernels of this process use.
 *
 * Kernels with a tuned form are compiled once per instruction set from one
 * source that fixes the order of every operation, so that the choice changes
 * the speed and never a bit of the result.  Two say otherwise: the flow's
 * (flow_kernel.h) and the transformer's fuse products where the set can. */
#ifndef THM_ISA_H
#define THM_ISA_H

#define THM_ISA_TABLE(X)                                                       \
    X(THM_ISA_BASELINE, "baseline")                                            \
    X(THM_ISA_AVX2, "avx2")                                                    \
    X(THM_ISA_AVX512, "avx512")

typedef enum {
#define THM_ISA_ENUM(name, text) name,
    THM_ISA_TABLE(THM_ISA_ENUM)
#undef THM_ISA_ENUM
} thm_isa;

/* The best set that this CPU and its operating system offer. */
thm_isa thm_isa_detect(void);

const char *thm_isa_text(thm_isa isa);

#endif
