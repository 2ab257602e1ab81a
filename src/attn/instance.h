/* Instances of the single-layer model (attn/layer.h): drawn from a seed, or
 * read from the files of a user.
 *
 * A drawn instance is a pure function of its plan.  Every array has a random
 * stream of its own, and an entry is the product of a scale with a number that
 * depends on (seed, index, array, position) alone: another scale or kernel
 * changes nothing else. */
#ifndef THM_INSTANCE_H
#define THM_INSTANCE_H

#include <stdint.h>
#include "attn/layer.h"
#include "core/rng.h"
#include "core/status.h"
#include "io/idx.h"

/* How Wq and Wk are drawn; s is the scale of the plan.
 *   independent  entries s N(0, 1)
 *   equal        as independent, and Wk = Wq
 *   orthogonal   s Q of the QR factorisation of a normal D x d matrix:
 *                orthonormal columns (rows where D < d)
 *   xavier       entries s N(0, 2 / (D + d))                              */
#define THM_SCHEME_TABLE(X)                                                    \
    X(THM_SCHEME_INDEPENDENT, "independent")                                   \
    X(THM_SCHEME_EQUAL, "equal")                                               \
    X(THM_SCHEME_ORTHOGONAL, "orthogonal")                                     \
    X(THM_SCHEME_XAVIER, "xavier")

typedef enum {
#define THM_SCHEME_ENUM(name, text) name,
    THM_SCHEME_TABLE(THM_SCHEME_ENUM)
#undef THM_SCHEME_ENUM
} thm_scheme;

const char *thm_scheme_text(thm_scheme scheme);

/* The words of the tables for THM_OPTION_CHOICE: an index is the enumerator. */
#define THM_KERNEL_CHOICE "softmax|gaussian|gaussian-normalised"
#define THM_SCHEME_CHOICE "independent|equal|orthogonal|xavier"

enum { THM_INSTANCE_STREAMS = 8 };

typedef struct {
    int N, n, D, d, H;
    int m; /* of Y and Wo; 0: there is no Y, Wv, Wo          */
    thm_kernel kernel;
    double c; /* 0: thm_kernel_scale(d)                         */
    thm_scheme scheme;
    double s;             /* scale of Wq, Wk                             */
    double s_v, s_o, s_y; /* entries of Wv, Wo, Y: s_v N(0, 1), ...      */
    double s_x;           /* factor of X, whatever it is made of         */
    /* NULL: entries of X are N(0, 1).  Else X_i are n patches of image number
     * (index N + i) mod count, as thm_tokens_of_image cuts them; not owned. */
    const thm_idx *images;
    uint64_t seed, index;
} thm_instance_plan;

/* Softmax, independent, c = 0, every scale 1, seed 1; sizes 0. */
thm_instance_plan thm_instance_plan_default(void);

/* "N,n,D,d,H,m" as in --draw, or without m, which then stays; `where` begins
 * the message.  THM_EDOMAIN. */
thm_status thm_instance_sizes(const char *where, const char *text,
                              thm_instance_plan *plan, thm_message *msg);

/* "N,n,D", as in --shape.  THM_EDOMAIN, shape untouched. */
thm_status thm_instance_shape(const char *where, const char *text, int shape[3],
                              thm_message *msg);

/* "half" or a positive number, as in --kernel-scale, of a width d; NULL gives
 * thm_kernel_scale(d).  THM_EDOMAIN. */
thm_status thm_instance_scale(const char *text, int d, double *c,
                              thm_message *msg);

/* x: (n x D) <- n patches of image `which` (pixels / 255, not centred): of the
 * grid of squares of side ceil(sqrt D), n squares drawn without repetition, in
 * reading order; of each its first D pixels by rows.
 * THM_EDIM if the grid has fewer than n squares or the side exceeds the image.
 */
thm_status thm_tokens_of_image(const thm_idx *images, int which, int n, int D,
                               thm_rng *rng, double *x);

typedef struct {
    thm_layer layer;                   /* points to the arrays below */
    thm_weights weights;               /* Wv NULL where there is none */
    double *X, *Y, *Wq, *Wk, *Wv, *Wo; /* owned, NULL where there is none */
} thm_instance;

/* On error *out is all zero.  THM_EDIM if a size is < 1 (m: < 0), or as
 * thm_tokens_of_image; THM_EDOMAIN if a scale is negative or not finite, or as
 * thm_layer_check; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_instance_draw(const thm_instance_plan *plan, thm_instance *out,
                             thm_message *msg);

/* Files of a user: safetensors with three dimensions, in the order of layer.h
 * (X: N x n x D, weights: H x D x d, Wo: H x d x m, Y: N x n x m), or text,
 * whose rows are those of the tensor with its first two dimensions flattened.
 * NULL: not given.  X, Wq and Wk must be given. */
typedef struct {
    const char *x, *y, *wq, *wk, *wv, *wo;
    /* "N,n,D": how a text of X is cut into samples; a tensor that has its
     * three dimensions must agree.  NULL: none given.                      */
    const char *shape;
    thm_kernel kernel;
    const char *scale; /* for thm_instance_scale */
} thm_instance_files;

/* Without Y and Wo, m = 1 in *out, which nothing then depends on.  Statuses of
 * thm_tensor_read; THM_EFORMAT if a shape does not fit or an entry is not
 * finite: msg says where, what was expected and what was found.  On error *out
 * is all zero. */
thm_status thm_instance_read(const thm_instance_files *files, thm_instance *out,
                             thm_message *msg);

void thm_instance_free(thm_instance *instance);

#endif
