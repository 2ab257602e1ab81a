/* What attn/plane.c and its kernels share. */
#ifndef THM_PLANE_KERNEL_H
#define THM_PLANE_KERNEL_H

#include <stdbool.h>

enum { THM_PLANE_LANES = 8 };

/* One sample on one line of the plane: in a, the scores over ln 2 are c0 + a
 * (c1
 * + a c2), and the values u0 + a u1. */
typedef struct {
    int n, H, m;
    bool normalised;      /* rows of S are divided by their sums         */
    bool moving;          /* u1 is not zero everywhere                   */
    const double *scores; /* (H x 3 x n x n)                             */
    const double *values; /* (H x 2 x n x m)                             */
    const double *Y;      /* (n x m)                                     */
    double *scratch;      /* (2 n m + 2 n) vectors, aligned to 64 bytes    */
} thm_plane_line;

/* f[k] <- f[k] + |F - Y|^2 / 2 at a[k], k < count, F and Y of this sample. */
typedef void thm_plane_kernel(const thm_plane_line *line, int count,
                              const double *a, double *f);

thm_plane_kernel thm_plane_line_baseline;
thm_plane_kernel thm_plane_line_avx2;
thm_plane_kernel thm_plane_line_avx512;

#endif
