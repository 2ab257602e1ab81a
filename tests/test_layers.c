/* Oracles: identity - a case is made twice, in another order, and compared bit
 * by bit; stored - an image whose patches are known by hand; and every error
 * that claims/layers.h documents. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "claims/layers.h"
#include "core/verdict.h"
#include "tests/scratch.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };

/* One image whose pixel (i, j) is 7 i + j mod 256. */
static const char *one_image(void)
{
    static unsigned char idx[16 + PIXELS] = {0, 0, 8, 3,    0, 0, 0, 1,
                                             0, 0, 0, SIDE, 0, 0, 0, SIDE};
    for (int k = 0; k < PIXELS; k++) {
        idx[16 + k] = (unsigned char)(7 * (k / SIDE) + k % SIDE);
    }
    return scratch_write("images", idx, sizeof idx);
}

static size_t bytes(int a, int b, int c)
{
    return (size_t)a * (size_t)b * (size_t)c * sizeof(double);
}

static void check_equal(const thm_layer_case *a, const thm_layer_case *b)
{
    const thm_layer *l = &a->layer;
    ck_assert(l->N == b->layer.N && l->n == b->layer.n && l->D == b->layer.D);
    ck_assert(l->d == b->layer.d && l->H == b->layer.H && l->m == b->layer.m);
    ck_assert(l->kernel == b->layer.kernel && l->c == b->layer.c);
    ck_assert_mem_eq(a->X, b->X, bytes(l->N, l->n, l->D));
    ck_assert_mem_eq(a->Y, b->Y, bytes(l->N, l->n, l->m));
    ck_assert_mem_eq(a->Wq, b->Wq, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wk, b->Wk, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wv, b->Wv, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wo, b->Wo, bytes(l->H, l->d, l->m));
}

START_TEST(a_case_replays_alone)
{
    thm_layers *a = NULL, *b = NULL;
    char name_a[THM_CASE_NAME], name_b[THM_CASE_NAME];
    int kernels[3] = {0};
    scratch_make();
    const char *path = one_image();
    ck_assert_int_eq(thm_layers_alloc(path, &a), THM_OK);
    ck_assert_int_eq(thm_layers_alloc(path, &b), THM_OK);
    thm_layer_case *ca = thm_layers_case(a), *cb = thm_layers_case(b);
    for (int64_t i = 0; i < THM_LAYERS_CASES; i++) {
        ck_assert_int_eq(thm_layers_make(a, 3, i, ca, name_a), THM_OK);
        kernels[ca->layer.kernel]++;
        ck_assert(!ca->absent && ca->layer.X == ca->X && ca->weights.Wv);
        if (i % 3 == 0) {
            ck_assert_int_eq(thm_layers_make(b, 3, i, cb, name_b), THM_OK);
            ck_assert_str_eq(name_a, name_b);
            check_equal(ca, cb);
        }
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_int_ge(kernels[k], THM_LAYERS_CASES / 6);
    }
    thm_layers_free(a);
    thm_layers_free(b);
    scratch_remove();
}
END_TEST

/* Every token is a patch of the image: pixel by pixel its values rise by 1,
 * mod 256; and no patch comes twice. */
START_TEST(tokens_are_patches)
{
    thm_layers *layers = NULL;
    const thm_layer_spec s = {.N = 2,
                              .n = 16,
                              .D = 49,
                              .d = 2,
                              .H = 1,
                              .m = 1,
                              .scale = 1.0,
                              .tokens = THM_TOKENS_PATCHES7};
    scratch_make();
    ck_assert_int_eq(thm_layers_alloc(one_image(), &layers), THM_OK);
    const thm_layer_case *c = thm_layers_case(layers);
    ck_assert_int_eq(thm_layers_draw(layers, &s, 5, 0), THM_OK);
    int sum = 0;
    for (int t = 0; t < s.n; t++) {
        const double *x = c->X + (size_t)t * 49;
        for (int k = 1; k < 49; k++) {
            /* also from the end of a line to the next: 7 - 6 */
            const double rise = (x[k] - x[k - 1]) * 255.0;
            ck_assert(fabs(rise - 1.0) < 1e-12 || fabs(rise + 255.0) < 1e-12);
        }
        sum += (int)lround(x[0] * 255.0);
        for (int other = 0; other < t; other++) {
            ck_assert_mem_ne(x, c->X + (size_t)other * 49, bytes(1, 1, 49));
        }
    }
    /* the corners are 49 i + 7 j, i, j < 4 */
    ck_assert_int_eq(sum, 16 * 3 * (49 + 7) / 2);
    thm_layers_free(layers);
    scratch_remove();
}
END_TEST

START_TEST(errors)
{
    thm_layers *layers = NULL;
    const thm_layer_spec good = {.N = 2,
                                 .n = 3,
                                 .D = 16,
                                 .d = 2,
                                 .H = 1,
                                 .m = 1,
                                 .scale = 1.0,
                                 .tokens = THM_TOKENS_PATCHES4};
    scratch_make();
    ck_assert_int_eq(thm_layers_alloc(scratch_path("none"), &layers), THM_OK);
    const thm_layer_case *c = thm_layers_case(layers);
    ck_assert_int_eq(thm_layers_draw(layers, &good, 1, 0), THM_OK);
    ck_assert(c->absent);
    thm_layer_spec bad = good;
    bad.D = 17;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    bad = good;
    bad.tokens = THM_TOKENS_NORMAL;
    bad.d = 0;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    bad = good;
    bad.m = 0;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    thm_layers_free(layers);
    thm_layers_free(NULL);
    const char *path = scratch_write("broken", "no images", 9);
    ck_assert_int_eq(thm_layers_alloc(path, &layers), THM_OK);
    ck_assert_int_eq(thm_layers_draw(layers, &good, 1, 0), THM_EFORMAT);
    thm_layers_free(layers);
    scratch_remove();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *t = tcase_create("layers");
    tcase_add_test(t, a_case_replays_alone);
    tcase_add_test(t, tokens_are_patches);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
