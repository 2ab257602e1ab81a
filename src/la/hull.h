/* The distance of a point to the convex hull of a few others.  What softmax
 * attention puts out is in the hull of its values, so this is the least error
 * that it can reach on a target (paper-notes/song2024.md, hull floor).
 *
 * Method: with p_j = u_j - y scaled to length 1 at most, non-negative least
 * squares (Lawson and Hanson, 1974) of |sum_j t_j p_j|^2 + (sum_j t_j - 1)^2,
 * whose minimiser over t >= 0 is that of the distance times a factor: along
 * t = r s, sum s = 1, the least value is |z|^2 / (1 + |z|^2), z = sum_j s_j
 * p_j. What is proved does not rest on it: of whatever weights s it ends with,
 *
 *     min_j z.(u_j - y) / |z|  <=  distance  <=  |z|,
 *
 * the left side because z bounds a half-space that holds the hull. */
#ifndef THM_HULL_H
#define THM_HULL_H

#include "core/status.h"

typedef struct {
    double lower, upper; /* of the distance, rounding included; lower >= 0 */
    int steps;           /* least squares solved                           */
} thm_hull;

/* U: (n x m), its rows u_j; y: (m); s: (n) <- weights of the nearest point
 * found, >= 0.  Ends when no point is nearer along z than the hull found so
 * far, to rounding, or after 10 (n + m) steps: the bounds tell. THM_EDIM if n
 * or m < 1; THM_EDOMAIN if an entry is not finite or exceeds 1e150, whose
 * squares leave the range; THM_ENOMEM. */
thm_status thm_hull_distance(int n, int m, const double *U, const double *y,
                             double *s, thm_hull *out);

#endif
