/* Safetensors: 8 bytes header length (little endian), a JSON header
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * and the data, row-major and little endian, which the offsets tile without gap
 * or overlap (https://huggingface.co/docs/safetensors).
 * Nothing in a header is believed before it agrees with the file's size. */
#include "io/formats.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Real dtypes have an eps and are read; the others only have a size. */
static const struct dtype {
    const char *name;
    size_t size;
    double eps;
} dtypes[] = {
    {"F64", 8, 0x1p-53}, {"F32", 4, 0x1p-24}, {"F16", 2, 0x1p-11},
    {"BF16", 2, 0x1p-8}, {"I64", 8, 0},       {"I32", 4, 0},
    {"I16", 2, 0},       {"I8", 1, 0},        {"U64", 8, 0},
    {"U32", 4, 0},       {"U16", 2, 0},       {"U8", 1, 0},
    {"BOOL", 1, 0},      {"C64", 8, 0},       {"F8_E4M3", 1, 0},
    {"F8_E5M2", 1, 0},
};

typedef struct {
    const char *name;
    const struct dtype *dtype;
    const json_t *shape;
    size_t count, begin, end;
} entry;

typedef struct {
    const char *where;
    thm_message *msg;
    json_t *root; /* owns the names */
    const unsigned char *data;
    size_t data_size;
    entry *entries; /* sorted by offset */
    size_t count;
} header;

static const struct dtype *find_dtype(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof dtypes / sizeof *dtypes;
         i++) {
        if (strcmp(name, dtypes[i].name) == 0) {
            return &dtypes[i];
        }
    }
    return NULL;
}

/* A non-negative JSON integer. */
static bool get_size(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (size_t)json_integer_value(value);
    return true;
}

/* The product of a shape; an empty shape is a scalar. */
static thm_status shape_count(const header *h, const entry *e, size_t *count)
{
    size_t product = 1, index;
    json_t *value;
    json_array_foreach(e->shape, index, value)
    {
        size_t extent;
        if (!get_size(value, &extent)) {
            return thm_fail(THM_EFORMAT, h->msg,
                            "%s: tensor '%s': expected extents that are "
                            "non-negative integers, found another at %zu",
                            h->where, e->name, index);
        }
        if (thm_size_mul(product, extent, &product) != THM_OK) {
            return thm_fail(THM_EFORMAT, h->msg,
                            "%s: tensor '%s': expected a shape that fits into "
                            "the file, found a product beyond 2^64",
                            h->where, e->name);
        }
    }
    *count = product;
    return THM_OK;
}

static thm_status read_entry(const header *h, const char *name,
                             const json_t *value, entry *e)
{
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    const json_t *offsets = json_object_get(value, "data_offsets");
    *e = (entry){.name = name,
                 .dtype = find_dtype(dtype),
                 .shape = json_object_get(value, "shape")};
    if (e->dtype == NULL) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected a dtype such as F64, F32, "
                        "F16 or BF16, found %.40s",
                        h->where, name, dtype == NULL ? "none" : dtype);
    }
    if (!json_is_array(e->shape)) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected an array 'shape', found "
                        "none",
                        h->where, name);
    }
    if (json_array_size(offsets) != 2 ||
        !get_size(json_array_get(offsets, 0), &e->begin) ||
        !get_size(json_array_get(offsets, 1), &e->end) || e->begin > e->end ||
        e->end > h->data_size) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected data_offsets [begin, end] "
                        "with begin <= end <= %zu, found others",
                        h->where, name, h->data_size);
    }
    thm_status status = shape_count(h, e, &e->count);
    if (status != THM_OK) {
        return status;
    }
    size_t bytes;
    if (thm_size_mul(e->count, e->dtype->size, &bytes) != THM_OK ||
        bytes != e->end - e->begin) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected %zu elements of %zu "
                        "byte(s), found %zu bytes from offset %zu",
                        h->where, name, e->count, e->dtype->size,
                        e->end - e->begin, e->begin);
    }
    return THM_OK;
}

static int by_offset(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return (x->end > y->end) - (x->end < y->end);
}

/* Whether the sorted entries follow each other from 0 to the end. */
static thm_status check_tiling(const header *h)
{
    size_t next = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (h->entries[i].begin != next) {
            return thm_fail(THM_EFORMAT, h->msg,
                            "%s: tensor '%s': expected to begin at offset %zu "
                            "without gap or overlap, found %zu",
                            h->where, h->entries[i].name, next,
                            h->entries[i].begin);
        }
        next = h->entries[i].end;
    }
    if (next != h->data_size) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: expected %zu bytes of data, found %zu", h->where,
                        next, h->data_size);
    }
    return THM_OK;
}

static thm_status read_entries(header *h)
{
    const char *name;
    json_t *value;
    h->entries = calloc(json_object_size(h->root) + 1, sizeof *h->entries);
    if (h->entries == NULL) {
        return thm_fail(THM_ENOMEM, h->msg, "%s: out of memory", h->where);
    }
    json_object_foreach(h->root, name, value)
    {
        if (!json_is_object(value)) {
            return thm_fail(THM_EFORMAT, h->msg,
                            "%s: entry '%s': expected a JSON object, found "
                            "another value",
                            h->where, name);
        }
        if (strcmp(name, "__metadata__") == 0) {
            continue;
        }
        thm_status status = read_entry(h, name, value, &h->entries[h->count]);
        if (status != THM_OK) {
            return status;
        }
        h->count++;
    }
    qsort(h->entries, h->count, sizeof *h->entries, by_offset);
    return check_tiling(h);
}

/* Names the tensors of h in msg. */
static thm_status fail_with_names(const header *h, const char *expected)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < h->count && used < sizeof names - 1; i++) {
        int more = snprintf(names + used, sizeof names - used, "%s%s",
                            i == 0 ? "" : ", ", h->entries[i].name);
        used += more < 0 ? 0 : (size_t)more;
    }
    return thm_fail(THM_EFORMAT, h->msg,
                    "%s: expected %.120s, found %zu tensor(s)%s%s%s", h->where,
                    expected, h->count, h->count == 0 ? "" : ": ", names,
                    used >= sizeof names ? "..." : "");
}

static thm_status select_entry(const header *h, const char *name,
                               const entry **selected)
{
    if (name == NULL) {
        if (h->count != 1) {
            return fail_with_names(h, "a choice FILE:NAME");
        }
        *selected = &h->entries[0];
        return THM_OK;
    }
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->entries[i].name, name) == 0) {
            *selected = &h->entries[i];
            return THM_OK;
        }
    }
    char expected[112];
    snprintf(expected, sizeof expected, "a tensor '%.90s'", name);
    return fail_with_names(h, expected);
}

/* All of a tensor but its numbers. */
static thm_status describe(const header *h, const entry *e, thm_tensor *out)
{
    const size_t ndim = json_array_size(e->shape);
    if (ndim > THM_TENSOR_MAX_DIMS) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected at most %d dimensions, "
                        "found %zu",
                        h->where, e->name, THM_TENSOR_MAX_DIMS, ndim);
    }
    *out = (thm_tensor){.ndim = ndim == 0 ? 1 : (int)ndim,
                        .shape = {1},
                        .count = e->count,
                        .eps = e->dtype->eps};
    for (size_t i = 0; i < ndim; i++) {
        get_size(json_array_get(e->shape, i), &out->shape[i]);
    }
    snprintf(out->name, sizeof out->name, "%s", e->name);
    return THM_OK;
}

static thm_status read_data(const header *h, const entry *e, thm_tensor *out)
{
    size_t bytes;
    thm_tensor t;
    if (!(e->dtype->eps > 0)) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: tensor '%s': expected F64, F32, F16 or BF16, "
                        "found %s",
                        h->where, e->name, e->dtype->name);
    }
    const thm_status status = describe(h, e, &t);
    if (status != THM_OK) {
        return status;
    }
    if (thm_size_mul(e->count, sizeof *t.data, &bytes) != THM_OK) {
        return thm_fail(THM_EOVERFLOW, h->msg, "%s: too large", h->where);
    }
    t.data = malloc(bytes + 1); /* an empty tensor still owns its data */
    if (t.data == NULL) {
        return thm_fail(THM_ENOMEM, h->msg, "%s: out of memory", h->where);
    }
    for (size_t i = 0; i < e->count; i++) {
        t.data[i] = thm_real_read(e->dtype->name,
                                  h->data + e->begin + i * e->dtype->size);
    }
    *out = t;
    return THM_OK;
}

/* Reads the header of a file; h->root and h->entries are to be freed on failure
 * too. */
static thm_status open_header(header *h, const unsigned char *bytes,
                              size_t size)
{
    uint64_t length;
    if (size < 8) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: byte 0: expected a safetensors header, found the "
                        "end of the file at byte %zu",
                        h->where, size);
    }
    memcpy(&length, bytes, 8);
    if (length > size - 8) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: byte 0: expected a safetensors header length of "
                        "at most %zu, found %llu",
                        h->where, size - 8, (unsigned long long)length);
    }
    json_error_t error;
    h->data_size = size - 8 - (size_t)length;
    h->data = bytes + 8 + length;
    h->root = json_loadb((const char *)bytes + 8, (size_t)length,
                         JSON_REJECT_DUPLICATES, &error);
    if (h->root == NULL) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: byte %d: expected a JSON header, found: %s",
                        h->where, error.position + 8, error.text);
    }
    if (!json_is_object(h->root)) {
        return thm_fail(THM_EFORMAT, h->msg,
                        "%s: byte 8: expected a JSON object, found another "
                        "value",
                        h->where);
    }
    return read_entries(h);
}

static void close_header(header *h)
{
    free(h->entries);
    json_decref(h->root);
}

thm_status thm_safetensors_parse(const char *where, const char *name,
                                 const unsigned char *bytes, size_t size,
                                 thm_tensor *out, thm_message *msg)
{
    const entry *selected = NULL;
    header h = {.where = where, .msg = msg};
    thm_status status = open_header(&h, bytes, size);
    if (status == THM_OK) {
        status = select_entry(&h, name, &selected);
    }
    if (status == THM_OK) {
        status = read_data(&h, selected, out);
    }
    close_header(&h);
    return status;
}

thm_status thm_tensor_list(const char *where, const unsigned char *bytes,
                           size_t size, size_t *count, thm_tensor **list,
                           thm_message *msg)
{
    header h = {.where = where, .msg = msg};
    thm_tensor *found = NULL;
    thm_status status = open_header(&h, bytes, size);
    if (status == THM_OK) {
        found = calloc(h.count + 1, sizeof *found);
        status = found == NULL ? THM_ENOMEM : THM_OK;
    }
    for (size_t k = 0; status == THM_OK && k < h.count; k++) {
        status = describe(&h, &h.entries[k], &found[k]);
    }
    if (status == THM_OK) {
        *count = h.count;
        *list = found;
    } else {
        free(found);
    }
    close_header(&h);
    return status;
}
