/* Oracle: central differences of the loss in double, extrapolated twice
 * (Richardson), for every parameter tensor of every variant. */
#include "tests/scratch.h"
#include "tests/vit_case.h"

static const double RELATIVE = 1e-7, ABSOLUTE = 1e-10;

static double central(vit_case *v, double *x, double h)
{
    const double kept = *x;
    *x = kept + h;
    const double above = vit_loss_of(v, false);
    *x = kept - h;
    const double below = vit_loss_of(v, false);
    *x = kept;
    return (above - below) / (2 * h);
}

/* Differences with steps h, h / 2, h / 4 leave c h^6 after two extrapolations,
 * rounding 10 u f / h: of three steps that is taken whose last extrapolation
 * changed least, which bounds both. */
static double extrapolated(vit_case *v, double *x)
{
    static const double steps[] = {0x1p-6, 0x1p-8, 0x1p-10};
    double best = NAN, least = HUGE_VAL;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const double h = steps[i];
        const double a = central(v, x, h), b = central(v, x, h / 2),
                     c = central(v, x, h / 4);
        const double ab = (4 * b - a) / 3, bc = (4 * c - b) / 3;
        if (fabs(bc - ab) < least) {
            least = fabs(bc - ab);
            best = (16 * bc - ab) / 15;
        }
    }
    return best;
}

static void check_case(vit_case *v, const char *what)
{
    vit_loss_of(v, true);
    for (int i = 0; i < v->layout.count; i++) {
        const thm_vit_tensor *t = &v->layout.tensors[i];
        const size_t n = (size_t)t->rows * (size_t)t->cols;
        const double *g = v->gradient + t->offset;
        double *want = vit_room(n, sizeof *want);
        double *gap = vit_room(n, sizeof *gap);
        for (size_t j = 0; j < n; j++) {
            want[j] = extrapolated(v, v->params + t->offset + j);
            gap[j] = g[j] - want[j];
        }
        const double size = vit_norm(n, want), error = vit_norm(n, gap);
        ck_assert_msg(error <= RELATIVE * size || error <= ABSOLUTE,
                      "%s, %s: |g| = %g, error %g", what, t->name, size, error);
        free(want);
        free(gap);
    }
}

static void check_config(const thm_vit_config *config, int count,
                         const char *what)
{
    vit_case v;
    vit_draw(config, count, 17, 0.25, &v);
    check_case(&v, what);
    vit_drop(&v);
}

START_TEST(attention_variants)
{
    thm_vit_config c = vit_small();
    const thm_vit_attention kind = (thm_vit_attention)_i;
    c.attention[0] = kind;
    check_config(&c, 3, thm_vit_attention_text(kind));
    c.heads = 3;
    c.depth = 2;
    c.attention[1] = kind;
    c.pool = THM_VIT_PER_TOKEN;
    c.causal = true;
    check_config(&c, 1, thm_vit_attention_text(kind));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_gradient");
    TCase *t = tcase_create("differences");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, attention_variants, 0, THM_VIT_QK_NORM + 1);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
