/* Softmax weights exp((z_i - max z) / tau) of any size, as m 2^e.
 *
 * z_i - max z and its quotient by tau are kept with their rounding errors
 * (TwoSum, fma remainder), because an error of half an ulp in an exponent of
 * -1000 would be a relative error of 1e-13 in the weight. */
#ifndef THM_WEIGHT_H
#define THM_WEIGHT_H

#include "core/status.h"

/* What the weights of one row share. */
typedef struct {
    double max;   /* largest logit                        */
    double tau_m; /* tau = tau_m 2^tau_e, 1/2 <= tau_m < 1 */
    int tau_e;
    int support; /* tokens that are not masked            */
} thm_weight_row;

/* Exponents below this stand for themselves only as an upper bound: no double
 * temperature brings such a weight back into the range of doubles. */
enum { THM_WEIGHT_FLOOR = -(1 << 20) };

/* Reads the row.  THM_EDIM if n < 1; THM_EDOMAIN if tau is not positive and
 * finite, if some z is NaN or +inf, or if every z is -inf. */
thm_status thm_weight_row_init(int n, const double *z, double tau,
                               thm_weight_row *row);

/* (z - max) / tau = *hi + *lo, |*lo| <= u |*hi| about, relative error of the
 * sum at most 2 u^2; -inf for a masked token or where the quotient overflows.
 */
void thm_weight_exponent(const thm_weight_row *row, double z, double *hi,
                         double *lo);

/* exp((z - max)/tau) = *m 2^*e with 1/2 <= *m < 1, relative error at most 2.2 u
 * (0.55 ulp of exp, one product); *m = 0 for a masked token; m = 1/2,
 * e = THM_WEIGHT_FLOOR where the exponent lies below the floor. */
void thm_weight(const thm_weight_row *row, double z, double *m, int *e);

#endif
