/* S1: the softmax Jacobian is positive semidefinite, its kernel is spanned by
 * the ones (and the tokens without probability), its rank is one less than the
 * support (paper-notes/softmax.md). */
#include <math.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "proofs/proof.h"
#include "softmax/softmax.h"

enum {
    DIRECTIONS = 4,
    LONGEST = 256 /* tokens of a J that is formed: O(n^2) */
};

/* What a measure needs of a row; false if there is no such row. */
static bool load(const void *the_case, thm_ball_row *b, thm_status *status)
{
    const thm_row *row = the_case;
    *status = row->absent ? THM_OK : thm_ball_row_load(b, row);
    return *status == THM_OK && !row->absent;
}

/* ---- S1.1: v' J v >= 0 -----------------------------------------------------
 */

/* Direction k: everything but the largest token; normals; ones and a hundredth
 * of normals. */
static void direction(const thm_ball_row *b, int k, thm_rng *rng, arb_ptr v)
{
    for (int i = 0; i < b->n; i++) {
        const double x = thm_rng_normal(rng);
        arb_set_d(v + i, k == 0   ? (i == b->top ? 0.0 : 1.0)
                         : k == 1 ? 1.0 + x / 100.0
                                  : x);
    }
}

/* q = v' (diag(p) - c p p') v / sum p w^2 with w = v - v_top, c = 1 or
 * 1 + 1/n:  q = 1 - (p'w)^2 / sum p w^2 - (c - 1) (p'v)^2 / sum p w^2. */
static void quotient(const thm_ball_row *b, arb_srcptr v, bool too_much,
                     arb_t q)
{
    arb_t w, pw, pv, second, t;
    arb_init(w);
    arb_init(pw);
    arb_init(pv);
    arb_init(second);
    arb_init(t);
    for (int i = 0; i < b->n; i++) {
        arb_sub(w, v + i, v + b->top, THM_BALL_BITS);
        arb_mul(t, b->p + i, w, THM_BALL_BITS);
        arb_add(pw, pw, t, THM_BALL_BITS);
        arb_addmul(second, t, w, THM_BALL_BITS);
        arb_addmul(pv, b->p + i, v + i, THM_BALL_BITS);
    }
    arb_mul(q, pw, pw, THM_BALL_BITS);
    if (too_much) {
        arb_mul(t, pv, pv, THM_BALL_BITS);
        arb_div_si(t, t, b->n, THM_BALL_BITS);
        arb_add(q, q, t, THM_BALL_BITS);
    }
    arb_div(q, q, second, THM_BALL_BITS);
    arb_sub_si(q, q, 1, THM_BALL_BITS);
    arb_neg(q, q);
    arb_clear(w);
    arb_clear(pw);
    arb_clear(pv);
    arb_clear(second);
    arb_clear(t);
}

/* The smallest quotient of the directions. */
static thm_status smallest(const void *the_case, void *ctx, bool too_much,
                           thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    thm_ball_row *b = ctx;
    thm_status status;
    *applies = load(the_case, b, &status) && b->support > 1;
    if (!*applies) {
        return status;
    }
    thm_rng rng = row->rng;
    arb_ptr v = _arb_vec_init(b->n);
    arb_t q, least;
    arb_init(q);
    arb_init(least);
    for (int k = 0; k < DIRECTIONS; k++) {
        direction(b, k, &rng, v);
        quotient(b, v, too_much, q);
        if (k == 0 || arb_lt(q, least)) {
            arb_set(least, q);
        }
    }
    arb_neg(least, least);
    arb_zero(q);
    thm_finding_ball(f, least, q, false);
    _arb_vec_clear(v, b->n);
    arb_clear(q);
    arb_clear(least);
    return THM_OK;
}

static thm_status psd(const void *the_case, void *ctx, thm_finding *f,
                      bool *applies)
{
    return smallest(the_case, ctx, false, f, applies);
}

/* diag(p) - (1 + 1/n) p p' */
static thm_status psd_too_much(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    return smallest(the_case, ctx, true, f, applies);
}

/* ---- S1.2: J 1 = 0 ---------------------------------------------------------
 */

/* max_i |(J 1)_i| tau / max p from the sums of the rows of J, which is formed;
 * or without -p p'.  A product J v would not do: the kernel measures v from one
 * of its entries, and any such product of the ones is zero by construction. */
static thm_status row_sums(const void *the_case, bool diagonal, thm_finding *f,
                           bool *applies)
{
    const thm_row *row = the_case;
    const int n = row->n;
    *applies = !row->absent && n <= LONGEST;
    if (!*applies) {
        return THM_OK;
    }
    double p[LONGEST], top = 0.0, largest = 0.0;
    double *J = calloc((size_t)n * (size_t)n, sizeof *J);
    thm_status status =
        J ? thm_softmax(n, row->value, row->tau, p) : THM_ENOMEM;
    if (status == THM_OK && !diagonal) {
        status = thm_softmax_jacobian(n, p, row->tau, J);
    }
    for (int i = 0; i < n && status == THM_OK; i++) {
        double sum = diagonal ? p[i] / row->tau : 0.0;
        for (int j = 0; j < n; j++) {
            sum += J[i * n + j];
        }
        top = fmax(top, p[i]);
        largest = thm_worse(largest, fabs(sum));
    }
    free(J);
    f->observed = largest * row->tau / top;
    f->allowed = 0.0;
    f->err = (2 * n + 20) * 0x1p-53; /* note, S1.2 */
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    return status;
}

static thm_status kernel_ones(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)ctx;
    return row_sums(the_case, false, f, applies);
}

static thm_status kernel_ones_of_diagonal(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    (void)ctx;
    return row_sums(the_case, true, f, applies);
}

/* ---- S1.3, S1.4: the rank --------------------------------------------------
 */

/* |rank - said| <= 1/2: eigenvalues certainly positive are counted; those whose
 * enclosure only reaches up from zero leave the rank, and the case, open. */
static thm_status rank_is(thm_ball_row *b, const thm_row *row, int said,
                          thm_finding *f)
{
    const thm_status status = thm_ball_row_spectrum(b, row);
    int positive = 0, open = 0;
    for (int i = 0; status == THM_OK && i < b->n; i++) {
        positive += arb_is_positive(b->eigen + i) != 0;
        open += arb_contains_zero(b->eigen + i) && !arb_is_zero(b->eigen + i);
    }
    f->observed = fabs(positive + 0.5 * open - said);
    f->allowed = 0.5;
    f->err = 0.5 * open;
    f->evidence = THM_ENCLOSURE;
    return status;
}

static thm_status rank_of_logits(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    *applies = !row->absent;
    return row->absent ? THM_OK : rank_is(ctx, row, row->n - 1, f);
}

static thm_status rank_full(const void *the_case, void *ctx, thm_finding *f,
                            bool *applies)
{
    const thm_row *row = the_case;
    *applies = !row->absent;
    return row->absent ? THM_OK : rank_is(ctx, row, row->n, f);
}

static thm_status rank_of_probs(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    thm_ball_row *b = ctx;
    thm_status status;
    *applies = load(the_case, b, &status);
    return *applies ? rank_is(b, the_case, b->support - 1, f) : status;
}

/* n - 1, as if every token had a share. */
static thm_status rank_despite_zeros(const void *the_case, void *ctx,
                                     thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    *applies = true;
    return rank_is(ctx, row, row->n - 1, f);
}

int main(int argc, char **argv)
{
    static const thm_claim logits[] = {
        {"S1.1", psd, false},
        {"XS1.1", psd_too_much, false},
        {"S1.2", kernel_ones, false},
        {"XS1.2", kernel_ones_of_diagonal, false},
        {"S1.3", rank_of_logits, false},
        {"XS1.3", rank_full, false}};
    static const thm_claim probs[] = {{"S1.4", rank_of_probs, false},
                                      {"XS1.4", rank_despite_zeros, false}};
    static const proof_group groups[] = {
        {6, logits, proof_open_logits, thm_ball_source_close},
        {2, probs, proof_open_probs, thm_ball_source_close}};
    static const proof_table table = {
        "kernel, sign and rank of the softmax Jacobian (S1)", 2, groups};
    return proof_main(argc, argv, &table);
}
