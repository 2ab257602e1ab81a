/* Gradients of an attention head by complex step, and how far rounding can move
 * them: the oracle of the claims about the closed forms of attn/head.h.
 *
 * L = sum G o Z is computed by plain loops over complex numbers; for an entry x
 * of S, Wq, Wk or Wv, dL/dx = Im L(x + ih) / h with h = 2^-332: no subtraction,
 * so that rounding is the only error.  Oracle and closed form add up the same
 * products; their errors are bounded in units of the sum of the absolute values
 * of these products, "terms" (paper-notes/softmax.md, S10.1). */
#ifndef THM_HEAD_STEP_H
#define THM_HEAD_STEP_H

#include "attn/head.h"
#include "core/status.h"

typedef enum {
    THM_BY_S,
    THM_BY_WQ,
    THM_BY_WK,
    THM_BY_WV,
    THM_BY_COUNT
} thm_head_variable;

typedef struct thm_head_step thm_head_step;

/* Scratch for heads of at most these sizes.  THM_EDIM, THM_ENOMEM. */
thm_status thm_head_step_alloc(int n, int D, int d, thm_head_step **step);
void thm_head_step_free(thm_head_step *step);

/* Turns to a head, its state after thm_head_forward, and G (n x d); all are
 * kept by reference.  n d (3 D + 2 n) products.  THM_EDIM if it is larger than
 * the scratch. */
thm_status thm_head_step_load(thm_head_step *step, const thm_head *head,
                              const thm_head_state *state, const double *G);

/* dL/dx for x = entry (row, col) of S (n x n) or of a weight (D x d).
 * n d (3 D + 2 n) complex products. */
double thm_head_step_value(thm_head_step *step, thm_head_variable by, int row,
                           int col);

/* The sum of the absolute values of the products that make up that entry, never
 * 0: what underflow can cost is added.  O(n^2) for a weight, O(1) for S. */
double thm_head_step_terms(const thm_head_step *step, thm_head_variable by,
                           int row, int col);

/* Bound of |closed form - oracle| / terms, the same for every entry. */
double thm_head_step_error(const thm_head_step *step);

#endif
