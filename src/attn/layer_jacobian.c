/* The dense Jacobians of the single-layer model in closed form: see layer.h
 * (paper-notes/song2024.md, "Model"; the paper's J_V, J_Q, J_K).
 *
 * Row (i, k, o), columns (h, a, b).  With u_j = X_j Wv_h Wo_h, the weight
 * e_j = S_kj (u_jo - mean_o), mean_o = sum_j S_kj u_jo where the kernel is
 * normalised and 0 where not, and ds_kj/dq_k = g_j, ds_kj/dk_j = p_j,
 *     softmax   g_j = c k_j,           p_j = c q_k,
 *     gaussian  g_j = 2c (k_j - q_k),  p_j = -g_j:
 *     J_Q = x_ka sum_j e_j g_jb,  J_K = sum_j e_j x_ja p_jb,
 *     J_V = (sum_j S_kj x_ja) Wo_bo. */
#include <string.h>
#include "attn/layer.h"
#include "attn/layer_work.h"

/* One row of S: token k of sample i in head h. */
typedef struct {
    const double *S, *X, *U; /* (n), (n x D), (n x m) */
    const double *q, *K;     /* (d), (n x d)          */
    const double *Wo;        /* (d x m)               */
    int k;
} row;

static row row_at(const thm_layer *l, const thm_layer_work *w, int i, int h,
                  int k)
{
    const size_t n = (size_t)l->n, D = (size_t)l->D, d = (size_t)l->d,
                 m = (size_t)l->m, H = (size_t)l->H, N = (size_t)l->N;
    const size_t at = ((size_t)h * N + (size_t)i) * n;
    return (row){
        .S = w->S + (((size_t)i * H + (size_t)h) * n + (size_t)k) * n,
        .X = l->X + (size_t)i * n * D,
        .U = w->U + at * m,
        .q = w->Q + (at + (size_t)k) * d,
        .K = w->K + at * d,
        .Wo = l->Wo + (size_t)h * d * m,
        .k = k,
    };
}

/* J (D x d) of output o by Wv. */
static void value_row(const thm_layer *l, const row *r, int o, double *J)
{
    for (int a = 0; a < l->D; a++) {
        double mean = 0.0;
        for (int j = 0; j < l->n; j++) {
            mean += r->S[j] * r->X[(size_t)j * (size_t)l->D + (size_t)a];
        }
        for (int b = 0; b < l->d; b++) {
            *J++ = mean * r->Wo[(size_t)b * (size_t)l->m + (size_t)o];
        }
    }
}

/* EG: (n x d) <- e_j ds_kj/dq_k, or e_j ds_kj/dk_j. */
static void weigh(const thm_layer *l, const row *r, int o, bool of_key,
                  double *EG)
{
    const size_t d = (size_t)l->d, m = (size_t)l->m;
    double mean = 0.0;
    for (int j = 0; l->kernel != THM_KERNEL_GAUSSIAN && j < l->n; j++) {
        mean += r->S[j] * r->U[(size_t)j * m + (size_t)o];
    }
    for (int j = 0; j < l->n; j++) {
        const double e =
            l->c * r->S[j] * (r->U[(size_t)j * m + (size_t)o] - mean);
        const double *key = r->K + (size_t)j * d;
        double *out = EG + (size_t)j * d;
        if (l->kernel == THM_KERNEL_SOFTMAX) {
            for (size_t b = 0; b < d; b++) {
                out[b] = e * (of_key ? r->q[b] : key[b]);
            }
        } else {
            const double twice = of_key ? -2.0 * e : 2.0 * e;
            for (size_t b = 0; b < d; b++) {
                out[b] = twice * (key[b] - r->q[b]);
            }
        }
    }
}

/* J (D x d) <- x_k (sum of the rows of EG)'. */
static void query_row(const thm_layer *l, const row *r, double *EG, double *J)
{
    const size_t d = (size_t)l->d, D = (size_t)l->D;
    for (size_t j = 1; j < (size_t)l->n; j++) {
        for (size_t b = 0; b < d; b++) {
            EG[b] += EG[j * d + b];
        }
    }
    const double *x = r->X + (size_t)r->k * D;
    for (size_t a = 0; a < D; a++) {
        for (size_t b = 0; b < d; b++) {
            J[a * d + b] = x[a] * EG[b];
        }
    }
}

thm_status thm_layer_jacobian(const thm_layer *l, const thm_weights *weights,
                              int which, thm_layer_work *w, double *J)
{
    if (which != THM_TRAIN_Q && which != THM_TRAIN_K && which != THM_TRAIN_V) {
        return THM_EDIM;
    }
    const thm_status status = thm_layer_point(l, weights, w);
    if (status != THM_OK) {
        return status;
    }
    const size_t block = (size_t)l->D * (size_t)l->d, ld = (size_t)l->H * block,
                 rows = (size_t)l->N * (size_t)l->n, m = (size_t)l->m;
    double *const EG = w->Q_bar;
    for (size_t t = 0; t < rows; t++) {
        for (int h = 0; h < l->H; h++) {
            const row r = row_at(l, w, (int)(t / (size_t)l->n), h,
                                 (int)(t % (size_t)l->n));
            for (int o = 0; o < l->m; o++) {
                double *out = J + (t * m + (size_t)o) * ld + (size_t)h * block;
                if (which == THM_TRAIN_V) {
                    value_row(l, &r, o, out);
                    continue;
                }
                weigh(l, &r, o, which == THM_TRAIN_K, EG);
                if (which == THM_TRAIN_Q) {
                    query_row(l, &r, EG, out);
                } else {
                    thm_layer_product(w, true, false, l->D, l->d, l->n, 1.0,
                                      r.X, EG, 0.0, out, l->d);
                }
            }
        }
    }
    return thm_layer_finite(rows * m * ld, J) ? THM_OK : THM_EDOMAIN;
}
