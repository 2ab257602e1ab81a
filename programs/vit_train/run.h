/* A run of vit-train: the loop, its history, its files. */
#ifndef VIT_TRAIN_RUN_H
#define VIT_TRAIN_RUN_H

#include <stdbool.h>
#include <stdio.h>
#include "core/checksum.h"
#include "vit/trainer.h"

typedef struct {
    int steps;      /* in all                                        */
    int evaluate;   /* steps between rows of the history             */
    int samples;    /* of an evaluation                              */
    int probe;      /* samples that instruments look at; 0: none      */
    int checkpoint; /* steps between checkpoints                     */
    const char *out;
    const char *maps_at; /* steps: see maps.h */
    bool resume;
    bool progress;
} run_request;

/* A row of the history begins with these numbers; those of the instruments
 * follow, (layer x head x THM_INSTRUMENTS).  The last row of a checkpoint, not
 * closed by an evaluation yet, has the sum of the losses since in `loss`. */
typedef struct {
    double step;
    double lr, scale;    /* of the step that follows                   */
    double loss;         /* of training batches, mean since last row   */
    double test_loss;    /* without smoothing                          */
    double accuracy;     /* on test samples                            */
    double wrong_target; /* share that answers the other target        */
    double count;        /* training steps that `loss` is the mean of  */
} run_row;
enum { RUN_ROW = (int)(sizeof(run_row) / sizeof(double)) };

typedef struct {
    double *numbers; /* (count x cols) */
    int cols, count, room;
    double loss_sum; /* since the last row */
    int loss_count;
    long saved; /* step of the last checkpoint; 0: none */
} run_history;
void run_history_free(run_history *history);
run_row run_history_row(const run_history *history, int r);

typedef struct {
    double train_loss, accuracy; /* of the last row                    */
    long eureka_step;            /* -1: none                           */
    double samples_per_second;
    char params[THM_CHECKSUM];
} run_result;

/* Trains to the end, or until interrupted: THM_EINTERRUPTED, checkpoint and
 * history written. */
thm_status run_train(const run_request *request, const thm_task *task,
                     thm_trainer *trainer, run_history *history,
                     run_result *result, thm_message *msg);

/* The line or the table that ends a run. */
thm_status run_print(FILE *out, const thm_task *task,
                     const thm_trainer *trainer, const run_history *history,
                     const run_result *result, bool table);

#endif
