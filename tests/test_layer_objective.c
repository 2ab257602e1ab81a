/* Oracles: complex steps and their differences (complex_layer.h), the plain
 * twins, adjointness and symmetry. */
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include "tests/complex_layer.h"
#include "tests/scratch.h"

enum { SUBSETS = 7 };

/* An instance and a problem on a subset, with the subset's part of a direction
 * of all weights. */
typedef struct {
    instance s;
    thm_layer_problem *problem;
    const thm_objective *f;
    int trained;
    double *x;
} fixture;

static const int *shape_of(int k)
{
    static const int shapes[][6] = {
        {2, 3, 5, 3, 2, 2}, {1, 4, 2, 1, 3, 3}, {3, 1, 2, 2, 2, 1}};
    return shapes[k];
}

static void setup(fixture *t, int shape, thm_kernel kernel, int trained)
{
    const int *k = shape_of(shape);
    draw_instance((uint64_t)shape, k[0], k[1], k[2], k[3], k[4], k[5], kernel,
                  0.527, &t->s);
    t->trained = trained;
    ck_assert_int_eq(
        thm_layer_problem_alloc(&t->s.layer, &t->s.w, trained, &t->problem),
        THM_OK);
    t->f = thm_layer_objective(t->problem);
    ck_assert_int_eq(t->f->m, t->s.outputs);
    t->x = room(t->f->n);
    thm_layer_problem_start(t->problem, t->x);
}

static void teardown(fixture *t)
{
    thm_layer_problem_free(t->problem);
    free_instance(&t->s);
    free(t->x);
}

/* The trained parts of all (3 parts) weights, in order. */
static void pick(const fixture *t, const double *all, double *some)
{
    const int part = t->s.part;
    for (int k = 0; k < 3; k++) {
        if (t->trained & 1 << k) {
            memcpy(some, all + k * part, (size_t)part * sizeof *some);
            some += part;
        }
    }
}

/* The same with zeros for the others. */
static void spread(const fixture *t, const double *some, double *all)
{
    const int part = t->s.part;
    for (int k = 0; k < 3 * part; k++) {
        all[k] = t->trained & 1 << k / part ? *some++ : 0.0;
    }
}

START_TEST(value_residual_and_gradient_are_those_of_the_model)
{
    for (int k = 0; k < 3 * KERNELS * SUBSETS; k++) {
        fixture t;
        thm_layer_work *work;
        setup(&t, k / (KERNELS * SUBSETS), (thm_kernel)(k / SUBSETS % KERNELS),
              k % SUBSETS + 1);
        const int part = t.s.part, n = t.f->n, m = t.f->m;
        double *g = room(n), *all = room(3 * part), *want = room(n),
               *r = room(m), *F = room(m), f, loss;
        ck_assert_int_eq(thm_layer_work_alloc(&t.s.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_gradient(&t.s.layer, &t.s.w, work, &loss,
                                            all, all + part, all + 2 * part),
                         THM_OK);
        ck_assert_int_eq(thm_layer_forward(&t.s.layer, &t.s.w, work, F),
                         THM_OK);
        pick(&t, all, want);
        ck_assert_int_eq(t.f->value(t.x, &f, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->gradient(t.x, g, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->residual(t.x, r, t.f->ctx), THM_OK);
        /* the same operations: the same bits */
        ck_assert(f == loss);
        ck_assert(memcmp(g, want, (size_t)n * sizeof *g) == 0);
        for (int j = 0; j < m; j++) {
            ck_assert(r[j] == F[j] - t.s.Y[j]);
        }
        pick(&t, t.s.W, want);
        ck_assert(memcmp(t.x, want, (size_t)n * sizeof *g) == 0);
        thm_weights at = thm_layer_problem_weights(t.problem, t.x);
        const double *const found[] = {at.Wq, at.Wk, at.Wv};
        for (int j = 0, used = 0; j < 3; j++) {
            const bool trained = t.trained & 1 << j;
            ck_assert(found[j] ==
                      (trained ? t.x + used * part : t.s.W + j * part));
            used += trained;
        }
        free(g);
        free(all);
        free(want);
        free(r);
        free(F);
        thm_layer_work_free(work);
        teardown(&t);
    }
}
END_TEST

START_TEST(products_agree_with_complex_steps)
{
    for (int k = 0; k < 3 * KERNELS * SUBSETS; k++) {
        fixture t;
        setup(&t, k / (KERNELS * SUBSETS), (thm_kernel)(k / SUBSETS % KERNELS),
              k % SUBSETS + 1);
        const int n = t.f->n, m = t.f->m, part = t.s.part;
        double *v = drawn((uint64_t)k, n), *V = room(3 * part), *jv = room(m),
               *jv_c = room(m), *hv = room(n), *hv_c = room(3 * part),
               *hv_want = room(n);
        spread(&t, v, V);
        tangent_c(&t.s, V, jv_c);
        hessian_c(&t.s, V, hv_c);
        pick(&t, hv_c, hv_want);
        ck_assert_int_eq(t.f->jvp(t.x, v, jv, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->hvp(t.x, v, hv, t.f->ctx), THM_OK);
        const double tolerance = allowed(&t.s.layer);
        /* Beside the rounding of both: the parts of H v that cancel are of the
         * size of |J| |J v| and |R| |d2 F|; and the differences err by
         * e^4 = 1e-16 fifth derivatives of the gradient, which are up to
         * (|v| |x| |w| c)^5 ~ 1e4 times it here. */
        const double size = largest_of(3 * part, hv_c);
        ck_assert_double_le(distance_of(m, jv, jv_c),
                            tolerance * (largest_of(m, jv_c) + 1e-2));
        ck_assert_double_le(distance_of(n, hv, hv_want),
                            (10 * tolerance + 1e-11) * (size + 1e-2));
        free(v);
        free(V);
        free(jv);
        free(jv_c);
        free(hv);
        free(hv_c);
        free(hv_want);
        teardown(&t);
    }
}
END_TEST

START_TEST(products_agree_with_the_plain_twins_on_odd_sizes)
{
    for (int k = 0; k < ODD_CASES; k++) {
        instance s;
        thm_layer_problem *problem;
        draw_odd(k, &s);
        const int part = s.part, n = 3 * part;
        ck_assert_int_eq(thm_layer_problem_alloc(&s.layer, &s.w, 7, &problem),
                         THM_OK);
        const thm_objective *f = thm_layer_objective(problem);
        double *v = drawn((uint64_t)k, n), *F = room(f->m), *jv = room(f->m),
               *jv_ref = room(f->m), *g = room(n), *hv = room(n),
               *hv_ref = room(n);
        const thm_weights along = {v, v + part, v + 2 * part};
        ck_assert_int_eq(f->jvp(s.W, v, jv, f->ctx), THM_OK);
        ck_assert_int_eq(f->hvp(s.W, v, hv, f->ctx), THM_OK);
        ck_assert_int_eq(
            thm_layer_forward_ref(&s.layer, &s.w, &along, F, jv_ref), THM_OK);
        ck_assert_int_eq(
            thm_layer_gradient_ref(&s.layer, &s.w, &along, g, hv_ref), THM_OK);
        ck_assert_double_gt(largest_of(n, hv_ref), 0.01);
        ck_assert_double_le(distance_of(f->m, jv, jv_ref),
                            10 * allowed(&s.layer) * largest_of(f->m, jv_ref));
        ck_assert_double_le(distance_of(n, hv, hv_ref),
                            10 * allowed(&s.layer) * largest_of(n, hv_ref));
        free(v);
        free(F);
        free(jv);
        free(jv_ref);
        free(g);
        free(hv);
        free(hv_ref);
        thm_layer_problem_free(problem);
        free_instance(&s);
    }
}
END_TEST

static double dot(int n, const double *x, const double *y, double *size)
{
    double sum = 0.0;
    for (int k = 0; k < n; k++) {
        sum += x[k] * y[k];
        *size += fabs(x[k] * y[k]);
    }
    return sum;
}

/* <u, J v> = <J' u, v>, <w, H v> = <v, H w>, and J is the dense Jacobian. */
START_TEST(products_are_adjoint_and_symmetric)
{
    for (int k = 0; k < 3 * KERNELS * SUBSETS; k++) {
        fixture t;
        thm_layer_work *work;
        setup(&t, k / (KERNELS * SUBSETS), (thm_kernel)(k / SUBSETS % KERNELS),
              k % SUBSETS + 1);
        const int n = t.f->n, m = t.f->m, part = t.s.part;
        double *v = drawn((uint64_t)k, n), *w = drawn((uint64_t)k + 1000, n),
               *u = drawn((uint64_t)k, m), *jv = room(m), *jtu = room(n),
               *hv = room(n), *hw = room(n), *J = room(m * part),
               *dense = calloc((size_t)m, sizeof *dense), size = 1.0;
        const double tolerance = 10 * allowed(&t.s.layer);
        ck_assert_int_eq(t.f->jvp(t.x, v, jv, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->vjp(t.x, u, jtu, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->hvp(t.x, v, hv, t.f->ctx), THM_OK);
        ck_assert_int_eq(t.f->hvp(t.x, w, hw, t.f->ctx), THM_OK);
        double there = dot(m, u, jv, &size), back = dot(n, jtu, v, &size);
        ck_assert_double_le(fabs(there - back), tolerance * size);
        there = dot(n, w, hv, &size);
        back = dot(n, v, hw, &size);
        ck_assert_double_le(fabs(there - back), tolerance * size);
        ck_assert_int_eq(thm_layer_work_alloc(&t.s.layer, &work), THM_OK);
        for (int which = 0, used = 0; which < 3; which++) {
            if (!(t.trained & 1 << which)) {
                continue;
            }
            ck_assert_int_eq(
                thm_layer_jacobian(&t.s.layer, &t.s.w, 1 << which, work, J),
                THM_OK);
            for (int r = 0; r < m * part; r++) {
                dense[r / part] += J[r] * v[used * part + r % part];
            }
            used++;
        }
        ck_assert_double_le(distance_of(m, jv, dense), tolerance * size);
        free(v);
        free(w);
        free(u);
        free(jv);
        free(jtu);
        free(hv);
        free(hw);
        free(J);
        free(dense);
        thm_layer_work_free(work);
        teardown(&t);
    }
}
END_TEST

/* Whatever was asked before, at this point or another, in this order or that.
 */
START_TEST(a_point_gives_the_same_bits_after_any_other)
{
    for (int k = 0; k < KERNELS * SUBSETS; k++) {
        fixture a, b;
        setup(&a, 0, (thm_kernel)(k / SUBSETS), k % SUBSETS + 1);
        setup(&b, 0, (thm_kernel)(k / SUBSETS), k % SUBSETS + 1);
        const int n = a.f->n;
        const size_t bytes = (size_t)n * sizeof(double);
        double *other = drawn((uint64_t)k, n), *g = room(n), *g2 = room(n),
               *hv = room(n), *hv2 = room(n), f, f2;
        ck_assert_int_eq(a.f->gradient(a.x, g, a.f->ctx), THM_OK);
        ck_assert_int_eq(a.f->hvp(a.x, other, hv, a.f->ctx), THM_OK);
        ck_assert_int_eq(a.f->value(a.x, &f, a.f->ctx), THM_OK);
        other[0] += 0.5;
        ck_assert_int_eq(b.f->hvp(other, b.x, hv2, b.f->ctx), THM_OK);
        other[0] = NAN;
        ck_assert_int_eq(b.f->value(other, &f2, b.f->ctx), THM_EDOMAIN);
        free(other);
        other = drawn((uint64_t)k, n);
        ck_assert_int_eq(b.f->hvp(b.x, other, hv2, b.f->ctx), THM_OK);
        ck_assert_int_eq(b.f->value(b.x, &f2, b.f->ctx), THM_OK);
        ck_assert_int_eq(b.f->gradient(b.x, g2, b.f->ctx), THM_OK);
        ck_assert(f == f2 && memcmp(g, g2, bytes) == 0 &&
                  memcmp(hv, hv2, bytes) == 0);
        free(other);
        free(g);
        free(g2);
        free(hv);
        free(hv2);
        teardown(&a);
        teardown(&b);
    }
}
END_TEST

START_TEST(errors)
{
    fixture t;
    thm_layer_problem *none = NULL;
    setup(&t, 0, THM_KERNEL_GAUSSIAN, 7);
    static const int bad[] = {0, 8, -1, 15};
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(
            thm_layer_problem_alloc(&t.s.layer, &t.s.w, bad[k], &none),
            THM_EDIM);
    }
    thm_layer l = t.s.layer;
    l.H = 0;
    ck_assert_int_eq(thm_layer_problem_alloc(&l, &t.s.w, 1, &none), THM_EDIM);
    l = t.s.layer;
    l.Y = NULL;
    ck_assert_int_eq(thm_layer_problem_alloc(&l, &t.s.w, 1, &none),
                     THM_EDOMAIN);
    l = t.s.layer;
    l.Wo = NULL;
    ck_assert_int_eq(thm_layer_problem_alloc(&l, &t.s.w, 1, &none),
                     THM_EDOMAIN);
    /* H D d is an int, three of it are not; all arrays are small but Wo */
    static double X[1 << 15], Wo[1 << 15];
    l = (thm_layer){.N = 1,
                    .n = 1,
                    .D = 1 << 15,
                    .d = 1 << 15,
                    .H = 1,
                    .m = 1,
                    .c = 1.0,
                    .X = X,
                    .Y = X,
                    .Wo = Wo};
    ck_assert_int_eq(thm_layer_problem_alloc(&l, &t.s.w, 3, &none),
                     THM_EOVERFLOW);
    ck_assert_ptr_null(none);
    double out[100], nan = NAN, f = 2.385;
    for (int k = 0; k < 3; k++) {
        double *v = room(t.f->n);
        memset(v, 0, (size_t)t.f->n * sizeof *v);
        v[k * t.s.part] = nan;
        ck_assert_int_eq(t.f->jvp(t.x, v, out, t.f->ctx), THM_EDOMAIN);
        ck_assert_int_eq(t.f->hvp(t.x, v, out, t.f->ctx), THM_EDOMAIN);
        memcpy(v, t.x, (size_t)t.f->n * sizeof *v);
        v[k * t.s.part] = k == 1 ? HUGE_VAL : nan;
        ck_assert_int_eq(t.f->value(v, &f, t.f->ctx), THM_EDOMAIN);
        ck_assert_int_eq(t.f->residual(v, out, t.f->ctx), THM_EDOMAIN);
        ck_assert_int_eq(t.f->gradient(v, out, t.f->ctx), THM_EDOMAIN);
        ck_assert_int_eq(t.f->jvp(v, t.x, out, t.f->ctx), THM_EDOMAIN);
        ck_assert_int_eq(t.f->vjp(v, out, out + 50, t.f->ctx), THM_EDOMAIN);
        ck_assert(f == 2.385);
        free(v);
    }
    double u[12] = {nan};
    ck_assert_int_eq(t.f->vjp(t.x, u, out, t.f->ctx), THM_EDOMAIN);
    thm_layer_problem_free(NULL);
    teardown(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer_objective");
    TCase *t = tcase_create("objective");
    tcase_add_test(t, value_residual_and_gradient_are_those_of_the_model);
    tcase_add_test(t, products_agree_with_complex_steps);
    tcase_add_test(t, products_agree_with_the_plain_twins_on_odd_sizes);
    tcase_add_test(t, products_are_adjoint_and_symmetric);
    tcase_add_test(t, a_point_gives_the_same_bits_after_any_other);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
