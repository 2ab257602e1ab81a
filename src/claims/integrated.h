/* Numbers that come out of an integration, each with an estimate of its error
 * (paper-notes/varre2026.md, "Integrated numbers").
 *
 * The integration is made twice, at tolerances a hundredfold apart.  An error
 * under local control is near proportional to the tolerance, so the difference
 * of the two is the error of the coarse run and about a hundred times that of
 * the fine one, whose numbers are used.  As the difference may be small by
 * chance, the local errors of all steps are added as if nothing amplified or
 * damped them.  An estimate, not a bound: a claim that rests on it has evidence
 * `sampled`. */
#ifndef THM_INTEGRATED_H
#define THM_INTEGRATED_H

#include "core/status.h"
#include "flow/ode.h"

/* One integration with these options from the start that ctx knows (it runs
 * more than once): q: (n) <- the numbers, *steps <- steps taken. */
typedef thm_status (*thm_integration)(const thm_ode_options *options, double *q,
                                      long *steps, void *ctx);

/* q: (n) <- the numbers at relative and absolute tolerance 1e-12, err: (n) <-
 * their distance from those at 1e-10 plus steps (1e-12 + u) |q|.
 * THM_EDIM if n < 1; THM_ENOMEM; what `run` says. */
thm_status thm_integrated(int n, thm_integration run, void *ctx, double *q,
                          double *err);

#endif
