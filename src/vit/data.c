/* Folders of labelled pictures. */
#include "vit/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#include "core/file.h"

enum { PIXELS = THM_PICTURE_SIDE * THM_PICTURE_SIDE };

static const char *const image_files[] = {"train-images-idx3-ubyte",
                                          "t10k-images-idx3-ubyte"};
static const char *const label_files[] = {"train-labels-idx1-ubyte",
                                          "t10k-labels-idx1-ubyte"};

/* The file as it is there, with or without ".gz"; with it if it is not. */
static char *path_of(const char *folder, const char *name)
{
    char *plain = thm_path_join(folder, name);
    if (plain == NULL || access(plain, F_OK) == 0) {
        return plain;
    }
    char *packed = NULL;
    if (asprintf(&packed, "%s.gz", plain) < 0) {
        packed = NULL;
    }
    free(plain);
    return packed;
}

bool thm_pictures_present(const char *folder)
{
    char *path = path_of(folder, image_files[THM_SPLIT_TRAIN]);
    const bool there = path != NULL && access(path, F_OK) == 0;
    free(path);
    return there;
}

static thm_status read_part(const char *folder, const char *name, thm_idx *out,
                            thm_message *msg)
{
    char *path = path_of(folder, name);
    if (path == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    }
    const thm_status status = thm_idx_read(path, 0, out, msg);
    free(path);
    return status;
}

static thm_status check(const thm_pictures *p, thm_split split,
                        thm_message *msg)
{
    const thm_idx *i = &p->images, *l = &p->labels;
    const int side = THM_PICTURE_SIDE;
    if (i->rows != side || i->cols != side) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s/%s: expected pictures of %d x %d, found %d x %d",
                        p->folder, image_files[split], side, side, i->rows,
                        i->cols);
    }
    if (l->rows != 1 || l->cols != 1 || l->count != i->count) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s/%s: expected %d labels, found %d x %d x %d",
                        p->folder, label_files[split], i->count, l->count,
                        l->rows, l->cols);
    }
    for (int k = 0; k < l->count; k++) {
        if (l->data[k] >= THM_PICTURE_CLASSES) {
            return thm_fail(THM_EFORMAT, msg,
                            "%s/%s: item %d: expected a label from 0 to %d, "
                            "found %d",
                            p->folder, label_files[split], k,
                            THM_PICTURE_CLASSES - 1, l->data[k]);
        }
    }
    return THM_OK;
}

/* Counting sort of the pictures by class. */
static void sort(thm_pictures *p)
{
    for (int k = 0; k < p->labels.count; k++) {
        p->count_of[p->labels.data[k]]++;
    }
    int *next = p->order;
    for (int c = 0; c < THM_PICTURE_CLASSES; c++) {
        p->of_class[c] = next;
        next += p->count_of[c];
        p->share[c] = (double)p->count_of[c] / p->labels.count;
    }
    int filled[THM_PICTURE_CLASSES] = {0};
    for (int k = 0; k < p->labels.count; k++) {
        const int c = p->labels.data[k];
        p->of_class[c][filled[c]++] = k;
    }
}

thm_status thm_pictures_read(const char *folder, thm_split split,
                             thm_pictures *out, thm_message *msg)
{
    thm_pictures p = {.folder = strdup(folder)};
    thm_status status =
        p.folder != NULL
            ? THM_OK
            : thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    if (status == THM_OK) {
        status = read_part(folder, image_files[split], &p.images, msg);
    }
    if (status == THM_OK) {
        status = read_part(folder, label_files[split], &p.labels, msg);
    }
    if (status == THM_OK) {
        status = check(&p, split, msg);
    }
    if (status == THM_OK) {
        p.order = malloc((size_t)p.labels.count * sizeof *p.order);
        if (p.order == NULL) {
            status = thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
        }
    }
    if (status != THM_OK) {
        thm_pictures_free(&p);
        return status;
    }
    sort(&p);
    *out = p;
    return THM_OK;
}

void thm_pictures_free(thm_pictures *pictures)
{
    if (pictures != NULL) {
        thm_idx_free(&pictures->images);
        thm_idx_free(&pictures->labels);
        free(pictures->order);
        free(pictures->folder);
        *pictures = (thm_pictures){0};
    }
}

const unsigned char *thm_picture(const thm_pictures *pictures, int k)
{
    return pictures->images.data + (size_t)k * PIXELS;
}

static void checksum(const thm_idx *idx, char text[9])
{
    const size_t size =
        (size_t)idx->count * (size_t)idx->rows * (size_t)idx->cols;
    snprintf(text, 9, "%08lx", crc32_z(crc32(0, NULL, 0), idx->data, size));
}

json_t *thm_pictures_record(const thm_pictures *pictures)
{
    char images[9], labels[9];
    checksum(&pictures->images, images);
    checksum(&pictures->labels, labels);
    return json_pack("{s:s, s:i, s:s, s:s}", "folder", pictures->folder,
                     "items", pictures->images.count, "images_crc32", images,
                     "labels_crc32", labels);
}
