/* The transformer forward: embedding, blocks, head. */
#include "vit/model_work.h"

#include <string.h>

static thm_status check_finite(const VIT *work, const char *where, int l,
                               size_t size, const real *x, thm_message *msg)
{
    if (work->kernels->finite(size, x)) {
        return THM_OK;
    }
    return l < 0 ? thm_fail(THM_EDOMAIN, msg, "%s is not finite", where)
                 : thm_fail(THM_EDOMAIN, msg, "blocks.%d.%s is not finite", l,
                            where);
}

static const real *vectors(VIT *work, const thm_vit_batch *batch)
{
#if THM_REAL == 32
    (void)work;
    return batch->x;
#else
    const size_t size = (size_t)batch->count * (size_t)work->config.tokens *
                        (size_t)work->config.features;
    for (size_t i = 0; i < size; i++) {
        work->tokens[i] = batch->x[i];
    }
    return work->tokens;
#endif
}

/* x[0]: the CLS, if any, and the embedded tokens; positions added. */
static void embed(VIT *work, const real *params, const thm_vit_batch *batch)
{
    const thm_vit_config *c = &work->config;
    const size_t D = (size_t)c->width, bytes = D * sizeof(real);
    const real *W = params + work->at.embed_weight;
    const real *positions = c->positions == THM_VIT_LEARNED
                                ? params + work->at.positions
                                : work->positions;
    const real *from = work->embedded;
    real *x = work->x[0];
    if (c->input == THM_VIT_VECTORS) {
        work->inputs = vectors(work, batch);
        vit_linear(work, batch->count * c->tokens, c->features, c->width,
                   work->inputs, W, params + work->at.embed_bias, NULL,
                   work->embedded);
    }
    for (int s = 0, i = 0; s < batch->count; s++) {
        real *first = x;
        if (c->pool == THM_VIT_CLS) {
            memcpy(x, params + work->at.cls, bytes);
            x += D;
        }
        for (int t = 0; t < c->tokens; t++, i++, x += D) {
            if (c->input == THM_VIT_VECTORS) {
                memcpy(x, from + (size_t)i * D, bytes);
            } else {
                memcpy(x, W + (size_t)batch->ids[i] * D, bytes);
            }
        }
        if (positions != NULL) {
            work->kernels->add((size_t)work->T * D, positions, first);
        }
    }
}

static void attention_branch(VIT *work, int l, const real *params)
{
    const thm_vit_config *c = &work->config;
    const vit_block_offsets *at = &work->at.block[l];
    vit_layer *y = &work->layer[l];
    const int R = work->count * work->T;
    const real *x = work->x[l];
    if (c->norm) {
        work->kernels->norm(R, c->width, x, params + at->norm1_weight,
                            params + at->norm1_bias, y->normed, y->mean1,
                            y->rstd1);
    }
    vit_linear(work, R, c->width, 3 * work->inside, y->normed,
               params + at->qkv_weight, vit_tensor(params, at->qkv_bias), NULL,
               work->qkv);
    vit_attention(work, l, params);
    vit_linear(work, R, work->inside, c->width, y->z, params + at->proj_weight,
               params + at->proj_bias, c->residual ? x : NULL, y->mid);
}

static void mlp_branch(VIT *work, int l, const real *params)
{
    const thm_vit_config *c = &work->config;
    const vit_block_offsets *at = &work->at.block[l];
    vit_layer *y = &work->layer[l];
    const int R = work->count * work->T;
    if (c->norm) {
        work->kernels->norm(R, c->width, y->mid, params + at->norm2_weight,
                            params + at->norm2_bias, y->normed2, y->mean2,
                            y->rstd2);
    }
    vit_linear(work, R, c->width, c->mlp_width, y->normed2,
               params + at->fc1_weight, params + at->fc1_bias, NULL, y->slope);
    work->kernels->gelu((size_t)R * (size_t)c->mlp_width, y->slope, y->hidden);
    vit_linear(work, R, c->mlp_width, c->width, y->hidden,
               params + at->fc2_weight, params + at->fc2_bias,
               c->residual ? y->mid : NULL, work->x[l + 1]);
}

/* The rows that count, their norm, their mean, the head. */
static void read_out(VIT *work, const real *params)
{
    const thm_vit_config *c = &work->config;
    const size_t D = (size_t)c->width, n = (size_t)work->count;
    const size_t T = (size_t)work->T;
    const int last = work->count * vit_last_rows(c);
    if (c->pool == THM_VIT_CLS) {
        for (size_t s = 0; s < n; s++) {
            memcpy(work->last + s * D, work->x[c->depth] + s * T * D,
                   D * sizeof(real));
        }
    }
    if (c->norm) {
        work->kernels->norm(
            last, c->width, work->last, params + work->at.norm_weight,
            params + work->at.norm_bias, work->normed, work->mean, work->rstd);
    }
    if (c->pool == THM_VIT_MEAN) {
        memset(work->pooled, 0, n * D * sizeof(real));
        for (size_t s = 0; s < n; s++) {
            real *mean = work->pooled + s * D;
            work->kernels->column_sums(work->T, c->width,
                                       work->normed + s * T * D, mean);
            for (size_t j = 0; j < D; j++) {
                mean[j] /= (real)work->T;
            }
        }
    }
    vit_linear(work, work->count * vit_output_rows(c), c->width, c->outputs,
               work->pooled, params + work->at.head_weight,
               params + work->at.head_bias, NULL, work->outputs);
}

thm_status vit_forward(VIT *work, const real *params,
                       const thm_vit_batch *batch, thm_message *msg)
{
    const thm_vit_config *c = &work->config;
    const size_t rows = (size_t)work->count * (size_t)work->T;
    const size_t size = rows * (size_t)c->width;
    embed(work, params, batch);
    thm_status status =
        check_finite(work, "the embedding", -1, size, work->x[0], msg);
    for (int l = 0; l < c->depth && status == THM_OK; l++) {
        attention_branch(work, l, params);
        status = check_finite(work, "attn", l, size, work->layer[l].mid, msg);
        if (status == THM_OK && c->mlp_width > 0) {
            mlp_branch(work, l, params);
            status = check_finite(work, "mlp", l, size, work->x[l + 1], msg);
        }
    }
    if (status == THM_OK) {
        read_out(work, params);
        status = check_finite(work, "the head", -1,
                              (size_t)work->count * (size_t)vit_output_rows(c) *
                                  (size_t)c->outputs,
                              work->outputs, msg);
    }
    return status;
}
