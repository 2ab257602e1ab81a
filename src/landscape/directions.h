/* Directions in parameter space, for slices of a loss (Li, Xu, Taylor, Studer,
 * Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS 2018).
 *
 * A parameter vector is a list of matrices, one after the other, row-major.  A
 * filter of a weight of shape (inputs x outputs), which acts as x W, is a
 * column: all that one output unit sums.  (Li et al. normalise the filters of
 * convolutions; for a dense layer they take one unit's incoming weights.)  u =
 * 2^-53. */
#ifndef THM_DIRECTIONS_H
#define THM_DIRECTIONS_H

#include <stdint.h>
#include "core/status.h"

typedef struct {
    int rows, columns; /* inputs, outputs */
} thm_block;

/* What gets the norm that it has in the point:
 *   filter   every column of every matrix
 *   layer    every matrix as a whole (Frobenius)
 *   row      every row of every matrix
 *   none     nothing                                                       */
#define THM_SLICE_NORM_TABLE(X)                                                \
    X(THM_SLICE_FILTER, "filter")                                              \
    X(THM_SLICE_LAYER, "layer")                                                \
    X(THM_SLICE_ROW, "row")                                                    \
    X(THM_SLICE_NONE, "none")

typedef enum {
#define THM_SLICE_NORM_ENUM(name, text) name,
    THM_SLICE_NORM_TABLE(THM_SLICE_NORM_ENUM)
#undef THM_SLICE_NORM_ENUM
} thm_slice_norm;

const char *thm_slice_norm_text(thm_slice_norm norm);

/* d: (n) <- d, each part scaled to the norm of the same part of x: (n).  A part
 * of d that is zero stays so; where x has a zero part, so has d.
 * THM_EDIM if the blocks do not fill n or count < 1; THM_EDOMAIN, d untouched,
 * if d or x is not finite; THM_ESINGULAR if d comes out zero. */
thm_status thm_direction_normalise(int n, int count, const thm_block *blocks,
                                   thm_slice_norm norm, const double *x,
                                   double *d);

/* d2: (n) <- d2 minus its part along d1: (n).  THM_EDOMAIN if one is not
 * finite; THM_ESINGULAR, d2 untouched, if they span no plane: one is zero, or
 * what is left of d2 is no more than the rounding of this difference, 2 (n + 4)
 * u |d2|. */
thm_status thm_direction_orthogonalise(int n, const double *d1, double *d2);

/* *sine <- sin of the angle between d1 and d2; statuses of
 * thm_direction_orthogonalise, or THM_ENOMEM. */
thm_status thm_direction_sine(int n, const double *d1, const double *d2,
                              double *sine);

/* Two random directions at x: standard normals of two streams of seed that
 * nothing else draws from, d2 made orthogonal to d1, then both normalised
 * (which bends the right angle again).  THM_ESINGULAR if they span no plane;
 * else as above, or THM_ENOMEM.
 */
thm_status thm_direction_draw(int n, int count, const thm_block *blocks,
                              thm_slice_norm norm, const double *x,
                              uint64_t seed, double *d1, double *d2);

#endif
