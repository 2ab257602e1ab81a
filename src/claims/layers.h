/* Single-layer attention instances: the cases that the claims about gradient
 * descent are tried on (paper-notes/song2024.md, "The instances").
 *
 * A case is a pure function of (seed, index).  Families take turns by index:
 *   s0.05, s0.3, s1   tokens standard normal, W_Q and W_K independent, their
 *                     entries normal of that standard deviation
 *   tied0.3, tied1    the same with W_Q = W_K
 *   fashion4,         tokens are n different 4x4 (7x7) patches of a
 *   fashion7          Fashion-MNIST image, one image a sample, pixels / 255,
 *                     not centred; W_Q, W_K independent
 *   edge              one token (softmax: S = 1); equal tokens; distant tokens,
 *                     whose Gaussian attention falls to 1e-50; one sample; d =
 * 1 the three kernels, the sizes, and the scale c (1 / sqrt d or half of it) by
 * round.  A claim that needs an instance of its own shape asks for it with
 * thm_layers_draw. */
#ifndef THM_LAYERS_H
#define THM_LAYERS_H

#include <stdbool.h>
#include <stdint.h>
#include "attn/layer.h"
#include "core/rng.h"
#include "core/status.h"

enum {
    THM_LAYERS_FAMILIES = 8,
    THM_LAYERS_CASES = 48 /* at effort 1: 6 rounds */
};

typedef enum {
    THM_TOKENS_NORMAL,
    THM_TOKENS_PATCHES4, /* D = 16, n <= 49 */
    THM_TOKENS_PATCHES7  /* D = 49, n <= 16 */
} thm_tokens;

/* What is to be drawn. */
typedef struct {
    int N, n, D, d, H, m;
    thm_kernel kernel;
    double c;     /* of the kernel; 0: 1 / sqrt d                       */
    double scale; /* standard deviation of the entries of W_Q and W_K   */
    bool tied;    /* W_K = W_Q                                          */
    thm_tokens tokens;
} thm_layer_spec;

/* The sizes of a spec, as the first of its initialisers. */
#define THM_SIZES(N_, n_, D_, d_, H_, m_)                                      \
    .N = N_, .n = n_, .D = D_, .d = d_, .H = H_, .m = m_

/* An instance: standard normal Y, entries of W_V of standard deviation
 * 1 / sqrt(D), of W_O of 1 / sqrt(d).  layer and weights point to the arrays,
 * which a claim may overwrite to place what cannot be drawn. */
typedef struct {
    thm_layer layer;
    thm_weights weights;
    double *X, *Y, *Wq, *Wk, *Wv, *Wo;
    int kind;    /* its place in a list of specs; else its family   */
    bool absent; /* the data set is not installed: there is no case */
    thm_rng rng; /* for what a claim draws besides: use a copy      */
} thm_layer_case;

/* Storage for one case, and the images once they are needed.  images names an
 * IDX file of 28x28 images; NULL is Debian's test set.  THM_ENOMEM. */
typedef struct thm_layers thm_layers;
thm_status thm_layers_alloc(const char *images, thm_layers **layers);
void thm_layers_free(thm_layers *layers);

/* The case that the next two fill; owned by layers. */
thm_layer_case *thm_layers_case(thm_layers *layers);

/* Fills the case with an instance of the given shape, drawn from (seed, index).
 * THM_EDIM if m < 1 or D is not that of the patches; else the statuses of
 * thm_instance_draw (attn/instance.h), and THM_EFORMAT, THM_EIO, THM_ENOMEM if
 * an image file exists and cannot be read; if it does not exist, the case is
 * absent. */
thm_status thm_layers_draw(thm_layers *layers, const thm_layer_spec *spec,
                           uint64_t seed, int64_t index);

/* `make` of a thm_case_source (claims/claim.h): layers is its ctx, the_case is
 * thm_layers_case(layers), name has THM_CASE_NAME bytes. Statuses of
 * thm_layers_draw. */
thm_status thm_layers_make(void *layers, uint64_t seed, int64_t index,
                           void *the_case, char *name);

/* "softmax/N2/n3/D8/d5/H2/m3/s0.5/tied": what names of cases say of a spec. */
void thm_layer_spec_text(const thm_layer_spec *spec, int size, char *text);

#endif
