/* The single-layer model in balls: see layer_ball.h. */
#include "claims/layer_ball.h"

enum { BITS = THM_LAYER_BITS };

/* out: (rows x cols) <- doubles, row-major; zero if x is NULL. */
static void set_rows(arb_mat_t out, const double *x)
{
    const slong rows = arb_mat_nrows(out), cols = arb_mat_ncols(out);
    for (slong r = 0; x != NULL && r < rows; r++) {
        for (slong s = 0; s < cols; s++) {
            arb_set_d(arb_mat_entry(out, r, s), x[r * cols + s]);
        }
    }
}

/* out: (D x Hd) <- x: (H x D x d). */
static void set_heads(arb_mat_t out, const double *x, int H, int D, int d)
{
    for (int h = 0; x != NULL && h < H; h++) {
        for (int r = 0; r < D; r++) {
            for (int s = 0; s < d; s++) {
                arb_set_d(arb_mat_entry(out, r, h * d + s), *x++);
            }
        }
    }
}

void thm_ball_layer_init(thm_ball_layer *b, const thm_layer *layer,
                         const thm_weights *w)
{
    const int tokens = layer->N * layer->n, width = layer->H * layer->d;
    b->N = layer->N;
    b->n = layer->n;
    b->D = layer->D;
    b->d = layer->d;
    b->H = layer->H;
    b->m = layer->m;
    b->kernel = layer->kernel;
    arb_init(b->c);
    arb_mat_init(b->X, tokens, b->D);
    arb_mat_init(b->Y, tokens, b->m);
    arb_mat_init(b->Wq, b->D, width);
    arb_mat_init(b->Wk, b->D, width);
    arb_mat_init(b->Wv, b->D, width);
    arb_mat_init(b->Wo, width, b->m);
    arb_mat_init(b->Q, tokens, width);
    arb_mat_init(b->K, tokens, width);
    arb_mat_init(b->U, tokens, b->H * b->m);
    arb_mat_init(b->S, tokens, b->H * b->n);
    arb_mat_init(b->B, tokens, b->H * b->D);
    arb_mat_init(b->F, tokens, b->m);
    arb_mat_init(b->R, tokens, b->m);
    arb_set_d(b->c, layer->c);
    set_rows(b->X, layer->X);
    set_rows(b->Y, layer->Y);
    set_rows(b->Wo, layer->Wo);
    set_heads(b->Wq, w->Wq, b->H, b->D, b->d);
    set_heads(b->Wk, w->Wk, b->H, b->D, b->d);
    set_heads(b->Wv, w->Wv, b->H, b->D, b->d);
    thm_ball_layer_evaluate(b);
}

void thm_ball_layer_clear(thm_ball_layer *b)
{
    arb_clear(b->c);
    arb_mat_clear(b->X);
    arb_mat_clear(b->Y);
    arb_mat_clear(b->Wq);
    arb_mat_clear(b->Wk);
    arb_mat_clear(b->Wv);
    arb_mat_clear(b->Wo);
    arb_mat_clear(b->Q);
    arb_mat_clear(b->K);
    arb_mat_clear(b->U);
    arb_mat_clear(b->S);
    arb_mat_clear(b->B);
    arb_mat_clear(b->F);
    arb_mat_clear(b->R);
}

/* Row (i, k) of head h: s: (n) <- S_k. */
static void attend(const thm_ball_layer *b, int i, int k, int h, arb_ptr s)
{
    arb_t x, sum;
    arb_init(x);
    arb_init(sum);
    arb_srcptr q = arb_mat_entry(b->Q, i * b->n + k, h * b->d);
    for (int j = 0; j < b->n; j++) {
        arb_srcptr key = arb_mat_entry(b->K, i * b->n + j, h * b->d);
        arb_zero(s + j);
        for (int a = 0; a < b->d; a++) {
            if (b->kernel == THM_KERNEL_SOFTMAX) {
                arb_addmul(s + j, q + a, key + a, BITS);
            } else {
                arb_sub(x, q + a, key + a, BITS);
                arb_submul(s + j, x, x, BITS);
            }
        }
        arb_mul(s + j, s + j, b->c, BITS);
        arb_exp(s + j, s + j, BITS);
        arb_add(sum, sum, s + j, BITS);
    }
    for (int j = 0; b->kernel != THM_KERNEL_GAUSSIAN && j < b->n; j++) {
        arb_div(s + j, s + j, sum, BITS);
    }
    arb_clear(x);
    arb_clear(sum);
}

/* Rows (i, .), columns of head h: out <- S_ih in. */
static void average(const thm_ball_layer *b, int i, int h, const arb_mat_t in,
                    slong first, slong cols, arb_mat_t out, slong to)
{
    for (int k = 0; k < b->n; k++) {
        arb_srcptr s = arb_mat_entry(b->S, i * b->n + k, h * b->n);
        for (slong a = 0; a < cols; a++) {
            arb_ptr y = arb_mat_entry(out, i * b->n + k, to + a);
            for (int j = 0; j < b->n; j++) {
                arb_addmul(y, s + j, arb_mat_entry(in, i * b->n + j, first + a),
                           BITS);
            }
        }
    }
}

void thm_ball_layer_evaluate(thm_ball_layer *b)
{
    arb_mat_t V, wv, wo, u;
    const int tokens = b->N * b->n, width = b->H * b->d;
    arb_mat_init(V, tokens, width);
    arb_mat_mul(b->Q, b->X, b->Wq, BITS);
    arb_mat_mul(b->K, b->X, b->Wk, BITS);
    arb_mat_mul(V, b->X, b->Wv, BITS);
    arb_mat_zero(b->B);
    arb_mat_zero(b->F);
    for (int h = 0; h < b->H; h++) {
        arb_mat_window_init(wv, V, 0, h * b->d, tokens, (h + 1) * b->d);
        arb_mat_window_init(wo, b->Wo, h * b->d, 0, (h + 1) * b->d, b->m);
        arb_mat_window_init(u, b->U, 0, h * b->m, tokens, (h + 1) * b->m);
        arb_mat_mul(u, wv, wo, BITS);
        arb_mat_window_clear(wv);
        arb_mat_window_clear(wo);
        arb_mat_window_clear(u);
        for (int i = 0; i < b->N; i++) {
            for (int k = 0; k < b->n; k++) {
                attend(b, i, k, h, arb_mat_entry(b->S, i * b->n + k, h * b->n));
            }
            average(b, i, h, b->X, 0, b->D, b->B, h * b->D);
            average(b, i, h, b->U, h * b->m, b->m, b->F, 0);
        }
    }
    arb_mat_sub(b->R, b->F, b->Y, BITS);
    arb_mat_clear(V);
}

/* dS_kj/dq = g S_kj (k_j - k0): g = c, k0 the mean key for softmax; g = 2c and
 * k0 = q, or the mean key where rows are divided by their sum, for the others
 */
void thm_ball_layer_slope(const thm_ball_layer *b, int i, int k, int h,
                          arb_mat_t A)
{
    arb_t x;
    arb_ptr k0 = _arb_vec_init(b->d);
    arb_srcptr s = arb_mat_entry(b->S, i * b->n + k, h * b->n);
    arb_init(x);
    for (int a = 0; a < b->d; a++) {
        if (b->kernel == THM_KERNEL_GAUSSIAN) {
            arb_set(k0 + a, arb_mat_entry(b->Q, i * b->n + k, h * b->d + a));
        }
        for (int j = 0; b->kernel != THM_KERNEL_GAUSSIAN && j < b->n; j++) {
            arb_addmul(k0 + a, s + j,
                       arb_mat_entry(b->K, i * b->n + j, h * b->d + a), BITS);
        }
    }
    arb_mat_zero(A);
    for (int j = 0; j < b->n; j++) {
        for (int a = 0; a < b->d; a++) {
            arb_sub(x, arb_mat_entry(b->K, i * b->n + j, h * b->d + a), k0 + a,
                    BITS);
            arb_mul(x, x, s + j, BITS);
            arb_mul(x, x, b->c, BITS);
            for (int o = 0; o < b->m; o++) {
                arb_addmul(arb_mat_entry(A, o, a), x,
                           arb_mat_entry(b->U, i * b->n + j, h * b->m + o),
                           BITS);
            }
        }
    }
    if (b->kernel != THM_KERNEL_SOFTMAX) {
        arb_mat_scalar_mul_2exp_si(A, A, 1);
    }
    arb_clear(x);
    _arb_vec_clear(k0, b->d);
}

void thm_ball_layer_jq(const thm_ball_layer *b, arb_mat_t J)
{
    arb_mat_t A;
    arb_mat_init(A, b->m, b->d);
    for (int row = 0; row < b->N * b->n; row++) {
        for (int h = 0; h < b->H; h++) {
            thm_ball_layer_slope(b, row / b->n, row % b->n, h, A);
            for (int o = 0; o < b->m; o++) {
                for (int e = 0; e < b->D; e++) {
                    for (int a = 0; a < b->d; a++) {
                        arb_mul(arb_mat_entry(J, row * b->m + o,
                                              (h * b->D + e) * b->d + a),
                                arb_mat_entry(A, o, a),
                                arb_mat_entry(b->X, row, e), BITS);
                    }
                }
            }
        }
    }
    arb_mat_clear(A);
}

void thm_ball_layer_jv(const thm_ball_layer *b, arb_mat_t J)
{
    for (int row = 0; row < b->N * b->n; row++) {
        for (int o = 0; o < b->m; o++) {
            for (int e = 0; e < b->H * b->D; e++) {
                for (int a = 0; a < b->d; a++) {
                    arb_mul(arb_mat_entry(J, row * b->m + o, e * b->d + a),
                            arb_mat_entry(b->B, row, e),
                            arb_mat_entry(b->Wo, e / b->D * b->d + a, o), BITS);
                }
            }
        }
    }
}

void thm_ball_layer_loss(const thm_ball_layer *b, arb_t f)
{
    arb_zero(f);
    for (int row = 0; row < b->N * b->n; row++) {
        for (int o = 0; o < b->m; o++) {
            arb_srcptr r = arb_mat_entry(b->R, row, o);
            arb_addmul(f, r, r, BITS);
        }
    }
    arb_mul_2exp_si(f, f, -1);
}
