/* The transformer backward, in the reverse order of model_forward_real.c.
 * work->dx holds the gradient by the residual stream, from the last layer to
 * the first. */
#include "vit/model_work.h"

#include <string.h>

/* Gradient by the stream behind the last block. */
static void read_out_back(VIT *work, const real *params, real *gradient)
{
    const thm_vit_config *c = &work->config;
    const size_t D = (size_t)c->width, n = (size_t)work->count;
    const size_t T = (size_t)work->T;
    const int last = work->count * vit_last_rows(c);
    real *dy = work->d_normed;
    vit_linear_back(work, work->count * vit_output_rows(c), c->width,
                    c->outputs, work->pooled, params + work->at.head_weight,
                    work->d_outputs, gradient + work->at.head_weight,
                    gradient + work->at.head_bias, dy);
    if (c->pool == THM_VIT_MEAN) {
        for (size_t s = n; s-- > 0;) { /* backwards: rows move up in place */
            for (size_t j = 0; j < D; j++) {
                const real share = dy[s * D + j] / (real)work->T;
                for (size_t t = 0; t < T; t++) {
                    dy[(s * T + t) * D + j] = share;
                }
            }
        }
    }
    memset(work->d_last, 0, (size_t)last * D * sizeof(real));
    if (c->norm) {
        work->kernels->norm_back(
            last, c->width, work->last, params + work->at.norm_weight,
            work->mean, work->rstd, dy, work->d_last,
            gradient + work->at.norm_weight, gradient + work->at.norm_bias);
    } else {
        work->kernels->add((size_t)last * D, dy, work->d_last);
    }
    if (c->pool == THM_VIT_CLS) {
        memset(work->dx, 0, n * T * D * sizeof(real));
        for (size_t s = 0; s < n; s++) {
            memcpy(work->dx + s * T * D, work->d_last + s * D,
                   D * sizeof(real));
        }
    }
}

/* The end of a branch that began with a norm of x: d_normed is the gradient by
 * its output; dx goes from behind the branch to before it. */
static void enter_back(VIT *work, const real *params, real *gradient,
                       const real *x, int64_t weight, int64_t bias,
                       const real *mean, const real *rstd)
{
    const thm_vit_config *c = &work->config;
    const int R = work->count * work->T;
    const size_t size = (size_t)R * (size_t)c->width;
    if (!c->residual) {
        memset(work->dx, 0, size * sizeof(real));
    }
    if (c->norm) {
        work->kernels->norm_back(R, c->width, x, params + weight, mean, rstd,
                                 work->d_normed, work->dx, gradient + weight,
                                 gradient + bias);
    } else {
        work->kernels->add(size, work->d_normed, work->dx);
    }
}

static void mlp_back(VIT *work, int l, const real *params, real *gradient)
{
    const thm_vit_config *c = &work->config;
    const vit_block_offsets *at = &work->at.block[l];
    const vit_layer *y = &work->layer[l];
    const int R = work->count * work->T;
    vit_linear_back(work, R, c->mlp_width, c->width, y->hidden,
                    params + at->fc2_weight, work->dx,
                    gradient + at->fc2_weight, gradient + at->fc2_bias,
                    work->d_hidden);
    work->kernels->times((size_t)R * (size_t)c->mlp_width, y->slope,
                         work->d_hidden);
    vit_linear_back(work, R, c->width, c->mlp_width, y->normed2,
                    params + at->fc1_weight, work->d_hidden,
                    gradient + at->fc1_weight, gradient + at->fc1_bias,
                    work->d_normed);
    enter_back(work, params, gradient, y->mid, at->norm2_weight, at->norm2_bias,
               y->mean2, y->rstd2);
}

static void attention_branch_back(VIT *work, int l, const real *params,
                                  real *gradient)
{
    const thm_vit_config *c = &work->config;
    const vit_block_offsets *at = &work->at.block[l];
    const vit_layer *y = &work->layer[l];
    const int R = work->count * work->T;
    vit_linear_back(work, R, work->inside, c->width, y->z,
                    params + at->proj_weight, work->dx,
                    gradient + at->proj_weight, gradient + at->proj_bias,
                    work->dz);
    vit_attention_back(work, l, params, gradient);
    vit_linear_back(work, R, c->width, 3 * work->inside, y->normed,
                    params + at->qkv_weight, work->qkv,
                    gradient + at->qkv_weight,
                    vit_gradient_of(gradient, at->qkv_bias), work->d_normed);
    enter_back(work, params, gradient, work->x[l], at->norm1_weight,
               at->norm1_bias, y->mean1, y->rstd1);
}

static void embed_back(VIT *work, const real *params,
                       const thm_vit_batch *batch, real *gradient)
{
    const thm_vit_config *c = &work->config;
    const size_t D = (size_t)c->width, T = (size_t)work->T;
    real *dW = gradient + work->at.embed_weight;
    real *d_cls = vit_gradient_of(gradient, work->at.cls);
    real *d_positions = vit_gradient_of(gradient, work->at.positions);
    const real *dx = work->dx;
    for (int s = 0, i = 0; s < work->count; s++) {
        if (d_positions != NULL) {
            work->kernels->add(T * D, dx, d_positions);
        }
        if (d_cls != NULL) {
            work->kernels->add(D, dx, d_cls);
            dx += D;
        }
        for (int t = 0; t < c->tokens; t++, i++, dx += D) {
            if (c->input == THM_VIT_VECTORS) {
                memcpy(work->embedded + (size_t)i * D, dx, D * sizeof(real));
            } else {
                work->kernels->add(D, dx, dW + (size_t)batch->ids[i] * D);
            }
        }
    }
    if (c->input == THM_VIT_VECTORS) {
        vit_linear_back(work, work->count * c->tokens, c->features, c->width,
                        work->inputs, params + work->at.embed_weight,
                        work->embedded, dW, gradient + work->at.embed_bias,
                        NULL);
    }
}

/* In the order in which the tensors were reached. */
static thm_status check_gradient(const VIT *work, const real *gradient,
                                 thm_message *msg)
{
    for (int i = work->layout.count - 1; i >= 0; i--) {
        const thm_vit_tensor *t = &work->layout.tensors[i];
        if (!work->kernels->finite((size_t)t->rows * (size_t)t->cols,
                                   gradient + t->offset)) {
            return thm_fail(THM_EDOMAIN, msg,
                            "the gradient of %s is not finite", t->name);
        }
    }
    return THM_OK;
}

thm_status vit_backward(VIT *work, const real *params,
                        const thm_vit_batch *batch, real *gradient,
                        thm_message *msg)
{
    read_out_back(work, params, gradient);
    for (int l = work->config.depth - 1; l >= 0; l--) {
        if (work->config.mlp_width > 0) {
            mlp_back(work, l, params, gradient);
        }
        attention_branch_back(work, l, params, gradient);
    }
    embed_back(work, params, batch, gradient);
    return check_gradient(work, gradient, msg);
}
