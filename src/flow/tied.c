/* The tied value-softmax model; see tied.h. */
#include "flow/tied.h"

#include <math.h>
#include <stdlib.h>

#include "softmax/softmax.h"

struct thm_tied {
    int d;
    const thm_loss *loss;
    double *p, *z, *g, *h; /* (d) each */
    double *loss_scratch;
    double *block;
};

thm_status thm_tied_alloc(const thm_loss *loss, thm_tied **tied)
{
    int d = loss->d;
    if (d < 1 || (d + 1LL) * d > 1 << 28) {
        return THM_EDIM;
    }
    thm_status status = thm_loss_check(loss);
    if (status != THM_OK) {
        return status;
    }
    thm_tied *made = calloc(1, sizeof *made);
    double *block =
        calloc(4 * (size_t)d + (size_t)thm_loss_scratch(loss), sizeof *block);
    if (made == NULL || block == NULL) {
        free(made);
        free(block);
        return THM_ENOMEM;
    }
    *made = (thm_tied){.d = d,
                       .loss = loss,
                       .p = block,
                       .z = block + d,
                       .g = block + 2 * (size_t)d,
                       .h = block + 3 * (size_t)d,
                       .loss_scratch = block + 4 * (size_t)d,
                       .block = block};
    *tied = made;
    return THM_OK;
}

void thm_tied_free(thm_tied *tied)
{
    if (tied != NULL) {
        free(tied->block);
        free(tied);
    }
}

int thm_tied_size(const thm_tied *tied)
{
    return (tied->d + 1) * tied->d;
}

/* out <- U v, or U'v. */
static void apply(int d, const double *U, const double *v, double *out)
{
    for (int i = 0; i < d; i++) {
        out[i] = 0.0;
        for (int j = 0; j < d; j++) {
            out[i] += U[(size_t)i * (size_t)d + (size_t)j] * v[j];
        }
    }
}

static void apply_transposed(int d, const double *U, const double *v,
                             double *out)
{
    for (int j = 0; j < d; j++) {
        out[j] = 0.0;
    }
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++) {
            out[j] += U[(size_t)i * (size_t)d + (size_t)j] * v[i];
        }
    }
}

/* p and z of the state. */
static thm_status forward(thm_tied *tied, const double *x)
{
    int d = tied->d;
    apply(d, x, x + (size_t)d * (size_t)d, tied->h);
    for (int i = 0; i < d; i++) {
        if (!isfinite(tied->h[i])) {
            return THM_EDOMAIN;
        }
    }
    thm_status status = thm_softmax(d, tied->h, 1.0, tied->p);
    if (status == THM_OK) {
        apply(d, x, tied->p, tied->z);
    }
    return status;
}

static thm_status objective_value(const double *x, double *f, void *ctx)
{
    thm_tied *tied = ctx;
    thm_status status = forward(tied, x);
    if (status == THM_OK) {
        thm_loss_eval(tied->loss, tied->z, f, NULL, tied->loss_scratch);
        status = isfinite(*f) ? THM_OK : THM_EDOMAIN;
    }
    return status;
}

static thm_status objective_gradient(const double *x, double *out, void *ctx)
{
    thm_tied *tied = ctx;
    int d = tied->d;
    const double *a = x + (size_t)d * (size_t)d;
    double *da = out + (size_t)d * (size_t)d, sum = 0.0;
    thm_status status = forward(tied, x);
    if (status != THM_OK) {
        return status;
    }
    thm_loss_eval(tied->loss, tied->z, NULL, tied->g, tied->loss_scratch);
    apply_transposed(d, x, tied->g, tied->h);
    status = thm_softmax_jvp(d, tied->p, 1.0, tied->h, tied->h);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++) {
            out[(size_t)i * (size_t)d + (size_t)j] =
                tied->g[i] * tied->p[j] + tied->h[i] * a[j];
        }
    }
    apply_transposed(d, x, tied->h, da);
    for (int i = 0; i < d; i++) {
        sum += da[i] - da[i] + (tied->g[i] - tied->g[i]);
    }
    return sum == 0.0 ? THM_OK : THM_EDOMAIN;
}

static thm_status rhs(double t, const double *x, double *dx, void *ctx)
{
    (void)t;
    thm_status status = objective_gradient(x, dx, ctx);
    int size = thm_tied_size(ctx);
    for (int i = 0; status == THM_OK && i < size; i++) {
        dx[i] = -dx[i];
    }
    return status;
}

thm_ode thm_tied_ode(thm_tied *tied)
{
    return (thm_ode){.n = thm_tied_size(tied), .ctx = tied, .rhs = rhs};
}

thm_objective thm_tied_objective(thm_tied *tied)
{
    return (thm_objective){.n = thm_tied_size(tied),
                           .ctx = tied,
                           .value = objective_value,
                           .gradient = objective_gradient};
}

thm_status thm_tied_look(thm_tied *tied, const double *x, double *p, double *z)
{
    thm_status status = forward(tied, x);
    for (int i = 0; status == THM_OK && i < tied->d; i++) {
        p[i] = tied->p[i];
        if (z != NULL) {
            z[i] = tied->z[i];
        }
    }
    return status;
}
