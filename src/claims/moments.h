/* The rules by which recorded trainings are judged: counts and medians over the
 * runs of one arm (paper-notes/hoffmann2024.md, H4 to H8, H10, H11), as the
 * note fixed them before the numbers were seen.
 *
 * An arm must be one of the record's group.  A run without a Eureka-moment
 * counts with the earliest step at which it could have had it (run->moment). */
#ifndef THM_MOMENTS_H
#define THM_MOMENTS_H

#include "claims/recorded.h"

enum {
    THM_MOMENTS_WARM = 500, /* steps of warm-up                               */
    THM_MOMENTS_JUMP = 500, /* steps that an abrupt rise takes at most,       */
    THM_MOMENTS_END = 1000  /* and the last of those that H8 looks at         */
};
#define THM_MOMENTS_BELOW 0.60 /* accuracy before a jump, */
#define THM_MOMENTS_ABOVE 0.75 /* and after it            */

/* The arm's first run; its others follow it. */
const thm_recorded_run *thm_moments_runs(const thm_recorded *record,
                                         const char *arm);

/* Runs with a Eureka-moment, of seeds from and above. */
int thm_moments_count(const thm_recorded *record, const char *arm, int from);

/* The median step of it. */
double thm_moments_median(const thm_recorded *record, const char *arm);

/* Seeds for which arm a has it earlier than arm b has; both have the same. */
int thm_moments_earlier(const thm_recorded *record, const char *a,
                        const char *b);

/* Largest |loss - floor| at the end of the runs without one, or of all runs;
 * false if there is none. */
bool thm_moments_off_floor(const thm_recorded *record, const char *arm,
                           bool all, double *off);

/* Runs that jump: accuracy below 0.60 at an evaluation at step 500 or later,
 * and above 0.75 at one at most 500 steps after that. */
int thm_moments_jumps(const thm_recorded *record, const char *arm);

/* *low, *high <- least and largest over the runs of the median accuracy of the
 * evaluations from step 500 on: those before the Eureka-moment, or all.  False
 * if a run has none. */
bool thm_moments_plateau(const thm_recorded *record, const char *arm, bool all,
                         double *low, double *high);

/* Least accuracy, over the runs with a Eureka-moment, at the moment and at the
 * end, 1 over none; false if there is none. */
bool thm_moments_ends(const thm_recorded *record, const char *arm,
                      double *moment, double *end);

/* factor: (seeds of the arms) <- of arm a over arm b, run by run in the order
 * of their seeds, the ratio of gradients on the plateau: the mean of steps 501
 * to 1000.  Pairs in which a run was above cap + 0.05 at an evaluation up to
 * there have left it and are passed over.  Returns how many are left. */
int thm_moments_factors(const thm_recorded *record, const char *a,
                        const char *b, double *factor);

#endif
