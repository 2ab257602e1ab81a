/* Suite of the smallest singular value of large matrices, and of the products
 * and the Lanczos process under it.  Each test's first line names its oracle.
 */
#include <limits.h>
#include <string.h>

#include "la/blas.h"
#include "la/dot2.h"
#include "la/lanczos.h"
#include "la/sigma.h"
#include "la/svd.h"
#include "tests/generic.h"

static const thm_sigma_route asked[] = {THM_SIGMA_AUTO, THM_SIGMA_GRAM,
                                        THM_SIGMA_QR};

START_TEST(generic_matrices)
{
    /* identity: constructed values; min errs by the rounding of A, |E|_2, and
     * by what the result itself says */
    static const int shapes[][2] = {{1, 1},   {2, 2},   {3, 7},   {7, 3},
                                    {16, 16}, {63, 65}, {65, 63}, {90, 80}};
    static const double conditions[] = {1, 18, 1e3, 1e5, 1e8, 1e12};
    int m = shapes[_i][0], n = shapes[_i][1], k = m < n ? m : n;
    double *s = room(1, k);
    for (size_t c = 0; c < sizeof conditions / sizeof *conditions; c++) {
        for (int i = 0; i < k; i++) {
            s[i] = 2.385 * pow(conditions[c], k == 1 ? 0 : -i / (k - 1.0));
        }
        double *A = generic(20 + (uint64_t)_i, m, n, s);
        for (int r = 0; r < 3; r++) {
            thm_sigma found;
            thm_status status = thm_sigma_est(m, n, A, asked[r], &found);
            if (asked[r] == THM_SIGMA_GRAM && conditions[c] > 1e4) {
                ck_assert(status == THM_OK || status == THM_ECONVERGE);
            } else {
                ck_assert_int_eq(status, THM_OK);
            }
            if (status != THM_OK) {
                continue;
            }
            /* |E|_2 <= |E|_F <= sqrt(k) u s_1 */
            double rounding = 1.01 * sqrt(k) * u * s[0];
            ck_assert_double_le(fabs(found.min - s[k - 1]),
                                rounding + found.error * found.max);
            ck_assert_double_le(fabs(found.max - s[0]),
                                rounding + 4 * (found.max_error + u) * s[0]);
            ck_assert_double_le(found.error, found.residual);
            ck_assert_double_eq(found.threshold,
                                (m > n ? m : n) * DBL_EPSILON * found.max);
            ck_assert(found.route ==
                      (asked[r] == THM_SIGMA_AUTO ? found.route : asked[r]));
            if (conditions[c] <= 1e3) {
                ck_assert(asked[r] != THM_SIGMA_AUTO ||
                          found.route == THM_SIGMA_GRAM);
            }
        }
        free(A);
    }
    free(s);
}
END_TEST

int main(void)
{
    thm_blas_single_thread();
    Suite *suite = suite_create("sigma");
    TCase *c = tcase_create("sigma");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, generic_matrices, 0, 8);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
