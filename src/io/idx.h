/* IDX files of bytes (MNIST and its relatives), plain or gzip, told apart by
 * content: 00 00 08 <dimensions>, the extents (4 bytes each, big endian), then
 * the bytes, row-major. */
#ifndef THM_IDX_H
#define THM_IDX_H

#include <stddef.h>

#include "core/status.h"

/* Where Debian's dataset-fashion-mnist puts its files. */
#define THM_FASHION_MNIST "/usr/share/datasets/fashion-mnist/"

/* Images (count x rows x cols, 0 ink .. 255), or labels with rows = cols = 1.
 */
typedef struct {
    int count, rows, cols;
    unsigned char *data; /* owned */
} thm_idx;

/* Frees what idx owns and zeroes it; NULL and zeroed are allowed. */
void thm_idx_free(thm_idx *idx);

/* Reads the first `limit` items of a file, or all if limit is 0.  One dimension
 * makes labels, three images.  Never allocates more than a deflate stream of
 * the file's size can hold.
 * THM_EIO, THM_EFORMAT, THM_ENOMEM; msg says where, what was expected and what
 * was found; of an absent file of THM_FASHION_MNIST also the package. */
thm_status thm_idx_read(const char *path, int limit, thm_idx *out,
                        thm_message *msg);

/* The same from memory; `where` names it in messages. */
thm_status thm_idx_parse(const char *where, const unsigned char *bytes,
                         size_t size, int limit, thm_idx *out,
                         thm_message *msg);

#endif
