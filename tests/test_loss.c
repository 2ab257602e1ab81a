/* Oracle: second route (the complex step in long doubles on formulas of the
 * suite's own) and closed forms in the tails, for the losses. */
#include <check.h>
#include <string.h>
#include "flow/loss.h"
#include "tests/complex_flow.h"
#include "tests/scratch.h"

static const int dims[] = {1, 2, 3, 7, 8, 9};
enum { DIMS = sizeof dims / sizeof *dims };

static loss_set set;

/* Every output is a sum of at most (m + 1) d products; an error of y moves a
 * slope by at most as much, relatively; sizes are those of the drawn data. */
static double tolerance(const thm_loss *loss, double scale)
{
    return 32.0 * (loss->m + 1.0) * loss->d * U * (1.0 + scale);
}

static void draw_point(uint64_t stream, int d, double *z, double *v)
{
    thm_rng rng = thm_rng_make(731, stream);
    thm_rng_fill_normal(&rng, d, 1.5, z);
    thm_rng_fill_normal(&rng, d, 1.0, v);
}

START_TEST(values_slopes_and_curvatures)
{
    double z[MOST_D], v[MOST_D], g[MOST_D], hv[MOST_D] = {0}, value, again;
    double buffer[3 * MOST_D], want[MOST_D] = {0}, same[MOST_D];
    cld zc[MOST_D], gc[MOST_D];
    for (int c = 0; c < DIMS * LOSSES * 5; c++) {
        int d = dims[c % DIMS], m = 1 + c % 9;
        draw_losses((uint64_t)c, d, m, &set);
        const thm_loss *loss = &set.loss[c / DIMS % LOSSES];
        draw_point((uint64_t)c, d, z, v);
        ck_assert_int_eq(thm_loss_check(loss), THM_OK);
        ck_assert_int_le(thm_loss_scratch(loss), 3 * MOST_D);
        thm_loss_eval(loss, z, &value, g, buffer);
        thm_loss_hvp(loss, z, v, hv, buffer);
        to_complex(d, z, zc);
        double exact = (double)creall(value_c(loss, zc));
        ck_assert_double_le(fabs(value - exact), tolerance(loss, fabs(exact)));
        for (int k = 0; k < d; k++) {
            zc[k] += CMPLXL(0, STEP);
            want[k] = (double)(cimagl(value_c(loss, zc)) / STEP);
            zc[k] = z[k];
        }
        double scale = largest_of(d, want);
        ck_assert_double_le(distance_of(d, g, want), tolerance(loss, scale));
        for (int k = 0; k < d; k++) {
            zc[k] = CMPLXL(z[k], STEP * v[k]);
        }
        slope_c(loss, zc, gc);
        for (int k = 0; k < d; k++) {
            want[k] = (double)(cimagl(gc[k]) / STEP);
        }
        scale = largest_of(d, want);
        ck_assert_double_le(distance_of(d, hv, want), tolerance(loss, scale));
        /* either output may be left out */
        thm_loss_eval(loss, z, &again, NULL, buffer);
        thm_loss_eval(loss, z, NULL, same, buffer);
        ck_assert(again == value);
        ck_assert_mem_eq(same, g, (size_t)d * sizeof *g);
    }
}
END_TEST

START_TEST(dense_hessians_are_symmetric_and_act_as_their_products)
{
    double z[MOST_D], v[MOST_D], hv[MOST_D] = {0}, H[MOST_D * MOST_D];
    double buffer[3 * MOST_D], want[MOST_D] = {0};
    for (int c = 0; c < DIMS * LOSSES; c++) {
        int d = dims[c % DIMS];
        draw_losses((uint64_t)c, d, 5, &set);
        const thm_loss *loss = &set.loss[c / DIMS];
        draw_point((uint64_t)c, d, z, v);
        thm_loss_hessian(loss, z, H, buffer);
        thm_loss_hvp(loss, z, v, want, buffer);
        for (int k = 0; k < d; k++) {
            hv[k] = 0.0;
            for (int l = 0; l < d; l++) {
                ck_assert(H[k * d + l] == H[l * d + k]);
                hv[k] += H[k * d + l] * v[l];
            }
        }
        double scale = largest_of(d * d, H);
        ck_assert_double_le(distance_of(d, hv, want), tolerance(loss, scale));
    }
}
END_TEST

/* exp(-|y|) is all that a margin's tail leaves: to a few u, even where the
 * value itself is denormal. */
START_TEST(tails_keep_their_relative_precision)
{
    const double b = 1.0, y[] = {0.0, 1e-9, 36.7, 40.0, 300.0, 700.0, 740.0};
    thm_loss loss = {.kind = THM_LOSS_LOGISTIC, .d = 1, .b = &b};
    double value, g, hv, one = 1.0, log_slope;
    for (int c = 0; c < 14; c++) {
        double t = c % 2 ? -y[c / 2] : y[c / 2];
        long double E = expl(-fabsl((long double)t));
        long double s = (t >= 0 ? E : 1) / (1 + E);
        long double L = log1pl(E) + (t < 0 ? -t : 0);
        thm_loss_eval(&loss, &t, &value, &g, NULL);
        thm_loss_hvp(&loss, &t, &one, &hv, NULL);
        double grain = 0x1p-1074;
        ck_assert_double_le(fabs(value - (double)L), 4 * U * value + grain);
        ck_assert_double_le(fabs(g + (double)s), 4 * U * fabs(g) + grain);
        ck_assert_double_le(fabs(hv - (double)(E / ((1 + E) * (1 + E)))),
                            6 * U * hv + grain);
        ck_assert_int_eq(thm_loss_scalar(&loss, t, &log_slope), 1);
        /* log s, without passing through an s that underflows */
        double log_s = -(double)((t > 0 ? t : 0) + log1pl(E));
        ck_assert_double_le(fabs(log_slope - log_s), 4 * U * (1.0 + fabs(t)));
    }
    double far[] = {1e6, -1e6, 1e300};
    const double want[] = {-1e6, 0.0, -1e300};
    for (int c = 0; c < 3; c++) {
        ck_assert_int_eq(thm_loss_scalar(&loss, far[c], &log_slope), 1);
        ck_assert_double_eq(log_slope, want[c]);
    }
    loss.kind = THM_LOSS_EXPONENTIAL;
    ck_assert_int_eq(thm_loss_scalar(&loss, 800.0, &log_slope), 1);
    ck_assert_double_eq(log_slope, -800.0);
    log_slope = 7.0;
    loss.kind = THM_LOSS_SQUARE;
    ck_assert_int_eq(thm_loss_scalar(&loss, 1.0, &log_slope), 0);
    ck_assert_double_eq(log_slope, 7.0);
    /* cross-entropy far from its target: z_1 - z_2, slope (1 - p*, ...) */
    const double target[] = {0.25, 0.75}, z[] = {700.0, -700.0};
    double slopes[2], buffer[2];
    thm_loss ce = {.kind = THM_LOSS_CROSS_ENTROPY, .d = 2, .b = target};
    thm_loss_eval(&ce, z, &value, slopes, buffer);
    ck_assert_double_eq(value, 0.75 * 1400.0);
    ck_assert(slopes[0] == 0.75 && slopes[1] == -0.75);
}
END_TEST

START_TEST(what_is_not_finite_reaches_the_outputs)
{
    double buffer[3 * MOST_D], z[3] = {0.1, (double)NAN, 0.3}, v[3] = {1, 2, 3};
    draw_losses(3, 3, 4, &set);
    for (int k = 0; k < LOSSES; k++) {
        double value = 0.0, g[3] = {0}, hv[3] = {0};
        thm_loss_eval(&set.loss[k], z, &value, g, buffer);
        ck_assert(isnan(value) && isnan(g[1]));
        thm_loss_hvp(&set.loss[k], z, v, hv, buffer);
        ck_assert(isnan(hv[1]) || k == THM_LOSS_SQUARE ||
                  k == THM_LOSS_QUADRATIC); /* constant Hessians */
    }
}
END_TEST

/* Each error of thm_loss_check, from a good loss with one thing wrong. */
START_TEST(errors)
{
    draw_losses(5, 3, 4, &set);
    for (int k = 0; k < LOSSES; k++) {
        thm_loss bad = set.loss[k];
        ck_assert_int_eq(thm_loss_check(&bad), THM_OK);
        bad.d = 0;
        ck_assert_int_eq(thm_loss_check(&bad), THM_EDIM);
        bad = set.loss[k];
        bad.b = bad.X = bad.y = bad.coefficient = NULL;
        ck_assert_int_eq(thm_loss_check(&bad), THM_EDIM);
    }
    thm_loss square = set.loss[THM_LOSS_SQUARE];
    set.b[1] = HUGE_VAL;
    ck_assert_int_eq(thm_loss_check(&square), THM_EDOMAIN);
    square.kind = (thm_loss_kind)99;
    ck_assert_int_eq(thm_loss_check(&square), THM_EDOMAIN);

    thm_loss rows = set.loss[THM_LOSS_QUADRATIC];
    rows.m = 0;
    ck_assert_int_eq(thm_loss_check(&rows), THM_EDIM);
    rows = set.loss[THM_LOSS_SAMPLES];
    rows.y = NULL;
    ck_assert_int_eq(thm_loss_check(&rows), THM_EDIM);
    rows = set.loss[THM_LOSS_SAMPLES];
    set.labels[2] = 0.5;
    ck_assert_int_eq(thm_loss_check(&rows), THM_EDOMAIN);
    set.labels[2] = (double)NAN;
    ck_assert_int_eq(thm_loss_check(&rows), THM_EDOMAIN);
    set.labels[2] = 1.0;

    thm_loss ce = set.loss[THM_LOSS_CROSS_ENTROPY];
    double p[] = {0.5, 0.75, -0.25};
    ce.b = p;
    ck_assert_int_eq(thm_loss_check(&ce), THM_EDOMAIN);
    p[1] = p[2] = 0.25 * (1.0 + 64.0 * U);
    ck_assert_int_eq(thm_loss_check(&ce), THM_EDOMAIN);
    p[2] = 0.25;
    ck_assert_int_eq(thm_loss_check(&ce), THM_EDOMAIN);
    p[1] = 0.25 * (1.0 + 32.0 * U);
    ck_assert_int_eq(thm_loss_check(&ce), THM_OK);

    thm_loss sum = set.loss[THM_LOSS_COMBINATION], other = square;
    sum.terms = 0;
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDIM);
    sum.terms = 3;
    sum.term = NULL;
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDIM);
    sum.term = set.term;
    set.term[1] = NULL;
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDIM);
    other.d = 2;
    set.term[1] = &other;
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDIM);
    other.d = 3; /* of an unknown kind */
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDOMAIN);
    set.term[1] = set.term[0];
    set.coefficient[0] = (double)NAN;
    ck_assert_int_eq(thm_loss_check(&sum), THM_EDOMAIN);
    set.coefficient[0] = 1.0;
    ck_assert_int_eq(thm_loss_check(&sum), THM_OK);
    ck_assert_str_eq(thm_loss_text(THM_LOSS_CROSS_ENTROPY), "cross-entropy");
    ck_assert_str_eq(thm_loss_text((thm_loss_kind)99), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loss");
    TCase *t = tcase_create("loss");
    tcase_add_test(t, values_slopes_and_curvatures);
    tcase_add_test(t, dense_hessians_are_symmetric_and_act_as_their_products);
    tcase_add_test(t, tails_keep_their_relative_precision);
    tcase_add_test(t, what_is_not_finite_reaches_the_outputs);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
