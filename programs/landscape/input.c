/* The input of landscape: nothing is evaluated before all of it is known to be
 * good. */
#include "programs/landscape/landscape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "landscape/slice.h"
#include "programs/start.h"
#include "softmax/pl.h"

enum { MAX_CELLS = 1 << 26, POWER_ITERATIONS = 30 };

static thm_status refuse(thm_message *msg, const char *expected,
                         const char *found)
{
    return thm_fail(THM_EDOMAIN, msg, "expected %s, found %s; see --help",
                    expected, found);
}

static thm_status check_request(const landscape_request *r, thm_message *msg)
{
    if ((r->directions == FROM_FILE) != (r->d1 || r->d2)) {
        return refuse(msg, "--d1 FILE [--d2 FILE] with --directions file",
                      r->directions == FROM_FILE ? "none" : "another source");
    }
    if ((r->directions == FROM_POINTS) != (r->p1 || r->p2)) {
        return refuse(msg, "--p1 FILE [--p2 FILE] with --directions points",
                      r->directions == FROM_POINTS ? "none" : "another source");
    }
    if ((r->d2 && !r->d1) || (r->p2 && !r->p1)) {
        return refuse(msg, r->d2 ? "--d1 with --d2" : "--p1 with --p2",
                      "the second alone");
    }
    if (r->directions == FROM_POINTS && r->normalise > 0 &&
        r->normalise != 1 + (int)THM_SLICE_NONE) {
        return refuse(msg, "--normalise none with --directions points",
                      "another, which would miss the points");
    }
    return THM_OK;
}

/* ---- grid -----------------------------------------------------------------
 */

/* "X" or "X,Y" as texts; false if first has no room. */
static bool split(const char *text, size_t size, char *first,
                  const char **second)
{
    const size_t length = strcspn(text, ",");
    if (length >= size) {
        return false;
    }
    memcpy(first, text, length);
    first[length] = '\0';
    *second = text[length] ? text + length + 1 : NULL;
    return true;
}

static thm_status parse_range(landscape *l, thm_message *msg)
{
    const landscape_request *r = l->request;
    const char *text = r->range, *second;
    char first[64];
    if (!text) {
        text = r->directions == FROM_POINTS ? "-0.5,1.5" : "1";
    }
    bool good = split(text, sizeof first, first, &second);
    if (good && second) {
        good = thm_parse_real(first, &l->lo) && thm_parse_real(second, &l->hi);
    } else if (good) {
        good = thm_parse_real(first, &l->hi);
        l->lo = -l->hi;
    }
    if (!good || !(l->lo < l->hi) || !isfinite(l->lo) || !isfinite(l->hi) ||
        !isfinite(l->hi - l->lo)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--range: expected R > 0, or LO,HI with LO < HI, found "
                        "\"%s\"",
                        text);
    }
    return THM_OK;
}

static thm_status parse_grid(landscape *l, thm_message *msg)
{
    const landscape_request *r = l->request;
    const char *text = r->grid ? r->grid : "51", *second;
    const bool line = (r->directions == FROM_FILE && !r->d2) ||
                      (r->directions == FROM_POINTS && !r->p2);
    char first[16];
    bool good = split(text, sizeof first, first, &second) &&
                thm_parse_int(first, &l->n_a);
    l->n_b = line ? 1 : l->n_a;
    if (good && second) {
        good = thm_parse_int(second, &l->n_b);
    }
    if (!good || l->n_a < 2 || l->n_b < 1 || (line && l->n_b > 1)) {
        return thm_fail(
            THM_EDOMAIN, msg, "--grid: expected G >= 2%s, found \"%s\"",
            line ? " (one direction gives a line)" : ", or G,G2 with G2 >= 1",
            text);
    }
    if ((int64_t)l->n_a * l->n_b > MAX_CELLS) {
        return thm_fail(THM_EOVERFLOW, msg,
                        "--grid: expected at most 2^26 points, found %d x %d",
                        l->n_a, l->n_b);
    }
    l->a = calloc((size_t)l->n_a + (size_t)l->n_b, sizeof *l->a);
    if (!l->a) {
        return THM_ENOMEM;
    }
    l->b = l->a + l->n_a;
    thm_slice_axis(l->lo, l->hi, l->n_a, l->a);
    if (l->n_b > 1) {
        thm_slice_axis(l->lo, l->hi, l->n_b, l->b);
    }
    return THM_OK;
}

/* ---- instance and point ---------------------------------------------------
 */

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

/* Gradient descent with backtracking from p->x, in place. */
static thm_status train(landscape_panel *p, int steps)
{
    const thm_objective *f = thm_layer_objective(p->problem);
    const thm_pl_watch watch = {.interrupted = interrupted};
    thm_pl_options options = {.rule = THM_PL_BACKTRACKING};
    thm_pl *pl = NULL;
    double L = 0.0;
    thm_status status = thm_pl_curvature_est(f, p->x, POWER_ITERATIONS, &L);
    options.eta = L > 0.0 ? 1.0 / L : 1.0;
    if (status == THM_OK) {
        status = thm_pl_alloc(f, &options, p->x, &pl);
    }
    if (status == THM_OK) {
        status = thm_pl_run(pl, steps, &watch);
    }
    if (status == THM_OK) {
        memcpy(p->x, thm_pl_x(pl), (size_t)f->n * sizeof *p->x);
        p->steps = thm_pl_look(pl)->t;
    }
    thm_pl_free(pl);
    return status;
}

static thm_status find_point(landscape *l, landscape_panel *p, thm_message *msg)
{
    p->x = calloc((size_t)l->parameters, sizeof *p->x);
    thm_status status = p->x
                            ? thm_layer_problem_alloc(&p->layer, &l->at.weights,
                                                      l->trained, &p->problem)
                            : THM_ENOMEM;
    if (status != THM_OK) {
        return status;
    }
    const thm_objective *f = thm_layer_objective(p->problem);
    thm_layer_problem_start(p->problem, p->x);
    status = f->value(p->x, &p->f0, f->ctx);
    if (status == THM_EDOMAIN || (status == THM_OK && !isfinite(p->f0))) {
        return thm_fail(THM_EDOMAIN, msg,
                        "the point: expected a finite loss, found an overflow");
    }
    if (status == THM_OK && l->request->steps > 0) {
        status = train(p, l->request->steps);
        if (status == THM_OK) {
            status = f->value(p->x, &p->f0, f->ctx);
        }
    }
    return status;
}

/* ---- directions -----------------------------------------------------------
 */

/* A user's direction or point: as many finite numbers as there are
 * parameters. */
static thm_status read_given(const landscape *l, const char *option,
                             const char *spec, thm_tensor *t, thm_message *msg)
{
    thm_status status = thm_tensor_read(spec, t, msg);
    if (status == THM_OK && t->count != (size_t)l->parameters) {
        const thm_layer *layer = &l->at.layer;
        char weights[32];
        landscape_weights_text(l->trained, sizeof weights, weights);
        return thm_fail(THM_EFORMAT, msg,
                        "%s %s: expected %d numbers (%s, each %d x %d x %d), "
                        "found %zu",
                        option, spec, l->parameters, weights, layer->H,
                        layer->D, layer->d, t->count);
    }
    return status == THM_OK ? thm_tensor_finite(t, spec, false, msg) : status;
}

static thm_status read_directions(landscape *l, thm_message *msg)
{
    const landscape_request *r = l->request;
    const bool points = r->directions == FROM_POINTS;
    const char *const specs[] = {points ? r->p1 : r->d1,
                                 points ? r->p2 : r->d2};
    const char *const options[] = {points ? "--p1" : "--d1",
                                   points ? "--p2" : "--d2"};
    for (int k = 0; k < 2; k++) {
        const thm_status status =
            specs[k] ? read_given(l, options[k], specs[k], &l->given[k], msg)
                     : THM_OK;
        if (status != THM_OK) {
            return status;
        }
    }
    return THM_OK;
}

static thm_status explain(thm_status status, const landscape *l,
                          thm_message *msg)
{
    static const char *const sources[] = {"the random directions", "--d1, --d2",
                                          "the point, --p1, --p2"};
    if (status == THM_ESINGULAR) {
        return thm_fail(
            THM_EDOMAIN, msg, "%s: expected %s, found %s",
            sources[l->request->directions],
            l->n_b > 1 ? "directions that span a plane" : "a direction",
            l->n_b > 1 ? "parallel ones or a zero one" : "a zero one");
    }
    if (status == THM_EDOMAIN) {
        return thm_fail(status, msg,
                        "%s: expected products that do not overflow, found "
                        "some that do",
                        sources[l->request->directions]);
    }
    return status;
}

static thm_status slice(landscape *l, landscape_panel *p, thm_isa isa,
                        thm_message *msg)
{
    const landscape_request *r = l->request;
    const thm_weights at = thm_layer_problem_weights(p->problem, p->x);
    const size_t n = (size_t)l->parameters;
    thm_status status;
    if (r->directions == FROM_RANDOM) {
        status = thm_layer_slice_draw(&p->layer, &at, l->trained, l->norm,
                                      r->direction_seed ? r->direction_seed
                                                        : r->common.seed,
                                      isa, &p->slice);
        return explain(status, l, msg);
    }
    double *d = calloc(n, 2 * sizeof *d);
    if (!d) {
        return THM_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const double origin = r->directions == FROM_POINTS ? p->x[i] : 0.0;
        d[i] = l->given[0].data[i] - origin;
        d[n + i] = l->given[1].data ? l->given[1].data[i] - origin : 0.0;
    }
    status =
        thm_layer_slice_along(&p->layer, &at, l->trained, l->norm, d,
                              l->given[1].data ? d + n : NULL, isa, &p->slice);
    free(d);
    return explain(status, l, msg);
}

thm_status landscape_read(const landscape_request *request, thm_isa isa,
                          landscape *l, thm_message *msg)
{
    static const int trained[] = {THM_TRAIN_V,
                                  THM_TRAIN_Q,
                                  THM_TRAIN_K,
                                  THM_TRAIN_Q | THM_TRAIN_K,
                                  THM_TRAIN_Q | THM_TRAIN_V,
                                  THM_TRAIN_K | THM_TRAIN_V,
                                  THM_TRAIN_Q | THM_TRAIN_K | THM_TRAIN_V};
    const bool both = request->kernel == KERNEL_BOTH;
    *l = (landscape){.request = request,
                     .trained = trained[request->train],
                     .panels = both ? 2 : 1,
                     .norm = request->normalise > 0
                                 ? (thm_slice_norm)(request->normalise - 1)
                             : request->directions == FROM_RANDOM
                                 ? THM_SLICE_FILTER
                                 : THM_SLICE_NONE};
    thm_status status = check_request(request, msg);
    if (status == THM_OK) {
        status = parse_range(l, msg);
    }
    if (status == THM_OK) {
        status = parse_grid(l, msg);
    }
    if (status == THM_OK) {
        status = instance_open(&request->instance, request->common.seed, &l->at,
                               msg);
    }
    if (status == THM_OK) {
        l->parameters = thm_layer_slice_size(&l->at.layer, l->trained);
        status = read_directions(l, msg);
    }
    for (int k = 0; k < l->panels && status == THM_OK; k++) {
        landscape_panel *p = &l->panel[k];
        p->layer = l->at.layer;
        p->layer.kernel = both ? (thm_kernel)k : (thm_kernel)request->kernel;
        status = find_point(l, p, msg);
        if (status == THM_OK) {
            status = slice(l, p, isa, msg);
        }
    }
    return status;
}

void landscape_free(landscape *l)
{
    for (int k = 0; k < LANDSCAPE_KERNELS; k++) {
        thm_layer_slice_free(&l->panel[k].slice);
        thm_layer_problem_free(l->panel[k].problem);
        free(l->panel[k].x);
    }
    for (int k = 0; k < 2; k++) {
        thm_tensor_free(&l->given[k]);
    }
    thm_instance_free(&l->at);
    free(l->a);
    free(l->rows);
}
