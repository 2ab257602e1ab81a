/* S5: the trace of the softmax Jacobian and Gershgorin's bound of its norm
 * (paper-notes/softmax.md). */
#include "claims/ball.h"
#include "proofs/proof.h"

/* Spectrum of a row with at least two tokens of positive probability; else J
 * vanishes and there is nothing to compare. */
static thm_status load(const thm_row *row, thm_ball_row *b, bool *applies)
{
    thm_status status = row->absent ? THM_OK : thm_ball_row_load(b, row);
    *applies = status == THM_OK && !row->absent && b->support > 1;
    return *applies ? thm_ball_row_spectrum(b, row) : status;
}

/* sum lambda / (1 - sum p^2) - 1, or with max p in the place of sum p^2. */
static thm_status trace_is(const void *the_case, void *ctx, bool square,
                           thm_finding *f, bool *applies)
{
    thm_ball_row *b = ctx;
    const thm_status status = load(the_case, b, applies);
    if (status != THM_OK || !*applies) {
        return status;
    }
    arb_t sum, said;
    arb_init(sum);
    arb_init(said);
    for (int i = 0; i < b->n; i++) {
        arb_add(sum, sum, b->eigen + i, THM_BALL_BITS);
        arb_addmul(said, b->p + i, b->rest + i, THM_BALL_BITS);
    }
    arb_div(sum, sum, square ? said : b->rest + b->top, THM_BALL_BITS);
    arb_sub_si(sum, sum, 1, THM_BALL_BITS);
    thm_finding_zero(f, sum);
    arb_clear(sum);
    arb_clear(said);
    return THM_OK;
}

static thm_status trace(const void *the_case, void *ctx, thm_finding *f,
                        bool *applies)
{
    return trace_is(the_case, ctx, true, f, applies);
}

/* (1 - max p) / tau: true of uniform rows only. */
static thm_status trace_from_largest(const void *the_case, void *ctx,
                                     thm_finding *f, bool *applies)
{
    return trace_is(the_case, ctx, false, f, applies);
}

/* tau |J|_2 / max_i p_i (1 - p_i) against a factor. */
static thm_status norm_within(const void *the_case, void *ctx, int factor,
                              thm_finding *f, bool *applies)
{
    thm_ball_row *b = ctx;
    const thm_status status = load(the_case, b, applies);
    if (status != THM_OK || !*applies) {
        return status;
    }
    arb_t x, largest;
    arb_init(x);
    arb_init(largest);
    for (int i = 0; i < b->n; i++) {
        arb_mul(x, b->p + i, b->rest + i, THM_BALL_BITS);
        arb_max(largest, largest, x, THM_BALL_BITS);
    }
    arb_div(x, b->eigen + b->n - 1, largest, THM_BALL_BITS);
    arb_set_si(largest, factor);
    thm_finding_ball(f, x, largest, true);
    arb_clear(x);
    arb_clear(largest);
    return THM_OK;
}

static thm_status gershgorin(const void *the_case, void *ctx, thm_finding *f,
                             bool *applies)
{
    return norm_within(the_case, ctx, 2, f, applies);
}

/* The largest entry of the diagonal. */
static thm_status diagonal(const void *the_case, void *ctx, thm_finding *f,
                           bool *applies)
{
    return norm_within(the_case, ctx, 1, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"S5.1", trace, false},
                                       {"XS5.1", trace_from_largest, false},
                                       {"S5.2", gershgorin, false},
                                       {"XS5.2", diagonal, false}};
    static const proof_group group = {4, claims, proof_open_rows,
                                      thm_ball_source_close};
    static const proof_table table = {
        "trace and Gershgorin bound of the softmax Jacobian (S5)", 1, &group};
    return proof_main(argc, argv, &table);
}
