/* The transformer's loops that no BLAS has.  The float ones are compiled once
 * per instruction set, with fused products and vector sums, so that results are
 * those of one instruction set; the double ones, plain, are their twin. */
#include <stdbool.h>
#include <stddef.h>
#include "vit/config.h"
#include "vit/real.h"

#define vit_head NAMED(head)
#define vit_kernels NAMED(kernels)

/* The attention of one head of one sample, apart from its matrices. */
typedef struct {
    thm_vit_attention kind;
    bool causal;
    int T;
    real scale, gain;    /* of the scores; of qk-norm                     */
    const real *q2, *k2; /* (T) |q|^2 and |k|^2: gaussian, qk-norm        */
} vit_head;

typedef struct {
    /* y <- (x - mean) / sqrt(variance + 1e-6) gain + shift, row by row.
     * x, y: (rows x D); gain, shift: (D); mean, rstd: (rows) */
    void (*norm)(int rows, int D, const real *x, const real *gain,
                 const real *shift, real *y, real *mean, real *rstd);
    /* Adjoint: dx, d_gain, d_shift are added to. */
    void (*norm_back)(int rows, int D, const real *x, const real *gain,
                      const real *mean, const real *rstd, const real *dy,
                      real *dx, real *d_gain, real *d_shift);

    /* y <- gelu(x) = x Phi(x), x <- gelu'(x).  In float Phi errs by 1e-7. */
    void (*gelu)(size_t n, real *x, real *y);

    /* x <- x y */
    void (*times)(size_t n, const real *y, real *x);

    /* x <- x + y */
    void (*add)(size_t n, const real *y, real *x);

    /* sums (cols) <- sums + the sum of the rows of x (rows x cols) */
    void (*column_sums)(int rows, int cols, const real *x, real *sums);

    /* No infinity, no NaN. */
    bool (*finite)(size_t n, const real *x);

    /* A (T x T) <- the rows of attention of the scores S (T x T). */
    void (*attend)(const vit_head *head, const real *S, real *A);

    /* Adjoint: G (T x T) <- dL/dS, from G = dL/dA.  Where q2 and k2 matter,
     * dL/dq_i = sum_j G_ij k_j - u_i q_i, dL/dk_j = sum_i G_ij q_i - w_j k_j;
     * u, w: (T).  Returns dL/dgain. */
    real (*attend_back)(const vit_head *head, const real *S, const real *A,
                        real *G, real *u, real *w);
} vit_kernels;

extern const vit_kernels NAMED(kernels_baseline);
#if THM_REAL == 32
extern const vit_kernels NAMED(kernels_avx2);
extern const vit_kernels NAMED(kernels_avx512);
#endif
