/* Instances of the single-layer model for the claims: see layers.h. */
#include "claims/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attn/instance.h"
#include "core/verdict.h"
#include "io/idx.h"

enum { ROUNDS = 6, IMAGES = 1000, KERNELS = 3 };
_Static_assert(THM_LAYERS_CASES == THM_LAYERS_FAMILIES * ROUNDS,
               "whole rounds");

struct thm_layers {
    thm_layer_case one;
    thm_instance drawn; /* what the case points into               */
    char path[512];
    bool tried;     /* whether the image file has been looked for */
    thm_idx images; /* count 0 if there are none                  */
};

/* What the families have of their own; sizes, kernel and c go by round. */
static const thm_layer_spec families[THM_LAYERS_FAMILIES] = {
    {.scale = 0.05},
    {.scale = 0.3},
    {.scale = 1.0},
    {.scale = 0.3, .tied = true},
    {.scale = 1.0, .tied = true},
    {.scale = 0.3, .tokens = THM_TOKENS_PATCHES4},
    {.scale = 0.2, .tokens = THM_TOKENS_PATCHES7},
    {.scale = 0.5}}; /* the edges */

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
    snprintf(self->path, sizeof self->path, "%s",
             images ? images : THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz");
    *layers = self;
    return THM_OK;
}

void thm_layers_free(thm_layers *layers)
{
    if (layers) {
        thm_idx_free(&layers->images);
        thm_instance_free(&layers->drawn);
        free(layers);
    }
}

thm_layer_case *thm_layers_case(thm_layers *layers)
{
    return &layers->one;
}

static thm_status load_images(thm_layers *self)
{
    if (self->tried || access(self->path, F_OK) != 0) {
        return THM_OK;
    }
    const thm_status status =
        thm_idx_read(self->path, IMAGES, &self->images, NULL);
    self->tried = status == THM_OK;
    return status;
}

static int pixels(thm_tokens tokens)
{
    return tokens == THM_TOKENS_PATCHES4 ? 16 : 49;
}

thm_status thm_layers_draw(thm_layers *layers, const thm_layer_spec *spec,
                           uint64_t seed, int64_t index)
{
    thm_layer_case *c = &layers->one;
    thm_instance *in = &layers->drawn;
    const bool real = spec->tokens != THM_TOKENS_NORMAL;
    if (spec->m < 1 || (real && spec->D != pixels(spec->tokens))) {
        return THM_EDIM;
    }
    thm_status status = real ? load_images(layers) : THM_OK;
    thm_instance_free(in);
    *c = (thm_layer_case){.absent = real && layers->images.count == 0};
    if (status != THM_OK || c->absent) {
        return status;
    }
    thm_instance_plan p = thm_instance_plan_default();
    p.N = spec->N;
    p.n = spec->n;
    p.D = spec->D;
    p.d = spec->d;
    p.H = spec->H;
    p.m = spec->m;
    p.kernel = spec->kernel;
    p.c = spec->c;
    p.s = spec->scale;
    p.s_v = 1.0 / sqrt((double)spec->D);
    p.s_o = 1.0 / sqrt((double)spec->d);
    p.scheme = spec->tied ? THM_SCHEME_EQUAL : THM_SCHEME_INDEPENDENT;
    p.images = real ? &layers->images : NULL;
    p.seed = seed;
    p.index = (uint64_t)index;
    status = thm_instance_draw(&p, in, NULL);
    if (status == THM_OK) {
        c->layer = in->layer;
        c->weights = in->weights;
        c->X = in->X;
        c->Y = in->Y;
        c->Wq = in->Wq;
        c->Wk = in->Wk;
        c->Wv = in->Wv;
        c->Wo = in->Wo;
        c->rng = thm_rng_make(seed, THM_INSTANCE_STREAMS * (p.index + 1) - 1);
    }
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
    static const char *const kernels[] = {[THM_KERNEL_SOFTMAX] = "softmax",
                                          [THM_KERNEL_GAUSSIAN] = "gaussian",
                                          [THM_KERNEL_GAUSSIAN_NORMALISED] =
                                              "normalised"};
    static const char *const tokens[] = {[THM_TOKENS_NORMAL] = "",
                                         [THM_TOKENS_PATCHES4] = "/fashion4",
                                         [THM_TOKENS_PATCHES7] = "/fashion7"};
    snprintf(text, (size_t)size, "%s/N%d/n%d/D%d/d%d/H%d/m%d/s%.3g%s%s",
             kernels[s->kernel], s->N, s->n, s->D, s->d, s->H, s->m, s->scale,
             s->tied ? "/tied" : "", tokens[s->tokens]);
}

thm_status thm_layers_make(void *layers, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    const int which = (int)(index % THM_LAYERS_FAMILIES);
    const int round = (int)(index / THM_LAYERS_FAMILIES % ROUNDS);
    const int *shape = shapes[(round + which) % ROUNDS];
    const bool edge = which == THM_LAYERS_FAMILIES - 1;
    thm_layer_spec s = families[which];
    s.N = shape[0];
    s.n = shape[1];
    s.D = s.tokens == THM_TOKENS_NORMAL ? shape[2] : pixels(s.tokens);
    s.d = shape[3];
    s.H = shape[4];
    s.m = shape[5];
    s.kernel = (thm_kernel)((which + round) % KERNELS);
    if (edge) {
        shape_edge(&s, round);
    }
    s.c = round % 2 ? thm_kernel_scale(s.d) : thm_kernel_scale_half(s.d);
    thm_layer_case *c = the_case;
    char text[THM_CASE_NAME];
    const thm_status status = thm_layers_draw(layers, &s, seed, index);
    c->kind = which;
    if (status == THM_OK && edge) {
        place_edge(c, round);
    }
    thm_layer_spec_text(&s, sizeof text, text);
    snprintf(name, THM_CASE_NAME, "%s%.50s/%lld", edge ? "edge/" : "", text,
             (long long)index);
    return status;
}
