/* The value-softmax flow: right-hand side, what a state says of itself, what it
 * conserves; see value_flow.h. */
#include "flow/value_flow_work.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "softmax/softmax.h"

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
    int d_padded = (d - 1) / THM_FLOW_LANES * THM_FLOW_LANES + THM_FLOW_LANES;
    thm_value_flow *made = calloc(1, sizeof *made);
    size_t point = thm_flow_point_room(d, n),
           room = 4 * ((size_t)d + (size_t)n) + THM_FLOW_LANES;
    size_t scratch = (size_t)thm_loss_scratch(loss);
    size_t rows = (size_t)d * (size_t)padded,
           wide = 2 * ((size_t)d_padded + THM_FLOW_LANES);
    size_t bytes = (rows + (size_t)padded + wide + point + room + scratch) *
                   sizeof(double);
    /* what kernels read a register at a time comes first */
    double *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (made == NULL || block == NULL) {
        free(made);
        free(block);
        return THM_ENOMEM;
    }
    memset(block, 0, bytes);
    *made = (thm_value_flow){.d = d,
                             .n = n,
                             .loss = loss,
                             .kind = kind,
                             .kernel = thm_flow_kernel_for(thm_isa_detect()),
                             .padded = padded,
                             .d_padded = d_padded,
                             .block = block,
                             .rows = block,
                             .slopes = block + rows,
                             .wide = block + rows + padded};
    block = made->wide + wide;
    made->room = block + point;
    made->loss_scratch = made->room + room;
    thm_flow_point_init(&made->point, kind, d, n, block);
    transpose_rows(made);
    *flow = made;
    return THM_OK;
}

void thm_value_flow_free(thm_value_flow *flow)
{
    if (flow != NULL) {
        thm_flow_newton_free(flow->newton);
        free(flow->block);
        free(flow);
    }
}

int thm_value_flow_size(const thm_value_flow *flow)
{
    return (flow->d + 1) * flow->n;
}

thm_status thm_value_flow_rhs_ref(thm_value_flow *flow, const double *x,
                                  double *dx)
{
    const thm_flow_point *at = &flow->point;
    int d = flow->d, n = flow->n;
    thm_status status = thm_flow_look_at(flow, x, false, &flow->point);
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

bool thm_flow_has_kernel(const thm_value_flow *flow)
{
    return flow->kind == THM_NORMALISE_SOFTMAX && flow->n >= THM_FLOW_LANES;
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

/* g <- grad L(z) by the kernels. */
static void gradient(thm_value_flow *flow, const double *z, double *g)
{
    if (flow->padded > 0) {
        flow->kernel->samples(flow->d, flow->loss->m, flow->padded, flow->rows,
                              z, flow->slopes, g);
    } else if (flow->loss->kind == THM_LOSS_CROSS_ENTROPY) {
        cross_entropy_slopes(flow, z, g);
    } else {
        thm_loss_eval(flow->loss, z, NULL, g, flow->loss_scratch);
    }
}

int thm_flow_forward(thm_value_flow *flow, const double *x, double *p,
                     double *z, double *g)
{
    int leader = flow->kernel->output(flow->d, flow->n, x, p, z);
    gradient(flow, z, g);
    return leader;
}

/* Of a right-hand side, by what its kernel returned. */
static thm_status answer(double mean)
{
    return mean - mean == 0.0 ? THM_OK : THM_EDOMAIN;
}

static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    thm_value_flow *flow = ctx;
    int d = flow->d, n = flow->n;
    double *p = flow->room, *z = p + n, *g = z + d;
    (void)t;
    if (!thm_flow_has_kernel(flow)) {
        return thm_value_flow_rhs_ref(flow, x, dx);
    }
    int leader = thm_flow_forward(flow, x, p, z, g);
    double mean = flow->kernel->slopes(d, n, x, p, leader, g, dx);
    return answer(mean);
}

static thm_status outer(double t, const thm_ode_outer_state *x, double *u,
                        double *v, double *da, void *ctx)
{
    thm_value_flow *flow = ctx;
    int d = flow->d;
    double *g = flow->wide, *z = g + flow->d_padded;
    (void)t;
    int leader = flow->kernel->output_outer(d, flow->n, x, v, z);
    gradient(flow, z, g);
    double mean = flow->kernel->slopes_outer(d, x, v, leader, g, da);
    for (int k = 0; k < d; k++) {
        u[k] = -g[k];
    }
    return answer(mean);
}

thm_ode thm_value_flow_ode(thm_value_flow *flow)
{
    return (thm_ode){.n = thm_value_flow_size(flow),
                     .ctx = flow,
                     .rhs = rhs,
                     .jvp = thm_value_flow_jvp,
                     .jacobian = thm_value_flow_jacobian,
                     .solve = thm_value_flow_solve,
                     .rows = flow->d,
                     .columns = flow->n,
                     .outer = thm_flow_has_kernel(flow) ? outer : NULL};
}

static thm_status objective_value(const double *x, double *f, void *ctx)
{
    thm_value_flow *flow = ctx;
    thm_status status = thm_flow_look_at(flow, x, true, &flow->point);
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
    thm_status status = thm_flow_look_at(flow, x, true, &flow->point);
    if (status != THM_OK) {
        return status;
    }
    int winner = at->leader;
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
