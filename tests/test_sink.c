/* Suite of the sink's model.  Oracles: identity (its right-hand side is minus
 * the gradient of the loss, by central differences; sum a is conserved under
 * softmax), stored (the note's numbers). */
#include <check.h>
#include <math.h>

#include "flow/sink.h"
#include "tests/scratch.h"

enum { N = 5 };

static double loss(const thm_sink *sink, const double *a, double v)
{
    double p[N], sum;
    ck_assert_int_eq(thm_normalise(sink->gates, N, a, p), THM_OK);
    sum = 0.5 * p[0] * p[0] * v * v;
    for (int i = 1; i < N; i++) {
        sum += 0.5 * sink->s * p[i] * p[i];
    }
    return sum;
}

START_TEST(the_flow_descends_the_loss)
{
    static const thm_normalisation gates[] = {THM_NORMALISE_SOFTMAX,
                                              THM_NORMALISE_SIGMOID};
    const double h = 1e-5, log_v = 0.385, v = exp(log_v);
    for (int k = 0; k < 2; k++) {
        double p[N], dx[N + 1], x[N + 1] = {0.3, -1.127, 0.6, 0, 1.385, log_v};
        thm_sink sink = {.n = N, .s = 1.7, .gates = gates[k], .p = p};
        thm_ode ode;
        ck_assert_int_eq(thm_sink_ode(&sink, &ode), THM_OK);
        ck_assert_int_eq(ode.n, N + 1);
        ck_assert_int_eq(ode.rhs(0, x, dx, ode.ctx), THM_OK);
        for (int i = 0; i < N; i++) {
            double up[N + 1], down[N + 1];
            for (int j = 0; j <= N; j++) {
                up[j] = down[j] = x[j];
            }
            up[i] += h;
            down[i] -= h;
            const double slope =
                (loss(&sink, up, v) - loss(&sink, down, v)) / (2 * h);
            ck_assert_double_le(fabs(dx[i] + slope), 1e-9);
        }
        const double slope =
            (loss(&sink, x, v + h) - loss(&sink, x, v - h)) / (2 * h);
        /* (log v)' = v' / v */
        ck_assert_double_le(fabs(dx[N] * v + slope), 1e-9);
    }
}
END_TEST

START_TEST(the_sink_fills_as_the_note_says)
{
    double p[8], x[9] = {0}, sum = 0;
    thm_sink sink = {.n = 8, .s = 1, .gates = THM_NORMALISE_SOFTMAX, .p = p};
    thm_ode ode;
    ck_assert_int_eq(thm_sink_ode(&sink, &ode), THM_OK);
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats;
    options.stepper = THM_STEPPER_DOP853;
    ck_assert_int_eq(thm_ode_integrate(&ode, 0, 1e4, x, &options, NULL, &stats),
                     THM_OK);
    ck_assert_int_eq(thm_normalise(sink.gates, 8, x, p), THM_OK);
    ck_assert_double_le(fabs(p[0] - .981723), 1e-6);
    for (int i = 0; i < 8; i++) {
        sum += x[i];
    }
    ck_assert_double_le(fabs(sum), 1e-12);
}
END_TEST

START_TEST(other_models_are_refused)
{
    double p[2];
    thm_ode ode;
    thm_sink none = {.n = 0, .s = 1, .gates = THM_NORMALISE_SOFTMAX, .p = p};
    thm_sink other = {.n = 2, .s = 1, .gates = THM_NORMALISE_L1, .p = p};
    ck_assert_int_eq(thm_sink_ode(&none, &ode), THM_EDIM);
    ck_assert_int_eq(thm_sink_ode(&other, &ode), THM_EDOMAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sink");
    TCase *c = tcase_create("sink");
    tcase_add_test(c, the_flow_descends_the_loss);
    tcase_add_test(c, the_sink_fills_as_the_note_says);
    tcase_add_test(c, other_models_are_refused);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
