/* Phase diagrams: see phase.h. */
#include "flow/phase.h"

#include <math.h>
#include <stdlib.h>
#include "core/rng.h"
#include "flow/two_token.h"
#include "softmax/softmax.h"

/* Columns that every diagram has come last, so that one tally reads all. */
#define COMMON_COLUMNS                                                         \
    {"failed", "1"}, {"winner", "token, 0 undecided"}, {"entropy", "nat"},     \
        {"rise", "nat"},                                                       \
    {                                                                          \
        "plateau", "log10 t"                                                   \
    }

enum { FAILED, WINNER, ENTROPY, RISE, PLATEAU, COMMON };

static const thm_tsv_column two_token_columns[] = {{"D0", "1"},
                                                   {"delta0", "1"},
                                                   {"predicted_winner", "1"},
                                                   {"predicted_rise", "nat"},
                                                   COMMON_COLUMNS};
static const thm_tsv_column simplex_columns[] = {{"p1", "1"},
                                                 {"p2", "1"},
                                                 {"p3", "1"},
                                                 {"cone", "1 inside"},
                                                 COMMON_COLUMNS};
static const thm_tsv_column spread_columns[] = {{"eta", "1"},
                                                {"target", "1"},
                                                {"predicted_entropy", "nat"},
                                                COMMON_COLUMNS};

static const struct {
    const char *text;
    const thm_tsv_column *columns;
    int count;
} kinds[] = {
    {"two-token", two_token_columns, 4 + COMMON},
    {"simplex", simplex_columns, 4 + COMMON},
    {"spread", spread_columns, 3 + COMMON},
};

thm_phase thm_phase_defaults(thm_phase_kind kind)
{
    return (thm_phase){.kind = kind,
                       .grid = 101,
                       .loss = THM_LOSS_LOGISTIC,
                       .t_end = 1e6,
                       .range = 4.0,
                       .u = {1.0, 0.5, 0.0},
                       .n = 8,
                       .seed = 1,
                       .narrowest = 1e-6,
                       .widest = 1.0,
                       .nearest = 0.5,
                       .farthest = 16.0,
                       .threads = 1};
}

const char *thm_phase_text(thm_phase_kind kind)
{
    return kinds[kind].text;
}

const thm_tsv_column *thm_phase_columns(thm_phase_kind kind, int *count)
{
    *count = kinds[kind].count;
    return kinds[kind].columns;
}

static int tokens(const thm_phase *p)
{
    return p->kind == THM_PHASE_TWO_TOKEN ? 2
           : p->kind == THM_PHASE_SIMPLEX ? 3
                                          : p->n;
}

/* The simplex has grid rows of p1 = (row + 1) / (grid + 2), of grid - row
 * cells, none on the boundary. */
int thm_phase_cells(const thm_phase *phase, int row)
{
    return phase->kind == THM_PHASE_SIMPLEX ? phase->grid - row : phase->grid;
}

/* The k-th of grid points from low to high; both ends and the middle exact. */
static double point(const thm_phase *p, int k, double low, double high)
{
    const double last = p->grid - 1;
    return (low * (last - k) + high * k) / last;
}

/* Starts u, a: (n x cells), ends: (cells) and the first columns of a row. */
static void start_two_token(const thm_phase *p, int row, double *u, double *a,
                            double *end, double *values, int stride)
{
    const double delta0 = point(p, row, -p->range, p->range);
    for (int k = 0; k < p->grid; k++) {
        const double D0 = point(p, k, -p->range, p->range);
        double *v = values + (size_t)k * (size_t)stride;
        thm_two_token start = {0};
        thm_batch_two_token(p->grid, k, D0, delta0, p->sum, u, a);
        end[k] = p->t_end;
        /* in range: thm_phase_row has checked */
        (void)thm_two_token_init(D0, delta0, p->sum, &start);
        const thm_two_token_fate fate = thm_two_token_foresee(&start);
        v[0] = D0;
        v[1] = delta0;
        v[2] = fate.winner;
        v[3] = fate.rise;
    }
}

static void start_simplex(const thm_phase *p, int row, double *u, double *a,
                          double *end, double *values, int stride)
{
    const int cells = thm_phase_cells(p, row);
    const double parts = p->grid + 2;
    for (int k = 0; k < cells; k++) {
        const double w[3] = {row + 1, k + 1, parts - (row + 1) - (k + 1)};
        double *v = values + (size_t)k * (size_t)stride;
        bool cone = true;
        for (int i = 0; i < 3; i++) {
            v[i] = w[i] / parts;
            a[i * cells + k] = log(v[i]);
            u[i * cells + k] = p->u[i];
            for (int j = 0; j < i; j++) {
                cone = cone && (w[i] - w[j]) * (p->u[i] - p->u[j]) >= 0.0;
            }
        }
        v[3] = cone ? 1.0 : 0.0;
        end[k] = p->t_end;
    }
}

/* The amplification law, first order in eta: with theta = |b| - mean u(0),
 * a - mean a = (a0 - mean) cosh theta + (u0 - mean) sinh theta. */
static thm_status start_spread(const thm_phase *p, int row, double *u,
                               double *a, double *end, double *values,
                               int stride)
{
    const int n = p->n;
    const double eta = exp(point(p, row, log(p->narrowest), log(p->widest)));
    double xi[THM_BATCH_TOKENS], c[THM_BATCH_TOKENS], b[THM_BATCH_TOKENS];
    double mean_u = 0.0;
    thm_rng rng = thm_rng_make(p->seed, 0);
    thm_rng_fill_normal(&rng, n, eta, xi);
    thm_rng_fill_normal(&rng, n, eta, c);
    for (int i = 0; i < n; i++) {
        mean_u += xi[i] / n;
    }
    thm_status status = THM_OK;
    for (int k = 0; k < p->grid && status == THM_OK; k++) {
        double *v = values + (size_t)k * (size_t)stride;
        const double target = point(p, k, p->nearest, p->farthest);
        const double theta = target - mean_u;
        for (int i = 0; i < n; i++) {
            u[(size_t)i * (size_t)p->grid + (size_t)k] = xi[i];
            a[(size_t)i * (size_t)p->grid + (size_t)k] = c[i];
            /* shifts of all logits alike do not matter */
            b[i] = c[i] * cosh(theta) + xi[i] * sinh(theta);
        }
        end[k] = target;
        v[0] = eta;
        v[1] = target;
        status = thm_softmax_entropy(n, b, 1.0, &v[2], NULL);
    }
    return status;
}

static thm_status check(const thm_phase *p, int row)
{
    if (p->grid < 3 || p->grid > 100000 || row < 0 || row >= p->grid ||
        tokens(p) < 2 || tokens(p) > THM_BATCH_TOKENS) {
        return THM_EDIM;
    }
    if (p->kind == THM_PHASE_SPREAD) {
        return p->narrowest > 0.0 && p->widest >= p->narrowest &&
                       p->widest <= 100.0 && isfinite(p->nearest) &&
                       p->farthest >= p->nearest && p->farthest <= 500.0
                   ? THM_OK
                   : THM_EDOMAIN;
    }
    const bool good =
        (p->loss == THM_LOSS_LOGISTIC || p->loss == THM_LOSS_EXPONENTIAL) &&
        p->t_end > 0.0 && isfinite(p->t_end) && p->range > 0.0 &&
        p->range <= 100.0 && isfinite(p->sum) && isfinite(p->u[0]) &&
        isfinite(p->u[1]) && isfinite(p->u[2]);
    return good ? THM_OK : THM_EDOMAIN;
}

thm_status thm_phase_row(const thm_phase *phase, int row, double *values,
                         bool (*interrupted)(void *ctx), void *ctx)
{
    thm_status status = check(phase, row);
    if (status != THM_OK) {
        return status;
    }
    const int n = tokens(phase), cells = thm_phase_cells(phase, row);
    const int stride = kinds[phase->kind].count, first = stride - COMMON;
    const size_t count = (size_t)n * (size_t)cells;
    double *u = malloc((2 * count + (size_t)cells) * sizeof *u);
    thm_batch_end *ends = malloc((size_t)cells * sizeof *ends);
    if (!u || !ends) {
        status = THM_ENOMEM;
        goto done;
    }
    double *a = u + count, *end = a + count;
    switch (phase->kind) {
    case THM_PHASE_TWO_TOKEN:
        start_two_token(phase, row, u, a, end, values, stride);
        break;
    case THM_PHASE_SIMPLEX:
        start_simplex(phase, row, u, a, end, values, stride);
        break;
    case THM_PHASE_SPREAD:
        status = start_spread(phase, row, u, a, end, values, stride);
        break;
    }
    thm_batch batch = thm_batch_defaults();
    batch.n = n;
    batch.count = cells;
    batch.u = u;
    batch.a = a;
    batch.end = end;
    batch.loss =
        phase->kind == THM_PHASE_SPREAD ? THM_LOSS_SQUARE : phase->loss;
    if (status == THM_OK) {
        status = thm_batch_run(&batch, phase->isa, phase->threads, ends, NULL,
                               NULL, interrupted, ctx);
    }
    for (int k = 0; k < cells && status == THM_OK; k++) {
        double *v = values + (size_t)k * (size_t)stride + first;
        const thm_batch_end *e = &ends[k];
        const bool won = e->decided || phase->kind == THM_PHASE_SPREAD;
        v[FAILED] = e->status == THM_OK ? 0.0 : 1.0;
        v[WINNER] = won ? e->winner + 1.0 : 0.0;
        v[ENTROPY] = e->entropy;
        v[RISE] = e->rise;
        v[PLATEAU] = e->half_log_t / log(10.0);
    }
done:
    free(ends);
    free(u);
    return status;
}

thm_phase_tally thm_phase_tally_none(void)
{
    return (thm_phase_tally){.latest_plateau = -HUGE_VAL};
}

/* The token that u's unique maximum names, 0 if it is not unique. */
static int favourite(const double u[3])
{
    int top = 0;
    for (int i = 1; i < 3; i++) {
        top = u[i] > u[top] ? i : top;
    }
    for (int i = 0; i < 3; i++) {
        if (i != top && u[i] == u[top]) {
            return 0;
        }
    }
    return top + 1;
}

/* Whether a cell contradicts its theorem.  Of an undecided start only what has
 * happened counts; a predicted rise as small as the threshold may be missed. */
static bool disagrees(const thm_phase *p, const double *v, const double *c,
                      double threshold)
{
    const int winner = (int)c[WINNER];
    const bool rises = c[RISE] > threshold;
    if (p->kind == THM_PHASE_TWO_TOKEN) {
        return (winner != 0 && winner != (int)v[2]) || (rises && v[3] == 0.0) ||
               (winner != 0 && !rises && v[3] > 2.0 * threshold);
    }
    const int expected = favourite(p->u);
    return rises || (winner != 0 && expected != 0 && winner != expected);
}

void thm_phase_count(const thm_phase *phase, int cells, const double *values,
                     thm_phase_tally *tally)
{
    const int stride = kinds[phase->kind].count;
    const double log_n = log(tokens(phase));
    const double threshold = 10.0 * thm_batch_defaults().rtol * log_n;
    for (int k = 0; k < cells; k++) {
        const double *v = values + (size_t)k * (size_t)stride;
        const double *c = v + stride - COMMON;
        const bool rises = c[RISE] > threshold;
        const int winner = (int)c[WINNER];
        tally->cells++;
        if (c[FAILED] != 0.0) {
            tally->failed++;
            continue;
        }
        tally->undecided += winner == 0;
        if (phase->kind != THM_PHASE_SPREAD && winner > 0) {
            tally->wins[winner - 1]++;
        }
        tally->rises += rises;
        tally->largest_rise = fmax(tally->largest_rise, c[RISE]);
        tally->polarised += c[ENTROPY] < 0.5 * log_n;
        tally->latest_plateau = fmax(tally->latest_plateau, c[PLATEAU]);
        const bool covered = phase->kind == THM_PHASE_TWO_TOKEN ||
                             (phase->kind == THM_PHASE_SIMPLEX && v[3] != 0.0);
        tally->covered += covered;
        tally->disagreements += covered && disagrees(phase, v, c, threshold);
    }
}
