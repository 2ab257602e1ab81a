/* Instruments of training: see instruments.h. */
#include "vit/instruments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softmax/softmax.h"
#include "softmax/spectrum.h"

#define COLUMN(id) THM_INSTRUMENT_##id

const thm_tsv_column thm_instruments_columns[THM_INSTRUMENTS] = {
#define COLUMN_NAMES(id, name, unit) {name, unit},
    THM_INSTRUMENTS_TABLE(COLUMN_NAMES)
#undef COLUMN_NAMES
};

struct thm_instruments {
    thm_vit_config config;
    int samples, T;
    thm_vit32 *model;
    thm_samples probe;
    thm_spectrum_work *spectrum;
    float *gradient;  /* (total)                                  */
    float *sizes;     /* (samples T D) |activations| of a layer   */
    double *p;        /* (T) a row of A                           */
    double *rows;     /* (L x H x THM_INSTRUMENTS)                */
    double *received; /* (L x H x T)                              */
};

static thm_status fill(thm_instruments *in, const thm_trainer *trainer,
                       const thm_task *task)
{
    const thm_vit_config *c = &in->config;
    const size_t heads = (size_t)c->depth * (size_t)c->heads;
    const size_t tokens = (size_t)in->T;
    size_t sizes;
    if (thm_size_mul((size_t)in->samples, tokens, &sizes) != THM_OK ||
        thm_size_mul(sizes, (size_t)c->width, &sizes) != THM_OK) {
        return THM_EOVERFLOW;
    }
    const size_t total = (size_t)thm_trainer_layout(trainer)->total;
    in->gradient = calloc(total, sizeof *in->gradient);
    in->sizes = calloc(sizes, sizeof *in->sizes);
    in->p = calloc(tokens, sizeof *in->p);
    in->rows = calloc(heads * THM_INSTRUMENTS, sizeof *in->rows);
    in->received = calloc(heads * tokens, sizeof *in->received);
    if (!in->gradient || !in->sizes || !in->p || !in->rows || !in->received) {
        return THM_ENOMEM;
    }
    thm_status status = thm_vit32_alloc(c, in->samples, &in->model);
    if (status == THM_OK) {
        status = thm_samples_alloc(task, in->samples, &in->probe);
    }
    if (status == THM_OK) {
        status =
            thm_spectrum_work_alloc(in->T, 1, thm_isa_detect(), &in->spectrum);
    }
    return status;
}

thm_status thm_instruments_alloc(const thm_trainer *trainer,
                                 const thm_task *task, int samples,
                                 thm_instruments **instruments)
{
    if (samples < 1) {
        return THM_EDIM;
    }
    thm_instruments *in = calloc(1, sizeof *in);
    if (!in) {
        return THM_ENOMEM;
    }
    in->config = thm_trainer_options_of(trainer)->config;
    in->samples = samples;
    in->T = thm_vit_length(&in->config);
    const thm_status status = fill(in, trainer, task);
    if (status != THM_OK) {
        thm_instruments_free(in);
        return status;
    }
    *instruments = in;
    return THM_OK;
}

void thm_instruments_free(thm_instruments *in)
{
    if (!in) {
        return;
    }
    thm_vit32_free(in->model);
    thm_samples_free(&in->probe);
    thm_spectrum_work_free(in->spectrum);
    free(in->gradient);
    free(in->sizes);
    free(in->p);
    free(in->rows);
    free(in->received);
    free(in);
}

static double *row_of(const thm_instruments *in, int layer, int head)
{
    const size_t which =
        (size_t)layer * (size_t)in->config.heads + (size_t)head;
    return in->rows + which * THM_INSTRUMENTS;
}

const double *thm_instruments_row(const thm_instruments *in, int layer,
                                  int head)
{
    return row_of(in, layer, head);
}

static double *received_of(const thm_instruments *in, int layer, int head)
{
    const size_t which =
        (size_t)layer * (size_t)in->config.heads + (size_t)head;
    return in->received + which * (size_t)in->T;
}

const double *thm_instruments_received(const thm_instruments *in, int layer,
                                       int head)
{
    return received_of(in, layer, head);
}

void thm_instruments_put(const thm_instruments *in, thm_tsv *tsv)
{
    for (int l = 0; l < in->config.depth; l++) {
        for (int h = 0; h < in->config.heads; h++) {
            thm_tsv_row(tsv, row_of(in, l, h));
        }
    }
}

/* ---- weights --------------------------------------------------------------
 */

/* (rows x cols) with leading dimension ld: mean of |g| and norm of w. */
static void measure_part(const float *g, const float *w, int rows, int cols,
                         int ld, double *mean, double *norm)
{
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < cols; j++) {
            const size_t at = (size_t)i * (size_t)ld + (size_t)j;
            sum += fabs((double)g[at]);
            square += (double)w[at] * (double)w[at];
        }
    }
    *mean = sum / ((double)rows * (double)cols);
    *norm = sqrt(square);
}

static void measure_weights(thm_instruments *in, const thm_trainer *trainer,
                            int layer)
{
    static const int grads[] = {COLUMN(GRAD_Q), COLUMN(GRAD_K), COLUMN(GRAD_V)};
    static const int norms[] = {COLUMN(NORM_Q), COLUMN(NORM_K), COLUMN(NORM_V)};
    const thm_vit_config *c = &in->config;
    const thm_vit_layout *layout = thm_trainer_layout(trainer);
    const float *params = thm_trainer_params(trainer);
    const int d = c->head_width, D = c->width, inside = c->heads * d;
    char name[THM_VIT_NAME];
    snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", layer);
    const int64_t qkv = thm_vit_find(layout, name)->offset;
    snprintf(name, sizeof name, "blocks.%d.attn.proj.weight", layer);
    const int64_t proj = thm_vit_find(layout, name)->offset;
    for (int h = 0; h < c->heads; h++) {
        double *row = row_of(in, layer, h);
        for (int w = 0; w < 3; w++) {
            const int64_t at = qkv + ((int64_t)w * inside + h * d) * D;
            measure_part(in->gradient + at, params + at, d, D, D,
                         &row[grads[w]], &row[norms[w]]);
        }
        const int64_t at = proj + h * d;
        measure_part(in->gradient + at, params + at, D, d, inside,
                     &row[COLUMN(GRAD_O)], &row[COLUMN(NORM_O)]);
    }
}

/* ---- attention ------------------------------------------------------------
 */

static bool is_probability(thm_vit_attention kind)
{
    return kind != THM_VIT_GAUSSIAN && kind != THM_VIT_SIGMOID &&
           kind != THM_VIT_LINEAR;
}

/* Sums over the rows of one head. */
typedef struct {
    double variance, entropy, entropy2, norm2, fro;
    double to[4], cls[4]; /* by thm_role */
    long rows, cls_rows;
} sums;

static double variance_of(int n, const float *s)
{
    double mean = 0.0, sum = 0.0;
    for (int j = 0; j < n; j++) {
        mean += (double)s[j] / n;
    }
    for (int j = 0; j < n; j++) {
        sum += ((double)s[j] - mean) * ((double)s[j] - mean);
    }
    return sum / (n - 1);
}

static thm_status add_spectrum(thm_instruments *in, int n, sums *all)
{
    double h, relative, fro, largest;
    thm_status status = thm_probs_entropy(n, in->p, &h, &relative);
    if (status == THM_OK) {
        status = thm_softmax_jacobian_fro(n, in->p, 1.0, &fro);
    }
    if (status == THM_OK) {
        status = thm_spectrum_load_probs(in->spectrum, n, in->p, 1.0);
    }
    if (status == THM_OK) {
        status = thm_spectrum_range(in->spectrum, n - 1, 1, &largest, NULL);
    }
    if (status == THM_OK) {
        all->entropy += relative;
        all->entropy2 += relative * relative;
        all->norm2 += largest;
        all->fro += fro;
    }
    return status;
}

/* Row i of A of one sample; roles: (tokens). */
static thm_status add_row(thm_instruments *in, thm_vit_attention kind, int i,
                          const float *S, const float *A, const uint8_t *roles,
                          double *received, sums *all)
{
    const thm_vit_config *c = &in->config;
    const int n = c->causal ? i + 1 : in->T;
    const int cls = c->pool == THM_VIT_CLS;
    if (n < 2) {
        return THM_OK;
    }
    all->rows++;
    all->cls_rows += cls && i == 0;
    all->variance += variance_of(n, S);
    for (int j = 0; j < n; j++) {
        const double a = (double)A[j];
        in->p[j] = a;
        received[j] += a;
        if (j >= cls) {
            all->to[roles[j - cls]] += a;
            all->cls[roles[j - cls]] += cls && i == 0 ? a : 0.0;
        }
    }
    return is_probability(kind) ? add_spectrum(in, n, all) : THM_OK;
}

static bool has_roles(const thm_instruments *in)
{
    const size_t tokens = (size_t)in->samples * (size_t)in->config.tokens;
    for (size_t k = 0; k < tokens; k++) {
        if (in->probe.roles[k] != THM_ROLE_NONE) {
            return true;
        }
    }
    return false;
}

static void put_sums(const thm_instruments *in, double scale, const sums *all,
                     bool probability, double *received, double *row)
{
    static const struct {
        int role, to, cls;
    } masses[] = {
        {THM_ROLE_INDICATOR, COLUMN(TO_INDICATORS), COLUMN(CLS_INDICATORS)},
        {THM_ROLE_CHOSEN, COLUMN(TO_CHOSEN), COLUMN(CLS_CHOSEN)},
        {THM_ROLE_OTHER, COLUMN(TO_OTHER), COLUMN(CLS_OTHER)}};
    const double rows = (double)all->rows, none = (double)NAN;
    const bool roles = has_roles(in);
    const double mean = all->entropy / rows;
    row[COLUMN(LOGIT_STD)] = scale * sqrt(all->variance / rows);
    row[COLUMN(ENTROPY)] = probability ? mean : none;
    row[COLUMN(ENTROPY_STD)] =
        probability ? sqrt(fmax(all->entropy2 / rows - mean * mean, 0.0))
                    : none;
    row[COLUMN(JACOBIAN_NORM2)] = probability ? all->norm2 / rows : none;
    row[COLUMN(JACOBIAN_FRO)] = probability ? all->fro / rows : none;
    for (int k = 0; k < 3; k++) {
        row[masses[k].to] = roles ? all->to[masses[k].role] / rows : none;
        row[masses[k].cls] =
            roles ? all->cls[masses[k].role] / (double)all->cls_rows : none;
    }
    int sink = 0;
    for (int j = 0; j < in->T; j++) {
        received[j] /= rows;
        sink = received[j] > received[sink] ? j : sink;
    }
    row[COLUMN(SINK)] = received[sink];
    row[COLUMN(SINK_TOKEN)] = sink;
    row[COLUMN(SINK_RELATIVE)] = received[sink] * in->T;
}

static thm_status measure_head(thm_instruments *in, double scale, int layer,
                               int head)
{
    const int T = in->T;
    const thm_vit_attention kind = in->config.attention[layer];
    double *received = received_of(in, layer, head);
    sums all = {0};
    memset(received, 0, (size_t)T * sizeof *received);
    for (int s = 0; s < in->samples; s++) {
        thm_vit_view view;
        thm_vit32_look(in->model, layer, s, &view);
        const uint8_t *roles =
            in->probe.roles + (size_t)s * (size_t)in->config.tokens;
        for (int i = 0; i < T; i++) {
            const size_t at =
                ((size_t)head * (size_t)T + (size_t)i) * (size_t)T;
            const thm_status status =
                add_row(in, kind, i, view.scores + at, view.attention + at,
                        roles, received, &all);
            if (status != THM_OK) {
                return status;
            }
        }
    }
    put_sums(in, scale, &all, is_probability(kind), received,
             row_of(in, layer, head));
    return THM_OK;
}

/* ---- activations ----------------------------------------------------------
 */

static int ascending(const void *left, const void *right)
{
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

/* The largest |x| after the block over the median one. */
static double massive_of(thm_instruments *in, int layer)
{
    const size_t size = (size_t)in->T * (size_t)in->config.width;
    const size_t all = size * (size_t)in->samples;
    for (int s = 0; s < in->samples; s++) {
        thm_vit_view view;
        thm_vit32_look(in->model, layer, s, &view);
        for (size_t k = 0; k < size; k++) {
            in->sizes[(size_t)s * size + k] = fabsf(view.output[k]);
        }
    }
    qsort(in->sizes, all, sizeof *in->sizes, ascending);
    const double median =
        ((double)in->sizes[(all - 1) / 2] + (double)in->sizes[all / 2]) / 2.0;
    return (double)in->sizes[all - 1] / median;
}

thm_status thm_instruments_read(thm_instruments *in, const thm_trainer *trainer,
                                thm_message *msg)
{
    const thm_vit_config *c = &in->config;
    const size_t total = (size_t)thm_trainer_layout(trainer)->total;
    const double scale = thm_trainer_scale(trainer);
    thm_vit_score score;
    memset(in->gradient, 0, total * sizeof *in->gradient);
    thm_status status =
        thm_trainer_probe(trainer, THM_INSTRUMENTS_DRAW, 0, in->samples,
                          in->model, &in->probe, in->gradient, &score, msg);
    for (int l = 0; l < c->depth && status == THM_OK; l++) {
        const double massive = massive_of(in, l);
        measure_weights(in, trainer, l);
        for (int h = 0; h < c->heads && status == THM_OK; h++) {
            double *row = row_of(in, l, h);
            row[COLUMN(STEP)] = (double)thm_trainer_steps(trainer);
            row[COLUMN(LAYER)] = l;
            row[COLUMN(HEAD)] = h;
            row[COLUMN(MASSIVE)] = massive;
            status = measure_head(in, scale, l, h);
        }
    }
    return status;
}
