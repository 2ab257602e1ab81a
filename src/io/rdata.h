/* What R saves: as much of it as a data frame of texts and factors needs.
 *
 * A serialization (R Internals, 1.8) opens with "X\n", the format's version (2
 * or 3), two versions of R and, in 3, the name of an encoding; then items, each
 * with a word of flags (type, has attributes, has a tag), big endian.  A
 * package keeps its data sets in Rdata.rdb, one after the other, packed; the
 * index Rdata.rdx, itself a serialization (gzip), says where each lies. */
#ifndef THM_RDATA_H
#define THM_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum {
    THM_R_NULL,
    THM_R_LIST,    /* of items; a data frame is one, of columns              */
    THM_R_STRINGS, /* texts                                                  */
    THM_R_INTS     /* numbers; also truth values and factors                 */
} thm_r_kind;

/* Points into the bytes that were parsed; NULL: missing (NA). */
typedef struct {
    const unsigned char *at;
    size_t size;
} thm_r_text;

typedef struct thm_r {
    thm_r_kind kind;
    int count;
    struct thm_r *items;  /* (count) of a list, else NULL               */
    thm_r_text *texts;    /* (count) of strings                         */
    int32_t *numbers;     /* (count) of ints                            */
    struct thm_r *names;  /* attributes: strings, or NULL               */
    struct thm_r *levels; /* of a factor: number k is level k - 1       */
} thm_r;

/* Reads one item to the last byte.  The texts of *out point into bytes.  Takes
 * at most 32 times their size for each of at most 16 levels of nesting.
 * THM_EFORMAT, THM_ENOMEM; msg: byte, what was expected, what was found. */
thm_status thm_r_parse(const char *where, const unsigned char *bytes,
                       size_t size, thm_r *out, thm_message *msg);
void thm_r_free(thm_r *value); /* takes zeroed and NULL */

/* The item of that name; NULL if value is no list or has none. */
const thm_r *thm_r_item(const thm_r *value, const char *name);

/* What a package packs: the size of its content (4 bytes), 'Z', a raw LZMA2
 * stream.  *out: (*length), owned by the caller.  At most THM_R_MOST bytes. */
enum { THM_R_MOST = 1 << 26 };
thm_status thm_r_unpack(const char *where, const unsigned char *bytes,
                        size_t size, unsigned char **out, size_t *length,
                        thm_message *msg);

/* Data set `name` of a package, by Rdata.rdx and Rdata.rdb of the folder.
 * *bytes: what *out points into, owned by the caller.  Also THM_EIO. */
thm_status thm_r_read(const char *folder, const char *name,
                      unsigned char **bytes, thm_r *out, thm_message *msg);

#endif
