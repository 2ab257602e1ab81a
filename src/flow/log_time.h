/* An autonomous problem x' = f(x) in the variable s = log(1 + t), which is t
 * near 0 and log t beyond: dx/ds = (1 + t) f(x).
 *
 * Flows whose rates fall like 1/t take steps of equal size in s, so that
 * t = 1e250 is s = 576.  Derivatives and Newton systems come from f's. */
#ifndef THM_LOG_TIME_H
#define THM_LOG_TIME_H

#include "flow/ode.h"

typedef struct {
    const thm_ode *ode; /* in t, borrowed */
} thm_log_time;

/* The problem in s; what ode lacks it lacks too.  Borrows log_time.
 * A right-hand side at t beyond the doubles is THM_EDOMAIN. */
thm_ode thm_log_time_ode(thm_log_time *log_time);

#endif
