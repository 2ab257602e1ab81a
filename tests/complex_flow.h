/* The value-softmax model in complex long doubles, written from its formulas
 * and nothing of src/flow but the tables: derivatives by the complex step,
 * f'(x) = Im f(x + i h) / h + O(h^2), h = 10^-30, which cancels nothing. */
#ifndef TESTS_COMPLEX_FLOW_H
#define TESTS_COMPLEX_FLOW_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/cmplx.h"
#include "core/rng.h"
#include "flow/value_flow.h"

typedef long double complex cld;

#define STEP 1e-30L

enum { MOST_D = 10, MOST_N = 66, MOST = MOST_D * MOST_N + MOST_N };

static const double U = 0x1p-53;

static inline cld dot_c(int d, const double *b, const cld *z)
{
    cld sum = 0;
    for (int k = 0; k < d; k++) {
        sum += (long double)b[k] * z[k];
    }
    return sum;
}

static inline cld value_c(const thm_loss *loss, const cld *z)
{
    cld sum = 0, y = 0;
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
        return clogl(1 + cexpl(-dot_c(loss->d, loss->b, z)));
    case THM_LOSS_EXPONENTIAL:
        return cexpl(-dot_c(loss->d, loss->b, z));
    case THM_LOSS_SQUARE:
        for (int k = 0; k < loss->d; k++) {
            sum += (z[k] - loss->b[k]) * (z[k] - loss->b[k]) / 2;
        }
        return sum;
    case THM_LOSS_QUADRATIC:
        for (int i = 0; i < loss->m; i++) {
            y = dot_c(loss->d, loss->X + i * loss->d, z) - loss->y[i];
            sum += y * y;
        }
        return sum;
    case THM_LOSS_SAMPLES:
        for (int i = 0; i < loss->m; i++) {
            y = loss->y[i] * dot_c(loss->d, loss->X + i * loss->d, z);
            sum += clogl(1 + cexpl(-y)) / loss->m;
        }
        return sum;
    case THM_LOSS_CROSS_ENTROPY:
        for (int k = 0; k < loss->d; k++) {
            sum += cexpl(z[k]);
            y += loss->b[k] * z[k];
        }
        return clogl(sum) - y; /* sum p* = 1 up to its rounding */
    case THM_LOSS_COMBINATION:
        for (int k = 0; k < loss->terms; k++) {
            sum += loss->coefficient[k] * value_c(loss->term[k], z);
        }
        return sum;
    }
    return sum;
}

/* g: (d) <- grad L(z). */
static inline void slope_c(const thm_loss *loss, const cld *z, cld *g)
{
    cld part[MOST_D], sum = 0, s;
    for (int k = 0; k < loss->d; k++) {
        g[k] = 0;
    }
    switch (loss->kind) {
    case THM_LOSS_LOGISTIC:
    case THM_LOSS_EXPONENTIAL:
        s = cexpl(-dot_c(loss->d, loss->b, z));
        s = loss->kind == THM_LOSS_LOGISTIC ? s / (1 + s) : s;
        for (int k = 0; k < loss->d; k++) {
            g[k] = -s * loss->b[k];
        }
        break;
    case THM_LOSS_SQUARE:
        for (int k = 0; k < loss->d; k++) {
            g[k] = z[k] - loss->b[k];
        }
        break;
    case THM_LOSS_QUADRATIC:
    case THM_LOSS_SAMPLES:
        for (int i = 0; i < loss->m; i++) {
            const double *x = loss->X + i * loss->d;
            s = dot_c(loss->d, x, z);
            if (loss->kind == THM_LOSS_QUADRATIC) {
                s = 2 * (s - loss->y[i]);
            } else {
                s = -loss->y[i] / (1 + cexpl(loss->y[i] * s)) / loss->m;
            }
            for (int k = 0; k < loss->d; k++) {
                g[k] += s * x[k];
            }
        }
        break;
    case THM_LOSS_CROSS_ENTROPY:
        for (int k = 0; k < loss->d; k++) {
            sum += cexpl(z[k]);
        }
        for (int k = 0; k < loss->d; k++) {
            g[k] = cexpl(z[k]) / sum - loss->b[k];
        }
        break;
    case THM_LOSS_COMBINATION:
        for (int t = 0; t < loss->terms; t++) {
            slope_c(loss->term[t], z, part);
            for (int k = 0; k < loss->d; k++) {
                g[k] += loss->coefficient[t] * part[k];
            }
        }
        break;
    }
}

/* f_i, or the sigmoid itself, and its slope. */
static inline cld share_c(thm_normalisation kind, cld a, cld *slope)
{
    cld e = cexpl(a), sign = creall(a) > 0 ? 1 : creall(a) < 0 ? -1 : 0;
    switch (kind) {
    case THM_NORMALISE_SOFTMAX:
        *slope = e;
        return e;
    case THM_NORMALISE_SIGMOID:
        *slope = e / ((1 + e) * (1 + e));
        return e / (1 + e);
    case THM_NORMALISE_L1:
        *slope = sign;
        return sign * a;
    case THM_NORMALISE_L2:
        *slope = 2 * a;
        return a * a;
    case THM_NORMALISE_RELU:
        *slope = creall(a) > 0 ? 1 : 0;
        return creall(a) > 0 ? a : 0;
    default:
        *slope = 1;
        return a;
    }
}

/* p, e: (n): p and f'/F (the sigmoid: its slope). */
static inline void normalise_c(thm_normalisation kind, int n, const cld *a,
                               cld *p, cld *e)
{
    cld sum = 0;
    for (int i = 0; i < n; i++) {
        p[i] = share_c(kind, a[i], &e[i]);
        sum += p[i];
    }
    for (int i = 0; kind != THM_NORMALISE_SIGMOID && i < n; i++) {
        p[i] /= sum;
        e[i] /= sum;
    }
}

static inline void output_c(int d, int n, const cld *x, const cld *p, cld *z)
{
    for (int k = 0; k < d; k++) {
        z[k] = 0;
        for (int i = 0; i < n; i++) {
            z[k] += x[k * n + i] * p[i];
        }
    }
}

/* L(V sigma(a)) */
static inline cld model_c(int n, const thm_loss *loss, thm_normalisation kind,
                          const cld *x)
{
    cld p[MOST_N], e[MOST_N], z[MOST_D];
    normalise_c(kind, n, x + loss->d * n, p, e);
    output_c(loss->d, n, x, p, z);
    return value_c(loss, z);
}

/* dx <- -grad of it */
static inline void flow_c(int n, const thm_loss *loss, thm_normalisation kind,
                          const cld *x, cld *dx)
{
    cld p[MOST_N], e[MOST_N], z[MOST_D], g[MOST_D], w[MOST_N], mean = 0;
    int d = loss->d;
    normalise_c(kind, n, x + d * n, p, e);
    output_c(d, n, x, p, z);
    slope_c(loss, z, g);
    for (int i = 0; i < n; i++) {
        w[i] = 0;
        for (int k = 0; k < d; k++) {
            dx[k * n + i] = -g[k] * p[i];
            w[i] -= x[k * n + i] * g[k];
        }
        mean += kind == THM_NORMALISE_SIGMOID ? 0 : p[i] * w[i];
    }
    for (int i = 0; i < n; i++) {
        dx[d * n + i] = e[i] * (w[i] - mean);
    }
}

static inline void to_complex(int n, const double *x, cld *out)
{
    for (int i = 0; i < n; i++) {
        out[i] = x[i];
    }
}

static inline double largest_of(int n, const double *x)
{
    double most = 0.0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i]));
    }
    return most;
}

static inline double distance_of(int n, const double *x, const double *y)
{
    double most = 0.0;
    for (int i = 0; i < n; i++) {
        double gap = fabs(x[i] - y[i]);
        most = gap <= most ? most : gap; /* keeps a NaN */
    }
    return most;
}

/* One loss of each kind with d outputs. */
enum { MOST_M = 41, LOSSES = 7 };
typedef struct {
    double b[MOST_D], target[MOST_D], X[MOST_M * MOST_D], y[MOST_M];
    double labels[MOST_M], coefficient[3];
    const thm_loss *term[3];
    thm_loss loss[LOSSES];
} loss_set;

static inline void draw_losses(uint64_t stream, int d, int m, loss_set *s)
{
    thm_rng rng = thm_rng_make(2385, stream);
    double sum = 0.0;
    thm_rng_fill_normal(&rng, d, 1.127, s->b);
    thm_rng_fill_normal(&rng, m * d, 1.127, s->X);
    thm_rng_fill_normal(&rng, m, 1.127, s->y);
    for (int i = 0; i < m; i++) {
        s->labels[i] = thm_rng_uniform(&rng) < 0.4 ? -1.0 : 1.0;
    }
    for (int k = 0; k < d; k++) {
        s->target[k] = thm_rng_uniform(&rng);
        sum += s->target[k];
    }
    for (int k = 0; k < d; k++) {
        s->target[k] /= sum;
    }
    for (int k = 0; k < LOSSES; k++) {
        s->loss[k] = (thm_loss){
            .kind = (thm_loss_kind)k, .d = d, .b = s->b, .m = m, .X = s->X};
        s->loss[k].y = k == THM_LOSS_SAMPLES ? s->labels : s->y;
    }
    s->loss[THM_LOSS_CROSS_ENTROPY].b = s->target;
    const double coefficient[] = {0.385, 2.127, -0.731};
    for (int k = 0; k < 3; k++) {
        const int kinds[] = {THM_LOSS_SAMPLES, THM_LOSS_QUADRATIC,
                             THM_LOSS_CROSS_ENTROPY};
        s->coefficient[k] = coefficient[k];
        s->term[k] = &s->loss[kinds[k]];
    }
    s->loss[THM_LOSS_COMBINATION].terms = 3;
    s->loss[THM_LOSS_COMBINATION].term = s->term;
    s->loss[THM_LOSS_COMBINATION].coefficient = s->coefficient;
}

/* A state on which every normalisation is smooth and far from a zero sum. */
static inline void draw_state(uint64_t stream, int d, int n,
                              thm_normalisation kind, double *x)
{
    thm_rng rng = thm_rng_make(1127, stream);
    thm_rng_fill_normal(&rng, d * n + n, 1.0, x);
    for (int i = 0; i < n; i++) {
        double *a = x + d * n + i;
        if (kind == THM_NORMALISE_SUM) {
            *a = 2.0 + 0.3 * *a;
        } else if (kind != THM_NORMALISE_SOFTMAX && fabs(*a) < 0.05) {
            *a += 0.1;
        }
        if (kind == THM_NORMALISE_RELU && i == 0) {
            *a = 0.1 + fabs(*a);
        }
    }
}

#endif
