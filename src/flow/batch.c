/* Batches of orbits: checks, shards and threads; see batch.h. */
#include "flow/batch.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include "flow/batch_shard.h"

/* Starts to a shard: enough to keep the lanes busy, few enough that a row of
 * a phase diagram feeds several threads. */
enum { SHARD = 128 };

thm_batch thm_batch_defaults(void)
{
    return (thm_batch){.rtol = 1e-9, .atol = 1e-12, .max_steps = 100000};
}

static thm_status check(const thm_batch *b)
{
    const bool square = b->loss == THM_LOSS_SQUARE;
    if (b->n < 1 || b->n > THM_BATCH_TOKENS || b->count < 0) {
        return THM_EDIM;
    }
    if ((!square && b->loss != THM_LOSS_LOGISTIC &&
         b->loss != THM_LOSS_EXPONENTIAL) ||
        !(b->rtol > 0.0) || !isfinite(b->rtol) || !(b->atol > 0.0) ||
        !isfinite(b->atol) || b->max_steps < 1) {
        return THM_EDOMAIN;
    }
    for (int64_t k = 0; k < b->count; k++) {
        if (!isfinite(b->end[k]) || !(square || b->end[k] > 0.0)) {
            return THM_EDOMAIN;
        }
    }
    for (int64_t k = 0; k < b->n * b->count; k++) {
        if (!isfinite(b->u[k]) || !isfinite(b->a[k])) {
            return THM_EDOMAIN;
        }
    }
    return THM_OK;
}

thm_status thm_batch_run(const thm_batch *batch, thm_isa isa, int threads,
                         thm_batch_end *ends, double *u_end, double *a_end,
                         bool (*interrupted)(void *ctx), void *ctx)
{
    const thm_status status = check(batch);
    if (status != THM_OK || batch->count == 0) {
        return status;
    }
    const int64_t shards = (batch->count + SHARD - 1) / SHARD;
    const size_t size = (size_t)THM_BATCH_VECTORS * THM_BATCH_LANES *
                        (2 * (size_t)batch->n + 1);
    int workers = threads < 1 ? 1 : threads;
    workers = shards < workers ? (int)shards : workers;
    const size_t bytes = (size_t)workers * size * sizeof(double);
    double *scratch = aligned_alloc(64, bytes);
    if (!scratch) {
        return THM_ENOMEM;
    }
    memset(scratch, 0, bytes); /* what no lane has written is blended away */
    bool stop = false;
#pragma omp parallel num_threads(workers)
    {
        const size_t worker = (size_t)omp_get_thread_num();
        double *mine = scratch + worker * size;
#pragma omp for schedule(dynamic)
        for (int64_t s = 0; s < shards; s++) {
            bool over;
#pragma omp atomic read
            over = stop;
            if (over || (interrupted && interrupted(ctx))) {
#pragma omp atomic write
                stop = true;
                continue;
            }
            const int64_t begin = s * SHARD;
            const thm_batch_shard shard = {.batch = batch,
                                           .begin = begin,
                                           .end = begin + SHARD < batch->count
                                                      ? begin + SHARD
                                                      : batch->count,
                                           .ends = ends,
                                           .u_end = u_end,
                                           .a_end = a_end};
            switch (isa) {
            case THM_ISA_BASELINE:
                thm_batch_shard_baseline(&shard, mine);
                break;
            case THM_ISA_AVX2:
                thm_batch_shard_avx2(&shard, mine);
                break;
            case THM_ISA_AVX512:
                thm_batch_shard_avx512(&shard, mine);
                break;
            }
        }
    }
    free(scratch);
    return stop ? THM_EINTERRUPTED : THM_OK;
}

void thm_batch_two_token(int64_t count, int64_t k, double D0, double delta0,
                         double S0, double *u, double *a)
{
    u[k] = 0.5 * (S0 + D0);
    u[count + k] = 0.5 * (S0 - D0);
    a[k] = 0.5 * delta0;
    a[count + k] = -0.5 * delta0;
}
