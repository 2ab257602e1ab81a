/* A file of tensors that a transformer is read from, and what its shapes tell:
 * shared by weights.c and weights_shape.c. */
#ifndef THM_VIT_WEIGHTS_INSIDE_H
#define THM_VIT_WEIGHTS_INSIDE_H

#include <stdbool.h>
#include "io/tensor.h"
#include "vit/config.h"

typedef struct {
    const char *where;
    const unsigned char *bytes;
    size_t size, count;
    thm_tensor *list; /* of the file, without numbers */
    thm_message *msg;
} thm_vit_file;

/* NULL if there is none. */
const thm_tensor *thm_vit_file_find(const thm_vit_file *from, const char *name);

/* "[3, 4]". */
void thm_vit_file_shape(const thm_tensor *t, size_t size, char *text);

/* THM_EFORMAT: expected a shape, or that tensor, found another or none. */
thm_status thm_vit_file_wrong(const thm_vit_file *from, const thm_tensor *t,
                              const char *expected);
thm_status thm_vit_file_missing(const thm_vit_file *from, const char *name);

/* The last two extents of a tensor, 1 x n for a vector; false, both undefined,
 * if one before them is not 1 or one is 0 or beyond int. */
bool thm_vit_file_matrix(const thm_tensor *t, int *rows, int *cols);

/* The model that a file without a record is of; *channels as thm_vit_weights
 * has it.  Statuses of thm_vit_weights_parse. */
thm_status thm_vit_file_config(const thm_vit_file *from, int heads,
                               thm_vit_config *config, int *channels);

#endif
