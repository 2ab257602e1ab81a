/* The loss of value-flow, from files or drawn. */
#include "programs/value_flow/flow.h"

#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "softmax/softmax.h"

enum { STREAM_TARGET = 2 };

/* What each file becomes. */
enum { DATA_TARGET, DATA_MATRIX, DATA_SAMPLES, DATA_LABELS };

/* p*: a distribution up to the rounding of its file's numbers and their sum,
 * which is then divided out. */
static thm_status check_distribution(thm_tensor *t, const char *where,
                                     thm_message *msg)
{
    char place[384];
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (!(t->data[i] >= 0)) {
            thm_tensor_place(t, where, i, place, sizeof place);
            return thm_fail(THM_EFORMAT, msg,
                            "%s: expected a probability, found %.17g", place,
                            t->data[i]);
        }
        sum += t->data[i];
    }
    const double tol = 2 * (double)t->count * t->eps;
    if (!(fabs(sum - 1) <= tol)) {
        thm_tensor_place(t, where, 0, place, sizeof place);
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a distribution (a sum of 1 within %.3g), "
                        "found a sum of %.17g",
                        place, tol, sum);
    }
    for (size_t i = 0; i < t->count; i++) {
        t->data[i] /= sum;
    }
    return THM_OK;
}

/* A unit vector; for cross-entropy a distribution, softmax of a normal one;
 * for quadratic y, normal. */
static thm_status draw_target(flow_problem *f, int count)
{
    const thm_loss_kind loss = (thm_loss_kind)f->request->loss;
    double norm = 0;
    f->drawn = calloc((size_t)count, sizeof *f->drawn);
    if (f->drawn == NULL) {
        return THM_ENOMEM;
    }
    thm_rng rng = thm_rng_make(f->request->common.seed, STREAM_TARGET);
    thm_rng_fill_normal(&rng, count, 1, f->drawn);
    if (loss == THM_LOSS_CROSS_ENTROPY) {
        return thm_softmax(count, f->drawn, 1, f->drawn);
    }
    for (int i = 0; i < count && loss != THM_LOSS_QUADRATIC; i++) {
        norm = hypot(norm, f->drawn[i]);
    }
    for (int i = 0; i < count && norm > 0; i++) {
        f->drawn[i] /= norm;
    }
    return THM_OK;
}

/* --target, of the length that V or X asks for. */
static thm_status read_target(flow_problem *f, int count, const double **target,
                              thm_message *msg)
{
    const flow_request *r = f->request;
    if (r->target == NULL) {
        thm_status status = draw_target(f, count);
        *target = f->drawn;
        return status;
    }
    thm_tensor *t = &f->data[DATA_TARGET];
    thm_status status = thm_tensor_read_vector(
        r->target,
        r->loss == THM_LOSS_QUADRATIC ? "one for each row of --matrix"
                                      : "one for each row of V0",
        t, &count, msg);
    if (status == THM_OK && r->loss == THM_LOSS_CROSS_ENTROPY) {
        status = check_distribution(t, r->target, msg);
    }
    *target = t->data;
    return status;
}

static thm_status read_quadratic(flow_problem *f, thm_message *msg)
{
    int cols = f->d;
    thm_tensor *t = &f->data[DATA_MATRIX];
    thm_status status = thm_tensor_read_matrix(
        f->request->matrix, "columns as rows in V0", t, &f->loss.m, &cols, msg);
    f->loss.X = t->data;
    return status == THM_OK ? read_target(f, f->loss.m, &f->loss.y, msg)
                            : status;
}

static thm_status check_labels(const thm_tensor *t, const char *where,
                               thm_message *msg)
{
    for (size_t i = 0; i < t->count; i++) {
        if (!(fabs(t->data[i]) == 1)) {
            char place[384];
            thm_tensor_place(t, where, i, place, sizeof place);
            return thm_fail(THM_EFORMAT, msg,
                            "%s: expected a label 1 or -1, found %.17g", place,
                            t->data[i]);
        }
    }
    return THM_OK;
}

static thm_status read_samples(flow_problem *f, thm_message *msg)
{
    const flow_request *r = f->request;
    int cols = f->d;
    thm_tensor *x = &f->data[DATA_SAMPLES], *y = &f->data[DATA_LABELS];
    thm_status status = thm_tensor_read_matrix(r->data, "columns as rows in V0",
                                               x, &f->loss.m, &cols, msg);
    if (status == THM_OK) {
        status = thm_tensor_read_vector(r->labels, "one for each row of --data",
                                        y, &f->loss.m, msg);
    }
    if (status == THM_OK) {
        status = check_labels(y, r->labels, msg);
    }
    f->loss.X = x->data;
    f->loss.y = y->data;
    return status;
}

thm_status flow_read_loss(flow_problem *f, thm_message *msg)
{
    const bool samples = f->request->data != NULL;
    f->loss = (thm_loss){.kind = samples ? THM_LOSS_SAMPLES
                                         : (thm_loss_kind)f->request->loss,
                         .d = f->d};
    thm_status status = samples ? read_samples(f, msg)
                        : f->loss.kind == THM_LOSS_QUADRATIC
                            ? read_quadratic(f, msg)
                            : read_target(f, f->d, &f->loss.b, msg);
    if (status == THM_OK) {
        status = thm_loss_check(&f->loss);
        if (status != THM_OK) {
            thm_fail(status, msg, "the loss: %s", thm_status_text(status));
        }
    }
    return status;
}
