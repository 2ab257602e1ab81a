/* What is known of training W_V alone before it starts: see threshold.h.
 *
 * vec F = J vec W_V with a constant J, so that descent with step eta takes
 * coordinate k of the residual, along the left singular vector of sigma_k, to
 * (1 - eta sigma_k^2)^t of itself; what no vector spans is the floor. */
#include "programs/threshold/threshold.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "la/svd.h"

typedef struct {
    int rank;         /* singular values above rounding */
    double *s, *part; /* (rank), and the residual's coordinates */
    double floor;
    double *block;
} values_problem;

/* log of sum_k part_k^2 (1 - eta s_k^2)^(2t) / 2. */
static double log_excess(const values_problem *p, double eta, double t)
{
    double top = -HUGE_VAL, sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < p->rank; k++) {
            const double left = fabs(1 - eta * p->s[k] * p->s[k]),
                         log_left = eta * p->s[k] * p->s[k] < 0.5
                                        ? log1p(-eta * p->s[k] * p->s[k])
                                        : log(left),
                         size = 2 * log(fabs(p->part[k])) +
                                (t > 0 ? 2 * t * log_left : 0);
            if (pass == 0) {
                top = fmax(top, size);
            } else if (size > -HUGE_VAL) {
                sum += exp(size - top);
            }
        }
    }
    return sum > 0 ? top + log(sum / 2) : -HUGE_VAL;
}

/* Steps until f - floor <= goal; infinite if beyond 1e300. */
static double steps_needed(const values_problem *p, double eta, double goal)
{
    const double log_goal = log(goal);
    double low = 0, high = 1;
    if (log_excess(p, eta, 0) <= log_goal) {
        return 0;
    }
    while (!(log_excess(p, eta, high) <= log_goal)) {
        low = high;
        high *= 2;
        if (high > 1e300) {
            return HUGE_VAL;
        }
    }
    for (int i = 0; i < 60 && high - low > 0.5; i++) {
        const double middle = (low + high) / 2;
        *(log_excess(p, eta, middle) <= log_goal ? &high : &low) = middle;
    }
    return ceil(high);
}

static void values_free(values_problem *p)
{
    free(p->block);
}

/* J's singular values and the residual at W_V in its left vectors.  A value of
 * max(rows, columns) eps sigma_1 or less counts as zero. */
static thm_status values_alloc(const thm_instance *in, thm_layer_work *work,
                               values_problem *out)
{
    const thm_layer *l = &in->layer;
    const int rows = l->N * l->n * l->m, cols = l->H * l->D * l->d,
              most = rows < cols ? rows : cols;
    const size_t R = (size_t)rows, C = (size_t)cols, K = (size_t)most;
    values_problem p = {0};
    thm_status status = THM_OK;
    double *block = calloc(R * C + R * K + K * C + 2 * K + R, sizeof *block);
    if (!block) {
        return THM_ENOMEM;
    }
    double *J = block, *U = J + R * C, *Vt = U + R * K, *r = Vt + K * C;
    p.block = block;
    p.s = r + R;
    p.part = p.s + K;
    status = thm_layer_forward(l, &in->weights, work, r);
    if (status == THM_OK) {
        status = thm_layer_jacobian(l, &in->weights, THM_TRAIN_V, work, J);
    }
    if (status == THM_OK) {
        status = thm_svd(rows, cols, J, p.s, U, Vt, NULL);
    }
    if (status != THM_OK) {
        free(block);
        return status;
    }
    const double zero = (rows > cols ? rows : cols) * DBL_EPSILON * p.s[0];
    for (size_t i = 0; i < R; i++) {
        r[i] -= l->Y[i];
    }
    while (p.rank < most && p.s[p.rank] > zero) {
        double sum = 0;
        for (size_t i = 0; i < R; i++) {
            sum += U[i * K + (size_t)p.rank] * r[i];
        }
        p.part[p.rank++] = sum;
    }
    /* what is left of r, subtracted part by part: no cancellation of squares */
    for (int k = 0; k < p.rank; k++) {
        for (size_t i = 0; i < R; i++) {
            r[i] -= p.part[k] * U[i * K + (size_t)k];
        }
    }
    for (size_t i = 0; i < R; i++) {
        p.floor += r[i] * r[i] / 2;
    }
    *out = p;
    return THM_OK;
}

/* The largest rank that W_V's Jacobian can have by its sizes. */
static int full_rank(const thm_layer *l)
{
    const int tokens = l->N * l->n, width = l->H * l->D;
    if (l->d >= l->m) {
        return (width < tokens ? width : tokens) * l->m;
    }
    return width * l->d < tokens * l->m ? width * l->d : tokens * l->m;
}

thm_status threshold_values(const threshold_plan *plan, const thm_instance *in,
                            thm_layer_work *work, double *row, double *eta)
{
    values_problem p;
    const thm_status status = values_alloc(in, work, &p);
    if (status != THM_OK) {
        return status;
    }
    const double L = p.rank > 0 ? p.s[0] * p.s[0] : 0,
                 mu = p.rank > 0 ? p.s[p.rank - 1] * p.s[p.rank - 1] : 0;
    const bool decided = p.rank >= full_rank(&in->layer);
    if (decided) {
        row[TRAINED_FLOOR] = p.floor;
    }
    if (plan->step != STEP_BACKTRACKING && L > 0) {
        *eta = plan->step == STEP_OPTIMAL ? 2 / (mu + L) : 1 / L;
        row[TRAINED_NEEDED] =
            decided
                ? steps_needed(&p, *eta, THRESHOLD_TOLERANCE * row[TRAINED_F0])
                : HUGE_VAL;
    }
    values_free(&p);
    return THM_OK;
}
