/* What the files of the value-softmax flow share: the state taken apart, with
 * everything that first and second derivatives need (note, "The flow",
 * "Newton systems").
 *
 * Every normalisation but the sigmoid is p_i = f_i / F, F = sum_j f_j.  With
 *     e_i = f_i' / F,   c_i = f_i'' / F,   m = <p, w>,   psi_i = e_i (w_i - m)
 * its Jacobian is S = diag(e) - p e', and the Hessian of <w, p(a)> is
 *     T = diag(c_i (w_i - m)) - e psi' - psi e'.
 * The sigmoid is the same with m = 0 and without the products of vectors:
 * S = diag(e), T = diag(c_i w_i).  For softmax e = c = p. */
#ifndef THM_VALUE_FLOW_WORK_H
#define THM_VALUE_FLOW_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include "flow/flow_kernel.h"
#include "flow/value_flow.h"

/* One state, taken apart. */
typedef struct {
    thm_normalisation kind;
    int d, n;
    bool known;      /* x below is the state of the rest               */
    int leader;      /* of the largest p                               */
    double *x;       /* (d n + n), copy                                */
    double *p;       /* (n)                                            */
    double *e, *c;   /* (n), as above                                  */
    double *z, *g;   /* (d)                                            */
    double *w;       /* (n), w_i - m                                   */
    double *psi, *t; /* (n): psi, and the diagonal of T without them   */
} thm_flow_point;

/* A point's arrays are dealt out of memory for thm_flow_point_room numbers. */
size_t thm_flow_point_room(int d, int n);
void thm_flow_point_init(thm_flow_point *at, thm_normalisation kind, int d,
                         int n, double *memory);

/* out: (n) <- S v and S' v at the point; out may be v. */
void thm_flow_spread(const thm_flow_point *at, const double *v, double *out);
void thm_flow_gather(const thm_flow_point *at, const double *v, double *out);

/* W: (d x n) <- V S: row k of W is S' applied to row k of V. */
void thm_flow_columns(const thm_flow_point *at, double *W);

struct thm_value_flow {
    int d, n;
    const thm_loss *loss;
    thm_normalisation kind;
    const thm_flow_kernel *kernel;
    thm_flow_point point;
    double *loss_scratch;
    double *room;   /* (4 (d + n) + 8), of one call                      */
    int padded;     /* a samples loss: its rows up to a multiple of 8    */
    int d_padded;   /* d up to a multiple of 8                           */
    double *rows;   /* (d x padded), y_i x_i in columns                  */
    double *slopes; /* (padded)                                          */
    double *wide;   /* (2 d_padded + 16): g, z of outer products           */
    double *block;  /* everything above                                  */
    struct thm_flow_newton *newton; /* NULL until a system is solved   */
};

/* e, c: (n), p as thm_normalise leaves it; a within the domain of it. */
void thm_normalise_slopes(thm_normalisation kind, int n, const double *a,
                          const double *p, double *e, double *c);

/* Does the normalisation subtract the mean (all but the sigmoid)? */
bool thm_normalise_centred(thm_normalisation kind);

/* Takes x apart, unless the point is there already; by plain loops and libm, or
 * (fast) by the kernel where it applies.  THM_EDOMAIN, the point unknown, if
 * the state has no derivative: not finite, or outside the normalisation. */
thm_status thm_flow_look_at(thm_value_flow *flow, const double *x, bool fast,
                            thm_flow_point *at);

/* z, p: as thm_flow_kernel.output, g: (d) <- grad L(z); p, g as outputs.  The
 * part of the kernels that comes before the slopes; softmax and n >= 8. */
int thm_flow_forward(thm_value_flow *flow, const double *x, double *p,
                     double *z, double *g);

/* Does the kernel serve this flow? */
bool thm_flow_has_kernel(const thm_value_flow *flow);

/* The plain right-hand side, for every normalisation; the kernel's twin. */
thm_status thm_value_flow_rhs_ref(thm_value_flow *flow, const double *x,
                                  double *dx);

/* Callbacks of the problem; ctx is the flow. */
thm_status thm_value_flow_jvp(double t, const double *x, const double *v,
                              double *out, void *ctx);
thm_status thm_value_flow_jacobian(double t, const double *x, double *J,
                                   double *dfdt, void *ctx);
thm_status thm_value_flow_solve(double t, const double *x, double gamma,
                                const double *b, double *out, void *ctx);

void thm_flow_newton_free(struct thm_flow_newton *newton);

#endif
