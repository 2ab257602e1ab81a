/* S9: |J|_F along z -> t z at fixed temperature.  From n = 5 tokens on, uniform
 * attention (t = 0) is a strict local minimum; with one largest logit |J|_F
 * vanishes as t grows; hence it has a maximum in between
 * (paper-notes/softmax.md).  A case's name says where: peak2.41 is the standard
 * deviation (divisor n) of the logits over tau at the highest |J|_F found.
 *
 * Everything is in units of its own: x = (z - max z) / (max z - min z), t >= 0,
 * and tau J instead of J. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "claims/ball.h"
#include "claims/peak.h"
#include "proofs/proof.h"

/* Half-width of the interval around t = 0 on which |J|_F is shown to be
 * convex: weights differ from 1 by as much there. */
static const int NARROW = -16;

typedef struct {
    thm_rows *rows;
    double x[THM_ROW_MAX], p[THM_ROW_MAX];
    int n, top;
    thm_peak at; /* range 0 if the row is constant or absent: no case */
    arb_ptr bx, bp, rest;
} line;

static thm_status make_line(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    line *w = ctx;
    const thm_row *row = the_case;
    w->at = (thm_peak){0};
    thm_status status = thm_logits_make(w->rows, seed, index, the_case, name);
    if (status == THM_OK && !row->absent) {
        status = thm_peak_line(row->n, row->value, w->x, &w->at);
    }
    if (status != THM_OK || !(w->at.range > 0.0)) {
        return status;
    }
    w->n = row->n;
    w->top =
        thm_ball_exponents(w->n, row->value, w->at.range, THM_BALL_BITS, w->bx);
    if (w->at.leaders == 1) {
        status = thm_peak_search(w->n, w->x, w->p, &w->at);
        const size_t used = strlen(name);
        (void)snprintf(name + used, THM_CASE_NAME - used, "/peak%.3g",
                       w->at.peak * w->at.sd);
    }
    return status;
}

/* tau |J|_F at t over its value sqrt(n - 1) / n at 0. */
static void relative_height(line *w, const arb_t t, arb_t h)
{
    arb_t uniform;
    arb_init(uniform);
    thm_ball_softmax(w->n, w->bx, t, w->top, THM_BALL_BITS, w->bp, w->rest);
    thm_ball_frobenius(w->n, w->bp, w->rest, w->top, THM_BALL_BITS, h);
    arb_sqrt_ui(uniform, (ulong)(w->n - 1), THM_BALL_BITS);
    arb_div(h, h, uniform, THM_BALL_BITS);
    arb_mul_si(h, h, w->n, THM_BALL_BITS);
    arb_clear(uniform);
}

/* S9.1.  n F'' / (2 Var x) on |t| <= 2^NARROW, F = |tau J|_F^2 along the line,
 *   F = q2 - 2 q3 + q2^2, q_k = sum p^k,
 *   p' = p y, p'' = p (y^2 - v), y = x - p'x, v = sum p y^2;
 * it is (n - 4) / n at t = 0, where F' = 0. */
static void curvature(line *w, arb_t c)
{
    const slong bits = THM_BALL_BITS;
    arb_t t, mean, v, m2, y, p2, a, b;
    arb_t q2, dq2, ddq2, ddq3;
    arb_t *all[] = {&t, &mean, &v,  &m2,  &y,    &p2,
                    &a, &b,    &q2, &dq2, &ddq2, &ddq3};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        arb_init(*all[i]);
    }
    for (int i = 0; i < w->n; i++) { /* Var x, uniform weights */
        arb_add(mean, mean, w->bx + i, bits);
    }
    arb_div_si(mean, mean, w->n, bits);
    for (int i = 0; i < w->n; i++) {
        arb_sub(y, w->bx + i, mean, bits);
        arb_addmul(m2, y, y, bits);
    }
    arb_div_si(m2, m2, w->n, bits);
    mag_set_ui_2exp_si(arb_radref(t), 1, NARROW);
    thm_ball_softmax(w->n, w->bx, t, w->top, bits, w->bp, w->rest);
    arb_zero(mean);
    for (int i = 0; i < w->n; i++) {
        arb_addmul(mean, w->bp + i, w->bx + i, bits);
    }
    for (int i = 0; i < w->n; i++) {
        arb_sub(y, w->bx + i, mean, bits);
        arb_sqr(y, y, bits);
        arb_addmul(v, w->bp + i, y, bits);
    }
    for (int i = 0; i < w->n; i++) {
        arb_sub(y, w->bx + i, mean, bits);
        arb_sqr(p2, w->bp + i, bits);
        arb_add(q2, q2, p2, bits);
        arb_mul(a, p2, y, bits);
        arb_addmul_si(dq2, a, 2, bits);
        /* q2'' = sum p^2 (4 y^2 - 2 v), q3'' = sum p^3 (9 y^2 - 3 v) */
        arb_sqr(y, y, bits);
        arb_mul_si(a, y, 4, bits);
        arb_submul_si(a, v, 2, bits);
        arb_addmul(ddq2, p2, a, bits);
        arb_mul_si(a, y, 9, bits);
        arb_submul_si(a, v, 3, bits);
        arb_mul(b, p2, w->bp + i, bits);
        arb_addmul(ddq3, b, a, bits);
    }
    /* F'' = q2'' - 2 q3'' + 2 q2'^2 + 2 q2 q2'' */
    arb_set(c, ddq2);
    arb_submul_si(c, ddq3, 2, bits);
    arb_sqr(a, dq2, bits);
    arb_addmul(a, q2, ddq2, bits);
    arb_addmul_si(c, a, 2, bits);
    arb_mul_si(c, c, w->n, bits);
    arb_div(c, c, m2, bits);
    arb_mul_2exp_si(c, c, -1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        arb_clear(*all[i]);
    }
}

static thm_status convex(line *w, thm_finding *f)
{
    arb_t c;
    arb_init(c);
    curvature(w, c);
    thm_finding_positive(f, c);
    arb_clear(c);
    return THM_OK;
}

static thm_status uniform_is_minimum(const void *the_case, void *ctx,
                                     thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->n >= 5;
    return *applies ? convex(w, f) : THM_OK;
}

static thm_status uniform_is_minimum_of_few(const void *the_case, void *ctx,
                                            thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->n <= 3;
    return *applies ? convex(w, f) : THM_OK;
}

/* t = log(4 n^2) / gap: there the bound of S9.2 lies below 1 / n. */
static double far_out(const line *w)
{
    return log(4.0 * w->n * (double)w->n) / w->at.gap;
}

/* S9.2.  The largest tau |J|_F / (2 (n - 1) e^{-t gap}) at a few t. */
static thm_status vanishes(line *w, thm_finding *f)
{
    static const double where[] = {0.125, 0.5, 1.0, 2.0, 8.0};
    arb_t t, gap, h, bound, worst, one;
    arb_init(t);
    arb_init(gap);
    arb_init(h);
    arb_init(bound);
    arb_init(worst);
    arb_init(one);
    arb_neg_inf(gap);
    for (int i = 0; i < w->n; i++) {
        if (!arb_is_zero(w->bx + i)) {
            arb_max(gap, gap, w->bx + i, THM_BALL_BITS);
        }
    }
    for (size_t k = 0; k < sizeof where / sizeof *where; k++) {
        arb_set_d(t, where[k] * far_out(w));
        thm_ball_softmax(w->n, w->bx, t, w->top, THM_BALL_BITS, w->bp, w->rest);
        thm_ball_frobenius(w->n, w->bp, w->rest, w->top, THM_BALL_BITS, h);
        arb_mul(bound, t, gap, THM_BALL_BITS);
        arb_exp(bound, bound, THM_BALL_BITS);
        arb_mul_si(bound, bound, 2L * (w->n - 1), THM_BALL_BITS);
        arb_div(h, h, bound, THM_BALL_BITS);
        arb_max(worst, worst, h, THM_BALL_BITS);
    }
    arb_one(one);
    thm_finding_ball(f, worst, one, false);
    arb_clear(t);
    arb_clear(gap);
    arb_clear(h);
    arb_clear(bound);
    arb_clear(worst);
    arb_clear(one);
    return THM_OK;
}

static thm_status vanishes_with_leader(const void *the_case, void *ctx,
                                       thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->at.leaders == 1;
    return *applies ? vanishes(w, f) : THM_OK;
}

static thm_status vanishes_with_tie(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->at.leaders > 1;
    return *applies ? vanishes(w, f) : THM_OK;
}

/* S9.3.  The smaller of h(t) - 1 at some t > 0 and 1 - h(far out), h being the
 * relative height; every t of the grid is tried before the first is given up.
 */
static thm_status interior_maximum(line *w, thm_finding *f)
{
    arb_t t, rise, fall;
    arb_init(t);
    arb_init(rise);
    arb_init(fall);
    arb_set_d(t, w->at.peak);
    relative_height(w, t, rise);
    arb_sub_si(rise, rise, 1, THM_BALL_BITS);
    const int size = arb_is_positive(rise) ? 0 : thm_peak_grid_size(&w->at);
    for (int k = 0; k < size; k++) {
        arb_set_d(t, thm_peak_grid(k));
        relative_height(w, t, fall);
        arb_sub_si(fall, fall, 1, THM_BALL_BITS);
        arb_max(rise, rise, fall, THM_BALL_BITS);
    }
    arb_set_d(t, far_out(w));
    relative_height(w, t, fall);
    arb_sub_si(fall, fall, 1, THM_BALL_BITS);
    arb_neg(fall, fall);
    arb_min(rise, rise, fall, THM_BALL_BITS);
    thm_finding_positive(f, rise);
    arb_clear(t);
    arb_clear(rise);
    arb_clear(fall);
    return THM_OK;
}

static thm_status maximum_inside(const void *the_case, void *ctx,
                                 thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->at.leaders == 1 && w->n >= 5;
    return *applies ? interior_maximum(w, f) : THM_OK;
}

static thm_status maximum_inside_of_two(const void *the_case, void *ctx,
                                        thm_finding *f, bool *applies)
{
    line *w = ctx;
    (void)the_case;
    *applies = w->at.range > 0.0 && w->at.leaders == 1 && w->n == 2;
    return *applies ? interior_maximum(w, f) : THM_OK;
}

static thm_status open_line(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg)
{
    line *w = calloc(1, sizeof *w);
    (void)seed;
    (void)msg;
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    w->bx = _arb_vec_init(THM_ROW_MAX);
    w->bp = _arb_vec_init(THM_ROW_MAX);
    w->rest = _arb_vec_init(THM_ROW_MAX);
    const thm_status status = thm_rows_alloc(NULL, &w->rows);
    if (status == THM_OK) {
        source->ctx = w;
        source->the_case = thm_rows_row(w->rows);
        source->make = make_line;
        source->count = thm_rows_count(proof_count(effort, THM_LOGITS_CASES));
    }
    return status;
}

static void close_line(thm_case_source *source, void *ctx)
{
    line *w = ctx;
    (void)source;
    if (!w) {
        return;
    }
    thm_rows_free(w->rows);
    _arb_vec_clear(w->bx, THM_ROW_MAX);
    _arb_vec_clear(w->bp, THM_ROW_MAX);
    _arb_vec_clear(w->rest, THM_ROW_MAX);
    free(w);
    flint_cleanup();
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {
        {"S9.1", uniform_is_minimum, false},
        {"XS9.1", uniform_is_minimum_of_few, false},
        {"S9.2", vanishes_with_leader, false},
        {"XS9.2", vanishes_with_tie, false},
        {"S9.3", maximum_inside, false},
        {"XS9.3", maximum_inside_of_two, false}};
    static const proof_group group = {6, claims, open_line, close_line};
    static const proof_table table = {
        "the size of the softmax Jacobian as logits grow (S9)", 1, &group};
    return proof_main(argc, argv, &table);
}
