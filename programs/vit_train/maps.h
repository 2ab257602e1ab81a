/* Maps of vit-train, on request: where attention goes and where gradients come
 * from at chosen steps, on the first samples of what the instruments look at.
 */
#ifndef VIT_TRAIN_MAPS_H
#define VIT_TRAIN_MAPS_H

#include <stdbool.h>
#include "vit/trainer.h"

enum { MAPS_SAMPLES = 4 };

/* A list of steps, "0,500,1000"; NULL: none.  THM_EDOMAIN. */
thm_status maps_check(const char *list, thm_message *msg);
bool maps_due(const char *list, long step);

/* dir/maps-STEP.safetensors and .tsv of the present step: vit/maps.h. */
thm_status maps_write(const char *dir, const thm_task *task,
                      const thm_trainer *trainer, thm_message *msg);

#endif
