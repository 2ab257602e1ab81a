/* The highest |J|_F along a line of logits: see peak.h. */
#include "claims/peak.h"

#include <math.h>
#include "softmax/softmax.h"

enum {
    PER_OCTAVE = 4,
    OCTAVES = 80, /* gaps down to 2^-52 of the range, and room for log n */
    FINEST = -3,  /* the grid starts at t = 2^-3                         */
    GOLDEN_STEPS = 24
};

thm_status thm_peak_line(int n, const double *z, double *x, thm_peak *line)
{
    if (n < 1) {
        return THM_EDIM;
    }
    double max = z[0], min = z[0], next = -HUGE_VAL, mean = 0.0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(z[i])) {
            return THM_EDOMAIN;
        }
        max = fmax(max, z[i]);
        min = fmin(min, z[i]);
    }
    const double range = max - min;
    if (!isfinite(range)) {
        return THM_EDOMAIN;
    }
    *line = (thm_peak){.range = range};
    for (int i = 0; i < n; i++) {
        line->leaders += z[i] == max;
        next = z[i] < max && z[i] > next ? z[i] : next;
        x[i] = range > 0.0 ? (z[i] - max) / range : 0.0;
        mean += x[i] / n;
    }
    for (int i = 0; i < n; i++) {
        line->sd += (x[i] - mean) * (x[i] - mean) / n;
    }
    line->sd = sqrt(line->sd);
    line->gap = range > 0.0 ? (max - next) / range : 0.0;
    return THM_OK;
}

double thm_peak_grid(int k)
{
    return exp2(FINEST + (double)k / PER_OCTAVE);
}

int thm_peak_grid_size(const thm_peak *line)
{
    int k = 1;
    while (k < OCTAVES * PER_OCTAVE && thm_peak_grid(k) * line->gap < 64.0) {
        k++;
    }
    return k;
}

/* tau |J|_F at t */
static thm_status height(int n, const double *x, double t, double *p, double *h)
{
    const thm_status status = thm_softmax(n, x, 1.0 / t, p);
    return status == THM_OK ? thm_softmax_jacobian_fro(n, p, 1.0, h) : status;
}

/* Golden section for the maximum in [lo, hi]. */
static thm_status refine(int n, const double *x, double lo, double hi,
                         double *p, double *peak)
{
    const double golden = 0.5 * (sqrt(5.0) - 1.0);
    double a = hi - golden * (hi - lo), b = lo + golden * (hi - lo);
    double ha = 0.0, hb = 0.0;
    thm_status status = height(n, x, a, p, &ha);
    if (status == THM_OK) {
        status = height(n, x, b, p, &hb);
    }
    for (int i = 0; i < GOLDEN_STEPS && status == THM_OK; i++) {
        if (ha > hb) {
            hi = b;
            b = a;
            hb = ha;
            a = hi - golden * (hi - lo);
            status = height(n, x, a, p, &ha);
        } else {
            lo = a;
            a = b;
            ha = hb;
            b = lo + golden * (hi - lo);
            status = height(n, x, b, p, &hb);
        }
    }
    *peak = 0.5 * (lo + hi);
    return status;
}

thm_status thm_peak_search(int n, const double *x, double *p, thm_peak *line)
{
    const int size = thm_peak_grid_size(line);
    int best = 0;
    double highest = -1.0;
    for (int k = 0; k < size; k++) {
        double h;
        const thm_status status = height(n, x, thm_peak_grid(k), p, &h);
        if (status != THM_OK) {
            return status;
        }
        if (h > highest) {
            highest = h;
            best = k;
        }
    }
    line->peak = thm_peak_grid(best);
    if (best == 0 || best == size - 1) {
        return THM_OK;
    }
    return refine(n, x, thm_peak_grid(best - 1), thm_peak_grid(best + 1), p,
                  &line->peak);
}
