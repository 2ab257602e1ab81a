/* The derivatives A_ik = dF_ik / dq_ik of theorem 3, their ranks and their
 * Lipschitz constant, with bounds of their rounding (note, R3 and R4).
 *
 *   gaussian    A = 2c sum_j s_j u_j (k_j - q)',  |A|_2 <= sqrt(2c / e) sum_j
 *               |u_j|, since r exp(-c r^2) <= 1 / sqrt(2 c e);  L_A = 2c sum_j
 *               |u_j|, since |I - 2c r r'| exp(-c |r|^2) <= 1
 *   normalised  A = g Cov_s(u, k), g = c (softmax) or 2c, for scores are linear
 *               in q but for a term that all keys share;  |A|_2 <= g diam(u)
 *               diam(k) / 4 (Popoviciu);  L_A = g^2 diam(u) diam(k)^2, for
 *               dA is g times the third cumulant of (u, k, g k'dq) */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdlib.h>

#include "attn/layer_err.h"
#include "la/blas.h"

#define ROUND THM_CONDITIONS_U

static double gamma_of(double k)
{
    return k * ROUND / (1.0 - k * ROUND);
}

thm_status thm_slope_head_fill(const thm_sheet *s, thm_slope_head *h)
{
    const thm_layer *l = s->layer;
    const int T = l->N * l->n, D = l->D, d = l->d, m = l->m;
    const int wide = m > d ? m : d;
    /* every term is below 2^31 (thm_layer_check): the sum does not wrap */
    const size_t count = 2 * (size_t)T * (size_t)d + (size_t)T * (size_t)m +
                         (size_t)T * (size_t)l->n + (size_t)D * (size_t)m +
                         (size_t)m * (size_t)d + (size_t)l->n * (size_t)wide;
    double *next = malloc(count * sizeof *next);
    *h = (thm_slope_head){0};
    if (!next) {
        return THM_ENOMEM;
    }
    *h = (thm_slope_head){.block = next,
                          .l = l,
                          .normalised = l->kernel != THM_KERNEL_GAUSSIAN,
                          .g = l->kernel == THM_KERNEL_SOFTMAX ? l->c
                                                               : 2.0 * l->c};
    h->Q = next;
    h->K = h->Q + (size_t)T * (size_t)d;
    h->U = h->K + (size_t)T * (size_t)d;
    h->S = h->U + (size_t)T * (size_t)m;
    h->M = h->S + (size_t)T * (size_t)l->n;
    h->A = h->M + (size_t)D * (size_t)m;
    h->centre = h->A + (size_t)m * (size_t)d;
    h->q = thm_norm_upper((size_t)(D * d), s->w->Wq);
    h->k = thm_norm_upper((size_t)(D * d), s->w->Wk);
    h->m = thm_norm_upper((size_t)(D * d), s->w->Wv) *
           thm_norm_upper((size_t)(d * m), l->Wo);
    thm_status status =
        thm_layer_attention(l, s->w->Wq, s->w->Wk, s->work, h->S, NULL, NULL);
    if (status == THM_OK) {
        status = thm_gemm(false, false, T, d, D, 1.0, l->X, D, s->w->Wq, d, 0.0,
                          h->Q, d);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, false, T, d, D, 1.0, l->X, D, s->w->Wk, d, 0.0,
                          h->K, d);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, false, D, m, d, 1.0, s->w->Wv, d, l->Wo, m,
                          0.0, h->M, m);
    }
    if (status == THM_OK) {
        status = thm_gemm(false, false, T, m, D, 1.0, l->X, D, h->M, m, 0.0,
                          h->U, m);
    }
    return status;
}

/* Largest token norm of sample i. */
static double row_of(const thm_slope_head *h, int i)
{
    const size_t D = (size_t)h->l->D, n = (size_t)h->l->n;
    double largest = 0.0;
    for (size_t k = 0; k < n; k++) {
        largest =
            fmax(largest, thm_norm_upper(D, h->l->X + ((size_t)i * n + k) * D));
    }
    return largest;
}

/* Errors of a row of U_i, and of one of Q or K. */
static double value_err(const thm_slope_head *h, int i)
{
    return gamma_of(h->l->D + h->l->d) * row_of(h, i) * h->m *
           (1.0 + 16.0 * ROUND);
}

static double key_err(const thm_slope_head *h, int i)
{
    return gamma_of(h->l->D) * row_of(h, i) * fmax(h->q, h->k) *
           (1.0 + 16.0 * ROUND);
}

/* A_ik and a bound of its error in norm. */
static double slope(const thm_sheet *s, const thm_slope_head *h, int i, int k)
{
    const thm_layer *l = h->l;
    const size_t n = (size_t)l->n, d = (size_t)l->d, m = (size_t)l->m;
    const double *p = h->S + ((size_t)i * n + (size_t)k) * n;
    const double *keys = h->K + (size_t)i * n * d,
                 *values = h->U + (size_t)i * n * m;
    double *origin = h->centre, sum = 0.0;
    for (size_t b = 0; b < d; b++) {
        origin[b] =
            h->normalised ? 0.0 : h->Q[((size_t)i * n + (size_t)k) * d + b];
    }
    for (size_t j = 0; j < n; j++) {
        sum += p[j];
        for (size_t b = 0; h->normalised && b < d; b++) {
            origin[b] += p[j] * keys[j * d + b];
        }
    }
    for (size_t e = 0; e < m * d; e++) {
        h->A[e] = 0.0;
    }
    for (size_t j = 0; j < n; j++) {
        for (size_t o = 0; o < m; o++) {
            for (size_t b = 0; b < d; b++) {
                h->A[o * d + b] += h->g * p[j] * values[j * m + o] *
                                   (keys[j * d + b] - origin[b]);
            }
        }
    }
    const double rho = thm_layer_attention_err(l, s->w->Wq, s->w->Wk, i, 0);
    const double rel =
        (1.0 + rho) * (1.0 + rho) *
            (1.0 + gamma_of(2.0 * l->D + l->d + 2.0 * l->n + 12.0)) -
        1.0;
    const double row = row_of(h, i);
    const double reach = h->normalised ? 2.0 * row * h->k : row * (h->q + h->k);
    return rel * h->g * (sum + DBL_MIN) * row * h->m * reach *
           (1.0 + ((double)n + 32.0) * ROUND);
}

/* centre <- the n rows of length `size` less their mean, or less origin where
 * there is one. */
static void centred(int n, int size, const double *rows, const double *origin,
                    double *centre)
{
    for (int b = 0; b < size; b++) {
        double mean = 0.0;
        for (int j = 0; j < n; j++) {
            mean += rows[(size_t)j * (size_t)size + (size_t)b] / n;
        }
        for (int j = 0; j < n; j++) {
            const size_t at = (size_t)j * (size_t)size + (size_t)b;
            centre[at] = rows[at] - (origin ? origin[b] : mean);
        }
    }
}

thm_status thm_slope_values_rank(const thm_slope_head *h, thm_range *out)
{
    const thm_layer *l = h->l;
    const int n = l->n, m = l->m;
    thm_status status = THM_OK;
    for (int i = 0; status == THM_OK && i < l->N; i++) {
        const double *values = h->U + (size_t)i * (size_t)n * (size_t)m;
        /* a mean of n entries rounds by (n + 2) u of the largest */
        const double largest = row_of(h, i) * h->m;
        const double err =
            sqrt((double)n) *
            (2.0 * value_err(h, i) +
             (h->normalised ? gamma_of(n + 6.0) * largest : 0.0));
        thm_range min, max;
        if (h->normalised) {
            centred(n, m, values, NULL, h->centre);
        }
        status = thm_sheet_sigma(n, m, h->normalised ? h->centre : values, m,
                                 err, &min, &max);
        if (h->normalised && m > n - 1) {
            min = thm_range_exact(0.0);
        }
        *out = i == 0 ? min : thm_range_min(*out, min);
    }
    return status;
}

thm_status thm_slope_keys_rank(const thm_slope_head *h, thm_range *out)
{
    const thm_layer *l = h->l;
    const int n = l->n, d = l->d, queries = h->normalised ? 1 : n;
    thm_status status = THM_OK;
    for (int t = 0; status == THM_OK && t < l->N * queries; t++) {
        const int i = t / queries;
        const double *keys = h->K + (size_t)i * (size_t)n * (size_t)d;
        const double *q = h->normalised ? NULL : h->Q + (size_t)t * (size_t)d;
        const double largest = row_of(h, i) * fmax(h->q, h->k);
        const double err = sqrt((double)n) *
                           (2.0 * key_err(h, i) + gamma_of(n + 6.0) * largest);
        thm_range min, max;
        centred(n, d, keys, q, h->centre);
        if (!h->normalised) {
            status = thm_sheet_sigma(n, d, h->centre, n, err, &min, &max);
        } else if (n == 1 || d < n - 1) {
            min = n == 1 ? thm_range_exact(HUGE_VAL) : thm_range_exact(0.0);
        } else {
            status = thm_sheet_sigma(n, d, h->centre, n - 1, err, &min, &max);
        }
        *out = t == 0 ? min : thm_range_min(*out, min);
    }
    return status;
}

/* max_jl |row_j - row_l| */
static thm_range diameter(int n, int size, const double *rows, double err,
                          double *gap)
{
    thm_range out = thm_range_exact(0.0);
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < j; k++) {
            for (int b = 0; b < size; b++) {
                gap[b] = rows[(size_t)j * (size_t)size + (size_t)b] -
                         rows[(size_t)k * (size_t)size + (size_t)b];
            }
            const double length = thm_norm_upper((size_t)size, gap);
            out = thm_range_max(
                out, thm_range_about(length, 2.0 * err + (2.0 * size + 16.0) *
                                                             ROUND * length));
        }
    }
    return out;
}

thm_status thm_slope_measure(const thm_sheet *s, const thm_slope_head *h,
                             thm_slopes *z)
{
    const thm_layer *l = h->l;
    const int n = l->n, m = l->m, d = l->d;
    const thm_range g = thm_range_exact(h->g);
    thm_status status = THM_OK;
    z->lipschitz = z->size = z->x = thm_range_exact(0.0);
    for (int i = 0; status == THM_OK && i < l->N; i++) {
        const double *values = h->U + (size_t)i * (size_t)n * (size_t)m;
        const double *keys = h->K + (size_t)i * (size_t)n * (size_t)d;
        thm_range min, max, lipschitz, size, sum = thm_range_exact(0.0);
        for (int k = 0; status == THM_OK && k < n; k++) {
            const double err = slope(s, h, i, k);
            status = thm_sheet_sigma(m, d, h->A, m, err, &min, &max);
            if (h->normalised && m > n - 1) {
                min = thm_range_exact(0.0);
            }
            z->sigma = i == 0 && k == 0 ? min : thm_range_min(z->sigma, min);
            const double length =
                thm_norm_upper((size_t)m, values + (size_t)k * (size_t)m);
            sum = thm_range_add(
                sum,
                thm_range_about(length, value_err(h, i) +
                                            (2.0 * m + 16.0) * ROUND * length));
        }
        if (h->normalised) {
            const thm_range du =
                diameter(n, m, values, value_err(h, i), h->centre);
            const thm_range dk = diameter(n, d, keys, key_err(h, i), h->centre);
            const thm_range both = thm_range_mul(du, dk);
            size = thm_range_div(thm_range_mul(g, both), thm_range_exact(4.0));
            lipschitz =
                thm_range_mul(thm_range_mul(g, g), thm_range_mul(both, dk));
        } else {
            /* |A| <= sqrt(2c / e) sum_j |u_j| */
            const thm_range e = thm_range_about(exp(1.0), 4.0 * DBL_EPSILON);
            size = thm_range_mul(thm_range_sqrt(thm_range_div(g, e)), sum);
            lipschitz = thm_range_mul(g, sum);
        }
        z->size = thm_range_max(z->size, size);
        z->lipschitz = thm_range_max(z->lipschitz, lipschitz);
        const double row = row_of(h, i);
        z->x = thm_range_max(
            z->x, thm_range_about(row, 2.0 * (l->D + 8.0) * ROUND * row));
    }
    return status;
}
