/* flow-phase: phase diagrams of the value-softmax flow over grids of starts. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/progress.h"
#include "core/run.h"
#include "programs/flow_phase/run.h"
#include "programs/start.h"

static int diagram;
static int loss;
static const char *u_text;
static thm_phase phase;
static thm_common common = THM_COMMON_DEFAULT;

static const thm_option table[] = {
    {"diagram", 'd', "two-token|simplex|spread", THM_OPTION_CHOICE, &diagram,
     "what to map (default two-token)", 0, 0},
    {"grid", 'g', "N", THM_OPTION_INT, &phase.grid,
     "cells along an edge (default 101)", 3, 10000},
    {"loss", 'l', "logistic|exponential", THM_OPTION_CHOICE, &loss,
     "of two-token and simplex (default logistic)", 0, 0},
    {"t-end", 't', "T", THM_OPTION_REAL, &phase.t_end,
     "time to end at (default 1e6)", THM_POSITIVE, DBL_MAX},
    {"range", 'r', "R", THM_OPTION_REAL, &phase.range,
     "two-token: D0 and delta0 from -R to R (default 4)", THM_POSITIVE, 100},
    {"sum", 0, "S", THM_OPTION_REAL, &phase.sum,
     "two-token: u_1 + u_2 at the start (default 0)", -1e6, 1e6},
    {"u0", 0, "X,Y,Z", THM_OPTION_TEXT, &u_text,
     "simplex: u at the start (default 1,0.5,0)", 0, 0},
    {"tokens", 'n', "N", THM_OPTION_INT, &phase.n, "spread: tokens (default 8)",
     2, THM_BATCH_TOKENS},
    {"narrowest", 0, "ETA", THM_OPTION_REAL, &phase.narrowest,
     "spread: smallest scale of u(0) and a(0) (default 1e-6)", THM_POSITIVE,
     100},
    {"widest", 0, "ETA", THM_OPTION_REAL, &phase.widest,
     "spread: largest scale (default 1)", THM_POSITIVE, 100},
    {"nearest", 0, "B", THM_OPTION_REAL, &phase.nearest,
     "spread: smallest |b| (default 0.5)", THM_POSITIVE, 500},
    {"farthest", 0, "B", THM_OPTION_REAL, &phase.farthest,
     "spread: largest |b| (default 16)", THM_POSITIVE, 500},
    {"seed", 's', "N", THM_OPTION_U64, &phase.seed,
     "spread: seed of the directions of u(0) and a(0) (default 1)", 0, 0},
    THM_COMMON_THREADS(common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &common.out,
     "write DIR/flow-DIAGRAM.tsv and run.json; a run that was stopped goes on "
     "where it was",
     0, 0},
    THM_COMMON_PRINT(common),
    {0}};

static const thm_options options = {
    .program = "flow-phase",
    .purpose = "Phase diagrams of the value-softmax flow: which token wins, "
               "whether entropy ever rises, how long the plateau lasts.",
    .details =
        "Diagrams: two-token maps D0 = u_1 - u_2 against delta0 = a_1 - a_2, "
        "simplex the starting attention of three tokens, spread the scale of "
        "the start against |b| under the square loss.\n\n"
        "One JSON line: diagram, loss, t_end (null: the limit), cells, failed, "
        "wins (by token), undecided (their order may still change), rises and "
        "largest_rise (of entropy, nat), covered and disagreements (starts of "
        "which R11 or R3 of the note says something, and those that contradict "
        "it), polarised (entropy ends below (log n) / 2), latest_plateau "
        "(largest log10 t at which it fell below), resumed_rows, seconds.  The "
        "table has a row a start, with what the theory says of it.\n\n"
        "  flow-phase --table\n"
        "  flow-phase --diagram simplex --u0 1,0.9,0 --out simplex\n\n"
        "Exits with 0, with 1 if a start contradicts its theorem, with 2 for "
        "bad usage, with 3 if the integrator gave up on a start, with 130 if "
        "interrupted.",
    .table = table};

/* Three numbers between commas. */
static thm_status parse_u(const char *text, double u[3], thm_message *msg)
{
    char part[128];
    const char *rest = text;
    for (int i = 0; i < 3; i++) {
        const size_t length = strcspn(rest, ",");
        const bool last = rest[length] == '\0';
        if (length < sizeof part && last == (i == 2)) {
            memcpy(part, rest, length);
            part[length] = '\0';
            if (thm_parse_real(part, &u[i]) && fabs(u[i]) <= 1e6) {
                rest += length + 1;
                continue;
            }
        }
        return thm_fail(THM_EDOMAIN, msg,
                        "--u0: expected three numbers X,Y,Z of at most 1e6, "
                        "found \"%s\"",
                        text);
    }
    return THM_OK;
}

static thm_status settle(thm_message *msg)
{
    phase.kind = (thm_phase_kind)diagram;
    phase.loss = loss ? THM_LOSS_EXPONENTIAL : THM_LOSS_LOGISTIC;
    phase.threads = start_threads(&common);
    phase.isa = start_isa(&common);
    if (!(phase.narrowest <= phase.widest)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--narrowest: expected at most --widest %g, found %g",
                        phase.widest, phase.narrowest);
    }
    if (!(phase.nearest <= phase.farthest)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--nearest: expected at most --farthest %g, found %g",
                        phase.farthest, phase.nearest);
    }
    return u_text ? parse_u(u_text, phase.u, msg) : THM_OK;
}

int main(int argc, char **argv)
{
    thm_message msg = {""};
    phase_result result;
    common.out = NULL;
    phase = thm_phase_defaults(THM_PHASE_TWO_TOKEN);
    start_program(argv);
    start_options(&options, argc, argv);

    thm_status status = settle(&msg);
    const bool terminal = isatty(STDERR_FILENO) && !common.quiet;
    if (status == THM_OK) {
        status = phase_run(&phase, common.out, terminal ? stderr : NULL,
                           &result, &msg);
    }
    if (status == THM_OK && common.out) {
        const thm_run run = {.options = &options,
                             .seed = phase.seed,
                             .isa = thm_isa_text(phase.isa),
                             .threads = phase.threads,
                             .wall_seconds = result.seconds};
        status = thm_run_write(common.out, &run, &msg);
    }
    if (status == THM_OK) {
        const bool human =
            common.table || (isatty(STDOUT_FILENO) && !common.json);
        status = phase_print(stdout, &phase, &result, human);
    }
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(result.tally.disagreements > 0 ? START_REFUTED
                        : result.tally.failed > 0      ? START_UNDECIDED
                                                       : START_HOLDS);
}
