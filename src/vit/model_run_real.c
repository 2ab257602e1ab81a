/* A run of the transformer, the checks before it, and what it left. */
#include "vit/model_work.h"

#include <string.h>
#include <tgmath.h>

static thm_status check_loss(const thm_vit_config *c, const thm_vit_loss *loss,
                             thm_message *msg)
{
    if (!(loss->smoothing >= 0 && loss->smoothing <= 1)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "smoothing: expected 0 to 1, found "
                        "%g",
                        loss->smoothing);
    }
    if (!isfinite(loss->weight)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "weight of the loss: expected a number, found %g",
                        loss->weight);
    }
    for (int l = 0; l < c->depth; l++) {
        if (!(loss->scale[l] >= 0 && loss->scale[l] < HUGE_VAL)) {
            return thm_fail(THM_EDOMAIN, msg,
                            "scale[%d]: expected 0 or more, found %g", l,
                            loss->scale[l]);
        }
    }
    return THM_OK;
}

static thm_status check_range(const char *what, size_t count,
                              const int32_t *values, int least, int most,
                              thm_message *msg)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] < least || values[i] > most) {
            return thm_fail(THM_EDOMAIN, msg,
                            "%s %zu: expected %d to %d, found %d", what, i,
                            least, most, (int)values[i]);
        }
    }
    return THM_OK;
}

static thm_status check_weights(size_t count, const float *weights,
                                thm_message *msg)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(weights[i])) {
            return thm_fail(THM_EDOMAIN, msg,
                            "weight %zu: expected a number, found %g", i,
                            (double)weights[i]);
        }
    }
    return THM_OK;
}

static thm_status check_batch(const VIT *work, const thm_vit_batch *batch,
                              thm_message *msg)
{
    const thm_vit_config *c = &work->config;
    const bool words = c->input == THM_VIT_VOCABULARY;
    thm_status status = THM_OK;
    if (batch->count < 1 || batch->count > work->room) {
        return thm_fail(THM_EDIM, msg, "samples: expected 1 to %d, found %d",
                        work->room, batch->count);
    }
    const size_t count = (size_t)batch->count;
    if (words ? batch->ids == NULL : batch->x == NULL) {
        return thm_fail(THM_EDOMAIN, msg, "batch: expected %s, found none",
                        words ? "ids" : "vectors");
    }
    if (words) {
        status = check_range("id", count * (size_t)c->tokens, batch->ids, 0,
                             c->features - 1, msg);
    }
    const size_t rows = count * (size_t)vit_output_rows(c);
    if (status == THM_OK && batch->labels != NULL) {
        status =
            check_range("label", rows, batch->labels, -1, c->outputs - 1, msg);
    }
    if (status == THM_OK && batch->labels != NULL && batch->weights != NULL) {
        status = check_weights(rows, batch->weights, msg);
    }
    return status;
}

thm_status NAMED(run)(VIT *work, const real *params, const thm_vit_batch *batch,
                      const thm_vit_loss *loss, real *gradient,
                      thm_vit_score *score, thm_message *msg)
{
    thm_vit_score found = {0};
    const bool marked = batch->labels != NULL || batch->targets != NULL;
    thm_status status = check_loss(&work->config, loss, msg);
    if (status == THM_OK) {
        status = check_batch(work, batch, msg);
    }
    if (status != THM_OK) {
        return status;
    }
    work->count = batch->count;
    work->failed = THM_OK;
    memcpy(work->scale, loss->scale, sizeof work->scale);
    status = vit_forward(work, params, batch, msg);
    if (status == THM_OK && marked) {
        status = vit_score(work, batch, loss, &found, msg);
    }
    if (status == THM_OK && marked && gradient != NULL) {
        status = vit_backward(work, params, batch, gradient, msg);
    }
    if (status == THM_OK) {
        status = work->failed;
    }
    if (status == THM_OK) {
        *score = found;
    }
    return status;
}

#if THM_REAL == 32
const float *thm_vit32_outputs(const thm_vit32 *work)
{
    return work->outputs;
}

const float *thm_vit32_token_gradient(const thm_vit32 *work, int sample)
{
    return work->dx +
           (size_t)sample * (size_t)work->T * (size_t)work->config.width;
}

void thm_vit32_look(const thm_vit32 *work, int layer, int sample,
                    thm_vit_view *view)
{
    const thm_vit_config *c = &work->config;
    const vit_layer *y = &work->layer[layer];
    const size_t T = (size_t)work->T, s = (size_t)sample;
    const size_t square = s * (size_t)c->heads * T * T;
    const size_t packed = s * (size_t)work->inside * T;
    const size_t row = s * T * (size_t)c->width;
    *view = (thm_vit_view){.scores = y->scores + square,
                           .attention = y->attention + square,
                           .q = y->q + packed,
                           .k = y->k + packed,
                           .v = y->v + packed,
                           .input = work->x[layer] + row,
                           .output = work->x[layer + 1] + row,
                           .normed = y->normed + row,
                           .gradient_q = y->dq + packed,
                           .gradient_k = y->dk + packed,
                           .gradient_v = y->dv + packed};
}
#endif
