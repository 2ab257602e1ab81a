/* Rounding of the single-layer model: see layer_err.h. */
#include "attn/layer_err.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "core/verdict.h"

#define U (DBL_EPSILON / 2)

static double gamma_of(double k)
{
    return k * U / (1.0 - k * U);
}

double thm_norm_upper(size_t count, const double *x)
{
    double largest = 0.0, sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        largest = thm_worse(largest, fabs(x[k]));
    }
    if (!(largest > 0.0) || !isfinite(largest)) {
        return largest;
    }
    for (size_t k = 0; k < count; k++) {
        const double part = x[k] / largest;
        sum += part * part;
    }
    return largest * sqrt(sum) * (1.0 + ((double)count + 8.0) * U) +
           DBL_TRUE_MIN;
}

static double largest_row(int rows, int n, const double *x)
{
    double largest = 0.0;
    for (int k = 0; k < rows; k++) {
        largest =
            fmax(largest, thm_norm_upper((size_t)n, x + (size_t)k * (size_t)n));
    }
    return largest;
}

static const double *head_of(const thm_layer *l, const double *W, int h)
{
    return W + (size_t)h * (size_t)l->D * (size_t)l->d;
}

static const double *sample_of(const thm_layer *l, int i)
{
    return l->X + (size_t)i * (size_t)l->n * (size_t)l->D;
}

/* rho from the largest row of X_i and the norms of the two weights.  Scores are
 * c q.k, rounded as 2 D + d + 2 operations on |x| |Wq| |Wk| |x|, or c |q - k|^2
 * on (|x| (|Wq| + |Wk|))^2; the maximum is subtracted; exp errs by an ulp; a
 * sum of n is divided by. */
static double rho_of(const thm_layer *l, double row, double wq, double wk)
{
    const double k = 2.0 * l->D + l->d + 8.0;
    const double size = l->kernel == THM_KERNEL_SOFTMAX
                            ? row * wq * (row * wk)
                            : row * (wq + wk) * (row * (wq + wk));
    const double delta = l->c * size * gamma_of(k) * (1.0 + 16.0 * U);
    return expm1(2.0 * delta + (l->n + 8.0) * U) * (1.0 + 8.0 * U) + DBL_MIN;
}

double thm_layer_attention_err(const thm_layer *l, const double *Wq,
                               const double *Wk, int i, int h)
{
    const size_t count = (size_t)l->D * (size_t)l->d;
    return rho_of(l, largest_row(l->n, l->D, sample_of(l, i)),
                  thm_norm_upper(count, head_of(l, Wq, h)),
                  thm_norm_upper(count, head_of(l, Wk, h)));
}

/* Norms of one head. */
typedef struct {
    double q, k, m, o; /* |Wq|, |Wk|, |Wv| |Wo|, |Wo| */
} head_norms;

/* The sums of absolute values, |.|_F, that make the derivatives of F_ih by the
 * trained weights. */
static double slope_size(const thm_layer *l, int trained, const head_norms *w,
                         double x, double row, double attention)
{
    const bool normalised = l->kernel != THM_KERNEL_GAUSSIAN;
    const bool softmax = l->kernel == THM_KERNEL_SOFTMAX;
    /* E = S o (S_bar - <S, S_bar> 1') */
    const double e = (normalised ? 2.0 : 1.0) * x * w->m;
    const double root = sqrt((double)l->n);
    double sum = 0.0;
    if (trained & THM_TRAIN_Q) {
        const double a =
            x * l->c * e *
            (softmax ? x * w->k : 2.0 * (root * row * w->q + x * w->k));
        sum = hypot(sum, a);
    }
    if (trained & THM_TRAIN_K) {
        const double a =
            x * l->c * e *
            (softmax ? x * w->q : 2.0 * (root * row * w->k + x * w->q));
        sum = hypot(sum, a);
    }
    if (trained & THM_TRAIN_V) {
        const double a = x * attention * w->o;
        sum = hypot(sum, a);
    }
    return sum;
}

void thm_layer_error_at(const thm_layer *l, const thm_weights *w, int trained,
                        double f, double *value_err, double *gradient_err)
{
    const size_t weights = (size_t)l->D * (size_t)l->d,
                 out = (size_t)l->d * (size_t)l->m,
                 tokens = (size_t)l->n * (size_t)l->D,
                 targets = (size_t)l->n * (size_t)l->m;
    const double forward = gamma_of((double)l->D + l->d + l->n + l->H + 4.0);
    const double backward =
        gamma_of(4.0 * l->D + 2.0 * l->d + 3.0 * l->n + 2.0 * l->m +
                 (double)l->N * l->n + l->H + 40.0);
    /* |S_ih|_F */
    const double attention =
        l->kernel == THM_KERNEL_GAUSSIAN ? l->n : sqrt((double)l->n);
    double value = 0.0, slope = 0.0, rel = 0.0;
    for (int i = 0; i < l->N; i++) {
        const double x = thm_norm_upper(tokens, sample_of(l, i)),
                     row = largest_row(l->n, l->D, sample_of(l, i)),
                     y = thm_norm_upper(targets, l->Y + (size_t)i * targets);
        double sample = 0.0, size = 0.0;
        for (int h = 0; h < l->H; h++) {
            const double o = thm_norm_upper(out, l->Wo + (size_t)h * out);
            const head_norms norms = {
                .q = thm_norm_upper(weights, head_of(l, w->Wq, h)),
                .k = thm_norm_upper(weights, head_of(l, w->Wk, h)),
                .m = thm_norm_upper(weights, head_of(l, w->Wv, h)) * o,
                .o = o};
            const double rho = rho_of(l, row, norms.q, norms.k);
            const double output = attention * x * norms.m;
            sample += output * (rho + forward + rho * forward);
            size += output * (1.0 + rho) * (1.0 + forward);
            slope =
                hypot(slope, slope_size(l, trained, &norms, x, row, attention));
            rel = fmax(rel, (1.0 + rho) * (1.0 + rho) * backward +
                                rho * (2.0 + rho));
        }
        sample += U * (size + y);
        value = hypot(value, sample);
    }
    /* the bounds themselves pass fewer than 8 N H + 64 roundings, four to a
     * hypot; squares instead would leave the range of doubles early */
    const double up = 1.0 + (8.0 * l->N * l->H + 64.0) * U;
    *value_err = value * up;
    *gradient_err = slope * (rel * sqrt(2.0 * f) + *value_err) * up * up;
}

thm_status thm_layer_error(const double *x, double f, double *value_err,
                           double *gradient_err, void *ctx)
{
    const thm_layer_run *run = ctx;
    const thm_weights w = thm_layer_problem_weights(run->problem, x);
    thm_layer_error_at(run->layer, &w, run->trained, f, value_err,
                       gradient_err);
    return THM_OK;
}
