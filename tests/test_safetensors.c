/* Suite of safetensors.  Oracles: files laid out by hand from the format's
 * description; the C library's own rounding from double to float; a list of
 * lies, each with the word that its message must hold. */
#include <float.h>
#include <math.h>
#include <stdint.h>

#include "io/tensor.h"
#include "tests/scratch.h"

static thm_message msg;
static unsigned char file[4096];

/* A file of this header and `size` bytes of data; returns its size. */
static size_t lay_out(const char *header, const void *data, size_t size)
{
    uint64_t length = strlen(header);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    if (size > 0) {
        memcpy(file + 8 + length, data, size);
    }
    return 8 + length + size;
}

static thm_status parse(const char *name, size_t size, thm_tensor *t)
{
    msg.text[0] = '\0';
    /* a copy of its own, so that a sanitizer sees every byte beyond */
    unsigned char *copy = malloc(size + (size == 0));
    memcpy(copy, file, size);
    thm_status status = thm_tensor_parse("file", name, copy, size, t, &msg);
    free(copy);
    return status;
}

/* stored: the same, of the header alone */
START_TEST(tensors_are_listed)
{
    static const unsigned char data[12] = {0};
    size_t count = 9,
           size = lay_out(
               "{\"b\": {\"dtype\": \"I8\", \"shape\": [4, 1], "
               "\"data_offsets\": [8, 12]}, \"a\": {\"dtype\": \"F16\", "
               "\"shape\": [2, 2], \"data_offsets\": [0, 8]}}",
               data, sizeof data);
    thm_tensor *list = NULL;
    ck_assert_int_eq(thm_tensor_list("file", file, size, &count, &list, &msg),
                     THM_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(list[0].name, "a");
    ck_assert(list[0].ndim == 2 && list[0].shape[1] == 2 &&
              list[0].eps == 0x1p-11 && list[0].data == NULL);
    ck_assert_str_eq(list[1].name, "b");
    ck_assert(list[1].count == 4 && !(list[1].eps > 0));
    free(list);
    list = NULL;
    ck_assert_int_eq(
        thm_tensor_list("file", file, size - 1, &count, &list, &msg),
        THM_EFORMAT);
    ck_assert(list == NULL && count == 2);
    size = lay_out("{\"b\": {\"dtype\": \"I8\", \"shape\": "
                   "[1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 1]}}",
                   data, 1);
    ck_assert_int_eq(thm_tensor_list("file", file, size, &count, &list, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "at most 8 dimensions, found 9"));
}
END_TEST

/* stored: shapes, names and values laid out by hand */
START_TEST(tensors_are_read)
{
    static const double data[] = {2.385, -1.127, 0.5, 1, 2, 3};
    size_t size =
        lay_out("{\"__metadata__\": {\"a\": \"b\"},"
                "\"w\": {\"dtype\": \"F64\", \"shape\": [2, 1, 2], "
                "\"data_offsets\": [0, 32]},"
                "\"scalar\": {\"dtype\": \"F64\", \"shape\": [], "
                "\"data_offsets\": [32, 40]}, \"none\": {\"dtype\": \"I8\", "
                "\"shape\": [0, 7], \"data_offsets\": [40, 40]},"
                "\"k\": {\"dtype\": \"I64\", \"shape\": [1], "
                "\"data_offsets\": [40, 48]}}   ",
                data, sizeof data);
    thm_tensor t;
    ck_assert_msg(parse("w", size, &t) == THM_OK, "%s", msg.text);
    ck_assert_str_eq(t.name, "w");
    ck_assert(t.ndim == 3 && t.count == 4 && !t.text && t.eps == 0x1p-53);
    ck_assert(t.shape[0] == 2 && t.shape[1] == 1 && t.shape[2] == 2);
    ck_assert(memcmp(t.data, data, 32) == 0);
    char place[64];
    thm_tensor_place(&t, "f", 3, place, sizeof place);
    ck_assert_str_eq(place, "f: row 1, column 1 (from 0)");
    thm_tensor_free(&t);

    ck_assert_int_eq(parse("scalar", size, &t), THM_OK);
    ck_assert(t.ndim == 1 && t.shape[0] == 1 && t.data[0] == 2);
    thm_tensor_free(&t);

    ck_assert_int_eq(parse(NULL, size, &t), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "FILE:NAME"));
    ck_assert_ptr_nonnull(strstr(msg.text, "w, scalar, none, k"));
    ck_assert_int_eq(parse("v", size, &t), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "a tensor 'v', found 4 tensor(s)"));
    ck_assert_int_eq(parse("k", size, &t), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "found I64"));

    const char *path = scratch_write("f.safetensors", file, size);
    char spec[300];
    snprintf(spec, sizeof spec, "%s:w", path);
    ck_assert_int_eq(thm_tensor_read(spec, &t, &msg), THM_OK);
    ck_assert_uint_eq(t.count, 4);
    thm_tensor_free(&t);
}
END_TEST

/* every 16-bit pattern of F16 and BF16 against its definition
 * (-1)^s 2^(e - bias) (1 + f), and against the C library through float */
START_TEST(halves_are_exact)
{
    thm_tensor t;
    for (int bits = 0; bits < 65536; bits++) {
        uint16_t half = (uint16_t)bits;
        size_t size = lay_out("{\"h\":{\"dtype\":\"F16\",\"shape\":[1],"
                              "\"data_offsets\":[0,2]}}",
                              &half, 2);
        ck_assert_int_eq(parse(NULL, size, &t), THM_OK);
        int e = bits >> 10 & 31, f = bits & 1023;
        double sign = bits >> 15 ? -1 : 1;
        double want =
            e == 0 ? sign * ldexp(f, -24) : sign * ldexp(1024 + f, e - 25);
        ck_assert(t.eps == 0x1p-11);
        if (e == 31) {
            ck_assert(f == 0 ? t.data[0] == sign * HUGE_VAL : isnan(t.data[0]));
        } else {
            ck_assert(t.data[0] == want);
            ck_assert(signbit(t.data[0]) == signbit(want));
        }
        thm_tensor_free(&t);

        size = lay_out("{\"h\":{\"dtype\":\"BF16\",\"shape\":[1],"
                       "\"data_offsets\":[0,2]}}",
                       &half, 2);
        ck_assert_int_eq(parse(NULL, size, &t), THM_OK);
        ck_assert(t.eps == 0x1p-8);
        e = bits >> 7 & 255;
        f = bits & 127;
        if (e < 255) {
            want =
                e == 0 ? sign * ldexp(f, -133) : sign * ldexp(128 + f, e - 134);
            ck_assert(t.data[0] == want);
        } else {
            ck_assert(f == 0 ? isinf(t.data[0]) : isnan(t.data[0]));
        }
        thm_tensor_free(&t);
    }
}
END_TEST

/* every lie about one tensor of 8 bytes, and the word that names it */
START_TEST(lies_are_refused)
{
    static const char *const lies[][2] = {
        {"", "expected a JSON header"},
        {"{", "expected a JSON header"},
        {"{}x", "expected a JSON header"},
        {"[]", "expected a JSON object"},
        {"{\"a\": 3}", "entry 'a': expected a JSON object"},
        {"{\"__metadata__\": 3}", "entry '__metadata__'"},
        {"{}", "expected 0 bytes of data, found 8"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,8]}}", "dtype"},
        {"{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         "found F99"},
        {"{\"a\":{\"dtype\":\"F64\",\"data_offsets\":[0,8]}}", "'shape'"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1]}}", "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0]}}",
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,9]}}",
         "<= 8"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,0]}}",
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[-8,0]}}",
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],"
         "\"data_offsets\":[0,9223372036854775807]}}",
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],"
         "\"data_offsets\":[0,9223372036854775808]}}",
         "expected a JSON header"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8.0]}}",
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}",
         "expected 2 elements of 8"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[-1],\"data_offsets\":[0,8]}}",
         "non-negative"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1.0],\"data_offsets\":[0,8]}}",
         "non-negative"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4],"
         "\"data_offsets\":[0,8]}}",
         "beyond 2^64"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693953],"
         "\"data_offsets\":[0,8]}}",
         "elements of 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "expected 4 bytes of data, found 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "offset 0 without gap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         "gap or overlap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "duplicate"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1,1,1,1,1,1,1,1,1],"
         "\"data_offsets\":[0,8]}}",
         "at most 8 dimensions"},
        {"{\"a\\u0000\":{\"dtype\":\"F64\",\"shape\":[1],"
         "\"data_offsets\":[0,8]}}",
         "expected a JSON header"},
    };
    static const double data = 2.385;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        thm_tensor t;
        size_t size = lay_out(lies[i][0], &data, 8);
        ck_assert_msg(parse(NULL, size, &t) == THM_EFORMAT, "%s", lies[i][0]);
        ck_assert_msg(strstr(msg.text, lies[i][1]) != NULL, "%s -> %s",
                      lies[i][0], msg.text);
    }
}
END_TEST

/* every truncation, and header lengths that no file can have */
START_TEST(lengths_are_not_believed)
{
    static const double data = 2.385;
    static const uint64_t lengths[] = {UINT64_MAX, (uint64_t)1 << 63,
                                       ((uint64_t)1 << 63) - 1, 1 << 20, 65};
    size_t size = lay_out("{\"a\":{\"dtype\":\"F64\",\"shape\":[1],"
                          "\"data_offsets\":[0,8]}}",
                          &data, 8);
    thm_tensor t;
    ck_assert_int_eq(parse(NULL, size, &t), THM_OK);
    ck_assert(t.data[0] == data);
    thm_tensor_free(&t);
    /* from 2: the first byte alone is the text "9" */
    for (size_t i = 2; i < size; i++) {
        ck_assert_int_eq(parse(NULL, i, &t), THM_EFORMAT);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(file, &lengths[i], 8);
        ck_assert_int_eq(parse(NULL, size, &t), THM_EFORMAT);
        ck_assert_ptr_nonnull(strstr(msg.text, "header length"));
    }
}
END_TEST

/* identity: what is written is read; F32 is the C library's rounding */
START_TEST(tensors_are_written)
{
    static const double x[] = {2.385, -1.127, 1.0 / 3, 0x1p-149, 1e300, -0.0};
    const thm_tensor_out out[] = {
        {.name = "single \"q\"",
         .ndim = 2,
         .shape = {3, 2},
         .data = x,
         .f32 = true},
        {.name = "double", .ndim = 1, .shape = {6}, .data = x},
        {.name = "empty", .ndim = 2, .shape = {0, 5}, .data = x},
    };
    const char *path = scratch_path("out.safetensors");
    char spec[300];
    thm_tensor t;
    ck_assert_msg(thm_tensor_write(path, 3, out, &msg) == THM_OK, "%s",
                  msg.text);
    snprintf(spec, sizeof spec, "%s:single \"q\"", path);
    ck_assert_msg(thm_tensor_read(spec, &t, &msg) == THM_OK, "%s", msg.text);
    ck_assert(t.eps == 0x1p-24 && t.shape[0] == 3 && t.shape[1] == 2);
    for (int i = 0; i < 6; i++) {
        ck_assert(t.data[i] == (double)(float)x[i]);
    }
    thm_tensor_free(&t);
    snprintf(spec, sizeof spec, "%s:double", path);
    ck_assert_int_eq(thm_tensor_read(spec, &t, &msg), THM_OK);
    ck_assert(memcmp(t.data, x, sizeof x) == 0);
    thm_tensor_free(&t);
    char *text = scratch_read(path);
    uint64_t length;
    memcpy(&length, text, 8);
    ck_assert_uint_eq(length % 8, 0);
    free(text);
}
END_TEST

/* every documented error of the writer; nothing appears */
START_TEST(bad_tensors_are_not_written)
{
    static const double x = 1;
    const char *path = scratch_path("out.safetensors");
    thm_tensor_out out[2] = {
        {.name = "a", .ndim = 1, .shape = {1}, .data = &x},
        {.name = "a", .ndim = 1, .shape = {1}, .data = &x}};
    ck_assert_int_eq(thm_tensor_write(path, 2, out, &msg), THM_EDOMAIN);
    out[1].name = "__metadata__";
    ck_assert_int_eq(thm_tensor_write(path, 2, out, &msg), THM_EDOMAIN);
    out[1].name = "b";
    out[1].ndim = 9;
    ck_assert_int_eq(thm_tensor_write(path, 2, out, &msg), THM_EDIM);
    out[1].ndim = 2;
    out[1].shape[0] = out[1].shape[1] = (size_t)1 << 31;
    ck_assert_int_eq(thm_tensor_write(path, 2, out, &msg), THM_EOVERFLOW);
    out[1].name = "\xff";
    out[1].ndim = 1;
    out[1].shape[0] = 1;
    ck_assert_int_eq(thm_tensor_write(path, 2, out, &msg), THM_EDOMAIN);
    ck_assert_int_eq(scratch_count(), 0);
    ck_assert_int_eq(thm_tensor_write("/dev/full", 1, out, &msg), THM_EIO);
    ck_assert_int_eq(thm_tensor_write(scratch_path("no/x"), 1, out, &msg),
                     THM_EIO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *c = tcase_create("safetensors");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, tensors_are_read);
    tcase_add_test(c, tensors_are_listed);
    tcase_add_test(c, lies_are_refused);
    tcase_add_test(c, lengths_are_not_believed);
    tcase_add_test(c, tensors_are_written);
    tcase_add_test(c, bad_tensors_are_not_written);
    suite_add_tcase(suite, c);
    TCase *slow = tcase_create("halves");
    tcase_set_timeout(slow, 240);
    tcase_set_tags(slow, "long");
    tcase_add_checked_fixture(slow, scratch_make, scratch_remove);
    tcase_add_test(slow, halves_are_exact);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
