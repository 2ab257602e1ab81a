/* The data sets of an R package: see rdata.h. */
#include "io/rdata.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"
#include "io/bytes.h"

enum { HEAD = 5, LARGEST_INDEX = 1 << 20 };

thm_status thm_r_unpack(const char *where, const unsigned char *bytes,
                        size_t size, unsigned char **out, size_t *length,
                        thm_message *msg)
{
    if (size < HEAD || bytes[4] != 'Z') {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a size and a stream of kind Z (LZMA), "
                        "found another start",
                        where);
    }
    const size_t promised = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 |
                            (size_t)bytes[2] << 8 | bytes[3];
    if (promised < 1 || promised > THM_R_MOST) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a size from 1 to %d, found %zu", where,
                        THM_R_MOST, promised);
    }
    lzma_options_lzma options;
    if (lzma_lzma_preset(&options, LZMA_PRESET_DEFAULT)) {
        return thm_fail(THM_EINTERNAL, msg, "%s: LZMA without presets", where);
    }
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options},
                             {LZMA_VLI_UNKNOWN, NULL}};
    unsigned char *to = malloc(promised);
    if (to == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", where);
    }
    size_t read = HEAD, written = 0;
    const lzma_ret code = lzma_raw_buffer_decode(filters, NULL, bytes, &read,
                                                 size, to, &written, promised);
    if (code != LZMA_OK || written != promised || read != size) {
        free(to);
        return thm_fail(code == LZMA_MEM_ERROR ? THM_ENOMEM : THM_EFORMAT, msg,
                        "%s: expected an LZMA2 stream of %zu bytes, found "
                        "%s",
                        where, promised,
                        code == LZMA_MEM_ERROR ? "no memory for it"
                        : code == LZMA_OK      ? "another length"
                                               : "damaged data");
    }
    *out = to;
    *length = promised;
    return THM_OK;
}

/* The whole of a gzip file, at most LARGEST_INDEX bytes. */
static thm_status read_index(const char *path, unsigned char **out,
                             size_t *size, thm_message *msg)
{
    unsigned char *bytes = malloc(LARGEST_INDEX);
    if (bytes == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", path);
    }
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        free(bytes);
        return thm_fail(THM_EIO, msg,
                        "%s: expected a readable file, found none", path);
    }
    const int got = gzread(file, bytes, LARGEST_INDEX);
    const int code = gzclose(file);
    if (got < 1 || got == LARGEST_INDEX || code != Z_OK) {
        free(bytes);
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a whole gzip file of less than %d bytes, "
                        "found another",
                        path, LARGEST_INDEX);
    }
    *out = bytes;
    *size = (size_t)got;
    return THM_OK;
}

/* Where the data set lies: "variables" of the index has its offset and size. */
static thm_status find(const char *path, const char *name, size_t *offset,
                       size_t *size, thm_message *msg)
{
    unsigned char *bytes = NULL;
    size_t length = 0;
    thm_r index = {.kind = THM_R_NULL};
    thm_status status = read_index(path, &bytes, &length, msg);
    if (status == THM_OK) {
        status = thm_r_parse(path, bytes, length, &index, msg);
    }
    if (status == THM_OK) {
        const thm_r *all = thm_r_item(&index, "variables");
        const thm_r *one = all != NULL ? thm_r_item(all, name) : NULL;
        if (one == NULL || one->kind != THM_R_INTS || one->count != 2 ||
            one->numbers[0] < 0 || one->numbers[1] < 1) {
            status =
                thm_fail(THM_EFORMAT, msg,
                         "%s: expected where %s lies, found none", path, name);
        } else {
            *offset = (size_t)one->numbers[0];
            *size = (size_t)one->numbers[1];
        }
    }
    thm_r_free(&index);
    free(bytes);
    return status;
}

/* The part of the database that the index names. */
static thm_status read_part(const char *path, size_t offset, size_t size,
                            unsigned char **out, size_t *length,
                            thm_message *msg)
{
    unsigned char *all;
    size_t whole;
    thm_status status = thm_bytes_read(path, &all, &whole, msg);
    if (status != THM_OK) {
        return status;
    }
    if (offset > whole || size > whole - offset) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected %zu bytes from byte %zu, found the end "
                          "at %zu",
                          path, size, offset, whole);
    } else {
        status = thm_r_unpack(path, all + offset, size, out, length, msg);
    }
    free(all);
    return status;
}

thm_status thm_r_read(const char *folder, const char *name,
                      unsigned char **bytes, thm_r *out, thm_message *msg)
{
    char *index = thm_path_join(folder, "Rdata.rdx");
    char *base = thm_path_join(folder, "Rdata.rdb");
    unsigned char *unpacked = NULL;
    size_t offset = 0, size = 0, length = 0;
    thm_status status =
        index != NULL && base != NULL
            ? find(index, name, &offset, &size, msg)
            : thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    if (status == THM_OK) {
        status = read_part(base, offset, size, &unpacked, &length, msg);
    }
    if (status == THM_OK) {
        status = thm_r_parse(base, unpacked, length, out, msg);
    }
    free(index);
    free(base);
    if (status != THM_OK) {
        free(unpacked);
        return status;
    }
    *bytes = unpacked;
    return THM_OK;
}
