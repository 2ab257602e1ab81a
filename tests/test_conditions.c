/* Oracle: the exact model in balls for every singular value, a model of one
 * number by hand for the constants, and repairs that are carried out. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attn/conditions.h"
#include "attn/instance.h"
#include "claims/layer_ball.h"
#include "tests/scratch.h"

enum { ALL = THM_THEOREM_1 | THM_THEOREM_2 | THM_THEOREM_3 };

static thm_conditions found;

static void check(const thm_layer *l, const thm_weights *w, int families)
{
    ck_assert_int_eq(thm_conditions_check(l, w, families, 1e-8, &found),
                     THM_OK);
}

static const thm_condition *row(const char *theorem, const char *hypothesis)
{
    for (int k = 0; k < found.n_rows; k++) {
        const thm_condition *r = &found.rows[k];
        if (strcmp(r->theorem, theorem) == 0 &&
            strcmp(r->hypothesis, hypothesis) == 0) {
            return r;
        }
    }
    ck_abort_msg("no row %s of theorem %s", hypothesis, theorem);
    return NULL;
}

static const thm_theorem *theorem(const char *name)
{
    const thm_theorem *t = thm_conditions_theorem(&found, name);
    ck_assert_msg(t != NULL, "no theorem %s", name);
    return t;
}

static void assert_near(double got, double want, double relative)
{
    ck_assert_msg(fabs(got - want) <= relative * fabs(want),
                  "%.17g, expected %.17g", got, want);
}

static thm_instance drawn(int N, int n, int D, int d, int H, int m,
                          thm_kernel kernel, double s, uint64_t index)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_instance in;
    plan.N = N;
    plan.n = n;
    plan.D = D;
    plan.d = d;
    plan.H = H;
    plan.m = m;
    plan.kernel = kernel;
    plan.s = s;
    plan.seed = 5;
    plan.index = index;
    ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
    return in;
}

/* ---- balls --------------------------------------------------------------- */

/* The smallest r-th singular value of some matrices of r rows lies in value +-
 * err: A A' - t^2 is definite for all at the lower end, for not all at the
 * upper. */
static bool all_above(int count, arb_mat_struct *A, double t)
{
    bool all = true;
    for (int k = 0; k < count; k++) {
        const slong r = arb_mat_nrows(A + k), n = arb_mat_ncols(A + k);
        arb_mat_t G, At;
        arb_t square;
        arb_init(square);
        arb_mat_init(G, r, r);
        arb_mat_init(At, n, r);
        arb_set_d(square, t);
        arb_mul(square, square, square, THM_LAYER_BITS);
        arb_mat_transpose(At, A + k);
        arb_mat_mul(G, A + k, At, THM_LAYER_BITS);
        for (slong e = 0; e < r; e++) {
            arb_sub(arb_mat_entry(G, e, e), arb_mat_entry(G, e, e), square,
                    THM_LAYER_BITS);
        }
        all = all && thm_ball_definite(G) == 1;
        arb_mat_clear(G);
        arb_mat_clear(At);
        arb_clear(square);
    }
    return all;
}

static void assert_encloses(const thm_condition *r, int count,
                            arb_mat_struct *A)
{
    const double low = r->value - r->err, high = r->value + r->err;
    ck_assert_int_eq(r->verdict == THM_HOLDS, low > 0);
    ck_assert_msg(r->verdict != THM_HOLDS || all_above(count, A, low),
                  "%s %s: below %g", r->theorem, r->hypothesis, low);
    ck_assert_msg(!all_above(count, A, high * (1 + 1e-15)), "%s %s: above %g",
                  r->theorem, r->hypothesis, high);
    ck_assert(r->err <= 1e-9);
}

static void compare_with_balls(const thm_instance *in)
{
    const thm_layer *l = &in->layer;
    const int T = l->N * l->n;
    thm_ball_layer b;
    arb_t exact;
    arb_mat_struct A[8];
    arb_init(exact);
    thm_ball_layer_init(&b, l, &in->weights);
    check(l, &in->weights, ALL);

    thm_ball_layer_loss(&b, exact);
    ck_assert(fabs(found.f0 - arf_get_d(arb_midref(exact), ARF_RND_NEAR)) <=
              found.f0_err);
    assert_encloses(row("1a", "lambda-b"), 1, b.B);
    assert_encloses(row("2", "lambda-b"), 1, b.B);

    arb_mat_init(A, T * l->m, l->H * l->D * l->d);
    thm_ball_layer_jv(&b, A);
    assert_encloses(row("1", "kernel"), 1, A);
    thm_ball_sigma_min(exact, A);
    arb_mat_clear(A);
    const thm_theorem *one = theorem("1");
    if (one->verdict == THM_HOLDS) {
        const double sigma = arf_get_d(arb_midref(exact), ARF_RND_NEAR);
        ck_assert(one->mu <= sigma * sigma * (1 + 1e-5));
        ck_assert(one->mu >= sigma * sigma * (1 - 1e-5));
        /* the others are lower bounds, 1a with equality for one head */
        const thm_theorem *a = theorem("1a"), *c = theorem("1b");
        ck_assert(a->verdict != THM_HOLDS || a->mu <= one->mu * (1 + 1e-6));
        ck_assert(c->verdict != THM_HOLDS || c->mu <= one->mu * (1 + 1e-6));
        ck_assert(a->verdict != THM_HOLDS || l->H > 1 ||
                  a->mu >= one->mu * (1 - 1e-6));
    }

    for (int h = 0; h < l->H; h++) {
        arb_mat_init(A + h, l->m, l->d);
        for (int k = 0; k < l->d * l->m; k++) {
            arb_set_d(arb_mat_entry(A + h, k % l->m, k / l->m),
                      l->Wo[h * l->d * l->m + k]);
        }
    }
    assert_encloses(row("1a", "output-rank"), l->H, A);
    for (int h = 0; h < l->H; h++) {
        arb_mat_clear(A + h);
    }

    if (l->H == 1) {
        for (int k = 0; k < T; k++) {
            arb_mat_init(A + k, l->m, l->d);
            thm_ball_layer_slope(&b, k / l->n, k % l->n, 0, A + k);
        }
        assert_encloses(row("3-local", "sigma-a"), T, A);
        for (int k = 0; k < T; k++) {
            arb_mat_clear(A + k);
            arb_mat_init(A + k, l->n, l->d);
            for (int j = 0; j < l->n * l->d; j++) {
                arb_sub(
                    arb_mat_entry(A + k, j / l->d, j % l->d),
                    arb_mat_entry(b.K, k / l->n * l->n + j / l->d, j % l->d),
                    arb_mat_entry(b.Q, k, j % l->d), THM_LAYER_BITS);
            }
        }
        if (l->kernel == THM_KERNEL_GAUSSIAN) {
            assert_encloses(row("3", "keys-rank"), T, A);
        }
        for (int k = 0; k < T; k++) {
            arb_mat_clear(A + k);
        }
    }
    thm_ball_layer_clear(&b);
    arb_clear(exact);
}

START_TEST(rows_enclose_the_exact_model)
{
    static const int sizes[][6] = {{2, 2, 6, 3, 1, 2}, {2, 2, 3, 3, 2, 2},
                                   {1, 3, 4, 5, 1, 2}, {2, 1, 3, 2, 1, 1},
                                   {2, 2, 3, 2, 1, 2}, {1, 2, 4, 1, 3, 2}};
    for (int k = 0; k < 18; k++) {
        const int *s = sizes[k % 6];
        thm_instance in = drawn(s[0], s[1], s[2], s[3], s[4], s[5],
                                (thm_kernel)(k / 6), 0.6, (uint64_t)k);
        compare_with_balls(&in);
        thm_instance_free(&in);
    }
}
END_TEST

/* Where scores are long it is the error of B that decides, for J_V = B x W_O'
 * by at least the smallest of W_O. */
START_TEST(the_error_of_b_reaches_its_kernel)
{
    thm_instance in = drawn(1, 2, 3, 2, 1, 2, THM_KERNEL_SOFTMAX, 1e4, 1);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    const double of_b = row("1a", "lambda-b")->err;
    ck_assert(of_b > 1e-8);
    ck_assert(row("1", "kernel")->err >=
              0.99 * of_b * row("1a", "output-rank")->value);
    ck_assert(row("1b", "blocks-rank")->err >= 0.99 * of_b);
    /* and so it does where the square of W_O is below the range of doubles */
    const double err = row("1", "kernel")->err;
    for (int k = 0; k < 4; k++) {
        in.Wo[k] = ldexp(in.Wo[k], -540);
    }
    check(&in.layer, &in.weights, THM_THEOREM_1);
    assert_near(ldexp(row("1", "kernel")->err, 540), err, 1e-3);
    /* W_O = 0 is no question of rounding, nor of the scale of W_Q */
    memset(in.Wo, 0, 4 * sizeof *in.Wo);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1", "kernel")->verdict, THM_REFUTED);
    ck_assert_int_eq(row("1a", "output-rank")->verdict, THM_REFUTED);
    ck_assert_str_eq(row("1", "kernel")->repair, "");
    thm_instance_free(&in);
}
END_TEST

/* ---- one number ---------------------------------------------------------- */

/* x, W_Q, W_K, W_V, W_O, Y; sigma_min(B) = |s x|, A = -2c u s (q - k). */
START_TEST(constants_by_hand)
{
    const double x = 0.7, q = 0.9, k = -0.4, v = 0.3, o = 1.3, y = 0.385,
                 c = 0.8;
    for (int kernel = 0; kernel < 3; kernel++) {
        const bool gaussian = kernel == THM_KERNEL_GAUSSIAN;
        const thm_layer l = {1, 1,  1,  1, 1, 1, (thm_kernel)kernel,
                             c, &x, &y, &o};
        const thm_weights w = {&q, &k, &v};
        check(&l, &w, ALL);
        const double gap = x * (q - k), s = gaussian ? exp(-c * gap * gap) : 1;
        const double r = s * x * v * o - y, f0 = r * r / 2;
        const double s_b = s * x, mu = o * o * s_b * s_b;
        assert_near(found.f0, f0, 1e-13);
        const char *const theorems[] = {"1", "1a", "1b"};
        for (int t = 0; t < 3; t++) {
            const thm_theorem *one = theorem(theorems[t]);
            ck_assert_int_eq(one->verdict, THM_HOLDS);
            assert_near(one->mu, mu, 1e-10);
            assert_near(one->L, mu, 1e-10);
            assert_near(one->eta, 1 / mu, 1e-10);
            assert_near(one->eta_limit, 2 / mu, 1e-10);
            assert_near(one->radius, sqrt(8 * f0 / mu), 1e-10);
        }
        const double R = sqrt(32 * f0) / (o * s_b), e = exp(1);
        const double L_B =
            kernel == THM_KERNEL_SOFTMAX
                ? c / 2 * x * x * x * sqrt(k * k + (q + R) * (q + R))
            : gaussian ? sqrt(4 * c / e) * x * x
                       : c * sqrt(2) * x * (q - k + sqrt(2) * R) * x * x;
        assert_near(row("2", "ball")->value, L_B * R, 1e-10);
        assert_near(row("2", "ball")->bound, s_b / 2, 1e-10);

        if (!gaussian) {
            /* n - 1 = 0 < m: one token's softmax does not move */
            ck_assert_int_eq(theorem("3")->verdict, THM_REFUTED);
            ck_assert_int_eq(row("3", "ones-off-range")->verdict, THM_REFUTED);
            ck_assert_int_eq(row("3-local", "sigma-a")->verdict, THM_REFUTED);
            ck_assert(theorem("3")->witness == 0);
            continue;
        }
        const double u = x * v * o, A = 2 * c * u * s * gap, L_A = 2 * c * u;
        ck_assert_int_eq(theorem("3")->verdict, THM_HOLDS);
        assert_near(row("3", "values-rank")->value, u, 1e-13);
        assert_near(row("3", "keys-rank")->value, gap, 1e-13);
        assert_near(row("3-local", "lambda-x")->value, x * x, 1e-13);
        assert_near(row("3-local", "sigma-a")->value, A, 1e-13);
        assert_near(row("3-local", "ball")->value, f0, 1e-13);
        assert_near(row("3-local", "ball")->bound,
                    pow(A, 4) / (128 * L_A * L_A), 1e-12);
        assert_near(theorem("3-local")->L,
                    x * x * (2 * c / e * u * u + sqrt(2 * f0) * L_A), 1e-10);
    }
}
END_TEST

/* Two tokens, one number each: A = g s_1 s_2 (u_1 - u_2)(k_1 - k_2). */
START_TEST(normalised_slopes_by_hand)
{
    const double X[] = {1.1, 0, 0, 0.6}, q[] = {0.2, -0.5}, k[] = {0.7, 0.3},
                 v[] = {0.9, -1.4}, o = 0.8, Y[] = {0.385, 0.127}, c = 1.5;
    for (int kernel = 0; kernel < 3; kernel += 2) {
        const thm_layer l = {1, 2, 2, 1, 1, 1, (thm_kernel)kernel, c, X, Y, &o};
        const thm_weights w = {q, k, v};
        const double g = kernel == 0 ? c : 2 * c;
        const double du = o * (1.1 * v[0] - 0.6 * v[1]),
                     dk = 1.1 * k[0] - 0.6 * k[1];
        double least = HUGE_VAL;
        check(&l, &w, THM_THEOREM_3);
        for (int t = 0; t < 2; t++) {
            const double query = X[3 * t] * q[t];
            const double lift =
                kernel == 0 ? 0 : c * (0.36 * k[1] * k[1] - 1.21 * k[0] * k[0]);
            const double s = 1 / (1 + exp(-(g * query * dk + lift)));
            least = fmin(least, fabs(g * s * (1 - s) * du * dk));
        }
        ck_assert_int_eq(theorem("3")->verdict, THM_HOLDS);
        assert_near(row("3-local", "sigma-a")->value, least, 1e-13);
        assert_near(row("3", "keys-rank")->value, fabs(dk) / sqrt(2), 1e-13);
        assert_near(row("3", "values-rank")->value, fabs(du) / sqrt(2), 1e-13);
        const double L_A = g * g * fabs(du) * dk * dk, A = g * du * dk / 4;
        assert_near(row("3-local", "ball")->bound,
                    0.36 * pow(least, 4) / (128 * L_A * L_A * 1.21), 1e-12);
        assert_near(theorem("3-local")->L,
                    1.21 * (A * A + sqrt(2 * found.f0) * L_A), 1e-10);
    }
}
END_TEST

/* The constants are upper bounds: L_B R of what B moves, L_A of what A does. */
START_TEST(nothing_moves_faster_than_allowed)
{
    for (int k = 0; k < 60; k++) {
        thm_instance in = drawn(2, 2, 5, 3, 1 + k % 2, 2, (thm_kernel)(k % 3),
                                0.7, (uint64_t)(100 + k));
        const thm_layer *l = &in.layer;
        const size_t size = (size_t)(l->H * l->D * l->d),
                     cells = (size_t)(l->N * l->n * l->H * l->D);
        double B0[64], B1[64], square = 0, moved = 0;
        thm_layer_work *work;
        ck_assert_uint_le(cells, 64);
        check(l, &in.weights, THM_THEOREM_2);
        const thm_condition *ball = row("2", "ball");
        const double R = sqrt(32 * found.f0) / (row("2", "output-rank")->value *
                                                row("2", "lambda-b")->value);
        ck_assert_int_eq(thm_layer_work_alloc(l, &work), THM_OK);
        ck_assert_int_eq(thm_layer_b(l, in.Wq, in.Wk, work, B0), THM_OK);
        /* a step of length R in a drawn direction, mostly shorter */
        thm_rng rng = thm_rng_make(77, (uint64_t)k);
        double d[2 * 2 * 15];
        for (size_t e = 0; e < 2 * size; e++) {
            d[e] = thm_rng_normal(&rng);
            square += d[e] * d[e];
        }
        const double part = k % 2 ? 1.0 : 1e-3;
        for (size_t e = 0; e < size; e++) {
            in.Wq[e] += d[e] * part * R / sqrt(square);
            in.Wk[e] += d[size + e] * part * R / sqrt(square);
        }
        ck_assert_int_eq(thm_layer_b(l, in.Wq, in.Wk, work, B1), THM_OK);
        for (size_t e = 0; e < cells; e++) {
            moved += (B1[e] - B0[e]) * (B1[e] - B0[e]);
        }
        ck_assert(sqrt(moved) <= part * ball->value);
        thm_layer_work_free(work);
        thm_instance_free(&in);
    }
}
END_TEST

/* ---- verdicts and repairs ------------------------------------------------ */

START_TEST(the_output_scale_certifies_the_ball)
{
    for (int k = 0; k < 6; k++) {
        thm_instance in =
            drawn(2, 2, 6, 3, 1 + k / 3, 2, (thm_kernel)(k % 3), 0.5, 7);
        const size_t weights = (size_t)(in.layer.H * 18),
                     out = (size_t)(in.layer.H * 6);
        check(&in.layer, &in.weights, THM_THEOREM_2);
        ck_assert_int_eq(row("2", "ball")->verdict, THM_REFUTED);
        const double scale = row("2", "ball")->repair_value;
        ck_assert_msg(scale > 1, "%g", scale);
        memset(in.Wv, 0, weights * sizeof *in.Wv);
        const struct {
            double factor;
            thm_verdict verdict;
        } want[] = {
            {scale, THM_HOLDS}, {0.999, THM_REFUTED}, {0.01, THM_REFUTED}};
        for (int t = 0; t < 3; t++) {
            for (size_t e = 0; e < out; e++) {
                in.Wo[e] *= want[t].factor;
            }
            check(&in.layer, &in.weights, THM_THEOREM_2);
            ck_assert_int_eq(row("2", "ball")->verdict, want[t].verdict);
            ck_assert_int_eq(theorem("2")->verdict, want[t].verdict);
            ck_assert_int_eq(isnan(theorem("2")->mu), t > 0);
            ck_assert(theorem("2")->L_estimated && theorem("2")->L > 0);
        }
        thm_instance_free(&in);
    }
}
END_TEST

START_TEST(targets_brought_near_certify_the_local_ball)
{
    for (int k = 0; k < 3; k++) {
        thm_instance in = drawn(2, 3, 8, 5, 1, 2, (thm_kernel)k, 0.2, 3);
        double F[12];
        thm_layer_work *work;
        check(&in.layer, &in.weights, THM_THEOREM_3);
        ck_assert_int_eq(theorem("3")->verdict, THM_HOLDS);
        ck_assert_int_eq(theorem("3-local")->verdict, THM_REFUTED);
        ck_assert(isnan(theorem("3")->witness));
        const double part = row("3-local", "ball")->repair_value;
        ck_assert(part > 0 && part < 1);
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_forward(&in.layer, &in.weights, work, F),
                         THM_OK);
        for (int e = 0; e < 12; e++) {
            in.Y[e] = F[e] - part * 0.9 * (F[e] - in.Y[e]);
        }
        check(&in.layer, &in.weights, THM_THEOREM_3);
        ck_assert_int_eq(theorem("3-local")->verdict, THM_HOLDS);
        ck_assert(theorem("3-local")->mu > 0);
        ck_assert(theorem("3-local")->iterations > 0);
        thm_layer_work_free(work);
        thm_instance_free(&in);
    }
}
END_TEST

/* m = n: softmax has a null residual whatever W_Q, the Gaussian has none. */
START_TEST(softmax_is_refuted_where_ones_are_in_range)
{
    for (int k = 0; k < 4; k++) {
        for (int kernel = 0; kernel < 3; kernel++) {
            thm_instance in =
                drawn(2, 3, 8, 5, 1, 3, (thm_kernel)kernel, 0.3, (uint64_t)k);
            check(&in.layer, &in.weights, THM_THEOREM_3);
            if (kernel == THM_KERNEL_GAUSSIAN) {
                ck_assert_int_eq(theorem("3")->verdict, THM_HOLDS);
                ck_assert(isnan(theorem("3")->witness));
            } else {
                ck_assert_int_eq(theorem("3")->verdict, THM_REFUTED);
                ck_assert_int_eq(theorem("3-local")->verdict, THM_REFUTED);
                ck_assert(theorem("3")->witness < 1e-14);
                ck_assert_ptr_nonnull(
                    strstr(row("3", "ones-off-range")->repair, "gaussian"));
            }
            thm_instance_free(&in);
        }
    }
}
END_TEST

START_TEST(widths_and_degenerate_starts)
{
    /* HD < Nn: the D that would do */
    thm_instance in = drawn(3, 3, 4, 3, 2, 2, THM_KERNEL_GAUSSIAN, 0.5, 1);
    check(&in.layer, &in.weights, ALL);
    ck_assert_int_eq(row("1a", "head-width")->verdict, THM_REFUTED);
    ck_assert(row("1a", "head-width")->repair_value == 5);
    ck_assert(row("2", "head-width")->repair_value == 5);
    ck_assert(row("1b", "width")->repair_value == 9);
    ck_assert_int_eq(row("1a", "lambda-b")->verdict, THM_REFUTED);
    ck_assert_int_eq(row("1", "kernel")->verdict, THM_REFUTED);
    ck_assert_int_eq(theorem("3")->verdict, THM_REFUTED); /* two heads */
    ck_assert_ptr_null(thm_conditions_theorem(&found, "3-local"));
    ck_assert_int_eq(thm_conditions_verdict(&found), THM_REFUTED);
    thm_instance_free(&in);

    /* d < m, counts that hold and a kernel that is singular: 10 of 12 */
    in = drawn(2, 2, 3, 2, 2, 3, THM_KERNEL_SOFTMAX, 0.5, 2);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1", "kernel")->verdict, THM_UNDECIDED);
    ck_assert_int_eq(row("1a", "output-width")->verdict, THM_REFUTED);
    ck_assert_int_eq(row("1b", "output-width")->verdict, THM_HOLDS);
    ck_assert_int_eq(row("1b", "width")->verdict, THM_REFUTED);
    /* of 1, 1a, 1b the best */
    ck_assert_int_eq(thm_conditions_verdict(&found), THM_UNDECIDED);
    thm_instance_free(&in);
    /* (H, D) = (3, 3) has full rank: the theorem holds though 1a does not */
    in = drawn(2, 2, 3, 2, 3, 3, THM_KERNEL_SOFTMAX, 0.7, 2);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(theorem("1")->verdict, THM_HOLDS);
    ck_assert_int_eq(theorem("1a")->verdict, THM_REFUTED);
    ck_assert_int_eq(thm_conditions_verdict(&found), THM_HOLDS);
    thm_instance_free(&in);

    /* W_Q = W_K: every query is a key, on the affine hull */
    in = drawn(2, 3, 8, 5, 1, 3, THM_KERNEL_GAUSSIAN, 0.5, 3);
    memcpy(in.Wk, in.Wq, 40 * sizeof *in.Wk);
    check(&in.layer, &in.weights, THM_THEOREM_3);
    ck_assert_int_eq(row("3", "keys-rank")->verdict, THM_UNDECIDED);
    ck_assert(row("3", "keys-rank")->value < 1e-14);
    ck_assert(row("3", "keys-rank")->repair[0] != '\0');
    ck_assert_int_eq(row("3-local", "sigma-a")->verdict, THM_UNDECIDED);

    /* a token that two samples share: ranks within samples say nothing */
    thm_instance shared = drawn(2, 2, 6, 5, 1, 2, THM_KERNEL_GAUSSIAN, 0.5, 3);
    check(&shared.layer, &shared.weights, THM_THEOREM_3);
    ck_assert_int_eq(theorem("3")->verdict, THM_HOLDS);
    memcpy(shared.X + 12, shared.X, 6 * sizeof *shared.X);
    check(&shared.layer, &shared.weights, THM_THEOREM_3);
    ck_assert_int_eq(row("3", "keys-rank")->verdict, THM_HOLDS);
    ck_assert_int_eq(theorem("3")->verdict, THM_UNDECIDED);
    thm_instance_free(&shared);

    /* W_Q = 0: rows of B equal in a sample */
    memset(in.Wq, 0, 40 * sizeof *in.Wq);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1a", "lambda-b")->verdict, THM_REFUTED);
    ck_assert_str_eq(row("1a", "lambda-b")->repair, "draw W_Q and W_K");
    memmove(in.X, in.X + 8, 8 * sizeof *in.X);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_ptr_nonnull(
        strstr(row("1a", "lambda-b")->repair, "equal tokens"));
    thm_instance_free(&in);
    in = drawn(3, 1, 2, 2, 2, 1, THM_KERNEL_SOFTMAX, 1, 3);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1a", "lambda-b")->verdict, THM_REFUTED);
    ck_assert(row("1a", "lambda-b")->repair_value == 3);
    thm_instance_free(&in);
}
END_TEST

START_TEST(a_lost_lambda_b_names_a_better_scale)
{
    thm_instance in = drawn(3, 4, 16, 3, 1, 2, THM_KERNEL_GAUSSIAN, 12, 4);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1a", "lambda-b")->verdict, THM_UNDECIDED);
    ck_assert_int_eq(row("1", "kernel")->verdict, THM_UNDECIDED);
    const double scale = row("1a", "lambda-b")->repair_value;
    ck_assert(scale < 1 && scale >= 1.0 / 32);
    ck_assert(row("1b", "blocks-rank")->repair_value == scale);
    for (int e = 0; e < 48; e++) {
        in.Wq[e] *= scale;
        in.Wk[e] *= scale;
    }
    check(&in.layer, &in.weights, THM_THEOREM_1);
    ck_assert_int_eq(row("1a", "lambda-b")->verdict, THM_HOLDS);
    ck_assert(row("1a", "lambda-b")->repair[0] == '\0');
    thm_instance_free(&in);
}
END_TEST

/* (1 - eta mu)^2t <= epsilon: t is the least. */
START_TEST(iterations_reach_epsilon)
{
    thm_instance in = drawn(2, 2, 6, 3, 1, 2, THM_KERNEL_SOFTMAX, 0.7, 7);
    check(&in.layer, &in.weights, THM_THEOREM_1);
    const thm_theorem *t = theorem("1a");
    const double log_rate = 2 * log1p(-t->eta * t->mu);
    ck_assert(t->iterations * log_rate <= log(1e-8));
    ck_assert((t->iterations - 1) * log_rate > log(1e-8));
    assert_near(t->eta * t->L, 1, 1e-15);
    thm_instance_free(&in);
}
END_TEST

START_TEST(what_is_refused)
{
    thm_instance in = drawn(1, 2, 3, 2, 1, 2, THM_KERNEL_SOFTMAX, 1, 1);
    const thm_weights *w = &in.weights;
    static const double epsilons[] = {0, 1, -1, NAN};
    ck_assert_int_eq(thm_conditions_check(&in.layer, w, 0, 0.1, &found),
                     THM_EDIM);
    ck_assert_int_eq(thm_conditions_check(&in.layer, w, 8, 0.1, &found),
                     THM_EDIM);
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(
            thm_conditions_check(&in.layer, w, ALL, epsilons[k], &found),
            THM_EDOMAIN);
    }
    thm_layer l = in.layer;
    l.Y = NULL;
    ck_assert_int_eq(thm_conditions_check(&l, w, ALL, 0.1, &found),
                     THM_EDOMAIN);
    l = in.layer;
    l.c = 0;
    ck_assert_int_eq(thm_conditions_check(&l, w, ALL, 0.1, &found),
                     THM_EDOMAIN);
    l = in.layer;
    l.H = 0;
    ck_assert_int_eq(thm_conditions_check(&l, w, ALL, 0.1, &found), THM_EDIM);
    const thm_weights missing = {w->Wq, NULL, w->Wv};
    ck_assert_int_eq(
        thm_conditions_check(&in.layer, &missing, ALL, 0.1, &found),
        THM_EDOMAIN);
    in.Wv[1] = NAN;
    ck_assert_int_eq(thm_conditions_check(&in.layer, w, ALL, 0.1, &found),
                     THM_EDOMAIN);
    in.Wv[1] = 1;
    in.Wq[0] = in.Wk[0] = 1e200;
    ck_assert_int_eq(thm_conditions_check(&in.layer, w, ALL, 0.1, &found),
                     THM_EDOMAIN);
    thm_instance_free(&in);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conditions");
    TCase *t = tcase_create("sheets");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, rows_enclose_the_exact_model);
    tcase_add_test(t, the_error_of_b_reaches_its_kernel);
    tcase_add_test(t, constants_by_hand);
    tcase_add_test(t, normalised_slopes_by_hand);
    tcase_add_test(t, nothing_moves_faster_than_allowed);
    tcase_add_test(t, the_output_scale_certifies_the_ball);
    tcase_add_test(t, targets_brought_near_certify_the_local_ball);
    tcase_add_test(t, softmax_is_refuted_where_ones_are_in_range);
    tcase_add_test(t, widths_and_degenerate_starts);
    tcase_add_test(t, a_lost_lambda_b_names_a_better_scale);
    tcase_add_test(t, iterations_reach_epsilon);
    tcase_add_test(t, what_is_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
