/* Numbers of a transformer's heads: see inspect.h. */
#include "vit/inspect.h"

#include <stdio.h>
#include <stdlib.h>

#include "la/svd.h"

#define COLUMN(id) THM_VIT_INSPECT_##id

const thm_tsv_column thm_vit_inspect_columns[THM_VIT_INSPECT] = {
#define COLUMN_NAMES(id, name, unit) {name, unit},
    THM_VIT_INSPECT_TABLE(COLUMN_NAMES)
#undef COLUMN_NAMES
};

typedef struct {
    const thm_vit_pass *pass;
    const thm_vit_layout *layout;
    const float *params;
    thm_vit_measure *measure;
    double *received; /* (T)                  */
    double *weight;   /* (d x D)              */
    double *values;   /* (min(d, D))          */
} inspector;

/* Singular values of a head's W_Q (which = 0) or W_K (1), largest and smallest.
 */
static thm_status read_weight(const inspector *in, int layer, int head,
                              int which, double *max, double *min)
{
    const thm_vit_config *c = in->pass->config;
    const int d = c->head_width, D = c->width, k = d < D ? d : D;
    char name[THM_VIT_NAME];
    snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", layer);
    const float *W = in->params + thm_vit_find(in->layout, name)->offset +
                     ((int64_t)which * c->heads + head) * d * (int64_t)D;
    for (int64_t e = 0; e < (int64_t)d * D; e++) {
        in->weight[e] = (double)W[e];
    }
    const thm_status status =
        thm_svd_values(d, D, in->weight, in->values, NULL);
    if (status == THM_OK) {
        *max = in->values[0];
        *min = in->values[k - 1];
    }
    return status;
}

static thm_status read_head(const inspector *in, int layer, int head,
                            double *row)
{
    const thm_vit_pass *p = in->pass;
    thm_vit_head found;
    thm_sigma s;
    thm_status status =
        thm_vit_measure_head(in->measure, p, layer, head, in->received, &found);
    if (status == THM_OK) {
        status = read_weight(in, layer, head, 0, &row[COLUMN(Q_MAX)],
                             &row[COLUMN(Q_MIN)]);
    }
    if (status == THM_OK) {
        status = read_weight(in, layer, head, 1, &row[COLUMN(K_MAX)],
                             &row[COLUMN(K_MIN)]);
    }
    if (status == THM_OK) {
        status =
            thm_vit_sigma_s(p->config, p->model, layer, head, p->samples, &s);
    }
    if (status != THM_OK) {
        return status;
    }
    row[COLUMN(LAYER)] = layer;
    row[COLUMN(HEAD)] = head;
    row[COLUMN(ENTROPY)] = found.entropy;
    row[COLUMN(ENTROPY_STD)] = found.entropy_std;
    row[COLUMN(JACOBIAN_NORM2)] = found.jacobian_norm2;
    row[COLUMN(JACOBIAN_FRO)] = found.jacobian_fro;
    row[COLUMN(LOGIT_STD)] = found.logit_std;
    row[COLUMN(MARGIN)] = found.margin;
    row[COLUMN(SINK)] = found.sink;
    row[COLUMN(SINK_TOKEN)] = found.sink_token;
    row[COLUMN(SINK_RELATIVE)] = found.sink * thm_vit_length(p->config);
    row[COLUMN(SIGMA_S)] = s.min;
    return THM_OK;
}

static void put_spectrum(const thm_vit_spectrum *b, double *row)
{
    row[COLUMN(SIGMA_B)] = b->sigma.min;
    row[COLUMN(SIGMA_B_LOWER)] = b->bound.lower;
    row[COLUMN(SIGMA_B_UPPER)] = b->bound.upper;
    row[COLUMN(SIGMA_B_MAX)] = b->sigma.max;
    row[COLUMN(SIGMA_B_THRESHOLD)] = b->threshold;
    row[COLUMN(NT)] = b->rows;
    row[COLUMN(HD)] = b->columns;
    row[COLUMN(HD_OVER_NT)] = b->ratio;
    row[COLUMN(RANK_FULL)] = b->rank == THM_VIT_RANK_FULL;
}

static thm_status read_layer(const inspector *in, int layer, int rank_samples,
                             double *rows)
{
    const thm_vit_pass *p = in->pass;
    thm_vit_spectrum b;
    const double massive = thm_vit_measure_massive(in->measure, p, layer);
    thm_status status =
        thm_vit_b_spectrum(p->config, p->model, layer, rank_samples, &b);
    for (int h = 0; status == THM_OK && h < p->config->heads; h++) {
        double *row = rows + (size_t)h * THM_VIT_INSPECT;
        status = read_head(in, layer, h, row);
        row[COLUMN(MASSIVE)] = massive;
        put_spectrum(&b, row);
    }
    return status;
}

thm_status thm_vit_inspect(const thm_vit_pass *pass,
                           const thm_vit_layout *layout, const float *params,
                           int rank_samples, double *rows)
{
    const thm_vit_config *c = pass->config;
    const size_t d = (size_t)c->head_width, D = (size_t)c->width;
    inspector in = {.pass = pass, .layout = layout, .params = params};
    if (rank_samples < 1 || rank_samples > pass->samples) {
        return THM_EDIM;
    }
    thm_status status = thm_vit_measure_alloc(c, pass->samples, &in.measure);
    if (status == THM_OK) {
        in.received = malloc(sizeof *in.received * (size_t)thm_vit_length(c));
        in.weight = malloc(sizeof *in.weight * d * D);
        in.values = malloc(sizeof *in.values * (d < D ? d : D));
        status = in.received && in.weight && in.values ? THM_OK : THM_ENOMEM;
    }
    for (int l = 0; status == THM_OK && l < c->depth; l++) {
        status =
            read_layer(&in, l, rank_samples,
                       rows + (size_t)l * (size_t)c->heads * THM_VIT_INSPECT);
    }
    thm_vit_measure_free(in.measure);
    free(in.received);
    free(in.weight);
    free(in.values);
    return status;
}
