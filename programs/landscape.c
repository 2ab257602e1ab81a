/* landscape: slices of the loss of single-layer attention, for one kernel or
 * two side by side. */
#include "core/progress.h"
#include "la/blas.h"
#include "programs/landscape/landscape.h"
#include "programs/start.h"

static landscape_request request = {.instance = INSTANCE_REQUEST_DEFAULT,
                                    .common = THM_COMMON_DEFAULT};

static const thm_option table[] = {
    INSTANCE_DATA_OPTIONS(request.instance),
    {"kernel", 'k', THM_KERNEL_CHOICE "|both", THM_OPTION_CHOICE,
     &request.kernel, "attention; both: softmax and Gaussian (default softmax)",
     0, 0},
    {"train", 't', LANDSCAPE_TRAIN, THM_OPTION_CHOICE, &request.train,
     "the weights that move (default v)", 0, 0},
    {"steps", 0, "T", THM_OPTION_INT, &request.steps,
     "first train them, T steps of gradient descent with backtracking", 0,
     1 << 30},
    {"directions", 'd', "random|file|points", THM_OPTION_CHOICE,
     &request.directions, "where d1 and d2 come from (default random)", 0, 0},
    {"direction-seed", 0, "N", THM_OPTION_U64, &request.direction_seed,
     "of random directions (default 0: that of --seed)", 0, 0},
    {"d1", 0, "FILE", THM_OPTION_TEXT, &request.d1,
     "a direction: the trained weights one after the other", 0, 0},
    {"d2", 0, "FILE", THM_OPTION_TEXT, &request.d2,
     "another; without it the slice is a line", 0, 0},
    {"p1", 0, "FILE", THM_OPTION_TEXT, &request.p1,
     "the trained weights at a = 1, b = 0", 0, 0},
    {"p2", 0, "FILE", THM_OPTION_TEXT, &request.p2,
     "and at a = 0, b = 1; without it the slice is a line", 0, 0},
    {"normalise", 'n', "auto|filter|layer|row|none", THM_OPTION_CHOICE,
     &request.normalise,
     "norms that the directions get from the point (default auto: filter for "
     "random ones, else none)",
     0, 0},
    {"range", 'r', "R|LO,HI", THM_OPTION_TEXT, &request.range,
     "of a and b (default 1, that is -1,1; for points -0.5,1.5)", 0, 0},
    {"grid", 'g', "G[,G2]", THM_OPTION_TEXT, &request.grid,
     "points in a and b (default 51; G,1 is a line)", 0, 0},
    {"self-test", 0, NULL, THM_OPTION_FLAG, &request.self_test,
     "measure analytic surfaces instead; exit 4 if one comes out wrong", 0, 0},
    THM_COMMON_SEED(request.common),
    THM_COMMON_THREADS(request.common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &request.common.out,
     "folder for landscape.tsv, plot.gp, slice-KERNEL.safetensors, run.json", 0,
     0},
    THM_COMMON_PRINT(request.common),
    {0}};

static const thm_options options = {
    .program = "landscape",
    .purpose = "The loss 1/2 |F - Y|^2 of single-layer attention on a line or "
               "plane point + a d1 + b d2 of its weights.",
    .details =
        "One JSON line a kernel: minima (strict, inside the grid, 8 neighbours "
        "or 2 on a line), minima_resolved (above the err of their neighbours, "
        "and "
        "no pieces of a valley too narrow for the grid), relative_range "
        "((f_max - f_min) / f_max), "
        "quadratic_residual (what the best quadratic leaves, relative; 0 where "
        "only W_V moves) with quadratic_noise (what err makes of it), "
        "non_finite, f_min at (a_min, b_min), f_max, f0 at the point, sine of "
        "the angle between d1 and d2, err (bound of a value's error), check "
        "(largest difference from the same point evaluated by itself, over its "
        "bound).  A filter is a column of a head's weight.\n\n"
        "  landscape --draw 8,8,64,16,1,2 --scale 0.1 --train q --kernel both "
        "--range 3 "
        "--grid 101 --out slice && cd slice && gnuplot plot.gp > slice.svg\n"
        "  landscape ... --directions points --p1 "
        "slice/slice-gaussian.safetensors:point\n\n"
        "A run with --out that was interrupted or killed goes on with the same "
        "command, to the same bytes.",
    .table = table};

static int self_test(void)
{
    thm_message msg = {""};
    int wrong;
    const thm_status status = landscape_self_test(stdout, &wrong, &msg);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(wrong ? START_INTERNAL : START_HOLDS);
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    landscape l;
    request.common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);
    if (request.self_test) {
        return self_test();
    }
    const int threads = start_threads(&request.common);
    const thm_isa isa = start_isa(&request.common);
    thm_status status = landscape_read(&request, isa, &l, &msg);
    if (status == THM_OK) {
        status = landscape_evaluate(&l, threads, &msg);
    }
    if (status == THM_OK && request.common.out) {
        const thm_run run = {.options = &options,
                             .seed = request.common.seed,
                             .isa = thm_isa_text(isa),
                             .blas_core = thm_blas_core(),
                             .threads = threads,
                             .wall_seconds = thm_seconds() - begin};
        status = landscape_keep(&l, &run, &msg);
    }
    if (status == THM_OK) {
        status = landscape_print(stdout, &l, start_table(&request.common));
    }
    landscape_free(&l);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(START_HOLDS);
}
