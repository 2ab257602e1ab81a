/* softmax-spectrum: the Jacobian of softmax at the rows of a file, its norm,
 * trace and eigenvalues, one JSON line a row. */
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/softmax_spectrum/rows.h"
#include "programs/start.h"

static spectrum_request request = {
    .tau = 1, .sum_tol = 1e-6, .common = THM_COMMON_DEFAULT};

static const thm_option table[] = {
    {"logits", 'l', "FILE", THM_OPTION_TEXT, &request.logits,
     "rows of logits, text or safetensors (FILE:NAME; - is standard input)", 0,
     0},
    {"probs", 'p', "FILE", THM_OPTION_TEXT, &request.probs,
     "rows of probabilities instead", 0, 0},
    {"temperature", 't', "T", THM_OPTION_REAL, &request.tau,
     "divide the logits by T (default 1)", THM_POSITIVE, DBL_MAX},
    {"values", 0, NULL, THM_OPTION_FLAG, &request.values,
     "all eigenvalues, ascending, the exact zero included", 0, 0},
    {"vectors", 0, NULL, THM_OPTION_FLAG, &request.vectors,
     "unit eigenvectors with them; with --extremes, only of those", 0, 0},
    {"extremes", 0, "K", THM_OPTION_INT, &request.extremes,
     "the K smallest and the K largest eigenvalues, in O(n)", 1, 2147483647},
    {"certify", 0, NULL, THM_OPTION_FLAG, &request.certify,
     "rigorous bounds lower * 2^exponent2 <= eigenvalue <= upper * 2^exponent2",
     0, 0},
    {"jacobian", 0, "FILE", THM_OPTION_TEXT, &request.jacobian,
     "save the Jacobians as safetensors", 0, 0},
    {"variant", 0, "softmax|normsoftmax-std|normsoftmax-var", THM_OPTION_CHOICE,
     &request.variant, "singular values of a NormSoftmax Jacobian instead", 0,
     0},
    {"masked", 0, NULL, THM_OPTION_FLAG, &request.masked,
     "admit -inf: a masked token of probability zero", 0, 0},
    {"sum-tol", 0, "X", THM_OPTION_REAL, &request.sum_tol,
     "how far a text row of --probs may miss 1 (default 1e-6)", 0, 1},
    THM_COMMON_THREADS(request.common),
    {"out", 'o', "DIR", THM_OPTION_TEXT, &request.common.out,
     "write DIR/run.json", 0, 0},
    THM_COMMON_PRINT(request.common),
    {0}};

static const thm_options options = {
    .program = "softmax-spectrum",
    .purpose = "The Jacobian of softmax, J = (diag(p) - p p' / 1'p) / tau, at "
               "each row of a file: entropy, norm, trace and eigenvalues to "
               "full relative accuracy.",
    .details =
        "One JSON line a row: row (from 0), n, tau, entropy (nat), norm2, "
        "trace, lambda_min_nonzero (null if there is none), underflowed (how "
        "many nonzero eigenvalues lie below 2.3e-308); sum_error with --probs, "
        "eigenvalues with --values, eigenvectors (a row each) with --vectors, "
        "smallest and largest with --extremes, and lower, upper, exponent2, "
        "certified, evidence with --certify.  A variant adds spread, "
        "temperature = min(spread, T) and err, a proved bound of the error of "
        "its singular_values.\n\n"
        "  seq 1 9 | softmax-spectrum --logits - --values --certify\n"
        "  softmax-spectrum --probs attention.safetensors:layer0 --extremes "
        "4\n\n"
        "Exits with 0, with 2 for bad usage or input, with 3 if a nonzero "
        "eigenvalue could not be bounded away from zero.",
    .table = table};

/* Prints one row; *certified becomes false if its bounds decide nothing. */
static thm_status do_row(const spectrum_rows *rows, int row, row_work *work,
                         bool human, bool *certified)
{
    json_t *object = json_object();
    thm_status status = object == NULL ? THM_ENOMEM
                        : request.variant == VARIANT_SOFTMAX
                            ? row_measure(rows, row, work, object, certified)
                            : row_measure_variant(rows, row, work, object);
    if (status == THM_OK && human) {
        row_print(stdout, object, row);
    } else if (status == THM_OK) {
        /* a failed write shows when the program ends */
        thm_json_write(stdout, object);
    }
    json_decref(object);
    return status;
}

static thm_status do_rows(const spectrum_rows *rows, thm_isa isa,
                          bool *certified, thm_message *msg)
{
    const thm_common *common = &request.common;
    bool human = start_table(common);
    bool show = !common->quiet && isatty(STDERR_FILENO);
    row_work work;
    thm_status status = row_work_alloc(rows, start_threads(common), isa, &work);
    thm_progress progress = thm_progress_begin(show ? stderr : NULL, "rows");
    int row = 0;
    for (; row < rows->count && status == THM_OK && !start_interrupted() &&
           !ferror(stdout);
         row++) {
        thm_progress_update(&progress, row, rows->count);
        status = do_row(rows, row, &work, human, certified);
    }
    thm_progress_end(&progress);
    row_work_free(&work);
    return status == THM_OK
               ? THM_OK
               : thm_fail(status, msg, "row %d: %s", row > 0 ? row - 1 : 0,
                          thm_status_text(status));
}

int main(int argc, char **argv)
{
    double begin = thm_seconds();
    thm_message msg = {""};
    spectrum_rows rows = {0};
    bool certified = true;
    request.common.out = NULL;
    start_program(argv);
    start_options(&options, argc, argv);
    thm_isa isa = start_isa(&request.common);

    thm_status status = rows_read(&request, &rows, &msg);
    if (status == THM_OK && request.common.out != NULL) {
        status = thm_dir_make(request.common.out, &msg);
    }
    if (status == THM_OK && request.jacobian != NULL) {
        status = rows_save_jacobian(&rows, &msg);
    }
    if (status == THM_OK) {
        status = do_rows(&rows, isa, &certified, &msg);
    }
    rows_free(&rows);
    if (status == THM_OK && request.common.out != NULL) {
        const thm_run run = {.options = &options,
                             .isa = thm_isa_text(isa),
                             .blas_core = thm_blas_core(),
                             .threads = start_threads(&request.common),
                             .wall_seconds = thm_seconds() - begin};
        status = thm_run_write(request.common.out, &run, &msg);
    }
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(certified ? START_HOLDS : START_UNDECIDED);
}
