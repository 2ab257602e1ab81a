/* A row and its Jacobian in ball arithmetic (FLINT's Arb): probabilities,
 * eigenvalues and the functionals that the claims about softmax compare, and
 * the way from two balls to a finding.
 *
 * p = softmax(z / tau) of logits, or given values divided by their sum; the
 * Jacobian is taken without its factor 1/tau.  Sums that lose digits when one
 * token holds nearly everything are taken over the others: rest_i = 1 - p_i is
 * never a difference there (paper-notes/softmax.md, "Rounding"). */
#ifndef THM_BALL_H
#define THM_BALL_H

#include "claims/claim.h"
#include "claims/logits.h"
#include "core/arb.h"
#include "core/verdict.h"

/* Working precision.  A term of a row of 4096 tokens passes fewer than 2^13
 * operations, so a sum of one sign keeps about 114 bits; the claims compare at
 * 53. */
enum { THM_BALL_BITS = 128 };

typedef struct {
    int n, support; /* tokens, and those with p_i > 0            */
    int top;        /* a token of the largest probability        */
    bool uniform;   /* the tokens of the support are equal       */
    arb_ptr p;      /* (n) probabilities, sum 1                  */
    arb_ptr rest;   /* (n) 1 - p_i                               */
    arb_ptr eigen;  /* (n) eigenvalues of tau J, ascending       */
    struct thm_ball_work *work;
} thm_ball_row;

/* For rows of up to n tokens. THM_EDIM, THM_ENOMEM. */
thm_status thm_ball_row_alloc(int n, thm_ball_row **b);
void thm_ball_row_free(thm_ball_row *b);

/* Opens a source of thm_rows_count(count) rows (make: thm_logits_make or
 * thm_probs_make) with a thm_ball_row as the context of its measures, and
 * closes it, also half open. */
thm_status thm_ball_source_open(thm_status (*make)(void *, uint64_t, int64_t,
                                                   void *, char *),
                                int64_t count, thm_case_source *source,
                                void **ctx);
void thm_ball_source_close(thm_case_source *source, void *ctx);

/* p and rest of the row; a row loaded already is kept.  THM_EDIM if the row is
 * longer than b, THM_EDOMAIN if it has no positive probability. */
thm_status thm_ball_row_load(thm_ball_row *b, const thm_row *row);

/* The same and all eigenvalues, from thm_spectrum_encl; O(n^2). */
thm_status thm_ball_row_spectrum(thm_ball_row *b, const thm_row *row);

/* p and rest from n weights w >= 0, w[top] the largest, divided by their sum;
 * p may be w. */
void thm_ball_normalise(int n, arb_srcptr w, int top, slong bits, arb_ptr p,
                        arb_ptr rest);

/* p and rest of softmax(scale x), x: (n) with x[top] = 0 and no other above;
 * -inf masks a token. */
void thm_ball_softmax(int n, arb_srcptr x, const arb_t scale, int top,
                      slong bits, arb_ptr p, arb_ptr rest);

/* x <- (z - max z) / tau, and the place of the largest. */
int thm_ball_exponents(int n, const double *z, double tau, slong bits,
                       arb_ptr x);

/* sum p_i (x_i - p'x)^2, x[top] = 0 for a p that is nearly concentrated. */
void thm_ball_variance(int n, arb_srcptr p, arb_srcptr x, slong bits,
                       arb_t var);

/* |tau J|_F. */
void thm_ball_frobenius(int n, arb_srcptr p, arb_srcptr rest, int top,
                        slong bits, arb_t fro);

/* observed <= allowed as a finding, decided by the ball of their difference:
 * evidence enclosure.  Where the ball holds zero and equality is possible
 * (attainable), the finding is judged with its radius as resolution and its
 * evidence is bounded.  A difference too small beside allowed to be seen in
 * doubles is stated as observed = -difference, allowed = 0; one beyond the
 * range of doubles is brought to the edge of it, which keeps its sign. */
void thm_finding_ball(thm_finding *f, const arb_t observed, const arb_t allowed,
                      bool attainable);

/* For the identity x = 0: observed |x|, allowed 0, attainable. */
void thm_finding_zero(thm_finding *f, const arb_t x);

/* For the statement x >= 0, strict where it is decided. */
void thm_finding_positive(thm_finding *f, const arb_t x);

#endif
