/* Single-layer multi-head attention with a fixed output matrix: the model of
 * Song et al. 2024 (paper-notes/song2024.md, "Model").  For sample i, head h
 *
 *     Q = X_i Wq_h,  K = X_i Wk_h,  S_ih = kernel(Q, K),
 *     F_i = sum_h S_ih X_i Wv_h Wo_h,   f = 1/2 sum_i |F_i - Y_i|_F^2,
 *
 * with one of the kernels, c > 0,
 *
 *     softmax               S_kj = exp(c q_k.k_j) / sum_l exp(c q_k.k_l)
 *     gaussian              S_kj = exp(-c |q_k - k_j|^2)
 *     gaussian-normalised   the same, divided by its row sum.
 *
 * B = [S_i1 X_i, ..., S_iH X_i] stacked over i: (Nn x HD), so that
 * F = B blkdiag(Wv_1, ..., Wv_H) Wo.
 *
 * Everything is dense, row-major, without gaps: X (N x n x D), Y, F (N x n x
 * m), Wq, Wk, Wv (H x D x d), Wo (H x d x m), S (N x H x n x n), B (Nn x HD).
 * u = 2^-53. */
#ifndef THM_LAYER_H
#define THM_LAYER_H

#include <stdint.h>
#include "core/status.h"
#include "softmax/objective.h"

#define THM_KERNEL_TABLE(X)                                                    \
    X(THM_KERNEL_SOFTMAX, "softmax")                                           \
    X(THM_KERNEL_GAUSSIAN, "gaussian")                                         \
    X(THM_KERNEL_GAUSSIAN_NORMALISED, "gaussian-normalised")

typedef enum {
#define THM_KERNEL_ENUM(name, text) name,
    THM_KERNEL_TABLE(THM_KERNEL_ENUM)
#undef THM_KERNEL_ENUM
} thm_kernel;

const char *thm_kernel_text(thm_kernel kernel);

/* The conventions of the literature for c: 1 / sqrt(d), and 1 / (2 sqrt(d)). */
double thm_kernel_scale(int d);
double thm_kernel_scale_half(int d);

/* Data and what is never trained.  Y may be NULL where no loss is asked for, Wo
 * where nothing but S or B is. */
typedef struct {
    int N, n, D, d, H, m;
    thm_kernel kernel;
    double c;
    const double *X, *Y, *Wo;
} thm_layer;

typedef struct {
    const double *Wq, *Wk, *Wv;
} thm_weights;

/* THM_EDIM if a size is < 1; THM_EOVERFLOW if the number of entries of an array
 * above or of B leaves int; THM_EDOMAIN if c is not positive and finite or an
 * entry of X, Wo, Y (where given) is not finite.  O(size of the arrays). */
thm_status thm_layer_check(const thm_layer *layer);

/* Scratch of one thread, for layers of the same sizes; alloc checks the layer.
 * THM_ENOMEM.  free takes NULL. */
typedef struct thm_layer_work thm_layer_work;
thm_status thm_layer_work_alloc(const thm_layer *layer, thm_layer_work **work);
void thm_layer_work_free(thm_layer_work *work);

/* What every function below answers: THM_EDIM if the sizes of layer and work
 * differ; THM_EDOMAIN if c is not positive and finite, if Y is NULL where a
 * loss, or Wo where F or a derivative is asked for, or if a score or the result
 * is not finite: outputs are then undefined.  A NaN in X, Y, Wo or a weight
 * gets there.  Results are the same to the bit for the same arguments, whatever
 * ran before. */

/* S and log S (each NULL allowed): an entry of S that underflows is exact in
 * log S.  *underflowed (NULL allowed) receives how many entries of S are below
 * the normal range, 2^-1022; log S, always finite, says what they are.
 *
 * The scores s_kj = c q_k.k_j or -c |q_k - k_j|^2, the latter from differences,
 * are computed in double; then, m = max_j s_kj,
 *     softmax, gaussian-normalised: S = exp(s - m) / sum, log S = (s - m) -
 *     log sum;   gaussian: S = exp(s), log S = s. */
thm_status thm_layer_attention(const thm_layer *layer, const double *Wq,
                               const double *Wk, thm_layer_work *work,
                               double *S, double *log_S, int64_t *underflowed);

thm_status thm_layer_b(const thm_layer *layer, const double *Wq,
                       const double *Wk, thm_layer_work *work, double *B);

/* F_ih = S_ih (X_i (Wv_h Wo_h)), and f. */
thm_status thm_layer_forward(const thm_layer *layer, const thm_weights *w,
                             thm_layer_work *work, double *F);
thm_status thm_layer_loss(const thm_layer *layer, const thm_weights *w,
                          thm_layer_work *work, double *f);

/* Which weights are trained; a parameter vector holds them in this order. */
enum { THM_TRAIN_Q = 1, THM_TRAIN_K = 2, THM_TRAIN_V = 4 };

/* *f (NULL allowed) and the gradients of f, each (H x D x d), where not NULL.
 */
thm_status thm_layer_gradient(const thm_layer *layer, const thm_weights *w,
                              thm_layer_work *work, double *f, double *dWq,
                              double *dWk, double *dWv);

/* J: (N n m x H D d), the derivative of F by one of the three weights (THM_
 * TRAIN_Q, _K or _V; another value: THM_EDIM), in closed form.  O(N n m H D d)
 * work, n times that for _K. */
thm_status thm_layer_jacobian(const thm_layer *layer, const thm_weights *w,
                              int which, thm_layer_work *work, double *J);

/* The plain twins: the formulas entry by entry, on layers that thm_layer_check
 * accepts.  THM_EDOMAIN if a score is not finite or Wo or Y is NULL, as above;
 * THM_ENOMEM; outputs are untouched but B's.
 *   b         B;
 *   forward   F, and jv: (N n m) <- J v where v and jv are not NULL;
 *   gradient  g: dWq, dWk, dWv in a row, and hv likewise <- Hessian v.
 * A NULL among the three directions of v is zero. */
thm_status thm_layer_b_ref(const thm_layer *layer, const double *Wq,
                           const double *Wk, double *B);
thm_status thm_layer_forward_ref(const thm_layer *layer, const thm_weights *w,
                                 const thm_weights *v, double *F, double *jv);
thm_status thm_layer_gradient_ref(const thm_layer *layer, const thm_weights *w,
                                  const thm_weights *v, double *g, double *hv);

/* The loss as a function of the trained subset: value, gradient, the exact
 * Hessian product (R-operator), residual F - Y, jvp and vjp.  Weights outside
 * the subset stay those of `w`, which, like layer's arrays, must outlive the
 * problem; layer itself is copied.
 * THM_EDIM if trained is 0 or has other bits; else as thm_layer_check. */
typedef struct thm_layer_problem thm_layer_problem;
thm_status thm_layer_problem_alloc(const thm_layer *layer, const thm_weights *w,
                                   int trained, thm_layer_problem **problem);
void thm_layer_problem_free(thm_layer_problem *problem);
const thm_objective *thm_layer_objective(const thm_layer_problem *problem);

/* The weights that a parameter vector stands for, and back (x: (parameters),
 * from `w` of the problem). */
thm_weights thm_layer_problem_weights(const thm_layer_problem *problem,
                                      const double *x);
void thm_layer_problem_start(const thm_layer_problem *problem, double *x);

#endif
