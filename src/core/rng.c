/* Philox-4x32-10 from Random123: key = seed, counter = (index, stream). */
#include "core/rng.h"

#include <math.h>

#include <Random123/philox.h>

typedef struct {
    uint64_t lo, hi;
} block;

static block next_block(thm_rng *rng)
{
    philox4x32_ctr_t counter = {
        {(uint32_t)rng->index, (uint32_t)(rng->index >> 32),
         (uint32_t)rng->stream, (uint32_t)(rng->stream >> 32)}};
    philox4x32_key_t key = {{(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)}};
    rng->index++;
    philox4x32_ctr_t r = philox4x32_R(10, counter, key);
    return (block){r.v[0] | (uint64_t)r.v[1] << 32,
                   r.v[2] | (uint64_t)r.v[3] << 32};
}

static double to_uniform(uint64_t bits)
{
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

thm_rng thm_rng_make(uint64_t seed, uint64_t stream)
{
    return (thm_rng){.seed = seed, .stream = stream};
}

uint64_t thm_rng_bits(thm_rng *rng)
{
    return next_block(rng).lo;
}

double thm_rng_uniform(thm_rng *rng)
{
    return to_uniform(thm_rng_bits(rng));
}

uint64_t thm_rng_below(thm_rng *rng, uint64_t n)
{
    if (n == 0) {
        return 0;
    }
    /* The lowest 2^64 mod n values would make small remainders likelier. */
    uint64_t biased = -n % n;
    uint64_t bits;
    do {
        bits = thm_rng_bits(rng);
    } while (bits < biased);
    return bits % n;
}

double thm_rng_normal(thm_rng *rng)
{
    block b = next_block(rng);
    return sqrt(-2 * log(to_uniform(b.lo))) * cos(2 * M_PI * to_uniform(b.hi));
}

void thm_rng_fill_normal(thm_rng *rng, int64_t n, double scale, double *out)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = scale * thm_rng_normal(rng);
    }
}
