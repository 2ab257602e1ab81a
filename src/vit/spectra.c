/* Spectra of attention and of B: see spectra.h. */
#include "vit/spectra.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "la/blas.h"

/* Unit roundoffs. */
static const double SINGLE = 0x1p-24, DOUBLE = 0x1p-53;

const char *thm_vit_rank_text(thm_vit_rank rank)
{
    static const char *const text[] = {
#define THM_VIT_RANK_TEXT(name, words) words,
        THM_VIT_RANK_TABLE(THM_VIT_RANK_TEXT)
#undef THM_VIT_RANK_TEXT
    };
    const size_t known = sizeof text / sizeof *text;
    return (size_t)rank < known ? text[rank] : "unknown rank";
}

/* H D and T fit an int each; their products may not. */
static size_t columns_of(const thm_vit_config *c)
{
    return (size_t)c->heads * (size_t)c->width;
}

int thm_vit_rank_samples(const thm_vit_config *config, int samples)
{
    const size_t most = columns_of(config) / (size_t)thm_vit_length(config);
    if (most < 1) {
        return 1;
    }
    return most < (size_t)samples ? (int)most : samples;
}

static void widen(size_t count, const float *from, double *to)
{
    for (size_t k = 0; k < count; k++) {
        to[k] = (double)from[k];
    }
}

thm_status thm_vit_sigma_s(const thm_vit_config *config, const thm_vit32 *work,
                           int layer, int head, int samples, thm_sigma *sigma)
{
    const int T = thm_vit_length(config);
    const size_t square = (size_t)T * (size_t)T;
    thm_sigma least = {.min = HUGE_VAL};
    if (samples < 1) {
        return THM_EDIM;
    }
    double *S = malloc(square * sizeof *S);
    thm_status status = S ? THM_OK : THM_ENOMEM;
    for (int i = 0; status == THM_OK && i < samples; i++) {
        thm_vit_view view;
        thm_sigma found;
        thm_vit32_look(work, layer, i, &view);
        widen(square, view.attention + (size_t)head * square, S);
        status = thm_sigma_est(T, T, S, THM_SIGMA_AUTO, &found);
        if (status == THM_OK && found.min < least.min) {
            least = found;
        }
    }
    free(S);
    if (status == THM_OK) {
        *sigma = least;
    }
    return status;
}

static double square_sum(size_t count, const double *x)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += x[k] * x[k];
    }
    return sum;
}

thm_status thm_vit_b(const thm_vit_config *config, const thm_vit32 *work,
                     int layer, int samples, double *B, double *delta)
{
    const int T = thm_vit_length(config), D = config->width;
    const int columns = config->heads * D;
    const size_t square = (size_t)T * (size_t)T, size = (size_t)T * (size_t)D;
    if (samples < 1) {
        return THM_EDIM;
    }
    double *S = malloc((square + size) * sizeof *S), total = 0.0;
    thm_status status = S ? THM_OK : THM_ENOMEM;
    double *X = S ? S + square : NULL;
    for (int i = 0; status == THM_OK && i < samples; i++) {
        thm_vit_view view;
        thm_vit32_look(work, layer, i, &view);
        widen(size, view.normed, X);
        const double x = square_sum(size, X);
        for (int h = 0; status == THM_OK && h < config->heads; h++) {
            widen(square, view.attention + (size_t)h * square, S);
            total += square_sum(square, S) * x;
            status = thm_gemm(false, false, T, D, T, 1.0, S, T, X, D, 0.0,
                              B + (size_t)i * (size_t)T * (size_t)columns +
                                  (size_t)h * (size_t)D,
                              columns);
        }
    }
    free(S);
    if (status == THM_OK) {
        /* elementwise gamma_T |S||X| (la/blas.h); twice that covers gamma's
         * denominator and the rounding of these sums of positive numbers, in
         * which floats neither overflow nor underflow */
        *delta = 2.0 * T * DOUBLE * sqrt(total);
    }
    return status;
}

static thm_status judge(const double *B, thm_vit_spectrum *s)
{
    thm_status status =
        thm_sigma_est(s->rows, s->columns, B, THM_SIGMA_AUTO, &s->sigma);
    if (status == THM_OK) {
        status = thm_sigma_bnd(s->rows, s->columns, B, s->delta, &s->sigma,
                               &s->bound);
    }
    if (status != THM_OK) {
        return status;
    }
    s->ratio = (double)s->columns / s->rows;
    s->threshold = fmax(s->rows, s->columns) * SINGLE * s->sigma.max;
    s->rank = s->bound.lower > s->threshold ? THM_VIT_RANK_FULL
                                            : THM_VIT_RANK_UNDECIDED;
    if (s->columns < s->rows) {
        s->rank = THM_VIT_RANK_COLUMNS;
        s->sigma.min = s->bound.lower = s->bound.upper = 0.0;
        s->bound.route = THM_CERTIFIED_NOT;
        s->bound.limited_by_delta = false;
    }
    return THM_OK;
}

thm_status thm_vit_b_spectrum(const thm_vit_config *config,
                              const thm_vit32 *work, int layer, int samples,
                              thm_vit_spectrum *out)
{
    if (samples < 1) {
        return THM_EDIM;
    }
    size_t rows, entries;
    const size_t columns = columns_of(config);
    if (thm_size_mul((size_t)samples, (size_t)thm_vit_length(config), &rows) !=
            THM_OK ||
        thm_size_mul(rows, columns, &entries) != THM_OK || entries > INT_MAX) {
        return THM_EOVERFLOW;
    }
    thm_vit_spectrum s = {.rows = (int)rows, .columns = (int)columns};
    double *B = malloc(entries * sizeof *B);
    thm_status status =
        B ? thm_vit_b(config, work, layer, samples, B, &s.delta) : THM_ENOMEM;
    if (status == THM_OK) {
        status = judge(B, &s);
    }
    free(B);
    if (status == THM_OK) {
        *out = s;
    }
    return status;
}
