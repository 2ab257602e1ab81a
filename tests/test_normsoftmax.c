/* Oracles: second route (80-bit sums of the definition, complex step of it),
 * identities (closed forms at n = 2 and at the one-hot-like row, the adjoint,
 * the reflection), stored figures of the note. */
#include <check.h>
#include "core/cmplx.h"
#include <float.h>
#include <math.h>
#include "core/rng.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"
#include "tests/scratch.h"

enum { MAX_N = 197 };
static const double u = DBL_EPSILON / 2;
static const thm_norm norms[] = {THM_NORM_STD, THM_NORM_VAR};

static void ok(thm_status status)
{
    ck_assert_int_eq(status, THM_OK);
}

static void refused(thm_status status)
{
    ck_assert_int_eq(status, THM_EDOMAIN);
}

static void draw(uint64_t stream, int n, double width, double offset, double *S)
{
    thm_rng rng = thm_rng_make(20240517, stream);
    thm_rng_fill_normal(&rng, n, width, S);
    for (int i = 0; i < n; i++) {
        S[i] += offset;
    }
}

static double range_of(int n, const double *S)
{
    double lo = S[0], hi = S[0];
    for (int i = 1; i < n; i++) {
        lo = fmin(lo, S[i]);
        hi = fmax(hi, S[i]);
    }
    return hi - lo;
}

/* The definition in 80-bit arithmetic: p and s. */
static double plain(int n, const double *S, double tau, thm_norm norm,
                    long double *p)
{
    long double mean = 0, ss = 0, sum = 0, top = S[0];
    for (int i = 0; i < n; i++) {
        mean += (long double)S[i] / n;
        top = S[i] > top ? S[i] : top;
    }
    for (int i = 0; i < n; i++) {
        ss += (S[i] - mean) * (S[i] - mean);
    }
    const long double s =
        norm == THM_NORM_STD ? sqrtl(ss / (n - 1)) : ss / (long double)n;
    const long double t = s < tau ? s : (long double)tau;
    for (int i = 0; i < n; i++) {
        sum += p[i] = expl((S[i] - top) / t);
    }
    for (int i = 0; i < n; i++) {
        p[i] /= sum;
    }
    return (double)s;
}

START_TEST(forward_agrees_with_the_definition)
{
    static const int sizes[] = {2, 3, 7, 8, 9, 63, 65, 197};
    static const double widths[] = {0.102, 1.127, 2.385, 30.0};
    double S[MAX_N], p[MAX_N];
    long double q[MAX_N];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t w = 0; w < 4; w++) {
            for (size_t m = 0; m < 2; m++) {
                const int n = sizes[k];
                draw(k, n, widths[w], w == 1 ? 700.0 : 0.0, S);
                const double s = plain(n, S, 8.0, norms[m], q);
                thm_normsoftmax_row row;
                ok(thm_normsoftmax(n, S, 8.0, norms[m], p, &row));
                ck_assert_int_eq(row.normalised, s < 8.0);
                ck_assert_double_eq(row.temperature, fmin(row.s, 8.0));
                ck_assert(fabs(row.s - s) <= 9 * u * s);
                const double spread = range_of(n, S) / row.temperature;
                for (int i = 0; i < n; i++) {
                    const double exact = (double)q[i];
                    ck_assert(fabs(p[i] - exact) <=
                              (8 + 9 * spread) * u * exact + DBL_MIN);
                }
            }
        }
    }
}
END_TEST

/* Beside one logit of 64 the others, +-b with b = 1 + 15 eps, lose their last
 * digits in S - max, all in one direction; s must not.  The mean is 64 / N and
 * c'c = (N - 1) (b^2 + (N - 1) / N): three roundings more than s has. */
START_TEST(an_outlier_costs_the_others_nothing)
{
    enum { N = 4097 };
    static double S[N], p[N];
    const double b = 1.0 + 15 * DBL_EPSILON, k = (N - 1.0) / N;
    const double s[2] = {sqrt(b * b + k), (b * b + k) * k};
    thm_normsoftmax_row row;
    S[0] = 64.0;
    for (int i = 1; i < N; i++) {
        S[i] = i % 2 ? b : -b;
    }
    for (size_t m = 0; m < 2; m++) {
        ok(thm_normsoftmax(N, S, 8.0, norms[m], p, &row));
        ck_assert(row.normalised && fabs(row.s - s[m]) <= 12 * u * s[m]);
    }
}
END_TEST

/* n = 2: c = +-d/2, so that the std version's logits differ by sqrt 2 whatever
 * the row, and the variance version's by 4/d. */
START_TEST(two_tokens_in_closed_form)
{
    static const double rows[][2] = {{0.0, 1.0},
                                     {1.0, 1.0 + DBL_EPSILON},
                                     {-700.0, 700.0},
                                     {0.0, 0x1p-1074},
                                     {-DBL_MAX, DBL_MAX},
                                     {-1e-310, 3e-310},
                                     {1e300, 1.0000001e300}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double p[2];
        const double want = 1.0 / (1.0 + exp(-sqrt(2.0)));
        thm_normsoftmax_row row;
        ok(thm_normsoftmax(2, rows[k], DBL_MAX, THM_NORM_STD, p, &row));
        if (row.normalised) {
            ck_assert(fabs(p[1] - want) <= 24 * u * want);
        }
        const double d = rows[k][1] - rows[k][0];
        ok(thm_normsoftmax(2, rows[k], DBL_MAX, THM_NORM_VAR, p, &row));
        if (row.normalised) {
            ck_assert(fabs(p[1] - 1.0 / (1.0 + exp(-4.0 / d))) <= 80 * u);
        }
    }
    /* the huge rows must have been on the normalised side at least once */
    double p[2];
    thm_normsoftmax_row row;
    ok(thm_normsoftmax(2, rows[6], 1e299, THM_NORM_STD, p, &row));
    ck_assert(row.normalised);
}
END_TEST

/* Stored: 1 / (1 + (n-1) e^(-sqrt n)), four or five digits (S12.5). */
START_TEST(one_hot_like_rows_attain_the_bound)
{
    static const struct {
        int n;
        double p, tolerance;
    } stored[] = {{5, 0.7005, 5e-5},
                  {17, 0.7942, 5e-5},
                  {65, 0.9802, 5e-5},
                  {197, 0.99984, 5e-6}};
    for (size_t k = 0; k < 4; k++) {
        const int n = stored[k].n;
        double S[MAX_N], p[MAX_N];
        for (int i = 0; i < n; i++) {
            S[i] = i == n / 2 ? -1.127 + 0.385 : -1.127;
        }
        ok(thm_normsoftmax(n, S, 8.0, THM_NORM_STD, p, NULL));
        const double bound = 1.0 / (1.0 + (n - 1) * exp(-sqrt((double)n)));
        ck_assert(fabs(p[n / 2] - stored[k].p) <= stored[k].tolerance);
        ck_assert(fabs(p[n / 2] - bound) <= (16 + 10 * sqrt((double)n)) * u);
    }
}
END_TEST

START_TEST(a_constant_row_is_uniform_and_has_no_jacobian)
{
    static const double values[] = {0.0, -1.127, DBL_MAX, -0x1p-1074};
    for (size_t k = 0; k < 4; k++) {
        for (size_t m = 0; m < 2; m++) {
            double S[3] = {values[k], values[k], values[k]};
            double p[3], y[3] = {7, 7, 7}, J[9];
            thm_normsoftmax_row row;
            ok(thm_normsoftmax(3, S, 8.0, norms[m], p, &row));
            ck_assert(p[0] == 1.0 / 3 && p[1] == p[0] && p[2] == p[0]);
            ck_assert(row.s == 0.0 && row.normalised);
            refused(thm_normsoftmax_jvp(3, S, 8.0, norms[m], p, p, y));
            refused(thm_normsoftmax_vjp(3, S, 8.0, norms[m], p, p, y));
            refused(thm_normsoftmax_jacobian(3, S, 8.0, norms[m], p, J));
            ck_assert_double_eq(y[1], 7);
        }
    }
}
END_TEST

/* S = (-1, 0, 1) has s = 1 exactly (std): at tau = 1 the plain side. */
START_TEST(the_kink_takes_the_plain_side)
{
    const double S[3] = {-1.0, 0.0, 1.0};
    double p[3], q[3], J[9], J0[9];
    thm_normsoftmax_row row;
    ok(thm_normsoftmax(3, S, 1.0, THM_NORM_STD, p, &row));
    ck_assert(row.s == 1.0 && !row.normalised);
    ok(thm_softmax(3, S, 1.0, q));
    ck_assert(p[0] == q[0] && p[1] == q[1] && p[2] == q[2]);
    ok(thm_normsoftmax_jacobian(3, S, 1.0, THM_NORM_STD, p, J));
    ok(thm_softmax_jacobian(3, p, 1.0, J0));
    for (int k = 0; k < 9; k++) {
        ck_assert(fabs(J[k] - J0[k]) <= 16 * u);
    }
    /* one step further it is normalised, and J S = 0: scale is lost */
    const double above = nextafter(1.0, 2.0);
    ok(thm_normsoftmax(3, S, above, THM_NORM_STD, p, &row));
    ck_assert(row.normalised);
    double y[3];
    ok(thm_normsoftmax_jvp(3, S, above, THM_NORM_STD, p, S, y));
    for (int i = 0; i < 3; i++) {
        ck_assert(fabs(y[i]) <= 16 * u);
    }
}
END_TEST

static void complex_row(int n, const double *S, int j, double h, double tau,
                        thm_norm norm, double complex *p)
{
    double complex mean = 0, ss = 0, sum = 0;
    double top = S[0];
    for (int i = 0; i < n; i++) {
        top = fmax(top, S[i]);
    }
    for (int i = 0; i < n; i++) {
        p[i] = CMPLX(S[i] - top, i == j ? h : 0.0);
        mean += p[i] / n;
    }
    for (int i = 0; i < n; i++) {
        ss += (p[i] - mean) * (p[i] - mean);
    }
    const double complex s =
        norm == THM_NORM_STD ? csqrt(ss / (n - 1)) : ss / n;
    for (int i = 0; i < n; i++) {
        sum += p[i] = cexp(p[i] / (creal(s) < tau ? s : tau));
    }
    for (int i = 0; i < n; i++) {
        p[i] /= sum;
    }
}

START_TEST(jacobian_agrees_with_the_complex_step)
{
    static const int sizes[] = {2, 3, 8, 9, 33};
    static const double widths[] = {0.102, 2.385, 30.0};
    const double h = 0x1p-332;
    for (size_t k = 0; k < 15; k++) {
        const int n = sizes[k / 3];
        for (size_t m = 0; m < 2; m++) {
            double S[33], p[33], J[33 * 33];
            double complex q[33];
            thm_normsoftmax_row row;
            draw(100 + k, n, widths[k % 3], k % 2 ? 700.0 : 0.0, S);
            ok(thm_normsoftmax(n, S, 8.0, norms[m], p, &row));
            ok(thm_normsoftmax_jacobian(n, S, 8.0, norms[m], p, J));
            /* sum of the absolute terms of an entry: at most (1 + 2 x^2) / t
             * with x the spread of the logits; each carries below
             * 8 n + 40 (1 + x) roundings */
            const double x = range_of(n, S) / row.temperature;
            const double tolerance =
                (8 * n + 40 * (1 + x)) * u * (1 + 2 * x * x) / row.temperature;
            for (int j = 0; j < n; j++) {
                complex_row(n, S, j, h, 8.0, norms[m], q);
                for (int i = 0; i < n; i++) {
                    ck_assert(fabs(J[i * n + j] - cimag(q[i]) / h) <=
                              tolerance);
                }
            }
        }
    }
}
END_TEST

START_TEST(products_agree_with_the_dense_jacobian)
{
    static const int sizes[] = {2, 3, 7, 9, 65};
    static const double widths[] = {0.2, 2.385, 40.0};
    double S[65], p[65], v[65], y[65], yt[65], J[65 * 65];
    for (size_t k = 0; k < 15; k++) {
        const int n = sizes[k / 3];
        for (size_t m = 0; m < 2; m++) {
            thm_normsoftmax_row row;
            draw(200 + k, n, widths[k % 3], -3.0, S);
            draw(300 + k, n, 1.0, 0.0, v);
            ok(thm_normsoftmax(n, S, 8.0, norms[m], p, &row));
            ok(thm_normsoftmax_jacobian(n, S, 8.0, norms[m], p, J));
            ok(thm_normsoftmax_jvp(n, S, 8.0, norms[m], p, v, y));
            for (int i = 0; i < n; i++) {
                yt[i] = v[i]; /* in place */
            }
            ok(thm_normsoftmax_vjp(n, S, 8.0, norms[m], p, yt, yt));
            double size = 0;
            for (int i = 0; i < n; i++) {
                size += fabs(v[i]);
            }
            const double x = range_of(n, S) / row.temperature;
            const double tolerance =
                (8 * n + 40) * u * (1 + 2 * x * x) * size / row.temperature;
            for (int i = 0; i < n; i++) {
                double a = 0, b = 0;
                for (int j = 0; j < n; j++) {
                    a += J[i * n + j] * v[j];
                    b += J[j * n + i] * v[j];
                }
                ck_assert(fabs(y[i] - a) <= tolerance);
                ck_assert(fabs(yt[i] - b) <= tolerance);
            }
        }
    }
}
END_TEST

/* The variance version's Jacobian is A times a reflection: same |.|_F. */
START_TEST(the_variance_version_reflects)
{
    double S[17], p[17], J[17 * 17], fro, square = 0;
    thm_normsoftmax_row row;
    draw(9, 17, 1.127, 0.0, S);
    ok(thm_normsoftmax(17, S, 8.0, THM_NORM_VAR, p, &row));
    ck_assert(row.normalised);
    ok(thm_normsoftmax_jacobian(17, S, 8.0, THM_NORM_VAR, p, J));
    ok(thm_softmax_jacobian_fro(17, p, row.s, &fro));
    for (int k = 0; k < 17 * 17; k++) {
        square += J[k] * J[k];
    }
    ck_assert(fabs(sqrt(square) - fro) <= 17 * 17 * u * fro);
}
END_TEST

START_TEST(errors)
{
    const double good[3] = {0.1, 2.385, -1.127}, tiny[2] = {0.0, 0x1p-1074};
    double p[3] = {0.2, 0.3, 0.5}, y[3] = {7, 7, 7}, J[9] = {7};
    const double bad[] = {NAN, INFINITY, -INFINITY};
    ck_assert_int_eq(thm_normsoftmax(1, good, 8.0, THM_NORM_STD, y, NULL),
                     THM_EDIM);
    ck_assert_int_eq(thm_normsoftmax(0, good, 8.0, THM_NORM_VAR, y, NULL),
                     THM_EDIM);
    for (int k = 0; k < 3; k++) {
        const double S[3] = {0.1, bad[k], 1.0};
        refused(thm_normsoftmax(3, S, 8.0, THM_NORM_STD, y, NULL));
        refused(thm_normsoftmax(3, good, bad[k], THM_NORM_STD, y, NULL));
        refused(thm_normsoftmax_jvp(3, S, 8.0, THM_NORM_STD, p, good, y));
        const double q[3] = {0.2, bad[k], 0.5};
        refused(thm_normsoftmax_jvp(3, good, 8.0, THM_NORM_STD, q, good, y));
        refused(thm_normsoftmax_vjp(3, good, 8.0, THM_NORM_STD, q, good, y));
        refused(thm_normsoftmax_jacobian(3, good, 8.0, THM_NORM_STD, q, J));
    }
    refused(thm_normsoftmax(3, good, 0.0, THM_NORM_STD, y, NULL));
    refused(thm_normsoftmax(3, good, -1.0, THM_NORM_STD, y, NULL));
    refused(thm_normsoftmax(3, good, 8.0, (thm_norm)7, y, NULL));
    ck_assert_int_eq(thm_normsoftmax_jvp(1, good, 8.0, THM_NORM_STD, p, p, y),
                     THM_EDIM);
    ck_assert_int_eq(thm_normsoftmax_vjp(1, good, 8.0, THM_NORM_STD, p, p, y),
                     THM_EDIM);
    ck_assert_int_eq(thm_normsoftmax_jacobian(1, good, 8.0, THM_NORM_VAR, p, J),
                     THM_EDIM);
    /* s below the normal range: p stands, 1 / s does not */
    refused(thm_normsoftmax_vjp(2, tiny, 8.0, THM_NORM_STD, p, p, y));
    const double zeros[3] = {0, 0, 0};
    refused(thm_normsoftmax_jvp(3, good, 8.0, THM_NORM_STD, zeros, good, y));
    ck_assert_double_eq(y[0], 7);
    ck_assert_double_eq(J[0], 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normsoftmax");
    TCase *t = tcase_create("rows");
    tcase_add_test(t, forward_agrees_with_the_definition);
    tcase_add_test(t, an_outlier_costs_the_others_nothing);
    tcase_add_test(t, two_tokens_in_closed_form);
    tcase_add_test(t, one_hot_like_rows_attain_the_bound);
    tcase_add_test(t, a_constant_row_is_uniform_and_has_no_jacobian);
    tcase_add_test(t, the_kink_takes_the_plain_side);
    tcase_add_test(t, jacobian_agrees_with_the_complex_step);
    tcase_add_test(t, products_agree_with_the_dense_jacobian);
    tcase_add_test(t, the_variance_version_reflects);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
