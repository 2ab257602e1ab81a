/* Oracles: complex steps through the twin of complex_layer.h, the plain twins,
 * identities (row sums, F = B Wv Wo, scaling of the kernel), adjointness. */
#include <float.h>
#include <limits.h>
#include <string.h>
#include "tests/complex_layer.h"
#include "tests/scratch.h"

static const struct {
    int N, n, D, d, H, m;
} shapes[] = {{1, 1, 1, 1, 1, 1}, {2, 3, 1, 2, 1, 1}, {1, 3, 2, 1, 2, 3},
              {3, 2, 7, 3, 1, 2}, {2, 1, 3, 2, 3, 2}, {2, 4, 5, 3, 2, 3},
              {1, 9, 2, 1, 1, 7}, {2, 7, 8, 9, 1, 2}};
enum { SHAPES = sizeof shapes / sizeof *shapes, KERNELS = 3 };

static void draw_shape(int k, thm_kernel kernel, instance *s)
{
    draw_instance((uint64_t)k, shapes[k].N, shapes[k].n, shapes[k].D,
                  shapes[k].d, shapes[k].H, shapes[k].m, kernel, 0.527, s);
}

static double *room(int count)
{
    double *x = malloc((size_t)count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* What a computed derivative may lose against an exact one, beside its largest
 * entry: (terms of the longest sum) u for each of a dozen chained products, and
 * u max |s| in the exponentials, max |s| below 100 here. */
static double allowed(const thm_layer *l)
{
    return 12.0 * (l->N * l->n + l->n + l->D + l->d + l->m + 100) * U;
}

START_TEST(loss_and_gradient_agree_with_complex_steps)
{
    for (int k = 0; k < SHAPES * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        draw_shape(k / KERNELS, (thm_kernel)(k % KERNELS), &s);
        double *g = room(3 * s.part), *exact = room(3 * s.part), f;
        ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_gradient(&s.layer, &s.w, work, &f, g,
                                            g + s.part, g + 2 * s.part),
                         THM_OK);
        cld *W = lift(&s, NULL);
        double want = (double)creall(loss_c(&s.layer, W));
        ck_assert_double_le(fabs(f - want), allowed(&s.layer) * want);
        gradient_c(&s, exact);
        double size = largest_of(3 * s.part, exact);
        ck_assert_double_gt(size, 0.01);
        ck_assert_double_le(distance_of(3 * s.part, g, exact),
                            allowed(&s.layer) * size);
        free(W);
        free(g);
        free(exact);
        thm_layer_work_free(work);
        free_instance(&s);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer");
    TCase *t = tcase_create("model");
    tcase_add_test(t, loss_and_gradient_agree_with_complex_steps);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
