/* Slices of the single-layer model's loss: see layer_slice.h. */
#include "claims/layer_slice.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int weights_of(int trained)
{
    return !!(trained & THM_TRAIN_Q) + !!(trained & THM_TRAIN_K) +
           !!(trained & THM_TRAIN_V);
}

int thm_layer_slice_size(const thm_layer *layer, int trained)
{
    return weights_of(trained) * layer->H * layer->D * layer->d;
}

/* Directions: drawn where d1 is NULL. */
typedef struct {
    thm_slice_norm norm;
    uint64_t seed;
    const double *d1, *d2;
} request;

/* d1, d2: (n), d2 zero before; *sine untouched for a line. */
static thm_status choose_directions(const request *r, int n, int count,
                                    const thm_block *blocks, const double *x0,
                                    double *d1, double *d2, double *sine)
{
    const size_t bytes = (size_t)n * sizeof(double);
    thm_status status;
    if (!r->d1) {
        status =
            thm_direction_draw(n, count, blocks, r->norm, x0, r->seed, d1, d2);
        return status == THM_OK ? thm_direction_sine(n, d1, d2, sine) : status;
    }
    memcpy(d1, r->d1, bytes);
    status = thm_direction_normalise(n, count, blocks, r->norm, x0, d1);
    if (status == THM_OK && r->d2) {
        memcpy(d2, r->d2, bytes);
        status = thm_direction_normalise(n, count, blocks, r->norm, x0, d2);
        if (status == THM_OK) {
            status = thm_direction_sine(n, d1, d2, sine);
        }
    }
    return status;
}

static void copy_start(const thm_layer *layer, const thm_weights *at,
                       int trained, double *x0)
{
    const size_t size = (size_t)layer->H * (size_t)layer->D * (size_t)layer->d;
    const double *const from[] = {at->Wq, at->Wk, at->Wv};
    const int bits[] = {THM_TRAIN_Q, THM_TRAIN_K, THM_TRAIN_V};
    for (int k = 0; k < 3; k++) {
        if (trained & bits[k]) {
            memcpy(x0, from[k], size * sizeof *x0);
            x0 += size;
        }
    }
}

static thm_status make(const thm_layer *layer, const thm_weights *at,
                       int trained, const request *r, thm_isa isa,
                       thm_layer_slice *out)
{
    const int count = weights_of(trained) * layer->H;
    thm_layer_slice s = {.trained = trained, .sine = (double)NAN};
    *out = (thm_layer_slice){0};
    thm_status status = thm_layer_check(layer);
    if (status == THM_OK && (count < 1 || (trained & ~7) != 0)) {
        status = THM_EDIM;
    }
    if (status != THM_OK) {
        return status;
    }
    if (!at->Wq || !at->Wk || !at->Wv) {
        return THM_EDOMAIN;
    }
    s.n = thm_layer_slice_size(layer, trained);
    s.block = calloc((size_t)s.n, 3 * sizeof *s.block);
    thm_block *blocks = calloc((size_t)count, sizeof *blocks);
    if (!s.block || !blocks) {
        status = THM_ENOMEM;
        goto done;
    }
    s.x0 = s.block;
    s.d1 = s.x0 + s.n;
    s.d2 = s.d1 + s.n;
    for (int k = 0; k < count; k++) {
        blocks[k] = (thm_block){layer->D, layer->d};
    }
    copy_start(layer, at, trained, s.x0);
    double sine = s.sine;
    status = choose_directions(r, s.n, count, blocks, s.x0, s.d1, s.d2, &sine);
    s.sine = sine;
    if (status == THM_OK) {
        const thm_weights d1 = thm_plane_direction(layer, trained, s.d1);
        const thm_weights d2 = thm_plane_direction(layer, trained, s.d2);
        status = thm_plane_alloc(layer, at, &d1, &d2, isa, &s.plane);
    }
done:
    free(blocks);
    if (status == THM_OK) {
        *out = s;
    } else {
        thm_layer_slice_free(&s);
    }
    return status;
}

thm_status thm_layer_slice_draw(const thm_layer *layer, const thm_weights *at,
                                int trained, thm_slice_norm norm, uint64_t seed,
                                thm_isa isa, thm_layer_slice *out)
{
    const request r = {.norm = norm, .seed = seed};
    return make(layer, at, trained, &r, isa, out);
}

thm_status thm_layer_slice_along(const thm_layer *layer, const thm_weights *at,
                                 int trained, thm_slice_norm norm,
                                 const double *d1, const double *d2,
                                 thm_isa isa, thm_layer_slice *out)
{
    const request r = {.norm = norm, .d1 = d1, .d2 = d2};
    return make(layer, at, trained, &r, isa, out);
}

void thm_layer_slice_free(thm_layer_slice *slice)
{
    thm_plane_free(slice->plane);
    free(slice->block);
    *slice = (thm_layer_slice){0};
}

void thm_layer_slice_values(const thm_layer_slice *slice, int n_a, int n_b,
                            const double *a, const double *b,
                            thm_plane_work *work, double *f)
{
    for (int j = 0; j < n_b; j++) {
        thm_plane_values(slice->plane, b[j], n_a, a, work,
                         f + (size_t)j * (size_t)n_a);
    }
}

thm_status thm_layer_slice_measure(const thm_layer_slice *slice, int n_a,
                                   int n_b, const double *a, const double *b,
                                   const double *f, double *error,
                                   thm_measure *out)
{
    for (int j = 0; j < n_b; j++) {
        for (int i = 0; i < n_a; i++) {
            const size_t at = (size_t)j * (size_t)n_a + (size_t)i;
            error[at] = thm_plane_error(slice->plane, a[i], b[j], f[at]);
        }
    }
    return thm_measure_grid(n_a, n_b, a, b, f, error, out);
}
