/* Oracles: complex steps through the twin of complex_layer.h, the plain twins,
 * identities (row sums, F = B Wv Wo, exact distances), stored errors. */
#include <float.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <string.h>
#include "attn/layer_work.h"
#include "tests/complex_layer.h"
#include "tests/scratch.h"

static const struct {
    int N, n, D, d, H, m;
} shapes[] = {{1, 1, 1, 1, 1, 1}, {2, 3, 1, 2, 1, 1}, {1, 3, 2, 1, 2, 3},
              {3, 2, 7, 3, 1, 2}, {2, 1, 3, 2, 3, 2}, {2, 4, 5, 3, 2, 3},
              {1, 9, 2, 1, 1, 7}, {2, 7, 8, 9, 1, 2}};
enum { SHAPES = sizeof shapes / sizeof *shapes, KERNELS = 3 };

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

/* One size is odd, the others small; then all of them across the threshold of
 * the products. */
START_TEST(the_plain_twins_agree_on_odd_sizes)
{
    static const int sizes[] = {1, 2, 3, 7, 8, 9, 63, 65};
    for (int k = 0; k < 8 * 5 * KERNELS; k++) {
        instance s;
        thm_layer_work *work;
        int shape[] = {3, 2, 2, 2}; /* n, D, d, m */
        for (int j = 0; j < 4; j++) {
            if (k / KERNELS % 5 == j) {
                shape[j] = sizes[k / (5 * KERNELS)];
            } else if (k / KERNELS % 5 == 4) {
                shape[j] = 2 + sizes[k / (5 * KERNELS)] / 2;
            }
        }
        draw_instance((uint64_t)k, 2, shape[0], shape[1], shape[2], 2, shape[3],
                      (thm_kernel)(k % KERNELS), 0.627 / sqrt((double)shape[1]),
                      &s);
        const thm_layer *l = &s.layer;
        const int entries = 2 * shape[0] * 2 * shape[1], part = s.part;
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

/* One token attends to itself: softmax has S = 1 and no gradient in Wq, Wk. */
START_TEST(one_token)
{
    instance s;
    thm_layer_work *work;
    double S[3], g[3 * 6];
    draw_instance(1, 3, 1, 3, 2, 1, 2, THM_KERNEL_SOFTMAX, 1.127, &s);
    ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
    for (int k = 0; k < KERNELS; k++) {
        const bool normalised = k != THM_KERNEL_GAUSSIAN;
        s.layer.kernel = (thm_kernel)k;
        ck_assert_int_eq(
            thm_layer_attention(&s.layer, s.w.Wq, s.w.Wk, work, S, NULL, NULL),
            THM_OK);
        ck_assert_int_eq(
            thm_layer_gradient(&s.layer, &s.w, work, NULL, g, g + 6, g + 12),
            THM_OK);
        ck_assert_int_eq(S[0] == 1.0 && S[1] == 1.0 && S[2] == 1.0, normalised);
        ck_assert_int_eq(largest_of(12, g) == 0.0, normalised);
        ck_assert_double_gt(largest_of(6, g + 12), 0.1);
    }
    drop_case(&s, work);
}
END_TEST

/* Scores beyond +-700: softmax turns into the choice of one token, Gaussian
 * entries leave the range of doubles, and log S still says where to. */
START_TEST(sharp_rows_and_distant_tokens)
{
    instance s;
    thm_layer_work *work;
    enum { N = 2, TOKENS = 7, COUNT = N * TOKENS * TOKENS };
    double S[COUNT], log_S[COUNT], *g = room(3 * 4 * 3), f;
    int64_t under;
    draw_instance(3, N, TOKENS, 4, 3, 1, 2, THM_KERNEL_SOFTMAX, 30.385, &s);
    ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
    for (int k = 0; k < KERNELS; k++) {
        int seen = 0, zeros = 0;
        s.layer.kernel = (thm_kernel)k;
        ck_assert_int_eq(thm_layer_attention(&s.layer, s.w.Wq, s.w.Wk, work, S,
                                             log_S, &under),
                         THM_OK);
        cld *W = lift(&s, NULL), row[TOKENS];
        for (int r = 0; r < N * TOKENS; r++) {
            long double top = -HUGE_VALL;
            scores_c(&s.layer, W, r / TOKENS, 0, r % TOKENS, row);
            for (int j = 0; j < TOKENS; j++) {
                top = fmaxl(top, creall(row[j]));
            }
            for (int j = 0; j < TOKENS; j++) {
                /* sharp rows: the sum is the leader's 1 */
                long double want =
                    creall(row[j]) - (k == THM_KERNEL_GAUSSIAN ? 0 : top);
                double got = log_S[r * TOKENS + j];
                ck_assert(isfinite(got));
                ck_assert(fabsl(got - want) <= 1e3 * U * fabsl(top) + 0.7);
                seen += S[r * TOKENS + j] < DBL_MIN;
                zeros += S[r * TOKENS + j] == 0.0;
            }
        }
        ck_assert_int_eq(under, seen);
        ck_assert_int_gt(zeros, COUNT / 4);
        ck_assert_int_eq(
            thm_layer_gradient(&s.layer, &s.w, work, &f, g, g + 12, g + 24),
            THM_OK);
        ck_assert(isfinite(f));
        free(W);
    }
    free(g);
    drop_case(&s, work);
}
END_TEST

/* Two tokens 2^-10 apart and 2^20 from the origin: |q|^2 + |k|^2 - 2 q.k would
 * keep no digit of their distance.  With Wq = Wk = I everything is exact. */
START_TEST(close_tokens_far_away_keep_their_distance)
{
    const double X[] = {0x1p20, -0x1p20, 0x1p20 + 0x1p-10, -0x1p20};
    const double unit[] = {1.0, 0.0, 0.0, 1.0}, Wo[] = {1.0, 1.0};
    thm_layer layer = {.N = 1,
                       .n = 2,
                       .D = 2,
                       .d = 2,
                       .H = 1,
                       .m = 1,
                       .kernel = THM_KERNEL_GAUSSIAN,
                       .c = 0.5,
                       .X = X,
                       .Wo = Wo};
    thm_layer_work *work;
    double log_S[4];
    ck_assert_int_eq(thm_layer_work_alloc(&layer, &work), THM_OK);
    ck_assert_int_eq(
        thm_layer_attention(&layer, unit, unit, work, NULL, log_S, NULL),
        THM_OK);
    ck_assert(log_S[0] == 0.0 && log_S[3] == 0.0);
    ck_assert(log_S[1] == -0x1p-21 && log_S[2] == -0x1p-21);
    thm_layer_work_free(work);
}
END_TEST

START_TEST(names_and_scales)
{
    ck_assert_str_eq(thm_kernel_text(THM_KERNEL_SOFTMAX), "softmax");
    ck_assert_str_eq(thm_kernel_text(THM_KERNEL_GAUSSIAN), "gaussian");
    ck_assert_str_eq(thm_kernel_text(THM_KERNEL_GAUSSIAN_NORMALISED),
                     "gaussian-normalised");
    ck_assert_str_eq(thm_kernel_text((thm_kernel)7), "unknown kernel");
    ck_assert(thm_kernel_scale(16) == 0.25 &&
              thm_kernel_scale_half(16) == 0.125);
}
END_TEST

/* The address sanitizer would end the program where malloc answers NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(errors_of_sizes)
{
    instance s;
    thm_layer_work *work;
    draw_instance(5, 2, 3, 4, 2, 1, 2, THM_KERNEL_SOFTMAX, 1.0, &s);
    ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
    double room_for[400];
    for (int k = 0; k < 6; k++) {
        thm_layer l = s.layer;
        int *const size[] = {&l.N, &l.n, &l.D, &l.d, &l.H, &l.m};
        thm_layer_work *none = NULL;
        *size[k] += 1;
        ck_assert_int_eq(
            thm_layer_attention(&l, s.w.Wq, s.w.Wk, work, room_for, NULL, NULL),
            THM_EDIM);
        ck_assert_int_eq(thm_layer_b(&l, s.w.Wq, s.w.Wk, work, room_for),
                         THM_EDIM);
        ck_assert_int_eq(thm_layer_forward(&l, &s.w, work, room_for), THM_EDIM);
        ck_assert_int_eq(thm_layer_loss(&l, &s.w, work, room_for), THM_EDIM);
        ck_assert_int_eq(
            thm_layer_jacobian(&l, &s.w, THM_TRAIN_V, work, room_for),
            THM_EDIM);
        *size[k] = 0;
        ck_assert_int_eq(thm_layer_check(&l), THM_EDIM);
        *size[k] = -1;
        ck_assert_int_eq(thm_layer_work_alloc(&l, &none), THM_EDIM);
        *size[k] = INT_MAX;
        ck_assert_int_eq(thm_layer_check(&l), THM_EOVERFLOW);
        ck_assert_ptr_null(none);
    }
    for (int which = 0; which < 9; which++) {
        if (which != THM_TRAIN_Q && which != THM_TRAIN_K &&
            which != THM_TRAIN_V) {
            ck_assert_int_eq(
                thm_layer_jacobian(&s.layer, &s.w, which, work, room_for),
                THM_EDIM);
        }
    }
    drop_case(&s, work);
    thm_layer_work_free(NULL);
}
END_TEST

START_TEST(errors_of_memory)
{
    /* S of 2^30 entries is an int, and more bytes than malloc may give here;
     * X and Wo are small */
    static double X[32768], Wo[1];
    thm_layer l = {.N = 1,
                   .n = 32768,
                   .D = 1,
                   .d = 1,
                   .H = 1,
                   .m = 1,
                   .c = 1.0,
                   .X = X,
                   .Wo = Wo};
    thm_layer_work *work = NULL;
    struct rlimit old, low = {.rlim_cur = (rlim_t)1 << 34};
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &old), 0);
    low.rlim_max = old.rlim_max;
    if (setrlimit(RLIMIT_AS, &low) == 0) {
        ck_assert_int_eq(thm_layer_work_alloc(&l, &work), THM_ENOMEM);
        ck_assert_int_eq(setrlimit(RLIMIT_AS, &old), 0);
    }
    thm_layer_work_free(work);
}
END_TEST

START_TEST(errors_of_values)
{
    static const double bad[] = {0.0, -1.0, NAN, INFINITY};
    static const double wild[] = {NAN, INFINITY, 1e200};
    instance s;
    thm_layer_work *work;
    draw_instance(5, 2, 3, 4, 2, 1, 2, THM_KERNEL_SOFTMAX, 1.0, &s);
    ck_assert_int_eq(thm_layer_work_alloc(&s.layer, &work), THM_OK);
    double out[400], f;
    thm_layer l = s.layer;
    for (int k = 0; k < 4; k++) {
        l.c = bad[k];
        ck_assert_int_eq(thm_layer_check(&l), THM_EDOMAIN);
        ck_assert_int_eq(
            thm_layer_attention(&l, s.w.Wq, s.w.Wk, work, out, NULL, NULL),
            THM_EDOMAIN);
    }
    l = s.layer;
    l.Y = NULL;
    ck_assert_int_eq(thm_layer_check(&l), THM_OK);
    ck_assert_int_eq(thm_layer_forward(&l, &s.w, work, out), THM_OK);
    ck_assert_int_eq(thm_layer_loss(&l, &s.w, work, &f), THM_EDOMAIN);
    ck_assert_int_eq(thm_layer_gradient_ref(&l, &s.w, NULL, out, NULL),
                     THM_EDOMAIN);
    double *const data[] = {s.X + 5, s.Wo + 1, s.Y + 3};
    for (int k = 0; k < 3; k++) {
        const double kept = *data[k];
        *data[k] = NAN;
        ck_assert_int_eq(thm_layer_check(&s.layer), THM_EDOMAIN);
        ck_assert_int_eq(thm_layer_loss(&s.layer, &s.w, work, &f), THM_EDOMAIN);
        *data[k] = -INFINITY;
        ck_assert_int_eq(thm_layer_check(&s.layer), THM_EDOMAIN);
        *data[k] = kept;
    }
    /* wild weights: no score, or no output, is finite */
    for (int kernel = 0; kernel < KERNELS; kernel++) {
        s.layer.kernel = (thm_kernel)kernel;
        for (int k = 0; k < 3; k++) {
            s.W[0] = s.W[8] = wild[k];
            ck_assert_int_eq(thm_layer_b(&s.layer, s.w.Wq, s.w.Wk, work, out),
                             THM_EDOMAIN);
            ck_assert_int_eq(thm_layer_b_ref(&s.layer, s.w.Wq, s.w.Wk, out),
                             THM_EDOMAIN);
            ck_assert_int_eq(
                thm_layer_forward_ref(&s.layer, &s.w, NULL, out, NULL),
                THM_EDOMAIN);
            ck_assert_int_eq(
                thm_layer_gradient_ref(&s.layer, &s.w, NULL, out, NULL),
                THM_EDOMAIN);
            ck_assert_int_eq(
                thm_layer_gradient(&s.layer, &s.w, work, &f, out, NULL, NULL),
                THM_EDOMAIN);
            s.W[0] = s.W[8] = 1.0;
            s.W[16] = wild[k]; /* Wv */
            ck_assert_int_eq(thm_layer_loss(&s.layer, &s.w, work, &f),
                             THM_EDOMAIN);
            ck_assert_int_eq(thm_layer_forward(&s.layer, &s.w, work, out),
                             k < 2 ? THM_EDOMAIN : THM_OK);
            ck_assert_int_eq(
                thm_layer_jacobian(&s.layer, &s.w, THM_TRAIN_Q, work, out),
                k < 2 ? THM_EDOMAIN : THM_OK);
            s.W[16] = 1.0;
        }
    }
    drop_case(&s, work);
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
    tcase_add_test(t, one_token);
    tcase_add_test(t, sharp_rows_and_distant_tokens);
    tcase_add_test(t, close_tokens_far_away_keep_their_distance);
    tcase_add_test(t, names_and_scales);
    tcase_add_test(t, errors_of_sizes);
    tcase_add_test(t, errors_of_memory);
    tcase_add_test(t, errors_of_values);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
