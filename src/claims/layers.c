/* Instances of the single-layer model for the claims: see layers.h. */
#include "claims/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/verdict.h"
#include "io/idx.h"

enum { ROUNDS = 6, IMAGES = 1000, SIDE = 28, ARRAYS = 6, KERNELS = 3 };
_Static_assert(THM_LAYERS_CASES == THM_LAYERS_FAMILIES * ROUNDS,
               "whole rounds");

struct thm_layers {
    thm_layer_case one;
    char path[512];
    bool tried;     /* whether the image file has been looked for */
    thm_idx images; /* count 0 if there are none                  */
    double *block;  /* ARRAYS x THM_LAYERS_ROOM                   */
};

typedef struct {
    const char *name;
    double scale;
    bool tied;
    thm_tokens tokens;
} family;

static const family families[THM_LAYERS_FAMILIES] = {
    {"s0.05", 0.05, false, THM_TOKENS_NORMAL},
    {"s0.3", 0.3, false, THM_TOKENS_NORMAL},
    {"s1", 1.0, false, THM_TOKENS_NORMAL},
    {"tied0.3", 0.3, true, THM_TOKENS_NORMAL},
    {"tied1", 1.0, true, THM_TOKENS_NORMAL},
    {"fashion4", 0.3, false, THM_TOKENS_PATCHES4},
    {"fashion7", 0.2, false, THM_TOKENS_PATCHES7},
    {"edge", 0.5, false, THM_TOKENS_NORMAL}};

/* N, n, D, d, H, m by round; HD below, at and above Nn, d below and above m. */
static const int shapes[ROUNDS][6] = {{3, 4, 8, 3, 2, 2}, {2, 3, 8, 5, 1, 3},
                                      {2, 2, 3, 2, 2, 3}, {1, 5, 7, 2, 2, 1},
                                      {4, 2, 4, 3, 2, 2}, {2, 5, 4, 3, 3, 2}};

thm_status thm_layers_alloc(const char *images, thm_layers **layers)
{
    thm_layers *self = calloc(1, sizeof *self);
    if (!self) {
        return THM_ENOMEM;
    }
    self->block = calloc((size_t)ARRAYS * THM_LAYERS_ROOM, sizeof(double));
    if (!self->block) {
        free(self);
        return THM_ENOMEM;
    }
    thm_layer_case *c = &self->one;
    double **arrays[ARRAYS] = {&c->X, &c->Y, &c->Wq, &c->Wk, &c->Wv, &c->Wo};
    for (int k = 0; k < ARRAYS; k++) {
        *arrays[k] = self->block + (size_t)k * THM_LAYERS_ROOM;
    }
    snprintf(self->path, sizeof self->path, "%s",
             images ? images : THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz");
    *layers = self;
    return THM_OK;
}

void thm_layers_free(thm_layers *layers)
{
    if (layers) {
        thm_idx_free(&layers->images);
        free(layers->block);
        free(layers);
    }
}

thm_layer_case *thm_layers_case(thm_layers *layers)
{
    return &layers->one;
}

/* ---- tokens ---------------------------------------------------------------
 */

static thm_status load_images(thm_layers *self)
{
    if (self->tried || access(self->path, F_OK) != 0) {
        return THM_OK;
    }
    const thm_status status =
        thm_idx_read(self->path, IMAGES, &self->images, NULL);
    if (status != THM_OK) {
        return status;
    }
    self->tried = true;
    if (self->images.rows != SIDE || self->images.cols != SIDE) {
        thm_idx_free(&self->images);
        return THM_EFORMAT;
    }
    return THM_OK;
}

static void copy_patch(const unsigned char *image, int side, int place,
                       double *x)
{
    const int per_line = SIDE / side;
    const int top = place / per_line * side, left = place % per_line * side;
    for (int i = 0; i < side * side; i++) {
        x[i] = image[(top + i / side) * SIDE + left + i % side] / 255.0;
    }
}

/* X <- n places of the grid, drawn without repetition, of N drawn images. */
static thm_status fill_patches(thm_layers *self, const thm_layer_spec *s,
                               int side, thm_rng *rng)
{
    const thm_status status = load_images(self);
    const int places = SIDE / side * (SIDE / side);
    int order[SIDE / 4 * (SIDE / 4)];
    self->one.absent = self->images.count == 0;
    if (status != THM_OK || self->one.absent) {
        return status;
    }
    for (int i = 0; i < s->N; i++) {
        const size_t which =
            thm_rng_below(rng, (uint64_t)self->images.count) * SIDE * SIDE;
        for (int k = 0; k < places; k++) {
            order[k] = k;
        }
        for (int j = 0; j < s->n; j++) {
            const int k = j + (int)thm_rng_below(rng, (uint64_t)(places - j));
            const int place = order[k];
            order[k] = order[j];
            copy_patch(self->images.data + which, side, place,
                       self->one.X + (size_t)(i * s->n + j) * (size_t)s->D);
        }
    }
    return THM_OK;
}

/* ---- instances ------------------------------------------------------------
 */

static bool fits(int a, int b, int c)
{
    return a >= 1 && b >= 1 && c >= 1 && a <= THM_LAYERS_ROOM &&
           b <= THM_LAYERS_ROOM / a && c <= THM_LAYERS_ROOM / a / b;
}

static int patch_side(thm_tokens tokens)
{
    return tokens == THM_TOKENS_PATCHES4   ? 4
           : tokens == THM_TOKENS_PATCHES7 ? 7
                                           : 0;
}

static thm_status check_spec(const thm_layer_spec *s)
{
    const int side = patch_side(s->tokens);
    if (!fits(s->N, s->n, s->D) || !fits(s->N, s->n, s->m) ||
        !fits(s->H, s->D, s->d) || !fits(s->H, s->d, s->m)) {
        return THM_EDIM;
    }
    if (side > 0 &&
        (s->D != side * side || s->n > SIDE / side * (SIDE / side))) {
        return THM_EDIM;
    }
    return THM_OK;
}

thm_status thm_layers_draw(thm_layers *layers, const thm_layer_spec *spec,
                           uint64_t seed, int64_t index)
{
    thm_layer_case *c = &layers->one;
    thm_status status = check_spec(spec);
    if (status != THM_OK) {
        return status;
    }
    const int64_t weights = (int64_t)spec->H * spec->D * spec->d;
    const double scale = spec->scale;
    thm_rng rng = thm_rng_make(seed, 2 * (uint64_t)index);
    c->rng = thm_rng_make(seed, 2 * (uint64_t)index + 1);
    c->absent = false;
    if (spec->tokens == THM_TOKENS_NORMAL) {
        thm_rng_fill_normal(&rng, (int64_t)spec->N * spec->n * spec->D, 1.0,
                            c->X);
    } else {
        status = fill_patches(layers, spec, patch_side(spec->tokens), &rng);
    }
    thm_rng_fill_normal(&rng, weights, scale, c->Wq);
    thm_rng_fill_normal(&rng, weights, scale, c->Wk);
    if (spec->tied) {
        memcpy(c->Wk, c->Wq, (size_t)weights * sizeof *c->Wk);
    }
    thm_rng_fill_normal(&rng, weights, 1.0 / sqrt((double)spec->D), c->Wv);
    thm_rng_fill_normal(&rng, (int64_t)spec->H * spec->d * spec->m,
                        1.0 / sqrt((double)spec->d), c->Wo);
    thm_rng_fill_normal(&rng, (int64_t)spec->N * spec->n * spec->m, 1.0, c->Y);
    c->weights = (thm_weights){.Wq = c->Wq, .Wk = c->Wk, .Wv = c->Wv};
    c->layer =
        (thm_layer){.N = spec->N,
                    .n = spec->n,
                    .D = spec->D,
                    .d = spec->d,
                    .H = spec->H,
                    .m = spec->m,
                    .kernel = spec->kernel,
                    .c = spec->c > 0.0 ? spec->c : 1.0 / sqrt((double)spec->d),
                    .X = c->X,
                    .Y = c->Y,
                    .Wo = c->Wo};
    return status;
}

/* Shapes that no round of the other families has. */
static void shape_edge(thm_layer_spec *s, int round)
{
    switch (round) {
    case 0: /* one token */
        s->n = 1;
        break;
    case 1: /* equal tokens: see place_edge */
        s->N = 2;
        s->n = 3;
        break;
    case 2: /* distant tokens */
        s->kernel = THM_KERNEL_GAUSSIAN;
        s->scale = 2.0;
        break;
    case 3:
        s->N = 1;
        s->n = 6;
        break;
    case 4:
        s->d = 1;
        s->m = 1;
        break;
    default: /* everything is one number */
        s->N = s->n = s->D = s->d = s->H = s->m = 1;
        break;
    }
}

static void place_edge(thm_layer_case *c, int round)
{
    const thm_layer *l = &c->layer;
    if (round == 1) { /* the last token of every sample equals its first */
        for (int i = 0; i < l->N; i++) {
            double *x = c->X + (size_t)(i * l->n) * (size_t)l->D;
            memcpy(x + (size_t)(l->n - 1) * (size_t)l->D, x,
                   (size_t)l->D * sizeof *x);
        }
    }
}

void thm_layer_spec_text(const thm_layer_spec *s, int size, char *text)
{
    static const char *const kernels[KERNELS] = {
        [THM_KERNEL_SOFTMAX] = "softmax",
        [THM_KERNEL_GAUSSIAN] = "gaussian",
        [THM_KERNEL_GAUSSIAN_NORMALISED] = "normalised"};
    snprintf(text, (size_t)size, "%s/N%d/n%d/D%d/d%d/H%d/m%d",
             kernels[s->kernel], s->N, s->n, s->D, s->d, s->H, s->m);
}

thm_status thm_layers_make(void *layers, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    const int which = (int)(index % THM_LAYERS_FAMILIES);
    const int round = (int)(index / THM_LAYERS_FAMILIES % ROUNDS);
    const family *f = &families[which];
    const int *shape = shapes[(round + which) % ROUNDS];
    const bool edge = which == THM_LAYERS_FAMILIES - 1;
    const int side = patch_side(f->tokens);
    thm_layer_spec s = {.N = shape[0],
                        .n = shape[1],
                        .D = side > 0 ? side * side : shape[2],
                        .d = shape[3],
                        .H = shape[4],
                        .m = shape[5],
                        .kernel = (thm_kernel)((which + round) % KERNELS),
                        .scale = f->scale,
                        .tied = f->tied,
                        .tokens = f->tokens};
    if (edge) {
        shape_edge(&s, round);
    }
    s.c = (1.0 + round % 2) / (2.0 * sqrt((double)s.d));
    const thm_status status = thm_layers_draw(layers, &s, seed, index);
    if (status == THM_OK && edge) {
        place_edge(the_case, round);
    }
    char shape_text[48];
    thm_layer_spec_text(&s, sizeof shape_text, shape_text);
    snprintf(name, THM_CASE_NAME, "%.10s/%s/%lld", f->name, shape_text,
             (long long)index);
    return status;
}
