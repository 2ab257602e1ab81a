/* Labelled pictures: a folder with the four IDX files of MNIST or one of its
 * relatives, each plain or gzip. */
#ifndef THM_VIT_DATA_H
#define THM_VIT_DATA_H

#include "io/idx.h"
#include "vit/task.h"

enum { THM_PICTURE_SIDE = 28, THM_PICTURE_CLASSES = 10 };

/* One split, all of it. */
typedef struct {
    char *folder; /* owned */
    thm_idx images, labels;
    double share[THM_PICTURE_CLASSES];  /* of each class; adds up to 1        */
    int count_of[THM_PICTURE_CLASSES];  /* pictures of each class             */
    int *of_class[THM_PICTURE_CLASSES]; /* their numbers, ascending; point
                                           into `order`                       */
    int *order;                         /* owned                              */
} thm_pictures;

/* {train|t10k}-images-idx3-ubyte and -labels-idx1-ubyte of the folder, or the
 * same with ".gz".  THM_EIO, THM_EFORMAT (not 28 x 28, another number of labels
 * than of pictures, a label beyond 9), THM_ENOMEM; msg says where, what was
 * expected, what was found. */
thm_status thm_pictures_read(const char *folder, thm_split split,
                             thm_pictures *out, thm_message *msg);
/* Takes NULL and zeroed. */
void thm_pictures_free(thm_pictures *pictures);

/* A JSON object: folder, items, CRC-32 of all pictures and of all labels (their
 * bytes without the IDX header), hexadecimal; NULL if out of memory. */
struct json_t *thm_pictures_record(const thm_pictures *pictures);

/* Picture k, row-major: (28 x 28). */
const unsigned char *thm_picture(const thm_pictures *pictures, int k);

/* Whether the folder has training pictures of that kind. */
bool thm_pictures_present(const char *folder);

#endif
