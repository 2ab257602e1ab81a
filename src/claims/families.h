/* The kinds of values that rows are drawn from (claims/logits.h): Gaussian,
 * heavy-tailed, tied, ... logits; dense, sparse, uniform, ... probabilities;
 * and the edges, which are the same under every seed. */
#ifndef THM_FAMILIES_H
#define THM_FAMILIES_H

#include <stdbool.h>
#include "core/rng.h"

enum {
    THM_LOGIT_FAMILIES = 14,
    THM_PROBS_FAMILIES = 10,
    THM_LOGIT_EDGES = 12,
    THM_PROBS_EDGES = 9
};

/* Fills n values with a parameter of its own.  Without fill: an edge, or, of
 * logits, an image cut into patches of par x par pixels. */
typedef struct {
    const char *name;
    void (*fill)(thm_rng *rng, int n, double par, double *value);
    double par;
    bool masks; /* among the probabilities: logits, some of them -inf */
} thm_family;

typedef struct {
    const char *name;
    int n;
    double value[8];
} thm_edge;

extern const thm_family thm_logit_families[THM_LOGIT_FAMILIES];
extern const thm_family thm_probs_families[THM_PROBS_FAMILIES];
extern const thm_edge thm_logit_edges[THM_LOGIT_EDGES];
extern const thm_edge thm_probs_edges[THM_PROBS_EDGES];

#endif
