/* vit-train: trains a small transformer on a task whose first step is hard to
 * find, and says when it was found. */
#include "core/json.h"
#include "core/progress.h"
#include "core/run.h"
#include "la/blas.h"
#include "programs/start.h"
#include "programs/vit_train/ask.h"

static thm_status write_record(const char *dir, const thm_task *task,
                               thm_isa isa, double seconds, thm_message *msg)
{
    const thm_common *common = ask_common();
    json_t *data = thm_task_record(task);
    const thm_run run = {.options = &ask_options,
                         .seed = common->seed,
                         .isa = thm_isa_text(isa),
                         .blas_core = thm_blas_core(),
                         .threads = start_threads(common),
                         .wall_seconds = seconds,
                         .data = data};
    const thm_status status = data ? thm_run_write(dir, &run, msg) : THM_ENOMEM;
    json_decref(data);
    return status;
}

int main(int argc, char **argv)
{
    const double begin = thm_seconds();
    thm_message msg = {""};
    thm_task *task = NULL;
    thm_trainer *trainer = NULL;
    run_history history = {0};
    run_result result = {0};
    start_program(argv);
    start_options(&ask_options, argc, argv);
    run_request request = {0};
    const thm_isa isa = start_isa(ask_common());
    const thm_task_options what = ask_task();
    thm_status status = thm_task_alloc(&what, &task, &msg);
    if (status == THM_OK) {
        request = ask_request(task);
        const thm_trainer_options o =
            ask_trainer(task, start_threads(ask_common()), isa);
        status = thm_trainer_alloc(&o, task, &trainer, &msg);
    }
    if (status == THM_OK) {
        status = run_train(&request, task, trainer, &history, &result, &msg);
    }
    if (status == THM_OK || status == THM_EINTERRUPTED) {
        const thm_status written =
            write_record(request.out, task, isa, thm_seconds() - begin, &msg);
        status = written == THM_OK ? status : written;
    }
    if (status == THM_OK) {
        status = run_print(stdout, task, trainer, &history, &result,
                           start_table(ask_common()));
    }
    run_history_free(&history);
    thm_trainer_free(trainer);
    thm_task_free(task);
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    return start_finish(START_HOLDS);
}
