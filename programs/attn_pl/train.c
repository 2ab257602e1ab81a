/* The run of attn-pl and its trace: see train.h. */
#include "programs/attn_pl/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attn/layer_err.h"
#include "attn/rank.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/tsv.h"
#include "io/tensor.h"
#include "programs/attn_pl/theory.h"
#include "programs/start.h"

enum { COLUMNS = 10 };

typedef struct {
    const train_request *request;
    const thm_instance *instance;
    const thm_layer_problem *problem;
    train_result *result;
    thm_tsv *tsv; /* NULL: no files    */
    double *B;    /* (Nn x HD)         */
    double half;  /* s_B / 2 or more   */
    thm_progress progress;
} training;

/* sigma_min(B) at x, estimated and from below; where B does not move, that of
 * the start stands. */
static thm_status look_at_b(training *t, const thm_pl_state *s, const double *x,
                            double *sigma, double *lower)
{
    const bool moves = train_subset(t->request->choice) != THM_TRAIN_V;
    thm_layer_rank rank;
    if (s->t > 0 && !moves) {
        *sigma = *lower = t->result->sigma;
        return THM_OK;
    }
    const thm_weights w = thm_layer_problem_weights(t->problem, x);
    const thm_status status =
        thm_layer_rank_bnd(&t->instance->layer, w.Wq, w.Wk, t->B, &rank);
    if (status != THM_OK) {
        return status;
    }
    *sigma = rank.sigma.min;
    *lower = rank.bound.lower;
    t->result->sigma = *sigma;
    if (s->t == 0) {
        t->result->sigma0 = *sigma;
        t->half = rank.bound.upper / 2.0;
    }
    return THM_OK;
}

/* Theorem 2 keeps sigma_min(B_t) above half of what it was. */
static void judge_ball(training *t, long step, double sigma, double lower)
{
    const char *theorem = t->result->theory.theorem;
    thm_message name;
    if (!theorem || strcmp(theorem, "2") != 0) {
        return;
    }
    const thm_finding f = {.observed = t->half,
                           .allowed = sigma,
                           .err = sigma - lower,
                           .evidence = THM_BOUNDED};
    thm_fail(THM_OK, &name, "t=%ld", step);
    thm_result_add(&t->result->ball, &f, name.text, 0);
}

static thm_status observe(const thm_pl *pl, void *ctx)
{
    training *t = ctx;
    const thm_pl_state *s = thm_pl_look(pl);
    double sigma, lower;
    thm_progress_update(&t->progress, s->t, t->request->steps);
    if (s->t % t->request->every != 0 && s->t != t->request->steps) {
        return THM_OK;
    }
    const thm_status status = look_at_b(t, s, thm_pl_x(pl), &sigma, &lower);
    if (status != THM_OK) {
        return status;
    }
    judge_ball(t, s->t, sigma, lower);
    if (t->tsv) {
        const double row[COLUMNS] = {
            (double)s->t, s->f,         s->f_err, s->gradient * s->gradient,
            s->ratio,     s->ratio_err, s->eta,   s->path,
            s->distance,  sigma};
        thm_tsv_row(t->tsv, row);
    }
    return THM_OK;
}

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

static thm_status begin_trace(training *t, thm_message *msg)
{
    static const thm_tsv_column columns[COLUMNS] = {
        {"step", "1"},       {"loss", "1"},     {"loss_err", "1"},
        {"|grad|^2", "1"},   {"pl_ratio", "1"}, {"pl_ratio_err", "1"},
        {"eta", "1"},        {"path", "1"},     {"distance", "1"},
        {"sigma_min_b", "1"}};
    const char *out = t->request->out;
    if (!out) {
        return THM_OK;
    }
    thm_status status = thm_dir_make(out, msg);
    if (status != THM_OK) {
        return status;
    }
    char *path = thm_path_join(out, "trace.tsv");
    status =
        path ? thm_tsv_begin(path, COLUMNS, columns, &t->tsv, msg) : THM_ENOMEM;
    free(path);
    return status;
}

static thm_status save_weights(const training *t, const double *x,
                               thm_message *msg)
{
    const thm_layer *l = &t->instance->layer;
    const size_t H = (size_t)l->H, D = (size_t)l->D, d = (size_t)l->d;
    const thm_weights w = thm_layer_problem_weights(t->problem, x);
    const thm_tensor_out out[] = {
        {.name = "Wq", .ndim = 3, .shape = {H, D, d}, .data = w.Wq},
        {.name = "Wk", .ndim = 3, .shape = {H, D, d}, .data = w.Wk},
        {.name = "Wv", .ndim = 3, .shape = {H, D, d}, .data = w.Wv}};
    char *path = thm_path_join(t->request->out, "weights.safetensors");
    const thm_status status =
        path ? thm_tensor_write(path, 3, out, msg) : THM_ENOMEM;
    free(path);
    return status;
}

/* The run and its files.  An interrupted one is kept as far as it came. */
static thm_status descend(training *t, thm_pl *pl, thm_message *msg)
{
    const thm_pl_watch watch = {observe, interrupted, t};
    train_result *r = t->result;
    thm_status status = begin_trace(t, msg);
    if (status != THM_OK) {
        return status;
    }
    t->progress = thm_progress_begin(
        t->request->progress && isatty(STDERR_FILENO) ? stderr : NULL, "steps");
    status = thm_pl_run(pl, t->request->steps, &watch);
    thm_progress_end(&t->progress);
    r->interrupted = status == THM_EINTERRUPTED;
    r->end = *thm_pl_look(pl);
    r->told = *thm_pl_told(pl);
    if (status != THM_OK && !r->interrupted) {
        thm_tsv_abort(t->tsv);
        return status;
    }
    if (!t->tsv) {
        return THM_OK;
    }
    status = thm_tsv_commit(t->tsv, msg);
    return status == THM_OK ? save_weights(t, thm_pl_x(pl), msg) : status;
}

thm_status train_run(const train_request *request, const thm_instance *in,
                     train_result *result, thm_message *msg)
{
    const thm_layer *l = &in->layer;
    const int trained = train_subset(request->choice);
    thm_layer_problem *problem = NULL;
    thm_pl *pl = NULL;
    double *x = NULL;
    training t = {.request = request, .instance = in, .result = result};
    *result = (train_result){.sigma0 = NAN, .sigma = NAN};
    thm_result_init(&result->ball);
    thm_status status =
        thm_layer_problem_alloc(l, &in->weights, trained, &problem);
    if (status != THM_OK) {
        return status;
    }
    const thm_objective *f = thm_layer_objective(problem);
    x = malloc((size_t)f->n * sizeof *x);
    t.B = malloc((size_t)l->N * (size_t)l->n * (size_t)l->H * (size_t)l->D *
                 sizeof *t.B);
    t.problem = problem;
    status = x && t.B ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) {
        thm_layer_problem_start(problem, x);
        status = train_theory_find(request, in, f, x, &result->theory, msg);
    }
    if (status == THM_OK) {
        thm_layer_run run = {l, problem, trained};
        const thm_pl_options options = {.rule = result->theory.rule,
                                        .eta = result->theory.eta,
                                        .f_star = request->f_star,
                                        .mu = result->theory.mu,
                                        .error = thm_layer_error,
                                        .error_ctx = &run};
        status = thm_pl_alloc(f, &options, x, &pl);
        if (status == THM_EDOMAIN) {
            thm_fail(status, msg,
                     "the model: expected a finite loss at the start, found "
                     "an overflow");
        }
        if (status == THM_OK) {
            status = descend(&t, pl, msg);
        }
    }
    thm_pl_free(pl);
    free(x);
    free(t.B);
    thm_layer_problem_free(problem);
    return status;
}

thm_verdict train_verdict(const train_result *r)
{
    const thm_verdict all[] = {r->told.ratio.verdict, r->told.decrease.verdict,
                               r->told.rate.verdict, r->told.path.verdict};
    thm_verdict worst = r->ball.cases > 0 ? r->ball.verdict : THM_HOLDS;
    for (int k = 0; k < 4; k++) {
        if (all[k] == THM_REFUTED ||
            (all[k] != THM_HOLDS && worst != THM_REFUTED)) {
            worst = all[k];
        }
    }
    return worst;
}
