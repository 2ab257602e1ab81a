/* NormSoftmax rows and their Jacobian: see normsoftmax.h.
 *
 * A row is held as x = S 2^-e with max |x| in [1/2, 1): scaling by a power of
 * two is exact, so no square overflows or underflows whatever the logits. */
#include "softmax/normsoftmax.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include "softmax/softmax.h"

typedef struct {
    int e;       /* S = x 2^e                                          */
    double max;  /* of x                                               */
    double mean; /* of x - max                                         */
    double cc;   /* c'c of the scaled row                              */
    double ss;   /* s of the scaled row: its std or its variance       */
    int power;   /* s = ss 2^(power e): 1 for the std, 2 for the variance */
    double s, tau;
} row_stats;

/* A sum with its rounding errors carried along (Neumaier). */
typedef struct {
    double sum, carry;
} long_sum;

static void long_sum_add(long_sum *a, double x)
{
    const double t = a->sum + x;
    const double z = t - a->sum;
    a->carry += (a->sum - (t - z)) + (x - z);
    a->sum = t;
}

/* c[i] of the scaled row: the difference to the largest logit is kept with its
 * rounding error, so that c has relative error 2 u about the computed mean. */
static double centred(const row_stats *r, double S_i)
{
    const double x = ldexp(S_i, -r->e);
    const double d = x - r->max;
    const double back = d - x;
    const double lost = (x - (d - back)) - (r->max + back);
    return (d - r->mean) + lost;
}

static thm_status measure_row(int n, const double *S, double tau, thm_norm norm,
                              row_stats *r)
{
    if (n < 2) {
        return THM_EDIM;
    }
    if (!(tau > 0.0) || !isfinite(tau) ||
        (norm != THM_NORM_STD && norm != THM_NORM_VAR)) {
        return THM_EDOMAIN;
    }
    double largest = 0.0;
    r->max = -DBL_MAX;
    for (int i = 0; i < n; i++) {
        if (!isfinite(S[i])) {
            return THM_EDOMAIN;
        }
        largest = fmax(largest, fabs(S[i]));
        r->max = fmax(r->max, S[i]);
    }
    r->e = 0;
    frexp(largest, &r->e);
    r->max = ldexp(r->max, -r->e);
    r->mean = 0.0;
    long_sum sum = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        long_sum_add(&sum, centred(r, S[i]));
    }
    r->mean = (sum.sum + sum.carry) / n;
    sum = (long_sum){0.0, 0.0};
    for (int i = 0; i < n; i++) {
        const double c = centred(r, S[i]);
        long_sum_add(&sum, c * c);
    }
    r->cc = sum.sum + sum.carry;
    r->power = norm == THM_NORM_STD ? 1 : 2;
    r->ss = norm == THM_NORM_STD ? sqrt(r->cc / (n - 1)) : r->cc / n;
    r->s = ldexp(r->ss, r->power * r->e);
    r->tau = tau;
    return THM_OK;
}

thm_status thm_normsoftmax(int n, const double *S, double tau, thm_norm norm,
                           double *p, thm_normsoftmax_row *row)
{
    row_stats r;
    thm_status status = measure_row(n, S, tau, norm, &r);
    if (status != THM_OK) {
        return status;
    }
    const bool normalised = r.s < tau;
    if (!normalised) {
        status = thm_softmax(n, S, tau, p);
    } else if (r.cc == 0.0) {
        for (int i = 0; i < n; i++) {
            p[i] = 1.0 / n;
        }
    } else {
        /* S / s = x / (ss 2^((power - 1) e)).  Below DBL_MIN that divisor is
         * so far below the distance of two unequal x (at least 2^-53 there)
         * that DBL_MIN in its place gives the same p. */
        const double t = fmax(ldexp(r.ss, (r.power - 1) * r.e), DBL_MIN);
        for (int i = 0; i < n; i++) {
            p[i] = ldexp(S[i], -r.e);
        }
        status = thm_softmax(n, p, t, p);
    }
    if (status == THM_OK && row) {
        row->s = r.s;
        row->temperature = normalised ? r.s : tau;
        row->normalised = normalised;
    }
    return status;
}

/* What the Jacobian needs: the temperature t and k / c'c (0 on the side of
 * plain softmax), c being the scaled row's. */
static thm_status measure_jacobian(int n, const double *S, double tau,
                                   thm_norm norm, row_stats *r, double *t,
                                   double *k)
{
    const thm_status status = measure_row(n, S, tau, norm, r);
    if (status != THM_OK) {
        return status;
    }
    const bool normalised = r->s < tau;
    *t = normalised ? r->s : tau;
    if (!(*t >= DBL_MIN)) {
        return THM_EDOMAIN;
    }
    *k = normalised ? r->power / r->cc : 0.0;
    return THM_OK;
}

/* 1'p, or THM_EDOMAIN if p is no vector of probabilities. */
static thm_status sum_of_probs(int n, const double *p, double *sum)
{
    *sum = 0.0;
    for (int i = 0; i < n; i++) {
        if (!(p[i] >= 0.0)) {
            return THM_EDOMAIN;
        }
        *sum += p[i];
    }
    return *sum > 0.0 && *sum < HUGE_VAL ? THM_OK : THM_EDOMAIN;
}

/* y <- v - k c (c'v): the projector or the reflection, symmetric. */
static void reflect(int n, const double *S, const row_stats *r, double k,
                    const double *v, double *y)
{
    double cv = 0.0;
    for (int i = 0; i < n; i++) {
        cv += centred(r, S[i]) * v[i];
    }
    for (int i = 0; i < n; i++) {
        y[i] = v[i] - k * cv * centred(r, S[i]);
    }
}

thm_status thm_normsoftmax_jvp(int n, const double *S, double tau,
                               thm_norm norm, const double *p, const double *v,
                               double *y)
{
    row_stats r;
    double t, k, sum;
    thm_status status = measure_jacobian(n, S, tau, norm, &r, &t, &k);
    if (status == THM_OK) {
        status = sum_of_probs(n, p, &sum);
    }
    if (status != THM_OK) {
        return status;
    }
    if (k == 0.0) {
        return thm_softmax_jvp(n, p, t, v, y);
    }
    reflect(n, S, &r, k, v, y);
    return thm_softmax_jvp(n, p, t, y, y);
}

thm_status thm_normsoftmax_vjp(int n, const double *S, double tau,
                               thm_norm norm, const double *p, const double *v,
                               double *y)
{
    row_stats r;
    double t, k;
    thm_status status = measure_jacobian(n, S, tau, norm, &r, &t, &k);
    if (status != THM_OK) {
        return status;
    }
    status = thm_softmax_jvp(n, p, t, v, y);
    if (status == THM_OK && k > 0.0) {
        reflect(n, S, &r, k, y, y);
    }
    return status;
}

thm_status thm_normsoftmax_jacobian(int n, const double *S, double tau,
                                    thm_norm norm, const double *p, double *J)
{
    row_stats r;
    double t, k, sum, pc = 0.0;
    thm_status status = measure_jacobian(n, S, tau, norm, &r, &t, &k);
    if (status == THM_OK) {
        status = sum_of_probs(n, p, &sum);
    }
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        pc += p[i] / sum * centred(&r, S[i]);
    }
    for (int i = 0; i < n; i++) {
        double *row = J + (size_t)i * (size_t)n;
        const double slope = k * (centred(&r, S[i]) - pc);
        for (int j = 0; j < n; j++) {
            const double own = i == j ? 1.0 : 0.0;
            const double direct = own - p[j] / sum;
            row[j] = p[i] * (direct - slope * centred(&r, S[j])) / t;
        }
    }
    return THM_OK;
}
