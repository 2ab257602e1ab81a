/* Distance to a convex hull: see hull.h. */
#include "la/hull.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "la/qr.h"

/* z <- sum_j s_j p_j. */
static void mix(int n, int m, const double *P, const double *s, double *z)
{
    for (int i = 0; i < m; i++) {
        z[i] = 0.0;
    }
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < m && s[j] > 0.0; i++) {
            z[i] += s[j] * P[(size_t)j * (size_t)m + (size_t)i];
        }
    }
}

static double dot(int m, const double *a, const double *b)
{
    double sum = 0.0;
    for (int i = 0; i < m; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static double dot_of_sizes(int m, const double *a, const double *b)
{
    double sum = 0.0;
    for (int i = 0; i < m; i++) {
        sum += fabs(a[i] * b[i]);
    }
    return sum;
}

/* ---- non-negative least squares -------------------------------------------
 */

/* E: (n x (m + 1)), row j is (p_j, 1); f = (0, .., 0, 1).  The passive set is
 * listed in `set`, its multipliers are positive, the others 0. */
typedef struct {
    int n, m, passive;
    int *set;      /* (n)                                               */
    double *E;     /* (n x (m + 1))                                     */
    double *t;     /* (n), multipliers                                  */
    double *v;     /* (n), the unconstrained ones of the passive set    */
    double *r;     /* (m + 1), f - E't                                  */
    double *A;     /* ((m + 1) x passive), the passive columns of E'    */
    double *Q, *R; /* its factors                                      */
} nnls;

static void residual(nnls *w)
{
    const int rows = w->m + 1;
    mix(w->n, rows, w->E, w->t, w->r);
    for (int i = 0; i < rows; i++) {
        w->r[i] = (i == w->m) - w->r[i];
    }
}

/* v of the passive set; THM_ESINGULAR where its columns depend on each other to
 * rounding. */
static thm_status solve(nnls *w)
{
    const int rows = w->m + 1, k = w->passive;
    if (k > rows) {
        return THM_ESINGULAR;
    }
    for (int i = 0; i < rows; i++) {
        for (int a = 0; a < k; a++) {
            w->A[i * k + a] =
                w->E[(size_t)w->set[a] * (size_t)rows + (size_t)i];
        }
    }
    const thm_status status = thm_qr(rows, k, w->A, w->Q, w->R, NULL);
    for (int a = k - 1; a >= 0 && status == THM_OK; a--) {
        double sum = w->Q[w->m * k + a];
        for (int b = a + 1; b < k; b++) {
            sum -= w->R[a * k + b] * w->v[b];
        }
        if (!(w->R[a * k + a] > rows * DBL_EPSILON)) {
            return THM_ESINGULAR;
        }
        w->v[a] = sum / w->R[a * k + a];
    }
    return status;
}

/* Moves t towards v as far as it stays non-negative, and drops what hits 0;
 * true if t = v. */
static bool advance(nnls *w)
{
    double share = 1.0;
    int hit = -1;
    for (int a = 0; a < w->passive; a++) {
        const double t = w->t[w->set[a]];
        if (w->v[a] <= 0.0 && t / (t - w->v[a]) < share) {
            share = t / (t - w->v[a]);
            hit = a;
        }
    }
    int kept = 0;
    for (int a = 0; a < w->passive; a++) {
        const int j = w->set[a];
        w->t[j] += share * (w->v[a] - w->t[j]);
        if (a == hit || !(w->t[j] > 0.0)) {
            w->t[j] = 0.0;
        } else {
            w->set[kept++] = j;
        }
    }
    w->passive = kept;
    return hit < 0;
}

/* The point whose multiplier would lower the residual most; -1 if none does by
 * more than rounding. */
static int best_point(const nnls *w)
{
    const int rows = w->m + 1;
    int best = -1;
    double most = 0.0;
    for (int j = 0; j < w->n; j++) {
        const double *e = w->E + (size_t)j * (size_t)rows;
        const double gain = dot(rows, e, w->r),
                     rounding =
                         rows * DBL_EPSILON * dot_of_sizes(rows, e, w->r);
        if (w->t[j] == 0.0 && gain > most && gain > rounding) {
            most = gain;
            best = j;
        }
    }
    return best;
}

static thm_status find_weights(nnls *w, int *steps)
{
    const int limit = 10 * (w->n + w->m);
    residual(w);
    for (int j = best_point(w); j >= 0 && *steps < limit; j = best_point(w)) {
        w->set[w->passive++] = j;
        bool there = false;
        while (!there && *steps < limit) {
            const thm_status status = solve(w);
            ++*steps;
            if (status == THM_ESINGULAR) {
                /* the new point lies in the span of the others: no gain */
                return THM_OK;
            }
            if (status != THM_OK) {
                return status;
            }
            there = advance(w);
        }
        residual(w);
    }
    return THM_OK;
}

/* ---- bounds ---------------------------------------------------------------
 */

/* The bounds at weights s.  gamma_k = k u / (1 - k u), u = 2^-53.
 * lower: z is any vector; p_j = u_j - y is rounded once (relatively by u) and
 * the product by gamma_m, hence gamma_{m+1} of the sizes; the quotient by |z|,
 * itself good to gamma_{m+2}, by a few u more.
 * upper: z of weights whose sum is 1 to within e is that of weights s/sum up to
 * e max_j |p_j|, and was rounded by gamma_{n+2} sum_j s_j |p_j|. */
static void bound(int n, int m, const double *P, const double *s,
                  const double *z, thm_hull *out)
{
    const double u = DBL_EPSILON / 2.0, slack = (n + m + 8) * u * 1.01;
    double along = HUGE_VAL, longest = 0.0, sum = 0.0;
    for (int j = 0; j < n; j++) {
        const double *p = P + (size_t)j * (size_t)m;
        const double sure = dot(m, z, p) - slack * dot_of_sizes(m, z, p);
        along = fmin(along, sure);
        longest = fmax(longest, sqrt(dot(m, p, p)));
        sum += s[j];
    }
    const double size = sqrt(dot(m, z, z));
    const double lower = along > 0.0 ? along / size * (1.0 - slack) : 0.0;
    out->lower = isfinite(lower) ? lower : 0.0;
    out->upper =
        (size + (fabs(sum - 1.0) + 2.0 * slack) * longest) * (1.0 + slack);
}

static thm_status check(int n, int m, const double *U, const double *y)
{
    if (n < 1 || m < 1) {
        return THM_EDIM;
    }
    const size_t count = (size_t)n * (size_t)m;
    for (size_t k = 0; k < count; k++) {
        if (!(fabs(U[k]) <= 1e150)) {
            return THM_EDOMAIN;
        }
    }
    for (int i = 0; i < m; i++) {
        if (!(fabs(y[i]) <= 1e150)) {
            return THM_EDOMAIN;
        }
    }
    return THM_OK;
}

/* Normalised weights and z of them; the first point where NNLS found none. */
static void settle(const nnls *w, const double *P, double *s, double *z)
{
    double sum = 0.0;
    for (int j = 0; j < w->n; j++) {
        sum += w->t[j];
    }
    for (int j = 0; j < w->n; j++) {
        s[j] = sum > 0.0 ? w->t[j] / sum : (double)(j == 0);
    }
    mix(w->n, w->m, P, s, z);
}

thm_status thm_hull_distance(int n, int m, const double *U, const double *y,
                             double *s, thm_hull *out)
{
    thm_status status = check(n, m, U, y);
    if (status != THM_OK) {
        return status;
    }
    const size_t N = (size_t)n, M = (size_t)m, rows = M + 1,
                 most = N < rows ? N : rows;
    nnls w = {.n = n, .m = m};
    int *set = calloc(N + 1, sizeof *set);
    double *P = calloc(N * M + N * rows + 2 * N + M + rows +
                           (2 * rows + most + 1) * (most + 1),
                       sizeof *P);
    if (!P || !set) {
        status = THM_ENOMEM;
        goto done;
    }
    w.set = set;
    w.E = P + N * M;
    w.t = w.E + N * rows;
    w.v = w.t + N;
    double *z = w.v + N;
    w.r = z + M;
    w.A = w.r + rows;
    w.Q = w.A + rows * (most + 1);
    w.R = w.Q + rows * (most + 1);
    double longest = 0.0;
    for (size_t j = 0; j < N; j++) {
        for (size_t i = 0; i < M; i++) {
            P[j * M + i] = U[j * M + i] - y[i];
        }
        longest = fmax(longest, sqrt(dot(m, P + j * M, P + j * M)));
    }
    for (size_t k = 0; k < N * rows; k++) {
        const size_t j = k / rows, i = k % rows;
        w.E[k] = i == M ? 1.0 : longest > 0.0 ? P[j * M + i] / longest : 0.0;
    }
    *out = (thm_hull){0};
    status = find_weights(&w, &out->steps);
    if (status == THM_OK) {
        settle(&w, P, s, z);
        bound(n, m, P, s, z, out);
    }
done:
    free(P);
    free(set);
    return status;
}
