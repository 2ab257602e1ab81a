/* S12.3 - S12.5: the unit spread of NormSoftmax's logits, and the largest
 * probability that it allows (src/softmax/normsoftmax.h; every bound used here
 * is derived in paper-notes/softmax.md).
 *
 * Cases: the rows of claims/logits.h at their temperatures, and rows with one
 * raised logit (one-hot-like), where the bound of S12.4 is attained. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "claims/claim.h"
#include "claims/logits.h"
#include "proofs/proof.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"

enum { ONE_HOT_SIZES = 12, ONE_HOT_CASES = 4 * ONE_HOT_SIZES };

static const double u = DBL_EPSILON / 2, tau_one_hot = 8.0;
typedef struct {
    thm_rows *rows;
    thm_row *row;
    int64_t first_one_hot; /* index of the first one-hot-like row     */
    double *leaders;       /* the same row with a second raised logit */
    double *p, *y;
} work;

/* ---- the cases ------------------------------------------------------------
 */

/* All logits b but one, b + a; s = a / sqrt(n) by the divisor n - 1, drawn
 * between tau / 1000 and tau. */
static void make_one_hot(work *w, uint64_t seed, int64_t k, char *name)
{
    static const int sizes[ONE_HOT_SIZES] = {5, 17, 65,  197, 2,    3,
                                             9, 33, 129, 256, 1024, 4096};
    thm_row *row = w->row;
    thm_rng rng = thm_rng_make(seed, ~(uint64_t)k);
    const int n = sizes[k % ONE_HOT_SIZES];
    const double s = tau_one_hot * pow(10.0, -3.0 * thm_rng_uniform(&rng));
    const double b = 3.0 * thm_rng_normal(&rng);
    const int at = (int)thm_rng_below(&rng, (uint64_t)n);
    for (int i = 0; i < n; i++) {
        const bool second = i == (at + 1) % n;
        row->value[i] = i == at ? b + s * sqrt((double)n) : b;
        w->leaders[i] = second ? row->value[at] : row->value[i];
    }
    w->leaders[at] = row->value[at];
    w->leaders[(at + 1) % n] = row->value[at];
    row->n = n;
    row->tau = tau_one_hot;
    row->absent = false;
    row->family = "one-hot-like";
    row->index = k;
    row->rng = rng;
    snprintf(name, THM_CASE_NAME, "one-hot-like/n%d/s%.3g/%lld", n, s,
             (long long)k);
}

static thm_status make_row(void *ctx, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    work *w = ctx;
    if (index < w->first_one_hot) {
        return thm_logits_make(w->rows, seed, index, the_case, name);
    }
    make_one_hot(w, seed, index - w->first_one_hot, name);
    return THM_OK;
}

static thm_status open_rows(double effort, int64_t base,
                            thm_case_source *source, void **ctx)
{
    const size_t n = THM_ROW_MAX;
    work *w = calloc(1, sizeof *w);
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    const thm_status status = thm_rows_alloc(NULL, &w->rows);
    if (status != THM_OK) {
        return status;
    }
    w->row = thm_rows_row(w->rows);
    w->leaders = malloc(3 * n * sizeof *w->leaders);
    if (!w->leaders) {
        return THM_ENOMEM;
    }
    w->p = w->leaders + n;
    w->y = w->p + n;
    w->first_one_hot = base > 0 ? proof_count(effort, base) : 0;
    source->count = w->first_one_hot + proof_count(effort, ONE_HOT_CASES);
    source->make = make_row;
    source->the_case = w->row;
    source->ctx = w;
    return THM_OK;
}

static thm_status open_all(double effort, uint64_t seed,
                           thm_case_source *source, void **ctx,
                           thm_message *msg)
{
    (void)seed;
    (void)msg;
    return open_rows(effort, THM_LOGITS_CASES, source, ctx);
}

static thm_status open_one_hot(double effort, uint64_t seed,
                               thm_case_source *source, void **ctx,
                               thm_message *msg)
{
    (void)seed;
    (void)msg;
    return open_rows(effort, 0, source, ctx);
}

static void close_rows(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_rows_free(w->rows);
        free(w->leaders);
        free(w);
    }
}

/* ---- spread and largest probability ---------------------------------------
 */

static double range_of(int n, const double *S)
{
    double lo = S[0], hi = S[0];
    for (int i = 1; i < n; i++) {
        lo = fmin(lo, S[i]);
        hi = fmax(hi, S[i]);
    }
    return hi - lo;
}

/* Relative error of the probabilities of thm_normsoftmax. */
static double error_of_p(const thm_row *row, const thm_normsoftmax_row *info)
{
    const double spread = range_of(row->n, row->value) / info->temperature;
    return expm1((9.0 * spread + 8.0) * u);
}

/* p <- NormSoftmax of the row; applies if the row has a spread and is
 * normalised, clear of rounding at s = tau. */
static thm_status normalise(const thm_row *row, const double *S, thm_norm norm,
                            double *p, thm_normsoftmax_row *info, bool *applies)
{
    *applies = !row->absent && row->n >= 2;
    if (!*applies) {
        return THM_OK;
    }
    const thm_status status =
        thm_normsoftmax(row->n, S, row->tau, norm, p, info);
    *applies = status == THM_OK && info->s > 0.0 &&
               info->s < row->tau * (1.0 - 16 * u);
    return status;
}

/* |sample std of log p - 1|: log p and the logits differ by a constant. */
static thm_status measure_spread(const thm_row *row, work *w, thm_norm norm,
                                 thm_finding *f, bool *applies)
{
    const int n = row->n;
    thm_normsoftmax_row info;
    const thm_status status =
        normalise(row, row->value, norm, w->p, &info, applies);
    long double mean = 0, square = 0;
    double largest = 0.0;
    for (int i = 0; *applies && i < n; i++) {
        *applies = w->p[i] >= DBL_MIN; /* else its logit is lost */
        w->y[i] = log(w->p[i]);
        largest = fmax(largest, fabs(w->y[i]));
        mean += (long double)w->y[i] / n;
    }
    if (!*applies) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        square += (w->y[i] - mean) * (w->y[i] - mean);
    }
    const double rho = error_of_p(row, &info);
    f->observed = (double)fabsl(sqrtl(square / (n - 1)) - 1.0L);
    f->allowed = 0.0;
    f->err = M_SQRT2 * (rho / (1.0 - rho) + 2.0 * u * largest) + 2.0 * u;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status unit_std(const void *row, void *ctx, thm_finding *f,
                           bool *applies)
{
    return measure_spread(row, ctx, THM_NORM_STD, f, applies);
}

static thm_status not_unit_std(const void *row, void *ctx, thm_finding *f,
                               bool *applies)
{
    return measure_spread(row, ctx, THM_NORM_VAR, f, applies);
}

static double largest_of(int n, const double *p)
{
    double top = p[0];
    for (int i = 1; i < n; i++) {
        top = fmax(top, p[i]);
    }
    return top;
}

/* 1 / (1 + (n - 1) e^(-sqrt n)) */
static double pmax_bound(int n)
{
    return (double)(1.0L / (1.0L + (n - 1) * expl(-sqrtl(n))));
}

static thm_status pmax_bounded(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    const thm_row *row = the_case;
    work *w = ctx;
    thm_normsoftmax_row info;
    const thm_status status =
        normalise(row, row->value, THM_NORM_STD, w->p, &info, applies);
    if (!*applies) {
        return status;
    }
    f->observed = largest_of(row->n, w->p);
    f->allowed = pmax_bound(row->n);
    f->err = error_of_p(row, &info) * f->observed + 2.0 * u;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

/* The same bound for logits divided by the standard deviation of divisor n. */
static thm_status not_pmax_bounded(const void *the_case, void *ctx,
                                   thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    work *w = ctx;
    thm_normsoftmax_row info;
    thm_status status =
        normalise(row, row->value, THM_NORM_STD, w->p, &info, applies);
    *applies = *applies && info.s >= 0x1p-1000;
    if (!*applies) {
        return status;
    }
    const double n = row->n;
    info.temperature = info.s * sqrt((n - 1.0) / n);
    status = thm_softmax(row->n, row->value, info.temperature, w->p);
    f->observed = largest_of(row->n, w->p);
    f->allowed = pmax_bound(row->n);
    f->err = error_of_p(row, &info) * f->observed + 2.0 * u;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return status;
}

static thm_status measure_attained(const thm_row *row, const double *S, work *w,
                                   thm_finding *f, bool *applies)
{
    thm_normsoftmax_row info;
    const thm_status status =
        normalise(row, S, THM_NORM_STD, w->p, &info, applies);
    if (*applies) {
        f->observed = fabs(largest_of(row->n, w->p) - pmax_bound(row->n));
        f->allowed = 0.0;
        f->err = error_of_p(row, &info) + 2.0 * u;
        f->resolution = true;
        f->evidence = THM_BOUNDED;
    }
    return status;
}

static thm_status pmax_attained(const void *row, void *ctx, thm_finding *f,
                                bool *applies)
{
    const work *w = ctx;
    return measure_attained(row, w->row->value, ctx, f, applies);
}

static thm_status not_pmax_attained(const void *row, void *ctx, thm_finding *f,
                                    bool *applies)
{
    const work *w = ctx;
    return measure_attained(row, w->leaders, ctx, f, applies);
}

/* ---- the table ------------------------------------------------------------
 */

static const thm_claim on_all_rows[] = {
    {.id = "S12.3", .measure = unit_std},
    {.id = "XS12.3", .measure = not_unit_std},
    {.id = "S12.4", .measure = pmax_bounded},
    {.id = "XS12.4", .measure = not_pmax_bounded},
};
static const thm_claim on_one_hot_rows[] = {
    {.id = "S12.5", .measure = pmax_attained},
    {.id = "XS12.5", .measure = not_pmax_attained},
};
static const proof_group groups[] = {
    {.n_claims = 4,
     .claims = on_all_rows,
     .open = open_all,
     .close = close_rows},
    {.n_claims = 2,
     .claims = on_one_hot_rows,
     .open = open_one_hot,
     .close = close_rows},
};
static const proof_table table = {
    .summary = "S12.3 - S12.5: NormSoftmax - the unit spread of its logits and "
               "its largest probability.",
    .n_groups = 2,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return proof_main(argc, argv, &table);
}
