/* The Polyak-Lojasiewicz ratio |grad f|^2 / (2 f) along gradient descent on
 * single-layer attention, where W_V and where W_Q is trained, softmax and
 * Gaussian kernel, beside mu = sigma_min(J)^2 at the start, counted with
 * dimension: for W_V, where J is constant, a bound at every point (claim G5);
 * for W_Q the bound at the start.
 *
 * Where W_Q is trained, the targets are what a Gaussian teacher near the start
 * puts out: the Gaussian kernel can attain them, softmax cannot leave the hull
 * of its values (claims G15, G19, G20).
 *
 * One draw; runs 0 to 3: W_V with softmax and Gaussian, then W_Q. */
#include <math.h>
#include <stdlib.h>

#include "attn/instance.h"
#include "core/rng.h"
#include "experiments/experiment.h"
#include "la/svd.h"
#include "programs/start.h"
#include "softmax/pl.h"

enum { RUNS = 4, STEPS = 30000, COLUMNS = 5, LANDMARKS = 30 };

static const struct {
    thm_kernel kernel;
    int trained;
} runs[RUNS] = {{THM_KERNEL_SOFTMAX, THM_TRAIN_V},
                {THM_KERNEL_GAUSSIAN, THM_TRAIN_V},
                {THM_KERNEL_SOFTMAX, THM_TRAIN_Q},
                {THM_KERNEL_GAUSSIAN, THM_TRAIN_Q}};

static const thm_tsv_column columns[COLUMNS] = {
    {"run", "1"}, {"step", "1"}, {"f", "1"}, {"ratio", "1"}, {"mu", "1"}};

typedef struct {
    thm_tsv *tsv;
    int run;
    double mu;
    long next; /* step to be written */
} recorder;

/* Steps at equal distances of their logarithm, the first few all. */
static thm_status record(const thm_pl *pl, void *ctx)
{
    recorder *r = ctx;
    const thm_pl_state *s = thm_pl_look(pl);
    if (s->t >= r->next || s->ending != THM_PL_RUNNING) {
        const double row[COLUMNS] = {r->run, (double)s->t, s->f, s->ratio,
                                     r->mu};
        thm_tsv_row(r->tsv, row);
        const long further = (long)((double)s->t * pow(10, 1.0 / LANDMARKS));
        r->next = further > s->t ? further : s->t + 1;
    }
    return THM_OK;
}

static bool stopped(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

/* *mu, *L <- squares of the extreme singular values of the derivative by the
 * trained weight, *mu = 0 where there are fewer parameters than outputs. */
static thm_status extremes(const thm_instance *at, int trained, double *mu,
                           double *L)
{
    const thm_layer *l = &at->layer;
    const int rows = l->N * l->n * l->m, columns_of = l->H * l->D * l->d;
    const int k = rows < columns_of ? rows : columns_of;
    thm_layer_work *work = NULL;
    double *J = malloc((size_t)rows * (size_t)columns_of * sizeof *J);
    double *s = malloc((size_t)k * sizeof *s);
    thm_status status = J && s ? thm_layer_work_alloc(l, &work) : THM_ENOMEM;
    if (status == THM_OK) {
        status = thm_layer_jacobian(l, &at->weights, trained, work, J);
    }
    if (status == THM_OK) {
        status = thm_svd_values(rows, columns_of, J, s, NULL);
    }
    if (status == THM_OK) {
        *mu = columns_of < rows ? 0.0 : s[k - 1] * s[k - 1];
        *L = s[0] * s[0];
    }
    thm_layer_work_free(work);
    free(J);
    free(s);
    return status;
}

/* Y <- F of the Gaussian kernel with W_Q moved by normals of deviation 0.03. */
static thm_status teach(thm_instance *at, uint64_t seed)
{
    thm_layer teacher = at->layer;
    thm_weights w = at->weights;
    thm_layer_work *work = NULL;
    const size_t size =
        (size_t)teacher.H * (size_t)teacher.D * (size_t)teacher.d;
    double *Wq = malloc(size * sizeof *Wq);
    thm_rng rng = thm_rng_make(seed, 1u << 20);
    thm_status status = Wq ? thm_layer_work_alloc(&teacher, &work) : THM_ENOMEM;
    if (status == THM_OK) {
        thm_rng_fill_normal(&rng, (int64_t)size, 0.03, Wq);
        for (size_t i = 0; i < size; i++) {
            Wq[i] += at->Wq[i];
        }
        teacher.kernel = THM_KERNEL_GAUSSIAN;
        w.Wq = Wq;
        status = thm_layer_forward(&teacher, &w, work, at->Y);
    }
    thm_layer_work_free(work);
    free(Wq);
    return status;
}

static thm_status put_run(int run, uint64_t seed, thm_tsv *tsv)
{
    thm_instance at;
    thm_layer_problem *problem = NULL;
    thm_pl *pl = NULL;
    double *x0 = NULL, L = 0.0;
    recorder r = {.tsv = tsv, .run = run};
    thm_instance_plan plan = thm_instance_plan_default();
    plan.N = 2;
    plan.n = plan.m = 3;
    plan.D = 8;
    plan.d = 5;
    plan.H = 1;
    plan.s = 0.3;
    plan.kernel = runs[run].kernel;
    plan.seed = seed;
    thm_status status = thm_instance_draw(&plan, &at, NULL);
    if (status == THM_OK && runs[run].trained == THM_TRAIN_Q) {
        status = teach(&at, seed);
    }
    if (status == THM_OK) {
        status = extremes(&at, runs[run].trained, &r.mu, &L);
    }
    if (status == THM_OK) {
        status = thm_layer_problem_alloc(&at.layer, &at.weights,
                                         runs[run].trained, &problem);
    }
    if (status == THM_OK) {
        const thm_objective *f = thm_layer_objective(problem);
        const bool values = runs[run].trained == THM_TRAIN_V;
        const thm_pl_options options = {.rule = values ? THM_PL_FIXED
                                                       : THM_PL_BACKTRACKING,
                                        .eta = 1.0 / L};
        const thm_pl_watch watch = {
            .observe = record, .interrupted = stopped, .ctx = &r};
        x0 = malloc((size_t)f->n * sizeof *x0);
        status = x0 ? THM_OK : THM_ENOMEM;
        if (status == THM_OK) {
            thm_layer_problem_start(problem, x0);
            status = thm_pl_alloc(f, &options, x0, &pl);
        }
        if (status == THM_OK) {
            status = thm_pl_run(pl, STEPS, &watch);
        }
    }
    thm_tsv_break(tsv);
    thm_tsv_break(tsv); /* two: the next run is another data set */
    thm_pl_free(pl);
    free(x0);
    thm_layer_problem_free(problem);
    thm_instance_free(&at);
    return status;
}

static thm_status write_runs(uint64_t seed, int draws, thm_tsv *tsv,
                             thm_message *msg)
{
    thm_status status = THM_OK;
    (void)draws, (void)msg;
    for (int run = 0; run < RUNS && status == THM_OK; run++) {
        status = put_run(run, seed, tsv);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const experiment ratios = {
        .name = "pl-ratio",
        .purpose = "Follows the Polyak-Lojasiewicz ratio along gradient "
                   "descent on single-layer attention.",
        .draws = 0,
        .min_draws = 1,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_runs};
    return experiment_main(argc, argv, &ratios);
}
