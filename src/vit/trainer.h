/* Training a transformer on a task: the caller holds the loop.
 *
 * A step's batch is cut into THM_TRAINER_PARTS parts of consecutive samples,
 * each worked off alone with a gradient of its own; the gradients are added in
 * their order.  So the parameters after any number of steps do not depend on
 * the number of threads, and a run that goes on from a checkpoint ends with the
 * bits of one that never stopped - for one build, BLAS core and instruction
 * set, as everywhere. */
#ifndef THM_VIT_TRAINER_H
#define THM_VIT_TRAINER_H

#include "vit/model.h"
#include "vit/optimise.h"
#include "vit/task.h"

enum { THM_TRAINER_PARTS = 8 };

typedef struct {
    thm_vit_config config;
    thm_optimiser_options optimiser;
    /* Heat Treatment of every layer: the scale of the scores from `heat_from`
     * at step 0 to the model's own at `heat_over`; 0: none. */
    thm_heat heat;
    double heat_from;
    long heat_over;
    /* Fixed factor on the scale of the scores: 1. */
    double temperature;
    double smoothing;
    int batch;
    uint64_t seed; /* of the start and of the samples */
    int threads;
    thm_isa isa; /* of the kernels, one that this CPU has                     */
} thm_trainer_options;

/* The task's model; batch, steps, rate, warm-up, decay and smoothing that show
 * the task's phenomenon; seed 1, one thread, the best instruction set. */
thm_trainer_options thm_trainer_default(const thm_task *task);

typedef struct thm_trainer thm_trainer;

/* The task must outlive the trainer.  THM_EDIM, THM_EDOMAIN, msg naming the
 * option; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_trainer_alloc(const thm_trainer_options *options,
                             const thm_task *task, thm_trainer **trainer,
                             thm_message *msg);
void thm_trainer_free(thm_trainer *trainer);

/* One step: *score is that of the batch before it (loss: the batch's mean).
 * THM_EDOMAIN, msg naming the step and the tensor, if a number is not finite:
 * the parameters are then not to be used. */
thm_status thm_trainer_step(thm_trainer *trainer, thm_vit_score *score,
                            thm_message *msg);

/* What a network does on samples that it was not trained on. */
typedef struct {
    double loss, plain_loss; /* means, with and without smoothing             */
    double accuracy;         /* NaN of a task that predicts numbers           */
    double wrong_target; /* share of outputs that are the other target's label
                            (two-step tasks), else NaN                        */
    int64_t samples;
} thm_evaluation;

/* Over `samples` test samples of draw number `which`: the same for every call
 * with the same numbers. */
thm_status thm_trainer_evaluate(thm_trainer *trainer, int64_t which,
                                int samples, thm_evaluation *out,
                                thm_message *msg);

long thm_trainer_steps(const thm_trainer *trainer); /* taken */
const thm_trainer_options *thm_trainer_options_of(const thm_trainer *trainer);
const thm_vit_layout *thm_trainer_layout(const thm_trainer *trainer);
const float *thm_trainer_params(const thm_trainer *trainer);   /* (total) */
const float *thm_trainer_gradient(const thm_trainer *trainer); /* of the last
                                                                  step */

/* The scale of the scores at the next step. */
double thm_trainer_scale(const thm_trainer *trainer);

/* Forward and, if gradient (total, added to) is not NULL, backward on test
 * samples first, ..., first + count - 1 of draw `which` with the present
 * parameters, for instruments: work has room for count samples. */
thm_status thm_trainer_probe(const thm_trainer *trainer, int64_t which,
                             int first, int count, thm_vit32 *work,
                             thm_samples *samples, float *gradient,
                             thm_vit_score *score, thm_message *msg);

/* Checkpoints: safetensors with timm's names of the parameters, the moments
 * (optimiser.m, optimiser.v), the steps taken and fingerprints of all that
 * shapes the run: options, data, instruction set, BLAS core.  Written whole or
 * not at all, with `history`: (rows x cols), what the caller noted on the way
 * ("history"; rows may be 0). Load: THM_EIO; THM_EFORMAT if a tensor is
 * missing, has another shape or a fingerprint differs (msg says which): the
 * trainer is untouched.  The history is read with thm_tensor_read. */
thm_status thm_trainer_save(const thm_trainer *trainer, const char *path,
                            int rows, int cols, const double *history,
                            thm_message *msg);
thm_status thm_trainer_load(thm_trainer *trainer, const char *path,
                            thm_message *msg);

#endif
