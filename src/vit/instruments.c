/* Instruments of training: see instruments.h. */
#include "vit/instruments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/measure.h"
#include "vit/spectra.h"

#define COLUMN(id) THM_INSTRUMENT_##id

const thm_tsv_column thm_instruments_columns[THM_INSTRUMENTS] = {
#define COLUMN_NAMES(id, name, unit) {name, unit},
    THM_INSTRUMENTS_TABLE(COLUMN_NAMES)
#undef COLUMN_NAMES
};

struct thm_instruments {
    thm_vit_config config;
    int samples, T;
    double floor; /* smoothed loss of a perfect network; NaN: unknown */
    thm_vit32 *model;
    thm_samples probe;
    thm_vit_measure *measure;
    float *gradient;  /* (total)                   */
    double *rows;     /* (L x H x THM_INSTRUMENTS) */
    double *received; /* (L x H x T)               */
};

static thm_status fill(thm_instruments *in, const thm_trainer *trainer,
                       const thm_task *task)
{
    const thm_vit_config *c = &in->config;
    const size_t heads = (size_t)c->depth * (size_t)c->heads;
    const size_t tokens = (size_t)in->T;
    const size_t total = (size_t)thm_trainer_layout(trainer)->total;
    in->gradient = calloc(total, sizeof *in->gradient);
    in->rows = calloc(heads * THM_INSTRUMENTS, sizeof *in->rows);
    in->received = calloc(heads * tokens, sizeof *in->received);
    if (!in->gradient || !in->rows || !in->received) {
        return THM_ENOMEM;
    }
    thm_status status = thm_vit32_alloc(c, in->samples, &in->model);
    if (status == THM_OK) {
        thm_vit32_use(in->model, thm_trainer_options_of(trainer)->isa);
        status = thm_samples_alloc(task, in->samples, &in->probe);
    }
    if (status == THM_OK) {
        status = thm_vit_measure_alloc(c, in->samples, &in->measure);
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
    in->floor = thm_task_marks_of(task, THM_SPLIT_TEST,
                                  thm_trainer_options_of(trainer)->smoothing)
                    .perfect;
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
    thm_vit_measure_free(in->measure);
    free(in->gradient);
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

static thm_status measure_head(thm_instruments *in, const thm_vit_pass *pass,
                               int layer, int head)
{
    double *row = row_of(in, layer, head);
    thm_vit_head found;
    const thm_status status = thm_vit_measure_head(
        in->measure, pass, layer, head, received_of(in, layer, head), &found);
    if (status != THM_OK) {
        return status;
    }
    row[COLUMN(LOGIT_STD)] = found.logit_std;
    row[COLUMN(ENTROPY)] = found.entropy;
    row[COLUMN(ENTROPY_STD)] = found.entropy_std;
    row[COLUMN(JACOBIAN_NORM2)] = found.jacobian_norm2;
    row[COLUMN(JACOBIAN_FRO)] = found.jacobian_fro;
    row[COLUMN(TO_INDICATORS)] = found.to[THM_ROLE_INDICATOR];
    row[COLUMN(TO_CHOSEN)] = found.to[THM_ROLE_CHOSEN];
    row[COLUMN(TO_OTHER)] = found.to[THM_ROLE_OTHER];
    row[COLUMN(CLS_INDICATORS)] = found.cls[THM_ROLE_INDICATOR];
    row[COLUMN(CLS_CHOSEN)] = found.cls[THM_ROLE_CHOSEN];
    row[COLUMN(CLS_OTHER)] = found.cls[THM_ROLE_OTHER];
    row[COLUMN(SINK)] = found.sink;
    row[COLUMN(SINK_TOKEN)] = found.sink_token;
    row[COLUMN(SINK_RELATIVE)] = found.sink * in->T;
    return THM_OK;
}

/* Spectra of a layer, into the rows of its heads. */
static thm_status measure_spectra(thm_instruments *in, int layer)
{
    const thm_vit_config *c = &in->config;
    thm_vit_spectrum b;
    thm_status status = thm_vit_b_spectrum(
        c, in->model, layer, thm_vit_rank_samples(c, in->samples), &b);
    for (int h = 0; status == THM_OK && h < c->heads; h++) {
        double *row = row_of(in, layer, h);
        thm_sigma s;
        status = thm_vit_sigma_s(c, in->model, layer, h, in->samples, &s);
        if (status == THM_OK) {
            row[COLUMN(SIGMA_S)] = s.min;
            row[COLUMN(SIGMA_B)] = b.sigma.min;
            row[COLUMN(SIGMA_B_LOWER)] = b.bound.lower;
            row[COLUMN(SIGMA_B_THRESHOLD)] = b.threshold;
            row[COLUMN(HD_OVER_NT)] = b.ratio;
        }
    }
    return status;
}

/* |g|^2 / (2 (loss - floor)); no ratio at the floor itself. */
static double pl_ratio(const thm_instruments *in, size_t total, double loss)
{
    double square = 0.0;
    for (size_t e = 0; e < total; e++) {
        square += (double)in->gradient[e] * (double)in->gradient[e];
    }
    const double above = loss - in->floor;
    return above > 0.0 ? square / (2.0 * above) : (double)NAN;
}

thm_status thm_instruments_read(thm_instruments *in, const thm_trainer *trainer,
                                thm_message *msg)
{
    const thm_vit_config *c = &in->config;
    const size_t total = (size_t)thm_trainer_layout(trainer)->total;
    const thm_vit_pass pass = {.config = c,
                               .model = in->model,
                               .samples = in->samples,
                               .roles = in->probe.roles,
                               .scale = thm_trainer_scale(trainer)};
    thm_vit_score score;
    memset(in->gradient, 0, total * sizeof *in->gradient);
    thm_status status =
        thm_trainer_probe(trainer, THM_INSTRUMENTS_DRAW, 0, in->samples,
                          in->model, &in->probe, in->gradient, &score, msg);
    if (status != THM_OK) {
        return status;
    }
    const double ratio = pl_ratio(in, total, score.loss);
    for (int l = 0; l < c->depth && status == THM_OK; l++) {
        const double massive = thm_vit_measure_massive(in->measure, &pass, l);
        measure_weights(in, trainer, l);
        for (int h = 0; h < c->heads && status == THM_OK; h++) {
            double *row = row_of(in, l, h);
            row[COLUMN(STEP)] = (double)thm_trainer_steps(trainer);
            row[COLUMN(LAYER)] = l;
            row[COLUMN(HEAD)] = h;
            row[COLUMN(MASSIVE)] = massive;
            row[COLUMN(PL_RATIO)] = ratio;
            status = measure_head(in, &pass, l, h);
        }
        if (status == THM_OK) {
            status = measure_spectra(in, l);
        }
    }
    return status;
}
