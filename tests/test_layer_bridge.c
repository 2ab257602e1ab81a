/* Oracle: a second route, the value-softmax model of src/flow, which knows
 * nothing of attention. */
#include "flow/value_flow.h"
#include "tests/complex_layer.h"
#include "tests/scratch.h"

/* The bridge between the pillars.  X = I, c = 1, every query (1, 0, ...), keys
 * with the logits in their first column: each of the n rows of S is softmax(a),
 * F = 1 (V p)' and f = n L(V softmax(a)), L(z) = |z - b|^2 / 2. */
START_TEST(one_query_with_learned_logits_is_the_value_softmax_model)
{
    static const int shapes[][2] = {{1, 1}, {2, 1}, {3, 2}, {9, 4}, {65, 8}};
    for (int k = 0; k < 5; k++) {
        const int n = shapes[k][0], d = shapes[k][1], part = n * d;
        double *x = drawn((uint64_t)k, part + n),
               *b = drawn(70 + (uint64_t)k, d),
               *X = calloc((size_t)(n * n), sizeof *X),
               *Wo = calloc((size_t)(d * d), sizeof *Wo), *Y = room(part),
               *W = calloc((size_t)(3 * part), sizeof *W),
               *v = drawn(80 + (uint64_t)k, part + n),
               *dW = calloc((size_t)(2 * part), sizeof *dW),
               *g = room(2 * part), *want = room(part + n), f, L;
        ck_assert(X != NULL && Wo != NULL && W != NULL && dW != NULL);
        for (int j = 0; j < n; j++) {
            X[j * n + j] = 1.0;
            W[j * d] = 1.0;                /* Wq */
            W[part + j * d] = x[part + j]; /* Wk */
            dW[j * d] = v[part + j];       /* along Wk, then Wv */
            for (int a = 0; a < d; a++) {
                Y[j * d + a] = b[a];
                W[2 * part + j * d + a] = x[a * n + j];
                dW[part + j * d + a] = v[a * n + j];
            }
        }
        for (int a = 0; a < d; a++) {
            Wo[a * d + a] = 1.0;
        }
        const thm_layer layer = {.N = 1,
                                 .n = n,
                                 .D = n,
                                 .d = d,
                                 .H = 1,
                                 .m = d,
                                 .kernel = THM_KERNEL_SOFTMAX,
                                 .c = 1.0,
                                 .X = X,
                                 .Y = Y,
                                 .Wo = Wo};
        const thm_weights w = {W, W + part, W + 2 * part};
        const thm_loss loss = {.kind = THM_LOSS_SQUARE, .d = d, .b = b};
        thm_layer_problem *problem;
        thm_value_flow *flow;
        ck_assert_int_eq(thm_layer_problem_alloc(
                             &layer, &w, THM_TRAIN_K | THM_TRAIN_V, &problem),
                         THM_OK);
        ck_assert_int_eq(
            thm_value_flow_alloc(d, n, &loss, THM_NORMALISE_SOFTMAX, &flow),
            THM_OK);
        const thm_objective *attn = thm_layer_objective(problem);
        const thm_objective other = thm_value_flow_objective(flow);
        const double *at = W + part;
        ck_assert_int_eq(attn->value(at, &f, attn->ctx), THM_OK);
        ck_assert_int_eq(other.value(x, &L, other.ctx), THM_OK);
        ck_assert_double_le(fabs(f - n * L), 1e-12 * f);
        for (int second = 0; second < 2; second++) {
            ck_assert_int_eq(attn->gradient(at, g, attn->ctx), THM_OK);
            ck_assert_int_eq(other.gradient(x, want, other.ctx), THM_OK);
            if (second) {
                ck_assert_int_eq(attn->hvp(at, dW, g, attn->ctx), THM_OK);
                ck_assert_int_eq(other.hvp(x, v, want, other.ctx), THM_OK);
            }
            const double size = n * largest_of(part + n, want);
            ck_assert_double_gt(size, 0.1);
            for (int j = 0; j < n; j++) {
                ck_assert_double_le(fabs(g[j * d] - n * want[part + j]),
                                    1e-12 * size);
                for (int a = 0; a < d; a++) {
                    ck_assert_double_le(
                        fabs(g[part + j * d + a] - n * want[a * n + j]),
                        1e-12 * size);
                }
            }
        }
        thm_layer_problem_free(problem);
        thm_value_flow_free(flow);
        free(x);
        free(b);
        free(X);
        free(Wo);
        free(Y);
        free(W);
        free(v);
        free(dW);
        free(g);
        free(want);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_bridge");
    TCase *t = tcase_create("bridge");
    tcase_add_test(t, one_query_with_learned_logits_is_the_value_softmax_model);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
