/* SHA-256 by Nettle, in hexadecimal: see checksum.h. */
#include "core/checksum.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>

void thm_checksum(size_t size, const void *bytes, char text[THM_CHECKSUM])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, size, bytes);
    sha256_digest(&ctx, sizeof digest, digest);
    for (int k = 0; k < SHA256_DIGEST_SIZE; k++) {
        snprintf(text + 2 * k, 3, "%02x", digest[k]);
    }
}
