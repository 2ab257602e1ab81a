/* S10: the gradients of one attention head in closed form (src/attn/head.h)
 * against complex-step differences (src/claims/head_step.h).
 *
 * Every entry is a sum of products; what is observed is the difference in units
 * of the sum of their absolute values, and err is the bound of that by the
 * note (paper-notes/softmax.md, S10.1, "Rounding"). */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "attn/head.h"
#include "claims/claim.h"
#include "claims/head_step.h"
#include "claims/heads.h"
#include "proofs/proof.h"

enum { PROBES = 24 };

/* One entry of a gradient by complex step. */
typedef struct {
    int row, col;
    double value, terms;
} probe;

typedef struct {
    thm_heads *heads;
    thm_head_step *step;
    const thm_head_case *one;
    thm_head_state state;
    double *dWq, *dWk, *dWv; /* closed forms; dS is the state's */
    probe probes[THM_BY_COUNT][PROBES];
    int n_probes[THM_BY_COUNT];
} work;

/* ---- the cases ------------------------------------------------------------
 */

static void place_probes(work *w, thm_head_variable by, int rows, int cols)
{
    const thm_head *h = &w->one->head;
    /* so that a large case costs little more than a small one */
    const double cost = (double)h->n * h->d * (3.0 * h->D + 2.0 * h->n);
    const double afford = fmax(2.0, fmin(PROBES, 1e6 / cost));
    const int count = (int)fmin(afford, (double)rows * cols);
    thm_rng rng = w->one->rng;
    w->n_probes[by] = count;
    for (int k = 0; k < count; k++) {
        const int at = count == rows * cols
                           ? k
                           : (int)thm_rng_below(&rng, (uint64_t)(rows * cols));
        probe *p = &w->probes[by][k];
        p->row = at / cols;
        p->col = at % cols;
        p->value = thm_head_step_value(w->step, by, p->row, p->col);
        p->terms = thm_head_step_terms(w->step, by, p->row, p->col);
    }
}

static thm_status make_head(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    work *w = ctx;
    thm_status status = thm_heads_make(w->heads, seed, index, the_case, name);
    w->one = the_case;
    if (status != THM_OK || w->one->absent) {
        return status;
    }
    const thm_head *h = &w->one->head;
    thm_head_state_free(&w->state);
    status = thm_head_state_alloc(h->n, h->D, h->d, &w->state);
    if (status == THM_OK) {
        status = thm_head_forward(h, &w->state);
    }
    if (status == THM_OK) {
        status = thm_head_backward(h, &w->state, w->one->G, w->dWq, w->dWk,
                                   w->dWv, NULL);
    }
    if (status == THM_OK) {
        status = thm_head_step_load(w->step, h, &w->state, w->one->G);
    }
    if (status == THM_OK) {
        place_probes(w, THM_BY_S, h->n, h->n);
        for (int by = THM_BY_WQ; by <= THM_BY_WV; by++) {
            place_probes(w, (thm_head_variable)by, h->D, h->d);
        }
    }
    return status;
}

static thm_status open_heads(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    const size_t D = THM_HEADS_D, d = THM_HEADS_WIDTH;
    work *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->dWq = malloc(3 * D * d * sizeof *w->dWq);
    if (!w->dWq) {
        return THM_ENOMEM;
    }
    w->dWk = w->dWq + D * d;
    w->dWv = w->dWk + D * d;
    source->count = proof_count(effort, THM_HEADS_CASES);
    source->make = make_head;
    source->ctx = w;
    thm_status status = thm_heads_alloc(NULL, &w->heads);
    if (status == THM_OK) {
        status = thm_head_step_alloc(THM_HEADS_N, THM_HEADS_D, THM_HEADS_WIDTH,
                                     &w->step);
    }
    if (status == THM_OK) {
        source->the_case = thm_heads_case(w->heads);
    }
    return status;
}

static void close_heads(thm_case_source *source, void *ctx)
{
    work *w = ctx;
    (void)source;
    if (w) {
        thm_head_state_free(&w->state);
        thm_heads_free(w->heads);
        thm_head_step_free(w->step);
        free(w->dWq);
        free(w);
    }
}

/* ---- the measures ---------------------------------------------------------
 */

/* Entry (a, b) of a gradient as a claim or its twin says it. */
typedef double (*formula)(const work *w, int a, int b);

static thm_status compare(work *w, thm_head_variable by, formula entry,
                          thm_finding *f, bool *applies)
{
    *applies = !w->one->absent;
    if (!*applies) {
        return THM_OK;
    }
    f->observed = f->allowed = 0.0;
    for (int k = 0; k < w->n_probes[by]; k++) {
        const probe *p = &w->probes[by][k];
        const double off = fabs(entry(w, p->row, p->col) - p->value) / p->terms;
        f->observed = thm_worse(f->observed, off);
    }
    f->err = thm_head_step_error(w->step);
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static double entry_s(const work *w, int a, int b)
{
    return w->state.dS[a * w->state.n + b];
}

static double entry_wq(const work *w, int a, int b)
{
    return w->dWq[a * w->state.d + b];
}

static double entry_wk(const work *w, int a, int b)
{
    return w->dWk[a * w->state.d + b];
}

static double entry_wv(const work *w, int a, int b)
{
    return w->dWv[a * w->state.d + b];
}

/* (1/tau) A o G V': the mean r of the row is missing. */
static double not_entry_s(const work *w, int a, int b)
{
    const int d = w->state.d;
    double sum = 0.0;
    for (int k = 0; k < d; k++) {
        sum += w->one->G[a * d + k] * w->state.V[b * d + k];
    }
    return w->state.A[a * w->state.n + b] * sum / w->one->head.tau;
}

/* The factor 1/tau is missing. */
static double not_entry_wq(const work *w, int a, int b)
{
    return w->one->head.tau * entry_wq(w, a, b);
}

/* (X' M Y)_ab for M (n x n), Y (n x d). */
static double sandwich(const work *w, const double *M, const double *Y, int a,
                       int b)
{
    const thm_head *h = &w->one->head;
    double sum = 0.0;
    for (int i = 0; i < h->n; i++) {
        for (int j = 0; j < h->n; j++) {
            sum += h->X[i * h->D + a] * M[i * h->n + j] * Y[j * h->d + b];
        }
    }
    return sum;
}

/* X' dS Q: dS is not transposed. */
static double not_entry_wk(const work *w, int a, int b)
{
    return sandwich(w, w->state.dS, w->state.Q, a, b);
}

/* X' A G: A is not transposed. */
static double not_entry_wv(const work *w, int a, int b)
{
    return sandwich(w, w->state.A, w->one->G, a, b);
}

#define MEASURE(name, by, entry)                                               \
    static thm_status name(const void *head, void *ctx, thm_finding *f,        \
                           bool *applies)                                      \
    {                                                                          \
        (void)head;                                                            \
        return compare(ctx, by, entry, f, applies);                            \
    }
MEASURE(by_s, THM_BY_S, entry_s)
MEASURE(not_by_s, THM_BY_S, not_entry_s)
MEASURE(by_wq, THM_BY_WQ, entry_wq)
MEASURE(not_by_wq, THM_BY_WQ, not_entry_wq)
MEASURE(by_wk, THM_BY_WK, entry_wk)
MEASURE(not_by_wk, THM_BY_WK, not_entry_wk)
MEASURE(by_wv, THM_BY_WV, entry_wv)
MEASURE(not_by_wv, THM_BY_WV, not_entry_wv)

/* The largest sum of a row (column) of dS, in units of its absolute terms. */
static thm_status measure_sums(const work *w, bool columns, thm_finding *f,
                               bool *applies)
{
    const thm_head *h = &w->one->head;
    *applies = !w->one->absent;
    f->observed = f->allowed = 0.0;
    for (int i = 0; *applies && i < h->n; i++) {
        double sum = 0.0, terms = 0.0;
        for (int j = 0; j < h->n; j++) {
            const int k = columns ? j * h->n + i : i * h->n + j;
            sum += w->state.dS[k];
            terms += thm_head_step_terms(w->step, THM_BY_S, k / h->n, k % h->n);
        }
        const double off = fabs(sum) / terms;
        f->observed = thm_worse(f->observed, off);
    }
    const double k = (2 * h->n + h->D + h->d + 30) * (DBL_EPSILON / 2);
    f->err = k / (1.0 - k); /* gamma_k */
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status row_sums(const void *head, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)head;
    return measure_sums(ctx, false, f, applies);
}

static thm_status not_row_sums(const void *head, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)head;
    return measure_sums(ctx, true, f, applies);
}

/* ---- the table ------------------------------------------------------------
 */

static const thm_claim claims[] = {
    {.id = "S10.1", .measure = by_s},
    {.id = "XS10.1", .measure = not_by_s},
    {.id = "S10.2", .measure = by_wq},
    {.id = "XS10.2", .measure = not_by_wq},
    {.id = "S10.3", .measure = by_wk},
    {.id = "XS10.3", .measure = not_by_wk},
    {.id = "S10.4", .measure = by_wv},
    {.id = "XS10.4", .measure = not_by_wv},
    {.id = "S10.5", .measure = row_sums},
    {.id = "XS10.5", .measure = not_row_sums},
};
static const proof_group groups[] = {
    {.n_claims = 10,
     .claims = claims,
     .open = open_heads,
     .close = close_heads},
};
static const proof_table table = {
    .summary = "S10: the gradients of an attention head in closed form.",
    .n_groups = 1,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return proof_main(argc, argv, &table);
}
