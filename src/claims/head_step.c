/* Complex-step gradients of an attention head: see head_step.h. */
#include "claims/head_step.h"

#include "core/cmplx.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include "la/blas.h"

typedef double complex complex_t;

static const double u = DBL_EPSILON / 2, h_step = 0x1p-332;

struct thm_head_step {
    int n, D, d; /* of the scratch */
    const thm_head *head;
    const thm_head_state *state;
    const double *G;
    complex_t *Q, *K, *V, *P;   /* (n x d), a row of (n)     */
    double *Qbar, *Kbar, *Vbar; /* |X| |W|, (n x d)          */
    double *absolute;           /* |W| or |G|                */
    double *N;                  /* absolute terms of dS      */
    double error;
};

thm_status thm_head_step_alloc(int n, int D, int d, thm_head_step **step)
{
    if (n < 1 || D < 1 || d < 1) {
        return THM_EDIM;
    }
    thm_head_step *w = calloc(1, sizeof *w);
    const size_t nd = (size_t)n * (size_t)d, nn = (size_t)n * (size_t)n,
                 most = (size_t)(n > D ? n : D) * (size_t)d;
    if (!w) {
        return THM_ENOMEM;
    }
    w->Q = malloc((3 * nd + (size_t)n) * sizeof *w->Q);
    w->Qbar = malloc((3 * nd + most + nn) * sizeof *w->Qbar);
    if (!w->Q || !w->Qbar) {
        thm_head_step_free(w);
        return THM_ENOMEM;
    }
    w->n = n;
    w->D = D;
    w->d = d;
    w->K = w->Q + nd;
    w->V = w->K + nd;
    w->P = w->V + nd;
    w->Kbar = w->Qbar + nd;
    w->Vbar = w->Kbar + nd;
    w->absolute = w->Vbar + nd;
    w->N = w->absolute + most;
    *step = w;
    return THM_OK;
}

void thm_head_step_free(thm_head_step *step)
{
    if (step) {
        free(step->Q);
        free(step->Qbar);
        free(step);
    }
}

/* ---- the loss at a complex point ------------------------------------------
 */

/* Y (n x d) <- X W, i h added to entry `at` of W; -1: to none. */
static void project(const thm_head *h, const double *W, int at, complex_t *Y)
{
    for (int i = 0; i < h->n; i++) {
        complex_t *y = Y + i * h->d;
        for (int b = 0; b < h->d; b++) {
            y[b] = 0;
        }
        for (int a = 0; a < h->D; a++) {
            for (int b = 0; b < h->d; b++) {
                const int k = a * h->d + b;
                y[b] +=
                    h->X[i * h->D + a] * CMPLX(W[k], k == at ? h_step : 0.0);
            }
        }
    }
}

/* sum_b x[b] y[b] */
static complex_t dot(int d, const complex_t *x, const complex_t *y)
{
    complex_t sum = 0;
    for (int b = 0; b < d; b++) {
        sum += x[b] * y[b];
    }
    return sum;
}

/* Row i of A (n) from the scores, by the definition.  exp(x + iy) is exp(x)
 * (1 + iy) to the last bit, as y^2 is below 1e-150. */
static void attend(const thm_head *h, complex_t *z)
{
    double top = creal(z[0]);
    complex_t sum = 0;
    for (int j = 1; j < h->n; j++) {
        top = fmax(top, creal(z[j]));
    }
    for (int j = 0; j < h->n; j++) {
        const double e = exp((creal(z[j]) - top) / h->tau);
        z[j] = CMPLX(e, e * (cimag(z[j]) / h->tau));
        sum += z[j];
    }
    for (int j = 0; j < h->n; j++) {
        z[j] /= sum;
    }
}

double thm_head_step_value(thm_head_step *w, thm_head_variable by, int row,
                           int col)
{
    const thm_head *h = w->head;
    const int n = h->n, d = h->d;
    const int at = row * (by == THM_BY_S ? n : d) + col;
    complex_t loss = 0;
    project(h, h->Wq, by == THM_BY_WQ ? at : -1, w->Q);
    project(h, h->Wk, by == THM_BY_WK ? at : -1, w->K);
    project(h, h->Wv, by == THM_BY_WV ? at : -1, w->V);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            w->P[j] = dot(d, w->Q + i * d, w->K + j * d);
            if (by == THM_BY_S && i * n + j == at) {
                w->P[j] += CMPLX(0.0, h_step);
            }
        }
        attend(h, w->P);
        complex_t value = 0; /* summed by rows: n + d roundings, not n d */
        for (int b = 0; b < d; b++) {
            complex_t z = 0;
            for (int j = 0; j < n; j++) {
                z += w->P[j] * w->V[j * d + b];
            }
            value += w->G[i * d + b] * z;
        }
        loss += value;
    }
    return cimag(loss) / h_step;
}

/* ---- the bound of rounding ------------------------------------------------
 */

static double gamma_of(double k)
{
    return k * u / (1.0 - k * u);
}

static const double *absolute(thm_head_step *w, int count, const double *x)
{
    for (int k = 0; k < count; k++) {
        w->absolute[k] = fabs(x[k]);
    }
    return w->absolute;
}

/* Y (n x d) <- |X| |W| */
static void project_absolute(thm_head_step *w, const double *W, double *Y)
{
    const thm_head *h = w->head;
    const double *a = absolute(w, h->D * h->d, W);
    for (int i = 0; i < h->n; i++) {
        for (int b = 0; b < h->d; b++) {
            double sum = 0.0;
            for (int k = 0; k < h->D; k++) {
                sum += fabs(h->X[i * h->D + k]) * a[k * h->d + b];
            }
            Y[i * h->d + b] = sum;
        }
    }
}

/* N_ij = A_ij ((|G| Vbar')_ij + sum_l A_il (|G| Vbar')_il) / tau, the absolute
 * terms of dS; and the bound from the size of the absolute scores. */
static void measure_terms(thm_head_step *w)
{
    const thm_head *h = w->head;
    const int n = h->n, D = h->D, d = h->d;
    double largest = 0.0; /* sigma, the largest absolute logit */
    project_absolute(w, h->Wq, w->Qbar);
    project_absolute(w, h->Wk, w->Kbar);
    project_absolute(w, h->Wv, w->Vbar);
    thm_gemm(false, true, n, n, d, 1.0 / h->tau, w->Qbar, d, w->Kbar, d, 0.0,
             w->N, n);
    for (int k = 0; k < n * n; k++) {
        largest = fmax(largest, w->N[k]);
    }
    const double *G = absolute(w, n * d, w->G);
    thm_gemm(false, true, n, n, d, 1.0, G, d, w->Vbar, d, 0.0, w->N, n);
    for (int i = 0; i < n; i++) {
        const double *A = w->state->A + i * n;
        double *row = w->N + i * n, r = 0.0;
        for (int j = 0; j < n; j++) {
            r += A[j] * row[j];
        }
        for (int j = 0; j < n; j++) {
            row[j] = A[j] * (row[j] + r) / h->tau;
        }
    }
    const double log_rho =
        2.0 * gamma_of(2 * D + d + 8) * largest + gamma_of(n + 20);
    const double phi = expm1(4.0 * log_rho +
                             2.0 * log1p(gamma_of(2 * D + 2 * d + 4 * n + 60)));
    w->error = 2.0 * phi; /* the closed form's and the oracle's */
}

double thm_head_step_terms(const thm_head_step *w, thm_head_variable by, int a,
                           int b)
{
    const thm_head *h = w->head;
    const int n = h->n, D = h->D, d = h->d;
    /* imaginary parts below DBL_MIN lose up to 2^-1074 each */
    double sum = (double)n * n * (DBL_MIN / h_step);
    if (by == THM_BY_S) {
        return sum + w->N[a * n + b];
    }
    for (int i = 0; i < n; i++) {
        double row = 0.0;
        for (int j = 0; j < n; j++) {
            const double xi = fabs(h->X[i * D + a]), xj = fabs(h->X[j * D + a]);
            const double N = w->N[i * n + j];
            row += by == THM_BY_WQ ? N * xi * w->Kbar[j * d + b]
                   : by == THM_BY_WK
                       ? N * xj * w->Qbar[i * d + b]
                       : w->state->A[i * n + j] * xj * fabs(w->G[i * d + b]);
        }
        sum += row;
    }
    return sum;
}

thm_status thm_head_step_load(thm_head_step *w, const thm_head *head,
                              const thm_head_state *state, const double *G)
{
    if (head->n > w->n || head->D > w->D || head->d > w->d) {
        return THM_EDIM;
    }
    w->head = head;
    w->state = state;
    w->G = G;
    measure_terms(w);
    return THM_OK;
}

double thm_head_step_error(const thm_head_step *w)
{
    return w->error;
}
