/* Kernels of the value-softmax flow: softmax, its output z = V p, the slopes of
 * a logistic loss over samples, the right-hand side.  One source compiled per
 * instruction set, eight tokens or samples at a time whatever the width of a
 * register.  avx2 and avx512 fuse products with the sums that they join,
 * baseline does not: the first two agree to the bit, and baseline with them to
 * the bounds below, which count two roundings for each.
 *
 * A row of n >= 8 tokens is read in blocks of eight, the last of them ending at
 * n: the lanes that it shares with the block before it are left out of sums and
 * written twice with the same value.  u = 2^-53. */
#ifndef THM_FLOW_KERNEL_H
#define THM_FLOW_KERNEL_H

#include "flow/ode.h"
#include "la/isa.h"

enum { THM_FLOW_LANES = 8 };

typedef struct {
    /* y[i] <- exp(x[i]), at most 1.4 ulp; see vector_exp.h.  y may be x. */
    void (*exp)(int n, const double *x, double *y);

    /* p: (n) <- softmax(a), relative error at most (n / 8 + 9) u where p is
     * normal; z: (d) <- V p.  x = (V, a) packed, n >= 8.  Returns the index of
     * the largest a (one of them where several are). */
    int (*output)(int d, int n, const double *x, double *p, double *z);

    /* dx <- (-g p', p_i (w_i - <p, w>)), w = -V'g measured from token `leader`.
     * Returns <p, w> - w_leader, not finite if anything in dx is not. */
    double (*slopes)(int d, int n, const double *x, const double *p, int leader,
                     const double *g, double *dx);

    /* The same at a state whose V nobody formed (ode.h), u[j] padded by zeros
     * to a multiple of 8 too.  p, da: (ld), p with zeros beyond n; g: (d), then
     * finite numbers to a multiple of 8; z: (d), then room for x->m + 8 more.
     */
    int (*output_outer)(int d, int n, const thm_ode_outer_state *x, double *p,
                        double *z);
    double (*slopes_outer)(int d, const thm_ode_outer_state *x, const double *p,
                           int leader, const double *g, double *da);

    /* g: (d) <- -(1/m) sum_i r_i / (1 + exp(<r_i, z>)).  R: (d x padded)
     * row-major, columns r_i = y_i x_i, then zeros up to a multiple of 8;
     * s: (padded), scratch.  g: room for a multiple of 4. */
    void (*samples)(int d, int m, int padded, const double *R, const double *z,
                    double *s, double *g);
} thm_flow_kernel;

/* The kernels compiled for isa. */
const thm_flow_kernel *thm_flow_kernel_for(thm_isa isa);

extern const thm_flow_kernel thm_flow_kernel_baseline;
extern const thm_flow_kernel thm_flow_kernel_avx2;
extern const thm_flow_kernel thm_flow_kernel_avx512;

#endif
