/* What the files of attn/plane share.  Index p of a triple stands for theta_0,
 * d1, d2; the six coefficients of a score belong to 1, a, b, a^2, ab, b^2. */
#ifndef THM_PLANE_INSIDE_H
#define THM_PLANE_INSIDE_H

#include <stdbool.h>
#include "attn/plane.h"
#include "attn/plane_kernel.h"

enum { SPAN = 3, POWERS = 6 };

struct thm_plane {
    int N, n, D, d, H, m;
    bool normalised, gaussian, moving; /* moving: d1 has a Wv */
    double c;
    thm_plane_kernel *kernel;
    double *scores; /* (N x H x 6 x n x n), over ln 2                    */
    double *values; /* (N x H x 3 x n x m)                               */
    double *Y;      /* (N x n x m)                                       */
    double *block;
    /* For the error bound: largest |q^_p|_2, |k^_p|_2 of a token, and the
     * Frobenius norm of phi. */
    double q[SPAN], k[SPAN], phi[SPAN];
};

/* Fills scores, values and the norms, all zero before. */
thm_status thm_plane_fill(thm_plane *plane, const thm_layer *layer,
                          const thm_weights *const span[SPAN]);

/* *sum += a b c d; THM_EOVERFLOW. */
thm_status thm_plane_count(int a, int b, size_t c, size_t d, size_t *sum);

/* `count` doubles, zeroed, on a line of the cache; NULL if there is no room. */
double *thm_plane_room(size_t count);

static inline size_t product(int a, int b)
{
    return (size_t)a * (size_t)b;
}

#endif
