/* Rows of logits and of probabilities: see logits.h. */
#include "claims/logits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
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

/* One family: fills n values with a parameter of its own. */
typedef struct {
    const char *name;
    void (*fill)(thm_rng *rng, int n, double par, double *value);
    double par;
} family;

/* Sizes by round; families start at different places of the list. */
static const int sizes[ROUNDS] = {64, 5,   197, 2, 17,  3, 256, 33,
                                  9,  100, 1,   4, 128, 8, 50};
static const double taus[3] = {1.0, 8.0, 0.37};

/* Heavy tails are cut here: a logit of this size at the lowest temperature has
 * a probability near 2^-390000, which every exponent of ours still holds. */
static const double LARGEST = 1e5;

/* ---- logits ----------------------------------------------------------------
 */

static void fill_gauss(thm_rng *rng, int n, double sd, double *z)
{
    thm_rng_fill_normal(rng, n, sd, z);
}

static double cut(double z)
{
    return fmax(-LARGEST, fmin(LARGEST, z));
}

/* t_2 = N / sqrt(E) with E standard exponential (chi^2_2 / 2). */
static void fill_student2(thm_rng *rng, int n, double scale, double *z)
{
    for (int i = 0; i < n; i++) {
        const double e = -log(thm_rng_uniform(rng));
        z[i] = cut(scale * thm_rng_normal(rng) / sqrt(e));
    }
}

static void fill_cauchy(thm_rng *rng, int n, double scale, double *z)
{
    for (int i = 0; i < n; i++) {
        z[i] = cut(scale * tan(M_PI * (thm_rng_uniform(rng) - 0.5)));
    }
}

/* Up to four distinct values. */
static void fill_tied(thm_rng *rng, int n, double sd, double *z)
{
    double level[4];
    thm_rng_fill_normal(rng, 4, sd, level);
    const uint64_t k = 1 + thm_rng_below(rng, 4);
    for (int i = 0; i < n; i++) {
        z[i] = level[thm_rng_below(rng, k)];
    }
}

static void fill_const(thm_rng *rng, int n, double sd, double *z)
{
    const double value = sd * thm_rng_normal(rng);
    for (int i = 0; i < n; i++) {
        z[i] = value;
    }
}

/* Three clusters of the given spread. */
static void fill_neartie(thm_rng *rng, int n, double spread, double *z)
{
    double centre[3];
    thm_rng_fill_normal(rng, 3, 1.0, centre);
    for (int i = 0; i < n; i++) {
        z[i] = centre[thm_rng_below(rng, 3)] + spread * thm_rng_normal(rng);
    }
}

/* The edges: n values each, the same under every seed. */
typedef struct {
    const char *name;
    int n;
    double value[8];
} edge;

static const edge logit_edges[] = {
    {"edge-single", 1, {0.37}},
    {"edge-pair", 2, {2.385, 2.385}},
    {"edge-two", 2, {2.385, -1.127}},
    {"edge-ulp", 3, {1.0, 1.0 + 0x1p-52, 1.0}},
    {"edge-700", 6, {700.0, -700.0, 0.5, -1.127, 350.0, -350.0}},
    {"edge-denormal", 5, {0.0, 0x1p-1074, -0x1p-1074, 1e-310, 2e-308}},
    {"edge-huge", 5, {1e5, 0.31, -2.2, 1.7, 0.05}},
    {"edge-low", 5, {-1e5, 0.31, -2.2, 1.7, 0.05}},
    {"edge-leaders", 7, {60.0, 60.0, 1.3, 0.2, -0.7, 2.9, -1.1}},
    {"edge-nearleaders", 4, {500.0, 500.0 - 0x1p-44, 0.0, -3.0}},
    {"edge-three", 3, {0.0, 0.0, 0.0}},
    {"edge-ladder",
     8,
     {0.0, -40.0, -80.0, -120.0, -160.0, -200.0, -240.0, -280.0}},
};

static const family logit_families[] = {
    {"gauss0.1", fill_gauss, 0.1},    {"gauss1", fill_gauss, 1.0},
    {"gauss3", fill_gauss, 3.0},      {"gauss12", fill_gauss, 12.0},
    {"gauss80", fill_gauss, 80.0},    {"student2", fill_student2, 3.0},
    {"cauchy", fill_cauchy, 1.0},     {"tied", fill_tied, 2.0},
    {"const", fill_const, 10.0},      {"neartie", fill_neartie, 1e-9},
    {"cluster", fill_neartie, 1e-15}, {"edge", NULL, 0.0},
    {"fashion4", NULL, 4.0},          {"fashion7", NULL, 7.0},
};

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

/* ---- probabilities ---------------------------------------------------------
 */

static void normalise(int n, double *p)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += p[i];
    }
    for (int i = 0; i < n; i++) {
        p[i] /= sum;
    }
}

/* Squares of normals: Dirichlet(1/2, ..., 1/2). */
static void fill_dense(thm_rng *rng, int n, double unused, double *p)
{
    (void)unused;
    for (int i = 0; i < n; i++) {
        const double x = thm_rng_normal(rng);
        p[i] = x * x;
    }
    normalise(n, p);
}

static void fill_uniform(thm_rng *rng, int n, double unused, double *p)
{
    (void)rng;
    (void)unused;
    for (int i = 0; i < n; i++) {
        p[i] = 1.0 / n;
    }
}

/* Moves the values to drawn places (Fisher, Yates). */
static void shuffle(thm_rng *rng, int n, double *value)
{
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)thm_rng_below(rng, (uint64_t)i + 1);
        const double t = value[i];
        value[i] = value[j];
        value[j] = t;
    }
}

/* Uniform on m of n tokens; m as given, or drawn from 1 .. n if that is 0. */
static void fill_subset(thm_rng *rng, int n, double given, double *p)
{
    int m = (int)given;
    if (m == 0) {
        m = 1 + (int)thm_rng_below(rng, (uint64_t)n);
    }
    m = m < n ? m : n;
    for (int i = 0; i < n; i++) {
        p[i] = i < m ? 1.0 / m : 0.0;
    }
    shuffle(rng, n, p);
}

/* A drawn half of the tokens is exactly zero, never all of them. */
static void fill_zeros(thm_rng *rng, int n, double unused, double *p)
{
    fill_dense(rng, n, unused, p);
    for (int i = 1; i < n; i++) {
        if (thm_rng_below(rng, 2) == 0) {
            p[i] = 0.0;
        }
    }
    normalise(n, p);
    shuffle(rng, n, p);
}

/* 10^-decades .. 1, log-uniform. */
static void fill_spread(thm_rng *rng, int n, double decades, double *p)
{
    for (int i = 0; i < n; i++) {
        p[i] = pow(10.0, -decades * thm_rng_uniform(rng));
    }
    normalise(n, p);
}

static void fill_nearuniform(thm_rng *rng, int n, double spread, double *p)
{
    for (int i = 0; i < n; i++) {
        p[i] = 1.0 + spread * thm_rng_normal(rng);
    }
    normalise(n, p);
}

/* Gaussian logits, a drawn half of them masked, never all. */
static void fill_masked(thm_rng *rng, int n, double sd, double *z)
{
    thm_rng_fill_normal(rng, n, sd, z);
    for (int i = 1; i < n; i++) {
        if (thm_rng_below(rng, 2) == 0) {
            z[i] = -HUGE_VAL;
        }
    }
    shuffle(rng, n, z);
}

static const edge probs_edges[] = {
    {"edge-one", 1, {1.0}},
    {"edge-onehot", 3, {0.0, 1.0, 0.0}},
    {"edge-half", 2, {0.5, 0.5}},
    {"edge-halves", 5, {0.0, 0.5, 0.0, 0.0, 0.5}},
    {"edge-thirds", 4, {1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0}},
    {"edge-almost", 2, {1.0 - 0x1p-53, 0x1p-53}},
    {"edge-tiny", 3, {1.0, 1e-300, 3e-305}},
    {"edge-denormal", 4, {0.5, 0.5, 0x1p-1074, 3e-310}},
    {"edge-halfulp", 3, {0.5 + 0x1p-53, 0.5 - 0x1p-53, 0.0}},
};

/* masked and maskconst are logits, the others probabilities. */
static const family probs_families[] = {
    {"dense", fill_dense, 0.0},
    {"uniform", fill_uniform, 0.0},
    {"subset", fill_subset, 0.0},
    {"subset2", fill_subset, 2.0},
    {"zeros", fill_zeros, 0.0},
    {"spread300", fill_spread, 300.0},
    {"nearuniform", fill_nearuniform, 1e-9},
    {"masked", fill_masked, 3.0},
    {"maskconst", fill_masked, 0.0},
    {"edge", NULL, 0.0},
};

/* ---- the sources -----------------------------------------------------------
 */

enum {
    N_LOGIT_FAMILIES = sizeof logit_families / sizeof *logit_families,
    N_PROBS_FAMILIES = sizeof probs_families / sizeof *probs_families,
    N_LOGIT_EDGES = sizeof logit_edges / sizeof *logit_edges,
    N_PROBS_EDGES = sizeof probs_edges / sizeof *probs_edges,
    N_LONG = sizeof long_rows / sizeof *long_rows
};
_Static_assert(THM_LOGITS_CASES == 2 * ROUNDS * N_LOGIT_FAMILIES,
               "whole rounds");
_Static_assert(THM_PROBS_CASES == 2 * ROUNDS * N_PROBS_FAMILIES,
               "whole rounds");

static void fill_edge(thm_row *row, const edge *e)
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
    const int which = (int)(index % N_LOGIT_FAMILIES);
    const int64_t round = index / N_LOGIT_FAMILIES;
    const family *f = &logit_families[which];
    thm_status status = THM_OK;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index * 4);

    start_row(row, seed, 0, index, N_LOGIT_FAMILIES);
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
        fill_edge(row, &logit_edges[round % N_LOGIT_EDGES]);
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
    const int which = (int)(index % N_PROBS_FAMILIES);
    const int64_t round = index / N_PROBS_FAMILIES;
    const family *f = &probs_families[which];
    thm_rng rng = thm_rng_make(seed, (uint64_t)index * 4 + 2);

    (void)rows;
    start_row(row, seed, 1, index, N_PROBS_FAMILIES);
    row->probs = f->fill != fill_masked;
    row->family = f->name;
    if (f->fill) {
        f->fill(&rng, row->n, f->par, row->value);
    } else {
        fill_edge(row, &probs_edges[round % N_PROBS_EDGES]);
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
