/* The hypotheses of the theorems on gradient descent, checked on an instance of
 * the single-layer model, and what follows from them (paper-notes/song2024.md,
 * R1-R3 and "Condition sheets").
 *
 * The theorems, RECONSTRUCTED as the note says, each with every kernel:
 *   1        W_V trained: K_V = J_V J_V' is positive definite
 *   1a       the same from W_O and B: HD >= Nn, d >= m, every W_O_h of full
 *            column rank, sigma_min(B) > 0
 *   1b       the same where d < m: D >= Nn, Hd >= m, W_O of full column rank,
 *            every block B_h of full row rank
 *   2        W_Q, W_K, W_V trained, in a ball about the start: 1a and
 *            L_B R <= s_B / 2
 *   3        W_Q trained, one head: no stationary point here but at zero loss
 *   3-local  the same with a rate, in a ball about the start
 * Normalised kernels have 1 as a null vector of every attention Jacobian:
 * 3 and 3-local then need m <= n - 1, and where m = n a null residual r with
 * J_Q' r = 0 is shown.
 *
 * Singular values are counted with dimension.  Each row is decided by
 * enclosures of both of its sides: the rounding of what was computed from the
 * given doubles is bounded and lies in err. */
#ifndef THM_CONDITIONS_H
#define THM_CONDITIONS_H

#include "attn/layer.h"
#include "core/verdict.h"

/* Families of theorems, to be joined by |. */
enum { THM_THEOREM_1 = 1, THM_THEOREM_2 = 2, THM_THEOREM_3 = 4 };

enum { THM_CONDITIONS_ROWS = 32, THM_CONDITIONS_THEOREMS = 6 };

typedef struct {
    const char *theorem;    /* "1a"                                          */
    const char *hypothesis; /* "head-width"                                  */
    const char *says;       /* "HD >= Nn"                                    */
    thm_verdict verdict;
    double value, bound; /* what stands left and right in `says`             */
    double margin, err;  /* HOLDS iff margin >= err, REFUTED iff margin <
                            -err; of a strict inequality HOLDS iff margin >
                            err, REFUTED also where both are 0               */
    char repair[96];     /* the smallest repair known; "" if none            */
    double repair_value; /* the number in it; NaN if none                    */
} thm_condition;

/* What a theorem gives; NaN are mu, radius and iterations unless it HOLDS, and
 * whatever has no meaning for it. */
typedef struct {
    const char *theorem;
    thm_verdict verdict; /* the worst of its rows                           */
    double mu;           /* a lower bound of the PL ratio                    */
    double L;            /* an upper bound of the gradient's Lipschitz constant
                            on the ball; of theorem 2 an estimate            */
    bool L_estimated;
    double eta;        /* 1 / L: the step of the rate                        */
    double eta_limit;  /* 2 / L, beyond which a quadratic diverges           */
    double radius;     /* sqrt(8 f_0 / mu), the path's bound                 */
    double iterations; /* until the rate gives f <= epsilon f_0              */
    double witness;    /* |J_Q' r| / |r| of the null residual                */
} thm_theorem;

typedef struct {
    double f0, f0_err;
    int n_rows, n_theorems;
    thm_condition rows[THM_CONDITIONS_ROWS];
    thm_theorem theorems[THM_CONDITIONS_THEOREMS];
} thm_conditions;

/* families: which to check; epsilon in (0, 1).  Cost: the certificate of
 * thm_layer_rank_bnd, for theorem 1 also that of J_V where its (Nnm x HDd)
 * entries are at most 2^20, for theorem 3 a singular value decomposition of m x
 * d and n x d for every token; eleven more of the first where lambda_B > 0
 * could not be certified and a better scale is looked for.
 * THM_EDIM if no family is named; THM_EDOMAIN if epsilon is out of its range or
 * Y, Wo or a weight is missing or not finite; as thm_layer_gradient;
 * THM_ENOMEM, THM_EOVERFLOW. */
thm_status thm_conditions_check(const thm_layer *layer, const thm_weights *w,
                                int families, double epsilon,
                                thm_conditions *out);

/* The worst verdict of the families; of the variants 1, 1a, 1b one that applies
 * is enough, 3 and 3-local make one theorem. */
thm_verdict thm_conditions_verdict(const thm_conditions *c);

/* The theorem of this name; NULL if it was not asked for. */
const thm_theorem *thm_conditions_theorem(const thm_conditions *c,
                                          const char *name);

#endif
