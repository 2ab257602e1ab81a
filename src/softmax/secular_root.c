/* Middle-way iteration for one root of the secular function. */
#include "softmax/secular_root.h"

#include <math.h>
#include <stddef.h>

enum { MAX_EVALUATIONS = 200, WINDOW = 4, WINDOW_STEPS = 3 };

/* The root of
 *     c + s / (a - step) + t / (b - step) = 0,   a < step < b,
 * where the constants match psi, phi and their slopes at step = 0. */
static double middle_way(const thm_secular *f, double a, double b)
{
    double g = f->psi + f->phi;
    double c = g - a * f->dpsi - b * f->dphi;
    double h = (a + b) * g - a * b * (f->dpsi + f->dphi);
    double w = a * b * g;
    double root = sqrt(fabs(h * h - 4.0 * w * c));
    return h > 0.0 ? 2.0 * w / (h + root) : (h - root) / (2.0 * c);
}

/* The terms of poles from..to-1 at mu = at, split below and above pole k. */
static thm_secular window_sum(const double *d, int from, int to, int k,
                              double at)
{
    thm_secular s = {0.0, 0.0, 0.0, 0.0};
    for (int j = from; j < to; j++) {
        double t = 1.0 / (d[j] - at), f = d[j] * t;
        *(j <= k ? &s.psi : &s.phi) += f;
        *(j <= k ? &s.dpsi : &s.dphi) += f * t;
    }
    return s;
}

/* A first offset from d[k]: the middle of the gap, or, where the next pole is
 * far above, about where one pole below balances one above. */
static double first_offset(const double *d, int k)
{
    double half = 0.5 * (d[k + 1] - d[k]);
    return half < d[k] ? half : d[k];
}

/* Where the root of interval k should be, as an offset from d[k]: the poles
 * next to it exactly, the pull of the others continued linearly from the
 * previous root.  Only a guess; NaN if it has none. */
static double guess(int n, const double *d, int k, const thm_root *previous)
{
    int from = k - WINDOW + 1 > 0 ? k - WINDOW + 1 : 0;
    int to = k + WINDOW + 1 < n ? k + WINDOW + 1 : n;
    double gap = d[k + 1] - d[k], eta = first_offset(d, k);
    thm_secular near = window_sum(d, from, to, k, previous->at);
    double far = previous->g - near.psi - near.phi;
    double slope = previous->dg - near.dpsi - near.dphi;
    for (int i = 0; i < WINDOW_STEPS; i++) {
        double at = d[k] + eta;
        thm_secular f = window_sum(d, from, to, k, at);
        f.phi += far + slope * (at - previous->at);
        eta += middle_way(&f, -eta, gap - eta);
    }
    return eta;
}

/* A point strictly inside (lo, hi): geometric where both are on one side of
 * the origin, so that an offset of any size is reached. */
static double bisect(double lo, double hi)
{
    if (lo > 0.0 || hi < 0.0) {
        return copysign(sqrt(fabs(lo)) * sqrt(fabs(hi)), lo);
    }
    return lo == 0.0 ? hi / 16.0 : lo / 16.0;
}

thm_status thm_secular_root(thm_secular_eval eval, int n, const double *d,
                            int k, const thm_root *previous, thm_root *root)
{
    double gap = d[k + 1] - d[k], half = 0.5 * gap;
    double noise = (thm_secular_depth(n) + 8) * 0x1p-53;
    double start = previous != NULL ? guess(n, d, k, previous) : -1.0;
    if (!(start > 0.0 && start < gap)) {
        start = first_offset(d, k);
    }
    /* Offsets from the nearer pole; the root is sought in its half of the gap,
     * and in the other one once g(middle) has the wrong sign. */
    int upper = start > half;
    double eta = upper ? start - gap : start;
    double lo = upper ? -half : 0.0, hi = upper ? 0.0 : half;
    for (int count = 1; count <= MAX_EVALUATIONS; count++) {
        thm_secular f;
        double o = d[k + upper];
        eval(n, d, k, o, eta, &f);
        double g = f.psi + f.phi;
        if (eta == (upper ? -half : half) && (upper ? g > 0.0 : g < 0.0)) {
            upper = !upper; /* the root lies beyond the middle */
            o = d[k + upper];
            eta = -eta;
            lo = upper ? eta : 0.0;
            hi = upper ? 0.0 : eta;
        }
        double a = upper ? -gap - eta : -eta, b = upper ? -eta : gap - eta;
        double step = middle_way(&f, a, b);
        *(g < 0.0 ? &lo : &hi) = eta;
        double next = eta + step;
        int inside = next > lo && next < hi;
        double mu = o + eta;
        int settled = fabs(g) <= noise * (f.phi - f.psi);
        if (settled || (inside && fabs(step) <= 0x1p-26 * fabs(eta))) {
            root->eta = inside ? next : eta;
            root->origin = k + upper;
            root->step = fabs(root->eta - eta) / mu;
            root->evaluations = count;
            root->at = mu;
            root->g = g;
            root->dg = f.dpsi + f.dphi;
            return THM_OK;
        }
        if (!inside) {
            double middle = upper ? -half : half;
            int beyond =
                upper ? step < 0.0 && lo == middle : step > 0.0 && hi == middle;
            next = beyond && eta != middle ? middle : bisect(lo, hi);
        }
        eta = next;
    }
    return THM_ECONVERGE;
}
