/* S3: the eigenvalues of tau J interlace the sorted probabilities
 * (paper-notes/softmax.md).  The library's own spectrum is found between those
 * poles and would agree by construction; here J is formed and LAPACK asked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/logits.h"
#include "core/verdict.h"
#include "la/eig.h"
#include "proofs/proof.h"
#include "softmax/softmax.h"

enum { LONGEST = 256 }; /* tokens; LAPACK takes O(n^3) */

typedef struct {
    double p[LONGEST], sorted[LONGEST], w[LONGEST];
    double A[LONGEST * LONGEST], V[LONGEST * LONGEST];
    double norm, err; /* |tau J|_F, and the error of every w */
    uint64_t stream;  /* the draws of the row that this is of */
    bool solved;
} dense;

static int ascending(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static thm_status solve(dense *d, const thm_row *row)
{
    const int n = row->n;
    thm_la_report report;
    thm_status status = THM_OK;
    if (d->solved && d->stream == row->rng.stream) {
        return THM_OK;
    }
    if (row->probs) {
        memcpy(d->p, row->value, (size_t)n * sizeof *d->p);
    } else {
        status = thm_softmax(n, row->value, row->tau, d->p);
    }
    if (status == THM_OK) {
        status = thm_softmax_jacobian(n, d->p, 1.0, d->A);
    }
    if (status == THM_OK) {
        status = thm_softmax_jacobian_fro(n, d->p, 1.0, &d->norm);
    }
    if (status == THM_OK) {
        status = thm_eig(n, d->A, d->w, d->V, &report);
    }
    if (status == THM_OK) {
        /* the entries of J err by 9 u of themselves, or underflow (note, S3) */
        d->err = report.err + 10.0 * 0x1p-53 * d->norm + n * 0x1p-1074;
        memcpy(d->sorted, d->p, (size_t)n * sizeof *d->p);
        qsort(d->sorted, (size_t)n, sizeof *d->sorted, ascending);
        d->stream = row->rng.stream;
        d->solved = true;
    }
    return status;
}

/* The largest excess of w_i over p_(i - shift), and of p_(i - shift - 1) over
 * w_i, as a share of |tau J|_F. */
static thm_status between(const thm_row *row, dense *d, int shift,
                          thm_finding *f, bool *applies)
{
    *applies = !row->absent && row->n > 1 && row->n <= LONGEST;
    const thm_status status = *applies ? solve(d, row) : THM_OK;
    *applies = *applies && status == THM_OK && d->norm > 0.0;
    if (!*applies) {
        return status;
    }
    double excess = -HUGE_VAL;
    for (int i = 1; i < row->n; i++) {
        const int upper = i - shift;
        const double above = d->w[i] - d->sorted[upper];
        const double below =
            upper > 0 ? d->sorted[upper - 1] - d->w[i] : -HUGE_VAL;
        excess = thm_worse(excess, thm_worse(above, below));
    }
    f->observed = excess / d->norm;
    f->allowed = 0.0;
    f->err = d->err / d->norm * (1.0 + 8.0 * 0x1p-53);
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return THM_OK;
}

static thm_status interlacing(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    return between(the_case, ctx, 0, f, applies);
}

/* Every eigenvalue one place lower among the probabilities. */
static thm_status interlacing_shifted(const void *the_case, void *ctx,
                                      thm_finding *f, bool *applies)
{
    return between(the_case, ctx, 1, f, applies);
}

static thm_status open_rows(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    (void)seed;
    (void)msg;
    thm_rows *rows = NULL;
    dense *d = malloc(sizeof *d);
    *ctx = d;
    if (!d) {
        return THM_ENOMEM;
    }
    d->solved = false;
    const thm_status status = thm_rows_alloc(NULL, &rows);
    if (status == THM_OK) {
        source->ctx = rows;
        source->the_case = thm_rows_row(rows);
        source->make = thm_rows_make;
        source->count = thm_rows_count(proof_count(effort, THM_ROWS_CASES));
    }
    return status;
}

static void close_rows(thm_case_source *source, void *ctx)
{
    thm_rows_free(source->ctx);
    free(ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"S3", interlacing, false},
                                       {"XS3", interlacing_shifted, false}};
    static const proof_group group = {2, claims, open_rows, close_rows};
    static const proof_table table = {
        "eigenvalues of the softmax Jacobian between its probabilities (S3)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
