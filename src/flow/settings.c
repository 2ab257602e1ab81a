/* The authors' settings: see settings.h. */
#include "flow/settings.h"

#include <math.h>
#include <stdlib.h>
#include "la/dense.h"
#include "la/svd.h"
#include "softmax/softmax.h"

static void fill_normal(thm_legacy *r, int count, double scale, double *out)
{
    for (int k = 0; k < count; k++) {
        out[k] = scale * thm_legacy_normal(r);
    }
}

static void skip_normal(thm_legacy *r, int count)
{
    for (int k = 0; k < count; k++) {
        thm_legacy_normal(r);
    }
}

static void fill_direction(thm_legacy *r, int d, double *b)
{
    fill_normal(r, d, 1.0, b);
    const double norm = thm_dense_norm(d, 1, b);
    for (int i = 0; i < d; i++) {
        b[i] /= norm;
    }
}

static thm_status draw_a(thm_setting *s, thm_legacy *r)
{
    thm_legacy_seed(r, 123);
    fill_normal(r, s->d * s->n, 0.1, s->x);
    skip_normal(r, s->n); /* a = 0 times these */
    fill_direction(r, s->d, s->data);
    return THM_OK;
}

/* B, C and D: the generator is seeded again between b and V, so that the first
 * row of V is parallel to b; D keeps only a of it, and U = I. */
static thm_status draw_bcd(thm_setting *s, thm_legacy *r)
{
    double *a = s->x + (size_t)s->d * (size_t)s->n;
    thm_legacy_seed(r, 42);
    fill_direction(r, s->d, s->data);
    thm_legacy_seed(r, 42);
    fill_normal(r, s->d * s->n, 0.1, s->x);
    for (int k = 0; k < s->n; k++) {
        a[k] = 1.0 + 0.1 * thm_legacy_normal(r);
    }
    for (int k = 0; s->tied && k < s->d * s->n; k++) {
        s->x[k] = k % (s->n + 1) == 0 ? 1.0 : 0.0;
    }
    return THM_OK;
}

/* X has the singular vectors of a random matrix and equally spaced singular
 * values from 1 down to 1 / kappa. */
static thm_status draw_e(thm_setting *s, thm_legacy *r)
{
    enum { N = 20 };
    double *raw = s->data, *y = s->data + N * N;
    double values[N], U[N * N], Vt[N * N];
    thm_legacy_seed(r, 123);
    fill_normal(r, N * N, 1e-5, s->x);
    fill_normal(r, N, 1e-3, s->x + N * N);
    fill_normal(r, N * N, 1.0, raw);
    fill_normal(r, N, 1.0, y);
    const thm_status status = thm_svd(N, N, raw, values, U, Vt, NULL);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0.0;
            for (int k = 0; k < N; k++) {
                const double sigma =
                    1.0 + (1.0 / s->variant - 1.0) * k / (N - 1);
                sum += U[i * N + k] * sigma * Vt[k * N + j];
            }
            raw[i * N + j] = sum;
        }
    }
    return THM_OK;
}

/* They keep V as tokens x classes; here its columns are the tokens. */
static thm_status draw_f(thm_setting *s, thm_legacy *r)
{
    thm_legacy_seed(r, 123);
    for (int j = 0; j < s->n; j++) {
        for (int i = 0; i < s->d; i++) {
            s->x[(size_t)i * (size_t)s->n + (size_t)j] =
                0.1 * thm_legacy_normal(r);
        }
    }
    skip_normal(r, s->n);
    for (int i = 0; i < s->d; i++) {
        s->data[i] = 10.0 * thm_legacy_uniform(r);
    }
    return thm_softmax(s->d, s->data, 1.0, s->data);
}

/* Sizes, loss and discretisation of a setting; false if there is none. */
static bool outline(char id, int variant, thm_setting *s)
{
    const bool any = variant >= 0 && variant <= THM_NORMALISE_SIGMOID;
    *s = (thm_setting){.id = id,
                       .variant = variant,
                       .d = 10,
                       .n = 10,
                       .normalisation = THM_NORMALISE_SOFTMAX,
                       .loss.kind = THM_LOSS_LOGISTIC,
                       .step = 0.1};
    switch (id) {
    case 'A':
        s->d = s->n = 8;
        s->steps = 1000000;
        return variant == 0;
    case 'B':
    case 'C':
        s->normalisation = any ? (thm_normalisation)variant : 0;
        s->loss.kind = id == 'B' ? THM_LOSS_SQUARE : THM_LOSS_LOGISTIC;
        s->step = id == 'B' ? 0.1 : 0.5;
        s->steps = id == 'B' ? 5000 : 100000;
        return any;
    case 'D':
        s->d = s->n = variant;
        s->tied = true;
        s->step = 0.05;
        s->steps = 10000;
        return variant == 10 || variant == 20 || variant == 50 ||
               variant == 100;
    case 'E':
        s->d = s->n = 20;
        s->loss.kind = THM_LOSS_QUADRATIC;
        s->loss.m = 20;
        s->step = 1e-3;
        s->steps = 300000;
        return variant >= 1 && variant <= 5;
    case 'F':
        s->loss.kind = THM_LOSS_CROSS_ENTROPY;
        s->steps = 10000000;
        return variant == 0;
    default:
        return false;
    }
}

thm_status thm_setting_draw(char id, int variant, thm_setting *setting)
{
    thm_setting s;
    thm_legacy r;
    if (!outline(id, variant, &s)) {
        return THM_EDOMAIN;
    }
    thm_status status = thm_legacy_alloc(1, &r);
    if (status != THM_OK) {
        return status;
    }
    const size_t rows = (size_t)s.d + (size_t)s.loss.m, n = (size_t)s.n;
    s.loss.d = s.d;
    s.x = malloc(((size_t)s.d + 1) * n * sizeof *s.x);
    s.data = malloc((rows * (size_t)s.d + rows) * sizeof *s.data);
    if (!s.x || !s.data) {
        status = THM_ENOMEM;
        goto done;
    }
    for (size_t j = 0; j < n; j++) {
        s.x[(size_t)s.d * n + j] = 0.0;
    }
    if (id == 'E') {
        s.loss.X = s.data;
        s.loss.y = s.data + (size_t)s.loss.m * (size_t)s.d;
        status = draw_e(&s, &r);
    } else {
        s.loss.b = s.data;
        status = id == 'A'   ? draw_a(&s, &r)
                 : id == 'F' ? draw_f(&s, &r)
                             : draw_bcd(&s, &r);
    }
done:
    thm_legacy_free(&r);
    if (status != THM_OK) {
        thm_setting_free(&s);
        return status;
    }
    *setting = s;
    return THM_OK;
}

void thm_setting_free(thm_setting *setting)
{
    free(setting->x);
    free(setting->data);
    setting->x = setting->data = NULL;
}
