/* Directions in parameter space: see directions.h. */
#include "landscape/directions.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"

const char *thm_slice_norm_text(thm_slice_norm norm)
{
    switch (norm) {
#define THM_SLICE_NORM_CASE(name, text)                                        \
    case name:                                                                 \
        return text;
        THM_SLICE_NORM_TABLE(THM_SLICE_NORM_CASE)
#undef THM_SLICE_NORM_CASE
    }
    return "unknown";
}

/* A part of a vector: rows x columns numbers, `stride` from row to row. */
typedef struct {
    int rows, columns;
    size_t stride;
} part;

static double norm_of(const part *p, const double *x)
{
    double most = 0.0, sum = 0.0;
    for (int i = 0; i < p->rows; i++) {
        for (int j = 0; j < p->columns; j++) {
            most = fmax(most, fabs(x[(size_t)i * p->stride + (size_t)j]));
        }
    }
    /* nothing under- or overflows beside the largest */
    for (int i = 0; most > 0.0 && i < p->rows; i++) {
        for (int j = 0; j < p->columns; j++) {
            const double t = x[(size_t)i * p->stride + (size_t)j] / most;
            sum += t * t;
        }
    }
    return most * sqrt(sum);
}

static double norm_of_vector(int n, const double *x)
{
    return norm_of(&(part){1, n, 0}, x);
}

static void rescale(const part *p, const double *x, double *d)
{
    const double have = norm_of(p, d), want = norm_of(p, x);
    for (int i = 0; have > 0.0 && i < p->rows; i++) {
        for (int j = 0; j < p->columns; j++) {
            double *at = d + (size_t)i * p->stride + (size_t)j;
            *at = *at / have * want;
        }
    }
}

static void rescale_block(const thm_block *b, thm_slice_norm norm,
                          const double *x, double *d)
{
    const size_t stride = (size_t)b->columns;
    if (norm == THM_SLICE_LAYER) {
        rescale(&(part){b->rows, b->columns, stride}, x, d);
    }
    for (int j = 0; norm == THM_SLICE_FILTER && j < b->columns; j++) {
        rescale(&(part){b->rows, 1, stride}, x + j, d + j);
    }
    for (int i = 0; norm == THM_SLICE_ROW && i < b->rows; i++) {
        const size_t at = (size_t)i * stride;
        rescale(&(part){1, b->columns, stride}, x + at, d + at);
    }
}

static bool finite_all(int n, const double *x)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(x[i])) {
            return false;
        }
    }
    return true;
}

/* Whether the blocks are good and hold n numbers in all. */
static bool blocks_fill(int n, int count, const thm_block *blocks)
{
    int64_t sum = 0;
    for (int k = 0; k < count; k++) {
        if (blocks[k].rows < 1 || blocks[k].columns < 1) {
            return false;
        }
        sum += (int64_t)blocks[k].rows * blocks[k].columns;
    }
    return count >= 1 && sum == n;
}

thm_status thm_direction_normalise(int n, int count, const thm_block *blocks,
                                   thm_slice_norm norm, const double *x,
                                   double *d)
{
    if (!blocks_fill(n, count, blocks)) {
        return THM_EDIM;
    }
    if (!finite_all(n, x) || !finite_all(n, d)) {
        return THM_EDOMAIN;
    }
    size_t at = 0;
    for (int k = 0; k < count; k++) {
        rescale_block(&blocks[k], norm, x + at, d + at);
        at += (size_t)blocks[k].rows * (size_t)blocks[k].columns;
    }
    return norm_of_vector(n, d) > 0.0 ? THM_OK : THM_ESINGULAR;
}

/* rest: (n) <- d2 minus its part along d1, both taken for unit vectors, so
 * that nothing overflows. */
static thm_status reject(int n, const double *d1, const double *d2,
                         double *rest)
{
    if (n < 1) {
        return THM_EDIM;
    }
    if (!finite_all(n, d1) || !finite_all(n, d2)) {
        return THM_EDOMAIN;
    }
    const double r1 = norm_of_vector(n, d1), r2 = norm_of_vector(n, d2);
    if (!(r1 > 0.0) || !(r2 > 0.0)) {
        return THM_ESINGULAR;
    }
    double cosine = 0.0;
    for (int i = 0; i < n; i++) {
        cosine += d1[i] / r1 * (d2[i] / r2);
    }
    for (int i = 0; i < n; i++) {
        rest[i] = d2[i] / r2 - cosine * (d1[i] / r1);
    }
    const double noise = (n + 4) * DBL_EPSILON;
    return norm_of_vector(n, rest) > noise ? THM_OK : THM_ESINGULAR;
}

thm_status thm_direction_orthogonalise(int n, const double *d1, double *d2)
{
    double *rest = n < 1 ? NULL : calloc((size_t)n, sizeof *rest);
    if (n >= 1 && !rest) {
        return THM_ENOMEM;
    }
    const thm_status status = reject(n, d1, d2, rest);
    if (status == THM_OK) {
        const double r2 = norm_of_vector(n, d2);
        for (int i = 0; i < n; i++) {
            d2[i] = rest[i] * r2;
        }
    }
    free(rest);
    return status;
}

thm_status thm_direction_sine(int n, const double *d1, const double *d2,
                              double *sine)
{
    double *rest = n < 1 ? NULL : calloc((size_t)n, sizeof *rest);
    if (n >= 1 && !rest) {
        return THM_ENOMEM;
    }
    const thm_status status = reject(n, d1, d2, rest);
    if (status == THM_OK) {
        *sine = norm_of_vector(n, rest);
    }
    free(rest);
    return status;
}

thm_status thm_direction_draw(int n, int count, const thm_block *blocks,
                              thm_slice_norm norm, const double *x,
                              uint64_t seed, double *d1, double *d2)
{
    double sine;
    if (!blocks_fill(n, count, blocks)) {
        return THM_EDIM;
    }
    /* far from the streams that instances are drawn from */
    const uint64_t stream = 0x6c616e6473636170;
    thm_rng first = thm_rng_make(seed, stream);
    thm_rng second = thm_rng_make(seed, stream + 1);
    thm_rng_fill_normal(&first, n, 1.0, d1);
    thm_rng_fill_normal(&second, n, 1.0, d2);
    thm_status status = thm_direction_orthogonalise(n, d1, d2);
    if (status == THM_OK) {
        status = thm_direction_normalise(n, count, blocks, norm, x, d1);
    }
    if (status == THM_OK) {
        status = thm_direction_normalise(n, count, blocks, norm, x, d2);
    }
    return status == THM_OK ? thm_direction_sine(n, d1, d2, &sine) : status;
}
