/* What the flow's kernels share: rows in blocks of eight lanes, a block in
 * PARTS registers; every sum has eight partial sums, folded the same way at any
 * width.  For *_isa.c, compiled once per instruction set. */
#ifndef THM_FLOW_LANES_H
#define THM_FLOW_LANES_H

#define THM_FUSED
#include <stddef.h>
#include "flow/flow_kernel.h"
#include "softmax/vector_exp.h"

#define THM_FLOW_JOIN(a, b) a##b
#define THM_FLOW_NAMED(stem, isa) THM_FLOW_JOIN(stem, isa)

enum { LANES = THM_FLOW_LANES, PARTS = LANES / WIDTH, BLOCKS = 4 };

static const double lane[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};

static inline vec keep(vec_mask where, vec v)
{
    return (vec)(where & (vec_mask)v);
}

static inline double largest_lane(const vec s[PARTS])
{
    double t[LANES];
    memcpy(t, s, sizeof t);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            t[l] = t[l] > t[l + half] ? t[l] : t[l + half];
        }
    }
    return t[0];
}

/* Bit l: are lanes l equal? */
static inline unsigned equal(vec a, vec b)
{
#if defined(__AVX512F__)
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ);
#else
    vec_mask same = a == b;
    unsigned bits = 0;
    for (int l = 0; l < WIDTH; l++) {
        bits |= (unsigned)(same[l] & 1) << l;
    }
    return bits;
#endif
}

/* The first i < n with a_i = max, n >= 8; n - 1 if there is none.  From one
 * call to the next it rarely moves: the branch is foreseen. */
static inline int find_first(int n, const double *a, double max)
{
    for (int i = 0; i < n; i += WIDTH) {
        int start = i + WIDTH <= n ? i : n - WIDTH;
        unsigned here = equal(vec_load(a + start), vec_all(max));
        if (here != 0) {
            return start + __builtin_ctz(here);
        }
    }
    return n - 1;
}

/* exp(a - top).  a - top = hi + lo (TwoSum): the rounding of hi alone would be
 * an error of u |hi| in the exponential. */
static inline vec weight(vec a, vec top)
{
    vec hi = a - top, back = hi - a;
    return vec_exp_sum(hi, (a - (hi - back)) - (top + back));
}

/* Eight lanes to one: ((0+4)+(2+6)) + ((1+5)+(3+7)). */
typedef double pair __attribute__((vector_size(16)));
typedef double quad __attribute__((vector_size(32)));

static inline double fold(const vec s[PARTS])
{
    pair q[LANES / 2];
    memcpy(q, s, sizeof q);
    pair a = (q[0] + q[2]) + (q[1] + q[3]);
    return a[0] + a[1];
}

static inline quad halve(const vec s[PARTS])
{
    quad q[2];
    memcpy(q, s, sizeof q);
    return q[0] + q[1];
}

static inline quad quarter(quad a, quad b)
{
    return (quad){a[0], a[1], b[0], b[1]} + (quad){a[2], a[3], b[2], b[3]};
}

/* Of four rows at once. */
static inline quad fold_rows(vec s[4][PARTS])
{
    quad even = quarter(halve(s[0]), halve(s[2])),
         odd = quarter(halve(s[1]), halve(s[3]));
    return (quad){even[0], odd[0], even[2], odd[2]} +
           (quad){even[1], odd[1], even[3], odd[3]};
}

/* z[r] <- <row[r], x>, r < 4, over ld entries. */
static inline void dots(const double *const row[4], int ld, const double *x,
                        double *z)
{
    vec sum[4][PARTS] = {{{0}}};
    for (int i = 0; i < ld; i += LANES) {
        for (int r = 0; r < 4; r++) {
            for (int j = 0; j < PARTS; j++) {
                int at = i + WIDTH * j;
                sum[r][j] =
                    vec_fma(vec_load(row[r] + at), vec_load(x + at), sum[r][j]);
            }
        }
    }
    quad all = fold_rows(sum);
    memcpy(z, &all, sizeof all);
}

/* z[r] <- <x, row r>, z with room for a multiple of 4; the rows are those of A:
 * (rows x ld), then `more` <= THM_ODE_OUTER_MOST others. */
static inline void multiply(int rows, int more, int ld, const double *A,
                            const double *const *other, const double *x,
                            double *z)
{
    const double *rest[4 + THM_ODE_OUTER_MOST + 4];
    int r = 0, count = 0;
    for (; r + 4 <= rows; r += 4, A += 4 * (size_t)ld) {
        const double *row[4] = {A, A + ld, A + 2 * (size_t)ld,
                                A + 3 * (size_t)ld};
        dots(row, ld, x, z + r);
    }
    z += r;
    for (; r < rows; r++, A += ld) {
        rest[count++] = A;
    }
    for (int j = 0; j < more; j++) {
        rest[count++] = other[j];
    }
    for (int j = 0; j < 3 && count > 0; j++) {
        rest[count + j] = rest[count - 1];
    }
    for (int j = 0; j < count; j += 4) {
        dots(rest + j, ld, x, z + j);
    }
}

/* sum += factor row, in `blocks` blocks of columns. */
__attribute__((always_inline)) static inline void
add_row(int blocks, double factor, const double *row, vec sum[][PARTS])
{
    vec f = vec_all(factor);
    for (int b = 0; b < blocks; b++) {
        for (int j = 0; j < PARTS; j++) {
            sum[b][j] =
                vec_fma(f, vec_load(row + LANES * b + WIDTH * j), sum[b][j]);
        }
    }
}

/* Does body(blocks, i) for all blocks of columns i < ld, BLOCKS at a time; what
 * is left has a constant number too, so that sums stay in registers. */
#define THM_FLOW_BLOCKWISE(ld, body)                                           \
    do {                                                                       \
        int at_ = 0;                                                           \
        for (; at_ + BLOCKS * LANES <= (ld); at_ += BLOCKS * LANES) {          \
            body(BLOCKS, at_);                                                 \
        }                                                                      \
        switch (((ld)-at_) / LANES) {                                          \
        case 3:                                                                \
            body(3, at_);                                                      \
            break;                                                             \
        case 2:                                                                \
            body(2, at_);                                                      \
            break;                                                             \
        case 1:                                                                \
            body(1, at_);                                                      \
            break;                                                             \
        }                                                                      \
    } while (0)

#endif
