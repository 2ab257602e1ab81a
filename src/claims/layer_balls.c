/* Drawn instances in balls: see layer_balls.h. */
#include "claims/layer_balls.h"

#include <stdio.h>
#include <stdlib.h>
#include "claims/ball.h"

static void load(thm_layer_balls *s)
{
    if (s->loaded) {
        thm_ball_layer_clear(&s->b);
    }
    s->loaded = !s->one->absent;
    if (s->loaded) {
        thm_ball_layer_init(&s->b, &s->one->layer, &s->one->weights);
    }
}

static thm_status make(void *ctx, uint64_t seed, int64_t index, void *the_case,
                       char *name)
{
    thm_layer_balls *s = ctx;
    thm_layer_case *c = the_case;
    thm_status status;
    if (s->plan->n == 0) {
        status = thm_layers_make(s->layers, seed, index, c, name);
    } else {
        char text[THM_CASE_NAME];
        const int kind = (int)(index % s->plan->n);
        const thm_layer_spec *spec = &s->plan->specs[kind];
        status = thm_layers_draw(s->layers, spec, seed, index);
        c->kind = kind;
        thm_layer_spec_text(spec, sizeof text, text);
        snprintf(name, THM_CASE_NAME, "%.55s/%lld", text, (long long)index);
    }
    if (status == THM_OK && !c->absent && s->plan->place) {
        s->plan->place(c);
    }
    if (status == THM_OK) {
        load(s);
    }
    return status;
}

thm_status thm_layer_balls_open(const thm_layer_plan *plan, int64_t count,
                                thm_case_source *source, void **ctx)
{
    thm_layer_balls *s = calloc(1, sizeof *s);
    *ctx = s;
    if (!s) {
        return THM_ENOMEM;
    }
    const thm_status status = thm_layers_alloc(NULL, &s->layers);
    if (status != THM_OK) {
        return status;
    }
    s->plan = plan;
    s->one = thm_layers_case(s->layers);
    source->count = count;
    source->make = make;
    source->the_case = s->one;
    source->ctx = s;
    return THM_OK;
}

void thm_layer_balls_close(thm_case_source *source, void *ctx)
{
    thm_layer_balls *s = ctx;
    (void)source;
    if (s) {
        if (s->loaded) {
            thm_ball_layer_clear(&s->b);
        }
        thm_layers_free(s->layers);
        free(s);
    }
    flint_cleanup();
}

thm_ball_layer *thm_layer_balls_fresh(thm_layer_balls *s, bool *applies)
{
    load(s);
    *applies = s->loaded;
    return &s->b;
}

void thm_finding_rank(thm_finding *f, const arb_mat_t A, int rank)
{
    const int count = thm_ball_rank(A);
    f->allowed = 0.5;
    f->evidence = THM_ENCLOSURE;
    if (count >= 0) {
        f->observed = abs(count - rank);
        f->err = 0.0;
    }
}

void thm_finding_full_rank(thm_finding *f, const arb_mat_t J)
{
    arb_t sigma, least;
    arb_init(sigma);
    arb_init(least);
    thm_ball_sigma_min(sigma, J);
    arb_mat_frobenius_norm(least, J, THM_LAYER_BITS);
    arb_t threshold;
    arb_init(threshold);
    arb_set_d(threshold, THM_RANK_SHARE);
    arb_mul(least, least, threshold, THM_LAYER_BITS);
    thm_finding_ball(f, least, sigma, false);
    arb_clear(threshold);
    arb_clear(sigma);
    arb_clear(least);
}

void thm_finding_null(thm_finding *f, const arb_mat_t A, const arb_t scale)
{
    arb_t x;
    arb_init(x);
    arb_mat_frobenius_norm(x, A, THM_LAYER_BITS);
    arb_div(x, x, scale, THM_LAYER_BITS);
    thm_finding_zero(f, x);
    arb_clear(x);
}
