/* Oracle: identity and numbers by hand for directions; surfaces whose minima
 * are known, and a fit by the normal equations in long double, for what is
 * measured of a slice. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "core/rng.h"
#include "landscape/directions.h"
#include "landscape/measure.h"
#include "landscape/slice.h"
#include "landscape/surface.h"
#include "tests/scratch.h"

/* ---- directions ------------------------------------------------------------
 */

/* Norm of every stride-th of x. */
static double norm(int count, int stride, const double *x)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        sum += x[i * stride] * x[i * stride];
    }
    return sqrt(sum);
}

/* Two matrices, 3 x 2 and 1 x 4. */
static const thm_block blocks[] = {{3, 2}, {1, 4}};
static const double point[] = {2.385, -1.127, 0.5,   3.25,  -4.75,
                               0.625, 1.375,  -2.25, 0.875, 0};
static const double drawn[] = {1, 2, -3, 4, 5, -6, 0.5, 0, 2, 7};
enum { N = 10 };

START_TEST(parts_get_the_norm_of_the_point)
{
    double d[N];
    memcpy(d, drawn, sizeof d);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_FILTER, point, d),
        THM_OK);
    for (int j = 0; j < 2; j++) {
        ck_assert_double_eq_tol(norm(3, 2, d + j), norm(3, 2, point + j),
                                1e-14);
        ck_assert_double_eq_tol(d[j] / drawn[j], d[4 + j] / drawn[4 + j],
                                1e-14);
    }
    /* filters of one input: signs alone are left */
    ck_assert_double_eq_tol(d[6], 1.375, 1e-15);
    ck_assert_double_eq(d[7], 0);
    ck_assert_double_eq_tol(d[8], 0.875, 1e-15);
    ck_assert_double_eq(d[9], 0);

    memcpy(d, drawn, sizeof d);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_ROW, point, d), THM_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq_tol(norm(2, 1, d + 2 * i),
                                norm(2, 1, point + 2 * i), 1e-14);
    }
    ck_assert_double_eq_tol(norm(4, 1, d + 6), norm(4, 1, point + 6), 1e-14);

    memcpy(d, drawn, sizeof d);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_LAYER, point, d),
        THM_OK);
    ck_assert_double_eq_tol(norm(6, 1, d), norm(6, 1, point), 1e-14);
    ck_assert_double_eq_tol(d[0] / drawn[0], d[5] / drawn[5], 1e-14);
    ck_assert_double_eq_tol(norm(4, 1, d + 6), norm(4, 1, point + 6), 1e-14);

    memcpy(d, drawn, sizeof d);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_NONE, point, d),
        THM_OK);
    ck_assert_int_eq(memcmp(d, drawn, sizeof d), 0);
}
END_TEST

START_TEST(huge_and_tiny_parts_do_not_overflow)
{
    const thm_block one = {1, 2};
    const double x[] = {3e300, 4e300};
    double d[] = {3e-300, -4e-300};
    ck_assert_int_eq(thm_direction_normalise(2, 1, &one, THM_SLICE_ROW, x, d),
                     THM_OK);
    ck_assert_double_eq_tol(d[0] / 3e300, 1, 1e-15);
    ck_assert_double_eq_tol(d[1] / -4e300, 1, 1e-15);
}
END_TEST

START_TEST(the_second_direction_is_made_orthogonal)
{
    double d[] = {1, 2, 3, 4}, along = 0;
    const double d1[] = {2, 0, -1, 5};
    ck_assert_int_eq(thm_direction_orthogonalise(4, d1, d), THM_OK);
    for (int i = 0; i < 4; i++) {
        along += d1[i] * d[i];
    }
    ck_assert_double_eq_tol(along, 0, 1e-14);
    /* by hand: <d1, d> = 19, |d1|^2 = 30 */
    ck_assert_double_eq_tol(d[1], 2, 1e-15);
    ck_assert_double_eq_tol(d[0], 1 - 38.0 / 30, 1e-15);
    double sine;
    const double slanted[] = {3, 0, 0, 0}, other[] = {1, 1, 0, 0};
    ck_assert_int_eq(thm_direction_sine(4, slanted, other, &sine), THM_OK);
    ck_assert_double_eq_tol(sine, sqrt(0.5), 1e-15);
}
END_TEST

START_TEST(what_spans_no_plane_is_refused)
{
    double d2[N], d3[N], sine;
    const double zero[N] = {0};
    thm_rng rng = thm_rng_make(1, 1);
    for (int c = 0; c < 200; c++) {
        const double factor = 1e-3 + 7.77 * thm_rng_normal(&rng);
        for (int i = 0; i < N; i++) {
            d2[i] = factor * drawn[i];
        }
        memcpy(d3, d2, sizeof d3);
        ck_assert_int_eq(thm_direction_orthogonalise(N, drawn, d2),
                         THM_ESINGULAR);
        ck_assert_int_eq(memcmp(d2, d3, sizeof d2), 0);
        ck_assert_int_eq(thm_direction_sine(N, drawn, d2, &sine),
                         THM_ESINGULAR);
    }
    /* nearly parallel is not parallel */
    d2[3] *= 1 + 1e-12;
    ck_assert_int_eq(thm_direction_sine(N, drawn, d2, &sine), THM_OK);
    ck_assert_int_eq(thm_direction_sine(N, drawn, zero, &sine), THM_ESINGULAR);
    ck_assert_int_eq(thm_direction_sine(N, zero, drawn, &sine), THM_ESINGULAR);
    d2[4] = NAN;
    ck_assert_int_eq(thm_direction_sine(N, drawn, d2, &sine), THM_EDOMAIN);
    ck_assert_int_eq(thm_direction_orthogonalise(0, drawn, d2), THM_EDIM);
    /* one parameter has no plane */
    const thm_block one = {1, 1};
    const double x = 2;
    ck_assert_int_eq(
        thm_direction_draw(1, 1, &one, THM_SLICE_FILTER, &x, 1, d2, d3),
        THM_ESINGULAR);
}
END_TEST

START_TEST(what_cannot_be_normalised_is_refused)
{
    double d[N];
    const double zero[N] = {0}, bad[N] = {[7] = HUGE_VAL};
    memcpy(d, drawn, sizeof d);
    ck_assert_int_eq(
        thm_direction_normalise(N + 1, 2, blocks, THM_SLICE_ROW, point, d),
        THM_EDIM);
    ck_assert_int_eq(
        thm_direction_normalise(N, 0, blocks, THM_SLICE_ROW, point, d),
        THM_EDIM);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_ROW, bad, d),
        THM_EDOMAIN);
    ck_assert_int_eq(memcmp(d, drawn, sizeof d), 0);
    ck_assert_int_eq(
        thm_direction_normalise(N, 2, blocks, THM_SLICE_LAYER, zero, d),
        THM_ESINGULAR);
}
END_TEST

START_TEST(drawn_directions_are_those_of_their_seed)
{
    double d1[N], d2[N], e1[N], e2[N];
    ck_assert_int_eq(
        thm_direction_draw(N, 2, blocks, THM_SLICE_FILTER, point, 7, d1, d2),
        THM_OK);
    ck_assert_int_eq(
        thm_direction_draw(N, 2, blocks, THM_SLICE_FILTER, point, 7, e1, e2),
        THM_OK);
    ck_assert_int_eq(memcmp(d1, e1, sizeof d1), 0);
    ck_assert_int_eq(memcmp(d2, e2, sizeof d2), 0);
    ck_assert_double_eq_tol(norm(3, 2, d2 + 1), norm(3, 2, point + 1), 1e-14);
    ck_assert_int_eq(
        thm_direction_draw(N, 2, blocks, THM_SLICE_FILTER, point, 8, e1, e2),
        THM_OK);
    ck_assert_int_ne(memcmp(d1, e1, sizeof d1), 0);
    /* without normalisation the right angle stays */
    ck_assert_int_eq(
        thm_direction_draw(N, 2, blocks, THM_SLICE_NONE, point, 7, d1, d2),
        THM_OK);
    double along = 0;
    for (int i = 0; i < N; i++) {
        along += d1[i] * d2[i];
    }
    ck_assert_double_eq_tol(along, 0, 1e-14);
    for (int k = 0; k < 4; k++) {
        ck_assert_str_ne(thm_slice_norm_text((thm_slice_norm)k), "unknown");
    }
}
END_TEST

/* ---- measures --------------------------------------------------------------
 */

enum { SIDE = 131 };
static double axis[SIDE], f[SIDE * SIDE], err[SIDE * SIDE];

/* Rounding of the bowl, the saddle and the plane: at most four operations on
 * terms below the largest value, and scaled coordinates that are off by 3 u
 * where the slope is at most twice that value. */
static void rounding(int count)
{
    double most = 0;
    for (int k = 0; k < count * count; k++) {
        most = isfinite(f[k]) ? fmax(most, fabs(f[k])) : most;
    }
    for (int k = 0; k < count * count; k++) {
        err[k] = 10 * 0x1p-53 * most;
    }
}

static void fill(const thm_objective *o, double lo, double hi, int count)
{
    const double x0[] = {0, 0}, d1[] = {1, 0}, d2[] = {0, 1};
    const thm_slice slice = {o, x0, d1, d2};
    double x[2];
    thm_slice_axis(lo, hi, count, axis);
    for (int j = 0; j < count; j++) {
        ck_assert_int_eq(
            thm_slice_values(&slice, axis[j], count, axis, x, f + j * count),
            THM_OK);
    }
}

START_TEST(surfaces_show_their_minima)
{
    const thm_surface *s = &thm_surfaces[_i];
    thm_measure m;
    fill(&s->f, s->lo, s->hi, s->count);
    rounding(s->count);
    ck_assert_int_eq(
        thm_measure_grid(s->count, s->count, axis, axis, f, err, &m), THM_OK);
    ck_assert_int_eq(m.minima, s->minima);
    ck_assert_int_eq(m.minima_resolved, s->minima);
    ck_assert_int_eq(m.non_finite, 0);
    if (s->minima > 0) {
        /* half a step off, at worst, in a landscape of curvature below 500 */
        const double h = (s->hi - s->lo) / (s->count - 1) / 2;
        ck_assert_double_ge(m.f_min, s->f_min);
        ck_assert_double_le(m.f_min, s->f_min + 500 * h * h);
        ck_assert_double_eq(m.f_min, f[m.b_min * s->count + m.a_min]);
    }
    if (s->quadratic) {
        ck_assert_double_le(m.quadratic_residual, m.quadratic_noise);
        ck_assert_double_le(m.quadratic_noise, 1e-14);
    } else {
        ck_assert_double_ge(m.quadratic_residual, 0.1);
    }
}
END_TEST

static thm_status steep(const double *x, double *out, void *ctx)
{
    (void)ctx;
    *out = pow(1 - x[0], 2) + 100 * pow(x[1] - x[0] * x[0], 2);
    return THM_OK;
}

/* A quadratic with an oblique valley, its minimum off the grid. */
static thm_status gorge(const double *x, double *out, void *ctx)
{
    (void)ctx;
    *out = pow(x[0] - 0.71 * x[1] - 0.013, 2) + 1e-4 * pow(x[1] - 0.37, 2);
    return THM_OK;
}

START_TEST(the_pieces_of_a_narrow_oblique_valley_are_not_resolved)
{
    const thm_objective curved = {.n = 2, .value = steep};
    const thm_objective straight = {.n = 2, .value = gorge};
    thm_measure m;
    fill(&curved, -2, 2, 41);
    ck_assert_int_eq(thm_measure_grid(41, 41, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_gt(m.minima, 3);
    ck_assert_int_le(m.minima_resolved, 1);
    fill(&straight, -2, 2, 41);
    ck_assert_int_eq(thm_measure_grid(41, 41, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_gt(m.minima, 3);
    ck_assert_int_le(m.minima_resolved, 1);
}
END_TEST

START_TEST(lines_are_measured_with_two_neighbours)
{
    const double a[] = {-2, -1, 0, 1, 2, 3, 4}, b[] = {0.5};
    const double w[] = {3, 1, 2, 0.5, 0.5, 7, 9};
    thm_measure m;
    ck_assert_int_eq(thm_measure_grid(7, 1, a, b, w, NULL, &m), THM_OK);
    ck_assert_int_eq(m.minima, 1); /* a tie is not strict, an end not inside */
    ck_assert_double_eq(m.f_min, 0.5);
    ck_assert_int_eq(m.a_min, 3);
    ck_assert_double_eq(m.f_max, 9);
    ck_assert_double_eq_tol(m.relative_range, 8.5 / 9, 1e-15);
    double q[7];
    for (int i = 0; i < 7; i++) {
        q[i] = 3 - a[i] / 7 + 0.3 * a[i] * a[i];
    }
    ck_assert_int_eq(thm_measure_grid(7, 1, a, b, q, NULL, &m), THM_OK);
    ck_assert_double_le(m.quadratic_residual, 1e-15);
    q[2] += 1e-9;
    ck_assert_int_eq(thm_measure_grid(7, 1, a, b, q, NULL, &m), THM_OK);
    ck_assert_double_ge(m.quadratic_residual, 1e-11);
}
END_TEST

START_TEST(minima_below_the_errors_are_not_resolved)
{
    const double a[] = {0, 1, 2, 3, 4}, b[] = {0};
    const double w[] = {1, 0.5, 1, 1 - 1e-12, 1};
    const double e[] = {1e-12, 1e-12, 1e-12, 1e-12, 1e-12};
    thm_measure m;
    ck_assert_int_eq(thm_measure_grid(5, 1, a, b, w, e, &m), THM_OK);
    ck_assert_int_eq(m.minima, 2);
    ck_assert_int_eq(m.minima_resolved, 1);
    ck_assert_double_eq_tol(m.quadratic_noise, 1e-12 / 0.2, 1e-14);
}
END_TEST

START_TEST(cells_that_are_no_numbers_are_counted_and_left_out)
{
    thm_measure m;
    fill(&thm_surfaces[0].f, -2, 2, 41);
    f[20 * 41 + 3] = NAN;
    f[5] = HUGE_VAL;
    f[41 * 41 - 1] = -HUGE_VAL;
    rounding(41);
    ck_assert_int_eq(thm_measure_grid(41, 41, axis, axis, f, err, &m), THM_OK);
    ck_assert_int_eq(m.non_finite, 3);
    ck_assert_int_eq(m.minima, 1);
    ck_assert_double_le(m.quadratic_residual, m.quadratic_noise);
    /* a neighbour that is no number spoils the minimum */
    f[m.b_min * 41 + m.a_min + 1] = NAN;
    ck_assert_int_eq(thm_measure_grid(41, 41, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_eq(m.minima, 0);
    for (int k = 0; k < 41 * 41; k++) {
        f[k] = NAN;
    }
    ck_assert_int_eq(thm_measure_grid(41, 41, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_eq(m.non_finite, 41 * 41);
    ck_assert(isnan(m.f_min) && isnan(m.f_max) && isnan(m.relative_range) &&
              isnan(m.quadratic_residual));
}
END_TEST

START_TEST(flat_and_small_grids)
{
    thm_measure m;
    for (int k = 0; k < 25; k++) {
        f[k] = 0.1;
    }
    thm_slice_axis(-1, 1, 5, axis);
    ck_assert_double_eq(axis[2], 0);
    ck_assert_int_eq(thm_measure_grid(5, 5, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_eq(m.minima, 0);
    ck_assert_double_eq(m.quadratic_residual, 0);
    ck_assert_double_eq(m.relative_range, 0);
    for (int k = 0; k < 9; k++) {
        f[k] = k * k % 7;
    }
    ck_assert_int_eq(thm_measure_grid(2, 2, axis, axis, f, NULL, &m), THM_OK);
    ck_assert(isnan(m.quadratic_residual)); /* six coefficients, four cells */
    /* a^2 = 1 and b^2 = 1 on two lines each, whatever their number */
    ck_assert_int_eq(thm_measure_grid(5, 2, axis, axis, f, NULL, &m), THM_OK);
    ck_assert(isnan(m.quadratic_residual));
    ck_assert_int_eq(thm_measure_grid(3, 3, axis, axis, f, NULL, &m), THM_OK);
    ck_assert(isfinite(m.quadratic_residual));
    ck_assert_int_eq(thm_measure_grid(1, 1, axis, axis, f, NULL, &m), THM_OK);
    ck_assert_int_eq(m.minima, 0);
    ck_assert_int_eq(thm_measure_grid(0, 1, axis, axis, f, NULL, &m), THM_EDIM);
    ck_assert_int_eq(thm_measure_grid(1, 0, axis, axis, f, NULL, &m), THM_EDIM);
    axis[1] = NAN;
    ck_assert_int_eq(thm_measure_grid(3, 3, axis, axis, f, NULL, &m),
                     THM_EDOMAIN);
}
END_TEST

/* Solves the normal equations of the six monomials; root mean square of what is
 * left over that of f - mean. */
static double residual_by_normal_equations(int n, const double *x,
                                           const double *v)
{
    long double G[6][7] = {{0}}, mean = 0, left = 0, spread = 0;
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) {
            const long double a = x[i], b = x[j];
            const long double row[] = {1,     a,     b,           a * a,
                                       a * b, b * b, v[j * n + i]};
            for (int p = 0; p < 6; p++) {
                for (int q = 0; q < 7; q++) {
                    G[p][q] += row[p] * row[q];
                }
            }
            mean += row[6] / (n * n);
        }
    }
    for (int p = 0; p < 6; p++) {
        for (int r = 0; r < 6; r++) {
            const long double t = r == p ? 0 : G[r][p] / G[p][p];
            for (int q = p; q < 7; q++) {
                G[r][q] -= t * G[p][q];
            }
        }
    }
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) {
            const long double a = x[i], b = x[j];
            const long double row[] = {1, a, b, a * a, a * b, b * b};
            long double r = v[j * n + i];
            for (int p = 0; p < 6; p++) {
                r -= G[p][6] / G[p][p] * row[p];
            }
            left += r * r;
            spread += (v[j * n + i] - mean) * (v[j * n + i] - mean);
        }
    }
    return (double)sqrtl(left / spread);
}

START_TEST(the_fit_is_the_best_one)
{
    for (int s = 0; s < THM_SURFACES; s++) {
        thm_measure m;
        const thm_surface *t = &thm_surfaces[s];
        fill(&t->f, t->lo - 0.3, t->hi, 23); /* not symmetric */
        ck_assert_int_eq(thm_measure_grid(23, 23, axis, axis, f, NULL, &m),
                         THM_OK);
        ck_assert_double_eq_tol(m.quadratic_residual,
                                residual_by_normal_equations(23, axis, f),
                                1e-13);
    }
}
END_TEST

/* An objective that refuses, overflows and fails. */
static thm_status moody(const double *x, double *out, void *ctx)
{
    *out = 1 / x[0];
    (*(int *)ctx)++;
    return x[0] < -1.5   ? THM_ENOMEM
           : x[0] < -0.5 ? THM_EDOMAIN
           : x[0] > 1.5  ? THM_EOVERFLOW
                         : THM_OK;
}

START_TEST(what_an_objective_refuses_is_a_gap)
{
    int calls = 0;
    const thm_objective o = {.n = 1, .ctx = &calls, .value = moody};
    const double zero = 0, one = 1, a[] = {-1, 0, 1, 2}, fatal[] = {1, -2, 1};
    const thm_slice slice = {&o, &zero, &one, NULL};
    double x, v[4];
    ck_assert_int_eq(thm_slice_values(&slice, 0, 4, a, &x, v), THM_OK);
    ck_assert(isnan(v[0]) && isnan(v[1]) && isnan(v[3]));
    ck_assert_double_eq(v[2], 1);
    ck_assert_int_eq(thm_slice_values(&slice, 0, 3, fatal, &x, v), THM_ENOMEM);
    ck_assert_int_eq(calls, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("landscape");
    TCase *tcase = tcase_create("landscape");
    tcase_add_test(tcase, parts_get_the_norm_of_the_point);
    tcase_add_test(tcase, huge_and_tiny_parts_do_not_overflow);
    tcase_add_test(tcase, the_second_direction_is_made_orthogonal);
    tcase_add_test(tcase, what_spans_no_plane_is_refused);
    tcase_add_test(tcase, what_cannot_be_normalised_is_refused);
    tcase_add_test(tcase, drawn_directions_are_those_of_their_seed);
    tcase_add_loop_test(tcase, surfaces_show_their_minima, 0, THM_SURFACES);
    tcase_add_test(tcase,
                   the_pieces_of_a_narrow_oblique_valley_are_not_resolved);
    tcase_add_test(tcase, lines_are_measured_with_two_neighbours);
    tcase_add_test(tcase, minima_below_the_errors_are_not_resolved);
    tcase_add_test(tcase, cells_that_are_no_numbers_are_counted_and_left_out);
    tcase_add_test(tcase, flat_and_small_grids);
    tcase_add_test(tcase, the_fit_is_the_best_one);
    tcase_add_test(tcase, what_an_objective_refuses_is_a_gap);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
