/* The smallest singular value by a triangular factor and Lanczos; see sigma.h.
 *
 * Whatever the route, what it finds is only a unit vector v; the value is
 * |W' v| / |v|, recomputed from the matrix itself in twice the working
 * precision. With v = sum c_i v_i over the left singular vectors,
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
#include "la/rough.h"
#include "la/sigma_single.h"
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
typedef thm_status half_solve(int k, const double *x, double *out, void *R);

static thm_status judge(problem *b, half_solve *half, void *R, double next)
{
    int k = b->w.k, p = b->w.p;
    thm_sigma *out = &b->out;
    thm_status status =
        thm_dot2(1, k, p, b->v, false, b->w.W, thm_isa_detect(), b->y);
    if (status != THM_OK) {
        return status;
    }
    /* the lengths, too: plain sums are worth several units of s */
    double length, s, residual = 0.0, square = 0.0;
    status = thm_dot2(1, k, 1, b->v, false, b->v, thm_isa_detect(), &length);
    if (status == THM_OK) {
        status = thm_dot2(1, p, 1, b->y, false, b->y, thm_isa_detect(), &s);
    }
    if (status != THM_OK) {
        return status;
    }
    cblas_dscal(k, 1.0 / sqrt(length), b->v, 1);
    s = sqrt(s / length);
    if (s > 0.0) {
        cblas_dscal(p, 1.0 / (s * sqrt(length)), b->y, 1);
        memcpy(b->r, b->v, (size_t)k * sizeof *b->r);
        cblas_dgemv(CblasRowMajor, CblasNoTrans, k, p, 1, b->w.W, p, b->y, 1,
                    -s, b->r, 1);
        residual = cblas_dnrm2(k, b->r, 1);
        cblas_daxpy(k, -cblas_ddot(k, b->v, 1, b->r, 1), b->v, 1, b->r, 1);
        status = half(k, b->r, b->v, R);
        double size = cblas_dnrm2(k, b->v, 1);
        square = s * size * size;
    }
    double near = 0.5 * tolerance(b) * out->max;
    double least = fmin(s, residual);
    out->min = s;
    out->residual = least / out->max;
    out->error = fmin(least, thm_sigma_left(s, next, square, near)) / out->max;
    return status;
}

/* sigma_1 from below, through a factor or a rough one.  The vector may be
 * rough, the value is not: with theta = |W'x|^2 and r = W W'x - theta x, theta
 * is off by at most |r|, and by |r|^2 / (theta - next) where next bounds the
 * second eigenvalue. */
static thm_status largest(problem *b, thm_operator *forward, void *R,
                          double tolerance)
{
    int k = b->w.k, p = b->w.p;
    thm_lanczos found;
    thm_status status =
        thm_lanczos_max(k, 1, forward, R, tolerance, THM_SIGMA_MAX_STEPS, 1,
                        b->v, NULL, &found);
    if (status != THM_OK) {
        return status;
    }
    cblas_dgemv(CblasRowMajor, CblasTrans, k, p, 1, b->w.W, p, b->v, 1, 0, b->y,
                1);
    double max = cblas_dnrm2(p, b->y, 1), theta = max * max;
    memcpy(b->r, b->v, (size_t)k * sizeof *b->r);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, k, p, 1, b->w.W, p, b->y, 1,
                -theta, b->r, 1);
    double r = cblas_dnrm2(k, b->r, 1), apart = theta - found.next;
    b->out.max = max;
    b->out.max_error = fmin(r, apart > 0.0 ? r * (r / apart) : r) / theta / 2.0;
    return isfinite(theta) ? THM_OK : THM_EDOMAIN;
}

/* sigma_k through a factor of W W' + E: |E| <= noise^2, or (QR) of W + E: |E|
 * <= noise. */
static thm_status smallest(problem *b, thm_triangle *t, double noise)
{
    thm_lanczos found;
    /* vectors: a block of doubles costs two of them or more, and saves fewer
     * steps than that */
    thm_status status =
        thm_lanczos_max(t->k, 1, thm_triangle_inverse, t, DBL_EPSILON,
                        THM_SIGMA_STEPS, 1, b->v, NULL, &found);
    if (status != THM_OK) {
        return status;
    }
    /* Lanczos judges v by 1 / sigma^2, which forgives what |W'v| does not: a
     * step of inverse iteration takes (sigma_k / sigma_i)^2 of c_i */
    status = thm_triangle_inverse(t->k, 1, b->v, b->r, t);
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
        b->out.gap = 1.0 - fmin(sqrt(found.next / found.value), 1.0);
        next = b->out.route == THM_SIGMA_QR
                   ? next - noise
                   : sqrt(fmax(next - noise, 0.0)) * sqrt(next + noise);
    }
    return judge(b, thm_triangle_half, t, next);
}

static thm_status from_factor(problem *b, thm_triangle *t, double noise)
{
    /* from here on R in double precision leaves the second cache */
    enum { ROUGH = 512 };
    thm_status status;
    if (t->k < ROUGH) {
        status = largest(b, thm_triangle_forward, t, DBL_EPSILON);
    } else {
        thm_rough rough = {0};
        status = thm_rough_copy(t, sqrt(b->w.square), &rough);
        if (status == THM_OK) {
            status = largest(b, thm_rough_forward, &rough,
                             (double)FLT_EPSILON * (double)FLT_EPSILON);
        }
        thm_rough_free(&rough);
    }
    return status == THM_OK ? smallest(b, t, noise) : status;
}

/* What v is worth where W itself has the last word. */
static bool passed(const problem *b)
{
    return b->out.error <= tolerance(b) ||
           b->out.residual <= sqrt(b->w.p) * DBL_EPSILON;
}

static thm_status by_gram(problem *b, bool *good)
{
    int k = b->w.k;
    double *G = NULL;
    thm_triangle t;
    /* of sums of p and k terms, whose roundings add up as a random walk */
    double noise = sqrt((double)b->w.p + k) * DBL_EPSILON * b->w.square;
    thm_status status = thm_dense_alloc(k, k, 1, &G);
    if (status == THM_OK) {
        thm_wide_gram(&b->w, 0, k, G);
        status = thm_triangle_chol(k, G, &t);
    }
    /* sigma_k is at most every diagonal entry of R */
    double least = status == THM_OK ? HUGE_VAL : 0.0;
    for (int i = 0; status == THM_OK && i < k; i++) {
        least = fmin(least, fabs(G[(size_t)i * (size_t)k + (size_t)i]));
    }
    if (least * least > 2.0 * noise) {
        b->out.route = THM_SIGMA_GRAM;
        status = from_factor(b, &t, sqrt(noise));
        *good = status == THM_OK && b->out.min * b->out.min > 2.0 * noise &&
                passed(b);
    }
    free(G);
    /* an inverse beyond the range of doubles is as much as singular */
    return status == THM_ESINGULAR || status == THM_EDOMAIN ? THM_OK : status;
}

/* Which route to begin with, by how fast the diagonal of R falls over its
 * leading eighth, continued to all of it.  A guess, it decides about time
 * alone.  Where singular values are spaced evenly in their logarithm and
 * vectors are generic, k = 1000, FALL_GRAM is measured at condition 300, where
 * the error of a Gram matrix in single precision begins to cost steps, and
 * FALL_QR at 2e5, where that of a QR factorisation does. */
static thm_status guess(const thm_rough *rough, thm_sigma_route *route)
{
    enum { PARTS = 8 };
    const double FALL_GRAM = 0.02, FALL_QR = 1e-4;
    double fall;
    thm_status status = thm_rough_fall(rough, rough->k / PARTS, &fall);
    fall = pow(fall, (double)PARTS);
    *route = fall > FALL_GRAM ? THM_SIGMA_SINGLE_GRAM
             : fall > FALL_QR ? THM_SIGMA_SINGLE_QR
                              : THM_SIGMA_QR;
    return status;
}

/* Through a factor in single precision. */
static thm_status by_rough(problem *b, thm_rough *rough, bool *good)
{
    thm_refined found;
    thm_status status = b->out.route == THM_SIGMA_SINGLE_GRAM
                            ? thm_rough_chol(rough)
                            : thm_rough_qr(rough);
    if (status == THM_OK) {
        status = largest(b, thm_rough_forward, rough,
                         (double)FLT_EPSILON * (double)FLT_EPSILON);
    }
    if (status == THM_OK) {
        /* an eighth: r is not the residual of judge to the last bit */
        status = thm_sigma_refine(&b->w, rough, tolerance(b) * b->out.max / 8.0,
                                  sqrt(b->w.p) * DBL_EPSILON * b->out.max / 2.0,
                                  b->v, &found);
    }
    if (status == THM_OK) {
        status = judge(b, thm_rough_half, rough, found.next);
    }
    if (status == THM_OK) {
        b->out.steps = found.steps;
        b->out.gap =
            b->w.k == 1 ? 1.0 : 1.0 - fmin(b->out.min / found.second, 1.0);
        *good = passed(b);
    }
    return status;
}

static thm_status by_single(problem *b, thm_sigma_route asked, bool *good)
{
    thm_rough rough = {0};
    b->out.route = asked;
    thm_status status = thm_rough_make(&b->w, &rough);
    if (status == THM_OK && asked == THM_SIGMA_AUTO) {
        status = guess(&rough, &b->out.route);
    }
    if (status == THM_OK && b->out.route != THM_SIGMA_QR) {
        status = by_rough(b, &rough, good);
    }
    thm_rough_free(&rough);
    /* what single precision cannot do is no error */
    return status == THM_ESINGULAR || status == THM_EDOMAIN ||
                   status == THM_ECONVERGE
               ? THM_OK
               : status;
}

/* Where Lanczos overflows (R^-1 may exceed the range of doubles) or does not
 * end: R = U S V' in full, slower by far. */
static thm_status by_svd(problem *b, thm_triangle *t)
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
            status = judge(b, thm_triangle_half, t, next);
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
    /* below this no part of the work is large enough to gain */
    enum { SMALL = 256 };
    bool good = false, any = route == THM_SIGMA_AUTO;
    bool small = b->w.k < SMALL;
    thm_status status = THM_OK;
    if (route == THM_SIGMA_SINGLE_GRAM || route == THM_SIGMA_SINGLE_QR ||
        (any && !small)) {
        status = by_single(b, route, &good);
    } else if (route == THM_SIGMA_GRAM || any) {
        status = by_gram(b, &good);
    }
    if (status == THM_OK && !good && (any || route == THM_SIGMA_QR)) {
        status = by_qr(b, &good);
    }
    return status == THM_OK && !good ? THM_ECONVERGE : status;
}

thm_status thm_sigma_est(int m, int n, const double *A, thm_sigma_route route,
                         thm_sigma *out)
{
    if ((unsigned)route >= THM_SIGMA_SVD) {
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
