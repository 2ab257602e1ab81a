/* Gradient descent on any objective, and what the Polyak-Lojasiewicz lemma says
 * of it, measured step by step (paper-notes/song2024.md, "The PL lemma").
 *
 *     x_{t+1} = x_t - eta_t g_t,   ratio_t = |g_t|^2 / (2 (f_t - f*)).
 *
 * The lemma: if along the run
 *     ratio      ratio_t >= mu,
 *     decrease   f_{t+1} <= f_t - eta_t |g_t|^2 / 2,
 * then, with R = sqrt(8 (f_0 - f*) / mu),
 *     rate       f_t - f* <= (f_0 - f*) prod_{s<t} (1 - eta_s mu),
 *     path       sum_{s<t} |x_{s+1} - x_s| <= R.
 * All four are judged at every step, none from a Lipschitz constant in closed
 * form.
 *
 * What a check may conclude.  Each is a quotient of measured numbers with a
 * bound of its error, and a step counts as a case where it decides outright, or
 * where the check could have failed visibly: where what it claims exceeds four
 * times the error of its evaluation.  Other steps, near the floor of rounding,
 * are counted in thm_result.skipped: not decided, not passed.  ratio and
 * decrease can hold with equality (a quadratic attains both) and are judged
 * with resolution.  The step that a case name gives is that of x_t.
 *
 * Iteration is alloc / step with the caller holding the loop; thm_pl_run is the
 * driver. */
#ifndef THM_PL_H
#define THM_PL_H

#include <stdbool.h>
#include "core/verdict.h"
#include "softmax/objective.h"

/* The rule 1/L is fixed with eta = 1 / L. */
#define THM_PL_RULE_TABLE(X)                                                   \
    X(THM_PL_FIXED, "fixed")                                                   \
    X(THM_PL_BACKTRACKING, "backtracking")

typedef enum {
#define THM_PL_RULE_ENUM(name, text) name,
    THM_PL_RULE_TABLE(THM_PL_RULE_ENUM)
#undef THM_PL_RULE_ENUM
} thm_pl_rule;

/* Bounds of the evaluation at x, where f was computed: *value_err >= |computed
 * r - r(x)|_2 of a least squares objective, >= |computed f - f(x)| of another;
 * *gradient_err >= |computed g - grad f(x)|_2. */
typedef thm_status (*thm_pl_error)(const double *x, double f, double *value_err,
                                   double *gradient_err, void *ctx);

typedef struct {
    thm_pl_rule rule;
    /* The step; of backtracking the first trial: a trial is halved until it
     * decreases f by eta |g|^2 / 2 (Armijo), and doubled after a step that was
     * taken at once. */
    double eta;
    double f_star;     /* the infimum of the lemma, 0 for zero loss           */
    double f_star_err; /* bound of its error                                  */
    double mu;         /* a lower bound that a theorem gives; 0: none, and
                          ratio, rate, path have no cases                     */
    /* NULL: the residuals (or f) and g are taken for exact as computed, and the
     * evidence is `sampled` instead of `bounded`. */
    thm_pl_error error;
    void *error_ctx;
} thm_pl_options;

typedef enum {
    THM_PL_RUNNING,
    THM_PL_STATIONARY, /* g = 0                                               */
    THM_PL_FLOOR,    /* backtracking: no decrease can be seen above rounding  */
    THM_PL_DIVERGED, /* the next point or its f or g is not finite; x stays   */
} thm_pl_ending;

const char *thm_pl_ending_text(thm_pl_ending ending);

/* Where the run is. */
typedef struct {
    long t;
    double f, f_err; /* |f - f(x_t)| <= f_err                                 */
    double gradient, gradient_err; /* |g_t|_2                                 */
    double ratio, ratio_err;       /* NaN where f_t - f* <= its error         */
    double eta;                    /* of the step to here; NaN at t = 0       */
    double path;                   /* sum of |x_{s+1} - x_s|                  */
    double distance;               /* |x_t - x_0|                             */
    thm_pl_ending ending;
} thm_pl_state;

/* What the run said so far. */
typedef struct {
    double f0, f0_err;
    double ratio_min, ratio_min_err; /* smallest ratio_t with a relative error
                                        of at most 1/4; NaN if none           */
    long ratio_min_step;
    double radius;       /* R; infinite if mu = 0                             */
    double log_rate;     /* sum_s log(1 - eta_s mu)                           */
    double distance_max; /* largest |x_t - x_0|                               */
    long trials;         /* evaluations of f                                  */
    thm_result ratio, decrease, rate, path;
} thm_pl_report;

typedef struct thm_pl thm_pl;

/* A run at x0: (f->n).  *f and the options are copied; their contexts must
 * outlive the run.
 * THM_EDIM if n < 1; THM_EDOMAIN if eta is not positive and finite, mu or
 * f_star_err is negative or not finite, or f_star, x0, f(x0) or its gradient is
 * not finite; THM_ENOMEM, THM_EOVERFLOW; what a callback returns. */
thm_status thm_pl_alloc(const thm_objective *f, const thm_pl_options *options,
                        const double *x0, thm_pl **pl);
void thm_pl_free(thm_pl *pl);

/* One step; none once the run has ended.  Cost: a gradient and a value, of
 * backtracking a value more for each trial.  THM_EDOMAIN and THM_EOVERFLOW of
 * the objective mean divergence; other statuses of a callback are returned, x
 * untouched. */
thm_status thm_pl_step(thm_pl *pl);

const thm_pl_state *thm_pl_look(const thm_pl *pl);
const thm_pl_report *thm_pl_told(const thm_pl *pl);
const double *thm_pl_x(const thm_pl *pl); /* (n) */

/* Up to `steps` steps, or until the run ends.  observe (NULL: nobody) sees the
 * start and every step and may end the run by a status, which is returned;
 * interrupted (NULL: never) is asked before every step: THM_EINTERRUPTED. */
typedef struct {
    thm_status (*observe)(const thm_pl *pl, void *ctx);
    bool (*interrupted)(void *ctx);
    void *ctx;
} thm_pl_watch;
thm_status thm_pl_run(thm_pl *pl, long steps, const thm_pl_watch *watch);

/* *L <- the largest |eigenvalue| of the Hessian at x that `iterations` of power
 * iteration find, from a start that is a function of n alone: an estimate from
 * below, good enough for a first step, never for a proof.  THM_EDIM if n or
 * iterations < 1, THM_EDOMAIN if f has no hvp, THM_ENOMEM; what hvp returns. */
thm_status thm_pl_curvature_est(const thm_objective *f, const double *x,
                                int iterations, double *L);

#endif
