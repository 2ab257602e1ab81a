/* The states of the value-softmax flow on which its claims are tried: a loss
 * with drawn data, V and a of several sizes and scales (paper-notes/
 * varre2026.md, "The states"). */
#ifndef THM_FLOW_CASES_H
#define THM_FLOW_CASES_H

#include <stdint.h>
#include "core/rng.h"
#include "core/status.h"
#include "flow/loss.h"

enum {
    THM_FLOW_D = 4,    /* rows of V at most                           */
    THM_FLOW_N = 12,   /* tokens at most                              */
    THM_FLOW_ROWS = 5, /* of the matrix of a quadratic loss           */
    THM_FLOW_SIZE = THM_FLOW_D * THM_FLOW_N + THM_FLOW_N,
    THM_FLOW_CASES = 540 /* states of a claim at effort 1             */
};

typedef struct {
    int d, n, k; /* the first k tokens are equal, and so are the others; k = 0:
                    no two are                                         */
    thm_loss loss;
    double x[THM_FLOW_SIZE]; /* V (d x n) row-major, then a (n)        */
    double b[THM_FLOW_D], X[THM_FLOW_ROWS * THM_FLOW_D], y[THM_FLOW_ROWS];
    thm_rng rng; /* goes on where the drawing of the case ended        */
} thm_flow_case;

/* Which sizes and scales are drawn. */
typedef struct {
    int n_shapes;
    const int (*shapes)[3]; /* d, n, k */
    double v_scale[3];      /* standard deviations, cycled through     */
    double a_scale[3];
} thm_flow_source;

extern const thm_flow_source thm_flow_any;    /* n = 2 to 12, k = 0       */
extern const thm_flow_source thm_flow_pairs;  /* n = 2                    */
extern const thm_flow_source thm_flow_groups; /* (n, k) = (5, 1), (5, 2),
                                                 (8, 3)                   */

/* Case `index` of a source: losses take turns, then sizes, then scales.  Its
 * name is "loss/dDnN/index". */
thm_status thm_flow_make(const thm_flow_source *source, uint64_t seed,
                         int64_t index, thm_flow_case *c, char *name);

#endif
