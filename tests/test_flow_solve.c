/* Oracle: second route (the dense Jacobian by LU) and certificate (the residual
 * through the Jacobian product) for the Newton systems of the flow. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include "flow/value_flow.h"
#include "la/eig.h"
#include "la/lu.h"
#include "tests/complex_flow.h"
#include "tests/scratch.h"

enum { KINDS = 6, MOST_SIZE = 180 };

static const int widths[] = {1, 2, 3, 7, 8, 9, 17};
static const double gammas[] = {0.0, 0.01, 0.3, -0.7, 10.0, 1e4};
enum {
    WIDTHS = sizeof widths / sizeof *widths,
    GAMMAS = sizeof gammas / sizeof *gammas
};

static loss_set set;
static double J[MOST_SIZE * MOST_SIZE], M[MOST_SIZE * MOST_SIZE];

static thm_value_flow *make(int d, int n, const thm_loss *loss,
                            thm_normalisation kind)
{
    thm_value_flow *flow = NULL;
    ck_assert_int_eq(thm_value_flow_alloc(d, n, loss, kind, &flow), THM_OK);
    return flow;
}

static double norm_of(int n, const double *x)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

/* M <- I - gamma J; returns its smallest |eigenvalue|, *size its largest. */
static double build(const thm_ode *ode, const double *x, double gamma,
                    double *size)
{
    int n = ode->n;
    double dfdt[MOST_SIZE], lambda[MOST_SIZE], least = HUGE_VAL;
    ck_assert_int_eq(ode->jacobian(0.0, x, J, dfdt, ode->ctx), THM_OK);
    for (int r = 0; r < n * n; r++) {
        M[r] = (r % (n + 1) == 0 ? 1.0 : 0.0) - gamma * J[r];
    }
    ck_assert_int_eq(thm_eig_values(n, M, lambda, NULL), THM_OK);
    *size = 1.0;
    for (int r = 0; r < n; r++) {
        least = fmin(least, fabs(lambda[r]));
        *size = fmax(*size, fabs(lambda[r]));
    }
    return least;
}

/* Both routes solve nearby systems: |M| (n + d) u relative to |M| for either,
 * 16 times as much allowed for the reduced one, hence
 * |x - y| <= c (n + d) u |M| (|x| + |b| / |M|) / min |eigenvalue|. */
START_TEST(structured_against_dense)
{
    double x[MOST_SIZE], b[MOST_SIZE], want[MOST_SIZE] = {0}, got[MOST_SIZE];
    int solved = 0;
    for (int c = 0; c < WIDTHS * LOSSES * KINDS * GAMMAS; c++) {
        int n = widths[c % WIDTHS], d = 1 + c % 4, size = d * n + n;
        thm_normalisation kind = (thm_normalisation)(c / WIDTHS % KINDS);
        double gamma = gammas[c / WIDTHS / KINDS / LOSSES], norm;
        draw_losses((uint64_t)c, d, 9, &set);
        draw_state((uint64_t)c, d, n, kind, x);
        thm_rng rng = thm_rng_make(6, (uint64_t)c);
        thm_rng_fill_normal(&rng, size, 1.127, b);
        thm_value_flow *flow =
            make(d, n, &set.loss[c / WIDTHS / KINDS % LOSSES], kind);
        thm_ode ode = thm_value_flow_ode(flow);
        double least = build(&ode, x, gamma, &norm);
        thm_lu *lu = NULL;
        ck_assert_int_eq(thm_lu_alloc(size, &lu), THM_OK);
        thm_status dense = thm_lu_factor(lu, M, NULL);
        /* factors of another gamma and another state must not stay */
        ode.solve(0.0, b, gamma, b, got, flow);
        ode.solve(0.0, x, gamma + 0.25, b, got, flow);
        thm_status own = ode.solve(0.0, x, gamma, b, got, flow);
        if (least > 1e-9 * norm) {
            ck_assert_int_eq(dense, THM_OK);
            ck_assert_int_eq(own, THM_OK);
            ck_assert_int_eq(thm_lu_solve(lu, b, want), THM_OK);
            double bound = 64.0 * (n + d) * U *
                           (norm * norm_of(size, want) + norm_of(size, b)) *
                           fmax(1.0, 1.0 / least);
            double gap = distance_of(size, got, want);
            ck_assert_msg(gap <= bound, "case %d: %g > %g", c, gap, bound);
            solved++;
        }
        /* in place, and from the kept factors: the same bits */
        memcpy(want, b, (size_t)size * sizeof *b);
        if (own == THM_OK) {
            ck_assert_int_eq(ode.solve(0.0, x, gamma, want, want, flow),
                             THM_OK);
            ck_assert_mem_eq(want, got, (size_t)size * sizeof *b);
        }
        thm_lu_free(lu);
        thm_value_flow_free(flow);
    }
    ck_assert_int_gt(solved, WIDTHS * LOSSES * KINDS * GAMMAS * 9 / 10);
}
END_TEST

/* |b - (I - gamma J) x| through the product, at a size where the dense matrix
 * is not wanted, on both sides of the switch between the reduced systems. */
START_TEST(residuals_at_full_size)
{
    enum { D = 10, N = 50, SIZE = D * N + N };
    double x[SIZE], b[SIZE], y[SIZE], jy[SIZE];
    draw_losses(77, D, 40, &set);
    for (int c = 0; c < 24; c++) {
        const thm_loss *loss = &set.loss[c % 3 == 0   ? THM_LOSS_SAMPLES
                                         : c % 3 == 1 ? THM_LOSS_SQUARE
                                                      : THM_LOSS_EXPONENTIAL];
        double gamma = pow(10.0, c / 3 - 3);
        thm_value_flow *flow = make(D, N, loss, THM_NORMALISE_SOFTMAX);
        thm_ode ode = thm_value_flow_ode(flow);
        thm_rng rng = thm_rng_make(9, (uint64_t)c);
        draw_state((uint64_t)c, D, N, THM_NORMALISE_SOFTMAX, x);
        for (int i = 0; i < N; i++) {
            x[D * N + i] *= c % 2 ? 0.01 : 6.0; /* near uniform, peaked */
        }
        thm_rng_fill_normal(&rng, SIZE, 1.0, b);
        ck_assert_int_eq(ode.solve(0.0, x, gamma, b, y, flow), THM_OK);
        ck_assert_int_eq(ode.jvp(0.0, x, y, jy, flow), THM_OK);
        /* |J| <= |g| (1 + |V|) + |H| (1 + |V|^2) roughly; from the data: the
         * largest growth of a few products */
        double rate = norm_of(SIZE, jy) / norm_of(SIZE, y);
        for (int k = 0; k < 3; k++) {
            double v[SIZE], jv[SIZE];
            thm_rng_fill_normal(&rng, SIZE, 1.0, v);
            for (int pass = 0; pass < 8; pass++) {
                ck_assert_int_eq(ode.jvp(0.0, x, v, jv, flow), THM_OK);
                double s = norm_of(SIZE, jv);
                rate = fmax(rate, s / norm_of(SIZE, v));
                for (int r = 0; r < SIZE; r++) {
                    v[r] = jv[r] / s;
                }
            }
        }
        double worst = 0.0;
        for (int r = 0; r < SIZE; r++) {
            worst = fmax(worst, fabs(b[r] - (y[r] - gamma * jy[r])));
        }
        double bound = 64.0 * (N + D) * U * (1.0 + gamma * rate) *
                       (norm_of(SIZE, b) + norm_of(SIZE, y));
        ck_assert_msg(worst <= bound, "case %d: %g > %g", c, worst, bound);
        thm_value_flow_free(flow);
    }
}
END_TEST

/* A growth rate lambda > 0 of the flow makes I - J / lambda singular; just
 * beside it the system is indefinite and solved. */
START_TEST(singular_systems_are_told)
{
    double x[MOST_SIZE], b[MOST_SIZE], got[MOST_SIZE], lambda[MOST_SIZE], norm;
    int growing = 0;
    for (int c = 0; c < 2 * WIDTHS * LOSSES; c++) {
        int n = widths[c % WIDTHS], d = 1 + c % 4, size = d * n + n;
        draw_losses((uint64_t)c, d, 9, &set);
        draw_state((uint64_t)c, d, n, THM_NORMALISE_SOFTMAX, x);
        draw_state((uint64_t)c + 999, d, n, THM_NORMALISE_SOFTMAX, b);
        thm_value_flow *flow =
            make(d, n, &set.loss[c / WIDTHS % LOSSES], THM_NORMALISE_SOFTMAX);
        thm_ode ode = thm_value_flow_ode(flow);
        build(&ode, x, 0.0, &norm);
        ck_assert_int_eq(thm_eig_values(size, J, lambda, NULL), THM_OK);
        double top = lambda[size - 1], gamma = 1.0 / top;
        /* a rate that rounding cannot move by more than 10^-13 of itself */
        if (n > 1 && top > 0.05 * fabs(lambda[0])) {
            growing++;
            got[0] = 7.0;
            ck_assert_int_eq(ode.solve(0.0, x, gamma, b, got, flow),
                             THM_ESINGULAR);
            ck_assert_double_eq(got[0], 7.0);
            ck_assert_int_eq(
                ode.solve(0.0, x, gamma * (1.0 + 1e-4), b, got, flow), THM_OK);
            ck_assert_int_eq(
                ode.solve(0.0, x, gamma * (1.0 - 1e-4), b, got, flow), THM_OK);
        }
        thm_value_flow_free(flow);
    }
    ck_assert_int_gt(growing, 20);
}
END_TEST

START_TEST(errors_leave_the_output_alone)
{
    double x[9], b[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, out[9] = {7.0};
    draw_losses(1, 2, 4, &set);
    draw_state(1, 2, 3, THM_NORMALISE_SOFTMAX, x);
    thm_value_flow *flow =
        make(2, 3, &set.loss[THM_LOSS_SAMPLES], THM_NORMALISE_SOFTMAX);
    thm_ode ode = thm_value_flow_ode(flow);
    const double bad[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(ode.solve(0.0, x, bad[k], b, out, flow), THM_EDOMAIN);
        b[4] = bad[k];
        ck_assert_int_eq(ode.solve(0.0, x, 0.5, b, out, flow), THM_EDOMAIN);
        b[4] = 5.0;
        double keep = x[k];
        x[k] = bad[k];
        ck_assert_int_eq(ode.solve(0.0, x, 0.5, b, out, flow), THM_EDOMAIN);
        x[k] = keep;
    }
    /* gamma^2 overflows: no solution can be trusted */
    ck_assert_int_eq(ode.solve(0.0, x, 1e300, b, out, flow), THM_ESINGULAR);
    ck_assert_double_eq(out[0], 7.0);
    ck_assert_int_eq(ode.solve(0.0, x, 0.5, b, out, flow), THM_OK);
    thm_value_flow_free(flow);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow_solve");
    TCase *t = tcase_create("flow_solve");
    tcase_set_timeout(t, 240.0);
    tcase_add_test(t, structured_against_dense);
    tcase_add_test(t, residuals_at_full_size);
    tcase_add_test(t, singular_systems_are_told);
    tcase_add_test(t, errors_leave_the_output_alone);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
