/* Tensors in files: text tables and safetensors, told apart by content.
 *
 * A tensor is read as doubles, row-major, whatever its dtype in the file
 * (F64, F32, F16, BF16); `eps` keeps the unit roundoff of that dtype for
 * callers whose tolerance follows from it. */
#ifndef THM_TENSOR_H
#define THM_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include "core/status.h"

enum { THM_TENSOR_MAX_DIMS = 8 };

typedef struct {
    char name[128]; /* "" for a text file                 */
    int ndim;       /* >= 1                               */
    size_t shape[THM_TENSOR_MAX_DIMS];
    size_t count;  /* product of shape                   */
    double *data;  /* (count), owned                     */
    size_t *lines; /* of each row of a text file, owned;
                    * else NULL                          */
    double eps;    /* 2^-53, 2^-24, 2^-11 or 2^-8        */
    bool text;     /* came from a text file              */
} thm_tensor;

/* Frees what t owns and zeroes it; NULL and a zeroed tensor are allowed. */
void thm_tensor_free(thm_tensor *t);

/* Reads spec = "FILE" or "FILE:NAME" (a file whose name holds a colon is
 * tried whole first).  "-" is standard input.
 *
 * Text: one row a line, blanks or commas between the numbers, '#' starts a
 * comment, last newline optional; every row has the same length.  ndim = 2.
 * nan and inf are read as such: the caller judges them (thm_tensor_finite).
 * Safetensors: 8-byte little-endian header length, JSON header, data; the
 * offsets of all tensors must tile the data section without gap or overlap.
 * A file of several tensors needs NAME; the message lists the names.
 *
 * THM_EIO, THM_EFORMAT, THM_ENOMEM, THM_EOVERFLOW; msg says where (file, and
 * line and column or byte), what was expected and what was found. */
thm_status thm_tensor_read(const char *spec, thm_tensor *out, thm_message *msg);

/* The same from memory; `where` names it in messages, `name` may be NULL. */
thm_status thm_tensor_parse(const char *where, const char *name,
                            const unsigned char *bytes, size_t size,
                            thm_tensor *out, thm_message *msg);

/* The tensors of a safetensors file in memory, in the order of their data, read
 * of the header alone: data = NULL, and eps = 0 where the dtype is none that
 * can be read.  list: (*count), to be freed with free; names of 128 bytes or
 * more are cut.  Statuses of thm_tensor_parse. */
thm_status thm_tensor_list(const char *where, const unsigned char *bytes,
                           size_t size, size_t *count, thm_tensor **list,
                           thm_message *msg);

/* Views t as rows: leading dimensions flatten, the last is the row length.
 * A text vector given as one column (k rows of one number, k > 1) is one row
 * of length k.  THM_EFORMAT if the tensor is empty, THM_EOVERFLOW if a
 * dimension exceeds INT_MAX. */
thm_status thm_tensor_rows(const thm_tensor *t, const char *where, int *rows,
                           int *n, thm_message *msg);

/* Where element `index` of t stands, for a message: "FILE:line: number k" in
 * text, "FILE: row i, column j (from 0)" elsewhere. */
void thm_tensor_place(const thm_tensor *t, const char *where, size_t index,
                      char *out, size_t size);

/* THM_EFORMAT with the place of the first value that is not finite;
 * -inf passes if minus_inf_allowed. */
thm_status thm_tensor_finite(const thm_tensor *t, const char *where,
                             bool minus_inf_allowed, thm_message *msg);

/* Reads a matrix of finite numbers: leading dimensions flatten to rows, the
 * last is the row length.  What *rows and *cols hold is expected of the file
 * unless it is 0, `of` says in a message what they follow from; both receive
 * what was found.  Statuses of thm_tensor_read; THM_EFORMAT. */
thm_status thm_tensor_read_matrix(const char *spec, const char *of,
                                  thm_tensor *t, int *rows, int *cols,
                                  thm_message *msg);

/* The same for a vector: one row, or in text one column, of *n numbers. */
thm_status thm_tensor_read_vector(const char *spec, const char *of,
                                  thm_tensor *t, int *n, thm_message *msg);

/* One tensor to be written. */
typedef struct {
    const char *name;
    int ndim;
    size_t shape[THM_TENSOR_MAX_DIMS];
    const double *data;
    bool f32; /* round to F32, else F64 */
} thm_tensor_out;

/* Writes a safetensors file atomically (core/file.h).
 * THM_EDIM if an ndim is out of range; THM_EDOMAIN if a name is given twice, is
 * not UTF-8 or is "__metadata__"; THM_EOVERFLOW, THM_ENOMEM, THM_EIO. */
thm_status thm_tensor_write(const char *path, int count,
                            const thm_tensor_out *tensors, thm_message *msg);

#endif
