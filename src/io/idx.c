/* IDX files of bytes, plain or gzip. */
#include "io/idx.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "io/bytes.h"

/* The bytes of a file after decompression, one piece after the other. */
typedef struct {
    const char *where;
    thm_message *msg;
    const unsigned char *at;
    size_t left;
    bool gzip, ended;
    z_stream z;
} source;

void thm_idx_free(thm_idx *idx)
{
    if (idx != NULL) {
        free(idx->data);
        *idx = (thm_idx){0};
    }
}

static thm_status source_open(source *s, const char *where,
                              const unsigned char *bytes, size_t size,
                              thm_message *msg)
{
    *s = (source){.where = where, .msg = msg, .at = bytes, .left = size};
    s->gzip = size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    /* 16: a gzip wrapper is required */
    if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", where);
    }
    return THM_OK;
}

static void source_close(source *s)
{
    if (s->gzip) {
        inflateEnd(&s->z);
    }
}

static uInt piece(size_t size)
{
    return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

/* Inflates up to size bytes; *got < size at the end of the stream. */
static thm_status source_inflate(source *s, unsigned char *out, size_t size,
                                 size_t *got)
{
    *got = 0;
    while (*got < size && !s->ended) {
        uInt in = piece(s->left), room = piece(size - *got);
        s->z.next_in = (Bytef *)s->at; /* zlib only reads it */
        s->z.avail_in = in;
        s->z.next_out = out + *got;
        s->z.avail_out = room;
        int code = inflate(&s->z, Z_NO_FLUSH);
        s->at += in - s->z.avail_in;
        s->left -= in - s->z.avail_in;
        *got += room - s->z.avail_out;
        s->ended = code == Z_STREAM_END;
        if (code == Z_OK || s->ended) {
            continue;
        }
        if (code == Z_MEM_ERROR) {
            return thm_fail(THM_ENOMEM, s->msg, "%s: out of memory", s->where);
        }
        return thm_fail(THM_EFORMAT, s->msg,
                        "%s: expected a whole gzip stream, found %s", s->where,
                        code == Z_BUF_ERROR ? "its end too early"
                                            : "damaged data");
    }
    return THM_OK;
}

static thm_status source_read(source *s, unsigned char *out, size_t size,
                              size_t *got)
{
    if (s->gzip) {
        return source_inflate(s, out, size, got);
    }
    *got = size < s->left ? size : s->left;
    memcpy(out, s->at, *got);
    s->at += *got;
    s->left -= *got;
    return THM_OK;
}

/* The extents of a header, at most 3, the missing ones 1; *expected is the
 * number of bytes that follow. */
static thm_status read_header(source *s, size_t extent[3], size_t *expected)
{
    unsigned char head[4], raw[12];
    size_t got;
    thm_status status = source_read(s, head, 4, &got);
    if (status != THM_OK) {
        return status;
    }
    int dims = got == 4 ? head[3] : 0;
    if (got < 4 || head[0] != 0 || head[1] != 0 || head[2] != 8 ||
        (dims != 1 && dims != 3)) {
        return thm_fail(THM_EFORMAT, s->msg,
                        "%s: byte 0: expected an IDX file of bytes with 1 or 3 "
                        "dimensions (00 00 08 01 or 03), found another start",
                        s->where);
    }
    status = source_read(s, raw, 4 * (size_t)dims, &got);
    if (status != THM_OK) {
        return status;
    }
    if (got != 4 * (size_t)dims) {
        return thm_fail(THM_EFORMAT, s->msg,
                        "%s: byte 4: expected %d extents, found the end of the "
                        "file",
                        s->where, dims);
    }
    *expected = 1;
    for (int i = 0; i < 3; i++) {
        const unsigned char *b = raw + 4 * i;
        extent[i] = 1;
        if (i < dims) {
            extent[i] = (size_t)b[0] << 24 | (size_t)b[1] << 16 |
                        (size_t)b[2] << 8 | b[3];
        }
        if (extent[i] < 1 || extent[i] > INT_MAX ||
            thm_size_mul(*expected, extent[i], expected) != THM_OK) {
            return thm_fail(THM_EFORMAT, s->msg,
                            "%s: byte %d: expected an extent from 1 to %d, "
                            "found %zu",
                            s->where, 4 + 4 * i, INT_MAX, extent[i]);
        }
    }
    return THM_OK;
}

/* Deflate expands at most 1032 times (258 bytes from 2 bits), so a header that
 * promises more than that lies, and nothing needs to be allocated to know. */
static bool can_hold(const source *s, size_t expected)
{
    size_t most = s->left;
    if (s->gzip && thm_size_mul(s->left + 1, 1032, &most) != THM_OK) {
        return true;
    }
    return expected <= most;
}

static thm_status read_items(source *s, int limit, thm_idx *out)
{
    size_t extent[3] = {0}, expected = 0, got, more = 0;
    unsigned char after;
    thm_status status = read_header(s, extent, &expected);
    if (status != THM_OK) {
        return status;
    }
    if (!can_hold(s, expected)) {
        return thm_fail(THM_EFORMAT, s->msg,
                        "%s: byte 4: expected extents that fit the file, found "
                        "%zu x %zu x %zu in %zu bytes",
                        s->where, extent[0], extent[1], extent[2], s->left);
    }
    bool all = limit <= 0 || (size_t)limit >= extent[0];
    size_t count = all ? extent[0] : (size_t)limit;
    size_t wanted = count * extent[1] * extent[2];
    unsigned char *data = malloc(wanted);
    if (data == NULL) {
        return thm_fail(THM_ENOMEM, s->msg, "%s: out of memory", s->where);
    }
    status = source_read(s, data, wanted, &got);
    if (status == THM_OK && got == wanted && all) {
        /* also makes zlib verify its checksum */
        status = source_read(s, &after, 1, &more);
        more += s->left;
    }
    if (status == THM_OK && (got != wanted || more != 0)) {
        status = thm_fail(THM_EFORMAT, s->msg,
                          "%s: expected %zu bytes of data, found %s", s->where,
                          wanted, got < wanted ? "fewer" : "more");
    }
    if (status != THM_OK) {
        free(data);
        return status;
    }
    *out = (thm_idx){.count = (int)count,
                     .rows = (int)extent[1],
                     .cols = (int)extent[2],
                     .data = data};
    return THM_OK;
}

thm_status thm_idx_parse(const char *where, const unsigned char *bytes,
                         size_t size, int limit, thm_idx *out, thm_message *msg)
{
    source s;
    thm_status status = source_open(&s, where, bytes, size, msg);
    if (status != THM_OK) {
        return status;
    }
    status = read_items(&s, limit, out);
    source_close(&s);
    return status;
}

thm_status thm_idx_read(const char *path, int limit, thm_idx *out,
                        thm_message *msg)
{
    size_t prefix = strlen(THM_FASHION_MNIST), size;
    unsigned char *bytes;
    if (strncmp(path, THM_FASHION_MNIST, prefix) == 0 &&
        access(path, F_OK) != 0) {
        return thm_fail(THM_EIO, msg,
                        "%s: expected a file of the package "
                        "dataset-fashion-mnist, found none",
                        path);
    }
    thm_status status = thm_bytes_read(path, &bytes, &size, msg);
    if (status != THM_OK) {
        return status;
    }
    status = thm_idx_parse(thm_input_name(path), bytes, size, limit, out, msg);
    free(bytes);
    return status;
}
