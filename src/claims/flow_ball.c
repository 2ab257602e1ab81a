/* The value-softmax flow at one state in ball arithmetic: see flow_ball.h. */
#include "claims/flow_ball.h"

#include <stdlib.h>
#include "claims/ball.h"

enum { LENGTH = 2, BITS = THM_FLOW_BITS };

static arb_poly_struct *path_alloc(int n)
{
    arb_poly_struct *path = malloc((size_t)n * sizeof *path);
    for (int i = 0; path && i < n; i++) {
        arb_poly_init(path + i);
    }
    return path;
}

static void path_free(arb_poly_struct *path, int n)
{
    for (int i = 0; path && i < n; i++) {
        arb_poly_clear(path + i);
    }
    free(path);
}

thm_status thm_ball_flow_alloc(int d, int n, thm_ball_flow **out)
{
    if (d < 1 || n < 1) {
        return THM_EDIM;
    }
    thm_ball_flow *b = calloc(1, sizeof *b);
    if (!b) {
        return THM_ENOMEM;
    }
    b->room_d = d;
    b->room_n = n;
    b->V = _arb_vec_init((slong)d * n);
    b->dV = _arb_vec_init((slong)d * n);
    b->a = _arb_vec_init(n);
    b->da = _arb_vec_init(n);
    b->p = _arb_vec_init(n);
    b->w = _arb_vec_init(n);
    b->z = _arb_vec_init(d);
    b->g = _arb_vec_init(d);
    arb_init(b->mean);
    arb_init(b->speed2);
    b->path_V = path_alloc(d * n);
    b->path_a = path_alloc(n);
    b->path_p = path_alloc(n);
    b->path_z = path_alloc(d);
    if (!b->path_V || !b->path_a || !b->path_p || !b->path_z) {
        thm_ball_flow_free(b);
        return THM_ENOMEM;
    }
    *out = b;
    return THM_OK;
}

void thm_ball_flow_free(thm_ball_flow *b)
{
    if (!b) {
        return;
    }
    const int d = b->room_d, n = b->room_n;
    _arb_vec_clear(b->V, (slong)d * n);
    _arb_vec_clear(b->dV, (slong)d * n);
    _arb_vec_clear(b->a, n);
    _arb_vec_clear(b->da, n);
    _arb_vec_clear(b->p, n);
    _arb_vec_clear(b->w, n);
    _arb_vec_clear(b->z, d);
    _arb_vec_clear(b->g, d);
    arb_clear(b->mean);
    arb_clear(b->speed2);
    path_free(b->path_V, d * n);
    path_free(b->path_a, n);
    path_free(b->path_p, n);
    path_free(b->path_z, d);
    free(b);
}

/* ---- the state ------------------------------------------------------------
 */

/* The path of one number: x + t dx. */
static void set_path(arb_poly_struct *path, const arb_t x, const arb_t dx)
{
    arb_poly_zero(path);
    arb_poly_set_coeff_arb(path, 0, x);
    arb_poly_set_coeff_arb(path, 1, dx);
}

/* p along the path; as plain balls its first coefficient. */
static void path_softmax(thm_ball_flow *b)
{
    arb_poly_t sum;
    arb_poly_init(sum);
    for (int i = 0; i < b->n; i++) {
        arb_poly_exp_series(b->path_p + i, b->path_a + i, LENGTH, BITS);
        arb_poly_add(sum, sum, b->path_p + i, BITS);
    }
    for (int i = 0; i < b->n; i++) {
        arb_poly_div_series(b->path_p + i, b->path_p + i, sum, LENGTH, BITS);
    }
    arb_poly_clear(sum);
}

static void path_output(thm_ball_flow *b)
{
    arb_poly_t term;
    arb_poly_init(term);
    for (int r = 0; r < b->d; r++) {
        arb_poly_zero(b->path_z + r);
        for (int i = 0; i < b->n; i++) {
            arb_poly_mullow(term, b->path_V + r * b->n + i, b->path_p + i,
                            LENGTH, BITS);
            arb_poly_add(b->path_z + r, b->path_z + r, term, BITS);
        }
    }
    arb_poly_clear(term);
}

void thm_ball_flow_jacobian(const thm_ball_flow *b, arb_srcptr x, arb_ptr y)
{
    arb_t mean;
    arb_init(mean);
    arb_dot(mean, NULL, 0, b->p, 1, x, 1, b->n, BITS);
    for (int i = 0; i < b->n; i++) {
        arb_sub(y + i, x + i, mean, BITS);
        arb_mul(y + i, y + i, b->p + i, BITS);
    }
    arb_clear(mean);
}

/* V' = -g p', w = -V'g, a' = J w and |x'|^2. */
static void velocity(thm_ball_flow *b)
{
    const int d = b->d, n = b->n;
    arb_zero(b->speed2);
    for (int r = 0; r < d; r++) {
        for (int i = 0; i < n; i++) {
            arb_ptr dv = b->dV + r * n + i;
            arb_mul(dv, b->g + r, b->p + i, BITS);
            arb_neg(dv, dv);
            arb_addmul(b->speed2, dv, dv, BITS);
        }
    }
    for (int i = 0; i < n; i++) {
        arb_dot(b->w + i, NULL, 1, b->V + i, n, b->g, 1, d, BITS);
    }
    arb_dot(b->mean, NULL, 0, b->p, 1, b->w, 1, n, BITS);
    thm_ball_flow_jacobian(b, b->w, b->da);
    arb_dot(b->speed2, b->speed2, 0, b->da, 1, b->da, 1, n, BITS);
}

thm_status thm_ball_flow_load(thm_ball_flow *b, const thm_loss *loss, int n,
                              const double *x)
{
    const int d = loss->d;
    if (d < 1 || n < 1 || d > b->room_d || n > b->room_n) {
        return THM_EDIM;
    }
    arb_t zero;
    arb_init(zero);
    b->d = d;
    b->n = n;
    b->loss = loss;
    for (int k = 0; k < d * n; k++) {
        arb_set_d(b->V + k, x[k]);
    }
    for (int i = 0; i < n; i++) {
        arb_set_d(b->a + i, x[d * n + i]);
        set_path(b->path_a + i, b->a + i, zero);
    }
    path_softmax(b);
    for (int i = 0; i < n; i++) {
        arb_poly_get_coeff_arb(b->p + i, b->path_p + i, 0);
    }
    for (int r = 0; r < d; r++) {
        arb_dot(b->z + r, NULL, 0, b->V + r * n, 1, b->p, 1, n, BITS);
    }
    arb_clear(zero);
    const thm_status status = thm_ball_loss_gradient(loss, b->z, b->g);
    if (status != THM_OK) {
        return status;
    }
    velocity(b);
    for (int k = 0; k < d * n; k++) {
        set_path(b->path_V + k, b->V + k, b->dV + k);
    }
    for (int i = 0; i < n; i++) {
        set_path(b->path_a + i, b->a + i, b->da + i);
    }
    path_softmax(b);
    path_output(b);
    return THM_OK;
}

/* ---- functions of the state -----------------------------------------------
 */

bool thm_ball_flow_has_logits(const thm_ball_flow *b)
{
    for (int i = 1; i < b->n; i++) {
        if (!arb_equal(b->a + i, b->a)) {
            return true;
        }
    }
    return false;
}

void thm_ball_flow_loss(const thm_ball_flow *b, arb_poly_t f)
{
    thm_ball_loss(b->loss, b->path_z, f);
}

void thm_ball_flow_entropy(const thm_ball_flow *b, arb_poly_t f)
{
    arb_poly_t term;
    arb_poly_init(term);
    arb_poly_zero(f);
    for (int i = 0; i < b->n; i++) {
        arb_poly_log_series(term, b->path_p + i, LENGTH, BITS);
        arb_poly_mullow(term, term, b->path_p + i, LENGTH, BITS);
        arb_poly_sub(f, f, term, BITS);
    }
    arb_poly_clear(term);
}

void thm_ball_flow_distance(const thm_ball_flow *b, int i, int j, arb_poly_t f)
{
    arb_poly_t term;
    arb_poly_init(term);
    arb_poly_zero(f);
    for (int r = 0; r < b->d; r++) {
        arb_poly_sub(term, b->path_V + r * b->n + i, b->path_V + r * b->n + j,
                     BITS);
        arb_poly_mullow(term, term, term, LENGTH, BITS);
        arb_poly_add(f, f, term, BITS);
    }
    arb_poly_scalar_mul_2exp_si(f, f, -1);
    arb_poly_clear(term);
}

void thm_ball_rate(arb_t rate, const arb_poly_t f)
{
    arb_poly_get_coeff_arb(rate, f, 1);
}

void thm_ball_add_abs(arb_t sum, const arb_t x)
{
    arb_t size;
    arb_init(size);
    arb_abs(size, x);
    arb_add(sum, sum, size, THM_FLOW_BITS);
    arb_clear(size);
}

void thm_finding_relative(thm_finding *f, const arb_t x, const arb_t scale)
{
    arb_t ratio;
    arb_init(ratio);
    arb_div(ratio, x, scale, THM_FLOW_BITS);
    thm_finding_zero(f, ratio);
    arb_clear(ratio);
}

/* ---- the source of states -------------------------------------------------
 */

static thm_status make_state(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    thm_flow_states *s = ctx;
    thm_flow_case *c = the_case;
    const thm_status status = thm_flow_make(s->source, seed, index, c, name);
    return status == THM_OK ? thm_ball_flow_load(s->b, &c->loss, c->n, c->x)
                            : status;
}

thm_status thm_flow_states_open(const thm_flow_source *states, int64_t count,
                                thm_case_source *source, void **ctx)
{
    thm_flow_states *s = calloc(1, sizeof *s);
    *ctx = s;
    if (!s) {
        return THM_ENOMEM;
    }
    s->source = states;
    source->count = count;
    source->make = make_state;
    source->the_case = &s->one;
    source->ctx = s;
    return thm_ball_flow_alloc(THM_FLOW_D, THM_FLOW_N, &s->b);
}

void thm_flow_states_close(thm_case_source *source, void *ctx)
{
    thm_flow_states *s = ctx;
    (void)source;
    if (s) {
        thm_ball_flow_free(s->b);
        free(s);
    }
    flint_cleanup();
}
