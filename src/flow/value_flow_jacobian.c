/* First derivatives of the value-softmax flow, that is, minus the Hessian of
 * L(V sigma(a)): its product with a vector, and the dense matrix.
 *
 * With S the normalisation's Jacobian, T, psi as in value_flow_work.h and
 * H = Hess L(z), in the direction (Y, y) of (V, a):
 *     q = S y,   h = H (Y p + V q),
 *     dV' = -h p' - g q',
 *     da' = -S'(V'h + Y'g) + T y. */
#include "flow/value_flow_work.h"

#include <stdlib.h>
#include <string.h>

thm_status thm_value_flow_jvp(double t, const double *x, const double *v,
                              double *out, void *ctx)
{
    thm_value_flow *flow = ctx;
    const thm_flow_point *at = &flow->point;
    int d = flow->d, n = flow->n;
    size_t a = (size_t)d * (size_t)n;
    double *q = flow->room, *u = q + n, *dz = u + n, *h = dz + d;
    double along_e = 0.0, along_psi = 0.0;
    (void)t;
    thm_status status = thm_flow_look_at(flow, x, true, &flow->point);
    if (status != THM_OK) {
        return status;
    }
    thm_flow_spread(at, v + a, q);
    for (int k = 0; k < d; k++) {
        const double *V = x + (size_t)k * (size_t)n;
        const double *Y = v + (size_t)k * (size_t)n;
        dz[k] = 0.0;
        for (int i = 0; i < n; i++) {
            dz[k] += Y[i] * at->p[i] + V[i] * q[i];
        }
    }
    thm_loss_hvp(flow->loss, at->z, dz, h, flow->loss_scratch);
    memset(u, 0, (size_t)n * sizeof *u);
    for (int k = 0; k < d; k++) {
        const double *V = x + (size_t)k * (size_t)n;
        const double *Y = v + (size_t)k * (size_t)n;
        for (int i = 0; i < n; i++) {
            u[i] -= V[i] * h[k] + Y[i] * at->g[k];
        }
    }
    thm_flow_gather(at, u, u);
    for (int i = 0; thm_normalise_centred(flow->kind) && i < n; i++) {
        along_e += at->e[i] * v[a + (size_t)i];
        along_psi += at->psi[i] * v[a + (size_t)i];
    }
    for (int i = 0; i < n; i++) {
        out[a + (size_t)i] =
            u[i] + (at->t[i] * v[a + (size_t)i] - at->e[i] * along_psi -
                    at->psi[i] * along_e);
    }
    for (int k = 0; k < d; k++) {
        for (int i = 0; i < n; i++) {
            out[(size_t)k * (size_t)n + (size_t)i] =
                -h[k] * at->p[i] - at->g[k] * q[i];
        }
    }
    return THM_OK;
}

/* The entry (i, j) of S. */
static double slope(const thm_value_flow *flow, int i, int j)
{
    const thm_flow_point *at = &flow->point;
    double off = thm_normalise_centred(flow->kind) ? at->p[i] * at->e[j] : 0.0;
    return (i == j ? at->e[i] : 0.0) - off;
}

/* W = V S, HW = H W: (d x n).  Rows and columns k n + i of V, d n + i of a; the
 * upper triangle is written, the lower one copied from it. */
static void fill(const thm_value_flow *flow, const double *H, const double *W,
                 const double *HW, double *J)
{
    const thm_flow_point *at = &flow->point;
    size_t n = (size_t)flow->n, d = (size_t)flow->d, size = d * n + n;
    bool centred = thm_normalise_centred(flow->kind);
    for (size_t k = 0; k < d; k++) {
        for (size_t i = 0; i < n; i++) {
            double *row = J + (k * n + i) * size;
            for (size_t l = k; l < d; l++) {
                for (size_t j = 0; j < n; j++) {
                    row[l * n + j] = -H[k * d + l] * (at->p[i] * at->p[j]);
                }
            }
            for (size_t j = 0; j < n; j++) {
                row[d * n + j] = -HW[k * n + j] * at->p[i] -
                                 at->g[k] * slope(flow, (int)i, (int)j);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            double sum = i == j ? at->t[i] : 0.0;
            if (centred) {
                sum -= at->e[i] * at->psi[j] + at->psi[i] * at->e[j];
            }
            for (size_t k = 0; k < d; k++) {
                sum -= W[k * n + i] * HW[k * n + j];
            }
            J[(d * n + i) * size + d * n + j] = sum;
        }
    }
    for (size_t r = 0; r < size; r++) {
        for (size_t s = 0; s < r; s++) {
            J[r * size + s] = J[s * size + r];
        }
    }
}

thm_status thm_value_flow_jacobian(double t, const double *x, double *J,
                                   double *dfdt, void *ctx)
{
    thm_value_flow *flow = ctx;
    size_t n = (size_t)flow->n, d = (size_t)flow->d;
    (void)t;
    thm_status status = thm_flow_look_at(flow, x, true, &flow->point);
    if (status != THM_OK) {
        return status;
    }
    double *H = calloc(d * d + 2 * d * n, sizeof *H);
    if (H == NULL) {
        return THM_ENOMEM;
    }
    double *W = H + d * d, *HW = W + d * n;
    thm_loss_hessian(flow->loss, flow->point.z, H, flow->loss_scratch);
    thm_flow_columns(&flow->point, W);
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            for (size_t i = 0; i < n; i++) {
                HW[k * n + i] += H[k * d + l] * W[l * n + i];
            }
        }
    }
    fill(flow, H, W, HW, J);
    memset(dfdt, 0, (d * n + n) * sizeof *dfdt);
    free(H);
    return THM_OK;
}
