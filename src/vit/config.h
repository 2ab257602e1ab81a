/* A vision transformer: its sizes, its parameters and their names.
 *
 *     x_0 = embed(input) [CLS first] + positions
 *     x   = x + proj(attention(LN(x)));  x = x + MLP(LN(x))     depth times
 *     out = head(LN(x))  of the CLS, of the mean over tokens, or of each token
 *
 * (pre-LN; the MLP is fc2(gelu(fc1(.))) with the exact, erf, GELU).  All
 * parameters lie in one block, dealt out by a table of tensors that bear the
 * names of timm's ViT and have its shapes: "blocks.0.attn.qkv.weight" is (3 H d
 * x D), a Linear layer's weight (outputs x inputs).  What timm has not is
 * called "token_embed.weight" (vocabulary x D) and "blocks.0.attn.gain" (H). */
#ifndef THM_VIT_CONFIG_H
#define THM_VIT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"

#define THM_VIT_ATTENTION_TABLE(X)                                             \
    X(THM_VIT_SOFTMAX, "softmax")                                              \
    X(THM_VIT_NORMSOFTMAX_STD, "normsoftmax-std")                              \
    X(THM_VIT_NORMSOFTMAX_VAR, "normsoftmax-var")                              \
    X(THM_VIT_GAUSSIAN, "gaussian")                                            \
    X(THM_VIT_GAUSSIAN_NORMALISED, "gaussian-normalised")                      \
    X(THM_VIT_SIGMOID, "sigmoid")                                              \
    X(THM_VIT_LINEAR, "linear")                                                \
    X(THM_VIT_UNIFORM, "uniform")                                              \
    X(THM_VIT_QK_NORM, "qk-norm")

/* What a layer does with its scores s = q.k, row by row; scale is the model's
 * (1 / sqrt(d) unless a schedule sets it: Heat Treatment moves it), tau = 1 /
 * scale, T the row's tokens.
 *   softmax              softmax(scale s)
 *   normsoftmax-std      softmax(s / min(sd(s), tau)), sd unbiased
 *   normsoftmax-var      softmax(s / min(var(s), tau)), var biased
 *   gaussian             exp(-scale |q - k|^2)
 *   gaussian-normalised  the same by its row sum
 *   sigmoid              1 / (1 + exp(-scale s))
 *   linear               scale s / T
 *   uniform              1 / T
 *   qk-norm              softmax(g q.k / (|q||k|)), g learnt per head
 * With a causal mask row i has the T = i + 1 first tokens, and A is 0 beyond.
 * Where the spread of a row is 0 NormSoftmax is 1 / T and, T > 1, has no
 * derivative (NaN); so has qk-norm where q or k is 0. */
typedef enum {
#define THM_VIT_ENUM(name, text) name,
    THM_VIT_ATTENTION_TABLE(THM_VIT_ENUM)
#undef THM_VIT_ENUM
} thm_vit_attention;

const char *thm_vit_attention_text(thm_vit_attention attention);

typedef enum { THM_VIT_VECTORS, THM_VIT_VOCABULARY } thm_vit_input;
typedef enum { THM_VIT_CLS, THM_VIT_MEAN, THM_VIT_PER_TOKEN } thm_vit_pool;
typedef enum {
    THM_VIT_LEARNED,
    THM_VIT_SINUSOIDAL,
    THM_VIT_NO_POSITIONS
} thm_vit_positions;

/* Where parameters start: as timm's ViT, or as PyTorch's layers by themselves,
 * words, positions and the CLS N(0, 1). */
typedef enum { THM_VIT_AS_TIMM, THM_VIT_AS_PYTORCH } thm_vit_begin;

enum { THM_VIT_LAYERS = 24, THM_VIT_NAME = 48 };

typedef struct {
    thm_vit_input input;
    int tokens;   /* of a sample, without the CLS                             */
    int features; /* numbers of a token (a patch: side^2 x channels), or the
                     size of the vocabulary                                   */
    int width, depth, heads, head_width; /* D, L, H, d                        */
    int mlp_width;                       /* 0: no MLP                         */
    int outputs;
    thm_vit_pool pool;
    thm_vit_positions positions;
    bool causal;
    bool norm, residual; /* layer norms, residual connections                 */
    bool qkv_bias;
    thm_vit_attention attention[THM_VIT_LAYERS];
    thm_vit_begin begin;
    double weight_std; /* of timm's truncated normal start; 0: 0.02           */
} thm_vit_config;

/* 17 tokens of 16 numbers, D = 32, 2 heads of 16, depth 2, MLP 64, 10 outputs,
 * CLS, learned positions: the token model of the two-step task. */
thm_vit_config thm_vit_config_default(void);

/* THM_EDIM or THM_EDOMAIN, msg saying which member, what was expected: sizes
 * from 1 (mlp_width from 0), depth to THM_VIT_LAYERS, weight_std finite, and no
 * causal mask with a CLS, which comes first and would see nothing. */
thm_status thm_vit_config_check(const thm_vit_config *config, thm_message *msg);

/* The same model with another width: MLP and head width in proportion, rounded
 * down, at least 1 (an absent MLP stays absent), and weight_std as 1 /
 * sqrt(width), so that scaled logits begin as spread as before.  heads: how
 * many share the width; width and heads from 1. */
void thm_vit_config_resize(thm_vit_config *config, int width, int heads);

/* Tokens that attention sees: with the CLS. */
int thm_vit_length(const thm_vit_config *config);

/* What a tensor starts from: normal of deviation weight_std, redrawn beyond +-2
 * (matrices, positions, CLS); 0 (biases, shifts); 1 (gains of norms); uniform
 * on +-1 / sqrt(inputs) (the patch embedding and its bias); sqrt(d) (gains of
 * qk-norm: as if q and k went through layer norms, with scale 1 / sqrt(d)).
 * As PyTorch: N(0, 1), untruncated (words, positions, CLS); uniform (all layers
 * and their biases). */
typedef enum {
    THM_VIT_NORMAL,
    THM_VIT_ZERO,
    THM_VIT_ONE,
    THM_VIT_LAYER,
    THM_VIT_GAIN,
    THM_VIT_UNIT
} thm_vit_start;

typedef struct {
    char name[THM_VIT_NAME];
    int rows, cols; /* a vector has rows = 1 */
    int64_t offset; /* in the block          */
    bool decays;    /* by weight decay: not vectors, positions, CLS           */
    bool vector;    /* one-dimensional in a file                              */
    thm_vit_start start;
    int inputs; /* of the layer that it belongs to; 0: of none */
    int layer;  /* -1 outside of the blocks                    */
} thm_vit_tensor;

typedef struct {
    int count;
    thm_vit_tensor *tensors;
    int64_t total; /* parameters */
} thm_vit_layout;

/* THM_EDIM, THM_EDOMAIN of the check; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_vit_layout_alloc(const thm_vit_config *config,
                                thm_vit_layout *layout);
void thm_vit_layout_free(thm_vit_layout *layout);

/* The tensor of that name; NULL if there is none. */
const thm_vit_tensor *thm_vit_find(const thm_vit_layout *layout,
                                   const char *name);

/* Fills the block (layout->total) from the seed.  Each tensor has a stream of
 * its own, a hash of its name: tensors of one name and size begin alike in all
 * configurations of one weight_std, for one seed. */
void thm_vit_initialise(const thm_vit_config *config,
                        const thm_vit_layout *layout, uint64_t seed,
                        float *block);

#endif
