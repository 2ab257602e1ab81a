/* Maps from logits to weights, and their first and second slopes; see
 * value_flow.h and value_flow_work.h.
 *
 * Where |a_i| or max(a_i, 0) has a kink, at a_i = 0, the slope is 0: the choice
 * of the authors' code (sign(0) = 0, a > 0 strictly). */
#include "flow/value_flow_work.h"

#include <math.h>

#include "softmax/softmax.h"

const char *thm_normalisation_text(thm_normalisation kind)
{
    switch (kind) {
#define THM_NORMALISATION_CASE(name, text)                                     \
    case name:                                                                 \
        return text;
        THM_NORMALISATION_TABLE(THM_NORMALISATION_CASE)
#undef THM_NORMALISATION_CASE
    }
    return "unknown";
}

bool thm_normalise_centred(thm_normalisation kind)
{
    return kind != THM_NORMALISE_SIGMOID;
}

static double magnitude(int n, const double *a)
{
    double most = 0.0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(a[i]));
    }
    return most;
}

/* f_i, on the scale of the largest |a_i| for the maps of degree 0, so that no
 * square overflows. */
static double share(thm_normalisation kind, double a, double scale)
{
    double x = a / scale;
    switch (kind) {
    case THM_NORMALISE_L1:
        return fabs(x);
    case THM_NORMALISE_L2:
        return x * x;
    case THM_NORMALISE_RELU:
        return x > 0.0 ? x : 0.0;
    default:
        return x;
    }
}

static double normaliser(thm_normalisation kind, int n, const double *a,
                         double scale)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += share(kind, a[i], scale);
    }
    return sum;
}

static double sigmoid(double a)
{
    double E = exp(-fabs(a));
    return (a >= 0.0 ? 1.0 : E) / (1.0 + E);
}

thm_status thm_normalise(thm_normalisation kind, int n, const double *a,
                         double *p)
{
    if (n < 1) {
        return THM_EDIM;
    }
    for (int i = 0; i < n; i++) {
        if (!isfinite(a[i])) {
            return THM_EDOMAIN;
        }
    }
    if (kind == THM_NORMALISE_SOFTMAX) {
        return thm_softmax(n, a, 1.0, p);
    }
    if (kind == THM_NORMALISE_SIGMOID) {
        for (int i = 0; i < n; i++) {
            p[i] = sigmoid(a[i]);
        }
        return THM_OK;
    }
    double scale = magnitude(n, a);
    double sum = scale > 0.0 ? normaliser(kind, n, a, scale) : 0.0;
    if (!(fabs(sum) > 0.0)) {
        return THM_EDOMAIN;
    }
    for (int i = 0; i < n; i++) {
        p[i] = share(kind, a[i], scale) / sum;
    }
    return THM_OK;
}

void thm_normalise_slopes(thm_normalisation kind, int n, const double *a,
                          const double *p, double *e, double *c)
{
    if (kind == THM_NORMALISE_SOFTMAX) {
        for (int i = 0; i < n; i++) {
            e[i] = c[i] = p[i];
        }
        return;
    }
    if (kind == THM_NORMALISE_SIGMOID) {
        for (int i = 0; i < n; i++) {
            double E = exp(-fabs(a[i]));
            e[i] = E / ((1.0 + E) * (1.0 + E));
            /* 1 - 2 p without cancellation */
            c[i] = e[i] * copysign((1.0 - E) / (1.0 + E), -a[i]);
        }
        return;
    }
    double scale = magnitude(n, a), F = normaliser(kind, n, a, scale) * scale;
    for (int i = 0; i < n; i++) {
        c[i] = 0.0;
        switch (kind) {
        case THM_NORMALISE_L1:
            e[i] = ((a[i] > 0.0) - (a[i] < 0.0)) / F;
            break;
        case THM_NORMALISE_RELU:
            e[i] = (a[i] > 0.0) / F;
            break;
        case THM_NORMALISE_L2:
            e[i] = 2.0 * (a[i] / scale) / F;
            c[i] = 2.0 / F / scale;
            break;
        default:
            e[i] = 1.0 / F;
            break;
        }
    }
}
