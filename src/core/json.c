/* JSON lines on top of Jansson. */
#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *thm_json_real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *thm_json_reals(int n, const double *x)
{
    json_t *array = json_array();
    for (int i = 0; i < n && array != NULL; i++) {
        if (json_array_append_new(array, thm_json_real(x[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

json_t *thm_json_u64(uint64_t x)
{
    if (x <= INT64_MAX) {
        return json_integer((json_int_t)x);
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, x);
    return json_string(digits);
}

json_t *thm_json_string(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    if (value != NULL) {
        return value;
    }
    char *ascii = strdup(text);
    if (ascii == NULL) {
        return NULL;
    }
    for (char *c = ascii; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            *c = '?';
        }
    }
    value = json_string(ascii);
    free(ascii);
    return value;
}

thm_status thm_json_write(FILE *stream, const json_t *value)
{
    if (value == NULL) {
        return THM_ENOMEM;
    }
    if (json_dumpf(value, stream, JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY) !=
            0 ||
        fputc('\n', stream) == EOF) {
        return THM_EIO;
    }
    return THM_OK;
}
