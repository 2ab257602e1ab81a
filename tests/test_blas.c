/* Suite of products and of the choice of BLAS core and instruction set.
 * Each test's first line names its oracle. */
#include <string.h>

#include "la/blas.h"
#include "tests/matrices.h"

START_TEST(gemm_matches_plain_loops)
{
    /* second route: thm_gemm_ref on every odd size, transpose and view */
    int m = sizes[_i];
    for (int b = 0; b < N_SIZES; b++) {
        for (int t = 0; t < 4; t++) {
            int n = sizes[b], k = sizes[(_i + b + t) % N_SIZES];
            bool ta = (t & 1) != 0, tb = (t & 2) != 0;
            int lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 3;
            double *A = drawn(1, MOST, lda > MOST ? lda : MOST + 2);
            double *B = drawn(2, MOST, MOST + 2), *C = drawn(3, m, ldc);
            double *D = room(m, ldc);
            memcpy(D, C, (size_t)(m * ldc) * sizeof *D);
            double alpha = 2.385, beta = t == 3 ? 0 : -1.127;
            ck_assert_int_eq(
                thm_gemm(ta, tb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc),
                THM_OK);
            ck_assert_int_eq(thm_gemm_ref(ta, tb, m, n, k, alpha, A, lda, B,
                                          ldb, beta, D, ldc),
                             THM_OK);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < ldc; j++) {
                    /* entries are below 7 in size */
                    double bound = j < n ? 2 * (k + 3) * u * 50 * 2.4 * k : 0;
                    ck_assert_double_le(fabs(C[i * ldc + j] - D[i * ldc + j]),
                                        bound);
                }
            }
            free(A);
            free(B);
            free(C);
            free(D);
        }
    }
}
END_TEST

START_TEST(sgemm_matches_plain_loops)
{
    /* second route: thm_gemm_ref in double on every odd size, transpose, view
     */
    int m = sizes[_i];
    for (int b = 0; b < N_SIZES; b++) {
        for (int t = 0; t < 4; t++) {
            int n = sizes[b], k = sizes[(_i + b + t) % N_SIZES];
            bool ta = (t & 1) != 0, tb = (t & 2) != 0;
            int lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 3;
            enum { ROOM = (MOST + 2) * (MOST + 2) + 2 * MOST };
            static float fA[ROOM], fB[ROOM], fC[ROOM];
            double *A = drawn(1, 1, ROOM), *B = drawn(2, 1, ROOM);
            double *C = drawn(3, 1, ROOM);
            for (int i = 0; i < ROOM; i++) {
                A[i] = fA[i] = (float)A[i];
                B[i] = fB[i] = (float)B[i];
                C[i] = fC[i] = (float)C[i];
            }
            float alpha = 2.375f, beta = t == 3 ? 0 : -1.125f;
            ck_assert_int_eq(thm_sgemm(ta, tb, m, n, k, alpha, fA, lda, fB, ldb,
                                       beta, fC, ldc),
                             THM_OK);
            thm_gemm_ref(ta, tb, m, n, k, (double)alpha, A, lda, B, ldb,
                         (double)beta, C, ldc);
            for (int i = 0; i < m * ldc; i++) {
                /* entries are below 7 in size; u = 2^-24 */
                double bound =
                    i % ldc < n ? 2 * (k + 3) * 0x1p-24 * 50 * 2.4 * k : 0;
                ck_assert_double_le(fabs((double)fC[i] - C[i]), bound);
            }
            free(A);
            free(B);
            free(C);
        }
    }
}
END_TEST

START_TEST(gemm_refuses_sizes)
{
    /* identity: the documented status, output untouched */
    double A[4] = {1, 2, 3, 4}, B[4] = {5, 6, 7, 8}, C[4] = {9, 9, 9, 9};
    static const int bad[][6] = {/* m n k lda ldb ldc */
                                 {0, 2, 2, 2, 2, 2},  {2, 0, 2, 2, 2, 2},
                                 {2, 2, 0, 2, 2, 2},  {2, 2, 2, 1, 2, 2},
                                 {2, 2, 2, 2, 1, 2},  {2, 2, 2, 2, 2, 1},
                                 {-1, 2, 2, 2, 2, 2}, {2, 2, -3, 2, 2, 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int *d = bad[i];
        for (int t = 0; t < 4; t++) {
            ck_assert_int_eq(thm_gemm((t & 1) != 0, (t & 2) != 0, d[0], d[1],
                                      d[2], 1, A, d[3], B, d[4], 0, C, d[5]),
                             THM_EDIM);
            float s[4] = {0};
            ck_assert_int_eq(thm_sgemm((t & 1) != 0, (t & 2) != 0, d[0], d[1],
                                       d[2], 1, s, d[3], s, d[4], 0, s, d[5]),
                             THM_EDIM);
            ck_assert_int_eq(thm_gemm_ref((t & 1) != 0, (t & 2) != 0, d[0],
                                          d[1], d[2], 1, A, d[3], B, d[4], 0, C,
                                          d[5]),
                             THM_EDIM);
        }
    }
    ck_assert_double_eq(C[0] + C[1] + C[2] + C[3], 36);
}
END_TEST

START_TEST(gemm_edges)
{
    /* identity: by hand; beta = 0 does not read C, NaN and infinity pass */
    double A[2] = {3, NAN}, B[2] = {4, 0}, C[1] = {NAN};
    ck_assert_int_eq(thm_gemm(false, false, 1, 1, 1, 2, A, 2, B, 1, 0, C, 1),
                     THM_OK);
    ck_assert_double_eq(C[0], 24);
    thm_gemm(false, false, 1, 1, 2, 1, A, 2, B, 1, 0, C, 1);
    ck_assert(isnan(C[0]));
    A[1] = INFINITY;
    B[1] = -1;
    thm_gemm(false, false, 1, 1, 2, 1, A, 2, B, 1, 0, C, 1);
    ck_assert_double_eq(C[0], -INFINITY);
}
END_TEST

START_TEST(gemm_error_tells_right_from_wrong)
{
    /* identity: a product wrong by three bounds is seen, by half is not */
    double *A = drawn(4, 9, 7), *B = drawn(5, 7, 8), C[72];
    thm_gemm_ref(false, false, 9, 8, 7, 1, A, 7, B, 8, 0, C, 8);
    ck_assert_double_le(thm_gemm_error(false, false, 9, 8, 7, A, B, C), 1);
    double size = 0;
    for (int l = 0; l < 7; l++) {
        size += fabs(A[5 * 7 + l] * B[l * 8 + 3]);
    }
    double right = C[5 * 8 + 3];
    C[5 * 8 + 3] = right + 2 * 7 * u * size * 0.5;
    ck_assert_double_le(thm_gemm_error(false, false, 9, 8, 7, A, B, C), 0.75);
    ck_assert_double_ge(thm_gemm_error(false, false, 9, 8, 7, A, B, C), 0.25);
    C[5 * 8 + 3] = right + 2 * 7 * u * size * 3;
    ck_assert_double_ge(thm_gemm_error(false, false, 9, 8, 7, A, B, C), 2.5);
    C[5 * 8 + 3] = NAN;
    C[71] += 0.5;
    ck_assert(isinf(thm_gemm_error(false, false, 9, 8, 7, A, B, C)));
    /* a zero row allows no error at all */
    double zero[2] = {0, 0}, off[1] = {DBL_TRUE_MIN};
    ck_assert(isinf(thm_gemm_error(false, false, 1, 1, 2, zero, B, off)));
    free(A);
    free(B);
}
END_TEST

START_TEST(core_in_use_computes_right)
{
    /* second route: plain loops, inside the self-test */
    ck_assert_int_eq(thm_blas_self_test(), THM_OK);
    ck_assert_uint_gt(strlen(thm_blas_core()), 0);
}
END_TEST

START_TEST(core_choice)
{
    /* stored: what OpenBLAS 0.3.21 answers on CPUs it does not know, and what
     * they can do */
    static const struct {
        const char *core;
        thm_isa isa;
        const char *better;
    } known[] = {
        {"Prescott", THM_ISA_AVX512, "SkylakeX"}, /* Sapphire Rapids */
        {"Core2", THM_ISA_AVX512, "SkylakeX"},
        {"Haswell", THM_ISA_AVX512, "SkylakeX"},
        {"Zen", THM_ISA_AVX512, "SkylakeX"},
        {"SkylakeX", THM_ISA_AVX512, NULL},
        {"Cooperlake", THM_ISA_AVX512, NULL}, /* Zen 4 */
        {"SapphireRapids", THM_ISA_AVX512, NULL},
        {"Prescott", THM_ISA_AVX2, "Haswell"}, /* Alder Lake */
        {"Sandybridge", THM_ISA_AVX2, "Haswell"},
        {"Haswell", THM_ISA_AVX2, NULL},
        {"Zen", THM_ISA_AVX2, NULL},
        {"SkylakeX", THM_ISA_AVX2, NULL},
        {"Prescott", THM_ISA_BASELINE, NULL},
        {"Nehalem", THM_ISA_BASELINE, NULL},
        {"armv8", THM_ISA_BASELINE, NULL},
        {"NEOVERSEN1", THM_ISA_BASELINE, NULL},
        {"Unheard-of", THM_ISA_AVX512, NULL},
        {"", THM_ISA_AVX512, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ck_assert_pstr_eq(thm_blas_core_better(known[i].core, known[i].isa),
                          known[i].better);
    }
    /* the way down ends, from wherever it starts */
    ck_assert_str_eq(thm_blas_core_next("Cooperlake"), "Haswell");
    ck_assert_str_eq(thm_blas_core_next("SkylakeX"), "Haswell");
    ck_assert_str_eq(thm_blas_core_next("Zen"), "Sandybridge");
    ck_assert_str_eq(thm_blas_core_next("Sandybridge"), "Nehalem");
    ck_assert_str_eq(thm_blas_core_next("Nehalem"), "Prescott");
    ck_assert_ptr_null(thm_blas_core_next("Prescott"));
    ck_assert_ptr_null(thm_blas_core_next("Atom"));
    ck_assert_ptr_null(thm_blas_core_next("Unheard-of"));
}
END_TEST

START_TEST(isa_has_a_name)
{
    /* stored: the table of isa.h */
    ck_assert_str_eq(thm_isa_text(THM_ISA_BASELINE), "baseline");
    ck_assert_str_eq(thm_isa_text(THM_ISA_AVX2), "avx2");
    ck_assert_str_eq(thm_isa_text(THM_ISA_AVX512), "avx512");
    ck_assert_str_eq(thm_isa_text((thm_isa)77), "unknown");
    ck_assert_str_ne(thm_isa_text(thm_isa_detect()), "unknown");
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("blas");
    TCase *c = tcase_create("blas");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, gemm_matches_plain_loops, 0, N_SIZES);
    tcase_add_loop_test(c, sgemm_matches_plain_loops, 0, N_SIZES);
    tcase_add_test(c, gemm_refuses_sizes);
    tcase_add_test(c, gemm_edges);
    tcase_add_test(c, gemm_error_tells_right_from_wrong);
    tcase_add_test(c, core_in_use_computes_right);
    tcase_add_test(c, core_choice);
    tcase_add_test(c, isa_has_a_name);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
