/* Multi-head attention and its adjoint: per sample and head h
 *     S = q k',  A = rows(S),  z = A v,
 *     dA = dz v',  dv = A' dz,  dq = dS k - u q,  dk = dS' q - w k,
 * rows() and u, w as in kernels.h. */
#include "vit/model_work.h"

#include <string.h>

enum { PARTS = 3 };

/* (R x 3 H d) to or from three arrays (count x H x T x d). */
static void repack(const VIT *work, bool pack, real *rows,
                   real *const heads[PARTS])
{
    const size_t T = (size_t)work->T, H = (size_t)work->config.heads;
    const size_t d = (size_t)work->config.head_width, n = (size_t)work->count;
    for (size_t s = 0; s < n; s++) {
        for (size_t t = 0; t < T; t++) {
            for (size_t p = 0; p < PARTS; p++) {
                for (size_t h = 0; h < H; h++, rows += d) {
                    real *head = heads[p] + ((s * H + h) * T + t) * d;
                    memcpy(pack ? head : rows, pack ? rows : head,
                           d * sizeof *rows);
                }
            }
        }
    }
}

static void squares(int T, int d, const real *x, real *sums)
{
    for (int t = 0; t < T; t++, x += d) {
        real sum = 0;
        for (int j = 0; j < d; j++) {
            sum += x[j] * x[j];
        }
        sums[t] = sum;
    }
}

/* Where head h of sample s lies: packed, squares, norms and in z. */
typedef struct {
    size_t packed, square, norms, z;
} place;

static place place_of(const VIT *work, int s, int h)
{
    const size_t T = (size_t)work->T, d = (size_t)work->config.head_width;
    const size_t at = (size_t)s * (size_t)work->config.heads + (size_t)h;
    return (place){at * T * d, at * T * T, at * T,
                   (size_t)s * T * (size_t)work->inside + (size_t)h * d};
}

static vit_head head_of(const VIT *work, int l, int h, const place *at,
                        const real *params)
{
    const vit_layer *y = &work->layer[l];
    const real *gain = vit_tensor(params, work->at.block[l].gain);
    const bool norms = y->q2 != NULL;
    return (vit_head){.kind = work->config.attention[l],
                      .causal = work->config.causal,
                      .T = work->T,
                      .scale = (real)work->scale[l],
                      .gain = gain == NULL ? 1 : gain[h],
                      .q2 = norms ? y->q2 + at->norms : NULL,
                      .k2 = norms ? y->k2 + at->norms : NULL};
}

void vit_attention(VIT *work, int l, const real *params)
{
    vit_layer *y = &work->layer[l];
    const int T = work->T, d = work->config.head_width, inside = work->inside;
    repack(work, true, work->qkv, (real *const[]){y->q, y->k, y->v});
    for (int s = 0; s < work->count; s++) {
        for (int h = 0; h < work->config.heads; h++) {
            const place at = place_of(work, s, h);
            const real *q = y->q + at.packed, *k = y->k + at.packed;
            real *S = y->scores + at.square, *A = y->attention + at.square;
            vit_multiply(work, false, true, T, T, d, q, d, k, d, 0, S, T);
            if (y->q2 != NULL) {
                squares(T, d, q, y->q2 + at.norms);
                squares(T, d, k, y->k2 + at.norms);
            }
            const vit_head head = head_of(work, l, h, &at, params);
            work->kernels->attend(&head, S, A);
            vit_multiply(work, false, false, T, d, T, A, T, y->v + at.packed, d,
                         0, y->z + at.z, inside);
        }
    }
}

/* x_t <- x_t - c_t y_t, rows of d */
static void take(int T, int d, const real *c, const real *y, real *x)
{
    for (int t = 0; t < T; t++, x += d, y += d) {
        for (int j = 0; j < d; j++) {
            x[j] -= c[t] * y[j];
        }
    }
}

/* One head: dq, dk, dv (T x d) <- from dz, rows `inside` apart; returns the
 * gradient of its gain. */
static real head_back(VIT *work, int l, int h, const place *at,
                      const real *params, const real *dz, real *dq, real *dk,
                      real *dv)
{
    const vit_layer *y = &work->layer[l];
    const int T = work->T, d = work->config.head_width, inside = work->inside;
    const real *q = y->q + at->packed, *k = y->k + at->packed;
    const real *A = y->attention + at->square;
    real *dS = work->d_scores;
    vit_multiply(work, true, false, T, d, T, A, T, dz, inside, 0, dv, d);
    vit_multiply(work, false, true, T, T, d, dz, inside, y->v + at->packed, d,
                 0, dS, T);
    const vit_head head = head_of(work, l, h, at, params);
    const real gain = work->kernels->attend_back(&head, y->scores + at->square,
                                                 A, dS, work->u, work->w);
    vit_multiply(work, false, false, T, d, T, dS, T, k, d, 0, dq, d);
    vit_multiply(work, true, false, T, d, T, dS, T, q, d, 0, dk, d);
    if (y->q2 != NULL) {
        take(T, d, work->u, q, dq);
        take(T, d, work->w, k, dk);
    }
    return gain;
}

void vit_attention_back(VIT *work, int l, const real *params, real *gradient)
{
    vit_layer *y = &work->layer[l];
    real *d_gain = vit_gradient_of(gradient, work->at.block[l].gain);
    for (int s = 0; s < work->count; s++) {
        for (int h = 0; h < work->config.heads; h++) {
            const place at = place_of(work, s, h);
            const real gain = head_back(work, l, h, &at, params,
                                        work->dz + at.z, y->dq + at.packed,
                                        y->dk + at.packed, y->dv + at.packed);
            if (d_gain != NULL) {
                d_gain[h] += gain;
            }
        }
    }
    repack(work, false, work->qkv, (real *const[]){y->dq, y->dk, y->dv});
}

#if THM_REAL == 32
void thm_vit32_pull(thm_vit32 *work, const float *params, int layer, int sample,
                    const float *dz, float *dq, float *dk, float *dv)
{
    const size_t size = (size_t)work->T * (size_t)work->config.head_width;
    for (int h = 0; h < work->config.heads; h++) {
        const place at = place_of(work, sample, h),
                    first = place_of(work, 0, h);
        const size_t part = (size_t)h * size;
        head_back(work, layer, h, &at, params, dz + first.z, dq + part,
                  dk + part, dv + part);
    }
}
#endif
