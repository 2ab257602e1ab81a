/* Folders of pictures made for a test, below the scratch folder: pictures that
 * show their class and number. */
#ifndef TESTS_PICTURE_FOLDER_H
#define TESTS_PICTURE_FOLDER_H

#include <zlib.h>

#include "tests/scratch.h"

enum { SIDE = 28, BITS = 14 };

static inline void be32(unsigned char *to, unsigned value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

/* Item `number` of class c: rows 2c and 2c + 1 are white, and columns 2b, 2b +
 * 1 of rows 24 to 27 where bit b of the number is set: what halving keeps. */
static inline void paint(int class, int number, unsigned char *out)
{
    memset(out, 0, SIDE * SIDE);
    memset(out + (size_t)(2 * class * SIDE), 255, 2 * SIDE);
    for (int b = 0; b < BITS; b++) {
        for (int row = 24; row < SIDE && (number >> b & 1) != 0; row++) {
            memset(out + row * SIDE + 2 * b, 255, 2);
        }
    }
}

static inline void put_file(const char *folder, const char *name,
                            const unsigned char *head, size_t size,
                            const unsigned char *body, size_t length)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s.gz", folder, name);
    gzFile file = gzopen(path, "wb1");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, head, (unsigned)size), (int)size);
    ck_assert_int_eq(gzwrite(file, body, (unsigned)length), (int)length);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* A folder below the scratch folder: `count_of` pictures of each class in both
 * splits, in turn as long as there are any. */
static inline const char *folder_of(const char *name, const int count_of[10])
{
    static char folder[256];
    snprintf(folder, sizeof folder, "%s", scratch_path(name));
    char command[300];
    snprintf(command, sizeof command, "mkdir -p %s", folder);
    ck_assert_int_eq(system(command), 0);
    int total = 0, left[10];
    for (int c = 0; c < 10; c++) {
        total += left[c] = count_of[c];
    }
    unsigned char *images = malloc((size_t)total * SIDE * SIDE);
    unsigned char *labels = malloc((size_t)total);
    ck_assert(images != NULL && labels != NULL);
    for (int k = 0, c = 0; k < total; c = (c + 1) % 10) {
        if (left[c] > 0) {
            left[c]--;
            labels[k] = (unsigned char)c;
            paint(c, k, images + (size_t)k * SIDE * SIDE);
            k++;
        }
    }
    unsigned char head[16] = {0, 0, 8, 3}, short_head[8] = {0, 0, 8, 1};
    be32(head + 4, (unsigned)total);
    be32(head + 8, SIDE);
    be32(head + 12, SIDE);
    be32(short_head + 4, (unsigned)total);
    const char *const splits[] = {"train", "t10k"};
    for (int s = 0; s < 2; s++) {
        char file[64];
        snprintf(file, sizeof file, "%s-images-idx3-ubyte", splits[s]);
        put_file(folder, file, head, 16, images, (size_t)total * SIDE * SIDE);
        snprintf(file, sizeof file, "%s-labels-idx1-ubyte", splits[s]);
        put_file(folder, file, short_head, 8, labels, (size_t)total);
    }
    free(images);
    free(labels);
    return folder;
}

#endif
