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
    int checkpoint; /* steps between checkpoints                     */
    const char *out;
    bool resume;
    bool progress;
} run_request;

/* A row of the history; the last, of a run that was stopped between two
 * evaluations, holds the loss summed since, and NaN where nothing is known. */
typedef struct {
    double step;
    double lr, scale;    /* of the step that follows                   */
    double loss;         /* of training batches, mean since last row   */
    double test_loss;    /* without smoothing                          */
    double accuracy;     /* on test samples                            */
    double wrong_target; /* share that answers the other target        */
    double count;        /* training steps that `loss` is the mean of  */
} run_row;
enum { RUN_COLUMNS = (int)(sizeof(run_row) / sizeof(double)) };

typedef struct {
    run_row *rows;
    int count, room;
    double loss_sum; /* since the last row */
    int loss_count;
} run_history;
void run_history_free(run_history *history);

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
