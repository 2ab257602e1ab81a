/* The main of every experiment: see experiment.h. */
#include "experiments/experiment.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/json.h"
#include "core/options.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "la/isa.h"
#include "programs/start.h"

enum { MAX_DRAWS = 100000 };

void experiment_quantiles(int n, double *x, double q[3])
{
    gsl_sort(x, 1, (size_t)n);
    q[0] = gsl_stats_quantile_from_sorted_data(x, 1, (size_t)n, 0.1);
    q[1] = gsl_stats_quantile_from_sorted_data(x, 1, (size_t)n, 0.5);
    q[2] = gsl_stats_quantile_from_sorted_data(x, 1, (size_t)n, 0.9);
}

static thm_status write_series(const experiment *e, const thm_common *common,
                               int draws, thm_message *msg)
{
    char *path = NULL;
    thm_tsv *tsv = NULL;
    thm_status status = thm_dir_make(common->out, msg);
    if (status != THM_OK) {
        return status;
    }
    if (asprintf(&path, "%s/%s.tsv", common->out, e->name) < 0) {
        return THM_ENOMEM;
    }
    status = thm_tsv_begin(path, e->n_columns, e->columns, &tsv, msg);
    free(path);
    if (status != THM_OK) {
        return status;
    }
    status = e->write(common->seed, draws, tsv, msg);
    if (status != THM_OK) {
        thm_tsv_abort(tsv);
        return status;
    }
    return thm_tsv_commit(tsv, msg);
}

int experiment_main(int argc, char **argv, const experiment *e)
{
    static thm_common common = THM_COMMON_DEFAULT;
    static const thm_option table[] = {THM_COMMON_SEED(common),
                                       THM_COMMON_EFFORT(common),
                                       THM_COMMON_OUT(common),
                                       {0}};
    const thm_options spec = {
        .program = e->name, .purpose = e->purpose, .table = table};
    thm_message msg = {""};
    start_program(argv);
    start_options(&spec, argc, argv);

    const double start = thm_seconds();
    const double wanted = fmax(common.effort * e->draws, e->min_draws);
    const int draws = (int)fmin(wanted, MAX_DRAWS);
    thm_status status = write_series(e, &common, draws, &msg);
    if (status == THM_OK) {
        const thm_run run = {.options = &spec,
                             .seed = common.seed,
                             .isa = thm_isa_text(thm_isa_detect()),
                             .blas_core = thm_blas_core(),
                             .threads = 1,
                             .wall_seconds = thm_seconds() - start};
        status = thm_run_write(common.out, &run, &msg);
    }
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    json_t *done =
        json_pack("{s:i, s:o}", "draws", draws, "seed",
                  draws > 0 ? thm_json_u64(common.seed) : json_null());
    status = thm_json_write(stdout, done);
    json_decref(done);
    if (status == THM_ENOMEM) {
        return (int)start_fail(status, NULL);
    }
    return start_finish(START_HOLDS);
}
