/* The coefficients of a plane: projections of theta_0, d1 and d2, from them the
 * scores' polynomials, and the norms of the error bound; see plane.h. */
#include "attn/plane_inside.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "la/blas.h"

thm_status thm_plane_count(int a, int b, size_t c, size_t d, size_t *sum)
{
    size_t ab, cd, all;
    thm_status status = thm_size_mul((size_t)a, (size_t)b, &ab);
    if (status == THM_OK) {
        status = thm_size_mul(c, d, &cd);
    }
    if (status == THM_OK) {
        status = thm_size_mul(ab, cd, &all);
    }
    return status == THM_OK ? thm_size_add(*sum, all, sum) : status;
}

double *thm_plane_room(size_t count)
{
    size_t bytes;
    if (thm_size_mul(count, sizeof(double), &bytes) != THM_OK ||
        bytes > SIZE_MAX - 64) {
        return NULL;
    }
    bytes = (bytes + 63) / 64 * 64;
    double *p = aligned_alloc(64, bytes);
    if (p) {
        memset(p, 0, bytes);
    }
    return p;
}

/* Projections of one sample and head, and the weights that make them. */
typedef struct {
    double *Q[SPAN], *K[SPAN]; /* (n x d)                                 */
    double *V;                 /* (n x d)                                 */
    double *X, *W, *O;         /* absolute values                         */
    double *block;
} projections;

static thm_status projections_alloc(const thm_layer *l, projections *p)
{
    const size_t nd = product(l->n, l->d), nD = product(l->n, l->D);
    const size_t Dd = product(l->D, l->d), dm = product(l->d, l->m);
    size_t count = 0;
    thm_status status = thm_plane_count(l->n, l->d, 2 * SPAN + 1, 1, &count);
    if (status == THM_OK) {
        status = thm_size_add(count, nD + Dd + dm, &count);
    }
    *p = (projections){0};
    if (status != THM_OK) {
        return status;
    }
    p->block = thm_plane_room(count);
    if (!p->block) {
        return THM_ENOMEM;
    }
    for (int i = 0; i < SPAN; i++) {
        p->Q[i] = p->block + (size_t)i * nd;
        p->K[i] = p->block + (size_t)(SPAN + i) * nd;
    }
    p->V = p->block + 2 * SPAN * nd;
    p->X = p->V + nd;
    p->W = p->X + nD;
    p->O = p->W + Dd;
    return THM_OK;
}

static void absolute(size_t count, const double *x, double *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = fabs(x[i]);
    }
}

/* out: (rows x columns) <- A B, inner the common size; zero without B. */
static void multiply(int rows, int columns, int inner, const double *A,
                     const double *B, double *out)
{
    if (B) {
        thm_gemm(false, false, rows, columns, inner, 1.0, A, inner, B, columns,
                 0.0, out, columns);
    } else {
        memset(out, 0, product(rows, columns) * sizeof *out);
    }
}

static double dot(int d, const double *x, const double *y)
{
    double sum = 0.0;
    for (int i = 0; i < d; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* The six coefficients of one score from r = r_0 + a r_1 + b r_2 and s alike:
 * scale <r, s>, at distance `gap` of each other. */
static void put_coefficients(int d, double scale, double *const r[SPAN],
                             double *const s[SPAN], size_t gap, double *out)
{
    out[0] = scale * dot(d, r[0], s[0]);
    out[gap] = scale * (dot(d, r[0], s[1]) + dot(d, r[1], s[0]));
    out[2 * gap] = scale * (dot(d, r[0], s[2]) + dot(d, r[2], s[0]));
    out[3 * gap] = scale * dot(d, r[1], s[1]);
    out[4 * gap] = scale * (dot(d, r[1], s[2]) + dot(d, r[2], s[1]));
    out[5 * gap] = scale * dot(d, r[2], s[2]);
}

/* scores: (6 x n x n), over ln 2, of one sample and head; difference: (3 x d),
 * scratch. */
static void put_scores(const thm_plane *plane, const projections *at,
                       double *difference, double *scores)
{
    const int n = plane->n, d = plane->d;
    const size_t nn = product(n, n);
    const double c = plane->c * 0x1.71547652b82fep0; /* 1 / ln 2 */
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
            double *q[SPAN], *s[SPAN];
            for (int p = 0; p < SPAN; p++) {
                q[p] = at->Q[p] + product(k, d);
                s[p] = at->K[p] + product(j, d);
                if (plane->gaussian) {
                    double *r = difference + product(p, d);
                    for (int i = 0; i < d; i++) {
                        r[i] = q[p][i] - s[p][i];
                    }
                    q[p] = s[p] = r;
                }
            }
            put_coefficients(d, plane->gaussian ? -c : c, q, s, nn,
                             scores + product(k, n) + j);
        }
    }
}

/* Largest norm of a row of x: (n x d). */
static double largest_row(int n, int d, const double *x)
{
    double most = 0.0;
    for (int k = 0; k < n; k++) {
        most = fmax(most, dot(d, x + product(k, d), x + product(k, d)));
    }
    return sqrt(most);
}

/* What the bound needs of weights p of sample i and head h: the rows of
 * |X| |W|, and in phi: (m) what a row of S can make of |X| |Wv| |Wo|. */
static void put_bounds(thm_plane *plane, const thm_layer *l, const double *Wq,
                       const double *Wk, const double *Wv, int p,
                       projections *at, double *U, double *phi)
{
    const int n = l->n, d = l->d, m = l->m;
    const double *const weights[] = {Wq, Wk};
    double *const norms[] = {&plane->q[p], &plane->k[p]};
    for (int w = 0; w < 2; w++) {
        if (weights[w]) {
            absolute(product(l->D, d), weights[w], at->W);
            multiply(n, d, l->D, at->X, at->W, at->V);
            *norms[w] = fmax(*norms[w], largest_row(n, d, at->V));
        }
    }
    if (Wv) {
        absolute(product(l->D, d), Wv, at->W);
        multiply(n, d, l->D, at->X, at->W, at->V);
        multiply(n, m, d, at->V, at->O, U);
        for (int r = 0; r < m; r++) {
            double sum = 0.0, most = 0.0;
            for (int j = 0; j < n; j++) {
                sum += U[product(j, m) + (size_t)r];
                most = fmax(most, U[product(j, m) + (size_t)r]);
            }
            phi[r] += plane->normalised ? most : sum;
        }
    }
}

static const double *part(const double *weights, int h, size_t size)
{
    return weights ? weights + (size_t)h * size : NULL;
}

/* Coefficients and bounds of sample i; phi: (3 x m), U: (n x m), scratch. */
static void put_sample(thm_plane *plane, const thm_layer *l,
                       const thm_weights *const span[SPAN], int i,
                       projections *at, double *difference, double *U,
                       double *phi)
{
    const int n = l->n, D = l->D, d = l->d, m = l->m;
    const size_t Dd = product(D, d), nn = product(n, n), nm = product(n, m);
    const double *X = l->X + (size_t)i * product(n, D);
    memset(phi, 0, product(SPAN, m) * sizeof *phi);
    absolute(product(n, D), X, at->X);
    for (int h = 0; h < l->H; h++) {
        const size_t ih = product(i, l->H) + (size_t)h;
        const double *Wo = l->Wo + (size_t)h * product(d, m);
        absolute(product(d, m), Wo, at->O);
        for (int p = 0; p < SPAN; p++) {
            const double *Wq = part(span[p]->Wq, h, Dd);
            const double *Wk = part(span[p]->Wk, h, Dd);
            const double *Wv = part(span[p]->Wv, h, Dd);
            multiply(n, d, D, X, Wq, at->Q[p]);
            multiply(n, d, D, X, Wk, at->K[p]);
            multiply(n, d, D, X, Wv, at->V);
            multiply(n, m, d, at->V, Wo,
                     plane->values + (SPAN * ih + (size_t)p) * nm);
            put_bounds(plane, l, Wq, Wk, Wv, p, at, U, phi + product(p, m));
        }
        put_scores(plane, at, difference, plane->scores + POWERS * ih * nn);
    }
    for (int p = 0; p < SPAN; p++) {
        const double *row = phi + product(p, m);
        plane->phi[p] += n * dot(m, row, row); /* its square, until the end */
    }
}

thm_status thm_plane_fill(thm_plane *plane, const thm_layer *layer,
                          const thm_weights *const span[SPAN])
{
    const size_t dd = product(SPAN, layer->d), mm = product(SPAN, layer->m);
    projections at = {0};
    thm_status status = projections_alloc(layer, &at);
    double *difference = thm_plane_room(dd + mm + product(layer->n, layer->m));
    if (status == THM_OK && !difference) {
        status = THM_ENOMEM;
    }
    for (int i = 0; i < layer->N && status == THM_OK; i++) {
        put_sample(plane, layer, span, i, &at, difference, difference + dd + mm,
                   difference + dd);
    }
    for (int p = 0; p < SPAN; p++) {
        plane->phi[p] = sqrt(plane->phi[p]);
    }
    free(difference);
    free(at.block);
    return status;
}
