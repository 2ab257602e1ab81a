/* The orbit's right-hand side and what is read off it, one start to a lane: for
 * batch_isa.c, compiled once per instruction set. */
#ifndef THM_BATCH_LANES_H
#define THM_BATCH_LANES_H

#include <stdbool.h>
#include <stdint.h>
#include "flow/batch_shard.h"
#include "softmax/vector_exp.h"

enum { STAGES = 7 };

static inline vec vec_max(vec a, vec b)
{
    return vec_select(a > b, a, b);
}

/* log(x) of normal x > 0, absolute error below 4 u (1 + |log x|): x = 2^k m
 * with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1) / (m + 1)), a series
 * that ends at s^21, |s| <= 0.172.  The low bits of k + 1024 + 2^52 hold
 * k + 1024. */
static inline vec vec_log(vec x)
{
    const vec_bits root_half = (vec_bits)vec_all(0x1.6a09e667f3bcdp-1);
    const vec_bits ahead = (vec_bits)x - root_half + (1024ULL << 52);
    const vec_bits biased = ahead >> 52;
    const vec k = (vec)(biased | (vec_bits)vec_all(0x1p52)) - (0x1p52 + 1024);
    const vec m = (vec)((vec_bits)x - ((biased - 1024ULL) << 52));
    const vec s = (m - 1.0) / (m + 1.0), s2 = s * s;
    vec sum = vec_all(1.0 / 21);
    for (int i = 19; i >= 1; i -= 2) {
        sum = sum * s2 + 1.0 / i;
    }
    return k * 0x1.62e42fefa39efp-1 + 2.0 * s * sum;
}

/* What a right-hand side learns on the way. */
typedef struct {
    vec top, sum; /* largest logit, sum of exp(a - top) */
    vec y;
} glance;

typedef struct {
    vec h, tau, sign, goal, tol; /* of the goal                        */
    vec g, dg;                   /* what runs to the goal, and its slope */
    vec H, dH, low, rise;        /* entropy                            */
    vec_mask landing;            /* the goal has been overstepped once */
    int64_t start[WIDTH];        /* -1: idle                           */
    long steps[WIDTH];
    double tau0[WIDTH]; /* sum u(0)                           */
} lanes;

typedef struct {
    const thm_batch_shard *shard;
    int n, size; /* of x: 2 n, and q unless the loss is square             */
    int64_t next;
    lanes lane;
    vec *x, *trial, *k[STAGES];
} flight;

static inline void ascend(const flight *f, const vec *x, vec *dx, glance *seen)
{
    const int n = f->n;
    const vec *u = x, *a = x + n, sign = f->lane.sign;
    vec top = a[0], lead = u[0], sum = {0}, mean = {0};
    for (int i = 1; i < n; i++) {
        const vec_mask above = a[i] > top;
        top = vec_select(above, a[i], top);
        lead = vec_select(above, u[i], lead);
    }
    for (int i = 0; i < n; i++) {
        dx[i] = vec_exp(a[i] - top);
        sum += dx[i];
    }
    const vec inverse = 1.0 / sum;
    for (int i = 0; i < n; i++) {
        dx[i] *= inverse;
        mean += dx[i] * (u[i] - lead); /* as in orbit.c */
    }
    for (int i = 0; i < n; i++) {
        const vec p = dx[i] * sign;
        dx[n + i] = p * ((u[i] - lead) - mean);
        dx[i] = p;
    }
    const vec y = lead + mean;
    if (f->size > 2 * n) {
        const vec q = x[2 * n];
        dx[2 * n] = vec_exp(y - q);
        if (f->shard->batch->loss == THM_LOSS_LOGISTIC) {
            dx[2 * n] += vec_exp(-q);
        }
    }
    *seen = (glance){top, sum, y};
}

/* Entropy and its slope along the lane, from a right-hand side dx at x. */
static inline void look(const flight *f, const vec *x, const vec *dx,
                        const glance *seen, vec *H, vec *dH)
{
    const int n = f->n;
    const vec *a = x + n, sign = f->lane.sign;
    vec mean = {0}, slope = {0};
    for (int i = 0; i < n; i++) {
        mean += sign * dx[i] * (a[i] - seen->top);
    }
    for (int i = 0; i < n; i++) {
        slope += sign * dx[i] * ((a[i] - seen->top) - mean) * dx[n + i];
    }
    *H = vec_log(seen->sum) - mean;
    *dH = -slope;
}

/* What runs to the goal (q or sign y) and its slope. */
static inline void aim(const flight *f, const vec *x, const vec *dx,
                       const glance *seen, vec *g, vec *dg)
{
    const int n = f->n;
    if (f->size > 2 * n) {
        *g = x[2 * n];
        *dg = dx[2 * n];
        return;
    }
    vec square = {0};
    for (int i = 0; i < 2 * n; i++) {
        square += dx[i] * dx[i];
    }
    *g = f->lane.sign * seen->y;
    *dg = square;
}

#endif
