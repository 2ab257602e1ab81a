/* JSON lines on top of Jansson: what JSON cannot hold becomes null. */
#ifndef THM_JSON_H
#define THM_JSON_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "core/status.h"

/* A number; null if x is NaN or infinite.  NULL if out of memory, which
 * json_object_set_new and json_array_append_new pass on as failure. */
json_t *thm_json_real(double x);

/* An array of n numbers; NULL if out of memory. */
json_t *thm_json_reals(int n, const double *x);

/* An unsigned integer: JSON's own up to 2^63 - 1 (Jansson's largest), above
 * that its decimal digits as a string, so that no bit of a seed is lost. */
json_t *thm_json_u64(uint64_t x);

/* A string; bytes that are not UTF-8 (a file name may hold any) become '?',
 * a NULL pointer becomes null.  NULL if out of memory. */
json_t *thm_json_string(const char *text);

/* Writes value as one line: keys in the order of insertion, numbers as %.17g.
 * THM_EIO if the stream fails, THM_ENOMEM if value is NULL. */
thm_status thm_json_write(FILE *stream, const json_t *value);

#endif
