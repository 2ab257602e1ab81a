/* Clopper-Pearson intervals: see binomial.h. */
#include "core/binomial.h"

#include <gsl/gsl_cdf.h>

/* x with P(Beta(a, b) <= x) = p, by bisection: gsl_cdf_beta_Pinv misses some
 * quantiles from n = 220 on. */
static double quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (gsl_cdf_beta_P(middle, a, b) < p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

thm_status thm_binomial_interval(int k, int n, double level, double *low,
                                 double *high)
{
    if (n < 1 || k < 0 || k > n) {
        return THM_EDIM;
    }
    if (!(level > 0 && level < 1)) {
        return THM_EDOMAIN;
    }
    const double a = (1 - level) / 2;
    /* Beta(a, b) is one less Beta(b, a): the small tail keeps its digits */
    *low = k > 0 ? quantile(a, k, n - k + 1) : 0;
    *high = k < n ? 1 - quantile(a, n - k, k + 1) : 1;
    return THM_OK;
}
