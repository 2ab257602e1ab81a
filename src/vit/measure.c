/* What attention does in a forward pass: see measure.h. */
#include "vit/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "softmax/softmax.h"
#include "softmax/spectrum.h"

enum { ROLES = THM_ROLE_OTHER + 1 };

struct thm_vit_measure {
    thm_spectrum_work *spectrum;
    float *sizes; /* (samples T D) |activations| of a layer */
    double *p;    /* (T) a row of A                         */
};

thm_status thm_vit_measure_alloc(const thm_vit_config *config, int samples,
                                 thm_vit_measure **measure)
{
    const int T = thm_vit_length(config);
    size_t sizes;
    if (samples < 1) {
        return THM_EDIM;
    }
    if (thm_size_mul((size_t)samples, (size_t)T, &sizes) != THM_OK ||
        thm_size_mul(sizes, (size_t)config->width, &sizes) != THM_OK) {
        return THM_EOVERFLOW;
    }
    thm_vit_measure *m = calloc(1, sizeof *m);
    if (!m) {
        return THM_ENOMEM;
    }
    m->sizes = calloc(sizes, sizeof *m->sizes);
    m->p = calloc((size_t)T, sizeof *m->p);
    const thm_status status =
        m->sizes && m->p
            ? thm_spectrum_work_alloc(T, 1, thm_isa_detect(), &m->spectrum)
            : THM_ENOMEM;
    if (status != THM_OK) {
        thm_vit_measure_free(m);
        return status;
    }
    *measure = m;
    return THM_OK;
}

void thm_vit_measure_free(thm_vit_measure *m)
{
    if (!m) {
        return;
    }
    thm_spectrum_work_free(m->spectrum);
    free(m->sizes);
    free(m->p);
    free(m);
}

static bool is_probability(thm_vit_attention kind)
{
    return kind != THM_VIT_GAUSSIAN && kind != THM_VIT_SIGMOID &&
           kind != THM_VIT_LINEAR;
}

/* Sums over the rows of one head. */
typedef struct {
    double variance, margin, entropy, entropy2, norm2, fro;
    double to[ROLES], cls[ROLES]; /* by thm_role */
    long rows, cls_rows;
} sums;

/* Unbiased variance of the n >= 2 scores, and the largest less the second. */
static void add_scores(int n, const float *s, sums *all)
{
    double mean = 0.0, sum = 0.0;
    float first = -HUGE_VALF, second = -HUGE_VALF;
    for (int j = 0; j < n; j++) {
        mean += (double)s[j] / n;
        if (s[j] > first) {
            second = first;
            first = s[j];
        } else if (s[j] > second) {
            second = s[j];
        }
    }
    for (int j = 0; j < n; j++) {
        sum += ((double)s[j] - mean) * ((double)s[j] - mean);
    }
    all->variance += sum / (n - 1);
    all->margin += (double)first - (double)second;
}

static thm_status add_spectrum(thm_vit_measure *m, int n, sums *all)
{
    double h, relative, fro, largest;
    thm_status status = thm_probs_entropy(n, m->p, &h, &relative);
    if (status == THM_OK) {
        status = thm_softmax_jacobian_fro(n, m->p, 1.0, &fro);
    }
    if (status == THM_OK) {
        status = thm_spectrum_load_probs(m->spectrum, n, m->p, 1.0);
    }
    if (status == THM_OK) {
        status = thm_spectrum_range(m->spectrum, n - 1, 1, &largest, NULL);
    }
    if (status == THM_OK) {
        all->entropy += relative;
        all->entropy2 += relative * relative;
        all->norm2 += largest;
        all->fro += fro;
    }
    return status;
}

/* Row i of scores S and attention A of one sample; roles: (tokens) or NULL. */
static thm_status add_row(thm_vit_measure *m, const thm_vit_pass *pass,
                          thm_vit_attention kind, int i, const float *S,
                          const float *A, const uint8_t *roles,
                          double *received, sums *all)
{
    const thm_vit_config *c = pass->config;
    const int n = c->causal ? i + 1 : thm_vit_length(c);
    const int cls = c->pool == THM_VIT_CLS;
    if (n < 2) {
        return THM_OK;
    }
    all->rows++;
    all->cls_rows += cls && i == 0;
    add_scores(n, S, all);
    for (int j = 0; j < n; j++) {
        const double a = (double)A[j];
        m->p[j] = a;
        received[j] += a;
        if (j >= cls && roles) {
            all->to[roles[j - cls]] += a;
            all->cls[roles[j - cls]] += cls && i == 0 ? a : 0.0;
        }
    }
    return is_probability(kind) ? add_spectrum(m, n, all) : THM_OK;
}

static bool has_roles(const thm_vit_pass *pass)
{
    const size_t tokens = (size_t)pass->samples * (size_t)pass->config->tokens;
    for (size_t k = 0; pass->roles && k < tokens; k++) {
        if (pass->roles[k] != THM_ROLE_NONE) {
            return true;
        }
    }
    return false;
}

static void put_sums(const thm_vit_pass *pass, const sums *all,
                     bool probability, double *received, thm_vit_head *out)
{
    const double rows = (double)all->rows, none = (double)NAN;
    const double mean = all->entropy / rows;
    const bool roles = has_roles(pass);
    const int T = thm_vit_length(pass->config);
    out->logit_std = pass->scale * sqrt(all->variance / rows);
    out->margin = pass->scale * all->margin / rows;
    out->entropy = probability ? mean : none;
    out->entropy_std = probability
                           ? sqrt(fmax(all->entropy2 / rows - mean * mean, 0.0))
                           : none;
    out->jacobian_norm2 = probability ? all->norm2 / rows : none;
    out->jacobian_fro = probability ? all->fro / rows : none;
    for (int k = 0; k < ROLES; k++) {
        out->to[k] = roles ? all->to[k] / rows : none;
        out->cls[k] = roles ? all->cls[k] / (double)all->cls_rows : none;
    }
    out->sink_token = 0;
    for (int j = 0; j < T; j++) {
        received[j] /= rows;
        if (received[j] > received[out->sink_token]) {
            out->sink_token = j;
        }
    }
    out->sink = received[out->sink_token];
}

thm_status thm_vit_measure_head(thm_vit_measure *m, const thm_vit_pass *pass,
                                int layer, int head, double *received,
                                thm_vit_head *out)
{
    const thm_vit_config *c = pass->config;
    const size_t T = (size_t)thm_vit_length(c);
    const thm_vit_attention kind = c->attention[layer];
    sums all = {0};
    memset(received, 0, T * sizeof *received);
    for (int s = 0; s < pass->samples; s++) {
        thm_vit_view view;
        thm_vit32_look(pass->model, layer, s, &view);
        const uint8_t *roles =
            pass->roles ? pass->roles + (size_t)s * (size_t)c->tokens : NULL;
        for (size_t i = 0; i < T; i++) {
            const size_t at = ((size_t)head * T + i) * T;
            const thm_status status =
                add_row(m, pass, kind, (int)i, view.scores + at,
                        view.attention + at, roles, received, &all);
            if (status != THM_OK) {
                return status;
            }
        }
    }
    put_sums(pass, &all, is_probability(kind), received, out);
    return THM_OK;
}

static int ascending(const void *left, const void *right)
{
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

double thm_vit_measure_massive(thm_vit_measure *m, const thm_vit_pass *pass,
                               int layer)
{
    const thm_vit_config *c = pass->config;
    const size_t size = (size_t)thm_vit_length(c) * (size_t)c->width;
    const size_t all = size * (size_t)pass->samples;
    for (int s = 0; s < pass->samples; s++) {
        thm_vit_view view;
        thm_vit32_look(pass->model, layer, s, &view);
        for (size_t k = 0; k < size; k++) {
            m->sizes[(size_t)s * size + k] = fabsf(view.output[k]);
        }
    }
    qsort(m->sizes, all, sizeof *m->sizes, ascending);
    const double median =
        ((double)m->sizes[(all - 1) / 2] + (double)m->sizes[all / 2]) / 2.0;
    return (double)m->sizes[all - 1] / median;
}
