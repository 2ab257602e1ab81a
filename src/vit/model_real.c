/* Room of the transformer: one block, dealt out by sizes. */
#include "vit/model_work.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

static int64_t offset_of(const thm_vit_layout *layout, int l, const char *name)
{
    char full[THM_VIT_NAME];
    if (l >= 0) {
        snprintf(full, sizeof full, "blocks.%d.%s", l, name);
        name = full;
    }
    const thm_vit_tensor *t = thm_vit_find(layout, name);
    return t == NULL ? -1 : t->offset;
}

static void find_tensors(VIT *work)
{
    const thm_vit_layout *all = &work->layout;
    const bool words = work->config.input == THM_VIT_VOCABULARY;
    work->at.cls = offset_of(all, -1, "cls_token");
    work->at.positions = offset_of(all, -1, "pos_embed");
    work->at.embed_weight = offset_of(
        all, -1, words ? "token_embed.weight" : "patch_embed.proj.weight");
    work->at.embed_bias = offset_of(all, -1, "patch_embed.proj.bias");
    work->at.norm_weight = offset_of(all, -1, "norm.weight");
    work->at.norm_bias = offset_of(all, -1, "norm.bias");
    work->at.head_weight = offset_of(all, -1, "head.weight");
    work->at.head_bias = offset_of(all, -1, "head.bias");
    for (int l = 0; l < work->config.depth; l++) {
        work->at.block[l] = (vit_block_offsets){
            .norm1_weight = offset_of(all, l, "norm1.weight"),
            .norm1_bias = offset_of(all, l, "norm1.bias"),
            .qkv_weight = offset_of(all, l, "attn.qkv.weight"),
            .qkv_bias = offset_of(all, l, "attn.qkv.bias"),
            .gain = offset_of(all, l, "attn.gain"),
            .proj_weight = offset_of(all, l, "attn.proj.weight"),
            .proj_bias = offset_of(all, l, "attn.proj.bias"),
            .norm2_weight = offset_of(all, l, "norm2.weight"),
            .norm2_bias = offset_of(all, l, "norm2.bias"),
            .fc1_weight = offset_of(all, l, "mlp.fc1.weight"),
            .fc1_bias = offset_of(all, l, "mlp.fc1.bias"),
            .fc2_weight = offset_of(all, l, "mlp.fc2.weight"),
            .fc2_bias = offset_of(all, l, "mlp.fc2.bias")};
    }
}

/* Deals out a block: counts while there is none. */
typedef struct {
    real *block;
    size_t used;
    thm_status status;
} dealer;

/* rows x cols numbers on a boundary of 64 bytes */
static real *deal(dealer *from, size_t rows, size_t cols)
{
    const size_t line = 64 / sizeof(real);
    size_t size, end;
    real *start = from->block == NULL ? NULL : from->block + from->used;
    if (thm_size_mul(rows, cols, &size) != THM_OK ||
        thm_size_add(size, line - 1, &size) != THM_OK ||
        thm_size_add(from->used, size / line * line, &end) != THM_OK ||
        end > SIZE_MAX / 2 / sizeof(real)) {
        from->status = THM_EOVERFLOW;
        return NULL;
    }
    from->used = end;
    return start;
}

/* Do the squares of q and k matter? */
static bool needs_squares(thm_vit_attention kind)
{
    return kind == THM_VIT_GAUSSIAN || kind == THM_VIT_GAUSSIAN_NORMALISED ||
           kind == THM_VIT_QK_NORM;
}

static void deal_layer(VIT *work, int l, dealer *from)
{
    const thm_vit_config *c = &work->config;
    vit_layer *y = &work->layer[l];
    const size_t T = (size_t)work->T, R = (size_t)work->room * T;
    const size_t D = (size_t)c->width, M = (size_t)c->mlp_width;
    const size_t heads = (size_t)work->room * (size_t)c->heads;
    real **packed[] = {&y->q, &y->k, &y->v, &y->dq, &y->dk, &y->dv};
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
        *packed[i] = deal(from, heads * T, (size_t)c->head_width);
    }
    y->scores = deal(from, heads * T, T);
    y->attention = deal(from, heads * T, T);
    y->z = deal(from, R, (size_t)work->inside);
    work->x[l + 1] = deal(from, R, D);
    y->normed = work->x[l];
    if (c->norm) {
        y->normed = deal(from, R, D);
        y->mean1 = deal(from, R, 1);
        y->rstd1 = deal(from, R, 1);
    }
    if (needs_squares(c->attention[l])) {
        y->q2 = deal(from, heads, T);
        y->k2 = deal(from, heads, T);
    }
    y->mid = work->x[l + 1];
    if (M > 0) {
        y->mid = deal(from, R, D);
        y->normed2 = y->mid;
        y->slope = deal(from, R, M);
        y->hidden = deal(from, R, M);
        if (c->norm) {
            y->normed2 = deal(from, R, D);
            y->mean2 = deal(from, R, 1);
            y->rstd2 = deal(from, R, 1);
        }
    }
}

static void deal_all(VIT *work, dealer *from)
{
    const thm_vit_config *c = &work->config;
    const size_t room = (size_t)work->room, T = (size_t)work->T, R = room * T;
    const size_t D = (size_t)c->width, inside = (size_t)work->inside;
    const size_t tokens = room * (size_t)c->tokens;
    const size_t last = room * (size_t)vit_last_rows(c);
    const size_t rows = room * (size_t)vit_output_rows(c);
    if (c->input == THM_VIT_VECTORS) {
#if THM_REAL == 64
        work->tokens = deal(from, tokens, (size_t)c->features);
#endif
        work->embedded = deal(from, tokens, D);
    }
    if (c->positions == THM_VIT_SINUSOIDAL) {
        work->positions = deal(from, T, D);
    }
    work->x[0] = deal(from, R, D);
    for (int l = 0; l < c->depth; l++) {
        deal_layer(work, l, from);
    }
    work->last =
        c->pool == THM_VIT_CLS ? deal(from, last, D) : work->x[c->depth];
    work->normed = work->last;
    if (c->norm) {
        work->normed = deal(from, last, D);
        work->mean = deal(from, last, 1);
        work->rstd = deal(from, last, 1);
    }
    work->pooled = c->pool == THM_VIT_MEAN ? deal(from, rows, D) : work->normed;
    work->outputs = deal(from, rows, (size_t)c->outputs);
    work->d_outputs = deal(from, rows, (size_t)c->outputs);
    work->dx = deal(from, R, D);
    work->d_last = c->pool == THM_VIT_CLS ? deal(from, last, D) : work->dx;
    work->d_normed = deal(from, R, D);
    work->qkv = deal(from, R, 3 * inside);
    work->dz = deal(from, R, inside);
    work->d_hidden = deal(from, R, (size_t)c->mlp_width);
    work->d_scores = deal(from, T, T);
    work->u = deal(from, T, 1);
    work->w = deal(from, T, 1);
}

/* sin and cos of t / 10000^(2 i / D) at 2 i and 2 i + 1 */
static void fill_positions(VIT *work)
{
    const int D = work->config.width;
    for (int t = 0; t < work->T; t++) {
        for (int j = 0; j < D; j++) {
            const double angle = t * pow(1e4, -(double)(j - j % 2) / D);
            work->positions[(size_t)t * (size_t)D + (size_t)j] =
                (real)(j % 2 == 0 ? sin(angle) : cos(angle));
        }
    }
}

/* Rows, and heads of all rows, are counted in int. */
static thm_status check_rows(const VIT *work)
{
    size_t rows;
    if (thm_size_mul((size_t)work->room, (size_t)work->T, &rows) != THM_OK ||
        thm_size_mul(rows, (size_t)work->config.heads, &rows) != THM_OK ||
        rows > INT_MAX) {
        return THM_EOVERFLOW;
    }
    return THM_OK;
}

static const vit_kernels *kernels_of(thm_isa isa)
{
#if THM_REAL == 32
    switch (isa) {
    case THM_ISA_AVX512:
        return &NAMED(kernels_avx512);
    case THM_ISA_AVX2:
        return &NAMED(kernels_avx2);
    case THM_ISA_BASELINE:
        break;
    }
#else
    (void)isa;
#endif
    return &NAMED(kernels_baseline);
}

#if THM_REAL == 32
void thm_vit32_use(thm_vit32 *work, thm_isa isa)
{
    work->kernels = kernels_of(isa);
}
#endif

static thm_status fill_work(VIT *work)
{
    thm_status status = thm_vit_layout_alloc(&work->config, &work->layout);
    if (status == THM_OK) {
        status = check_rows(work);
    }
    if (status != THM_OK) {
        return status;
    }
    work->inside = work->config.heads * work->config.head_width;
    find_tensors(work);
    dealer from = {0};
    deal_all(work, &from);
    if (from.status != THM_OK) {
        return from.status;
    }
    const size_t size = (from.used * sizeof(real) + 63) / 64 * 64;
    work->block = aligned_alloc(64, size);
    if (work->block == NULL) {
        return THM_ENOMEM;
    }
    memset(work->block, 0, size);
    from = (dealer){.block = work->block};
    deal_all(work, &from);
    if (work->positions != NULL) {
        fill_positions(work);
    }
    return THM_OK;
}

thm_status NAMED(alloc)(const thm_vit_config *config, int room, VIT **work)
{
    thm_status status = thm_vit_config_check(config, NULL);
    if (status != THM_OK || room < 1) {
        return status != THM_OK ? status : THM_EDIM;
    }
    VIT *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return THM_ENOMEM;
    }
    made->config = *config;
    made->kernels = kernels_of(thm_isa_detect());
    made->room = room;
    made->T = thm_vit_length(config);
    status = fill_work(made);
    if (status != THM_OK) {
        NAMED(free)(made);
        return status;
    }
    *work = made;
    return THM_OK;
}

void NAMED(free)(VIT *work)
{
    if (work != NULL) {
        thm_vit_layout_free(&work->layout);
        free(work->block);
        free(work);
    }
}
