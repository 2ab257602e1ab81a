/* Pictures cut into patches: see images.h. */
#include "vit/images.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/idx.h"
#include "io/tensor.h"

/* Pictures as they stand in a file: one of the two has the numbers. */
typedef struct {
    thm_tensor tensor;
    thm_idx idx;
    size_t count, channels, height, width;
} pictures;

static void pictures_free(pictures *p)
{
    thm_tensor_free(&p->tensor);
    thm_idx_free(&p->idx);
}

/* IDX begins with 00 00 08, or is compressed; safetensors have '{' at byte 8.
 */
static bool is_idx(const char *path)
{
    unsigned char head[9] = {1};
    FILE *stream = fopen(path, "rb");
    const size_t size = stream ? fread(head, 1, sizeof head, stream) : 0;
    if (stream) {
        fclose(stream);
    }
    return (size >= 2 && head[0] == 0x1f && head[1] == 0x8b) ||
           (size >= 3 && memcmp(head, "\0\0\x08", 3) == 0 &&
            (size < 9 || head[8] != '{'));
}

static thm_status read_file(const char *spec, int limit, pictures *p,
                            thm_message *msg)
{
    if (is_idx(spec)) {
        const thm_status status = thm_idx_read(spec, limit, &p->idx, msg);
        p->count = (size_t)p->idx.count;
        p->channels = 1;
        p->height = (size_t)p->idx.rows;
        p->width = (size_t)p->idx.cols;
        return status;
    }
    thm_status status = thm_tensor_read(spec, &p->tensor, msg);
    if (status != THM_OK) {
        return status;
    }
    const thm_tensor *t = &p->tensor;
    if ((t->ndim != 3 && t->ndim != 4) || t->count == 0) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected pictures, N x C x H x W, found %d "
                        "dimensions and %zu numbers",
                        spec, t->ndim, t->count);
    }
    const size_t *last = t->shape + t->ndim;
    p->count = t->ndim == 4 ? t->shape[0] : 1;
    p->channels = last[-3];
    p->height = last[-2];
    p->width = last[-1];
    return thm_tensor_finite(t, spec, false, msg);
}

/* Channels and patches that make the tokens that the model has. */
static thm_status fit(const char *spec, const pictures *p,
                      const thm_vit_config *c, int channels,
                      thm_vit_images *out, thm_message *msg)
{
    if (p->count > INT_MAX || p->channels > INT_MAX || p->height > INT_MAX ||
        p->width > INT_MAX) {
        return THM_EOVERFLOW;
    }
    const int area = c->features / (int)p->channels;
    const int side = (int)lrint(sqrt(area));
    if ((channels > 0 && p->channels != (size_t)channels) ||
        (size_t)c->features != p->channels * (size_t)side * (size_t)side) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected pictures whose patches have %d numbers "
                        "(%d channels; 0: any), found %zu channels",
                        spec, c->features, channels, p->channels);
    }
    out->count = (int)p->count;
    out->channels = (int)p->channels;
    out->patch = side;
    out->rows = (int)p->height / side;
    out->cols = (int)p->width / side;
    if ((size_t)out->rows * (size_t)side != p->height ||
        (size_t)out->cols * (size_t)side != p->width ||
        (size_t)out->rows * (size_t)out->cols != (size_t)c->tokens) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected pictures of %d patches of %d x %d "
                        "pixels, found %zu x %zu pixels",
                        spec, c->tokens, side, side, p->height, p->width);
    }
    return THM_OK;
}

static double pixel(const pictures *p, size_t at)
{
    return p->idx.data ? p->idx.data[at] / 255.0 : p->tensor.data[at];
}

static void cut(const pictures *p, thm_vit_images *out)
{
    const size_t side = (size_t)out->patch, C = p->channels, H = p->height,
                 W = p->width, cols = (size_t)out->cols;
    const size_t area = side * side, tokens = (size_t)out->rows * cols;
    for (size_t n = 0; n < (size_t)out->count; n++) {
        for (size_t c = 0; c < C; c++) {
            for (size_t y = 0; y < H; y++) {
                for (size_t x = 0; x < W; x++) {
                    const size_t token = y / side * cols + x / side;
                    const size_t in = c * area + y % side * side + x % side;
                    out->x[(n * tokens + token) * C * area + in] =
                        (float)pixel(p, ((n * C + c) * H + y) * W + x);
                }
            }
        }
    }
}

thm_status thm_vit_images_read(const char *spec, const thm_vit_config *config,
                               int channels, int limit, thm_vit_images *out,
                               thm_message *msg)
{
    pictures p = {0};
    thm_vit_images images = {0};
    size_t numbers = 0;
    thm_status status = THM_OK;
    if (config->input != THM_VIT_VECTORS) {
        return thm_fail(THM_EDOMAIN, msg,
                        "%s: expected a model of pictures, found one of words",
                        spec);
    }
    status = read_file(spec, limit, &p, msg);
    if (status == THM_OK && limit > 0 && p.count > (size_t)limit) {
        p.count = (size_t)limit;
    }
    if (status == THM_OK) {
        status = fit(spec, &p, config, channels, &images, msg);
    }
    if (status == THM_OK) {
        numbers = p.count * p.channels * p.height * p.width;
        images.x = malloc(numbers * sizeof *images.x);
        status = images.x ? THM_OK : THM_ENOMEM;
    }
    if (status == THM_OK) {
        cut(&p, &images);
    }
    for (size_t k = 0; status == THM_OK && k < numbers; k++) {
        if (!isfinite(images.x[k])) {
            status = thm_fail(THM_EFORMAT, msg,
                              "%s: expected numbers of single precision, found "
                              "one beyond",
                              spec);
        }
    }
    pictures_free(&p);
    if (status != THM_OK) {
        thm_vit_images_free(&images);
        return status;
    }
    *out = images;
    return THM_OK;
}

void thm_vit_images_free(thm_vit_images *images)
{
    if (images) {
        free(images->x);
        *images = (thm_vit_images){0};
    }
}
