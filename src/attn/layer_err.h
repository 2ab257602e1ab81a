/* Bounds of the rounding of the single-layer model's loss and gradient, proved
 * a priori from norms of the data and of the weights (paper-notes/song2024.md,
 * "Evaluation error").  They let a check on a trajectory say what it can no
 * longer decide.
 *
 * Every entry of F and of a gradient is a sum of products.  Its error is at
 * most rel times the sum of their absolute values, rel counting the roundings
 * and the relative error of S,
 *     rho = expm1(2 delta + (n + 8) u),   delta the error of a score,
 * and the sums are bounded by products of Frobenius norms, a row of a
 * normalised S by 1, an entry of another by 1. */
#ifndef THM_LAYER_ERR_H
#define THM_LAYER_ERR_H

#include "attn/layer.h"

/* |x|_2 or more, whatever the scale of x; 0 for zeros, NaN if an entry is one.
 */
double thm_norm_upper(size_t count, const double *x);

typedef struct {
    const thm_layer *layer;
    const thm_layer_problem *problem; /* of this layer */
    int trained;                      /* as the problem was made */
} thm_layer_run;

/* A thm_pl_error (softmax/pl.h) whose ctx is a thm_layer_run: bounds of
 * |computed - exact residual|_2 and of |computed - exact gradient|_2 at x,
 * where the loss was computed as f.  Exact are X, Y, the weights and c as
 * doubles.  Infinite where the scores are too large to say.  O(size of X and of
 * the weights).  Never fails. */
thm_status thm_layer_error(const double *x, double f, double *value_err,
                           double *gradient_err, void *run);

/* The same at given weights. */
void thm_layer_error_at(const thm_layer *layer, const thm_weights *w,
                        int trained, double f, double *value_err,
                        double *gradient_err);

/* A bound rho of the relative error of every entry of S of sample i, head h. */
double thm_layer_attention_err(const thm_layer *layer, const double *Wq,
                               const double *Wk, int i, int h);

#endif
