/* S12.1, S12.2: the Jacobian of NormSoftmax in closed form (src/softmax/
 * normsoftmax.h) against complex-step differences of the definition; every
 * bound used here is derived in paper-notes/softmax.md.
 *
 * Cases: the rows of claims/logits.h at their temperatures, so that s lies on
 * either side of tau. */
#include "core/cmplx.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "claims/logits.h"
#include "proofs/proof.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"

typedef long double complex complex_t;

enum { COLUMNS = 16 }; /* of a Jacobian that are looked at */

static const double u = DBL_EPSILON / 2;
static const long double u_ld = LDBL_EPSILON / 2, step = 0x1p-400L;

typedef struct {
    thm_rows *rows;
    double *p, *e, *y;
    complex_t *z;
} work;

/* ---- the cases ------------------------------------------------------------
 */

static thm_status open_rows(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    const size_t n = THM_ROW_MAX;
    work *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->p = malloc(3 * n * sizeof *w->p);
    w->z = malloc(n * sizeof *w->z);
    if (!w->p || !w->z) {
        return THM_ENOMEM;
    }
    w->e = w->p + n;
    w->y = w->e + n;
    const thm_status status = thm_rows_alloc(NULL, &w->rows);
    if (status == THM_OK) {
        source->count = proof_count(effort, THM_LOGITS_CASES);
        source->make = thm_logits_make;
        source->the_case = thm_rows_row(w->rows);
        source->ctx = w->rows;
    }
    return status;
}

static void close_rows(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_rows_free(w->rows);
        free(w->p);
        free(w->z);
        free(w);
    }
}

/* ---- the Jacobian ---------------------------------------------------------
 */

/* exp and square root at x + iy with |y| below 2^-300 |x| or so: to first order
 * in y, the rest being far below the last bit. */
static complex_t exp_step(complex_t z)
{
    const long double a = expl(creall(z));
    return CMPLXL(a, a * cimagl(z));
}

static complex_t sqrt_step(complex_t z)
{
    const long double a = sqrtl(creall(z));
    return CMPLXL(a, cimagl(z) / (2.0L * a));
}

/* z <- NormSoftmax of S + i step e_j, by the definition. */
static void complex_normsoftmax(int n, const double *S, int j, double tau,
                                thm_norm norm, complex_t *z)
{
    long double top = S[0];
    complex_t mean = 0, square = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        top = fmaxl(top, S[i]);
    }
    for (int i = 0; i < n; i++) {
        z[i] = CMPLXL(S[i] - top, i == j ? step : 0.0L);
        mean += z[i];
    }
    mean /= n;
    for (int i = 0; i < n; i++) {
        square += (z[i] - mean) * (z[i] - mean);
    }
    const complex_t s =
        norm == THM_NORM_STD ? sqrt_step(square / (n - 1)) : square / n;
    const complex_t t = creall(s) < tau ? s : (complex_t)tau;
    for (int i = 0; i < n; i++) {
        z[i] = exp_step(z[i] / t);
        sum += z[i];
    }
    for (int i = 0; i < n; i++) {
        z[i] /= sum;
    }
}

static double range_of(int n, const double *S)
{
    double lo = S[0], hi = S[0];
    for (int i = 1; i < n; i++) {
        lo = fmin(lo, S[i]);
        hi = fmax(hi, S[i]);
    }
    return hi - lo;
}

static double gamma_of(double k, double roundoff)
{
    return k * roundoff / (1.0 - k * roundoff);
}

/* Relative error of the probabilities of thm_normsoftmax. */
static double error_of_p(const thm_row *row, const thm_normsoftmax_row *info)
{
    const double spread = range_of(row->n, row->value) / info->temperature;
    return expm1((9.0 * spread + 8.0) * u);
}

/* Error of an entry of the Jacobian in units of its absolute terms: that of
 * the closed form plus that of the complex step (note, S12.1). */
static double error_of_jacobian(const thm_row *row,
                                const thm_normsoftmax_row *info)
{
    const double n = row->n, v = (double)u_ld;
    const double spread = range_of(row->n, row->value) / info->temperature;
    const double rho = error_of_p(row, info);
    const double rho_long =
        expm1(2.0 * spread * gamma_of(8 * n + 8, v) + gamma_of(n + 16, v));
    return expm1(3.0 * log1p(rho) + log1p(gamma_of(n + 70, u))) +
           expm1(3.0 * log1p(rho_long) + log1p(gamma_of(24 * n + 70, v)));
}

/* Whether the row meets the hypotheses of the claims on the Jacobian: it is
 * not constant, off the kink, and 1/s is a double. */
static bool differentiable(const thm_row *row, const thm_normsoftmax_row *info)
{
    return info->s >= 0x1p-1000 && fabs(info->s - row->tau) > 16 * u * row->tau;
}

/* Column `which` of the few that are looked at: all, or the first largest, the
 * first smallest and drawn ones. */
static int column(const thm_row *row, int which, thm_rng *rng)
{
    if (row->n <= COLUMNS) {
        return which;
    }
    if (which >= 2) {
        return (int)thm_rng_below(rng, (uint64_t)row->n);
    }
    const double sign = which == 0 ? 1.0 : -1.0;
    int best = 0;
    for (int i = 1; i < row->n; i++) {
        best = sign * row->value[i] > sign * row->value[best] ? i : best;
    }
    return best;
}

/* The largest |closed form - complex step| over the entries looked at, in units
 * of the entry's absolute terms, (p_i / t)(4 + 8 k); `detached` drops the
 * derivative of s. */
static thm_status measure_jacobian(const thm_row *row, work *w, thm_norm norm,
                                   bool detached, thm_finding *f, bool *applies)
{
    const int n = row->n;
    const double *S = row->value;
    thm_normsoftmax_row info;
    *applies = !row->absent && n >= 2;
    thm_status status =
        *applies ? thm_normsoftmax(n, S, row->tau, norm, w->p, &info) : THM_OK;
    *applies = *applies && status == THM_OK && differentiable(row, &info);
    if (!*applies) {
        return status;
    }
    const double k = norm == THM_NORM_STD ? 1.0 : 2.0;
    const double t = info.temperature;
    thm_rng rng = row->rng;
    f->observed = f->allowed = 0.0;
    for (int c = 0; c < (n < COLUMNS ? n : COLUMNS); c++) {
        const int j = column(row, c, &rng);
        memset(w->e, 0, (size_t)n * sizeof *w->e);
        w->e[j] = 1.0;
        status = detached ? thm_softmax_jvp(n, w->p, t, w->e, w->y)
                          : thm_normsoftmax_jvp(n, S, row->tau, norm, w->p,
                                                w->e, w->y);
        if (status != THM_OK) {
            return status;
        }
        complex_normsoftmax(n, S, j, row->tau, norm, w->z);
        for (int i = 0; i < n; i++) {
            const double reference = (double)(cimagl(w->z[i]) / step);
            /* DBL_MIN: below it p is off by up to 2^-1074 */
            const double terms = (w->p[i] + DBL_MIN) / t * (4.0 + 8.0 * k);
            const double off = fabs(w->y[i] - reference) / terms;
            f->observed = thm_worse(f->observed, off);
        }
    }
    f->err = error_of_jacobian(row, &info);
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status std_jacobian(const void *row, void *ctx, thm_finding *f,
                               bool *applies)
{
    return measure_jacobian(row, ctx, THM_NORM_STD, false, f, applies);
}

static thm_status not_std_jacobian(const void *row, void *ctx, thm_finding *f,
                                   bool *applies)
{
    return measure_jacobian(row, ctx, THM_NORM_STD, true, f, applies);
}

static thm_status var_jacobian(const void *row, void *ctx, thm_finding *f,
                               bool *applies)
{
    return measure_jacobian(row, ctx, THM_NORM_VAR, false, f, applies);
}

static thm_status not_var_jacobian(const void *row, void *ctx, thm_finding *f,
                                   bool *applies)
{
    return measure_jacobian(row, ctx, THM_NORM_VAR, true, f, applies);
}

/* ---- the table ------------------------------------------------------------
 */

static const thm_claim claims[] = {
    {.id = "S12.1", .measure = std_jacobian},
    {.id = "XS12.1", .measure = not_std_jacobian},
    {.id = "S12.2", .measure = var_jacobian},
    {.id = "XS12.2", .measure = not_var_jacobian},
};
static const proof_group groups[] = {
    {.n_claims = 4, .claims = claims, .open = open_rows, .close = close_rows},
};
static const proof_table table = {
    .summary = "S12.1, S12.2: the Jacobian of NormSoftmax in closed form.",
    .n_groups = 1,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return proof_main(argc, argv, &table);
}
