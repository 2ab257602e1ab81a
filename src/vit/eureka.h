/* The Eureka-moment of a training run: when a network that had settled on what
 * can be reached without the first step of its task finds that step
 * (Hoffmann et al. 2024; paper-notes/hoffmann2024.md, "Eureka-moments"; the
 * numeric criterion is RECONSTRUCTED).
 *
 *   by accuracy  the first evaluation with accuracy > cap + 0.05 if the next
 *                one has it too
 *   by loss      the first step at which the smoothed training loss is below
 *                floor - 0.03
 * cap and floor: thm_task_marks. */
#ifndef THM_VIT_EUREKA_H
#define THM_VIT_EUREKA_H

#include <stdbool.h>

#define THM_EUREKA_ABOVE_CAP 0.05
#define THM_EUREKA_BELOW_FLOOR 0.03

typedef struct {
    double cap, floor;
    bool above;     /* the last evaluation was       */
    long candidate; /* its step                      */
    long step;      /* by accuracy; -1: none so far  */
    long loss_step; /* by loss; -1: none so far      */
} thm_eureka;

/* NaN marks (a task without any) see no Eureka-moment. */
thm_eureka thm_eureka_begin(double cap, double floor);

/* An evaluation; steps ascend. */
void thm_eureka_accuracy(thm_eureka *eureka, long step, double accuracy);

/* A smoothed training loss. */
void thm_eureka_loss(thm_eureka *eureka, long step, double loss);

#endif
