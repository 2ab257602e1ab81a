/* What both builds of the transformer share. */
#include "vit/model.h"

#include <math.h>

thm_vit_loss thm_vit_loss_default(const thm_vit_config *config)
{
    thm_vit_loss loss = {.weight = 1};
    for (int l = 0; l < THM_VIT_LAYERS; l++) {
        loss.scale[l] = 1 / sqrt(config->head_width);
    }
    return loss;
}

int64_t thm_vit_labelled(const thm_vit_config *config,
                         const thm_vit_batch *batch)
{
    const int rows = config->pool == THM_VIT_PER_TOKEN ? config->tokens : 1;
    const int64_t total = (int64_t)batch->count * rows;
    int64_t labelled = 0;
    for (int64_t i = 0; i < total; i++) {
        if (batch->labels != NULL) {
            labelled += batch->labels[i] >= 0;
        } else if (batch->targets != NULL) {
            labelled += !isnan(batch->targets[i * config->outputs]);
        }
    }
    return labelled;
}
