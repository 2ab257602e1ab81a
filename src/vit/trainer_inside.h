/* What the trainer's files share. */
#ifndef THM_VIT_TRAINER_INSIDE_H
#define THM_VIT_TRAINER_INSIDE_H

#include "vit/trainer.h"

typedef struct {
    thm_vit32 *model;
    thm_samples samples;
} thm_worker;

struct thm_trainer {
    thm_trainer_options options;
    const thm_task *task;    /* borrowed */
    char data[THM_CHECKSUM]; /* its checksum */
    thm_vit_layout layout;
    thm_optimiser optimiser; /* its step is the trainer's               */
    float *params;           /* (total); owns the gradients behind them */
    float *gradient;         /* (PARTS x total), the sum in the first   */
    thm_worker *workers;     /* one a thread                            */
};

#endif
