/* Dense matrices without structure whose singular values are known. */
#ifndef TESTS_GENERIC_H
#define TESTS_GENERIC_H

#include "tests/matrices.h"

/* Householder reflections in extended precision, as many as there are rows and
 * columns: A = P diag(s) Q with P, Q generic orthogonal, rounded once.  The
 * singular values are then s but for |E|_F <= u |A|_F (1 + 2^-8). */
static inline double *generic(uint64_t stream, int m, int n, const double *s)
{
    int k = m < n ? m : n, most = m > n ? m : n;
    long double *A = calloc((size_t)m * (size_t)n, sizeof *A);
    long double *h = malloc((size_t)most * sizeof *h);
    double *out = room(m, n);
    ck_assert_ptr_nonnull(A);
    ck_assert_ptr_nonnull(h);
    thm_rng rng = thm_rng_make(2385, stream);
    for (int i = 0; i < k; i++) {
        A[i * n + i] = s[i];
    }
    for (int r = 0; r < 2 * k; r++) {
        bool left = r % 2 == 0;
        int length = left ? m : n, other = left ? n : m;
        int along = left ? n : 1, across = left ? 1 : n;
        long double square = 0;
        for (int i = 0; i < length; i++) {
            h[i] = thm_rng_normal(&rng);
            square += h[i] * h[i];
        }
        for (int j = 0; j < other; j++) {
            long double dot = 0;
            for (int i = 0; i < length; i++) {
                dot += h[i] * A[i * along + j * across];
            }
            dot *= 2 / square;
            for (int i = 0; i < length; i++) {
                A[i * along + j * across] -= dot * h[i];
            }
        }
    }
    for (int i = 0; i < m * n; i++) {
        out[i] = (double)A[i];
    }
    free(A);
    free(h);
    return out;
}

#endif
