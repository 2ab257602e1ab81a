/* A state of the value-softmax flow, taken apart; see value_flow_work.h.
 *
 * w = -V'g is measured from the token with the largest p before its mean is
 * taken: (w_i - <p, w>) p_i then keeps its relative precision while that p
 * tends to 1, and sum a' = 0 to rounding. */
#include "flow/value_flow_work.h"

#include <math.h>
#include <string.h>

enum { ROWS = 6, COLUMNS = 2 }; /* arrays of n and of d numbers beside x */

size_t thm_flow_point_room(int d, int n)
{
    /* and what thm_flow_kernel.samples wants behind g */
    return ((size_t)d + 1 + ROWS) * (size_t)n + COLUMNS * (size_t)d +
           THM_FLOW_LANES;
}

void thm_flow_point_init(thm_flow_point *at, thm_normalisation kind, int d,
                         int n, double *memory)
{
    double **row[ROWS] = {&at->p, &at->e, &at->c, &at->w, &at->psi, &at->t};
    *at = (thm_flow_point){.kind = kind, .d = d, .n = n, .x = memory};
    memory += (size_t)(d + 1) * (size_t)n;
    for (int k = 0; k < ROWS; k++) {
        *row[k] = memory;
        memory += n;
    }
    at->z = memory;
    at->g = memory + d;
}

static int largest(int n, const double *p)
{
    int best = 0;
    for (int i = 1; i < n; i++) {
        best = p[i] > p[best] ? i : best;
    }
    return best;
}

/* out <- v - <p, v>, from the entry of the largest p; out <- v for the sigmoid.
 */
static void centre(const thm_flow_point *at, const double *v, double *out)
{
    int n = at->n;
    if (!thm_normalise_centred(at->kind)) {
        memmove(out, v, (size_t)n * sizeof *out);
        return;
    }
    double origin = v[at->leader], mean = 0.0;
    for (int i = 0; i < n; i++) {
        mean += at->p[i] * (v[i] - origin);
    }
    for (int i = 0; i < n; i++) {
        out[i] = (v[i] - origin) - mean;
    }
}

void thm_flow_gather(const thm_flow_point *at, const double *v, double *out)
{
    centre(at, v, out);
    for (int i = 0; i < at->n; i++) {
        out[i] *= at->e[i];
    }
}

void thm_flow_spread(const thm_flow_point *at, const double *v, double *out)
{
    if (at->kind == THM_NORMALISE_SOFTMAX) {
        thm_flow_gather(at, v, out); /* S is symmetric */
        return;
    }
    double mean = 0.0;
    if (thm_normalise_centred(at->kind)) {
        for (int i = 0; i < at->n; i++) {
            mean += at->e[i] * v[i];
        }
    }
    for (int i = 0; i < at->n; i++) {
        out[i] = at->e[i] * v[i] - at->p[i] * mean;
    }
}

void thm_flow_columns(const thm_flow_point *at, double *W)
{
    for (size_t k = 0; k < (size_t)at->d; k++) {
        thm_flow_gather(at, at->x + k * (size_t)at->n, W + k * (size_t)at->n);
    }
}

static bool all_finite(int n, const double *x)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] - x[i]; /* 0, or NaN */
    }
    return sum == 0.0;
}

/* p, z, g by plain loops. */
static thm_status forward_ref(thm_value_flow *flow, const double *x,
                              thm_flow_point *at)
{
    int d = at->d, n = at->n;
    thm_status status =
        thm_normalise(at->kind, n, x + (size_t)d * (size_t)n, at->p);
    if (status != THM_OK) {
        return status;
    }
    at->leader = largest(n, at->p);
    for (int k = 0; k < d; k++) {
        const double *row = x + (size_t)k * (size_t)n;
        at->z[k] = 0.0;
        for (int i = 0; i < n; i++) {
            at->z[k] += row[i] * at->p[i];
        }
    }
    thm_loss_eval(flow->loss, at->z, NULL, at->g, flow->loss_scratch);
    return THM_OK;
}

/* w, psi and t of what the forward part left. */
static void take_slopes(const double *x, thm_flow_point *at)
{
    int d = at->d, n = at->n;
    thm_normalise_slopes(at->kind, n, x + (size_t)d * (size_t)n, at->p, at->e,
                         at->c);
    memset(at->w, 0, (size_t)n * sizeof *at->w);
    for (int k = 0; k < d; k++) {
        const double *row = x + (size_t)k * (size_t)n;
        for (int i = 0; i < n; i++) {
            at->w[i] -= row[i] * at->g[k];
        }
    }
    centre(at, at->w, at->w);
    for (int i = 0; i < n; i++) {
        at->psi[i] = at->e[i] * at->w[i];
        at->t[i] = at->c[i] * at->w[i];
    }
}

thm_status thm_flow_look_at(thm_value_flow *flow, const double *x, bool fast,
                            thm_flow_point *at)
{
    int d = at->d, n = at->n;
    size_t bytes = (size_t)thm_value_flow_size(flow) * sizeof *x;
    if (fast && at->known && memcmp(at->x, x, bytes) == 0) {
        return THM_OK;
    }
    at->known = false;
    if (fast && thm_flow_has_kernel(flow)) {
        at->leader = thm_flow_forward(flow, x, at->p, at->z, at->g);
    } else {
        thm_status status = forward_ref(flow, x, at);
        if (status != THM_OK) {
            return status;
        }
    }
    take_slopes(x, at);
    if (!all_finite(d, at->z) || !all_finite(d, at->g) ||
        !all_finite(n, at->w) || !all_finite(n, at->psi) ||
        !all_finite(n, at->t)) {
        return THM_EDOMAIN;
    }
    memcpy(at->x, x, bytes);
    at->known = fast;
    return THM_OK;
}
