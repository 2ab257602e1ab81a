/* G19: the loss of softmax attention never falls below 1/2 sum_ik dist^2(y_ik,
 * conv{u_ij}), whatever W_Q and W_K: its outputs are convex combinations of the
 * values (paper-notes/song2024.md, "Only W_Q is trained").
 *
 * Targets are those of a Gaussian teacher; gradient descent on W_Q starts near
 * it.  Losses at every step, and both sides of the distances, in balls. */
#include "attn/layer.h"
#include "claims/ball.h"
#include "claims/layer_balls.h"
#include "la/hull.h"
#include "proofs/proof.h"
#include "softmax/pl.h"

enum { BITS = THM_LAYER_BITS, CASES = 12, RUN = 60, MOST = 8 };

/* Y <- what Gaussian attention puts out; then W_Q moves a little. */
static void learn_from_gaussian(thm_layer_case *one)
{
    thm_layer teacher = one->layer;
    thm_layer_work *work = NULL;
    teacher.kernel = THM_KERNEL_GAUSSIAN;
    if (thm_layer_work_alloc(&teacher, &work) != THM_OK ||
        thm_layer_forward(&teacher, &one->weights, work, one->Y) != THM_OK) {
        one->absent = true;
    }
    thm_layer_work_free(work);
    for (int e = 0; e < teacher.D * teacher.d; e++) {
        one->Wq[e] += 0.02 * thm_rng_normal(&one->rng);
    }
}

/* near <- sum_j s_j u_j - y_ik for the weights s, divided by their sum. */
static void nearest(const thm_ball_layer *b, int row, const double *s,
                    arb_ptr near)
{
    arb_t weight, sum;
    arb_init(weight);
    arb_init(sum);
    for (int j = 0; j < b->n; j++) {
        arb_set_d(weight, s[j]);
        arb_add(sum, sum, weight, BITS);
    }
    for (int o = 0; o < b->m; o++) {
        arb_zero(near + o);
        for (int j = 0; j < b->n; j++) {
            arb_set_d(weight, s[j]);
            arb_addmul(near + o, weight,
                       arb_mat_entry(b->U, row / b->n * b->n + j, o), BITS);
        }
        arb_div(near + o, near + o, sum, BITS);
        arb_sub(near + o, near + o, arb_mat_entry(b->Y, row, o), BITS);
    }
    arb_clear(weight);
    arb_clear(sum);
}

/* square <- dist^2(y_ik, conv{u_ij}): between the largest of 0 and
 * min_j z.(u_j - y) / |z|, and |z|, z as the doubles found it. */
static thm_status distance2(const thm_ball_layer *b, int row, arb_t square)
{
    double U[MOST * MOST], y[MOST], s[MOST];
    thm_hull hull;
    const int first = row / b->n * b->n;
    for (int j = 0; j < b->n; j++) {
        for (int o = 0; o < b->m; o++) {
            U[j * b->m + o] = arf_get_d(
                arb_midref(arb_mat_entry(b->U, first + j, o)), ARF_RND_NEAR);
        }
    }
    for (int o = 0; o < b->m; o++) {
        y[o] = arf_get_d(arb_midref(arb_mat_entry(b->Y, row, o)), ARF_RND_NEAR);
    }
    const thm_status status = thm_hull_distance(b->n, b->m, U, y, s, &hull);
    if (status != THM_OK) {
        return status;
    }
    arb_ptr z = _arb_vec_init(b->m);
    arb_t least, product, x;
    arb_init(least);
    arb_init(product);
    arb_init(x);
    nearest(b, row, s, z);
    for (int j = 0; j < b->n; j++) {
        arb_zero(product);
        for (int o = 0; o < b->m; o++) {
            arb_sub(x, arb_mat_entry(b->U, first + j, o),
                    arb_mat_entry(b->Y, row, o), BITS);
            arb_addmul(product, x, z + o, BITS);
        }
        if (j == 0) {
            arb_set(least, product);
        } else {
            arb_min(least, least, product, BITS);
        }
    }
    arb_zero(square);
    for (int o = 0; o < b->m; o++) {
        arb_addmul(square, z + o, z + o, BITS);
    }
    arb_zero(x);
    arb_max(least, least, x, BITS);
    arb_sqr(least, least, BITS);
    if (arb_is_positive(square)) {
        arb_div(least, least, square, BITS);
    }
    arb_union(square, square, least, BITS);
    _arb_vec_clear(z, b->m);
    arb_clear(least);
    arb_clear(product);
    arb_clear(x);
    return THM_OK;
}

static thm_status hull_floor(const thm_ball_layer *b, arb_t floor)
{
    thm_status status = THM_OK;
    arb_t square;
    arb_init(square);
    arb_zero(floor);
    for (int row = 0; status == THM_OK && row < b->N * b->n; row++) {
        status = distance2(b, row, square);
        arb_add(floor, floor, square, BITS);
    }
    arb_mul_2exp_si(floor, floor, -1);
    arb_clear(square);
    return status;
}

/* The run: the least loss that it met. */
typedef struct {
    thm_ball_layer *b;
    arb_t loss, least;
    bool any;
} run;

static thm_status look(const thm_pl *pl, void *ctx)
{
    run *r = ctx;
    const double *x = thm_pl_x(pl);
    for (int e = 0; e < r->b->D; e++) {
        for (int a = 0; a < r->b->d; a++) {
            arb_set_d(arb_mat_entry(r->b->Wq, e, a), x[e * r->b->d + a]);
        }
    }
    thm_ball_layer_evaluate(r->b);
    thm_ball_layer_loss(r->b, r->loss);
    if (r->any) {
        arb_min(r->least, r->least, r->loss, BITS);
    } else {
        arb_set(r->least, r->loss);
    }
    r->any = true;
    return THM_OK;
}

static thm_status descend(const thm_layer_case *one, thm_kernel kernel, run *r)
{
    thm_layer layer = one->layer;
    thm_layer_problem *problem = NULL;
    thm_pl *pl = NULL;
    const thm_pl_watch watch = {look, NULL, r};
    const thm_pl_options options = {.rule = THM_PL_BACKTRACKING, .eta = 1.0};
    layer.kernel = kernel;
    thm_status status =
        thm_layer_problem_alloc(&layer, &one->weights, THM_TRAIN_Q, &problem);
    if (status == THM_OK) {
        status =
            thm_pl_alloc(thm_layer_objective(problem), &options, one->Wq, &pl);
    }
    if (status == THM_OK) {
        status = thm_pl_run(pl, RUN, &watch);
    }
    thm_pl_free(pl);
    thm_layer_problem_free(problem);
    return status;
}

/* floor <= f at every step */
static thm_status stays_above(thm_layer_balls *s, thm_kernel kernel,
                              thm_finding *f, bool *applies)
{
    run r = {.b = thm_layer_balls_fresh(s, applies)};
    thm_status status = THM_OK;
    arb_t floor;
    arb_init(floor);
    arb_init(r.loss);
    arb_init(r.least);
    if (*applies) {
        r.b->kernel = kernel;
        status = hull_floor(r.b, floor);
    }
    if (*applies && status == THM_OK) {
        status = descend(s->one, kernel, &r);
        thm_finding_ball(f, floor, r.least, true);
    }
    arb_clear(floor);
    arb_clear(r.loss);
    arb_clear(r.least);
    return status;
}

static thm_status softmax_stays(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return stays_above(ctx, THM_KERNEL_SOFTMAX, f, applies);
}

static thm_status gaussian_stays(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return stays_above(ctx, THM_KERNEL_GAUSSIAN, f, applies);
}

static thm_status open_layers(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_spec specs[] = {
        {1, 3, 4, 4, 1, 3, THM_KERNEL_SOFTMAX, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {2, 3, 6, 4, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.3, false,
         THM_TOKENS_NORMAL},
        {2, 2, 5, 3, 1, 2, THM_KERNEL_SOFTMAX, 0.0, 0.5, false,
         THM_TOKENS_NORMAL}};
    static const thm_layer_plan plan = {3, specs, learn_from_gaussian};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, proof_count(effort, CASES), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G19", softmax_stays, false},
                                       {"XG19", gaussian_stays, false}};
    static const proof_group group = {2, claims, open_layers,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "the least loss that softmax attention can reach (G19)", 1, &group};
    return proof_main(argc, argv, &table);
}
