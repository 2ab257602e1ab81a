/* Oracle: second route (ball arithmetic for exp, the plain twin for the
 * right-hand side) and identity (the same bits for the instruction sets that
 * fuse), for the kernels of the value-softmax flow. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "core/arb.h"
#include "flow/value_flow_work.h"
#include "softmax/softmax.h"
#include "tests/complex_flow.h"
#include "tests/scratch.h"

static const int widths[] = {8, 9, 15, 16, 17, 31, 50, 63, 65};
enum { WIDTHS = sizeof widths / sizeof *widths };

static loss_set set;

/* |y - exp(x)| in units in the last place of exp(x) (of 2^-1074 at least). */
static double ulps(double x, double y)
{
    arb_t t, e;
    int exponent;
    arb_init(t);
    arb_init(e);
    arb_set_d(t, x);
    arb_exp(e, t, 200);
    arb_set_d(t, y);
    frexp(arf_get_d(arb_midref(e), ARF_RND_NEAR), &exponent);
    arb_sub(t, t, e, 200);
    int grain = exponent - 53 < -1074 ? -1074 : exponent - 53;
    arb_mul_2exp_si(t, t, -grain);
    double gap = fabs(arf_get_d(arb_midref(t), ARF_RND_NEAR));
    arb_clear(t);
    arb_clear(e);
    return gap;
}

START_TEST(exponentials_within_the_bound_of_the_header)
{
    double x[64], y[64];
    thm_rng rng = thm_rng_make(3, 3);
    double worst = 0.0;
    const thm_flow_kernel *kernel = thm_flow_kernel_for(thm_isa_detect());
    for (int c = 0; c < 3000; c++) {
        for (int i = 0; i < 64; i++) {
            double t = thm_rng_uniform(&rng);
            /* the whole range, the middle, and around k ln 2 / 2 */
            x[i] = c % 3 == 0   ? -750.0 + 1460.0 * t
                   : c % 3 == 1 ? -2.0 + 4.0 * t
                                : (c - 1500) * 0.34657359 + 1e-9 * (t - 0.5);
        }
        kernel->exp(64, x, y);
        for (int i = 0; i < 64; i++) {
            if (x[i] < 709.78 && x[i] > -746.0) {
                worst = fmax(worst, ulps(x[i], y[i]));
            }
        }
    }
    ck_assert_double_le(worst, 1.4);
    ck_assert_double_ge(worst, 0.5); /* no kernel rounds correctly */
}
END_TEST

START_TEST(exponentials_at_the_edges)
{
    const double x[] = {0.0,      -0.0,      HUGE_VAL, -HUGE_VAL, 1e308,
                        -1e308,   709.782,   709.783,  -745.13,   -745.14,
                        -745.134, 0x1p-1074, -1e-17,   710.0,     -746.0,
                        -708.4,   -720.0,    1e-300};
    const double want[] = {1, 1, HUGE_VAL, 0, HUGE_VAL, 0, 0, HUGE_VAL, 0,
                           0, 0, 1,        1, HUGE_VAL, 0, 0, 0,        1};
    enum { COUNT = sizeof x / sizeof *x };
    for (int isa = THM_ISA_BASELINE; isa <= (int)thm_isa_detect(); isa++) {
        const thm_flow_kernel *kernel = thm_flow_kernel_for((thm_isa)isa);
        double y[COUNT], nan = (double)NAN;
        kernel->exp(COUNT, x, y);
        for (int i = 0; i < COUNT; i++) {
            if (i == 6 || (i >= 8 && i <= 10) || i == 15 || i == 16) {
                ck_assert_double_le(ulps(x[i], y[i]), 1.4);
            } else {
                ck_assert_double_eq(y[i], want[i]);
            }
        }
        kernel->exp(1, &nan, y);
        ck_assert(isnan(y[0]));
        kernel->exp(0, &nan, &nan);
        ck_assert(isnan(nan));
    }
}
END_TEST

/* Logits with ties, far outliers and a shift beyond the integers. */
static void shape_logits(int c, int n, double *a)
{
    for (int i = 0; i < n; i++) {
        a[i] = c % 4 == 1   ? 30.0 * a[i]
               : c % 4 == 2 ? (i % 3) * 0.5
               : c % 4 == 3 ? 1e15 + 8.0 * (i % 5)
                            : a[i];
    }
    if (c % 4 == 1) {
        a[n / 2] = 700.0;
        a[n - 1] = -700.0;
    }
}

START_TEST(softmax_of_the_kernel)
{
    double x[MOST], p[MOST_N], want[MOST_N] = {0}, z[MOST_D];
    const thm_flow_kernel *kernel = thm_flow_kernel_for(thm_isa_detect());
    for (int c = 0; c < WIDTHS * 12; c++) {
        int n = widths[c % WIDTHS], leader;
        draw_state((uint64_t)c, 1, n, THM_NORMALISE_SOFTMAX, x);
        shape_logits(c, n, x + n);
        ck_assert_int_eq(thm_softmax(n, x + n, 1.0, want), THM_OK);
        leader = kernel->output(1, n, x, p, z);
        for (int i = 0; i < n; i++) {
            /* header: n / 8 + 9; the plain softmax adds 7.4 */
            double bound = (n / 8.0 + 9.0 + 7.4) * U * want[i];
            ck_assert_double_le(fabs(p[i] - want[i]), bound + 0x1p-1073);
            ck_assert(want[i] <= want[leader]);
        }
    }
}
END_TEST

static thm_value_flow *make(int d, int n, const thm_loss *loss)
{
    thm_value_flow *flow = NULL;
    ck_assert_int_eq(
        thm_value_flow_alloc(d, n, loss, THM_NORMALISE_SOFTMAX, &flow), THM_OK);
    return flow;
}

/* What a kernel and its plain twin may differ by in slopes of size `most`: z
 * errs by (n + 20) u |V|, g by (m + 1) d curvatures of that size, w by d |V|
 * more. */
static double twin_bound(int d, int n, int m, double most)
{
    return 4.0 * (n + 20.0) * (m + 1.0) * d * d * U * (1.0 + most);
}

START_TEST(right_hand_side_against_the_plain_twin)
{
    const int dims[] = {1, 2, 3, 7, 10}, samples[] = {1, 7, 8, 9, 40};
    double x[MOST], fast[MOST], plain[MOST];
    for (int c = 0; c < WIDTHS * 5 * LOSSES; c++) {
        int n = widths[c % WIDTHS], d = dims[c % 5], m = samples[c / 5 % 5];
        int size = d * n + n;
        draw_losses((uint64_t)c, d, m, &set);
        const thm_loss *loss = &set.loss[c / 9 % LOSSES];
        thm_value_flow *flow = make(d, n, loss);
        thm_ode ode = thm_value_flow_ode(flow);
        draw_state((uint64_t)c, d, n, THM_NORMALISE_SOFTMAX, x);
        shape_logits(c, n, x + d * n);
        ck_assert_int_eq(ode.n, size);
        ck_assert_int_eq(ode.rhs(0.0, x, fast, flow), THM_OK);
        ck_assert_int_eq(thm_value_flow_rhs_ref(flow, x, plain), THM_OK);
        double bound = twin_bound(d, n, m, largest_of(size, plain));
        double gap = distance_of(size, fast, plain);
        ck_assert_msg(gap <= bound, "%g > %g", gap, bound);
        thm_value_flow_free(flow);
    }
}
END_TEST

/* Where p tends to a corner, a' of every token keeps its relative precision:
 * w is exact here, and so is the twin up to a few u. */
START_TEST(slopes_keep_their_precision_near_a_corner)
{
    enum { N = 11 };
    const double b = 1.0;
    thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = 1, .b = &b};
    double x[2 * N], fast[2 * N], plain[2 * N], sum = 0.0;
    for (int i = 0; i < N; i++) {
        x[i] = (i + 1) * 0.25;
        x[N + i] = i == 4 ? 0.0 : -60.0 - i;
    }
    thm_value_flow *flow = make(1, N, &loss);
    thm_ode ode = thm_value_flow_ode(flow);
    ck_assert_int_eq(ode.rhs(0.0, x, fast, flow), THM_OK);
    ck_assert_int_eq(thm_value_flow_rhs_ref(flow, x, plain), THM_OK);
    for (int i = 0; i < N; i++) {
        /* p_i s (u_i - u_L + O(e^-60)) with u = V, and the leader the rest */
        double s = 1.0 / (1.0 + exp(x[4]));
        double want = exp(-60.0 - i) * s * (x[i] - x[4]);
        if (i != 4) {
            ck_assert_double_le(fabs(fast[N + i] / want - 1.0), 32.0 * U);
            ck_assert_double_le(fabs(plain[N + i] / want - 1.0), 32.0 * U);
            sum += want;
        }
    }
    ck_assert_double_le(fabs(fast[N + 4] / -sum - 1.0), 64.0 * U);
    ck_assert_double_le(fabs(plain[N + 4] / -sum - 1.0), 64.0 * U);
    thm_value_flow_free(flow);
}
END_TEST

START_TEST(every_isa_within_the_bounds_and_the_same_bits_if_fused)
{
    double x[MOST], first[MOST], other[MOST], plain[MOST], e[40], f[40];
    for (int c = 0; c < WIDTHS * LOSSES; c++) {
        int n = widths[c % WIDTHS], d = 1 + c % 10, size = d * n + n;
        draw_losses((uint64_t)c, d, 11, &set);
        thm_value_flow *flow = make(d, n, &set.loss[c / WIDTHS]);
        thm_ode ode = thm_value_flow_ode(flow);
        draw_state((uint64_t)c, d, n, THM_NORMALISE_SOFTMAX, x);
        shape_logits(c, n, x + d * n);
        ck_assert_int_eq(thm_value_flow_rhs_ref(flow, x, plain), THM_OK);
        double bound = twin_bound(d, n, 11, largest_of(size, plain));
        for (int isa = THM_ISA_BASELINE; isa <= (int)thm_isa_detect(); isa++) {
            thm_value_flow_use(flow, (thm_isa)isa);
            ck_assert_int_eq(ode.rhs(0.0, x, other, flow), THM_OK);
            thm_flow_kernel_for((thm_isa)isa)->exp(n % 40, x, f);
            ck_assert_double_le(distance_of(size, other, plain), bound);
            for (int i = 0; i < n % 40; i++) {
                ck_assert_double_le(ulps(x[i], f[i]), 1.4);
            }
            if (isa > THM_ISA_AVX2) {
                ck_assert_mem_eq(first, other, (size_t)size * sizeof *x);
                ck_assert_mem_eq(e, f, (size_t)(n % 40) * sizeof *e);
            }
            memcpy(first, other, sizeof first);
            memcpy(e, f, sizeof e);
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_kernel");
    TCase *t = tcase_create("flow_kernel");
    tcase_set_timeout(t, 240.0);
    tcase_add_test(t, exponentials_within_the_bound_of_the_header);
    tcase_add_test(t, exponentials_at_the_edges);
    tcase_add_test(t, softmax_of_the_kernel);
    tcase_add_test(t, right_hand_side_against_the_plain_twin);
    tcase_add_test(t, slopes_keep_their_precision_near_a_corner);
    tcase_add_test(t, every_isa_within_the_bounds_and_the_same_bits_if_fused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
