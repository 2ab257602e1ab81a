/* What a run of the transformer keeps, shared by the files model*_real.c.
 *
 * Rows are tokens, sample after sample: R = room T of them.  q, k, v and their
 * gradients are repacked by head, so that a head of a sample is one dense block
 * (T x d): what a kernel for many small products wants. */
#ifndef THM_VIT_MODEL_WORK_H
#define THM_VIT_MODEL_WORK_H

#include "vit/kernels.h"
#include "vit/model.h"

#define vit_layer NAMED(layer)
#define vit_block_offsets NAMED(block_offsets)
#define vit_offsets NAMED(offsets)
#define vit_tensor NAMED(tensor)
#define vit_gradient_of NAMED(gradient_of)
#define vit_output_rows NAMED(output_rows)
#define vit_last_rows NAMED(last_rows)
#define vit_multiply NAMED(multiply)
#define vit_linear NAMED(linear)
#define vit_linear_back NAMED(linear_back)
#define vit_attention NAMED(attention)
#define vit_attention_back NAMED(attention_back)
#define vit_forward NAMED(forward)
#define vit_score NAMED(score)
#define vit_backward NAMED(backward)

/* Tensors of a block and those outside; -1: there is none. */
typedef struct {
    int64_t norm1_weight, norm1_bias, qkv_weight, qkv_bias, gain, proj_weight,
        proj_bias, norm2_weight, norm2_bias, fc1_weight, fc1_bias, fc2_weight,
        fc2_bias;
} vit_block_offsets;

typedef struct {
    int64_t cls, positions, embed_weight, embed_bias, norm_weight, norm_bias,
        head_weight, head_bias;
    vit_block_offsets block[THM_VIT_LAYERS];
} vit_offsets;

typedef struct {
    real *normed, *mean1, *rstd1;   /* (R x D), (R), (R)                    */
    real *q, *k, *v, *dq, *dk, *dv; /* (room x H x T x d)                   */
    real *q2, *k2;                  /* (room x H x T) |q|^2, |k|^2          */
    real *scores, *attention;       /* (room x H x T x T)                   */
    real *z;                        /* (R x H d) heads side by side         */
    real *mid;                      /* (R x D) between attention and MLP    */
    real *normed2, *mean2, *rstd2;  /* (R x D), (R), (R)                    */
    real *slope, *hidden;           /* (R x M) gelu'(h), gelu(h)            */
} vit_layer;

struct VIT {
    thm_vit_config config;
    thm_vit_layout layout;
    vit_offsets at;
    const vit_kernels *kernels;
    int room, T, inside;          /* inside = H d                             */
    int count;                    /* samples of the last run                  */
    double scale[THM_VIT_LAYERS]; /* of the last run                         */
    thm_status failed;            /* of a matrix product                      */

    real *block;                 /* all below                                */
    const real *inputs;          /* (count tokens x F) of the last run       */
    real *tokens;                /* (room tokens x F), double build          */
    real *embedded;              /* (room tokens x D)                        */
    real *positions;             /* (T x D), sinusoidal                      */
    real *x[THM_VIT_LAYERS + 1]; /* (R x D) the residual stream              */
    vit_layer layer[THM_VIT_LAYERS];
    real *last, *d_last;       /* rows that the final norm reads           */
    real *mean, *rstd;         /* of them                                  */
    real *normed;              /* the final norm                           */
    real *pooled;              /* (outputs' rows x D)                      */
    real *outputs, *d_outputs; /* (outputs' rows x outputs)                */
    real *dx, *d_normed;       /* (R x D)                                  */
    real *qkv, *dz;            /* (R x 3 H d), (R x H d)                   */
    real *d_hidden;            /* (R x M)                                  */
    real *d_scores, *u, *w;    /* (T x T), (T), (T)                        */
};

/* Rows of outputs of a sample, and rows that the final norm reads. */
static inline int vit_output_rows(const thm_vit_config *config)
{
    return config->pool == THM_VIT_PER_TOKEN ? config->tokens : 1;
}
static inline int vit_last_rows(const thm_vit_config *config)
{
    return config->pool == THM_VIT_CLS ? 1 : config->tokens;
}

/* C <- op(A) op(B) + beta C; a failure is kept in work->failed. */
void vit_multiply(VIT *work, bool transpose_a, bool transpose_b, int m, int n,
                  int k, const real *A, int lda, const real *B, int ldb,
                  real beta, real *C, int ldc);

/* y (rows x out) <- x (rows x in) W' + bias + base, the last two each NULL
 * allowed. */
void vit_linear(VIT *work, int rows, int in, int out, const real *x,
                const real *W, const real *bias, const real *base, real *y);

/* Adjoint: dW and (NULL allowed) d_bias are added to; dx (NULL allowed) <-
 * dy W. */
void vit_linear_back(VIT *work, int rows, int in, int out, const real *x,
                     const real *W, const real *dy, real *dW, real *d_bias,
                     real *dx);

/* The parts of a run; each leaves THM_EDOMAIN and a message where it saw what
 * is not finite. */
thm_status vit_forward(VIT *work, const real *params,
                       const thm_vit_batch *batch, thm_message *msg);
thm_status vit_score(VIT *work, const thm_vit_batch *batch,
                     const thm_vit_loss *loss, thm_vit_score *score,
                     thm_message *msg);
thm_status vit_backward(VIT *work, const real *params,
                        const thm_vit_batch *batch, real *gradient,
                        thm_message *msg);

/* Attention of one layer: q, k, v from work->qkv and z from them; back: from
 * work->dz the gradient of work->qkv, which it replaces, and of the gains. */
void vit_attention(VIT *work, int l, const real *params);
void vit_attention_back(VIT *work, int l, const real *params, real *gradient);

/* params + offset, or NULL for -1. */
static inline const real *vit_tensor(const real *params, int64_t offset)
{
    return offset < 0 ? NULL : params + offset;
}
static inline real *vit_gradient_of(real *gradient, int64_t offset)
{
    return offset < 0 ? NULL : gradient + offset;
}

#endif
