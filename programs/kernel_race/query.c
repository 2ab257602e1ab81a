/* One query of the race: see race.h. */
#include "attn/instance.h"
#include "programs/kernel_race/race.h"

#include <float.h>
#include <math.h>
#include "core/rng.h"
#include "la/hull.h"
#include "programs/start.h"
#include "sweep/train.h"

enum { SIZE = RACE_SIZE, SQUARE = SIZE * SIZE };

/* A layer and its arrays.  Rows of Y but the first are what the layer puts out,
 * so that they add nothing to its loss. */
typedef struct {
    thm_layer layer;
    thm_weights weights;
    double X[SQUARE], Y[SQUARE], Wq[SQUARE], Wk[SQUARE], Wv[SQUARE], Wo[SQUARE];
    double y[SIZE];
} query;

/* The random streams of a query: what is drawn once, then a stream a start. */
static thm_rng stream(const race_plan *plan, const race_line *line, int which,
                      int start)
{
    const uint64_t number = ((uint64_t)line->setting << 32) + (uint64_t)which;
    return thm_rng_make(plan->seed, (number << 16) + (uint64_t)start);
}

static bool stop(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

static thm_status target(const race_line *line, thm_layer_work *work, query *q)
{
    double F[SQUARE];
    thm_layer teacher = q->layer;
    if (line->teacher == TEACHER_LABELS) {
        return THM_OK;
    }
    teacher.kernel = line->teacher == TEACHER_SOFTMAX ? THM_KERNEL_SOFTMAX
                                                      : THM_KERNEL_GAUSSIAN;
    const thm_status status = thm_layer_forward(&teacher, &q->weights, work, F);
    for (int a = 0; a < line->m && status == THM_OK; a++) {
        q->y[a] = F[a];
    }
    return status;
}

static void draw(const race_plan *plan, const race_line *line, int which,
                 query *q)
{
    const int n = line->n, d = line->d, m = line->m;
    thm_rng rng = stream(plan, line, which, 0);
    double c = thm_kernel_scale(d);
    /* the text was found good before the run */
    thm_instance_scale(plan->kernel_scale, d, &c, NULL);
    *q = (query){.layer = {.N = 1,
                           .n = n,
                           .D = n,
                           .d = d,
                           .H = 1,
                           .m = m,
                           .kernel = line->kernel,
                           .c = c}};
    q->layer.X = q->X;
    q->layer.Y = q->Y;
    q->layer.Wo = q->Wo;
    q->weights = (thm_weights){q->Wq, q->Wk, q->Wv};
    for (int k = 0; k < n; k++) {
        q->X[k * n + k] = 1;
    }
    for (int a = 0; a < m; a++) {
        q->Wo[a * m + a] = 1;
    }
    thm_rng_fill_normal(&rng, n * d, 1, q->Wk);
    thm_rng_fill_normal(&rng, n * d, 1, q->Wv);
    thm_rng_fill_normal(&rng, d, 1, q->Wq);
    thm_rng_fill_normal(&rng, m, line->label_scale, q->y);
}

/* The floor of softmax.  In floating point F is U's of weights s >= 0 whose sum
 * is 1 to (n + 1) u, rounded by (n + 1) u more: within e = (2 n + 8) u max
 * |u_j| of the hull. */
static thm_status find_floor(const race_line *line, const query *q, double *row)
{
    double U[SQUARE], s[SIZE], longest = 0;
    thm_hull hull;
    for (int j = 0; j < line->n; j++) {
        double square = 0;
        for (int a = 0; a < line->m; a++) {
            const double u = q->Wv[j * line->d + a];
            U[j * line->m + a] = u;
            square += u * u;
        }
        longest = fmax(longest, sqrt(square));
    }
    const thm_status status =
        thm_hull_distance(line->n, line->m, U, q->y, s, &hull);
    if (status == THM_OK) {
        const double e = (2 * line->n + 8) * DBL_EPSILON / 2 * longest,
                     least = fmax(hull.lower - e, 0);
        row[QUERY_FLOOR] = hull.lower * hull.lower / 2;
        row[QUERY_FLOOR_UPPER] = hull.upper * hull.upper / 2;
        /* and the square of the difference itself rounds */
        row[QUERY_LEAST] =
            least * least / 2 * (1 - (line->m + 4) * DBL_EPSILON);
    }
    return status;
}

static thm_status run_start(const race_plan *plan, const race_line *line,
                            int which, int start, thm_layer_work *work,
                            query *q, double *row)
{
    const int d = line->d, m = line->m;
    const double goal = RACE_TOLERANCE * row[QUERY_SIZE];
    thm_rng rng = stream(plan, line, which, 1 + start);
    double first[SIZE], lm;
    thm_trained gd;
    thm_rng_fill_normal(&rng, d, 1, first);
    for (int b = 0; b < d; b++) {
        q->Wq[b] = first[b];
    }
    thm_status status = thm_layer_forward(&q->layer, &q->weights, work, q->Y);
    for (int a = 0; a < m; a++) {
        q->Y[a] = q->y[a];
    }
    if (status == THM_OK) {
        const thm_train_options how = {.trained = THM_TRAIN_Q,
                                       .goal = goal,
                                       .steps = plan->gd_steps,
                                       .stop = stop};
        status = thm_train(&q->layer, &q->weights, &how, work, NULL, &gd);
    }
    if (status == THM_OK) {
        status = race_lm(&q->layer, q->y, q->Wq, &q->weights, work,
                         plan->lm_steps, goal, &lm);
    }
    if (status != THM_OK) {
        return status;
    }
    if (start == 0) {
        row[QUERY_GD] = row[QUERY_GD_BEST] = gd.f;
        row[QUERY_LM] = row[QUERY_LM_BEST] = lm;
    }
    row[QUERY_GD_BEST] = fmin(row[QUERY_GD_BEST], gd.f);
    row[QUERY_LM_BEST] = fmin(row[QUERY_LM_BEST], lm);
    return THM_OK;
}

thm_status race_query(const race_plan *plan, const race_line *line, int which,
                      double *row)
{
    query q;
    thm_layer_work *work = NULL;
    draw(plan, line, which, &q);
    thm_status status = thm_layer_work_alloc(&q.layer, &work);
    if (status == THM_OK) {
        status = target(line, work, &q);
    }
    if (status == THM_OK) {
        row[QUERY_SIZE] = 0;
        for (int a = 0; a < line->m; a++) {
            row[QUERY_SIZE] += q.y[a] * q.y[a];
        }
        status = find_floor(line, &q, row);
    }
    for (int s = 0; s < plan->starts && status == THM_OK; s++) {
        status = run_start(plan, line, which, s, work, &q, row);
    }
    thm_layer_work_free(work);
    return status;
}
