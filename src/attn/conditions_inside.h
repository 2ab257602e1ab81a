/* Inside of the condition sheets: enclosed numbers, rows, and what the theorems
 * share of an instance. */
#ifndef THM_CONDITIONS_INSIDE_H
#define THM_CONDITIONS_INSIDE_H

#include <float.h>
#include <stdbool.h>
#include "attn/conditions.h"
#include "attn/rank.h"

#define THM_CONDITIONS_U (DBL_EPSILON / 2)

/* A number known as lower <= exact <= upper; at: the best guess.  Ends are
 * widened by every operation below, by more than it rounds. */
typedef struct {
    double lower, at, upper;
} thm_range;

thm_range thm_range_exact(double x);
thm_range thm_range_about(double x, double err);
/* Of non-negative numbers. */
thm_range thm_range_mul(thm_range a, thm_range b);
thm_range thm_range_div(thm_range a, thm_range b);
thm_range thm_range_add(thm_range a, thm_range b);
thm_range thm_range_sqrt(thm_range a);
thm_range thm_range_min(thm_range a, thm_range b);
thm_range thm_range_max(thm_range a, thm_range b);

typedef struct {
    const thm_layer *layer;
    const thm_weights *w;
    double epsilon;
    thm_conditions *out;
    thm_layer_work *work;
    double *B;           /* (Nn x HD)                                  */
    thm_layer_rank rank; /* of B                                       */
    thm_range s_b;       /* sigma_min(B)                               */
    thm_range s_o;       /* min_h sigma_min(W_O_h), of m columns       */
    thm_range f0;
    bool scale_tried; /* whether qk_scale was looked for            */
    double qk_scale;  /* of W_Q, W_K, that certifies lambda_B; NaN  */
} thm_sheet;

/* The count-th (0 if there are fewer) and the largest singular value of every
 * matrix within delta of A: (m x n), from a decomposition whose error is
 * proved. */
thm_status thm_sheet_sigma(int m, int n, const double *A, int count,
                           double delta, thm_range *sigma, thm_range *max);

/* sigma_m and sigma_1 of every matrix within delta of A: (m x n), 0 where n <
 * m, from that decomposition where it is quick, else from la/certify.h. */
thm_status thm_sheet_certified(int m, int n, const double *A, double delta,
                               thm_range *min, thm_range *max);

/* One row more; its theorem begins if it is another than the last row's.  All
 * return it, so that a repair can be written. */
thm_condition *thm_sheet_at_least(thm_sheet *s, const char *theorem,
                                  const char *hypothesis, const char *says,
                                  double value, double bound);
thm_condition *thm_sheet_positive(thm_sheet *s, const char *theorem,
                                  const char *hypothesis, const char *says,
                                  thm_range value);
thm_condition *thm_sheet_at_most(thm_sheet *s, const char *theorem,
                                 const char *hypothesis, const char *says,
                                 thm_range value, thm_range bound);

thm_verdict thm_sheet_worse(thm_verdict a, thm_verdict b);

/* Writes a repair with its number. */
void thm_sheet_repair(thm_condition *row, double value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a row on lambda_B can advise: a common factor of W_Q and W_K. */
thm_status thm_sheet_repair_scale(thm_sheet *s, thm_condition *row);

/* mu, L and what follows for the last theorem, power 2 where the rate is
 * (1 - eta mu)^2t. */
void thm_sheet_consequences(thm_sheet *s, double mu, double L, bool estimated,
                            int power);

thm_status thm_sheet_values(thm_sheet *s); /* theorems 1, 1a, 1b */
thm_status thm_sheet_joint(thm_sheet *s);  /* theorem 2          */
thm_status thm_sheet_query(thm_sheet *s);  /* theorem 3          */

/* The one head of theorem 3: what A_ik = dF_ik / dq_ik is made of. */
typedef struct {
    const thm_layer *l;
    bool normalised;
    double g;               /* c, or 2c of the gaussian kernels         */
    double *Q, *K, *U, *S;  /* (T x d), (T x d), (T x m), (N x n x n)   */
    double *M, *A, *centre; /* (D x m), (m x d); room for one sample    */
    double q, k, m;         /* |W_Q|_F, |W_K|_F, |W_V|_F |W_O|_F        */
    double *block;          /* owned                                    */
} thm_slope_head;

thm_status thm_slope_head_fill(const thm_sheet *s, thm_slope_head *h);

/* min_i sigma_m of U_i, centred under a normalised kernel. */
thm_status thm_slope_values_rank(const thm_slope_head *h, thm_range *out);

/* Gaussian: min_ik sigma_n(K_i - 1 q_ik').  Normalised: min_i sigma_{n-1} of
 * the centred keys; infinite for one token, which asks for nothing. */
thm_status thm_slope_keys_rank(const thm_slope_head *h, thm_range *out);

typedef struct {
    thm_range sigma;     /* min_ik sigma_m(A_ik)                        */
    thm_range lipschitz; /* L_A                                         */
    thm_range size;      /* sup |A|_2 over all queries                  */
    thm_range x;         /* max |x_ik|                                  */
} thm_slopes;

thm_status thm_slope_measure(const thm_sheet *s, const thm_slope_head *h,
                             thm_slopes *z);

#endif
