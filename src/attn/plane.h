/* The loss of the single-layer model (attn/layer.h) at many points of a plane
 *
 *     theta(a, b) = theta_0 + a d1 + b d2
 *
 * of the weights.  Q, K and V are linear in (a, b), so the scores are quadratic
 * polynomials whose six coefficient matrices are computed once; a point then
 * costs 5 operations and an exponential a score, and S U with U = X Wv Wo,
 * instead of the projections.  Points of one b go side by side, one to a lane
 * of a vector; a point's value depends on (a, b) alone: neither on its
 * neighbours nor on threads or instruction set.
 *
 * Error.  Let t = (1, |a|, |b|), hats be sums of absolute values - q^ = sum_p
 * t_p |X| |Wq_p| with Wq_p of theta_0, d1, d2, and so on - and u = 2^-53.  A
 * score of either form, polynomial or thm_layer_forward's, errs by at most
 *     eta = (2 D + 2 d + 16) u s^,   s^ = c q^.k^   (softmax),
 *                                    s^ = c |q^ + k^|^2   (Gaussian),
 * an entry of S by the factor exp(2 eta + (n + 12) u), an entry of F by
 *     (exp(2 eta + (D + H d + (H + 1) n + 20) u) - 1) phi,
 *     phi_ikr = sum_h sum_j S_kj u^_jr,
 * and f, from |F - Y| and |delta F|, by what thm_plane_error returns.  Nothing
 * cancels but what cancels in s^ - s: the bound grows like a^2 + b^2 and is of
 * no use beyond s^ ~ 1 / (D u).  (An entry of S that underflows adds less than
 * 2^-1000 u^.)  paper-notes/song2024.md, "Landscapes". */
#ifndef THM_PLANE_H
#define THM_PLANE_H

#include "attn/layer.h"
#include "la/isa.h"

typedef struct thm_plane thm_plane;

/* The weights that a parameter vector of the trained subset (THM_TRAIN_..., in
 * the order Q, K, V) stands for; NULL where there are none. */
thm_weights thm_plane_direction(const thm_layer *layer, int trained,
                                const double *d);

/* The plane through `at` along d1 and d2, in whose three weights NULL stands
 * for zero.  Nothing is kept of the arrays; `plane` takes about
 * 6 N H n (n + m / 2) numbers.
 * THM_EDOMAIN if layer->Y or a weight of `at` is missing, a weight is not
 * finite or a coefficient overflows; else as thm_layer_check; THM_ENOMEM. */
thm_status thm_plane_alloc(const thm_layer *layer, const thm_weights *at,
                           const thm_weights *d1, const thm_weights *d2,
                           thm_isa isa, thm_plane **plane);
void thm_plane_free(thm_plane *plane);

/* Scratch of one thread. */
typedef struct thm_plane_work thm_plane_work;
thm_status thm_plane_work_alloc(const thm_plane *plane, thm_plane_work **work);
void thm_plane_work_free(thm_plane_work *work);

/* f[k] <- f(theta(a[k], b)), k < count; f may not be a.  NaN where the scores
 * of a sample are not finite or leave no finite sum.  N H n^2 (5 + exp + 2 m)
 * operations a point. */
void thm_plane_values(const thm_plane *plane, double b, int count,
                      const double *a, thm_plane_work *work, double *f);

/* A bound of |f - f(theta(a, b))| for a value f of thm_plane_values or of
 * thm_layer_loss there (with the weights rounded to theta_0 + a d1 + b d2).
 * It does not fall in |a|, |b| or f: the corner of a grid bounds the grid. */
double thm_plane_error(const thm_plane *plane, double a, double b, double f);

#endif
