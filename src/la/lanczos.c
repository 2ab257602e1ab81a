/* Block Lanczos with full reorthogonalisation; see lanczos.h. */
#include "la/lanczos.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "la/dense.h"

enum { WIDTH = THM_LANCZOS_WIDTH };

typedef struct {
    int n, width, wanted, columns; /* columns of the basis, orthonormal     */
    int ld;                        /* of H: columns at most                 */
    double *basis;                 /* ld + width of n entries               */
    double *H;                     /* the operator in the basis, upper half */
    double *copy, *u, *values;     /* its eigenproblem: ld x (ld, wanted, 1) */
    int *support;                  /* dsyevr's: 2 wanted                    */
    double *work;
    double S[WIDTH * WIDTH]; /* what M leads out of the basis: Q2 S   */
} process;

/* X <- X - Q Q' X, Q' X is left in c; twice is enough (Kahan, Parlett), once
 * leaves what cancellation makes of it. */
static void clean(int n, int columns, int count, const double *Q, double *X,
                  double *c)
{
    if (columns > 0) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, columns, count, n,
                    1, Q, n, X, n, 0, c, columns);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, count,
                    columns, -1, Q, n, c, columns, 1, X, n);
    }
}

thm_status thm_basis_extend(int n, int columns, int count, double *Q, double *S,
                            double *work)
{
    double *X = Q + (size_t)columns * (size_t)n;
    double *tau = work + (size_t)columns * (size_t)count, *room = tau + WIDTH;
    clean(n, columns, count, Q, X, work);
    /* the second round orthogonalises what QR made of columns that were all
     * but dependent */
    for (int round = 0; round < 2; round++) {
        clean(n, columns, count, Q, X, work);
        int info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, n, count, X, n, tau,
                                       room, WIDTH * WIDTH);
        for (int j = 0; round == 0 && j < count; j++) {
            for (int i = 0; i < WIDTH; i++) {
                S[j * WIDTH + i] =
                    i <= j ? X[(size_t)j * (size_t)n + (size_t)i] : 0.0;
            }
        }
        if (round > 0) { /* signs */
            cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans,
                        CblasNonUnit, count, count, 1, X, n, S, WIDTH);
        }
        if (info == 0) {
            info = LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, n, count, count, X, n,
                                       tau, room, WIDTH * WIDTH);
        }
        if (info != 0) {
            return THM_EINTERNAL;
        }
    }
    return THM_OK;
}

/* The largest eigenvalues of H, ascending, and their vectors in p->u. */
static thm_status ritz(process *p, int width, bool exhausted, thm_lanczos *out)
{
    int j = p->columns, most = j < p->wanted ? j : p->wanted, found;
    for (int c = 0; c < j; c++) {
        memcpy(p->copy + (size_t)c * (size_t)j,
               p->H + (size_t)c * (size_t)p->ld,
               ((size_t)c + 1) * sizeof *p->copy);
    }
    thm_status status = thm_dense_info(LAPACKE_dsyevr(
        LAPACK_COL_MAJOR, 'V', 'I', 'U', j, p->copy, j, 0, 0, j - most + 1, j,
        0, &found, p->values, p->u, j, p->support));
    if (status != THM_OK) {
        return status;
    }
    double last[WIDTH];
    memcpy(last, p->u + (size_t)(most - 1) * (size_t)j + (j - width),
           (size_t)width * sizeof *last);
    cblas_dtrmv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, width,
                p->S, WIDTH, last, 1);
    out->value = p->values[most - 1];
    out->next = most > 1 ? p->values[most - 2] : 0.0;
    out->residual = exhausted ? 0.0 : cblas_dnrm2(width, last, 1);
    double square = out->residual * (out->residual / (out->value - out->next));
    /* a single Ritz value knows of no gap */
    out->change = most > 1 && square < out->residual ? square : out->residual;
    return THM_OK;
}

static thm_status run(process *p, thm_operator *M, void *ctx, double tolerance,
                      int most_steps, thm_lanczos *out)
{
    int n = p->n, width = n < p->width ? n : p->width;
    thm_rng rng = thm_rng_make(0, 0);
    thm_rng_fill_normal(&rng, (int64_t)n * width, 1.0, p->basis);
    thm_status status = thm_basis_extend(n, 0, width, p->basis, p->S, p->work);
    for (out->steps = 1; status == THM_OK; out->steps++) {
        double *q = p->basis + (size_t)p->columns * (size_t)n;
        double *w = q + (size_t)width * (size_t)n;
        status = M(n, width, q, w, ctx);
        double size = cblas_dnrm2(n * width, w, 1);
        if (status == THM_OK && !isfinite(size)) {
            status = THM_EDOMAIN;
        }
        if (status != THM_OK) {
            break;
        }
        int before = p->columns;
        p->columns += width;
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, p->columns, width,
                    n, 1, p->basis, n, w, n, 0,
                    p->H + (size_t)before * (size_t)p->ld, p->ld);
        /* in the whole space, or in one that M maps to itself but for rounding,
         * Ritz values are eigenvalues */
        int left = n - p->columns < width ? n - p->columns : width;
        bool exhausted = left == 0;
        if (!exhausted) {
            status =
                thm_basis_extend(n, p->columns, left, p->basis, p->S, p->work);
            double beta = cblas_dnrm2(WIDTH * left, p->S, 1);
            exhausted = left == width && !(beta > n * DBL_EPSILON * size);
        }
        bool last = exhausted || out->steps == most_steps;
        /* part of a block says nothing of the residual */
        bool whole = exhausted || left == width;
        if (status == THM_OK && whole &&
            (last || out->steps % (p->width == 1 ? 4 : 2) == 0)) {
            status = ritz(p, width, exhausted, out);
            last = last || out->change <= tolerance * out->value;
        }
        if (last && whole) {
            break;
        }
        width = left;
    }
    return status;
}

thm_status thm_lanczos_max(int n, int width, thm_operator *M, void *ctx,
                           double tolerance, int most_steps, int wanted,
                           double *X, double *values, thm_lanczos *out)
{
    if (n < 1 || width < 1 || width > WIDTH || most_steps < 1 || wanted < 1 ||
        wanted > n || !(tolerance >= 0.0)) {
        return THM_EDIM;
    }
    int blocks = (n + width - 1) / width;
    int ld = width * (most_steps < blocks ? most_steps : blocks);
    /* a gap takes two */
    int pairs = wanted < 2 ? 2 : wanted;
    process p = {.n = n, .width = width, .wanted = pairs, .ld = ld};
    thm_lanczos found = {0};
    thm_status status = thm_dense_alloc(ld + width, n, 1, &p.basis);
    if (status == THM_OK) {
        status = thm_dense_alloc(ld, 2 * ld + pairs + 1, 1, &p.H);
    }
    if (status == THM_OK) {
        status = thm_dense_alloc((int)thm_basis_room(ld), 1, 1, &p.work);
    }
    p.support = malloc(2 * (size_t)pairs * sizeof *p.support);
    if (status == THM_OK && p.support == NULL) {
        status = THM_ENOMEM;
    }
    if (status == THM_OK) {
        p.copy = p.H + (size_t)ld * (size_t)ld;
        p.u = p.copy + (size_t)ld * (size_t)ld;
        p.values = p.u + (size_t)ld * (size_t)pairs;
        status = run(&p, M, ctx, tolerance, most_steps, &found);
    }
    if (status == THM_OK) {
        /* the largest stands last; a short process has fewer than wanted */
        int count = p.columns < pairs ? p.columns : pairs;
        for (int i = 0; i < wanted && i < count; i++) {
            double *x = X + (size_t)i * (size_t)n;
            cblas_dgemv(CblasColMajor, CblasNoTrans, n, p.columns, 1, p.basis,
                        n, p.u + (size_t)(count - 1 - i) * (size_t)p.columns, 1,
                        0, x, 1);
            cblas_dscal(n, 1.0 / cblas_dnrm2(n, x, 1), x, 1);
            if (values) {
                values[i] = p.values[count - 1 - i];
            }
        }
        found.found = wanted < count ? wanted : count;
        *out = found;
    }
    free(p.basis);
    free(p.H);
    free(p.work);
    free(p.support);
    return status;
}
