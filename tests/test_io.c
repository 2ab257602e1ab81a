/* Suite of text tables and IDX files.  Oracles: the numbers that the text was
 * written from; bytes laid out by hand; zlib's own compressor; Debian's data
 * set where it is installed. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <zlib.h>

#include "io/idx.h"
#include "io/tensor.h"
#include "tests/scratch.h"

static thm_message msg;

static thm_status parse(const char *text, thm_tensor *t)
{
    msg.text[0] = '\0';
    return thm_tensor_parse("file", NULL, (const unsigned char *)text,
                            strlen(text), t, &msg);
}

/* ---- text --------------------------------------------------------------- */

/* stored: the table beside the text */
START_TEST(text_is_read)
{
    static const char *const same[] = {
        "1 2.385\n-1.127 4\n", "1,2.385\n-1.127,4",
        "# head\n\n  1\t, 2.385 # tail\r\n-1.127 ,4\r\n# end",
        "\xef\xbb\xbf 1 2.385\n\n\n-1.127 0x1p2\n",
        "+1.0e0 2385e-3\n-.1127e1 4.\n   \n"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        thm_tensor t;
        ck_assert_msg(parse(same[i], &t) == THM_OK, "%s", msg.text);
        ck_assert_int_eq(t.ndim, 2);
        ck_assert(t.shape[0] == 2 && t.shape[1] == 2 && t.count == 4);
        ck_assert(t.data[0] == 1 && t.data[1] == 2.385);
        ck_assert(t.data[2] == -1.127 && t.data[3] == 4);
        ck_assert(t.text && t.eps == 0x1p-53);
        ck_assert_int_eq(thm_tensor_finite(&t, "file", false, &msg), THM_OK);
        thm_tensor_free(&t);
    }
    thm_tensor_free(NULL);
}
END_TEST

/* identity: %.17g and back gives the same double, denormals included */
START_TEST(text_keeps_every_bit)
{
    static const double x[] = {0.1,
                               1.0 / 3,
                               DBL_MAX,
                               DBL_MIN,
                               DBL_TRUE_MIN,
                               -0.0,
                               745.13321910194122,
                               0x1.fffffffffffffp-1};
    enum { N = sizeof x / sizeof *x };
    char text[1024];
    size_t used = 0;
    for (int i = 0; i < N; i++) {
        used += (size_t)sprintf(text + used, "%.17g ", x[i]);
    }
    thm_tensor t;
    ck_assert_int_eq(parse(text, &t), THM_OK);
    ck_assert_uint_eq(t.count, N);
    ck_assert(memcmp(t.data, x, sizeof x) == 0);
    thm_tensor_free(&t);
}
END_TEST

/* second route: a line of a million numbers, written by a loop */
START_TEST(text_lines_may_be_huge)
{
    enum { N = 1000000 };
    char *text = malloc(8 * N);
    size_t used = 0;
    for (int i = 0; i < N; i++) {
        used += (size_t)sprintf(text + used, "%d,", i);
    }
    text[used - 1] = '\0';
    thm_tensor t;
    ck_assert_int_eq(parse(text, &t), THM_OK);
    ck_assert(t.shape[0] == 1 && t.shape[1] == N);
    for (int i = 0; i < N; i++) {
        ck_assert(t.data[i] == i);
    }
    thm_tensor_free(&t);
    free(text);
}
END_TEST

/* the place and the finding that each message must name */
START_TEST(bad_text_is_located)
{
    static const char *const rows[][2] = {
        {"", "expected at least one number, found none"},
        {"# only\n\n", "expected at least one number, found none"},
        {"1 2\n3 x", "file:2:3: expected a number, found 'x'"},
        {"1 2\n3", "file:2: expected 2 numbers as in line 1, found 1"},
        {"#\n1\n\n2 3\n", "file:4: expected 1 numbers as in line 2, found 2"},
        {"1,,2", "file:1:3: expected a number, found ','"},
        {",1", "file:1:1: expected a number, found ','"},
        {"1,", "file:1:3: expected a number after the comma, found the end"},
        {"1,\n2", "file:1:3: expected a number after the comma, found the end"},
        {"1, # c", "expected a number after the comma, found the end"},
        {"1;2", "file:1:1: expected a number, found '1;2'"},
        {"1e999", "expected a number below 1.8e308, found '1e999'"},
        {"1 \x80", "file:1:3: expected a number, found the byte 0x80"},
        {"0x", "expected a number, found '0x'"},
        {"1.2.3", "expected a number, found '1.2.3'"},
        {"\x93NUMPY\x01", "found a NumPy .npy file"},
        {"PK\x03\x04zip", "found a zip archive"},
        {"\x1f\x8b\x08", "found a gzip file"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thm_tensor t;
        ck_assert_int_eq(parse(rows[i][0], &t), THM_EFORMAT);
        ck_assert_msg(strstr(msg.text, rows[i][1]) != NULL, "%s -> %s",
                      rows[i][0], msg.text);
        ck_assert_ptr_null(strchr(msg.text, '\n'));
    }
    thm_tensor t;
    ck_assert_int_eq(thm_tensor_parse("file", NULL,
                                      (const unsigned char *)"12345678 1\0002",
                                      12, &t, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "'1'"));
    ck_assert_int_eq(
        thm_tensor_parse("file", "w", (const unsigned char *)"1", 1, &t, &msg),
        THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "a tensor 'w', found text"));
}
END_TEST

/* the place of the first value that is not finite */
START_TEST(what_is_not_finite_is_located)
{
    static const struct {
        const char *text;
        bool minus_inf;
        const char *found;
    } rows[] = {{"1 2\n3 nan", false,
                 "file:2: number 2: expected a finite number, "
                 "found nan"},
                {"#\n-inf 2", false,
                 "file:2: number 1: expected a finite number, "
                 "found -inf"},
                {"-inf inf", true,
                 "file:1: number 2: expected a finite number or "
                 "-inf, found inf"},
                {"-inf 1\n-NaN 1", true, "file:2: number 1"},
                {"-inf 1", true, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thm_tensor t;
        ck_assert_int_eq(parse(rows[i].text, &t), THM_OK);
        thm_status status =
            thm_tensor_finite(&t, "file", rows[i].minus_inf, &msg);
        if (rows[i].found == NULL) {
            ck_assert_int_eq(status, THM_OK);
        } else {
            ck_assert_int_eq(status, THM_EFORMAT);
            ck_assert_msg(strstr(msg.text, rows[i].found), "%s", msg.text);
        }
        thm_tensor_free(&t);
    }
}
END_TEST

/* identity: a column is a vector, leading dimensions flatten */
START_TEST(rows_are_views)
{
    static const struct {
        const char *text;
        int rows, n;
    } cases[] = {{"1\n2\n3\n", 1, 3},
                 {"1 2 3", 1, 3},
                 {"1 2\n3 4\n5 6", 3, 2},
                 {"7", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thm_tensor t;
        int rows, n;
        ck_assert_int_eq(parse(cases[i].text, &t), THM_OK);
        ck_assert_int_eq(thm_tensor_rows(&t, "file", &rows, &n, &msg), THM_OK);
        ck_assert(rows == cases[i].rows && n == cases[i].n);
        thm_tensor_free(&t);
    }
    int rows = 7, n = 7;
    thm_tensor deep = {.ndim = 3, .shape = {2, 3, 5}, .count = 30};
    ck_assert_int_eq(thm_tensor_rows(&deep, "file", &rows, &n, &msg), THM_OK);
    ck_assert(rows == 6 && n == 5);
    thm_tensor empty = {.ndim = 2, .shape = {0, 3}};
    ck_assert_int_eq(thm_tensor_rows(&empty, "file", &rows, &n, &msg),
                     THM_EFORMAT);
    thm_tensor wide = {
        .ndim = 1, .shape = {(size_t)1 << 31}, .count = (size_t)1 << 31};
    ck_assert_int_eq(thm_tensor_rows(&wide, "file", &rows, &n, &msg),
                     THM_EOVERFLOW);
    ck_assert(rows == 6 && n == 5);
}
END_TEST

/* the file system: whole names win over FILE:NAME, pipes are read to their end
 */
START_TEST(files_are_found)
{
    thm_tensor t;
    scratch_write("a:b", "1 2", 3);
    ck_assert_int_eq(thm_tensor_read(scratch_path("a:b"), &t, &msg), THM_OK);
    ck_assert_uint_eq(t.count, 2);
    thm_tensor_free(&t);
    ck_assert_int_eq(thm_tensor_read(scratch_path("a:b:w"), &t, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "a tensor 'w', found text"));
    ck_assert_int_eq(thm_tensor_read(scratch_path("no:w"), &t, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "no:w: expected a readable file"));
    ck_assert_int_eq(thm_tensor_read(scratch, &t, &msg), THM_EIO);

    char command[128];
    snprintf(command, sizeof command, "seq 1 100000");
    FILE *pipe = popen(command, "r");
    ck_assert_int_eq(dup2(fileno(pipe), STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(thm_tensor_read("-", &t, &msg), THM_OK);
    pclose(pipe);
    ck_assert(t.count == 100000 && t.data[99999] == 100000);
    thm_tensor_free(&t);
    ck_assert_int_eq(thm_tensor_read("-", &t, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "standard input: "));
}
END_TEST

/* ---- IDX ---------------------------------------------------------------- */

static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,
                                       3, 0, 0, 0, 1, 9, 8, 7, 6, 5, 4};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 4, 5, 6};

static size_t gzip(const unsigned char *from, size_t size, unsigned char *to,
                   size_t room)
{
    z_stream z = {0};
    ck_assert_int_eq(
        deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY),
        Z_OK);
    z.next_in = (Bytef *)from;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t used = room - z.avail_out;
    deflateEnd(&z);
    return used;
}

/* stored: bytes laid out by hand, plain and through zlib */
START_TEST(idx_is_read)
{
    unsigned char packed[256];
    size_t size = gzip(images, sizeof images, packed, sizeof packed);
    const unsigned char *both[] = {images, packed};
    const size_t sizes[] = {sizeof images, size};
    for (int i = 0; i < 2; i++) {
        thm_idx x;
        ck_assert_int_eq(thm_idx_parse("f", both[i], sizes[i], 0, &x, &msg),
                         THM_OK);
        ck_assert(x.count == 2 && x.rows == 3 && x.cols == 1);
        ck_assert(memcmp(x.data, images + 16, 6) == 0);
        thm_idx_free(&x);
        thm_idx_free(&x);
        ck_assert_int_eq(thm_idx_parse("f", both[i], sizes[i], 1, &x, &msg),
                         THM_OK);
        ck_assert(x.count == 1 && memcmp(x.data, images + 16, 3) == 0);
        thm_idx_free(&x);
        ck_assert_int_eq(thm_idx_parse("f", both[i], sizes[i], 9, &x, &msg),
                         THM_OK);
        ck_assert(x.count == 2);
        thm_idx_free(&x);
    }
    thm_idx x;
    ck_assert_int_eq(thm_idx_parse("f", labels, sizeof labels, 0, &x, &msg),
                     THM_OK);
    ck_assert(x.count == 3 && x.rows == 1 && x.cols == 1 && x.data[2] == 6);
    thm_idx_free(&x);
    thm_idx_free(NULL);
}
END_TEST

/* every truncation of a good file, plain and packed, is refused, and so is one
 * byte more */
START_TEST(idx_is_whole_or_refused)
{
    unsigned char packed[256];
    size_t size = gzip(images, sizeof images, packed, sizeof packed - 1);
    thm_idx x;
    for (size_t i = 0; i < sizeof images; i++) {
        ck_assert_int_eq(thm_idx_parse("f", images, i, 0, &x, &msg),
                         THM_EFORMAT);
    }
    for (size_t i = 0; i < size; i++) {
        ck_assert_int_eq(thm_idx_parse("f", packed, i, 0, &x, &msg),
                         THM_EFORMAT);
    }
    packed[size] = 0;
    ck_assert_int_eq(thm_idx_parse("f", packed, size + 1, 0, &x, &msg),
                     THM_EFORMAT);
    packed[size - 6] ^= 1; /* the checksum */
    ck_assert_int_eq(thm_idx_parse("f", packed, size, 0, &x, &msg),
                     THM_EFORMAT);
    unsigned char longer[sizeof images + 1] = {0};
    memcpy(longer, images, sizeof images);
    ck_assert_int_eq(thm_idx_parse("f", longer, sizeof longer, 0, &x, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "found more"));
}
END_TEST

/* lying headers: wrong type, no dimension, empty, and a promise of 2^93 bytes,
 * plain or packed, that must not be believed by malloc */
START_TEST(idx_headers_are_not_believed)
{
    static const unsigned char bad[][17] = {
        {0, 0, 9, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 1, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1, 5},
        {0, 0, 8, 3, 127, 255, 255, 255, 127, 255, 255, 255, 127, 255, 255, 255,
         5},
        {0, 0, 8, 3, 127, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1, 5},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        thm_idx x;
        unsigned char packed[256];
        size_t size = gzip(bad[i], sizeof bad[i], packed, sizeof packed);
        ck_assert_int_eq(thm_idx_parse("f", bad[i], sizeof bad[i], 0, &x, &msg),
                         THM_EFORMAT);
        ck_assert_int_eq(thm_idx_parse("f", packed, size, 0, &x, &msg),
                         THM_EFORMAT);
    }
}
END_TEST

/* Debian's data set: its published counts; without it, the package's name */
START_TEST(fashion_mnist_is_read)
{
    const char *path = THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz";
    thm_idx x;
    thm_status status = thm_idx_read(path, 100, &x, &msg);
    if (access(path, F_OK) == 0) {
        ck_assert_int_eq(status, THM_OK);
        ck_assert(x.count == 100 && x.rows == 28 && x.cols == 28);
        thm_idx_free(&x);
    } else {
        ck_assert_int_eq(status, THM_EIO);
        ck_assert_ptr_nonnull(strstr(msg.text, "dataset-fashion-mnist"));
    }
    ck_assert_int_eq(thm_idx_read(THM_FASHION_MNIST "absent", 0, &x, &msg),
                     THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "dataset-fashion-mnist"));
    ck_assert_int_eq(thm_idx_read(scratch_path("absent"), 0, &x, &msg),
                     THM_EIO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io");
    TCase *c = tcase_create("io");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, text_is_read);
    tcase_add_test(c, text_keeps_every_bit);
    tcase_add_test(c, bad_text_is_located);
    tcase_add_test(c, what_is_not_finite_is_located);
    tcase_add_test(c, rows_are_views);
    tcase_add_test(c, files_are_found);
    tcase_add_test(c, idx_is_read);
    tcase_add_test(c, idx_is_whole_or_refused);
    tcase_add_test(c, idx_headers_are_not_believed);
    tcase_add_test(c, fashion_mnist_is_read);
    suite_add_tcase(suite, c);
    TCase *slow = tcase_create("huge");
    tcase_set_timeout(slow, 60);
    tcase_set_tags(slow, "long");
    tcase_add_checked_fixture(slow, scratch_make, scratch_remove);
    tcase_add_test(slow, text_lines_may_be_huge);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
