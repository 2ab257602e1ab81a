/* Tensors: choice of the reader, and what callers ask of a tensor. */
#include "io/tensor.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/bytes.h"
#include "io/formats.h"

void thm_tensor_free(thm_tensor *t)
{
    if (t != NULL) {
        free(t->data);
        free(t->lines);
        *t = (thm_tensor){0};
    }
}

/* What users most likely bring that is not read here. */
static const struct {
    const char *magic;
    size_t length;
    const char *what;
} foreign[] = {
    {"\x93NUMPY", 6, "a NumPy .npy file"},
    {"PK\x03\x04", 4, "a zip archive (.npz, .pt)"},
    {"\x1f\x8b", 2, "a gzip file"},
    {"\x89HDF", 4, "an HDF5 file"},
};

/* The length of a safetensors header, read as text, is a byte that no text
 * has: sensible lengths have zero bytes, lying ones end before a '{'. */
static bool looks_binary(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < 8 && i < size; i++) {
        bool blank = bytes[i] >= '\t' && bytes[i] <= '\r';
        if ((bytes[i] < ' ' && !blank) || bytes[i] == 0x7f) {
            return true;
        }
    }
    return size > 8 && bytes[8] == '{';
}

thm_status thm_tensor_parse(const char *where, const char *name,
                            const unsigned char *bytes, size_t size,
                            thm_tensor *out, thm_message *msg)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (size >= foreign[i].length &&
            memcmp(bytes, foreign[i].magic, foreign[i].length) == 0) {
            return thm_fail(THM_EFORMAT, msg,
                            "%s: byte 0: expected text or safetensors, found "
                            "%s",
                            where, foreign[i].what);
        }
    }
    if (looks_binary(bytes, size)) {
        return thm_safetensors_parse(where, name, bytes, size, out, msg);
    }
    if (name != NULL) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected safetensors with a tensor '%s', found "
                        "text",
                        where, name);
    }
    return thm_text_parse(where, bytes, size, out, msg);
}

thm_status thm_tensor_read(const char *spec, thm_tensor *out, thm_message *msg)
{
    char *path = strdup(spec);
    if (path == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", spec);
    }
    /* The longest prefix that is a file wins; without one, spec is named. */
    const char *name = NULL;
    bool found = strcmp(spec, "-") == 0 || access(spec, F_OK) == 0;
    for (size_t i = strlen(spec); !found && i-- > 0;) {
        if (spec[i] == ':') {
            path[i] = '\0';
            found = access(path, F_OK) == 0;
            name = found ? spec + i + 1 : NULL;
        }
    }
    if (!found) {
        strcpy(path, spec);
    }

    unsigned char *bytes = NULL;
    size_t size = 0;
    thm_status status = thm_bytes_read(path, &bytes, &size, msg);
    if (status == THM_OK) {
        status =
            thm_tensor_parse(thm_input_name(path), name, bytes, size, out, msg);
    }
    free(bytes);
    free(path);
    return status;
}

static size_t row_length(const thm_tensor *t)
{
    return t->shape[t->ndim - 1];
}

void thm_tensor_place(const thm_tensor *t, const char *where, size_t index,
                      char *out, size_t size)
{
    size_t n = row_length(t), row = n == 0 ? 0 : index / n;
    if (t->lines != NULL) {
        snprintf(out, size, "%s:%zu: number %zu", thm_input_name(where),
                 t->lines[row], index - row * n + 1);
    } else {
        snprintf(out, size, "%s: row %zu, column %zu (from 0)",
                 thm_input_name(where), row, index - row * n);
    }
}

thm_status thm_tensor_rows(const thm_tensor *t, const char *where, int *rows,
                           int *n, thm_message *msg)
{
    const char *name = thm_input_name(where);
    size_t length = row_length(t);
    if (t->count == 0) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected at least one number, found none", name);
    }
    size_t count = t->count / length;
    if (t->text && length == 1) {
        length = count;
        count = 1;
    }
    if (length > INT_MAX || count > INT_MAX) {
        return thm_fail(THM_EOVERFLOW, msg,
                        "%s: expected at most %d rows and columns, found %zu "
                        "x %zu",
                        name, INT_MAX, count, length);
    }
    *rows = (int)count;
    *n = (int)length;
    return THM_OK;
}

thm_status thm_tensor_finite(const thm_tensor *t, const char *where,
                             bool minus_inf_allowed, thm_message *msg)
{
    for (size_t i = 0; i < t->count; i++) {
        double x = t->data[i];
        if (isfinite(x) || (minus_inf_allowed && x == -HUGE_VAL)) {
            continue;
        }
        char place[384];
        thm_tensor_place(t, where, i, place, sizeof place);
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a finite number%s, found %s", place,
                        minus_inf_allowed ? " or -inf" : "",
                        isnan(x) ? "nan"
                        : x > 0  ? "inf"
                                 : "-inf");
    }
    return THM_OK;
}
