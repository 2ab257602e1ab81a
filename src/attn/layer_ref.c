/* The plain twins of the single-layer model: the formulas of layer.h and
 * layer_derivative.c entry by entry, over dual numbers x + x' eps, eps^2 = 0,
 * whose second part is the derivative along a direction. */
#include <math.h>
#include <stdlib.h>
#include "attn/layer.h"
#include "attn/layer_work.h"

typedef struct {
    double x, dx;
} dual;

static dual add(dual a, dual b)
{
    return (dual){a.x + b.x, a.dx + b.dx};
}

static dual scale(double c, dual a)
{
    return (dual){c * a.x, c * a.dx};
}

static dual minus(dual a, dual b)
{
    return add(a, scale(-1.0, b));
}

static dual mul(dual a, dual b)
{
    return (dual){a.x * b.x, a.x * b.dx + a.dx * b.x};
}

static dual over(dual a, dual b)
{
    const double q = a.x / b.x;
    return (dual){q, (a.dx - q * b.dx) / b.x};
}

static dual exp_of(dual a)
{
    const double e = exp(a.x);
    return (dual){e, e * a.dx};
}

/* A layer, its weights and their direction; one head of one sample. */
typedef struct {
    const thm_layer *l;
    const double *W[3], *V[3]; /* Wq, Wk, Wv; V: NULL for zero */
    dual *F, *g[3];            /* (N n m), (H D d)             */
    dual *q, *k, *u;           /* (n x d), (n x d), (n x m)    */
    dual *S, *E;               /* (n x n)                      */
    dual block[];
} plain;

static plain *plain_alloc(const thm_layer *l, const thm_weights *w,
                          const thm_weights *v)
{
    const size_t n = (size_t)l->n, d = (size_t)l->d, m = (size_t)l->m,
                 F = (size_t)l->N * n * m, g = (size_t)l->H * (size_t)l->D * d;
    plain *p =
        calloc(1, sizeof *p + (F + 3 * g + 2 * n * d + n * m + 2 * n * n) *
                                  sizeof(dual));
    if (p == NULL) {
        return NULL;
    }
    *p = (plain){.l = l, .W = {w->Wq, w->Wk, w->Wv}, .F = p->block};
    if (v != NULL) {
        p->V[0] = v->Wq;
        p->V[1] = v->Wk;
        p->V[2] = v->Wv;
    }
    for (int k = 0; k < 3; k++) {
        p->g[k] = p->F + F + (size_t)k * g;
    }
    p->q = p->g[2] + g;
    p->k = p->q + n * d;
    p->u = p->k + n * d;
    p->S = p->u + n * m;
    p->E = p->S + n * n;
    return p;
}

/* X_ij W_h, entry b */
static dual projected(const plain *p, int which, int i, int h, int j, int b)
{
    const thm_layer *l = p->l;
    const double *x = l->X + (size_t)(i * l->n + j) * (size_t)l->D;
    dual sum = {0.0, 0.0};
    for (int a = 0; a < l->D; a++) {
        const int at = (h * l->D + a) * l->d + b;
        const dual w = {p->W[which][at],
                        p->V[which] == NULL ? 0.0 : p->V[which][at]};
        sum = add(sum, scale(x[a], w));
    }
    return sum;
}

static dual score(const plain *p, int k, int j)
{
    const int d = p->l->d;
    dual sum = {0.0, 0.0};
    for (int b = 0; b < d; b++) {
        const dual q = p->q[k * d + b], key = p->k[j * d + b];
        const dual gap = minus(q, key);
        sum = add(sum, p->l->kernel == THM_KERNEL_SOFTMAX ? mul(q, key)
                                                          : mul(gap, gap));
    }
    return scale(p->l->kernel == THM_KERNEL_SOFTMAX ? p->l->c : -p->l->c, sum);
}

/* Row k of S; false if a score is not finite. */
static bool attend(const plain *p, int k)
{
    const int n = p->l->n;
    const bool normalised = p->l->kernel != THM_KERNEL_GAUSSIAN;
    dual *s = p->S + k * n, sum = {0.0, 0.0}, top = {-HUGE_VAL, 0.0};
    for (int j = 0; j < n; j++) {
        s[j] = score(p, k, j);
        if (!isfinite(s[j].x)) {
            return false;
        }
        top.x = fmax(top.x, s[j].x);
    }
    for (int j = 0; j < n; j++) {
        s[j] = exp_of(normalised ? minus(s[j], top) : s[j]);
        sum = add(sum, s[j]);
    }
    for (int j = 0; normalised && j < n; j++) {
        s[j] = over(s[j], sum);
    }
    return true;
}

/* q, k, u, S of one sample and head. */
static bool look(const plain *p, int i, int h)
{
    const thm_layer *l = p->l;
    bool good = true;
    for (int j = 0; j < l->n; j++) {
        for (int o = 0; o < l->m; o++) {
            p->u[j * l->m + o] = (dual){0.0, 0.0};
        }
        for (int b = 0; b < l->d; b++) {
            const dual v = projected(p, 2, i, h, j, b);
            p->q[j * l->d + b] = projected(p, 0, i, h, j, b);
            p->k[j * l->d + b] = projected(p, 1, i, h, j, b);
            for (int o = 0; l->Wo != NULL && o < l->m; o++) {
                dual *u = p->u + j * l->m + o;
                *u = add(*u, scale(l->Wo[(h * l->d + b) * l->m + o], v));
            }
        }
    }
    for (int k = 0; k < l->n; k++) {
        good = attend(p, k) && good;
    }
    return good;
}

static bool forward(const plain *p)
{
    const thm_layer *l = p->l;
    bool good = true;
    for (int ih = 0; ih < l->N * l->H; ih++) {
        const int i = ih / l->H, h = ih % l->H;
        good = look(p, i, h) && good;
        for (int k = 0; k < l->n; k++) {
            for (int o = 0; o < l->m; o++) {
                dual *F = p->F + (i * l->n + k) * l->m + o;
                for (int j = 0; j < l->n; j++) {
                    *F = add(*F, mul(p->S[k * l->n + j], p->u[j * l->m + o]));
                }
            }
        }
    }
    return good;
}

/* (F - Y)_iko */
static dual residual(const plain *p, int i, int k, int o)
{
    const int at = (i * p->l->n + k) * p->l->m + o;
    return minus(p->F[at], (dual){p->l->Y[at], 0.0});
}

/* g += X_ij' bar, column b of head h */
static void gather(const plain *p, int which, int i, int h, int j, int b,
                   dual bar)
{
    const thm_layer *l = p->l;
    for (int a = 0; a < l->D; a++) {
        dual *g = p->g[which] + (h * l->D + a) * l->d + b;
        *g = add(*g, scale(l->X[(i * l->n + j) * l->D + a], bar));
    }
}

/* The gradient of |R|^2 / 2 through one pair of tokens of one head. */
static void pair_gradient(const plain *p, int i, int h, int k, int j)
{
    const thm_layer *l = p->l;
    const dual e = p->E[k * l->n + j], s = p->S[k * l->n + j];
    for (int b = 0; b < l->d; b++) {
        const dual q = p->q[k * l->d + b], key = p->k[j * l->d + b];
        dual at_q = scale(l->c, key), at_k = scale(l->c, q), bar = {0.0, 0.0};
        if (l->kernel != THM_KERNEL_SOFTMAX) {
            at_k = scale(2.0 * l->c, minus(q, key));
            at_q = scale(-1.0, at_k);
        }
        gather(p, 0, i, h, k, b, mul(e, at_q));
        gather(p, 1, i, h, j, b, mul(e, at_k));
        for (int o = 0; o < l->m; o++) {
            bar = add(bar, scale(l->Wo[(h * l->d + b) * l->m + o],
                                 mul(s, residual(p, i, k, o))));
        }
        gather(p, 2, i, h, j, b, bar);
    }
}

/* E <- dS of the loss, then through the rows. */
static void entries_gradient(const plain *p, int i, int k)
{
    const thm_layer *l = p->l;
    dual *e = p->E + k * l->n, mean = {0.0, 0.0};
    for (int j = 0; j < l->n; j++) {
        e[j] = (dual){0.0, 0.0};
        for (int o = 0; o < l->m; o++) {
            e[j] = add(e[j], mul(residual(p, i, k, o), p->u[j * l->m + o]));
        }
        mean = add(mean, mul(p->S[k * l->n + j], e[j]));
    }
    for (int j = 0; j < l->n; j++) {
        if (l->kernel != THM_KERNEL_GAUSSIAN) {
            e[j] = minus(e[j], mean);
        }
        e[j] = mul(p->S[k * l->n + j], e[j]);
    }
}

static void backward(const plain *p)
{
    const thm_layer *l = p->l;
    for (int ih = 0; ih < l->N * l->H; ih++) {
        const int i = ih / l->H, h = ih % l->H;
        look(p, i, h);
        for (int k = 0; k < l->n; k++) {
            entries_gradient(p, i, k);
            for (int j = 0; j < l->n; j++) {
                pair_gradient(p, i, h, k, j);
            }
        }
    }
}

thm_status thm_layer_forward_ref(const thm_layer *l, const thm_weights *w,
                                 const thm_weights *v, double *F, double *jv)
{
    if (l->Wo == NULL) {
        return THM_EDOMAIN;
    }
    plain *p = plain_alloc(l, w, v);
    if (p == NULL) {
        return THM_ENOMEM;
    }
    const bool good = forward(p);
    for (int k = 0; good && k < l->N * l->n * l->m; k++) {
        F[k] = p->F[k].x;
        if (jv != NULL) {
            jv[k] = p->F[k].dx;
        }
    }
    free(p);
    return good ? THM_OK : THM_EDOMAIN;
}

thm_status thm_layer_b_ref(const thm_layer *l, const double *Wq,
                           const double *Wk, double *B)
{
    /* any Wv will do: B does not ask for it */
    const thm_weights w = {.Wq = Wq, .Wk = Wk, .Wv = Wq};
    plain *p = plain_alloc(l, &w, NULL);
    bool good = true;
    if (p == NULL) {
        return THM_ENOMEM;
    }
    for (int ih = 0; ih < l->N * l->H; ih++) {
        const int i = ih / l->H, h = ih % l->H;
        good = look(p, i, h) && good;
        for (int k = 0; k < l->n; k++) {
            for (int a = 0; a < l->D; a++) {
                double sum = 0.0;
                for (int j = 0; j < l->n; j++) {
                    sum +=
                        p->S[k * l->n + j].x * l->X[(i * l->n + j) * l->D + a];
                }
                B[((i * l->n + k) * l->H + h) * l->D + a] = sum;
            }
        }
    }
    free(p);
    return good ? THM_OK : THM_EDOMAIN;
}

thm_status thm_layer_gradient_ref(const thm_layer *l, const thm_weights *w,
                                  const thm_weights *v, double *g, double *hv)
{
    if (l->Y == NULL || l->Wo == NULL) {
        return THM_EDOMAIN;
    }
    plain *p = plain_alloc(l, w, v);
    if (p == NULL) {
        return THM_ENOMEM;
    }
    const bool good = forward(p);
    if (good) {
        backward(p);
    }
    for (int k = 0; good && k < 3 * l->H * l->D * l->d; k++) {
        g[k] = p->g[0][k].x;
        if (hv != NULL) {
            hv[k] = p->g[0][k].dx;
        }
    }
    free(p);
    return good ? THM_OK : THM_EDOMAIN;
}
