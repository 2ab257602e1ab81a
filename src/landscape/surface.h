/* Surfaces whose shape is known, to test what measures slices. */
#ifndef THM_SURFACE_H
#define THM_SURFACE_H

#include "softmax/objective.h"

typedef struct {
    const char *name;
    thm_objective f; /* of two parameters; value only */
    double lo, hi;   /* a square in which ...                 */
    int count;       /* ... a grid of count^2 points sees ... */
    int minima;      /* ... and resolves the interior minima  */
    double f_min;    /* the least of them; NaN if there is no minimum */
    int quadratic;   /* whether f is a quadratic polynomial   */
} thm_surface;

/* bowl         a quadratic, minimum 0 at (0.4, -0.3)
 * saddle       x^2 - y^2: no minimum
 * plane        x + y / 2: none either
 * four         (x^2 - 1)^2 + (y^2 - 1)^2: four minima 0 at (+-1, +-1)
 * rosenbrock   (1 - x)^2 + (y - x^2)^2: one minimum 0 at (1, 1), at the end of
 * a curved valley.  (With 100 for the second coefficient a grid sees minima all
 * along the valley: measure.h.) rastrigin    20 + x^2 + y^2 - 10 (cos 2 pi x +
 * cos 2 pi y): one minimum near each pair of integers himmelblau   (x^2 + y -
 * 11)^2 + (x + y^2 - 7)^2: four minima 0 */
enum { THM_SURFACES = 7 };
extern const thm_surface thm_surfaces[THM_SURFACES];

#endif
