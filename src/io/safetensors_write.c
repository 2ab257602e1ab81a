/* Safetensors, written: tensors in the order given, data aligned to 8 bytes. */
#include "io/tensor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

/* Bytes of one tensor in the file. */
static thm_status tensor_bytes(const thm_tensor_out *t, size_t *bytes)
{
    size_t product = t->f32 ? sizeof(float) : sizeof(double);
    for (int i = 0; i < t->ndim; i++) {
        if (thm_size_mul(product, t->shape[i], &product) != THM_OK) {
            return THM_EOVERFLOW;
        }
    }
    *bytes = product;
    return THM_OK;
}

/* Adds t, whose data begins at *offset, to the header and moves *offset. */
static thm_status describe(json_t *root, const thm_tensor_out *t,
                           size_t *offset)
{
    size_t bytes, end;
    if (t->ndim < 0 || t->ndim > THM_TENSOR_MAX_DIMS) {
        return THM_EDIM;
    }
    if (tensor_bytes(t, &bytes) != THM_OK ||
        thm_size_add(*offset, bytes, &end) != THM_OK || end > INT64_MAX) {
        return THM_EOVERFLOW;
    }
    if (strcmp(t->name, "__metadata__") == 0 ||
        json_object_get(root, t->name) != NULL) {
        return THM_EDOMAIN;
    }
    json_t *name = json_string(t->name); /* NULL unless UTF-8 */
    if (name == NULL) {
        return THM_EDOMAIN;
    }
    json_decref(name);
    json_t *shape = json_array();
    for (int i = 0; i < t->ndim; i++) {
        json_array_append_new(shape, json_integer((json_int_t)t->shape[i]));
    }
    json_t *value = json_pack(
        "{s:s, s:o, s:[I, I]}", "dtype", t->f32 ? "F32" : "F64", "shape", shape,
        "data_offsets", (json_int_t)*offset, (json_int_t)end);
    if (json_object_set_new(root, t->name, value) != 0 ||
        (int)json_array_size(shape) != t->ndim) {
        return THM_ENOMEM;
    }
    *offset = end;
    return THM_OK;
}

static void write_header(FILE *stream, const char *text)
{
    /* Blanks are part of the header; they align the data. */
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    uint64_t prefix = padded;
    fwrite(&prefix, sizeof prefix, 1, stream);
    fprintf(stream, "%s%*s", text, (int)(padded - length), "");
}

static void write_data(FILE *stream, const thm_tensor_out *t)
{
    size_t count = 1;
    for (int i = 0; i < t->ndim; i++) {
        count *= t->shape[i];
    }
    if (!t->f32) {
        fwrite(t->data, sizeof *t->data, count, stream);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float rounded = (float)t->data[i];
        fwrite(&rounded, sizeof rounded, 1, stream);
    }
}

thm_status thm_tensor_write(const char *path, int count,
                            const thm_tensor_out *tensors, thm_message *msg)
{
    thm_file *file = NULL;
    char *text = NULL;
    size_t offset = 0;
    json_t *root = json_object();
    thm_status status = root == NULL ? THM_ENOMEM : THM_OK;
    for (int i = 0; i < count && status == THM_OK; i++) {
        status = describe(root, &tensors[i], &offset);
    }
    if (status == THM_OK) {
        text = json_dumps(root, JSON_COMPACT);
        status = text == NULL ? THM_ENOMEM : THM_OK;
    }
    if (status != THM_OK) {
        thm_fail(status, msg, "%s: %s", path, thm_status_text(status));
        goto done;
    }
    status = thm_file_begin(path, &file, msg);
    if (status != THM_OK) {
        goto done;
    }
    write_header(thm_file_stream(file), text);
    for (int i = 0; i < count; i++) {
        write_data(thm_file_stream(file), &tensors[i]);
    }
    status = thm_file_commit(file, msg);
done:
    free(text);
    json_decref(root);
    return status;
}
