/* Rigorous enclosures of the softmax Jacobian's eigenvalues
 * (paper-notes/softmax.md, "Enclosures").
 *
 * 1. Ball arithmetic bounds the relative error of the rounded weights by delta;
 *    the Laplacian argument turns it into a factor between
 *    (1 - delta)^2 / (1 + delta) and (1 + delta)^2 / (1 - delta) on every
 *    eigenvalue.
 * 2. For the rounded weights, taken as exact, the sign of the secular function
 *    at points beside each computed root, certain once |psi + phi| exceeds the
 *    proved rounding bound of its one-signed sums, encloses the root; where no
 *    sign is certain the poles do (interlacing). */
#include <float.h>
#include <math.h>
#include "core/arb.h"
#include "softmax/spectrum.h"
#include "softmax/spectrum_work.h"
#include "softmax/weight.h"

enum { BITS = 128, TRIES = 6, FLOOR_MARGIN = 256 };

static const double U = 0x1p-53;

/* What the roots are divided by, as [lo, hi] 2^-scale_e, and the factor
 * 1 +- theta that the rounding of the weights is worth. */
typedef struct {
    double divisor_lo, divisor_hi, theta;
} frame;

static void ball_to_interval(const arb_t x, double *lo, double *hi)
{
    arf_t end;
    arf_init(end);
    arb_get_lbound_arf(end, x, 64);
    *lo = arf_get_d(end, ARF_RND_FLOOR);
    arb_get_ubound_arf(end, x, 64);
    *hi = arf_get_d(end, ARF_RND_CEIL);
    arf_clear(end);
}

/* The largest |w~ / w - 1| over the poles above the floor, and their sum. */
static void measure_weights(const thm_spectrum_work *work, double *delta,
                            arb_t sum)
{
    arb_t x, w, max, tau;
    arf_t end;
    arb_init(x);
    arb_init(w);
    arb_init(max);
    arb_init(tau);
    arf_init(end);
    double leader = -HUGE_VAL;
    for (int i = 0; i < work->poles; i++) {
        double z = work->input[work->pole[i].index];
        leader = z > leader ? z : leader;
    }
    arb_set_d(max, leader);
    arb_set_d(tau, work->tau);
    arb_zero(sum);
    *delta = 0.0;
    for (int i = 0; i < work->poles; i++) {
        const thm_pole *pole = &work->pole[i];
        arb_set_d(x, work->input[pole->index]);
        arb_sub(x, x, max, BITS);
        arb_div(x, x, tau, BITS);
        if (pole->e <= THM_WEIGHT_FLOOR) {
            continue; /* worth less than 2^floor in the sum: see frame_init */
        }
        arb_exp(w, x, BITS);
        arb_add(sum, sum, w, BITS);
        arb_set_d(x, pole->m);
        arb_mul_2exp_si(x, x, pole->e);
        arb_div(x, x, w, BITS);
        arb_sub_si(x, x, 1, BITS);
        arb_get_abs_ubound_arf(end, x, 30);
        double error = arf_get_d(end, ARF_RND_CEIL);
        *delta = error > *delta ? error : *delta;
    }
    arb_clear(x);
    arb_clear(w);
    arb_clear(max);
    arb_clear(tau);
    arf_clear(end);
}

static thm_status frame_init(const thm_spectrum_work *work, frame *f)
{
    double delta = 0.0;
    arb_t divisor, tau;
    arb_init(divisor);
    arb_init(tau);
    if (work->logits) {
        measure_weights(work, &delta, divisor);
    } else {
        arb_one(divisor);
    }
    arb_set_d(tau, work->tau);
    arb_mul(divisor, divisor, tau, BITS);
    arb_mul_2exp_si(divisor, divisor, work->scale_e);
    ball_to_interval(divisor, &f->divisor_lo, &f->divisor_hi);
    arb_clear(divisor);
    arb_clear(tau);
    /* (1+d)^2/(1-d) <= 1 + 3.01 d and (1-d)^2/(1+d) >= 1 - 3.01 d for
     * d <= 2^-10; 2^-60 for the weights at the floor, in the sum too, and for
     * poles out of a group's range (spectrum_work.h) */
    f->theta = 3.01 * delta + 0x1p-60;
    return delta <= 0x1p-10 && f->divisor_lo > 0.0 ? THM_OK : THM_EINTERNAL;
}

/* A bound of root k from below (side = -1) or above (+1), in the group's
 * scale, outward. */
static double bound_root(const thm_spectrum_work *work, int k, int side)
{
    const double *d = work->d;
    const thm_root *root = &work->root[k];
    int upper = root->origin - k;
    double o = d[root->origin], gap = d[k + 1] - d[k];
    double pole = side < 0 ? d[k] : d[k + 1];
    double eps = (thm_secular_depth(work->poles) + 10) * U;
    double radius = 4.0 * eps * (o + root->eta);
    for (int i = 0; i < TRIES; i++, radius *= 4.0) {
        double eta = root->eta + side * radius;
        /* beyond the origin, or too near the other pole for the bound */
        if (!((upper ? -eta : eta) > 0.0 && fabs(eta) <= 0.75 * gap)) {
            return pole;
        }
        thm_secular f;
        work->eval(work->poles, d, k, o, eta, &f);
        if (side * (f.psi + f.phi) > eps * (f.phi - f.psi)) {
            return (o + eta) * (1.0 + side * 2.0 * U);
        }
    }
    return pole;
}

/* Writes [lo, hi] 2^exponent, given in the group's scale, with e = 0 where both
 * ends are normal doubles. */
static void put(double lo, double hi, int exponent, double *out_lo,
                double *out_hi, int *e)
{
    double a = ldexp(lo, exponent), b = ldexp(hi, exponent);
    int normal = a >= DBL_MIN && b < HUGE_VAL;
    *out_lo = normal ? a : lo;
    *out_hi = normal ? b : hi;
    *e = normal ? 0 : exponent;
}

thm_status thm_spectrum_encl(thm_spectrum_work *work, double *lo, double *hi,
                             int *e)
{
    frame f;
    if (work->n < 1) {
        return THM_EDIM;
    }
    int m = work->poles, zeros = 1 + work->n - m;
    thm_spectrum_sort(work, 0, m);
    thm_status status = thm_spectrum_solve(work, 0, m - 1);
    if (status == THM_OK) {
        status = frame_init(work, &f);
    }
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < zeros; i++) {
        lo[i] = hi[i] = 0.0;
        e[i] = 0;
    }
    /* lo, hi leave the range of doubles only through tau: eight roundings and
     * the theta of the weights, outward */
    double below = (1.0 - f.theta - 8.0 * U) / f.divisor_hi;
    double above = (1.0 + f.theta + 8.0 * U) / f.divisor_lo;
    for (int k = 0; k < m - 1;) {
        int group, next = thm_spectrum_group(work, k, m - 1, &group);
#pragma omp parallel for schedule(static)                                      \
    num_threads(work->threads) if (work->threads > 1)
        for (int i = k; i < next; i++) {
            int tie = !(work->d[i] < work->d[i + 1]), at = zeros + i;
            double a = tie ? work->d[i] : bound_root(work, i, -1);
            double b = tie ? work->d[i] : bound_root(work, i, 1);
            if (work->logits &&
                work->pole[i].e <= THM_WEIGHT_FLOOR + FLOOR_MARGIN) {
                /* Courant-Fischer on the tokens up to i and the ones */
                a = 0.0;
                b = (double)(i + 2);
                lo[at] = a;
                hi[at] = b * above;
                e[at] = THM_WEIGHT_FLOOR + FLOOR_MARGIN + work->scale_e;
                continue;
            }
            put(a * below, b * above, group + work->scale_e, &lo[at], &hi[at],
                &e[at]);
        }
        k = next;
    }
    return THM_OK;
}
