/* S7: softmax is Lipschitz, with constant 1 / (2 tau) between Euclidean norms
 * and 1 / tau from the maximum norm to the sum norm (paper-notes/softmax.md).
 */
#include <math.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "proofs/proof.h"

enum { KINDS = 4, STEPS = 3 };
static const double STEP[STEPS] = {1e-6, 0.3, 30.0};

typedef struct {
    thm_ball_row *b;
    arb_ptr y, q, rest; /* exponents and probabilities of the second point */
    /* of the row with this stream: the largest quotients of its pairs */
    bool solved;
    uint64_t stream;
    arb_t euclid, sum_max;
} pairs;

/* Direction k: the two largest tokens against each other; the tokens split into
 * halves of about equal share; one drawn token; normals. */
static void direction(const thm_row *row, const thm_ball_row *b, int k,
                      thm_rng *rng, double *v)
{
    const int n = row->n;
    const int one = (int)thm_rng_below(rng, (uint64_t)n);
    int second = -1;
    double share = 0.0;
    for (int i = 0; i < n; i++) {
        if (i != b->top && (second < 0 || row->value[i] > row->value[second])) {
            second = i;
        }
    }
    for (int i = 0; i < n; i++) {
        const double p = arf_get_d(arb_midref(b->p + i), ARF_RND_NEAR);
        const bool first_half = share + 0.5 * p <= 0.5;
        const double normal = thm_rng_normal(rng);
        share += p;
        v[i] = k == 0   ? (i == b->top) - (i == second)
               : k == 1 ? (first_half ? 1.0 : -1.0)
               : k == 2 ? (i == one)
                        : normal;
    }
}

/* The two quotients |q - p| / |y - x| of one pair, times tau; raises the
 * largest so far. */
static void compare(const thm_row *row, pairs *w, const double *y)
{
    arb_t d, t, two, one, far, scale;
    arb_init(d);
    arb_init(t);
    arb_init(two);
    arb_init(one);
    arb_init(far);
    arb_init(scale);
    const thm_ball_row *b = w->b;
    arb_one(scale);
    const int top =
        thm_ball_exponents(row->n, y, row->tau, THM_BALL_BITS, w->y);
    thm_ball_softmax(row->n, w->y, scale, top, THM_BALL_BITS, w->q, w->rest);
    arb_zero(scale);
    for (int i = 0; i < row->n; i++) {
        arb_sub(d, w->q + i, b->p + i, THM_BALL_BITS);
        arb_addmul(two, d, d, THM_BALL_BITS);
        arb_abs(d, d);
        arb_add(one, one, d, THM_BALL_BITS);
        arb_set_d(d, y[i]);
        arb_set_d(t, row->value[i]);
        arb_sub(d, d, t, THM_BALL_BITS);
        arb_addmul(scale, d, d, THM_BALL_BITS);
        arb_abs(d, d);
        arb_max(far, far, d, THM_BALL_BITS);
    }
    if (arb_is_positive(far)) {
        arb_set_d(t, row->tau);
        arb_div(two, two, scale, THM_BALL_BITS);
        arb_sqrtpos(two, two, THM_BALL_BITS);
        arb_mul(two, two, t, THM_BALL_BITS);
        arb_max(w->euclid, w->euclid, two, THM_BALL_BITS);
        arb_div(one, one, far, THM_BALL_BITS);
        arb_mul(one, one, t, THM_BALL_BITS);
        arb_max(w->sum_max, w->sum_max, one, THM_BALL_BITS);
    }
    arb_clear(d);
    arb_clear(t);
    arb_clear(two);
    arb_clear(one);
    arb_clear(far);
    arb_clear(scale);
}

static thm_status solve(const thm_row *row, pairs *w, bool *applies)
{
    double v[THM_ROW_MAX], y[THM_ROW_MAX];
    *applies = !row->absent && row->n > 1;
    if (!*applies || (w->solved && w->stream == row->rng.stream)) {
        return THM_OK;
    }
    const thm_status status = thm_ball_row_load(w->b, row);
    if (status != THM_OK) {
        return status;
    }
    thm_rng rng = row->rng;
    arb_zero(w->euclid);
    arb_zero(w->sum_max);
    for (int k = 0; k < KINDS; k++) {
        for (int s = 0; s < STEPS; s++) {
            direction(row, w->b, k, &rng, v);
            for (int i = 0; i < row->n; i++) {
                y[i] = row->value[i] + STEP[s] * row->tau * v[i];
            }
            compare(row, w, y);
        }
    }
    w->stream = row->rng.stream;
    w->solved = true;
    return THM_OK;
}

/* The largest quotient against constant / tau. */
static thm_status within(const thm_row *row, pairs *w, const arb_t quotient,
                         double constant, thm_finding *f, bool *applies)
{
    const thm_status status = solve(row, w, applies);
    if (status == THM_OK && *applies) {
        arb_t allowed;
        arb_init(allowed);
        arb_set_d(allowed, constant);
        thm_finding_ball(f, quotient, allowed, false);
        arb_clear(allowed);
    }
    return status;
}

static thm_status lipschitz_2(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    pairs *w = ctx;
    return within(the_case, w, w->euclid, 0.5, f, applies);
}

static thm_status lipschitz_2_halved(const void *the_case, void *ctx,
                                     thm_finding *f, bool *applies)
{
    pairs *w = ctx;
    return within(the_case, w, w->euclid, 0.25, f, applies);
}

static thm_status lipschitz_1_inf(const void *the_case, void *ctx,
                                  thm_finding *f, bool *applies)
{
    pairs *w = ctx;
    return within(the_case, w, w->sum_max, 1.0, f, applies);
}

static thm_status lipschitz_1_inf_halved(const void *the_case, void *ctx,
                                         thm_finding *f, bool *applies)
{
    pairs *w = ctx;
    return within(the_case, w, w->sum_max, 0.5, f, applies);
}

static thm_status open_pairs(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    void *ball = NULL;
    pairs *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    const thm_status status = thm_ball_source_open(
        thm_logits_make, proof_count(effort, THM_LOGITS_CASES), source, &ball);
    w->b = ball;
    w->y = _arb_vec_init(THM_ROW_MAX);
    w->q = _arb_vec_init(THM_ROW_MAX);
    w->rest = _arb_vec_init(THM_ROW_MAX);
    arb_init(w->euclid);
    arb_init(w->sum_max);
    return status;
}

static void close_pairs(thm_case_source *source, void *ctx)
{
    pairs *w = ctx;
    if (!w) {
        return;
    }
    _arb_vec_clear(w->y, THM_ROW_MAX);
    _arb_vec_clear(w->q, THM_ROW_MAX);
    _arb_vec_clear(w->rest, THM_ROW_MAX);
    arb_clear(w->euclid);
    arb_clear(w->sum_max);
    thm_ball_source_close(source, w->b);
    free(w);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"S7.1", lipschitz_2, false},
        {"XS7.1", lipschitz_2_halved, false},
        {"S7.2", lipschitz_1_inf, false},
        {"XS7.2", lipschitz_1_inf_halved, false}};
    static const proof_group group = {4, claims, open_pairs, close_pairs};
    static const proof_table table = {"Lipschitz constants of softmax (S7)", 1,
                                      &group};
    return proof_main(argc, argv, &table);
}
