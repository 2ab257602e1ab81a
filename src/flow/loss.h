/* Losses L(z), z in R^d, behind one interface: value, gradient, Hessian
 * product (paper-notes/varre2026.md, "The flow"). */
#ifndef THM_LOSS_H
#define THM_LOSS_H

#include "core/status.h"

#define THM_LOSS_TABLE(X)                                                      \
    X(THM_LOSS_LOGISTIC, "logistic")       /* log(1 + exp(-<b, z>))         */ \
    X(THM_LOSS_EXPONENTIAL, "exponential") /* exp(-<b, z>)                  */ \
    X(THM_LOSS_SQUARE, "square")           /* |z - b|^2 / 2                 */ \
    X(THM_LOSS_QUADRATIC, "quadratic")     /* |X z - y|^2, no half          */ \
    X(THM_LOSS_CROSS_ENTROPY, "cross-entropy") /* -<p*, log softmax(z)>     */ \
    X(THM_LOSS_SAMPLES, "samples") /* mean_i log(1 + exp(-y_i <x_i, z>))   */  \
    X(THM_LOSS_COMBINATION, "combination") /* sum_k c_k L_k                 */

typedef enum {
#define THM_LOSS_ENUM(name, text) name,
    THM_LOSS_TABLE(THM_LOSS_ENUM)
#undef THM_LOSS_ENUM
} thm_loss_kind;

/* A loss borrows its data: they must outlive it. */
typedef struct thm_loss {
    thm_loss_kind kind;
    int d;           /* length of z                                          */
    const double *b; /* logistic, exponential, square: (d); cross-entropy:
                        (d), the distribution p*                             */
    int m;           /* quadratic, samples: rows of X                        */
    const double *X; /* (m x d) row-major                                    */
    const double *y; /* (m); samples: +1 or -1                               */
    int terms;       /* combination                                          */
    const struct thm_loss *const *term;
    const double *coefficient;
} thm_loss;

const char *thm_loss_text(thm_loss_kind kind);

/* THM_EDIM if a size is < 1, a term has another d, or an array is missing;
 * THM_EDOMAIN if the kind is none of the table, data are not finite, p* is not
 * a distribution (to 2 d eps) or a label is neither 1 nor -1. */
thm_status thm_loss_check(const thm_loss *loss);

/* Doubles of scratch that the functions below need. */
int thm_loss_scratch(const thm_loss *loss);

/* *value <- L(z); g: (d) <- gradient; either may be NULL, g is not z.  Stable
 * for any finite z: log1p(exp(-|y|)), slopes from exp(-|y|).  z is not
 * inspected: NaN reaches the outputs. */
void thm_loss_eval(const thm_loss *loss, const double *z, double *value,
                   double *g, double *scratch);

/* hv: (d) <- Hessian(z) v; hv is neither z nor v. */
void thm_loss_hvp(const thm_loss *loss, const double *z, const double *v,
                  double *hv, double *scratch);

/* H: (d x d) <- Hessian(z), symmetric to the bit. */
void thm_loss_hessian(const thm_loss *loss, const double *z, double *H,
                      double *scratch);

/* Losses of one projection y = <b, z>: L = l(y).  Returns 0 if the loss is none
 * (or square: its orbit is shared only from aligned starts), else 1 and
 * *log_slope <- log(-l'(y)). */
int thm_loss_scalar(const thm_loss *loss, double y, double *log_slope);

#endif
