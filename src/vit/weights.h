/* A transformer from a file: the parameters of a checkpoint of ours, or of a
 * ViT that was saved from timm (a state_dict as safetensors).
 *
 * Tensors are matched name by name.  A checkpoint says what model it is
 * (record.h).  Of another file the shapes tell: depth, width, channels and
 * patch (patch_embed.proj.weight: width x C x p x p), tokens (pos_embed), the
 * MLP, which biases and norms there are, the outputs, a class token.  Heads
 * they do not tell: heads of 64 unless asked otherwise.  The rest is timm's:
 * softmax with 1 / sqrt(d), no mask; without a class token, the mean over
 * tokens. */
#ifndef THM_VIT_WEIGHTS_H
#define THM_VIT_WEIGHTS_H

#include "vit/record.h"

typedef struct {
    thm_vit_record record; /* of a file that has none: config and scale, the
                              rest zeros                                    */
    bool recorded;         /* a checkpoint that says what it is             */
    int channels;          /* of patch_embed.proj.weight; 0: it is flat     */
    thm_vit_layout layout;
    float *params; /* (layout.total) */
} thm_vit_weights;

/* heads: 0, or what the file must have or be taken to have.
 * F64, F32, F16 and BF16 are read; what single precision cannot hold is
 * refused.
 * THM_EIO; THM_EFORMAT if a tensor is missing, there but not of this model, of
 * another shape, of another dtype or not finite: msg says which, what was
 * expected, what was found; THM_EDIM, THM_EDOMAIN of heads that do not fit or a
 * model that thm_vit_config_check refuses; THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_vit_weights_read(const char *path, int heads,
                                thm_vit_weights *out, thm_message *msg);
/* The same from memory; `where` names it in messages. */
thm_status thm_vit_weights_parse(const char *where, const unsigned char *bytes,
                                 size_t size, int heads, thm_vit_weights *out,
                                 thm_message *msg);
/* Takes NULL and zeroed. */
void thm_vit_weights_free(thm_vit_weights *weights);

#endif
