/* Rows of logits and of probabilities: see logits.h. */
#include "claims/logits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "claims/families.h"
#include "core/verdict.h"
#include "io/idx.h"

#define DEBIAN_IMAGES THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz"

enum {
    SIDE = 28,
    PIXELS = SIDE * SIDE,
    IMAGES = 1000, /* the first of the file; each drawn row takes one of them */
    HEAD = 64,
    ROUNDS = 15
};

struct thm_rows {
    thm_row row;
    char path[512];
    bool tried;     /* whether the file has been looked for            */
    thm_idx images; /* (count x SIDE x SIDE), count 0 if there is none */
};

/* Sizes by round; families start at different places of the list. */
static const int sizes[ROUNDS] = {64, 5,   197, 2, 17,  3, 256, 33,
                                  9,  100, 1,   4, 128, 8, 50};
static const double taus[3] = {1.0, 8.0, 0.37};

/* The long rows, one a kind of spectrum. */
static const struct {
    int round;
    const char *family;
    int n;
} long_rows[] = {
    {0, "gauss3", 4096},  {1, "gauss12", 1000}, {3, "gauss80", 1000},
    {4, "neartie", 1000}, {5, "tied", 4096},
};

/* ---- real logits -----------------------------------------------------------
 */

/* Reads the images once; without the file there are none. */
static thm_status load_images(thm_rows *rows)
{
    if (rows->tried) {
        return THM_OK;
    }
    rows->tried = true;
    if (access(rows->path, F_OK) != 0) {
        return THM_OK;
    }
    const thm_status status =
        thm_idx_read(rows->path, IMAGES, &rows->images, NULL);
    if (status != THM_OK) {
        return status;
    }
    if (rows->images.rows != SIDE || rows->images.cols != SIDE) {
        thm_idx_free(&rows->images);
        return THM_EFORMAT;
    }
    return THM_OK;
}

/* z_j = q . k_j / sqrt(d) for one patch as the query, all as the keys:
 * q = W_Q' x_query, z = X (W_K q) / sqrt(d), d = HEAD. */
static void attention_row(thm_rng *rng, const unsigned char *image, int side,
                          double *z)
{
    const int per_line = SIDE / side, inputs = side * side;
    const int tokens = per_line * per_line;
    double x[PIXELS], wq[49 * HEAD], wk[49 * HEAD], q[HEAD] = {0};
    for (int t = 0; t < tokens; t++) {
        const int top = (t / per_line) * side, left = (t % per_line) * side;
        for (int i = 0; i < inputs; i++) {
            const int pixel = (top + i / side) * SIDE + left + i % side;
            x[t * inputs + i] = image[pixel] / 255.0;
        }
    }
    const double gain = thm_rng_below(rng, 2) == 0 ? 1.0 : 4.0;
    const double sd = gain / sqrt((double)inputs);
    const int query = (int)thm_rng_below(rng, (uint64_t)tokens);
    thm_rng_fill_normal(rng, inputs * HEAD, sd, wq);
    thm_rng_fill_normal(rng, inputs * HEAD, sd, wk);
    for (int h = 0; h < HEAD; h++) {
        for (int i = 0; i < inputs; i++) {
            q[h] += wq[i * HEAD + h] * x[query * inputs + i];
        }
    }
    for (int t = 0; t < tokens; t++) {
        z[t] = 0.0;
        for (int i = 0; i < inputs; i++) {
            for (int h = 0; h < HEAD; h++) {
                z[t] += x[t * inputs + i] * wk[i * HEAD + h] * q[h];
            }
        }
        z[t] /= sqrt((double)HEAD);
    }
}

/* Fills the row from an image, or marks it absent. */
static thm_status fill_image(thm_rows *rows, thm_rng *rng, int side)
{
    thm_status status = load_images(rows);
    rows->row.n = (SIDE / side) * (SIDE / side);
    rows->row.absent = rows->images.count == 0;
    if (status == THM_OK && !rows->row.absent) {
        const uint64_t i = thm_rng_below(rng, (uint64_t)rows->images.count);
        attention_row(rng, rows->images.data + i * PIXELS, side,
                      rows->row.value);
    }
    return status;
}

/* ---- the sources -----------------------------------------------------------
 */

enum { N_LONG = sizeof long_rows / sizeof *long_rows };
_Static_assert((int)THM_LOGITS_CASES ==
                   2 * (int)ROUNDS * (int)THM_LOGIT_FAMILIES,
               "whole rounds");
_Static_assert((int)THM_PROBS_CASES ==
                   2 * (int)ROUNDS * (int)THM_PROBS_FAMILIES,
               "whole rounds");

static void fill_edge(thm_row *row, const thm_edge *e)
{
    row->family = e->name;
    row->n = e->n;
    memcpy(row->value, e->value, (size_t)e->n * sizeof *e->value);
}

/* Starts row `index` of a source of `families` families: what only its place
 * decides. */
static void start_row(thm_row *row, uint64_t seed, uint64_t source,
                      int64_t index, int families)
{
    const int which = (int)(index % families);
    const int round = (int)(index / families % ROUNDS);
    row->n = sizes[(round + 4 * which) % ROUNDS];
    /* after three times through the sizes all have met every temperature */
    row->tau = taus[(index / families + index / families / ROUNDS + which) % 3];
    row->absent = false;
    row->index = index;
    /* Two streams a row and source: its values, and what claims draw. */
    row->rng = thm_rng_make(seed, (uint64_t)index * 4 + source * 2 + 1);
}

static void name_row(const thm_row *row, char *name)
{
    (void)snprintf(name, THM_CASE_NAME, "%s/n%d/tau%g/%lld", row->family,
                   row->n, row->tau, (long long)row->index);
}

thm_status thm_logits_make(void *rows, uint64_t seed, int64_t index,
                           void *the_case, char *name)
{
    thm_rows *self = rows;
    thm_row *row = the_case;
    const int which = (int)(index % THM_LOGIT_FAMILIES);
    const int64_t round = index / THM_LOGIT_FAMILIES;
    const thm_family *f = &thm_logit_families[which];
    thm_status status = THM_OK;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index * 4);

    start_row(row, seed, 0, index, THM_LOGIT_FAMILIES);
    row->probs = false;
    row->family = f->name;
    for (int i = 0; i < N_LONG; i++) {
        if (long_rows[i].round == round % ROUNDS &&
            strcmp(long_rows[i].family, f->name) == 0) {
            row->n = long_rows[i].n;
        }
    }
    if (f->fill) {
        f->fill(&rng, row->n, f->par, row->value);
    } else if (strcmp(f->name, "edge") == 0) {
        fill_edge(row, &thm_logit_edges[round % THM_LOGIT_EDGES]);
    } else {
        status = fill_image(self, &rng, (int)f->par);
    }
    name_row(row, name);
    return status;
}

thm_status thm_probs_make(void *rows, uint64_t seed, int64_t index,
                          void *the_case, char *name)
{
    thm_row *row = the_case;
    const int which = (int)(index % THM_PROBS_FAMILIES);
    const int64_t round = index / THM_PROBS_FAMILIES;
    const thm_family *f = &thm_probs_families[which];
    thm_rng rng = thm_rng_make(seed, (uint64_t)index * 4 + 2);

    (void)rows;
    start_row(row, seed, 1, index, THM_PROBS_FAMILIES);
    row->probs = !f->masks;
    row->family = f->name;
    if (f->fill) {
        f->fill(&rng, row->n, f->par, row->value);
    } else {
        fill_edge(row, &thm_probs_edges[round % THM_PROBS_EDGES]);
    }
    name_row(row, name);
    return THM_OK;
}

thm_status thm_rows_make(void *rows, uint64_t seed, int64_t index,
                         void *the_case, char *name)
{
    return index % 2 == 0
               ? thm_logits_make(rows, seed, index / 2, the_case, name)
               : thm_probs_make(rows, seed, index / 2, the_case, name);
}

int64_t thm_rows_count(int64_t count)
{
    return count > THM_ROWS_LEAST ? count : THM_ROWS_LEAST;
}

thm_status thm_rows_alloc(const char *images, thm_rows **rows)
{
    thm_rows *self = calloc(1, sizeof *self);
    if (!self) {
        return THM_ENOMEM;
    }
    self->row.value = malloc(THM_ROW_MAX * sizeof *self->row.value);
    if (!self->row.value) {
        free(self);
        return THM_ENOMEM;
    }
    (void)snprintf(self->path, sizeof self->path, "%s",
                   images ? images : DEBIAN_IMAGES);
    *rows = self;
    return THM_OK;
}

void thm_rows_free(thm_rows *rows)
{
    if (rows) {
        free(rows->row.value);
        thm_idx_free(&rows->images);
        free(rows);
    }
}

thm_row *thm_rows_row(thm_rows *rows)
{
    return &rows->row;
}
