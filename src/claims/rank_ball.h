/* Ranks of matrices of balls as findings: see layer_ball.h for the matrices.
 *
 * No finite precision tells a rank, it tells how many singular values lie above
 * a threshold.  Here that is 1e-30 |A|_F: the exact zeros of the claims come
 * out far below, what is merely badly conditioned stays above. */
#ifndef THM_RANK_BALL_H
#define THM_RANK_BALL_H

#include "core/arb.h"
#include "core/verdict.h"

#define THM_RANK_SHARE 1e-30

/* How many singular values of A exceed THM_RANK_SHARE |A|_F, proved: the
 * number of positive pivots of A A' - t^2 I (or A'A - t^2 I, the smaller one),
 * by Sylvester's law of inertia.  -1 if a pivot's ball holds zero, or A is 0.
 */
int thm_ball_rank(const arb_mat_t A);

/* The statement  rank A = rank  at that threshold: observed is how far off the
 * count is, allowed 1/2, evidence enclosure; undecided if there is no count. */
void thm_finding_rank(thm_finding *f, const arb_mat_t A, int rank);

#endif
