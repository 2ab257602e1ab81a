/* Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror, Shaw,
 * SC 2011), so that draw i of stream s under a seed is a pure function of
 * (seed, s, i): a case replays alone, and threads change nothing. */
#ifndef THM_RNG_H
#define THM_RNG_H

#include <stdint.h>

typedef struct {
    uint64_t seed, stream, index; /* index: the next block of 4 x 32 bits */
    uint64_t spare;               /* the unused half of the last block    */
    int have_spare;
} thm_rng;

/* A generator at the start of a stream. O(1). */
thm_rng thm_rng_make(uint64_t seed, uint64_t stream);

/* 64 uniform bits. */
uint64_t thm_rng_bits(thm_rng *rng);

/* Uniform on the open interval (0, 1): (k + 1/2) 2^-53, k < 2^53, never 0 or
 * 1 before rounding; the largest value is 1 - 2^-54 rounded down. */
double thm_rng_uniform(thm_rng *rng);

/* Uniform on 0 .. n-1 without bias (rejection); n >= 1. */
uint64_t thm_rng_below(thm_rng *rng, uint64_t n);

/* Standard normal (Box-Muller, both uniforms from one block, the sine half
 * discarded so that draw i never depends on how draw i-1 was used). */
double thm_rng_normal(thm_rng *rng);

/* n standard normals times scale. */
void thm_rng_fill_normal(thm_rng *rng, int64_t n, double scale, double *out);

#endif
