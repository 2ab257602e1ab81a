/* S6: attention that is uniform on m of n tokens has the eigenvalue 1 / (tau
 * m), m - 1 times, and does not respond at all to a token outside
 * (paper-notes/softmax.md). */
#include <math.h>
#include <string.h>
#include "claims/ball.h"
#include "proofs/proof.h"
#include "softmax/softmax.h"

/* Whether the row is uniform on some of its tokens, not on all. */
static thm_status load(const thm_row *row, thm_ball_row *b, bool *applies)
{
    const thm_status status = thm_ball_row_load(b, row);
    *applies = status == THM_OK && b->uniform && b->support < b->n;
    return status;
}

/* p of the row; mixed with a thousandth of the uniform row if leaky, so that
 * its support is full. */
static void probs_of(const thm_row *row, const thm_ball_row *b, bool leaky,
                     double *p)
{
    const double none = row->probs ? 0.0 : -HUGE_VAL;
    for (int i = 0; i < row->n; i++) {
        p[i] = row->value[i] > none ? 1.0 / b->support : 0.0;
        p[i] = leaky ? 0.999 * p[i] + 0.001 / row->n : p[i];
    }
}

/* The largest of |m tau lambda - 1| over the m - 1 large eigenvalues and
 * m tau lambda over the others, m being the support before the leak. */
static thm_status eigenvalues(const void *the_case, void *ctx, bool leaky,
                              thm_finding *f, bool *applies)
{
    double value[THM_ROW_MAX];
    thm_ball_row *b = ctx;
    thm_row row = *(const thm_row *)the_case;
    thm_status status = load(&row, b, applies);
    if (status != THM_OK || !*applies) {
        return status;
    }
    const int m = b->support;
    if (leaky) {
        probs_of(&row, b, true, value);
        row.value = value;
        row.probs = true;
        row.rng.stream += UINT64_C(1) << 62;
    }
    status = thm_ball_row_spectrum(b, &row);
    if (status != THM_OK) {
        return status;
    }
    arb_t x, worst;
    arb_init(x);
    arb_init(worst);
    for (int i = 0; i < row.n; i++) {
        arb_mul_si(x, b->eigen + i, m, THM_BALL_BITS);
        arb_sub_si(x, x, i > row.n - m ? 1 : 0, THM_BALL_BITS);
        arb_abs(x, x);
        arb_max(worst, worst, x, THM_BALL_BITS);
    }
    thm_finding_zero(f, worst);
    arb_clear(x);
    arb_clear(worst);
    return THM_OK;
}

static thm_status subset_eigenvalues(const void *the_case, void *ctx,
                                     thm_finding *f, bool *applies)
{
    return eigenvalues(the_case, ctx, false, f, applies);
}

static thm_status leaky_eigenvalues(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    return eigenvalues(the_case, ctx, true, f, applies);
}

/* The largest |J v| over all tokens for a drawn v that is zero on the subset,
 * and over the tokens outside for one that is not; by the library's kernel. */
static thm_status response(const void *the_case, void *ctx, bool leaky,
                           thm_finding *f, bool *applies)
{
    double p[THM_ROW_MAX], v[THM_ROW_MAX], y[THM_ROW_MAX];
    const thm_row *row = the_case;
    thm_status status = load(row, ctx, applies);
    if (status != THM_OK || !*applies) {
        return status;
    }
    const double none = row->probs ? 0.0 : -HUGE_VAL;
    thm_rng rng = row->rng;
    probs_of(row, ctx, leaky, p);
    if (!leaky && !row->probs) {
        status = thm_softmax(row->n, row->value, row->tau, p);
    }
    double largest = 0.0;
    for (int full = 0; full < 2 && status == THM_OK; full++) {
        for (int i = 0; i < row->n; i++) {
            const bool outside = !(row->value[i] > none);
            v[i] = full || outside ? thm_rng_normal(&rng) : 0.0;
        }
        status = thm_softmax_jvp(row->n, p, row->tau, v, y);
        for (int i = 0; i < row->n && status == THM_OK; i++) {
            const bool outside = !(row->value[i] > none);
            if (!full || outside) {
                largest = thm_worse(largest, fabs(y[i]));
            }
        }
    }
    f->observed = largest;
    f->allowed = 0.0;
    f->err = 0.0; /* products with an exact zero: note, S6.2 */
    f->evidence = THM_ENCLOSURE;
    return status;
}

static thm_status no_response(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    return response(the_case, ctx, false, f, applies);
}

static thm_status no_leaky_response(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    return response(the_case, ctx, true, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"S6.1", subset_eigenvalues, false},
                                       {"XS6.1", leaky_eigenvalues, false},
                                       {"S6.2", no_response, false},
                                       {"XS6.2", no_leaky_response, false}};
    static const proof_group group = {4, claims, proof_open_probs,
                                      thm_ball_source_close};
    static const proof_table table = {
        "attention that is uniform on a subset of the tokens (S6)", 1, &group};
    return proof_main(argc, argv, &table);
}
