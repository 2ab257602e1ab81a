/* Oracles: the library's right-hand side, loss and entropy in doubles (second
 * route); that ball arithmetic of a state is the same whatever was loaded
 * before, and that a case is a pure function of seed and index (identity). */
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include "claims/flow_ball.h"
#include "flow/value_flow.h"

enum { STATES = 180 };

static double middle(const arb_t x)
{
    return arf_get_d(arb_midref(x), ARF_RND_NEAR);
}

static const thm_flow_source *const sources[] = {&thm_flow_any, &thm_flow_pairs,
                                                 &thm_flow_groups};
enum { SOURCES = sizeof sources / sizeof *sources };

/* At most 4 x 12 products of depth 4 and two exponentials make a number: fewer
 * than 200 roundings of terms that `scale` bounds. */
static double slack(double scale)
{
    return 200.0 * DBL_EPSILON * scale;
}

START_TEST(velocity_and_loss_meet_the_library)
{
    thm_ball_flow *b = NULL;
    ck_assert_int_eq(thm_ball_flow_alloc(THM_FLOW_D, THM_FLOW_N, &b), THM_OK);
    arb_poly_t f;
    arb_t x;
    arb_poly_init(f);
    arb_init(x);
    for (int s = 0; s < SOURCES; s++) {
        for (int index = 0; index < STATES; index++) {
            thm_flow_case c;
            char name[THM_CASE_NAME];
            double dx[THM_FLOW_SIZE], size = 1.0;
            ck_assert_int_eq(thm_flow_make(sources[s], 7, index, &c, name),
                             THM_OK);
            const int N = c.d * c.n + c.n;
            thm_value_flow *flow = NULL;
            thm_value_state state;
            ck_assert_int_eq(thm_value_flow_alloc(c.d, c.n, &c.loss,
                                                  THM_NORMALISE_SOFTMAX, &flow),
                             THM_OK);
            const thm_ode ode = thm_value_flow_ode(flow);
            ck_assert_int_eq(ode.rhs(0.0, c.x, dx, ode.ctx), THM_OK);
            ck_assert_int_eq(thm_value_flow_look(flow, c.x, &state, NULL, NULL),
                             THM_OK);
            thm_value_flow_free(flow);
            ck_assert_int_eq(thm_ball_flow_load(b, &c.loss, c.n, c.x), THM_OK);
            for (int k = 0; k < c.d * c.n; k++) {
                size = fmax(size, fabs(c.x[k]));
            }
            const double scale = slack(size * (1.0 + state.gradient) * size);
            for (int k = 0; k < N; k++) {
                const arb_struct *exact =
                    k < c.d * c.n ? b->dV + k : b->da + k - c.d * c.n;
                ck_assert_msg(fabs(middle(exact) - dx[k]) <= scale,
                              "%s, component %d: %g, library %g", name, k,
                              middle(exact), dx[k]);
            }
            thm_ball_flow_loss(b, f);
            arb_poly_get_coeff_arb(x, f, 0);
            ck_assert_msg(fabs(middle(x) - state.loss) <=
                              slack(size * (1.0 + state.loss)),
                          "%s: loss %g, library %g", name, middle(x),
                          state.loss);
            thm_ball_flow_entropy(b, f);
            arb_poly_get_coeff_arb(x, f, 0);
            ck_assert_double_le(fabs(middle(x) - state.entropy),
                                slack(1.0 + state.entropy));
        }
    }
    arb_poly_clear(f);
    arb_clear(x);
    thm_ball_flow_free(b);
}
END_TEST

/* The rate of |v_i - v_j|^2 / 2 by series against its formula. */
START_TEST(rates_are_derivatives)
{
    thm_ball_flow *b = NULL;
    ck_assert_int_eq(thm_ball_flow_alloc(THM_FLOW_D, THM_FLOW_N, &b), THM_OK);
    arb_poly_t f;
    arb_t rate, sum, D, dD;
    arb_poly_init(f);
    arb_init(rate);
    arb_init(sum);
    arb_init(D);
    arb_init(dD);
    for (int index = 0; index < STATES; index++) {
        thm_flow_case c;
        char name[THM_CASE_NAME];
        ck_assert_int_eq(thm_flow_make(&thm_flow_any, 3, index, &c, name),
                         THM_OK);
        ck_assert_int_eq(thm_ball_flow_load(b, &c.loss, c.n, c.x), THM_OK);
        thm_ball_flow_distance(b, 0, c.n - 1, f);
        thm_ball_rate(rate, f);
        arb_zero(sum);
        for (int r = 0; r < c.d; r++) {
            const int i = r * c.n, j = r * c.n + c.n - 1;
            arb_sub(D, b->V + i, b->V + j, THM_FLOW_BITS);
            arb_sub(dD, b->dV + i, b->dV + j, THM_FLOW_BITS);
            arb_addmul(sum, D, dD, THM_FLOW_BITS);
        }
        ck_assert(arb_overlaps(sum, rate));
        /* J 1 = 0 */
        arb_ptr ones = _arb_vec_init(c.n);
        for (int i = 0; i < c.n; i++) {
            arb_one(ones + i);
        }
        thm_ball_flow_jacobian(b, ones, ones);
        for (int i = 0; i < c.n; i++) {
            ck_assert(arb_contains_zero(ones + i));
            ck_assert_double_le(mag_get_d(arb_radref(ones + i)), 1e-30);
        }
        _arb_vec_clear(ones, c.n);
        bool differ = false;
        for (int i = 1; i < c.n; i++) {
            differ = differ || c.x[c.d * c.n + i] != c.x[c.d * c.n];
        }
        ck_assert_int_eq(thm_ball_flow_has_logits(b), differ);
    }
    arb_poly_clear(f);
    arb_clear(rate);
    arb_clear(sum);
    arb_clear(D);
    arb_clear(dD);
    thm_ball_flow_free(b);
}
END_TEST

START_TEST(a_case_is_a_function_of_seed_and_index)
{
    static thm_flow_case one, again;
    char name[THM_CASE_NAME], other[THM_CASE_NAME];
    for (int s = 0; s < SOURCES; s++) {
        for (int index = STATES - 1; index >= 0; index -= 7) {
            memset(&one, 0, sizeof one);
            memset(&again, 0, sizeof again);
            ck_assert_int_eq(thm_flow_make(sources[s], 5, index, &one, name),
                             THM_OK);
            ck_assert_int_eq(thm_flow_make(sources[s], 5, index, &again, other),
                             THM_OK);
            ck_assert_str_eq(name, other);
            ck_assert_int_eq(memcmp(one.x, again.x, sizeof one.x), 0);
            ck_assert_int_eq(thm_loss_check(&one.loss), THM_OK);
            ck_assert_int_le(one.d, THM_FLOW_D);
            ck_assert_int_le(one.n, THM_FLOW_N);
            for (int r = 0; r <= one.d && one.k > 0; r++) {
                for (int i = 0; i < one.n; i++) {
                    ck_assert_double_eq(
                        one.x[r * one.n + i],
                        one.x[r * one.n + (i < one.k ? 0 : one.k)]);
                }
            }
            ck_assert_int_eq(thm_flow_make(sources[s], 6, index, &again, other),
                             THM_OK);
            ck_assert_int_ne(memcmp(one.x, again.x, sizeof one.x), 0);
        }
    }
}
END_TEST

START_TEST(every_documented_error)
{
    const double b[] = {0.5, -1.25, 0.75}, x[8] = {0.0};
    const thm_loss square = {.kind = THM_LOSS_SQUARE, .d = 3, .b = b};
    const thm_loss samples = {.kind = THM_LOSS_SAMPLES, .d = 3};
    thm_ball_flow *flow = NULL;
    arb_ptr z = _arb_vec_init(6);
    ck_assert_int_eq(thm_ball_flow_alloc(0, 2, &flow), THM_EDIM);
    ck_assert_int_eq(thm_ball_flow_alloc(2, 0, &flow), THM_EDIM);
    ck_assert_ptr_null(flow);
    ck_assert_int_eq(thm_ball_flow_alloc(3, 2, &flow), THM_OK);
    ck_assert_int_eq(thm_ball_flow_load(flow, &square, 2, x), THM_OK);
    ck_assert_int_eq(thm_ball_flow_load(flow, &square, 3, x), THM_EDIM);
    ck_assert_int_eq(thm_ball_flow_load(flow, &square, 0, x), THM_EDIM);
    ck_assert_int_eq(thm_ball_flow_load(flow, &samples, 2, x), THM_EDOMAIN);
    ck_assert_int_eq(thm_ball_loss_gradient(&samples, z, z + 3), THM_EDOMAIN);
    thm_ball_flow_free(flow);
    thm_ball_flow_free(NULL);
    _arb_vec_clear(z, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow in balls");
    TCase *t = tcase_create("states");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, velocity_and_loss_meet_the_library);
    tcase_add_test(t, rates_are_derivatives);
    tcase_add_test(t, a_case_is_a_function_of_seed_and_index);
    tcase_add_test(t, every_documented_error);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
