/* Flows on which entropy rises first, or rises and stays (claim F21): logits
 * against the order of the projections, a square loss that begins beyond its
 * target, and the worst of many drawn starts of a regression; and one on which
 * it cannot rise, the first start with its logits in order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "claims/flow_path.h"
#include "core/rng.h"
#include "experiments/experiment.h"
#include "programs/start.h"

enum { TIMES = 181, CURVES = 4, D = 2, N = 3, SIZE = D * N + N };

static const double first = 1e-2, last = 1e3, condition = 3;

static const thm_tsv_column columns[1 + CURVES] = {{"t", "1"},
                                                   {"ordered", "ln n"},
                                                   {"against", "ln n"},
                                                   {"beyond", "ln n"},
                                                   {"regression", "ln n"}};

/* H(t) / ln n of one flow: (TIMES), and the most that it rises above what it
 * had fallen to. */
typedef struct {
    double most, lowest, rise; /* most: ln n */
    double curve[TIMES];
} history;

static thm_status note(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    history *h = ctx;
    thm_value_state state;
    (void)t;
    const thm_status status = thm_value_flow_look(flow, x, &state, NULL, NULL);
    h->curve[k] = state.entropy / h->most;
    h->lowest = fmin(h->lowest, h->curve[k]);
    h->rise = fmax(h->rise, h->curve[k] - h->lowest);
    return start_interrupted() ? THM_EINTERRUPTED : status;
}

static thm_status follow(const thm_loss *loss, int n, const double *x,
                         history *h)
{
    double times[TIMES], end[SIZE];
    const thm_flow_path path = {.d = loss->d,
                                .n = n,
                                .loss = loss,
                                .kind = THM_NORMALISE_SOFTMAX,
                                .start = x,
                                .stepper = THM_STEPPER_AUTO,
                                .end = last,
                                .n_times = TIMES,
                                .times = times,
                                .look = note,
                                .ctx = h};
    const thm_ode_options options = thm_ode_defaults();
    thm_flow_times(TIMES, first, last, times);
    *h = (history){.most = log(n), .lowest = 1};
    return thm_flow_follow(&path, &options, end, NULL, NULL);
}

/* The drawn start on which entropy rises most: |X z - y|^2 with singular values
 * from 1 to 1 / condition, along the axes. */
static thm_status follow_worst(uint64_t seed, int draws, history *worst)
{
    double X[D * D] = {0}, y[D], x[SIZE];
    history h;
    thm_status status = THM_OK;
    worst->rise = -1;
    for (int i = 0; i < D; i++) {
        X[i * D + i] = 1 + (1 / condition - 1) * i / (D - 1);
    }
    for (int k = 0; k < draws && status == THM_OK; k++) {
        const thm_loss loss = {
            .kind = THM_LOSS_QUADRATIC, .d = D, .m = D, .X = X, .y = y};
        thm_rng rng = thm_rng_make(seed, (uint64_t)k);
        thm_rng_fill_normal(&rng, D, 1, y);
        thm_rng_fill_normal(&rng, D * N, 1, x);
        memset(x + D * N, 0, N * sizeof *x);
        status = follow(&loss, N, x, &h);
        if (status == THM_OK && h.rise > worst->rise) {
            *worst = h;
        }
    }
    return status;
}

static thm_status write_rises(uint64_t seed, int draws, thm_tsv *tsv,
                              thm_message *msg)
{
    static const double one = 1, half = 0.5;
    static const double ordered[] = {-0.5, 0.5, -0.4, 0.4},
                        against[] = {-0.5, 0.5, 0.4, -0.4},
                        beyond[] = {3, 1, 1, 1, 0, -1};
    const thm_loss logistic = {.kind = THM_LOSS_LOGISTIC, .d = 1, .b = &one};
    const thm_loss square = {.kind = THM_LOSS_SQUARE, .d = 1, .b = &half};
    history *h = calloc(CURVES, sizeof *h);
    if (!h) {
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    thm_status status = follow(&logistic, 2, ordered, &h[0]);
    if (status == THM_OK) {
        status = follow(&logistic, 2, against, &h[1]);
    }
    if (status == THM_OK) {
        status = follow(&square, 3, beyond, &h[2]);
    }
    if (status == THM_OK) {
        status = follow_worst(seed, draws, &h[3]);
    }
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        double row[1 + CURVES] = {first * pow(last / first, k / (TIMES - 1.0))};
        for (int i = 0; i < CURVES; i++) {
            row[1 + i] = h[i].curve[k];
        }
        thm_tsv_row(tsv, row);
    }
    free(h);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment rises = {
        .name = "entropy-rise",
        .purpose = "Follows flows on which the entropy of attention rises.",
        .draws = 60,
        .min_draws = 20,
        .n_columns = 1 + CURVES,
        .columns = columns,
        .write = write_rises};
    return experiment_main(argc, argv, &rises);
}
