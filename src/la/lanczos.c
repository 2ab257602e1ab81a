/* Lanczos with full reorthogonalisation; see lanczos.h. */
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

typedef struct {
    double *basis;          /* (steps + 1) x n, orthonormal rows        */
    double *alpha, *beta;   /* the tridiagonal matrix                   */
    double *d, *e, *vector; /* scratch of its eigenproblem; 2 x j       */
    double *weights;        /* of the basis in a vector to be cleaned   */
} process;

/* The two largest eigenvalues of the leading j x j block, and the eigenvector
 * of the largest in p->vector. */
static thm_status ritz(process *p, int j, thm_lanczos *out)
{
    int found, most = j < 2 ? j : 2, failed[2];
    double values[2] = {0};
    memcpy(p->d, p->alpha, (size_t)j * sizeof *p->d);
    memcpy(p->e, p->beta, (size_t)j * sizeof *p->e);
    thm_status status = thm_dense_info(LAPACKE_dstevx(
        LAPACK_COL_MAJOR, 'V', 'I', j, p->d, p->e, 0, 0, j - most + 1, j,
        2 * DBL_MIN, &found, values, p->vector, j, failed));
    if (status != THM_OK) {
        return status;
    }
    if (most == 2) {
        memmove(p->vector, p->vector + j, (size_t)j * sizeof *p->vector);
    }
    out->value = values[most - 1];
    out->next = most == 2 ? values[0] : 0.0;
    out->residual = p->beta[j - 1] * fabs(p->vector[j - 1]);
    double square = out->residual * (out->residual / (out->value - out->next));
    /* a single Ritz value knows of no gap */
    out->change = most == 2 && square < out->residual ? square : out->residual;
    out->steps = j;
    return THM_OK;
}

/* w <- w without its components along the first j rows of the basis, twice:
 * once leaves what cancellation makes of it. */
static void clean(const process *p, int n, int j, double *w)
{
    for (int pass = 0; pass < 2; pass++) {
        cblas_dgemv(CblasRowMajor, CblasNoTrans, j, n, 1, p->basis, n, w, 1, 0,
                    p->weights, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, j, n, -1, p->basis, n,
                    p->weights, 1, 1, w, 1);
    }
}

static thm_status run(process *p, int n, thm_operator *M, void *ctx,
                      double tolerance, int most, thm_lanczos *out)
{
    thm_rng rng = thm_rng_make(0, 0);
    thm_rng_fill_normal(&rng, n, 1.0, p->basis);
    cblas_dscal(n, 1.0 / cblas_dnrm2(n, p->basis, 1), p->basis, 1);
    for (int j = 1;; j++) {
        double *q = p->basis + (size_t)(j - 1) * (size_t)n, *w = q + n;
        thm_status status = M(n, q, w, ctx);
        if (status != THM_OK) {
            return status;
        }
        double size = cblas_dnrm2(n, w, 1);
        if (!isfinite(size)) {
            return THM_EDOMAIN;
        }
        p->alpha[j - 1] = cblas_ddot(n, q, 1, w, 1);
        clean(p, n, j, w);
        double beta = cblas_dnrm2(n, w, 1);
        /* what is left of a space that M maps to itself is rounding */
        bool exhausted = j == n || !(beta > n * DBL_EPSILON * size);
        p->beta[j - 1] = exhausted ? 0.0 : beta;
        bool last = exhausted || j == most;
        /* a step of a large matrix may be cheaper than this */
        if (last || j % 4 == 0) {
            status = ritz(p, j, out);
            if (last || status != THM_OK ||
                out->change <= tolerance * out->value) {
                return status;
            }
        }
        cblas_dscal(n, 1.0 / beta, w, 1);
    }
}

thm_status thm_lanczos_max(int n, thm_operator *M, void *ctx, double tolerance,
                           int most_steps, double *x, thm_lanczos *out)
{
    if (n < 1 || most_steps < 1 || !(tolerance >= 0.0)) {
        return THM_EDIM;
    }
    int most = most_steps < n ? most_steps : n;
    process p = {0};
    thm_lanczos found = {0};
    thm_status status = thm_dense_alloc(most + 1, n, 1, &p.basis);
    if (status == THM_OK) {
        status = thm_dense_alloc(most, 7, 1, &p.alpha);
    }
    if (status == THM_OK) {
        p.beta = p.alpha + most;
        p.d = p.beta + most;
        p.e = p.d + most;
        p.weights = p.e + most;
        p.vector = p.weights + most;
        status = run(&p, n, M, ctx, tolerance, most, &found);
    }
    if (status == THM_OK) {
        cblas_dgemv(CblasRowMajor, CblasTrans, found.steps, n, 1, p.basis, n,
                    p.vector, 1, 0, x, 1);
        cblas_dscal(n, 1.0 / cblas_dnrm2(n, x, 1), x, 1);
        *out = found;
    }
    free(p.basis);
    free(p.alpha);
    return status;
}
