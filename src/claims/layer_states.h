/* Instances of the single-layer model with their ball model: the context that
 * the measures of the claims about gradient descent receive. */
#ifndef THM_LAYER_STATES_H
#define THM_LAYER_STATES_H

#include <stdbool.h>
#include "claims/claim.h"
#include "claims/layer_ball.h"
#include "claims/layers.h"

/* A shape of instance, named for the cases drawn in it. */
typedef struct {
    const char *name;
    thm_layer_spec spec;
} thm_layer_kind;

typedef struct {
    thm_layers *layers;
    const thm_layer_case *one; /* the case at hand                      */
    int kind;                  /* its place among the kinds             */
    thm_ball_layer ball;       /* of the case; none if it is absent     */
    bool loaded;               /* whether there is one                  */
    int n_kinds;
    const thm_layer_kind *kinds;
    void (*place)(thm_layer_case *c, int kind);
} thm_layer_states;

/* Opens a source of count instances, and closes it, also half open.  Case
 * `index` is of kinds[index % n_kinds] (kinds outlive the source), named
 * "flat/softmax/N2/n3/D8/d5/H2/m3/7"; n_kinds = 0: of thm_layers_make.  place,
 * if not NULL, may overwrite the arrays of a drawn instance before its ball
 * model is taken.  THM_ENOMEM. */
thm_status thm_layer_states_open(int n_kinds, const thm_layer_kind *kinds,
                                 void (*place)(thm_layer_case *c, int kind),
                                 int64_t count, thm_case_source *source,
                                 void **ctx);
void thm_layer_states_close(thm_case_source *source, void *ctx);

#endif
