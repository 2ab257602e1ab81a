/* Oracle: second route (the complex step in long doubles on formulas of the
 * suite's own) and identities (conserved quantities, dense against product)
 * for the value-softmax flow, its normalisations and the tied model. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "flow/tied.h"
#include "flow/value_flow_work.h"
#include "softmax/softmax.h"
#include "tests/complex_flow.h"
#include "tests/scratch.h"

static const int widths[] = {1, 2, 3, 7, 8, 9, 17};
enum { WIDTHS = sizeof widths / sizeof *widths, KINDS = 6 };

static loss_set set;

static thm_value_flow *make(int d, int n, const thm_loss *loss,
                            thm_normalisation kind)
{
    thm_value_flow *flow = NULL;
    ck_assert_int_eq(thm_value_flow_alloc(d, n, loss, kind, &flow), THM_OK);
    ck_assert_int_eq(thm_value_flow_size(flow), d * n + n);
    return flow;
}

/* A slope is a sum of (n + m) d products of the drawn numbers, the factors
 * e = f'/F <= 20 twice in a second derivative. */
static double tolerance(int d, int n, double scale)
{
    return 64.0 * (n + 11.0) * d * U * (1.0 + scale);
}

/* Case c of every normalisation, loss and size: d, n, loss, kind. */
enum { CASES = WIDTHS * LOSSES * KINDS };
static void draw_case(int c, int *d, int *n, const thm_loss **loss,
                      thm_normalisation *kind, double *x)
{
    *n = widths[c % WIDTHS];
    *d = 1 + c % 4;
    draw_losses((uint64_t)c, *d, 10, &set);
    *loss = &set.loss[c / WIDTHS % LOSSES];
    *kind = (thm_normalisation)(c / WIDTHS / LOSSES);
    draw_state((uint64_t)c, *d, *n, *kind, x);
}

START_TEST(flow_is_minus_the_gradient)
{
    double x[MOST], dx[MOST], plain[MOST], want[MOST] = {0}, g[MOST], f;
    cld xc[MOST];
    for (int c = 0; c < CASES; c++) {
        int d, n;
        const thm_loss *loss;
        thm_normalisation kind;
        draw_case(c, &d, &n, &loss, &kind, x);
        int size = d * n + n;
        thm_value_flow *flow = make(d, n, loss, kind);
        thm_ode ode = thm_value_flow_ode(flow);
        thm_objective objective = thm_value_flow_objective(flow);
        to_complex(size, x, xc);
        for (int r = 0; r < size; r++) {
            xc[r] += CMPLXL(0, STEP);
            want[r] = (double)(-cimagl(model_c(n, loss, kind, xc)) / STEP);
            xc[r] = x[r];
        }
        double tol = tolerance(d, n, largest_of(size, want));
        ck_assert_int_eq(ode.rhs(0.0, x, dx, flow), THM_OK);
        ck_assert_int_eq(thm_value_flow_rhs_ref(flow, x, plain), THM_OK);
        ck_assert_double_le(distance_of(size, dx, want), tol);
        ck_assert_double_le(distance_of(size, plain, want), tol);
        ck_assert_int_eq(objective.n, size);
        ck_assert_int_eq(objective.value(x, &f, flow), THM_OK);
        ck_assert_int_eq(objective.gradient(x, g, flow), THM_OK);
        double exact = (double)creall(model_c(n, loss, kind, xc));
        ck_assert_double_le(fabs(f - exact), tolerance(d, n, fabs(exact)));
        for (int r = 0; r < size; r++) {
            ck_assert_double_eq(g[r], -dx[r]);
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

START_TEST(jacobian_products_against_the_complex_step)
{
    double x[MOST], v[MOST], jv[MOST], hv[MOST] = {0}, want[MOST] = {0};
    cld xc[MOST], dx[MOST];
    for (int c = 0; c < CASES; c++) {
        int d, n;
        const thm_loss *loss;
        thm_normalisation kind;
        draw_case(c, &d, &n, &loss, &kind, x);
        int size = d * n + n;
        thm_rng rng = thm_rng_make(5, (uint64_t)c);
        thm_rng_fill_normal(&rng, size, 1.0, v);
        thm_value_flow *flow = make(d, n, loss, kind);
        thm_ode ode = thm_value_flow_ode(flow);
        for (int r = 0; r < size; r++) {
            xc[r] = CMPLXL(x[r], STEP * v[r]);
        }
        flow_c(n, loss, kind, xc, dx);
        for (int r = 0; r < size; r++) {
            want[r] = (double)(cimagl(dx[r]) / STEP);
        }
        double tol = tolerance(d, n, largest_of(size, want));
        ck_assert_int_eq(ode.jvp(0.0, x, v, jv, flow), THM_OK);
        ck_assert_double_le(distance_of(size, jv, want), tol);
        ck_assert_int_eq(thm_value_flow_objective(flow).hvp(x, v, hv, flow),
                         THM_OK);
        for (int r = 0; r < size; r++) {
            ck_assert_double_eq(hv[r], -jv[r]);
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

START_TEST(dense_jacobian_is_symmetric_and_acts_as_its_product)
{
    double x[MOST], v[MOST] = {0}, column[MOST], dfdt[MOST];
    double *J = malloc(sizeof *J * 100 * 100);
    ck_assert_ptr_nonnull(J);
    for (int c = 0; c < CASES; c++) {
        int d, n;
        const thm_loss *loss;
        thm_normalisation kind;
        draw_case(c, &d, &n, &loss, &kind, x);
        int size = d * n + n;
        thm_value_flow *flow = make(d, n, loss, kind);
        thm_ode ode = thm_value_flow_ode(flow);
        ck_assert_int_eq(ode.jacobian(0.0, x, J, dfdt, flow), THM_OK);
        double tol = tolerance(d, n, largest_of(size * size, J));
        for (int r = 0; r < size; r++) {
            v[r] = 1.0;
            ck_assert_int_eq(ode.jvp(0.0, x, v, column, flow), THM_OK);
            v[r] = 0.0;
            ck_assert_double_eq(dfdt[r], 0.0);
            for (int s = 0; s < size; s++) {
                ck_assert(J[r * size + s] == J[s * size + r]);
                ck_assert_double_le(fabs(J[r * size + s] - column[s]), tol);
            }
        }
        thm_value_flow_free(flow);
    }
    free(J);
}
END_TEST

/* dL/dt = -|x'|^2; sum a' = 0; for n = 2 dE/dt = <D, D'> - sinh(delta) delta'
 * = 0; for any pair the rate of E that the note's pair law gives. */
START_TEST(conservation_laws_of_the_right_hand_side)
{
    double x[MOST], dx[MOST], scale;
    for (int c = 0; c < WIDTHS * LOSSES; c++) {
        int d, n;
        const thm_loss *loss;
        thm_normalisation kind;
        draw_case(c, &d, &n, &loss, &kind, x);
        ck_assert_int_eq(kind, THM_NORMALISE_SOFTMAX);
        thm_value_flow *flow = make(d, n, loss, kind);
        thm_ode ode = thm_value_flow_ode(flow);
        ck_assert_int_eq(ode.rhs(0.0, x, dx, flow), THM_OK);
        const double *a = x + d * n, *da = dx + d * n;
        double sum = 0.0, size = 0.0, plain = 0.0;
        for (int i = 0; i < n; i++) {
            sum += da[i];
            size += fabs(da[i]);
            plain += a[i];
        }
        ck_assert_double_le(fabs(sum), 4.0 * (n + 8.0) * U * size);
        ck_assert_double_le(fabs(thm_value_flow_sum(flow, x) - plain),
                            n * U * 8.0);
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++) {
                double gap = a[i] - a[j], rate = 0.0, square = 0.0, most = 0.0;
                for (int k = 0; k < d; k++) {
                    double D = x[k * n + i] - x[k * n + j];
                    double dD = dx[k * n + i] - dx[k * n + j];
                    rate += D * dD;
                    square += D * D;
                    most +=
                        fabs(D) * (fabs(dx[k * n + i]) + fabs(dx[k * n + j]));
                }
                rate -= sinh(gap) * (da[i] - da[j]);
                double drive = -(cosh(gap) - 1.0) * (da[i] + da[j]);
                most += cosh(gap) * (fabs(da[i]) + fabs(da[j]));
                double largest = fmax(most, cosh(gap) * size);
                ck_assert_double_le(fabs(rate - drive),
                                    64.0 * (n + d) * U * largest);
                double E = thm_value_flow_pair(flow, x, i, j, &scale);
                ck_assert_double_le(fabs(E - (square / 2 - cosh(gap))),
                                    8.0 * (d + 2) * U * (square + cosh(gap)));
                ck_assert_double_eq(scale, 1.0 + cosh(gap));
                ck_assert_double_eq(thm_value_flow_pair(flow, x, j, i, NULL),
                                    E);
            }
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

START_TEST(one_token_and_ties)
{
    double x[12], dx[12], p[4];
    thm_value_state state;
    draw_losses(1, 2, 4, &set);
    thm_value_flow *flow =
        make(2, 1, &set.loss[THM_LOSS_SQUARE], THM_NORMALISE_SOFTMAX);
    draw_state(1, 2, 1, THM_NORMALISE_SOFTMAX, x);
    ck_assert_int_eq(thm_value_flow_ode(flow).rhs(0.0, x, dx, flow), THM_OK);
    ck_assert(dx[0] == set.b[0] - x[0] && dx[1] == set.b[1] - x[1]);
    ck_assert(dx[2] == 0.0); /* softmax of one token is constant */
    ck_assert_int_eq(thm_value_flow_look(flow, x, &state, p, NULL), THM_OK);
    ck_assert(state.entropy == 0.0 && state.p_max == 1.0 && p[0] == 1.0);
    ck_assert(state.others == 0.0 && state.winner == 0);
    thm_value_flow_free(flow);
    /* equal columns and logits move alike, to the bit */
    flow = make(2, 4, &set.loss[THM_LOSS_CROSS_ENTROPY], THM_NORMALISE_SOFTMAX);
    const double tied[] = {0.3, 1.1, 1.1, -2.0, -0.7, 0.4,
                           0.4, 0.9, 0.5, 0.2,  0.2,  0.1};
    ck_assert_int_eq(thm_value_flow_ode(flow).rhs(0.0, tied, dx, flow), THM_OK);
    ck_assert(dx[1] == dx[2] && dx[5] == dx[6] && dx[9] == dx[10]);
    thm_value_flow_free(flow);
}
END_TEST

START_TEST(what_a_state_says)
{
    double x[3 * 9], p[9], z[2], log_p[9];
    thm_value_state state;
    const double b[] = {0.6, -0.8};
    thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = 2, .b = b};
    draw_state(8, 2, 9, THM_NORMALISE_SOFTMAX, x);
    double *a = x + 18;
    for (int i = 0; i < 9; i++) {
        a[i] = i == 6 ? 3.0 : -80.0 - i;
    }
    thm_value_flow *flow = make(2, 9, &loss, THM_NORMALISE_SOFTMAX);
    ck_assert_int_eq(thm_value_flow_look(flow, x, &state, p, z), THM_OK);
    double others = 0.0, entropy = 0.0;
    ck_assert_int_eq(thm_softmax_log(9, a, 1.0, log_p), THM_OK);
    for (int i = 8; i >= 0; i--) {
        others += i == 6 ? 0.0 : exp(log_p[i]);
        entropy -= i == 6 ? 0.0 : log_p[i] * exp(log_p[i]);
    }
    entropy += others; /* -log(1 - others) (1 - others) */
    ck_assert(state.winner == 6 && state.p_max == p[6]);
    ck_assert_double_le(fabs(state.others / others - 1.0), 64 * U);
    ck_assert_double_le(fabs(state.entropy / entropy - 1.0), 64 * U);
    /* p is e_6 to 1e-36 */
    double y = 0.6 * x[6] - 0.8 * x[15], s = 1.0 / (1.0 + exp(y));
    ck_assert_double_le(fabs(z[0] - x[6]) + fabs(z[1] - x[15]), 8 * U);
    ck_assert_double_le(fabs(state.gradient - s), 16 * U);
    ck_assert_double_le(fabs(state.loss - log1p(exp(-y))), 16 * U);
    thm_value_flow_free(flow);
    /* the sum of both signs leaves the simplex: no entropy */
    flow = make(2, 2, &loss, THM_NORMALISE_SUM);
    const double out[] = {0.1, 0.2, 0.3, 0.4, 3.0, -1.0};
    ck_assert_int_eq(thm_value_flow_look(flow, out, &state, p, NULL), THM_OK);
    ck_assert(isnan(state.entropy) && state.others == p[1]);
    ck_assert_double_le(fabs(p[0] - 1.5) + fabs(p[1] + 0.5), 8 * U);
    thm_value_flow_free(flow);
}
END_TEST

START_TEST(normalisations)
{
    const double a[] = {1.5, -0.5, 2.0, 0.0}, l2 = 2.25 + 0.25 + 4.0;
    const double want[KINDS][4] = {
        {0},
        {1.5 / 4, 0.5 / 4, 2.0 / 4, 0},
        {2.25 / l2, 0.25 / l2, 4.0 / l2, 0},
        {1.5 / 3, -0.5 / 3, 2.0 / 3, 0},
        {1.5 / 3.5, 0, 2.0 / 3.5, 0},
        {1 / (1 + exp(-1.5)), 1 / (1 + exp(0.5)), 1 / (1 + exp(-2.0)), 0.5}};
    double p[4], in_place[4], far[2] = {1e308, 1e308}, q[2];
    for (int k = 1; k < KINDS; k++) {
        thm_normalisation kind = (thm_normalisation)k;
        ck_assert_int_eq(thm_normalise(kind, 4, a, p), THM_OK);
        ck_assert_double_le(distance_of(4, p, want[k]), 4 * U);
        memcpy(in_place, a, sizeof a);
        ck_assert_int_eq(thm_normalise(kind, 4, in_place, in_place), THM_OK);
        ck_assert_mem_eq(in_place, p, sizeof p);
        /* no sum or square overflows */
        ck_assert_int_eq(thm_normalise(kind, 2, far, q), THM_OK);
        ck_assert(q[0] == (kind == THM_NORMALISE_SIGMOID ? 1.0 : 0.5));
    }
    const double zero[] = {0.0, 0.0}, cancel[] = {1.0, -1.0};
    const double negative[] = {-1.0, -2.0}, nan[] = {0.0, (double)NAN};
    const double deep[] = {-800.0, -700.0};
    p[0] = 7.0;
    for (int k = 0; k < KINDS; k++) {
        thm_normalisation kind = (thm_normalisation)k;
        ck_assert_int_eq(thm_normalise(kind, 0, a, p), THM_EDIM);
        ck_assert_int_eq(thm_normalise(kind, 2, nan, p), THM_EDOMAIN);
    }
    for (int k = 1; k < 5; k++) {
        ck_assert_int_eq(thm_normalise((thm_normalisation)k, 2, zero, p),
                         THM_EDOMAIN);
    }
    ck_assert_int_eq(thm_normalise(THM_NORMALISE_SUM, 2, cancel, p),
                     THM_EDOMAIN);
    ck_assert_int_eq(thm_normalise(THM_NORMALISE_RELU, 2, negative, p),
                     THM_EDOMAIN);
    ck_assert_double_eq(p[0], 7.0);
    ck_assert_int_eq(thm_normalise(THM_NORMALISE_SIGMOID, 2, deep, p), THM_OK);
    ck_assert(p[0] == 0.0 && fabs(p[1] / exp(-700.0) - 1.0) <= 4 * U);
    ck_assert_str_eq(thm_normalisation_text(THM_NORMALISE_L2), "l2");
    ck_assert_str_eq(thm_normalisation_text((thm_normalisation)9), "unknown");
}
END_TEST

/* Any one number that is not finite is told, by kernel and plain path. */
START_TEST(errors_of_states)
{
    const double bad[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
    double x[MOST], out[MOST], J[30 * 30], dfdt[30] = {0}, f;
    for (int c = 0; c < 6 * 3; c++) {
        int n = c < 9 ? 9 : 3, d = 2, size = d * n + n;
        draw_losses((uint64_t)c, d, 9, &set);
        thm_value_flow *flow =
            make(d, n, &set.loss[THM_LOSS_SAMPLES], THM_NORMALISE_SOFTMAX);
        thm_ode ode = thm_value_flow_ode(flow);
        thm_objective objective = thm_value_flow_objective(flow);
        thm_value_state state;
        for (int r = 0; r < size; r++) {
            draw_state((uint64_t)c, d, n, THM_NORMALISE_SOFTMAX, x);
            x[r] = bad[c % 3];
            /* -inf masks a token: no state of a flow either */
            ck_assert_int_eq(ode.rhs(0.0, x, out, flow), THM_EDOMAIN);
            ck_assert_int_eq(ode.jvp(0.0, x, x, out, flow), THM_EDOMAIN);
            ck_assert_int_eq(ode.jacobian(0.0, x, J, dfdt, flow), THM_EDOMAIN);
            ck_assert_int_eq(ode.solve(0.0, x, 0.1, dfdt, out, flow),
                             THM_EDOMAIN);
            ck_assert_int_eq(objective.value(x, &f, flow), THM_EDOMAIN);
            ck_assert_int_eq(objective.gradient(x, out, flow), THM_EDOMAIN);
            ck_assert_int_eq(objective.hvp(x, x, out, flow), THM_EDOMAIN);
            ck_assert_int_eq(thm_value_flow_look(flow, x, &state, NULL, NULL),
                             THM_EDOMAIN);
        }
        thm_value_flow_free(flow);
    }
    /* a normaliser that is zero */
    draw_losses(1, 2, 4, &set);
    thm_value_flow *flow =
        make(2, 3, &set.loss[THM_LOSS_SQUARE], THM_NORMALISE_RELU);
    draw_state(1, 2, 3, THM_NORMALISE_SOFTMAX, x);
    x[6] = x[7] = x[8] = -1.0;
    ck_assert_int_eq(thm_value_flow_ode(flow).rhs(0.0, x, out, flow),
                     THM_EDOMAIN);
    thm_value_flow_free(flow);
}
END_TEST

START_TEST(errors_of_sizes)
{
    thm_value_flow *flow = NULL;
    draw_losses(1, 2, 4, &set);
    const thm_loss *loss = &set.loss[THM_LOSS_SQUARE];
    const int bad[][2] = {{0, 3}, {2, 0}, {3, 3}, {2, 1 << 28}};
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(thm_value_flow_alloc(bad[k][0], bad[k][1], loss,
                                              THM_NORMALISE_L1, &flow),
                         THM_EDIM);
    }
    set.b[0] = (double)NAN;
    ck_assert_int_eq(thm_value_flow_alloc(2, 3, loss, THM_NORMALISE_L1, &flow),
                     THM_EDOMAIN);
    ck_assert_ptr_null(flow);
    thm_value_flow_free(NULL);
}
END_TEST

/* L(U softmax(U a)) */
static cld tied_c(const thm_loss *loss, const cld *x)
{
    cld logits[MOST_D], p[MOST_D], e[MOST_D], z[MOST_D];
    int d = loss->d;
    output_c(d, d, x, x + d * d, logits);
    normalise_c(THM_NORMALISE_SOFTMAX, d, logits, p, e);
    output_c(d, d, x, p, z);
    return value_c(loss, z);
}

START_TEST(tied_model)
{
    double x[110], dx[110], g[110], want[110] = {0}, p[10], z[10], f;
    cld xc[110];
    for (int c = 0; c < 5 * LOSSES; c++) {
        const int dims[] = {1, 2, 3, 7, 10};
        int d = dims[c % 5], size = d * d + d;
        thm_rng rng = thm_rng_make(4, (uint64_t)c);
        thm_tied *tied = NULL;
        draw_losses((uint64_t)c, d, 4, &set);
        const thm_loss *loss = &set.loss[c / 5];
        thm_rng_fill_normal(&rng, size, 0.7, x);
        ck_assert_int_eq(thm_tied_alloc(loss, &tied), THM_OK);
        ck_assert_int_eq(thm_tied_size(tied), size);
        to_complex(size, x, xc);
        for (int r = 0; r < size; r++) {
            xc[r] += CMPLXL(0, STEP);
            want[r] = (double)(-cimagl(tied_c(loss, xc)) / STEP);
            xc[r] = x[r];
        }
        thm_objective objective = thm_tied_objective(tied);
        double tol = tolerance(d, d, 8.0 * largest_of(size, want));
        ck_assert_int_eq(thm_tied_ode(tied).rhs(0.0, x, dx, tied), THM_OK);
        ck_assert_int_eq(objective.gradient(x, g, tied), THM_OK);
        ck_assert_int_eq(objective.value(x, &f, tied), THM_OK);
        ck_assert_double_le(distance_of(size, dx, want), tol);
        double exact = (double)creall(tied_c(loss, xc));
        ck_assert_double_le(fabs(f - exact), tolerance(d, d, fabs(exact)));
        ck_assert_int_eq(thm_tied_look(tied, x, p, z), THM_OK);
        for (int r = 0; r < size; r++) {
            ck_assert_double_eq(g[r], -dx[r]);
        }
        x[c % size] = (double)NAN;
        ck_assert_int_eq(objective.gradient(x, g, tied), THM_EDOMAIN);
        ck_assert_int_eq(objective.value(x, &f, tied), THM_EDOMAIN);
        ck_assert_int_eq(thm_tied_look(tied, x, p, NULL), THM_EDOMAIN);
        thm_tied_free(tied);
    }
    thm_tied *tied = NULL;
    thm_loss bad = set.loss[THM_LOSS_SQUARE];
    bad.d = 0;
    ck_assert_int_eq(thm_tied_alloc(&bad, &tied), THM_EDIM);
    bad.d = 1 << 15;
    ck_assert_int_eq(thm_tied_alloc(&bad, &tied), THM_EDIM);
    bad.d = 3;
    set.b[1] = (double)NAN;
    ck_assert_int_eq(thm_tied_alloc(&bad, &tied), THM_EDOMAIN);
    ck_assert_ptr_null(tied);
    thm_tied_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow");
    TCase *t = tcase_create("flow");
    tcase_set_timeout(t, 240.0);
    tcase_add_test(t, flow_is_minus_the_gradient);
    tcase_add_test(t, jacobian_products_against_the_complex_step);
    tcase_add_test(t, dense_jacobian_is_symmetric_and_acts_as_its_product);
    tcase_add_test(t, conservation_laws_of_the_right_hand_side);
    tcase_add_test(t, one_token_and_ties);
    tcase_add_test(t, what_a_state_says);
    tcase_add_test(t, normalisations);
    tcase_add_test(t, errors_of_states);
    tcase_add_test(t, errors_of_sizes);
    tcase_add_test(t, tied_model);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
