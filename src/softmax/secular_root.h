/* One root of the secular function between two neighbouring poles. */
#ifndef THM_SECULAR_ROOT_H
#define THM_SECULAR_ROOT_H

#include "core/status.h"
#include "softmax/secular.h"

/* The root is d[origin] + eta; origin is the nearer of the poles k and k + 1.
 */
typedef struct {
    double eta;
    double step; /* last |step| / mu                              */
    int origin;
    int evaluations;
    /* g and g' where g was last evaluated, for the next interval's guess */
    double at, g, dg;
} thm_root;

/* Finds the root of interval k: d[k] < mu < d[k+1], both differing by more than
 * nothing; d as for thm_secular_eval.  previous: the root of interval k - 1, if
 * d is sorted around k (the poles far away then pull about as they did there),
 * else NULL.
 *
 * Middle-way rational steps (R.-C. Li, LAPACK Working Note 89, 1994): psi and
 * phi are each replaced by a constant and one pole, matching value and slope.
 * Converged when the step is below 2^-26 of the distance to the nearest pole,
 * after which the (quadratically convergent) step leaves a relative error of
 * order u in that distance, or when |g| is below the rounding of its own sums.
 * About 2.5 evaluations with a previous root, 4 without.  THM_ECONVERGE after
 * 200. */
thm_status thm_secular_root(thm_secular_eval eval, int n, const double *d,
                            int k, const thm_root *previous, thm_root *root);

#endif
