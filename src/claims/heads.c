/* Attention heads for the claims about gradients: see heads.h. */
#include "claims/heads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/verdict.h"
#include "io/idx.h"

enum { FAMILIES = 7, ROUNDS = 8, IMAGES = 1000, SIDE = 28 };
_Static_assert(THM_HEADS_CASES == FAMILIES * ROUNDS, "whole rounds");

struct thm_heads {
    thm_head_case one;
    char path[512];
    bool tried;     /* whether the image file has been looked for */
    thm_idx images; /* count 0 if there are none                  */
    double *X, *Wq, *Wk, *Wv, *G; /* of the largest size                     */
};

static const char *const families[FAMILIES] = {
    "w0.02", "w0.3", "w1", "w3", "fashion4", "fashion7", "edge"};

/* n, D, d of the drawn families by round. */
static const int shapes[ROUNDS][3] = {{5, 8, 4},  {2, 3, 2},  {17, 32, 8},
                                      {3, 7, 1},  {9, 16, 8}, {33, 16, 16},
                                      {63, 9, 3}, {8, 9, 7}};

thm_status thm_heads_alloc(const char *images, thm_heads **heads)
{
    const size_t X = (size_t)THM_HEADS_N * THM_HEADS_D,
                 W = (size_t)THM_HEADS_D * THM_HEADS_WIDTH,
                 G = (size_t)THM_HEADS_N * THM_HEADS_WIDTH;
    thm_heads *self = calloc(1, sizeof *self);
    if (!self) {
        return THM_ENOMEM;
    }
    self->X = malloc((X + 3 * W + G) * sizeof *self->X);
    if (!self->X) {
        free(self);
        return THM_ENOMEM;
    }
    self->Wq = self->X + X;
    self->Wk = self->Wq + W;
    self->Wv = self->Wk + W;
    self->G = self->Wv + W;
    snprintf(self->path, sizeof self->path, "%s",
             images ? images : THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz");
    *heads = self;
    return THM_OK;
}

void thm_heads_free(thm_heads *heads)
{
    if (heads) {
        thm_idx_free(&heads->images);
        free(heads->X);
        free(heads);
    }
}

thm_head_case *thm_heads_case(thm_heads *heads)
{
    return &heads->one;
}

static thm_status load_images(thm_heads *self)
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

/* X <- the patches of a drawn image, row by row of the image. */
static thm_status fill_patches(thm_heads *self, thm_rng *rng, int side)
{
    const thm_status status = load_images(self);
    self->one.absent = self->images.count == 0;
    if (status != THM_OK || self->one.absent) {
        return status;
    }
    const size_t which = thm_rng_below(rng, (uint64_t)self->images.count);
    const unsigned char *image = self->images.data + which * SIDE * SIDE;
    const int per_line = SIDE / side;
    double *x = self->X;
    for (int t = 0; t < per_line * per_line; t++) {
        const int top = t / per_line * side, left = t % per_line * side;
        for (int i = 0; i < side * side; i++) {
            *x++ = image[(top + i / side) * SIDE + left + i % side] / 255.0;
        }
    }
    return THM_OK;
}

/* Standard normal X and G, weights of the given standard deviation. */
static void fill_normal(thm_heads *self, thm_rng *rng, double width)
{
    const thm_head *h = &self->one.head;
    const int64_t weights = (int64_t)h->D * h->d;
    thm_rng_fill_normal(rng, (int64_t)h->n * h->D, 1.0, self->X);
    thm_rng_fill_normal(rng, weights, width, self->Wq);
    thm_rng_fill_normal(rng, weights, width, self->Wk);
    thm_rng_fill_normal(rng, weights, width, self->Wv);
    thm_rng_fill_normal(rng, (int64_t)h->n * h->d, 1.0, self->G);
}

static void set_shape(thm_head *h, int n, int D, int d, double tau)
{
    h->n = n;
    h->D = D;
    h->d = d;
    h->tau = tau > 0.0 ? tau : thm_head_tau(d);
}

static void fill_edge(thm_heads *self, thm_rng *rng, int round)
{
    thm_head *h = &self->one.head;
    switch (round % 5) {
    case 0: /* a vision transformer */
        set_shape(h, 197, 256, 64, 8.0);
        fill_normal(self, rng, 0.02);
        break;
    case 1: /* one token */
        set_shape(h, 1, 3, 2, 1.0);
        fill_normal(self, rng, 1.0);
        break;
    case 2: /* equal tokens: uniform attention, equal values */
        set_shape(h, 7, 5, 3, 1.0);
        fill_normal(self, rng, 1.0);
        for (int k = h->D; k < h->n * h->D; k++) {
            self->X[k] = self->X[k % h->D];
        }
        break;
    case 3: /* logits of several hundred */
        set_shape(h, 9, 8, 4, 0.37);
        fill_normal(self, rng, 2.385);
        break;
    default: /* a loss that sees the first row only */
        set_shape(h, 17, 8, 4, 0.0);
        fill_normal(self, rng, 1.0);
        for (int k = h->d; k < h->n * h->d; k++) {
            self->G[k] = 0.0;
        }
        break;
    }
}

thm_status thm_heads_make(void *heads, uint64_t seed, int64_t index,
                          void *the_case, char *name)
{
    static const double gains[] = {0.0, 0.3, 1.0, 3.0};
    static const double taus[] = {0.0, 8.0, 1.0, 0.37}; /* 0: sqrt d */
    thm_heads *self = heads;
    thm_head_case *c = the_case;
    thm_head *h = &c->head;
    const int family = (int)(index % FAMILIES);
    const int round = (int)(index / FAMILIES % ROUNDS);
    const int *shape = shapes[(round + 3 * family) % ROUNDS];
    const double tau = taus[(round + family) % 4];
    thm_status status = THM_OK;
    thm_rng rng = thm_rng_make(seed, 2 * (uint64_t)index);

    c->rng = thm_rng_make(seed, 2 * (uint64_t)index + 1);
    c->absent = false;
    c->G = self->G;
    h->X = self->X;
    h->Wq = self->Wq;
    h->Wk = self->Wk;
    h->Wv = self->Wv;
    if (family < 4) {
        set_shape(h, shape[0], shape[1], shape[2], tau);
        fill_normal(self, &rng,
                    family == 0 ? 0.02 : gains[family] / sqrt((double)h->D));
    } else if (family < 6) {
        const int side = family == 4 ? 4 : 7;
        set_shape(h, SIDE / side * (SIDE / side), side * side, 8, tau);
        fill_normal(self, &rng, 1.0 / side);
        status = fill_patches(self, &rng, side);
    } else {
        fill_edge(self, &rng, round);
    }
    snprintf(name, THM_CASE_NAME, "%s/n%d/D%d/d%d/tau%.3g/%lld",
             families[family], h->n, h->D, h->d, h->tau, (long long)index);
    return status;
}
