/* Where gradient descent begins to reach zero loss: trainings of drawn or real
 * instances over embedding widths, scales, schemes and kernels.
 *
 * Rule of success, fixed before any number was seen: a training succeeds if
 * f - floor <= TOLERANCE f_0 within the given steps; it reaches zero if f <=
 * TOLERANCE f_0.  Of W_V alone, floor is the least loss over all W_V, decided
 * where the Jacobian has the largest rank that its sizes allow, each singular
 * value above max(rows, columns) eps of the largest; elsewhere a rank of
 * doubles decides nothing and floor is 0, as it is of the other subsets, whose
 * least loss nobody knows.  Intervals are Clopper-Pearson's at LEVEL, cell by
 * cell. */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attn/instance.h"
#include "core/status.h"
#include "io/idx.h"

#define THRESHOLD_TOLERANCE 1e-8
#define THRESHOLD_LEVEL 0.95

enum { THRESHOLD_LIST = 64 };

typedef enum { TRAIN_V, TRAIN_Q, TRAIN_QK, TRAIN_QKV } threshold_train;
typedef enum {
    STEP_AUTO,         /* STEP_LIPSCHITZ of W_V alone, else backtracking  */
    STEP_LIPSCHITZ,    /* 1 / L                                           */
    STEP_OPTIMAL,      /* 2 / (mu + L), mu the least positive curvature   */
    STEP_BACKTRACKING, /* halved until f falls by eta |g|^2 / 2, doubled
                          after a step that was taken at once             */
} threshold_step;

/* A cell is one D, scale, scheme and kernel: `seeds` trainings. */
typedef struct {
    int train, step; /* of the two enums */
    int N, n, d, m, H;
    double c;              /* of the kernel; 0: 1 / sqrt d       */
    const thm_idx *images; /* NULL: drawn tokens                 */
    int seeds, steps;
    uint64_t seed;
    int n_dims, n_scales, n_schemes, n_kernels;
    int dims[THRESHOLD_LIST];
    double scales[THRESHOLD_LIST];
    int schemes[THRESHOLD_LIST], kernels[THRESHOLD_LIST];
} threshold_plan;

/* The numbers of one training, in a row of a cell. */
enum {
    TRAINED_F0,
    TRAINED_F,
    TRAINED_FLOOR,  /* NaN where it is not decided                         */
    TRAINED_SIGMA,  /* sigma_min(B) at the start, an estimate              */
    TRAINED_LOWER,  /* its certified lower bound; 0: none                  */
    TRAINED_STEPS,  /* taken                                               */
    TRAINED_NEEDED, /* that the spectrum of W_V's Jacobian predicts        */
    TRAINED_VALUES
};

int threshold_cells(const threshold_plan *plan);

/* What cell c stands for.  D descends with c: the costly ones come first. */
typedef struct {
    int D;
    double scale;
    int scheme, kernel;
} threshold_cell;
threshold_cell threshold_cell_at(const threshold_plan *plan, int cell);

/* Lists of an option: numbers or words between commas.  THM_EDOMAIN. */
thm_status threshold_list_dims(const char *text, threshold_plan *plan,
                               thm_message *msg);
thm_status threshold_list_scales(const char *text, threshold_plan *plan,
                                 thm_message *msg);
thm_status threshold_list_schemes(const char *text, threshold_plan *plan,
                                  thm_message *msg);
thm_status threshold_list_kernels(const char *text, threshold_plan *plan,
                                  thm_message *msg);

/* The ladder of D from N n / 2 to 2 N n^2; THM_EDOMAIN if that is too much. */
thm_status threshold_ladder(threshold_plan *plan, thm_message *msg);

/* All that a cell's rows depend on, a line each, to be freed. */
thm_status threshold_plan_text(const threshold_plan *plan, const char *isa,
                               const char *blas_core, char **text);

/* Trains instance `index` of a cell.  row: (TRAINED_VALUES).  Statuses of
 * thm_instance_draw; THM_EINTERRUPTED. */
thm_status threshold_train_one(const threshold_plan *plan,
                               const threshold_cell *cell, int index,
                               double *row, thm_message *msg);

/* Of W_V alone, before it moves: the floor (or NaN) and the steps needed (or
 * infinity, or NaN of backtracking) into row, which holds f_0; *eta <- the
 * fixed step that the plan asks for, 0 for backtracking. */
thm_status threshold_values(const threshold_plan *plan, const thm_instance *in,
                            thm_layer_work *work, double *row, double *eta);

/* Every cell, as thm_sweep_run runs cases: rows, to be freed by the caller even
 * on failure, is (cells x seeds x TRAINED_VALUES).  dir may be NULL. */
typedef struct {
    const char *dir, *isa, *blas_core;
    int threads, shard, shards;
    FILE *progress;
} threshold_run;
thm_status threshold_sweep(const threshold_plan *plan, const threshold_run *run,
                           double **rows, int *missing, thm_message *msg);

/* What a cell's rows say. */
typedef struct {
    int successes, zeros;       /* of seeds                        */
    int certified;              /* sigma_min(B) > 0 proved         */
    int undecided;              /* floors                          */
    double ci_low, ci_high;     /* of the probability of success   */
    double zero_low, zero_high; /* of reaching zero                */
    double floor, loss, sigma, lower, needed; /* medians over seeds; floor and
                                        loss in units of f_0            */
} threshold_result;
thm_status threshold_judge(const threshold_plan *plan, const double *rows,
                           threshold_result *result);

const char *threshold_train_text(int train);
/* rows: (cells x seeds x TRAINED_VALUES), told with D ascending. */
thm_status threshold_print(FILE *stream, const threshold_plan *plan,
                           const double *rows, bool human);
/* DIR/threshold.tsv, for the figure. */
thm_status threshold_save(const char *dir, const threshold_plan *plan,
                          const double *rows, thm_message *msg);

#endif
