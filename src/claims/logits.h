/* Rows of logits and of probabilities: the cases that the claims about softmax
 * are tried on.
 *
 * A row is a pure function of (seed, index), so that it replays alone and an
 * effort only says how many rows there are.  Families take turns by index,
 * sizes and temperatures (0.37, 1, 8) by round; the name tells them all:
 * "gauss80/n64/tau1/17" is row 17, 64 logits of standard deviation 80.
 *
 * Logits: Gaussian of five widths, heavy tails (Student t_2, Cauchy), few
 * distinct values, constant, near ties (spread 1e-9), edges (one and two
 * tokens, +-700, denormal differences, one huge logit, equal leaders) and real
 * ones: attention logits q.k / sqrt(d) of the patches of a Fashion-MNIST image
 * (tokens are 4x4 or 7x7 patches of pixels / 255, not centred; d = 64, weights
 * drawn with standard deviation g / sqrt(pixels), g = 1 or 4).
 * Probabilities: dense, uniform, uniform on a subset, with zeros, spread over
 * 300 orders of magnitude, near ties, edges; and logits with masked tokens. */
#ifndef THM_LOGITS_H
#define THM_LOGITS_H

#include <stdbool.h>
#include <stdint.h>
#include "core/rng.h"
#include "core/status.h"

enum {
    THM_ROW_MAX = 4096,     /* tokens in the longest row                  */
    THM_LOGITS_CASES = 420, /* rows at effort 1: 30 rounds of 14 families */
    THM_PROBS_CASES = 300,  /*                   30 rounds of 10          */
    THM_ROWS_CASES = 800,   /* of both in turns                              */
    /* fewer would leave out the rare rows that refute a twin (a tie, two
     * tokens, a mask), whatever the effort */
    THM_ROWS_LEAST = 64
};

typedef struct {
    int n; /* 1 .. THM_ROW_MAX */
    double tau;
    bool probs;         /* value holds probabilities (p >= 0), else logits */
    bool absent;        /* the data set is not installed: there is no row  */
    const char *family; /* "gauss80"                                       */
    int64_t index;
    double *value; /* (n) used of (THM_ROW_MAX); -inf masks a logit   */
    thm_rng rng;   /* for what a claim draws besides: use a copy      */
} thm_row;

/* count, or THM_ROWS_LEAST if that is more. */
int64_t thm_rows_count(int64_t count);

/* Storage for one row, and the images once they are needed.  images names an
 * IDX file of 28x28 images, plain or gzip; NULL is Debian's test set. */
typedef struct thm_rows thm_rows;
thm_status thm_rows_alloc(const char *images, thm_rows **rows);
void thm_rows_free(thm_rows *rows);

/* The row that the next two fill; owned by rows. */
thm_row *thm_rows_row(thm_rows *rows);

/* `make` of a thm_case_source (claims/claim.h): rows is its ctx, the_case is
 * thm_rows_row(rows), name has THM_CASE_NAME bytes.
 * THM_EFORMAT, THM_EIO, THM_ENOMEM if an image file exists and cannot be read;
 * if it does not exist, the row is absent. */
thm_status thm_logits_make(void *rows, uint64_t seed, int64_t index,
                           void *the_case, char *name);
thm_status thm_probs_make(void *rows, uint64_t seed, int64_t index,
                          void *the_case, char *name);

/* Both in turns: row 2 k is row k of the logits, row 2 k + 1 of the
 * probabilities. */
thm_status thm_rows_make(void *rows, uint64_t seed, int64_t index,
                         void *the_case, char *name);

#endif
