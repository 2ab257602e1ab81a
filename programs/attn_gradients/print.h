/* What attn-gradients says of a head. */
#ifndef ATTN_GRADIENTS_PRINT_H
#define ATTN_GRADIENTS_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attn/gap.h"
#include "core/status.h"
#include "programs/attn_gradients/user_head.h"

/* One JSON line, or for a human one value a line.  seed is that of a drawn G;
 * of a G that was read, null.  THM_ENOMEM; a failed write is the stream's. */
thm_status print_gap(FILE *stream, const user_head *u, const thm_gap *gap,
                     uint64_t seed, bool human);

#endif
