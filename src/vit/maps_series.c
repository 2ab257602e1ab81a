/* Maps as a figure draws them: see maps.h. */
#include "vit/maps.h"

#include <math.h>
#include <stdlib.h>

#include "core/tsv.h"

thm_vit_grid thm_vit_grid_of(const thm_vit_config *config, int side)
{
    const int across = side > 0 ? (int)lrint(sqrt(config->tokens)) : 1;
    return (thm_vit_grid){.rows = across,
                          .cols = config->tokens / across,
                          .side = side,
                          .channels =
                              side > 0 ? config->features / (side * side) : 0};
}

typedef struct {
    const thm_vit_maps *maps;
    const thm_vit_grid *grid;
    const thm_vit_config *config;
    const float *input;
    double *values; /* of a panel */
    void (*put)(const double *row, void *ctx);
    void *ctx;
} writer;

typedef struct {
    int sample, panel, layer, head; /* the last two from 1; 0: none */
} place;

/* Rows and columns of what a panel shows. */
static void extents(const writer *w, const place *at, int *rows, int *cols)
{
    const thm_vit_grid *g = w->grid;
    const int zoom = at->panel == 0 && g->side > 0 ? g->side : 1;
    *rows = g->rows * zoom;
    *cols = g->cols * zoom;
}

/* values <- grey values of a sample's pixels, or norms of its tokens. */
static void fill_input(const writer *w, int sample)
{
    const thm_vit_grid *g = w->grid;
    const size_t features = (size_t)w->config->features;
    const float *x =
        w->input + (size_t)sample * (size_t)w->config->tokens * features;
    if (g->side == 0) {
        for (size_t t = 0; t < (size_t)w->config->tokens; t++) {
            double sum = 0.0;
            for (size_t j = 0; j < features; j++) {
                const double v = (double)x[t * features + j];
                sum += v * v;
            }
            w->values[t] = sqrt(sum);
        }
        return;
    }
    const size_t side = (size_t)g->side, area = side * side,
                 cols = (size_t)g->cols;
    for (size_t k = 0; k < (size_t)w->config->tokens * area; k++) {
        const size_t y = k / (cols * side), at = k % (cols * side);
        const float *patch = x + (y / side * cols + at / side) * features +
                             y % side * side + at % side;
        double sum = 0.0;
        for (size_t c = 0; c < (size_t)g->channels; c++) {
            sum += (double)patch[c * area];
        }
        w->values[k] = sum / g->channels;
    }
}

/* One panel: what is there of T or, without a CLS' own place, of the tokens. */
static void put_panel(const writer *w, const place *at, double cls)
{
    const bool sequence = w->grid->side == 0;
    int rows, cols;
    extents(w, at, &rows, &cols);
    /* a sequence begins with the CLS, of which there is no input */
    const int before = sequence && w->maps->cls && at->panel > 0;
    const int first = sequence && w->maps->cls && at->panel == 0;
    const int count = rows * cols + before;
    double low = at->panel == 0 ? HUGE_VAL : 0.0, high = -HUGE_VAL;
    for (int k = 0; k < count; k++) {
        low = fmin(low, at->panel == 0 ? w->values[k] : 0.0);
        high = fmax(high, w->values[k]);
    }
    const double span = high > low ? high - low : 1.0;
    for (int k = -first; k < count; k++) {
        const double row[THM_VIT_MAPS_COLUMNS] = {
            at->sample,
            at->panel,
            at->layer,
            at->head,
            sequence ? at->panel : k / cols,
            sequence ? k + first : k % cols,
            k < 0 ? (double)NAN : (w->values[k] - low) / span,
            high,
            cls,
            w->grid->side};
        w->put(row, w->ctx);
    }
}

/* A map of T numbers. */
static void put_map(const writer *w, const place *at, const float *map)
{
    const int T = w->maps->T, cls = w->maps->cls != NULL;
    const int from = w->grid->side > 0 ? cls : 0;
    for (int t = from; t < T; t++) {
        w->values[t - from] = (double)map[t];
    }
    put_panel(w, at, cls ? (double)map[0] : (double)NAN);
    if (w->grid->side > 0) {
        w->put(NULL, w->ctx);
    }
}

static void put_sample(const writer *w, int s)
{
    const thm_vit_maps *m = w->maps;
    const size_t T = (size_t)m->T;
    place at = {.sample = s};
    if (w->input) {
        fill_input(w, s);
        put_panel(w, &at, (double)NAN);
        if (w->grid->side > 0) {
            w->put(NULL, w->ctx);
        }
    }
    at.panel = 1;
    put_map(w, &at, m->gradient + (size_t)s * T);
    for (int k = 0; k < m->layers * m->heads; k++) {
        at.panel = 2 + k;
        at.layer = 1 + k / m->heads;
        at.head = 1 + k % m->heads;
        put_map(
            w, &at,
            m->received +
                ((size_t)s * (size_t)m->layers * (size_t)m->heads + (size_t)k) *
                    T);
    }
    if (w->grid->side == 0) {
        w->put(NULL, w->ctx);
    }
}

thm_status thm_vit_maps_rows(const thm_vit_maps *maps, const thm_vit_grid *grid,
                             const thm_vit_config *config, const float *input,
                             void (*put)(const double *row, void *ctx),
                             void *ctx)
{
    const size_t zoom = grid->side > 0 ? (size_t)grid->side : 1;
    writer w = {.maps = maps,
                .grid = grid,
                .config = config,
                .input = input,
                .put = put,
                .ctx = ctx};
    w.values =
        malloc(sizeof *w.values * ((size_t)config->tokens * zoom * zoom + 1));
    if (!w.values) {
        return THM_ENOMEM;
    }
    for (int s = 0; s < maps->samples; s++) {
        put_sample(&w, s);
    }
    free(w.values);
    return THM_OK;
}

static void put_line(const double *row, void *ctx)
{
    thm_tsv *tsv = ctx;
    if (row) {
        thm_tsv_row(tsv, row);
    } else {
        thm_tsv_break(tsv);
        thm_tsv_break(tsv);
    }
}

thm_status thm_vit_maps_series(const char *path, const thm_vit_maps *maps,
                               const thm_vit_grid *grid,
                               const thm_vit_config *config, const float *input,
                               thm_message *msg)
{
    static const thm_tsv_column columns[] = {
#define COLUMN_NAMES(id, name, unit) {name, unit},
        THM_VIT_MAPS_TABLE(COLUMN_NAMES)
#undef COLUMN_NAMES
    };
    thm_tsv *tsv = NULL;
    thm_status status =
        thm_tsv_begin(path, THM_VIT_MAPS_COLUMNS, columns, &tsv, msg);
    if (status != THM_OK) {
        return status;
    }
    status = thm_vit_maps_rows(maps, grid, config, input, put_line, tsv);
    if (status != THM_OK) {
        thm_tsv_abort(tsv);
        return status;
    }
    return thm_tsv_commit(tsv, msg);
}
