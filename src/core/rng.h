/* Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror, Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011).  A draw is a pure
 * function of (seed, stream, index): a case replays alone, and the number of
 * threads changes nothing.  Every draw takes one block of 128 bits, whatever
 * it needs of it, so that index counts draws. */
#ifndef THM_RNG_H
#define THM_RNG_H

#include <stdint.h>

typedef struct {
    uint64_t seed, stream;
    uint64_t index; /* of the next draw; may be set to jump anywhere */
} thm_rng;

/* A generator at the start of a stream. O(1). */
thm_rng thm_rng_make(uint64_t seed, uint64_t stream);

/* 64 uniform bits. */
uint64_t thm_rng_bits(thm_rng *rng);

/* Uniform on the open interval (0, 1): (k + 1/2) 2^-52, k < 2^52, exact, so
 * that neither 0 nor 1 occurs and u and 1 - u are equally likely. */
double thm_rng_uniform(thm_rng *rng);

/* Uniform on 0 .. n-1 without bias (rejection: rarely more than one draw);
 * 0 if n is 0. */
uint64_t thm_rng_below(thm_rng *rng, uint64_t n);

/* Standard normal: the cosine half of Box and Muller, |x| <= 8.6. */
double thm_rng_normal(thm_rng *rng);

/* n standard normals times scale. */
void thm_rng_fill_normal(thm_rng *rng, int64_t n, double scale, double *out);

#endif
