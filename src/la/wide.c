/* Orientation, scaling and factors; see wide.h.  A row-major W is W' to
 * LAPACK. */
#include "la/wide.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/dense.h"

/* Columns of a panel of QR: at 2000 x 2500, 64 is a fifth slower, 256 no
 * faster. */
enum { PANEL = 128 };

/* W <- 2^-e A or its transpose, in tiles that stay in the first cache. */
static void lay(int m, int n, const double *A, double *W, int e)
{
    enum { TILE = 32 };
    /* two factors: 2^-e itself may be out of range */
    double a = ldexp(1.0, -(e / 2)), b = ldexp(1.0, -(e - e / 2));
    if (m <= n) {
        size_t count = (size_t)m * (size_t)n;
        for (size_t i = 0; i < count; i++) {
            W[i] = A[i] * a * b;
        }
        return;
    }
    for (int i0 = 0; i0 < m; i0 += TILE) {
        for (int j0 = 0; j0 < n; j0 += TILE) {
            for (int j = j0; j < n && j < j0 + TILE; j++) {
                for (int i = i0; i < m && i < i0 + TILE; i++) {
                    W[(size_t)j * (size_t)m + (size_t)i] =
                        A[(size_t)i * (size_t)n + (size_t)j] * a * b;
                }
            }
        }
    }
}

thm_status thm_wide_make(int m, int n, const double *A, thm_wide *out)
{
    thm_status status = thm_dense_check(m, n, A);
    if (status != THM_OK) {
        return status;
    }
    thm_wide w = {.k = m < n ? m : n, .p = m < n ? n : m, .W = A};
    size_t count = (size_t)m * (size_t)n;
    for (size_t i = 0; i < count; i++) {
        double size = fabs(A[i]);
        w.most = size > w.most ? size : w.most;
    }
    frexp(w.most, &w.e);
    if (abs(w.e) <= 64) {
        w.e = 0;
    }
    if (m > n || w.e != 0) {
        status = thm_dense_alloc(m, n, 1, &w.owned);
        if (status != THM_OK) {
            return status;
        }
        lay(m, n, A, w.owned, w.e);
        w.W = w.owned;
    }
    if (w.e != 0) {
        w.most = ldexp(w.most, -w.e);
        /* an entry errs by at most 2^-1074 (two roundings below the normal
         * range), and sqrt(m n) < 2^31 */
        w.missed = 0x1p-1043;
    }
    double sum = 0.0;
    for (int i = 0; i < w.k; i++) {
        const double *row = w.W + (size_t)i * (size_t)w.p;
        sum += cblas_ddot(w.p, row, 1, row, 1);
    }
    /* p + k additions and a product, each off by u at most, or by 2^-1075 */
    w.square = sum * (1.0 + (w.p + w.k + 4.0) * DBL_EPSILON) + DBL_MIN;
    *out = w;
    return THM_OK;
}

void thm_wide_free(thm_wide *wide)
{
    if (wide) {
        free(wide->owned);
        *wide = (thm_wide){0};
    }
}

void thm_wide_gram(const thm_wide *w, int from, int to, double *G)
{
    int p = w->p, ld = w->k, rows = to - from;
    const double *next = w->W + (size_t)from * (size_t)p;
    double *column = G + (size_t)from * (size_t)ld;
    if (from > 0) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, from, rows, p, 1,
                    w->W, p, next, p, 0, column, ld);
    }
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, rows, p, 1, next, p, 0,
                column + from, ld);
}

thm_status thm_triangle_chol(int k, double *G, thm_triangle *out)
{
    int info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', k, G, k);
    if (info != 0) {
        return info > 0 ? THM_ESINGULAR : THM_EINTERNAL;
    }
    for (int i = 0; i < k; i++) {
        double r = G[(size_t)i * (size_t)k + (size_t)i];
        if (!(r > 0.0) || !isfinite(r)) { /* not every dpotrf sees a NaN */
            return THM_ESINGULAR;
        }
    }
    *out = (thm_triangle){.k = k, .ld = k, .R = G};
    return THM_OK;
}

thm_status thm_triangle_qr(const thm_wide *w, thm_triangle *out)
{
    int k = w->k, p = w->p, panel = k < PANEL ? k : PANEL;
    double *V = NULL, *T = NULL;
    thm_status status = thm_dense_alloc(k, p, 1, &V);
    if (status == THM_OK) {
        status = thm_dense_alloc(panel, k, 2, &T);
    }
    if (status != THM_OK) {
        free(V);
        return status;
    }
    memcpy(V, w->W, (size_t)k * (size_t)p * sizeof *V);
    int info = LAPACKE_dgeqrt_work(LAPACK_COL_MAJOR, p, k, panel, V, p, T,
                                   panel, T + (size_t)panel * (size_t)k);
    double most = 0.0;
    for (int i = 0; i < k; i++) {
        for (int j = 0; j <= i; j++) {
            most = fmax(most, fabs(V[(size_t)i * (size_t)p + (size_t)j]));
        }
    }
    for (int i = 0; i < k; i++) {
        double *r = &V[(size_t)i * (size_t)p + (size_t)i];
        *r = *r == 0.0 ? most * (DBL_EPSILON * DBL_EPSILON / 4.0) : *r;
    }
    free(T);
    *out = (thm_triangle){.k = k, .ld = p, .R = V};
    return info == 0 ? THM_OK : THM_EINTERNAL;
}

void thm_triangle_free(thm_triangle *t)
{
    if (t) {
        free(t->R);
        *t = (thm_triangle){0};
    }
}

/* Kernels of vectors are faster than those of blocks of one. */
thm_status thm_triangle_inverse(int k, int count, const double *X, double *out,
                                void *ctx)
{
    const thm_triangle *t = ctx;
    memcpy(out, X, (size_t)count * (size_t)k * sizeof *out);
    if (count == 1) {
        cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, k,
                    t->R, t->ld, out, 1);
        cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, k,
                    t->R, t->ld, out, 1);
        return THM_OK;
    }
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit,
                k, count, 1, t->R, t->ld, out, k);
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans,
                CblasNonUnit, k, count, 1, t->R, t->ld, out, k);
    return THM_OK;
}

thm_status thm_triangle_forward(int k, int count, const double *X, double *out,
                                void *ctx)
{
    const thm_triangle *t = ctx;
    memcpy(out, X, (size_t)count * (size_t)k * sizeof *out);
    for (int j = 0; j < count; j++, out += k) {
        cblas_dtrmv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, k,
                    t->R, t->ld, out, 1);
        cblas_dtrmv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, k,
                    t->R, t->ld, out, 1);
    }
    return THM_OK;
}

thm_status thm_triangle_half(int k, const double *x, double *out, void *ctx)
{
    const thm_triangle *t = ctx;
    memcpy(out, x, (size_t)k * sizeof *out);
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, k, t->R,
                t->ld, out, 1);
    return THM_OK;
}
