/* Oracle: second route (ball arithmetic at 4000 bits, dense products) and
 * identities, for softmax, its entropy and its Jacobian. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/arb.h"
#include "core/rng.h"
#include "softmax/softmax.h"

enum { MAX_N = 130, BITS = 4000 };

static const int sizes[] = {1, 2, 3, 7, 8, 9, 63, 65, 130};
static const double U = 0x1p-53;

static void draw(uint64_t stream, int n, double sd, double *z)
{
    thm_rng rng = thm_rng_make(2385, stream);
    thm_rng_fill_normal(&rng, n, sd, z);
}

/* w[i] <- exp((z_i - max) / tau), sum <- their sum, in balls. */
static void weights(int n, const double *z, double tau, arb_ptr w, arb_t sum)
{
    double max = -HUGE_VAL;
    arb_t t;
    arb_init(t);
    for (int i = 0; i < n; i++) {
        max = z[i] > max ? z[i] : max;
    }
    arb_zero(sum);
    for (int i = 0; i < n; i++) {
        arb_set_d(w + i, z[i]);
        arb_set_d(t, max);
        arb_sub(w + i, w + i, t, BITS);
        arb_set_d(t, tau);
        arb_div(w + i, w + i, t, BITS);
        arb_exp(w + i, w + i, BITS);
        arb_add(sum, sum, w + i, BITS);
    }
    arb_clear(t);
}

/* |x - exact| / |exact|, or |x - exact| / 2^-1074 below the normal range. */
static double error_of(double x, const arb_t exact)
{
    arb_t t, scale;
    arb_init(t);
    arb_init(scale);
    arb_set_d(t, x);
    arb_sub(t, t, exact, BITS);
    arb_set_d(scale, 0x1p-1022);
    if (arf_cmpabs(arb_midref(exact), arb_midref(scale)) > 0) {
        arb_div(t, t, exact, BITS);
    } else {
        arb_mul_2exp_si(t, t, 1074 - 53);
    }
    double e = fabs(arf_get_d(arb_midref(t), ARF_RND_NEAR));
    arb_clear(t);
    arb_clear(scale);
    return e;
}

START_TEST(softmax_and_its_logarithm_to_a_few_ulps)
{
    const double sds[] = {0.037, 1.127, 12.5, 80.0, 600.0};
    const double taus[] = {1.0, 0.37, 8.0, 1e-3};
    double z[MAX_N], p[MAX_N], lp[MAX_N];
    arb_ptr w = _arb_vec_init(MAX_N);
    arb_t sum, exact, lse;
    arb_init(sum);
    arb_init(exact);
    arb_init(lse);
    for (int c = 0; c < 9 * 5 * 4; c++) {
        int n = sizes[c % 9];
        double sd = sds[c / 9 % 5], tau = taus[c / 45], l;
        draw((uint64_t)c, n, sd, z);
        weights(n, z, tau, w, sum);
        ck_assert_int_eq(thm_softmax(n, z, tau, p), THM_OK);
        ck_assert_int_eq(thm_softmax_log(n, z, tau, lp), THM_OK);
        ck_assert_int_eq(thm_softmax_lse(n, z, tau, &l), THM_OK);
        for (int i = 0; i < n; i++) {
            arb_div(exact, w + i, sum, BITS);
            ck_assert_double_le(error_of(p[i], exact), 7.4 * U);
            arb_log(exact, exact, BITS);
            if (n > 1) {
                ck_assert_double_le(error_of(lp[i], exact), 4.0 * U);
            }
        }
        /* log-sum-exp, relative to its larger part */
        arb_log(lse, sum, BITS);
        double max = z[0], rest = arf_get_d(arb_midref(lse), ARF_RND_NEAR);
        for (int i = 0; i < n; i++) {
            max = z[i] > max ? z[i] : max;
        }
        ck_assert_double_le(fabs(l - (max / tau + rest)),
                            4.0 * U * (fabs(max / tau) + rest));
    }
    _arb_vec_clear(w, MAX_N);
    arb_clear(sum);
    arb_clear(exact);
    arb_clear(lse);
}
END_TEST

START_TEST(entropy_of_logits_and_of_probabilities)
{
    const double sds[] = {0.037, 1.127, 12.5, 80.0};
    double z[MAX_N], p[MAX_N];
    arb_ptr w = _arb_vec_init(MAX_N);
    arb_t sum, x, h;
    arb_init(sum);
    arb_init(x);
    arb_init(h);
    for (int c = 0; c < 36; c++) {
        int n = sizes[c % 9];
        double got, relative, given;
        draw((uint64_t)(1000 + c), n, sds[c / 9], z);
        weights(n, z, 1.3, w, sum);
        arb_zero(h);
        for (int i = 0; i < n; i++) {
            arb_div(w + i, w + i, sum, BITS);
            arb_log(x, w + i, BITS);
            arb_submul(h, x, w + i, BITS);
        }
        ck_assert_int_eq(thm_softmax_entropy(n, z, 1.3, &got, &relative),
                         THM_OK);
        if (n == 1) {
            ck_assert_double_eq(got, 0.0);
            ck_assert_double_eq(relative, 0.0);
            continue;
        }
        ck_assert_double_le(error_of(got, h), 16.0 * U);
        ck_assert_double_eq_tol(relative, got / log(n), 2.0 * U);
        /* of the rounded p: p log p moves by |1 + log p| <= 250 u p a term */
        ck_assert_int_eq(thm_softmax(n, z, 1.3, p), THM_OK);
        ck_assert_int_eq(thm_probs_entropy(n, p, &given, NULL), THM_OK);
        ck_assert_double_le(fabs(given - got), 7.0 * 250.0 * U * got);
    }
    _arb_vec_clear(w, MAX_N);
    arb_clear(sum);
    arb_clear(x);
    arb_clear(h);
}
END_TEST

START_TEST(entropy_of_unnormalised_probabilities)
{
    double half[] = {0.25, 0.25}, h, r, with_zero[] = {0.3, 0.0, 0.3, 0.3};
    ck_assert_int_eq(thm_probs_entropy(2, half, &h, &r), THM_OK);
    ck_assert_double_eq_tol(h, log(2.0), 2.0 * U);
    ck_assert_double_eq_tol(r, 1.0, 2.0 * U);
    ck_assert_int_eq(thm_probs_entropy(4, with_zero, &h, &r), THM_OK);
    ck_assert_double_eq_tol(h, log(3.0), 4.0 * U);
    ck_assert_double_eq_tol(r, log(3.0) / log(4.0), 4.0 * U);
}
END_TEST

START_TEST(jacobian_product_norm_and_identities)
{
    double z[MAX_N], p[MAX_N], v[MAX_N], y[MAX_N];
    double *J = malloc(MAX_N * MAX_N * sizeof *J);
    ck_assert_ptr_nonnull(J);
    for (int c = 0; c < 18; c++) {
        int n = sizes[c % 9];
        double tau = c < 9 ? 1.0 : 0.613, square = 0.0, trace = 0.0, fro;
        draw((uint64_t)(2000 + c), n, 2.385, z);
        draw((uint64_t)(3000 + c), n, 1.127, v);
        ck_assert_int_eq(thm_softmax(n, z, 1.0, p), THM_OK);
        ck_assert_int_eq(thm_softmax_jacobian(n, p, tau, J), THM_OK);
        ck_assert_int_eq(thm_softmax_jvp(n, p, tau, v, y), THM_OK);
        ck_assert_int_eq(thm_softmax_jacobian_fro(n, p, tau, &fro), THM_OK);
        double p2 = 0.0;
        for (int i = 0; i < n; i++) {
            double row = 0.0, product = 0.0, size = 0.0;
            for (int j = 0; j < n; j++) {
                double x = J[i * n + j];
                ck_assert_double_eq(x, J[j * n + i]);
                if (i != j) {
                    ck_assert_double_le(fabs(x + p[i] * p[j] / tau),
                                        n * 8.0 * U * p[i] * p[j] / tau);
                }
                row += x;
                product += x * v[j];
                size += fabs(x) * (1.0 + fabs(v[j]));
                square += x * x;
            }
            trace += J[i * n + i];
            p2 += p[i] * p[i];
            ck_assert_double_le(fabs(row), (n + 6) * U * size);
            ck_assert_double_le(fabs(product - y[i]), (n + 12) * U * size);
        }
        ck_assert_double_le(fabs(fro - sqrt(square)), (n * n + 16) * U * fro);
        ck_assert_double_le(fabs(trace - (1.0 - p2) / tau), (n + 16) * U / tau);
        /* in place */
        ck_assert_int_eq(thm_softmax_jvp(n, p, tau, v, v), THM_OK);
        ck_assert_mem_eq(v, y, (size_t)n * sizeof *v);
    }
    free(J);
}
END_TEST

START_TEST(frobenius_norm_of_a_peaked_row)
{
    /* J = q [[1, -1], [-1, 1]] with q = p0 p1, |J|_F = 2 q */
    double p[] = {1.0, 1e-200}, fro;
    ck_assert_int_eq(thm_softmax_jacobian_fro(2, p, 2.0, &fro), THM_OK);
    ck_assert_double_eq_tol(fro, 1e-200, 8.0 * U * 1e-200);
    double one[] = {0.0, 0.7, 0.0};
    ck_assert_int_eq(thm_softmax_jacobian_fro(3, one, 1.0, &fro), THM_OK);
    ck_assert_double_eq(fro, 0.0);
}
END_TEST

START_TEST(edges)
{
    double z[] = {1.7e308, -1.7e308, 1.7e308}, p[3], tau = 0.9e308, h;
    ck_assert_int_eq(thm_softmax(3, z, tau, p), THM_OK);
    double w = exp(-2.0 * (1.7e308 / tau));
    ck_assert_double_eq_tol(p[1], w / (2.0 + w), 16.0 * U * p[1]);
    double masked[] = {-HUGE_VAL, 0.5, 0.5}, lp[3];
    ck_assert_int_eq(thm_softmax(3, masked, 1.0, p), THM_OK);
    ck_assert_double_eq(p[0], 0.0);
    ck_assert_double_eq(p[1], 0.5);
    ck_assert_int_eq(thm_softmax_log(3, masked, 1.0, lp), THM_OK);
    ck_assert(lp[0] == -HUGE_VAL);
    ck_assert_int_eq(thm_softmax_entropy(3, masked, 1.0, &h, NULL), THM_OK);
    ck_assert_double_eq_tol(h, log(2.0), 2.0 * U);
    double tiny[] = {5e-324, 0.0, 1.5e-323}; /* denormal temperature */
    ck_assert_int_eq(thm_softmax(3, tiny, 5e-324, p), THM_OK);
    double s = 1.0 + exp(-2.0) + exp(-3.0);
    ck_assert_double_eq_tol(p[0], exp(-2.0) / s, 8.0 * U);
    ck_assert_double_eq_tol(p[2], 1.0 / s, 8.0 * U);
}
END_TEST

START_TEST(errors_leave_the_output_alone)
{
    double z[] = {0.3, -0.2}, y[] = {7.0, 7.0}, h = 7.0;
    const double bad_tau[] = {0.0, -1.0, NAN, HUGE_VAL};
    const double bad_z[] = {NAN, HUGE_VAL};
    ck_assert_int_eq(thm_softmax(0, z, 1.0, y), THM_EDIM);
    ck_assert_int_eq(thm_softmax_lse(0, z, 1.0, &h), THM_EDIM);
    ck_assert_int_eq(thm_softmax_log(-1, z, 1.0, y), THM_EDIM);
    ck_assert_int_eq(thm_softmax_entropy(0, z, 1.0, &h, NULL), THM_EDIM);
    ck_assert_int_eq(thm_probs_entropy(0, z, &h, NULL), THM_EDIM);
    ck_assert_int_eq(thm_softmax_jvp(0, z, 1.0, z, y), THM_EDIM);
    ck_assert_int_eq(thm_softmax_jacobian(0, z, 1.0, y), THM_EDIM);
    ck_assert_int_eq(thm_softmax_jacobian_fro(0, z, 1.0, &h), THM_EDIM);
    double p[] = {0.5, 0.5};
    for (int i = 0; i < 4; i++) {
        double t = bad_tau[i];
        ck_assert_int_eq(thm_softmax(2, z, t, y), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_lse(2, z, t, &h), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_log(2, z, t, y), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_entropy(2, z, t, &h, NULL), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_jvp(2, p, t, z, y), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_jacobian(2, p, t, y), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_jacobian_fro(2, p, t, &h), THM_EDOMAIN);
    }
    for (int i = 0; i < 2; i++) {
        z[1] = bad_z[i];
        ck_assert_int_eq(thm_softmax(2, z, 1.0, y), THM_EDOMAIN);
    }
    z[0] = z[1] = -HUGE_VAL;
    ck_assert_int_eq(thm_softmax(2, z, 1.0, y), THM_EDOMAIN);
    const double bad_p[][2] = {
        {0.5, -0.1}, {0.5, NAN}, {HUGE_VAL, 0.1}, {0.0, 0.0}};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(thm_softmax_jvp(2, bad_p[i], 1.0, p, y), THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_jacobian(2, bad_p[i], 1.0, y),
                         THM_EDOMAIN);
        ck_assert_int_eq(thm_softmax_jacobian_fro(2, bad_p[i], 1.0, &h),
                         THM_EDOMAIN);
        ck_assert_int_eq(thm_probs_entropy(2, bad_p[i], &h, NULL), THM_EDOMAIN);
    }
    ck_assert(y[0] == 7.0 && y[1] == 7.0 && h == 7.0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("softmax");
    TCase *t = tcase_create("softmax");
    tcase_set_timeout(t, 120.0);
    tcase_add_test(t, entropy_of_unnormalised_probabilities);
    tcase_add_test(t, jacobian_product_norm_and_identities);
    tcase_add_test(t, frobenius_norm_of_a_peaked_row);
    tcase_add_test(t, edges);
    tcase_add_test(t, errors_leave_the_output_alone);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("balls");
    tcase_set_timeout(slow, 240);
    tcase_set_tags(slow, "long");
    tcase_add_test(slow, softmax_and_its_logarithm_to_a_few_ulps);
    tcase_add_test(slow, entropy_of_logits_and_of_probabilities);
    suite_add_tcase(suite, slow);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
