/* Instances in the files of a user: see instance.h. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "attn/instance.h"
#include "io/bytes.h"
#include "io/tensor.h"

/* What the three dimensions of an array are called, and from where they are
 * known before it is read. */
typedef struct {
    const char *name; /* "--wq"                                */
    const char *dim[3];
    const char *of; /* "D as in X", or "" where none is known */
} kind;

/* "H x 16 x d": the number where it is known, else its letter. */
static void write_shape(const kind *k, const int *dims, char *out, size_t size)
{
    char part[3][16];
    for (int i = 0; i < 3; i++) {
        if (dims[i] > 0) {
            snprintf(part[i], sizeof part[i], "%d", dims[i]);
        } else {
            snprintf(part[i], sizeof part[i], "%s", k->dim[i]);
        }
    }
    snprintf(out, size, "%s x %s x %s%s%s%s", part[0], part[1], part[2],
             k->of[0] ? " (" : "", k->of, k->of[0] ? ")" : "");
}

static void write_found(const thm_tensor *t, char *out, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < t->ndim && used < size; i++) {
        const int wrote = snprintf(out + used, size - used, "%s%zu",
                                   i > 0 ? " x " : "", t->shape[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* The shape of t as three dimensions, those of `dims` that are positive being
 * required; false if it has none such. */
static bool three(const thm_tensor *t, const int *dims, bool flat, size_t *out)
{
    if (t->ndim == 3) {
        for (int i = 0; i < 3; i++) {
            out[i] = t->shape[i];
        }
    } else if (t->ndim == 2 && (t->text || flat) && dims[1] > 0) {
        out[1] = (size_t)dims[1];
        out[0] = t->shape[0] / out[1];
        out[2] = t->shape[1];
    } else {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (out[i] < 1 || out[i] > INT_MAX ||
            (dims[i] > 0 && out[i] != (size_t)dims[i])) {
            return false;
        }
    }
    return out[0] * out[1] * out[2] == t->count;
}

/* *data <- the array of spec, whose dimensions that are 0 in dims are free and
 * filled in.  flat: two dimensions will do even where it is no text. */
static thm_status read_array(const kind *k, const char *spec, bool flat,
                             int *dims, double **data, thm_message *msg)
{
    thm_tensor t = {0};
    thm_status status = thm_tensor_read(spec, &t, msg);
    size_t shape[3];
    if (status == THM_OK && !three(&t, dims, flat, shape)) {
        char expected[128], found[160] = "";
        write_shape(k, dims, expected, sizeof expected);
        write_found(&t, found, sizeof found);
        status = thm_fail(
            THM_EFORMAT, msg, "%s %s: expected %s%s, found %s", k->name,
            thm_input_name(spec), expected,
            t.text && dims[1] > 0 ? ", its first two as rows" : "", found);
    }
    if (status == THM_OK) {
        status = thm_tensor_finite(&t, spec, false, msg);
    }
    if (status == THM_OK) {
        for (int i = 0; i < 3; i++) {
            dims[i] = (int)shape[i];
        }
        *data = t.data;
        t.data = NULL;
    }
    thm_tensor_free(&t);
    return status;
}

/* A text has rows only: without --shape it does not say where a sample ends. */
static thm_status read_tokens(const thm_instance_files *files, int *dims,
                              thm_instance *in, thm_message *msg)
{
    static const kind bare = {
        "--x", {"N", "n", "D"}, "three dimensions, or --shape N,n,D"};
    static const kind shaped = {"--x", {"N", "n", "D"}, "--shape"};
    thm_status status = THM_OK;
    if (files->shape) {
        status = thm_instance_shape("--shape", files->shape, dims, msg);
    }
    return status == THM_OK
               ? read_array(files->shape ? &shaped : &bare, files->x,
                            files->shape != NULL, dims, &in->X, msg)
               : status;
}

static thm_status read_all(const thm_instance_files *f, thm_instance *in,
                           thm_message *msg)
{
    static const kind of_wq = {"--wq", {"H", "D", "d"}, "D as in X"};
    static const kind of_wk = {"--wk", {"H", "D", "d"}, "as in WQ"};
    static const kind of_wv = {"--wv", {"H", "D", "d"}, "as in WQ"};
    static const kind of_wo = {"--wo", {"H", "d", "m"}, "H, d as in WQ"};
    static const kind of_y = {"--y", {"N", "n", "m"}, "N, n as in X"};
    static const kind of_y_wo = {
        "--y", {"N", "n", "m"}, "N, n as in X, m as in WO"};
    int x[3] = {0, 0, 0};
    thm_status status = read_tokens(f, x, in, msg);
    int w[3] = {0, x[2], 0};
    if (status == THM_OK) {
        status = read_array(&of_wq, f->wq, false, w, &in->Wq, msg);
    }
    if (status == THM_OK) {
        status = read_array(&of_wk, f->wk, false, w, &in->Wk, msg);
    }
    if (status == THM_OK && f->wv) {
        status = read_array(&of_wv, f->wv, false, w, &in->Wv, msg);
    }
    int o[3] = {w[0], w[2], 0};
    if (status == THM_OK && f->wo) {
        status = read_array(&of_wo, f->wo, false, o, &in->Wo, msg);
    }
    int y[3] = {x[0], x[1], o[2]};
    if (status == THM_OK && f->y) {
        status =
            read_array(f->wo ? &of_y_wo : &of_y, f->y, false, y, &in->Y, msg);
    }
    if (status == THM_OK) {
        in->layer.N = x[0];
        in->layer.n = x[1];
        in->layer.D = x[2];
        in->layer.H = w[0];
        in->layer.d = w[2];
        in->layer.m = y[2] > 0 ? y[2] : 1;
    }
    return status;
}

thm_status thm_instance_read(const thm_instance_files *files, thm_instance *out,
                             thm_message *msg)
{
    *out = (thm_instance){0};
    thm_status status = read_all(files, out, msg);
    thm_layer *layer = &out->layer;
    if (status == THM_OK) {
        layer->kernel = files->kernel;
        layer->X = out->X;
        layer->Y = out->Y;
        layer->Wo = out->Wo;
        out->weights =
            (thm_weights){.Wq = out->Wq, .Wk = out->Wk, .Wv = out->Wv};
        status = thm_instance_scale(files->scale, layer->d, &layer->c, msg);
    }
    if (status == THM_OK) {
        status = thm_layer_check(layer);
    }
    if (status != THM_OK) {
        thm_instance_free(out);
    }
    return status;
}
