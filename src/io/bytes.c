/* Whole files in memory. */
#include "io/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *thm_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Where to start: one byte more than a regular file holds, so that its end
 * shows without growing; the length of a pipe is unknown. */
static size_t first_capacity(FILE *stream)
{
    struct stat info;
    if (fstat(fileno(stream), &info) == 0 && S_ISREG(info.st_mode) &&
        info.st_size >= 0) {
        return (size_t)info.st_size + 1;
    }
    return 65536;
}

static thm_status read_all(FILE *stream, const char *name,
                           unsigned char **bytes, size_t *size,
                           thm_message *msg)
{
    size_t capacity = first_capacity(stream), used = 0;
    unsigned char *buffer = malloc(capacity);
    while (buffer != NULL) {
        errno = 0;
        used += fread(buffer + used, 1, capacity - used, stream);
        if (ferror(stream)) {
            free(buffer);
            return thm_fail(THM_EIO, msg,
                            "%s: expected a readable file, found: %s", name,
                            strerror(errno));
        }
        if (used < capacity) {
            *bytes = buffer;
            *size = used;
            return THM_OK;
        }
        unsigned char *larger = NULL;
        if (thm_size_mul(capacity, 2, &capacity) == THM_OK) {
            larger = realloc(buffer, capacity);
        }
        if (larger == NULL) {
            free(buffer);
        }
        buffer = larger;
    }
    return thm_fail(THM_ENOMEM, msg, "%s: out of memory", name);
}

thm_status thm_bytes_read(const char *path, unsigned char **bytes, size_t *size,
                          thm_message *msg)
{
    const char *name = thm_input_name(path);
    if (strcmp(path, "-") == 0) {
        return read_all(stdin, name, bytes, size, msg);
    }
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return thm_fail(THM_EIO, msg, "%s: expected a readable file, found: %s",
                        name, strerror(errno));
    }
    thm_status status = read_all(stream, name, bytes, size, msg);
    fclose(stream);
    return status;
}
