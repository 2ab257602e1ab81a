/* Triangular factors in single precision; see rough.h. */
#include "la/rough.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/dense.h"
#include "la/lanczos.h"

/* Columns of a panel of QR: at 4000 x 5000, 128 is 7 % slower, 512 no faster.
 */
enum { PANEL = 256 };

/* (m x n) floats. */
static thm_status room(int m, int n, float **out)
{
    double *raw = NULL;
    thm_status status = thm_dense_alloc(m, n / 2 + 1, 1, &raw);
    void *p = raw;
    *out = p;
    return status;
}

static thm_status begin(int k, double scale, thm_rough *out)
{
    int e;
    frexp(scale, &e);
    *out = (thm_rough){.k = k, .scale = ldexp(1.0, e)};
    return room(k, THM_LANCZOS_WIDTH, &out->x);
}

thm_status thm_rough_copy(const thm_triangle *t, double scale, thm_rough *out)
{
    size_t k = (size_t)t->k;
    thm_status status = begin(t->k, scale, out);
    if (status == THM_OK) {
        status = room(t->k, t->k, &out->R);
    }
    for (size_t j = 0; status == THM_OK && j < k; j++) {
        const double *from = t->R + j * (size_t)t->ld;
        for (size_t i = 0; i <= j; i++) {
            out->R[j * k + i] = (float)(from[i] / out->scale);
        }
    }
    out->ld = t->k;
    return status;
}

thm_status thm_rough_make(const thm_wide *w, thm_rough *out)
{
    thm_status status = begin(w->k, w->most, out);
    if (status == THM_OK) {
        status = room(w->k, w->p, &out->W);
    }
    double factor = 1.0 / out->scale;
    size_t count = (size_t)w->k * (size_t)w->p;
    for (size_t i = 0; status == THM_OK && i < count; i++) {
        out->W[i] = (float)(w->W[i] * factor);
    }
    out->p = w->p;
    return status;
}

/* Upper triangle of the Gram matrix of the first h rows of W, factored in
 * place; least and largest entry of the diagonal in range[]. */
static thm_status factor(const thm_rough *r, int h, float *G, double *range)
{
    cblas_ssyrk(CblasColMajor, CblasUpper, CblasTrans, h, r->p, 1, r->W, r->p,
                0, G, h);
    int info = LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', h, G, h);
    if (info != 0) {
        return info > 0 ? THM_ESINGULAR : THM_EINTERNAL;
    }
    range[0] = HUGE_VAL;
    range[1] = 0.0;
    for (int i = 0; i < h; i++) {
        double d = (double)G[(size_t)i * (size_t)h + (size_t)i];
        if (!(d > 0.0) || !isfinite(d)) { /* not every spotrf sees a NaN */
            return THM_ESINGULAR;
        }
        range[0] = fmin(range[0], d);
        range[1] = fmax(range[1], d);
    }
    return THM_OK;
}

thm_status thm_rough_fall(const thm_rough *r, int h, double *fall)
{
    float *G = NULL;
    double range[2] = {0.0, 1.0};
    thm_status status = room(h, h, &G);
    if (status == THM_OK) {
        status = factor(r, h, G, range);
        *fall = status == THM_OK ? range[0] / range[1] : 0.0;
    }
    free(G);
    return status == THM_ESINGULAR ? THM_OK : status;
}

thm_status thm_rough_chol(thm_rough *r)
{
    float *G = NULL;
    double range[2];
    thm_status status = room(r->k, r->k, &G);
    if (status == THM_OK) {
        status = factor(r, r->k, G, range);
    }
    if (status == THM_OK && !(range[0] > (double)FLT_EPSILON * range[1])) {
        status = THM_ESINGULAR;
    }
    if (status == THM_OK) {
        free(r->W);
        r->W = NULL;
        r->R = G;
        r->ld = r->k;
    } else {
        free(G);
    }
    return status;
}

thm_status thm_rough_qr(thm_rough *r)
{
    int k = r->k, p = r->p, panel = k < PANEL ? k : PANEL;
    float *T = NULL;
    thm_status status = room(2 * panel, k, &T);
    if (status != THM_OK) {
        return status;
    }
    r->R = r->W;
    r->W = NULL;
    r->ld = p;
    int info = LAPACKE_sgeqrt_work(LAPACK_COL_MAJOR, p, k, panel, r->R, p, T,
                                   panel, T + (size_t)panel * (size_t)k);
    double least = HUGE_VAL, most = 0.0;
    for (int i = 0; i < k; i++) {
        double d = fabs((double)r->R[(size_t)i * (size_t)p + (size_t)i]);
        least = fmin(least, d);
        most = fmax(most, d);
    }
    free(T);
    if (info != 0) {
        return THM_EINTERNAL;
    }
    return least > (double)FLT_EPSILON * most ? THM_OK : THM_ESINGULAR;
}

void thm_rough_free(thm_rough *r)
{
    if (r) {
        free(r->R);
        free(r->W);
        free(r->x);
        *r = (thm_rough){0};
    }
}

/* Column j of X, scaled to entries of at most 1 by the power of two returned.
 */
static double load(int k, const double *x, float *to)
{
    double most = 0.0;
    for (int i = 0; i < k; i++) {
        most = fmax(most, fabs(x[i]));
    }
    int e;
    frexp(most, &e);
    double scale = most > 0.0 && isfinite(most) ? ldexp(1.0, e) : 1.0;
    for (int i = 0; i < k; i++) {
        to[i] = (float)(x[i] / scale);
    }
    return scale;
}

static void store(int k, const float *x, double scale, double *to)
{
    for (int i = 0; i < k; i++) {
        to[i] = (double)x[i] * scale;
    }
}

typedef void rough_step(const thm_rough *r, int count, float *x);

/* The kernels of vectors are twice as fast as those of blocks of one. */
static void solve(const thm_rough *r, int count, float *x)
{
    if (count == 1) {
        cblas_strsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, r->k,
                    r->R, r->ld, x, 1);
        cblas_strsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, r->k,
                    r->R, r->ld, x, 1);
        return;
    }
    cblas_strsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit,
                r->k, count, 1, r->R, r->ld, x, r->k);
    cblas_strsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans,
                CblasNonUnit, r->k, count, 1, r->R, r->ld, x, r->k);
}

static void multiply(const thm_rough *r, int count, float *x)
{
    for (int j = 0; j < count; j++, x += r->k) {
        cblas_strmv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, r->k,
                    r->R, r->ld, x, 1);
        cblas_strmv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, r->k,
                    r->R, r->ld, x, 1);
    }
}

static void apply(const thm_rough *r, int count, const double *X, double *out,
                  double factor, rough_step *step)
{
    double scale[THM_LANCZOS_WIDTH];
    size_t k = (size_t)r->k;
    for (int j = 0; j < count; j++) {
        scale[j] = load(r->k, X + (size_t)j * k, r->x + (size_t)j * k) * factor;
    }
    step(r, count, r->x);
    for (int j = 0; j < count; j++) {
        store(r->k, r->x + (size_t)j * k, scale[j], out + (size_t)j * k);
    }
}

thm_status thm_rough_forward(int k, int count, const double *X, double *out,
                             void *ctx)
{
    const thm_rough *r = ctx;
    (void)k;
    apply(r, count, X, out, r->scale * r->scale, multiply);
    return THM_OK;
}

thm_status thm_rough_inverse(int k, int count, const double *X, double *out,
                             void *ctx)
{
    const thm_rough *r = ctx;
    (void)k;
    apply(r, count, X, out, 1.0 / (r->scale * r->scale), solve);
    return THM_OK;
}

thm_status thm_rough_half(int k, const double *x, double *out, void *ctx)
{
    const thm_rough *r = ctx;
    double scale = load(k, x, r->x) / r->scale;
    cblas_strsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, k, r->R,
                r->ld, r->x, 1);
    store(k, r->x, scale, out);
    return THM_OK;
}
