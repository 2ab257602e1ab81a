/* Instances and their ball models, case by case: see layer_states.h. */
#include "claims/layer_states.h"

#include <stdio.h>
#include <stdlib.h>

static void forget(thm_layer_states *s)
{
    if (s->loaded) {
        thm_ball_layer_clear(&s->ball);
        s->loaded = false;
    }
}

static thm_status make(void *ctx, uint64_t seed, int64_t index, void *the_case,
                       char *name)
{
    thm_layer_states *s = ctx;
    thm_layer_case *c = the_case;
    thm_status status = THM_OK;
    forget(s);
    if (s->n_kinds == 0) {
        s->kind = (int)(index % THM_LAYERS_FAMILIES);
        status = thm_layers_make(s->layers, seed, index, c, name);
    } else {
        char text[48];
        s->kind = (int)(index % s->n_kinds);
        const thm_layer_kind *kind = &s->kinds[s->kind];
        status = thm_layers_draw(s->layers, &kind->spec, seed, index);
        thm_layer_spec_text(&kind->spec, sizeof text, text);
        snprintf(name, THM_CASE_NAME, "%.10s/%s/%lld", kind->name, text,
                 (long long)index);
    }
    if (status == THM_OK && !c->absent) {
        if (s->place) {
            s->place(c, s->kind);
        }
        thm_ball_layer_init(&s->ball, &c->layer, &c->weights);
        s->loaded = true;
    }
    return status;
}

thm_status thm_layer_states_open(int n_kinds, const thm_layer_kind *kinds,
                                 void (*place)(thm_layer_case *c, int kind),
                                 int64_t count, thm_case_source *source,
                                 void **ctx)
{
    thm_layer_states *s = calloc(1, sizeof *s);
    *ctx = s;
    if (!s) {
        return THM_ENOMEM;
    }
    s->n_kinds = n_kinds;
    s->kinds = kinds;
    s->place = place;
    const thm_status status = thm_layers_alloc(NULL, &s->layers);
    if (status == THM_OK) {
        s->one = thm_layers_case(s->layers);
        source->ctx = s;
        source->the_case = thm_layers_case(s->layers);
        source->make = make;
        source->count = count;
    }
    return status;
}

void thm_layer_states_close(thm_case_source *source, void *ctx)
{
    thm_layer_states *s = ctx;
    (void)source;
    if (s) {
        forget(s);
        thm_layers_free(s->layers);
        free(s);
        flint_cleanup();
    }
}
