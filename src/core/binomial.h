/* Intervals for a success probability (Clopper, Pearson, Biometrika 26, 1934):
 * over the draws, [low, high] covers the true one with probability at least
 * `level`, whatever it is.
 *
 *     low  = Beta^-1(a; k, n - k + 1),      0 where k = 0,
 *     high = Beta^-1(1 - a; k + 1, n - k),  1 where k = n,   a = (1 - level)/2
 *
 * The quantiles come from GSL's distribution function, bisected.
 * THM_EDIM unless 0 <= k <= n, n >= 1; THM_EDOMAIN unless 0 < level < 1. */
#ifndef THM_BINOMIAL_H
#define THM_BINOMIAL_H

#include "core/status.h"

thm_status thm_binomial_interval(int k, int n, double level, double *low,
                                 double *high);

#endif
