/* Eigenvalues and eigenvectors of the softmax Jacobian from the roots of its
 * secular function (paper-notes/softmax.md, "The spectrum").
 *
 * Order: eigenvalue 0 is the zero of the vector of ones, then one zero for each
 * p_i = 0, then the root of interval k = 0, 1, ... between the k-th and the
 * (k+1)-th of the ascending nonzero p. */
#include "softmax/spectrum.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "softmax/spectrum_work.h"
#include "softmax/weight.h"

enum { BLOCK = 64 }; /* roots that share one chain of guesses */

thm_status thm_spectrum_work_alloc(int n, int threads, thm_isa isa,
                                   thm_spectrum_work **work)
{
    if (n < 1 || threads < 1 || n > INT_MAX - 2 * THM_SECULAR_LANES) {
        return THM_EDIM;
    }
    thm_spectrum_work *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return THM_ENOMEM;
    }
    size_t count = (size_t)n;
    size_t padded = (count / THM_SECULAR_LANES + 1) * THM_SECULAR_LANES;
    w->capacity = n;
    w->threads = threads;
    w->eval = thm_secular_kernel(isa);
    w->pole = malloc(count * sizeof *w->pole);
    w->input = malloc(count * sizeof *w->input);
    w->d = aligned_alloc(64, padded * sizeof *w->d);
    w->group = malloc(count * sizeof *w->group);
    w->root = malloc(count * sizeof *w->root);
    if (w->pole == NULL || w->input == NULL || w->d == NULL ||
        w->group == NULL || w->root == NULL) {
        thm_spectrum_work_free(w);
        return THM_ENOMEM;
    }
    *work = w;
    return THM_OK;
}

void thm_spectrum_work_free(thm_spectrum_work *work)
{
    if (work != NULL) {
        free(work->pole);
        free(work->input);
        free(work->d);
        free(work->group);
        free(work->root);
        free(work);
    }
}

static thm_status check_row(const thm_spectrum_work *work, int n, double tau)
{
    if (n < 1 || n > work->capacity) {
        return THM_EDIM;
    }
    return tau > 0.0 && tau < HUGE_VAL ? THM_OK : THM_EDOMAIN;
}

static void keep_row(thm_spectrum_work *work, int n, const double *x,
                     double tau, int logits)
{
    memcpy(work->input, x, (size_t)n * sizeof *x);
    work->n = n;
    work->tau = tau;
    work->logits = logits;
    work->sorted_from = work->sorted_to = 0;
}

/* The sum of the poles, smallest first; relative error 2 u and O(n u^2). */
static double pole_sum(const thm_spectrum_work *work)
{
    double sum = 0.0, rest = 0.0;
    for (int i = 0; i < work->poles; i++) {
        double x = ldexp(work->pole[i].m, work->pole[i].e);
        double t = sum + x;
        rest += sum >= x ? (sum - t) + x : (x - t) + sum;
        sum = t;
    }
    return sum + rest;
}

thm_status thm_spectrum_load_logits(thm_spectrum_work *work, int n,
                                    const double *z, double tau)
{
    thm_weight_row row;
    thm_status status = check_row(work, n, tau);
    if (status == THM_OK) {
        status = thm_weight_row_init(n, z, tau, &row);
    }
    if (status != THM_OK) {
        return status;
    }
    keep_row(work, n, z, tau, 1);
    work->poles = 0;
    for (int i = 0; i < n; i++) {
        thm_pole pole = {.index = i};
        thm_weight(&row, z[i], &pole.m, &pole.e);
        if (pole.m > 0.0) {
            work->pole[work->poles++] = pole;
        }
    }
    work->scale_d = pole_sum(work) * row.tau_m;
    work->scale_e = -row.tau_e;
    return THM_OK;
}

thm_status thm_spectrum_load_probs(thm_spectrum_work *work, int n,
                                   const double *p, double tau)
{
    thm_status status = check_row(work, n, tau);
    double largest = 0.0;
    for (int i = 0; status == THM_OK && i < n; i++) {
        if (!(p[i] >= 0.0 && p[i] < HUGE_VAL)) {
            return THM_EDOMAIN;
        }
        largest = p[i] > largest ? p[i] : largest;
    }
    if (status == THM_OK && !(largest > 0.0)) {
        status = THM_EDOMAIN;
    }
    if (status != THM_OK) {
        return status;
    }
    keep_row(work, n, p, tau, 0);
    work->poles = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] > 0.0) {
            thm_pole pole = {.index = i};
            pole.m = frexp(p[i], &pole.e);
            work->pole[work->poles++] = pole;
        }
    }
    work->scale_d = frexp(tau, &work->scale_e);
    work->scale_e = -work->scale_e;
    return THM_OK;
}

int thm_spectrum_group(thm_spectrum_work *work, int k, int end, int *exponent)
{
    const thm_pole *pole = work->pole;
    int group = pole[k].e, next = k + 1;
    while (next < end && pole[next].e <= group + THM_GROUP_SPAN) {
        next++;
    }
    size_t padded = (size_t)(work->poles / THM_SECULAR_LANES + 1) *
                    (size_t)THM_SECULAR_LANES;
    for (int j = 0; j < work->poles; j++) {
        int shift = pole[j].e - group;
        work->d[j] = shift > THM_GROUP_LARGE    ? ldexp(1.0, THM_GROUP_LARGE)
                     : shift < -THM_GROUP_SMALL ? 0.0
                                                : ldexp(pole[j].m, shift);
    }
    for (size_t j = (size_t)work->poles; j < padded; j++) {
        work->d[j] = 0.0;
    }
    *exponent = group;
    return next;
}

/* Solves the intervals of one block; guesses are carried on from root to root
 * while the poles around them are sorted. */
static thm_status solve_block(thm_spectrum_work *work, int from, int to)
{
    const thm_root *previous = NULL;
    int chain = work->sorted_from == 0 && work->sorted_to == work->poles;
    for (int k = from; k < to; k++) {
        thm_root *root = &work->root[k];
        if (!(work->d[k] < work->d[k + 1])) {
            *root = (thm_root){.origin = k};
            continue;
        }
        thm_status status = thm_secular_root(work->eval, work->poles, work->d,
                                             k, chain ? previous : NULL, root);
        if (status != THM_OK) {
            return status;
        }
        previous = root;
    }
    return THM_OK;
}

thm_status thm_spectrum_solve(thm_spectrum_work *work, int from, int to)
{
    thm_status worst = THM_OK;
    for (int k = from; k < to;) {
        int exponent, next = thm_spectrum_group(work, k, to, &exponent);
        int blocks = (next - k + BLOCK - 1) / BLOCK;
        for (int i = k; i < next; i++) {
            work->group[i] = exponent;
        }
#pragma omp parallel for schedule(dynamic) num_threads(work->threads)          \
    reduction(max                                                              \
              : worst) if (work->threads > 1 && blocks > 1)
        for (int b = 0; b < blocks; b++) {
            int start = k + b * BLOCK;
            int end = start + BLOCK < next ? start + BLOCK : next;
            thm_status status = solve_block(work, start, end);
            worst = status > worst ? status : worst;
        }
        k = next;
    }
    return worst;
}

/* The eigenvalue of interval k. */
static double eigenvalue(const thm_spectrum_work *work, int k)
{
    const thm_root *root = &work->root[k];
    const thm_pole *pole = &work->pole[root->origin];
    int group = work->group[k];
    double mu = ldexp(pole->m, pole->e - group) + root->eta;
    return ldexp(mu / work->scale_d, group + work->scale_e);
}

static thm_status check_range(const thm_spectrum_work *work, int first,
                              int count)
{
    return work->n < 1 || first < 0 || count < 1 || count > work->n - first
               ? THM_EDIM
               : THM_OK;
}

/* Solves eigenvalues first..first+count-1 and writes them with their stats. */
static thm_status solve_range(thm_spectrum_work *work, int first, int count,
                              double *lambda, thm_spectrum_stats *stats)
{
    int zeros = 1 + work->n - work->poles;
    int from = first > zeros ? first - zeros : 0;
    int to = first + count > zeros ? first + count - zeros : 0;
    thm_spectrum_stats s = {.zeros = zeros};
    thm_spectrum_sort(work, from, to > from ? to + 1 : from);
    thm_status status = thm_spectrum_solve(work, from, to);
    if (status != THM_OK) {
        return status;
    }
    for (int k = from; k < to; k++) {
        if (!(eigenvalue(work, k) < HUGE_VAL)) {
            return THM_EOVERFLOW;
        }
    }
    for (int i = first; i < first + count && i < zeros; i++) {
        lambda[i - first] = 0.0;
    }
    for (int k = from; k < to; k++) {
        double value = eigenvalue(work, k);
        const thm_root *root = &work->root[k];
        lambda[k + zeros - first] = value;
        s.underflowed += value < DBL_MIN;
        s.evaluations += root->evaluations;
        s.residual = root->step > s.residual ? root->step : s.residual;
    }
    if (stats != NULL) {
        *stats = s;
    }
    return THM_OK;
}

thm_status thm_spectrum_values(thm_spectrum_work *work, double *lambda,
                               thm_spectrum_stats *stats)
{
    return thm_spectrum_range(work, 0, work->n, lambda, stats);
}

thm_status thm_spectrum_range(thm_spectrum_work *work, int first, int count,
                              double *lambda, thm_spectrum_stats *stats)
{
    thm_status status = check_range(work, first, count);
    return status != THM_OK ? status
                            : solve_range(work, first, count, lambda, stats);
}
