/* Oracles: what a scheme promises (identities); the same draw by another route;
 * a small image written by hand. */
#include <math.h>
#include <stdio.h>

#include "attn/instance.h"
#include "tests/scratch.h"

static thm_instance_plan small_plan(void)
{
    thm_instance_plan p = thm_instance_plan_default();
    p.N = 2;
    p.n = 3;
    p.D = 5;
    p.d = 2;
    p.H = 2;
    p.m = 3;
    p.s = 2.385;
    p.seed = 1127;
    p.index = 4;
    return p;
}

static thm_instance draw(const thm_instance_plan *plan)
{
    thm_instance in;
    thm_message msg = {""};
    ck_assert_msg(thm_instance_draw(plan, &in, &msg) == THM_OK, "%s", msg.text);
    return in;
}

/* identity: Wk = Wq; orthonormal columns or rows; the standard deviation */
START_TEST(schemes)
{
    thm_instance_plan p = small_plan();
    thm_instance plain = draw(&p);
    p.scheme = THM_SCHEME_EQUAL;
    thm_instance equal = draw(&p);
    p.scheme = THM_SCHEME_XAVIER;
    thm_instance xavier = draw(&p);
    for (int k = 0; k < p.H * p.D * p.d; k++) {
        ck_assert(equal.Wq[k] == equal.Wk[k] && equal.Wq[k] == plain.Wq[k]);
        ck_assert(plain.Wq[k] != plain.Wk[k]);
        const double want = plain.Wq[k] * sqrt(2.0 / (p.D + p.d));
        ck_assert_double_le(fabs(xavier.Wq[k] - want), 1e-15 * fabs(want));
    }
    for (int k = 0; k < p.N * p.n * p.D; k++) {
        ck_assert(equal.X[k] == plain.X[k] && xavier.X[k] == plain.X[k]);
    }
    p.scheme = THM_SCHEME_ORTHOGONAL;
    for (int wide = 0; wide < 2; wide++) {
        p.D = wide ? 2 : 5;
        p.d = wide ? 5 : 2;
        thm_instance o = draw(&p);
        const int k = 2; /* vectors, one every `step`, entries `stride` apart */
        const int step = wide ? p.d : 1, stride = wide ? 1 : p.d;
        const double *W = o.Wk + p.D * p.d; /* the second head */
        for (int a = 0; a < k; a++) {
            for (int b = 0; b < k; b++) {
                double dot = 0.0;
                for (int l = 0; l < 5; l++) {
                    dot += W[a * step + l * stride] * W[b * step + l * stride];
                }
                const double want = a == b ? p.s * p.s : 0.0;
                ck_assert_double_le(fabs(dot - want), 1e-14 * p.s * p.s);
            }
        }
        thm_instance_free(&o);
    }
    thm_instance_free(&plain);
    thm_instance_free(&equal);
    thm_instance_free(&xavier);
}
END_TEST

/* identity: the scale is a factor, another seed or index another draw, and
 * nothing is drawn of what there is none of */
START_TEST(draws)
{
    thm_instance_plan p = small_plan();
    thm_instance a = draw(&p);
    p.s = 1.0;
    p.s_y = 0.5;
    p.s_x = 0.25;
    thm_instance b = draw(&p);
    for (int k = 0; k < p.H * p.D * p.d; k++) {
        ck_assert(a.Wq[k] == 2.385 * b.Wq[k] && a.Wv[k] == b.Wv[k]);
    }
    for (int k = 0; k < p.N * p.n * p.m; k++) {
        ck_assert(a.Y[k] == 2.0 * b.Y[k]);
    }
    ck_assert(a.X[7] == 4.0 * b.X[7]);
    ck_assert(a.layer.c == thm_kernel_scale(2) && a.layer.m == 3);
    ck_assert(a.layer.X == a.X && a.weights.Wv == a.Wv);
    thm_instance_free(&b);
    p.index = 5;
    p.m = 0;
    p.c = 0.75;
    b = draw(&p);
    ck_assert(a.X[0] != b.X[0] && b.X[0] != b.Wq[0]);
    ck_assert(b.layer.c == 0.75 && b.layer.m == 1);
    ck_assert(!b.Y && !b.Wo && !b.Wv && !b.weights.Wv);
    thm_instance_free(&b);
    thm_instance_free(&a);
    thm_instance_free(NULL);

    thm_message msg = {""};
    p.d = 0;
    ck_assert_int_eq(thm_instance_draw(&p, &a, &msg), THM_EDIM);
    ck_assert_ptr_nonnull(strstr(msg.text, "found 2, 3, 5, 0, 2"));
    ck_assert_ptr_null(a.X);
    p = small_plan();
    p.s_o = NAN;
    ck_assert_int_eq(thm_instance_draw(&p, &a, &msg), THM_EDOMAIN);
    p = small_plan();
    p.N = 1 << 30;
    p.n = p.D = 1 << 20;
    p.m = 0;
    ck_assert_int_eq(thm_instance_draw(&p, &a, &msg), THM_EOVERFLOW);
}
END_TEST

/* stored: an image whose pixel (r, c) is 16 r + c */
START_TEST(patches)
{
    unsigned char pixels[2 * 9 * 8];
    for (int k = 0; k < 2 * 72; k++) {
        pixels[k] = (unsigned char)(k % 72 / 8 * 16 + k % 8 + k / 72);
    }
    const thm_idx images = {.count = 2, .rows = 9, .cols = 8, .data = pixels};
    double x[8 * 7];
    thm_rng rng = thm_rng_make(3, 3);
    /* D = 7: the first seven pixels of squares of side 3, of which the grid
     * has 3 x 2; all of them: reading order */
    ck_assert_int_eq(thm_tokens_of_image(&images, 0, 6, 7, &rng, x), THM_OK);
    for (int t = 0; t < 6; t++) {
        for (int k = 0; k < 7; k++) {
            const int row = t / 2 * 3 + k / 3, col = t % 2 * 3 + k % 3;
            ck_assert(x[t * 7 + k] == (row * 16 + col) / 255.0);
        }
    }
    /* two of them: different, in order, each of the pairs sooner or later */
    int seen[36] = {0}, pairs = 0;
    for (int k = 0; k < 500; k++) {
        ck_assert_int_eq(thm_tokens_of_image(&images, 1, 2, 7, &rng, x),
                         THM_OK);
        const int a = (int)lround(x[0] * 255) - 1,
                  b = (int)lround(x[7] * 255) - 1;
        ck_assert_int_lt(a, b);
        const int pair =
            (a / 48 * 2 + a % 16 / 3) * 6 + b / 48 * 2 + b % 16 / 3;
        pairs += seen[pair]++ == 0;
    }
    ck_assert_int_eq(pairs, 15);

    ck_assert_int_eq(thm_tokens_of_image(&images, 0, 7, 7, &rng, x), THM_EDIM);
    ck_assert_int_eq(thm_tokens_of_image(&images, 0, 1, 65, &rng, x), THM_EDIM);
    ck_assert_int_eq(thm_tokens_of_image(&images, 2, 1, 4, &rng, x), THM_EDIM);
    thm_instance_plan p = small_plan();
    thm_message msg = {""};
    thm_instance in;
    p.images = &images;
    p.n = 7;
    p.D = 7;
    ck_assert_int_eq(thm_instance_draw(&p, &in, &msg), THM_EDIM);
    ck_assert_ptr_nonnull(strstr(msg.text, "7 patches of 7 pixels"));
    p.n = 6;
    p.index = 0;
    p.s_x = 2.0;
    in = draw(&p); /* sample i from image i */
    ck_assert(in.X[0] == 0.0 && in.X[42] == 2 / 255.0);
    thm_instance_free(&in);
}
END_TEST

/* identity: the texts of options, good and bad */
START_TEST(texts)
{
    thm_instance_plan p = thm_instance_plan_default();
    thm_message msg = {""};
    ck_assert_int_eq(thm_instance_sizes("--draw", "3,4,16,2,1", &p, &msg),
                     THM_OK);
    ck_assert(p.N == 3 && p.n == 4 && p.D == 16 && p.d == 2 && p.H == 1);
    ck_assert_int_eq(p.m, 0);
    ck_assert_int_eq(thm_instance_sizes("--draw", "3,4,16,2,1,7", &p, &msg),
                     THM_OK);
    ck_assert(p.N == 3 && p.m == 7);
    static const char *const bad[] = {"",
                                      "3",
                                      "3,4,16,2",
                                      "3,4,16,2,1,",
                                      "3,4,16,2,1,0",
                                      "3,4,16,2,1,7,1",
                                      "3,,4,16,2",
                                      "3,4,16,2,0",
                                      "3,4,-16,2,1",
                                      "3, 4,16,2,1",
                                      "a,b,c,d,e",
                                      "3,4,16,2,1111111111111111111111"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        ck_assert_int_eq(thm_instance_sizes("--draw", bad[k], &p, &msg),
                         THM_EDOMAIN);
        ck_assert_int_eq(strncmp(msg.text, "--draw: expected five", 21), 0);
    }
    ck_assert(p.N == 3 && p.H == 1);
    int shape[3] = {0};
    ck_assert_int_eq(thm_instance_shape("--shape", "3,4,16", shape, &msg),
                     THM_OK);
    ck_assert(shape[0] == 3 && shape[1] == 4 && shape[2] == 16);
    ck_assert_int_eq(thm_instance_shape("--shape", "3,4", shape, &msg),
                     THM_EDOMAIN);
    double c = 0.0;
    ck_assert_int_eq(thm_instance_scale(NULL, 4, &c, &msg), THM_OK);
    ck_assert(c == 0.5);
    ck_assert_int_eq(thm_instance_scale("half", 4, &c, &msg), THM_OK);
    ck_assert(c == 0.25);
    ck_assert_int_eq(thm_instance_scale("2.385", 4, &c, &msg), THM_OK);
    ck_assert(c == 2.385);
    static const char *const no[] = {"0", "-1",    "nan",  "inf",
                                     "",  "halve", "1e999"};
    for (size_t k = 0; k < sizeof no / sizeof *no; k++) {
        ck_assert_int_eq(thm_instance_scale(no[k], 4, &c, &msg), THM_EDOMAIN);
    }
    ck_assert(c == 2.385);
    ck_assert_str_eq(thm_scheme_text(THM_SCHEME_XAVIER), "xavier");
    ck_assert_str_eq(thm_scheme_text((thm_scheme)9), "unknown scheme");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instance");
    TCase *c = tcase_create("instance");
    tcase_add_test(c, schemes);
    tcase_add_test(c, draws);
    tcase_add_test(c, patches);
    tcase_add_test(c, texts);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
