/* Enclosed numbers and rows of the condition sheets: see conditions.h. */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attn/layer_err.h"
#include "la/svd.h"

#define U THM_CONDITIONS_U

/* Entries of a matrix whose singular values a decomposition gives soon. */
enum { SMALL = 1 << 16 };

/* ---- enclosed numbers ---------------------------------------------------- */

/* One rounding is at most u; two leave no doubt, and a denormal's spacing holds
 * where the result underflows. */
static thm_range widen(thm_range a)
{
    a.lower = fmax(0.0, a.lower * (1.0 - 4.0 * U) - DBL_TRUE_MIN);
    a.upper = a.upper * (1.0 + 4.0 * U) + DBL_TRUE_MIN;
    return a;
}

thm_range thm_range_exact(double x)
{
    return (thm_range){x, x, x};
}

thm_range thm_range_about(double x, double err)
{
    return widen((thm_range){fmax(0.0, x - err), x, x + err});
}

thm_range thm_range_mul(thm_range a, thm_range b)
{
    return widen(
        (thm_range){a.lower * b.lower, a.at * b.at, a.upper * b.upper});
}

thm_range thm_range_div(thm_range a, thm_range b)
{
    return widen(
        (thm_range){a.lower / b.upper, a.at / b.at, a.upper / b.lower});
}

thm_range thm_range_add(thm_range a, thm_range b)
{
    return widen(
        (thm_range){a.lower + b.lower, a.at + b.at, a.upper + b.upper});
}

thm_range thm_range_sqrt(thm_range a)
{
    return widen((thm_range){sqrt(a.lower), sqrt(a.at), sqrt(a.upper)});
}

thm_range thm_range_min(thm_range a, thm_range b)
{
    return (thm_range){fmin(a.lower, b.lower), fmin(a.at, b.at),
                       fmin(a.upper, b.upper)};
}

thm_range thm_range_max(thm_range a, thm_range b)
{
    return (thm_range){fmax(a.lower, b.lower), fmax(a.at, b.at),
                       fmax(a.upper, b.upper)};
}

thm_status thm_sheet_sigma(int m, int n, const double *A, int count,
                           double delta, thm_range *sigma, thm_range *max)
{
    const int k = m < n ? m : n;
    const size_t side = (size_t)k;
    thm_la_report report;
    if (delta == 0.0 && thm_norm_upper((size_t)m * (size_t)n, A) == 0.0) {
        *sigma = *max = thm_range_exact(0.0);
        return THM_OK;
    }
    double *s =
        malloc((side + side * (size_t)m + side * (size_t)n) * sizeof *s);
    if (!s) {
        return THM_ENOMEM;
    }
    const thm_status status =
        thm_svd(m, n, A, s, s + side, s + side + side * (size_t)m, &report);
    if (status == THM_OK) {
        const double err = report.err + delta;
        *sigma = k < count ? thm_range_exact(0.0)
                           : thm_range_about(s[count - 1], err);
        *max = thm_range_about(s[0], err);
    }
    free(s);
    return status;
}

thm_status thm_sheet_certified(int m, int n, const double *A, double delta,
                               thm_range *min, thm_range *max)
{
    thm_sigma sigma;
    thm_sigma_bound bound;
    if ((double)m * n <= SMALL) {
        return thm_sheet_sigma(m, n, A, m, delta, min, max);
    }
    thm_status status = thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &sigma);
    if (status == THM_OK) {
        status = thm_sigma_bnd(m, n, A, delta, &sigma, &bound);
    }
    if (status == THM_OK) {
        *min = n < m ? thm_range_exact(0.0)
                     : (thm_range){bound.lower, sigma.min, bound.upper};
        *max = (thm_range){0.0, sigma.max, bound.max_upper};
    }
    return status;
}

/* ---- rows ---------------------------------------------------------------- */

static int badness(thm_verdict v)
{
    switch (v) {
    case THM_HOLDS:
        return 0;
    case THM_VACUOUS:
        return 1;
    case THM_UNDECIDED:
        return 2;
    case THM_REFUTED:
        return 3;
    }
    return 2;
}

thm_verdict thm_sheet_worse(thm_verdict a, thm_verdict b)
{
    return badness(a) >= badness(b) ? a : b;
}

static thm_condition *add_row(thm_sheet *s, thm_condition row)
{
    thm_conditions *out = s->out;
    thm_theorem *last =
        out->n_theorems > 0 ? &out->theorems[out->n_theorems - 1] : NULL;
    if (!last || strcmp(last->theorem, row.theorem) != 0) {
        last = &out->theorems[out->n_theorems++];
        *last = (thm_theorem){.theorem = row.theorem,
                              .verdict = THM_HOLDS,
                              .mu = NAN,
                              .L = NAN,
                              .eta = NAN,
                              .eta_limit = NAN,
                              .radius = NAN,
                              .iterations = NAN,
                              .witness = NAN};
    }
    last->verdict = thm_sheet_worse(last->verdict, row.verdict);
    row.repair[0] = '\0';
    row.repair_value = NAN;
    out->rows[out->n_rows] = row;
    return &out->rows[out->n_rows++];
}

thm_condition *thm_sheet_at_least(thm_sheet *s, const char *theorem,
                                  const char *hypothesis, const char *says,
                                  double value, double bound)
{
    return add_row(
        s, (thm_condition){.theorem = theorem,
                           .hypothesis = hypothesis,
                           .says = says,
                           .verdict = thm_verdict_of(value - bound, 0.0),
                           .value = value,
                           .bound = bound,
                           .margin = value - bound,
                           .err = 0.0});
}

/* value > 0: proved by its lower end, refuted only where it is exactly 0. */
thm_condition *thm_sheet_positive(thm_sheet *s, const char *theorem,
                                  const char *hypothesis, const char *says,
                                  thm_range value)
{
    const double err =
        thm_worse(value.at - value.lower, value.upper - value.at);
    return add_row(s, (thm_condition){.theorem = theorem,
                                      .hypothesis = hypothesis,
                                      .says = says,
                                      .verdict = value.lower > 0.0 ? THM_HOLDS
                                                 : value.upper <= 0.0
                                                     ? THM_REFUTED
                                                     : THM_UNDECIDED,
                                      .value = value.at,
                                      .bound = 0.0,
                                      .margin = value.at,
                                      .err = err});
}

thm_condition *thm_sheet_at_most(thm_sheet *s, const char *theorem,
                                 const char *hypothesis, const char *says,
                                 thm_range value, thm_range bound)
{
    const double margin = bound.at - value.at;
    const double err =
        (thm_worse(value.upper - value.at, value.at - value.lower) +
         thm_worse(bound.upper - bound.at, bound.at - bound.lower)) *
            (1.0 + 4.0 * U) +
        U * fabs(margin);
    return add_row(s, (thm_condition){.theorem = theorem,
                                      .hypothesis = hypothesis,
                                      .says = says,
                                      .verdict = thm_verdict_of(margin, err),
                                      .value = value.at,
                                      .bound = bound.at,
                                      .margin = margin,
                                      .err = err});
}

void thm_sheet_repair(thm_condition *row, double value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(row->repair, sizeof row->repair, format, args);
    va_end(args);
    row->repair_value = value;
}
