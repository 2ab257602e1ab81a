/* Oracles: B in balls of 256 bits (claims/layer_ball.h), for the bound of its
 * error and for the certificate; matrices that are deficient by construction;
 * a stored table of medians. */
#include <math.h>

#include "attn/instance.h"
#include "attn/layer_work.h"
#include "attn/rank.h"
#include "claims/layer_ball.h"
#include "core/rng.h"
#include "tests/scratch.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* |B - exact B|_F, from below, in [0, 1e300]. */
static double true_error(const thm_ball_layer *ball, const double *B)
{
    const slong rows = arb_mat_nrows(ball->B), cols = arb_mat_ncols(ball->B);
    arb_t sum, gap;
    arf_t lower;
    arb_init(sum);
    arb_init(gap);
    arf_init(lower);
    for (slong i = 0; i < rows; i++) {
        for (slong j = 0; j < cols; j++) {
            arb_set_d(gap, B[i * cols + j]);
            arb_sub(gap, gap, arb_mat_entry(ball->B, i, j), THM_LAYER_BITS);
            arb_addmul(sum, gap, gap, THM_LAYER_BITS);
        }
    }
    arb_sqrt(sum, sum, THM_LAYER_BITS);
    arb_get_lbound_arf(lower, sum, 60);
    const double value = arf_get_d(lower, ARF_RND_FLOOR);
    arb_clear(sum);
    arb_clear(gap);
    arf_clear(lower);
    return value > 0.0 ? value : 0.0;
}

static void multiply(int count, double factor, double *x)
{
    for (int k = 0; k < count; k++) {
        x[k] *= factor;
    }
}

/* W: (H x D x d) <- zeros and ones, so that X W is exact. */
static void select_columns(const thm_layer *l, double *W)
{
    for (int k = 0; k < l->H * l->D * l->d; k++) {
        W[k] = k / l->d % l->D == k % l->d ? 1.0 : 0.0;
    }
}

/* X W loses 20 bits by cancellation of its first two products. */
static void cancel(const thm_layer *l, double *X, double *W)
{
    for (int t = 0; l->D > 1 && t < l->N * l->n; t++) {
        X[t * l->D + 1] = -X[t * l->D] * (1 + 0x1p-20);
    }
    for (int k = 0; k < l->H * l->D * l->d; k++) {
        const int row = k / l->d % l->D;
        W[k] = row == 1 ? W[k - l->d] : row == 0 ? W[k] * 0x1p18 : W[k];
    }
}

/* What else is done to a drawn instance: each makes one part of the error
 * large beside the others. */
static void twist(int which, uint64_t index, thm_instance *in)
{
    thm_layer *l = &in->layer;
    const int tokens = l->N * l->n, entries = tokens * l->D,
              weights = l->H * l->D * l->d;
    switch (which) {
    case 0: /* tokens of very different length */
        for (int k = 0; k < entries; k++) {
            in->X[k] = ldexp(in->X[k], (int)(index % 60) * (k / l->D % 3 - 1));
        }
        break;
    case 1: /* columns */
        for (int k = 0; k < entries; k++) {
            in->X[k] = ldexp(in->X[k], 20 * (k % l->D % 3 - 1));
        }
        break;
    case 2: /* a token twice */
        for (int k = l->D; k < entries; k++) {
            in->X[k] = k / l->D % 2 == 1 ? in->X[k - l->D] : in->X[k];
        }
        break;
    case 3: /* products below the normal range */
        multiply(entries, 1e-155, in->X);
        break;
    case 4: /* queries are inexact, keys exact */
        cancel(l, in->X, in->Wq);
        select_columns(l, in->Wk);
        break;
    case 5: /* and the other way round */
        cancel(l, in->X, in->Wk);
        select_columns(l, in->Wq);
        break;
    case 6: /* queries below the normal range meet large keys */
        multiply(weights, 1e-311, in->Wq);
        multiply(weights, 1e306, in->Wk);
        l->kernel = THM_KERNEL_SOFTMAX;
        break;
    case 7: /* attention below the normal range meets large tokens */
        multiply(entries, 0x1p900, in->X);
        multiply(weights, 0x1p-900, in->Wq);
        multiply(weights, 0x1p-900, in->Wk);
        l->kernel = THM_KERNEL_GAUSSIAN;
        l->c = 100.0;
        break;
    case 8: /* the inexact score of a light token moves a heavy one's share */
        for (int k = 0; l->D > 2 && k < entries; k++) {
            const int col = k % l->D, light = k / l->D % 2;
            in->X[k] = col == 1 && light ? in->X[k] * 0x1p-30 : in->X[k];
            in->X[k] = col == 2 ? -in->X[k - 1] * (1 + 0x1p-20) : in->X[k];
            in->X[k] = (col > 0) == light && col < 3 ? in->X[k] : 0.0;
        }
        for (int k = 0; l->D > 2 && k < weights; k++) {
            const int row = k / l->d % l->D;
            in->Wk[k] = row == 2   ? in->Wk[k - l->d]
                        : row == 1 ? in->Wk[k] * 0x1p50
                                   : in->Wk[k] * 0x1p-10;
        }
        break;
    default:
        break;
    }
}

/* A case drawn towards corners: sizes from 1, scales over many decades, all
 * schemes and kernels, and then a twist. */
static void corner_case(uint64_t index, thm_instance *in)
{
    static const double scales[] = {0.0, 1e-160, 1e-8, 0.01, 0.3,
                                    1.0, 2.385,  10.0, 60.0, 1e3};
    thm_rng rng = thm_rng_make(20240, index);
    thm_instance_plan plan = thm_instance_plan_default();
    plan.N = 1 + (int)thm_rng_below(&rng, 2);
    plan.n = 1 + (int)thm_rng_below(&rng, 5);
    plan.D = 1 + (int)thm_rng_below(&rng, 7);
    plan.d = 1 + (int)thm_rng_below(&rng, 4);
    plan.H = 1 + (int)thm_rng_below(&rng, 2);
    plan.kernel = (thm_kernel)thm_rng_below(&rng, 3);
    plan.scheme = (thm_scheme)thm_rng_below(&rng, 4);
    plan.s = scales[thm_rng_below(&rng, 10)];
    plan.c = thm_rng_below(&rng, 3) == 0
                 ? ldexp(1.0 + thm_rng_uniform(&rng),
                         (int)thm_rng_below(&rng, 40) - 30)
                 : 0.0;
    plan.seed = 77;
    plan.index = index;
    ck_assert_int_eq(thm_instance_draw(&plan, in, NULL), THM_OK);
    twist((int)thm_rng_below(&rng, 13), index, in);
}

enum { CASES = 6000 };

/* second route: the bound holds in every case, and is not much too large */
START_TEST(error_of_b_is_bounded)
{
    static double ratio[CASES];
    int decided = 0, skipped = 0;
    for (int k = 0; k < CASES; k++) {
        thm_instance in;
        thm_layer_work *work = NULL;
        thm_ball_layer ball;
        double B[2 * 5 * 2 * 7], delta = -1.0;
        int64_t underflowed = -1;
        corner_case((uint64_t)k, &in);
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        const thm_status status = thm_layer_b_bnd(&in.layer, in.Wq, in.Wk, work,
                                                  B, &delta, &underflowed);
        thm_layer_work_free(work);
        if (status == THM_EDOMAIN) { /* scores overflow */
            skipped++;
            thm_instance_free(&in);
            continue;
        }
        ck_assert_int_eq(status, THM_OK);
        ck_assert_int_ge(underflowed, 0);
        ck_assert(isfinite(delta));
        thm_ball_layer_init(&ball, &in.layer, &in.weights);
        const double error = true_error(&ball, B);
        ck_assert_msg(delta >= error, "case %d: bound %g, error %g", k, delta,
                      error);
        if (error > 0.0) {
            ratio[decided++] = delta / error;
        }
        thm_ball_layer_clear(&ball);
        thm_instance_free(&in);
    }
    qsort(ratio, (size_t)decided, sizeof *ratio, ascending);
    ck_assert_int_le(skipped, CASES / 20);
    ck_assert_int_ge(decided, CASES / 2);
    /* useful: the note has the figures, 43 and 3.4 */
    ck_assert_double_le(ratio[decided / 2], 1e3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rank");
    TCase *c = tcase_create("rank");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, error_of_b_is_bounded);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
