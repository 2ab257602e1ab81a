/* A head that has nothing to attend to: n keys, one with a learned value v, the
 * others noise of variance s (paper-notes/varre2026.md, F24):
 *     L = (p_0 v)^2 / 2 + (s / 2) sum_{i > 0} p_i^2,   p = sigma(a),
 * gradient flow in v and a.  State x = (a, log v), n + 1 numbers: v decays like
 * e^-t, which as a number of the state would hold every explicit step below a
 * constant. */
#ifndef THM_SINK_H
#define THM_SINK_H

#include "flow/ode.h"
#include "flow/value_flow.h"

typedef struct {
    int n;
    double s;
    thm_normalisation gates; /* softmax or sigmoid     */
    double *p;               /* (n) scratch, borrowed  */
} thm_sink;

/* The flow, without derivatives; borrows sink.  THM_EDIM if n < 1, THM_EDOMAIN
 * if gates is another map. */
thm_status thm_sink_ode(thm_sink *sink, thm_ode *ode);

#endif
