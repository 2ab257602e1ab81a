/* The loss of the single-layer model as an objective (softmax/objective.h).
 *
 * The last point is kept, so that a value, a gradient and many Hessian products
 * at one point share a forward pass; stages of weights that are not trained
 * are computed once. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "attn/layer.h"
#include "attn/layer_work.h"

struct thm_layer_problem {
    thm_layer layer;
    thm_weights weights;
    int trained;
    thm_layer_work *work;
    thm_objective objective;
    size_t block; /* H D d: entries of one of the weights */
    bool frozen;  /* the stages without a parameter are in work */
    bool known;   /* everything else in work is that of x       */
    double f;
    double x[];
};

/* How many weights a set of THM_TRAIN_ bits names. */
static int count_of(int set)
{
    return (set & THM_TRAIN_Q ? 1 : 0) + (set & THM_TRAIN_K ? 1 : 0) +
           (set & THM_TRAIN_V ? 1 : 0);
}

/* Where the block of one of the weights begins in a parameter vector; NULL if
 * it is not trained. */
static const double *part(const thm_layer_problem *p, const double *x,
                          int which)
{
    const int before = count_of(p->trained & (which - 1));
    return p->trained & which ? x + (size_t)before * p->block : NULL;
}

static double *part_out(const thm_layer_problem *p, double *x, int which)
{
    const double *from = part(p, x, which);
    return from == NULL ? NULL : x + (from - x);
}

thm_weights thm_layer_problem_weights(const thm_layer_problem *p,
                                      const double *x)
{
    const double *q = part(p, x, THM_TRAIN_Q), *k = part(p, x, THM_TRAIN_K),
                 *v = part(p, x, THM_TRAIN_V);
    return (thm_weights){.Wq = q != NULL ? q : p->weights.Wq,
                         .Wk = k != NULL ? k : p->weights.Wk,
                         .Wv = v != NULL ? v : p->weights.Wv};
}

void thm_layer_problem_start(const thm_layer_problem *p, double *x)
{
    const struct {
        int which;
        const double *from;
    } parts[] = {{THM_TRAIN_Q, p->weights.Wq},
                 {THM_TRAIN_K, p->weights.Wk},
                 {THM_TRAIN_V, p->weights.Wv}};
    for (int k = 0; k < 3; k++) {
        double *to = part_out(p, x, parts[k].which);
        if (to != NULL) {
            memcpy(to, parts[k].from, p->block * sizeof *to);
        }
    }
}

/* Everything in work at x, F, R and f included. */
static thm_status look_at(thm_layer_problem *p, const double *x)
{
    const thm_layer *l = &p->layer;
    thm_layer_work *w = p->work;
    const size_t bytes = (size_t)p->objective.n * sizeof *x;
    if (p->known && memcmp(p->x, x, bytes) == 0) {
        return THM_OK;
    }
    p->known = false;
    memcpy(p->x, x, bytes);
    const thm_weights at = thm_layer_problem_weights(p, p->x);
    if (p->trained & THM_TRAIN_Q || !p->frozen) {
        thm_layer_project(l, at.Wq, w, w->Q);
    }
    if (p->trained & THM_TRAIN_K || !p->frozen) {
        thm_layer_project(l, at.Wk, w, w->K);
    }
    thm_status status = THM_OK;
    if (p->trained & (THM_TRAIN_Q | THM_TRAIN_K) || !p->frozen) {
        status = thm_layer_scores(l, w, w->S, NULL);
    }
    if (p->trained & THM_TRAIN_V || !p->frozen) {
        thm_layer_values(l, at.Wv, w, w->U);
    }
    if (status != THM_OK) {
        return status;
    }
    p->frozen = true;
    thm_layer_output(l, w->S, w->U, w, 0.0, w->F);
    status = thm_layer_residual(l, w, &p->f);
    p->known = status == THM_OK;
    return status;
}

static thm_status check(size_t count, const double *x)
{
    return thm_layer_finite(count, x) ? THM_OK : THM_EDOMAIN;
}

static thm_status value(const double *x, double *f, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = look_at(p, x);
    if (status == THM_OK) {
        *f = p->f;
    }
    return status;
}

static thm_status residual(const double *x, double *r, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = look_at(p, x);
    if (status == THM_OK) {
        memcpy(r, p->work->R, (size_t)p->objective.m * sizeof *r);
    }
    return status;
}

static thm_status vjp(const double *x, const double *u, double *jtu, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = look_at(p, x);
    if (status != THM_OK) {
        return status;
    }
    thm_layer_adjoint(&p->layer, p->work, u, part_out(p, jtu, THM_TRAIN_Q),
                      part_out(p, jtu, THM_TRAIN_K),
                      part_out(p, jtu, THM_TRAIN_V));
    return check((size_t)p->objective.n, jtu);
}

static thm_status gradient(const double *x, double *g, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = look_at(p, x);
    return status == THM_OK ? vjp(x, p->work->R, g, ctx) : status;
}

static thm_status tangent(thm_layer_problem *p, const double *x,
                          const double *v)
{
    const thm_status status = look_at(p, x);
    if (status == THM_OK) {
        thm_layer_tangent(&p->layer, p->work, part(p, v, THM_TRAIN_Q),
                          part(p, v, THM_TRAIN_K), part(p, v, THM_TRAIN_V));
    }
    return status;
}

static thm_status jvp(const double *x, const double *v, double *jv, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = tangent(p, x, v);
    if (status != THM_OK) {
        return status;
    }
    memcpy(jv, p->work->F_dot, (size_t)p->objective.m * sizeof *jv);
    return check((size_t)p->objective.m, jv);
}

static thm_status hvp(const double *x, const double *v, double *hv, void *ctx)
{
    thm_layer_problem *p = ctx;
    const thm_status status = tangent(p, x, v);
    if (status != THM_OK) {
        return status;
    }
    thm_layer_adjoint_dot(&p->layer, p->work, part_out(p, hv, THM_TRAIN_Q),
                          part_out(p, hv, THM_TRAIN_K),
                          part_out(p, hv, THM_TRAIN_V));
    return check((size_t)p->objective.n, hv);
}

thm_status thm_layer_problem_alloc(const thm_layer *layer,
                                   const thm_weights *weights, int trained,
                                   thm_layer_problem **out)
{
    thm_layer_work *work = NULL;
    if (trained < 1 || trained > (THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V)) {
        return THM_EDIM;
    }
    thm_status status = thm_layer_work_alloc(layer, &work);
    if (status != THM_OK) {
        return status;
    }
    const int block = layer->H * layer->D * layer->d, count = count_of(trained);
    thm_layer_problem *p = NULL;
    if ((double)block * count > INT_MAX) {
        status = THM_EOVERFLOW;
    } else if (layer->Y == NULL || layer->Wo == NULL) {
        status = THM_EDOMAIN;
    } else {
        p = calloc(1, sizeof *p + (size_t)(block * count) * sizeof *p->x);
        status = p == NULL ? THM_ENOMEM : THM_OK;
    }
    if (status != THM_OK) {
        thm_layer_work_free(work);
        return status;
    }
    p->layer = *layer;
    p->weights = *weights;
    p->trained = trained;
    p->work = work;
    p->block = (size_t)block;
    p->objective = (thm_objective){.n = block * count,
                                   .ctx = p,
                                   .value = value,
                                   .gradient = gradient,
                                   .hvp = hvp,
                                   .m = layer->N * layer->n * layer->m,
                                   .residual = residual,
                                   .jvp = jvp,
                                   .vjp = vjp};
    *out = p;
    return THM_OK;
}

void thm_layer_problem_free(thm_layer_problem *p)
{
    if (p != NULL) {
        thm_layer_work_free(p->work);
        free(p);
    }
}

const thm_objective *thm_layer_objective(const thm_layer_problem *p)
{
    return &p->objective;
}
