/* Drawn instances with their model in balls: the cases of claims about the
 * exact model (paper-notes/song2024.md). */
#ifndef THM_LAYER_BALLS_H
#define THM_LAYER_BALLS_H

#include "claims/claim.h"
#include "claims/layer_ball.h"
#include "claims/layers.h"

/* Case k has the shape of specs[k mod n]; place (NULL allowed) then overwrites
 * what cannot be drawn.  n = 0: the cases are those of thm_layers_make. */
typedef struct {
    int n;
    const thm_layer_spec *specs;
    void (*place)(thm_layer_case *one);
} thm_layer_plan;

/* What the measures receive as their context. */
typedef struct {
    const thm_layer_plan *plan;
    thm_layers *layers;
    thm_layer_case *one;
    thm_ball_layer b; /* of the case, unless a measure changed it */
    bool loaded;      /* whether there is one: else it is absent  */
} thm_layer_balls;

/* Opens a source of count such cases, and closes it, also half open. */
thm_status thm_layer_balls_open(const thm_layer_plan *plan, int64_t count,
                                thm_case_source *source, void **ctx);
void thm_layer_balls_close(thm_case_source *source, void *ctx);

/* The model of the case as drawn, whatever an earlier measure did to it.
 * *applies <- whether there is a case: its images may not be installed. */
thm_ball_layer *thm_layer_balls_fresh(thm_layer_balls *s, bool *applies);

/* The statement  rank A = rank  by thm_ball_rank: observed is how far off the
 * count is, allowed 1/2, evidence enclosure; undecided if there is no count. */
void thm_finding_rank(thm_finding *f, const arb_mat_t A, int rank);

/* The same with a margin, for full rank: J: (r x n) has full row rank if
 * sigma_r(J) > THM_RANK_SHARE |J|_F.  The finding says whether it has.  Above,
 * the rank is proved; an exact deficiency shows as sigma_r < 2^-120 |J|_F
 * = 7.5e-37 |J|_F, so that the rule tells the two apart for all that lies
 * outside of these limits, whatever the condition of J. */
void thm_finding_full_rank(thm_finding *f, const arb_mat_t J);

/* The identity A = 0, in units of scale. */
void thm_finding_null(thm_finding *f, const arb_mat_t A, const arb_t scale);

#endif
