/* Trainings that take too long to be run for a verdict: which they are, and the
 * numbers that they left (paper-notes/recorded/, inside the library as the
 * notes are; the rules that judge them: claims/moments.h).
 *
 * A record is one text file a group, "tokens.tsv":
 *     # {"recorded": "2026-11-22", ..., "cap": 0.55, "smoothed_floor": 1.02}
 *     # arm (1)  seed (1)  step (1)  accuracy (1)  loss (nat)  ratio (1)
 *     softmax    1         100       0.1025390625  2.22861     0.1325
 * separated by tabs, the second line THM_RECORDED_COLUMNS; runs in the order of
 * the group's arms and their seeds, an evaluation every THM_RECORDED_EVERY
 * steps. accuracy  of THM_RECORDED_EVALUATION test samples, fresh each time
 *   loss      of training, smoothed labels: the exponential mean of the steps'
 *             losses with weight 1/100, divided by the weights' sum
 *   ratio     mean |dL/dW_Q| / mean |dL/dW_V| of layer 1 in the batch's
 *             gradient, mean over the steps since the evaluation before */
#ifndef THM_RECORDED_H
#define THM_RECORDED_H

#include <stdbool.h>
#include "claims/claim.h"
#include "core/status.h"
#include "core/verdict.h"
#include "vit/eureka.h"

enum {
    THM_RECORDED_EVERY = 100,
    THM_RECORDED_EVALUATION = 1024,
    THM_RECORDED_ARMS = 6
};

#define THM_RECORDED_COLUMNS                                                   \
    "# arm (1)\tseed (1)\tstep (1)\taccuracy (1)\tloss (nat)\tratio (1)"

/* One way to train, from several seeds. */
typedef struct {
    const char *name;
    int first, seeds; /* seeds first, ..., first + seeds - 1                  */
    int steps;        /* a run ends here,                                     */
    int after;        /* or so many after its Eureka-moment; 0: not for that  */
} thm_recorded_arm;

typedef struct {
    const char *name;
    int n_arms;
    thm_recorded_arm arms[THM_RECORDED_ARMS];
} thm_recorded_group;

/* Ended by a group whose name is NULL. */
extern const thm_recorded_group thm_recorded_groups[];

const thm_recorded_group *thm_recorded_find(const char *name); /* or NULL */

int thm_recorded_runs(const thm_recorded_group *group);

/* The arm and the seed of run number index, 0 <= index < runs. */
const thm_recorded_arm *thm_recorded_run_of(const thm_recorded_group *group,
                                            int index, int *seed);

/* Whether a run of the arm is over after so many steps. */
bool thm_recorded_ended(const thm_recorded_arm *arm, const thm_eureka *eureka,
                        long steps);

typedef struct {
    double accuracy, loss, ratio;
} thm_recorded_row;

typedef struct {
    const thm_recorded_arm *arm;
    int seed;
    int n;                 /* evaluations: row k is of step (k + 1) EVERY     */
    thm_recorded_row *row; /* points into the record                          */
    bool found;            /* whether it had its Eureka-moment (by accuracy), */
    int moment; /* the step of it; if not, the earliest that it could have:
                   one evaluation after the last step of the arm              */
} thm_recorded_run;

typedef struct {
    const thm_recorded_group *group;
    char date[THM_DATE];
    double cap, floor;      /* thm_task_marks: cap, smoothed_floor            */
    int runs;               /* of the group, in its order                     */
    thm_recorded_run *run;  /* owned                                          */
    thm_recorded_row *rows; /* owned                                          */
} thm_recorded;

/* The record of a group out of a text; `name` stands for it in messages.
 * THM_EFORMAT, msg naming the line, what was expected and what was found: no
 * date or marks in the first line, other columns, a run too many, too few or
 * not where it belongs, a run that goes on after its end or ends before, an
 * accuracy outside [0, 1], a loss or a ratio that is negative or not finite.
 * THM_ENOMEM.  On failure *out is empty. */
thm_status thm_recorded_parse(const thm_recorded_group *group, const char *name,
                              const char *text, thm_recorded *out,
                              thm_message *msg);

/* The same from DIR/GROUP.tsv; dir NULL: the one inside the library, and
 * THM_EFORMAT if there is none.  THM_EIO. */
thm_status thm_recorded_open(const char *dir, const char *group,
                             thm_recorded *out, thm_message *msg);

void thm_recorded_free(thm_recorded *record); /* takes zeroed */

/* The record as the one case of claims about it, named after the group: the
 * case is the thm_recorded.  Statuses of thm_recorded_open. */
thm_status thm_recorded_source_open(const char *dir, const char *group,
                                    thm_case_source *source, thm_message *msg);
void thm_recorded_source_close(thm_case_source *source);

#endif
