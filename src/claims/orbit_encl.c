/* Enclosures of the shared orbit: see orbit_encl.h.
 *
 * x(h) = sum_{k<K} x_k h^k + x_K(s) h^K for some s in (0, h), by component, and
 * x_K(s) lies in the coefficient evaluated on a box that holds x([0, h]). */
#include "claims/orbit_encl.h"

#include <math.h>
#include <stdlib.h>
#include "claims/ball.h"
#include "claims/orbit_series.h"

/* Remainders are below 2^TARGET of the largest number of the state (or of 1)
 * and boxes are evaluated to BOX_BITS. */
enum { TARGET = -72, BOX_BITS = 64, TRIES = 60 };

struct thm_orbit_encl_work {
    int n;
    int top;            /* the leading token          */
    double factor;      /* of the step that the state's coefficients suggest */
    thm_series at, box; /* at the state; on the box   */
    arb_ptr x;          /* (n) softmax's exponents */
    arb_ptr p, rest;
    arb_ptr held; /* (2n) the box, or a candidate: u, a */
    arb_ptr f;    /* (2n) velocities on it */
};

thm_status thm_orbit_encl_alloc(int n, bool clocked, thm_orbit_encl **out)
{
    if (n < 1) {
        return THM_EDIM;
    }
    thm_orbit_encl *o = calloc(1, sizeof *o);
    struct thm_orbit_encl_work *w = calloc(1, sizeof *w);
    if (!o || !w) {
        free(o);
        free(w);
        return THM_ENOMEM;
    }
    w->n = n;
    o->work = w;
    o->clocked = clocked;
    o->u = _arb_vec_init(n);
    o->a = _arb_vec_init(n);
    o->p = _arb_vec_init(n);
    o->rest = _arb_vec_init(n);
    arb_init(o->y);
    arb_init(o->t);
    thm_series_init(&w->at, n);
    thm_series_init(&w->box, n);
    w->x = _arb_vec_init(n);
    w->p = _arb_vec_init(n);
    w->rest = _arb_vec_init(n);
    w->held = _arb_vec_init(2 * (slong)n);
    w->f = _arb_vec_init(2 * (slong)n);
    *out = o;
    return THM_OK;
}

void thm_orbit_encl_free(thm_orbit_encl *o)
{
    if (!o) {
        return;
    }
    struct thm_orbit_encl_work *w = o->work;
    const int n = w->n;
    _arb_vec_clear(o->u, n);
    _arb_vec_clear(o->a, n);
    _arb_vec_clear(o->p, n);
    _arb_vec_clear(o->rest, n);
    arb_clear(o->y);
    arb_clear(o->t);
    thm_series_clear(&w->at, n);
    thm_series_clear(&w->box, n);
    _arb_vec_clear(w->x, n);
    _arb_vec_clear(w->p, n);
    _arb_vec_clear(w->rest, n);
    _arb_vec_clear(w->held, 2 * (slong)n);
    _arb_vec_clear(w->f, 2 * (slong)n);
    free(w);
    free(o);
}

static int leader(int n, arb_srcptr a)
{
    int top = 0;
    for (int i = 1; i < n; i++) {
        if (arf_cmp(arb_midref(a + i), arb_midref(a + top)) > 0) {
            top = i;
        }
    }
    return top;
}

/* p, rest <- softmax(a) */
static void softmax(int n, int top, arb_srcptr a, struct thm_orbit_encl_work *w,
                    slong bits, arb_ptr p, arb_ptr rest)
{
    arb_t one;
    arb_init(one);
    arb_one(one);
    for (int i = 0; i < n; i++) {
        arb_sub(w->x + i, a + i, a + top, bits);
    }
    arb_zero(w->x + top);
    thm_ball_softmax(n, w->x, one, top, bits, p, rest);
    arb_clear(one);
}

static void refresh(thm_orbit_encl *o)
{
    o->work->top = leader(o->n, o->a);
    softmax(o->n, o->work->top, o->a, o->work, THM_ORBIT_BITS, o->p, o->rest);
    arb_dot(o->y, NULL, 0, o->p, 1, o->u, 1, o->n, THM_ORBIT_BITS);
}

thm_status thm_orbit_encl_start(thm_orbit_encl *o, int n, const double *u,
                                const double *a)
{
    if (n < 1 || n > o->work->n) {
        return THM_EDIM;
    }
    for (int i = 0; i < n; i++) {
        if (!isfinite(u[i]) || !isfinite(a[i])) {
            return THM_EDOMAIN;
        }
    }
    o->n = n;
    for (int i = 0; i < n; i++) {
        arb_set_d(o->u + i, u[i]);
        arb_set_d(o->a + i, a[i]);
    }
    o->tau = 0.0;
    o->work->factor = 1.0;
    o->steps = 0;
    arb_zero(o->t);
    refresh(o);
    return THM_OK;
}

/* ---- one step -------------------------------------------------------------
 */

/* Velocities on the box (u, a) = (x, x + n). */
static void velocities(const thm_orbit_encl *o, arb_srcptr x, arb_ptr f)
{
    struct thm_orbit_encl_work *w = o->work;
    const int n = o->n;
    arb_t y, d;
    arb_init(y);
    arb_init(d);
    softmax(n, w->top, x + n, w, BOX_BITS, w->p, w->rest);
    for (int i = 0; i < n; i++) {
        arb_set(f + i, w->p + i);
        /* u_i - p'u as a mean of differences */
        arb_zero(y);
        for (int j = 0; j < n; j++) {
            if (j != i) {
                arb_sub(d, x + i, x + j, BOX_BITS);
                arb_addmul(y, d, w->p + j, BOX_BITS);
            }
        }
        arb_mul(f + n + i, y, w->p + i, BOX_BITS);
    }
    arb_clear(y);
    arb_clear(d);
}

/* out <- x + [0, h] f */
static void reach(const arb_t x, const arb_t f, const arb_t span, arb_t out)
{
    arb_mul(out, f, span, BOX_BITS);
    arb_add(out, out, x, BOX_BITS);
}

/* A box that holds the orbit over [0, h], into work->lo; false if none is
 * found.  x + [0, h] f(box) within box proves it (Picard); the image is then a
 * smaller such box. */
static bool find_box(const thm_orbit_encl *o, double h)
{
    struct thm_orbit_encl_work *w = o->work;
    const int n = o->n, size = 2 * n;
    bool found = false;
    arb_t span, image, zero;
    arb_init(span);
    arb_init(image);
    arb_init(zero);
    arb_set_d(image, h);
    arb_union(span, zero, image, BOX_BITS); /* [0, h] */
    _arb_vec_set(w->held, o->u, n);
    _arb_vec_set(w->held + n, o->a, n);
    for (int turn = 0; turn < 8 && !found; turn++) {
        velocities(o, w->held, w->f);
        found = turn > 0;
        for (int k = 0; k < size && found; k++) {
            reach(k < n ? o->u + k : o->a + k - n, w->f + k, span, image);
            found = arb_contains(w->held + k, image) != 0;
        }
        for (int k = 0; k < size; k++) {
            reach(k < n ? o->u + k : o->a + k - n, w->f + k, span, image);
            if (!found) { /* a candidate: half as wide again */
                mag_t more;
                mag_init(more);
                mag_mul_2exp_si(more, arb_radref(image), -1);
                mag_add(arb_radref(image), arb_radref(image), more);
                mag_clear(more);
            }
            arb_set(w->held + k, image);
        }
    }
    arb_clear(span);
    arb_clear(image);
    arb_clear(zero);
    return found;
}

static double size_of(const arb_t x)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    const double d = mag_get_d_log2_approx(m);
    mag_clear(m);
    return d;
}

/* log2 of what a remainder may be: of the state's largest number, or of t. */
static double allowance(const thm_orbit_encl *o, bool of_time)
{
    double scale = of_time ? size_of(o->t) : 0.0;
    for (int i = 0; i < o->n && !of_time; i++) {
        scale = fmax(scale, fmax(size_of(o->u + i), size_of(o->a + i)));
    }
    return fmax(scale, 0.0) + TARGET;
}

/* log2 of the largest k-th coefficient over what it may be. */
static double excess(const thm_orbit_encl *o, const thm_series *s, int k)
{
    const double state = allowance(o, false);
    double worst = -1e300;
    for (int i = 0; i < o->n; i++) {
        worst = fmax(worst, size_of(thm_series_row(s->u, i) + k) - state);
        worst = fmax(worst, size_of(thm_series_row(s->a, i) + k) - state);
    }
    if (o->clocked) {
        worst = fmax(worst, size_of(s->t + k) - allowance(o, true));
    }
    return worst;
}

static void load(thm_series *s, int n, int top, arb_srcptr u, arb_srcptr a,
                 arb_srcptr p, slong bits)
{
    for (int i = 0; i < n; i++) {
        arb_set(thm_series_row(s->u, i), u + i);
        arb_set(thm_series_row(s->a, i), a + i);
        arb_set(thm_series_row(s->p, i), p + i);
        arb_sub(thm_series_row(s->e, i), a + i, a + top, bits);
        arb_exp(thm_series_row(s->e, i), thm_series_row(s->e, i), bits);
    }
}

/* The remainder's coefficients over [0, h] in work->box; false if h is too long
 * for them to be small. */
static bool remainder_is_small(thm_orbit_encl *o, double h)
{
    struct thm_orbit_encl_work *w = o->work;
    if (!find_box(o, h)) {
        return false;
    }
    softmax(o->n, w->top, w->held + o->n, w, BOX_BITS, w->p, w->rest);
    load(&w->box, o->n, w->top, w->held, w->held + o->n, w->p, BOX_BITS);
    thm_series_extend(&w->box, o->n, w->top, o->clocked, BOX_BITS);
    return excess(o, &w->box, THM_SERIES_ORDER) + THM_SERIES_ORDER * log2(h) <=
           0.0;
}

/* x <- sum_{k < THM_SERIES_ORDER} c_k h^k + rest h^THM_SERIES_ORDER */
static void advance(arb_srcptr c, const arb_t rest, const arb_t h, arb_t x)
{
    arb_set(x, rest);
    for (int k = THM_SERIES_ORDER - 1; k >= 0; k--) {
        arb_mul(x, x, h, THM_ORBIT_BITS);
        arb_add(x, x, c + k, THM_ORBIT_BITS);
    }
}

/* One step, not beyond `last`; THM_ECONVERGE if none is short enough. */
static thm_status step(thm_orbit_encl *o, double last)
{
    struct thm_orbit_encl_work *w = o->work;
    const int n = o->n;
    load(&w->at, n, w->top, o->u, o->a, o->p, THM_ORBIT_BITS);
    arb_set(w->at.t, o->t);
    thm_series_extend(&w->at, n, w->top, o->clocked, THM_ORBIT_BITS);
    const double suggested =
        exp2(-excess(o, &w->at, THM_SERIES_ORDER) / THM_SERIES_ORDER);
    double h = fmin(1.0, 1.03 * w->factor) * suggested, end = last;
    for (int tries = 0;; tries++) {
        end = fmin(last, o->tau + h); /* tau is to be a double */
        if (remainder_is_small(o, nextafter(end - o->tau, HUGE_VAL))) {
            break;
        }
        h = 0.9 * (end - o->tau);
        if (!(tries < TRIES)) {
            return THM_ECONVERGE;
        }
    }
    w->factor = end < last ? h / suggested : w->factor;
    arb_t length, start;
    arb_init(length);
    arb_init(start);
    arb_set_d(length, end);
    arb_set_d(start, o->tau);
    arb_sub(length, length, start, THM_ORBIT_BITS);
    for (int i = 0; i < n; i++) {
        advance(thm_series_row(w->at.u, i),
                thm_series_row(w->box.u, i) + THM_SERIES_ORDER, length,
                o->u + i);
        advance(thm_series_row(w->at.a, i),
                thm_series_row(w->box.a, i) + THM_SERIES_ORDER, length,
                o->a + i);
    }
    if (o->clocked) {
        advance(w->at.t, w->box.t + THM_SERIES_ORDER, length, o->t);
    }
    arb_clear(length);
    arb_clear(start);
    o->tau = end;
    o->steps++;
    refresh(o);
    return THM_OK;
}

thm_status thm_orbit_encl_to(thm_orbit_encl *o, double tau)
{
    if (!(tau >= o->tau) || !isfinite(tau)) {
        return THM_EDOMAIN;
    }
    thm_status status = THM_OK;
    while (o->tau < tau && status == THM_OK) {
        status = step(o, tau);
    }
    return status;
}

void thm_orbit_encl_entropy(const thm_orbit_encl *o, arb_t h)
{
    arb_t term;
    arb_init(term);
    arb_zero(h);
    for (int i = 0; i < o->n; i++) {
        arb_log(term, o->p + i, THM_ORBIT_BITS);
        arb_submul(h, term, o->p + i, THM_ORBIT_BITS);
    }
    arb_clear(term);
}
