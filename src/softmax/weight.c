/* Softmax weights with an exponent range of their own. */
#include "softmax/weight.h"

#include <math.h>

thm_status thm_weight_row_init(int n, const double *z, double tau,
                               thm_weight_row *row)
{
    if (n < 1) {
        return THM_EDIM;
    }
    if (!(tau > 0.0 && tau < HUGE_VAL)) {
        return THM_EDOMAIN;
    }
    double max = -HUGE_VAL;
    int support = 0;
    for (int i = 0; i < n; i++) {
        if (!(z[i] < HUGE_VAL)) {
            return THM_EDOMAIN;
        }
        support += z[i] > -HUGE_VAL;
        max = z[i] > max ? z[i] : max;
    }
    if (support == 0) {
        return THM_EDOMAIN;
    }
    row->max = max;
    row->tau_m = frexp(tau, &row->tau_e);
    row->support = support;
    return THM_OK;
}

void thm_weight_exponent(const thm_weight_row *row, double z, double *hi,
                         double *lo)
{
    double max = row->max;
    int scale = -row->tau_e;
    *hi = -HUGE_VAL;
    *lo = 0.0;
    if (z == -HUGE_VAL) {
        return;
    }
    if (!(fabs(z) < 0x1p1022 && fabs(max) < 0x1p1022)) {
        z *= 0.5; /* the difference would overflow */
        max *= 0.5;
        scale++;
    }
    /* TwoSum: z - max = d + err exactly */
    double d = z - max;
    double back = d - z;
    double err = (z - (d - back)) - (max + back);
    double sd = ldexp(d, scale), serr = ldexp(err, scale);
    double q = sd / row->tau_m;
    if (!(q > -HUGE_VAL)) {
        return;
    }
    *hi = q;
    *lo = (fma(-q, row->tau_m, sd) + serr) / row->tau_m;
}

/* log 2 in three pieces; the first two have 33 bits, so that their products
 * with an integer of 20 bits are exact. */
static const double LN2_1 = 0x1.62e42fefp-1;
static const double LN2_2 = 0x1.473de6afp-34;
static const double LN2_3 = 0x1.3c7673007e5edp-69;

void thm_weight(const thm_weight_row *row, double z, double *m, int *e)
{
    double hi, lo;
    if (z == -HUGE_VAL) {
        *m = 0.0;
        *e = 0;
        return;
    }
    thm_weight_exponent(row, z, &hi, &lo);
    double k = nearbyint(hi / 0x1.62e42fefa39efp-1);
    if (!(k > (double)THM_WEIGHT_FLOOR)) {
        *m = 0.5;
        *e = THM_WEIGHT_FLOOR;
        return;
    }
    double r = hi - k * LN2_1; /* exact */
    double step = k * LN2_2;   /* exact */
    double s = r - step;
    double back = s - r;
    double tail = (r - (s - back)) - (step + back);
    double w = exp(s);
    w += w * ((tail + lo) - k * LN2_3);
    int shift;
    *m = frexp(w, &shift);
    *e = (int)k + shift;
}
