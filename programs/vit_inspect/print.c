/* What vit-inspect says: see inspect.h. */
#include <math.h>
#include <stdlib.h>

#include "core/json.h"
#include "programs/vit_inspect/inspect.h"

#define COLUMN(id) THM_VIT_INSPECT_##id

/* The network and its probe. */
static json_t *describe(const inspection *in)
{
    const thm_vit_config *c = &in->weights->record.config;
    return json_pack(
        "{s:o, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:o, s:I,"
        " s:o, s:i}",
        "file", thm_json_string(in->request->file), "checkpoint",
        in->weights->recorded, "depth", c->depth, "width", c->width, "heads",
        c->heads, "head_width", c->head_width, "mlp_width", c->mlp_width,
        "tokens", c->tokens, "features", c->features, "outputs", c->outputs,
        "qkv_bias", c->qkv_bias, "attention",
        thm_vit_attention_text(c->attention[0]), "scale",
        thm_json_real(in->weights->record.scale), "parameters",
        (json_int_t)in->weights->layout.total, "probe",
        thm_json_string(in->probe->source), "samples", in->probe->batch.count);
}

static json_t *describe_head(const double *row)
{
    json_t *line = json_object();
    for (int k = 0; k < THM_VIT_INSPECT; k++) {
        const char *name = thm_vit_inspect_columns[k].name;
        const bool whole = k == COLUMN(LAYER) || k == COLUMN(HEAD) ||
                           k == COLUMN(SINK_TOKEN) || k == COLUMN(NT) ||
                           k == COLUMN(HD);
        json_t *value = k == COLUMN(RANK_FULL) ? json_boolean(row[k] > 0.0)
                        : whole ? json_integer((json_int_t)row[k])
                                : thm_json_real(row[k]);
        if (json_object_set_new(line, name, value) != 0) {
            json_decref(line);
            return NULL;
        }
    }
    return line;
}

static const double *row_of(const inspection *in, int layer, int head)
{
    const size_t at =
        (size_t)layer * (size_t)in->weights->record.config.heads + (size_t)head;
    return in->rows + at * THM_VIT_INSPECT;
}

static void print_cell(FILE *out, int width, double x)
{
    if (isfinite(x)) {
        fprintf(out, " %*.3g", width, x);
    } else {
        fprintf(out, " %*s", width, "-");
    }
}

static void print_table(FILE *out, const inspection *in)
{
    static const struct {
        const char *title;
        int column;
    } cells[] = {
        {"entropy", COLUMN(ENTROPY)},    {"|J|_2", COLUMN(JACOBIAN_NORM2)},
        {"|J|_F", COLUMN(JACOBIAN_FRO)}, {"margin", COLUMN(MARGIN)},
        {"W_Q max", COLUMN(Q_MAX)},      {"W_Q min", COLUMN(Q_MIN)},
        {"W_K max", COLUMN(K_MAX)},      {"W_K min", COLUMN(K_MIN)},
        {"min s(S)", COLUMN(SIGMA_S)},   {"sink", COLUMN(SINK)},
        {"token", COLUMN(SINK_TOKEN)}};
    static const struct {
        const char *title;
        int column;
    } layers[] = {{"massive", COLUMN(MASSIVE)},
                  {"min s(B)", COLUMN(SIGMA_B)},
                  {"proved", COLUMN(SIGMA_B_LOWER)},
                  {"threshold", COLUMN(SIGMA_B_THRESHOLD)},
                  {"max s(B)", COLUMN(SIGMA_B_MAX)},
                  {"NT", COLUMN(NT)},
                  {"HD", COLUMN(HD)},
                  {"HD/NT", COLUMN(HD_OVER_NT)}};
    const size_t n_cells = sizeof cells / sizeof *cells,
                 n_layers = sizeof layers / sizeof *layers;
    const thm_vit_config *c = &in->weights->record.config;
    fprintf(out, "layer head");
    for (size_t k = 0; k < n_cells; k++) {
        fprintf(out, " %9s", cells[k].title);
    }
    for (int l = 0; l < c->depth; l++) {
        for (int h = 0; h < c->heads; h++) {
            fprintf(out, "\n%5d %4d", l, h);
            for (size_t k = 0; k < n_cells; k++) {
                print_cell(out, 9, row_of(in, l, h)[cells[k].column]);
            }
        }
    }
    fprintf(out, "\n\nlayer");
    for (size_t k = 0; k < n_layers; k++) {
        fprintf(out, " %9s", layers[k].title);
    }
    fprintf(out, "  rank of B\n");
    for (int l = 0; l < c->depth; l++) {
        const double *row = row_of(in, l, 0);
        fprintf(out, "%5d", l);
        for (size_t k = 0; k < n_layers; k++) {
            print_cell(out, 9, row[layers[k].column]);
        }
        fprintf(out, "  %s\n",
                row[COLUMN(RANK_FULL)] > 0.0 ? "full"
                : row[COLUMN(HD)] < row[COLUMN(NT)]
                    ? thm_vit_rank_text(THM_VIT_RANK_COLUMNS)
                    : thm_vit_rank_text(THM_VIT_RANK_UNDECIDED));
    }
}

static thm_status print_line(FILE *out, json_t *line)
{
    /* a failed write shows when the program ends */
    const thm_status status = thm_json_write(out, line);
    json_decref(line);
    return status == THM_ENOMEM ? status : THM_OK;
}

thm_status print_inspection(FILE *out, const inspection *in, bool table)
{
    const thm_vit_config *c = &in->weights->record.config;
    if (table) {
        fprintf(out,
                "%s: %d layers of %d heads of %d in a width of %d, %d tokens "
                "of %d, %d outputs\n%d samples: %s\n\n",
                in->request->file, c->depth, c->heads, c->head_width, c->width,
                c->tokens, c->features, c->outputs, in->probe->batch.count,
                in->probe->source);
        print_table(out, in);
        return THM_OK;
    }
    thm_status status = print_line(out, describe(in));
    for (int l = 0; status == THM_OK && l < c->depth; l++) {
        for (int h = 0; status == THM_OK && h < c->heads; h++) {
            status = print_line(out, describe_head(row_of(in, l, h)));
        }
    }
    return status;
}
