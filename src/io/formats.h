/* The readers behind thm_tensor_parse, one a format. */
#ifndef THM_FORMATS_H
#define THM_FORMATS_H

#include "io/tensor.h"

/* `where` names the bytes in messages; name may be NULL for safetensors.
 * THM_EFORMAT, THM_ENOMEM, THM_EOVERFLOW. */
thm_status thm_text_parse(const char *where, const unsigned char *bytes,
                          size_t size, thm_tensor *out, thm_message *msg);
thm_status thm_safetensors_parse(const char *where, const char *name,
                                 const unsigned char *bytes, size_t size,
                                 thm_tensor *out, thm_message *msg);

/* The number of that dtype, F64, F32, F16 or BF16, little endian. */
double thm_real_read(const char *dtype, const unsigned char *from);

#endif
