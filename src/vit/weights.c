/* Parameters from a file: see weights.h. */
#include "vit/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/bytes.h"
#include "vit/weights_inside.h"

/* What a checkpoint has beside parameters. */
static const char *const beside[] = {"optimiser.m", "optimiser.v",
                                     "trainer.state", THM_VIT_RECORD_NAME,
                                     "history"};

static thm_status check_tensor(const thm_vit_file *from,
                               const thm_vit_tensor *w)
{
    const thm_tensor *t = thm_vit_file_find(from, w->name);
    char expected[64];
    int rows = 0, cols = 0;
    if (!t) {
        return thm_vit_file_missing(from, w->name);
    }
    bool good = w->vector ? t->ndim == 1 : t->ndim >= 2;
    if (strcmp(w->name, "patch_embed.proj.weight") == 0 && t->ndim == 4) {
        good = t->shape[0] == (size_t)w->rows &&
               t->count == (size_t)w->rows * (size_t)w->cols;
    } else {
        good = good && thm_vit_file_matrix(t, &rows, &cols) &&
               rows == w->rows && cols == w->cols;
    }
    if (!good) {
        if (w->vector) {
            snprintf(expected, sizeof expected, "[%d]", w->cols);
        } else {
            snprintf(expected, sizeof expected, "[%d, %d]", w->rows, w->cols);
        }
        return thm_vit_file_wrong(from, t, expected);
    }
    return THM_OK;
}

/* Every tensor of the model and no other. */
static thm_status check_tensors(const thm_vit_file *from,
                                const thm_vit_layout *layout)
{
    const bool ours = thm_vit_file_find(from, "trainer.state") != NULL;
    thm_status status = THM_OK;
    for (int k = 0; status == THM_OK && k < layout->count; k++) {
        status = check_tensor(from, &layout->tensors[k]);
    }
    for (size_t k = 0; status == THM_OK && k < from->count; k++) {
        const char *name = from->list[k].name;
        bool known = thm_vit_find(layout, name) != NULL;
        for (size_t i = 0; ours && i < sizeof beside / sizeof *beside; i++) {
            known = known || strcmp(name, beside[i]) == 0;
        }
        if (!known) {
            char shape[128];
            thm_vit_file_shape(&from->list[k], sizeof shape, shape);
            status = thm_fail(THM_EFORMAT, from->msg,
                              "%s: expected nothing but the tensors of this "
                              "ViT, found %.100s %s",
                              from->where, name, shape);
        }
    }
    return status;
}

static thm_status read_tensor(const thm_vit_file *from, const thm_vit_tensor *w,
                              float *to)
{
    thm_tensor t;
    thm_status status = thm_tensor_parse(from->where, w->name, from->bytes,
                                         from->size, &t, from->msg);
    if (status != THM_OK) {
        return status;
    }
    for (size_t k = 0; status == THM_OK && k < t.count; k++) {
        to[k] = (float)t.data[k];
        if (!isfinite(to[k])) {
            status = thm_fail(THM_EFORMAT, from->msg,
                              "%s: %s: expected finite numbers of single "
                              "precision, found %g at %zu",
                              from->where, w->name, t.data[k], k);
        }
    }
    thm_tensor_free(&t);
    return status;
}

static thm_status read_record(const thm_vit_file *from, int heads,
                              thm_vit_record *record)
{
    thm_tensor t;
    thm_status status =
        thm_tensor_parse(from->where, THM_VIT_RECORD_NAME, from->bytes,
                         from->size, &t, from->msg);
    if (status != THM_OK) {
        return status;
    }
    status =
        thm_vit_record_get(from->where, t.count, t.data, record, from->msg);
    thm_tensor_free(&t);
    if (status == THM_OK && heads > 0 && heads != record->config.heads) {
        status = thm_fail(THM_EDOMAIN, from->msg,
                          "%s: heads: expected %d, as it was trained with, "
                          "found %d",
                          from->where, record->config.heads, heads);
    }
    return status;
}

static thm_status read_model(const thm_vit_file *from, int heads,
                             thm_vit_weights *w)
{
    thm_status status;
    w->recorded = thm_vit_file_find(from, THM_VIT_RECORD_NAME) != NULL;
    if (w->recorded) {
        status = read_record(from, heads, &w->record);
    } else {
        thm_vit_config *c = &w->record.config;
        status = thm_vit_file_config(from, heads, c, &w->channels);
        thm_message why = {""};
        if (status == THM_OK && thm_vit_config_check(c, &why) != THM_OK) {
            status = thm_fail(THM_EFORMAT, from->msg, "%s: %.200s", from->where,
                              why.text);
        }
    }
    if (status == THM_OK && !w->recorded) {
        w->record.scale = 1.0 / sqrt(w->record.config.head_width);
    }
    if (status == THM_OK) {
        status = thm_vit_layout_alloc(&w->record.config, &w->layout);
    }
    return status == THM_OK ? check_tensors(from, &w->layout) : status;
}

thm_status thm_vit_weights_parse(const char *where, const unsigned char *bytes,
                                 size_t size, int heads, thm_vit_weights *out,
                                 thm_message *msg)
{
    thm_vit_file from = {
        .where = where, .bytes = bytes, .size = size, .msg = msg};
    thm_vit_weights w = {0};
    thm_status status =
        heads < 0
            ? thm_fail(THM_EDOMAIN, msg,
                       "heads: expected a positive number, found %d", heads)
            : thm_tensor_list(where, bytes, size, &from.count, &from.list, msg);
    if (status == THM_OK) {
        status = read_model(&from, heads, &w);
    }
    if (status == THM_OK) {
        /* no more numbers than the file has: its tensors are of these shapes */
        w.params = malloc((size_t)w.layout.total * sizeof *w.params);
        status = w.params ? THM_OK : THM_ENOMEM;
    }
    for (int k = 0; status == THM_OK && k < w.layout.count; k++) {
        const thm_vit_tensor *t = &w.layout.tensors[k];
        status = read_tensor(&from, t, w.params + t->offset);
    }
    free(from.list);
    if (status != THM_OK) {
        thm_vit_weights_free(&w);
        return status;
    }
    *out = w;
    return THM_OK;
}

thm_status thm_vit_weights_read(const char *path, int heads,
                                thm_vit_weights *out, thm_message *msg)
{
    unsigned char *bytes = NULL;
    size_t size;
    thm_status status = thm_bytes_read(path, &bytes, &size, msg);
    if (status == THM_OK) {
        status = thm_vit_weights_parse(thm_input_name(path), bytes, size, heads,
                                       out, msg);
    }
    free(bytes);
    return status;
}

void thm_vit_weights_free(thm_vit_weights *weights)
{
    if (weights) {
        thm_vit_layout_free(&weights->layout);
        free(weights->params);
        *weights = (thm_vit_weights){0};
    }
}
