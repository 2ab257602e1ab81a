/* Oracles: distances known from geometry (identity), and for drawn hulls both
 * sides of the bound recomputed in long double from the weights (certificate).
 */
#include <check.h>
#include <float.h>
#include <math.h>
#include "core/rng.h"
#include "la/hull.h"
#include "tests/scratch.h"

START_TEST(known_distances)
{
    static const double square[] = {0, 0, 2, 0, 2, 2, 0, 2};
    static const struct {
        int n;
        double y[2], distance;
    } known[] = {
        {4, {3.5, 1.127}, 1.5}, /* beside an edge   */
        {4, {-3, -4}, 5},       /* beyond a corner  */
        {4, {1.385, 0.25}, 0},  /* inside           */
        {4, {2, 2}, 0},         /* a corner         */
        {4, {2, 0.3}, 0},       /* on an edge       */
        {1, {3, -4}, 5},        /* one point        */
        {2, {1.5, -0.75}, 0.75} /* a segment        */
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        double s[4];
        thm_hull h;
        ck_assert_int_eq(
            thm_hull_distance(known[k].n, 2, square, known[k].y, s, &h),
            THM_OK);
        ck_assert_msg(h.lower <= known[k].distance &&
                          known[k].distance <= h.upper &&
                          h.upper - h.lower <= 1e-13,
                      "%zu: %.17g %.17g", k, h.lower, h.upper);
    }
}
END_TEST

/* Equal points, points on a line, a hull that is flat: dependent columns. */
START_TEST(degenerate_hulls)
{
    static const double points[4][9] = {{1, 2, 2, 1, 2, 2, 1, 2, 2},
                                        {1, 0, 0, 2, 0, 0, 3, 0, 0},
                                        {0, 0, 0, 0, 0, 0, 0, 0, 0},
                                        {1e-9, 0, 0, -1e-9, 0, 0, 0, 1e-9, 0}};
    static const double y[4][3] = {
        {0, 0, 0}, {2.5, 3, 4}, {0, 0, 0}, {0, 0, 2.385}};
    static const double distance[] = {3, 5, 0, 2.385};
    for (int k = 0; k < 4; k++) {
        double s[3];
        thm_hull h;
        ck_assert_int_eq(thm_hull_distance(3, 3, points[k], y[k], s, &h),
                         THM_OK);
        ck_assert_msg(h.lower <= distance[k] && distance[k] <= h.upper &&
                          h.upper - h.lower <= 1e-13,
                      "%d: %.17g %.17g", k, h.lower, h.upper);
    }
}
END_TEST

START_TEST(weights_prove_both_sides)
{
    int outside = 0;
    for (int k = 0; k < 3000; k++) {
        thm_rng rng = thm_rng_make(5, (uint64_t)k);
        const int n = 1 + k % 11, m = 1 + k / 11 % 9;
        double U[99], y[9], s[11];
        thm_hull h;
        thm_rng_fill_normal(&rng, n * m, 1, U);
        thm_rng_fill_normal(&rng, m, k % 2 ? 1 : 0.1, y);
        ck_assert_int_eq(thm_hull_distance(n, m, U, y, s, &h), THM_OK);
        long double sum = 0, z[9], size = 0, along = HUGE_VALL;
        for (int j = 0; j < n; j++) {
            ck_assert(s[j] >= 0);
            sum += s[j];
        }
        for (int i = 0; i < m; i++) {
            z[i] = 0;
            for (int j = 0; j < n; j++) {
                z[i] += s[j] / sum * ((long double)U[j * m + i] - y[i]);
            }
            size += z[i] * z[i];
        }
        for (int j = 0; j < n; j++) {
            long double product = 0;
            for (int i = 0; i < m; i++) {
                product += z[i] * ((long double)U[j * m + i] - y[i]);
            }
            along = fminl(along, product);
        }
        ck_assert(fabsl(sum - 1) <= n * (long double)DBL_EPSILON);
        ck_assert(sqrtl(size) <= h.upper);
        /* z itself was rounded: its direction is known to 1e-15 / |z| */
        ck_assert(h.lower == 0 || along / sqrtl(size) >= h.lower - 1e-13);
        ck_assert(0 <= h.lower && h.lower <= h.upper);
        /* squares to the rounding of points of length 10 or less */
        ck_assert_msg(h.upper * h.upper - h.lower * h.lower <= 1e-11,
                      "%d: %.17g %.17g", k, h.lower, h.upper);
        outside += h.lower > 0.01;
    }
    ck_assert_int_gt(outside, 1000);
}
END_TEST

/* |c u - c y| = c |u - y|, to the bit where c is a power of two. */
START_TEST(any_scale)
{
    double U[15], y[3], s[5];
    thm_hull one, other;
    thm_rng rng = thm_rng_make(9, 0);
    thm_rng_fill_normal(&rng, 15, 1, U);
    y[0] = 2.385;
    y[1] = -1.127;
    y[2] = 3;
    ck_assert_int_eq(thm_hull_distance(5, 3, U, y, s, &one), THM_OK);
    for (int e = -450; e <= 450; e += 900) {
        double V[15], w[3];
        for (int i = 0; i < 15; i++) {
            V[i] = ldexp(U[i], e);
        }
        for (int i = 0; i < 3; i++) {
            w[i] = ldexp(y[i], e);
        }
        ck_assert_int_eq(thm_hull_distance(5, 3, V, w, s, &other), THM_OK);
        ck_assert(other.lower == ldexp(one.lower, e));
        ck_assert(other.upper == ldexp(one.upper, e));
    }
}
END_TEST

START_TEST(errors)
{
    double U[4] = {1, 2, 3, 4}, y[2] = {0, 1}, s[2];
    thm_hull h;
    ck_assert_int_eq(thm_hull_distance(0, 2, U, y, s, &h), THM_EDIM);
    ck_assert_int_eq(thm_hull_distance(2, 0, U, y, s, &h), THM_EDIM);
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1.1e150};
    for (int k = 0; k < 4; k++) {
        U[3] = bad[k];
        ck_assert_int_eq(thm_hull_distance(2, 2, U, y, s, &h), THM_EDOMAIN);
        U[3] = 4;
        y[1] = bad[k];
        ck_assert_int_eq(thm_hull_distance(2, 2, U, y, s, &h), THM_EDOMAIN);
        y[1] = 1;
    }
    ck_assert_int_eq(thm_hull_distance(2, 2, U, y, s, &h), THM_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hull");
    TCase *t = tcase_create("distance");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, known_distances);
    tcase_add_test(t, degenerate_hulls);
    tcase_add_test(t, weights_prove_both_sides);
    tcase_add_test(t, any_scale);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
