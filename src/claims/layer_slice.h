/* Slices of the single-layer model's loss: random or given directions
 * (landscape/directions.h) through a point, values by planes (attn/plane.h). */
#ifndef THM_LAYER_SLICE_H
#define THM_LAYER_SLICE_H

#include <stdint.h>
#include "attn/plane.h"
#include "landscape/directions.h"
#include "landscape/measure.h"

typedef struct {
    int n, trained;       /* parameters; which weights they are             */
    double *x0, *d1, *d2; /* (n): the point; d2 = 0 for a line              */
    double sine;          /* of the angle between d1 and d2; NaN for a line */
    thm_plane *plane;
    double *block; /* owned */
} thm_layer_slice;

/* Through `at`, along two random directions of the trained subset, drawn from
 * seed and normalised; a block is one head's Wq, Wk or Wv.  Statuses of
 * thm_direction_draw and thm_plane_alloc; *out is all zero then. */
thm_status thm_layer_slice_draw(const thm_layer *layer, const thm_weights *at,
                                int trained, thm_slice_norm norm, uint64_t seed,
                                thm_isa isa, thm_layer_slice *out);

/* Along given directions d1 and d2 (NULL: a line), normalised as they are. */
thm_status thm_layer_slice_along(const thm_layer *layer, const thm_weights *at,
                                 int trained, thm_slice_norm norm,
                                 const double *d1, const double *d2,
                                 thm_isa isa, thm_layer_slice *out);
void thm_layer_slice_free(thm_layer_slice *slice);

/* Parameters of a subset: as many times H D d as it has weights. */
int thm_layer_slice_size(const thm_layer *layer, int trained);

/* f: (n_b x n_a) <- the values on a grid, by one thread; work: of slice->plane.
 */
void thm_layer_slice_values(const thm_layer_slice *slice, int n_a, int n_b,
                            const double *a, const double *b,
                            thm_plane_work *work, double *f);

/* thm_measure_grid of such values with their error bounds, which go into error:
 * (n_b x n_a). */
thm_status thm_layer_slice_measure(const thm_layer_slice *slice, int n_a,
                                   int n_b, const double *a, const double *b,
                                   const double *f, double *error,
                                   thm_measure *out);

#endif
