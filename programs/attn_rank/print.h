/* What attn-rank says of an instance. */
#ifndef ATTN_RANK_PRINT_H
#define ATTN_RANK_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attn/rank.h"
#include "core/status.h"
#include "core/verdict.h"

/* The verdict on "sigma_min(B) > 0": HOLDS if it is certified, REFUTED if B is
 * exactly deficient, else UNDECIDED. */
thm_verdict rank_verdict(const thm_layer_rank *r);

/* One JSON line, or for a human one value a line.  seed: NULL for an instance
 * that was read.  THM_ENOMEM; a failed write is the stream's. */
thm_status print_rank(FILE *stream, const thm_layer *layer,
                      const uint64_t *seed, const thm_layer_rank *r,
                      bool human);

#endif
