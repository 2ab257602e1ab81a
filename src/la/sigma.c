/* The smallest singular value by a triangular factor and Lanczos; see sigma.h.
 *
 * Whatever the route, what it finds is only a unit vector v; the value is
 * |W' v|, recomputed from the matrix itself in twice the working precision.
 * With v = sum c_i v_i over the left singular vectors,
 *
 *     |W' v|^2 - sigma_k^2 = sum c_i^2 (sigma_i^2 - sigma_k^2) >= 0,
 *
 * so that the error of the value is quadratic in that of v, and nothing is lost
 * by a Gram matrix whose own error, noise of about eps |W|_F^2, is far above
 * u sigma_1 sigma_k: it moves v by noise / (sigma_i^2 - sigma_k^2). */
#include "la/sigma.h"

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

typedef struct {
    thm_wide w;
    double *v, *y, *r; /* k, p, k */
    thm_sigma out;     /* of the scaled matrix */
} problem;

/* Of the error, relative to sigma_1, on the route that may still be left: what
 * a backward error of eps sigma_1 in a random direction does to one singular
 * value, which is what the best method of LAPACK leaves. */
static double tolerance(const problem *b)
{
    return DBL_EPSILON / sqrt(b->w.p);
}

/* What v is worth.  With y = W'v, s = |y|, r = W y / s - s v:
 *   - sigma_k is in [0, s];
 *   - some singular value lies within |r| of s: (v, y / s) has this residual
 *     for [0 W; W' 0], whose eigenvalues are +- sigma_i and zeros;
 *   - s r = sum c_i (sigma_i^2 - s^2) v_i, so that what each v_i adds to s^2 is
 *     about (v_i's.r)^2 / (sigma_i^2 - s^2), at most (v_i's.r)^2 / sigma_i^2
 *     over 1 - (s / next)^2 wherever sigma_i >= next.  All but v_k together:
 *         s - sigma_k <= s |R'^-1 r|^2 / (1 - (s / next)^2),
 *     and if some sigma_i lie within t of s: t more, with next = s + t.
 * r is orthogonal to v but for rounding, which R'^-1 would magnify by 1 / s:
 * taken out. */
static thm_status judge(problem *b, const thm_triangle *t, double next)
{
    int k = b->w.k, p = b->w.p;
    thm_sigma *out = &b->out;
    thm_status status =
        thm_dot2(1, k, p, b->v, false, b->w.W, thm_isa_detect(), b->y);
    if (status != THM_OK) {
        return status;
    }
    double s = cblas_dnrm2(p, b->y, 1), residual = 0.0, square = 0.0;
    if (s > 0.0) {
        cblas_dscal(p, 1.0 / s, b->y, 1);
        memcpy(b->r, b->v, (size_t)k * sizeof *b->r);
        cblas_dgemv(CblasRowMajor, CblasNoTrans, k, p, 1, b->w.W, p, b->y, 1,
                    -s, b->r, 1);
        residual = cblas_dnrm2(k, b->r, 1);
        cblas_daxpy(k, -cblas_ddot(k, b->v, 1, b->r, 1), b->v, 1, b->r, 1);
        cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, k,
                    t->R, t->ld, b->r, 1);
        double size = cblas_dnrm2(k, b->r, 1);
        square = s * size * size;
    }
    double near = 0.5 * tolerance(b) * out->max;
    double apart = square / ((1.0 - s / next) * (1.0 + s / next));
    double together =
        near + square * ((s + near) / near) * ((s + near) / (2.0 * s + near));
    double least = fmin(s, residual);
    out->min = s;
    out->residual = least / out->max;
    least = next > s && apart < least ? apart : least;
    out->error = (together < least ? together : least) / out->max;
    return THM_OK;
}

/* sigma_1 from below.  The vector may be rough, the value is not: with theta =
 * |R x|^2 and r = R'R x - theta x, theta is off by at most |r|, and by |r|^2 /
 * (theta - next) where next bounds the second eigenvalue. */
static thm_status largest(problem *b, thm_triangle *t)
{
    /* from here on R in double precision leaves the second cache */
    enum { ROUGH = 512 };
    int k = t->k;
    double scale = 1.0;
    thm_lanczos found;
    thm_rough rough = {0};
    thm_status status;
    if (k < ROUGH) {
        status = thm_lanczos_max(k, thm_triangle_forward, t, DBL_EPSILON,
                                 THM_SIGMA_MAX_STEPS, b->v, &found);
    } else {
        scale = sqrt(b->w.square);
        status = thm_rough_make(t, scale, &rough);
        if (status == THM_OK) {
            status = thm_lanczos_max(k, thm_rough_forward, &rough,
                                     FLT_EPSILON * FLT_EPSILON,
                                     THM_SIGMA_MAX_STEPS, b->v, &found);
        }
        thm_rough_free(&rough);
    }
    if (status == THM_OK) {
        status = thm_triangle_forward(k, b->v, b->r, t);
    }
    if (status != THM_OK) {
        return status;
    }
    double theta = cblas_ddot(k, b->v, 1, b->r, 1);
    double apart = theta - found.next * scale * scale;
    cblas_daxpy(k, -theta, b->v, 1, b->r, 1);
    double r = cblas_dnrm2(k, b->r, 1);
    b->out.max = sqrt(theta);
    b->out.max_error = fmin(r, apart > 0.0 ? r * (r / apart) : r) / theta / 2.0;
    return isfinite(theta) ? THM_OK : THM_EDOMAIN;
}

/* sigma_k through a factor of W W' + E: |E| <= noise^2, or (QR) of W + E: |E|
 * <= noise. */
static thm_status smallest(problem *b, thm_triangle *t, double noise)
{
    thm_lanczos found;
    thm_status status =
        thm_lanczos_max(t->k, thm_triangle_inverse, t, DBL_EPSILON,
                        THM_SIGMA_STEPS, b->v, &found);
    if (status != THM_OK) {
        return status;
    }
    /* Lanczos judges v by 1 / sigma^2, which forgives what |W'v| does not: a
     * step of inverse iteration takes (sigma_k / sigma_i)^2 of c_i */
    status = thm_triangle_inverse(t->k, b->v, b->r, t);
    double size = cblas_dnrm2(t->k, b->r, 1);
    if (status != THM_OK || !isfinite(size)) {
        return status == THM_OK ? THM_EDOMAIN : status;
    }
    for (int i = 0; i < t->k; i++) {
        b->v[i] = b->r[i] / size;
    }
    b->out.steps = found.steps;
    /* no second Ritz value: k = 1, or a space of equal singular values */
    double next = t->k == 1 ? HUGE_VAL : 0.0;
    b->out.gap = t->k == 1;
    if (found.next > 0.0) {
        next = 1.0 / sqrt(found.next);
        b->out.gap = 1.0 - sqrt(found.next / found.value);
        next = b->out.route == THM_SIGMA_QR
                   ? next - noise
                   : sqrt(fmax(next - noise, 0.0)) * sqrt(next + noise);
    }
    return judge(b, t, next);
}

static thm_status from_factor(problem *b, thm_triangle *t, double noise)
{
    thm_status status = largest(b, t);
    return status == THM_OK ? smallest(b, t, noise) : status;
}

/* Whether the diagonal of the leading quarter of R, from h of the k rows, falls
 * so fast that the Gram matrix would be computed in vain.  A guess, it decides
 * about time alone.  Where singular values are spaced evenly in their logarithm
 * and vectors are generic, the fall continued to k is measured as 2e-3 at
 * condition 1e4 and 3e-4 at 1e5, between which the route ends to pass. */
static thm_status hopeless(int k, int h, const double *G, bool *guess)
{
    const double PACE = 5e-4;
    double *block = NULL, most = 0.0, least = HUGE_VAL;
    thm_triangle t;
    thm_status status = thm_dense_alloc(h, h, 1, &block);
    if (status != THM_OK) {
        return status;
    }
    for (int j = 0; j < h; j++) {
        memcpy(block + (size_t)j * (size_t)h, G + (size_t)j * (size_t)k,
               ((size_t)j + 1) * sizeof *block);
    }
    status = thm_triangle_chol(h, block, &t);
    for (int j = 0; status == THM_OK && j < h; j++) {
        double r = fabs(block[(size_t)j * (size_t)h + (size_t)j]);
        most = fmax(most, r);
        least = fmin(least, r);
    }
    *guess = !(pow(least / most, (double)k / h) > PACE);
    free(block);
    return status == THM_ESINGULAR ? THM_OK : status;
}

static thm_status by_gram(problem *b, bool may_leave, bool *good)
{
    /* below this no part is worth a call of its own */
    enum { PARTS = 4, SMALL = 256 };
    int k = b->w.k, h = may_leave && k >= SMALL ? k / PARTS : 0;
    double *G = NULL;
    thm_triangle t;
    /* of sums of p and k terms, whose roundings add up as a random walk */
    double noise = sqrt((double)b->w.p + k) * DBL_EPSILON * b->w.square;
    bool left = false;
    thm_status status = thm_dense_alloc(k, k, 1, &G);
    if (status == THM_OK && h > 0) {
        thm_wide_gram(&b->w, 0, h, G);
        status = hopeless(k, h, G, &left);
    }
    *good = false;
    if (status != THM_OK || left) {
        free(G);
        return status;
    }
    thm_wide_gram(&b->w, h, k, G);
    status = thm_triangle_chol(k, G, &t);
    /* sigma_k is at most every diagonal entry of R */
    double least = status == THM_OK ? HUGE_VAL : 0.0;
    for (int i = 0; status == THM_OK && i < k; i++) {
        least = fmin(least, fabs(G[(size_t)i * (size_t)k + (size_t)i]));
    }
    if (least * least > 2.0 * noise) {
        b->out.route = THM_SIGMA_GRAM;
        status = from_factor(b, &t, sqrt(noise));
        *good = status == THM_OK && b->out.min * b->out.min > 2.0 * noise &&
                (b->out.error <= tolerance(b) ||
                 b->out.residual <= sqrt(b->w.p) * DBL_EPSILON);
    }
    free(G);
    /* an inverse beyond the range of doubles is as much as singular */
    return status == THM_ESINGULAR || status == THM_EDOMAIN ? THM_OK : status;
}

/* Where Lanczos overflows (R^-1 may exceed the range of doubles) or does not
 * end: R = U S V' in full, slower by far. */
static thm_status by_svd(problem *b, const thm_triangle *t)
{
    int k = t->k;
    size_t kk = (size_t)k * (size_t)k;
    double *U = NULL, *values = NULL;
    thm_status status = thm_dense_alloc(k, k, 3, &U);
    if (status == THM_OK) {
        status = thm_dense_alloc(k, 1, 1, &values);
    }
    if (status == THM_OK) {
        double *R = U + kk, *Vt = R + kk;
        memset(R, 0, kk * sizeof *R);
        for (int j = 0; j < k; j++) {
            memcpy(R + (size_t)j * (size_t)k, t->R + (size_t)j * (size_t)t->ld,
                   ((size_t)j + 1) * sizeof *R);
        }
        status = thm_dense_info(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'A', k, k, R,
                                               k, values, U, k, Vt, k));
        if (status == THM_OK) {
            double next = k == 1 ? HUGE_VAL : values[k - 2];
            cblas_dcopy(k, Vt + k - 1, k, b->v, 1);
            b->out.route = THM_SIGMA_SVD;
            b->out.max = values[0];
            b->out.max_error = b->w.p * DBL_EPSILON;
            b->out.steps = 0;
            b->out.gap = next > 0.0 ? 1.0 - values[k - 1] / next : 0.0;
            status = judge(b, t, next);
        }
    }
    free(U);
    free(values);
    return status;
}

static thm_status by_qr(problem *b, bool *good)
{
    thm_triangle t = {0};
    thm_status status = thm_triangle_qr(&b->w, &t);
    double most = 4.0 * b->w.p * DBL_EPSILON;
    if (status == THM_OK) {
        b->out.route = THM_SIGMA_QR;
        status = from_factor(b, &t, sqrt(b->w.p * b->w.square) * DBL_EPSILON);
        if (status == THM_EDOMAIN ||
            (status == THM_OK && !(b->out.error <= most))) {
            status = by_svd(b, &t);
        }
    }
    thm_triangle_free(&t);
    *good = b->out.error <= most;
    return status;
}

static thm_status solve(problem *b, thm_sigma_route route)
{
    bool good = false;
    thm_status status = THM_OK;
    if (route != THM_SIGMA_QR) {
        status = by_gram(b, route == THM_SIGMA_AUTO, &good);
    }
    if (status == THM_OK && !good && route != THM_SIGMA_GRAM) {
        status = by_qr(b, &good);
    }
    return status == THM_OK && !good ? THM_ECONVERGE : status;
}

thm_status thm_sigma_est(int m, int n, const double *A, thm_sigma_route route,
                         thm_sigma *out)
{
    if (route != THM_SIGMA_AUTO && route != THM_SIGMA_GRAM &&
        route != THM_SIGMA_QR) {
        return THM_EDOMAIN;
    }
    problem b = {0};
    thm_status status = thm_wide_make(m, n, A, &b.w);
    if (status == THM_OK) {
        status = thm_dense_alloc(2, b.w.k + b.w.p, 1, &b.v);
    }
    if (status == THM_OK && b.w.most == 0.0) {
        *out = (thm_sigma){.gap = b.w.k == 1, .route = THM_SIGMA_QR};
    } else if (status == THM_OK) {
        b.r = b.v + b.w.k;
        b.y = b.r + b.w.k;
        status = solve(&b, route);
        double found[2] = {b.out.min, b.out.max};
        if (status == THM_OK) {
            status = thm_dense_unscale(2, b.w.e, found);
        }
        if (status == THM_OK) {
            *out = b.out;
            out->min = found[0];
            out->max = found[1];
            out->threshold = b.w.p * DBL_EPSILON * found[1];
        }
    }
    free(b.v);
    thm_wide_free(&b.w);
    return status;
}
