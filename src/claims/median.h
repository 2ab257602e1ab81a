/* The median of a distribution from n independent draws, with an interval that
 * needs no assumption about the distribution (order statistics; e.g. David and
 * Nagaraja, Order Statistics, 2003, section 7.1).
 *
 * With x_(1) <= ... <= x_(n), the interval [x_(k), x_(n+1-k)] misses the median
 * with probability at most 2 P(B <= k - 1), B binomial (n, 1/2): equal for a
 * continuous distribution.  The largest k whose probability is at most `level`
 * is taken. */
#ifndef THM_MEDIAN_H
#define THM_MEDIAN_H

#include "core/status.h"

typedef struct {
    double median;     /* of the sample                           */
    double low, high;  /* the interval, low <= median <= high     */
    double half_width; /* max(median - low, high - median)        */
    double level;      /* its probability of a miss, <= the given */
    int rank;          /* k                                       */
} thm_median;

/* Sorts x (n) in place and fills *out.  O(n log n).
 * THM_EDIM if n < 1; THM_EDOMAIN if some x is NaN, if level is not in (0, 1),
 * or if n draws are too few for it (2^(1-n) > level). */
thm_status thm_median_interval(int n, double *x, double level, thm_median *out);

#endif
