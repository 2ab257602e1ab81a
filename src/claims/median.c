/* The median and its order-statistic interval: see median.h. */
#include "claims/median.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* 2 P(B <= k - 1), B binomial (n, 1/2) */
static double miss(int n, int k)
{
    return 2.0 * gsl_cdf_binomial_P((unsigned)(k - 1), 0.5, (unsigned)n);
}

thm_status thm_median_interval(int n, double *x, double level, thm_median *out)
{
    if (n < 1) {
        return THM_EDIM;
    }
    if (!(level > 0.0 && level < 1.0) || !(miss(n, 1) <= level)) {
        return THM_EDOMAIN;
    }
    for (int i = 0; i < n; i++) {
        if (isnan(x[i])) {
            return THM_EDOMAIN;
        }
    }
    qsort(x, (size_t)n, sizeof *x, ascending);
    int k = 1;
    while (2 * (k + 1) <= n && miss(n, k + 1) <= level) {
        k++;
    }
    out->median = n % 2 ? x[n / 2] : x[n / 2 - 1] / 2 + x[n / 2] / 2;
    out->low = x[k - 1];
    out->high = x[n - k];
    out->half_width = fmax(out->median - out->low, out->high - out->median);
    out->level = miss(n, k);
    out->rank = k;
    return THM_OK;
}
