/* Softmax, entropy and Jacobian products; every sum here has terms of one sign,
 * so that relative errors stay near u (paper-notes/softmax.md, "Rounding"). */
#include "softmax/softmax.h"

#include <math.h>
#include <stddef.h>
#include "softmax/weight.h"

/* A sum and its compensation (Neumaier): error u |sum| + O(n u^2). */
typedef struct {
    double sum, rest;
} compensated;

static void add(compensated *s, double x)
{
    double t = s->sum + x;
    s->rest += fabs(s->sum) >= fabs(x) ? (s->sum - t) + x : (x - t) + s->sum;
    s->sum = t;
}

static double total(const compensated *s)
{
    return s->sum + s->rest;
}

/* The sum of the weights but that of the first largest logit, which is 1. */
static double others_sum(int n, const double *z, const thm_weight_row *row)
{
    compensated s = {0.0, 0.0};
    int leader_seen = 0;
    for (int i = 0; i < n; i++) {
        double m;
        int e;
        if (z[i] == row->max && !leader_seen) {
            leader_seen = 1;
            continue;
        }
        thm_weight(row, z[i], &m, &e);
        add(&s, ldexp(m, e));
    }
    return total(&s);
}

thm_status thm_softmax(int n, const double *z, double tau, double *p)
{
    thm_weight_row row;
    thm_status status = thm_weight_row_init(n, z, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    double sum = 1.0 + others_sum(n, z, &row);
    for (int i = 0; i < n; i++) {
        double m;
        int e;
        thm_weight(&row, z[i], &m, &e);
        p[i] = ldexp(m / sum, e);
    }
    return THM_OK;
}

thm_status thm_softmax_lse(int n, const double *z, double tau, double *lse)
{
    thm_weight_row row;
    thm_status status = thm_weight_row_init(n, z, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    *lse = row.max / tau + log1p(others_sum(n, z, &row));
    return THM_OK;
}

thm_status thm_softmax_log(int n, const double *z, double tau, double *log_p)
{
    thm_weight_row row;
    thm_status status = thm_weight_row_init(n, z, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    double log_sum = log1p(others_sum(n, z, &row));
    for (int i = 0; i < n; i++) {
        double hi, lo;
        thm_weight_exponent(&row, z[i], &hi, &lo);
        log_p[i] = hi - log_sum;
    }
    return THM_OK;
}

static void put_entropy(int support, double value, double *h, double *relative)
{
    *h = value;
    if (relative != NULL) {
        *relative = support > 1 ? value / log((double)support) : 0.0;
    }
}

/* H = log S + sum w_i x_i / S with x_i = (max - z_i) / tau >= 0 and S >= 1: no
 * term is negative. */
thm_status thm_softmax_entropy(int n, const double *z, double tau, double *h,
                               double *h_relative)
{
    thm_weight_row row;
    thm_status status = thm_weight_row_init(n, z, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    double others = others_sum(n, z, &row);
    compensated s = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        double hi, lo, m;
        int e;
        thm_weight_exponent(&row, z[i], &hi, &lo);
        thm_weight(&row, z[i], &m, &e);
        if (hi > -HUGE_VAL) {
            add(&s, ldexp(-hi * m, e));
        }
    }
    put_entropy(n, log1p(others) + total(&s) / (1.0 + others), h, h_relative);
    return THM_OK;
}

/* What the functions of given probabilities need: their sum, the place of the
 * largest and the sum of the others, which 1'p - max p would lose. */
typedef struct {
    int leader;
    double sum, others;
} probs_row;

static thm_status probs_row_init(int n, const double *p, probs_row *row)
{
    compensated s = {0.0, 0.0};
    int leader = 0;
    if (n < 1) {
        return THM_EDIM;
    }
    for (int i = 0; i < n; i++) {
        if (!(p[i] >= 0.0 && p[i] < HUGE_VAL)) {
            return THM_EDOMAIN;
        }
        leader = p[i] > p[leader] ? i : leader;
    }
    for (int i = 0; i < n; i++) {
        if (i != leader) {
            add(&s, p[i]);
        }
    }
    row->leader = leader;
    row->others = total(&s);
    row->sum = p[leader] + row->others;
    return row->sum > 0.0 && row->sum < HUGE_VAL ? THM_OK : THM_EDOMAIN;
}

/* 1'p - p_i without cancellation. */
static double without(const probs_row *row, const double *p, int i)
{
    return i == row->leader ? row->others : row->sum - p[i];
}

/* What J takes: probabilities and a temperature. */
static thm_status jacobian_row_init(int n, const double *p, double tau,
                                    probs_row *row)
{
    thm_status status = probs_row_init(n, p, row);
    if (status == THM_OK && !(tau > 0.0 && tau < HUGE_VAL)) {
        status = THM_EDOMAIN;
    }
    return status;
}

thm_status thm_probs_entropy(int n, const double *p, double *h,
                             double *h_relative)
{
    probs_row row;
    thm_status status = probs_row_init(n, p, &row);
    if (status != THM_OK) {
        return status;
    }
    compensated s = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        /* -log(p_i / sum): for the leader from the others' share */
        double x = i == row.leader ? log1p(row.others / p[i])
                                   : log(row.sum) - log(p[i]);
        if (p[i] > 0.0) {
            add(&s, (p[i] / row.sum) * x);
        }
    }
    put_entropy(n, total(&s), h, h_relative);
    return THM_OK;
}

thm_status thm_softmax_jvp(int n, const double *p, double tau, const double *v,
                           double *y)
{
    probs_row row;
    thm_status status = jacobian_row_init(n, p, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    /* J 1 = 0, so that v may be measured from the leader's entry: then a
     * leader with p near 1 loses nothing. */
    double origin = v[row.leader];
    compensated s = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        add(&s, p[i] * (v[i] - origin));
    }
    double mean = total(&s) / row.sum;
    for (int i = 0; i < n; i++) {
        y[i] = p[i] * ((v[i] - origin) - mean) / tau;
    }
    return THM_OK;
}

thm_status thm_softmax_jacobian(int n, const double *p, double tau, double *J)
{
    probs_row row;
    thm_status status = jacobian_row_init(n, p, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double x = i == j ? p[i] * (without(&row, p, i) / row.sum)
                              : -(p[i] * p[j]) / row.sum;
            J[(size_t)i * (size_t)n + (size_t)j] = x / tau;
        }
    }
    return THM_OK;
}

/* With r the share of all but the largest p and a_i their parts of it (sum 1),
 *   |tau J|_F^2 / r^2 = (1-r)^2 + sum a_i^2 (1 - r a_i)^2 + 2 (1-r)^2 sum a_i^2
 *                       + r^2 sum_{i != j} a_i^2 a_j^2,
 * no term negative and none so small that its square matters and vanishes. */
thm_status thm_softmax_jacobian_fro(int n, const double *p, double tau,
                                    double *fro)
{
    probs_row row;
    thm_status status = jacobian_row_init(n, p, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    if (row.others == 0.0) {
        *fro = 0.0;
        return THM_OK;
    }
    double r = row.others / row.sum, top = p[row.leader] / row.sum;
    compensated a2 = {0.0, 0.0}, diag = {0.0, 0.0}, cross = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        if (i != row.leader) {
            double a = p[i] / row.others, rest = 1.0 - r * a;
            /* r^2 sum_{i != j} a_i^2 a_j^2 as twice the pairs j < i */
            add(&cross, 2.0 * r * r * (a * a) * total(&a2));
            add(&a2, a * a);
            add(&diag, (a * rest) * (a * rest));
        }
    }
    double square =
        top * top + total(&diag) + 2.0 * top * top * total(&a2) + total(&cross);
    *fro = r * sqrt(square) / tau;
    return THM_OK;
}

thm_status thm_softmax_jacobian_trace(int n, const double *p, double tau,
                                      double *trace)
{
    probs_row row;
    thm_status status = jacobian_row_init(n, p, tau, &row);
    if (status != THM_OK) {
        return status;
    }
    compensated s = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        add(&s, p[i] * (without(&row, p, i) / row.sum));
    }
    *trace = total(&s) / tau;
    return THM_OK;
}
