/* Oracle: the definition, on series made by hand. */
#include <math.h>
#include "tests/scratch.h"
#include "vit/eureka.h"

START_TEST(moment_by_accuracy)
{
    thm_eureka e = thm_eureka_begin(0.55, 1.0246);
    ck_assert_int_eq(e.step, -1);
    thm_eureka_accuracy(&e, 250, 0.55);
    thm_eureka_accuracy(&e, 500, 0.7);  /* alone: sampling noise */
    thm_eureka_accuracy(&e, 750, 0.59); /* above the cap, not by 0.05 */
    thm_eureka_accuracy(&e, 1000, 0.61);
    ck_assert_int_eq(e.step, -1);
    thm_eureka_accuracy(&e, 1250, 0.62);
    ck_assert_int_eq(e.step, 1000);
    thm_eureka_accuracy(&e, 1500, 0.3); /* it has been, whatever follows */
    thm_eureka_accuracy(&e, 1750, 0.9);
    thm_eureka_accuracy(&e, 2000, 0.9);
    ck_assert_int_eq(e.step, 1000);
    ck_assert_int_eq(e.loss_step, -1);
}
END_TEST

START_TEST(moment_by_loss)
{
    thm_eureka e = thm_eureka_begin(0.55, 1.0246);
    thm_eureka_loss(&e, 10, 1.03);
    thm_eureka_loss(&e, 20, 0.995); /* below the floor, not by 0.03 */
    ck_assert_int_eq(e.loss_step, -1);
    thm_eureka_loss(&e, 30, 0.994);
    thm_eureka_loss(&e, 40, 1.1);
    thm_eureka_loss(&e, 50, 0.5);
    ck_assert_int_eq(e.loss_step, 30);
    ck_assert_int_eq(e.step, -1);
}
END_TEST

START_TEST(nan_is_no_moment)
{
    const double nan_ = (double)NAN;
    thm_eureka none = thm_eureka_begin(nan_, nan_);
    thm_eureka bad = thm_eureka_begin(0.55, 1.0246);
    for (long step = 0; step < 4; step++) {
        thm_eureka_loss(&none, step, 0.1);
        thm_eureka_accuracy(&none, step, 1.0);
        thm_eureka_loss(&bad, step, nan_);
        thm_eureka_accuracy(&bad, step, step % 2 ? nan_ : 1.0);
    }
    ck_assert(none.step == -1 && none.loss_step == -1);
    ck_assert(bad.step == -1 && bad.loss_step == -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("eureka");
    TCase *moments = tcase_create("moments");
    tcase_add_test(moments, moment_by_accuracy);
    tcase_add_test(moments, moment_by_loss);
    tcase_add_test(moments, nan_is_no_moment);
    suite_add_tcase(suite, moments);
    return run_suite(suite);
}
