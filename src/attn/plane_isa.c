/* The loss along a line of a plane, a point to a lane; compiled once per
 * instruction set (THM_ISA_NAME): see plane.h. */
#include "attn/plane_kernel.h"

#include <math.h>
#include <stddef.h>
#include "softmax/vector_exp.h"

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

/* p: (n) <- row k of S; *total gains the scores. */
static inline void attend(const thm_plane_line *l, const double *scores, int k,
                          vec a, vec *p, vec *total)
{
    const int n = l->n;
    const size_t nn = (size_t)n * (size_t)n;
    const double *c0 = scores + (size_t)k * (size_t)n;
    vec sum = {0}, top = vec_all(l->normalised ? -HUGE_VAL : 0.0);
    for (int j = 0; j < n; j++) {
        const double *c = c0 + j;
        p[j] = c[0] + a * (c[nn] + a * c[2 * nn]);
        *total += p[j];
        if (l->normalised) {
            top = vec_select(p[j] > top, p[j], top);
        }
    }
    for (int j = 0; j < n; j++) {
        p[j] = vec_exp(p[j] - top);
        sum += p[j];
    }
    const vec scale = 1.0 / sum;
    for (int j = 0; l->normalised && j < n; j++) {
        p[j] *= scale;
    }
}

/* F_k: (m) gains p U, four columns at a time: U is read in its order. */
static inline void mix(int n, int m, const vec *p, const vec *U, vec *F)
{
    int r = 0;
    for (; r + 4 <= m; r += 4) {
        vec f0 = F[r], f1 = F[r + 1], f2 = F[r + 2], f3 = F[r + 3];
        for (int j = 0; j < n; j++) {
            const vec *u = U + (size_t)j * (size_t)m + r;
            f0 += p[j] * u[0];
            f1 += p[j] * u[1];
            f2 += p[j] * u[2];
            f3 += p[j] * u[3];
        }
        F[r] = f0;
        F[r + 1] = f1;
        F[r + 2] = f2;
        F[r + 3] = f3;
    }
    for (; r < m; r++) {
        for (int j = 0; j < n; j++) {
            F[r] += p[j] * U[(size_t)j * (size_t)m + (size_t)r];
        }
    }
}

/* |F - Y|^2 / 2 at WIDTH points. */
static inline vec half_square(const thm_plane_line *l, vec a)
{
    const int n = l->n, m = l->m;
    const size_t nn = (size_t)n * (size_t)n, nm = (size_t)n * (size_t)m;
    vec *const F = (vec *)l->scratch, *const U = F + nm, *const p = U + nm;
    vec total = {0}, square = {0};
    for (size_t q = 0; q < nm; q++) {
        F[q] = vec_all(0.0);
    }
    for (int h = 0; h < l->H; h++) {
        const double *u = l->values + (size_t)h * 2 * nm;
        for (size_t q = 0; q < nm; q++) {
            U[q] = u[q] + a * u[nm + q];
        }
        for (int k = 0; k < n; k++) {
            attend(l, l->scores + (size_t)h * 3 * nn, k, a, p, &total);
            mix(n, m, p, U, F + (size_t)k * (size_t)m);
        }
    }
    for (size_t q = 0; q < nm; q++) {
        const vec r = F[q] - l->Y[q];
        square += r * r;
    }
    /* a score that overflows downwards leaves no trace in S */
    return 0.5 * square + 0.0 * total;
}

void NAMED(thm_plane_line_, THM_ISA_NAME)(const thm_plane_line *line, int count,
                                          const double *a, double *f)
{
    int k = 0;
    for (; k + WIDTH <= count; k += WIDTH) {
        vec_store(vec_load(f + k) + half_square(line, vec_load(a + k)), f + k);
    }
    if (k < count) {
        double rest[WIDTH] = {0};
        for (int l = 0; k + l < count; l++) {
            rest[l] = a[k + l];
        }
        vec_store(half_square(line, vec_load(rest)), rest);
        for (int l = 0; k + l < count; l++) {
            f[k + l] += rest[l];
        }
    }
}
