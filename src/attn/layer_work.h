/* What the files of the single-layer model share: the stages of a forward pass,
 * their tangents and their adjoints, with scratch for one point.
 *
 * T = N n tokens.  Per head Q = X Wq, K = X Wk (T x d), M = Wv Wo (D x m),
 * U = X M (T x m), so that F_i = sum_h S_ih U_ih: neither B nor X Wv is formed.
 * A dot marks the derivative along a direction (the R-operator), a bar the
 * gradient of the loss. */
#ifndef THM_LAYER_WORK_H
#define THM_LAYER_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include "attn/layer.h"
#include "attn/layer_kernel.h"

struct thm_layer_work {
    int N, n, D, d, H, m;
    const thm_layer_kernel *kernel;
    bool scores_move, values_move; /* in the last tangent */
    double *Q, *K, *Q_dot, *K_dot; /* (H x T x d)         */
    double *S, *S_dot;             /* (N x H x n x n)     */
    double *U, *U_dot;             /* (H x T x m)         */
    double *F, *F_dot;             /* (T x m)             */
    double *R;                     /* (T x m), F - Y      */
    double *Q_bar, *K_bar;         /* (T x d), one head   */
    double *Z;                     /* (T x m), one head   */
    double *M;                     /* (D x m), one head   */
    double *E, *E_dot, *G, *G_dot; /* (n x n), one sample */
    double *room;                  /* of the kernels, (2 d + 1) padded rows */
};

/* The part of thm_layer_check that looks at sizes only. */
thm_status thm_layer_check_sizes(const thm_layer *layer);

/* THM_EDIM or THM_EDOMAIN, as layer.h says of every function. */
thm_status thm_layer_check_work(const thm_layer *layer,
                                const thm_layer_work *work);

bool thm_layer_finite(size_t count, const double *x);

/* C (m x n) <- alpha op(A) op(B) + beta C, beta 0 or 1, dense, without gaps but
 * for ldc. */
void thm_layer_product(const thm_layer_work *work, bool transpose_a,
                       bool transpose_b, int m, int n, int k, double alpha,
                       const double *A, const double *B, double beta, double *C,
                       int ldc);

/* The kernels of another instruction set, which this CPU must have: for tests,
 * results are the same to the bit. */
void thm_layer_work_use(thm_layer_work *work, thm_isa isa);

/* P: (H x T x d) <- X W_h. */
void thm_layer_project(const thm_layer *layer, const double *W,
                       const thm_layer_work *work, double *P);
/* S (and log_S, NULL allowed) from Q and K; THM_EDOMAIN if a score is not
 * finite. */
thm_status thm_layer_scores(const thm_layer *layer, thm_layer_work *work,
                            double *S, double *log_S);
/* B: (T x HD) <- the blocks S_ih X_i of the S in work. */
void thm_layer_blocks(const thm_layer *layer, const thm_layer_work *work,
                      double *B);
/* U: (H x T x m) <- X (Wv_h Wo_h). */
void thm_layer_values(const thm_layer *layer, const double *Wv,
                      thm_layer_work *work, double *U);
/* F from S and U. */
void thm_layer_output(const thm_layer *layer, const double *S, const double *U,
                      const thm_layer_work *work, double beta, double *F);
/* R <- F - Y; *f <- |R|^2 / 2. */
thm_status thm_layer_residual(const thm_layer *layer, thm_layer_work *work,
                              double *f);
/* Everything above but R, at w. */
thm_status thm_layer_point(const thm_layer *layer, const thm_weights *w,
                           thm_layer_work *work);

/* The tangents Q_dot .. F_dot along (vq, vk, vv) at the point in work; NULL is
 * zero. */
void thm_layer_tangent(const thm_layer *layer, thm_layer_work *work,
                       const double *vq, const double *vk, const double *vv);

/* dW <- J' R for each of the three that is not NULL.  R: (T x m). */
void thm_layer_adjoint(const thm_layer *layer, thm_layer_work *work,
                       const double *R, double *dWq, double *dWk, double *dWv);

/* dW <- the derivative of J' R along the direction of the last tangent, R = F -
 * Y moving with F: the Hessian product. */
void thm_layer_adjoint_dot(const thm_layer *layer, thm_layer_work *work,
                           double *dWq, double *dWk, double *dWv);

#endif
