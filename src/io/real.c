/* Numbers of safetensors as doubles, exactly: F64, F32, F16, BF16. */
#include "io/formats.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "numbers are copied as they lie in the file");

static double from_f16(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = (bits & 1023) * 0x1p-10;
    double size;
    if (exponent == 31) {
        size = fraction > 0 ? (double)NAN : HUGE_VAL;
    } else if (exponent == 0) {
        size = fraction * 0x1p-14;
    } else {
        size = ldexp(1 + fraction, exponent - 15);
    }
    return bits >> 15 ? -size : size;
}

double thm_real_read(const char *dtype, const unsigned char *from)
{
    double f64;
    float f32;
    uint16_t half;
    if (strcmp(dtype, "F64") == 0) {
        memcpy(&f64, from, 8);
        return f64;
    }
    if (strcmp(dtype, "F32") == 0) {
        memcpy(&f32, from, 4);
        return (double)f32;
    }
    memcpy(&half, from, 2);
    if (dtype[0] == 'F') {
        return from_f16(half);
    }
    uint32_t wide = (uint32_t)half << 16;
    memcpy(&f32, &wide, 4);
    return (double)f32;
}
