/* Oracles: the plain twin under its proved bound, central differences of a
 * forward pass in the test itself, identities (sums of rows, n = 1). */
#include <check.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "attn/head.h"
#include "core/rng.h"
#include "tests/scratch.h"

static const double u = DBL_EPSILON / 2;

/* A head, its state and gradients, allocated together for one test. */
typedef struct {
    thm_head head;
    thm_head_state state;
    double *X, *Wq, *Wk, *Wv, *G, *dWq, *dWk, *dWv, *dX, *block;
} fixture;

static void setup(fixture *f, int n, int D, int d, double width)
{
    const size_t nD = (size_t)n * (size_t)D, Dd = (size_t)D * (size_t)d,
                 nd = (size_t)n * (size_t)d;
    f->block = malloc((2 * nD + 6 * Dd + nd) * sizeof *f->block);
    ck_assert_ptr_nonnull(f->block);
    f->X = f->block;
    f->dX = f->X + nD;
    f->Wq = f->dX + nD;
    f->Wk = f->Wq + Dd;
    f->Wv = f->Wk + Dd;
    f->dWq = f->Wv + Dd;
    f->dWk = f->dWq + Dd;
    f->dWv = f->dWk + Dd;
    f->G = f->dWv + Dd;
    thm_rng rng = thm_rng_make(77, (uint64_t)(n * 1000 + D * 10 + d));
    thm_rng_fill_normal(&rng, (int64_t)nD, 1.0, f->X);
    thm_rng_fill_normal(&rng, (int64_t)(3 * Dd), width, f->Wq);
    thm_rng_fill_normal(&rng, (int64_t)nd, 1.0, f->G);
    f->head = (thm_head){.n = n,
                         .D = D,
                         .d = d,
                         .tau = thm_head_tau(d),
                         .X = f->X,
                         .Wq = f->Wq,
                         .Wk = f->Wk,
                         .Wv = f->Wv};
    ck_assert_int_eq(thm_head_state_alloc(n, D, d, &f->state), THM_OK);
}

static void teardown(fixture *f)
{
    thm_head_state_free(&f->state);
    free(f->block);
}

/* max |a - b| <= tolerance max |b|; a NaN fails. */
static void assert_close(size_t count, const double *a, const double *b,
                         double tolerance)
{
    double size = 0.0;
    for (size_t k = 0; k < count; k++) {
        size = fmax(size, fabs(b[k]));
    }
    for (size_t k = 0; k < count; k++) {
        ck_assert(fabs(a[k] - b[k]) <= tolerance * size);
    }
}

static const int shapes[][3] = {{1, 1, 1}, {2, 3, 1},  {3, 2, 7},  {7, 8, 9},
                                {8, 7, 2}, {9, 63, 8}, {63, 9, 3}, {65, 16, 8}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(forward_and_backward_agree_with_the_plain_twin)
{
    for (int k = 0; k < N_SHAPES; k++) {
        const int n = shapes[k][0], D = shapes[k][1], d = shapes[k][2];
        fixture f, g;
        setup(&f, n, D, d, 0.6);
        setup(&g, n, D, d, 0.6);
        ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_OK);
        ck_assert_int_eq(thm_head_forward_ref(&g.head, &g.state), THM_OK);
        ck_assert_int_eq(thm_head_backward(&f.head, &f.state, f.G, f.dWq, f.dWk,
                                           f.dWv, f.dX),
                         THM_OK);
        ck_assert_int_eq(thm_head_backward_ref(&g.head, &g.state, g.G, g.dWq,
                                               g.dWk, g.dWv, g.dX),
                         THM_OK);
        /* Both keep the bound of head.h.  The largest entry of a sum of N
         * absolute terms is at most N times the largest term; the logits
         * stay below 100. */
        const double tolerance =
            u * (2 * D + 2 * d + 3 * n + 20 + 400 * (2 * D + d)) * (n + D);
        const size_t nn = (size_t)n * (size_t)n, nd = (size_t)n * (size_t)d,
                     Dd = (size_t)D * (size_t)d, nD = (size_t)n * (size_t)D;
        assert_close(nn, f.state.A, g.state.A, tolerance);
        assert_close(nd, f.state.Z, g.state.Z, tolerance);
        if (n > 1) {
            assert_close(nn, f.state.dS, g.state.dS, tolerance);
            assert_close(Dd, f.dWq, g.dWq, tolerance);
            assert_close(Dd, f.dWk, g.dWk, tolerance);
        }
        assert_close(Dd, f.dWv, g.dWv, tolerance);
        assert_close(nD, f.dX, g.dX, tolerance);
        teardown(&f);
        teardown(&g);
    }
}
END_TEST

/* L = sum G o Z by the definition, softmax included. */
static double loss(const thm_head *h, const double *G)
{
    const size_t n = (size_t)h->n, D = (size_t)h->D, d = (size_t)h->d;
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        double top = 0.0, sum = 0.0, value = 0.0;
        for (size_t pass = 0; pass < 2; pass++) {
            for (size_t j = 0; j < n; j++) {
                double s = 0.0, gv = 0.0;
                for (size_t b = 0; b < d; b++) {
                    double q = 0.0, k = 0.0, v = 0.0;
                    for (size_t a = 0; a < D; a++) {
                        q += h->X[i * D + a] * h->Wq[a * d + b];
                        k += h->X[j * D + a] * h->Wk[a * d + b];
                        v += h->X[j * D + a] * h->Wv[a * d + b];
                    }
                    s += q * k / h->tau;
                    gv += G[i * d + b] * v;
                }
                if (pass == 0) {
                    top = j == 0 ? s : fmax(top, s);
                } else {
                    sum += exp(s - top);
                    value += exp(s - top) * gv;
                }
            }
        }
        total += value / sum;
    }
    return total;
}

/* Central differences with h = cbrt(u): truncation h^2/6 times the third
 * derivative plus rounding u |L| / h, both near u^(2/3); 1e4 of them leave room
 * for the third derivative and a wrong formula still fails. */
static void assert_gradient(fixture *f, double *W, const double *dW,
                            size_t count)
{
    const double h = cbrt(u), scale = 1.0 + fabs(loss(&f->head, f->G));
    for (size_t k = 0; k < count; k++) {
        const double w = W[k];
        W[k] = w + h;
        const double above = loss(&f->head, f->G);
        W[k] = w - h;
        const double below = loss(&f->head, f->G);
        W[k] = w;
        ck_assert(fabs((above - below) / (2 * h) - dW[k]) <=
                  1e4 * h * h * scale);
    }
}

START_TEST(gradients_agree_with_central_differences)
{
    static const double taus[] = {0.7, 2.385};
    for (int k = 0; k < 2; k++) {
        fixture f;
        setup(&f, 7, 5, 3, 0.7);
        f.head.tau = taus[k];
        ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_OK);
        ck_assert_int_eq(thm_head_backward(&f.head, &f.state, f.G, f.dWq, f.dWk,
                                           f.dWv, f.dX),
                         THM_OK);
        assert_gradient(&f, f.Wq, f.dWq, 15);
        assert_gradient(&f, f.Wk, f.dWk, 15);
        assert_gradient(&f, f.Wv, f.dWv, 15);
        assert_gradient(&f, f.X, f.dX, 35);
        teardown(&f);
    }
}
END_TEST

START_TEST(rows_of_the_score_gradient_sum_to_zero)
{
    fixture f;
    setup(&f, 63, 9, 4, 1.5);
    ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_OK);
    ck_assert_int_eq(
        thm_head_backward(&f.head, &f.state, f.G, NULL, NULL, NULL, NULL),
        THM_OK);
    double largest = 0.0;
    for (size_t i = 0; i < 63; i++) {
        double sum = 0.0, size = 0.0, r = 0.0;
        for (size_t j = 0; j < 63; j++) {
            sum += f.state.dS[i * 63 + j];
            size += fabs(f.state.dS[i * 63 + j]);
            double gv = 0.0;
            for (size_t b = 0; b < 4; b++) {
                gv += fabs(f.G[i * 4 + b] * f.state.V[j * 4 + b]);
            }
            r += f.state.A[i * 63 + j] * gv;
        }
        largest = fmax(largest, size);
        ck_assert(fabs(sum) <= (4 * 63 + 20) * u * (size + 2 * r));
    }
    ck_assert(largest > 0.1); /* not all zero */
    teardown(&f);
}
END_TEST

/* One token: A = 1, no gradient but through Wv. */
START_TEST(one_token_has_only_a_value_gradient)
{
    fixture f;
    setup(&f, 1, 3, 2, 1.0);
    ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_OK);
    ck_assert_int_eq(
        thm_head_backward(&f.head, &f.state, f.G, f.dWq, f.dWk, f.dWv, NULL),
        THM_OK);
    ck_assert(f.state.A[0] == 1.0 && f.state.dS[0] == 0.0);
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 2; b++) {
            ck_assert(f.dWq[a * 2 + b] == 0.0 && f.dWk[a * 2 + b] == 0.0);
            ck_assert(f.dWv[a * 2 + b] == f.X[a] * f.G[b]);
        }
    }
    teardown(&f);
}
END_TEST

/* Logits of +-700 and more: rows become one-hot, the gradient vanishes there
 * and stays finite. */
START_TEST(large_logits_stay_finite)
{
    fixture f;
    setup(&f, 9, 4, 4, 30.0);
    ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_OK);
    ck_assert_int_eq(
        thm_head_backward(&f.head, &f.state, f.G, f.dWq, f.dWk, f.dWv, f.dX),
        THM_OK);
    double largest = 0.0;
    for (size_t k = 0; k < 81; k++) {
        largest = fmax(largest, fabs(f.state.S[k] / f.head.tau));
        ck_assert(isfinite(f.state.dS[k]));
    }
    ck_assert(largest > 700.0);
    for (size_t k = 0; k < 16; k++) {
        ck_assert(isfinite(f.dWq[k]) && isfinite(f.dWk[k]));
    }
    teardown(&f);
}
END_TEST

/* The address sanitizer would end the program where malloc answers NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(errors)
{
    thm_head_state s;
    memset(&s, 1, sizeof s);
    ck_assert_int_eq(thm_head_state_alloc(0, 1, 1, &s), THM_EDIM);
    ck_assert_ptr_null(s.S);
    ck_assert_int_eq(thm_head_state_alloc(1, 0, 1, &s), THM_EDIM);
    ck_assert_int_eq(thm_head_state_alloc(1, 1, -1, &s), THM_EDIM);
    /* 3 n^2 doubles wrap for the largest int and fit nowhere for 5 10^8 */
    ck_assert_int_eq(thm_head_state_alloc(INT_MAX, 1, 1, &s), THM_EOVERFLOW);
    ck_assert_int_eq(thm_head_state_alloc(500000000, 1, 1, &s), THM_ENOMEM);
    ck_assert_ptr_null(s.S);
    thm_head_state_free(&s);
    thm_head_state_free(NULL);

    fixture f;
    setup(&f, 3, 2, 2, 1.0);
    thm_head h = f.head;
    static const double bad[] = {0.0, -1.0, NAN, INFINITY};
    for (int k = 0; k < 4; k++) {
        h.tau = bad[k];
        ck_assert_int_eq(thm_head_forward(&h, &f.state), THM_EDOMAIN);
        ck_assert_int_eq(thm_head_forward_ref(&h, &f.state), THM_EDOMAIN);
    }
    for (int k = 0; k < 3; k++) {
        h = f.head;
        *(k == 0 ? &h.n : k == 1 ? &h.D : &h.d) += 1;
        ck_assert_int_eq(thm_head_forward(&h, &f.state), THM_EDIM);
        ck_assert_int_eq(thm_head_forward_ref(&h, &f.state), THM_EDIM);
        ck_assert_int_eq(
            thm_head_backward(&h, &f.state, f.G, NULL, NULL, NULL, NULL),
            THM_EDIM);
        ck_assert_int_eq(
            thm_head_backward_ref(&h, &f.state, f.G, NULL, NULL, NULL, NULL),
            THM_EDIM);
    }
    f.X[1] = NAN;
    ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_EDOMAIN);
    f.X[1] = 1e200; /* S overflows, to either infinity */
    f.Wq[0] = f.Wq[2] = -1e150;
    ck_assert_int_eq(thm_head_forward(&f.head, &f.state), THM_EDOMAIN);
    ck_assert_int_eq(thm_head_forward_ref(&f.head, &f.state), THM_EDOMAIN);
    teardown(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attn");
    TCase *t = tcase_create("head");
    tcase_add_test(t, forward_and_backward_agree_with_the_plain_twin);
    tcase_add_test(t, gradients_agree_with_central_differences);
    tcase_add_test(t, rows_of_the_score_gradient_sum_to_zero);
    tcase_add_test(t, one_token_has_only_a_value_gradient);
    tcase_add_test(t, large_logits_stay_finite);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
