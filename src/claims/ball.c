/* Rows in ball arithmetic and findings from balls: see ball.h. */
#include "claims/ball.h"

#include <math.h>
#include <stdlib.h>
#include "softmax/spectrum.h"

struct thm_ball_work {
    int capacity;
    thm_spectrum_work *spectrum;
    double *lo, *hi;
    int *exponent;
    /* what is loaded: a row is known by its stream, its size and its kind */
    bool loaded, solved;
    thm_rng key;
    double tau;
    bool probs;
    arb_t sum; /* of given probabilities; 1 for logits */
};

thm_status thm_ball_row_alloc(int n, thm_ball_row **out)
{
    if (n < 1) {
        return THM_EDIM;
    }
    thm_ball_row *b = calloc(1, sizeof *b);
    struct thm_ball_work *w = calloc(1, sizeof *w);
    if (!b || !w) {
        free(b);
        free(w);
        return THM_ENOMEM;
    }
    const size_t count = (size_t)n;
    b->work = w;
    w->capacity = n;
    arb_init(w->sum);
    b->p = _arb_vec_init(n);
    b->rest = _arb_vec_init(n);
    b->eigen = _arb_vec_init(n);
    w->lo = malloc(count * sizeof *w->lo);
    w->hi = malloc(count * sizeof *w->hi);
    w->exponent = malloc(count * sizeof *w->exponent);
    const thm_status status =
        thm_spectrum_work_alloc(n, 1, thm_isa_detect(), &w->spectrum);
    if (status != THM_OK || !w->lo || !w->hi || !w->exponent) {
        thm_ball_row_free(b);
        return status != THM_OK ? status : THM_ENOMEM;
    }
    *out = b;
    return THM_OK;
}

void thm_ball_row_free(thm_ball_row *b)
{
    if (!b) {
        return;
    }
    struct thm_ball_work *w = b->work;
    _arb_vec_clear(b->p, w->capacity);
    _arb_vec_clear(b->rest, w->capacity);
    _arb_vec_clear(b->eigen, w->capacity);
    arb_clear(w->sum);
    thm_spectrum_work_free(w->spectrum);
    free(w->lo);
    free(w->hi);
    free(w->exponent);
    free(w);
    free(b);
    flint_cleanup();
}

thm_status thm_ball_source_open(thm_status (*make)(void *, uint64_t, int64_t,
                                                   void *, char *),
                                int64_t count, thm_case_source *source,
                                void **ctx)
{
    thm_rows *rows = NULL;
    thm_ball_row *ball = NULL;
    thm_status status = thm_rows_alloc(NULL, &rows);
    if (status == THM_OK) {
        source->ctx = rows;
        source->the_case = thm_rows_row(rows);
        source->make = make;
        source->count = thm_rows_count(count);
        status = thm_ball_row_alloc(THM_ROW_MAX, &ball);
        *ctx = ball;
    }
    return status;
}

void thm_ball_source_close(thm_case_source *source, void *ctx)
{
    thm_ball_row_free(ctx);
    thm_rows_free(source->ctx);
}

static int place_of_largest(int n, const double *value)
{
    int top = 0;
    for (int i = 1; i < n; i++) {
        top = value[i] > value[top] ? i : top;
    }
    return top;
}

int thm_ball_exponents(int n, const double *z, double tau, slong bits,
                       arb_ptr x)
{
    const int top = place_of_largest(n, z);
    arb_t max, t;
    arb_init(max);
    arb_init(t);
    arb_set_d(max, z[top]);
    arb_set_d(t, tau);
    for (int i = 0; i < n; i++) {
        if (z[i] == -HUGE_VAL) {
            arb_neg_inf(x + i);
            continue;
        }
        arb_set_d(x + i, z[i]);
        arb_sub(x + i, x + i, max, bits);
        arb_div(x + i, x + i, t, bits);
    }
    arb_clear(max);
    arb_clear(t);
    return top;
}

void thm_ball_normalise(int n, arb_srcptr w, int top, slong bits, arb_ptr p,
                        arb_ptr rest)
{
    arb_t others, sum;
    arb_init(others);
    arb_init(sum);
    for (int i = 0; i < n; i++) {
        if (i != top) {
            arb_add(others, others, w + i, bits);
        }
    }
    arb_add(sum, others, w + top, bits);
    for (int i = 0; i < n; i++) {
        if (i != top) {
            arb_sub(rest + i, sum, w + i, bits);
            arb_div(rest + i, rest + i, sum, bits);
        }
        arb_div(p + i, w + i, sum, bits);
    }
    arb_div(rest + top, others, sum, bits);
    arb_clear(others);
    arb_clear(sum);
}

void thm_ball_softmax(int n, arb_srcptr x, const arb_t scale, int top,
                      slong bits, arb_ptr p, arb_ptr rest)
{
    arb_t s;
    arb_init(s);
    for (int i = 0; i < n; i++) {
        if (!arb_is_finite(x + i)) {
            arb_zero(p + i);
            continue;
        }
        arb_mul(s, x + i, scale, bits);
        arb_exp(p + i, s, bits);
    }
    thm_ball_normalise(n, p, top, bits, p, rest);
    arb_clear(s);
}

void thm_ball_variance(int n, arb_srcptr p, arb_srcptr x, slong bits, arb_t var)
{
    arb_t mean, t;
    arb_init(mean);
    arb_init(t);
    arb_zero(var);
    for (int i = 0; i < n; i++) {
        if (arb_is_finite(x + i)) {
            arb_mul(t, p + i, x + i, bits);
            arb_add(mean, mean, t, bits);
            arb_addmul(var, t, x + i, bits);
        }
    }
    arb_submul(var, mean, mean, bits);
    arb_clear(mean);
    arb_clear(t);
}

/* sum_i (p_i rest_i)^2 + 2 p_top^2 Q + Q^2 - sum' p^4, Q = sum' p^2 over all
 * tokens but the top one. */
void thm_ball_frobenius(int n, arb_srcptr p, arb_srcptr rest, int top,
                        slong bits, arb_t fro)
{
    arb_t q, t;
    arb_init(q);
    arb_init(t);
    arb_zero(fro);
    for (int i = 0; i < n; i++) {
        arb_mul(t, p + i, rest + i, bits);
        arb_addmul(fro, t, t, bits);
        if (i != top) {
            arb_mul(t, p + i, p + i, bits);
            arb_add(q, q, t, bits);
            arb_submul(fro, t, t, bits);
        }
    }
    arb_addmul(fro, q, q, bits);
    arb_mul(t, p + top, p + top, bits);
    arb_mul_2exp_si(t, t, 1);
    arb_addmul(fro, t, q, bits);
    arb_sqrtpos(fro, fro, bits);
    arb_clear(q);
    arb_clear(t);
}

static bool is_loaded(const struct thm_ball_work *w, const thm_ball_row *b,
                      const thm_row *row)
{
    return w->loaded && w->key.seed == row->rng.seed &&
           w->key.stream == row->rng.stream && b->n == row->n &&
           w->probs == row->probs && w->tau == row->tau;
}

thm_status thm_ball_row_load(thm_ball_row *b, const thm_row *row)
{
    struct thm_ball_work *w = b->work;
    if (row->n < 1 || row->n > w->capacity) {
        return THM_EDIM;
    }
    if (is_loaded(w, b, row)) {
        return THM_OK;
    }
    const double none = row->probs ? 0.0 : -HUGE_VAL;
    const int n = row->n, top = place_of_largest(n, row->value);
    const double largest = row->value[top];
    if (!(largest > none) || !(largest < HUGE_VAL)) {
        return THM_EDOMAIN;
    }
    b->n = n;
    b->top = top;
    b->support = 0;
    b->uniform = true;
    for (int i = 0; i < n; i++) {
        b->support += row->value[i] > none;
        b->uniform =
            b->uniform && (row->value[i] == largest || row->value[i] == none);
    }
    arb_one(w->sum);
    if (row->probs) {
        arb_zero(w->sum);
        for (int i = 0; i < n; i++) {
            arb_set_d(b->p + i, row->value[i]);
            arb_add(w->sum, w->sum, b->p + i, THM_BALL_BITS);
        }
        thm_ball_normalise(n, b->p, top, THM_BALL_BITS, b->p, b->rest);
    } else {
        arb_t one;
        arb_init(one);
        arb_one(one);
        thm_ball_exponents(n, row->value, row->tau, THM_BALL_BITS, b->p);
        thm_ball_softmax(n, b->p, one, top, THM_BALL_BITS, b->p, b->rest);
        arb_clear(one);
    }
    w->loaded = true;
    w->solved = false;
    w->key = row->rng;
    w->tau = row->tau;
    w->probs = row->probs;
    return THM_OK;
}

/* x <- the interval [lo, hi] 2^e times scale. */
static void set_interval(arb_t x, double lo, double hi, int e,
                         const arb_t scale)
{
    arf_t a, b;
    arf_init(a);
    arf_init(b);
    arf_set_d(a, lo);
    arf_set_d(b, hi);
    arb_set_interval_arf(x, a, b, THM_BALL_BITS);
    arb_mul_2exp_si(x, x, e);
    arb_mul(x, x, scale, THM_BALL_BITS);
    arf_clear(a);
    arf_clear(b);
}

thm_status thm_ball_row_spectrum(thm_ball_row *b, const thm_row *row)
{
    struct thm_ball_work *w = b->work;
    thm_status status = thm_ball_row_load(b, row);
    if (status != THM_OK || w->solved) {
        return status;
    }
    status = row->probs ? thm_spectrum_load_probs(w->spectrum, row->n,
                                                  row->value, row->tau)
                        : thm_spectrum_load_logits(w->spectrum, row->n,
                                                   row->value, row->tau);
    if (status == THM_OK) {
        status = thm_spectrum_encl(w->spectrum, w->lo, w->hi, w->exponent);
    }
    if (status != THM_OK) {
        return status;
    }
    /* J's eigenvalues have the factor 1'p / tau of given values */
    arb_t scale;
    arb_init(scale);
    arb_set_d(scale, row->tau);
    arb_div(scale, scale, w->sum, THM_BALL_BITS);
    for (int i = 0; i < row->n; i++) {
        set_interval(b->eigen + i, w->lo[i], w->hi[i], w->exponent[i], scale);
    }
    arb_clear(scale);
    w->solved = true;
    return THM_OK;
}

/* ---- findings --------------------------------------------------------------
 */

/* An upper bound of |x - value|. */
static double distance(const arb_t x, double value)
{
    arb_t t;
    arf_t bound;
    arb_init(t);
    arf_init(bound);
    arb_set_d(t, value);
    arb_sub(t, x, t, THM_BALL_BITS);
    arb_get_abs_ubound_arf(bound, t, 53);
    const double d = arf_get_d(bound, ARF_RND_UP);
    arb_clear(t);
    arf_clear(bound);
    return d;
}

static double middle(const arb_t x)
{
    return arf_get_d(arb_midref(x), ARF_RND_NEAR);
}

/* Whether a finding says what the sign of the exact difference is. */
static bool says(const thm_finding *f, int sign)
{
    const thm_verdict v = thm_verdict_of(thm_finding_margin(f), f->err);
    return v == (sign > 0 ? THM_HOLDS : THM_REFUTED);
}

void thm_finding_ball(thm_finding *f, const arb_t observed, const arb_t allowed,
                      bool attainable)
{
    static const double EDGE = 0x1p1000;
    arb_t difference;
    arb_init(difference);
    arb_sub(difference, allowed, observed, 2 * THM_BALL_BITS);
    const int sign = arb_is_positive(difference)   ? 1
                     : arb_is_negative(difference) ? -1
                                                   : 0;
    f->observed = middle(observed);
    f->allowed = middle(allowed);
    f->err = distance(difference, f->allowed - f->observed);
    f->resolution = sign == 0 && attainable;
    f->evidence = f->resolution ? THM_BOUNDED : THM_ENCLOSURE;
    if (sign != 0 && !says(f, sign)) {
        f->observed = -middle(difference);
        f->allowed = 0.0;
        f->err = distance(difference, -f->observed);
    }
    if (sign != 0 && !says(f, sign)) {
        const double d = fabs(middle(difference));
        f->observed = -sign * (d > 1.0 ? EDGE : 1.0 / EDGE);
        f->err = 0.0;
    }
    arb_clear(difference);
}

void thm_finding_zero(thm_finding *f, const arb_t x)
{
    arb_t size, zero;
    arb_init(size);
    arb_init(zero);
    arb_abs(size, x);
    thm_finding_ball(f, size, zero, true);
    arb_clear(size);
    arb_clear(zero);
}

void thm_finding_positive(thm_finding *f, const arb_t x)
{
    arb_t minus, zero;
    arb_init(minus);
    arb_init(zero);
    arb_neg(minus, x);
    thm_finding_ball(f, minus, zero, false);
    arb_clear(minus);
    arb_clear(zero);
}
