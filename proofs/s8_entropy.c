/* S8: dH/dtau = Var_p(z) / tau^3: the entropy rises with the temperature
 * (paper-notes/softmax.md).  The difference quotient of H over [tau, tau + h]
 * is H' somewhere in between; ball arithmetic evaluates the formula on that
 * whole interval, so the two must meet. */
#include <math.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "proofs/proof.h"

/* h = tau 2^-STEP; precision doubles from FIRST to LAST bits until quotient and
 * formula agree to 2^-AGREE or their balls are apart. */
enum { STEP = 80, FIRST_BITS = 256, LAST_BITS = 16384, AGREE = 40 };

typedef struct {
    thm_rows *rows;
    arb_ptr x, p, rest; /* (THM_ROW_MAX) */
    /* quotient / formula of the row with this stream */
    bool solved, sharp;
    uint64_t stream;
    arb_t ratio;
} entropies;

/* H = log S + sum w_i (max - z_i) / (tau S), S = sum w: x = z - max z. */
static void entropy(int n, arb_srcptr x, int top, const arb_t tau, slong bits,
                    arb_t h)
{
    arb_t others, s, w;
    arb_init(others);
    arb_init(s);
    arb_init(w);
    for (int i = 0; i < n; i++) {
        if (i != top) {
            arb_div(w, x + i, tau, bits);
            arb_exp(w, w, bits);
            arb_add(others, others, w, bits);
            arb_submul(s, w, x + i, bits);
        }
    }
    arb_log1p(h, others, bits);
    arb_add_si(others, others, 1, bits);
    arb_mul(others, others, tau, bits);
    arb_div(s, s, others, bits);
    arb_add(h, h, s, bits);
    arb_clear(others);
    arb_clear(s);
    arb_clear(w);
}

/* Var_p(z) / tau^3 on the ball tau. */
static void formula(int n, entropies *w, int top, const arb_t tau, slong bits,
                    arb_t c)
{
    arb_t t;
    arb_init(t);
    arb_inv(t, tau, bits);
    thm_ball_softmax(n, w->x, t, top, bits, w->p, w->rest);
    thm_ball_variance(n, w->p, w->x, bits, c);
    arb_pow_ui(t, t, 3, bits);
    arb_mul(c, c, t, bits);
    arb_clear(t);
}

static void quotient_by_formula(const thm_row *row, entropies *w, slong bits)
{
    arb_t tau, later, h, first, second;
    arb_init(tau);
    arb_init(later);
    arb_init(h);
    arb_init(first);
    arb_init(second);
    const int top = thm_ball_exponents(row->n, row->value, 1.0, bits, w->x);
    arb_set_d(tau, row->tau);
    arb_mul_2exp_si(h, tau, -STEP);
    arb_add(later, tau, h, bits);
    entropy(row->n, w->x, top, tau, bits, first);
    entropy(row->n, w->x, top, later, bits, second);
    arb_sub(second, second, first, bits);
    arb_div(second, second, h, bits);
    arb_union(later, tau, later, bits);
    formula(row->n, w, top, later, bits, first);
    arb_div(w->ratio, second, first, bits);
    arb_clear(tau);
    arb_clear(later);
    arb_clear(h);
    arb_clear(first);
    arb_clear(second);
}

/* Whether the ball of ratio / by is narrow. */
static bool is_sharp(const arb_t ratio)
{
    return arb_is_finite(ratio) && arb_rel_accuracy_bits(ratio) >= AGREE;
}

static void solve(const thm_row *row, entropies *w)
{
    if (w->solved && w->stream == row->rng.stream) {
        return;
    }
    slong bits = FIRST_BITS;
    do {
        quotient_by_formula(row, w, bits);
        w->sharp = is_sharp(w->ratio);
        bits *= 2;
    } while (!w->sharp && bits <= LAST_BITS);
    w->stream = row->rng.stream;
    w->solved = true;
}

static bool is_constant(const thm_row *row)
{
    for (int i = 1; i < row->n; i++) {
        if (row->value[i] != row->value[0]) {
            return false;
        }
    }
    return true;
}

/* quotient / (Var_p(z) / tau^power) - 1 */
static thm_status slope_is(const void *the_case, void *ctx, int power,
                           thm_finding *f, bool *applies)
{
    const thm_row *row = the_case;
    entropies *w = ctx;
    *applies = !row->absent && !is_constant(row);
    if (!*applies) {
        return THM_OK;
    }
    solve(row, w);
    if (!w->sharp) {
        return THM_OK; /* *f stays without numbers: undecided */
    }
    arb_t x, tau;
    arb_init(x);
    arb_init(tau);
    arb_set_d(tau, row->tau);
    arb_pow_ui(tau, tau, (ulong)(3 - power), THM_BALL_BITS);
    arb_div(x, w->ratio, tau, THM_BALL_BITS);
    arb_sub_si(x, x, 1, THM_BALL_BITS);
    thm_finding_zero(f, x);
    arb_clear(x);
    arb_clear(tau);
    return THM_OK;
}

static thm_status entropy_rises(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    return slope_is(the_case, ctx, 3, f, applies);
}

static thm_status entropy_rises_by_square(const void *the_case, void *ctx,
                                          thm_finding *f, bool *applies)
{
    return slope_is(the_case, ctx, 2, f, applies);
}

static thm_status open_entropies(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    entropies *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    const thm_status status = thm_rows_alloc(NULL, &w->rows);
    w->x = _arb_vec_init(THM_ROW_MAX);
    w->p = _arb_vec_init(THM_ROW_MAX);
    w->rest = _arb_vec_init(THM_ROW_MAX);
    arb_init(w->ratio);
    if (status == THM_OK) {
        source->ctx = w->rows;
        source->the_case = thm_rows_row(w->rows);
        source->make = thm_logits_make;
        source->count = thm_rows_count(proof_count(effort, THM_LOGITS_CASES));
    }
    return status;
}

static void close_entropies(thm_case_source *source, void *ctx)
{
    entropies *w = ctx;
    (void)source;
    if (!w) {
        return;
    }
    thm_rows_free(w->rows);
    _arb_vec_clear(w->x, THM_ROW_MAX);
    _arb_vec_clear(w->p, THM_ROW_MAX);
    _arb_vec_clear(w->rest, THM_ROW_MAX);
    arb_clear(w->ratio);
    free(w);
    flint_cleanup();
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"S8", entropy_rises, false},
                                       {"XS8", entropy_rises_by_square, false}};
    static const proof_group group = {2, claims, open_entropies,
                                      close_entropies};
    static const proof_table table = {
        "the entropy of softmax against its temperature (S8)", 1, &group};
    return proof_main(argc, argv, &table);
}
