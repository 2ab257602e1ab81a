/* Maps of a forward and backward pass, a number a token: where attention goes
 * and where the gradient comes from (paper-notes/hoffmann2024.md,
 * "Definitions").
 *
 * Token 0 is the CLS where there is one; T = thm_vit_length. */
#ifndef THM_VIT_MAPS_H
#define THM_VIT_MAPS_H

#include "vit/model.h"

typedef struct {
    int samples, layers, heads, T;
    float *received;   /* (S x L x H x T) attention that a token receives, mean
                          over the rows of A                                  */
    float *cls;        /* (S x L x H x T) the CLS' row of A; NULL without one */
    float *gradient;   /* (S x T) |d loss / d x_0| of the token's vector: patch
                          embedding and position                              */
    float *feature[3]; /* (S x L x H x T) by q, k, v: mean over the head's
                          width of |d sum(z) / d q| etc., z = A v: the feature
                          gradients of Hoffmann et al. 2024                 */
    float *block;      /* owns them */
} thm_vit_maps;

/* Of samples 0, ..., samples - 1 of the last run of work, which was one with a
 * gradient, of a model `config` with these parameters.
 * THM_EDIM if samples < 1; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_vit_maps_read(const thm_vit_config *config, thm_vit32 *work,
                             const float *params, int samples,
                             thm_vit_maps *out);
/* Takes NULL and zeroed. */
void thm_vit_maps_free(thm_vit_maps *maps);

/* Safetensors, F32: "attention.received", "attention.cls", "gradient",
 * "feature.q", "feature.k", "feature.v" with the shapes above, and "input" (S x
 * tokens x features), what the model saw, unless NULL.
 * THM_EIO, THM_ENOMEM; as thm_tensor_write. */
thm_status thm_vit_maps_write(const char *path, const thm_vit_maps *maps,
                              const thm_vit_config *config, const float *input,
                              thm_message *msg);

/* How tokens lie: rows x cols patches of `side` pixels, or a sequence of cols
 * tokens with rows = 1 and side = 0. */
typedef struct {
    int rows, cols, side, channels;
} thm_vit_grid;

/* Of patches of `side` pixels that make a square picture (vit/task.h:
 * thm_task_patch); side = 0: a sequence. */
thm_vit_grid thm_vit_grid_of(const thm_vit_config *config, int side);

/* What plots/attention-maps.gp draws, row by row.  Panel 0 is the input (grey
 * values of pixels; of a sequence the norms of its tokens; missing where input
 * is NULL), 1 the gradient, 2 + layer H + head (layer and head counted from 1,
 * else 0) what tokens receive.  A row is a pixel, or a token: its value, the
 * input's from its smallest to its largest, the others over the largest of a
 * patch - of a sequence the CLS is token 0 and counts - and the panel's largest
 * itself and the CLS' own, both as they are.  A block is a panel of a sample;
 * of a sequence, a sample, whose rows are the panels.
 * put receives the rows, and NULL at the end of a block.  THM_ENOMEM. */
#define THM_VIT_MAPS_TABLE(X)                                                  \
    X(SAMPLE, "sample", "1")                                                   \
    X(PANEL, "panel", "1")                                                     \
    X(LAYER, "layer", "1")                                                     \
    X(HEAD, "head", "1")                                                       \
    X(ROW, "row", "1")                                                         \
    X(COLUMN, "column", "1")                                                   \
    X(VALUE, "value", "1")                                                     \
    X(LARGEST, "largest", "1")                                                 \
    X(CLS, "cls", "1")                                                         \
    X(SIDE, "side", "pixel")

enum {
#define THM_VIT_MAPS_ENUM(id, name, unit) THM_VIT_MAPS_##id,
    THM_VIT_MAPS_TABLE(THM_VIT_MAPS_ENUM)
#undef THM_VIT_MAPS_ENUM
        THM_VIT_MAPS_COLUMNS
};

thm_status thm_vit_maps_rows(const thm_vit_maps *maps, const thm_vit_grid *grid,
                             const thm_vit_config *config, const float *input,
                             void (*put)(const double *row, void *ctx),
                             void *ctx);

/* The same as a file (core/tsv.h), two blank lines behind a block.  THM_EIO,
 * THM_ENOMEM as thm_tsv_commit. */
thm_status thm_vit_maps_series(const char *path, const thm_vit_maps *maps,
                               const thm_vit_grid *grid,
                               const thm_vit_config *config, const float *input,
                               thm_message *msg);

#endif
