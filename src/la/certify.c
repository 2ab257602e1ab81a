/* Proved bounds of sigma_k and sigma_1; see certify.h.  The proofs are those of
 * paper-notes/song2024.md, "Certificates", whose (C1)... the comments name.
 * Every bound is evaluated in rounding to nearest and widened by a factor
 * 1 + 16 u or more that covers its own few operations. */
#include "la/certify.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/dense.h"
#include "la/dot2.h"
#include "la/lanczos.h"
#include "la/wide.h"

static const double u = DBL_EPSILON / 2;
static const double up = 1.0 + 8.0 * DBL_EPSILON;
static const double down = 1.0 - 8.0 * DBL_EPSILON;

/* gamma_n = n u / (1 - n u), from above. */
static double gamma_of(double n)
{
    return n * u / (1.0 - n * u) * up;
}

/* |x|_2 from above and from below: n products and sums, a root (C1). */
static double norm_up(int n, const double *x)
{
    double sum = cblas_ddot(n, x, 1, x, 1);
    return sqrt(sum * (1.0 + 2.0 * gamma_of(n)) + DBL_MIN) * up;
}

static double norm_down(int n, const double *x)
{
    double sum = cblas_ddot(n, x, 1, x, 1);
    double least = sum * (1.0 - gamma_of(n)) - DBL_MIN;
    return least > 0.0 ? sqrt(least) * down : 0.0;
}

/* A floating-point Gram matrix H, upper triangle, and how far it is from
 * the exact one: error >= |H - exact|_2. */
typedef struct {
    int k;
    const double *H;
    double error, trace, largest; /* of the diagonal, from above */
} gram;

static gram gram_of(int k, const double *H, int terms, double square)
{
    gram g = {.k = k, .H = H, .error = gamma_of(terms) * square + DBL_MIN};
    for (int i = 0; i < k; i++) {
        double d = H[(size_t)i * (size_t)k + (size_t)i];
        g.trace += d;
        g.largest = fmax(g.largest, d);
    }
    g.trace *= 1.0 + gamma_of(k);
    return g;
}

/* What |exact - shift| may lie below zero when the Cholesky factorisation of
 * fl(H - shift) has run to its end (C2); `sign` -1: of fl(shift - H). */
static double slack(const gram *g, double sign, double shift)
{
    double trace = sign > 0.0 ? g->trace : g->k * shift;
    double diagonal = sign > 0.0 ? g->largest : shift;
    double c = gamma_of(g->k + 4.0);
    return (g->error + u * diagonal + c / (1.0 - c) * trace + DBL_MIN) * up;
}

/* Cholesky of sign (H - shift) in F: (k x k). */
static bool definite(const gram *g, double sign, double shift, double *F,
                     thm_triangle *factor)
{
    int k = g->k;
    for (int j = 0; j < k; j++) {
        const double *from = g->H + (size_t)j * (size_t)k;
        double *to = F + (size_t)j * (size_t)k;
        for (int i = 0; i < j; i++) {
            to[i] = sign * from[i];
        }
        to[j] = sign * (from[j] - shift);
    }
    return thm_triangle_chol(k, F, factor) == THM_OK;
}

/* A proved lower bound of the smallest eigenvalue of the exact Gram matrix,
 * aimed at `aim`; 0 if none.  F then holds the factor.  What the factorisation
 * loses in truth is far less than the slack, so the first attempt gives up an
 * eighth of it; the others are for estimates that were too high. */
static double least_eigenvalue(const gram *g, double aim, double *F,
                               thm_triangle *factor)
{
    double margin = slack(g, 1.0, 0.0);
    const double attempts[] = {aim - margin / 8.0, aim - margin,
                               aim / 2.0 - margin};
    for (int i = 0; i < 3; i++) {
        double bound = (attempts[i] - margin) * down;
        if (bound > aim / 8.0 && definite(g, 1.0, attempts[i], F, factor)) {
            return bound;
        }
    }
    return 0.0;
}

/* An upper bound of the largest one, aimed at `aim`, which is off by at most
 * `doubt` as far as is known; the trace otherwise. */
static double largest_eigenvalue(const gram *g, double aim, double doubt,
                                 double *F)
{
    thm_triangle factor;
    for (double wider = 1.0; wider < 100.0; wider *= 16.0) {
        /* 2^-26: more than the rounding of the factorisation, k^2 u */
        double shift = aim * (1.0 + wider * (0x1p-26 + doubt));
        shift += slack(g, -1.0, shift);
        double bound = (shift + slack(g, -1.0, shift)) * up;
        if (!(bound < g->trace)) {
            break;
        }
        if (definite(g, -1.0, shift, F, &factor)) {
            return bound;
        }
    }
    return (g->trace + g->error) * up;
}

/* |W'v| / |v| from above, for any v (C4). */
static thm_status quotient(const thm_wide *w, const double *v, double *y,
                           double *upper)
{
    double length = norm_down(w->k, v), c = gamma_of(w->k);
    thm_status status =
        thm_dot2(1, w->k, w->p, v, false, w->W, thm_isa_detect(), y);
    if (status == THM_OK && length > 0.0) {
        double found = norm_up(w->p, y) * (1.0 + 2.0 * u);
        double lost = c * c * sqrt(w->square) * norm_up(w->k, v);
        double bound = (found + lost + DBL_MIN) / length * up;
        *upper = bound < *upper ? bound : *upper;
    }
    return status;
}

typedef struct {
    thm_wide w;
    double aim, aim_max, doubt; /* sigma_k, sigma_1 and its error, scaled */
    double *G, *F, *v, *x, *y;  /* k x k, k x k, k, k, p                  */
    double lower, upper, most;  /* results, scaled                        */
    thm_certified route;
} problem;

/* One more vector for the upper bound, by Lanczos on the inverse of R' R. */
static thm_status vector_of(problem *b, thm_triangle *t)
{
    thm_lanczos found;
    int k = b->w.k;
    thm_status status =
        thm_lanczos_max(k, 1, thm_triangle_inverse, t, DBL_EPSILON,
                        THM_SIGMA_STEPS, 1, b->x, NULL, &found);
    if (status == THM_OK) {
        status = thm_triangle_inverse(k, 1, b->x, b->v, t);
    }
    double size = status == THM_OK ? cblas_dnrm2(k, b->v, 1) : HUGE_VAL;
    if (!isfinite(size) || !(size > 0.0)) {
        return status == THM_EDOMAIN ? THM_OK : status;
    }
    cblas_dscal(k, 1.0 / size, b->v, 1);
    return quotient(&b->w, b->v, b->y, &b->upper);
}

/* (C3) */
static thm_status by_cholesky(problem *b)
{
    thm_wide_gram(&b->w, 0, b->w.k, b->G);
    gram g = gram_of(b->w.k, b->G, b->w.p, b->w.square);
    thm_triangle factor;
    b->most =
        sqrt(largest_eigenvalue(&g, b->aim_max * b->aim_max, b->doubt, b->F)) *
        up;
    double least = least_eigenvalue(&g, b->aim * b->aim, b->F, &factor);
    if (!(least > 0.0)) {
        return THM_OK;
    }
    b->lower = sqrt(least) * down;
    b->route = THM_CERTIFIED_CHOLESKY;
    return vector_of(b, &factor);
}

/* X <- R^-T, lower triangular by rows, scaled by 2^-e to entries below 1;
 * false if it does not exist in doubles.  By substitution, column by column of
 * R^-1: R R^-1 - I is then within cond u, and that product is what X A rests
 * on.  The usual inversion makes R^-1 R - I small instead, and the other one
 * only within cond^2 u as soon as two singular values are small. */
static bool invert(int k, const thm_triangle *t, double *X, int *e)
{
    double most = 0.0;
    memset(X, 0, (size_t)k * (size_t)k * sizeof *X);
    for (int j = 0; j < k; j++) {
        if (!(fabs(t->R[(size_t)j * (size_t)t->ld + (size_t)j]) > 0.0)) {
            return false;
        }
        X[(size_t)j * (size_t)k + (size_t)j] = 1.0;
    }
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans,
                CblasNonUnit, k, k, 1.0, t->R, t->ld, X, k);
    for (size_t i = 0; i < (size_t)k * (size_t)k; i++) {
        if (!isfinite(X[i])) {
            return false;
        }
        most = fmax(most, fabs(X[i]));
    }
    frexp(most, e);
    /* 2^-e is a normal number: most >= 1 / |R| */
    for (size_t i = 0; i < (size_t)k * (size_t)k && *e < 1000; i++) {
        X[i] = ldexp(X[i], -*e);
    }
    return *e < 1000;
}

/* |I - 4^e Y Y'|_F from above, for Y computed: (k x p) (C5). */
static thm_status defect(const thm_wide *w, int e, const double *Y, double *G,
                         double *eta)
{
    int k = w->k;
    thm_wide wide;
    thm_status status = thm_wide_make(k, w->p, Y, &wide);
    if (status != THM_OK) {
        return status;
    }
    thm_wide_gram(&wide, 0, k, G);
    int shift = 2 * (e + wide.e);
    /* DBL_MIN: what scaling to `wide` lost, too */
    double error = ldexp(gamma_of(w->p) * wide.square + 2.0 * DBL_MIN, shift);
    double sum = 0.0;
    for (int j = 0; j < k; j++) {
        for (int i = 0; i <= j; i++) {
            double d = ldexp(G[(size_t)j * (size_t)k + (size_t)i], shift);
            d = i == j ? d - 1.0 : d;
            sum += (i == j ? 1.0 : 2.0) * d * d;
        }
    }
    *eta = (sqrt(sum * (1.0 + gamma_of((double)k * k + 4.0)) + DBL_MIN) +
            error + 2.0 * u) *
           up;
    thm_wide_free(&wide);
    return THM_OK;
}

/* (C5) with X: (k x k) in b->F, R^-T scaled by 2^-e. */
static thm_status by_inverse(problem *b, int e, double *Y)
{
    int k = b->w.k, p = b->w.p;
    const double *X = b->F;
    thm_triangle inverse = {.k = k, .ld = k, .R = b->F};
    thm_wide x;
    thm_lanczos found;
    double eta;
    thm_status status =
        thm_lanczos_max(k, 1, thm_triangle_forward, &inverse, 0x1p-30,
                        THM_SIGMA_STEPS, 1, b->v, NULL, &found);
    if (status != THM_OK) {
        return status;
    }
    status = thm_dot2(k, k, p, X, true, b->w.W, thm_isa_detect(), Y);
    if (status == THM_OK) {
        status = defect(&b->w, e, Y, b->G, &eta);
    }
    if (status == THM_OK) {
        status = thm_wide_make(k, k, X, &x);
    }
    if (status != THM_OK) {
        return status;
    }
    if (eta < 1.0) {
        double c = gamma_of(k);
        /* of Y, unscaled: rounding to doubles and what Dot2 loses */
        double size_y = sqrt(k * (1.0 + eta)) * up;
        double lost = 2.0 * u * size_y +
                      ldexp(c * c * sqrt(x.square * b->w.square) + DBL_MIN, e);
        double *F = Y; /* k x k fits: p >= k */
        thm_wide_gram(&x, 0, k, b->G);
        gram g = gram_of(k, b->G, k, x.square);
        double norm = sqrt(largest_eigenvalue(&g, found.value,
                                              found.change / found.value, F)) *
                      up;
        double bound = (sqrt(1.0 - eta) * down - lost * up) / ldexp(norm, e);
        if (bound > b->lower) {
            b->lower = bound * down;
            b->route = THM_CERTIFIED_PRECONDITIONED;
        }
    }
    thm_wide_free(&x);
    return status;
}

static thm_status by_preconditioning(problem *b)
{
    int k = b->w.k, e;
    double *Y = NULL;
    thm_triangle t = {0};
    thm_status status = thm_triangle_qr(&b->w, &t);
    if (status == THM_OK) {
        status = vector_of(b, &t);
    }
    if (status == THM_OK && invert(k, &t, b->F, &e)) {
        status = thm_dense_alloc(k, b->w.p, 1, &Y);
        if (status == THM_OK) {
            status = by_inverse(b, e, Y);
        }
    }
    thm_triangle_free(&t);
    free(Y);
    return status;
}

/* The row of least norm: a bound of sigma_k that needs no vector. */
static double least_row(const thm_wide *w)
{
    double least = HUGE_VAL;
    for (int i = 0; i < w->k; i++) {
        least = fmin(least, norm_up(w->p, w->W + (size_t)i * (size_t)w->p));
    }
    return least;
}

static thm_status solve(problem *b)
{
    thm_status status = by_cholesky(b);
    if (status == THM_OK && !(b->lower > 0.0)) {
        status = by_preconditioning(b);
    }
    return status;
}

static void state(const problem *b, double delta, thm_sigma_bound *out)
{
    /* ldexp may round below the normal range, a sum always: one step outwards
     * after each */
    double missed = b->w.missed;
    double lower = nextafter(ldexp(b->lower - missed, b->w.e), -HUGE_VAL);
    double upper = nextafter(ldexp((b->upper + missed) * up, b->w.e), HUGE_VAL);
    double most = nextafter(ldexp((b->most + missed) * up, b->w.e), HUGE_VAL);
    double left = nextafter(lower - delta, -HUGE_VAL);
    bool positive = b->lower > 0.0 && lower > 0.0;
    *out = (thm_sigma_bound){
        .lower = positive && left > 0.0 ? left : 0.0,
        .upper = delta > 0.0 ? nextafter(upper + delta, HUGE_VAL) : upper,
        .max_upper = delta > 0.0 ? nextafter(most + delta, HUGE_VAL) : most,
        .route = positive ? b->route : THM_CERTIFIED_NOT,
        .limited_by_delta = positive && !(left > 0.0) && delta > 0.0};
}

thm_status thm_sigma_bnd(int m, int n, const double *A, double delta,
                         const thm_sigma *guide, thm_sigma_bound *out)
{
    if (!(delta >= 0.0) || !isfinite(delta)) {
        return THM_EDOMAIN;
    }
    thm_sigma own;
    problem b = {0};
    thm_status status = thm_wide_make(m, n, A, &b.w);
    int k = b.w.k;
    if (status == THM_OK && guide == NULL && b.w.most > 0.0) {
        status = thm_sigma_est(m, n, A, THM_SIGMA_AUTO, &own);
        guide = &own;
    }
    if (status == THM_OK) {
        status = thm_dense_alloc(k, k, 2, &b.G);
    }
    if (status == THM_OK) {
        status = thm_dense_alloc(2, k + b.w.p, 1, &b.v);
    }
    if (status == THM_OK && b.w.most > 0.0) {
        b.F = b.G + (size_t)k * (size_t)k;
        b.x = b.v + k;
        b.y = b.x + k;
        b.aim = ldexp(guide->min, -b.w.e);
        b.aim_max = ldexp(guide->max, -b.w.e);
        b.doubt = 2.0 * guide->max_error;
        b.upper = least_row(&b.w);
        status = solve(&b);
    }
    if (status == THM_OK) {
        thm_sigma_bound found;
        state(&b, delta, &found);
        status = isfinite(found.max_upper) ? THM_OK : THM_EOVERFLOW;
        if (status == THM_OK) {
            *out = found;
        }
    }
    free(b.G);
    free(b.v);
    thm_wide_free(&b.w);
    return status;
}
