/* Oracles: a convolution's patches, entry by entry; pictures laid out by hand;
 * a list of files that do not fit, each with the words of its message. */
#include <math.h>

#include "io/tensor.h"
#include "tests/scratch.h"
#include "vit/images.h"

static thm_message msg;

/* 2 x 3 patches of 2 x 2 pixels in 3 channels. */
static thm_vit_config model(void)
{
    thm_vit_config c = thm_vit_config_default();
    c.tokens = 6;
    c.features = 12;
    return c;
}

/* N pictures of `ndim` - 1 dimensions C, H, W with numbers 0, 1, 2, ... */
static const char *put_tensor(const char *name, int ndim, size_t N, size_t C,
                              size_t H, size_t W, double first)
{
    static double x[4096];
    const size_t shape[] = {N, C, H, W}, *from = shape + 4 - ndim;
    thm_tensor_out out = {.name = "x", .ndim = ndim, .data = x};
    for (int k = 0; k < ndim; k++) {
        out.shape[k] = from[k];
    }
    for (size_t k = 0; k < sizeof x / sizeof *x; k++) {
        x[k] = (double)k;
    }
    x[0] = first;
    const char *path = scratch_path(name);
    ck_assert_int_eq(thm_tensor_write(path, 1, &out, NULL), THM_OK);
    return path;
}

START_TEST(patches_of_a_convolution)
{
    const thm_vit_config c = model();
    thm_vit_images im;
    const char *path = put_tensor("x", 4, 2, 3, 4, 6, 0);
    ck_assert_msg(thm_vit_images_read(path, &c, 3, 0, &im, &msg) == THM_OK,
                  "%s", msg.text);
    ck_assert(im.count == 2 && im.channels == 3 && im.patch == 2);
    ck_assert(im.rows == 2 && im.cols == 3);
    for (int n = 0; n < 2; n++) {
        for (int t = 0; t < 6; t++) {
            for (int k = 0; k < 12; k++) {
                const int channel = k / 4, y = t / 3 * 2 + k % 4 / 2,
                          x = t % 3 * 2 + k % 2;
                ck_assert((double)im.x[(n * 6 + t) * 12 + k] ==
                          ((n * 3 + channel) * 4 + y) * 6 + x);
            }
        }
    }
    thm_vit_images_free(&im);
    thm_vit_images_free(&im);
    thm_vit_images_free(NULL);

    /* the first, and one picture alone, any channels */
    ck_assert_int_eq(thm_vit_images_read(path, &c, 0, 1, &im, &msg), THM_OK);
    ck_assert(im.count == 1 && im.x[1] == 1.0F);
    thm_vit_images_free(&im);
    path = put_tensor("one", 3, 1, 3, 4, 6, 0);
    ck_assert_int_eq(thm_vit_images_read(path, &c, 3, 5, &im, &msg), THM_OK);
    ck_assert_int_eq(im.count, 1);
    thm_vit_images_free(&im);
}
END_TEST

START_TEST(idx_is_grey)
{
    /* two pictures of 2 x 4 bytes in patches of 2 x 2 */
    static const unsigned char file[] = {
        0, 0, 8, 3, 0,  0,  0,  2,  0,  0,  0,  2,  0,  0,  0,   4,
        0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 255, 33};
    thm_vit_config c = model();
    thm_vit_images im;
    c.tokens = 2;
    c.features = 4;
    const char *path = scratch_write("i", file, sizeof file);
    ck_assert_msg(thm_vit_images_read(path, &c, 1, 0, &im, &msg) == THM_OK,
                  "%s", msg.text);
    ck_assert(im.count == 2 && im.channels == 1 && im.rows == 1);
    static const int expected[] = {0,  1,  10, 11, 2,  3,  12,  13,
                                   20, 21, 30, 31, 22, 23, 255, 33};
    for (int k = 0; k < 16; k++) {
        ck_assert_double_eq_tol((double)im.x[k], expected[k] / 255.0, 1e-7);
    }
    thm_vit_images_free(&im);
    ck_assert_int_eq(thm_vit_images_read(path, &c, 3, 0, &im, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "found 1 channels"));
    path = scratch_write("cut", file, 9);
    ck_assert_int_eq(thm_vit_images_read(path, &c, 1, 0, &im, &msg),
                     THM_EFORMAT);
}
END_TEST

START_TEST(what_does_not_fit)
{
    thm_vit_config c = model();
    thm_vit_images im = {.count = 99};
    static const struct {
        int ndim;
        size_t C, H, W;
        int channels;
        double first;
        const char *words;
    } bad[] = {
        {4, 3, 4, 5, 3, 0, "6 patches of 2 x 2 pixels, found 4 x 5 pixels"},
        {4, 3, 4, 4, 3, 0, "6 patches of 2 x 2 pixels, found 4 x 4 pixels"},
        {4, 3, 5, 6, 3, 0, "found 5 x 6 pixels"},
        {4, 1, 4, 6, 3, 0, "12 numbers (3 channels; 0: any), found 1 channels"},
        {4, 2, 4, 6, 0, 0, "found 2 channels"},
        {4, 99, 4, 6, 0, 0, "found 99 channels"},
        {2, 3, 4, 6, 3, 0, "N x C x H x W, found 2 dimensions"},
        {4, 3, 0, 6, 3, 0, "found 4 dimensions and 0 numbers"},
        {4, 3, 4, 6, 3, (double)NAN, "expected a finite number, found nan"},
        {4, 3, 4, 6, 3, 1e300, "expected numbers of single precision"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        const char *path = put_tensor("x", bad[k].ndim, 1, bad[k].C, bad[k].H,
                                      bad[k].W, bad[k].first);
        ck_assert_int_eq(
            thm_vit_images_read(path, &c, bad[k].channels, 0, &im, &msg),
            THM_EFORMAT);
        ck_assert_msg(strstr(msg.text, bad[k].words) != NULL, "%s", msg.text);
        ck_assert_int_eq(im.count, 99);
    }
    ck_assert_int_eq(thm_vit_images_read("/nowhere/x", &c, 3, 0, &im, &msg),
                     THM_EIO);
    c.input = THM_VIT_VOCABULARY;
    ck_assert_int_eq(thm_vit_images_read(put_tensor("x", 4, 1, 3, 4, 6, 0), &c,
                                         3, 0, &im, &msg),
                     THM_EDOMAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-images");
    TCase *tc = tcase_create("images");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, patches_of_a_convolution);
    tcase_add_test(tc, idx_is_grey);
    tcase_add_test(tc, what_does_not_fit);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
