/* Oracles: identities (the tokens' gradients add up to that of the positions;
 * the feature gradients by v are T times what tokens receive); a second route
 * by dense Jacobians in double; files read back. */
#include "io/tensor.h"
#include "tests/scratch.h"
#include "tests/vit_case.h"
#include "vit/maps.h"

enum { S = 3, L = 2, H = 2, T = 5, D = 7, WIDTH = 5 };

/* 4 patches of 2 x 2 pixels in one channel, and a CLS. */
static thm_vit_config picture_model(void)
{
    thm_vit_config c = vit_small();
    c.tokens = 4;
    c.features = 4;
    c.depth = L;
    c.heads = H;
    return c;
}

static void run_back(vit_case *v)
{
    thm_vit_score score;
    thm_message msg = {""};
    const thm_status status =
        thm_vit32_run(v->work32, v->params32, &v->batch, &v->loss,
                      v->gradient32, &score, &msg);
    ck_assert_msg(status == THM_OK, "%s", msg.text);
}

static thm_vit_maps maps_of(vit_case *v)
{
    thm_vit_maps m;
    run_back(v);
    ck_assert_int_eq(
        thm_vit_maps_read(&v->config, v->work32, v->params32, S, &m), THM_OK);
    return m;
}

START_TEST(gradients_of_tokens)
{
    const thm_vit_config c = picture_model();
    vit_case v;
    vit_draw(&c, S, 5, 0.3, &v);
    thm_vit_maps m = maps_of(&v);
    const float *positions =
        v.gradient32 + thm_vit_find(&v.layout, "pos_embed")->offset;
    for (int t = 0; t < T; t++) {
        for (int j = 0; j < D; j++) {
            double sum = 0.0;
            for (int s = 0; s < S; s++) {
                sum += (double)thm_vit32_token_gradient(v.work32, s)[t * D + j];
            }
            ck_assert_double_eq_tol(sum, (double)positions[t * D + j], 1e-6);
        }
        for (int s = 0; s < S; s++) {
            const float *g = thm_vit32_token_gradient(v.work32, s) + t * D;
            double norm = 0.0;
            for (int j = 0; j < D; j++) {
                norm = hypot(norm, (double)g[j]);
            }
            ck_assert_double_eq_tol((double)m.gradient[s * T + t], norm,
                                    1e-6 * norm + 1e-30);
        }
    }
    /* the third sample has no label */
    ck_assert(m.gradient[0] > 0.0F && m.gradient[2 * T] == 0.0F);
    thm_vit_maps_free(&m);
    thm_vit_maps_free(&m);
    thm_vit_maps_free(NULL);
    vit_drop(&v);
}
END_TEST

/* |d sum(z) / dq|, |.../dk|, mean over features, of one head by plain loops. */
static void plain_features(const thm_vit_view *view, int h, double scale,
                           double *by_q, double *by_k)
{
    const float *A = view->attention + h * T * T, *q = view->q + h * T * WIDTH,
                *k = view->k + h * T * WIDTH, *v = view->v + h * T * WIDTH;
    double dS[T][T];
    for (int i = 0; i < T; i++) {
        double mean = 0.0, g[T];
        for (int j = 0; j < T; j++) {
            g[j] = 0.0;
            for (int f = 0; f < WIDTH; f++) {
                g[j] += (double)v[j * WIDTH + f];
            }
            mean += (double)A[i * T + j] * g[j];
        }
        for (int j = 0; j < T; j++) {
            dS[i][j] = scale * (double)A[i * T + j] * (g[j] - mean);
        }
    }
    for (int i = 0; i < T; i++) {
        by_q[i] = by_k[i] = 0.0;
        for (int f = 0; f < WIDTH; f++) {
            double dq = 0.0, dk = 0.0;
            for (int j = 0; j < T; j++) {
                dq += dS[i][j] * (double)k[j * WIDTH + f];
                dk += dS[j][i] * (double)q[j * WIDTH + f];
            }
            by_q[i] += fabs(dq) / WIDTH;
            by_k[i] += fabs(dk) / WIDTH;
        }
    }
}

START_TEST(attention_and_features)
{
    const thm_vit_config c = picture_model();
    vit_case v;
    vit_draw(&c, S, 5, 0.6, &v);
    thm_vit_maps m = maps_of(&v);
    ck_assert(m.samples == S && m.layers == L && m.heads == H && m.T == T);
    for (int s = 0; s < S; s++) {
        for (int l = 0; l < L; l++) {
            thm_vit_view view;
            thm_vit32_look(v.work32, l, s, &view);
            for (int h = 0; h < H; h++) {
                const int at = ((s * L + l) * H + h) * T;
                double by_q[T], by_k[T], all = 0.0;
                plain_features(&view, h, 1 / sqrt(WIDTH), by_q, by_k);
                for (int t = 0; t < T; t++) {
                    double sum = 0.0;
                    for (int i = 0; i < T; i++) {
                        sum += (double)view.attention[(h * T + i) * T + t] / T;
                    }
                    ck_assert_double_eq_tol((double)m.received[at + t], sum,
                                            1e-6);
                    ck_assert(m.cls[at + t] == view.attention[h * T * T + t]);
                    ck_assert_double_eq_tol((double)m.feature[0][at + t],
                                            by_q[t], 1e-5);
                    ck_assert_double_eq_tol((double)m.feature[1][at + t],
                                            by_k[t], 1e-5);
                    ck_assert_double_eq_tol((double)m.feature[2][at + t],
                                            sum * T, 1e-5);
                    all += (double)m.received[at + t];
                }
                ck_assert_double_eq_tol(all, 1.0, 1e-6);
            }
        }
    }
    ck_assert(m.feature[0][0] > 1e-3F && m.feature[1][0] > 1e-3F);
    thm_vit_maps_free(&m);
    vit_drop(&v);
}
END_TEST

START_TEST(written_and_read_back)
{
    thm_vit_config c = picture_model();
    vit_case v;
    thm_tensor t;
    thm_message msg = {""};
    char spec[512];
    vit_draw(&c, S, 5, 0.6, &v);
    thm_vit_maps m = maps_of(&v);
    const char *path = scratch_path("m.safetensors");
    ck_assert_int_eq(thm_vit_maps_write(path, &m, &c, v.x, &msg), THM_OK);
    const struct {
        const char *name;
        const float *data;
        int ndim;
        size_t shape[4];
    } parts[] = {{"attention.received", m.received, 4, {S, L, H, T}},
                 {"attention.cls", m.cls, 4, {S, L, H, T}},
                 {"feature.q", m.feature[0], 4, {S, L, H, T}},
                 {"feature.k", m.feature[1], 4, {S, L, H, T}},
                 {"feature.v", m.feature[2], 4, {S, L, H, T}},
                 {"gradient", m.gradient, 2, {S, T}},
                 {"input", v.x, 3, {S, 4, 4}}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        snprintf(spec, sizeof spec, "%s:%s", scratch_path("m.safetensors"),
                 parts[k].name);
        ck_assert_msg(thm_tensor_read(spec, &t, &msg) == THM_OK, "%s",
                      msg.text);
        ck_assert_int_eq(t.ndim, parts[k].ndim);
        for (int i = 0; i < t.ndim; i++) {
            ck_assert_uint_eq(t.shape[i], parts[k].shape[i]);
        }
        for (size_t e = 0; e < t.count; e++) {
            ck_assert(t.data[e] == (double)parts[k].data[e]);
        }
        thm_tensor_free(&t);
    }
    ck_assert_int_eq(
        thm_vit_maps_write("/nowhere/m.safetensors", &m, &c, NULL, &msg),
        THM_EIO);
    thm_vit_maps_free(&m);
    vit_drop(&v);
}
END_TEST

/* Rows of a series, ten numbers each. */
static thm_tensor series_of(const thm_vit_maps *m, const thm_vit_grid *grid,
                            const thm_vit_config *c, const float *input)
{
    thm_tensor t;
    thm_message msg = {""};
    char path[256];
    snprintf(path, sizeof path, "%s", scratch_path("maps.tsv"));
    ck_assert_int_eq(thm_vit_maps_series(path, m, grid, c, input, &msg),
                     THM_OK);
    ck_assert_msg(thm_tensor_read(path, &t, &msg) == THM_OK, "%s", msg.text);
    ck_assert_uint_eq(t.shape[1], 10);
    return t;
}

START_TEST(pictures_as_a_series)
{
    const thm_vit_config c = picture_model();
    vit_case v;
    vit_draw(&c, S, 5, 0.6, &v);
    thm_vit_maps m = maps_of(&v);
    const thm_vit_grid grid = thm_vit_grid_of(&c, 2);
    ck_assert(grid.rows == 2 && grid.cols == 2 && grid.channels == 1);
    thm_tensor t = series_of(&m, &grid, &c, v.x);
    /* a sample: 16 pixels, 4 patches' gradients, 4 for each of 4 heads */
    ck_assert_uint_eq(t.shape[0], S * (16 + 4 + 16));
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int k = 0; k < 16; k++) {
        low = fmin(low, (double)v.x[16 + k]);
        high = fmax(high, (double)v.x[16 + k]);
    }
    for (int k = 0; k < 16; k++) { /* sample 1: pixel (y, x) of its patch */
        const double *row = t.data + (36 + k) * 10;
        const int y = k / 4, x = k % 4;
        const double pixel =
            (double)v.x[16 + (y / 2 * 2 + x / 2) * 4 + y % 2 * 2 + x % 2];
        ck_assert(row[0] == 1 && row[1] == 0 && row[2] == 0 && row[3] == 0);
        ck_assert(row[4] == y && row[5] == x && row[9] == 2);
        ck_assert_double_eq_tol(row[6], (pixel - low) / (high - low), 1e-12);
        ck_assert(isnan(row[8]));
    }
    /* sample 1, layer 1 (the second), head 0: tokens 1 to 4, not the CLS */
    const float *map = m.received + ((1 * L + 1) * H + 0) * T;
    double largest = 0.0;
    for (int k = 1; k < T; k++) {
        largest = fmax(largest, (double)map[k]);
    }
    for (int k = 0; k < 4; k++) {
        const double *row = t.data + (36 + 20 + 2 * 4 + k) * 10;
        ck_assert(row[1] == 4 && row[2] == 2 && row[3] == 1);
        ck_assert(row[4] == k / 2 && row[5] == k % 2);
        ck_assert_double_eq_tol(row[6], (double)map[1 + k] / largest, 1e-12);
        ck_assert(row[7] == largest && row[8] == (double)map[0]);
    }
    thm_tensor_free(&t);
    thm_vit_maps_free(&m);
    vit_drop(&v);
}
END_TEST

START_TEST(sequences_as_a_series)
{
    const thm_vit_config c = picture_model();
    vit_case v;
    vit_draw(&c, S, 5, 0.6, &v);
    thm_vit_maps m = maps_of(&v);
    const thm_vit_grid grid = thm_vit_grid_of(&c, 0);
    ck_assert(grid.rows == 1 && grid.cols == 4 && grid.channels == 0);
    thm_tensor t = series_of(&m, &grid, &c, v.x);
    ck_assert_uint_eq(t.shape[0], S * 6 * T);
    /* the norms of tokens, from the smallest to the largest; none of the CLS */
    ck_assert(isnan(t.data[6]) && t.data[5] == 0 && t.data[15] == 1);
    double norm[4], low = HUGE_VAL, high = 0.0;
    for (int k = 0; k < 4; k++) {
        norm[k] = vit_norm(
            4, (double[]){(double)v.x[4 * k], (double)v.x[4 * k + 1],
                          (double)v.x[4 * k + 2], (double)v.x[4 * k + 3]});
        low = fmin(low, norm[k]);
        high = fmax(high, norm[k]);
    }
    for (int k = 0; k < 4; k++) {
        ck_assert_double_eq_tol(t.data[(1 + k) * 10 + 6],
                                (norm[k] - low) / (high - low), 1e-12);
    }
    for (int k = 0; k < T; k++) { /* the gradient, with the CLS */
        const double *row = t.data + (T + k) * 10;
        ck_assert(row[1] == 1 && row[4] == 1 && row[5] == k && row[9] == 0);
        ck_assert_double_eq_tol(row[6] * row[7], (double)m.gradient[k], 1e-12);
    }
    thm_tensor_free(&t);
    /* words have no norms */
    t = series_of(&m, &grid, &c, NULL);
    ck_assert_uint_eq(t.shape[0], S * 5 * T);
    ck_assert(t.data[1] == 1);
    thm_tensor_free(&t);
    thm_message msg;
    ck_assert_int_eq(
        thm_vit_maps_series("/nowhere/maps.tsv", &m, &grid, &c, NULL, &msg),
        THM_EIO);
    thm_vit_maps_free(&m);
    vit_drop(&v);
}
END_TEST

START_TEST(without_a_cls)
{
    thm_vit_config c = picture_model();
    c.pool = THM_VIT_MEAN;
    vit_case v;
    thm_tensor t;
    thm_message msg = {""};
    char spec[512];
    vit_draw(&c, S, 5, 0.6, &v);
    thm_vit_maps m = maps_of(&v);
    ck_assert(m.cls == NULL && m.T == 4);
    const thm_vit_grid grid = {.rows = 2, .cols = 2, .side = 2, .channels = 1};
    t = series_of(&m, &grid, &c, v.x);
    ck_assert_uint_eq(t.shape[0], S * 36);
    ck_assert(isnan(t.data[20 * 10 + 8]));
    thm_tensor_free(&t);
    const char *path = scratch_path("m.safetensors");
    ck_assert_int_eq(thm_vit_maps_write(path, &m, &c, NULL, &msg), THM_OK);
    snprintf(spec, sizeof spec, "%s:attention.cls",
             scratch_path("m.safetensors"));
    ck_assert_int_eq(thm_tensor_read(spec, &t, &msg), THM_EFORMAT);
    thm_vit_maps before = m;
    ck_assert_int_eq(thm_vit_maps_read(&c, v.work32, v.params32, 0, &m),
                     THM_EDIM);
    ck_assert(before.block == m.block);
    thm_vit_maps_free(&m);
    vit_drop(&v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-maps");
    TCase *tc = tcase_create("maps");
    tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
    tcase_add_test(tc, gradients_of_tokens);
    tcase_add_test(tc, attention_and_features);
    tcase_add_test(tc, written_and_read_back);
    tcase_add_test(tc, pictures_as_a_series);
    tcase_add_test(tc, sequences_as_a_series);
    tcase_add_test(tc, without_a_cls);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
