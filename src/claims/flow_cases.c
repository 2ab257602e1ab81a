/* The states of the value-softmax flow: see flow_cases.h. */
#include "claims/flow_cases.h"

#include <math.h>
#include <stdio.h>
#include "core/verdict.h"

static const int any_shapes[][3] = {{1, 3, 0}, {4, 6, 0},  {3, 2, 0},
                                    {2, 9, 0}, {4, 12, 0}, {1, 2, 0}};
static const int pair_shapes[][3] = {{1, 2, 0}, {4, 2, 0}, {2, 2, 0}};
static const int group_shapes[][3] = {{2, 5, 1}, {4, 5, 2}, {3, 8, 3}};

#define SHAPES(list) sizeof(list) / sizeof *(list), list

const thm_flow_source thm_flow_any = {
    SHAPES(any_shapes), {1.0, 0.1, 3.0}, {1.0, 0.0, 6.0}};
const thm_flow_source thm_flow_pairs = {
    SHAPES(pair_shapes), {1.0, 0.1, 2.0}, {1.0, 0.3, 2.0}};
const thm_flow_source thm_flow_groups = {
    SHAPES(group_shapes), {1.0, 0.1, 2.0}, {1.0, 0.3, 2.0}};

static const thm_loss_kind kinds[] = {
    THM_LOSS_LOGISTIC, THM_LOSS_SQUARE, THM_LOSS_QUADRATIC,
    THM_LOSS_CROSS_ENTROPY, THM_LOSS_EXPONENTIAL};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Shares that add up to 1 but for rounding. */
static void draw_distribution(thm_rng *rng, int d, double *share)
{
    double sum = 0.0;
    for (int r = 0; r < d; r++) {
        share[r] = -log(thm_rng_uniform(rng));
        sum += share[r];
    }
    for (int r = 0; r < d; r++) {
        share[r] /= sum;
    }
}

static void draw_loss(thm_flow_case *c, thm_loss_kind kind)
{
    c->loss = (thm_loss){.kind = kind, .d = c->d};
    switch (kind) {
    case THM_LOSS_QUADRATIC:
        c->loss.m = THM_FLOW_ROWS;
        c->loss.X = c->X;
        c->loss.y = c->y;
        thm_rng_fill_normal(&c->rng, THM_FLOW_ROWS * c->d, 0.5, c->X);
        thm_rng_fill_normal(&c->rng, THM_FLOW_ROWS, 1.0, c->y);
        break;
    case THM_LOSS_CROSS_ENTROPY:
        c->loss.b = c->b;
        draw_distribution(&c->rng, c->d, c->b);
        break;
    default:
        c->loss.b = c->b;
        thm_rng_fill_normal(&c->rng, c->d, 1.0, c->b);
        break;
    }
}

/* Tokens of a group take the values of its first. */
static void tie(thm_flow_case *c)
{
    for (int r = 0; r <= c->d; r++) { /* row d is a */
        double *row = c->x + r * c->n;
        for (int i = 0; i < c->n; i++) {
            row[i] = row[i < c->k ? 0 : c->k];
        }
    }
}

thm_status thm_flow_make(const thm_flow_source *s, uint64_t seed, int64_t index,
                         thm_flow_case *c, char *name)
{
    const int64_t turn = index / KINDS;
    const int64_t round = turn / s->n_shapes;
    const int *shape = s->shapes[turn % s->n_shapes];
    c->rng = thm_rng_make(seed, (uint64_t)index);
    c->d = shape[0];
    c->n = shape[1];
    c->k = shape[2];
    const thm_loss_kind kind = kinds[index % KINDS];
    if (kind == THM_LOSS_CROSS_ENTROPY && c->d == 1) {
        c->d = 2; /* one class is always right: nothing would move */
    }
    draw_loss(c, kind);
    thm_rng_fill_normal(&c->rng, c->d * c->n, s->v_scale[round % 3], c->x);
    thm_rng_fill_normal(&c->rng, c->n, s->a_scale[round / 3 % 3],
                        c->x + c->d * c->n);
    if (c->k > 0) {
        tie(c);
    }
    snprintf(name, THM_CASE_NAME, "%s/d%dn%d/%lld", thm_loss_text(kind), c->d,
             c->n, (long long)index);
    return THM_OK;
}
