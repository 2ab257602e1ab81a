/* The condition sheets and what their theorems share: see conditions.h. */
#include "attn/conditions_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attn/layer_err.h"

#define U THM_CONDITIONS_U

/* The factor, of the powers of two from 2^-5 to 2^5, whose certificate of
 * sigma_min(B) is the largest. */
static thm_status look_for_scale(thm_sheet *s)
{
    const thm_layer *l = s->layer;
    const size_t count = (size_t)l->H * (size_t)l->D * (size_t)l->d;
    double best = s->rank.bound.lower;
    double *W = malloc(2 * count * sizeof *W);
    double *B = malloc((size_t)l->N * (size_t)l->n * (size_t)l->H *
                       (size_t)l->D * sizeof *B);
    thm_status status = W && B ? THM_OK : THM_ENOMEM;
    s->scale_tried = true;
    for (int e = -5; status == THM_OK && e <= 5; e++) {
        thm_layer_rank rank;
        for (size_t k = 0; k < count; k++) {
            W[k] = ldexp(s->w->Wq[k], e);
            W[count + k] = ldexp(s->w->Wk[k], e);
        }
        const thm_status tried = thm_layer_rank_bnd(l, W, W + count, B, &rank);
        if (tried == THM_OK && rank.bound.lower > best) {
            best = rank.bound.lower;
            s->qk_scale = ldexp(1.0, e);
        }
        /* a scale that overflows or does not converge is none */
        status = tried == THM_ENOMEM ? tried : THM_OK;
    }
    free(W);
    free(B);
    return status;
}

thm_status thm_sheet_repair_scale(thm_sheet *s, thm_condition *row)
{
    switch (s->rank.deficient) {
    case THM_DEFICIENT_NOT:
        break;
    case THM_DEFICIENT_COLUMNS: /* the row on HD says it */
        return THM_OK;
    case THM_DEFICIENT_TWINS:
        thm_sheet_repair(row, NAN, "tell the equal tokens apart");
        return THM_OK;
    case THM_DEFICIENT_FLAT:
        thm_sheet_repair(row, NAN, "draw W_Q and W_K");
        return THM_OK;
    case THM_DEFICIENT_SINGLE:
        thm_sheet_repair(row, s->layer->N, "the gaussian kernel, or D >= %d",
                         s->layer->N);
        return THM_OK;
    }
    if (row->verdict != THM_UNDECIDED) {
        return THM_OK;
    }
    const thm_status status = s->scale_tried ? THM_OK : look_for_scale(s);
    if (status == THM_OK && s->qk_scale > 0.0) {
        thm_sheet_repair(row, s->qk_scale, "scale W_Q and W_K by %g",
                         s->qk_scale);
    }
    return status;
}

void thm_sheet_consequences(thm_sheet *s, double mu, double L, bool estimated,
                            int power)
{
    thm_theorem *t = &s->out->theorems[s->out->n_theorems - 1];
    t->L = L;
    t->L_estimated = estimated;
    if (L > 0.0 && isfinite(L)) {
        t->eta = 1.0 / L;
        t->eta_limit = 2.0 / L;
    }
    if (t->verdict == THM_HOLDS) {
        t->mu = mu;
        t->radius = sqrt(8.0 * s->f0.upper / mu);
        t->iterations =
            ceil(log(s->epsilon) / (power * log1p(-fmin(1.0, mu * t->eta))));
    }
}

/* ---- what the theorems share --------------------------------------------- */

static thm_status start_loss(thm_sheet *s)
{
    const thm_layer *l = s->layer;
    const double count = (double)l->N * l->n * l->m;
    double f, value, slope;
    const thm_status status = thm_layer_loss(l, s->w, s->work, &f);
    if (status != THM_OK) {
        return status;
    }
    thm_layer_error_at(l, s->w, THM_TRAIN_Q, f, &value, &slope);
    const double err =
        sqrt(2.0 * f) * value + value * value / 2.0 + (count + 8.0) * U * f;
    s->f0 = thm_range_about(f, err * (1.0 + 8.0 * U));
    s->out->f0 = f;
    s->out->f0_err = err;
    return THM_OK;
}

static thm_status output_weights(thm_sheet *s)
{
    const thm_layer *l = s->layer;
    const size_t size = (size_t)l->d * (size_t)l->m;
    thm_status status = THM_OK;
    for (int h = 0; status == THM_OK && h < l->H; h++) {
        thm_range min, max;
        status = thm_sheet_sigma(l->d, l->m, l->Wo + (size_t)h * size, l->m,
                                 0.0, &min, &max);
        s->s_o = h == 0 ? min : thm_range_min(s->s_o, min);
    }
    return status;
}

static bool all_finite(size_t count, const double *x)
{
    for (size_t k = 0; k < count; k++) {
        if (!isfinite(x[k])) {
            return false;
        }
    }
    return true;
}

static thm_status check_input(const thm_layer *l, const thm_weights *w,
                              int families, double epsilon)
{
    if (families < 1 || families > 7) {
        return THM_EDIM;
    }
    if (!(epsilon > 0.0 && epsilon < 1.0) || !l->X || !l->Y || !l->Wo ||
        !w->Wq || !w->Wk || !w->Wv) {
        return THM_EDOMAIN;
    }
    const thm_status status = thm_layer_check(l);
    if (status != THM_OK) {
        return status;
    }
    const size_t count = (size_t)l->H * (size_t)l->D * (size_t)l->d;
    return all_finite(count, w->Wq) && all_finite(count, w->Wk) &&
                   all_finite(count, w->Wv)
               ? THM_OK
               : THM_EDOMAIN;
}

static thm_status measure(thm_sheet *s)
{
    const thm_layer *l = s->layer;
    thm_range max;
    thm_status status = thm_layer_work_alloc(l, &s->work);
    if (status == THM_OK) {
        status = start_loss(s);
    }
    if (status == THM_OK) {
        status = output_weights(s);
    }
    if (status == THM_OK) {
        s->B = malloc((size_t)l->N * (size_t)l->n * (size_t)l->H *
                      (size_t)l->D * sizeof *s->B);
        status = s->B
                     ? thm_layer_rank_bnd(l, s->w->Wq, s->w->Wk, s->B, &s->rank)
                     : THM_ENOMEM;
    }
    if (status == THM_OK && isfinite(s->rank.delta)) {
        status = thm_sheet_certified(s->rank.rows, s->rank.columns, s->B,
                                     s->rank.delta, &s->s_b, &max);
    }
    if (status == THM_OK) {
        /* both are proved */
        const thm_sigma_bound *b = &s->rank.bound;
        s->s_b.lower = fmax(s->s_b.lower, b->lower);
        s->s_b.upper = fmin(s->s_b.upper, b->upper);
        if (s->rank.deficient != THM_DEFICIENT_NOT) {
            s->s_b = thm_range_exact(0.0);
        }
    }
    return status;
}

thm_status thm_conditions_check(const thm_layer *layer, const thm_weights *w,
                                int families, double epsilon,
                                thm_conditions *out)
{
    thm_sheet s = {.layer = layer,
                   .w = w,
                   .epsilon = epsilon,
                   .out = out,
                   .s_b = {0.0, NAN, HUGE_VAL},
                   .qk_scale = NAN};
    thm_status status = check_input(layer, w, families, epsilon);
    if (status != THM_OK) {
        return status;
    }
    out->n_rows = out->n_theorems = 0;
    status = measure(&s);
    if (status == THM_OK && families & THM_THEOREM_1) {
        status = thm_sheet_values(&s);
    }
    if (status == THM_OK && families & THM_THEOREM_2) {
        status = thm_sheet_joint(&s);
    }
    if (status == THM_OK && families & THM_THEOREM_3) {
        status = thm_sheet_query(&s);
    }
    thm_layer_work_free(s.work);
    free(s.B);
    return status;
}

const thm_theorem *thm_conditions_theorem(const thm_conditions *c,
                                          const char *name)
{
    for (int k = 0; k < c->n_theorems; k++) {
        if (strcmp(c->theorems[k].theorem, name) == 0) {
            return &c->theorems[k];
        }
    }
    return NULL;
}

thm_verdict thm_conditions_verdict(const thm_conditions *c)
{
    thm_verdict worst = THM_HOLDS, first = THM_REFUTED;
    bool asked = false;
    for (int k = 0; k < c->n_theorems; k++) {
        const thm_theorem *t = &c->theorems[k];
        if (t->theorem[0] == '1') {
            asked = true;
            first = thm_sheet_worse(t->verdict, first) == first ? t->verdict
                                                                : first;
        } else {
            worst = thm_sheet_worse(worst, t->verdict);
        }
    }
    return asked ? thm_sheet_worse(worst, first) : worst;
}
