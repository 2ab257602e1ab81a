/* Refinement of a rough factor's singular vectors; see sigma_single.h.
 *
 * V: an orthonormal basis with its products Y = W'V, Z = W Y.  A step takes the
 * smallest Ritz vector x of W W' in V, value s, r = Z c / s - s x, and adds to
 * V an approximate solution t of the correction equation
 *
 *     P (M - s^2) P t = -r,     P = I - X X',
 *
 * M = R'R from the rough factor, |M - W W'| = e, X: x and the Ritz vectors that
 * all but share its value, which are corrected with it.  The new error of x
 * outside V is about e / (distance to the values outside V) of the old one;
 * within V nothing is left to e, so that V starts with many vectors: whatever
 * order e gave to clustered values is undone by W. */
#include "la/sigma_single.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/dense.h"
#include "la/lanczos.h"

enum {
    WIDTH = THM_LANCZOS_WIDTH,
    START = 32,      /* of V: a block of them costs about three single ones */
    KEPT = 16,       /* at a restart                                        */
    STEPS = 12,      /* contraction by 1e-2 or better takes 3 to 5          */
    INNER = 20,      /* of conjugate gradients                              */
    MOST_BLOCKS = 40 /* of the rough process                                */
};

/* Of the rough process, relative in 1 / sigma^2: V has to be good as a space
 * alone, and a step on W costs ten of these; of the correction equation,
 * relative: what e leaves to it. */
static const double ROUGHLY = 1e-3, CORRECTLY = 1e-3;

typedef struct {
    const thm_wide *w;
    thm_rough *rough;
    int k, p, columns, guides, deflated;
    double *V, *Z, *Y;       /* START of k, k, p                     */
    double *next, *copy;     /* START of k or p, START of p          */
    double *R, *C, *s;       /* START x START, START x START, START  */
    double *guide, *weight;  /* Ritz vectors of M and their weights  */
    double *U;               /* WIDTH of k: see deflate              */
    double *t, *q, *d, *res; /* k each                               */
    double *work;
} davidson;

double thm_sigma_left(double s, double next, double square, double near)
{
    double apart =
        next > s ? square / ((1.0 - s / next) * (1.0 + s / next)) : HUGE_VAL;
    double together =
        near + square * ((s + near) / near) * ((s + near) / (2.0 * s + near));
    return fmin(apart, together);
}

/* Products of the columns of V from `first` on; kernels of vectors are faster
 * than those of blocks of one. */
static void multiply(davidson *b, int first, int columns)
{
    int count = columns - first, k = b->k, p = b->p;
    const double *W = b->w->W, *V = b->V + (size_t)first * (size_t)k;
    double *Y = b->Y + (size_t)first * (size_t)p;
    double *Z = b->Z + (size_t)first * (size_t)k;
    if (count == 1) {
        cblas_dgemv(CblasColMajor, CblasNoTrans, p, k, 1, W, p, V, 1, 0, Y, 1);
        cblas_dgemv(CblasColMajor, CblasTrans, p, k, 1, W, p, Y, 1, 0, Z, 1);
    } else {
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, p, count, k, 1,
                    W, p, V, k, 0, Y, p);
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, count, p, 1, W,
                    p, Y, p, 0, Z, k);
    }
    b->columns = columns;
}

/* X <- X C for the smallest `kept` values, X: (rows x columns). */
static void rotate(davidson *b, int rows, int kept, double *X)
{
    int j = b->columns;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, rows, kept, j, 1, X,
                rows, b->C + (j - kept), j, 0, b->next, rows);
    memcpy(X, b->next, (size_t)kept * (size_t)rows * sizeof *X);
}

/* V <- its Ritz vectors of the smallest values, the smallest last.  They are
 * singular values of Y, through its QR factorisation: none is squared. */
static thm_status restart(davidson *b)
{
    int j = b->columns, p = b->p;
    memcpy(b->copy, b->Y, (size_t)j * (size_t)p * sizeof *b->Y);
    thm_status status = thm_dense_info(
        LAPACKE_dgeqrf(LAPACK_COL_MAJOR, p, j, b->copy, p, b->s));
    memset(b->R, 0, (size_t)j * (size_t)j * sizeof *b->R);
    for (int c = 0; c < j; c++) {
        memcpy(b->R + (size_t)c * (size_t)j, b->copy + (size_t)c * (size_t)p,
               ((size_t)c + 1) * sizeof *b->R);
    }
    if (status == THM_OK) { /* U over R, V' in C */
        status = thm_dense_info(LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, 'O', j, j, b->R, j, b->s, b->R, j, b->C, j));
    }
    if (status != THM_OK) {
        return status;
    }
    int kept = j < KEPT ? j : KEPT;
    rotate(b, b->k, kept, b->V);
    rotate(b, b->k, kept, b->Z);
    rotate(b, p, kept, b->Y);
    memmove(b->s, b->s + (j - kept), (size_t)kept * sizeof *b->s);
    b->columns = kept;
    return b->s[kept - 1] > 0.0 ? THM_OK : THM_EDOMAIN;
}

/* r of column j of V, Ritz vectors; returns |R'^-1 r|. */
static double residual(davidson *b, int j, double *r)
{
    size_t k = (size_t)b->k;
    memcpy(r, b->V + (size_t)j * k, k * sizeof *r);
    cblas_dscal(b->k, -b->s[j], r, 1);
    cblas_daxpy(b->k, 1.0 / b->s[j], b->Z + (size_t)j * k, 1, r, 1);
    (void)thm_rough_half(b->k, r, b->q, b->rough);
    return cblas_dnrm2(b->k, b->q, 1);
}

/* For columns `first` on of V, X: b->U such that M^-1 - U U' = (P M P)^+, by
 * Gram and Schmidt in the inner product of M^-1. */
static void deflate(davidson *b, int first)
{
    size_t k = (size_t)b->k;
    int count = b->columns - first;
    const double *X = b->V + (size_t)first * k;
    (void)thm_rough_inverse(b->k, count, X, b->U, b->rough);
    for (int i = 0; i < count; i++) {
        double *u = b->U + (size_t)i * k;
        for (int j = 0; j < i; j++) {
            const double *before = b->U + (size_t)j * k;
            cblas_daxpy(b->k,
                        -cblas_ddot(b->k, before, 1, X + (size_t)i * k, 1),
                        before, 1, u, 1);
        }
        double square = cblas_ddot(b->k, u, 1, X + (size_t)i * k, 1);
        cblas_dscal(b->k, square > 0.0 ? 1.0 / sqrt(square) : 0.0, u, 1);
    }
    b->deflated = count;
}

/* out <- (P M P)^+ x */
static void deflated(davidson *b, const double *x, double *out)
{
    (void)thm_rough_inverse(b->k, 1, x, out, b->rough);
    cblas_dgemv(CblasColMajor, CblasTrans, b->k, b->deflated, 1, b->U, b->k, x,
                1, 0, b->work, 1);
    cblas_dgemv(CblasColMajor, CblasNoTrans, b->k, b->deflated, -1, b->U, b->k,
                b->work, 1, 1, out, 1);
}

/* out <- an approximate (I - s^2 (P M P)^+)^-1 x: right on the Ritz vectors of
 * M, the identity elsewhere.  Definite whatever they are worth. */
static void precondition(davidson *b, double square, const double *x,
                         double *out)
{
    /* those that P takes out are left to it */
    int k = b->k, from = b->deflated - 1, count = b->guides - from;
    const double *guide = b->guide + (size_t)from * (size_t)k;
    memcpy(out, x, (size_t)k * sizeof *out);
    if (count < 1) {
        return;
    }
    cblas_dgemv(CblasColMajor, CblasTrans, k, count, 1, guide, k, x, 1, 0,
                b->work, 1);
    for (int i = 0; i < count; i++) {
        double rest = fmax(1.0 - square * b->weight[from + i], CORRECTLY);
        b->work[i] *= 1.0 / rest - 1.0;
    }
    cblas_dgemv(CblasColMajor, CblasNoTrans, k, count, 1, guide, k, b->work, 1,
                1, out, 1);
}

/* b->t <- a solution of the correction equation for the value s and the
 * residual r, by conjugate gradients on (I - s^2 (P M P)^+) t = (P M P)^+ r.  A
 * direction of negative curvature means that M has a value below s^2 outside X:
 * it is what V lacks. */
static void correct(davidson *b, double s, const double *r)
{
    int k = b->k;
    size_t size = (size_t)k * sizeof *r;
    double *z = b->next, square = s * s;
    deflated(b, r, b->res);
    precondition(b, square, b->res, z);
    memcpy(b->d, z, size);
    memset(b->t, 0, size);
    double rho = cblas_ddot(k, b->res, 1, z, 1), first = rho;
    for (int i = 0; i < INNER && rho > CORRECTLY * CORRECTLY * first; i++) {
        deflated(b, b->d, b->q);
        cblas_dscal(k, -square, b->q, 1);
        cblas_daxpy(k, 1.0, b->d, 1, b->q, 1);
        double curvature = cblas_ddot(k, b->d, 1, b->q, 1);
        if (!(curvature > 0.0)) {
            memcpy(b->t, b->d, size);
            return;
        }
        cblas_daxpy(k, rho / curvature, b->d, 1, b->t, 1);
        cblas_daxpy(k, -rho / curvature, b->q, 1, b->res, 1);
        precondition(b, square, b->res, z);
        double now = cblas_ddot(k, b->res, 1, z, 1);
        cblas_dscal(k, now / rho, b->d, 1);
        cblas_daxpy(k, 1.0, z, 1, b->d, 1);
        rho = now;
    }
}

/* One column of V more for each column from `first` on, but no more than k.
 * Where there are several, x's products again: what rotations add to them is in
 * the scale of the whole block, and close values are told apart below it. */
static thm_status extend(davidson *b, int first)
{
    size_t k = (size_t)b->k;
    int before = b->columns, count = before - first;
    double S[WIDTH * WIDTH], *r = b->copy;
    deflate(b, first);
    count = count < b->k - before ? count : b->k - before;
    for (int i = 0; i < count; i++) {
        int j = before - 1 - i;
        (void)residual(b, j, r);
        correct(b, b->s[j], r);
        double length = cblas_dnrm2(b->k, b->t, 1);
        if (!isfinite(length)) {
            return THM_EDOMAIN;
        }
        cblas_dscal(b->k, length > 0.0 ? 1.0 / length : 0.0, b->t, 1);
        memcpy(b->V + (size_t)(before + i) * k, b->t, k * sizeof *b->t);
    }
    thm_status status = thm_basis_extend(b->k, before, count, b->V, S, b->work);
    if (status == THM_OK) {
        multiply(b, count > 1 ? before - 1 : before, before + count);
    }
    return status;
}

static thm_status run(davidson *b, double enough, double rounding,
                      thm_refined *out)
{
    int k = b->k, start = k < START ? k : START;
    double before = HUGE_VAL, *r = b->copy;
    thm_lanczos found;
    thm_status status =
        thm_lanczos_max(k, WIDTH, thm_rough_inverse, b->rough, ROUGHLY,
                        MOST_BLOCKS, start, b->V, b->weight, &found);
    if (status != THM_OK) {
        return status;
    }
    start = found.found;
    /* the first is x itself, but for e */
    b->guides = start - 1;
    memcpy(b->guide, b->V + k, (size_t)b->guides * (size_t)k * sizeof *b->V);
    memmove(b->weight, b->weight + 1, (size_t)b->guides * sizeof *b->weight);
    multiply(b, 0, start);
    for (out->steps = 0;; out->steps++) {
        status = restart(b);
        if (status != THM_OK) {
            return status;
        }
        int j = b->columns - 1, first = j;
        double s = b->s[j];
        out->second = j > 0 ? b->s[j - 1] : 0.0;
        out->next =
            j > 0 ? out->second * (1.0 - residual(b, j - 1, r)) : HUGE_VAL;
        double half = residual(b, j, r), size = cblas_dnrm2(k, r, 1);
        double left =
            thm_sigma_left(s, out->next, s * half * half, enough / 2.0);
        if (left <= enough || size <= rounding || b->columns == k ||
            out->steps == STEPS || (out->steps > 2 && !(size < before))) {
            return THM_OK;
        }
        before = size;
        /* all that are as good as equal, and the second while it may yet be the
         * smallest */
        while (first > 0 && j + 1 - first < WIDTH &&
               b->s[first - 1] * (1.0 - CORRECTLY) <= s) {
            first--;
        }
        if (first == j && j > 0 && !(out->next > 0.5 * (s + out->second))) {
            first--;
        }
        status = extend(b, first);
        if (status != THM_OK) {
            return status;
        }
    }
}

thm_status thm_sigma_refine(const thm_wide *w, thm_rough *rough, double enough,
                            double rounding, double *v, thm_refined *out)
{
    size_t k = (size_t)w->k, p = (size_t)w->p;
    davidson b = {.w = w, .rough = rough, .k = w->k, .p = w->p};
    thm_refined found = {0};
    thm_status status = thm_dense_alloc(3 * START + WIDTH + 4, w->k, 1, &b.V);
    if (status == THM_OK) {
        status = thm_dense_alloc(3 * START, w->p, 1, &b.Y);
    }
    if (status == THM_OK) {
        status = thm_dense_alloc(2 * START + 2, START, 1, &b.R);
    }
    if (status == THM_OK) {
        status = thm_dense_alloc((int)thm_basis_room(START), 1, 1, &b.work);
    }
    if (status == THM_OK) {
        b.Z = b.V + START * k;
        b.guide = b.Z + START * k;
        b.U = b.guide + START * k;
        b.t = b.U + WIDTH * k;
        b.q = b.t + k;
        b.d = b.q + k;
        b.res = b.d + k;
        b.next = b.Y + START * p;
        b.copy = b.next + START * p;
        b.C = b.R + START * START;
        b.s = b.C + START * START;
        b.weight = b.s + START;
        status = run(&b, enough, rounding, &found);
    }
    if (status == THM_OK) {
        memcpy(v, b.V + (size_t)(b.columns - 1) * k, k * sizeof *v);
        *out = found;
    }
    free(b.V);
    free(b.Y);
    free(b.R);
    free(b.work);
    return status;
}
