/* Newton systems (I - gamma J) (Y, y) = (B, b) of the value-softmax flow in
 * O(n d^2 + d^3); J = df/dx as in value_flow_jacobian.c, (V, a) = (Y, y).
 *
 * With q = S y and h = H (Y p + V q) the system reads
 *     Y = B - gamma (h p' + g q'),
 *     y = b - gamma (S'V'h + S'Y'g - T y).
 * Putting Y into the rest leaves n + d unknowns (y, h): with
 * N = (V - gamma g p') S, (d x n),
 *     K y + gamma N'h                         = b - gamma S'B'g =: r,
 *     -H N y + (I + gamma |p|^2 H) h          = H B p,
 *     K = I - gamma T - gamma^2 |g|^2 S'S = diag(s) + f c' + c f',
 *     s_i = 1 - gamma t_i - gamma^2 |g|^2 e_i^2,   f = e,
 *     c = gamma psi + gamma^2 |g|^2 (e p - |p|^2 e / 2)
 * (f = c = 0 for the sigmoid), since S'S = diag(e^2) - (ep)e' - e(ep)' +
 * |p|^2 ee'.  With mu = c'y and nu = f'y, y = s^-1 (r - gamma N'h - f mu -
 * c nu), and d + 2 unknowns (h, mu, nu) are left:
 *     (I + gamma H (|p|^2 I + N s^-1 N')) h + H N s^-1 (f mu + c nu)
 *                                                      = H (B p + N s^-1 r),
 *     gamma c's^-1 N'h + (1 + c's^-1 f) mu + c's^-1 c nu   = c's^-1 r,
 *     gamma f's^-1 N'h + f's^-1 f mu + (1 + f's^-1 c) nu   = f's^-1 r.
 * (paper-notes/varre2026.md, "Newton systems").  Two things would cost digits:
 * dividing by s eliminates without pivoting, and near a corner of the simplex
 * S'S is small while gamma^2 |g|^2 e^2 is not. Where some |s_i| < 1/16 or
 * gamma^2 |g|^2 e_i^2 > 16, more than four bits, the n + d unknowns are solved
 * for, with the entries of K free of cancellation. */
#include "flow/value_flow_newton.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "la/blas.h"

static thm_status full_alloc(struct thm_flow_newton *w)
{
    size_t size = (size_t)w->n + (size_t)w->d, numbers = 0;
    if (w->full != NULL) {
        return THM_OK;
    }
    thm_status status = thm_size_mul(size + 1, size, &numbers);
    if (status == THM_OK) {
        status = thm_lu_alloc(w->n + w->d, &w->full_lu);
    }
    if (status == THM_OK) {
        w->full = calloc(numbers, sizeof *w->full);
        status = w->full == NULL ? THM_ENOMEM : THM_OK;
    }
    if (status != THM_OK) {
        thm_lu_free(w->full_lu);
        w->full_lu = NULL;
        return status;
    }
    w->right = w->full + size * size;
    return THM_OK;
}

double thm_flow_dot(size_t n, const double *x, const double *y)
{
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (size_t j = 0; j < 4; j++) {
            sum[j] += x[i + j] * y[i + j];
        }
    }
    for (; i < n; i++) {
        sum[0] += x[i] * y[i];
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* s, f, c, N, H, HN; *safe if the d + 2 equations will do. */
static thm_status prepare(thm_value_flow *flow, struct thm_flow_newton *w,
                          bool *safe)
{
    const thm_flow_point *at = &w->at;
    size_t d = (size_t)w->d, n = (size_t)w->n;
    bool centred = thm_normalise_centred(at->kind);
    double gamma = w->gamma, least = HUGE_VAL, most = 0.0;
    w->pp = thm_flow_dot(n, at->p, at->p);
    w->drive = gamma * gamma * thm_flow_dot(d, at->g, at->g);
    for (size_t i = 0; i < n; i++) {
        double e = at->e[i], squared = w->drive * e * e;
        w->s[i] = 1.0 - gamma * at->t[i] - squared;
        w->f[i] = centred ? e : 0.0;
        w->c[i] = centred ? gamma * at->psi[i] +
                                w->drive * e * (at->p[i] - w->pp / 2.0)
                          : 0.0;
        least = fmin(least, fabs(w->s[i]));
        most = fmax(most, squared);
    }
    *safe = least >= 1.0 / 16.0 && most <= 16.0;
    thm_flow_columns(at, w->N);
    thm_flow_gather(at, at->p, w->q);
    thm_loss_hessian(flow->loss, at->z, w->H, flow->loss_scratch);
    for (size_t k = 0; k < d; k++) {
        double step = gamma * at->g[k];
        for (size_t i = 0; i < n; i++) {
            w->N[k * n + i] -= step * w->q[i];
        }
    }
    return thm_gemm(false, false, w->d, w->n, w->d, 1.0, w->H, w->d, w->N, w->n,
                    0.0, w->HN, w->n);
}

/* An entry of a reduced system carries up to n + d + 2 roundings, magnified by
 * 16 at most (above): nearer to a singular matrix than that it may be one. */
static thm_status factor_reduced(const struct thm_flow_newton *w, thm_lu *lu,
                                 const double *A)
{
    double rcond = 0.0;
    thm_status status = thm_lu_factor(lu, A, &rcond);
    bool told = rcond > 16.0 * (w->n + w->d + 2) * DBL_EPSILON;
    return status == THM_OK && !told ? THM_ESINGULAR : status;
}

/* The d + 2 equations; s becomes 1 / s. */
static thm_status factor_core(struct thm_flow_newton *w)
{
    size_t d = (size_t)w->d, n = (size_t)w->n, size = d + 2;
    double *mu = w->core + d * size, *nu = mu + size, *sN = w->Y;
    thm_status status;
    for (size_t i = 0; i < n; i++) {
        w->s[i] = 1.0 / w->s[i];
        w->y[i] = w->s[i] * w->c[i];
        w->q[i] = w->s[i] * w->f[i];
    }
    for (size_t k = 0; k < d; k++) {
        for (size_t i = 0; i < n; i++) {
            sN[k * n + i] = w->s[i] * w->N[k * n + i];
        }
    }
    status = thm_gemm(false, true, w->d, w->d, w->n, w->gamma, w->HN, w->n, sN,
                      w->n, 0.0, w->core, w->d + 2);
    for (size_t k = 0; k < d; k++) {
        double *row = w->core + k * size;
        for (size_t l = 0; l < d; l++) {
            row[l] += w->gamma * w->pp * w->H[k * d + l];
        }
        row[k] += 1.0;
        row[d] = thm_flow_dot(n, w->HN + k * n, w->q);
        row[d + 1] = thm_flow_dot(n, w->HN + k * n, w->y);
        mu[k] = w->gamma * thm_flow_dot(n, w->N + k * n, w->y);
        nu[k] = w->gamma * thm_flow_dot(n, w->N + k * n, w->q);
    }
    mu[d] = 1.0 + thm_flow_dot(n, w->c, w->q);
    mu[d + 1] = thm_flow_dot(n, w->c, w->y);
    nu[d] = thm_flow_dot(n, w->f, w->q);
    nu[d + 1] = mu[d];
    return status == THM_OK ? factor_reduced(w, w->core_lu, w->core) : status;
}

/* (S'S)_ij = e_i e_j (delta_ij - p_i - p_j + |p|^2) without the cancellation
 * near a corner (1 - p is exact for p > 1/2); squares = sum p^2 but the
 * leader's. */
static double gram(const thm_flow_point *at, int i, int j, double squares)
{
    const double *p = at->p, *e = at->e;
    double top = p[at->leader], all = top * top + squares;
    if (!thm_normalise_centred(at->kind)) {
        return i == j ? e[i] * e[i] : 0.0;
    }
    if (i == j) {
        double beside = i == at->leader ? squares : all - p[i] * p[i];
        return e[i] * e[i] * ((1.0 - p[i]) * (1.0 - p[i]) + beside);
    }
    double sum = i == at->leader || j == at->leader
                     ? p[i == at->leader ? j : i] + top * (1.0 - top) - squares
                     : p[i] + p[j] - all;
    return -e[i] * e[j] * sum;
}

/* The n + d equations. */
static thm_status factor_full(struct thm_flow_newton *w)
{
    const thm_flow_point *at = &w->at;
    size_t d = (size_t)w->d, n = (size_t)w->n, size = n + d;
    double gamma = w->gamma, squares = 0.0;
    thm_status status = full_alloc(w);
    if (status != THM_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        squares += i == (size_t)at->leader ? 0.0 : at->p[i] * at->p[i];
    }
    for (size_t i = 0; i < n; i++) {
        double *row = w->full + i * size;
        for (size_t j = 0; j < n; j++) {
            double T = (i == j ? at->t[i] : 0.0) - w->f[i] * at->psi[j] -
                       at->psi[i] * w->f[j];
            row[j] = (i == j ? 1.0 : 0.0) - gamma * T -
                     w->drive * gram(at, (int)i, (int)j, squares);
        }
        for (size_t k = 0; k < d; k++) {
            row[n + k] = gamma * w->N[k * n + i];
        }
    }
    for (size_t k = 0; k < d; k++) {
        double *row = w->full + (n + k) * size;
        for (size_t j = 0; j < n; j++) {
            row[j] = -w->HN[k * n + j];
        }
        for (size_t l = 0; l < d; l++) {
            row[n + l] = (k == l ? 1.0 : 0.0) + gamma * w->pp * w->H[k * d + l];
        }
    }
    return factor_reduced(w, w->full_lu, w->full);
}

thm_status thm_flow_newton_factor(thm_value_flow *flow,
                                  struct thm_flow_newton *w)
{
    bool safe;
    thm_status status = prepare(flow, w, &safe);
    w->dense = !safe;
    if (status == THM_OK) {
        status = safe ? factor_core(w) : factor_full(w);
    }
    /* an overflow on the way here is as good as a singular matrix */
    return status == THM_EDOMAIN ? THM_ESINGULAR : status;
}

/* y and h from r and B p. */
static thm_status solve_core(struct thm_flow_newton *w)
{
    size_t d = (size_t)w->d, n = (size_t)w->n;
    for (size_t i = 0; i < n; i++) {
        w->y[i] = w->s[i] * w->r[i];
    }
    for (size_t k = 0; k < d; k++) {
        w->h[k] = thm_flow_dot(d, w->H + k * d, w->Bp) +
                  thm_flow_dot(n, w->HN + k * n, w->y);
    }
    w->h[d] = thm_flow_dot(n, w->c, w->y);
    w->h[d + 1] = thm_flow_dot(n, w->f, w->y);
    thm_status status = thm_lu_solve(w->core_lu, w->h, w->h);
    if (status != THM_OK) {
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        w->r[i] -= w->f[i] * w->h[d] + w->c[i] * w->h[d + 1];
    }
    for (size_t k = 0; k < d; k++) {
        for (size_t i = 0; i < n; i++) {
            w->r[i] -= w->gamma * w->N[k * n + i] * w->h[k];
        }
    }
    for (size_t i = 0; i < n; i++) {
        w->y[i] = w->s[i] * w->r[i];
    }
    return THM_OK;
}

static thm_status solve_full(struct thm_flow_newton *w)
{
    size_t d = (size_t)w->d, n = (size_t)w->n;
    memcpy(w->right, w->r, n * sizeof *w->r);
    for (size_t k = 0; k < d; k++) {
        w->right[n + k] = thm_flow_dot(d, w->H + k * d, w->Bp);
    }
    thm_status status = thm_lu_solve(w->full_lu, w->right, w->right);
    if (status == THM_OK) {
        memcpy(w->y, w->right, n * sizeof *w->y);
        memcpy(w->h, w->right + n, d * sizeof *w->h);
    }
    return status;
}

thm_status thm_flow_newton_solve(struct thm_flow_newton *w)
{
    return w->dense ? solve_full(w) : solve_core(w);
}
