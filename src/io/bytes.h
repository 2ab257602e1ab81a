/* Whole files in memory, from disk, pipe or standard input. */
#ifndef THM_BYTES_H
#define THM_BYTES_H

#include <stddef.h>

#include "core/status.h"

/* Reads path ("-" is standard input) to its end.  *bytes: (*size), owned by
 * the caller, never NULL on success.  THM_EIO, THM_ENOMEM. */
thm_status thm_bytes_read(const char *path, unsigned char **bytes, size_t *size,
                          thm_message *msg);

/* How a message names an input: "-" becomes "standard input". */
const char *thm_input_name(const char *path);

#endif
