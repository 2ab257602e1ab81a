/* One recorded training. */
#ifndef EUREKA_RUNS_TRAIN_H
#define EUREKA_RUNS_TRAIN_H

#include <stdbool.h>
#include <stdio.h>
#include "claims/recorded.h"
#include "vit/task.h"

enum { TRAIN_ACCURACY, TRAIN_LOSS, TRAIN_RATIO, TRAIN_COLUMNS };

/* The group's task (of an arm "one-step" the control), to be freed. */
thm_status train_task(const char *group, bool one_step, const char *digits,
                      thm_task **task, thm_message *msg);

/* The group's training as lines "name value" on out: all that does not depend
 * on the arm. */
void train_describe(const char *group, FILE *out);

/* values: (arm->steps / THM_RECORDED_EVERY x TRAIN_COLUMNS) <- the evaluations,
 * NaN after the run's end.  THM_EINTERRUPTED once start_interrupted(). */
thm_status train_run(const char *group, const thm_recorded_arm *arm, int seed,
                     const char *digits, double *values, thm_message *msg);

#endif
