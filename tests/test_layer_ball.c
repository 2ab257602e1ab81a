/* Oracles: singular values known in closed form; the Jacobians by difference
 * quotients in balls wide enough for 80 digits; a head of attn/head.h. */
#include <math.h>
#include "attn/head.h"
#include "claims/layer_ball.h"
#include "core/rng.h"
#include "tests/scratch.h"

/* [[1, 1], [1, 1 + e]] has determinant e and |A|_F^2 = 4 + 2 e + e^2, hence
 * sigma_2^2 = (|A|^2 - sqrt(|A|^4 - 4 e^2)) / 2 = e^2 / |A|^2 (1 + O(e^2)). */
START_TEST(singular_values)
{
    arb_mat_t A;
    arb_t s, t;
    arb_init(s);
    arb_init(t);
    arb_mat_init(A, 2, 2);
    for (int bits = 2; bits <= 100; bits += 7) {
        arb_mat_one(A);
        arb_one(arb_mat_entry(A, 0, 1));
        arb_one(arb_mat_entry(A, 1, 0));
        arb_set_d(t, ldexp(1.0, -bits));
        arb_add(arb_mat_entry(A, 1, 1), arb_mat_entry(A, 1, 1), t, 300);
        thm_ball_sigma_min(s, A);
        ck_assert(arb_is_positive(s));
        ck_assert_int_ge(arb_rel_accuracy_bits(s), 18);
        arb_t norm;
        arb_init(norm);
        thm_ball_norm2(norm, A); /* sigma_1 sigma_2 = e */
        ck_assert_int_ge(arb_rel_accuracy_bits(norm), 18);
        arb_mul(norm, norm, s, 300);
        ck_assert(arb_overlaps(norm, t));
        /* s^2 (|A|^2 - s^2) = e^2 */
        arb_mat_frobenius_norm(norm, A, 300);
        arb_sqr(norm, norm, 300);
        arb_sqr(s, s, 300);
        arb_sub(norm, norm, s, 300);
        arb_mul(s, s, norm, 300);
        arb_sqr(t, t, 300);
        ck_assert(arb_overlaps(s, t));
        arb_clear(norm);
    }
    arb_one(arb_mat_entry(A, 1, 1)); /* singular */
    thm_ball_sigma_min(s, A);
    ck_assert(arb_contains_zero(s));
    arb_set_d(t, 1e-30);
    ck_assert(arb_lt(s, t));
    arb_mat_zero(A);
    thm_ball_sigma_min(s, A);
    ck_assert(arb_is_zero(s));
    arb_mat_clear(A);

    arb_mat_init(A, 3, 2); /* fewer columns than rows */
    arb_one(arb_mat_entry(A, 0, 0));
    thm_ball_sigma_min(s, A);
    ck_assert(arb_is_zero(s));
    arb_mat_clear(A);
    arb_clear(s);
    arb_clear(t);
}
END_TEST

START_TEST(definiteness)
{
    arb_mat_t A;
    arb_mat_init(A, 2, 2);
    arb_mat_one(A);
    ck_assert_int_eq(thm_ball_definite(A), 1);
    arb_set_d(arb_mat_entry(A, 1, 0), 2.0);
    arb_set_d(arb_mat_entry(A, 0, 1), 2.0);
    ck_assert_int_eq(thm_ball_definite(A), -1);
    arb_one(arb_mat_entry(A, 1, 0));
    arb_one(arb_mat_entry(A, 0, 1));
    ck_assert_int_eq(thm_ball_definite(A), 0); /* on the boundary */
    arb_mat_clear(A);
}
END_TEST

enum { N = 2, n = 3, D = 4, d = 2, H = 2, m = 2 };

static thm_layer layer;
static thm_weights weights;
static double X[N * n * D], Y[N * n * m], Wo[H * d * m];
static double Wq[H * D * d], Wk[H * D * d], Wv[H * D * d];

static void draw(thm_kernel kernel)
{
    thm_rng rng = thm_rng_make(7, (uint64_t)kernel);
    thm_rng_fill_normal(&rng, N * n * D, 1.0, X);
    thm_rng_fill_normal(&rng, N * n * m, 1.0, Y);
    thm_rng_fill_normal(&rng, H * d * m, 1.0, Wo);
    thm_rng_fill_normal(&rng, H * D * d, 0.7, Wq);
    thm_rng_fill_normal(&rng, H * D * d, 0.7, Wk);
    thm_rng_fill_normal(&rng, H * D * d, 0.7, Wv);
    layer = (thm_layer){.N = N,
                        .n = n,
                        .D = D,
                        .d = d,
                        .H = H,
                        .m = m,
                        .kernel = kernel,
                        .c = 0.731,
                        .X = X,
                        .Y = Y,
                        .Wo = Wo};
    weights = (thm_weights){Wq, Wk, Wv};
}

/* Column `col` of J against (F(W + t e) - F(W)) / t, t = 2^-90: what the second
 * derivative leaves is t times a number that is not large. */
static void check_column(const thm_ball_layer *b, thm_ball_layer *moved,
                         arb_mat_t W, const arb_mat_t J, int h, int e, int a)
{
    arb_t t, q, one;
    arb_init(t);
    arb_init(q);
    arb_init(one);
    arb_one(one);
    arb_one(t);
    arb_mul_2exp_si(t, t, -90);
    arb_ptr w = arb_mat_entry(W, e, h * d + a);
    arb_add(w, w, t, THM_LAYER_BITS);
    thm_ball_layer_evaluate(moved);
    arb_sub(w, w, t, THM_LAYER_BITS);
    for (int row = 0; row < N * n; row++) {
        for (int o = 0; o < m; o++) {
            arb_sub(q, arb_mat_entry(moved->F, row, o),
                    arb_mat_entry(b->F, row, o), THM_LAYER_BITS);
            arb_mul_2exp_si(q, q, 90);
            arb_sub(q, q, arb_mat_entry(J, row * m + o, (h * D + e) * d + a),
                    THM_LAYER_BITS);
            arb_abs(q, q);
            arb_mul_2exp_si(q, q, 80);
            arb_sub(q, q, one, THM_LAYER_BITS);
            ck_assert(arb_is_negative(q));
        }
    }
    arb_clear(t);
    arb_clear(q);
    arb_clear(one);
}

START_TEST(jacobians)
{
    thm_ball_layer b, moved;
    arb_mat_t J;
    draw((thm_kernel)_i);
    thm_ball_layer_init(&b, &layer, &weights);
    thm_ball_layer_init(&moved, &layer, &weights);
    arb_mat_init(J, N * n * m, H * D * d);
    thm_ball_layer_jq(&b, J);
    for (int col = 0; col < H * D * d; col++) {
        check_column(&b, &moved, moved.Wq, J, col / (D * d), col / d % D,
                     col % d);
    }
    thm_ball_layer_evaluate(&moved);
    thm_ball_layer_jv(&b, J);
    for (int col = 0; col < H * D * d; col++) {
        check_column(&b, &moved, moved.Wv, J, col / (D * d), col / d % D,
                     col % d);
    }
    arb_mat_clear(J);
    thm_ball_layer_clear(&b);
    thm_ball_layer_clear(&moved);
}
END_TEST

/* One softmax head is that of attn/head.h, whose error is below 1e-13 here. */
START_TEST(one_head)
{
    draw(THM_KERNEL_SOFTMAX);
    static const double one[d * m] = {1.0, 0.0, 0.0, 1.0};
    layer.N = 1;
    layer.H = 1;
    layer.Wo = one;
    thm_head head = {n, D, d, 1.0 / layer.c, X, Wq, Wk, Wv};
    thm_head_state state;
    thm_ball_layer b;
    arb_t f;
    arb_init(f);
    ck_assert_int_eq(thm_head_state_alloc(n, D, d, &state), THM_OK);
    ck_assert_int_eq(thm_head_forward(&head, &state), THM_OK);
    thm_ball_layer_init(&b, &layer, &weights);
    for (int k = 0; k < n; k++) {
        for (int o = 0; o < m; o++) {
            ck_assert_double_eq_tol(
                arf_get_d(arb_midref(arb_mat_entry(b.F, k, o)), ARF_RND_NEAR),
                state.Z[k * d + o], 1e-13);
        }
    }
    thm_ball_layer_loss(&b, f);
    double loss = 0.0;
    for (int r = 0; r < n * m; r++) {
        loss += 0.5 * (state.Z[r] - Y[r]) * (state.Z[r] - Y[r]);
    }
    ck_assert_double_eq_tol(arf_get_d(arb_midref(f), ARF_RND_NEAR), loss,
                            1e-12);
    thm_ball_layer_clear(&b);
    thm_head_state_free(&state);
    arb_clear(f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_ball");
    TCase *c = tcase_create("layer_ball");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, singular_values);
    tcase_add_test(c, definiteness);
    tcase_add_loop_test(c, jacobians, 0, THM_KERNEL_GAUSSIAN_NORMALISED + 1);
    tcase_add_test(c, one_head);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
