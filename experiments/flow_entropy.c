/* Entropy of attention on log time under five losses, from the same starts:
 * d = n = 10, V(0) of independent normals of standard deviation 0.1, a(0) = 0.
 * Losses of one projection polarise for ever, and slowly; those with a finite
 * minimiser stop, the earlier the smaller their target (claims F17 to F19). */
#include <math.h>
#include <stdlib.h>

#include "claims/flow_path.h"
#include "core/rng.h"
#include "experiments/experiment.h"
#include "programs/start.h"
#include "softmax/softmax.h"

enum { SIZE = 10, TIMES = 91, LOSSES = 5, COLUMNS = 1 + 3 * LOSSES };

static const double first = 1e-2, last = 1e7, v_scale = 0.1;

static const struct {
    thm_loss_kind kind;
    double norm; /* of b */
} losses[LOSSES] = {{THM_LOSS_LOGISTIC, 1},
                    {THM_LOSS_EXPONENTIAL, 1},
                    {THM_LOSS_SQUARE, 1},
                    {THM_LOSS_SQUARE, 6},
                    {THM_LOSS_CROSS_ENTROPY, 0}};

static const thm_tsv_column columns[COLUMNS] = {{"t", "1"},
                                                {"logistic10", "ln n"},
                                                {"logistic50", "ln n"},
                                                {"logistic90", "ln n"},
                                                {"exp10", "ln n"},
                                                {"exp50", "ln n"},
                                                {"exp90", "ln n"},
                                                {"small10", "ln n"},
                                                {"small50", "ln n"},
                                                {"small90", "ln n"},
                                                {"large10", "ln n"},
                                                {"large50", "ln n"},
                                                {"large90", "ln n"},
                                                {"cross10", "ln n"},
                                                {"cross50", "ln n"},
                                                {"cross90", "ln n"}};

/* Where a flow notes the entropies of draw `draw`: (TIMES x draws). */
typedef struct {
    int draws, draw;
    double *entropy;
} notebook;

static thm_status note(thm_value_flow *flow, int k, double t, const double *x,
                       void *ctx)
{
    notebook *b = ctx;
    thm_value_state state;
    (void)t;
    const thm_status status = thm_value_flow_look(flow, x, &state, NULL, NULL);
    b->entropy[k * b->draws + b->draw] = state.entropy / log(SIZE);
    return start_interrupted() ? THM_EINTERRUPTED : status;
}

static thm_status follow(int loss, uint64_t seed, const double *times,
                         notebook *book)
{
    double x[SIZE * SIZE + SIZE] = {0}, b[SIZE], norm = 0;
    thm_rng rng = thm_rng_make(seed, (uint64_t)book->draw);
    thm_status status = THM_OK;
    thm_rng_fill_normal(&rng, SIZE * SIZE, v_scale, x);
    thm_rng_fill_normal(&rng, SIZE, 1, b);
    for (int i = 0; i < SIZE; i++) {
        norm = hypot(norm, b[i]);
    }
    for (int i = 0; i < SIZE; i++) {
        b[i] *= losses[loss].norm > 0 ? losses[loss].norm / norm : 3;
    }
    if (losses[loss].kind == THM_LOSS_CROSS_ENTROPY) {
        double p[SIZE];
        status = thm_softmax(SIZE, b, 1, p);
        for (int i = 0; i < SIZE; i++) {
            b[i] = p[i];
        }
    }
    const thm_loss l = {.kind = losses[loss].kind, .d = SIZE, .b = b};
    const thm_flow_path path = {.d = SIZE,
                                .n = SIZE,
                                .loss = &l,
                                .kind = THM_NORMALISE_SOFTMAX,
                                .start = x,
                                .stepper = THM_STEPPER_AUTO,
                                .end = last,
                                .n_times = TIMES,
                                .times = times,
                                .look = note,
                                .ctx = book};
    const thm_ode_options options = thm_ode_defaults();
    double end[SIZE * SIZE + SIZE];
    return status == THM_OK ? thm_flow_follow(&path, &options, end, NULL, NULL)
                            : status;
}

static thm_status write_entropy(uint64_t seed, int draws, thm_tsv *tsv,
                                thm_message *msg)
{
    double times[TIMES];
    double *entropy = malloc(LOSSES * TIMES * (size_t)draws * sizeof *entropy);
    thm_status status = THM_OK;
    if (!entropy) {
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    thm_flow_times(TIMES, first, last, times);
    for (int loss = 0; loss < LOSSES && status == THM_OK; loss++) {
        notebook book = {.draws = draws,
                         .entropy =
                             entropy + (size_t)(loss * TIMES) * (size_t)draws};
        for (; book.draw < draws && status == THM_OK; book.draw++) {
            status = follow(loss, seed, times, &book);
        }
    }
    for (int k = 0; k < TIMES && status == THM_OK; k++) {
        double row[COLUMNS] = {times[k]};
        for (int loss = 0; loss < LOSSES; loss++) {
            experiment_quantiles(
                draws, entropy + (size_t)(loss * TIMES + k) * (size_t)draws,
                row + 1 + 3 * loss);
        }
        thm_tsv_row(tsv, row);
    }
    free(entropy);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment entropies = {
        .name = "flow-entropy",
        .purpose = "Measures the entropy of attention along value-softmax "
                   "flows under five losses.",
        .draws = 16,
        .min_draws = 4,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_entropy};
    return experiment_main(argc, argv, &entropies);
}
