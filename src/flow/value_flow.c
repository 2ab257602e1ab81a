/* The value-softmax flow: right-hand side, what a state says of itself, what it
 * conserves; see value_flow.h.
 *
 * Weights w = -V'g are measured from the token with the largest p before their
 * mean is taken: (w_i - <p, w>) p_i then keeps its relative precision while
 * that p tends to 1, and sum a' = 0 to rounding. */
#include "flow/value_flow_work.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "softmax/softmax.h"

enum { POINT_ROWS = 7, POINT_COLUMNS = 2 }; /* of n and of d numbers */

/* Deals out the block. */
static void lay_out(thm_value_flow *flow, double *block)
{
    size_t n = (size_t)flow->n, d = (size_t)flow->d;
    thm_flow_point *at = &flow->point;
    double **row[POINT_ROWS - 1] = {&at->p, &at->e,   &at->c,
                                    &at->w, &at->psi, &at->t};
    at->x = block;
    block += d * n + n;
    for (int k = 0; k < POINT_ROWS - 1; k++) {
        *row[k] = block;
        block += n;
    }
    at->z = block;
    at->g = block + d;
    block += POINT_COLUMNS * d;
    flow->room = block;
    block += 4 * (d + n);
    flow->loss_scratch = block;
    block += thm_loss_scratch(flow->loss);
    flow->rows = block;
    flow->slopes = block + d * (size_t)flow->padded;
}

/* The rows y_i x_i of a samples loss as columns. */
static void transpose_rows(thm_value_flow *flow)
{
    const thm_loss *loss = flow->loss;
    for (int i = 0; flow->padded > 0 && i < loss->m; i++) {
        for (int k = 0; k < flow->d; k++) {
            flow->rows[(size_t)k * (size_t)flow->padded + (size_t)i] =
                loss->y[i] * loss->X[(size_t)i * (size_t)flow->d + (size_t)k];
        }
    }
}

void thm_value_flow_use(thm_value_flow *flow, thm_isa isa)
{
    flow->kernel = thm_flow_kernel_for(isa);
}

thm_status thm_value_flow_alloc(int d, int n, const thm_loss *loss,
                                thm_normalisation kind, thm_value_flow **flow)
{
    /* N^2 numbers of a dense Jacobian must be countable */
    if (d < 1 || n < 1 || loss->d != d || (d + 1LL) * n > 1 << 28) {
        return THM_EDIM;
    }
    thm_status status = thm_loss_check(loss);
    if (status != THM_OK) {
        return status;
    }
    int padded = 0;
    if (loss->kind == THM_LOSS_SAMPLES && loss->m <= INT_MAX - THM_FLOW_LANES) {
        padded =
            (loss->m + THM_FLOW_LANES - 1) / THM_FLOW_LANES * THM_FLOW_LANES;
    }
    thm_value_flow *made = calloc(1, sizeof *made);
    size_t room = ((size_t)d + POINT_ROWS + 4) * (size_t)n +
                  (POINT_COLUMNS + 4) * (size_t)d +
                  (size_t)thm_loss_scratch(loss) +
                  ((size_t)d + 1) * (size_t)padded;
    double *block = calloc(room, sizeof *block);
    if (made == NULL || block == NULL) {
        free(made);
        free(block);
        return THM_ENOMEM;
    }
    made->d = d;
    made->n = n;
    made->loss = loss;
    made->kind = kind;
    made->padded = padded;
    made->block = block;
    lay_out(made, block);
    transpose_rows(made);
    thm_value_flow_use(made, thm_isa_detect());
    *flow = made;
    return THM_OK;
}

void thm_value_flow_free(thm_value_flow *flow)
{
    if (flow != NULL) {
        free(flow->block);
        free(flow);
    }
}

int thm_value_flow_size(const thm_value_flow *flow)
{
    return (flow->d + 1) * flow->n;
}

static int largest(int n, const double *p)
{
    int best = 0;
    for (int i = 1; i < n; i++) {
        best = p[i] > p[best] ? i : best;
    }
    return best;
}

/* out <- v - <p, v>, from the entry of the largest p; nothing for the sigmoid.
 */
static void centre(const thm_value_flow *flow, const double *v, double *out)
{
    const double *p = flow->point.p;
    int n = flow->n;
    if (!thm_normalise_centred(flow->kind)) {
        memmove(out, v, (size_t)n * sizeof *out);
        return;
    }
    double origin = v[largest(n, p)], mean = 0.0;
    for (int i = 0; i < n; i++) {
        mean += p[i] * (v[i] - origin);
    }
    for (int i = 0; i < n; i++) {
        out[i] = (v[i] - origin) - mean;
    }
}

void thm_flow_gather(const thm_value_flow *flow, const double *v, double *out)
{
    centre(flow, v, out);
    for (int i = 0; i < flow->n; i++) {
        out[i] *= flow->point.e[i];
    }
}

void thm_flow_spread(const thm_value_flow *flow, const double *v, double *out)
{
    const thm_flow_point *at = &flow->point;
    if (flow->kind == THM_NORMALISE_SOFTMAX) {
        thm_flow_gather(flow, v, out);
        return;
    }
    double mean = 0.0;
    if (thm_normalise_centred(flow->kind)) {
        for (int i = 0; i < flow->n; i++) {
            mean += at->e[i] * v[i];
        }
    }
    for (int i = 0; i < flow->n; i++) {
        out[i] = at->e[i] * v[i] - at->p[i] * mean;
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

thm_status thm_flow_look_at(thm_value_flow *flow, const double *x)
{
    thm_flow_point *at = &flow->point;
    int d = flow->d, n = flow->n;
    size_t bytes = (size_t)thm_value_flow_size(flow) * sizeof *x;
    const double *a = x + (size_t)d * (size_t)n;
    if (at->known && memcmp(at->x, x, bytes) == 0) {
        return THM_OK;
    }
    at->known = false;
    thm_status status = thm_normalise(flow->kind, n, a, at->p);
    if (status != THM_OK) {
        return status;
    }
    thm_normalise_slopes(flow->kind, n, a, at->p, at->e, at->c);
    for (int k = 0; k < d; k++) {
        const double *row = x + (size_t)k * (size_t)n;
        at->z[k] = 0.0;
        for (int i = 0; i < n; i++) {
            at->z[k] += row[i] * at->p[i];
        }
    }
    thm_loss_eval(flow->loss, at->z, NULL, at->g, flow->loss_scratch);
    memset(at->w, 0, (size_t)n * sizeof *at->w);
    for (int k = 0; k < d; k++) {
        const double *row = x + (size_t)k * (size_t)n;
        for (int i = 0; i < n; i++) {
            at->w[i] -= row[i] * at->g[k];
        }
    }
    centre(flow, at->w, at->w);
    for (int i = 0; i < n; i++) {
        at->psi[i] = at->e[i] * at->w[i];
        at->t[i] = at->c[i] * at->w[i];
    }
    if (!all_finite(d, at->z) || !all_finite(d, at->g) ||
        !all_finite(n, at->w) || !all_finite(n, at->psi) ||
        !all_finite(n, at->t)) {
        return THM_EDOMAIN;
    }
    memcpy(at->x, x, bytes);
    at->known = true;
    return THM_OK;
}

thm_status thm_value_flow_rhs_ref(thm_value_flow *flow, const double *x,
                                  double *dx)
{
    const thm_flow_point *at = &flow->point;
    int d = flow->d, n = flow->n;
    thm_status status = thm_flow_look_at(flow, x);
    if (status != THM_OK) {
        return status;
    }
    for (int k = 0; k < d; k++) {
        for (int i = 0; i < n; i++) {
            dx[(size_t)k * (size_t)n + (size_t)i] = -at->g[k] * at->p[i];
        }
    }
    memcpy(dx + (size_t)d * (size_t)n, at->psi, (size_t)n * sizeof *dx);
    return THM_OK;
}

/* softmax(z) - p* by the kernel's exp. */
static void cross_entropy_slopes(const thm_value_flow *flow, const double *z,
                                 double *g)
{
    int d = flow->d;
    double top = z[0], sum = 0.0;
    for (int k = 1; k < d; k++) {
        top = z[k] > top ? z[k] : top;
    }
    for (int k = 0; k < d; k++) {
        g[k] = z[k] - top;
    }
    flow->kernel->exp(d, g, g);
    for (int k = 0; k < d; k++) {
        sum += g[k];
    }
    for (int k = 0; k < d; k++) {
        g[k] = g[k] / sum - flow->loss->b[k];
    }
}

static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    thm_value_flow *flow = ctx;
    const thm_flow_kernel *kernel = flow->kernel;
    int d = flow->d, n = flow->n;
    double *p = flow->room, *z = p + n, *g = z + d;
    (void)t;
    if (flow->kind != THM_NORMALISE_SOFTMAX || n < THM_FLOW_LANES) {
        return thm_value_flow_rhs_ref(flow, x, dx);
    }
    int leader = kernel->output(d, n, x, p, z);
    if (flow->padded > 0) {
        kernel->samples(d, flow->loss->m, flow->padded, flow->rows, z,
                        flow->slopes, g);
    } else if (flow->loss->kind == THM_LOSS_CROSS_ENTROPY) {
        cross_entropy_slopes(flow, z, g);
    } else {
        thm_loss_eval(flow->loss, z, NULL, g, flow->loss_scratch);
    }
    double mean = kernel->slopes(d, n, x, p, leader, g, dx);
    return mean - mean == 0.0 ? THM_OK : THM_EDOMAIN;
}

thm_ode thm_value_flow_ode(thm_value_flow *flow)
{
    return (thm_ode){.n = thm_value_flow_size(flow),
                     .ctx = flow,
                     .rhs = rhs,
                     .jvp = thm_value_flow_jvp,
                     .jacobian = thm_value_flow_jacobian};
}

static thm_status objective_value(const double *x, double *f, void *ctx)
{
    thm_value_flow *flow = ctx;
    thm_status status = thm_flow_look_at(flow, x);
    if (status == THM_OK) {
        thm_loss_eval(flow->loss, flow->point.z, f, NULL, flow->loss_scratch);
    }
    return status;
}

static thm_status negate(thm_status status, int n, double *x)
{
    for (int i = 0; status == THM_OK && i < n; i++) {
        x[i] = -x[i];
    }
    return status;
}

static thm_status objective_gradient(const double *x, double *g, void *ctx)
{
    thm_value_flow *flow = ctx;
    return negate(rhs(0.0, x, g, flow), thm_value_flow_size(flow), g);
}

static thm_status objective_hvp(const double *x, const double *v, double *hv,
                                void *ctx)
{
    thm_value_flow *flow = ctx;
    return negate(thm_value_flow_jvp(0.0, x, v, hv, flow),
                  thm_value_flow_size(flow), hv);
}

thm_objective thm_value_flow_objective(thm_value_flow *flow)
{
    return (thm_objective){.n = thm_value_flow_size(flow),
                           .ctx = flow,
                           .value = objective_value,
                           .gradient = objective_gradient,
                           .hvp = objective_hvp};
}

static double norm(int n, const double *x)
{
    double most = 0.0, sum = 0.0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i]));
    }
    for (int i = 0; most > 0.0 && i < n; i++) {
        sum += (x[i] / most) * (x[i] / most);
    }
    return most * sqrt(sum);
}

thm_status thm_value_flow_look(thm_value_flow *flow, const double *x,
                               thm_value_state *state, double *p, double *z)
{
    const thm_flow_point *at = &flow->point;
    int d = flow->d, n = flow->n;
    const double *a = x + (size_t)d * (size_t)n;
    thm_status status = thm_flow_look_at(flow, x);
    if (status != THM_OK) {
        return status;
    }
    int winner = largest(n, at->p);
    double others = 0.0, entropy = 0.0;
    for (int i = 0; i < n; i++) {
        others += i == winner ? 0.0 : at->p[i];
    }
    status = flow->kind == THM_NORMALISE_SOFTMAX
                 ? thm_softmax_entropy(n, a, 1.0, &entropy, NULL)
                 : thm_probs_entropy(n, at->p, &entropy, NULL);
    state->entropy = status == THM_OK ? entropy : (double)NAN;
    state->p_max = at->p[winner];
    state->others = others;
    state->winner = winner;
    state->gradient = norm(d, at->g);
    thm_loss_eval(flow->loss, at->z, &state->loss, NULL, flow->loss_scratch);
    if (p != NULL) {
        memcpy(p, at->p, (size_t)n * sizeof *p);
    }
    if (z != NULL) {
        memcpy(z, at->z, (size_t)d * sizeof *z);
    }
    return THM_OK;
}

double thm_value_flow_sum(const thm_value_flow *flow, const double *x)
{
    const double *a = x + (size_t)flow->d * (size_t)flow->n;
    double sum = 0.0;
    for (int i = 0; i < flow->n; i++) {
        sum += a[i];
    }
    return sum;
}

double thm_value_flow_pair(const thm_value_flow *flow, const double *x, int i,
                           int j, double *scale)
{
    size_t n = (size_t)flow->n, d = (size_t)flow->d;
    double square = 0.0,
           hyperbolic = cosh(x[d * n + (size_t)i] - x[d * n + (size_t)j]);
    for (size_t k = 0; k < d; k++) {
        double difference = x[k * n + (size_t)i] - x[k * n + (size_t)j];
        square += difference * difference;
    }
    if (scale != NULL) {
        *scale = 1.0 + hyperbolic;
    }
    return square / 2.0 - hyperbolic;
}
