/* The input of value-flow: nothing is integrated before all of it is known to
 * be good. */
#include "programs/value_flow/flow.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

/* Streams of the draws; the target's is in loss.c. */
enum { STREAM_V = 0, STREAM_A = 1 };

static thm_status refuse(thm_message *msg, const char *expected,
                         const char *found)
{
    return thm_fail(THM_EDOMAIN, msg, "expected %s, found %s; see --help",
                    expected, found);
}

static thm_status check_start(const flow_request *r, thm_message *msg)
{
    if ((r->v0 == NULL) == (r->draw == NULL)) {
        return refuse(msg, "one of --v0 FILE and --draw d,n",
                      r->v0 == NULL ? "none" : "both");
    }
    if (r->draw == NULL && (r->v_scale >= 0 || r->a_scale >= 0)) {
        return refuse(msg, "--draw with --v-scale and --a-scale", "--v0");
    }
    if (r->draw != NULL && r->a0 != NULL) {
        return refuse(msg, "--a0 with --v0", "it with --draw");
    }
    return THM_OK;
}

static thm_status check_loss(const flow_request *r, thm_message *msg)
{
    const bool samples = r->data != NULL || r->labels != NULL;
    if ((r->data == NULL) != (r->labels == NULL)) {
        return refuse(msg, "--data and --labels together",
                      r->data == NULL ? "--labels alone" : "--data alone");
    }
    if (samples && r->loss != THM_LOSS_LOGISTIC) {
        return refuse(msg, "--loss logistic with --data",
                      thm_loss_text((thm_loss_kind)r->loss));
    }
    if (samples && r->target != NULL) {
        return refuse(msg, "one of --target and --data", "both");
    }
    if ((r->loss == THM_LOSS_QUADRATIC) != (r->matrix != NULL)) {
        return r->matrix == NULL
                   ? refuse(msg, "--matrix FILE with --loss quadratic", "none")
                   : refuse(msg, "--loss quadratic with --matrix",
                            thm_loss_text((thm_loss_kind)r->loss));
    }
    if (!samples && r->target == NULL && r->draw == NULL) {
        return refuse(msg, "--target FILE", "none");
    }
    return THM_OK;
}

static thm_status check_run(flow_request *r, thm_message *msg)
{
    const bool scalar = r->data == NULL && (r->loss == THM_LOSS_LOGISTIC ||
                                            r->loss == THM_LOSS_EXPONENTIAL);
    if ((r->t_end > 0) == (r->tau_end > 0)) {
        return refuse(msg, "one of --t-end T and --tau-end TAU",
                      r->t_end > 0 ? "both" : "none");
    }
    if (r->tau_end > 0 && r->time != TIME_TAU) {
        return refuse(msg, "--time tau with --tau-end",
                      r->time == TIME_T ? "--time t" : "--time log");
    }
    if (r->time == TIME_TAU &&
        (!scalar || r->normalisation != THM_NORMALISE_SOFTMAX)) {
        return refuse(
            msg,
            "a logistic or exponential loss of one target and "
            "softmax with --time tau",
            scalar ? thm_normalisation_text((thm_normalisation)r->normalisation)
            : r->data != NULL ? "--data"
                              : thm_loss_text((thm_loss_kind)r->loss));
    }
    if (!(r->rtol >= 1e-13)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--rtol: expected at least 1e-13, which double "
                        "precision can give, found %g",
                        r->rtol);
    }
    if (r->stepper == THM_STEPPER_RK4 && !(r->first_step > 0)) {
        return refuse(msg, "--step H with --stepper rk4, whose step is fixed",
                      "none");
    }
    return THM_OK;
}

static thm_status check_request(const flow_request *r, thm_message *msg)
{
    thm_status status = check_start(r, msg);
    if (status == THM_OK) {
        status = check_loss(r, msg);
    }
    if (status == THM_OK) {
        status = check_run((flow_request *)r, msg);
    }
    return status;
}

static thm_status alloc_start(flow_problem *f, const char *of, thm_message *msg)
{
    /* The limit of thm_value_flow_alloc. */
    if ((int64_t)f->d * f->n + f->n > 1 << 28) {
        return thm_fail(THM_EOVERFLOW, msg,
                        "%s: expected d n + n of at most 2^28, found d = %d, "
                        "n = %d",
                        of, f->d, f->n);
    }
    f->x0 = calloc((size_t)f->d * (size_t)f->n + (size_t)f->n, sizeof *f->x0);
    return f->x0 == NULL ? THM_ENOMEM : THM_OK;
}

/* "d,n". */
static bool parse_shape(const char *text, int *d, int *n)
{
    char first[16];
    const size_t length = strcspn(text, ",");
    if (text[length] != ',' || length >= sizeof first) {
        return false;
    }
    memcpy(first, text, length);
    first[length] = '\0';
    return thm_parse_int(first, d) && thm_parse_int(text + length + 1, n) &&
           *d >= 1 && *n >= 1;
}

static thm_status draw_start(flow_problem *f, thm_message *msg)
{
    const flow_request *r = f->request;
    if (!parse_shape(r->draw, &f->d, &f->n)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--draw: expected two positive integers d,n, found "
                        "'%s'",
                        r->draw);
    }
    thm_status status = alloc_start(f, "--draw", msg);
    if (status == THM_OK) {
        const int64_t size = (int64_t)f->d * f->n;
        thm_rng v = thm_rng_make(r->common.seed, STREAM_V);
        thm_rng a = thm_rng_make(r->common.seed, STREAM_A);
        thm_rng_fill_normal(&v, size, r->v_scale >= 0 ? r->v_scale : 0.1,
                            f->x0);
        thm_rng_fill_normal(&a, f->n, r->a_scale >= 0 ? r->a_scale : 0,
                            f->x0 + size);
    }
    return status;
}

static thm_status read_start(flow_problem *f, thm_message *msg)
{
    const flow_request *r = f->request;
    thm_status status =
        thm_tensor_read_matrix(r->v0, "", &f->v0, &f->d, &f->n, msg);
    if (status == THM_OK && r->a0 != NULL) {
        status = thm_tensor_read_vector(r->a0, "one for each column of V0",
                                        &f->a0, &f->n, msg);
    }
    if (status == THM_OK) {
        status = alloc_start(f, r->v0, msg);
    }
    if (status == THM_OK) {
        memcpy(f->x0, f->v0.data, f->v0.count * sizeof *f->x0);
        if (r->a0 != NULL) {
            memcpy(f->x0 + f->v0.count, f->a0.data,
                   f->a0.count * sizeof *f->x0);
        }
    }
    return status;
}

/* A start at which loss and slope are numbers. */
static thm_status check_slope(const flow_problem *f, thm_message *msg)
{
    const thm_ode ode = thm_value_flow_ode(f->flow);
    thm_value_state state;
    thm_status status = thm_value_flow_look(f->flow, f->x0, &state, NULL, NULL);
    if (status == THM_OK && isfinite(state.loss)) {
        double *slope = malloc((size_t)ode.n * sizeof *slope);
        if (slope == NULL) {
            return THM_ENOMEM;
        }
        status = ode.rhs(0, f->x0, slope, ode.ctx);
        free(slope);
    }
    if (status == THM_ENOMEM) {
        return status;
    }
    if (status != THM_OK || !isfinite(state.loss)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "the start: expected a finite loss and slope%s, found "
                        "none",
                        f->request->normalisation == THM_NORMALISE_SOFTMAX
                            ? ""
                            : " (and logits that can be normalised)");
    }
    return THM_OK;
}

thm_status flow_read(const flow_request *request, flow_problem *problem,
                     thm_message *msg)
{
    *problem = (flow_problem){.request = request};
    thm_status status = check_request(request, msg);
    if (status == THM_OK) {
        status = request->draw != NULL ? draw_start(problem, msg)
                                       : read_start(problem, msg);
    }
    if (status == THM_OK) {
        status = flow_read_loss(problem, msg);
    }
    if (status == THM_OK) {
        status = thm_value_flow_alloc(problem->d, problem->n, &problem->loss,
                                      (thm_normalisation)request->normalisation,
                                      &problem->flow);
    }
    if (status == THM_OK) {
        status = check_slope(problem, msg);
    }
    return status;
}

void flow_free(flow_problem *problem)
{
    thm_value_flow_free(problem->flow);
    thm_tensor_free(&problem->v0);
    thm_tensor_free(&problem->a0);
    for (int i = 0; i < FLOW_TENSORS; i++) {
        thm_tensor_free(&problem->data[i]);
    }
    free(problem->x0);
    free(problem->drawn);
}
