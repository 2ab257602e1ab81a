/* Compensated dot products, sixteen columns at a time; compiled once per
 * instruction set (THM_ISA_NAME).  No fused operations: the error of a product
 * comes from Dekker's halves, so that every set computes the same bits. */
#include "la/dot2.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

/* A register of this set. */
#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
enum { VECTORS = THM_DOT2_COLUMNS / WIDTH };
typedef double vec __attribute__((vector_size(8 * WIDTH)));

static inline vec load(const double *x)
{
    vec v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline vec all(double s)
{
    return s - (vec){0};
}

/* sum + rest += x w; x and w in halves.  Eight operations for the product and
 * its error, six for the sum and its error (Knuth), two to collect. */
__attribute__((always_inline)) static inline void
add(vec xh, vec xl, vec wh, vec wl, vec *sum, vec *rest)
{
    vec product = (xh + xl) * (wh + wl);
    vec error = xl * wl - (((product - xh * wh) - xl * wh) - xh * wl);
    vec s = *sum + product, t = s - *sum;
    error += (*sum - (s - t)) + (product - t);
    *sum = s;
    *rest += error;
}

/* One row, all columns of the panel. */
static void row(int terms, const double *x, const double *panel, double *y)
{
    vec sum[VECTORS] = {{0}}, rest[VECTORS] = {{0}};
    for (int l = 0; l < terms; l++) {
        double high = thm_dot2_high(x[l]);
        const vec xh = all(high), xl = all(x[l] - high);
        const double *w = panel + (size_t)l * 2 * THM_DOT2_COLUMNS;
        for (int c = 0; c < VECTORS; c++) {
            add(xh, xl, load(w + c * WIDTH),
                load(w + THM_DOT2_COLUMNS + c * WIDTH), &sum[c], &rest[c]);
        }
    }
    for (int c = 0; c < VECTORS; c++) {
        vec value = sum[c] + rest[c];
        memcpy(y + c * WIDTH, &value, sizeof value);
    }
}

void NAMED(thm_dot2_, THM_ISA_NAME)(int first, int rows, int k, const double *X,
                                    bool lower, const double *panel, double *y,
                                    int y_stride)
{
    for (int r = 0; r < rows; r++) {
        int terms = lower ? first + r + 1 : k;
        row(terms, X + (size_t)r * (size_t)k, panel,
            y + (size_t)r * (size_t)y_stride);
    }
}
