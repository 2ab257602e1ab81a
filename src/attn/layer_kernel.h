/* The inner loops of the single-layer model that no BLAS has, and products too
 * small for a call of it.  One source compiled per instruction set; the order
 * of every sum is fixed: the same bits on every CPU.  u = 2^-53. */
#ifndef THM_LAYER_KERNEL_H
#define THM_LAYER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include "la/isa.h"

/* Products of at most this many multiplications, m n k, go through `product`.
 * Measured on one core with AVX-512 under OpenBLAS 0.3.21, ns a call, C = A B,
 * A' B, A B':
 *     m n k           3 3 3      4 4 4      6 5 8      8 8 8      8 8 16
 *     product         33 31 24   15 15 21   49 48 60   61 61 79   183 158 152
 *     SkylakeX core   37 59 75   23 37 77   32 53 83   42 37 111   79  69 174
 *     Haswell core    71 67 65   64 63 64   91 93 92   95 93  98  221 186 136
 */
enum { THM_LAYER_SMALL = 256 };

typedef struct {
    /* C (m x n) <- alpha op(A) op(B) + beta C, m n k <= THM_LAYER_SMALL;
     * dense without gaps but for ldc.  Error as that of thm_gemm. */
    void (*product)(bool transpose_a, bool transpose_b, int m, int n, int k,
                    double alpha, const double *A, const double *B, double beta,
                    double *C, int ldc);

    /* S (rows x n) <- the rows of S from their scores, which it holds on entry;
     * log_S (NULL allowed) <- their logarithms.  Normalised rows are taken from
     * their maximum; exp errs by 2 u, a sum by (n / 8 + 3) u, a quotient by u.
     * False if a score is not finite. */
    bool (*attend)(size_t rows, int n, bool normalised, double *S,
                   double *log_S);

    /* s (n x n) <- -c |q_k - k_j|^2 from differences: |q|^2 + |k|^2 - 2 q.k
     * would lose all digits of a small distance between long vectors.
     * room: (d + 1) rows of thm_layer_padded(n). */
    void (*distances)(int n, int d, double c, const double *Q, const double *K,
                      double *room, double *s);

    /* s (n x n) <- its derivative, -2c (q_k - k_j).(q_k' - k_j').
     * room: (2 d + 1) rows of thm_layer_padded(n). */
    void (*distances_dot)(int n, int d, double c, const double *Q,
                          const double *K, const double *Q_dot,
                          const double *K_dot, double *room, double *s);

    /* Its adjoint: Q_bar_k += 2c sum_j E_kj (k_j - q_k), K_bar_j -= the same
     * summed over k.  Q, K, Q_bar, K_bar: (n x d). */
    void (*distances_adjoint)(int n, int d, double c, const double *Q,
                              const double *K, const double *E, double *Q_bar,
                              double *K_bar);
} thm_layer_kernel;

/* n up to a multiple of 8. */
static inline int thm_layer_padded(int n)
{
    return (n + 7) / 8 * 8;
}

const thm_layer_kernel *thm_layer_kernel_for(thm_isa isa);

extern const thm_layer_kernel thm_layer_kernel_baseline;
extern const thm_layer_kernel thm_layer_kernel_avx2;
extern const thm_layer_kernel thm_layer_kernel_avx512;

#endif
