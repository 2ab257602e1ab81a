/* Statuses, one-line messages and checked products of sizes. */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *thm_status_text(thm_status status)
{
    switch (status) {
#define STATUS_CASE(name, text)                                                \
    case name:                                                                 \
        return text;
        THM_STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

thm_status thm_fail(thm_status status, thm_message *msg, const char *format,
                    ...)
{
    if (msg == NULL) {
        return status;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(msg->text, sizeof msg->text, format, args);
    va_end(args);
    /* A name from a file may hold anything: keep the line one line, and keep
     * escape sequences away from the terminal that will show it. */
    for (char *c = msg->text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
    return status;
}

thm_status thm_size_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return THM_EOVERFLOW;
    }
    *out = product;
    return THM_OK;
}

thm_status thm_size_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return THM_EOVERFLOW;
    }
    *out = sum;
    return THM_OK;
}
