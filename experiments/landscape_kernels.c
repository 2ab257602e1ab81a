/* Slices of the loss of single-layer attention for the softmax and the Gaussian
 * kernel: the same instance, the same point and the same two random directions,
 * once in W_Q and once in W_V, where the loss is a quadratic (claim G24).
 *
 * One draw; panels 0 to 3: softmax and Gaussian in W_Q, then in W_V. */
#include <stdlib.h>

#include "attn/instance.h"
#include "claims/layer_slice.h"
#include "experiments/experiment.h"
#include "landscape/slice.h"
#include "la/isa.h"
#include "programs/start.h"

enum { SIDE = 101, PANELS = 4, COLUMNS = 4 };

static const struct {
    thm_kernel kernel;
    int trained;
    double reach;
} panels[PANELS] = {{THM_KERNEL_SOFTMAX, THM_TRAIN_Q, 3},
                    {THM_KERNEL_GAUSSIAN, THM_TRAIN_Q, 3},
                    {THM_KERNEL_SOFTMAX, THM_TRAIN_V, 1},
                    {THM_KERNEL_GAUSSIAN, THM_TRAIN_V, 1}};

static const thm_tsv_column columns[COLUMNS] = {
    {"panel", "1"}, {"a", "1"}, {"b", "1"}, {"f", "1"}};

static thm_status put_panel(int panel, uint64_t seed, double *f, thm_tsv *tsv)
{
    double axis[SIDE];
    thm_instance at;
    thm_layer_slice slice = {0};
    thm_plane_work *work = NULL;
    thm_instance_plan plan = thm_instance_plan_default();
    plan.N = plan.n = plan.d = 4;
    plan.D = 16;
    plan.H = 1;
    plan.m = 2;
    plan.s = 0.2;
    plan.s_v = 0.25; /* 1 / sqrt D */
    plan.s_o = 0.5;  /* 1 / sqrt d */
    plan.kernel = panels[panel].kernel;
    plan.seed = seed;
    thm_status status = thm_instance_draw(&plan, &at, NULL);
    if (status == THM_OK) {
        status = thm_layer_slice_draw(&at.layer, &at.weights,
                                      panels[panel].trained, THM_SLICE_FILTER,
                                      seed, thm_isa_detect(), &slice);
    }
    if (status == THM_OK) {
        status = thm_plane_work_alloc(slice.plane, &work);
    }
    if (status == THM_OK) {
        thm_slice_axis(-panels[panel].reach, panels[panel].reach, SIDE, axis);
        thm_layer_slice_values(&slice, SIDE, SIDE, axis, axis, work, f);
    }
    for (int j = 0; j < SIDE && status == THM_OK; j++) {
        for (int i = 0; i < SIDE; i++) {
            const double row[COLUMNS] = {panel, axis[i], axis[j],
                                         f[j * SIDE + i]};
            thm_tsv_row(tsv, row);
        }
        thm_tsv_break(tsv);
    }
    thm_tsv_break(tsv); /* two: the next panel is another data set */
    thm_plane_work_free(work);
    thm_layer_slice_free(&slice);
    thm_instance_free(&at);
    return status;
}

static thm_status write_slices(uint64_t seed, int draws, thm_tsv *tsv,
                               thm_message *msg)
{
    double *f = malloc(SIDE * SIDE * sizeof *f);
    thm_status status = f ? THM_OK : thm_fail(THM_ENOMEM, msg, "out of memory");
    (void)draws;
    for (int panel = 0; panel < PANELS && status == THM_OK; panel++) {
        status = start_interrupted() ? THM_EINTERRUPTED
                                     : put_panel(panel, seed, f, tsv);
    }
    free(f);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment slices = {
        .name = "landscape-kernels",
        .purpose = "Slices of the loss of single-layer attention for two "
                   "kernels, in W_Q and in W_V.",
        .draws = 0,
        .min_draws = 1,
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_slices};
    return experiment_main(argc, argv, &slices);
}
