/* Levenberg-Marquardt on one query: see race.h. */
#include "programs/kernel_race/race.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const thm_layer *layer;
    const double *y;
    double *Wq; /* row 0 is set from the point */
    const thm_weights *weights;
    thm_layer_work *work;
    double *F, *J; /* (n x m), (n m x n d) */
} lm_problem;

static void set_query(const lm_problem *p, const gsl_vector *x)
{
    for (int b = 0; b < p->layer->d; b++) {
        p->Wq[b] = gsl_vector_get(x, (size_t)b);
    }
}

/* GSL wants as many residuals as unknowns: the rest are 0. */
static int residuals(const gsl_vector *x, void *ctx, gsl_vector *r)
{
    const lm_problem *p = ctx;
    set_query(p, x);
    if (thm_layer_forward(p->layer, p->weights, p->work, p->F) != THM_OK) {
        return GSL_EDOM;
    }
    gsl_vector_set_zero(r);
    for (int a = 0; a < p->layer->m; a++) {
        gsl_vector_set(r, (size_t)a, p->F[a] - p->y[a]);
    }
    return GSL_SUCCESS;
}

/* The first m rows and d columns: row 0 of F by row 0 of W_Q. */
static int jacobian(const gsl_vector *x, void *ctx, gsl_matrix *out)
{
    const lm_problem *p = ctx;
    const thm_layer *l = p->layer;
    set_query(p, x);
    if (thm_layer_jacobian(l, p->weights, THM_TRAIN_Q, p->work, p->J) !=
        THM_OK) {
        return GSL_EDOM;
    }
    gsl_matrix_set_zero(out);
    for (int a = 0; a < l->m; a++) {
        for (int b = 0; b < l->d; b++) {
            gsl_matrix_set(out, (size_t)a, (size_t)b,
                           p->J[a * l->n * l->d + b]);
        }
    }
    return GSL_SUCCESS;
}

static double half_square(const gsl_multifit_nlinear_workspace *w)
{
    const double norm = gsl_blas_dnrm2(gsl_multifit_nlinear_residual(w));
    return norm * norm / 2;
}

thm_status race_lm(const thm_layer *l, const double *y, double *Wq,
                   const thm_weights *weights, thm_layer_work *work, int steps,
                   double goal, double *f)
{
    const size_t d = (size_t)l->d, m = (size_t)l->m, n = (size_t)l->n,
                 rows = m > d ? m : d;
    const gsl_multifit_nlinear_parameters params =
        gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_workspace *w = gsl_multifit_nlinear_alloc(
        gsl_multifit_nlinear_trust, &params, rows, d);
    double *room = calloc(n * m + n * m * n * d, sizeof *room);
    if (!w || !room) {
        gsl_multifit_nlinear_free(w);
        free(room);
        return THM_ENOMEM;
    }
    lm_problem p = {l, y, Wq, weights, work, room, room + n * m};
    gsl_multifit_nlinear_fdf fdf = {
        .f = residuals, .df = jacobian, .n = rows, .p = d, .params = &p};
    /* a copy: the callbacks write where the start stands */
    double x[RACE_SIZE];
    memcpy(x, Wq, d * sizeof *x);
    const gsl_vector_view start = gsl_vector_view_array(x, d);
    const thm_status status =
        gsl_multifit_nlinear_init(&start.vector, &fdf, w) == GSL_SUCCESS
            ? THM_OK
            : THM_EDOMAIN;
    if (status == THM_OK) {
        *f = half_square(w);
        for (int t = 0; t < steps && !(*f <= goal); t++) {
            if (gsl_multifit_nlinear_iterate(w) != GSL_SUCCESS) {
                break;
            }
            *f = half_square(w);
        }
    }
    free(room);
    gsl_multifit_nlinear_free(w);
    return status;
}
