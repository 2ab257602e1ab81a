/* What every method needs of a run; see run.h. */
#include "flow/run.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

thm_status thm_run_vectors(const thm_ode_run *run, int count, double **out)
{
    size_t size;
    thm_status status = thm_size_mul((size_t)run->padded, (size_t)count, &size);
    if (status != THM_OK) {
        return status;
    }
    size_t bytes;
    status = thm_size_mul(size, sizeof(double), &bytes);
    double *room = status == THM_OK ? aligned_alloc(64, bytes) : NULL;
    if (room == NULL) {
        return status == THM_OK ? THM_ENOMEM : status;
    }
    memset(room, 0, bytes);
    *out = room;
    return THM_OK;
}

thm_status thm_run_mapped(thm_status status)
{
    switch (status) {
    case THM_EOVERFLOW:
    case THM_ESINGULAR:
    case THM_ECONVERGE:
        return THM_EDOMAIN;
    default:
        return status;
    }
}

/* One more right-hand side, if it is allowed. */
static bool count(thm_ode_run *run)
{
    if (run->options->max_rhs > 0 && run->stats->rhs >= run->options->max_rhs) {
        return false;
    }
    run->stats->rhs++;
    return true;
}

thm_status thm_run_rhs(thm_ode_run *run, double t, const double *x, double *dx)
{
    return count(run) ? thm_run_mapped(run->ode->rhs(t, x, dx, run->ode->ctx))
                      : THM_ECONVERGE;
}

thm_status thm_run_outer(thm_ode_run *run, double t,
                         const thm_ode_outer_state *x, double *u, double *v,
                         double *da)
{
    const thm_ode *ode = run->ode;
    return count(run) ? thm_run_mapped(ode->outer(t, x, u, v, da, ode->ctx))
                      : THM_ECONVERGE;
}

thm_status thm_run_slope(thm_ode_run *run, const thm_ode_method *method,
                         void *self)
{
    return method->slope == NULL ? THM_OK : method->slope(self, run);
}

bool thm_finite(int n, const double *x)
{
    /* stay 0 unless an infinity or a NaN joins; four, for they are chains */
    double zero[4] = {0, 0, 0, 0};
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int j = 0; j < 4; j++) {
            zero[j] += 0.0 * x[i + j];
        }
    }
    for (; i < n; i++) {
        zero[0] += 0.0 * x[i];
    }
    return (zero[0] + zero[1]) + (zero[2] + zero[3]) == 0.0;
}

void thm_run_accept(thm_ode_run *run, double t)
{
    double *free_now = run->x_old;
    run->x_old = run->x;
    run->x = run->x_new;
    run->x_new = free_now;
    run->t_old = run->t;
    run->t = t;
}

bool thm_run_underflow(double t, double h)
{
    return !(t + 0.1 * h > t);
}

/* Root mean square of v / (atol + rtol |x|). */
static double scaled_norm(const thm_ode_run *run, const double *v)
{
    double sum = 0.0;
    for (int i = 0; i < run->n; i++) {
        double r = v[i] / (run->floor + run->options->rtol * fabs(run->x[i]));
        sum += r * r;
    }
    return sqrt(sum / run->n);
}

thm_status thm_run_first_step(thm_ode_run *run, int order, double *scratch)
{
    int n = run->n;
    double span = run->t1 - run->t;
    double *y = scratch, *g = scratch + run->padded;
    double size = scaled_norm(run, run->x), slope = scaled_norm(run, run->f);
    double h = 0.01 * size / slope;
    if (!(size >= 1e-5) || !(slope >= 1e-5) || !(h > 0)) {
        h = 1e-6 * fmin(span, 1.0);
    }
    h = fmin(h, span);
    for (int i = 0; i < n; i++) {
        y[i] = run->x[i] + h * run->f[i];
    }
    run->h = h;
    thm_status status = thm_run_rhs(run, run->t + h, y, g);
    if (status == THM_EDOMAIN || (status == THM_OK && !thm_finite(n, g))) {
        run->h = 0.1 * h; /* an edge is near: the method will feel its way */
        return THM_OK;
    }
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        g[i] -= run->f[i];
    }
    double most = fmax(slope, scaled_norm(run, g) / h);
    double better =
        most > 1e-15 ? pow(0.01 / most, 1.0 / order) : fmax(1e-6, 1e-3 * h);
    run->h = fmin(fmin(100.0 * h, better), span);
    if (!(run->h > 0)) {
        run->h = h; /* a slope beyond the range of the estimate */
    }
    return THM_OK;
}
