/* Solutions of (I - gamma J) x = b for the flow: the reduced system of
 * value_flow_newton.c, what it leaves out, and one step of refinement where the
 * reduction may have cost digits. */
#include "flow/value_flow_newton.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void thm_flow_newton_free(struct thm_flow_newton *w)
{
    if (w != NULL) {
        thm_lu_free(w->core_lu);
        thm_lu_free(w->full_lu);
        free(w->full);
        free(w->block);
        free(w);
    }
}

static thm_status newton_alloc(const thm_value_flow *flow,
                               struct thm_flow_newton **out)
{
    size_t d = (size_t)flow->d, n = (size_t)flow->n;
    struct thm_flow_newton *w = calloc(1, sizeof *w);
    size_t point = thm_flow_point_room(flow->d, flow->n);
    double *block = calloc(point + d * d + 5 * d * n + 9 * n + 2 * (d + 2) +
                               (d + 2) * (d + 2),
                           sizeof *block);
    thm_status status = w == NULL || block == NULL
                            ? THM_ENOMEM
                            : thm_lu_alloc(flow->d + 2, &w->core_lu);
    if (status != THM_OK) {
        free(w);
        free(block);
        return status;
    }
    w->d = flow->d;
    w->n = flow->n;
    w->block = block;
    thm_flow_point_init(&w->at, flow->kind, flow->d, flow->n, block);
    block += point;
    double **array[] = {&w->H, &w->HN, &w->N,  &w->Y,   &w->residual,
                        &w->s, &w->f,  &w->c,  &w->y,   &w->q,
                        &w->r, &w->h,  &w->Bp, &w->core};
    size_t length[] = {
        d * d, d * n, d * n, (d + 1) * n, 2 * (d + 1) * n, n,     n,
        n,     n,     n,     n,           d + 2,           d + 2, 0};
    for (size_t k = 0; k < sizeof array / sizeof *array; k++) {
        *array[k] = block;
        block += length[k];
    }
    *out = w;
    return THM_OK;
}

/* Factors for this state and gamma, unless that is what w holds. */
static thm_status factor(thm_value_flow *flow, const double *x, double gamma)
{
    struct thm_flow_newton *w = flow->newton;
    size_t bytes = (size_t)thm_value_flow_size(flow) * sizeof *x;
    if (w->known && w->gamma == gamma && memcmp(w->at.x, x, bytes) == 0) {
        return THM_OK;
    }
    w->known = false;
    w->gamma = gamma;
    thm_status status = thm_flow_look_at(flow, x, true, &w->at);
    if (status == THM_OK) {
        status = thm_flow_newton_factor(flow, w);
    }
    w->known = status == THM_OK;
    return status;
}

/* out: (d n + n) <- the solution for b, through the reduced system. */
static thm_status solve_once(struct thm_flow_newton *w, const double *b,
                             double *out)
{
    const thm_flow_point *at = &w->at;
    size_t d = (size_t)w->d, n = (size_t)w->n;
    memset(w->q, 0, n * sizeof *w->q);
    for (size_t k = 0; k < d; k++) {
        const double *B = b + k * n;
        w->Bp[k] = thm_flow_dot(n, B, at->p);
        for (size_t i = 0; i < n; i++) {
            w->q[i] += at->g[k] * B[i];
        }
    }
    thm_flow_gather(at, w->q, w->q);
    for (size_t i = 0; i < n; i++) {
        w->r[i] = b[d * n + i] - w->gamma * w->q[i];
    }
    thm_status status = thm_flow_newton_solve(w);
    if (status != THM_OK) {
        return status;
    }
    thm_flow_spread(at, w->y, w->q);
    for (size_t k = 0; k < d; k++) {
        for (size_t i = 0; i < n; i++) {
            out[k * n + i] = b[k * n + i] - w->gamma * (w->h[k] * at->p[i] +
                                                        at->g[k] * w->q[i]);
        }
    }
    memcpy(out + d * n, w->y, n * sizeof *out);
    return THM_OK;
}

/* Y <- Y + the solution for b - (I - gamma J) Y. */
static thm_status refine(thm_value_flow *flow, const double *x, const double *b)
{
    struct thm_flow_newton *w = flow->newton;
    size_t size = (size_t)thm_value_flow_size(flow);
    double *r = w->residual, *step = r + size;
    thm_status status = thm_value_flow_jvp(0.0, x, w->Y, r, flow);
    for (size_t i = 0; i < size; i++) {
        r[i] = b[i] - (w->Y[i] - w->gamma * r[i]);
    }
    if (status == THM_OK) {
        status = solve_once(w, r, step);
    }
    for (size_t i = 0; status == THM_OK && i < size; i++) {
        w->Y[i] += step[i];
    }
    return status;
}

static bool all_finite(size_t n, const double *x)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] - x[i]; /* 0, or NaN */
    }
    return sum == 0.0;
}

thm_status thm_value_flow_solve(double t, const double *x, double gamma,
                                const double *b, double *out, void *ctx)
{
    thm_value_flow *flow = ctx;
    size_t size = (size_t)thm_value_flow_size(flow);
    thm_status status = THM_OK;
    (void)t;
    if (!isfinite(gamma) || !all_finite(size, b)) {
        return THM_EDOMAIN;
    }
    if (flow->newton == NULL) {
        status = newton_alloc(flow, &flow->newton);
    }
    if (status == THM_OK) {
        status = factor(flow, x, gamma);
    }
    if (status == THM_OK) {
        status = solve_once(flow->newton, b, flow->newton->Y);
    }
    if (status == THM_OK && flow->newton->dense) {
        status = refine(flow, x, b);
    }
    if (status == THM_OK && !all_finite(size, flow->newton->Y)) {
        status = THM_ESINGULAR;
    }
    if (status == THM_OK) {
        memcpy(out, flow->newton->Y, size * sizeof *out);
    }
    return status;
}
