/* The toy settings of the authors' figures, drawn bit for bit as their notebook
 * draws them, and what our own runs of them gave (paper-notes/varre2026.md,
 * "Figures").
 *
 * Their generator is NumPy's legacy RandomState: MT19937 seeded with an
 * integer, as gsl_rng_mt19937 is. */
#ifndef THM_SETTINGS_H
#define THM_SETTINGS_H

#include <stdbool.h>
#include <gsl/gsl_rng.h>
#include "flow/value_flow.h"

/* NumPy's legacy draws.  Seeding clears the half of a normal pair kept. */
typedef struct {
    gsl_rng *rng;
    bool kept;
    double normal;
} thm_legacy;

/* seed is not 0, which GSL replaces.  THM_EDOMAIN, THM_ENOMEM. */
thm_status thm_legacy_alloc(unsigned seed, thm_legacy *legacy);
void thm_legacy_free(thm_legacy *legacy);
void thm_legacy_seed(thm_legacy *legacy, unsigned seed);
double thm_legacy_uniform(thm_legacy *legacy); /* [0, 1), 53 bits */
double thm_legacy_normal(thm_legacy *legacy);  /* Marsaglia's polar method */

/* id  figure                        variant
 * A   logistic, d = n = 8           0
 * B   square, d = n = 10            thm_normalisation
 * C   logistic, d = n = 10          thm_normalisation
 * D   tied model, logistic, d = n   n: 10, 20, 50 or 100
 * E   quadratic, d = n = 20         condition number 1 .. 5
 * F   cross-entropy, d = n = 10     0 */
typedef struct {
    char id;
    int variant;
    int d, n;
    thm_normalisation normalisation;
    bool tied; /* D: z = U a, out = U sigma(z), V = U */
    thm_loss loss;
    double step; /* their learning rate                */
    long steps;  /* their iterations                   */
    double *x;   /* (d n + n): V row-major, then a     */
    double *data;
} thm_setting;

/* Draws a setting, which owns what its loss points to.
 * THM_EDOMAIN if id or variant is none of the table; THM_ENOMEM; statuses of
 * thm_svd (E). */
thm_status thm_setting_draw(char id, int variant, thm_setting *setting);
void thm_setting_free(thm_setting *setting);

/* Reference numbers, one a row. */
typedef enum {
    THM_REFERENCE_ENTROPY,
    THM_REFERENCE_P_MAX,
    THM_REFERENCE_LOSS,
    THM_REFERENCE_WINNER, /* index of the largest p, from 0         */
    THM_REFERENCE_COLUMN, /* norm of the winner's column            */
    THM_REFERENCE_OTHERS, /* largest norm of another column: bound  */
} thm_reference_kind;

typedef struct {
    char id;
    int variant;
    bool flow; /* else gradient descent after setting.steps       */
    double t;  /* of the flow; descent: step * steps              */
    thm_reference_kind kind;
    double value, unit; /* as recorded, and one unit of its last digit     */
} thm_reference;

const thm_reference *thm_references(int *count);

#endif
