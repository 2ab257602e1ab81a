/* G18: training W_Q of softmax attention has strict local minima that are not
 * global although D = Nn (paper-notes/song2024.md, "A bad local minimum").
 *
 * N = 1, X = I_n, d = m = H = 1, c = 1: row k of W_Q is query k, and
 *     F(q) = sum_j u_j exp(k_j q) / sum_j exp(k_j q)
 * is the output of each.  Where F has a local minimum q* with F(q*) > 0 and
 * every target is y = F(q*) / 2 (rounded to a double), the loss f = 1/2
 * sum_k (F(q_k) - y)^2 has one at W_Q = q* 1.  Existence by the interval Newton
 * operator, the value 0 elsewhere by a change of sign. */
#include <math.h>
#include <stdio.h>
#include "claims/ball.h"
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"

enum { BITS = 256, TOKENS = 4, CASES = 200, STEPS = 20000 };
static const double FAR = 12.0, GRID = 0.125;

typedef struct {
    double k[TOKENS], u[TOKENS];
    bool found; /* a local minimum near q, a solution of F = y in between */
    double q, y, left, right;
} instance;

/* F and its first two derivatives at q, in balls. */
static void output(const instance *c, const arb_t q, arb_ptr F)
{
    arb_poly_t top, bottom;
    arb_t w, t;
    arb_init(w);
    arb_init(t);
    arb_poly_init(top);
    arb_poly_init(bottom);
    arb_ptr sums = _arb_vec_init(6); /* of k^r e^(kq) / r!, and times u */
    for (int j = 0; j < TOKENS; j++) {
        arb_set_d(t, c->k[j]);
        arb_mul(w, t, q, BITS);
        arb_exp(w, w, BITS);
        for (int r = 0; r < 3; r++) {
            arb_add(sums + r, sums + r, w, BITS);
            arb_set_d(t, c->u[j]);
            arb_addmul(sums + 3 + r, t, w, BITS);
            arb_set_d(t, c->k[j] / (r + 1)); /* small integers and halves */
            arb_mul(w, w, t, BITS);
        }
    }
    for (int r = 0; r < 3; r++) {
        arb_poly_set_coeff_arb(bottom, r, sums + r);
        arb_poly_set_coeff_arb(top, r, sums + 3 + r);
    }
    arb_poly_div_series(top, top, bottom, 3, BITS);
    for (int r = 0; r < 3; r++) {
        arb_poly_get_coeff_arb(F + r, top, r);
    }
    arb_mul_2exp_si(F + 2, F + 2, 1);
    _arb_vec_clear(sums, 6);
    arb_poly_clear(top);
    arb_poly_clear(bottom);
    arb_clear(w);
    arb_clear(t);
}

static double at(const instance *c, double q, int derivative)
{
    arb_t x;
    arb_ptr F = _arb_vec_init(3);
    arb_init(x);
    arb_set_d(x, q);
    output(c, x, F);
    const double value = arf_get_d(arb_midref(F + derivative), ARF_RND_NEAR);
    _arb_vec_clear(F, 3);
    arb_clear(x);
    return value;
}

/* A local minimum of F on the grid, made sharp by halving; a target
 * below it that F takes elsewhere; and a bracket of where. */
static void search(instance *c)
{
    const int cells = (int)(2.0 * FAR / GRID);
    double lowest = c->u[0], where = 0.0, F[3];
    c->found = false;
    F[0] = F[1] = NAN;
    for (int i = 0; i <= cells; i++) {
        const double q = -FAR + GRID * i;
        F[2] = at(c, q, 0);
        if (!c->found && F[1] < F[0] && F[1] < F[2]) {
            c->found = true;
            c->q = q - GRID;
        }
        if (i == 0 || F[2] < lowest) {
            lowest = F[2];
            where = q;
        }
        F[0] = F[1];
        F[1] = F[2];
    }
    double low = c->q - GRID, high = c->q + GRID; /* F' < 0, F' > 0 */
    for (int i = 0; c->found && i < 60; i++) {
        c->q = 0.5 * (low + high);
        *(at(c, c->q, 1) < 0.0 ? &low : &high) = c->q;
    }
    const double minimum = at(c, c->q, 0);
    c->found = c->found && lowest < minimum;
    c->y = 0.5 * (minimum + lowest);
    c->left = where;
    c->right = c->q;
}

/* The example of the note, whose target is half the minimum; then draws. */
static thm_status make(void *ctx, uint64_t seed, int64_t index, void *the_case,
                       char *name)
{
    static const instance example = {.k = {0.0, 1.0, 2.0, 3.0},
                                     .u = {0.0, 1.0, -1.0, 0.5}};
    instance *c = the_case;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    (void)ctx;
    if (index == 0) {
        *c = example;
        search(c);
        c->y = 0.5 * at(c, c->q, 0);
        snprintf(name, THM_CASE_NAME, "example");
        return THM_OK;
    }
    thm_rng_fill_normal(&rng, TOKENS, 1.5, c->k);
    thm_rng_fill_normal(&rng, TOKENS, 1.0, c->u);
    search(c);
    snprintf(name, THM_CASE_NAME, "draw-%lld", (long long)index);
    return THM_OK;
}

/* I <- a ball that holds exactly one zero q* of F'; F <- F, F', F'' on it. */
static bool enclose(const instance *c, arb_t I, arb_ptr F)
{
    arb_t newton;
    arb_init(newton);
    arb_ptr mid = _arb_vec_init(3);
    arb_set_d(I, c->q);
    output(c, I, mid);
    mag_set_d(arb_radref(I), 0x1p-46);
    output(c, I, F);
    arb_div(newton, mid + 1, F + 2, BITS);
    arb_neg(newton, newton);
    arb_set_d(mid, c->q);
    arb_add(newton, newton, mid, BITS);
    const bool unique = arb_is_finite(newton) && arb_contains(I, newton);
    if (unique) {
        arb_set(I, newton);
        output(c, I, F);
    }
    _arb_vec_clear(mid, 3);
    arb_clear(newton);
    return unique;
}

/* h <- f's second derivative in each coordinate at q* 1, f <- its value there;
 * whether q* was enclosed. */
static bool at_minimum(const instance *c, arb_t h, arb_t f)
{
    arb_t I, gap;
    arb_init(I);
    arb_init(gap);
    arb_ptr F = _arb_vec_init(3);
    const bool unique = enclose(c, I, F);
    arb_set_d(gap, c->y);
    arb_sub(gap, F, gap, BITS);
    arb_mul(h, gap, F + 2, BITS);
    arb_sqr(f, gap, BITS);
    arb_mul_2exp_si(f, f, 1); /* TOKENS / 2 */
    _arb_vec_clear(F, 3);
    arb_clear(I);
    arb_clear(gap);
    return unique;
}

/* q* 1 is stationary, and f's Hessian there is h I: h > 0 or h <= 0. */
static thm_status strict(const instance *c, bool positive, thm_finding *f,
                         bool *applies)
{
    arb_t h, value;
    arb_init(h);
    arb_init(value);
    *applies = c->found;
    if (c->found && at_minimum(c, h, value)) {
        if (!positive) {
            arb_neg(h, h);
        }
        thm_finding_positive(f, h);
    }
    arb_clear(h);
    arb_clear(value);
    return THM_OK;
}

static thm_status is_minimum(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)ctx;
    return strict(c, true, f, applies);
}

static thm_status is_no_minimum(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)ctx;
    return strict(c, false, f, applies);
}

/* F = y somewhere, so that inf f = 0: inf f < f(q* 1), or the opposite. */
static thm_status beaten(const instance *c, bool global, thm_finding *f,
                         bool *applies)
{
    arb_t h, value, x, y;
    arb_init(h);
    arb_init(value);
    arb_init(x);
    arb_init(y);
    arb_ptr left = _arb_vec_init(3), right = _arb_vec_init(3);
    *applies = c->found;
    if (c->found) {
        arb_set_d(x, c->left);
        output(c, x, left);
        arb_set_d(x, c->right);
        output(c, x, right);
        arb_set_d(y, c->y);
        if (arb_lt(left, y) && arb_gt(right, y) && at_minimum(c, h, value)) {
            if (global) {
                arb_neg(value, value);
            }
            thm_finding_positive(f, value);
        }
    }
    _arb_vec_clear(left, 3);
    _arb_vec_clear(right, 3);
    arb_clear(h);
    arb_clear(value);
    arb_clear(x);
    arb_clear(y);
    return THM_OK;
}

static thm_status is_not_global(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)ctx;
    return beaten(c, false, f, applies);
}

static thm_status is_global(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)ctx;
    return beaten(c, true, f, applies);
}

/* F and F' in doubles. */
static void forward(const instance *c, double q, double *F, double *slope)
{
    double top = c->k[0] * q, sum = 0.0, u = 0.0, k = 0.0, uk = 0.0;
    for (int j = 1; j < TOKENS; j++) {
        top = fmax(top, c->k[j] * q);
    }
    for (int j = 0; j < TOKENS; j++) {
        const double w = exp(c->k[j] * q - top);
        sum += w;
        u += w * c->u[j];
        k += w * c->k[j];
        uk += w * c->u[j] * c->k[j];
    }
    *F = u / sum;
    *slope = uk / sum - *F * (k / sum);
}

/* Gradient descent from q 1: every coordinate moves alike.  eta is 1 / L,
 * L >= |(F - y) F''| + F'^2 from the ranges K of k and U of u: |F'| <= K U / 4,
 * |F''| <= K^2 U, and |F - y| <= U because y is a value of F. */
static double descend(const instance *c, double q)
{
    double K = 0.0, U = 0.0, F, slope;
    for (int i = 0; i < TOKENS; i++) {
        for (int j = 0; j < i; j++) {
            K = fmax(K, fabs(c->k[i] - c->k[j]));
            U = fmax(U, fabs(c->u[i] - c->u[j]));
        }
    }
    const double eta = 1.0 / (K * K * U * U * (1.0 + 1.0 / 16.0));
    for (int t = 0; t < STEPS; t++) {
        forward(c, q, &F, &slope);
        q -= eta * (F - c->y) * slope;
    }
    forward(c, q, &F, &slope);
    return 0.5 * TOKENS * (F - c->y) * (F - c->y);
}

/* Descent that starts at q* + step does not get below f(q* 1).  Its F has an
 * error of a few units of the largest |u|, and y is 1e-6 away at least. */
static thm_status trapped(const instance *c, double start, thm_finding *f)
{
    const double gap = at(c, c->q, 0) - c->y;
    f->observed = -descend(c, start);
    f->allowed = -0.5 * TOKENS * gap * gap * (1.0 - 1e-6);
    f->err = 0.0;
    f->evidence = THM_SAMPLED;
    return THM_OK;
}

/* Half way up to the next maximum of F, 0.6 at most. */
static thm_status from_beside(const void *the_case, void *ctx, thm_finding *f,
                              bool *applies)
{
    const instance *c = the_case;
    double step = 0.0;
    (void)ctx;
    *applies = c->found;
    while (c->found && step < 1.2 && at(c, c->q + step + GRID, 1) > 0.0) {
        step += GRID;
    }
    return c->found ? trapped(c, c->q + 0.5 * fmax(step, GRID), f) : THM_OK;
}

/* Up to 0.5 beside the solution of F = y, on the side away from q*. */
static thm_status from_elsewhere(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    const instance *c = the_case;
    double low = c->left, high = c->right; /* F(low) < y < F(high) */
    (void)ctx;
    *applies = c->found;
    for (int i = 0; c->found && i < 30; i++) {
        const double q = 0.5 * (low + high);
        *(at(c, q, 0) < c->y ? &low : &high) = q;
    }
    const double step = fmax(-0.5, fmin(0.5, c->left - low));
    return c->found ? trapped(c, low + step, f) : THM_OK;
}

static thm_status open_instances(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    static instance storage;
    (void)seed, (void)ctx, (void)msg;
    source->count = proof_count(effort, CASES);
    source->make = make;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"G18.1", is_minimum, false},    {"XG18.1", is_no_minimum, false},
        {"G18.2", is_not_global, false}, {"XG18.2", is_global, false},
        {"G18.3", from_beside, false},   {"XG18.3", from_elsewhere, false}};
    static const proof_group group = {6, claims, open_instances, NULL};
    static const proof_table table = {
        "softmax attention has bad local minima in W_Q (G18)", 1, &group};
    return proof_main(argc, argv, &table);
}
