/* The smallest singular value of B, certified: see rank.h. */
#include "attn/rank.h"

#include <math.h>
#include <stdbool.h>

const char *thm_deficient_text(thm_deficient deficient)
{
    switch (deficient) {
#define THM_DEFICIENT_CASE(name, text)                                         \
    case name:                                                                 \
        return text;
        THM_DEFICIENT_TABLE(THM_DEFICIENT_CASE)
#undef THM_DEFICIENT_CASE
    }
    return "unknown reason";
}

static bool zero(size_t count, const double *x)
{
    for (size_t k = 0; k < count; k++) {
        if (!(x[k] == 0.0)) {
            return false;
        }
    }
    return true;
}

/* Whether two tokens of a sample are equal (0 = -0). */
static bool twins(const thm_layer *l)
{
    const size_t n = (size_t)l->n, D = (size_t)l->D;
    for (size_t i = 0; i < (size_t)l->N; i++) {
        const double *X = l->X + i * n * D;
        for (size_t k = 1; k < n; k++) {
            for (size_t j = 0; j < k; j++) {
                size_t same = 0;
                while (same < D && X[k * D + same] == X[j * D + same]) {
                    same++;
                }
                if (same == D) {
                    return true;
                }
            }
        }
    }
    return false;
}

thm_deficient thm_layer_deficient(const thm_layer *l, const double *Wq,
                                  const double *Wk)
{
    const size_t weights = (size_t)l->H * (size_t)l->D * (size_t)l->d;
    /* a product of int sizes may exceed int, never a double's 53 bits */
    if ((double)l->H * l->D < (double)l->N * l->n) {
        return THM_DEFICIENT_COLUMNS;
    }
    if (twins(l)) {
        return THM_DEFICIENT_TWINS;
    }
    if (l->n > 1 && (zero(weights, Wq) ||
                     (l->kernel != THM_KERNEL_GAUSSIAN && zero(weights, Wk)))) {
        return THM_DEFICIENT_FLAT;
    }
    if (l->n == 1 && l->kernel != THM_KERNEL_GAUSSIAN && l->D < l->N) {
        return THM_DEFICIENT_SINGLE;
    }
    return THM_DEFICIENT_NOT;
}

/* The certificate for every matrix within delta of B. */
static thm_status certify(const double *B, thm_layer_rank *r)
{
    const bool bounded = isfinite(r->delta);
    const thm_status status = thm_sigma_bnd(
        r->rows, r->columns, B, bounded ? r->delta : 0.0, &r->sigma, &r->bound);
    if (status == THM_OK && !bounded) {
        r->bound.limited_by_delta = r->bound.lower > 0.0;
        r->bound.route = THM_CERTIFIED_NOT;
        r->bound.lower = 0.0;
        r->bound.upper = r->bound.max_upper = HUGE_VAL;
    }
    if (status == THM_OK && r->deficient != THM_DEFICIENT_NOT) {
        r->bound.lower = r->bound.upper = 0.0;
        r->bound.route = THM_CERTIFIED_NOT;
        r->bound.limited_by_delta = false;
    }
    return status;
}

/* B, its error, estimate and certificate. */
static thm_status attempt(const thm_layer *l, const double *Wq,
                          const double *Wk, bool twice, thm_layer_work *work,
                          double *B, thm_layer_rank *r)
{
    thm_status status =
        thm_layer_b_bnd(l, Wq, Wk, twice, work, B, &r->delta, &r->underflowed);
    if (status == THM_OK) {
        status =
            thm_sigma_est(r->rows, r->columns, B, THM_SIGMA_AUTO, &r->sigma);
    }
    return status == THM_OK ? certify(B, r) : status;
}

thm_status thm_layer_rank_bnd(const thm_layer *l, const double *Wq,
                              const double *Wk, double *B, thm_layer_rank *out)
{
    thm_layer_work *work = NULL;
    thm_layer_rank r = {0};
    thm_status status = thm_layer_work_alloc(l, &work);
    if (status != THM_OK) {
        return status;
    }
    r.rows = l->N * l->n;
    r.columns = l->H * l->D;
    r.deficient = thm_layer_deficient(l, Wq, Wk);
    status = attempt(l, Wq, Wk, false, work, B, &r);
    if (status == THM_OK && r.bound.limited_by_delta) {
        status = attempt(l, Wq, Wk, true, work, B, &r);
    }
    thm_layer_work_free(work);
    if (status == THM_OK) {
        if (r.deficient != THM_DEFICIENT_NOT) {
            r.sigma.min = 0.0;
        }
        r.lambda_min_gram = r.sigma.min * r.sigma.min;
        *out = r;
    }
    return status;
}
