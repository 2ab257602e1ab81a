/* The forward pass of the single-layer model: see layer.h. */
#include "attn/layer.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "attn/layer_work.h"

const char *thm_kernel_text(thm_kernel kernel)
{
    switch (kernel) {
#define THM_KERNEL_CASE(name, text)                                            \
    case name:                                                                 \
        return text;
        THM_KERNEL_TABLE(THM_KERNEL_CASE)
#undef THM_KERNEL_CASE
    }
    return "unknown kernel";
}

double thm_kernel_scale(int d)
{
    return 1.0 / sqrt((double)d);
}

double thm_kernel_scale_half(int d)
{
    return 0.5 / sqrt((double)d);
}

/* Whether a b c e, all positive, is at most INT_MAX. */
static bool fits(int a, int b, int c, int e)
{
    size_t ab = (size_t)a * (size_t)b, ce = (size_t)c * (size_t)e;
    return ab <= INT_MAX && ce <= INT_MAX && ab * ce <= INT_MAX;
}

bool thm_layer_finite(size_t count, const double *x)
{
    int wild = 0;
    for (size_t k = 0; k < count; k++) {
        wild |= !(fabs(x[k]) <= DBL_MAX);
    }
    return !wild;
}

thm_status thm_layer_check_sizes(const thm_layer *l)
{
    if (l->N < 1 || l->n < 1 || l->D < 1 || l->d < 1 || l->H < 1 || l->m < 1) {
        return THM_EDIM;
    }
    return fits(l->N, l->n, l->H, l->n) && fits(l->N, l->n, l->H, l->D) &&
                   fits(l->N, l->n, l->H, l->d) &&
                   fits(l->N, l->n, l->H, l->m) && fits(l->H, l->D, l->d, 1) &&
                   fits(l->H, l->d, l->m, 1) && fits(l->D, l->m, 1, 1)
               ? THM_OK
               : THM_EOVERFLOW;
}

thm_status thm_layer_check(const thm_layer *l)
{
    thm_status status = thm_layer_check_sizes(l);
    if (status != THM_OK) {
        return status;
    }
    const size_t T = (size_t)l->N * (size_t)l->n, m = (size_t)l->m;
    const bool good =
        l->c > 0.0 && l->c <= DBL_MAX &&
        thm_layer_finite(T * (size_t)l->D, l->X) &&
        (l->Wo == NULL ||
         thm_layer_finite((size_t)l->H * (size_t)l->d * m, l->Wo)) &&
        (l->Y == NULL || thm_layer_finite(T * m, l->Y));
    return good ? THM_OK : THM_EDOMAIN;
}

thm_status thm_layer_work_alloc(const thm_layer *l, thm_layer_work **out)
{
    thm_status status = thm_layer_check(l);
    if (status != THM_OK) {
        return status;
    }
    const size_t T = (size_t)l->N * (size_t)l->n, H = (size_t)l->H,
                 n = (size_t)l->n, D = (size_t)l->D, d = (size_t)l->d,
                 m = (size_t)l->m;
    thm_layer_work shape = {0}, *w = NULL;
    const struct {
        double **place;
        size_t count;
    } parts[] = {
        {&shape.Q, H * T * d},
        {&shape.K, H * T * d},
        {&shape.Q_dot, H * T * d},
        {&shape.K_dot, H * T * d},
        {&shape.S, H * T * n},
        {&shape.S_dot, H * T * n},
        {&shape.U, H * T * m},
        {&shape.U_dot, H * T * m},
        {&shape.F, T * m},
        {&shape.F_dot, T * m},
        {&shape.R, T * m},
        {&shape.Q_bar, T * d},
        {&shape.K_bar, T * d},
        {&shape.Z, T * m},
        {&shape.M, D * m},
        {&shape.E, n * n},
        {&shape.E_dot, n * n},
        {&shape.G, n * n},
        {&shape.G_dot, n * n},
        {&shape.room, (2 * d + 1) * (size_t)thm_layer_padded(l->n)},
    };
    enum { PARTS = sizeof parts / sizeof *parts, LINE = 8 };
    /* Each count is below 2^33: their sum does not wrap.  Every part begins a
     * cache line: a vector that straddles two costs the products up to 1.4
     * times their time. */
    size_t total = 0;
    for (int k = 0; k < PARTS; k++) {
        total += (parts[k].count + LINE - 1) / LINE * LINE;
    }
    w = calloc(1, sizeof *w);
    double *next = aligned_alloc(LINE * sizeof *next, total * sizeof *next);
    if (w == NULL || next == NULL) {
        free(w);
        free(next);
        return THM_ENOMEM;
    }
    for (int k = 0; k < PARTS; k++) {
        *parts[k].place = next;
        next += (parts[k].count + LINE - 1) / LINE * LINE;
    }
    *w = shape;
    w->N = l->N;
    w->n = l->n;
    w->D = l->D;
    w->d = l->d;
    w->H = l->H;
    w->m = l->m;
    thm_layer_work_use(w, thm_isa_detect());
    *out = w;
    return THM_OK;
}

void thm_layer_work_free(thm_layer_work *work)
{
    if (work != NULL) {
        free(work->Q); /* the first part begins the block */
        free(work);
    }
}

thm_status thm_layer_check_work(const thm_layer *l, const thm_layer_work *w)
{
    if (l->N != w->N || l->n != w->n || l->D != w->D || l->d != w->d ||
        l->H != w->H || l->m != w->m) {
        return THM_EDIM;
    }
    return l->c > 0.0 && l->c <= DBL_MAX ? THM_OK : THM_EDOMAIN;
}

/* ---- the stages ---------------------------------------------------------- */

void thm_layer_project(const thm_layer *l, const double *W,
                       const thm_layer_work *w, double *P)
{
    const int T = l->N * l->n;
    for (int h = 0; h < l->H; h++) {
        thm_layer_product(w, false, false, T, l->d, l->D, 1.0, l->X,
                          W + (size_t)h * (size_t)l->D * (size_t)l->d, 0.0,
                          P + (size_t)h * (size_t)T * (size_t)l->d, l->d);
    }
}

thm_status thm_layer_scores(const thm_layer *l, thm_layer_work *w, double *S,
                            double *log_S)
{
    const int n = l->n, d = l->d;
    const size_t nn = (size_t)n * (size_t)n, nd = (size_t)n * (size_t)d;
    for (int i = 0; i < l->N; i++) {
        for (int h = 0; h < l->H; h++) {
            const size_t at = (size_t)h * (size_t)l->N + (size_t)i,
                         out = (size_t)i * (size_t)l->H + (size_t)h;
            const double *Q = w->Q + at * nd, *K = w->K + at * nd;
            double *s = S + out * nn;
            if (l->kernel == THM_KERNEL_SOFTMAX) {
                thm_layer_product(w, false, true, n, n, d, l->c, Q, K, 0.0, s,
                                  n);
            } else {
                w->kernel->distances(n, d, l->c, Q, K, w->room, s);
            }
        }
    }
    const size_t rows = (size_t)l->N * (size_t)l->H * (size_t)n;
    return w->kernel->attend(rows, n, l->kernel != THM_KERNEL_GAUSSIAN, S,
                             log_S)
               ? THM_OK
               : THM_EDOMAIN;
}

void thm_layer_blocks(const thm_layer *l, const thm_layer_work *w, double *B)
{
    const int n = l->n, D = l->D, H = l->H;
    const size_t nn = (size_t)n * (size_t)n, nD = (size_t)n * (size_t)D;
    for (int i = 0; i < l->N; i++) {
        for (int h = 0; h < H; h++) {
            const size_t from = (size_t)i * (size_t)H + (size_t)h,
                         to =
                             (size_t)i * nD * (size_t)H + (size_t)h * (size_t)D;
            thm_layer_product(w, false, false, n, D, n, 1.0, w->S + from * nn,
                              l->X + (size_t)i * nD, 0.0, B + to, H * D);
        }
    }
}

void thm_layer_values(const thm_layer *l, const double *Wv, thm_layer_work *w,
                      double *U)
{
    const int T = l->N * l->n, D = l->D, d = l->d, m = l->m;
    for (int h = 0; h < l->H; h++) {
        thm_layer_product(w, false, false, D, m, d, 1.0,
                          Wv + (size_t)h * (size_t)D * (size_t)d,
                          l->Wo + (size_t)h * (size_t)d * (size_t)m, 0.0, w->M,
                          m);
        thm_layer_product(w, false, false, T, m, D, 1.0, l->X, w->M, 0.0,
                          U + (size_t)h * (size_t)T * (size_t)m, m);
    }
}

void thm_layer_output(const thm_layer *l, const double *S, const double *U,
                      const thm_layer_work *w, double beta, double *F)
{
    const int n = l->n, m = l->m;
    const size_t nn = (size_t)n * (size_t)n, nm = (size_t)n * (size_t)m;
    for (int i = 0; i < l->N; i++) {
        for (int h = 0; h < l->H; h++) {
            const size_t at = (size_t)h * (size_t)l->N + (size_t)i,
                         from = (size_t)i * (size_t)l->H + (size_t)h;
            thm_layer_product(w, false, false, n, m, n, 1.0, S + from * nn,
                              U + at * nm, h == 0 ? beta : 1.0,
                              F + (size_t)i * nm, m);
        }
    }
}

thm_status thm_layer_residual(const thm_layer *l, thm_layer_work *w, double *f)
{
    const size_t count = (size_t)l->N * (size_t)l->n * (size_t)l->m;
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        w->R[k] = w->F[k] - l->Y[k];
        sum += w->R[k] * w->R[k];
    }
    *f = sum / 2.0;
    return sum <= DBL_MAX ? THM_OK : THM_EDOMAIN;
}

thm_status thm_layer_point(const thm_layer *l, const thm_weights *weights,
                           thm_layer_work *w)
{
    thm_status status = thm_layer_check_work(l, w);
    if (status != THM_OK) {
        return status;
    }
    if (l->Wo == NULL) {
        return THM_EDOMAIN;
    }
    thm_layer_project(l, weights->Wq, w, w->Q);
    thm_layer_project(l, weights->Wk, w, w->K);
    status = thm_layer_scores(l, w, w->S, NULL);
    if (status == THM_OK) {
        thm_layer_values(l, weights->Wv, w, w->U);
        thm_layer_output(l, w->S, w->U, w, 0.0, w->F);
    }
    return status;
}

/* ---- what callers ask for -------------------------------------------------
 */

thm_status thm_layer_attention(const thm_layer *l, const double *Wq,
                               const double *Wk, thm_layer_work *w, double *S,
                               double *log_S, int64_t *underflowed)
{
    thm_status status = thm_layer_check_work(l, w);
    if (status != THM_OK) {
        return status;
    }
    const size_t count =
        (size_t)l->N * (size_t)l->H * (size_t)l->n * (size_t)l->n;
    thm_layer_project(l, Wq, w, w->Q);
    thm_layer_project(l, Wk, w, w->K);
    status = thm_layer_scores(l, w, w->S, log_S);
    if (status != THM_OK) {
        return status;
    }
    if (S != NULL) {
        memcpy(S, w->S, count * sizeof *S);
    }
    if (underflowed != NULL) {
        *underflowed = 0;
        for (size_t k = 0; k < count; k++) {
            *underflowed += w->S[k] < DBL_MIN;
        }
    }
    return THM_OK;
}

thm_status thm_layer_b(const thm_layer *l, const double *Wq, const double *Wk,
                       thm_layer_work *w, double *B)
{
    const thm_status status =
        thm_layer_attention(l, Wq, Wk, w, NULL, NULL, NULL);
    if (status == THM_OK) {
        thm_layer_blocks(l, w, B);
    }
    return status;
}

thm_status thm_layer_forward(const thm_layer *l, const thm_weights *weights,
                             thm_layer_work *w, double *F)
{
    const thm_status status = thm_layer_point(l, weights, w);
    const size_t count = (size_t)l->N * (size_t)l->n * (size_t)l->m;
    if (status != THM_OK || !thm_layer_finite(count, w->F)) {
        return status != THM_OK ? status : THM_EDOMAIN;
    }
    memcpy(F, w->F, count * sizeof *F);
    return THM_OK;
}

thm_status thm_layer_loss(const thm_layer *l, const thm_weights *weights,
                          thm_layer_work *w, double *f)
{
    return thm_layer_gradient(l, weights, w, f, NULL, NULL, NULL);
}
