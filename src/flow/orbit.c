/* The shared orbit as an initial value problem: see orbit.h.
 *
 * With F = (p, J u) and r_i = p_i (u_i - <u, p>),
 *     DF = [[0, J], [J, diag r - p r' - r p']],   grad <u, p> = F,
 * so that every form's Jacobian is DF scaled plus one outer product. */
#include "flow/orbit_inside.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "la/dense.h"

thm_status thm_orbit_alloc(int n, thm_loss_kind loss, double norm,
                           thm_orbit_form form, bool backward,
                           thm_orbit **orbit)
{
    const bool known = loss == THM_LOSS_LOGISTIC ||
                       loss == THM_LOSS_EXPONENTIAL || loss == THM_LOSS_SQUARE;
    if (n < 1 || n > (1 << 28)) {
        return THM_EDIM;
    }
    if (!known || !(norm > 0.0) || !isfinite(norm) ||
        (form == THM_ORBIT_CLOCKED && loss == THM_LOSS_SQUARE) ||
        (backward && form != THM_ORBIT_FREE)) {
        return THM_EDOMAIN;
    }
    thm_orbit *o = calloc(1, sizeof *o);
    double *scratch = malloc(3 * (size_t)n * sizeof *scratch);
    if (!o || !scratch) {
        free(scratch);
        free(o);
        return THM_ENOMEM;
    }
    *o = (thm_orbit){.n = n,
                     .loss = loss,
                     .norm = norm,
                     .form = form,
                     .backward = backward,
                     .p = scratch,
                     .F = scratch + n};
    *orbit = o;
    return THM_OK;
}

void thm_orbit_free(thm_orbit *orbit)
{
    if (orbit) {
        free(orbit->p);
        free(orbit);
    }
}

int thm_orbit_size(const thm_orbit *orbit)
{
    return 2 * orbit->n + (orbit->form == THM_ORBIT_CLOCKED);
}

int thm_orbit_weigh(int n, const double *a, double *p)
{
    int top = 0;
    double sum = 0.0;
    for (int i = 1; i < n; i++) {
        top = a[i] > a[top] ? i : top;
    }
    for (int i = 0; i < n; i++) {
        p[i] = exp(a[i] - a[top]);
        sum += p[i];
    }
    for (int i = 0; i < n; i++) {
        p[i] /= sum;
    }
    return top;
}

double thm_orbit_ascend(thm_orbit *o, const double *x)
{
    const double *u = x, *a = x + o->n;
    /* <u, p> less the winner's u, which it approaches: sum a is conserved to
     * rounding of the losers' share, not of u. */
    double rest = 0.0;
    const double most = u[thm_orbit_weigh(o->n, a, o->p)];
    for (int i = 0; i < o->n; i++) {
        rest += o->p[i] * (u[i] - most);
    }
    for (int i = 0; i < o->n; i++) {
        o->F[i] = o->p[i];
        o->F[o->n + i] = o->p[i] * ((u[i] - most) - rest);
    }
    return most + rest;
}

/* log dtau/dt of the logistic and the exponential loss at <u, p>, and its
 * derivative by <u, p>. */
static double log_speed(const thm_orbit *o, double mean, double *slope)
{
    const double y = o->norm * mean;
    const double w = exp(-fabs(y));
    double log_s = -y, ratio = 1.0;
    if (o->loss == THM_LOSS_LOGISTIC) {
        log_s = -(fmax(y, 0.0) + log1p(w));
        ratio = y >= 0.0 ? 1.0 / (1.0 + w) : w / (1.0 + w);
    }
    *slope = -ratio * o->norm;
    return log_s + log(o->norm);
}

/* dtau/dt and its derivative by <u, p>, in the timed form. */
static double speed(const thm_orbit *o, double mean, double *slope)
{
    if (o->loss == THM_LOSS_SQUARE) {
        *slope = -1.0;
        return o->norm - mean;
    }
    const double s = exp(log_speed(o, mean, slope));
    *slope *= s;
    return s;
}

static thm_status orbit_rhs(double t, const double *x, double *dx, void *ctx)
{
    thm_orbit *o = ctx;
    const int size = 2 * o->n;
    const double mean = thm_orbit_ascend(o, x);
    double slope, scale = o->backward ? -1.0 : 1.0;
    (void)t;
    if (o->form == THM_ORBIT_TIMED) {
        scale = speed(o, mean, &slope);
    }
    for (int i = 0; i < size; i++) {
        dx[i] = scale * o->F[i];
    }
    if (o->form == THM_ORBIT_CLOCKED) {
        dx[size] = exp(-log_speed(o, mean, &slope) - x[size]);
    }
    return THM_OK;
}

static thm_status orbit_jvp(double t, const double *x, const double *v,
                            double *out, void *ctx)
{
    thm_orbit *o = ctx;
    const int n = o->n, size = 2 * n;
    const double mean = thm_orbit_ascend(o, x);
    const double *p = o->p, *F = o->F, *r = o->F + n, *du = v, *da = v + n;
    double pu = 0.0, pa = 0.0, ra = 0.0, along = 0.0, slope;
    (void)t;
    for (int i = 0; i < n; i++) {
        pu += p[i] * du[i];
        pa += p[i] * da[i];
        ra += r[i] * da[i];
    }
    for (int i = 0; i < size; i++) {
        along += F[i] * v[i];
    }
    for (int i = 0; i < n; i++) {
        out[i] = p[i] * (da[i] - pa);
        out[n + i] = p[i] * (du[i] - pu) + r[i] * (da[i] - pa) - p[i] * ra;
    }
    if (o->form == THM_ORBIT_TIMED) {
        const double s = speed(o, mean, &slope);
        for (int i = 0; i < size; i++) {
            out[i] = s * out[i] + slope * along * F[i];
        }
    } else if (o->form == THM_ORBIT_CLOCKED) {
        const double dq = exp(-log_speed(o, mean, &slope) - x[size]);
        out[size] = dq * (-slope * along - v[size]);
    } else if (o->backward) {
        for (int i = 0; i < size; i++) {
            out[i] = -out[i];
        }
    }
    return THM_OK;
}

static thm_status orbit_jacobian(double t, const double *x, double *D,
                                 double *dfdt, void *ctx)
{
    thm_orbit *o = ctx;
    const int n = o->n, size = thm_orbit_size(o), half = 2 * n;
    const double mean = thm_orbit_ascend(o, x);
    const double *p = o->p, *F = o->F, *r = o->F + n;
    double slope = 0.0, scale = o->backward ? -1.0 : 1.0;
    (void)t;
    if (o->form == THM_ORBIT_TIMED) {
        scale = speed(o, mean, &slope);
    }
    memset(D, 0, (size_t)size * (size_t)size * sizeof *D);
    memset(dfdt, 0, (size_t)size * sizeof *dfdt);
    for (int i = 0; i < n; i++) {
        double *row = D + (size_t)i * (size_t)size;
        double *low = D + (size_t)(n + i) * (size_t)size;
        for (int j = 0; j < n; j++) {
            const double J = (i == j ? p[i] : 0.0) - p[i] * p[j];
            row[n + j] = low[j] = scale * J;
            low[n + j] =
                scale * ((i == j ? r[i] : 0.0) - p[i] * r[j] - r[i] * p[j]);
        }
    }
    for (int i = 0; slope != 0.0 && i < half; i++) {
        for (int j = 0; j < half; j++) {
            D[(size_t)i * (size_t)size + (size_t)j] += slope * F[i] * F[j];
        }
    }
    if (o->form == THM_ORBIT_CLOCKED) {
        const double dq = exp(-log_speed(o, mean, &slope) - x[half]);
        double *row = D + (size_t)half * (size_t)size;
        for (int j = 0; j < half; j++) {
            row[j] = -slope * dq * F[j];
        }
        row[half] = -dq;
    }
    return THM_OK;
}

thm_ode thm_orbit_ode(thm_orbit *orbit)
{
    return (thm_ode){.n = thm_orbit_size(orbit),
                     .ctx = orbit,
                     .rhs = orbit_rhs,
                     .jvp = orbit_jvp,
                     .jacobian = orbit_jacobian};
}

static bool all_finite(size_t count, const double *x)
{
    bool finite = true;
    for (size_t k = 0; k < count; k++) {
        finite = finite && isfinite(x[k]);
    }
    return finite;
}

thm_status thm_orbit_project(const thm_orbit *orbit, int d, const double *V,
                             const double *b, const double *a, double *x)
{
    const int n = orbit->n;
    if (d < 1) {
        return THM_EDIM;
    }
    const double norm = thm_dense_norm(d, 1, b);
    if (!all_finite((size_t)d * (size_t)n, V) || !all_finite((size_t)n, a) ||
        !(fabs(norm - orbit->norm) <= 4 * d * DBL_EPSILON * norm)) {
        return THM_EDOMAIN;
    }
    for (int j = 0; j < n; j++) {
        double u = 0.0;
        for (int i = 0; i < d; i++) {
            u += V[(size_t)i * (size_t)n + (size_t)j] * b[i];
        }
        x[j] = u / norm;
        x[n + j] = a[j];
    }
    if (orbit->form == THM_ORBIT_CLOCKED) {
        x[2 * n] = 0.0;
    }
    return THM_OK;
}

void thm_orbit_lift(const thm_orbit *orbit, int d, const double *V0,
                    const double *b, const double *x0, const double *x,
                    double *V)
{
    const int n = orbit->n;
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < n; j++) {
            const size_t k = (size_t)i * (size_t)n + (size_t)j;
            V[k] = V0[k] + b[i] / orbit->norm * (x[j] - x0[j]);
        }
    }
}
