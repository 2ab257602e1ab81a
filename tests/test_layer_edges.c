/* Oracles: what one token, sharp rows, distant and close tokens must give
 * (identities, long doubles); the documented errors, each provoked. */
#include <float.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/resource.h>
#include "tests/complex_layer.h"
#include "tests/scratch.h"

static void drop_case(instance *s, thm_layer_work *work)
{
    thm_layer_work_free(work);
    free_instance(s);
}

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
    l = s.layer;
    l.Wo = NULL;
    ck_assert_int_eq(thm_layer_check(&l), THM_OK);
    ck_assert_int_eq(thm_layer_b(&l, s.w.Wq, s.w.Wk, work, out), THM_OK);
    ck_assert_int_eq(thm_layer_b_ref(&l, s.w.Wq, s.w.Wk, out), THM_OK);
    ck_assert_int_eq(thm_layer_forward(&l, &s.w, work, out), THM_EDOMAIN);
    ck_assert_int_eq(thm_layer_loss(&l, &s.w, work, &f), THM_EDOMAIN);
    ck_assert_int_eq(thm_layer_jacobian(&l, &s.w, THM_TRAIN_V, work, out),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_layer_forward_ref(&l, &s.w, NULL, out, NULL),
                     THM_EDOMAIN);
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
    Suite *suite = suite_create("layer_edges");
    TCase *t = tcase_create("edges");
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
