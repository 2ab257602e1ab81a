/* One training: see threshold.h. */
#include "programs/threshold/threshold.h"

#include <math.h>
#include <stdlib.h>
#include "attn/rank.h"
#include "programs/start.h"
#include "sweep/train.h"

static thm_status rank_of(const thm_instance *in, double *row)
{
    const thm_layer *l = &in->layer;
    thm_layer_rank rank;
    double *B =
        calloc((size_t)(l->N * l->n) * (size_t)(l->H * l->D), sizeof *B);
    thm_status status = B ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_layer_rank_bnd(l, in->Wq, in->Wk, B, &rank);
    }
    if (status == THM_OK) {
        row[TRAINED_SIGMA] = rank.sigma.min;
        row[TRAINED_LOWER] = rank.bound.lower;
    }
    free(B);
    return status;
}

static bool stop(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

thm_status threshold_train_one(const threshold_plan *plan,
                               const threshold_cell *cell, int index,
                               double *row, thm_message *msg)
{
    static const int trained[] = {THM_TRAIN_V, THM_TRAIN_Q,
                                  THM_TRAIN_Q | THM_TRAIN_K,
                                  THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V};
    thm_instance_plan draw = thm_instance_plan_default();
    thm_instance in = {0};
    thm_layer_work *work = NULL;
    thm_trained end;
    double eta = 0;
    draw.N = plan->N;
    draw.n = plan->n;
    draw.D = cell->D;
    draw.d = plan->d;
    draw.H = plan->H;
    draw.m = plan->m;
    draw.kernel = (thm_kernel)cell->kernel;
    draw.c = plan->c;
    draw.scheme = (thm_scheme)cell->scheme;
    draw.s = cell->scale;
    draw.images = plan->images;
    draw.seed = plan->seed;
    draw.index = (uint64_t)index;
    thm_status status = thm_instance_draw(&draw, &in, msg);
    if (status == THM_OK) {
        status = thm_layer_work_alloc(&in.layer, &work);
    }
    if (status == THM_OK) {
        status = rank_of(&in, row);
    }
    if (status == THM_OK) {
        status = thm_layer_loss(&in.layer, &in.weights, work, &row[TRAINED_F0]);
    }
    if (status == THM_OK) {
        row[TRAINED_FLOOR] = row[TRAINED_NEEDED] = NAN;
        status = plan->train == TRAIN_V
                     ? threshold_values(plan, &in, work, row, &eta)
                     : THM_OK;
    }
    if (status == THM_OK) {
        const double floor = isnan(row[TRAINED_FLOOR]) ? 0 : row[TRAINED_FLOOR];
        const thm_train_options how = {.trained = trained[plan->train],
                                       .eta = eta,
                                       .goal = floor + THRESHOLD_TOLERANCE *
                                                           row[TRAINED_F0],
                                       .steps = plan->steps,
                                       .stop = stop};
        status = thm_train(&in.layer, &in.weights, &how, work, NULL, &end);
    }
    if (status == THM_OK) {
        row[TRAINED_F] = end.f;
        row[TRAINED_STEPS] = end.steps;
    }
    thm_layer_work_free(work);
    thm_instance_free(&in);
    return status;
}
