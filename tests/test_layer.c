/* Oracles: complex steps through the twin of complex_layer.h, the plain twins,
 * identities (row sums, F = B Wv Wo). */
#include <string.h>
#include "attn/layer_work.h"
#include "tests/complex_layer.h"
#include "tests/scratch.h"

static const struct {
    int N, n, D, d, H, m;
} shapes[] = {{1, 1, 1, 1, 1, 1}, {2, 3, 1, 2, 1, 1}, {1, 3, 2, 1, 2, 3},
              {3, 2, 7, 3, 1, 2}, {2, 1, 3, 2, 3, 2}, {2, 4, 5, 3, 2, 3},
              {1, 9, 2, 1, 1, 7}, {2, 7, 8, 9, 1, 2}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Every shape with every kernel. */
static void draw_case(int k, instance *s, thm_layer_work **work)
{
    const int j = k / KERNELS;
    draw_instance((uint64_t)j, shapes[j].N, shapes[j].n, shapes[j].D,
                  shapes[j].d, shapes[j].H, shapes[j].m,
                  (thm_kernel)(k % KERNELS), 0.527, s);
    ck_assert_int_eq(thm_layer_work_alloc(&s->layer, work), THM_OK);
}

static void drop_case(instance *s, thm_layer_work *work)
{
    thm_layer_work_free(work);
    free_instance(s);
}

START_TEST(attention_agrees_with_long_doubles)
{
    for (int k = 0; k < SHAPES * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        draw_case(k, &s, &work);
        const thm_layer *l = &s.layer;
        const int n = l->n, count = l->N * l->H * n * n;
        double *S = room(count), *log_S = room(count);
        int64_t under = -1;
        cld *W = lift(&s, NULL), *row = room_c(n);
        ck_assert_int_eq(
            thm_layer_attention(l, s.w.Wq, s.w.Wk, work, S, log_S, &under),
            THM_OK);
        ck_assert_int_eq(under, 0);
        for (int r = 0; r < count / n; r++) {
            double sum = 0.0;
            scores_c(l, W, r / (n * l->H), r / n % l->H, r % n, row);
            attend_c(l, row);
            for (int j = 0; j < n; j++) {
                const long double want = creall(row[j]);
                ck_assert(fabsl(S[r * n + j] - want) <= allowed(l) * want);
                ck_assert(fabsl(log_S[r * n + j] - logl(want)) <=
                          allowed(l) * (1 + fabsl(logl(want))));
                sum += S[r * n + j];
            }
            if (l->kernel != THM_KERNEL_GAUSSIAN) {
                ck_assert_double_le(fabs(sum - 1.0), (2 * n + 2) * U);
            }
        }
        free(S);
        free(log_S);
        free(W);
        free(row);
        drop_case(&s, work);
    }
}
END_TEST

START_TEST(output_agrees_with_long_doubles_and_with_b)
{
    for (int k = 0; k < SHAPES * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        draw_case(k, &s, &work);
        const thm_layer *l = &s.layer;
        const int rows = l->N * l->n, columns = l->H * l->D;
        double *F = room(s.outputs), *B = room(rows * columns);
        cld *W = lift(&s, NULL), *want = room_c(s.outputs);
        forward_c(l, W, want);
        ck_assert_int_eq(thm_layer_forward(l, &s.w, work, F), THM_OK);
        ck_assert_int_eq(thm_layer_b(l, s.w.Wq, s.w.Wk, work, B), THM_OK);
        double size = 0.0;
        for (int r = 0; r < s.outputs; r++) {
            size = fmax(size, (double)fabsl(creall(want[r])));
        }
        for (int r = 0; r < s.outputs; r++) {
            double sum = 0.0; /* B blkdiag(Wv) Wo */
            for (int c = 0; c < columns; c++) {
                for (int b = 0; b < l->d; b++) {
                    sum += B[r / l->m * columns + c] * s.w.Wv[c * l->d + b] *
                           s.Wo[(c / l->D * l->d + b) * l->m + r % l->m];
                }
            }
            ck_assert(fabsl(F[r] - creall(want[r])) <= allowed(l) * size);
            ck_assert(fabsl(sum - creall(want[r])) <= allowed(l) * size);
        }
        free(F);
        free(B);
        free(W);
        free(want);
        drop_case(&s, work);
    }
}
END_TEST

START_TEST(loss_and_gradient_agree_with_complex_steps)
{
    for (int k = 0; k < SHAPES * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        draw_case(k, &s, &work);
        const int count = 3 * s.part;
        double *g = room(count), *exact = room(count), f, f_alone;
        long double *step = malloc((size_t)count * sizeof *step);
        ck_assert_ptr_nonnull(step);
        ck_assert_int_eq(thm_layer_gradient(&s.layer, &s.w, work, &f, g,
                                            g + s.part, g + 2 * s.part),
                         THM_OK);
        ck_assert_int_eq(thm_layer_loss(&s.layer, &s.w, work, &f_alone),
                         THM_OK);
        ck_assert(f == f_alone);
        cld *W = lift(&s, NULL);
        double want = (double)creall(loss_c(&s.layer, W));
        ck_assert_double_le(fabs(f - want), allowed(&s.layer) * want);
        gradient_c(&s, NULL, 0, step);
        for (int j = 0; j < count; j++) {
            exact[j] = (double)step[j];
        }
        double size = largest_of(count, exact);
        ck_assert_double_gt(size, 0.01);
        ck_assert_double_le(distance_of(count, g, exact),
                            allowed(&s.layer) * size);
        free(W);
        free(g);
        free(exact);
        free(step);
        drop_case(&s, work);
    }
}
END_TEST

START_TEST(jacobians_agree_with_complex_steps)
{
    for (int k = 0; k < SHAPES * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        draw_case(k, &s, &work);
        double *V = calloc((size_t)(3 * s.part), sizeof *V);
        double *column = room(s.outputs), *J = room(s.outputs * s.part);
        ck_assert_ptr_nonnull(V);
        for (int which = 0; which < 3; which++) {
            ck_assert_int_eq(
                thm_layer_jacobian(&s.layer, &s.w, 1 << which, work, J),
                THM_OK);
            const double size = largest_of(s.outputs * s.part, J);
            /* one token that attends to itself alone has no other derivative */
            ck_assert(size > 0.01 ||
                      (s.layer.n == 1 && which < 2 && size == 0.0));
            for (int c = 0; c < s.part; c++) {
                V[which * s.part + c] = 1.0;
                tangent_c(&s, V, column);
                V[which * s.part + c] = 0.0;
                for (int r = 0; r < s.outputs; r++) {
                    ck_assert_double_le(fabs(J[r * s.part + c] - column[r]),
                                        allowed(&s.layer) * size);
                }
            }
        }
        free(V);
        free(column);
        free(J);
        drop_case(&s, work);
    }
}
END_TEST

START_TEST(the_plain_twins_agree_on_odd_sizes)
{
    for (int k = 0; k < ODD_CASES; k++) {
        instance s;
        thm_layer_work *work;
        draw_odd(k, &s);
        const thm_layer *l = &s.layer;
        const int entries = l->N * l->n * l->H * l->D, part = s.part;
        ck_assert_int_eq(thm_layer_work_alloc(l, &work), THM_OK);
        double *F = room(s.outputs), *F_ref = room(s.outputs),
               *B = room(entries), *B_ref = room(entries), *g = room(3 * part),
               *g_ref = room(3 * part);
        ck_assert_int_eq(thm_layer_forward(l, &s.w, work, F), THM_OK);
        ck_assert_int_eq(thm_layer_forward_ref(l, &s.w, NULL, F_ref, NULL),
                         THM_OK);
        ck_assert_double_le(distance_of(s.outputs, F, F_ref),
                            allowed(l) * largest_of(s.outputs, F_ref));
        ck_assert_int_eq(thm_layer_b(l, s.w.Wq, s.w.Wk, work, B), THM_OK);
        ck_assert_int_eq(thm_layer_b_ref(l, s.w.Wq, s.w.Wk, B_ref), THM_OK);
        ck_assert_double_le(distance_of(entries, B, B_ref),
                            allowed(l) * largest_of(entries, B_ref));
        ck_assert_int_eq(
            thm_layer_gradient(l, &s.w, work, NULL, g, g + part, g + 2 * part),
            THM_OK);
        ck_assert_int_eq(thm_layer_gradient_ref(l, &s.w, NULL, g_ref, NULL),
                         THM_OK);
        ck_assert_double_gt(largest_of(3 * part, g_ref), 0.01);
        ck_assert_double_le(distance_of(3 * part, g, g_ref),
                            allowed(l) * largest_of(3 * part, g_ref));
        free(F);
        free(F_ref);
        free(B);
        free(B_ref);
        free(g);
        free(g_ref);
        drop_case(&s, work);
    }
}
END_TEST

/* Scores, S, log S, gradients and tangents of every instruction set that this
 * CPU has. */
START_TEST(instruction_sets_give_the_same_bits)
{
    static const int sizes[] = {1, 2, 3, 7, 8, 9, 63, 65};
    for (int k = 0; k < 8 * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        const int n = sizes[k / KERNELS];
        draw_instance((uint64_t)k, 1, n, 3, 2 + n / 3, 2, 3,
                      (thm_kernel)(k % KERNELS), 0.385, &s);
        ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
        const int part = s.part, count = 2 * n * n;
        double *first = room(2 * count + 3 * part + s.outputs),
               *other = room(2 * count + 3 * part + s.outputs);
        const size_t bytes =
            (size_t)(2 * count + 3 * part + s.outputs) * sizeof *first;
        for (int isa = 0; isa <= (int)thm_isa_detect(); isa++) {
            double *S = isa == 0 ? first : other, *g = S + 2 * count;
            thm_layer_work_use(work, (thm_isa)isa);
            ck_assert_int_eq(thm_layer_attention(&s.layer, s.w.Wq, s.w.Wk, work,
                                                 S, S + count, NULL),
                             THM_OK);
            ck_assert_int_eq(thm_layer_gradient(&s.layer, &s.w, work, NULL, g,
                                                g + part, g + 2 * part),
                             THM_OK);
            thm_layer_tangent(&s.layer, work, s.w.Wk, s.w.Wv, s.w.Wq);
            memcpy(g + 3 * part, work->F_dot,
                   (size_t)s.outputs * sizeof *first);
            ck_assert(memcmp(first, S, bytes) == 0);
        }
        free(first);
        free(other);
        drop_case(&s, work);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer");
    TCase *t = tcase_create("model");
    tcase_add_test(t, attention_agrees_with_long_doubles);
    tcase_add_test(t, output_agrees_with_long_doubles_and_with_b);
    tcase_add_test(t, loss_and_gradient_agree_with_complex_steps);
    tcase_add_test(t, jacobians_agree_with_complex_steps);
    tcase_add_test(t, the_plain_twins_agree_on_odd_sizes);
    tcase_add_test(t, instruction_sets_give_the_same_bits);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
