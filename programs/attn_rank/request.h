/* The instance that attn-rank is asked about. */
#ifndef ATTN_RANK_REQUEST_H
#define ATTN_RANK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include "attn/instance.h"
#include "core/status.h"

/* Options as given; NULL or negative: not given. */
typedef struct {
    thm_instance_files files;
    const char *draw; /* "N,n,D,d,H"     */
    double s, s_x;
    int scheme;
    bool fashion;
    const char *images;
    int kernel;
    const char *kernel_scale;
    uint64_t seed;
} request;

/* Draws or reads.  Either --draw, or --x, --wq and --wk; what belongs to the
 * one is refused beside the other.  THM_EDOMAIN and the statuses of
 * attn/instance.h and io/idx.h, with a message. */
thm_status request_instance(const request *r, thm_instance *out,
                            thm_message *msg);

#endif
