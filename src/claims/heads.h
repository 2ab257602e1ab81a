/* Attention heads with inputs, weights and an incoming gradient: the cases that
 * the claims about gradients are tried on.
 *
 * A case is a pure function of (seed, index).  Families take turns by index:
 *   w0.02, w0.3, w1, w3   X and G standard normal, weights normal of standard
 *                         deviation 0.02, or 0.3, 1, 3 over sqrt(D)
 *   fashion4, fashion7    X are the 4x4 (7x7) patches of a Fashion-MNIST image,
 *                         pixels / 255, not centred; d = 8, weights as w1
 *   edge                  one token; equal tokens; logits of several hundred; a
 *                         gradient into one row only; and, first of all, the
 *                         size of a vision transformer: n = 197, D = 256,
 *                         d = 64, weights 0.02
 * sizes and temperatures (sqrt d, 8, 1, 0.37) by round. */
#ifndef THM_HEADS_H
#define THM_HEADS_H

#include <stdbool.h>
#include <stdint.h>
#include "attn/head.h"
#include "core/rng.h"
#include "core/status.h"

enum {
    THM_HEADS_N = 197, /* the largest n, D and d */
    THM_HEADS_D = 256,
    THM_HEADS_WIDTH = 64,
    THM_HEADS_CASES = 56 /* at effort 1: 8 rounds of 7 families */
};

typedef struct {
    thm_head head;
    const double *G; /* (n x d) */
    bool absent;     /* the data set is not installed: there is no case */
    thm_rng rng;     /* for what a claim draws besides: use a copy      */
} thm_head_case;

/* Storage for one case, and the images once they are needed.  images names an
 * IDX file of 28x28 images; NULL is Debian's test set.  THM_ENOMEM. */
typedef struct thm_heads thm_heads;
thm_status thm_heads_alloc(const char *images, thm_heads **heads);
void thm_heads_free(thm_heads *heads);

/* The case that thm_heads_make fills; owned by heads. */
thm_head_case *thm_heads_case(thm_heads *heads);

/* `make` of a thm_case_source (claims/claim.h): heads is its ctx, the_case is
 * thm_heads_case(heads), name has THM_CASE_NAME bytes.
 * THM_EFORMAT, THM_EIO, THM_ENOMEM if an image file exists and cannot be read;
 * if it does not exist, the case is absent. */
thm_status thm_heads_make(void *heads, uint64_t seed, int64_t index,
                          void *the_case, char *name);

#endif
