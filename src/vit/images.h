/* Pictures from a file as a transformer's tokens. */
#ifndef THM_VIT_IMAGES_H
#define THM_VIT_IMAGES_H

#include "vit/config.h"

typedef struct {
    int count, channels;
    int rows, cols; /* of patches                                           */
    int patch;      /* side in pixels                                       */
    float *x;       /* (count x rows cols x channels patch patch), owned    */
} thm_vit_images;

/* The first `limit` pictures (0: all) of spec = "FILE" or "FILE:NAME", for a
 * model of vectors: a tensor N x C x H x W (safetensors; or C x H x W, one
 * picture), taken as it stands, or IDX (plain or gzip), 0 to 1, one channel.
 * Patches come row by row, in each the channels, rows and columns, as a
 * convolution's weight has them.  channels: what the model asks for, 0 if it
 * does not say.
 * THM_EIO, THM_ENOMEM, THM_EOVERFLOW; THM_EFORMAT: msg says what was expected
 * (of shape, channels, number of patches, finite numbers) and what was found;
 * THM_EDOMAIN of a model that reads words. */
thm_status thm_vit_images_read(const char *spec, const thm_vit_config *config,
                               int channels, int limit, thm_vit_images *out,
                               thm_message *msg);
/* Takes NULL and zeroed. */
void thm_vit_images_free(thm_vit_images *images);

#endif
