/* Oracles: NumPy's own legacy draws (stored, 8 digits as documented for seeds
 * 42 and 123) and the recorded ends of the authors' settings (stored, 10
 * digits, computed by GSL's rk8pd and by a descent written on its own). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <gsl/gsl_errno.h>
#include "flow/descent.h"
#include "flow/settings.h"
#include "flow/tied.h"
#include "tests/scratch.h"

static void check_near(double got, double expected, double tol)
{
    ck_assert_msg(fabs(got - expected) <= tol, "%.17g is not %.17g to %g", got,
                  expected, tol);
}

START_TEST(legacy_draws)
{
    static const double normal42[] = {0.49671415, -0.1382643, 0.64768854,
                                      1.52302986, -0.23415337};
    static const double normal123[] = {-1.0856306, 0.99734545, 0.2829785,
                                       -1.50629471, -0.57860025};
    static const double uniform42[] = {0.3745401188473625, 0.9507143064099162,
                                       0.7319939418114051};
    thm_legacy r;
    ck_assert_int_eq(thm_legacy_alloc(0, &r), THM_EDOMAIN);
    ck_assert_int_eq(thm_legacy_alloc(42, &r), THM_OK);
    for (int k = 0; k < 5; k++) {
        check_near(thm_legacy_normal(&r), normal42[k], 5e-9);
    }
    thm_legacy_seed(&r, 123); /* forgets the half pair kept */
    for (int k = 0; k < 5; k++) {
        check_near(thm_legacy_normal(&r), normal123[k], 5e-9);
    }
    thm_legacy_seed(&r, 42);
    for (int k = 0; k < 3; k++) {
        ck_assert(thm_legacy_uniform(&r) == uniform42[k]);
    }
    thm_legacy_free(&r);
    thm_legacy_free(&r);
}
END_TEST

/* What a state of a setting says in the words of the table. */
typedef struct {
    double value[THM_REFERENCE_OTHERS + 1];
} facts;

static facts facts_of(const thm_setting *s, const double *x)
{
    facts f;
    thm_value_flow *flow;
    thm_value_state state;
    ck_assert_int_eq(
        thm_value_flow_alloc(s->d, s->n, &s->loss, s->normalisation, &flow),
        THM_OK);
    ck_assert_int_eq(thm_value_flow_look(flow, x, &state, NULL, NULL), THM_OK);
    f.value[THM_REFERENCE_ENTROPY] = state.entropy;
    f.value[THM_REFERENCE_P_MAX] = state.p_max;
    f.value[THM_REFERENCE_LOSS] = state.loss;
    f.value[THM_REFERENCE_WINNER] = state.winner;
    thm_value_flow_free(flow);
    return f;
}

/* D: softmax(U a) and the norms of U's columns. */
static facts tied_facts(const thm_setting *s, const double *x)
{
    facts f = {{0}};
    const int n = s->n;
    double logit[100], top = -HUGE_VAL, sum = 0.0;
    int winner = 0;
    for (int i = 0; i < n; i++) {
        logit[i] = 0.0;
        for (int j = 0; j < n; j++) {
            logit[i] += x[i * n + j] * x[n * n + j];
        }
        winner = logit[i] > top ? i : winner;
        top = fmax(top, logit[i]);
    }
    for (int j = 0; j < n; j++) {
        double square = 0.0;
        sum += exp(logit[j] - top);
        for (int i = 0; i < n; i++) {
            square += x[i * n + j] * x[i * n + j];
        }
        double *norm =
            &f.value[j == winner ? THM_REFERENCE_COLUMN : THM_REFERENCE_OTHERS];
        *norm = fmax(*norm, sqrt(square));
    }
    f.value[THM_REFERENCE_P_MAX] = 1.0 / sum;
    f.value[THM_REFERENCE_WINNER] = winner;
    return f;
}

/* Rows of one setting, for the flow at time t or for the descent; how many.
 * A recorded number is rounded: half a unit, and a tenth for the run. */
static int check_rows(const thm_setting *s, bool flow, double t, const facts *f)
{
    int count, checked = 0;
    const thm_reference *row = thm_references(&count);
    for (int k = 0; k < count; k++, row++) {
        if (row->id != s->id || row->variant != s->variant ||
            row->flow != flow || row->t != t) {
            continue;
        }
        check_near(f->value[row->kind], row->value, 0.6 * row->unit);
        checked++;
    }
    return checked;
}

static void flow_settings(char id, int variant, const double *times, int n)
{
    thm_setting s;
    thm_value_flow *flow;
    thm_ode_options options = thm_ode_defaults();
    double t = 0.0;
    options.rtol = 1e-12;
    ck_assert_int_eq(thm_setting_draw(id, variant, &s), THM_OK);
    ck_assert_int_eq(
        thm_value_flow_alloc(s.d, s.n, &s.loss, s.normalisation, &flow),
        THM_OK);
    const thm_ode ode = thm_value_flow_ode(flow);
    for (int k = 0; k < n; k++) {
        thm_ode_stats stats;
        ck_assert_int_eq(
            thm_ode_integrate(&ode, t, times[k], s.x, &options, NULL, &stats),
            THM_OK);
        t = times[k];
        const facts f = facts_of(&s, s.x);
        ck_assert_int_gt(check_rows(&s, true, t, &f), 0);
    }
    thm_value_flow_free(flow);
    thm_setting_free(&s);
}

START_TEST(recorded_flows)
{
    static const double a_times[] = {1e3, 1e4, 1e5}, b_time = 500, e_time = 300;
    flow_settings('A', 0, a_times, 3);
    flow_settings('B', THM_NORMALISE_SOFTMAX, &b_time, 1);
    for (int kappa = 1; kappa <= 5; kappa++) {
        flow_settings('E', kappa, &e_time, 1);
    }
}
END_TEST

static void descend_setting(char id, int variant)
{
    thm_setting s;
    thm_value_flow *flow = NULL;
    thm_tied *tied = NULL;
    thm_objective f;
    ck_assert_int_eq(thm_setting_draw(id, variant, &s), THM_OK);
    if (s.tied) {
        ck_assert_int_eq(thm_tied_alloc(&s.loss, &tied), THM_OK);
        f = thm_tied_objective(tied);
    } else {
        ck_assert_int_eq(
            thm_value_flow_alloc(s.d, s.n, &s.loss, s.normalisation, &flow),
            THM_OK);
        f = thm_value_flow_objective(flow);
    }
    ck_assert_int_eq(thm_descend(&f, s.step, s.steps, s.x, NULL, NULL), THM_OK);
    const facts end = s.tied ? tied_facts(&s, s.x) : facts_of(&s, s.x);
    ck_assert_int_gt(check_rows(&s, false, s.step * (double)s.steps, &end), 0);
    thm_value_flow_free(flow);
    thm_tied_free(tied);
    thm_setting_free(&s);
}

START_TEST(recorded_descents)
{
    for (int k = THM_NORMALISE_SOFTMAX; k <= THM_NORMALISE_SIGMOID; k++) {
        descend_setting('B', k);
        descend_setting('C', k);
    }
    descend_setting('A', 0);
    descend_setting('D', 10);
    descend_setting('D', 20);
    descend_setting('E', 1);
    descend_setting('E', 5);
}
END_TEST

static thm_status slope(const double *x, double *g, void *ctx)
{
    (void)ctx;
    g[0] = -x[0] * x[0];
    return x[0] < 1e3 ? THM_OK : THM_EINTERNAL;
}

static bool at_once(void *ctx)
{
    (void)ctx;
    return true;
}

START_TEST(errors)
{
    static const struct {
        char id;
        int variant;
    } none[] = {{'A', 1}, {'B', -1}, {'C', 6}, {'D', 11},
                {'E', 0}, {'E', 6},  {'F', 1}, {'G', 0}};
    thm_setting s = {.id = '?'};
    for (int k = 0; k < 8; k++) {
        ck_assert_int_eq(thm_setting_draw(none[k].id, none[k].variant, &s),
                         THM_EDOMAIN);
        ck_assert(s.id == '?');
    }
    double x = 1.0;
    thm_objective f = {.n = 0, .gradient = slope};
    ck_assert_int_eq(thm_descend(&f, 1, 1, &x, NULL, NULL), THM_EDIM);
    f.n = 1;
    ck_assert_int_eq(thm_descend(&f, 0, 1, &x, NULL, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_descend(&f, NAN, 1, &x, NULL, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_descend(&f, 1, -1, &x, NULL, NULL), THM_EDOMAIN);
    ck_assert_int_eq(thm_descend(&f, 1, 5, &x, at_once, NULL),
                     THM_EINTERRUPTED);
    ck_assert(x == 1.0);
    ck_assert_int_eq(thm_descend(&f, 1, 2, &x, NULL, NULL), THM_OK);
    ck_assert(x == 6.0); /* 1 + 1, 2 + 4 */
    ck_assert_int_eq(thm_descend(&f, 1e300, 9, &x, NULL, NULL), THM_EINTERNAL);
    x = 999;
    ck_assert_int_eq(thm_descend(&f, 1e304, 9, &x, NULL, NULL), THM_EDOMAIN);
}
END_TEST

int main(void)
{
    gsl_set_error_handler_off();
    Suite *suite = suite_create("settings");
    TCase *t = tcase_create("settings");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, legacy_draws);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("runs");
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    tcase_add_test(slow, recorded_flows);
    tcase_add_test(slow, recorded_descents);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
