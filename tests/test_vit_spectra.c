/* Oracles: a second route, LAPACK's full SVD of S and B formed by plain loops;
 * the single-layer model's B and certificate for the same tokens and weights;
 * spectra known in closed form (uniform attention: rank B = N). */
#include "attn/rank.h"
#include "la/svd.h"
#include "tests/scratch.h"
#include "tests/vit_case.h"
#include "vit/spectra.h"

enum { SAMPLES = 3 };

/* T = 4, D = 7, H = 2: HD = 14 >= 3 x 4. */
static thm_vit_config two_heads(void)
{
    thm_vit_config c = vit_small();
    c.depth = 2;
    c.heads = 2;
    return c;
}

static vit_case run_case(const thm_vit_config *config, int count, double spread)
{
    vit_case v;
    thm_vit_score score;
    thm_message msg = {""};
    vit_draw(config, count, 17, spread, &v);
    const thm_status status = thm_vit32_run(v.work32, v.params32, &v.batch,
                                            &v.loss, NULL, &score, &msg);
    ck_assert_msg(status == THM_OK, "%s", msg.text);
    return v;
}

/* S_ih X_i, entry by entry in long double. */
static void plain_b(const thm_vit_config *c, const thm_vit32 *work, int layer,
                    int samples, double *B)
{
    const int T = thm_vit_length(c), D = c->width, HD = c->heads * D;
    for (int i = 0; i < samples; i++) {
        thm_vit_view view;
        thm_vit32_look(work, layer, i, &view);
        for (int k = 0; k < T; k++) {
            for (int j = 0; j < HD; j++) {
                long double sum = 0;
                for (int l = 0; l < T; l++) {
                    sum +=
                        (long double)view.attention[(j / D * T + k) * T + l] *
                        (long double)view.normed[l * D + j % D];
                }
                B[(i * T + k) * HD + j] = (double)sum;
            }
        }
    }
}

START_TEST(against_the_full_svd)
{
    const thm_vit_config c = two_heads();
    vit_case v = run_case(&c, SAMPLES, 0.6);
    for (int layer = 0; layer < 2; layer++) {
        double B[12 * 14], mine[12 * 14], s[12], delta, off = 0.0;
        thm_vit_spectrum found;
        plain_b(&c, v.work32, layer, SAMPLES, B);
        ck_assert_int_eq(thm_vit_b(&c, v.work32, layer, SAMPLES, mine, &delta),
                         THM_OK);
        for (int k = 0; k < 12 * 14; k++) {
            off = hypot(off, mine[k] - B[k]);
        }
        ck_assert(off <= delta);
        ck_assert_double_lt(delta, 1e-13);
        ck_assert_int_eq(thm_svd_values(12, 14, B, s, NULL), THM_OK);
        ck_assert_int_eq(
            thm_vit_b_spectrum(&c, v.work32, layer, SAMPLES, &found), THM_OK);
        ck_assert_int_eq(found.rows, 12);
        ck_assert_int_eq(found.columns, 14);
        ck_assert_double_eq_tol(found.ratio, 14.0 / 12, 1e-15);
        /* both within a few units of the largest, which is below 20 */
        ck_assert_double_eq_tol(found.sigma.min, s[11], 1e-13);
        ck_assert_double_eq_tol(found.sigma.max, s[0],
                                (1e-14 + found.sigma.max_error) * s[0]);
        ck_assert_double_eq_tol(found.threshold, 14 * 0x1p-24 * found.sigma.max,
                                1e-16);
        ck_assert_int_eq(found.rank, THM_VIT_RANK_FULL);
        ck_assert(found.bound.lower > found.threshold);
        ck_assert(found.bound.lower <= s[11] && s[11] <= found.bound.upper);
    }
    vit_drop(&v);
}
END_TEST

START_TEST(smallest_of_the_samples)
{
    const thm_vit_config c = two_heads();
    vit_case v = run_case(&c, SAMPLES, 0.6);
    for (int h = 0; h < 2; h++) {
        double least = HUGE_VAL, first = 0.0;
        for (int i = 0; i < SAMPLES; i++) {
            thm_vit_view view;
            double S[16], s[4];
            thm_vit32_look(v.work32, 1, i, &view);
            for (int k = 0; k < 16; k++) {
                S[k] = (double)view.attention[h * 16 + k];
            }
            ck_assert_int_eq(thm_svd_values(4, 4, S, s, NULL), THM_OK);
            least = fmin(least, s[3]);
            first = i == 0 ? s[3] : first;
        }
        thm_sigma all, one;
        ck_assert_int_eq(thm_vit_sigma_s(&c, v.work32, 1, h, SAMPLES, &all),
                         THM_OK);
        ck_assert_int_eq(thm_vit_sigma_s(&c, v.work32, 1, h, 1, &one), THM_OK);
        ck_assert_double_eq_tol(all.min, least, 1e-15);
        ck_assert_double_eq_tol(one.min, first, 1e-15);
    }
    vit_drop(&v);
}
END_TEST

/* The layer that src/attn knows: its weights are (D x d), the model's qkv
 * (outputs x D); the scores' scale is 1 / sqrt(d) in both. */
START_TEST(the_single_layers_b)
{
    const thm_vit_config c = two_heads();
    vit_case v = run_case(&c, SAMPLES, 0.6);
    const int D = 7, d = 5, H = 2, T = 4;
    double X[SAMPLES * 4 * 7], Wq[2 * 7 * 5], Wk[2 * 7 * 5], B[12 * 14];
    const float *qkv =
        v.params32 +
        thm_vit_find(&v.layout, "blocks.1.attn.qkv.weight")->offset;
    for (int h = 0; h < H; h++) {
        for (int i = 0; i < D; i++) {
            for (int j = 0; j < d; j++) {
                const int to = (h * D + i) * d + j, from = (h * d + j) * D + i;
                Wq[to] = (double)qkv[from];
                Wk[to] = (double)qkv[H * d * D + from];
            }
        }
    }
    for (int i = 0; i < SAMPLES; i++) {
        thm_vit_view view;
        thm_vit32_look(v.work32, 1, i, &view);
        for (int k = 0; k < T * D; k++) {
            X[i * T * D + k] = (double)view.normed[k];
        }
    }
    const thm_layer layer = {.N = SAMPLES,
                             .n = T,
                             .D = D,
                             .d = d,
                             .H = H,
                             .m = 1,
                             .kernel = THM_KERNEL_SOFTMAX,
                             .c = thm_kernel_scale(d),
                             .X = X};
    thm_layer_rank there;
    thm_vit_spectrum here;
    ck_assert_int_eq(thm_layer_rank_bnd(&layer, Wq, Wk, B, &there), THM_OK);
    ck_assert_int_eq(thm_vit_b_spectrum(&c, v.work32, 1, SAMPLES, &here),
                     THM_OK);
    /* Weyl: |sigma - sigma'| <= |S - S'| |X|, of scores below 10 computed in
     * single precision */
    ck_assert_double_eq_tol(here.sigma.min, there.sigma.min, 2e-5);
    ck_assert_double_eq_tol(here.sigma.max, there.sigma.max, 2e-5);
    ck_assert_double_gt(there.sigma.min, 1e-3);
    vit_drop(&v);
}
END_TEST

START_TEST(deficient)
{
    /* uniform rows: a sample gives B one direction */
    thm_vit_config c = two_heads();
    c.attention[0] = c.attention[1] = THM_VIT_UNIFORM;
    vit_case v = run_case(&c, SAMPLES, 0.6);
    thm_vit_spectrum found;
    thm_sigma s;
    ck_assert_int_eq(thm_vit_b_spectrum(&c, v.work32, 0, SAMPLES, &found),
                     THM_OK);
    ck_assert_int_eq(found.rank, THM_VIT_RANK_UNDECIDED);
    ck_assert_double_lt(found.sigma.min, 1e-14);
    ck_assert_double_gt(found.bound.upper, 0.0);
    ck_assert_int_eq(thm_vit_sigma_s(&c, v.work32, 0, 0, SAMPLES, &s), THM_OK);
    ck_assert_double_lt(s.min, 1e-15);
    /* |1 1' / 4| = 1 */
    ck_assert_double_eq_tol(s.max, 1.0, 1e-6);
    vit_drop(&v);

    c = two_heads();
    c.tokens = 4;
    v = run_case(&c, SAMPLES, 0.6); /* 15 rows, 14 columns */
    ck_assert_int_eq(thm_vit_b_spectrum(&c, v.work32, 1, SAMPLES, &found),
                     THM_OK);
    ck_assert_int_eq(found.rank, THM_VIT_RANK_COLUMNS);
    ck_assert(found.sigma.min == 0.0 && found.bound.lower == 0.0 &&
              found.bound.upper == 0.0);
    ck_assert_int_eq(found.bound.route, THM_CERTIFIED_NOT);
    ck_assert_double_gt(found.sigma.max, 0.1);
    ck_assert_int_eq(thm_vit_rank_samples(&c, SAMPLES), 2);
    ck_assert_int_eq(thm_vit_rank_samples(&c, 1), 1);
    c.tokens = 30;
    ck_assert_int_eq(thm_vit_rank_samples(&c, SAMPLES), 1);
    vit_drop(&v);
}
END_TEST

START_TEST(refused)
{
    const thm_vit_config c = two_heads();
    vit_case v = run_case(&c, 1, 0.6);
    thm_vit_spectrum found = {.rows = 9};
    thm_sigma s = {.min = 9};
    double B[4 * 14], delta = 9;
    ck_assert_int_eq(thm_vit_b_spectrum(&c, v.work32, 0, 0, &found), THM_EDIM);
    ck_assert_int_eq(thm_vit_sigma_s(&c, v.work32, 0, 0, 0, &s), THM_EDIM);
    ck_assert_int_eq(thm_vit_b(&c, v.work32, 0, 0, B, &delta), THM_EDIM);
    ck_assert_int_eq(thm_vit_b_spectrum(&c, v.work32, 0, INT32_MAX, &found),
                     THM_EOVERFLOW);
    ck_assert(found.rows == 9 && s.min == 9 && delta == 9);
    ck_assert_str_eq(thm_vit_rank_text(THM_VIT_RANK_FULL), "full");
    ck_assert_str_eq(thm_vit_rank_text((thm_vit_rank)77), "unknown rank");
    vit_drop(&v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-spectra");
    TCase *tc = tcase_create("spectra");
    tcase_add_test(tc, against_the_full_svd);
    tcase_add_test(tc, smallest_of_the_samples);
    tcase_add_test(tc, the_single_layers_b);
    tcase_add_test(tc, deficient);
    tcase_add_test(tc, refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
