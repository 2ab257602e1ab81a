/* The loss along a line of a plane, a point to a lane; compiled once per
 * instruction set (THM_ISA_NAME): see plane.h. */
#include "attn/plane_kernel.h"

#include <math.h>
#include <stddef.h>
#include <string.h>
#include "softmax/vector_exp.h"

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

/* 2^x for x that is at most little above 0; what would fall below 2^-1020 is
 * left there.  NaN stays NaN.
 *
 * x = k + r exactly, k = round(x); 2^r - 1 = r q(r), q of degree 10 through the
 * Chebyshev points of [-1/2, 1/2]: with its coefficients rounded, 2^r errs by
 * 0.18 u.  q errs by at most 2 u |q|, r q by 3 u |r q| <= 1.3 u, the last sum
 * by u max(1, 2^r): in all less than 4 u relative to 2^r >= 0.7. */
static inline vec exp2_below(vec x)
{
    const double shift = 0x1.8p52;
    x = vec_select(x < vec_all(-1020.0), vec_all(-1020.0), x);
    const vec shifted = x + shift;
    const vec r = x - (shifted - shift), r2 = r * r, r4 = r2 * r2;
    const vec c0 = 0x1.62e42fefa39efp-1 + r * 0x1.ebfbdff82c598p-3;
    const vec c2 = 0x1.c6b08d704a0c2p-5 + r * 0x1.3b2ab6fba1ddap-7;
    const vec c4 = 0x1.5d87fe78a5276p-10 + r * 0x1.430913096fd9fp-13;
    const vec c6 = 0x1.ffcbfc670dcd4p-17 + r * 0x1.62bfd47773353p-20;
    const vec c8 = 0x1.b524fae627834p-24 + r * 0x1.e6063f7217bc6p-28 +
                   r2 * 0x1.e9d3fe3952179p-32;
    const vec q = (c0 + r2 * c2) + r4 * ((c4 + r2 * c6) + r4 * c8);
    return (vec)((vec_bits)(1.0 + r * q) + ((vec_bits)shifted << 52));
}

/* p: (n) <- row k of S, from scores over ln 2; *total gains those. */
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
        p[j] = exp2_below(p[j] - top);
        sum += p[j];
    }
    const vec scale = 1.0 / sum;
    for (int j = 0; l->normalised && j < n; j++) {
        p[j] *= scale;
    }
}

enum { ROWS = 2, COLUMNS = 4 };

/* U: (n x m) of one head, where it moves along the line; else u. */
typedef struct {
    const vec *U;
    const double *u;
} values;

static inline vec value(bool moves, const values *v, size_t at)
{
    return moves ? v->U[at] : vec_all(v->u[at]);
}

/* F: (rows x m) gains P U, a tile of ROWS x COLUMNS at a time: what is loaded
 * of U serves all rows.  P: (rows x n), rows <= ROWS; every sum runs over
 * ascending tokens, whatever the tile. */
static inline void mix_some(bool moves, int rows, int n, int m, const vec *P,
                            const values *v, vec *F)
{
    const size_t row = (size_t)m, keys = (size_t)n;
    size_t c = 0;
    for (; rows == ROWS && c + COLUMNS <= row; c += COLUMNS) {
        vec sum[ROWS * COLUMNS];
        for (size_t q = 0; q < ROWS * COLUMNS; q++) {
            sum[q] = F[q / COLUMNS * row + c + q % COLUMNS];
        }
        for (size_t j = 0; j < keys; j++) {
            for (size_t q = 0; q < ROWS * COLUMNS; q++) {
                sum[q] += P[q / COLUMNS * keys + j] *
                          value(moves, v, j * row + c + q % COLUMNS);
            }
        }
        for (size_t q = 0; q < ROWS * COLUMNS; q++) {
            F[q / COLUMNS * row + c + q % COLUMNS] = sum[q];
        }
    }
    for (size_t k = 0; k < (size_t)rows; k++) {
        for (size_t r = c; r < row; r++) {
            vec sum = F[k * row + r];
            for (size_t j = 0; j < keys; j++) {
                sum += P[k * keys + j] * value(moves, v, j * row + r);
            }
            F[k * row + r] = sum;
        }
    }
}

/* Not inlined: with the constants of exp2_below the sums would leave the
 * registers. */
static __attribute__((noinline)) void mix(int rows, int n, int m, const vec *P,
                                          const values *v, vec *F)
{
    if (v->U) {
        mix_some(true, rows, n, m, P, v, F);
    } else {
        mix_some(false, rows, n, m, P, v, F);
    }
}

/* |F - Y|^2 of nm entries, by four sums. */
static inline vec square(size_t nm, const vec *F, const double *Y)
{
    vec sum[4] = {{0}};
    size_t q = 0;
    for (; q + 4 <= nm; q += 4) {
        for (size_t p = 0; p < 4; p++) {
            const vec r = F[q + p] - Y[q + p];
            sum[p] += r * r;
        }
    }
    for (; q < nm; q++) {
        const vec r = F[q] - Y[q];
        sum[0] += r * r;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* |F - Y|^2 / 2 at WIDTH points. */
static inline vec half_square(const thm_plane_line *l, vec a)
{
    const int n = l->n, m = l->m;
    const size_t nn = (size_t)n * (size_t)n, nm = (size_t)n * (size_t)m;
    vec *const F = (vec *)l->scratch, *const U = F + nm, *const P = U + nm;
    vec total = {0};
    memset(F, 0, nm * sizeof *F);
    for (int h = 0; h < l->H; h++) {
        const double *u = l->values + (size_t)h * 2 * nm;
        const values v = {.U = l->moving ? U : NULL, .u = u};
        for (size_t q = 0; l->moving && q < nm; q++) {
            U[q] = u[q] + a * u[nm + q];
        }
        for (int k = 0; k < n; k += ROWS) {
            const int rows = n - k < ROWS ? n - k : ROWS;
            for (int q = 0; q < rows; q++) {
                attend(l, l->scores + (size_t)h * 3 * nn, k + q, a,
                       P + (size_t)q * (size_t)n, &total);
            }
            mix(rows, n, m, P, &v, F + (size_t)k * (size_t)m);
        }
    }
    /* a score that overflows downwards leaves no trace in S */
    return 0.5 * square(nm, F, l->Y) + 0.0 * total;
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
