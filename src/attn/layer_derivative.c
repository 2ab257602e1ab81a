/* First and second derivatives of the single-layer model: see layer_work.h.
 *
 * With R = F - Y, per sample and head (paper-notes/song2024.md, "Model"):
 *     S_bar = R U',  E = ds_bar = S o (S_bar - <S, S_bar> 1') where the kernel
 *     is normalised, S o S_bar where not,
 *     softmax:   Q_bar = c E K,  K_bar = c E' Q,
 *     gaussian:  Q_bar_k = -2c sum_j E_kj (q_k - k_j),  K_bar_j = +2c sum_k ...
 *     dWq = X' Q_bar,  dWk = X' K_bar,  dWv = X' (S' R) Wo'.
 * The adjoint of the scores is linear in E and in (Q, K), so that its
 * derivative is the same function twice. */
#include <string.h>
#include "attn/layer.h"
#include "attn/layer_work.h"

static size_t offset(int index, int rows, int columns)
{
    return (size_t)index * (size_t)rows * (size_t)columns;
}

/* s_dot, the derivative of the scores of one sample and head. */
static void scores_tangent(const thm_layer *l, thm_layer_work *w,
                           const double *Q, const double *K,
                           const double *Q_dot, const double *K_dot, double *s)
{
    const int n = l->n, d = l->d;
    if (l->kernel == THM_KERNEL_SOFTMAX) {
        thm_layer_product(w, false, true, n, n, d, l->c, Q_dot, K, 0.0, s, n);
        thm_layer_product(w, false, true, n, n, d, l->c, Q, K_dot, 1.0, s, n);
        return;
    }
    w->kernel->distances_dot(n, d, l->c, Q, K, Q_dot, K_dot, w->room, s);
}

/* Q_bar, K_bar (n x d) += the adjoint of the scores at (Q, K) applied to E. */
static void scores_adjoint(const thm_layer *l, const thm_layer_work *w,
                           const double *Q, const double *K, const double *E,
                           double *Q_bar, double *K_bar)
{
    const int n = l->n, d = l->d;
    if (l->kernel == THM_KERNEL_SOFTMAX) {
        thm_layer_product(w, false, false, n, d, n, l->c, E, K, 1.0, Q_bar, d);
        thm_layer_product(w, true, false, n, d, n, l->c, E, Q, 1.0, K_bar, d);
        return;
    }
    w->kernel->distances_adjoint(n, d, l->c, Q, K, E, Q_bar, K_bar);
}

static double dot(int n, const double *x, const double *y)
{
    double sum = 0.0;
    for (int j = 0; j < n; j++) {
        sum += x[j] * y[j];
    }
    return sum;
}

/* E <- S o (G - <S, G> 1'), the mean only where the kernel is normalised; the
 * same for a direction in the scores.  E may be G. */
static void through_rows(const thm_layer *l, const double *S, const double *G,
                         double *E)
{
    const int n = l->n;
    for (int k = 0; k < n; k++) {
        const double *p = S + offset(k, 1, n), *g = G + offset(k, 1, n);
        const double mean =
            l->kernel == THM_KERNEL_GAUSSIAN ? 0.0 : dot(n, p, g);
        double *e = E + offset(k, 1, n);
        for (int j = 0; j < n; j++) {
            e[j] = p[j] * (g[j] - mean);
        }
    }
}

/* E_dot <- S_dot o (G - mean) + S o (G_dot - mean_dot). */
static void through_rows_dot(const thm_layer *l, const double *S,
                             const double *S_dot, const double *G,
                             const double *G_dot, double *E_dot)
{
    const int n = l->n;
    const bool normalised = l->kernel != THM_KERNEL_GAUSSIAN;
    for (int k = 0; k < n; k++) {
        const size_t row = offset(k, 1, n);
        const double *p = S + row, *pt = S_dot + row, *g = G + row,
                     *gt = G_dot + row;
        const double mean = normalised ? dot(n, p, g) : 0.0;
        const double mean_dot =
            normalised ? dot(n, pt, g) + dot(n, p, gt) : 0.0;
        for (int j = 0; j < n; j++) {
            E_dot[row + (size_t)j] =
                pt[j] * (g[j] - mean) + p[j] * (gt[j] - mean_dot);
        }
    }
}

/* Where sample i and head h begin in (H x T x columns) and (N x H x n x n). */
static size_t token_at(const thm_layer *l, int i, int h, int columns)
{
    return offset(h * l->N + i, l->n, columns);
}

static size_t entry_at(const thm_layer *l, int i, int h)
{
    return offset(i * l->H + h, l->n, l->n);
}

void thm_layer_tangent(const thm_layer *l, thm_layer_work *w, const double *vq,
                       const double *vk, const double *vv)
{
    const size_t projected = offset(l->H * l->N, l->n, l->d) * sizeof(double);
    w->scores_move = vq != NULL || vk != NULL;
    w->values_move = vv != NULL;
    memset(w->F_dot, 0, offset(l->N, l->n, l->m) * sizeof(double));
    if (w->scores_move) {
        memset(w->Q_dot, 0, projected);
        memset(w->K_dot, 0, projected);
        if (vq != NULL) {
            thm_layer_project(l, vq, w, w->Q_dot);
        }
        if (vk != NULL) {
            thm_layer_project(l, vk, w, w->K_dot);
        }
        for (int i = 0; i < l->N; i++) {
            for (int h = 0; h < l->H; h++) {
                const size_t at = token_at(l, i, h, l->d),
                             out = entry_at(l, i, h);
                double *s = w->S_dot + out;
                scores_tangent(l, w, w->Q + at, w->K + at, w->Q_dot + at,
                               w->K_dot + at, s);
                through_rows(l, w->S + out, s, s);
            }
        }
        thm_layer_output(l, w->S_dot, w->U, w, 1.0, w->F_dot);
    }
    if (w->values_move) {
        thm_layer_values(l, vv, w, w->U_dot);
        thm_layer_output(l, w->S, w->U_dot, w, 1.0, w->F_dot);
    }
}

/* dW_h (D x d) <- X' P_bar. */
static void weight_gradient(const thm_layer *l, const thm_layer_work *w, int h,
                            const double *P_bar, double *dW)
{
    if (dW != NULL) {
        thm_layer_product(w, true, false, l->D, l->d, l->N * l->n, 1.0, l->X,
                          P_bar, 0.0, dW + offset(h, l->D, l->d), l->d);
    }
}

/* Z_i <- beta Z_i + S_i' R_i for every sample of head h. */
static void pull_back(const thm_layer *l, const thm_layer_work *w, int h,
                      const double *S, const double *R, double beta, double *Z)
{
    for (int i = 0; i < l->N; i++) {
        const size_t at = offset(i, l->n, l->m);
        thm_layer_product(w, true, false, l->n, l->m, l->n, 1.0,
                          S + entry_at(l, i, h), R + at, beta, Z + at, l->m);
    }
}

/* dWv_h <- X' Z Wo_h'. */
static void value_gradient(const thm_layer *l, thm_layer_work *w, int h,
                           double *dWv)
{
    thm_layer_product(w, true, false, l->D, l->m, l->N * l->n, 1.0, l->X, w->Z,
                      0.0, w->M, l->m);
    thm_layer_product(w, false, true, l->D, l->d, l->m, 1.0, w->M,
                      l->Wo + offset(h, l->d, l->m), 0.0,
                      dWv + offset(h, l->D, l->d), l->d);
}

static void clear_bars(const thm_layer *l, thm_layer_work *w)
{
    const size_t bytes = offset(l->N, l->n, l->d) * sizeof(double);
    memset(w->Q_bar, 0, bytes);
    memset(w->K_bar, 0, bytes);
}

void thm_layer_adjoint(const thm_layer *l, thm_layer_work *w, const double *R,
                       double *dWq, double *dWk, double *dWv)
{
    const int n = l->n, d = l->d, m = l->m;
    for (int h = 0; h < l->H; h++) {
        if (dWv != NULL) {
            pull_back(l, w, h, w->S, R, 0.0, w->Z);
            value_gradient(l, w, h, dWv);
        }
        if (dWq == NULL && dWk == NULL) {
            continue;
        }
        clear_bars(l, w);
        for (int i = 0; i < l->N; i++) {
            const size_t at = token_at(l, i, h, d), out = offset(i, n, d);
            thm_layer_product(w, false, true, n, n, m, 1.0, R + offset(i, n, m),
                              w->U + token_at(l, i, h, m), 0.0, w->E, n);
            through_rows(l, w->S + entry_at(l, i, h), w->E, w->E);
            scores_adjoint(l, w, w->Q + at, w->K + at, w->E, w->Q_bar + out,
                           w->K_bar + out);
        }
        weight_gradient(l, w, h, w->Q_bar, dWq);
        weight_gradient(l, w, h, w->K_bar, dWk);
    }
}

/* Q_bar, K_bar of one sample: the derivative of thm_layer_adjoint's. */
static void sample_dot(const thm_layer *l, thm_layer_work *w, int i, int h)
{
    const int n = l->n, m = l->m;
    const size_t token = token_at(l, i, h, l->d), out = offset(i, n, l->d),
                 value = token_at(l, i, h, m), entry = entry_at(l, i, h),
                 row = offset(i, n, m);
    thm_layer_product(w, false, true, n, n, m, 1.0, w->R + row, w->U + value,
                      0.0, w->G, n);
    thm_layer_product(w, false, true, n, n, m, 1.0, w->F_dot + row,
                      w->U + value, 0.0, w->G_dot, n);
    if (w->values_move) {
        thm_layer_product(w, false, true, n, n, m, 1.0, w->R + row,
                          w->U_dot + value, 1.0, w->G_dot, n);
    }
    if (w->scores_move) {
        through_rows(l, w->S + entry, w->G, w->E);
        scores_adjoint(l, w, w->Q_dot + token, w->K_dot + token, w->E,
                       w->Q_bar + out, w->K_bar + out);
        through_rows_dot(l, w->S + entry, w->S_dot + entry, w->G, w->G_dot,
                         w->E_dot);
    } else {
        through_rows(l, w->S + entry, w->G_dot, w->E_dot);
    }
    scores_adjoint(l, w, w->Q + token, w->K + token, w->E_dot, w->Q_bar + out,
                   w->K_bar + out);
}

void thm_layer_adjoint_dot(const thm_layer *l, thm_layer_work *w, double *dWq,
                           double *dWk, double *dWv)
{
    for (int h = 0; h < l->H; h++) {
        if (dWv != NULL) {
            pull_back(l, w, h, w->S, w->F_dot, 0.0, w->Z);
            if (w->scores_move) {
                pull_back(l, w, h, w->S_dot, w->R, 1.0, w->Z);
            }
            value_gradient(l, w, h, dWv);
        }
        if (dWq == NULL && dWk == NULL) {
            continue;
        }
        clear_bars(l, w);
        for (int i = 0; i < l->N; i++) {
            sample_dot(l, w, i, h);
        }
        weight_gradient(l, w, h, w->Q_bar, dWq);
        weight_gradient(l, w, h, w->K_bar, dWk);
    }
}

thm_status thm_layer_gradient(const thm_layer *l, const thm_weights *weights,
                              thm_layer_work *w, double *f, double *dWq,
                              double *dWk, double *dWv)
{
    double loss;
    if (l->Y == NULL) {
        return THM_EDOMAIN;
    }
    thm_status status = thm_layer_point(l, weights, w);
    if (status == THM_OK) {
        status = thm_layer_residual(l, w, &loss);
    }
    if (status != THM_OK) {
        return status;
    }
    thm_layer_adjoint(l, w, w->R, dWq, dWk, dWv);
    const double *const out[] = {dWq, dWk, dWv};
    for (int k = 0; k < 3; k++) {
        if (out[k] != NULL &&
            !thm_layer_finite(offset(l->H, l->D, l->d), out[k])) {
            return THM_EDOMAIN;
        }
    }
    if (f != NULL) {
        *f = loss;
    }
    return THM_OK;
}
