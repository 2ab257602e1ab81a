/* What the shapes of a file's tensors tell of the model: see weights.h. */
#include "vit/weights_inside.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const thm_tensor *thm_vit_file_find(const thm_vit_file *from, const char *name)
{
    for (size_t k = 0; k < from->count; k++) {
        if (strcmp(from->list[k].name, name) == 0) {
            return &from->list[k];
        }
    }
    return NULL;
}

void thm_vit_file_shape(const thm_tensor *t, size_t size, char *text)
{
    int at = snprintf(text, size, "[");
    for (int k = 0; k < t->ndim && at > 0 && (size_t)at < size; k++) {
        at += snprintf(text + at, size - (size_t)at, "%s%zu", k ? ", " : "",
                       t->shape[k]);
    }
    if (at > 0 && (size_t)at < size) {
        snprintf(text + at, size - (size_t)at, "]");
    }
}

thm_status thm_vit_file_wrong(const thm_vit_file *from, const thm_tensor *t,
                              const char *expected)
{
    char found[128];
    thm_vit_file_shape(t, sizeof found, found);
    return thm_fail(THM_EFORMAT, from->msg, "%s: %s: expected %s, found %s",
                    from->where, t->name, expected, found);
}

thm_status thm_vit_file_missing(const thm_vit_file *from, const char *name)
{
    return thm_fail(THM_EFORMAT, from->msg,
                    "%s: expected a tensor '%s', found none", from->where,
                    name);
}

bool thm_vit_file_matrix(const thm_tensor *t, int *rows, int *cols)
{
    for (int k = 0; k < t->ndim; k++) {
        if (t->shape[k] > INT_MAX || (k < t->ndim - 2 && t->shape[k] != 1)) {
            return false;
        }
    }
    *cols = (int)t->shape[t->ndim - 1];
    *rows = t->ndim > 1 ? (int)t->shape[t->ndim - 2] : 1;
    return *rows > 0 && *cols > 0;
}

/* THM_OK and 0 x 0 where there is none. */
static thm_status extents(const thm_vit_file *from, const char *name, int *rows,
                          int *cols)
{
    const thm_tensor *t = thm_vit_file_find(from, name);
    *rows = *cols = 0;
    return t && !thm_vit_file_matrix(t, rows, cols)
               ? thm_vit_file_wrong(from, t, "rows x columns")
               : THM_OK;
}

/* One more than the largest i of a name "blocks.<i>.". */
static int depth_of(const thm_vit_file *from)
{
    int depth = 0;
    for (size_t k = 0; k < from->count; k++) {
        int i, end = 0;
        const char *name = from->list[k].name;
        if (sscanf(name, "blocks.%4d.%n", &i, &end) == 1 && end > 0 &&
            i >= depth) {
            depth = i + 1;
        }
    }
    return depth;
}

/* Features of a token and width: of a patch embedding (D x F, or D x C x p x
 * p), or of a vocabulary (V x D). */
static thm_status shape_of_input(const thm_vit_file *from, thm_vit_config *c,
                                 int *channels)
{
    const thm_tensor *words = thm_vit_file_find(from, "token_embed.weight");
    const thm_tensor *patch =
        thm_vit_file_find(from, "patch_embed.proj.weight");
    *channels = 0;
    if (words) {
        c->input = THM_VIT_VOCABULARY;
        return extents(from, words->name, &c->features, &c->width);
    }
    if (!patch) {
        return thm_vit_file_missing(from, "patch_embed.proj.weight");
    }
    size_t features = 1;
    for (int k = 1; k < patch->ndim; k++) {
        if (thm_size_mul(features, patch->shape[k], &features) != THM_OK) {
            features = 0;
        }
    }
    const bool image = patch->ndim == 4 && patch->shape[2] == patch->shape[3];
    if ((!image && patch->ndim != 2) || features < 1 || features > INT_MAX ||
        patch->shape[0] < 1 || patch->shape[0] > INT_MAX) {
        return thm_vit_file_wrong(
            from, patch,
            "width x channels x patch x patch, or width x "
            "features");
    }
    c->width = (int)patch->shape[0];
    c->features = (int)features;
    *channels = image ? (int)patch->shape[1] : 0;
    return THM_OK;
}

static thm_status shape_of_tokens(const thm_vit_file *from, thm_vit_config *c)
{
    int rows, cols;
    if (!thm_vit_file_find(from, "pos_embed")) {
        return thm_vit_file_missing(from, "pos_embed");
    }
    c->pool = thm_vit_file_find(from, "cls_token") ? THM_VIT_CLS : THM_VIT_MEAN;
    const thm_status status = extents(from, "pos_embed", &rows, &cols);
    c->tokens = rows - (c->pool == THM_VIT_CLS);
    return status;
}

/* Heads, from the number asked for, from the gains of qk-norm, or of 64. */
static thm_status shape_of_heads(const thm_vit_file *from, int heads,
                                 int inside, thm_vit_config *c)
{
    int rows, gains;
    char name[THM_VIT_NAME];
    bool told = heads > 0;
    c->heads = told ? heads : inside / 64;
    for (int l = 0; l < c->depth; l++) {
        snprintf(name, sizeof name, "blocks.%d.attn.gain", l);
        if (thm_vit_file_find(from, name)) {
            c->attention[l] = THM_VIT_QK_NORM;
            const thm_status status = extents(from, name, &rows, &gains);
            if (status != THM_OK) {
                return status;
            }
            c->heads = heads > 0 ? heads : gains;
            told = true;
        }
    }
    if (c->heads < 1 || inside % c->heads != 0 || (!told && inside % 64 != 0)) {
        return thm_fail(THM_EDOMAIN, from->msg,
                        "%s: heads: expected a divisor of %d, and a number "
                        "where heads of 64 do not fit, found %d",
                        from->where, inside, heads);
    }
    c->head_width = inside / c->heads;
    return THM_OK;
}

thm_status thm_vit_file_config(const thm_vit_file *from, int heads,
                               thm_vit_config *config, int *channels)
{
    thm_vit_config c = {.residual = true, .positions = THM_VIT_LEARNED};
    int rows, cols;
    c.depth = depth_of(from);
    c.norm = thm_vit_file_find(from, "norm.weight") ||
             thm_vit_file_find(from, "blocks.0.norm1.weight");
    c.qkv_bias = thm_vit_file_find(from, "blocks.0.attn.qkv.bias") != NULL;
    if (c.depth > THM_VIT_LAYERS) {
        return thm_fail(THM_EDIM, from->msg,
                        "%s: expected at most %d blocks, found %d", from->where,
                        THM_VIT_LAYERS, c.depth);
    }
    thm_status status = shape_of_input(from, &c, channels);
    if (status == THM_OK) {
        status = shape_of_tokens(from, &c);
    }
    if (status == THM_OK) {
        status = extents(from, "blocks.0.mlp.fc1.weight", &c.mlp_width, &cols);
    }
    if (status == THM_OK) {
        status = extents(from, "head.weight", &c.outputs, &cols);
    }
    if (status == THM_OK && c.outputs == 0) {
        status = thm_vit_file_missing(from, "head.weight");
    }
    if (status == THM_OK) {
        status = extents(from, "blocks.0.attn.qkv.weight", &rows, &cols);
    }
    if (status == THM_OK && rows == 0) {
        status = thm_vit_file_missing(from, "blocks.0.attn.qkv.weight");
    }
    if (status == THM_OK && rows % 3 != 0) {
        status = thm_vit_file_wrong(
            from, thm_vit_file_find(from, "blocks.0.attn.qkv.weight"),
            "q, k and v below each other");
    }
    if (status == THM_OK) {
        status = shape_of_heads(from, heads, rows / 3, &c);
    }
    *config = c;
    return status;
}
