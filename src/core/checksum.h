/* SHA-256 of bytes, for records that say which data or parameters were meant.
 */
#ifndef THM_CHECKSUM_H
#define THM_CHECKSUM_H

#include <stddef.h>

enum { THM_CHECKSUM = 65 };

/* text <- 64 hexadecimal digits and a zero byte. */
void thm_checksum(size_t size, const void *bytes, char text[THM_CHECKSUM]);

#endif
