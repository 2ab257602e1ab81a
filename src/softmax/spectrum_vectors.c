/* Eigenvectors of the softmax Jacobian in closed form: v_j = p_j / (p_j - mu)
 * on the tokens with p_j > 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "softmax/spectrum.h"
#include "softmax/spectrum_work.h"

/* The zero of the vector of ones, and of each token with p = 0. */
static void kernel_vector(const thm_spectrum_work *work, int i, double *v)
{
    int seen = 0;
    for (int j = 0; j < work->n; j++) {
        double x = work->input[j];
        int zero = work->logits ? !(x > -HUGE_VAL) : !(x > 0.0);
        seen += zero;
        if (i == 0) {
            v[j] = zero ? 0.0 : 1.0 / sqrt((double)work->poles);
        } else {
            v[j] = zero && seen == i ? 1.0 : 0.0;
        }
    }
}

/* Equal poles k and k + 1: the Helmert vector that sets pole k + 1 against the
 * poles of the same value before it. */
static void tie_vector(const thm_spectrum_work *work, int k, double *v)
{
    int first = k;
    while (first > work->sorted_from &&
           !(work->d[first - 1] < work->d[first])) {
        first--;
    }
    double r = k + 1 - first, norm = sqrt(r * (r + 1.0));
    for (int j = first; j <= k; j++) {
        v[work->pole[j].index] = 1.0 / norm;
    }
    v[work->pole[k + 1].index] = -r / norm;
}

static void root_vector(const thm_spectrum_work *work, int k, double *v)
{
    const thm_root *root = &work->root[k];
    const double *d = work->d;
    double largest = 0.0, square = 0.0;
    for (int j = 0; j < work->poles; j++) {
        double x = d[j] / ((d[j] - d[root->origin]) - root->eta);
        v[work->pole[j].index] = x;
        largest = fabs(x) > largest ? fabs(x) : largest;
    }
    for (int j = 0; j < work->n; j++) {
        v[j] /= largest;
        square += v[j] * v[j];
    }
    for (int j = 0; j < work->n; j++) {
        v[j] /= sqrt(square);
    }
}

thm_status thm_spectrum_vectors(thm_spectrum_work *work, int first, int count,
                                double *lambda, double *V,
                                thm_spectrum_stats *stats)
{
    thm_status status = thm_spectrum_range(work, first, count, lambda, stats);
    if (status != THM_OK) {
        return status;
    }
    int zeros = 1 + work->n - work->poles, last = first + count, next = first;
    memset(V, 0, (size_t)count * (size_t)work->n * sizeof *V);
    for (int i = first; i < last; i++) {
        double *v = V + (size_t)(i - first) * (size_t)work->n;
        int k = i - zeros;
        if (k < 0) {
            kernel_vector(work, i, v);
            continue;
        }
        if (i >= next) {
            int exponent;
            next = zeros + thm_spectrum_group(work, k, last - zeros, &exponent);
        }
        if (work->d[k] < work->d[k + 1]) {
            root_vector(work, k, v);
        } else {
            tie_vector(work, k, v);
        }
    }
    return THM_OK;
}
