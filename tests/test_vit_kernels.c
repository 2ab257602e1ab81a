/* Oracles: the double kernels for the float ones of every instruction set that
 * this CPU has, on odd sizes; for the double ones formulas in long double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "la/isa.h"
#include "tests/scratch.h"
#define THM_REAL 32
#include "vit/kernels.h"
#undef THM_REAL
#define THM_REAL 64
#include "vit/kernels.h"

static const int sizes[] = {1, 2, 3, 7, 8, 9, 17, 63, 65};
enum { SIZES = sizeof sizes / sizeof *sizes, MOST = 65, ROWS = 3 };
static const double EPS = 0x1p-23;

static const thm_vit32_kernels *kernels_of(thm_isa isa)
{
    const thm_isa have = thm_isa_detect();
    if (isa > have) {
        return NULL;
    }
    return isa == THM_ISA_AVX512 ? &thm_vit32_kernels_avx512
           : isa == THM_ISA_AVX2 ? &thm_vit32_kernels_avx2
                                 : &thm_vit32_kernels_baseline;
}

/* The same numbers in both precisions. */
typedef struct {
    float f[MOST * MOST];
    double d[MOST * MOST];
} both;

static void draw(uint64_t stream, double scale, both *x)
{
    thm_rng rng = thm_rng_make(1127, stream);
    for (int i = 0; i < MOST * MOST; i++) {
        x->f[i] = (float)(scale * thm_rng_normal(&rng));
        x->d[i] = (double)x->f[i];
    }
}

static void compare(const char *what, int count, const both *x, double bound)
{
    for (int i = 0; i < count; i++) {
        const double error = fabs((double)x->f[i] - x->d[i]);
        ck_assert_msg(error <= bound, "%s[%d]: %g, double %g, bound %g", what,
                      i, (double)x->f[i], x->d[i], bound);
    }
}

START_TEST(gelu_is_accurate)
{
    /* formula: erfc and exp of long doubles; Phi errs by 2 eps, times |x| */
    const thm_vit32_kernels *k = kernels_of((thm_isa)_i);
    if (k == NULL) {
        return;
    }
    for (int i = -4000; i <= 4000; i++) {
        float x = (float)i * 0.00413f, y;
        const long double at = (long double)x;
        const long double phi = 0.5L * erfcl(-at / sqrtl(2));
        const long double density = expl(-at * at / 2) / sqrtl(2 * acosl(-1));
        k->gelu(1, &x, &y);
        const double bound = 2 * EPS * (double)fmaxl(1, fabsl(at));
        ck_assert_double_le((double)fabsl((long double)y - at * phi), bound);
        ck_assert_double_le(
            (double)fabsl((long double)x - (phi + at * density)), bound);
        double wide = (double)at, out;
        thm_vit64_kernels_baseline.gelu(1, &wide, &out);
        ck_assert_double_le((double)fabsl((long double)out - at * phi),
                            4 * 0x1p-52 * (double)fmaxl(1, fabsl(at)));
    }
    float edges[] = {0, -0.0f, 100, -100, 1e20f, -1e20f, NAN}, out[7];
    k->gelu(7, edges, out);
    ck_assert(out[0] == 0 && out[2] == 100 && out[3] == 0 && out[4] == 1e20f &&
              out[5] == 0 && isnan(out[6]));
}
END_TEST

START_TEST(exponentials_are_accurate)
{
    /* formula: exp of long doubles; the unnormalised Gaussian of q.k = 0, k = 0
     * is exp(-|q|^2) */
    const thm_vit32_kernels *k = kernels_of((thm_isa)_i);
    if (k == NULL) {
        return;
    }
    for (int i = 0; i <= 40000; i++) {
        const float q2 = (float)i * 0.00218f, none = 0, S = 0;
        float A;
        const thm_vit32_head head = {.kind = THM_VIT_GAUSSIAN,
                                     .T = 1,
                                     .scale = 1,
                                     .gain = 1,
                                     .q2 = &q2,
                                     .k2 = &none};
        k->attend(&head, &S, &A);
        const double want = exp(-(double)q2);
        ck_assert_double_le(fabs((double)A - want), 2 * EPS * want);
    }
}
END_TEST

START_TEST(open_gates_keep_their_slope)
{
    /* formula: e^-x / (1 + e^-x)^2 in doubles; three roundings, the last of
     * them where the float's exponent ends */
    const thm_vit32_kernels *k = kernels_of((thm_isa)_i);
    if (k == NULL) {
        return;
    }
    for (int i = -1600; i <= 1600; i++) {
        const thm_vit32_head head = {
            .kind = THM_VIT_SIGMOID, .T = 1, .scale = 1, .gain = 1};
        const float S = (float)i * 0.0517f;
        const double e = exp(-fabs((double)S)), p = 1 / (1 + e);
        float A, G = 1, u, w;
        k->attend(&head, &S, &A);
        k->attend_back(&head, &S, &A, &G, &u, &w);
        ck_assert_double_le(fabs((double)G - e * p * p), 8 * EPS * e);
    }
}
END_TEST

START_TEST(norms_agree)
{
    /* second route: double; sums of D terms of size sqrt(D) */
    const thm_vit32_kernels *k = kernels_of((thm_isa)(_i / SIZES));
    const thm_vit64_kernels *r = &thm_vit64_kernels_baseline;
    static both x, gain, shift, y, mean, rstd, dy, dx, d_gain, d_shift;
    const int D = sizes[_i % SIZES];
    if (k == NULL) {
        return;
    }
    draw(1, 2.385, &x);
    draw(2, 1.127, &gain);
    draw(3, 0.731, &shift);
    draw(4, 1, &dy);
    draw(5, 1, &dx);
    draw(6, 1, &d_gain);
    draw(7, 1, &d_shift);
    k->norm(ROWS, D, x.f, gain.f, shift.f, y.f, mean.f, rstd.f);
    r->norm(ROWS, D, x.d, gain.d, shift.d, y.d, mean.d, rstd.d);
    /* the largest rstd amplifies what the mean lost */
    double worst = 1;
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int j = 0; j < D; j++) {
            sum += x.d[i * D + j];
        }
        ck_assert_double_le(fabs(sum / D - mean.d[i]), D * 0x1p-48);
        if (D > 1) {
            worst = fmax(worst, rstd.d[i]);
        }
    }
    const double bound = 8 * (4 + log2(D)) * EPS * worst;
    compare("y", D > 1 ? ROWS * D : 0, &y, 4 * bound);
    if (D > 1) {
        k->norm_back(ROWS, D, x.f, gain.f, mean.f, rstd.f, dy.f, dx.f, d_gain.f,
                     d_shift.f);
        r->norm_back(ROWS, D, x.d, gain.d, mean.d, rstd.d, dy.d, dx.d, d_gain.d,
                     d_shift.d);
        compare("dx", ROWS * D, &dx, 16 * bound * worst);
        compare("d_gain", D, &d_gain, 16 * bound);
        compare("d_shift", D, &d_shift, 16 * EPS);
    }
}
END_TEST

START_TEST(attention_agrees)
{
    /* second route: double */
    const int kinds = THM_VIT_QK_NORM + 1;
    const thm_vit32_kernels *k = kernels_of((thm_isa)(_i / kinds));
    static both S, A, G, q2, k2, u, w;
    if (k == NULL) {
        return;
    }
    for (int t = 0; t < 2 * SIZES; t++) {
        const int T = sizes[t / 2];
        draw(11, 1.385, &S);
        draw(12, 1.127, &G);
        draw(13, 0.6, &q2);
        draw(14, 0.6, &k2);
        for (int i = 0; i < T; i++) {
            /* |q|^2 |k|^2 >= (q.k)^2, or nearly: distances are positive */
            q2.d[i] = q2.f[i] = 3 + fabsf(q2.f[i]);
            k2.d[i] = k2.f[i] = 3 + fabsf(k2.f[i]);
        }
        thm_vit32_head hf = {.kind = (thm_vit_attention)(_i % kinds),
                             .causal = t % 2 == 1,
                             .T = T,
                             .scale = 0.5f,
                             .gain = 1.5f,
                             .q2 = q2.f,
                             .k2 = k2.f};
        thm_vit64_head hd = {.kind = hf.kind,
                             .causal = hf.causal,
                             .T = T,
                             .scale = 0.5,
                             .gain = 1.5,
                             .q2 = q2.d,
                             .k2 = k2.d};
        for (int i = 0; i < T * T; i++) { /* whatever lies there */
            A.f[i] = -7;
            A.d[i] = 7;
        }
        k->attend(&hf, S.f, A.f);
        thm_vit64_kernels_baseline.attend(&hd, S.d, A.d);
        const double gf = (double)k->attend_back(&hf, S.f, A.f, G.f, u.f, w.f);
        const double gd = thm_vit64_kernels_baseline.attend_back(&hd, S.d, A.d,
                                                                 G.d, u.d, w.d);
        /* rows of two may have a tiny spread, by which NormSoftmax divides */
        const bool spread = hf.kind == THM_VIT_NORMSOFTMAX_STD ||
                            hf.kind == THM_VIT_NORMSOFTMAX_VAR;
        const double bound = (spread ? 4000 : 40) * (4 + T) * EPS;
        compare("A", T * T, &A, bound);
        compare("G", T * T, &G, bound);
        if (hf.kind == THM_VIT_GAUSSIAN || hf.kind == THM_VIT_QK_NORM ||
            hf.kind == THM_VIT_GAUSSIAN_NORMALISED) {
            compare("u", T, &u, bound);
            compare("w", T, &w, bound);
        }
        ck_assert_double_le(fabs(gf - gd), T * bound);
    }
}
END_TEST

START_TEST(sums_agree)
{
    /* second route: double; and what is not finite is seen at every place */
    const thm_vit32_kernels *k = kernels_of((thm_isa)(_i / SIZES));
    static both x, y, sums;
    const int n = sizes[_i % SIZES];
    if (k == NULL) {
        return;
    }
    draw(21, 1, &x);
    draw(22, 1, &y);
    draw(23, 1, &sums);
    k->column_sums(ROWS, n, x.f, sums.f);
    thm_vit64_kernels_baseline.column_sums(ROWS, n, x.d, sums.d);
    compare("sums", n, &sums, 8 * EPS);
    k->times((size_t)n, y.f, x.f);
    thm_vit64_kernels_baseline.times((size_t)n, y.d, x.d);
    compare("product", n, &x, 8 * EPS);
    k->add((size_t)n, y.f, x.f);
    thm_vit64_kernels_baseline.add((size_t)n, y.d, x.d);
    compare("sum", n, &x, 16 * EPS);
    ck_assert(k->finite((size_t)n, x.f));
    ck_assert(thm_vit64_kernels_baseline.finite((size_t)n, x.d));
    for (int i = 0; i < n; i++) {
        const float kept = x.f[i], bad[] = {NAN, INFINITY, -INFINITY};
        for (int j = 0; j < 3; j++) {
            x.f[i] = bad[j];
            ck_assert(!k->finite((size_t)n, x.f));
        }
        x.f[i] = kept;
        x.d[i] = INFINITY;
        ck_assert(!thm_vit64_kernels_baseline.finite((size_t)n, x.d));
        x.d[i] = (double)kept;
    }
}
END_TEST

START_TEST(edges_of_attention)
{
    /* by hand: no spread; sigmoids and Gaussians that underflow; NaN stays */
    const thm_vit32_kernels *k = kernels_of((thm_isa)_i);
    if (k == NULL) {
        return;
    }
    float S[9] = {2, 2, 2, 2, 2, 2, 2, 2, 2}, A[9];
    thm_vit32_head h = {.kind = THM_VIT_NORMSOFTMAX_VAR, .T = 3, .scale = 1};
    k->attend(&h, S, A);
    for (int i = 0; i < 9; i++) {
        ck_assert(fabsf(A[i] - 1.0f / 3) <= 1e-7f);
    }
    float G[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, u[3], w[3];
    k->attend_back(&h, S, A, G, u, w);
    ck_assert(isnan(G[0]));
    h.kind = THM_VIT_SIGMOID;
    S[0] = 1000;
    S[1] = -1000;
    S[2] = 0;
    k->attend(&h, S, A);
    ck_assert(A[0] == 1 && A[1] == 0 && A[2] == 0.5f);
    h.kind = THM_VIT_SOFTMAX;
    S[0] = 3e38f;
    k->attend(&h, S, A);
    ck_assert(A[0] == 1 && A[1] == 0 && A[2] == 0);
    S[1] = NAN;
    for (int kind = THM_VIT_SOFTMAX; kind <= THM_VIT_QK_NORM; kind++) {
        const float squares[] = {1, 1, 1};
        h.kind = (thm_vit_attention)kind;
        h.q2 = h.k2 = squares;
        h.gain = 1;
        k->attend(&h, S, A);
        ck_assert_int_eq(isnan(A[1]) != 0, kind != THM_VIT_UNIFORM);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_kernels");
    TCase *t = tcase_create("kernels");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    suite_add_tcase(s, slow);
    const int isas = THM_ISA_AVX512 + 1;
    tcase_add_loop_test(t, gelu_is_accurate, 0, isas);
    tcase_add_loop_test(t, open_gates_keep_their_slope, 0, isas);
    tcase_add_loop_test(t, exponentials_are_accurate, 0, isas);
    tcase_add_loop_test(t, norms_agree, 0, isas * SIZES);
    tcase_add_loop_test(slow, attention_agrees, 0,
                        isas * (THM_VIT_QK_NORM + 1));
    tcase_add_loop_test(t, sums_agree, 0, isas * SIZES);
    tcase_add_loop_test(t, edges_of_attention, 0, isas);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
