/* Losses of an output z, their gradients and Hessian products; see loss.h.
 *
 * Everything that depends on a margin t comes from E = exp(-|t|) <= 1, so that
 * nothing overflows and a small slope keeps its relative precision. */
#include "flow/loss.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "softmax/softmax.h"

const char *thm_loss_text(thm_loss_kind kind)
{
    switch (kind) {
#define THM_LOSS_CASE(name, text)                                              \
    case name:                                                                 \
        return text;
        THM_LOSS_TABLE(THM_LOSS_CASE)
#undef THM_LOSS_CASE
    }
    return "unknown";
}

int thm_loss_scratch(const thm_loss *loss)
{
    int most = 0;
    switch (loss->kind) {
    case THM_LOSS_CROSS_ENTROPY:
        return loss->d;
    case THM_LOSS_COMBINATION:
        for (int k = 0; k < loss->terms; k++) {
            int need = thm_loss_scratch(loss->term[k]);
            most = need > most ? need : most;
        }
        return loss->d + most;
    default:
        return 0;
    }
}

static double dot(int n, const double *x, const double *y)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

static void add_scaled(int n, double c, const double *x, double *y)
{
    for (int i = 0; i < n; i++) {
        y[i] += c * x[i];
    }
}

/* log(1 + exp(-t)), its slope -1 / (1 + exp(t)), its curvature. */
static double logistic_value(double t)
{
    return fmax(-t, 0.0) + log1p(exp(-fabs(t)));
}

static double logistic_slope(double t)
{
    double E = exp(-fabs(t));
    return -(t >= 0.0 ? E : 1.0) / (1.0 + E);
}

static double logistic_curvature(double t)
{
    double E = exp(-fabs(t));
    return E / ((1.0 + E) * (1.0 + E));
}

/* Value and slope of the losses of one projection y = <b, z>. */
static double projection_value(thm_loss_kind kind, double y)
{
    return kind == THM_LOSS_LOGISTIC ? logistic_value(y) : exp(-y);
}

static double projection_slope(thm_loss_kind kind, double y)
{
    return kind == THM_LOSS_LOGISTIC ? logistic_slope(y) : -exp(-y);
}

/* z that is not finite has no softmax: NaN everywhere. */
static void eval_cross_entropy(const thm_loss *loss, const double *z,
                               double *value, double *g, double *scratch)
{
    int d = loss->d;
    thm_status status = thm_softmax_log(d, z, 1.0, scratch);
    if (value != NULL) {
        *value = status == THM_OK ? 0.0 : (double)NAN;
        for (int k = 0; status == THM_OK && k < d; k++) {
            *value -= loss->b[k] > 0.0 ? loss->b[k] * scratch[k] : 0.0;
        }
    }
    if (g != NULL) {
        status = thm_softmax(d, z, 1.0, scratch);
        for (int k = 0; k < d; k++) {
            g[k] = status == THM_OK ? scratch[k] - loss->b[k] : (double)NAN;
        }
    }
}

/* sum_i l(<x_i, z>, y_i) over the rows, gradient sum_i l' x_i. */
static void eval_rows(const thm_loss *loss, const double *z, double *value,
                      double *g)
{
    int d = loss->d, m = loss->m;
    bool square = loss->kind == THM_LOSS_QUADRATIC;
    double sum = 0.0;
    if (g != NULL) {
        memset(g, 0, (size_t)d * sizeof *g);
    }
    for (int i = 0; i < m; i++) {
        const double *x = loss->X + (size_t)i * (size_t)d;
        double y = loss->y[i], h = dot(d, x, z);
        double t = square ? h - y : y * h;
        if (value != NULL) {
            sum += square ? t * t : logistic_value(t);
        }
        if (g != NULL) {
            add_scaled(d, square ? 2.0 * t : y * logistic_slope(t) / m, x, g);
        }
    }
    if (value != NULL) {
        *value = square ? sum : sum / m;
    }
}

static void eval_combination(const thm_loss *loss, const double *z,
                             double *value, double *g, double *scratch)
{
    double *part = g == NULL ? NULL : scratch, sum = 0.0, v;
    if (g != NULL) {
        memset(g, 0, (size_t)loss->d * sizeof *g);
    }
    for (int k = 0; k < loss->terms; k++) {
        thm_loss_eval(loss->term[k], z, value == NULL ? NULL : &v, part,
                      scratch + loss->d);
        if (value != NULL) {
            sum += loss->coefficient[k] * v;
        }
        if (g != NULL) {
            add_scaled(loss->d, loss->coefficient[k], part, g);
        }
    }
    if (value != NULL) {
        *value = sum;
    }
}

static void eval_square(const thm_loss *loss, const double *z, double *value,
                        double *g)
{
    double sum = 0.0;
    for (int k = 0; k < loss->d; k++) {
        double r = z[k] - loss->b[k];
        sum += r * r;
        if (g != NULL) {
            g[k] = r;
        }
    }
    if (value != NULL) {
        *value = sum / 2.0;
    }
}

static void eval_projection(const thm_loss *loss, const double *z,
                            double *value, double *g)
{
    double y = dot(loss->d, loss->b, z);
    if (value != NULL) {
        *value = projection_value(loss->kind, y);
    }
    if (g != NULL) {
        double slope = projection_slope(loss->kind, y);
        for (int k = 0; k < loss->d; k++) {
            g[k] = slope * loss->b[k];
        }
    }
}

void thm_loss_eval(const thm_loss *loss, const double *z, double *value,
                   double *g, double *scratch)
{
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
    case THM_LOSS_EXPONENTIAL:
        eval_projection(loss, z, value, g);
        break;
    case THM_LOSS_SQUARE:
        eval_square(loss, z, value, g);
        break;
    case THM_LOSS_QUADRATIC:
    case THM_LOSS_SAMPLES:
        eval_rows(loss, z, value, g);
        break;
    case THM_LOSS_CROSS_ENTROPY:
        eval_cross_entropy(loss, z, value, g, scratch);
        break;
    case THM_LOSS_COMBINATION:
        eval_combination(loss, z, value, g, scratch);
        break;
    }
}

static void hvp_rows(const thm_loss *loss, const double *z, const double *v,
                     double *hv)
{
    int d = loss->d, m = loss->m;
    memset(hv, 0, (size_t)d * sizeof *hv);
    for (int i = 0; i < m; i++) {
        const double *x = loss->X + (size_t)i * (size_t)d;
        double c = loss->kind == THM_LOSS_QUADRATIC
                       ? 2.0
                       : logistic_curvature(loss->y[i] * dot(d, x, z)) / m;
        add_scaled(d, c * dot(d, x, v), x, hv);
    }
}

void thm_loss_hvp(const thm_loss *loss, const double *z, const double *v,
                  double *hv, double *scratch)
{
    int d = loss->d;
    double y, c;
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
    case THM_LOSS_EXPONENTIAL:
        y = dot(d, loss->b, z);
        c = loss->kind == THM_LOSS_LOGISTIC ? logistic_curvature(y) : exp(-y);
        c *= dot(d, loss->b, v);
        for (int k = 0; k < d; k++) {
            hv[k] = c * loss->b[k];
        }
        break;
    case THM_LOSS_SQUARE:
        memcpy(hv, v, (size_t)d * sizeof *hv);
        break;
    case THM_LOSS_QUADRATIC:
    case THM_LOSS_SAMPLES:
        hvp_rows(loss, z, v, hv);
        break;
    case THM_LOSS_CROSS_ENTROPY:
        if (thm_softmax(d, z, 1.0, scratch) != THM_OK ||
            thm_softmax_jvp(d, scratch, 1.0, v, hv) != THM_OK) {
            for (int k = 0; k < d; k++) {
                hv[k] = (double)NAN;
            }
        }
        break;
    case THM_LOSS_COMBINATION:
        memset(hv, 0, (size_t)d * sizeof *hv);
        for (int k = 0; k < loss->terms; k++) {
            thm_loss_hvp(loss->term[k], z, v, scratch, scratch + d);
            add_scaled(d, loss->coefficient[k], scratch, hv);
        }
        break;
    }
}

/* The lower triangle of H <- H + c x x'. */
static void add_square(int d, double c, const double *x, double *H)
{
    for (int k = 0; k < d; k++) {
        for (int l = 0; l <= k; l++) {
            H[(size_t)k * (size_t)d + (size_t)l] += (c * x[k]) * x[l];
        }
    }
}

static void add_diagonal(int d, double c, const double *x, double *H)
{
    for (int k = 0; k < d; k++) {
        H[(size_t)k * (size_t)d + (size_t)k] += x == NULL ? c : c * x[k];
    }
}

/* The lower triangle of H <- H + c Hessian(z). */
static void add_hessian(const thm_loss *loss, const double *z, double c,
                        double *H, double *scratch)
{
    int d = loss->d;
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
        c *= logistic_curvature(dot(d, loss->b, z));
        add_square(d, c, loss->b, H);
        break;
    case THM_LOSS_EXPONENTIAL:
        add_square(d, c * exp(-dot(d, loss->b, z)), loss->b, H);
        break;
    case THM_LOSS_SQUARE:
        add_diagonal(d, c, NULL, H);
        break;
    case THM_LOSS_QUADRATIC:
    case THM_LOSS_SAMPLES:
        for (int i = 0; i < loss->m; i++) {
            const double *x = loss->X + (size_t)i * (size_t)d;
            double curvature =
                loss->kind == THM_LOSS_QUADRATIC
                    ? 2.0
                    : logistic_curvature(loss->y[i] * dot(d, x, z)) / loss->m;
            add_square(d, c * curvature, x, H);
        }
        break;
    case THM_LOSS_CROSS_ENTROPY:
        if (thm_softmax(d, z, 1.0, scratch) != THM_OK) {
            scratch[0] = (double)NAN;
        }
        add_diagonal(d, c, scratch, H);
        add_square(d, -c, scratch, H);
        break;
    case THM_LOSS_COMBINATION:
        for (int k = 0; k < loss->terms; k++) {
            add_hessian(loss->term[k], z, c * loss->coefficient[k], H, scratch);
        }
        break;
    }
}

void thm_loss_hessian(const thm_loss *loss, const double *z, double *H,
                      double *scratch)
{
    size_t d = (size_t)loss->d;
    memset(H, 0, d * d * sizeof *H);
    add_hessian(loss, z, 1.0, H, scratch);
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < k; l++) {
            H[l * d + k] = H[k * d + l];
        }
    }
}

int thm_loss_scalar(const thm_loss *loss, double y, double *log_slope)
{
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
        *log_slope = -(fmax(y, 0.0) + log1p(exp(-fabs(y))));
        return 1;
    case THM_LOSS_EXPONENTIAL:
        *log_slope = -y;
        return 1;
    default:
        return 0;
    }
}
