/* Oracles: a second route, eigenvalues of Gram matrices of S and of B formed by
 * plain loops; the rank of uniform attention; the PL ratio from sums by hand.
 */
#include <math.h>
#include "la/eig.h"
#include "tests/instruments_case.h"

/* The smallest and the largest singular value of M: (rows x cols), rows <=
 * cols, from the eigenvalues of M M': rounding moves these by some cols eps
 * sigma_1^2, so the smallest one by the root of that at most. */
static double smallest(int rows, int cols, const double *M, double *largest)
{
    double *gram = calloc((size_t)rows * (size_t)rows, sizeof *gram);
    double *values = calloc((size_t)rows, sizeof *values);
    ck_assert(gram && values);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < rows; j++) {
            for (int k = 0; k < cols; k++) {
                gram[i * rows + j] += M[i * cols + k] * M[j * cols + k];
            }
        }
    }
    ck_assert_int_eq(thm_eig_values(rows, gram, values, NULL), THM_OK);
    const double least = sqrt(fmax(values[0], 0.0));
    *largest = sqrt(values[rows - 1]);
    free(gram);
    free(values);
    return least;
}

static void expect_spectra(const setting *s, const probe *p, int l)
{
    enum { N = 2 * 32 / T, ROWS = N * T, HD = 2 * 32 };
    static double S[T * T], B[ROWS * HD];
    double largest;
    for (int k = 0; k < ROWS * HD; k++) {
        thm_vit_view view;
        thm_vit32_look(p->model, l, k / HD / T, &view);
        const int i = k / HD % T, h = k % HD / 32, col = k % 32;
        B[k] = 0;
        for (int t = 0; t < T; t++) {
            B[k] += (double)view.attention[(h * T + i) * T + t] *
                    (double)view.normed[t * 32 + col];
        }
    }
    const double b = smallest(ROWS, HD, B, &largest);
    const double b_tol = sqrt(HD * 0x1p-52) * largest;
    for (int h = 0; h < 2; h++) {
        double s_min = HUGE_VAL, s_tol = 0;
        for (int i = 0; i < SAMPLES; i++) {
            thm_vit_view view;
            thm_vit32_look(p->model, l, i, &view);
            for (int k = 0; k < T * T; k++) {
                S[k] = (double)view.attention[h * T * T + k];
            }
            s_min = fmin(s_min, smallest(T, T, S, &largest));
            s_tol = fmax(s_tol, sqrt(T * 0x1p-52) * largest);
        }
        ck_assert_double_eq_tol(at(s, l, h, THM_INSTRUMENT_SIGMA_S), s_min,
                                s_tol);
        ck_assert_double_eq_tol(at(s, l, h, THM_INSTRUMENT_SIGMA_B), b, b_tol);
        ck_assert(at(s, l, h, THM_INSTRUMENT_SIGMA_B_LOWER) <= b + b_tol);
        ck_assert_double_eq_tol(at(s, l, h, THM_INSTRUMENT_HD_OVER_NT),
                                (double)HD / ROWS, 1e-15);
        ck_assert(at(s, l, h, THM_INSTRUMENT_SIGMA_B_THRESHOLD) >
                  HD * 0x1p-25 * b);
    }
    /* the case must be one where a wrong sample or head would show */
    ck_assert_double_gt(b, 1e3 * b_tol);
    ck_assert_double_gt(fabs(at(s, l, 0, THM_INSTRUMENT_SIGMA_S) -
                             at(s, l, 1, THM_INSTRUMENT_SIGMA_S)),
                        1e-5);
}

START_TEST(spectra_by_gram_matrices)
{
    setting s = open_setting(THM_VIT_SOFTMAX, 0.5);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    probe p = open_probe(&s);
    expect_spectra(&s, &p, 0);
    expect_spectra(&s, &p, 1);
    close_probe(&p);
    close_setting(&s);
}
END_TEST

/* Uniform attention: S = 1 1' / T has rank 1, and B rank N < NT. */
START_TEST(uniform_attention_has_no_rank)
{
    setting s = open_setting(THM_VIT_UNIFORM, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    for (int l = 0; l < 2; l++) {
        ck_assert_double_lt(at(&s, l, 1, THM_INSTRUMENT_SIGMA_S), 1e-7);
        ck_assert(at(&s, l, 1, THM_INSTRUMENT_SIGMA_B_LOWER) <=
                  at(&s, l, 1, THM_INSTRUMENT_SIGMA_B_THRESHOLD));
    }
    close_setting(&s);
}
END_TEST

/* Sums from the same probe; the floor is the entropy of a smoothed label, 0.91
 * and nine times 0.01. */
START_TEST(pl_ratio_by_hand)
{
    setting s = open_setting(THM_VIT_SOFTMAX, 1.0);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    probe p = open_probe(&s);
    thm_vit_score score;
    ck_assert_int_eq(thm_trainer_probe(s.trainer, THM_INSTRUMENTS_DRAW, 0,
                                       SAMPLES, p.model, &p.samples, NULL,
                                       &score, NULL),
                     THM_OK);
    const double floor = -0.91 * log(0.91) - 9 * 0.01 * log(0.01);
    double square = 0;
    for (int64_t e = 0; e < thm_trainer_layout(s.trainer)->total; e++) {
        square += (double)p.gradient[e] * (double)p.gradient[e];
    }
    const double ratio = square / (2 * (score.loss - floor));
    ck_assert_double_gt(ratio, 0);
    for (int k = 0; k < 4; k++) {
        ck_assert_double_eq_tol(at(&s, k / 2, k % 2, THM_INSTRUMENT_PL_RATIO),
                                ratio, 1e-12 * ratio);
    }
    close_probe(&p);
    close_setting(&s);
}
END_TEST

/* Numbers to predict, with what noise is not known: no floor, no ratio. */
START_TEST(no_ratio_without_a_floor)
{
    setting s = {0};
    const thm_task_options o =
        thm_task_options_default(THM_TASK_ICL_REGRESSION);
    ck_assert_int_eq(thm_task_alloc(&o, &s.task, NULL), THM_OK);
    const thm_trainer_options options = thm_trainer_default(s.task);
    ck_assert_int_eq(thm_trainer_alloc(&options, s.task, &s.trainer, NULL),
                     THM_OK);
    ck_assert_int_eq(thm_instruments_alloc(s.trainer, s.task, 2, &s.in),
                     THM_OK);
    ck_assert_int_eq(thm_instruments_read(s.in, s.trainer, NULL), THM_OK);
    ck_assert(isnan(at(&s, 0, 0, THM_INSTRUMENT_PL_RATIO)));
    ck_assert_double_gt(at(&s, 0, 0, THM_INSTRUMENT_SIGMA_S), 0);
    close_setting(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instruments_spectra");
    TCase *all = tcase_create("spectra");
    tcase_add_test(all, spectra_by_gram_matrices);
    tcase_add_test(all, uniform_attention_has_no_rank);
    tcase_add_test(all, pl_ratio_by_hand);
    tcase_add_test(all, no_ratio_without_a_floor);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
