/* How many minima a random slice in W_Q shows, for the softmax and the Gaussian
 * kernel, against the reach of the slice: whether softmax has more of them, as
 * the paper reports of its landscapes (paper-notes/song2024.md, "Landscapes").
 *
 * A draw is an instance and two directions, the same for both kernels; a
 * minimum counts if it stands above the rounding of its neighbours.  The step
 * of the grid is the same at every reach. */
#include <math.h>
#include <stdlib.h>

#include "attn/instance.h"
#include "claims/layer_slice.h"
#include "experiments/experiment.h"
#include "landscape/slice.h"
#include "la/isa.h"
#include "programs/start.h"

enum { REACHES = 5, STEPS = 10, KERNELS = 3, COLUMNS = 1 + 2 * KERNELS };
enum { LARGEST = 2 * STEPS * REACHES + 1 };

static const thm_kernel kernels[KERNELS] = {
    THM_KERNEL_SOFTMAX, THM_KERNEL_GAUSSIAN, THM_KERNEL_GAUSSIAN_NORMALISED};

static const thm_tsv_column columns[COLUMNS] = {
    {"reach", "1"},        {"softmax", "minima a slice"},
    {"softmax_se", "1"},   {"gaussian", "minima a slice"},
    {"gaussian_se", "1"},  {"normalised", "minima a slice"},
    {"normalised_se", "1"}};

/* Sums of counts and of their squares, by reach. */
typedef struct {
    double sum[REACHES], square[REACHES];
} tally;

static thm_status count_draw(int kernel, uint64_t seed, int draw, double *room,
                             tally *t)
{
    double *f = room, *error = room + LARGEST * LARGEST, axis[LARGEST];
    thm_instance at;
    thm_layer_slice slice = {0};
    thm_plane_work *work = NULL;
    thm_measure m;
    thm_instance_plan plan = thm_instance_plan_default();
    plan.N = plan.n = plan.d = 4;
    plan.D = 16;
    plan.H = 1;
    plan.m = 2;
    plan.s = 0.2;
    plan.s_v = 0.25;
    plan.s_o = 0.5;
    plan.kernel = kernels[kernel];
    plan.seed = seed;
    plan.index = (uint64_t)draw;
    thm_status status = thm_instance_draw(&plan, &at, NULL);
    if (status == THM_OK) {
        status = thm_layer_slice_draw(&at.layer, &at.weights, THM_TRAIN_Q,
                                      THM_SLICE_FILTER, seed + (uint64_t)draw,
                                      thm_isa_detect(), &slice);
    }
    if (status == THM_OK) {
        status = thm_plane_work_alloc(slice.plane, &work);
    }
    for (int r = 0; r < REACHES && status == THM_OK; r++) {
        const int side = 2 * STEPS * (r + 1) + 1;
        thm_slice_axis(-r - 1, r + 1, side, axis);
        thm_layer_slice_values(&slice, side, side, axis, axis, work, f);
        status = thm_layer_slice_measure(&slice, side, side, axis, axis, f,
                                         error, &m);
        if (status == THM_OK) {
            const double minima = (double)m.minima_resolved;
            t->sum[r] += minima;
            t->square[r] += minima * minima;
        }
    }
    thm_plane_work_free(work);
    thm_layer_slice_free(&slice);
    thm_instance_free(&at);
    return status;
}

static thm_status write_minima(uint64_t seed, int draws, thm_tsv *tsv,
                               thm_message *msg)
{
    tally t[KERNELS] = {0};
    double *room = malloc(2 * LARGEST * LARGEST * sizeof *room);
    thm_status status =
        room ? THM_OK : thm_fail(THM_ENOMEM, msg, "out of memory");
    for (int i = 0; i < draws && status == THM_OK; i++) {
        for (int k = 0; k < KERNELS && status == THM_OK; k++) {
            status = start_interrupted() ? THM_EINTERRUPTED
                                         : count_draw(k, seed, i, room, &t[k]);
        }
    }
    for (int r = 0; r < REACHES && status == THM_OK; r++) {
        double row[COLUMNS] = {r + 1};
        for (int k = 0; k < KERNELS; k++) {
            const double mean = t[k].sum[r] / draws;
            const double variance =
                fmax(t[k].square[r] / draws - mean * mean, 0.0);
            row[1 + 2 * k] = mean;
            row[2 + 2 * k] = sqrt(variance / fmax(draws - 1, 1));
        }
        thm_tsv_row(tsv, row);
    }
    free(room);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment minima = {
        .name = "landscape-minima",
        .purpose = "Counts the minima of random slices in W_Q of the loss of "
                   "single-layer attention, for three kernels.",
        .draws = 60,
        .min_draws = 10,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_minima};
    return experiment_main(argc, argv, &minima);
}
