/* Oracles: a second route, LAPACK's full SVD of the weights and plain loops
 * over the scores; the parts that rows are made of, read alone. */
#include "la/svd.h"
#include "tests/scratch.h"
#include "tests/vit_case.h"
#include "vit/inspect.h"

#define COLUMN(id) THM_VIT_INSPECT_##id

enum { SAMPLES = 3, L = 2, H = 2, T = 4, D = 7, WIDTH = 5 };

typedef struct {
    vit_case v;
    thm_vit_pass pass;
    double rows[L * H * THM_VIT_INSPECT];
} setting;

static void open_setting(bool causal, setting *s)
{
    thm_vit_config c = vit_small();
    thm_vit_score score;
    c.depth = L;
    c.heads = H;
    if (causal) {
        c.pool = THM_VIT_MEAN;
        c.tokens = T;
        c.causal = true;
    }
    vit_draw(&c, SAMPLES, 17, 0.6, &s->v);
    ck_assert_int_eq(thm_vit32_run(s->v.work32, s->v.params32, &s->v.batch,
                                   &s->v.loss, NULL, &score, NULL),
                     THM_OK);
    s->pass = (thm_vit_pass){.config = &s->v.config,
                             .model = s->v.work32,
                             .samples = SAMPLES,
                             .scale = 1 / sqrt(WIDTH)};
}

static void read_setting(setting *s, int rank_samples)
{
    ck_assert_int_eq(thm_vit_inspect(&s->pass, &s->v.layout, s->v.params32,
                                     rank_samples, s->rows),
                     THM_OK);
}

static const double *row_of(const setting *s, int l, int h)
{
    return s->rows + (l * H + h) * THM_VIT_INSPECT;
}

START_TEST(weights_of_the_head)
{
    setting s;
    open_setting(false, &s);
    read_setting(&s, 2);
    for (int l = 0; l < L; l++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", l);
        const float *qkv =
            s.v.params32 + thm_vit_find(&s.v.layout, name)->offset;
        for (int h = 0; h < H; h++) {
            const double *row = row_of(&s, l, h);
            double Q[WIDTH * D], K[WIDTH * D], q[WIDTH], k[WIDTH];
            for (int e = 0; e < WIDTH * D; e++) {
                Q[e] = (double)qkv[h * WIDTH * D + e];
                K[e] = (double)qkv[(H + h) * WIDTH * D + e];
            }
            ck_assert_int_eq(thm_svd_values(WIDTH, D, Q, q, NULL), THM_OK);
            ck_assert_int_eq(thm_svd_values(WIDTH, D, K, k, NULL), THM_OK);
            ck_assert(row[COLUMN(LAYER)] == l && row[COLUMN(HEAD)] == h);
            ck_assert(row[COLUMN(Q_MAX)] == q[0]);
            ck_assert(row[COLUMN(Q_MIN)] == q[WIDTH - 1]);
            ck_assert(row[COLUMN(K_MAX)] == k[0]);
            ck_assert(row[COLUMN(K_MIN)] == k[WIDTH - 1]);
        }
    }
    vit_drop(&s.v);
}
END_TEST

START_TEST(parts_read_alone)
{
    setting s;
    thm_vit_measure *measure = NULL;
    double received[T];
    open_setting(false, &s);
    read_setting(&s, 2);
    ck_assert_int_eq(thm_vit_measure_alloc(&s.v.config, SAMPLES, &measure),
                     THM_OK);
    for (int l = 0; l < L; l++) {
        thm_vit_spectrum b;
        ck_assert_int_eq(thm_vit_b_spectrum(&s.v.config, s.v.work32, l, 2, &b),
                         THM_OK);
        for (int h = 0; h < H; h++) {
            const double *row = row_of(&s, l, h);
            thm_vit_head one;
            thm_sigma least;
            ck_assert_int_eq(
                thm_vit_measure_head(measure, &s.pass, l, h, received, &one),
                THM_OK);
            ck_assert_int_eq(
                thm_vit_sigma_s(&s.v.config, s.v.work32, l, h, SAMPLES, &least),
                THM_OK);
            const struct {
                int column;
                double value;
            } same[] = {
                {COLUMN(ENTROPY), one.entropy},
                {COLUMN(ENTROPY_STD), one.entropy_std},
                {COLUMN(JACOBIAN_NORM2), one.jacobian_norm2},
                {COLUMN(JACOBIAN_FRO), one.jacobian_fro},
                {COLUMN(LOGIT_STD), one.logit_std},
                {COLUMN(MARGIN), one.margin},
                {COLUMN(SINK), one.sink},
                {COLUMN(SINK_TOKEN), one.sink_token},
                {COLUMN(SINK_RELATIVE), T * one.sink},
                {COLUMN(SIGMA_S), least.min},
                {COLUMN(MASSIVE), thm_vit_measure_massive(measure, &s.pass, l)},
                {COLUMN(SIGMA_B), b.sigma.min},
                {COLUMN(SIGMA_B_LOWER), b.bound.lower},
                {COLUMN(SIGMA_B_UPPER), b.bound.upper},
                {COLUMN(SIGMA_B_MAX), b.sigma.max},
                {COLUMN(SIGMA_B_THRESHOLD), b.threshold},
                {COLUMN(NT), 2 * T},
                {COLUMN(HD), H * D},
                {COLUMN(HD_OVER_NT), (double)H * D / (2 * T)},
                {COLUMN(RANK_FULL), 1}};
            for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
                ck_assert_msg(row[same[k].column] == same[k].value,
                              "column %d: %g, not %g", same[k].column,
                              row[same[k].column], same[k].value);
            }
            ck_assert(one.sink == received[one.sink_token]);
            ck_assert(isnan(one.to[THM_ROLE_CHOSEN]));
        }
    }
    thm_vit_measure_free(measure);
    vit_drop(&s.v);
}
END_TEST

/* The largest score less the second, of the tokens that a row sees. */
static double margin_of(const float *scores, int n)
{
    double most = -HUGE_VAL, next = -HUGE_VAL;
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) {
            const double low = fmin((double)scores[i], (double)scores[j]);
            next = i != j ? fmax(next, low) : next;
        }
        most = fmax(most, (double)scores[j]);
    }
    return most - next;
}

START_TEST(margins)
{
    for (int causal = 0; causal < 2; causal++) {
        setting s;
        open_setting(causal, &s);
        read_setting(&s, 1);
        for (int h = 0; h < H; h++) {
            double sum = 0.0;
            int rows = 0;
            for (int i = 0; i < SAMPLES; i++) {
                thm_vit_view view;
                thm_vit32_look(s.v.work32, 1, i, &view);
                for (int t = causal; t < T; t++, rows++) {
                    sum += margin_of(view.scores + (h * T + t) * T,
                                     causal ? t + 1 : T);
                }
            }
            ck_assert_double_gt(sum, 0.1);
            ck_assert_double_eq_tol(row_of(&s, 1, h)[COLUMN(MARGIN)],
                                    sum / rows / sqrt(WIDTH), 1e-12);
        }
        vit_drop(&s.v);
    }
}
END_TEST

START_TEST(too_many_samples_for_b)
{
    setting s;
    open_setting(false, &s);
    ck_assert_int_eq(thm_vit_inspect(&s.pass, &s.v.layout, s.v.params32,
                                     SAMPLES + 1, s.rows),
                     THM_EDIM);
    ck_assert_int_eq(
        thm_vit_inspect(&s.pass, &s.v.layout, s.v.params32, 0, s.rows),
        THM_EDIM);
    thm_vit_measure *measure = NULL;
    ck_assert_int_eq(thm_vit_measure_alloc(&s.v.config, 0, &measure), THM_EDIM);
    ck_assert_ptr_null(measure);
    thm_vit_measure_free(NULL);
    vit_drop(&s.v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-rows");
    TCase *tc = tcase_create("rows");
    tcase_add_test(tc, weights_of_the_head);
    tcase_add_test(tc, parts_read_alone);
    tcase_add_test(tc, margins);
    tcase_add_test(tc, too_many_samples_for_b);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
