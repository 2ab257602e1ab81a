/* What the batch's driver and its kernels share. */
#ifndef THM_BATCH_SHARD_H
#define THM_BATCH_SHARD_H

#include "flow/batch.h"

/* Starts begin .. end-1 of a batch and where their results go. */
typedef struct {
    const thm_batch *batch;
    int64_t begin, end;
    thm_batch_end *ends;
    double *u_end, *a_end;
} thm_batch_shard;

/* Scratch of a kernel: 10 vectors of 2 n + 1 numbers for each of at
 * most eight lanes, aligned to 64 bytes. */
enum { THM_BATCH_VECTORS = 10, THM_BATCH_LANES = 8 };

void thm_batch_shard_baseline(const thm_batch_shard *shard, double *scratch);
void thm_batch_shard_avx2(const thm_batch_shard *shard, double *scratch);
void thm_batch_shard_avx512(const thm_batch_shard *shard, double *scratch);

#endif
