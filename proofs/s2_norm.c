/* S2: the spectral norm of the softmax Jacobian is at most 1 / (2 tau), and two
 * tokens that share everything attain it (paper-notes/softmax.md). */
#include "claims/ball.h"
#include "proofs/proof.h"

/* tau |J|_2 against a bound. */
static thm_status norm_against(const void *the_case, void *ctx, bool shrunk,
                               thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    thm_ball_row *b = ctx;
    *applies = !row->absent;
    const thm_status status = *applies ? thm_ball_row_spectrum(b, row) : THM_OK;
    if (status != THM_OK || !*applies) {
        return status;
    }
    arb_t bound;
    arb_init(bound);
    arb_set_d(bound, 0.5);
    if (shrunk) {
        arb_mul_si(bound, bound, b->n - 1, THM_BALL_BITS);
        arb_div_si(bound, bound, b->n, THM_BALL_BITS);
    }
    thm_finding_ball(f, b->eigen + b->n - 1, bound, true);
    arb_clear(bound);
    return THM_OK;
}

static thm_status half(const void *the_case, void *ctx, thm_finding *f,
                       bool *applies)
{
    return norm_against(the_case, ctx, false, f, applies);
}

/* The factor (1 - 1/n), true of the uniform row, for all rows. */
static thm_status less_than_half(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    return norm_against(the_case, ctx, true, f, applies);
}

/* 2 tau |J|_2 - 1 for a row that is uniform on `support` tokens. */
static thm_status attained_by(const void *the_case, void *ctx, int support,
                              thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    thm_ball_row *b = ctx;
    const thm_status loaded = row->absent ? THM_OK : thm_ball_row_load(b, row);
    *applies =
        loaded == THM_OK && !row->absent && b->uniform && b->support == support;
    if (loaded != THM_OK || !*applies) {
        return loaded;
    }
    const thm_status status = thm_ball_row_spectrum(b, row);
    if (status == THM_OK) {
        arb_t x;
        arb_init(x);
        arb_mul_2exp_si(x, b->eigen + b->n - 1, 1);
        arb_sub_si(x, x, 1, THM_BALL_BITS);
        thm_finding_zero(f, x);
        arb_clear(x);
    }
    return status;
}

static thm_status attained_by_two(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    return attained_by(the_case, ctx, 2, f, applies);
}

static thm_status attained_by_three(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    return attained_by(the_case, ctx, 3, f, applies);
}

int main(int argc, char **argv)
{
    static const thm_claim norm[] = {{"S2.1", half, false},
                                     {"XS2.1", less_than_half, false}};
    static const thm_claim attained[] = {{"S2.2", attained_by_two, false},
                                         {"XS2.2", attained_by_three, false}};
    static const proof_group groups[] = {
        {2, norm, proof_open_rows, thm_ball_source_close},
        {2, attained, proof_open_probs, thm_ball_source_close}};
    static const proof_table table = {"the norm of the softmax Jacobian (S2)",
                                      2, groups};
    return proof_main(argc, argv, &table);
}
