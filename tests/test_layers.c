/* Oracles: identity - a case is made twice, in another order, and compared bit
 * by bit; stored - an image whose patches are known by hand, matrices whose
 * rank is; and every error that claims/layers.h documents. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "claims/layer_balls.h"
#include "claims/layers.h"
#include "core/verdict.h"
#include "tests/scratch.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };

/* One image whose pixel (i, j) is 7 i + j mod 256. */
static const char *one_image(void)
{
    static unsigned char idx[16 + PIXELS] = {0, 0, 8, 3,    0, 0, 0, 1,
                                             0, 0, 0, SIDE, 0, 0, 0, SIDE};
    for (int k = 0; k < PIXELS; k++) {
        idx[16 + k] = (unsigned char)(7 * (k / SIDE) + k % SIDE);
    }
    return scratch_write("images", idx, sizeof idx);
}

static size_t bytes(int a, int b, int c)
{
    return (size_t)a * (size_t)b * (size_t)c * sizeof(double);
}

static void check_equal(const thm_layer_case *a, const thm_layer_case *b)
{
    const thm_layer *l = &a->layer;
    ck_assert(l->N == b->layer.N && l->n == b->layer.n && l->D == b->layer.D);
    ck_assert(l->d == b->layer.d && l->H == b->layer.H && l->m == b->layer.m);
    ck_assert(l->kernel == b->layer.kernel && l->c == b->layer.c);
    ck_assert_mem_eq(a->X, b->X, bytes(l->N, l->n, l->D));
    ck_assert_mem_eq(a->Y, b->Y, bytes(l->N, l->n, l->m));
    ck_assert_mem_eq(a->Wq, b->Wq, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wk, b->Wk, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wv, b->Wv, bytes(l->H, l->D, l->d));
    ck_assert_mem_eq(a->Wo, b->Wo, bytes(l->H, l->d, l->m));
}

START_TEST(a_case_replays_alone)
{
    thm_layers *a = NULL, *b = NULL;
    char name_a[THM_CASE_NAME], name_b[THM_CASE_NAME];
    int kernels[3] = {0};
    scratch_make();
    const char *path = one_image();
    ck_assert_int_eq(thm_layers_alloc(path, &a), THM_OK);
    ck_assert_int_eq(thm_layers_alloc(path, &b), THM_OK);
    thm_layer_case *ca = thm_layers_case(a), *cb = thm_layers_case(b);
    for (int64_t i = 0; i < THM_LAYERS_CASES; i++) {
        ck_assert_int_eq(thm_layers_make(a, 3, i, ca, name_a), THM_OK);
        kernels[ca->layer.kernel]++;
        ck_assert(!ca->absent && ca->layer.X == ca->X && ca->weights.Wv);
        if (i % 3 == 0) {
            ck_assert_int_eq(thm_layers_make(b, 3, i, cb, name_b), THM_OK);
            ck_assert_str_eq(name_a, name_b);
            check_equal(ca, cb);
        }
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_int_ge(kernels[k], THM_LAYERS_CASES / 6);
    }
    thm_layers_free(a);
    thm_layers_free(b);
    scratch_remove();
}
END_TEST

/* Every token is a patch of the image: pixel by pixel its values rise by 1,
 * mod 256; and no patch comes twice. */
START_TEST(tokens_are_patches)
{
    thm_layers *layers = NULL;
    const thm_layer_spec s = {THM_SIZES(2, 16, 49, 2, 1, 1), .scale = 1.0,
                              .tokens = THM_TOKENS_PATCHES7};
    scratch_make();
    ck_assert_int_eq(thm_layers_alloc(one_image(), &layers), THM_OK);
    const thm_layer_case *c = thm_layers_case(layers);
    ck_assert_int_eq(thm_layers_draw(layers, &s, 5, 0), THM_OK);
    int sum = 0;
    for (int t = 0; t < s.n; t++) {
        const double *x = c->X + (size_t)t * 49;
        for (int k = 1; k < 49; k++) {
            /* also from the end of a line to the next: 7 - 6 */
            const double rise = (x[k] - x[k - 1]) * 255.0;
            ck_assert(fabs(rise - 1.0) < 1e-12 || fabs(rise + 255.0) < 1e-12);
        }
        sum += (int)lround(x[0] * 255.0);
        for (int other = 0; other < t; other++) {
            ck_assert_mem_ne(x, c->X + (size_t)other * 49, bytes(1, 1, 49));
        }
    }
    /* the corners are 49 i + 7 j, i, j < 4 */
    ck_assert_int_eq(sum, 16 * 3 * (49 + 7) / 2);
    thm_layers_free(layers);
    scratch_remove();
}
END_TEST

START_TEST(errors)
{
    thm_layers *layers = NULL;
    const thm_layer_spec good = {THM_SIZES(2, 3, 16, 2, 1, 1), .scale = 1.0,
                                 .tokens = THM_TOKENS_PATCHES4};
    scratch_make();
    ck_assert_int_eq(thm_layers_alloc(scratch_path("none"), &layers), THM_OK);
    const thm_layer_case *c = thm_layers_case(layers);
    ck_assert_int_eq(thm_layers_draw(layers, &good, 1, 0), THM_OK);
    ck_assert(c->absent);
    thm_layer_spec bad = good;
    bad.D = 17;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    bad = good;
    bad.tokens = THM_TOKENS_NORMAL;
    bad.d = 0;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    bad = good;
    bad.m = 0;
    ck_assert_int_eq(thm_layers_draw(layers, &bad, 1, 0), THM_EDIM);
    thm_layers_free(layers);
    thm_layers_free(NULL);
    const char *path = scratch_write("broken", "no images", 9);
    ck_assert_int_eq(thm_layers_alloc(path, &layers), THM_OK);
    ck_assert_int_eq(thm_layers_draw(layers, &good, 1, 0), THM_EFORMAT);
    thm_layers_free(layers);
    scratch_remove();
}
END_TEST

/* ---- states, ranks --------------------------------------------------------
 */

static void first_is_kind(thm_layer_case *c)
{
    c->X[0] = 10.0 + c->kind;
}

START_TEST(states_follow_their_kinds)
{
    static const thm_layer_spec kinds[] = {
        {THM_SIZES(2, 3, 8, 2, 1, 1), .scale = 1},
        {THM_SIZES(1, 2, 3, 4, 2, 2), .scale = 1}};
    static const thm_layer_plan plan = {2, kinds, first_is_kind};
    char name[THM_CASE_NAME];
    thm_case_source source;
    void *ctx = NULL;
    ck_assert_int_eq(thm_layer_balls_open(&plan, 5, &source, &ctx), THM_OK);
    const thm_layer_balls *s = ctx;
    ck_assert_int_eq(source.count, 5);
    for (int k = 0; k < 5; k++) {
        ck_assert_int_eq(source.make(source.ctx, 7, k, source.the_case, name),
                         THM_OK);
        ck_assert(s->loaded && s->one->kind == k % 2);
        ck_assert_int_eq(s->b.D, kinds[k % 2].D);
        /* the ball model is that of the arrays after `place` */
        ck_assert(arb_equal_si(arb_mat_entry(s->b.X, 0, 0), 10 + k % 2));
    }
    ck_assert_str_eq(name, "softmax/N2/n3/D8/d2/H1/m1/s1/4");
    thm_layer_balls_close(&source, ctx);
    thm_layer_balls_close(&source, NULL);
}
END_TEST

/* A: (5 x cols), rank 3 by construction: rows 0, 1, 2 drawn, row 3 = row 0 +
 * row 1, row 4 = row 2. */
static void three_rows(arb_mat_t A, double last)
{
    thm_rng rng = thm_rng_make(11, 1);
    arb_t x;
    arb_init(x);
    for (int s = 0; s < arb_mat_ncols(A); s++) {
        for (int r = 0; r < 3; r++) {
            arb_set_d(x, (r == 2 ? last : 1.0) * thm_rng_normal(&rng));
            arb_set(arb_mat_entry(A, r, s), x);
        }
        arb_add(arb_mat_entry(A, 3, s), arb_mat_entry(A, 0, s),
                arb_mat_entry(A, 1, s), 512);
        arb_set(arb_mat_entry(A, 4, s), arb_mat_entry(A, 2, s));
    }
    arb_clear(x);
}

START_TEST(ranks_by_construction)
{
    static const int cols[] = {3, 5, 9};
    for (int k = 0; k < 3; k++) {
        arb_mat_t A;
        thm_finding f = {NAN, NAN, NAN, false, THM_SAMPLED};
        arb_mat_init(A, 5, cols[k]);
        ck_assert_int_eq(thm_ball_rank(A), -1); /* A = 0 */
        thm_finding_rank(&f, A, 3);
        ck_assert(thm_verdict_of(thm_finding_margin(&f), f.err) ==
                  THM_UNDECIDED);
        three_rows(A, 1.0);
        ck_assert_int_eq(thm_ball_rank(A), 3);
        three_rows(A, 1e-20);
        ck_assert_int_eq(thm_ball_rank(A), 3);
        three_rows(A, 1e-45); /* below the threshold */
        ck_assert_int_eq(thm_ball_rank(A), 2);
        three_rows(A, 1.0);
        for (int rank = 2; rank <= 4; rank++) {
            thm_finding_rank(&f, A, rank);
            ck_assert(thm_verdict_of(thm_finding_margin(&f), f.err) ==
                      (rank == 3 ? THM_HOLDS : THM_REFUTED));
            ck_assert(f.evidence == THM_ENCLOSURE);
        }
        /* a ball too wide to tell */
        mag_set_d(arb_radref(arb_mat_entry(A, 0, 0)), 100.0);
        ck_assert_int_eq(thm_ball_rank(A), -1);
        arb_mat_clear(A);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *t = tcase_create("layers");
    tcase_add_test(t, a_case_replays_alone);
    tcase_add_test(t, tokens_are_patches);
    tcase_add_test(t, errors);
    tcase_add_test(t, states_follow_their_kinds);
    tcase_add_test(t, ranks_by_construction);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
