/* The spectrum by bisection in ball arithmetic: slow, plain, and as accurate as
 * the caller asks. */
#include <math.h>
#include <stdlib.h>
#include "core/arb.h"
#include "softmax/spectrum.h"

enum { BISECTIONS = 4096 };

/* Ascending; equal logits have equal weights. */
static int ascending(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* The sign of sum_j w_j / (w_j - mu), 0 if the ball holds zero. */
static int secular_sign(int m, arb_srcptr w, const arb_t mu, slong bits)
{
    arb_t sum, term;
    arb_init(sum);
    arb_init(term);
    for (int j = 0; j < m; j++) {
        arb_sub(term, w + j, mu, bits);
        arb_div(term, w + j, term, bits);
        arb_add(sum, sum, term, bits);
    }
    int sign = arb_is_positive(sum) ? 1 : arb_is_negative(sum) ? -1 : 0;
    arb_clear(sum);
    arb_clear(term);
    return sign;
}

/* mu of interval k by bisection until the bracket agrees to 70 bits; the
 * geometric mean where the ends differ by more than a factor of two. */
static thm_status bisect_root(int m, arb_srcptr w, int k, slong bits,
                              arb_t root)
{
    thm_status status = THM_ECONVERGE;
    arb_t lo, hi, mid, width;
    arb_init(lo);
    arb_init(hi);
    arb_init(mid);
    arb_init(width);
    arb_get_mid_arb(lo, w + k);
    arb_get_mid_arb(hi, w + k + 1);
    for (int i = 0; i < BISECTIONS; i++) {
        arb_sub(width, hi, lo, bits);
        arb_div(width, width, lo, bits);
        arb_mul_2exp_si(mid, lo, 1);
        if (arb_lt(mid, hi)) {
            arb_mul(mid, lo, hi, bits);
            arb_sqrt(mid, mid, bits);
        } else {
            arb_add(mid, lo, hi, bits);
            arb_mul_2exp_si(mid, mid, -1);
        }
        arb_get_mid_arb(mid, mid);
        arb_mul_2exp_si(width, width, 70);
        arb_sub_si(width, width, 1, bits);
        if (arb_is_negative(width)) {
            arb_set(root, mid);
            status = THM_OK;
            break;
        }
        int sign = secular_sign(m, w, mid, bits);
        if (sign == 0) {
            break; /* more bits are needed */
        }
        arb_set(sign < 0 ? lo : hi, mid);
    }
    arb_clear(lo);
    arb_clear(hi);
    arb_clear(mid);
    arb_clear(width);
    return status;
}

thm_status thm_spectrum_ref(int n, const double *z, double tau, int bits,
                            double *lambda)
{
    if (n < 1 || bits < 80) {
        return THM_EDIM;
    }
    if (!(tau > 0.0 && tau < HUGE_VAL)) {
        return THM_EDOMAIN;
    }
    int m = 0;
    for (int i = 0; i < n; i++) {
        if (!(z[i] < HUGE_VAL)) {
            return THM_EDOMAIN;
        }
        m += z[i] > -HUGE_VAL;
    }
    if (m == 0) {
        return THM_EDOMAIN;
    }
    thm_status status = THM_ENOMEM;
    double *sorted = malloc((size_t)n * sizeof *sorted);
    double *result = calloc((size_t)n, sizeof *result);
    arb_ptr w = NULL;
    arb_t temperature, scale, mu;
    arb_init(temperature);
    arb_init(scale);
    arb_init(mu);
    if (sorted == NULL || result == NULL) {
        goto done;
    }
    m = 0;
    for (int i = 0; i < n; i++) {
        if (z[i] > -HUGE_VAL) {
            sorted[m++] = z[i];
        }
    }
    qsort(sorted, (size_t)m, sizeof *sorted, ascending);
    w = _arb_vec_init(m);
    arb_set_d(temperature, tau);
    for (int j = 0; j < m; j++) {
        arb_set_d(mu, sorted[m - 1]);
        arb_set_d(w + j, sorted[j]);
        arb_sub(w + j, w + j, mu, bits);
        arb_div(w + j, w + j, temperature, bits);
        arb_exp(w + j, w + j, bits);
        arb_add(scale, scale, w + j, bits);
    }
    arb_mul(scale, scale, temperature, bits);
    status = THM_OK;
    for (int k = 0; status == THM_OK && k < m - 1; k++) {
        if (sorted[k] == sorted[k + 1]) {
            arb_set(mu, w + k);
        } else {
            status = bisect_root(m, w, k, bits, mu);
        }
        arb_div(mu, mu, scale, bits);
        result[n - m + 1 + k] = arf_get_d(arb_midref(mu), ARF_RND_NEAR);
    }
    for (int i = 0; status == THM_OK && i < n; i++) {
        lambda[i] = result[i];
    }
done:
    if (w != NULL) {
        _arb_vec_clear(w, m);
    }
    arb_clear(temperature);
    arb_clear(scale);
    arb_clear(mu);
    free(sorted);
    free(result);
    return status;
}
