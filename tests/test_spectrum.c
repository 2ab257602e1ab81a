/* Oracles: stored (mpmath's eigsy, 60 to 1500 digits, tests/references), second
 * route (bisection in ball arithmetic, LAPACK), certificate (enclosures) and
 * identities, for the spectrum of the softmax Jacobian. */
#include <check.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "la/eig.h"
#include "softmax/secular.h"
#include "softmax/softmax.h"
#include "softmax/spectrum.h"

enum { MAX_N = 130 };

static const int sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 63, 65, 130};
static const double sds[] = {1e-9, 0.1, 1.127, 12.0, 80.0};
static const double ACCURACY = 4e-15; /* promised by spectrum.h */

static thm_spectrum_work *work;

static void setup(void)
{
    ck_assert_int_eq(thm_spectrum_work_alloc(MAX_N, 1, thm_isa_detect(), &work),
                     THM_OK);
}

static void teardown(void)
{
    thm_spectrum_work_free(work);
}

static void draw(uint64_t stream, int n, double sd, double *z)
{
    thm_rng rng = thm_rng_make(1127, stream);
    thm_rng_fill_normal(&rng, n, sd, z);
}

/* Every eigenvalue within the promised relative error, or within one denormal
 * spacing below the normal range. */
static void check_close(int n, const double *got, const double *want)
{
    for (int i = 0; i < n; i++) {
        double allowed =
            want[i] >= 2.3e-308 ? ACCURACY * want[i] : 4.9406564584124654e-324;
        ck_assert_msg(fabs(got[i] - want[i]) <= allowed,
                      "eigenvalue %d of %d: %.17g, not %.17g", i, n, got[i],
                      want[i]);
    }
}

START_TEST(secular_kernels_agree_with_the_plain_twin)
{
    enum { N = 2200 };
    double *d = aligned_alloc(64, (N + 16) * sizeof *d);
    const int lengths[] = {2, 3, 7, 8, 9, 16, 17, 63, 65, 1024, 1041, 2200};
    ck_assert_ptr_nonnull(d);
    for (int c = 0; c < 12; c++) {
        int n = lengths[c];
        memset(d, 0, (N + 16) * sizeof *d);
        for (int j = 0; j < n; j++) {
            d[j] = 0.1 + 0.7 * j / n + 0.001 * (j % 3);
        }
        for (int k = 0; k < n - 1; k += 1 + n / 37) {
            double eta = 0.37 * (d[k + 1] - d[k]);
            thm_secular want, got;
            thm_secular_eval_ref(n, d, k, d[k], eta, &want);
            /* n additions and 14 roundings a term at most, on either side */
            double eps = 2.0 * (n + 14) * 0x1p-53;
            for (int isa = 0; isa <= (int)thm_isa_detect(); isa++) {
                thm_secular_kernel((thm_isa)isa)(n, d, k, d[k], eta, &got);
                ck_assert_double_le(fabs(got.psi - want.psi), -eps * want.psi);
                ck_assert_double_le(fabs(got.dpsi - want.dpsi),
                                    eps * want.dpsi);
                ck_assert_double_le(fabs(got.phi - want.phi), eps * want.phi);
                ck_assert_double_le(fabs(got.dphi - want.dphi),
                                    eps * want.dphi);
            }
        }
    }
    free(d);
}
END_TEST

START_TEST(stored_references)
{
    json_error_t error;
    json_t *root =
        json_load_file("tests/references/softmax_spectrum.json", 0, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    json_t *cases = json_object_get(root, "cases"), *item;
    size_t index;
    ck_assert_uint_ge(json_array_size(cases), 10);
    json_array_foreach(cases, index, item)
    {
        double z[MAX_N], want[MAX_N], got[MAX_N], h;
        json_t *logits = json_object_get(item, "logits");
        json_t *values = json_object_get(item, "eigenvalues");
        double tau = json_real_value(json_object_get(item, "tau"));
        int n = (int)json_array_size(logits);
        for (int i = 0; i < n; i++) {
            z[i] = json_number_value(json_array_get(logits, (size_t)i));
            want[i] = strtod(
                json_string_value(json_array_get(values, (size_t)i)), NULL);
        }
        ck_assert_int_eq(thm_spectrum_load_logits(work, n, z, tau), THM_OK);
        ck_assert_int_eq(thm_spectrum_values(work, got, NULL), THM_OK);
        check_close(n, got, want);
        double want_h =
            strtod(json_string_value(json_object_get(item, "entropy")), NULL);
        ck_assert_int_eq(thm_softmax_entropy(n, z, tau, &h, NULL), THM_OK);
        ck_assert_double_le(fabs(h - want_h), ACCURACY * want_h);
    }
    json_decref(root);
}
END_TEST

START_TEST(bisection_in_balls)
{
    double z[MAX_N], got[MAX_N], want[MAX_N], lo[MAX_N], hi[MAX_N];
    int e[MAX_N];
    for (int c = 0; c < 13 * 5; c++) {
        int n = sizes[c % 13];
        double sd = sds[c / 13], tau = c % 2 ? 1.0 : 0.531;
        draw((uint64_t)c, n, sd, z);
        if (c % 3 == 0 && n > 2) { /* ties and a near tie */
            z[n / 2] = z[0];
            z[n - 1] = z[1] + 1e-9;
        }
        int bits = 300 + (int)(12.0 * sd / tau);
        ck_assert_int_eq(thm_spectrum_ref(n, z, tau, bits, want), THM_OK);
        ck_assert_int_eq(thm_spectrum_load_logits(work, n, z, tau), THM_OK);
        thm_spectrum_stats stats;
        ck_assert_int_eq(thm_spectrum_values(work, got, &stats), THM_OK);
        check_close(n, got, want);
        ck_assert_int_eq(stats.zeros, 1);
        int underflowed = 0;
        for (int i = 1; i < n; i++) {
            underflowed += want[i] < DBL_MIN;
        }
        ck_assert_int_eq(stats.underflowed, underflowed);
        ck_assert_int_eq(thm_spectrum_encl(work, lo, hi, e), THM_OK);
        for (int i = 0; i < n; i++) {
            ck_assert(ldexp(lo[i], e[i]) <= want[i]);
            ck_assert(ldexp(hi[i], e[i]) >= want[i]);
            /* 8 units of the evaluation's bound on both sides, and 3 delta */
            ck_assert(hi[i] - lo[i] <= 1e-13 * hi[i]);
        }
    }
}
END_TEST

START_TEST(enclosures_reach_beyond_the_range_of_doubles)
{
    const double z[] = {0.0, -500.0, -900.0, -3000.0};
    double lo[4], hi[4], got[4];
    int e[4];
    thm_spectrum_stats stats;
    ck_assert_int_eq(thm_spectrum_load_logits(work, 4, z, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, got, &stats), THM_OK);
    ck_assert_int_eq(stats.underflowed, 2);
    ck_assert_int_eq(thm_spectrum_encl(work, lo, hi, e), THM_OK);
    /* with q tokens far above, mu = w (1 + 1/q) to first order */
    const double w[] = {-3000.0, -900.0, -500.0}, q[] = {3.0, 2.0, 1.0};
    for (int i = 1; i < 4; i++) {
        double log_mu = w[i - 1] + log1p(1.0 / q[i - 1]);
        double below = log(lo[i]) + e[i] * log(2.0);
        double above = log(hi[i]) + e[i] * log(2.0);
        ck_assert(below <= log_mu + 1e-11 && log_mu <= above + 1e-11);
        ck_assert(above - below <= 1e-11);
    }
    /* a weight that no exponent holds: positive, but not certified so */
    const double far[] = {0.0, 1.0, -1e300};
    ck_assert_int_eq(thm_spectrum_load_logits(work, 3, far, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_encl(work, lo, hi, e), THM_OK);
    ck_assert(lo[1] == 0.0 && hi[1] > 0.0 && e[1] < -1000000);
    ck_assert(lo[2] > 0.0 && hi[2] - lo[2] <= 1e-13 * hi[2]);
    /* just above the floor: the bound from above still is one; mu = 2 w */
    const double edge[] = {0.0, (256.0 - (1 << 20)) * 0.6931471805599453 - 1.0};
    ck_assert_int_eq(thm_spectrum_load_logits(work, 2, edge, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_encl(work, lo, hi, e), THM_OK);
    ck_assert(log(hi[1]) + e[1] * log(2.0) >= log(2.0) + edge[1]);
}
END_TEST

START_TEST(probabilities_with_zeros_and_ties)
{
    const double p[] = {0.2, 0.0, 0.2, 0.3, 0.0, 0.2, 0.1};
    double got[7], dense[49], want[7], V[49], lambda[7];
    thm_spectrum_stats stats;
    thm_la_report report;
    ck_assert_int_eq(thm_spectrum_load_probs(work, 7, p, 0.5), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, got, &stats), THM_OK);
    ck_assert_int_eq(stats.zeros, 3);
    ck_assert(got[0] == 0.0 && got[1] == 0.0 && got[2] == 0.0 && got[3] > 0.0);
    ck_assert(got[4] == 0.4 && got[5] == 0.4); /* p / tau, twice */
    ck_assert_int_eq(thm_softmax_jacobian(7, p, 0.5, dense), THM_OK);
    ck_assert_int_eq(thm_eig(7, dense, want, V, &report), THM_OK);
    for (int i = 0; i < 7; i++) {
        ck_assert_double_le(fabs(got[i] - want[i]), report.err + 1e-16);
    }
    /* J v = lambda v, orthonormal, ties and zeros included */
    ck_assert_int_eq(thm_spectrum_vectors(work, 0, 7, lambda, V, NULL), THM_OK);
    for (int i = 0; i < 7; i++) {
        ck_assert_double_eq(lambda[i], got[i]);
        for (int j = 0; j < 7; j++) {
            double dot = 0.0, Jv = 0.0;
            for (int k = 0; k < 7; k++) {
                dot += V[7 * i + k] * V[7 * j + k];
                Jv += dense[7 * j + k] * V[7 * i + k];
            }
            ck_assert_double_le(fabs(dot - (i == j)), 1e-15);
            ck_assert_double_le(fabs(Jv - lambda[i] * V[7 * i + j]), 1e-15);
        }
    }
}
END_TEST

START_TEST(scale_of_probabilities_and_temperature)
{
    /* J is linear in p where p is not normalised, and in 1 / tau */
    double z[20], p[20], q[20], a[20], b[20];
    draw(77, 20, 2.0, z);
    ck_assert_int_eq(thm_softmax(20, z, 1.0, p), THM_OK);
    for (int i = 0; i < 20; i++) {
        q[i] = ldexp(p[i], -900);
    }
    ck_assert_int_eq(thm_spectrum_load_probs(work, 20, p, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, a, NULL), THM_OK);
    ck_assert_int_eq(thm_spectrum_load_probs(work, 20, q, 0x1p-890), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, b, NULL), THM_OK);
    for (int i = 0; i < 20; i++) {
        ck_assert_double_eq(b[i], ldexp(a[i], -10));
    }
}
END_TEST

START_TEST(uniform_rows_are_exact)
{
    double z[MAX_N], got[MAX_N];
    for (int c = 0; c < 13; c++) {
        int n = sizes[c];
        for (int i = 0; i < n; i++) {
            z[i] = -1.127;
        }
        ck_assert_int_eq(thm_spectrum_load_logits(work, n, z, 8.0), THM_OK);
        ck_assert_int_eq(thm_spectrum_values(work, got, NULL), THM_OK);
        for (int i = 1; i < n; i++) {
            ck_assert_double_eq(got[i], 1.0 / (8.0 * n));
        }
    }
    double masked[] = {-HUGE_VAL, 2.5, -HUGE_VAL, 2.5};
    ck_assert_int_eq(thm_spectrum_load_logits(work, 4, masked, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, got, NULL), THM_OK);
    ck_assert(got[0] == 0.0 && got[1] == 0.0 && got[2] == 0.0 && got[3] == 0.5);
}
END_TEST

/* One token at 0 and the rest tied at z: e^z / (1 + (n - 1) e^z), n - 2 times.
 * A plain sum of so many weights would be off by some 1e-13. */
START_TEST(the_weights_of_a_long_row_are_summed_without_loss)
{
    enum { N = 200001 };
    thm_spectrum_work *longer = NULL;
    double *z = malloc(N * sizeof *z), got;
    ck_assert_ptr_nonnull(z);
    ck_assert_int_eq(thm_spectrum_work_alloc(N, 1, thm_isa_detect(), &longer),
                     THM_OK);
    for (int c = 1; c <= 5; c++) {
        const double tail = -1.127 * c, w = exp(tail);
        z[0] = 0.0;
        for (int i = 1; i < N; i++) {
            z[i] = tail;
        }
        ck_assert_int_eq(thm_spectrum_load_logits(longer, N, z, 1.0), THM_OK);
        ck_assert_int_eq(thm_spectrum_range(longer, 1, 1, &got, NULL), THM_OK);
        const double want = w / (1.0 + (N - 1) * w);
        ck_assert_double_le(fabs(got - want), ACCURACY * want);
    }
    thm_spectrum_work_free(longer);
    free(z);
}
END_TEST

START_TEST(the_same_bits_for_every_isa_and_thread_count)
{
    enum { N = 1500 };
    double *z = malloc(3 * N * sizeof *z), *a = z + N, *b = a + N;
    ck_assert_ptr_nonnull(z);
    draw(5, N, 1.5, z);
    for (int isa = THM_ISA_BASELINE; isa <= (int)thm_isa_detect(); isa++) {
        for (int threads = 1; threads <= 3; threads++) {
            thm_spectrum_work *w;
            ck_assert_int_eq(
                thm_spectrum_work_alloc(N, threads, (thm_isa)isa, &w), THM_OK);
            ck_assert_int_eq(thm_spectrum_load_logits(w, N, z, 1.0), THM_OK);
            ck_assert_int_eq(
                thm_spectrum_values(w, isa + threads == 1 ? a : b, NULL),
                THM_OK);
            if (isa + threads > 1) {
                ck_assert_mem_eq(a, b, N * sizeof *a);
            }
            thm_spectrum_work_free(w);
        }
    }
    free(z);
}
END_TEST

START_TEST(part_of_the_spectrum)
{
    double z[MAX_N], all[MAX_N], part[MAX_N];
    draw(9, MAX_N, 3.0, z);
    z[7] = z[50];
    z[11] = -HUGE_VAL;
    ck_assert_int_eq(thm_spectrum_load_logits(work, MAX_N, z, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, all, NULL), THM_OK);
    for (int first = 0; first < MAX_N; first += 13) {
        for (int count = 1; first + count <= MAX_N && count <= 17; count += 4) {
            /* a fresh load forgets what was sorted */
            ck_assert_int_eq(thm_spectrum_load_logits(work, MAX_N, z, 1.0),
                             THM_OK);
            ck_assert_int_eq(thm_spectrum_range(work, first, count, part, NULL),
                             THM_OK);
            check_close(count, part, all + first);
        }
    }
}
END_TEST

START_TEST(vectors_of_a_peaked_row)
{
    enum { N = 60 };
    double z[N], p[N], lambda[N];
    double *V = malloc(2 * N * N * sizeof *V), *J = V + N * N;
    ck_assert_ptr_nonnull(V);
    draw(21, N, 12.0, z);
    ck_assert_int_eq(thm_softmax(N, z, 1.0, p), THM_OK);
    ck_assert_int_eq(thm_softmax_jacobian(N, p, 1.0, J), THM_OK);
    ck_assert_int_eq(thm_spectrum_load_logits(work, N, z, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_vectors(work, 0, N, lambda, V, NULL), THM_OK);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double dot = 0.0, Jv = 0.0;
            for (int k = 0; k < N; k++) {
                dot += V[N * i + k] * V[N * j + k];
                Jv += J[N * j + k] * V[N * i + k];
            }
            ck_assert_double_le(fabs(dot - (i == j)), 2.0 * N * 0x1p-52);
            ck_assert_double_le(fabs(Jv - lambda[i] * V[N * i + j]),
                                2.0 * N * 0x1p-53 * lambda[N - 1]);
        }
    }
    free(V);
}
END_TEST

START_TEST(errors_leave_the_output_alone)
{
    thm_spectrum_work *w = NULL;
    double z[] = {0.1, 0.2, 0.3}, y[3] = {7.0, 7.0, 7.0}, V[9];
    ck_assert_int_eq(thm_spectrum_work_alloc(0, 1, THM_ISA_BASELINE, &w),
                     THM_EDIM);
    ck_assert_int_eq(thm_spectrum_work_alloc(5, 0, THM_ISA_BASELINE, &w),
                     THM_EDIM);
    ck_assert_ptr_null(w);
    thm_spectrum_work_free(NULL);
    ck_assert_int_eq(thm_spectrum_values(work, y, NULL), THM_EDIM); /* no row */
    ck_assert_int_eq(thm_spectrum_load_logits(work, 0, z, 1.0), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_load_logits(work, MAX_N + 1, z, 1.0),
                     THM_EDIM);
    ck_assert_int_eq(thm_spectrum_load_logits(work, 3, z, 0.0), THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_load_probs(work, 3, z, NAN), THM_EDOMAIN);
    double nan_z[] = {0.1, NAN, 0.3}, zero[] = {0.0, 0.0, 0.0};
    double negative[] = {0.5, -0.1, 0.6};
    ck_assert_int_eq(thm_spectrum_load_logits(work, 3, nan_z, 1.0),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_load_probs(work, 3, nan_z, 1.0), THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_load_probs(work, 3, zero, 1.0), THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_load_probs(work, 3, negative, 1.0),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_load_logits(work, 3, z, 1.0), THM_OK);
    ck_assert_int_eq(thm_spectrum_range(work, -1, 1, y, NULL), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_range(work, 1, 3, y, NULL), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_range(work, 1, 0, y, NULL), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_vectors(work, 0, 4, y, V, NULL), THM_EDIM);
    /* 1 / tau leaves the range */
    ck_assert_int_eq(thm_spectrum_load_probs(work, 3, z, 1e-310), THM_OK);
    ck_assert_int_eq(thm_spectrum_values(work, y, NULL), THM_EOVERFLOW);
    ck_assert_int_eq(thm_spectrum_ref(0, z, 1.0, 200, y), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_ref(3, z, 1.0, 10, y), THM_EDIM);
    ck_assert_int_eq(thm_spectrum_ref(3, z, -1.0, 200, y), THM_EDOMAIN);
    ck_assert_int_eq(thm_spectrum_ref(3, nan_z, 1.0, 200, y), THM_EDOMAIN);
    ck_assert(y[0] == 7.0 && y[1] == 7.0 && y[2] == 7.0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spectrum");
    TCase *t = tcase_create("spectrum");
    tcase_set_timeout(t, 240.0);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, secular_kernels_agree_with_the_plain_twin);
    tcase_add_test(t, stored_references);
    tcase_add_test(t, enclosures_reach_beyond_the_range_of_doubles);
    tcase_add_test(t, probabilities_with_zeros_and_ties);
    tcase_add_test(t, scale_of_probabilities_and_temperature);
    tcase_add_test(t, uniform_rows_are_exact);
    tcase_add_test(t, the_weights_of_a_long_row_are_summed_without_loss);
    tcase_add_test(t, the_same_bits_for_every_isa_and_thread_count);
    tcase_add_test(t, part_of_the_spectrum);
    tcase_add_test(t, vectors_of_a_peaked_row);
    tcase_add_test(t, errors_leave_the_output_alone);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("balls");
    tcase_set_timeout(slow, 240.0);
    tcase_set_tags(slow, "long");
    tcase_add_checked_fixture(slow, setup, teardown);
    tcase_add_test(slow, bisection_in_balls);
    suite_add_tcase(suite, slow);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
