/* Whether the data of a loss make sense; see loss.h. */
#include "flow/loss.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

static thm_status check_finite(int m, int n, const double *x)
{
    if (x == NULL || m < 1 || n < 1) {
        return THM_EDIM;
    }
    for (size_t i = 0; i < (size_t)m * (size_t)n; i++) {
        if (!isfinite(x[i])) {
            return THM_EDOMAIN;
        }
    }
    return THM_OK;
}

/* A sum of d rounded numbers in any order errs by at most (d - 1) u, and each
 * of them by u. */
static thm_status check_distribution(int d, const double *p)
{
    double sum = 0.0;
    for (int k = 0; k < d; k++) {
        if (!(p[k] >= 0.0)) {
            return THM_EDOMAIN;
        }
        sum += p[k];
    }
    return fabs(sum - 1.0) <= 2.0 * d * DBL_EPSILON ? THM_OK : THM_EDOMAIN;
}

static thm_status check_rows(const thm_loss *loss)
{
    thm_status status = check_finite(loss->m, loss->d, loss->X);
    if (status == THM_OK) {
        status = check_finite(loss->m, 1, loss->y);
    }
    for (int i = 0;
         status == THM_OK && loss->kind == THM_LOSS_SAMPLES && i < loss->m;
         i++) {
        status = fabs(loss->y[i]) == 1.0 ? THM_OK : THM_EDOMAIN;
    }
    return status;
}

static thm_status check_terms(const thm_loss *loss)
{
    thm_status status = check_finite(loss->terms, 1, loss->coefficient);
    if (status == THM_OK && loss->term == NULL) {
        status = THM_EDIM;
    }
    for (int k = 0; status == THM_OK && k < loss->terms; k++) {
        const thm_loss *term = loss->term[k];
        status = term == NULL || term->d != loss->d ? THM_EDIM
                                                    : thm_loss_check(term);
    }
    return status;
}

thm_status thm_loss_check(const thm_loss *loss)
{
    thm_status status = THM_OK;
    if (loss->d < 1) {
        return THM_EDIM;
    }
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
    case THM_LOSS_EXPONENTIAL:
    case THM_LOSS_SQUARE:
        return check_finite(loss->d, 1, loss->b);
    case THM_LOSS_CROSS_ENTROPY:
        status = check_finite(loss->d, 1, loss->b);
        return status == THM_OK ? check_distribution(loss->d, loss->b) : status;
    case THM_LOSS_QUADRATIC:
    case THM_LOSS_SAMPLES:
        return check_rows(loss);
    case THM_LOSS_COMBINATION:
        return check_terms(loss);
    }
    return THM_EDOMAIN;
}
