/* A user's attention head, read from files and found good. */
#ifndef USER_HEAD_H
#define USER_HEAD_H

#include <stdint.h>
#include "attn/head.h"
#include "core/status.h"
#include "io/tensor.h"

typedef struct {
    const char *x, *wq, *wk, *wv;
    const char *g; /* NULL: drawn from seed              */
    double tau;    /* 0: sqrt(d)                         */
    uint64_t seed;
} user_head_files;

typedef struct {
    thm_head head; /* points into the tensors */
    const double *G;
    thm_head_state state;
    double *dWq, *dWk, *dWv; /* (D x d) */
    thm_tensor tensors[4];
    thm_tensor g;    /* empty if G was drawn */
    double *drawn_g; /* NULL if G was read   */
    double *gradients;
} user_head;

/* Zeroes *u, then reads the files: X (n x D), the weights (D x d), G (n x d),
 * finite; leading dimensions flatten to rows, a text column is a matrix of one
 * column.  Without a file, G is drawn N(0, 1).
 * As thm_tensor_read; THM_EFORMAT if the shapes do not fit; msg says which. */
thm_status user_head_read(const user_head_files *files, user_head *u,
                          thm_message *msg);

/* Forward and backward.  THM_EDOMAIN, with a message, if the scores overflow.
 */
thm_status user_head_differentiate(user_head *u, thm_message *msg);

/* Writes dS, dWq, dWk, dWv as safetensors. */
thm_status user_head_save(const user_head *u, const char *path,
                          thm_message *msg);

/* Frees what a read left behind, also a failed one. */
void user_head_free(user_head *u);

#endif
