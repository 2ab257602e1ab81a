/* What vit-train is asked for. */
#ifndef VIT_TRAIN_ASK_H
#define VIT_TRAIN_ASK_H

#include "core/options.h"
#include "programs/vit_train/run.h"

extern const thm_options ask_options; /* parsed into what these give */
const thm_common *ask_common(void);
thm_task_options ask_task(void);
run_request ask_request(const thm_task *task);
thm_trainer_options ask_trainer(const thm_task *task, int threads, thm_isa isa);

#endif
