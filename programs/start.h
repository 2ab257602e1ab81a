/* What every program does first and last.
 *
 * A main reads:
 *     start_program(argv);
 *     start_options(&spec, argc, argv);
 *     ... work, asking start_interrupted() now and then ...
 *     return start_finish(code);
 */
#ifndef START_H
#define START_H

#include <stdbool.h>
#include "core/options.h"
#include "core/status.h"
#include "core/verdict.h"
#include "la/isa.h"

/* Exit codes, the same for every program. */
typedef enum {
    START_HOLDS = 0,     /* or: did its work                             */
    START_REFUTED = 1,   /* a claim was refuted                          */
    START_USAGE = 2,     /* bad usage or input: one line on stderr       */
    START_UNDECIDED = 3, /* or VACUOUS                                   */
    START_INTERNAL = 4,  /* the instrument itself is broken              */
    START_INTERRUPTED = 130
} start_exit;

/* GSL reports by status instead of aborting; the first SIGINT or SIGTERM only
 * sets a flag and the second kills (one that was ignored stays so); a closed
 * pipe is a failed write, not a death; BLAS runs on one thread.
 *
 * Where OpenBLAS fell back to slow kernels, the program re-executes itself with
 * OPENBLAS_CORETYPE naming the right ones, and with the next simpler ones
 * should their products be wrong.  A value that the user set is kept.  Exits
 * with START_INTERNAL and one line if no core computes right. */
void start_program(char **argv);

/* Parses the options.  --help and --version are answered on stdout and exit
 * START_HOLDS; bad usage is one line and exits START_USAGE. */
void start_options(const thm_options *spec, int argc, char **argv);

/* --threads, 0 meaning one for each processor that this process may use. */
int start_threads(const thm_common *common);

/* --isa, 0 meaning the best of this CPU; one line and START_USAGE if the CPU
 * lacks what was asked for. */
thm_isa start_isa(const thm_common *common);

/* Whether to print a table for people instead of JSON lines: asked for, or
 * stdout is a terminal and JSON was not asked for. */
bool start_table(const thm_common *common);

/* Whether SIGINT or SIGTERM has arrived. */
bool start_interrupted(void);

/* One line "program: text" on stderr; returns the exit code that `status`
 * deserves: START_USAGE for what the user can mend (format, domain, dimension,
 * file), START_INTERRUPTED, else START_INTERNAL.  msg may be NULL or empty:
 * then the status speaks. */
start_exit start_fail(thm_status status, const thm_message *msg);

start_exit start_exit_of(thm_verdict verdict);

/* Flushes and closes stdout and returns `code`; if something could not be
 * written, one line and START_USAGE.  START_INTERRUPTED if a signal came. */
int start_finish(start_exit code);

#endif
