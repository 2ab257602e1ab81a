/* value-flow: gradient flow on L(V sigma(a)) from a user's start, to any time:
 * who wins, how far attention polarises, and the trajectory. */
#include <math.h>
#include <unistd.h>

#include "core/progress.h"
#include "core/run.h"
#include "la/isa.h"
#include "programs/start.h"
#include "programs/value_flow/flow.h"

/* NAN: not given */
static flow_request request = {.v_scale = NAN,
                               .a_scale = NAN,
                               .t_end = NAN,
                               .tau_end = NAN,
                               .atol = NAN,
                               .first_step = NAN,
                               .stop = NAN,
                               .rtol = 1e-9,
                               .max_rhs = 10000000,
                               .samples = 200,
                               .common = THM_COMMON_DEFAULT};

/* "one|two" from a table; the leading bar is cut off. */
#define WORD(name, text) "|" text
#define WORDS(table) (&(table(WORD))[1])

static const thm_option table[] = {
    {"v0", 0, "FILE", THM_OPTION_TEXT, &request.v0,
     "V(0) (d x n), text or safetensors (FILE:NAME; - is standard input)", 0,
     0},
    {"a0", 0, "FILE", THM_OPTION_TEXT, &request.a0,
     "a(0) (n); default: zeros, uniform attention", 0, 0},
    {"draw", 0, "d,n", THM_OPTION_TEXT, &request.draw,
     "draw V(0) and a(0) instead, and what --target does not give", 0, 0},
    {"v-scale", 0, "X", THM_OPTION_REAL, &request.v_scale,
     "standard deviation of a drawn V(0) (default 0.1)", 0, DBL_MAX},
    {"a-scale", 0, "X", THM_OPTION_REAL, &request.a_scale,
     "standard deviation of a drawn a(0) (default 0)", 0, DBL_MAX},
    THM_COMMON_SEED(request.common),
    {"loss", 'l', "logistic|exponential|square|quadratic|cross-entropy",
     THM_OPTION_CHOICE, &request.loss,
     "log(1 + exp(-b.z)), exp(-b.z), |z - b|^2 / 2, |X z - y|^2, or the "
     "cross-entropy of softmax(z) to p* (default logistic)",
     0, 0},
    {"target", 'b', "FILE", THM_OPTION_TEXT, &request.target, "b, y or p*", 0,
     0},
    {"matrix", 'x', "FILE", THM_OPTION_TEXT, &request.matrix,
     "X (m x d) of the quadratic loss", 0, 0},
    {"data", 0, "FILE", THM_OPTION_TEXT, &request.data,
     "samples (m x d) of a logistic loss: mean log(1 + exp(-y_i x_i.z))", 0, 0},
    {"labels", 0, "FILE", THM_OPTION_TEXT, &request.labels,
     "their labels y_i, 1 or -1", 0, 0},
    {"normalisation", 0, WORDS(THM_NORMALISATION_TABLE), THM_OPTION_CHOICE,
     &request.normalisation, "sigma (default softmax)", 0, 0},
    {"t-end", 't', "T", THM_OPTION_REAL, &request.t_end,
     "time to end at, whatever --time", THM_POSITIVE, DBL_MAX},
    {"tau-end", 0, "TAU", THM_OPTION_REAL, &request.tau_end,
     "orbit time to end at, with --time tau", THM_POSITIVE, DBL_MAX},
    {"time", 0, "t|log|tau", THM_OPTION_CHOICE, &request.time,
     "integrate in t, in log(1 + t), or in the orbit time of a logistic or "
     "exponential loss (default t)",
     0, 0},
    {"stepper", 0, WORDS(THM_STEPPER_TABLE), THM_OPTION_CHOICE,
     &request.stepper, "integrator (default auto)", 0, 0},
    {"rtol", 0, "X", THM_OPTION_REAL, &request.rtol,
     "relative error per step, from 1e-13 (default 1e-9)", 0, 0.1},
    {"atol", 0, "X", THM_OPTION_REAL, &request.atol,
     "absolute error per step (default rtol / 1000)", THM_POSITIVE, DBL_MAX},
    {"step", 0, "H", THM_OPTION_REAL, &request.first_step,
     "first step; that of rk4 stays", THM_POSITIVE, DBL_MAX},
    {"stop", 0, "X", THM_OPTION_REAL, &request.stop,
     "stop early once |x'| < X, the slope in the variable of --time",
     THM_POSITIVE, DBL_MAX},
    {"max-rhs", 0, "N", THM_OPTION_INT, &request.max_rhs,
     "right-hand sides at most (default 10^7)", 1, 2147483647},
    {"samples", 0, "K", THM_OPTION_INT, &request.samples,
     "rows of the trajectory (default 200)", 1, 10000000},
    {"state", 0, NULL, THM_OPTION_FLAG, &request.state,
     "print p, a and V (a list a row) too", 0, 0},
    {"out", 'o', "DIR", THM_OPTION_TEXT, &request.common.out,
     "write trajectory.tsv, state.safetensors (V, a, p) and run.json", 0, 0},
    THM_COMMON_PRINT(request.common),
    {0}};

static const thm_options options = {
    .program = "value-flow",
    .purpose = "Gradient flow V' = -g p', a' = (dp/da)'w with p = sigma(a), "
               "g = grad L(V p), w = -V'g: does attention polarise, how fast, "
               "and which token wins?",
    .details =
        "One JSON line: t (reached), loss, entropy (nat), p_max, winner (from "
        "0), sum_a_drift (softmax conserves sum a), pair_invariant_drift (for "
        "n = 2; relative), rhs_calls, steps, rejected, stepper (the last in "
        "use); p, a, V with --state; tau with --time tau; note, if there is "
        "something to say.  The trajectory has K rows after the start, at "
        "equal steps of log(1 + t) - of log(1 + tau) with --time tau - and "
        "shows p if n <= 64.\n\n"
        "  value-flow --draw 8,8 --t-end 1e250 --time tau\n"
        "  value-flow --v0 m.safetensors:V --a0 m.safetensors:a --target b.txt "
        "--t-end 1e5 --out flow\n\n"
        "Exits with 0, with 2 for bad usage or input, with 3 if the stepper "
        "could not cope: the last good state is printed, t says how far it "
        "came.",
    .table = table};

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    flow_problem problem;
    flow_result result = {0};
    request.common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = flow_read(&request, &problem, &msg);
    if (status == THM_OK) {
        status = flow_run_and_keep(&problem, &result, &msg);
    }
    if (status == THM_OK && request.common.out != NULL) {
        const thm_run run = {.options = &options,
                             .seed = request.common.seed,
                             .isa = thm_isa_text(thm_isa_detect()),
                             .threads = 1,
                             .wall_seconds = thm_seconds() - begin};
        status = thm_run_write(request.common.out, &run, &msg);
    }
    if (status == THM_OK) {
        const bool human = request.common.table ||
                           (isatty(STDOUT_FILENO) && !request.common.json);
        status = flow_print(stdout, &problem, &result, human);
    }
    const bool stuck = result.ending == THM_ECONVERGE;
    flow_result_free(&result);
    flow_free(&problem);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    if (stuck) {
        start_fail(THM_ECONVERGE, &result.reason);
    }
    return start_finish(stuck ? START_UNDECIDED : START_HOLDS);
}
